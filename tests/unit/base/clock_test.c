/* Tests of clock: time that stands still, waits that end when it moves, and its texts. */
#include "base/clock.h"

#include <stdatomic.h>
#include <string.h>

#include "base/attr.h"
#include "unit/cmocka.h"

#define LONG_MS 60000
#define START   INT64_C(1763712000000) /* 2025-11-21T08:00:00Z */

struct sleeper {
	struct mutex m;
	struct cond c;
	struct thread t;
	int64_t until;
	bool told;     /* by us; guarded by m */
	bool signaled; /* how its wait ended */
	int64_t woke_at;
};

static void sleep_until(void *arg)
{
	struct sleeper *s = arg;

	mutex_lock(&s->m);
	while (!s->told && clock_wait(&s->c, &s->m, s->until))
		continue;
	s->signaled = s->told;
	s->woke_at = clock_mono_ms();
	mutex_unlock(&s->m);
}

static void start_sleeper(struct sleeper *s, int64_t until)
{
	*s = (struct sleeper){.until = until};
	mutex_init(&s->m);
	cond_init(&s->c);
	assert_true(thread_start(&s->t, "sleeper", 0, sleep_until, s, NULL));
}

static void end_sleeper(struct sleeper *s)
{
	thread_join(&s->t);
	cond_finish(&s->c);
	mutex_finish(&s->m);
}

static int stop_virtual(void **state)
{
	(void)state;
	clock_virtual_stop();
	return 0;
}

static void virtual_time_stands_until_it_is_moved(void **state)
{
	(void)state;
	clock_virtual_start(START, 1000);
	assert_int_equal(clock_now_ms(), START);
	assert_int_equal(clock_mono_ms(), 1000);
	clock_advance(250);
	assert_int_equal(clock_now_ms(), START + 250);
	assert_int_equal(clock_mono_ms(), 1250);
	clock_virtual_stop();
	assert_true(clock_now_ms() > START);
}

static void real_time_goes_on(void **state)
{
	struct mutex m;
	struct cond c;
	int64_t before = clock_mono_ms();

	(void)state;
	mutex_init(&m);
	cond_init(&c);
	mutex_lock(&m);
	while (clock_wait(&c, &m, before + 20))
		continue;
	mutex_unlock(&m);
	assert_true(clock_mono_ms() >= before + 20);
	cond_finish(&c);
	mutex_finish(&m);
}

static void waits_end_as_the_time_reaches_them(void **state)
{
	struct sleeper a, b;

	(void)state;
	clock_virtual_start(START, 0);
	assert_int_equal(clock_virtual_next(), CLOCK_NEVER);
	start_sleeper(&a, 100);
	start_sleeper(&b, 300);
	assert_true(clock_virtual_await(2, LONG_MS));
	assert_int_equal(clock_virtual_next(), 100);
	clock_advance(99);
	assert_true(clock_virtual_await(2, LONG_MS));
	clock_advance(1);
	end_sleeper(&a);
	assert_int_equal(a.woke_at, 100);
	assert_false(a.signaled);
	assert_int_equal(clock_virtual_next(), 300);
	clock_advance(1000);
	end_sleeper(&b);
	assert_int_equal(b.woke_at, 1100);
	assert_int_equal(clock_virtual_next(), CLOCK_NEVER);
}

static void a_signal_ends_a_wait_before_its_time(void **state)
{
	struct sleeper s;

	(void)state;
	clock_virtual_start(START, 0);
	start_sleeper(&s, 100);
	assert_true(clock_virtual_await(1, LONG_MS));
	mutex_lock(&s.m);
	s.told = true;
	cond_signal(&s.c);
	mutex_unlock(&s.m);
	end_sleeper(&s);
	assert_true(s.signaled);
	assert_int_equal(s.woke_at, 0);
}

static void a_wait_for_the_past_does_not_begin(void **state)
{
	struct mutex m;
	struct cond c;

	(void)state;
	clock_virtual_start(START, 50);
	mutex_init(&m);
	cond_init(&c);
	mutex_lock(&m);
	assert_false(clock_wait(&c, &m, 50));
	assert_false(clock_wait(&c, &m, -1));
	mutex_unlock(&m);
	cond_finish(&c);
	mutex_finish(&m);
}

