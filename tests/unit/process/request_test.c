/* Requests to a served process: whole, streamed, refused, late, and after a restart. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "platform/fs.h"
#include "process/links.h"
#include "unit/cmocka.h"
#include "unit/process/place.h"

#define PATIENCE_MS 60000

struct answer {
	long long status;
	char type[128];
	char *body;
	size_t n;
};

static void answer_finish(struct answer *a)
{
	free(a->body);
}

static int body_of(const char *text)
{
	int fd = memfd_create("body", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return fd; /* its offset is at the end: only pread() gets the bytes */
}

static bool read_all(struct process_response *r, struct answer *a, struct fail *f)
{
	char bytes[10000];
	size_t n = 1;

	a->body = calloc(1, 1);
	a->n = 0;
	while (n > 0) {
		if (!process_response_read(r, bytes, sizeof(bytes), &n, f))
			return false;
		a->body = realloc(a->body, a->n + n + 1);
		assert_non_null(a->body);
		memcpy(a->body + a->n, bytes, n);
		a->n += n;
		a->body[a->n] = '\0';
	}
	return true;
}

static bool begin(struct place *p, const char *request, int body, int64_t ms, json_t **ret_head,
	struct process_response **ret, struct fail *f)
{
	json_t *v = parse(request);
	struct process_ask ask = {
		.request = v, .body_fd = body, .deadline_mono_ms = clock_mono_ms() + ms};
	bool good = process_request(p->processes, "p1", &ask, ret_head, ret, f);

	json_decref(v);
	return good;
}

static bool ask(struct place *p, const char *request, int body, struct answer *a, struct fail *f)
{
	struct process_response *r;
	json_t *head;
	bool good;

	*a = (struct answer){0};
	if (!begin(p, request, body, PATIENCE_MS, &head, &r, f))
		return false;
	a->status = number(head, "status");
	snprintf(a->type, sizeof(a->type), "%s",
		json_string_value(json_object_get(head, "content_type")));
	json_decref(head);
	good = read_all(r, a, f);
	process_response_close(r);
	return good;
}

/* The same with the body in memory. */
static bool ask_from_memory(
	struct place *p, const char *request, const char *body, struct answer *a, struct fail *f)
{
	json_t *v = parse(request);
	struct process_ask ask = {.request = v,
		.bytes = body,
		.n = strlen(body),
		.body_fd = -1,
		.deadline_mono_ms = clock_mono_ms() + PATIENCE_MS};
	struct process_response *r;
	json_t *head;
	bool good = process_request(p->processes, "p1", &ask, &head, &r, f);

	*a = (struct answer){0};
	json_decref(v);
	if (!good)
		return false;
	a->status = number(head, "status");
	json_decref(head);
	good = read_all(r, a, f);
	process_response_close(r);
	return good;
}

static struct answer get(struct place *p, const char *path)
{
	struct answer a;
	struct fail f;
	char request[256];

	snprintf(request, sizeof(request), "{'method': 'GET', 'path': '%s'}", path);
	if (!ask(p, request, -1, &a, &f))
		fail_msg("%s: %s", path, f.text);
	return a;
}

/* The server's process under the name p1, listening. */
static void start_server(struct place *p, const char *word)
{
	char digest[SHA256_HEX_SIZE], spec[512];
	char *script;
	size_t n;

	assert_true(fs_read(SERVER_PY, 1u << 20, &script, &n, NULL));
	make_blob(p, script, digest);
	free(script);
	snprintf(spec, sizeof(spec),
		"{'argv': ['/usr/bin/python3', 'server.py', '%s'], 'grace_seconds': 1, "
		"'inputs': [{'blob': '%s', 'as': 'work/server.py'}],"
		"'serve': {'restart_first_ms': 10, 'restart_max_ms': 100}}",
		word, digest);
	start(p, "p1", spec);
}

static void await_server(struct place *p)
{
	for (int i = 0; i < LOOKS; i++) {
		struct answer a;
		struct fail f;

		if (ask(p, "{'method': 'GET', 'path': '/target'}", -1, &a, &f)) {
			answer_finish(&a);
			return;
		}
		answer_finish(&a);
		/* One that dies just now may still take a connection, and drop it. */
		if (f.code != FAIL_UNAVAILABLE && f.code != FAIL_UPSTREAM)
			fail_msg("%s", f.text);
		look_again();
	}
	fail_msg("the server does not come");
}

