/* Tests of the hand-over: answers from other threads, clients that leave, streams, limits. */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fail.h"
#include "unit/cmocka.h"
#include "unit/http/client.h"
#include "unit/http/site.h"

#define PARK   "GET /v1/park HTTP/1.1\r\n\r\n"
#define HEALTH "GET /healthz HTTP/1.1\r\n\r\n"

static struct site site;

static int open_site(void **state)
{
	(void)state;
	site_init(&site);
	site.listeners[0].max_requests = 4;
	site_start(&site);
	return 0;
}

static int close_site(void **state)
{
	(void)state;
	site_finish(&site);
	return 0;
}

static void expect(struct client *c, int status, const char *body)
{
	struct client_answer a;

	client_receive(c, false, &a);
	assert_true(a.whole);
	assert_int_equal(a.status, status);
	assert_non_null(strstr(a.body, body));
	client_answer_free(&a);
}

static void an_answer_from_another_thread_arrives_and_others_do_not_wait(void **state)
{
	struct client slow, quick;

	(void)state;
	client_open(&slow, site.port);
	client_send(&slow, PARK);
	site_await_parked(&site, 1);
	client_open(&quick, site.port);
	client_send(&quick, HEALTH);
	expect(&quick, 200, "ok");
	site_answer_elsewhere(site_take_parked(&site), site_answer_done);
	expect(&slow, 200, "{\"done\":true}");
	/* The connection goes on to live. */
	client_send(&slow, HEALTH);
	expect(&slow, 200, "ok");
	client_close(&slow);
	client_close(&quick);
}

static struct {
	int status;
	char *text;
	size_t n;
} kept;

static void keep(
	struct exchange *x, int status, const char *content_type, char *text, size_t n, void *ctx)
{
	assert_null(exchange_kept_for(x));
	assert_ptr_equal(ctx, &kept);
	assert_string_equal(content_type, "application/json");
	kept.status = status;
	kept.text = text;
	kept.n = n;
}

static void refuse(void *x)
{
	struct fail f;

	(void)fail_set(&f, FAIL_BUSY, "later");
	f.retry_after_ms = 2000;
	exchange_fail(x, &f);
}

static void a_keeper_has_the_answer_before_the_client(void **state)
{
	static void (*const answers[])(void *) = {site_answer_done, refuse};
	static const int statuses[] = {200, 429};

	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++) {
		struct client_answer a;
		struct client c;
		struct exchange *x;

		client_open(&c, site.port);
		client_send(&c, PARK);
		x = site_take_parked(&site);
		assert_null(exchange_kept_for(x));
		exchange_keep_answer(x, keep, &kept);
		assert_ptr_equal(exchange_kept_for(x), &kept);
		site_answer_elsewhere(x, answers[i]);
		assert_int_equal(kept.status, statuses[i]);
		assert_false(client_readable(&c, 50));
		exchange_reply_text(x, kept.status, "application/json", kept.text, kept.n);
		client_receive(&c, false, &a);
		assert_int_equal(a.status, statuses[i]);
		assert_int_equal(client_header(&a, "Retry-After") != NULL, statuses[i] == 429);
		client_answer_free(&a);
		client_close(&c);
	}
}

/* Answers as fast as requests are parked, so that answers come before, while and after the
 * front thread suspends. */
static void answer_many(void *arg)
{
	atomic_bool *stop = arg;

	while (!atomic_load(stop)) {
		struct exchange *x = NULL;

		mutex_lock(&site.app.lock);
		if (site.app.parked_count > 0)
			x = site.app.parked[--site.app.parked_count];
		mutex_unlock(&site.app.lock);
		if (x != NULL)
			site_answer_done(x);
		else
			sched_yield();
	}
}

