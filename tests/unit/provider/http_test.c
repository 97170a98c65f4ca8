/* Requests to other machines, as a provider makes them. */
#include <davit/provider.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fail.h"
#include "net/net.h"
#include "provider/http_answer.h"
#include "provider/http_value.h"
#include "provider/internal.h"
#include "provider/services.h"
#include "unit/cmocka.h"
#include "unit/net/server.h"
#include "unit/provider/kit.h"

#define OP(name)                                                                                   \
	static int32_t DAVIT_CALL name(davit_instance inst, davit_call call, davit_buf request)

static struct server *server;
static struct net *net;
static char origin[64];
static int broken_line;

static bool holds(int line, bool ok)
{
	if (!ok && broken_line == 0)
		broken_line = line;
	return ok;
}

#define HOLDS(condition) holds(__LINE__, (condition))

/* --- the place --- */

static const struct net_options options = {
	.agent = "davit-test",
	.connect_timeout_ms = 5000,
	.request_timeout_ms = 30000,
	.max_connections = 100,
	.max_connections_per_host = 100,
	.max_streams = 100,
	.max_lookups = 64,
	.idle_seconds = 60,
	.max_answer_bytes = 1 << 20,
	.http2 = true,
};

static int set_up(void **state)
{
	struct kit *k = calloc(1, sizeof(*k));
	struct fail f = {0};

	if (k == NULL)
		return -1;
	kit_open(k, false);
	server = server_start();
	net = net_open(&options, &f);
	snprintf(origin, sizeof(origin), "http://127.0.0.1:%d", server_port(server));
	k->ps->host.net = net;
	if (net == NULL || !egress_list_add(&k->p->net.manifest, "127.0.0.1", &f) ||
		!egress_list_add(&k->p->net.provider, origin, &f) ||
		!egress_networks_add(&k->p->net.networks, "127.0.0.0/8", &f))
		return -1;
	*state = k;
	return 0;
}

static int tear_down(void **state)
{
	kit_close(*state);
	(void)net_close(net);
	server_stop(server);
	free(*state);
	return 0;
}

static void run(struct kit *k, davit_op op, int32_t code, const char *text)
{
	struct kit_call c;

	broken_line = 0;
	kit_run(k, &c, op);
	if (c.result.code != code || broken_line != 0)
		fail_msg("line %d: code %d: %s", broken_line, c.result.code, c.result.fail.text);
	if (text != NULL && strstr(c.result.fail.text, text) == NULL)
		fail_msg("'%s' is not in '%s'", text, c.result.fail.text);
	kit_call_finish(&c);
}

static int32_t finish(struct kit *k, davit_call call, bool ok)
{
	return ok ? k->core->reply_state(call, 1, 0, kit_buf("{}")) : DAVIT_PERMANENT;
}

/* --- a request in a slot --- */

struct ask {
	int32_t code;
	json_t *head;
	davit_blob body;
	char text[4096];
	size_t n;
};

static void read_body(struct kit *k, davit_call call, struct ask *a)
{
	size_t n = 0;

	while (a->n < sizeof(a->text) - 1 &&
		k->blob->read(call, a->body, a->n, a->text + a->n, sizeof(a->text) - 1 - a->n,
			&n) == DAVIT_OK &&
		n > 0)
		a->n += n;
	a->text[a->n] = '\0';
}

/* Every @ of a request stands for the server. */
static void aim(const char *request, char *text, size_t size)
{
	size_t n = 0;

	for (; *request != '\0' && n + sizeof(origin) < size; request++) {
		if (*request == '@')
			n += (size_t)snprintf(text + n, size - n, "%s", origin);
		else
			text[n++] = *request;
	}
	text[n] = '\0';
}

/* Takes the body of the answer in. */
static struct ask ask(struct kit *k, davit_call call, uint32_t flags, const char *request)
{
	struct ask a = {0};
	char text[2048];
	davit_buf head = {0};

	(void)k;
	aim(request, text, sizeof(text));
	a.code = service_http.perform(call, flags, kit_buf(text), 0, &head, &a.body);
	if (a.code != DAVIT_OK)
		return a;
	a.head = json_loadb(head.p, head.n, 0, NULL);
	read_body(k, call, &a);
	return a;
}