static int serve(void **state)
{
	place_make(state);
	start_server(*state, "one");
	await_server(*state);
	return 0;
}

static void a_request_is_answered_whole(void **state)
{
	static const struct {
		const char *request;
		const char *body; /* NULL: none */
		long long status;
		const char *type;
		const char *answer;
	} rows[] = {
		{"{'method': 'POST', 'path': '/echo', 'content_type': 'application/json'}",
			"{\"a\":1}", 201, "application/json", "POST {\"a\":1}"},
		{"{'method': 'POST', 'path': '/echo'}", NULL, 201, "none", "POST "},
		{"{'method': 'PUT', 'path': '/echo', 'content_type': 'image/x; a=b'}", "x", 201,
			"image/x; a=b", "PUT x"},
		{"{'method': 'POST', 'path': '/echo'}", "", 201, "none", "POST "},
		{"{'method': 'DELETE', 'path': '/echo'}", NULL, 201, "none", "DELETE "},
		{"{'method': 'GET', 'path': '/target/../a?b=c&d=%20'}", NULL, 200, "text/plain",
			"/target/../a?b=c&d=%20"},
		{"{'method': 'GET', 'path': '/error'}", NULL, 500, "application/problem+json",
			"{}"},
		{"{'method': 'GET', 'path': '/redirect'}", NULL, 302, "text/plain", ""},
		{"{'method': 'GET', 'path': '/continue'}", NULL, 200, "text/plain", "at last"},
		{"{'method': 'GET', 'path': '/empty'}", NULL, 204, "", ""},
		{"{'method': 'HEAD', 'path': '/target'}", NULL, 200, "text/plain", ""},
		{"{'method': 'GET', 'path': '/until-close'}", NULL, 200, "", "all until the end"},
	};
	struct place *p = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		int body = rows[i].body != NULL ? body_of(rows[i].body) : -1;
		struct answer a;
		struct fail f;

		if (!ask(p, rows[i].request, body, &a, &f))
			fail_msg("%s: %s", rows[i].request, f.text);
		assert_int_equal(a.status, rows[i].status);
		assert_string_equal(a.type, rows[i].type);
		assert_string_equal(a.body, rows[i].answer);
		answer_finish(&a);
		if (body >= 0)
			close(body);
	}
}

static void only_what_was_asked_for_is_sent(void **state)
{
	struct place *p = *state;
	struct answer a;
	struct fail f;

	assert_true(
		ask(p, "{'method': 'GET', 'path': '/headers', 'accept': 'text/csv'}", -1, &a, &f));
	assert_string_equal(a.body, "accept=text/csv\nhost=localhost\n");
	answer_finish(&a);
}

static void a_large_body_arrives_whole(void **state)
{
	struct place *p = *state;
	size_t n = 5u << 20;
	char *text = calloc(1, n + 1);
	struct answer a;
	struct fail f;
	int body;

	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		text[i] = (char)('a' + i % 26);
	body = body_of(text);
	if (!ask(p, "{'method': 'POST', 'path': '/echo'}", body, &a, &f))
		fail_msg("%s", f.text);
	assert_int_equal(a.n, n + 5);
	assert_string_equal(a.body + 5, text);
	answer_finish(&a);
	if (!ask_from_memory(p, "{'method': 'PUT', 'path': '/echo'}", text, &a, &f))
		fail_msg("%s", f.text);
	assert_int_equal(a.n, n + 4);
	assert_string_equal(a.body + 4, text);
	answer_finish(&a);
	close(body);
	free(text);
}

