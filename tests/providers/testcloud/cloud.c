/* cloud - how to talk to the cloud: its token, a request, and what its errors mean. */
#include "testcloud.h"

#include <string.h>

#define TOKEN_KEY  "access"
#define ANSWER_MAX ((size_t)8 * 1024 * 1024)

/* --- small pieces of a request; a value is a text, or a list of parts --- */

static void put_form(struct davit_sdk_writer *w, const char *text)
{
	davit_sdk_open_object(w, NULL);
	davit_sdk_put_text(w, "form", text);
	davit_sdk_close_object(w);
}

static void put_secret(struct davit_sdk_writer *w, davit_secret secret)
{
	davit_sdk_open_object(w, NULL);
	davit_sdk_put_int(w, "secret", (int64_t)secret);
	davit_sdk_close_object(w);
}

static void put_header(struct davit_sdk_writer *w, const char *name, const char *value)
{
	davit_sdk_open_array(w, NULL);
	davit_sdk_put_text(w, NULL, name);
	davit_sdk_put_text(w, NULL, value);
	davit_sdk_close_array(w);
}

/* --- the token --- */

/* grant_type=client_credentials&client_id=…&client_secret=… as a form, and the answer's
 * access_token kept by the host: neither secret is ever here. */
static void write_token_request(struct talk *t, struct davit_sdk_writer *w, davit_secret secret)
{
	const char *client =
		davit_sdk_text_at(t->sdk.request, "/connection/client_id", t->cloud->client_id);

	davit_sdk_write_begin(w, &t->sdk.mem);
	davit_sdk_open_object(w, NULL);
	davit_sdk_put_text(w, "operation", "token");
	davit_sdk_put_text(w, "method", "POST");
	davit_sdk_put_text(
		w, "url", davit_sdk_format(&t->sdk.mem, "%s/oauth/token", t->cloud->endpoint));
	davit_sdk_open_array(w, "headers");
	put_header(w, "Content-Type", "application/x-www-form-urlencoded");
	davit_sdk_close_array(w);
	davit_sdk_open_array(w, "body");
	davit_sdk_put_text(w, NULL, "grant_type=client_credentials&client_id=");
	put_form(w, client);
	davit_sdk_put_text(w, NULL, "&client_secret=");
	davit_sdk_open_object(w, NULL);
	davit_sdk_open_array(w, "form");
	put_secret(w, secret);
	davit_sdk_close_array(w);
	davit_sdk_close_object(w);
	davit_sdk_close_array(w);
	davit_sdk_open_object(w, "keep");
	davit_sdk_put_text(w, "token", "/access_token");
	davit_sdk_close_object(w);
	davit_sdk_close_object(w);
}

/* The token of an answer of the token service, for all calls of this connection. */
static davit_secret keep_token(struct talk *t, const struct davit_sdk_answer *answer)
{
	const davit_host_token_1 *tokens = t->sdk.host->token;
	const struct davit_sdk_json *v = davit_sdk_http_json(&t->sdk, answer, ANSWER_MAX);
	davit_secret token = (davit_secret)davit_sdk_int_at(answer->head, "/kept/token", 0);
	int64_t until = t->sdk.host->core->now_ms(t->sdk.call) +
	                davit_sdk_int_at(v, "/expires_in", 0) * 1000;

	if (t->sdk.code == DAVIT_OK && token == 0)
		davit_sdk_http_fail(&t->sdk, answer, DAVIT_RETRY, NULL, NULL,
			"the token service answered without a token");
	if (t->sdk.code != DAVIT_OK)
		return 0;
	int32_t code = tokens->put(t->sdk.call, davit_sdk_buf(TOKEN_KEY), token, until);
	return davit_sdk_pass(&t->sdk, code) == DAVIT_OK ? token : 0;
}

