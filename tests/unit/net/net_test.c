/* Requests to other machines: what comes back, what is repeated, how they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "net/limits.h"
#include "place.h"

/* Longer than a busy machine needs for anything but waiting. */
#define SOON_MS 15000

static void header_is(struct place *p, const char *name, const char *value)
{
	const char *found = head_get(net_answer_head(p->result.answer), name);

	assert_non_null(found);
	assert_string_equal(found, value);
}

static void body_has(struct place *p, const char *part)
{
	size_t n;
	const char *bytes = net_answer_bytes(p->result.answer, &n);

	if (memmem(bytes, n, part, strlen(part)) == NULL)
		fail_msg("'%s' is not in: %.*s", part, (int)n, bytes);
}

static void body_lacks(struct place *p, const char *part)
{
	size_t n;
	const char *bytes = net_answer_bytes(p->result.answer, &n);

	assert_null(memmem(bytes, n, part, strlen(part)));
}

/* --- what is sent and what comes back --- */

static void an_answer_has_status_headers_and_body(void **state)
{
	struct place *p = *state;

	place_ask(p, "/echo/a%2Fb/../c?d=e");
	assert_int_equal(p->result.end, NET_ANSWERED);
	assert_int_equal(p->result.attempts, 1);
	assert_int_equal(net_answer_status(p->result.answer), 200);
	header_is(p, "x-twice", "one");
	body_has(p, "GET /echo/a%2Fb/../c?d=e HTTP/1.1\r\n");
	body_has(p, "User-Agent: davit-test\r\n");
	place_ask(p, "/status/404");
	place_expect(p, 404, "");
}

static void headers_are_sent_as_they_were_given(void **state)
{
	static const struct net_header headers[] = {
		{"Content-Type", "application/json"}, {"X-A", "1"}, {"X-A", "2"}, {"X-Empty", ""}};
	struct place *p = *state;

	p->request.method = "POST";
	p->request.headers = headers;
	p->request.header_count = 4;
	p->request.body = (struct net_body){.bytes = "{}", .fd = -1, .n = 2};
	place_ask(p, "/echo");
	body_has(p, "POST /echo HTTP/1.1\r\n");
	body_has(p, "Content-Type: application/json\r\n");
	body_has(p, "X-A: 1\r\nX-A: 2\r\nX-Empty:\r\n");
	body_has(p, "\r\n\r\n{}");
	body_lacks(p, "Expect");
}

static void a_post_without_a_body_says_that_it_has_none(void **state)
{
	struct place *p = *state;

	p->request.method = "POST";
	place_ask(p, "/echo");
	body_has(p, "Content-Length: 0\r\n");
	body_lacks(p, "Content-Type");
}

static void methods_have_bodies_or_not_as_they_are_asked(void **state)
{
	static const char *const methods[] = {"PUT", "PATCH", "DELETE", "GET", "OPTIONS"};
	struct place *p = *state;
	char line[64];

	p->request.body = (struct net_body){.bytes = "text", .fd = -1, .n = 4};
	for (size_t i = 0; i < 5; i++) {
		p->request.method = methods[i];
		place_ask(p, "/echo");
		snprintf(line, sizeof(line), "%s /echo", methods[i]);
		body_has(p, line);
		body_has(p, "\r\n\r\ntext");
	}
	p->request.method = "HEAD";
	p->request.body.n = 0;
	place_ask(p, "/status/204");
	place_expect(p, 204, "");
}

static void a_body_of_a_file_is_sent_whole_and_again_from_its_start(void **state)
{
	static char text[300000];
	struct place *p = *state;
	FILE *file = tmpfile();
	size_t n;

	assert_non_null(file);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	assert_int_equal(fwrite(text, 1, sizeof(text), file), sizeof(text));
	assert_int_equal(fflush(file), 0);
	p->request.method = "PUT";
	p->request.idempotent = p->request.mutates = true;
	p->request.body = (struct net_body){.fd = fileno(file), .n = sizeof(text)};
	place_ask(p, "/flaky/1/503");
	place_expect(p, 200, "steady");
	assert_int_equal(p->result.attempts, 2);
	place_ask(p, "/echo");
	(void)net_answer_bytes(p->result.answer, &n);
	assert_true(n > sizeof(text));
	body_has(p, "Content-Length: 300000\r\n");
	p->request.body.n++; /* it has become shorter */
	p->request.attempts = 1;
	place_ask(p, "/echo");
	assert_int_equal(p->result.end, NET_UNCLEAR);
	(void)fclose(file);
}