static void a_body_in_memory_is_sent_as_a_file_would_be(void **state)
{
	static const char *const rows[][3] = {
		{"{'method': 'POST', 'path': '/echo'}", "", "POST "},
		{"{'method': 'POST', 'path': '/echo'}", "{\"a\": 1}", "POST {\"a\": 1}"},
		{"{'method': 'PATCH', 'path': '/echo'}", "x", "PATCH x"},
		{"{'method': 'DELETE', 'path': '/echo'}", "x", "DELETE x"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct answer a;
		struct fail f;

		if (!ask_from_memory(*state, rows[i][0], rows[i][1], &a, &f))
			fail_msg("%s: %s", rows[i][0], f.text);
		assert_int_equal(a.status, 201);
		assert_string_equal(a.body, rows[i][2]);
		answer_finish(&a);
	}
}

static void a_streamed_answer_comes_piece_by_piece(void **state)
{
	struct place *p = *state;
	struct process_response *r;
	char bytes[64], path[PLACE_PATH];
	struct fail f;
	json_t *head;
	size_t n;

	assert_true(begin(p, "{'method': 'GET', 'path': '/live'}", -1, PATIENCE_MS, &head, &r, &f));
	assert_string_equal(
		json_string_value(json_object_get(head, "content_type")), "text/event-stream");
	json_decref(head);
	/* The server goes on only when we have the first piece in hand. */
	assert_true(process_response_read(r, bytes, sizeof(bytes), &n, &f));
	assert_int_equal(n, 8);
	assert_memory_equal(bytes, "00000000", 8);
	put(file_of(p, "p1", "work/go", path), "");
	for (size_t got = 0; got < 16; got += n) {
		assert_true(process_response_read(r, bytes + got, sizeof(bytes) - got, &n, &f));
		assert_in_range(n, 1, 16 - got);
	}
	assert_memory_equal(bytes, "0000000100000002", 16);
	assert_true(process_response_read(r, bytes, sizeof(bytes), &n, &f));
	assert_int_equal(n, 0);
	assert_true(process_response_read(r, bytes, sizeof(bytes), &n, &f));
	assert_int_equal(n, 0);
	process_response_close(r);
}

/* 16 MiB through the fixed piece of memory, read in odd sizes. */
static void a_large_answer_comes_whole_to_a_slow_reader(void **state)
{
	struct place *p = *state;
	struct process_response *r;
	size_t n = 1, total = 0;
	char bytes[7777];
	struct fail f;
	json_t *head;

	assert_true(begin(p, "{'method': 'GET', 'path': '/big'}", -1, PATIENCE_MS, &head, &r, &f));
	json_decref(head);
	while (n > 0) {
		if (!process_response_read(r, bytes, sizeof(bytes), &n, &f))
			fail_msg("%s", f.text);
		for (size_t i = 0; i < n; i++) {
			char want[24];

			snprintf(want, sizeof(want), "%08zu", (total + i) / 4096);
			if (bytes[i] != want[(total + i) % 8])
				fail_msg("byte %zu is wrong", total + i);
		}
		total += n;
	}
	assert_int_equal(total, 4096 * 4096);
	process_response_close(r);
}

static void an_answer_may_be_left_unread(void **state)
{
	struct place *p = *state;

	for (int i = 0; i < 3; i++) {
		struct process_response *r;
		struct fail f;
		json_t *head;

		assert_true(begin(
			p, "{'method': 'GET', 'path': '/big'}", -1, PATIENCE_MS, &head, &r, &f));
		json_decref(head);
		process_response_close(r);
	}
	await_server(p); /* it is free for others */
}

static void bad_answers_are_told_as_such(void **state)
{
	static const struct {
		const char *path;
		enum fail_code code;
		const char *word;
	} rows[] = {
		{"/cut", FAIL_UPSTREAM, "before its answer was complete"},
		{"/nothing", FAIL_UPSTREAM, "before its answer was complete"},
		{"/rubbish", FAIL_UPSTREAM, "HTTP"},
		{"/long-head", FAIL_UPSTREAM, "headers"},
	};
	struct place *p = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		char request[128];
		struct answer a;
		struct fail f;

		snprintf(request, sizeof(request), "{'method': 'GET', 'path': '%s'}", rows[i].path);
		if (ask(p, request, -1, &a, &f))
			fail_msg("%s is taken", rows[i].path);
		if (f.code != rows[i].code || strstr(f.text, rows[i].word) == NULL)
			fail_msg("%s: %s", rows[i].path, f.text);
		answer_finish(&a);
	}
}