static bool has(const struct ask *a, const char *part)
{
	return strstr(a->text, part) != NULL;
}

static bool head_is(const struct ask *a, const char *member, int value)
{
	return json_integer_value(json_object_get(a->head, member)) == value;
}

static const char *header(const struct ask *a, const char *name)
{
	const char *value =
		json_string_value(json_object_get(json_object_get(a->head, "headers"), name));

	return value != NULL ? value : "";
}

/* --- what comes back --- */

OP(op_get)
{
	struct kit *k = kit_of(inst);
	struct ask a = ask(
		k, call, 0, "{\"operation\":\"get\",\"method\":\"GET\",\"url\":\"@/echo?x=%20\"}");
	uint64_t length = 0;
	char bytes[4];
	size_t n = 0;
	bool ok;

	(void)request;
	ok = HOLDS(a.code == DAVIT_OK) && HOLDS(head_is(&a, "status", 200)) &&
	     HOLDS(head_is(&a, "attempts", 1)) && HOLDS(has(&a, "GET /echo?x=%20 HTTP/1.1")) &&
	     HOLDS(strcmp(header(&a, "x-twice"), "one, two") == 0) &&
	     HOLDS(k->blob->length(call, a.body, &length) == DAVIT_OK) && HOLDS(length == a.n) &&
	     HOLDS(k->blob->read(call, a.body, 1, bytes, 2, &n) == DAVIT_OK) && HOLDS(n == 2) &&
	     HOLDS(memcmp(bytes, "ET", 2) == 0);
	json_decref(a.head);
	return finish(k, call, ok);
}

static void an_answer_is_a_head_and_a_blob(void **state)
{
	run(*state, op_get, DAVIT_OK, NULL);
}

OP(op_statuses)
{
	struct kit *k = kit_of(inst);
	struct ask a = ask(
		k, call, 0, "{\"operation\":\"get\",\"method\":\"GET\",\"url\":\"@/status/404\"}");
	struct ask b = ask(k, call, DAVIT_HTTP_MUTATES,
		"{\"operation\":\"get\",\"method\":\"POST\",\"url\":\"@/status/503\"}");
	bool ok = HOLDS(head_is(&a, "status", 404)) && HOLDS(head_is(&b, "status", 503)) &&
	          HOLDS(head_is(&b, "attempts", 1));

	(void)request;
	json_decref(a.head);
	json_decref(b.head);
	return finish(k, call, ok);
}

static void any_status_is_an_answer(void **state)
{
	run(*state, op_statuses, DAVIT_OK, NULL);
}

/* --- values --- */

OP(op_secrets)
{
	struct kit *k = kit_of(inst);
	davit_secret key = 0;
	char text[1024];
	davit_buf head = {0};
	struct ask a = {0};
	bool ok;

	(void)request;
	ok = HOLDS(service_secret.mint(call, kit_buf("a\"b c/\xc3\xa4"), &key) == DAVIT_OK);
	snprintf(text, sizeof(text),
		"{\"operation\":\"send\",\"method\":\"POST\","
		"\"url\":[\"%s/echo?k=\",{\"form\":[{\"secret\":%llu}]}],"
		"\"headers\":[[\"Authorization\",[\"Basic \",{\"base64\":[\"u:\",{\"secret\":%llu}]}]],"
		"[\"Content-Type\",\"application/json\"]],"
		"\"body\":[\"{\\\"password\\\":\",{\"json\":[{\"secret\":%llu}]},\"}\"]}",
		origin, (unsigned long long)key, (unsigned long long)key, (unsigned long long)key);
	a.code = service_http.perform(call, 0, kit_buf(text), 0, &head, &a.body);
	ok = ok && HOLDS(a.code == DAVIT_OK);
	if (ok)
		read_body(k, call, &a);
	ok = ok && HOLDS(has(&a, "POST /echo?k=a%22b%20c%2F%C3%A4 HTTP")) &&
	     HOLDS(has(&a, "Authorization: Basic dTphImIgYy/DpA==\r\n")) &&
	     HOLDS(has(&a, "\r\n\r\n{\"password\":\"a\\\"b c/\xc3\xa4\"}"));
	return finish(k, call, ok);
}

