/* When transfers are given to curl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/gate.h"
#include "net/transfer.h"

#define MANY 20

static struct gate gate;
static struct transfer ts[MANY];

static int set_up(void **state)
{
	(void)state;
	memset(ts, 0, sizeof(ts));
	gate_init(&gate, 2, 3); /* connections of a host, streams of one */
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	gate_finish(&gate);
	return 0;
}

static void add(size_t from, size_t to, const char *origin, bool http2)
{
	for (size_t i = from; i < to; i++) {
		ts[i].options.origin = origin;
		ts[i].options.http2 = http2;
		assert_true(gate_add(&gate, &ts[i]));
	}
}

/* How many go now, in their order from the one given. */
static size_t let_go(size_t from)
{
	size_t n = 0;
	const struct transfer *t;

	while ((t = gate_next(&gate)) != NULL) {
		assert_ptr_equal(t, &ts[from + n]);
		n++;
	}
	return n;
}

static void as_many_go_as_there_may_be_connections(void **state)
{
	(void)state;
	add(0, 5, "http://a", false);
	assert_int_equal(let_go(0), 2);
	gate_sent(&ts[0]);
	gate_sent(&ts[1]);
	assert_int_equal(let_go(2), 0);
	gate_leave(&gate, &ts[1], true);
	assert_int_equal(let_go(2), 1);
	gate_leave(&gate, &ts[4], false); /* it still stood in line */
	gate_leave(&gate, &ts[0], true);
	assert_int_equal(let_go(3), 1);
}

static void shared_connections_are_opened_when_those_there_are_full(void **state)
{
	(void)state;
	add(0, 10, "https://a", true);
	assert_int_equal(let_go(0), 1); /* opens the first */
	gate_sent(&ts[0]);
	assert_int_equal(let_go(1), 2); /* fill it */
	assert_int_equal(let_go(3), 0);
	gate_sent(&ts[1]);
	gate_sent(&ts[2]);
	assert_int_equal(let_go(3), 1); /* opens the second */
	gate_sent(&ts[3]);
	gate_sent(&ts[3]); /* curl may try twice */
	assert_int_equal(let_go(4), 2);
	gate_sent(&ts[4]);
	gate_sent(&ts[5]);
	assert_int_equal(let_go(6), 0); /* there may be no third */
	gate_leave(&gate, &ts[0], false);
	assert_int_equal(let_go(6), 1);
}

static void one_that_failed_before_it_was_sent_lets_the_next_try(void **state)
{
	(void)state;
	add(0, 3, "https://a", true);
	assert_int_equal(let_go(0), 1);
	gate_leave(&gate, &ts[0], false);
	assert_int_equal(let_go(1), 1);
}

static void a_host_without_http2_gets_as_many_as_there_may_be_connections(void **state)
{
	(void)state;
	add(0, 6, "https://a", true);
	assert_int_equal(let_go(0), 1);
	gate_sent(&ts[0]);
	gate_leave(&gate, &ts[0], true);
	assert_int_equal(let_go(1), 2);
	gate_sent(&ts[1]);
	gate_sent(&ts[2]);
	assert_int_equal(let_go(3), 0);
}

static void each_host_has_a_lane_and_streams_have_theirs(void **state)
{
	(void)state;
	add(0, 4, "http://a", false);
	assert_int_equal(let_go(0), 2);
	add(4, 6, "http://b", false);
	assert_int_equal(let_go(4), 2);
	add(6, 8, "https://a", true);
	assert_int_equal(let_go(6), 1);
	ts[8].options.stream = true;
	add(8, 9, "https://a", true);
	assert_int_equal(let_go(8), 1);
	ts[9].options.proxy = "http://p";
	add(9, 10, "http://a", false);
	assert_int_equal(let_go(9), 1);
	assert_int_equal(gate.count, 5);
}

static void hosts_nobody_asks_any_more_are_forgotten(void **state)
{
	char origin[32];

	(void)state;
	add(1, 2, "http://busy", false);
	assert_int_equal(let_go(1), 1);
	for (int i = 0; i < 1000; i++) {
		snprintf(origin, sizeof(origin), "http://h%d", i);
		memset(&ts[0], 0, sizeof(ts[0]));
		add(0, 1, origin, false);
		assert_int_equal(let_go(0), 1);
		gate_leave(&gate, &ts[0], true);
	}
	assert_in_range(gate.count, 2, 300);
	gate_leave(&gate, &ts[1], true); /* its lane is there yet */
	assert_int_equal(gate.waiting, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(as_many_go_as_there_may_be_connections),
		TEST(shared_connections_are_opened_when_those_there_are_full),
		TEST(one_that_failed_before_it_was_sent_lets_the_next_try),
		TEST(a_host_without_http2_gets_as_many_as_there_may_be_connections),
		TEST(each_host_has_a_lane_and_streams_have_theirs),
		TEST(hosts_nobody_asks_any_more_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