static void bad_requests_are_not_sent(void **state)
{
	static const struct {
		const char *request;
		const char *field;
	} rows[] = {
		{"{}", "/method"},
		{"{'method': 'TRACE', 'path': '/'}", "/method"},
		{"{'method': 'GET\\r\\nX: y', 'path': '/'}", "/method"},
		{"{'method': 'GET'}", "/path"},
		{"{'method': 'GET', 'path': ''}", "/path"},
		{"{'method': 'GET', 'path': 'echo'}", "/path"},
		{"{'method': 'GET', 'path': '@elsewhere/'}", "/path"},
		{"{'method': 'GET', 'path': '/a b'}", "/path"},
		{"{'method': 'GET', 'path': '/a\\r\\nX: y'}", "/path"},
		{"{'method': 'GET', 'path': '/ä'}", "/path"},
		{"{'method': 'GET', 'path': '/', 'content_type': 'a\\r\\nX: y'}", "/content_type"},
		{"{'method': 'GET', 'path': '/', 'accept': 'a\\nX: y'}", "/accept"},
	};
	struct place *p = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct answer a;
		struct fail f;

		if (ask(p, rows[i].request, -1, &a, &f))
			fail_msg("sent: %s", rows[i].request);
		assert_int_equal(f.code, FAIL_INVALID);
		assert_string_equal(f.field, rows[i].field);
	}
}

static void a_deadline_ends_the_wait(void **state)
{
	struct place *p = *state;
	struct process_response *r;
	json_t *head;
	struct fail f;
	int64_t before = clock_mono_ms();

	assert_false(begin(p, "{'method': 'GET', 'path': '/silence'}", -1, 300, &head, &r, &f));
	assert_int_equal(f.code, FAIL_DEADLINE);
	assert_in_range(clock_mono_ms() - before, 300, 30000);
}

static bool is_cancelled(void *ctx)
{
	int *looks = ctx;

	return ++*looks > 3;
}

static void a_cancelled_request_ends(void **state)
{
	struct place *p = *state;
	json_t *v = parse("{'method': 'GET', 'path': '/silence'}");
	struct process_response *r;
	json_t *head;
	struct fail f;
	int looks = 0;
	struct process_ask ask = {.body_fd = -1,
		.deadline_mono_ms = clock_mono_ms() + PATIENCE_MS,
		.cancelled = is_cancelled,
		.ctx = &looks};

	ask.request = v;
	assert_false(process_request(p->processes, "p1", &ask, &head, &r, &f));
	assert_non_null(strstr(f.text, "cancelled"));
	json_decref(v);
}

static void a_crashed_server_is_back_soon(void **state)
{
	struct place *p = *state;
	struct answer a;
	json_t *v;
	struct fail f;

	assert_false(ask(p, "{'method': 'GET', 'path': '/crash'}", -1, &a, &f));
	assert_int_equal(f.code, FAIL_UPSTREAM);
	await_server(p);
	v = inspect(p, "p1");
	assert_in_range(number(v, "restarts"), 1, 100);
	json_decref(v);
}

static void a_server_answers_on_when_the_daemon_restarts(void **state)
{
	struct place *p = *state;
	struct answer a;
	json_t *v;

	place_close(p);
	place_open(p);
	a = get(p, "/target/again");
	assert_string_equal(a.body, "/target/again");
	answer_finish(&a);
	v = inspect(p, "p1");
	assert_int_equal(number(v, "restarts"), 0);
	json_decref(v);
}

