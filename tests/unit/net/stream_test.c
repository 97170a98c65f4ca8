/* Answers that are read while they come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "place.h"

static void open_stream(struct place *p, const char *path)
{
	p->request.stream = true;
	place_ask(p, path);
	if (p->result.answer == NULL)
		fail_msg("no answer: %s", p->fail.text);
	assert_true(net_answer_is_stream(p->result.answer));
}

static size_t read_some(struct place *p, char *bytes, size_t cap)
{
	size_t n = 0;

	if (!net_answer_read(p->result.answer, &p->caller, bytes, cap, &n, &p->fail))
		fail_msg("%s", p->fail.text);
	return n;
}

static void pieces_come_one_by_one(void **state)
{
	static const char *const pieces[] = {"data: one\n\n", "data: two\n\n", "x"};
	struct place *p = *state;
	char bytes[100];

	open_stream(p, "/stream");
	assert_int_equal(net_answer_status(p->result.answer), 200);
	assert_string_equal(
		head_get(net_answer_head(p->result.answer), "content-type"), "text/event-stream");
	for (size_t i = 0; i < 3; i++) {
		server_say(p->server, pieces[i]);
		assert_int_equal(read_some(p, bytes, sizeof(bytes)), strlen(pieces[i]));
		assert_memory_equal(bytes, pieces[i], strlen(pieces[i]));
	}
	assert_false(net_answer_whole(p->result.answer, 100));
	server_say(p->server, "");
	assert_int_equal(read_some(p, bytes, sizeof(bytes)), 0);
	assert_true(net_answer_whole(p->result.answer, 0));
	assert_int_equal(read_some(p, bytes, sizeof(bytes)), 0);
}

static void a_piece_may_be_read_in_parts(void **state)
{
	struct place *p = *state;
	char bytes[4];

	open_stream(p, "/stream");
	server_say(p->server, "abcdef");
	assert_int_equal(read_some(p, bytes, 4), 4);
	assert_int_equal(read_some(p, bytes, 4), 2);
	assert_memory_equal(bytes, "ef", 2);
}

static void whoever_reads_slowly_slows_the_other_side_down(void **state)
{
	static char bytes[256 * 1024];
	struct place *p = *state;
	uint64_t before = 0, flooded = 0, got = 0;

	open_stream(p, "/flood");
	do { /* until nothing more is taken */
		struct mutex m;
		struct cond c;

		before = flooded;
		mutex_init(&m);
		cond_init(&c);
		mutex_lock(&m);
		(void)clock_wait(&c, &m, clock_mono_ms() + 300);
		mutex_unlock(&m);
		cond_finish(&c);
		mutex_finish(&m);
		flooded = server_flooded(p->server);
	} while (flooded == 0 || flooded != before);
	assert_true(flooded < (uint64_t)32 << 20); /* what the system keeps */
	while (got < flooded * 2)
		got += read_some(p, bytes, sizeof(bytes));
	assert_true(server_flooded(p->server) > flooded);
}

static void a_stream_is_cut_where_the_connection_ends(void **state)
{
	struct place *p = *state;
	char bytes[100];
	size_t n;

	open_stream(p, "/cut-chunk");
	assert_int_equal(read_some(p, bytes, sizeof(bytes)), 4);
	assert_false(net_answer_read(p->result.answer, &p->caller, bytes, 100, &n, &p->fail));
	assert_int_equal(p->fail.code, FAIL_UPSTREAM);
}

static void silence_ends_at_the_deadline(void **state)
{
	struct place *p = *state;
	char bytes[10];
	size_t n;

	open_stream(p, "/stream");
	place_give(p, 200);
	assert_false(net_answer_read(p->result.answer, &p->caller, bytes, 10, &n, &p->fail));
	assert_int_equal(p->fail.code, FAIL_DEADLINE);
	place_give(p, 20000);
	server_say(p->server, "late");
	assert_int_equal(read_some(p, bytes, 10), 4);
}

static void cancel_it(void *arg)
{
	place_cancel(arg);
}

static void cancelling_ends_the_reading(void **state)
{
	struct place *p = *state;
	struct thread t;
	char bytes[10];
	size_t n;

	open_stream(p, "/stream");
	assert_true(thread_start(&t, "cancels", 0, cancel_it, p, NULL));
	assert_false(net_answer_read(p->result.answer, &p->caller, bytes, 10, &n, &p->fail));
	assert_int_equal(p->fail.code, FAIL_UNAVAILABLE);
	thread_join(&t);
}

static void a_stream_that_is_not_wanted_any_more_is_closed(void **state)
{
	struct place *p = *state;

	open_stream(p, "/flood");
	place_done(p);
	p->request.stream = false;
	place_ask(p, "/echo");
	assert_int_equal(net_answer_status(p->result.answer), 200);
}

static void close_net(void *arg)
{
	struct place *p = arg;

	(void)net_close(p->net);
}

static void closing_the_net_ends_streams_and_waits_for_their_readers(void **state)
{
	struct place *p = *state;
	struct thread t;
	char bytes[10];
	size_t n;

	open_stream(p, "/stream");
	assert_true(thread_start(&t, "closes", 0, close_net, p, NULL));
	assert_false(net_answer_read(p->result.answer, &p->caller, bytes, 10, &n, &p->fail));
	place_done(p);
	thread_join(&t);
	p->net = NULL;
}

static void a_status_worth_repeating_is_repeated(void **state)
{
	struct place *p = *state;
	char bytes[10];

	open_stream(p, "/flaky/1/503");
	assert_int_equal(p->result.attempts, 2);
	assert_int_equal(net_answer_status(p->result.answer), 200);
	assert_int_equal(read_some(p, bytes, 10), 6);
}

static void a_slow_stream_does_not_keep_others_waiting(void **state)
{
	struct place *p = *state;
	struct net_result result;
	struct net_request r;
	char url[128];

	open_stream(p, "/flood");
	r = p->request;
	r.stream = false;
	strcpy(url, p->url);
	strcpy(strrchr(url, '/'), "/echo");
	r.url = url;
	for (int i = 0; i < 20; i++) {
		net_perform(p->net, &p->caller, &r, &result, &p->fail);
		assert_int_equal(result.end, NET_ANSWERED);
		net_answer_close(result.answer);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_set_up, place_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pieces_come_one_by_one),
		TEST(a_piece_may_be_read_in_parts),
		TEST(whoever_reads_slowly_slows_the_other_side_down),
		TEST(a_stream_is_cut_where_the_connection_ends),
		TEST(silence_ends_at_the_deadline),
		TEST(cancelling_ends_the_reading),
		TEST(a_stream_that_is_not_wanted_any_more_is_closed),
		TEST(closing_the_net_ends_streams_and_waits_for_their_readers),
		TEST(a_status_worth_repeating_is_repeated),
		TEST(a_slow_stream_does_not_keep_others_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