static void an_endless_wait_ends_by_a_signal_only(void **state)
{
	struct sleeper s;

	(void)state;
	clock_virtual_start(START, 0);
	start_sleeper(&s, CLOCK_NEVER);
	clock_advance(INT64_C(1) << 40);
	assert_int_equal(clock_virtual_next(), CLOCK_NEVER);
	mutex_lock(&s.m);
	s.told = true;
	cond_signal(&s.c);
	mutex_unlock(&s.m);
	end_sleeper(&s);
	assert_true(s.signaled);
}

static void stopping_wakes_all(void **state)
{
	struct sleeper s;

	(void)state;
	clock_virtual_start(START, -INT64_C(1000000000000)); /* so that the real time is past it */
	start_sleeper(&s, 0);
	assert_true(clock_virtual_await(1, LONG_MS));
	clock_virtual_stop();
	end_sleeper(&s);
	assert_false(s.signaled);
}

static void awaiting_sleepers_that_do_not_come_has_an_end(void **state)
{
	(void)state;
	clock_virtual_start(START, 0);
	assert_true(clock_virtual_await(0, 0));
	assert_false(clock_virtual_await(1, 10));
}

struct ticker {
	struct mutex m;
	struct cond c;
	int ticks; /* guarded by m */
};

#define TICKS 2000

static void tick(void *arg)
{
	struct ticker *t = arg;
	int64_t next = clock_mono_ms();

	mutex_lock(&t->m);
	for (int i = 0; i < TICKS; i++) {
		next++;
		while (clock_wait(&t->c, &t->m, next))
			continue;
		t->ticks++;
	}
	mutex_unlock(&t->m);
}

/* Each lost wake-up would leave a ticker waiting for ever; the advance is aimed at the moment
 * between the look at the time and the wait. */
static void no_wake_up_is_lost_between_look_and_wait(void **state)
{
	struct ticker tickers[3];
	struct thread threads[COUNT(tickers)];
	int64_t next;

	(void)state;
	clock_virtual_start(START, 0);
	for (size_t i = 0; i < COUNT(tickers); i++) {
		tickers[i] = (struct ticker){0};
		mutex_init(&tickers[i].m);
		cond_init(&tickers[i].c);
		assert_true(thread_start(&threads[i], "tick", 0, tick, &tickers[i], NULL));
	}
	for (int done = 0; done < (int)COUNT(tickers) * TICKS;) {
		next = clock_virtual_next();
		if (next != CLOCK_NEVER)
			clock_advance(1);
		done = 0;
		for (size_t i = 0; i < COUNT(tickers); i++) {
			mutex_lock(&tickers[i].m);
			done += tickers[i].ticks;
			mutex_unlock(&tickers[i].m);
		}
	}
	for (size_t i = 0; i < COUNT(tickers); i++) {
		thread_join(&threads[i]);
		assert_int_equal(tickers[i].ticks, TICKS);
		cond_finish(&tickers[i].c);
		mutex_finish(&tickers[i].m);
	}
}

static void many_waiters_may_share_one_condition(void **state)
{
	struct ticker shared = {0};
	struct thread threads[4];

	(void)state;
	clock_virtual_start(START, 0);
	mutex_init(&shared.m);
	cond_init(&shared.c);
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_true(thread_start(&threads[i], "tick", 0, tick, &shared, NULL));
	for (;;) {
		int ticks;

		mutex_lock(&shared.m);
		ticks = shared.ticks;
		mutex_unlock(&shared.m);
		if (ticks == (int)COUNT(threads) * TICKS)
			break;
		if (clock_virtual_next() != CLOCK_NEVER)
			clock_advance(5);
	}
	for (size_t i = 0; i < COUNT(threads); i++)
		thread_join(&threads[i]);
	cond_finish(&shared.c);
	mutex_finish(&shared.m);
}

