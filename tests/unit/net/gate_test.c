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
	gate_init(&gate, 2, 3, 100); /* connections of a host, streams of one, lookups */
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
	gate_leave(&gate, &ts[1], GATE_ALONE);
	assert_int_equal(let_go(2), 1);
	gate_leave(&gate, &ts[4], GATE_UNKNOWN); /* it still stood in line */
	gate_leave(&gate, &ts[0], GATE_ALONE);
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
	gate_leave(&gate, &ts[0], GATE_UNKNOWN);
	assert_int_equal(let_go(6), 1);
}

/* One after the other, each would wait as long as all before it together. */
static void one_that_failed_before_it_was_sent_lets_all_others_try(void **state)
{
	(void)state;
	add(0, 6, "https://a", true);
	assert_int_equal(let_go(0), 1);
	gate_leave(&gate, &ts[0], GATE_UNKNOWN);
	assert_int_equal(let_go(1), 2); /* as many as there may be connections */
	gate_leave(&gate, &ts[1], GATE_UNKNOWN);
	assert_int_equal(let_go(3), 1);
	gate_sent(&ts[2]); /* it answers again */
	gate_leave(&gate, &ts[2], GATE_SHARED);
	gate_leave(&gate, &ts[3], GATE_UNKNOWN);
	assert_int_equal(let_go(4), 2);
}

static void a_host_without_http2_gets_as_many_as_there_may_be_connections(void **state)
{
	(void)state;
	add(0, 6, "https://a", true);
	assert_int_equal(let_go(0), 1);
	gate_sent(&ts[0]);
	gate_leave(&gate, &ts[0], GATE_ALONE);
	assert_int_equal(let_go(1), 2);
	gate_sent(&ts[1]);
	gate_sent(&ts[2]);
	assert_int_equal(let_go(3), 0);
}

static void a_host_that_shares_again_is_shared_again(void **state)
{
	(void)state;
	add(0, 8, "https://a", true);
	assert_int_equal(let_go(0), 1);
	gate_sent(&ts[0]);
	gate_leave(&gate, &ts[0], GATE_ALONE);
	assert_int_equal(let_go(1), 2);
	gate_sent(&ts[1]);
	gate_sent(&ts[2]);
	gate_leave(&gate, &ts[1], GATE_SHARED);
	assert_int_equal(let_go(3), 2);
	gate_sent(&ts[3]);
	gate_sent(&ts[4]);
	assert_int_equal(let_go(5), 1);
}

static void streams_leave_a_place_to_the_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++)
		ts[i].options.stream = true;
	add(0, 2, "http://a", false);
	assert_int_equal(let_go(0), 1);
	add(2, 4, "http://a", false);
	assert_int_equal(let_go(2), 1);
	gate_leave(&gate, &ts[0], GATE_ALONE);
	assert_int_equal(let_go(3), 1); /* whose lane was used last */
	gate_leave(&gate, &ts[2], GATE_ALONE);
	assert_int_equal(let_go(1), 1);
}

static void a_host_that_is_not_found_takes_no_more_threads_than_that(void **state)
{
	static struct transfer many[GATE_LOOKUPS + 2];
	struct transfer *t;
	int n = 0;

	(void)state;
	gate_finish(&gate);
	gate_init(&gate, 1000, 3, 100);
	for (size_t i = 0; i < GATE_LOOKUPS + 2; i++) {
		memset(&many[i], 0, sizeof(many[i]));
		many[i].options.origin = "http://slow";
		assert_true(gate_add(&gate, &many[i]));
	}
	while ((t = gate_next(&gate)) != NULL) {
		assert_true(gate_look(t));
		n++;
	}
	assert_int_equal(n, GATE_LOOKUPS);
	gate_leave(&gate, &many[0], GATE_UNKNOWN); /* its thread goes on */
	assert_null(gate_next(&gate));
	assert_true(gate_waits_for_time(&gate));
	gate.now_ms = GATE_LOOKUP_MS;
	t = gate_next(&gate);
	assert_ptr_equal(t, &many[GATE_LOOKUPS]);
	assert_true(gate_look(t));
	assert_null(gate_next(&gate));
	gate_found(t);
	assert_non_null(gate_next(&gate));
	assert_false(gate_waits_for_time(&gate));
}

/* One more transfer to a host, which flies. */
static struct transfer *fly(const char *origin)
{
	static size_t used;
	struct transfer *t;

	if (gate.turns == 0)
		used = 0;
	t = &ts[used++];
	t->options.origin = origin;
	assert_true(gate_add(&gate, t));
	assert_ptr_equal(gate_next(&gate), t);
	return t;
}

