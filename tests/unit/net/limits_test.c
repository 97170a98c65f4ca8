/* The table of rates and circuits: by host, connection and operation, and not to be tricked. */
#include "net/limits.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "platform/thread.h"
#include "unit/cmocka.h"

enum {
	KEYS = 8
};

static const struct limits_rule rules[] = {
	{"submit", 1, 1},
	{LIMITS_OTHERS, 10, 2},
};

static struct limits *create(const struct limits_rule *r, size_t count)
{
	struct limits *l = limits_create(r, count, KEYS, NULL);

	assert_non_null(l);
	clock_virtual_start(0, 1000000);
	return l;
}

static void finish(struct limits *l)
{
	limits_destroy(l);
	clock_virtual_stop();
}

/* Goes through and ends; how long it had to wait, or -1: refused before deadline. */
static int64_t go(struct limits *l, const char *host, const char *connection, const char *operation,
	enum breaker_outcome outcome)
{
	struct limits_pass p;
	struct fail f = {0};
	int64_t wait;

	if (!limits_reserve(l, host, connection, operation, CLOCK_NEVER, &p, &f)) {
		assert_int_equal(f.code, FAIL_BUSY);
		assert_true(f.retry_after_ms > 0);
		return -1;
	}
	wait = p.at_ms - clock_mono_ms();
	if (!limits_start(l, &p, &f)) {
		assert_int_equal(f.code, FAIL_BUSY);
		wait = -1;
	}
	limits_end(l, &p, outcome);
	return wait;
}

static void each_host_connection_and_operation_has_its_own_limit(void **state)
{
	struct limits *l = create(rules, COUNT(rules));

	(void)state;
	assert_int_equal(go(l, "a", "c", "submit", BREAKER_SUCCESS), 0);
	assert_int_equal(go(l, "a", "c", "submit", BREAKER_SUCCESS), 1000);
	assert_int_equal(go(l, "a", "c", "submit", BREAKER_SUCCESS), 2000);
	assert_int_equal(go(l, "b", "c", "submit", BREAKER_SUCCESS), 0);
	assert_int_equal(go(l, "a", "d", "submit", BREAKER_SUCCESS), 0);
	assert_int_equal(go(l, "a", "c", "poll", BREAKER_SUCCESS), 0);
	assert_int_equal(go(l, "a", "c", "list", BREAKER_SUCCESS), 0); /* both are others */
	assert_int_equal(go(l, "a", "c", "poll", BREAKER_SUCCESS), 100);
	assert_int_equal(go(l, "ac", "", "submit", BREAKER_SUCCESS), 0); /* not "a", "c" */
	assert_int_equal(limits_count(l), 5);
	finish(l);
}

/* So many that some share a place in the table. */
static void none_of_many_keys_is_taken_for_another(void **state)
{
	struct limits *l = limits_create(rules, COUNT(rules), 4000, NULL);
	char name[16];

	(void)state;
	assert_non_null(l);
	clock_virtual_start(0, 1000000);
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof(name), "n%d", i);
		assert_int_equal(go(l, name, "", "submit", BREAKER_SUCCESS), 0);
		assert_int_equal(go(l, name, "", "other", BREAKER_SUCCESS), 0);
		assert_int_equal(go(l, "host", name, "submit", BREAKER_SUCCESS), 0);
	}
	finish(l);
}

static void without_rules_there_is_no_rate_but_a_circuit(void **state)
{
	struct limits *l = create(NULL, 0);

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(go(l, "a", "", "x", BREAKER_SUCCESS), 0);
	for (int i = 0; i < BREAKER_FAILURES; i++)
		assert_int_equal(go(l, "a", "", "y", BREAKER_FAILURE), 0);
	assert_int_equal(go(l, "a", "", "z", BREAKER_SUCCESS), -1);
	assert_int_equal(go(l, "a", "other", "z", BREAKER_SUCCESS), 0);
	clock_advance(BREAKER_OPEN_MS);
	assert_int_equal(go(l, "a", "", "z", BREAKER_SUCCESS), 0);
	assert_int_equal(go(l, "a", "", "z", BREAKER_SUCCESS), 0);
	finish(l);
}

static void no_room_before_the_deadline_is_said_at_once(void **state)
{
	struct limits *l = create(rules, COUNT(rules));
	struct limits_pass p;
	struct fail f = {0};

	(void)state;
	assert_int_equal(go(l, "a", "", "submit", BREAKER_SUCCESS), 0);
	assert_false(limits_reserve(l, "a", "", "submit", clock_mono_ms() + 999, &p, &f));
	assert_null(p.key);
	assert_int_equal(f.code, FAIL_BUSY);
	assert_int_equal(f.retry_after_ms, 1000);
	assert_non_null(strstr(f.text, "a: "));
	assert_true(limits_reserve(l, "a", "", "submit", clock_mono_ms() + 1000, &p, &f));
	limits_end(l, &p, BREAKER_NEITHER); /* cancelled while it waited: its time is free again */
	assert_int_equal(go(l, "a", "", "submit", BREAKER_SUCCESS), 1000);
	finish(l);
}