static void times_are_written_with_their_offset(void **state)
{
	static const struct {
		int64_t ms;
		int offset;
		const char *text;
	} rows[] = {
		{START, 0, "2025-11-21 08:00:00.000000+00:00"},
		{START + 123, 330, "2025-11-21 13:30:00.123000+05:30"},
		{START, -210, "2025-11-21 04:30:00.000000-03:30"},
		{0, 0, "1970-01-01 00:00:00.000000+00:00"},
		{-1, 0, "1969-12-31 23:59:59.999000+00:00"},
		{INT64_C(951782400000), 60, "2000-02-29 01:00:00.000000+01:00"},
		{INT64_C(253402300799999), 0, "9999-12-31 23:59:59.999000+00:00"},
		{INT64_C(1) << 60, 0, "9999-12-31 23:59:59.999000+00:00"},
	};
	char text[CLOCK_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(clock_text(rows[i].ms, rows[i].offset, text), rows[i].text);
	assert_string_equal(clock_text_rfc3339(START + 7, text), "2025-11-21T08:00:00.007Z");
}

static void rfc3339_texts_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{"2025-11-21T08:00:00Z", START}, {"2025-11-21t08:00:00z", START},
		{"2025-11-21 08:00:00.5Z", START + 500},
		{"2025-11-21T08:00:00.1239999Z", START + 123}, {"2025-11-21T13:30:00+05:30", START},
		{"2025-11-21T04:30:00.25-03:30", START + 250},
		{"2024-02-29T00:00:00Z", INT64_C(1709164800000)}, {"1969-12-31T23:59:59.999Z", -1},
		{"2016-12-31T23:59:60Z", INT64_C(1483228800000)}, /* a leap second */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t ms = 0;

		assert_true(clock_parse_rfc3339(rows[i].text, &ms));
		assert_int_equal(ms, rows[i].ms);
	}
}

static void what_is_not_rfc3339_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"2025",
		"2025-11-21",
		"2025-11-21T08:00:00",
		"2025-11-21T08:00Z",
		"2025-11-21T08:00:00.Z",
		"2025-11-21T08:00:00Zx",
		"2025-11-21T08:00:00+0530",
		"2025-11-21T08:00:00+24:00",
		"2025-11-21T24:00:00Z",
		"2025-11-21T08:60:00Z",
		"2025-11-21T08:00:61Z",
		"2025-13-01T08:00:00Z",
		"2025-00-01T08:00:00Z",
		"2025-06-31T08:00:00Z",
		"2025-02-29T08:00:00Z",
		"2025-11-00T08:00:00Z",
		" 2025-11-21T08:00:00Z",
		"+025-11-21T08:00:00Z",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		int64_t ms = 77;

		if (clock_parse_rfc3339(texts[i], &ms))
			fail_msg("\"%s\" was read", texts[i]);
		assert_int_equal(ms, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(virtual_time_stands_until_it_is_moved, stop_virtual),
		cmocka_unit_test(real_time_goes_on),
		cmocka_unit_test_teardown(waits_end_as_the_time_reaches_them, stop_virtual),
		cmocka_unit_test_teardown(a_signal_ends_a_wait_before_its_time, stop_virtual),
		cmocka_unit_test_teardown(a_wait_for_the_past_does_not_begin, stop_virtual),
		cmocka_unit_test_teardown(an_endless_wait_ends_by_a_signal_only, stop_virtual),
		cmocka_unit_test_teardown(stopping_wakes_all, stop_virtual),
		cmocka_unit_test_teardown(
			awaiting_sleepers_that_do_not_come_has_an_end, stop_virtual),
		cmocka_unit_test_teardown(no_wake_up_is_lost_between_look_and_wait, stop_virtual),
		cmocka_unit_test_teardown(many_waiters_may_share_one_condition, stop_virtual),
		cmocka_unit_test(times_are_written_with_their_offset),
		cmocka_unit_test(rfc3339_texts_are_read),
		cmocka_unit_test(what_is_not_rfc3339_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