static void a_large_answer_comes_whole(void **state)
{
	struct place *p = *state;
	size_t n;

	place_ask(p, "/big/5000000");
	(void)net_answer_bytes(p->result.answer, &n);
	assert_int_equal(n, 5000000);
}

static void a_kept_connection_is_used_again(void **state)
{
	struct place *p = *state;

	for (int i = 0; i < 5; i++)
		place_ask(p, "/echo");
	assert_int_equal(server_connections(p->server), 1);
}

/* --- what goes wrong --- */

static void where_nobody_listens_nothing_was_sent(void **state)
{
	struct place *p = *state;

	p->request.mutates = true;
	p->request.attempts = 1;
	p->request.url = "http://127.0.0.1:1/";
	assert_true(egress_list_add(&p->site, "http://127.0.0.1:1", NULL));
	net_perform(p->net, &p->caller, &p->request, &p->result, &p->fail);
	assert_int_equal(p->result.end, NET_UNSENT);
	assert_int_equal(p->fail.code, FAIL_UNAVAILABLE);
	assert_non_null(strstr(p->fail.text, "test at http://127.0.0.1:1"));
}

static void what_was_sent_and_not_answered_is_unclear_and_not_repeated(void **state)
{
	static const char *const paths[] = {"/eof", "/reset", "/cut", "/cut-chunk", "/no-http"};
	struct place *p = *state;

	p->request.mutates = true;
	p->request.method = "POST";
	for (size_t i = 0; i < 5; i++) {
		place_ask(p, paths[i]);
		assert_int_equal(p->result.end, NET_UNCLEAR);
		assert_int_equal(p->result.attempts, 1);
		assert_int_equal(server_count(p->server, "/"), i + 1);
	}
}

static void what_changes_nothing_is_repeated(void **state)
{
	struct place *p = *state;

	p->request.attempts = 2;
	place_ask(p, "/eof");
	assert_int_equal(p->result.end, NET_UNCLEAR);
	assert_int_equal(p->result.attempts, 2);
	assert_int_equal(server_count(p->server, "/eof"), 2);
	p->request.attempts = 0;
	place_ask(p, "/flaky/1/503");
	place_expect(p, 200, "steady");
	assert_int_equal(p->result.attempts, 2);
}

static void what_changes_something_is_not_repeated_for_a_status(void **state)
{
	struct place *p = *state;

	p->request.mutates = true;
	place_ask(p, "/flaky/1/503");
	place_expect(p, 503, "");
	assert_int_equal(p->result.attempts, 1);
}

static void the_last_answer_is_given_when_all_attempts_are_used(void **state)
{
	struct place *p = *state;

	p->request.attempts = 2;
	place_ask(p, "/status/500");
	place_expect(p, 500, "");
	assert_int_equal(p->result.attempts, 2);
}

/* curl would send it a second time by itself. */
static void a_kept_connection_that_ends_is_no_reason_to_send_a_change_twice(void **state)
{
	struct place *p = *state;

	place_ask(p, "/kept-eof");
	place_expect(p, 200, "kept");
	p->request.mutates = true;
	p->request.method = "POST";
	place_ask(p, "/kept-eof");
	assert_int_equal(p->result.end, NET_UNCLEAR);
	assert_int_equal(server_count(p->server, "/kept-eof"), 2);
}

static void but_what_changes_nothing_is_sent_again_at_once(void **state)
{
	struct place *p = *state;

	place_ask(p, "/kept-eof");
	place_ask(p, "/kept-eof");
	place_expect(p, 200, "kept");
	assert_int_equal(p->result.attempts, 1);
	assert_int_equal(server_count(p->server, "/kept-eof"), 3);
}