static void secrets_leave_in_every_place_and_writing(void **state)
{
	run(*state, op_secrets, DAVIT_OK, NULL);
}

OP(op_keep)
{
	struct kit *k = kit_of(inst);
	struct ask a = ask(k, call, 0,
		"{\"operation\":\"token\",\"method\":\"POST\",\"url\":\"@/json\","
		"\"body\":\"{\\\"access_token\\\":\\\"s3cret\\\",\\\"expires_in\\\":60}\","
		"\"keep\":{\"token\":\"/access_token\",\"other\":\"/none\"}}");
	davit_secret key = (davit_secret)json_integer_value(
		json_object_get(json_object_get(a.head, "kept"), "token"));
	davit_buf digest = {0};
	bool ok;

	(void)request;
	ok = HOLDS(a.code == DAVIT_OK) &&
	     HOLDS(strcmp(a.text, "{\"access_token\":\"***\",\"expires_in\":60}") == 0) &&
	     HOLDS(json_object_size(json_object_get(a.head, "kept")) == 1) &&
	     HOLDS(service_secret.hmac(call, key, kit_buf("sha256"), kit_buf("x"), &digest) ==
		     DAVIT_OK) &&
	     HOLDS(digest.n == 32);
	json_decref(a.head);
	return finish(k, call, ok);
}

static void a_token_of_an_answer_becomes_a_secret(void **state)
{
	run(*state, op_keep, DAVIT_OK, NULL);
}

/* --- bodies --- */

OP(op_blob_body)
{
	struct kit *k = kit_of(inst);
	davit_blob blob = 0;
	davit_buf head = {0};
	struct ask a = {0};
	char text[256];
	bool ok;

	(void)request;
	snprintf(text, sizeof(text),
		"{\"operation\":\"put\",\"method\":\"PUT\",\"url\":\"%s/echo\"}", origin);
	ok = HOLDS(k->blob->create(call, &blob) == DAVIT_OK) &&
	     HOLDS(k->blob->write(call, blob, kit_buf("of a blob")) == DAVIT_OK);
	a.code = service_http.perform(call, 0, kit_buf(text), blob, &head, &a.body);
	ok = ok && HOLDS(a.code == DAVIT_OK);
	if (ok)
		read_body(k, call, &a);
	ok = ok && HOLDS(has(&a, "PUT /echo")) && HOLDS(has(&a, "\r\n\r\nof a blob"));
	/* and the answer is a body in its turn */
	ok = ok &&
	     HOLDS(service_http.perform(call, 0, kit_buf(text), a.body, &head, &blob) == DAVIT_OK);
	a.body = blob;
	a.n = 0;
	if (ok)
		read_body(k, call, &a);
	return finish(k, call, ok && HOLDS(has(&a, "\r\n\r\nPUT /echo")));
}

static void a_blob_is_sent_and_an_answer_is_a_blob(void **state)
{
	run(*state, op_blob_body, DAVIT_OK, NULL);
}

OP(op_stream)
{
	struct kit *k = kit_of(inst);
	davit_buf head = {0};
	davit_blob body = 0;
	char text[256], bytes[64];
	uint64_t length;
	size_t n = 0;
	bool ok;

	(void)request;
	snprintf(text, sizeof(text),
		"{\"operation\":\"s\",\"method\":\"GET\",\"url\":\"%s/stream\",\"stream\":true}",
		origin);
	ok = HOLDS(service_http.perform(call, 0, kit_buf(text), 0, &head, &body) == DAVIT_OK) &&
	     HOLDS(k->blob->length(call, body, &length) == DAVIT_UNSUPPORTED);
	server_say(server, "one");
	ok = ok && HOLDS(k->blob->read(call, body, 0, bytes, 64, &n) == DAVIT_OK) && HOLDS(n == 3);
	server_say(server, "two!");
	ok = ok && HOLDS(k->blob->read(call, body, 0, bytes, 64, &n) == DAVIT_INVALID) &&
	     HOLDS(k->blob->read(call, body, 3, bytes, 64, &n) == DAVIT_OK) && HOLDS(n == 4);
	/* It is left open: the end of the call closes it. */
	return finish(k, call, ok);
}

static void a_stream_is_read_while_it_comes(void **state)
{
	run(*state, op_stream, DAVIT_OK, NULL);
}