static void all_hosts_together_have_so_many_lookups(void **state)
{
	struct transfer *slow, *other, *third;

	(void)state;
	gate_finish(&gate);
	gate_init(&gate, 100, 3, 4);
	slow = fly("http://slow");
	assert_true(gate_look(slow));
	assert_true(gate_look(fly("http://slow")));
	other = fly("http://slow"); /* of four places two are for hosts that have none */
	assert_false(gate_look(other));
	gate_put_back(&gate, other);
	assert_null(gate_next(&gate));
	assert_true(gate_look(fly("http://a")));
	assert_true(gate_look(fly("http://b")));
	third = fly("http://c");
	assert_false(gate_look(third));
	gate_put_back(&gate, third);
	assert_null(gate_next(&gate)); /* until one has an address */
	gate_found(slow);
	assert_ptr_equal(gate_next(&gate), third); /* for slow has another one yet */
	assert_true(gate_look(third));
	assert_null(gate_next(&gate));
	assert_int_equal(gate.lookups, 4);
}

static void who_has_waited_longest_looks_first(void **state)
{
	struct transfer *first, *second, *busy;

	(void)state;
	gate_finish(&gate);
	gate_init(&gate, 100, 3, 1);
	busy = fly("http://busy");
	assert_true(gate_look(busy));
	first = fly("http://a");
	second = fly("http://b");
	assert_false(gate_look(second));
	gate_put_back(&gate, second);
	assert_false(gate_look(first));
	gate_put_back(&gate, first);
	gate_found(busy);
	assert_ptr_equal(gate_next(&gate), first);
	assert_null(gate_next(&gate)); /* its place is kept */
	assert_false(gate_look(fly("http://c")));
	assert_true(gate_look(first));
}

static void who_needs_no_lookup_waits_for_none(void **state)
{
	struct transfer *put_back, *t;

	(void)state;
	gate_finish(&gate);
	gate_init(&gate, 100, 3, 1);
	assert_true(gate_look(fly("http://slow")));
	t = fly("http://127.0.0.1");
	t->options.literal = true;
	assert_true(gate_look(t));
	t = fly("http://kept"); /* it has a connection */
	gate_sent(t);
	put_back = fly("http://kept");
	assert_false(gate_look(put_back));
	gate_put_back(&gate, put_back);
	assert_null(gate_next(&gate));
	gate_leave(&gate, t, GATE_ALONE); /* and that is free now */
	assert_ptr_equal(gate_next(&gate), put_back);
	gate_sent(put_back);
	assert_int_equal(gate.lookups, 1);
}

static void those_put_back_keep_their_order(void **state)
{
	struct transfer *them[3];

	(void)state;
	gate_finish(&gate);
	gate_init(&gate, 100, 3, 1);
	assert_true(gate_look(fly("http://slow")));
	for (size_t i = 0; i < 3; i++)
		them[i] = fly("http://a");
	for (size_t i = 0; i < 3; i++)
		assert_false(gate_look(them[i]));
	gate_put_back(&gate, them[1]);
	gate_put_back(&gate, them[2]);
	gate_put_back(&gate, them[0]);
	for (size_t i = 0; i < 3; i++) {
		gate_leave(&gate, them[i], GATE_UNKNOWN);
		assert_true(
			i == 2 || TAILQ_FIRST(&TAILQ_FIRST(&gate.lanes)->waiting) == them[i + 1]);
	}
	assert_int_equal(gate.waiting, 0);
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
		gate_sent(&ts[0]);
		gate_leave(&gate, &ts[0], GATE_ALONE);
	}
	assert_in_range(gate.count, 2, 300);
	gate_leave(&gate, &ts[1], GATE_ALONE); /* its lane is there yet */
	assert_int_equal(gate.waiting, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(as_many_go_as_there_may_be_connections),
		TEST(shared_connections_are_opened_when_those_there_are_full),
		TEST(one_that_failed_before_it_was_sent_lets_all_others_try),
		TEST(a_host_without_http2_gets_as_many_as_there_may_be_connections),
		TEST(a_host_that_shares_again_is_shared_again),
		TEST(streams_leave_a_place_to_the_others),
		TEST(a_host_that_is_not_found_takes_no_more_threads_than_that),
		TEST(all_hosts_together_have_so_many_lookups),
		TEST(who_has_waited_longest_looks_first),
		TEST(who_needs_no_lookup_waits_for_none),
		TEST(those_put_back_keep_their_order),
		TEST(each_host_has_a_lane_and_streams_have_theirs),
		TEST(hosts_nobody_asks_any_more_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