static void an_answer_past_the_limit_is_refused_once(void **state)
{
	struct place *p = *state;

	p->options.max_answer_bytes = 1000;
	place_reopen(p);
	place_ask(p, "/big/1000");
	assert_int_equal(p->result.end, NET_ANSWERED);
	place_ask(p, "/big/1001");
	assert_int_equal(p->result.end, NET_UNCLEAR);
	assert_non_null(strstr(p->fail.text, "max_answer_bytes"));
	assert_int_equal(server_count(p->server, "/big/1001"), 1);
	place_ask(p, "/long-head");
	assert_int_equal(p->result.end, NET_UNCLEAR);
}

static void a_url_that_is_none_is_invalid(void **state)
{
	static const char *const urls[] = {
		"", "nonsense", "file:///etc/passwd", "http://a b/", "http://user:word@127.0.0.1/"};
	struct place *p = *state;

	for (size_t i = 0; i < 5; i++) {
		p->request.url = urls[i];
		net_perform(p->net, &p->caller, &p->request, &p->result, &p->fail);
		assert_int_equal(p->result.end, NET_INVALID);
		assert_int_equal(p->fail.code, FAIL_INVALID);
	}
}

/* --- where it may go --- */

static void a_host_that_no_list_names_is_refused(void **state)
{
	struct place *p = *state;

	p->request.url = "https://other.example/";
	net_perform(p->net, &p->caller, &p->request, &p->result, &p->fail);
	assert_int_equal(p->result.end, NET_REFUSED);
	assert_non_null(strstr(p->fail.text, "other.example"));
}

/* "localhost" is a name; what it stands for is known only once it was looked up. */
static void a_name_that_leads_to_a_private_address_is_refused(void **state)
{
	struct place *p = *state;
	char url[64];

	snprintf(url, sizeof(url), "http://localhost:%d/echo", server_port(p->server));
	assert_true(egress_list_add_url(&p->site, url, NULL));
	assert_true(egress_list_add(&p->manifest, "localhost", NULL));
	p->request.url = url;
	net_perform(p->net, &p->caller, &p->request, &p->result, &p->fail);
	assert_int_equal(p->result.end, NET_ANSWERED);
	place_done(p);
	/* Nor is the kept connection of one who may given to one who may not. */
	p->rules.private_networks = NULL;
	net_perform(p->net, &p->caller, &p->request, &p->result, &p->fail);
	assert_int_equal(p->result.end, NET_REFUSED);
	assert_non_null(strstr(p->fail.text, "private_networks"));
	place_reopen(p);
	net_perform(p->net, &p->caller, &p->request, &p->result, &p->fail);
	assert_int_equal(p->result.end, NET_REFUSED);
	assert_int_equal(server_count(p->server, "/echo"), 1);
}

/* --- redirects --- */

static void redirects_are_followed_only_if_asked(void **state)
{
	struct place *p = *state;

	place_ask(p, "/status/302?to=/echo/there");
	assert_int_equal(net_answer_status(p->result.answer), 302);
	p->request.follow = 1;
	place_ask(p, "/status/302?to=/echo/there");
	body_has(p, "GET /echo/there");
	assert_int_equal(p->result.attempts, 2);
	p->request.secret = true;
	place_ask(p, "/status/302?to=/echo/there");
	assert_int_equal(net_answer_status(p->result.answer), 302);
}

static void a_redirect_keeps_to_the_lists(void **state)
{
	struct place *p = *state;

	p->request.follow = 5;
	place_ask(p, "/status/307?to=https://other.example/");
	assert_int_equal(p->result.end, NET_REFUSED);
	place_ask(p, "/status/307?to=http://169.254.169.254/");
	assert_int_equal(p->result.end, NET_REFUSED);
}

static void a_redirect_leads_to_http_only(void **state)
{
	static const char *const places[] = {"file:///etc/passwd", "ftp://127.0.0.1/",
		"gopher://127.0.0.1/", "javascript:0", "data:,text", "http://"};
	struct place *p = *state;
	char path[128];

	p->request.follow = 5;
	for (size_t i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "/status/307?to=%s", places[i]);
		place_ask(p, path);
		if (p->result.end != NET_REFUSED)
			fail_msg("%s: %d, %s", places[i], p->result.end, p->fail.text);
		assert_int_equal(p->fail.code, FAIL_UPSTREAM);
		assert_non_null(strstr(p->fail.text, "redirected"));
	}
	p->request.mutates = true; /* nobody knows what it did before it answered so */
	place_ask(p, "/status/307?to=file:///etc/passwd");
	assert_int_equal(p->result.end, NET_UNCLEAR);
}

