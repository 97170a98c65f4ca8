/* http_journal - see http_journal.h. */
#include "provider/http_journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/utf8.h"
#include "net/net.h"
#include "provider/call.h"
#include "provider/http_answer.h"
#include "provider/http_request.h"
#include "secret/redact.h"

#define TARGET_SIZE 512
#define PRINT_MAX   ((uint64_t)8 * 1024 * 1024) /* bytes of a file whose digest is worth it */

/* How much of a URL people may read: no query, nothing behind the name of the host where a secret
 * is in it, and nothing at all where it may name a user. */
static size_t shown_length(const char *url, bool secret)
{
	size_t n = strcspn(url, "?#");
	size_t scheme = strcspn(url, ":/?#");
	size_t host = strncmp(url + scheme, "://", 3) == 0 ? scheme + 3 : 0;

	if (secret)
		n = host > 0 ? host + strcspn(url + host, "/?#") : 0;
	return memchr(url + host, '@', n - (n < host ? n : host)) != NULL ? 0 : n;
}

static void write_target(const struct http_request *r, char target[TARGET_SIZE])
{
	size_t n = shown_length(r->url.p, r->url_secret);

	(void)snprintf(target, TARGET_SIZE, "%.*s", (int)(n < TARGET_SIZE ? n : TARGET_SIZE - 1),
		r->url.p);
	(void)redact_text(target, strlen(target), n >= TARGET_SIZE);
}

static bool add_body(struct sha256 *s, const struct net_body *body)
{
	char digest[SHA256_HEX_SIZE];

	if (body->fd < 0) {
		sha256_add(s, body->bytes, (size_t)body->n);
		return true;
	}
	if (body->n > PRINT_MAX || !sha256_of_fd(body->fd, digest, NULL))
		return false;
	sha256_add(s, digest, sizeof(digest));
	return true;
}

/* Its headers are left out: what they are signed with is another each time. */
static void write_print(const struct http_request *r, char print[SHA256_HEX_SIZE])
{
	struct sha256 *s = sha256_begin();
	uint8_t digest[SHA256_BYTES];
	bool ok;

	print[0] = '\0';
	if (s == NULL)
		return;
	sha256_add(s, r->operation, strlen(r->operation) + 1);
	sha256_add(s, r->net.method, strlen(r->net.method) + 1);
	sha256_add(s, r->url.p, r->url.n + 1);
	ok = add_body(s, &r->net.body);
	sha256_end(s, digest);
	if (ok)
		sha256_hex(digest, print);
}

int32_t http_journal_plan(struct call *c, const struct http_request *r, struct mutation *m)
{
	char target[TARGET_SIZE];
	struct mutation_wish wish = {
		.operation = r->operation, .method = r->net.method, .target = target};

	*m = (struct mutation){0};
	if (c->journal == NULL || !r->net.mutates)
		return DAVIT_OK;
	write_target(r, target);
	write_print(r, wish.print);
	return call_journal_plan(c, &wish, m);
}

/* --- its end --- */

static bool is_text(const char *bytes, size_t n)
{
	for (size_t at = 0; at < n;) {
		size_t length = utf8_length(bytes + at, n - at);

		if (length == 0 || bytes[at] == '\0')
			return false;
		at += length;
	}
	return true;
}

/* {"kept", "head"?, "body"?}: a body that is long, comes as a stream, has secrets in it or is no
 * text is not kept. */
static json_t *describe(
	const struct call *c, const struct http_request *r, const struct net_answer *a)
{
	const char *body = NULL;
	size_t n = 0;

	if (strcmp(c->slot_name, "submit") != 0) /* no other slot goes on with what was done */
		return json_pack("{s:b}", "kept", 0);
	if (!net_answer_is_stream(a) && r->keep == NULL)
		body = net_answer_bytes(a, &n);
	if (net_answer_is_stream(a) || r->keep != NULL || n > HTTP_JOURNAL_BODY_MAX ||
		!is_text(body, n))
		return json_pack("{s:b}", "kept", 0);
	return json_pack("{s:b, s:o*, s:s%}", "kept", 1, "head",
		http_answer_headers(net_answer_head(a)), "body", body != NULL ? body : "", n);
}

static enum journal_kind kind_of(const struct net_result *result, int status)
{
	switch (result->end) {
	case NET_ANSWERED:
		switch (ledger_state_of(status)) {
		case LEDGER_DONE:
			return JOURNAL_ANSWERED;
		case LEDGER_REFUSED:
			return result->unclear ? JOURNAL_UNCLEAR : JOURNAL_ANSWERED;
		default:
			return JOURNAL_UNCLEAR;
		}
	case NET_UNCLEAR:
	case NET_LATE:
		return JOURNAL_UNCLEAR;
	case NET_CANCELLED:
		return result->sent || result->unclear ? JOURNAL_UNCLEAR : JOURNAL_UNSENT;
	default:
		return result->unclear ? JOURNAL_UNCLEAR : JOURNAL_UNSENT;
	}
}

static json_t *why_of(const struct fail *why)
{
	char text[sizeof(why->text)];

	(void)snprintf(text, sizeof(text), "%s", why->text);
	(void)redact_text(text, strlen(text), false);
	return json_pack("{s:o}", "why", json_text_any(text, strlen(text)));
}

void http_journal_ended(struct call *c, const struct mutation *m, const struct http_request *r,
	const struct net_result *result, const struct fail *why)
{
	int status = result->end == NET_ANSWERED ? net_answer_status(result->answer) : 0;
	struct mutation_end end = {.kind = kind_of(result, status),
		.status = status,
		.repeats = result->attempts > 1 ? result->attempts - 1 : 0};

	if (m->before != NULL)
		return;
	if (m->k == 0) {
		c->repeats += end.repeats;
		return;
	}
	if (result->end != NET_ANSWERED)
		end.detail = why_of(why);
	else if (end.kind == JOURNAL_ANSWERED)
		end.detail = describe(c, r, result->answer);
	call_journal_ended(c, m, &end);
}

/* --- again --- */

json_t *http_journal_head(const struct mutation *m, davit_buf *ret_body)
{
	const struct ledger_entry *e = m->before;
	json_t *body = json_object_get(e->answer, "body");
	json_t *headers = json_object_get(e->answer, "head");
	json_t *head = json_pack("{s:I, s:o, s:i}", "status", (json_int_t)e->status, "headers",
		headers != NULL ? json_deep_copy(headers) : json_object(), "attempts", 0);

	*ret_body = (davit_buf){json_string_value(body), json_string_length(body)};
	return head;
}