OP(op_stream_as_body)
{
	davit_buf head = {0};
	davit_blob body = 0, answer = 0;
	char text[256];

	(void)inst;
	(void)request;
	snprintf(text, sizeof(text),
		"{\"operation\":\"s\",\"method\":\"GET\",\"url\":\"%s/stream\",\"stream\":true}",
		origin);
	(void)HOLDS(service_http.perform(call, 0, kit_buf(text), 0, &head, &body) == DAVIT_OK);
	snprintf(text, sizeof(text),
		"{\"operation\":\"e\",\"method\":\"POST\",\"url\":\"%s/echo\"}", origin);
	return service_http.perform(call, 0, kit_buf(text), body, &head, &answer);
}

/* Its length is not known, and it cannot be sent a second time. */
static void a_stream_is_no_body_of_another_request(void **state)
{
	run(*state, op_stream_as_body, DAVIT_INVALID, "cannot be read from its start");
	assert_int_equal(server_count(server, "/echo"), 0);
}

OP(op_redirected_with_a_text)
{
	struct kit *k = kit_of(inst);
	davit_secret s = 0;
	struct ask a;
	bool ok;

	(void)request;
	ok = HOLDS(service_secret.mint(call, kit_buf("known to the host"), &s) == DAVIT_OK);
	a = ask(k, call, 0,
		"{\"operation\":\"r\",\"method\":\"GET\",\"url\":\"@/status/302?to=/echo\","
		"\"follow\":1,\"headers\":[[\"User-Agent\",\"v known to the host\"]]}");
	ok = ok && HOLDS(a.code == DAVIT_OK) && HOLDS(head_is(&a, "status", 302));
	json_decref(a.head);
	a = ask(k, call, 0,
		"{\"operation\":\"r\",\"method\":\"POST\",\"url\":\"@/status/307?to=/echo\","
		"\"follow\":1,\"body\":\"key=known to the host\"}");
	ok = ok && HOLDS(a.code == DAVIT_OK) && HOLDS(head_is(&a, "status", 307));
	json_decref(a.head);
	a = ask(k, call, 0,
		"{\"operation\":\"r\",\"method\":\"POST\",\"url\":\"@/status/307?to=/echo\","
		"\"follow\":1,\"body\":\"key=known to nobody\"}");
	ok = ok && HOLDS(a.code == DAVIT_OK) && HOLDS(head_is(&a, "status", 200));
	json_decref(a.head);
	return finish(k, call, ok);
}

/* By handle it never does. */
static void a_secret_that_comes_as_text_follows_no_redirect(void **state)
{
	run(*state, op_redirected_with_a_text, DAVIT_OK, NULL);
}

OP(op_to_a_host_that_is_secret)
{
	struct kit *k = kit_of(inst);
	davit_secret s = 0;
	davit_buf head = {0};
	char text[256];
	bool ok;

	(void)request;
	ok = HOLDS(service_secret.mint(call, kit_buf("HostOfMine"), &s) == DAVIT_OK);
	snprintf(text, sizeof(text),
		"{\"operation\":\"r\",\"method\":\"GET\",\"url\":[\"https://\",{\"secret\":%llu},"
		"\".example/\"]}",
		(unsigned long long)s);
	ok = ok &&
	     HOLDS(service_http.perform(call, 0, kit_buf(text), 0, &head, NULL) == DAVIT_PERMANENT);
	return ok ? DAVIT_PERMANENT : finish(k, call, ok);
}

/* It is not the text that is known: a host is written in lower case. */
static void a_host_that_is_secret_is_named_in_no_text(void **state)
{
	run(*state, op_to_a_host_that_is_secret, DAVIT_PERMANENT,
		"requests to a host that a secret names are not allowed");
}

/* --- several --- */