static void a_circle_of_redirects_ends(void **state)
{
	struct place *p = *state;

	p->request.follow = 100;
	place_ask(p, "/status/302?to=/status/302?to=/a");
	assert_true(p->result.attempts <= 1 + NET_FOLLOW_MAX);
}

static void only_307_sends_a_body_again(void **state)
{
	struct place *p = *state;

	p->request.follow = 1;
	p->request.method = "POST";
	p->request.body = (struct net_body){.bytes = "text", .fd = -1, .n = 4};
	place_ask(p, "/status/307?to=/echo");
	body_has(p, "POST /echo");
	body_has(p, "\r\n\r\ntext");
	place_ask(p, "/status/303?to=/echo");
	body_has(p, "GET /echo");
	body_lacks(p, "text");
}

static void credentials_in_headers_follow_no_redirect(void **state)
{
	static const struct net_header headers[] = {
		{"authorization", "Bearer abc"}, {"X-Api-Key", "abc"}, {"Accept", "x/y"}};
	struct place *p = *state;
	char path[128], url[64];

	snprintf(url, sizeof(url), "http://localhost:%d", server_port(p->server));
	assert_true(egress_list_add(&p->site, url, NULL));
	assert_true(egress_list_add(&p->manifest, "localhost", NULL));
	p->request.follow = 2;
	p->request.headers = headers;
	p->request.header_count = 3;
	place_ask(p, "/status/302?to=/echo");
	body_has(p, "Accept: x/y");
	body_lacks(p, "abc");
	snprintf(path, sizeof(path), "/status/302?to=%s/echo", url);
	place_ask(p, path);
	body_has(p, "Accept: x/y");
	body_lacks(p, "abc");
}

/* --- time --- */

static void the_deadline_ends_it(void **state)
{
	struct place *p = *state;
	int64_t began = clock_mono_ms();

	place_give(p, 300);
	place_ask(p, "/hold");
	assert_int_equal(p->result.end, NET_LATE);
	assert_int_equal(p->fail.code, FAIL_DEADLINE);
	assert_in_range(clock_mono_ms() - began, 300, SOON_MS);
	place_ask(p, "/echo"); /* over already */
	assert_int_equal(p->result.end, NET_UNSENT);
	assert_int_equal(server_count(p->server, "/echo"), 0);
}

static void an_attempt_has_a_time_of_its_own(void **state)
{
	struct place *p = *state;

	p->request.timeout_ms = 100;
	p->request.attempts = 2;
	place_ask(p, "/hold");
	assert_int_equal(p->result.end, NET_LATE);
	assert_int_equal(p->result.attempts, 2);
	assert_int_equal(server_count(p->server, "/hold"), 2);
}

static struct place *start_at(struct place *p, const char *host, const char *path)
{
	char url[128];

	snprintf(url, sizeof(url), "http://%s:%d%s", host, server_port(p->server), path);
	return place_start(p, url);
}

static struct place *start_held(struct place *p)
{
	struct place *held = start_at(p, "127.0.0.1", "/hold");

	assert_true(server_await(p->server, "/hold", 1));
	return held;
}

static void cancelling_ends_it_at_once(void **state)
{
	struct place *p = *state;
	struct place *held = start_held(p);

	place_cancel(held);
	place_join(held);
	assert_int_equal(held->result.end, NET_CANCELLED);
}

static bool is_gone(void *ctx)
{
	(void)ctx;
	return true;
}

static void a_reader_that_went_away_ends_it(void **state)
{
	struct place *p = *state;
	int64_t began = clock_mono_ms();

	p->caller.gone = is_gone;
	place_ask(p, "/hold");
	assert_int_equal(p->result.end, NET_CANCELLED);
	assert_in_range(clock_mono_ms() - began, 0, SOON_MS);
}

