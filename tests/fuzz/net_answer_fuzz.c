/*
 * Fuzz target: what another machine answers, behind libcurl. The input is the head of an answer,
 * line by line, an empty line, and a body:
 *
 *     HTTP/1.1 302 Found LF
 *     Retry-After: 5 LF
 *     Location: //elsewhere LF
 *     LF
 *     {"access_token": "…"}
 *
 * The head must become JSON that reads back; Retry-After must stay within its limits; where a
 * redirect may go must be what the lists say; a text that became a secret must be gone from the
 * body that the provider sees.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "net/egress.h"
#include "net/head.h"
#include "net/retry.h"
#include "provider/call_secrets.h"
#include "provider/http_answer.h"

#define NOW_MS INT64_C(1795000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool right)
{
	if (!right)
		abort();
}

/* --- the head --- */

/* Returns how many bytes the head has. */
static size_t read_head(struct head *h, const char *text, size_t n)
{
	size_t at = 0;

	while (at < n && !h->complete) {
		const char *end = memchr(text + at, '\n', n - at);
		size_t line = end != NULL ? (size_t)(end - text) + 1 - at : n - at;

		if (!head_line(h, text + at, line))
			return n;
		at += line;
	}
	must(!h->complete || (h->status >= 200 && h->status <= 999));
	return at;
}

static void check_headers(const struct head *h)
{
	json_t *headers = http_answer_headers(h);
	json_t *again;
	struct fail f;
	const char *name;
	json_t *value;
	char *text;
	size_t n;

	must(headers != NULL);
	json_object_foreach(headers, name, value)
	{
		must(json_is_string(value) && head_get(h, name) != NULL);
		for (const char *c = name; *c != '\0'; c++)
			must(*c > ' ' && (*c < 'A' || *c > 'Z'));
	}
	text = json_compact(headers, &n);
	again = text != NULL ? json_parse(text, n, &f) : NULL;
	must(again != NULL && json_equal(headers, again));
	json_decref(again);
	free(text);
	json_decref(headers);
}

static void check_retry(const struct head *h)
{
	const char *value = head_get(h, "retry-after");
	int64_t after = value != NULL ? retry_after_ms(value, NOW_MS) : -1;
	struct retry_attempt a = {.how = retry_class_of_status(h->status, after >= 0),
		.made = 1,
		.repeatable = true,
		.retry_after_ms = after,
		.now_ms = NOW_MS,
		.deadline_ms = NOW_MS + 60000};
	int64_t at;

	must(after >= -1 && after <= RETRY_AFTER_MAX_MS);
	if (retry_next(&a, UINT64_C(0x123456789abcdef), &at))
		must(at >= NOW_MS + (after > 0 ? after : 0) && at < a.deadline_ms);
}

/* --- where a redirect leads --- */

static struct egress_list lists[2]; /* the manifest's, the site's */

static void make_lists(void)
{
	if (lists[0].count > 0)
		return;
	must(egress_list_add(&lists[0], "a.example", NULL));
	must(egress_list_add(&lists[0], "*.b.example", NULL));
	must(egress_list_add(&lists[1], "https://a.example", NULL));
	must(egress_list_add(&lists[1], "http://*.b.example:8080", NULL));
}

static void check_target(const struct egress_target *t)
{
	const struct egress_rules rules = {.manifest = &lists[0], .provider = &lists[1]};
	size_t n = strlen(t->host);
	bool a = strcmp(t->host, "a.example") == 0 && t->tls && t->port == 443;
	bool b =
		n > 10 && strcmp(t->host + n - 10, ".b.example") == 0 && !t->tls && t->port == 8080;
	struct fail f = {0};

	must(n > 0 && t->port != 0);
	must(egress_allows(&rules, t, &f) == (a || b));
	must(a || b || f.text[0] != '\0');
}

static void check_location(const struct head *h)
{
	const char *location = head_get(h, "location");
	struct egress_target t;
	CURLU *u = curl_url();
	char *whole = NULL;

	make_lists();
	if (location != NULL && u != NULL &&
		curl_url_set(u, CURLUPART_URL, "https://a.example/x?y", 0) == CURLUE_OK &&
		curl_url_set(u, CURLUPART_URL, location, CURLU_PATH_AS_IS) == CURLUE_OK &&
		curl_url_get(u, CURLUPART_URL, &whole, 0) == CURLUE_OK &&
		egress_parse(u, whole, &t, NULL))
		check_target(&t);
	curl_free(whole);
	curl_url_cleanup(u);
}

/* --- what is kept --- */

static void check_kept(const json_t *keep, const json_t *kept, const struct call_secrets *secrets,
	const char *shown, size_t n)
{
	json_t *after = json_parse(shown, n, NULL);
	const char *word;
	const json_t *handle;

	json_object_foreach((json_t *)kept, word, handle)
	{
		const char *pointer = json_string_value(json_object_get(keep, word));
		const char *there = json_string_value(json_at(after, pointer));

		must(call_secrets_find(secrets, (davit_secret)json_integer_value(handle)) != NULL);
		must(there != NULL && strcmp(there, "***") == 0);
	}
	json_decref(after);
}

static void check_keep(int status, const char *body, size_t n)
{
	json_t *keep = json_pack("{s:s, s:s, s:s, s:s}", "token", "/access_token", "again",
		"/access_token", "deep", "/a/0/token", "all", "");
	struct call_secrets secrets = {0};
	struct fail f = {0};
	json_t *kept = NULL;
	char *shown = NULL;
	size_t shown_n = 0;

	must(http_answer_keep(&secrets, keep, status, body, n, &kept, &shown, &shown_n, &f));
	check_kept(keep, kept, &secrets, shown, shown_n);
	json_decref(kept);
	json_decref(keep);
	free(shown);
	call_secrets_finish(&secrets);
}

/* Between texts of an answer in any format: what is kept is not shown in its place. */
static void check_spans(int status, const char *body, size_t n)
{
	json_t *keep = json_pack("{s:{s:s, s:s}, s:{s:s, s:s}, s:{s:s, s:s}}", "a", "after",
		"access", "before", "\"", "b", "after", "ess_", "before", "n", "rest", "after", ":",
		"before", "");
	struct call_secrets secrets = {0};
	struct fail f = {0};
	json_t *kept = NULL;
	char *shown = NULL;
	size_t shown_n = 0;

	must(http_answer_keep(&secrets, keep, status, body, n, &kept, &shown, &shown_n, &f));
	if (json_object_size(kept) > 0)
		must(memmem(shown, shown_n, "***", 3) != NULL && shown_n <= n + 9);
	json_decref(kept);
	json_decref(keep);
	free(shown);
	call_secrets_finish(&secrets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct head h;
	size_t at;

	head_init(&h);
	at = read_head(&h, text, size);
	check_headers(&h);
	check_retry(&h);
	check_location(&h);
	check_keep(h.status, text + at, size - at);
	check_spans(h.status, text + at, size - at);
	head_finish(&h);
	return 0;
}