static void who_does_not_listen_is_unavailable(void **state)
{
	struct place *p = *state;
	struct answer a;
	struct fail f;

	assert_false(ask(p, "{'method': 'GET', 'path': '/'}", -1, &a, &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
	start(p, "p1", "{'argv': ['sleep', '1000'], 'serve': {}}");
	assert_false(ask(p, "{'method': 'GET', 'path': '/'}", -1, &a, &f));
	assert_int_equal(f.code, FAIL_UNAVAILABLE);
	stop(p, "p1");
	await_state(p, "p1", "exited", NULL);
	assert_false(ask(p, "{'method': 'GET', 'path': '/'}", -1, &a, &f));
	assert_int_equal(f.code, FAIL_UNAVAILABLE);
}

/* --- kept connections --- */

struct seen {
	int connections;
	int nothing; /* requests of that name */
};

static struct seen seen_by_server(struct place *p)
{
	struct answer a = get(p, "/seen");
	struct seen s = {0};
	char *rest;

	s.connections = (int)strtol(a.body, &rest, 10);
	s.nothing = (int)strtol(rest, NULL, 10);
	answer_finish(&a);
	return s;
}

static void a_connection_is_kept_for_the_next_request(void **state)
{
	int before = seen_by_server(*state).connections;

	for (int i = 0; i < 5; i++) {
		struct answer a = get(*state, "/target");

		answer_finish(&a);
	}
	assert_int_equal(seen_by_server(*state).connections, before);
}

static void a_connection_is_kept_whatever_body_was_sent(void **state)
{
	int before = seen_by_server(*state).connections;
	int body = body_of("x");

	for (int i = 0; i < 3; i++) {
		struct answer a;

		assert_true(ask(*state, "{'method': 'PUT', 'path': '/echo'}", body, &a, NULL));
		answer_finish(&a);
		assert_true(ask_from_memory(
			*state, "{'method': 'POST', 'path': '/echo'}", "yz", &a, NULL));
		answer_finish(&a);
	}
	close(body);
	assert_int_equal(seen_by_server(*state).connections, before);
}

static void a_request_left_unread_on_a_kept_connection_is_sent_again(void **state)
{
	struct place *p = *state;
	struct answer a = get(p, "/lame");
	int body = body_of("x");
	struct fail f;

	answer_finish(&a);
	if (!ask(p, "{'method': 'POST', 'path': '/echo'}", body, &a, &f))
		fail_msg("%s", f.text);
	assert_string_equal(a.body, "POST x");
	answer_finish(&a);
	close(body);
}

static void a_request_that_was_read_is_not_sent_again(void **state)
{
	struct place *p = *state;
	struct answer a = get(p, "/target");
	int body = body_of("x");
	struct fail f;

	answer_finish(&a);
	assert_false(ask(p, "{'method': 'POST', 'path': '/nothing'}", body, &a, &f));
	assert_int_equal(f.code, FAIL_UPSTREAM);
	assert_int_equal(seen_by_server(p).nothing, 1);
	answer_finish(&a);
	close(body);
}

/* What curl remembers of an earlier failure says nothing of a later one. */
static void a_request_that_was_read_is_not_sent_again_after_one_that_was_not(void **state)
{
	struct place *p = *state;
	struct answer a = get(p, "/lame");
	struct fail f;

	answer_finish(&a);
	assert_true(ask_from_memory(p, "{'method': 'POST', 'path': '/echo'}", "x", &a, &f));
	answer_finish(&a);
	assert_false(ask_from_memory(p, "{'method': 'POST', 'path': '/nothing'}", "x", &a, &f));
	assert_int_equal(f.code, FAIL_UPSTREAM);
	assert_int_equal(seen_by_server(p).nothing, 1);
	answer_finish(&a);
}

/* The server reads the head and leaves most of the body: it may know of the request, but has
 * not got it whole. */
static void a_request_that_was_read_in_part_is_sent_again(void **state)
{
	struct place *p = *state;
	size_t n = 1u << 20;
	char *text = calloc(1, n + 1);
	struct answer a = get(p, "/lame-after-head");
	struct fail f;

	assert_non_null(text);
	memset(text, 'x', n);
	answer_finish(&a);
	if (!ask_from_memory(p, "{'method': 'POST', 'path': '/echo'}", text, &a, &f))
		fail_msg("%s", f.text);
	assert_int_equal(a.n, n + 5);
	answer_finish(&a);
	free(text);
}

static int serve_by_threads(void **state)
{
	place_make(state);
	start_server(*state, "threads");
	await_server(*state);
	return 0;
}

static void *meet(void *arg)
{
	struct answer a = get(arg, "/meet");

	answer_finish(&a);
	for (int i = 0; i < 50; i++) {
		a = get(arg, "/target");
		answer_finish(&a);
	}
	return NULL;
}

/* The first two requests are answered at once, so that both connections are kept. */
static void a_server_that_holds_two_connections_keeps_two(void **state)
{
	int before = seen_by_server(*state).connections;
	pthread_t other;

	assert_int_equal(pthread_create(&other, NULL, meet, *state), 0);
	(void)meet(*state);
	pthread_join(other, NULL);
	/* One more than before, and some where the machine slept for as long as they are kept. */
	assert_in_range(seen_by_server(*state).connections - before, 1, 5);
}

static void an_idle_connection_ends_soon(void **state)
{
	struct place *p = *state;
	int before = seen_by_server(p).connections;
	int64_t begin_ms = clock_mono_ms();

	while (clock_mono_ms() - begin_ms < 2 * LINKS_IDLE_MS)
		look_again();
	assert_int_equal(seen_by_server(p).connections, before + 1);
}

struct asking {
	struct place *place;
	int good;
};

static void *ask_often(void *arg)
{
	struct asking *s = arg;

	for (int i = 0; i < 50; i++) {
		json_t *v = json_pack("{s:s,s:s}", "method", "GET", "path", "/target");
		struct process_ask ask = {.request = v,
			.body_fd = -1,
			.deadline_mono_ms = clock_mono_ms() + PATIENCE_MS};
		struct process_response *r;
		json_t *head;
		size_t n;
		char bytes[64];

		if (process_request(s->place->processes, "p1", &ask, &head, &r, NULL)) {
			s->good +=
				process_response_read(r, bytes, sizeof(bytes), &n, NULL) && n == 7;
			json_decref(head);
			process_response_close(r);
		}
		json_decref(v);
	}
	return NULL;
}

/* Four threads that ask often, of a server that takes fewer connections at a time. */
static void many_ask(struct place *p)
{
	struct asking all[4];
	pthread_t threads[COUNT(all)];
	int64_t begin_ms = clock_mono_ms();

	for (size_t i = 0; i < COUNT(all); i++) {
		all[i] = (struct asking){.place = p};
		assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &all[i]), 0);
	}
	for (size_t i = 0; i < COUNT(all); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(all[i].good, 50);
	}
	/* A trial that fails costs a look or two; most waited for no idle connection. */
	assert_in_range(
		clock_mono_ms() - begin_ms, 0, (int64_t)COUNT(all) * 50 * LINKS_UNREAD_MS / 2);
}