/* The host lets one call at a time come here for a connection; the others wait for its token. */
static davit_secret fetch_token(struct talk *t)
{
	struct davit_sdk_answer answer;
	struct davit_sdk_writer w;
	davit_secret secret = 0;
	int32_t code =
		t->sdk.host->secret->open(t->sdk.call, davit_sdk_buf("client_secret"), &secret);

	if (davit_sdk_pass(&t->sdk, code) != DAVIT_OK)
		return 0;
	write_token_request(t, &w, secret);
	if (davit_sdk_http(&t->sdk, 0, &w, 0, &answer) != DAVIT_OK)
		return 0;
	code = davit_sdk_http_class_apart(&answer, DAVIT_AUTH); /* RFC 6749 refuses with 400 */
	if (code != DAVIT_OK)
		davit_sdk_http_fail(&t->sdk, &answer, code, NULL, NULL,
			"the token service answers %d: look at client_id and client_secret of the "
			"connection",
			(int)answer.status);
	return code == DAVIT_OK ? keep_token(t, &answer) : 0;
}

/* It is for this call to fetch one. The old one may still live; asked again, the host says it to
 * who fetches, and should that fail, it will do. */
static davit_secret renew_token(struct talk *t)
{
	davit_secret old = 0, token;
	bool lives =
		t->sdk.host->token->get(t->sdk.call, davit_sdk_buf(TOKEN_KEY), &old) == DAVIT_OK;

	token = fetch_token(t);
	if (token != 0 || !lives)
		return token;
	t->sdk.code = DAVIT_OK;
	return old;
}

static davit_secret get_token(struct talk *t)
{
	davit_secret token = 0;

	if (t->sdk.code != DAVIT_OK)
		return 0;
	int32_t code = t->sdk.host->token->get(t->sdk.call, davit_sdk_buf(TOKEN_KEY), &token);
	if (code == DAVIT_NOT_FOUND)
		return renew_token(t);
	return davit_sdk_pass(&t->sdk, code) == DAVIT_OK ? token : 0;
}

/* --- a request --- */

static void put_url(struct talk *t, struct davit_sdk_writer *w, const struct ask *ask)
{
	davit_sdk_open_array(w, "url");
	davit_sdk_put_text(w, NULL,
		davit_sdk_format(&t->sdk.mem, "%s/v1/%s%s", t->cloud->endpoint, ask->collection,
			ask->id != NULL ? "/" : ""));
	if (ask->id != NULL)
		put_form(w, ask->id); /* whatever a user writes: it cannot lead elsewhere */
	if (ask->verb != NULL)
		davit_sdk_put_text(w, NULL, ask->verb);
	if (ask->query != NULL)
		davit_sdk_put_text(w, NULL, ask->query);
	if (ask->value != NULL)
		put_form(w, ask->value);
	davit_sdk_close_array(w);
}

static void put_headers(struct davit_sdk_writer *w, const struct ask *ask, davit_secret token)
{
	davit_sdk_open_array(w, "headers");
	davit_sdk_open_array(w, NULL);
	davit_sdk_put_text(w, NULL, "Authorization");
	davit_sdk_open_array(w, NULL);
	davit_sdk_put_text(w, NULL, "Bearer ");
	put_secret(w, token);
	davit_sdk_close_array(w);
	davit_sdk_close_array(w);
	if (ask->token != NULL)
		put_header(w, "Idempotency-Token", ask->token);
	if (ask->json != NULL || ask->bytes != 0)
		put_header(w, "Content-Type", "application/json");
	davit_sdk_close_array(w);
}

static void write_request(
	struct talk *t, struct davit_sdk_writer *w, const struct ask *ask, davit_secret token)
{
	davit_sdk_write_begin(w, &t->sdk.mem);
	davit_sdk_open_object(w, NULL);
	davit_sdk_put_text(w, "operation", ask->operation);
	davit_sdk_put_text(w, "method", ask->method);
	put_url(t, w, ask);
	put_headers(w, ask, token);
	if (ask->json != NULL)
		davit_sdk_put_bytes(w, "body", davit_sdk_write_end(ask->json));
	if (ask->stream)
		davit_sdk_put_bool(w, "stream", true);
	davit_sdk_close_object(w);
}

