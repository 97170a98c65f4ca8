/* Tests of the end: drained requests, hanging handlers, streams in the middle, deadlines. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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
	site.listeners[0].idle_seconds = 1;
	site_start(&site);
	return 0;
}

static int close_site(void **state)
{
	(void)state;
	site_finish(&site);
	return 0;
}

struct stopper {
	struct thread thread;
	int drain_ms;
	atomic_bool done;
};

static void stop(void *arg)
{
	struct stopper *s = arg;

	server_stop(site.server, s->drain_ms);
	site.server = NULL;
	atomic_store(&s->done, true);
}

static void stopper_start(struct stopper *s, int drain_ms)
{
	struct fail f;

	s->drain_ms = drain_ms;
	atomic_init(&s->done, false);
	assert_true(thread_start(&s->thread, "stopper", 0, stop, s, &f));
}

static bool socket_is_gone(void *arg)
{
	struct stat st;

	(void)arg;
	return lstat(site.socket, &st) != 0;
}

static void requests_at_work_are_answered_before_the_end(void **state)
{
	struct client_answer a;
	struct client c;
	struct stopper s;

	(void)state;
	client_open(&c, site.port);
	client_send(&c, PARK);
	site_await_parked(&site, 1);
	stopper_start(&s, 10000);
	assert_true(scratch_await(socket_is_gone, NULL, 10000));
	assert_false(atomic_load(&s.done));
	site_answer_elsewhere(site_take_parked(&site), site_answer_done);
	client_receive(&c, false, &a);
	thread_join(&s.thread);
	assert_true(a.whole);
	assert_int_equal(a.status, 200);
	assert_string_equal(client_header(&a, "Connection"), "close");
	client_answer_free(&a);
	client_close(&c);
}

static void a_hanging_handler_gets_a_503_and_may_answer_afterwards(void **state)
{
	struct client c[3];
	struct client_answer a;
	struct stopper s;

	(void)state;
	for (int i = 0; i < 3; i++) {
		client_open(&c[i], site.port);
		client_send(&c[i], PARK);
	}
	site_await_parked(&site, 3);
	stopper_start(&s, 50);
	for (int i = 0; i < 3; i++) {
		client_receive(&c[i], false, &a);
		assert_true(a.whole);
		assert_int_equal(a.status, 503);
		assert_non_null(strstr(a.body, "the daemon is stopping"));
		client_answer_free(&a);
		client_close(&c[i]);
	}
	thread_join(&s.thread);
	/* Each still holds its exchange; reading it and answering does no harm. */
	for (int i = 0; i < 3; i++) {
		struct exchange *x = site_take_parked(&site);

		assert_string_equal(exchange_path(x), "/v1/park");
		assert_string_equal(exchange_listener(x)->address, "127.0.0.1");
		site_answer_elsewhere(x, site_answer_done);
	}
}

static void produce(void *arg)
{
	struct exchange *x = arg;
	static const char bytes[5000];

	exchange_stream_begin(x, 200, "text/plain");
	while (exchange_stream_bytes(x, bytes, sizeof(bytes)))
		;
	exchange_stream_end(x, true);
}

/* One whose client reads nothing, one whose producer says nothing any more. */
static void streams_are_cut_at_the_end(void **state)
{
	struct thread producer;
	struct client full, empty;
	struct client_answer a;
	struct exchange *x;
	struct stopper s;
	struct fail f;

	(void)state;
	client_open(&full, site.port);
	client_send(&full, PARK);
	assert_true(thread_start(&producer, "producer", 0, produce, site_take_parked(&site), &f));
	client_open(&empty, site.port);
	client_send(&empty, PARK);
	x = site_take_parked(&site);
	exchange_stream_begin(x, 200, "text/plain");
	assert_true(exchange_stream_bytes(x, "begin", 5));
	assert_true(client_readable(&full, 10000));
	assert_true(client_readable(&empty, 10000));
	stopper_start(&s, 50);
	client_receive(&empty, false, &a);
	assert_false(a.whole);
	assert_string_equal(a.body, "begin");
	thread_join(&s.thread);
	thread_join(&producer);
	assert_false(exchange_stream_bytes(x, "more", 4));
	exchange_stream_end(x, false);
	client_answer_free(&a);
	client_close(&full);
	client_close(&empty);
}

static void requests_never_stop_while_the_server_does(void **state)
{
	struct client c[8];
	struct stopper s;

	(void)state;
	for (int i = 0; i < 8; i++)
		client_open(&c[i], site.port);
	stopper_start(&s, 0);
	for (int round = 0; round < 200; round++)
		for (int i = 0; i < 8; i++)
			(void)client_push(&c[i], PARK, strlen(PARK));
	thread_join(&s.thread);
	while (site.app.parked_count > 0)
		site_answer_done(site_take_parked(&site));
	for (int i = 0; i < 8; i++)
		client_close(&c[i]);
}

static void an_idle_connection_is_closed_a_working_one_is_not(void **state)
{
	struct client idle, working;
	struct client_answer a;
	int64_t began = clock_mono_ms();

	(void)state;
	client_open(&working, site.port);
	client_send(&working, PARK);
	client_open(&idle, site.port);
	client_send(&idle, HEALTH);
	client_receive(&idle, false, &a);
	client_answer_free(&a);
	assert_true(client_ended(&idle, 5000));
	assert_in_range(clock_mono_ms() - began, 900, 3000);
	client_close(&idle);
	/* Longer at work than the idle time. */
	assert_false(client_readable(&working, 1200));
	site_answer_elsewhere(site_take_parked(&site), site_answer_done);
	client_receive(&working, false, &a);
	assert_int_equal(a.status, 200);
	client_answer_free(&a);
	client_close(&working);
}

/* Sends a byte every 100 ms until the server has enough of it. */
static int64_t trickle(struct client *c, const char *text)
{
	int64_t began = clock_mono_ms();

	while (clock_mono_ms() - began < 10000 && !client_ended(c, 100))
		if (!client_push(c, *text != '\0' ? text++ : "x", 1))
			break;
	return clock_mono_ms() - began;
}

static void a_header_in_drips_is_cut_off(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, site.port);
	assert_in_range(trickle(&c, "GET /healthz HTTP/1.1\r\nX-Long: "), 1500, 4000);
	client_close(&c);
}

static void an_upload_may_pause_longer_than_the_idle_time(void **state)
{
	struct client_answer a;
	struct client c;

	(void)state;
	client_open(&c, site.port);
	client_send(&c, "POST /v1/bytes HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc");
	assert_false(client_readable(&c, 2500));
	client_send(&c, "def");
	client_receive(&c, false, &a);
	assert_int_equal(a.status, 200);
	client_answer_free(&a);
	/* And afterwards it is an idle connection as any other. */
	assert_true(client_ended(&c, 5000));
	client_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			requests_at_work_are_answered_before_the_end, open_site, close_site),
		cmocka_unit_test_setup_teardown(
			a_hanging_handler_gets_a_503_and_may_answer_afterwards, open_site,
			close_site),
		cmocka_unit_test_setup_teardown(streams_are_cut_at_the_end, open_site, close_site),
		cmocka_unit_test_setup_teardown(
			requests_never_stop_while_the_server_does, open_site, close_site),
		cmocka_unit_test_setup_teardown(
			an_idle_connection_is_closed_a_working_one_is_not, open_site, close_site),
		cmocka_unit_test_setup_teardown(
			a_header_in_drips_is_cut_off, open_site, close_site),
		cmocka_unit_test_setup_teardown(
			an_upload_may_pause_longer_than_the_idle_time, open_site, close_site),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