static void many_ask_a_server_that_serves_one(void **state)
{
	many_ask(*state);
}

static int serve_by_two(void **state)
{
	place_make(state);
	start_server(*state, "two");
	await_server(*state);
	return 0;
}

static void many_ask_a_server_that_serves_two(void **state)
{
	many_ask(*state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, serve, place_remove)
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_answered_whole),
		TEST(only_what_was_asked_for_is_sent),
		TEST(a_large_body_arrives_whole),
		TEST(a_body_in_memory_is_sent_as_a_file_would_be),
		TEST(a_streamed_answer_comes_piece_by_piece),
		TEST(a_large_answer_comes_whole_to_a_slow_reader),
		TEST(an_answer_may_be_left_unread),
		TEST(bad_answers_are_told_as_such),
		TEST(bad_requests_are_not_sent),
		TEST(a_deadline_ends_the_wait),
		TEST(a_cancelled_request_ends),
		TEST(a_crashed_server_is_back_soon),
		TEST(a_server_answers_on_when_the_daemon_restarts),
		TEST(a_connection_is_kept_for_the_next_request),
		TEST(a_connection_is_kept_whatever_body_was_sent),
		TEST(a_request_left_unread_on_a_kept_connection_is_sent_again),
		TEST(a_request_that_was_read_is_not_sent_again),
		TEST(a_request_that_was_read_is_not_sent_again_after_one_that_was_not),
		TEST(a_request_that_was_read_in_part_is_sent_again),
		cmocka_unit_test_setup_teardown(a_server_that_holds_two_connections_keeps_two,
			serve_by_threads, place_remove),
		TEST(an_idle_connection_ends_soon),
		TEST(many_ask_a_server_that_serves_one),
		cmocka_unit_test_setup_teardown(
			many_ask_a_server_that_serves_two, serve_by_two, place_remove),
		cmocka_unit_test_setup_teardown(
			who_does_not_listen_is_unavailable, place_make, place_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
