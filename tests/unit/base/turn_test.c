/* Tests of turn: wakes wait for the end of a turn, and none is lost. */
#include "base/turn.h"

#include "unit/cmocka.h"

#define MANY 20

static int wakes[MANY];

static void wake(void *arg)
{
	(*(int *)arg)++;
}

static void put(int *arg)
{
	if (turn_put_off(wake, arg) == TURN_NONE)
		wake(arg);
}

static int start(void **state)
{
	(void)state;
	for (int i = 0; i < MANY; i++)
		wakes[i] = 0;
	return 0;
}

static void without_a_turn_nothing_is_put_off(void **state)
{
	(void)state;
	assert_int_equal(turn_put_off(wake, &wakes[0]), TURN_NONE);
	turn_begin();
	turn_end();
	assert_int_equal(turn_put_off(wake, &wakes[0]), TURN_NONE);
	assert_int_equal(wakes[0], 0);
}

static void a_turn_wakes_once_and_at_its_end(void **state)
{
	(void)state;
	turn_begin();
	assert_int_equal(turn_put_off(wake, &wakes[0]), TURN_FIRST);
	assert_int_equal(turn_put_off(wake, &wakes[1]), TURN_FIRST);
	assert_int_equal(turn_put_off(wake, &wakes[0]), TURN_AGAIN);
	assert_int_equal(wakes[0], 0);
	turn_end();
	assert_int_equal(wakes[0], 1);
	assert_int_equal(wakes[1], 1);
	turn_begin();
	turn_end();
	assert_int_equal(wakes[0], 1);
}

static void who_must_wait_within_a_turn_wakes_before(void **state)
{
	(void)state;
	turn_begin();
	put(&wakes[0]);
	turn_now();
	assert_int_equal(wakes[0], 1);
	put(&wakes[0]);
	assert_int_equal(wakes[0], 1);
	turn_end();
	assert_int_equal(wakes[0], 2);
}

static void wake_and_put(void *arg)
{
	(*(int *)arg)++;
	put(&wakes[0]);
	put(&wakes[2]);
}

static void a_wake_may_put_off_one_that_was_done_already(void **state)
{
	(void)state;
	turn_begin();
	put(&wakes[0]);
	assert_int_equal(turn_put_off(wake_and_put, &wakes[1]), TURN_FIRST);
	put(&wakes[2]);
	turn_now();
	turn_end();
	assert_int_equal(wakes[1], 1);
	assert_true(wakes[0] >= 1);
	assert_int_equal(wakes[2], 2);
}

static void what_is_too_much_to_be_put_off_is_done_at_once(void **state)
{
	(void)state;
	turn_begin();
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < MANY; i++)
			put(&wakes[i]);
	assert_int_equal(wakes[0], 0);
	assert_int_equal(wakes[MANY - 1], 2);
	turn_end();
	for (int i = 0; i < MANY; i++)
		assert_true(wakes[i] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(without_a_turn_nothing_is_put_off, start),
		cmocka_unit_test_setup(a_turn_wakes_once_and_at_its_end, start),
		cmocka_unit_test_setup(who_must_wait_within_a_turn_wakes_before, start),
		cmocka_unit_test_setup(a_wake_may_put_off_one_that_was_done_already, start),
		cmocka_unit_test_setup(what_is_too_much_to_be_put_off_is_done_at_once, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