static void what_waits_for_a_connection_was_not_sent(void **state)
{
	struct place *p = *state;
	struct place *other;

	p->options.max_connections_per_host = 1;
	place_reopen(p);
	other = start_held(p);
	place_give(p, 300);
	p->request.mutates = true;
	place_ask(p, "/echo");
	assert_int_equal(p->result.end, NET_UNSENT);
	server_release(p->server);
	place_join(other);
	assert_int_equal(other->result.end, NET_ANSWERED);
	place_give(p, SOON_MS);
	place_ask(p, "/echo");
	assert_int_equal(p->result.end, NET_ANSWERED);
}

static void end_one(struct place *one)
{
	place_join(one);
	assert_int_equal(one->result.end, NET_ANSWERED);
	place_done(one);
}

/* In line are some for a host that stays busy and, behind them, one for a host that gets free. */
static void a_busy_host_does_not_keep_another_one_waiting(void **state)
{
	struct place *p = *state;
	struct place *busy, *behind[8], *other, *last;
	char url[64];

	snprintf(url, sizeof(url), "http://localhost:%d", server_port(p->server));
	assert_true(egress_list_add_url(&p->site, url, NULL));
	assert_true(egress_list_add(&p->manifest, "localhost", NULL));
	p->options.max_connections_per_host = 1;
	place_reopen(p);
	busy = start_held(p);
	other = start_at(p, "localhost", "/stream");
	assert_true(server_await(p->server, "/stream", 1));
	for (size_t i = 0; i < 8; i++)
		behind[i] = start_at(p, "127.0.0.1", "/echo/busy");
	place_give(p, 200);
	place_ask(p, "/echo"); /* they stand in line by then */
	assert_int_equal(p->result.end, NET_UNSENT);
	place_give(p, 4 * SOON_MS);
	last = start_at(p, "localhost", "/echo/free");
	place_give(p, 200);
	place_ask(p, "/echo"); /* and now that one too */
	assert_int_equal(p->result.end, NET_UNSENT);
	server_say(p->server, "");
	end_one(other);
	assert_true(server_await(p->server, "/echo/free", 1));
	end_one(last);
	assert_int_equal(server_count(p->server, "/echo/busy"), 0);
	server_release(p->server);
	end_one(busy);
	for (size_t i = 0; i < 8; i++)
		end_one(behind[i]);
}

static void closing_ends_what_is_on_its_way(void **state)
{
	struct place *p = *state;
	struct place *held = start_held(p);

	(void)net_close(p->net);
	p->net = NULL;
	place_join(held);
	assert_int_equal(held->result.end, NET_CANCELLED);
}

/* --- limits --- */

static void a_rate_parts_requests(void **state)
{
	static const struct limits_rule rule = {"*", 20, 1};
	struct place *p = *state;
	struct limits *limits = limits_create(&rule, 1, 0, &p->fail);
	int64_t began = clock_mono_ms();

	p->request.limits = limits;
	for (int i = 0; i < 4; i++) {
		place_ask(p, "/echo");
		assert_int_equal(p->result.end, NET_ANSWERED);
	}
	assert_in_range(clock_mono_ms() - began, 140, SOON_MS);
	place_give(p, 10);
	place_ask(p, "/echo");
	assert_int_equal(p->result.end, NET_THROTTLED);
	assert_int_equal(server_count(p->server, "/echo"), 4);
	limits_destroy(limits);
}

static void a_host_that_fails_and_fails_is_left_alone(void **state)
{
	struct place *p = *state;
	struct limits *limits = limits_create(NULL, 0, 0, &p->fail);

	p->request.limits = limits;
	p->request.attempts = 1;
	for (int i = 0; i < BREAKER_FAILURES; i++) {
		place_ask(p, "/reset");
		assert_int_equal(p->result.end, NET_UNCLEAR);
	}
	place_ask(p, "/echo");
	assert_int_equal(p->result.end, NET_THROTTLED);
	assert_in_range(p->result.retry_after_ms, 1, BREAKER_OPEN_MS);
	assert_int_equal(server_count(p->server, "/echo"), 0);
	limits_destroy(limits);
}

#define HOUR_MS INT64_C(3600000)