OP(op_many)
{
	struct kit *k = kit_of(inst);
	davit_buf answers = {0};
	char text[1024];
	json_t *list;
	bool ok;

	(void)request;
	snprintf(text, sizeof(text),
		"[{\"operation\":\"a\",\"method\":\"GET\",\"url\":\"%s/status/201\"},"
		"{\"operation\":\"b\",\"method\":\"GET\",\"url\":\"%s/eof\",\"attempts\":1},"
		"{\"operation\":\"c\",\"method\":\"GET\",\"url\":\"https://elsewhere.example/\"},"
		"{\"operation\":\"d\",\"method\":\"POST\",\"url\":\"%s/json\",\"body\":\"[1]\"}]",
		origin, origin, origin);
	ok = HOLDS(service_http.perform_many(call, 0, kit_buf(text), &answers) == DAVIT_OK);
	list = ok ? json_loadb(answers.p, answers.n, 0, NULL) : NULL;
	ok = ok && HOLDS(json_array_size(list) == 4) &&
	     HOLDS(json_integer_value(json_object_get(json_array_get(list, 0), "status")) == 201) &&
	     HOLDS(json_integer_value(json_object_get(json_array_get(list, 1), "code")) ==
		     DAVIT_RETRY) &&
	     HOLDS(json_string_length(json_object_get(json_array_get(list, 1), "error")) > 0) &&
	     HOLDS(json_integer_value(json_object_get(json_array_get(list, 2), "code")) ==
		     DAVIT_PERMANENT) &&
	     HOLDS(strcmp(json_string_value(json_object_get(json_array_get(list, 3), "body")),
			   "[1]") == 0);
	json_decref(list);
	return finish(k, call, ok);
}

static void several_requests_have_an_answer_each(void **state)
{
	run(*state, op_many, DAVIT_OK, NULL);
}

/* The sentence of one that failed would name its host, which a secret is part of. */
OP(op_many_with_a_secret)
{
	struct kit *k = kit_of(inst);
	davit_buf answers = {0};
	davit_secret s = 0;
	char text[256];
	bool ok;

	(void)request;
	ok = HOLDS(service_secret.mint(call, kit_buf("hidden-in-a-host"), &s) == DAVIT_OK);
	snprintf(text, sizeof(text),
		"[{\"operation\":\"a\",\"method\":\"GET\",\"url\":"
		"[\"https://\",{\"secret\":%llu},\".example/\"]}]",
		(unsigned long long)s);
	ok = ok && HOLDS(service_http.perform_many(call, 0, kit_buf(text), &answers) == DAVIT_OK);
	ok = ok && HOLDS(memmem(answers.p, answers.n, "a secret names", 14) != NULL) &&
	     HOLDS(memmem(answers.p, answers.n, "hidden-in", 9) == NULL);
	return finish(k, call, ok);
}

static void what_several_requests_failed_with_shows_no_secret(void **state)
{
	run(*state, op_many_with_a_secret, DAVIT_OK, NULL);
}

/* --- what does not work --- */

static const char *wrong_request;
static uint32_t wrong_flags;

OP(op_wrong)
{
	struct kit *k = kit_of(inst);

	(void)request;
	return ask(k, call, wrong_flags, wrong_request).code;
}