static void answers_race_the_suspension_without_loss(void **state)
{
	struct thread threads[2];
	atomic_bool stop = false;
	struct client c[3];
	struct fail f;

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_true(thread_start(&threads[i], "answer", 0, answer_many, &stop, &f));
	for (int i = 0; i < 3; i++)
		client_open(&c[i], site.port);
	for (int round = 0; round < 1000; round++) {
		for (int i = 0; i < 3; i++)
			client_send(&c[i], PARK);
		for (int i = 0; i < 3; i++)
			expect(&c[i], 200, "done");
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		thread_join(&threads[i]);
	for (int i = 0; i < 3; i++)
		client_close(&c[i]);
}

static void a_client_that_left_costs_nothing_but_its_answer(void **state)
{
	struct client c;

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct linger hard = {.l_onoff = 1, .l_linger = 0};

		client_open(&c, site.port);
		client_send(&c, PARK);
		site_await_parked(&site, 1);
		if (i % 2)
			assert_int_equal(
				setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
		client_close(&c);
		site_answer_elsewhere(site_take_parked(&site), site_answer_done);
	}
	client_open(&c, site.port);
	client_send(&c, HEALTH);
	expect(&c, 200, "ok");
	client_close(&c);
}

static void more_requests_at_work_than_allowed_are_answered_429(void **state)
{
	struct client parked[4], c;
	struct client_answer a;

	(void)state;
	for (int i = 0; i < 4; i++) {
		client_open(&parked[i], site.port);
		client_send(&parked[i], PARK);
	}
	site_await_parked(&site, 4);
	client_open(&c, site.port);
	client_send(&c, PARK);
	client_receive(&c, false, &a);
	assert_int_equal(a.status, 429);
	assert_string_equal(client_header(&a, "Retry-After"), "1");
	assert_non_null(strstr(a.body, "{\"error\":{\"code\":\"busy\""));
	client_answer_free(&a);
	/* What is answered at once goes on. */
	client_send(&c, HEALTH);
	expect(&c, 200, "ok");
	for (int i = 0; i < 4; i++) {
		site_answer_elsewhere(site_take_parked(&site), site_answer_done);
		expect(&parked[i], 200, "done");
		client_close(&parked[i]);
	}
	client_send(&c, PARK);
	site_answer_elsewhere(site_take_parked(&site), site_answer_done);
	expect(&c, 200, "done");
	client_close(&c);
}

/* --- streams --- */

#define PIECE ((size_t)10000)

static void piece_fill(char *piece, size_t number)
{
	for (size_t i = 0; i < PIECE; i++)
		piece[i] = (char)('a' + (number * PIECE + i) % 23);
}

struct maker {
	struct exchange *x;
	struct thread thread;
	size_t pieces;
	bool ok;
	atomic_size_t sent;
	atomic_bool gone;
};

static void make_stream(void *arg)
{
	struct maker *m = arg;
	char piece[PIECE];

	exchange_stream_begin(m->x, 200, "text/plain");
	for (size_t i = 0; i < m->pieces; i++) {
		piece_fill(piece, i);
		if (!exchange_stream_bytes(m->x, piece, PIECE)) {
			atomic_store(&m->gone, true);
			break;
		}
		atomic_store(&m->sent, i + 1);
	}
	exchange_stream_end(m->x, m->ok);
}

static void maker_start(struct maker *m, struct client *c, size_t pieces, bool ok)
{
	struct fail f;

	memset(m, 0, sizeof(*m));
	m->pieces = pieces;
	m->ok = ok;
	client_open(c, site.port);
	client_send(c, PARK);
	m->x = site_take_parked(&site);
	assert_true(thread_start(&m->thread, "maker", 0, make_stream, m, &f));
}

static void check_pieces(const struct client_answer *a, size_t pieces)
{
	char piece[PIECE];

	assert_int_equal(a->n, pieces * PIECE);
	for (size_t i = 0; i < pieces; i++) {
		piece_fill(piece, i);
		assert_memory_equal(a->body + i * PIECE, piece, PIECE);
	}
}

static void a_stream_arrives_whole_and_unchanged(void **state)
{
	static const size_t counts[] = {0, 1, 700};
	struct client_answer a;
	struct client c;
	struct maker m;

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		maker_start(&m, &c, counts[i], true);
		client_receive(&c, false, &a);
		thread_join(&m.thread);
		assert_true(a.whole);
		assert_string_equal(client_header(&a, "Transfer-Encoding"), "chunked");
		check_pieces(&a, counts[i]);
		client_answer_free(&a);
		client_send(&c, HEALTH);
		expect(&c, 200, "ok");
		client_close(&c);
	}
}

static bool maker_stalls(void *arg)
{
	static size_t before;
	struct maker *m = arg;
	size_t now = atomic_load(&m->sent);
	bool same = now > 0 && now == before;

	before = now;
	return same;
}

static void a_slow_reader_holds_its_producer_back(void **state)
{
	size_t pieces = 4000; /* 40 MB: more than queue and kernel take */
	struct client_answer a;
	struct client c;
	struct maker m;

	(void)state;
	maker_start(&m, &c, pieces, true);
	assert_true(client_readable(&c, 10000));
	assert_true(scratch_await(maker_stalls, &m, 10000));
	assert_true(atomic_load(&m.sent) < pieces);
	client_receive(&c, false, &a);
	thread_join(&m.thread);
	assert_true(a.whole);
	check_pieces(&a, pieces);
	client_answer_free(&a);
	client_close(&c);
}

static void a_producer_learns_that_its_reader_is_gone(void **state)
{
	struct client c;
	struct maker m;

	(void)state;
	maker_start(&m, &c, SIZE_MAX, true);
	assert_true(client_readable(&c, 10000));
	client_close(&c);
	thread_join(&m.thread); /* else the test's time-out tells */
	assert_true(atomic_load(&m.gone));
}

static void a_stream_that_failed_is_cut(void **state)
{
	struct client_answer a;
	struct client c;
	struct maker m;

	(void)state;
	maker_start(&m, &c, 20, false);
	client_receive(&c, false, &a);
	thread_join(&m.thread);
	assert_int_equal(a.status, 200);
	assert_false(a.whole);
	client_answer_free(&a);
	client_close(&c);
}

static void head_of_a_stream_has_no_body(void **state)
{
	struct client_answer a;
	struct maker m = {.pieces = SIZE_MAX, .ok = true};
	struct client c;
	struct fail f;

	(void)state;
	client_open(&c, site.port);
	client_send(&c, "HEAD /v1/park HTTP/1.1\r\n\r\n");
	m.x = site_take_parked(&site);
	assert_true(thread_start(&m.thread, "maker", 0, make_stream, &m, &f));
	client_receive(&c, true, &a);
	thread_join(&m.thread);
	assert_int_equal(a.status, 200);
	assert_true(atomic_load(&m.gone));
	client_answer_free(&a);
	client_send(&c, HEALTH);
	expect(&c, 200, "ok");
	client_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_from_another_thread_arrives_and_others_do_not_wait),
		cmocka_unit_test(a_keeper_has_the_answer_before_the_client),
		cmocka_unit_test(answers_race_the_suspension_without_loss),
		cmocka_unit_test(a_client_that_left_costs_nothing_but_its_answer),
		cmocka_unit_test(more_requests_at_work_than_allowed_are_answered_429),
		cmocka_unit_test(a_stream_arrives_whole_and_unchanged),
		cmocka_unit_test(a_slow_reader_holds_its_producer_back),
		cmocka_unit_test(a_producer_learns_that_its_reader_is_gone),
		cmocka_unit_test(a_stream_that_failed_is_cut),
		cmocka_unit_test(head_of_a_stream_has_no_body),
	};

	return cmocka_run_group_tests(tests, open_site, close_site);
}