/* An attempt has a day, a pause an hour and a little: only pauses are cut short. */
static void pauses_go_by_the_clock_of_the_daemon(void **state)
{
	struct place *p = *state;
	struct place *patient;

	clock_virtual_start(0, HOUR_MS);
	place_give(p, 100 * HOUR_MS);
	p->request.timeout_ms = 24 * HOUR_MS;
	patient = start_at(p, "127.0.0.1", "/flaky/3/429?after=3600");
	for (size_t i = 1; i <= 3; i++) {
		int64_t next;

		assert_true(server_await(p->server, "/flaky", i));
		do {
			assert_true(clock_virtual_await(1, SOON_MS));
			next = clock_virtual_next() - clock_mono_ms();
		} while (next > 2 * HOUR_MS);
		assert_in_range(next, HOUR_MS, HOUR_MS + 60000);
		clock_advance(next);
	}
	place_join(patient);
	assert_int_equal(patient->result.attempts, 4);
	place_expect(patient, 200, "steady");
}

#define ROUNDS     40
#define PAUSES_MAX 4

static void ask_by_thread(void *arg)
{
	struct place *c = arg;

	net_perform(c->net, &c->caller, &c->request, &c->result, &c->fail);
}

/* Asks so often, lets the clock go on wherever there is a pause, and notes them by attempt. */
static void ask_through_pauses(
	struct place *patient, const char *path, size_t attempts, int64_t pauses[])
{
	size_t before = server_count(patient->server, path), made;

	place_give(patient, 100 * HOUR_MS);
	patient->request.attempts = (unsigned)attempts;
	snprintf(patient->url, sizeof(patient->url), "http://127.0.0.1:%d%s",
		server_port(patient->server), path);
	patient->request.url = patient->url;
	place_run(patient, ask_by_thread);
	while (server_count(patient->server, path) - before < attempts) {
		int64_t next;

		if (!clock_virtual_await(1, 1)) /* it is on its way */
			continue;
		next = clock_virtual_next();
		if (next == CLOCK_NEVER || next - clock_mono_ms() > 2 * HOUR_MS)
			continue;
		made = server_count(patient->server, path) - before;
		assert_in_range(made, 1, PAUSES_MAX);
		pauses[made - 1] = next - clock_mono_ms();
		clock_advance(pauses[made - 1]);
	}
	place_join(patient);
	assert_int_equal(patient->result.attempts, attempts);
	place_done(patient);
}

/* As the guide for providers has it: from 0 to the longest, which doubles with each attempt, behind
 * what the other side asked for. That all of so many lie in one half has no chance worth a name. */
static void pauses_are_random_parts_of_what_doubles(void **state)
{
	static const struct {
		const char *path;
		size_t attempts;
		int64_t asked_ms, first_ms;
	} rows[] = {
		{"/status/503", 5, 0, 500},
		{"/status/500", 3, 0, 500},
		{"/status/429?after=7", 4, 7000, 1000},
	};
	struct place *p = *state, *patient;

	clock_virtual_start(0, HOUR_MS);
	p->request.timeout_ms = 24 * HOUR_MS;
	patient = place_copy(p);
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t least[PAUSES_MAX], most[PAUSES_MAX] = {0}, range = rows[i].first_ms;

		memset(least, 0x7f, sizeof(least));
		for (size_t n = 0; n < ROUNDS; n++) {
			int64_t pauses[PAUSES_MAX + 1] = {0};

			ask_through_pauses(patient, rows[i].path, rows[i].attempts, pauses);
			for (size_t k = 0; k + 1 < rows[i].attempts; k++) {
				least[k] = pauses[k] < least[k] ? pauses[k] : least[k];
				most[k] = pauses[k] > most[k] ? pauses[k] : most[k];
			}
		}
		for (size_t k = 0; k + 1 < rows[i].attempts; k++, range *= 2) {
			assert_in_range(least[k], rows[i].asked_ms, rows[i].asked_ms + range / 2);
			assert_in_range(most[k], rows[i].asked_ms + range / 2 + 1,
				rows[i].asked_ms + range);
		}
	}
}

/* --- many --- */