static void a_wrong_request_is_refused_by_its_member(void **state)
{
	static const struct {
		const char *request, *text;
	} cases[] = {
		{"[]", "must be a JSON object"},
		{"{", "no JSON"},
		{"{\"method\":\"GET\",\"url\":\"@/\"}", "missing"},
		{"{\"operation\":\"a\",\"url\":\"@/\"}", "missing"},
		{"{\"operation\":\"a\",\"method\":\"GET\"}", "missing"},
		{"{\"operation\":\"a\",\"method\":\"get\",\"url\":\"@/\"}", "GET, HEAD"},
		{"{\"operation\":\"a\",\"method\":\"CONNECT\",\"url\":\"@/\"}", "GET, HEAD"},
		{"{\"operation\":\"a\",\"method\":\"GET\",\"url\":\"@/ x\"}", "%XX"},
		{"{\"operation\":\"a\",\"method\":\"GET\",\"url\":[\"@/\",{\"secret\":7}]}",
			"no such secret"},
		{"{\"operation\":\"a\",\"method\":\"GET\",\"url\":[\"@/\",{\"hex\":[]}]}", "part"},
		{"{\"operation\":\"a\",\"method\":\"GET\",\"url\":\"@/\",\"headers\":{}}", "list"},
		{"{\"operation\":\"a\",\"method\":\"GET\",\"url\":\"@/\",\"headers\":[[\"a\"]]}",
			"[name, value]"},
		{"{\"operation\":\"a\",\"method\":\"GET\",\"url\":\"@/\","
		 "\"headers\":[[\"a b\",\"c\"]]}",
			"[name, value]"},
		{"{\"operation\":\"a\",\"method\":\"GET\",\"url\":\"@/\","
		 "\"headers\":[[\"a\",\"b\\r\\nc: d\"]]}",
			"ends a line"},
		{"{\"operation\":\"a\",\"method\":\"GET\",\"url\":\"@/\","
		 "\"headers\":[[\"hOST\",\"b\"]]}",
			"the host's to say"},
		{"{\"operation\":\"a\",\"method\":\"GET\",\"url\":\"@/\",\"timeout_ms\":0}",
			"from 1"},
		{"{\"operation\":\"a\",\"method\":\"GET\",\"url\":\"@/\",\"follow\":6}", "to 5"},
		{"{\"operation\":\"a\",\"method\":\"GET\",\"url\":\"@/\",\"atempts\":1}",
			"no member"},
		{"{\"operation\":\"a\",\"method\":\"GET\",\"url\":\"@/\",\"keep\":{\"a\":1}}",
			"pointers"},
		{"{\"operation\":\"a\",\"method\":\"GET\",\"url\":\"@/\",\"keep\":{\"a\":\"\"},"
		 "\"stream\":true}",
			"no stream"},
		{"{\"operation\":\"a\",\"method\":\"HEAD\",\"url\":\"@/\",\"body\":\"b\"}",
			"cannot be sent with HEAD"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		wrong_request = cases[i].request;
		run(*state, op_wrong, DAVIT_INVALID, cases[i].text);
	}
	assert_int_equal(server_count(server, "/"), 0);
}

static void the_code_says_whether_it_may_have_arrived(void **state)
{
	static const struct {
		const char *request;
		int32_t code;
		uint32_t flags;
	} cases[] = {
		{"{\"operation\":\"a\",\"method\":\"POST\",\"url\":\"@/reset\",\"attempts\":1}",
			DAVIT_INTERNAL, DAVIT_HTTP_MUTATES},
		{"{\"operation\":\"a\",\"method\":\"POST\",\"url\":\"@/reset\",\"attempts\":1}",
			DAVIT_RETRY, 0},
		{"{\"operation\":\"a\",\"method\":\"GET\",\"url\":\"@/hold\",\"timeout_ms\":50,"
		 "\"attempts\":1}",
			DAVIT_DEADLINE, 0},
		{"{\"operation\":\"a\",\"method\":\"GET\",\"url\":\"https://elsewhere.example/\"}"
		 "",
			DAVIT_PERMANENT, 0},
		{"{\"operation\":\"a\",\"method\":\"GET\",\"url\":\"ftp://elsewhere.example/\"}"
		 "",
			DAVIT_INVALID, 0},
		{"{\"operation\":\"a\",\"method\":\"GET\",\"url\":\"@/big/2000000\"}", DAVIT_RETRY,
			0},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		wrong_request = cases[i].request;
		wrong_flags = cases[i].flags;
		run(*state, op_wrong, cases[i].code, NULL);
	}
	wrong_flags = 0;
}

OP(op_refused_then_answered)
{
	struct kit *k = kit_of(inst);
	struct ask a = ask(k, call, 0,
		"{\"operation\":\"a\",\"method\":\"GET\",\"url\":\"https://elsewhere.example/\"}");
	struct ask b =
		ask(k, call, 0, "{\"operation\":\"a\",\"method\":\"GET\",\"url\":\"@/echo\"}");

	(void)request;
	json_decref(b.head);
	if (!HOLDS(a.code == DAVIT_PERMANENT) || !HOLDS(b.code == DAVIT_OK))
		return DAVIT_INTERNAL;
	return (k->core->fail)(call, DAVIT_CONFLICT, kit_buf("it is there already"), kit_buf(""));
}

static void the_reason_is_the_hosts_until_a_request_is_answered(void **state)
{
	wrong_request = "{\"operation\":\"a\",\"method\":\"GET\","
			"\"url\":\"https://elsewhere.example/\"}";
	run(*state, op_wrong, DAVIT_PERMANENT, "elsewhere.example");
	run(*state, op_refused_then_answered, DAVIT_CONFLICT, "it is there already");
}

OP(op_hold)
{
	struct kit *k = kit_of(inst);

	(void)request;
	return ask(k, call, 0, "{\"operation\":\"a\",\"method\":\"GET\",\"url\":\"@/hold\"}").code;
}

static void a_call_that_is_cancelled_ends_while_it_waits(void **state)
{
	struct kit *k = *state;
	struct kit_call c;

	k->training.poll = op_hold;
	kit_start(k, &c, kit_spec(k, DAVIT_TRAINING, "poll"));
	assert_true(server_await(server, "/hold", 1));
	call_cancel(k->ps, c.handle);
	kit_await(&c);
	assert_int_equal(c.result.code, DAVIT_CANCELLED);
	kit_call_finish(&c);
}

static void a_call_whose_time_is_over_ends_while_it_waits(void **state)
{
	struct kit *k = *state;
	struct call_spec spec = kit_spec(k, DAVIT_TRAINING, "poll");
	struct kit_call c;

	k->training.poll = op_hold;
	spec.timeout_ms = 200;
	kit_start(k, &c, spec);
	kit_await(&c);
	assert_int_equal(c.result.code, DAVIT_DEADLINE);
	kit_call_finish(&c);
}

/* --- the connection --- */

OP(op_of_connection)
{
	struct kit *k = kit_of(inst);
	struct ask a =
		ask(k, call, 0, "{\"operation\":\"get\",\"method\":\"GET\",\"url\":\"@/echo\"}");

	(void)request;
	json_decref(a.head);
	return a.code == DAVIT_OK ? finish(k, call, true) : a.code;
}

static void a_host_of_the_connection_is_allowed_where_the_manifest_says_so(void **state)
{
	struct kit *k = *state;
	struct call_spec spec = kit_spec(k, DAVIT_TRAINING, "poll");
	struct kit_call c;

	egress_list_finish(&k->p->net.manifest);
	run(k, op_of_connection, DAVIT_PERMANENT, "127.0.0.1");
	json_object_set_new(k->p->manifest, "egress", json_pack("[s]", "connection:/endpoint"));
	run(k, op_of_connection, DAVIT_PERMANENT, "127.0.0.1");
	spec.request = json_pack("{s:{s:s}}", "connection", "endpoint", origin);
	kit_start(k, &c, spec);
	kit_await(&c);
	assert_int_equal(c.result.code, DAVIT_OK);
	kit_call_finish(&c);
}

/* --- what is kept, alone --- */

static void what_cannot_be_read_is_not_shown_as_success(void **state)
{
	struct call_secrets secrets = {0};
	json_t *keep = json_pack("{s:s}", "t", "/t"), *kept = NULL;
	struct fail f = {0};
	char *shown = NULL;
	size_t n = 9;

	(void)state;
	assert_true(http_answer_keep(&secrets, keep, 200, "{\"t\":\"s", 7, &kept, &shown, &n, &f));
	assert_int_equal(n, 0);
	assert_int_equal(json_object_size(kept), 0);
	json_decref(kept);
	free(shown);
	assert_true(http_answer_keep(&secrets, keep, 500, "<html>", 6, &kept, &shown, &n, &f));
	assert_int_equal(n, 6);
	json_decref(kept);
	free(shown);
	json_decref(keep);
	call_secrets_finish(&secrets);
}

static void one_text_may_have_two_words(void **state)
{
	struct call_secrets secrets = {0};
	json_t *keep = json_pack("{s:s, s:s, s:s}", "a", "/t", "b", "/t", "c", "/n"), *kept = NULL;
	struct fail f = {0};
	char *shown = NULL;
	size_t n = 0;
	davit_secret a;

	(void)state;
	assert_true(http_answer_keep(
		&secrets, keep, 200, "{\"t\":\"word\",\"n\":1}", 18, &kept, &shown, &n, &f));
	assert_string_equal(shown, "{\"t\":\"***\",\"n\":1}");
	a = (davit_secret)json_integer_value(json_object_get(kept, "a"));
	assert_int_equal(a, json_integer_value(json_object_get(kept, "b")));
	assert_null(json_object_get(kept, "c"));
	assert_string_equal(call_secrets_find(&secrets, a)->p, "word");
	json_decref(kept);
	json_decref(keep);
	free(shown);
	call_secrets_finish(&secrets);
}

#define SPANS                                                                                      \
	"{\"key\":{\"after\":\"<Key>\",\"before\":\"</Key>\"},"                                    \
	"\"same\":{\"after\":\"<Key>\",\"before\":\"<\"},"                                         \
	"\"end\":{\"after\":\"</Key>\",\"before\":\"\"}}"

/* keep of an answer: what is shown, and what the words keep, "word=text;"… */
static void expect_spans(
	const char *keep, int status, const char *body, const char *shown_as, const char *kept_as)
{
	struct call_secrets secrets = {0};
	json_t *marks = json_loads(keep, 0, NULL), *kept = NULL;
	struct fail f = {0};
	char *shown = NULL, texts[256] = "";
	const char *word;
	json_t *handle;
	size_t n = 0;

	assert_true(http_answer_keep(
		&secrets, marks, status, body, strlen(body), &kept, &shown, &n, &f));
	assert_int_equal(n, strlen(shown_as));
	assert_memory_equal(shown, shown_as, n);
	json_object_foreach(kept, word, handle)
	{
		const struct call_secret *s =
			call_secrets_find(&secrets, (davit_secret)json_integer_value(handle));

		(void)snprintf(
			texts + strlen(texts), sizeof(texts) - strlen(texts), "%s=%s;", word, s->p);
	}
	assert_string_equal(texts, kept_as);
	json_decref(kept);
	json_decref(marks);
	free(shown);
	call_secrets_finish(&secrets);
}

static void what_stands_between_two_texts_becomes_a_secret(void **state)
{
	(void)state;
	expect_spans(SPANS, 200, "<a><Key>k/+=</Key></a>", "<a><Key>***</Key>***",
		"key=k/+=;same=k/+=;end=</a>;");
	expect_spans(SPANS, 200, "<a><Key></Key></a>", "<a><Key></Key>***", "end=</a>;");
	expect_spans(SPANS, 200, "<a><Key>cut", "", "");
	expect_spans(SPANS, 200, "", "", "");
	expect_spans(SPANS, 403, "<a><Key>k</Key>", "<a><Key>k</Key>", "");
	expect_spans("{\"all\":{\"after\":\"\",\"before\":\"\"}}", 200, "a token", "***",
		"all=a token;");
}

static void values_within_values_have_an_end(void **state)
{
	struct call_secrets secrets = {0};
	json_t *v = json_string("x");
	bool secret = false;
	struct fail f = {0};
	struct buf out;

	(void)state;
	for (int i = 0; i < 20; i++)
		v = json_pack("[{s:o}]", "form", v);
	buf_init(&out, 1000);
	assert_false(http_value_write(&out, v, &secrets, "/body", &secret, &f));
	assert_string_equal(f.field, "/body");
	http_value_finish(&out);
	json_decref(v);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_is_a_head_and_a_blob),
		TEST(any_status_is_an_answer),
		TEST(secrets_leave_in_every_place_and_writing),
		TEST(a_token_of_an_answer_becomes_a_secret),
		TEST(a_blob_is_sent_and_an_answer_is_a_blob),
		TEST(a_stream_is_read_while_it_comes),
		TEST(a_stream_is_no_body_of_another_request),
		TEST(a_secret_that_comes_as_text_follows_no_redirect),
		TEST(a_host_that_is_secret_is_named_in_no_text),
		TEST(several_requests_have_an_answer_each),
		TEST(what_several_requests_failed_with_shows_no_secret),
		TEST(a_wrong_request_is_refused_by_its_member),
		TEST(the_code_says_whether_it_may_have_arrived),
		TEST(the_reason_is_the_hosts_until_a_request_is_answered),
		TEST(a_call_that_is_cancelled_ends_while_it_waits),
		TEST(a_call_whose_time_is_over_ends_while_it_waits),
		TEST(a_host_of_the_connection_is_allowed_where_the_manifest_says_so),
		cmocka_unit_test(what_cannot_be_read_is_not_shown_as_success),
		cmocka_unit_test(one_text_may_have_two_words),
		cmocka_unit_test(what_stands_between_two_texts_becomes_a_secret),
		cmocka_unit_test(values_within_values_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