int32_t cloud_send(struct talk *t, const struct ask *ask, struct davit_sdk_answer *ret_answer)
{
	struct davit_sdk_writer w;

	for (int turn = 1; turn <= 2; turn++) {
		davit_secret token = get_token(t);

		if (t->sdk.code != DAVIT_OK)
			break;
		write_request(t, &w, ask, token);
		(void)davit_sdk_http(&t->sdk, ask->flags, &w, ask->bytes, ret_answer);
		if (t->sdk.code != DAVIT_OK || ret_answer->status != 401)
			break;
		/* It was revoked, or ended sooner than it said. What is refused did nothing. */
		(void)t->sdk.host->token->drop(t->sdk.call, davit_sdk_buf(TOKEN_KEY), token);
	}
	return t->sdk.code;
}

/* --- what its errors mean --- */

/* Words that say more than their status does. A list that cannot be had tells of no object; and
 * that there is none counts in this cloud's words only, not in those of something before it. */
static int32_t class_of(
	const struct ask *ask, const struct davit_sdk_answer *answer, const char *word)
{
	static const struct {
		const char *word;
		int32_t code;
	} words[] = {
		{"QUOTA_EXCEEDED", DAVIT_QUOTA},
		{"FAILED_PRECONDITION", DAVIT_CONFLICT},
		{"UNIMPLEMENTED", DAVIT_UNSUPPORTED},
	};
	int32_t code;

	for (size_t i = 0; i < COUNT(words); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].code;
	code = davit_sdk_http_class(answer);
	if ((ask->id == NULL && ask->flags == 0) ||
		(code == DAVIT_NOT_FOUND && strcmp(word, "NOT_FOUND") != 0))
		code = davit_sdk_http_class_apart(answer, DAVIT_RETRY);
	return code;
}

int32_t cloud_refuse(struct talk *t, const struct ask *ask, const struct davit_sdk_answer *answer)
{
	const struct davit_sdk_json *v = davit_sdk_http_json(&t->sdk, answer, ANSWER_MAX);
	const char *word = davit_sdk_text_at(v, "/error/status", "");
	const char *why = davit_sdk_text_at(v, "/error/message", "");

	return davit_sdk_http_fail(&t->sdk, answer, class_of(ask, answer, word), word,
		davit_sdk_text_at(v, "/error/requestId", NULL),
		"%s of %s%s%s: the cloud answers %d%s%s", ask->operation, ask->collection,
		ask->id != NULL ? "/" : "", ask->id != NULL ? ask->id : "", (int)answer->status,
		why[0] != '\0' ? ": " : "", why);
}

const struct davit_sdk_json *cloud_ask(struct talk *t, const struct ask *ask, int64_t *ret_status)
{
	struct davit_sdk_answer answer;

	if (cloud_send(t, ask, &answer) != DAVIT_OK)
		return NULL;
	if (davit_sdk_http_class(&answer) != DAVIT_OK && answer.status != ask->also) {
		(void)cloud_refuse(t, ask, &answer);
		return NULL;
	}
	const struct davit_sdk_json *v = davit_sdk_http_json(&t->sdk, &answer, ANSWER_MAX);
	t->sdk.host->blob->close(t->sdk.call, answer.body); /* a long list has more than 64 */
	if (ret_status != NULL)
		*ret_status = answer.status;
	if (v == NULL) /* a proxy's page, say: nobody knows what became of a change */
		davit_sdk_http_fail(&t->sdk, &answer,
			(ask->flags & DAVIT_HTTP_MUTATES) != 0 ? DAVIT_DEADLINE : DAVIT_RETRY, NULL,
			NULL, "%s of %s: the cloud's answer is no JSON", ask->operation,
			ask->collection);
	return v;
}