static void several_are_answered_in_their_order(void **state)
{
	static const char *const paths[] = {"/status/201", "/eof", "/big/3", "/status/204"};
	struct place *p = *state;
	struct net_request rs[4];
	struct net_result results[4];
	struct fail fails[4] = {{0}};
	char urls[4][64];

	for (size_t i = 0; i < 4; i++) {
		snprintf(urls[i], sizeof(urls[i]), "http://127.0.0.1:%d%s", server_port(p->server),
			paths[i]);
		rs[i] = p->request;
		rs[i].url = urls[i];
		rs[i].attempts = 1;
	}
	net_perform_many(p->net, &p->caller, rs, 4, results, fails);
	assert_int_equal(net_answer_status(results[0].answer), 201);
	assert_int_equal(results[1].end, NET_UNCLEAR);
	assert_int_equal(net_answer_status(results[2].answer), 200);
	assert_int_equal(net_answer_status(results[3].answer), 204);
	for (size_t i = 0; i < 4; i++)
		net_answer_close(results[i].answer);
}

#define CALLERS 5
#define EACH    1000

static void ask_a_thousand(void *arg)
{
	struct place *p = arg;
	struct net_request *rs = calloc(EACH, sizeof(*rs));
	struct net_result *results = calloc(EACH, sizeof(*results));
	struct fail *fails = calloc(EACH, sizeof(*fails));

	for (size_t i = 0; i < EACH; i++)
		rs[i] = p->request;
	net_perform_many(p->net, &p->caller, rs, EACH, results, fails);
	p->result.attempts = 0;
	for (size_t i = 0; i < EACH; i++) {
		p->result.attempts += results[i].end == NET_ANSWERED;
		net_answer_close(results[i].answer);
	}
	free(rs);
	free(results);
	free(fails);
}

static void five_thousand_wait_at_once(void **state)
{
	struct place *p = *state;
	struct place *callers[CALLERS];
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/hold", server_port(p->server));
	p->request.url = url;
	for (size_t i = 0; i < CALLERS; i++) {
		callers[i] = place_copy(p);
		place_run(callers[i], ask_a_thousand);
	}
	assert_true(server_await(p->server, "/hold", (size_t)CALLERS * EACH));
	assert_int_equal(server_connections(p->server), CALLERS * EACH);
	server_release(p->server);
	for (size_t i = 0; i < CALLERS; i++) {
		place_join(callers[i]);
		assert_int_equal(callers[i]->result.attempts, EACH);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_set_up, place_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_has_status_headers_and_body),
		TEST(headers_are_sent_as_they_were_given),
		TEST(a_post_without_a_body_says_that_it_has_none),
		TEST(methods_have_bodies_or_not_as_they_are_asked),
		TEST(a_body_of_a_file_is_sent_whole_and_again_from_its_start),
		TEST(a_large_answer_comes_whole),
		TEST(a_kept_connection_is_used_again),
		TEST(where_nobody_listens_nothing_was_sent),
		TEST(what_was_sent_and_not_answered_is_unclear_and_not_repeated),
		TEST(what_changes_nothing_is_repeated),
		TEST(what_changes_something_is_not_repeated_for_a_status),
		TEST(the_last_answer_is_given_when_all_attempts_are_used),
		TEST(a_kept_connection_that_ends_is_no_reason_to_send_a_change_twice),
		TEST(but_what_changes_nothing_is_sent_again_at_once),
		TEST(an_answer_past_the_limit_is_refused_once),
		TEST(a_url_that_is_none_is_invalid),
		TEST(a_host_that_no_list_names_is_refused),
		TEST(a_name_that_leads_to_a_private_address_is_refused),
		TEST(redirects_are_followed_only_if_asked),
		TEST(a_redirect_keeps_to_the_lists),
		TEST(a_redirect_leads_to_http_only),
		TEST(a_circle_of_redirects_ends),
		TEST(only_307_sends_a_body_again),
		TEST(credentials_in_headers_follow_no_redirect),
		TEST(the_deadline_ends_it),
		TEST(an_attempt_has_a_time_of_its_own),
		TEST(cancelling_ends_it_at_once),
		TEST(a_reader_that_went_away_ends_it),
		TEST(what_waits_for_a_connection_was_not_sent),
		TEST(a_busy_host_does_not_keep_another_one_waiting),
		TEST(closing_ends_what_is_on_its_way),
		TEST(a_rate_parts_requests),
		TEST(a_host_that_fails_and_fails_is_left_alone),
		TEST(pauses_go_by_the_clock_of_the_daemon),
		TEST(pauses_are_random_parts_of_what_doubles),
		TEST(several_are_answered_in_their_order),
		TEST(five_thousand_wait_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