static void who_waited_while_the_circuit_opened_does_not_go(void **state)
{
	struct limits *l = create(NULL, 0);
	struct limits_pass waiting;
	struct fail f = {0};

	(void)state;
	assert_true(limits_reserve(l, "a", "", "x", CLOCK_NEVER, &waiting, &f));
	for (int i = 0; i < BREAKER_FAILURES; i++)
		(void)go(l, "a", "", "x", BREAKER_FAILURE);
	assert_false(limits_start(l, &waiting, &f));
	assert_non_null(strstr(f.text, "circuit"));
	limits_end(l, &waiting, BREAKER_NEITHER);
	assert_null(waiting.key);
	limits_end(l, &waiting, BREAKER_NEITHER); /* fine where there is none */
	finish(l);
}

static void use_up(struct limits *l, const char *host)
{
	while (go(l, host, "", "submit", BREAKER_SUCCESS) < 60000)
		continue;
}

/* Names by the thousand push no limit out of the table, and share one where it is full. */
static void inventing_names_widens_no_limit(void **state)
{
	struct limits *l = create(rules, COUNT(rules));
	int at_once = 0;
	char host[16];

	(void)state;
	use_up(l, "victim");
	for (int i = 0; i < 10000; i++) {
		(void)snprintf(host, sizeof(host), "h%d", i);
		at_once += go(l, host, "", "submit", BREAKER_SUCCESS) == 0;
	}
	assert_int_equal(limits_count(l), KEYS);
	assert_int_equal(at_once, KEYS); /* seven of their own, and all the others together one */
	assert_true(go(l, "victim", "", "submit", BREAKER_SUCCESS) > 60000);
	finish(l);
}

static void an_open_circuit_is_not_pushed_out(void **state)
{
	struct limits *l = create(NULL, 0);
	char host[16];

	(void)state;
	for (int i = 0; i < BREAKER_FAILURES; i++)
		(void)go(l, "victim", "", "x", BREAKER_FAILURE);
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(host, sizeof(host), "h%d", i);
		assert_int_equal(go(l, host, "", "x", BREAKER_SUCCESS), 0);
	}
	assert_int_equal(limits_count(l), KEYS);
	assert_int_equal(go(l, "victim", "", "x", BREAKER_SUCCESS), -1);
	finish(l);
}

static void keys_at_rest_make_room(void **state)
{
	struct limits *l = create(rules, COUNT(rules));
	struct limits_pass held;
	char host[32];

	(void)state;
	assert_true(limits_reserve(l, "held", "", "submit", CLOCK_NEVER, &held, NULL));
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < KEYS - 1; i++) {
			(void)snprintf(host, sizeof(host), "h%d-%d", round, i);
			assert_int_equal(go(l, host, "", "submit", BREAKER_SUCCESS), 0);
		}
		clock_advance(BREAKER_FORGET_MS);
	}
	assert_int_equal(limits_count(l), KEYS);
	limits_end(l, &held, BREAKER_SUCCESS); /* the one that was held is still there */
	finish(l);
}

struct runner {
	struct limits *l;
	int id;
	int went;
};

static void run(void *arg)
{
	struct runner *r = arg;
	char host[16];

	for (int i = 0; i < 3000; i++) {
		(void)snprintf(host, sizeof(host), "h%d", (r->id * 7 + i) % 40);
		r->went += go(r->l, host, "", "x",
				   i % 2 == 0 ? BREAKER_SUCCESS : BREAKER_NEITHER) >= 0;
	}
}

static void many_threads_may_pass_at_once(void **state)
{
	struct limits *l = create(rules, COUNT(rules));
	struct thread threads[4];
	struct runner runners[COUNT(threads)];

	(void)state;
	for (size_t i = 0; i < COUNT(threads); i++) {
		runners[i] = (struct runner){.l = l, .id = (int)i};
		assert_true(thread_start(&threads[i], "run", 0, run, &runners[i], NULL));
	}
	for (size_t i = 0; i < COUNT(threads); i++) {
		thread_join(&threads[i]);
		assert_true(runners[i].went > 0);
	}
	assert_int_equal(limits_count(l), KEYS);
	finish(l);
}

static void too_many_rules_are_refused(void **state)
{
	static struct limits_rule many[LIMITS_RULES_MAX + 1];
	struct fail f;

	(void)state;
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = (struct limits_rule){"x", 1, 0};
	assert_null(limits_create(many, COUNT(many), 0, &f));
	assert_int_equal(f.code, FAIL_TOO_LARGE);
	limits_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_host_connection_and_operation_has_its_own_limit),
		cmocka_unit_test(none_of_many_keys_is_taken_for_another),
		cmocka_unit_test(without_rules_there_is_no_rate_but_a_circuit),
		cmocka_unit_test(no_room_before_the_deadline_is_said_at_once),
		cmocka_unit_test(who_waited_while_the_circuit_opened_does_not_go),
		cmocka_unit_test(inventing_names_widens_no_limit),
		cmocka_unit_test(an_open_circuit_is_not_pushed_out),
		cmocka_unit_test(keys_at_rest_make_room),
		cmocka_unit_test(many_threads_may_pass_at_once),
		cmocka_unit_test(too_many_rules_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
