/* Tests of pool: limits that hold, threads that come and go, nothing lost at the end. */
#include "base/pool.h"

#include <sched.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "platform/thread.h"
#include "unit/cmocka.h"
#include "unit/resident.h"

#define LONG_MS 60000

/* A door tasks wait at, and what was counted there. */
struct door {
	struct mutex m;
	struct cond c;
	bool open;
	int inside, most_inside, done;
};

static void door_init(struct door *d, bool open)
{
	*d = (struct door){.open = open};
	mutex_init(&d->m);
	cond_init(&d->c);
}

static void door_finish(struct door *d)
{
	cond_finish(&d->c);
	mutex_finish(&d->m);
}

static void pass(void *arg)
{
	struct door *d = arg;

	mutex_lock(&d->m);
	d->inside++;
	if (d->inside > d->most_inside)
		d->most_inside = d->inside;
	cond_broadcast(&d->c);
	while (!d->open)
		cond_wait(&d->c, &d->m);
	d->inside--;
	d->done++;
	cond_broadcast(&d->c);
	mutex_unlock(&d->m);
}

static void open_door(struct door *d)
{
	mutex_lock(&d->m);
	d->open = true;
	cond_broadcast(&d->c);
	mutex_unlock(&d->m);
}

static void await_inside(struct door *d, int n)
{
	mutex_lock(&d->m);
	while (d->inside < n)
		cond_wait(&d->c, &d->m); /* ctest ends a test that waits in vain */
	mutex_unlock(&d->m);
}

static void await_done(struct door *d, int n)
{
	mutex_lock(&d->m);
	while (d->done < n)
		cond_wait(&d->c, &d->m);
	mutex_unlock(&d->m);
}

static void at_most_so_many_run_and_wait_and_the_next_is_refused(void **state)
{
	struct pool *p = pool_create("test", 2, 3, NULL);
	struct door d;
	struct fail f = {0};

	(void)state;
	door_init(&d, false);
	for (int i = 0; i < 5; i++)
		assert_true(pool_add(p, pass, &d, &f));
	assert_false(pool_add(p, pass, &d, &f));
	assert_int_equal(f.code, FAIL_BUSY);
	assert_non_null(strstr(f.text, "wait already"));
	await_inside(&d, 2);
	assert_true(pool_waits(p));
	assert_false(pool_add(p, pass, &d, &f)); /* also once two of the five run */
	open_door(&d);
	await_done(&d, 5);
	assert_true(pool_add(p, pass, &d, &f));
	pool_destroy(p);
	assert_int_equal(d.done, 6);
	assert_int_equal(d.most_inside, 2);
	door_finish(&d);
}

static void as_many_threads_run_as_are_needed(void **state)
{
	struct pool *p = pool_create("test", 8, 0, NULL);
	struct door d;

	(void)state;
	door_init(&d, false);
	for (int i = 0; i < 8; i++)
		assert_true(pool_add(p, pass, &d, NULL)); /* none may wait for another */
	await_inside(&d, 8);
	assert_false(pool_waits(p));
	assert_false(pool_add(p, pass, &d, NULL));
	open_door(&d);
	pool_destroy(p);
	assert_int_equal(d.done, 8);
	door_finish(&d);
}

static void the_end_runs_what_is_queued(void **state)
{
	struct pool *p = pool_create("test", 1, 1000, NULL);
	struct door d;

	(void)state;
	door_init(&d, true);
	for (int i = 0; i < 1000; i++)
		assert_true(pool_add(p, pass, &d, NULL));
	pool_destroy(p);
	assert_int_equal(d.done, 1000);
	assert_int_equal(d.most_inside, 1);
	door_finish(&d);
}

static void idle_threads_end_and_new_ones_start(void **state)
{
	struct pool *p;
	struct door d;

	(void)state;
	clock_virtual_start(0, 0);
	p = pool_create("test", 3, 10, NULL);
	door_init(&d, false);
	for (int round = 1; round <= 3; round++) {
		for (int i = 0; i < 3; i++)
			assert_true(pool_add(p, pass, &d, NULL));
		await_inside(&d, 3);
		open_door(&d);
		await_done(&d, 3 * round);
		assert_true(clock_virtual_await(3, LONG_MS)); /* all idle */
		clock_advance(3600 * 1000);                   /* all end */
		mutex_lock(&d.m);
		d.open = false;
		mutex_unlock(&d.m);
		assert_int_equal(clock_virtual_next(), CLOCK_NEVER);
	}
	pool_destroy(p);
	assert_int_equal(d.done, 9);
	door_finish(&d);
	clock_virtual_stop();
}

static void a_pool_without_work_has_no_threads(void **state)
{
	struct pool *p;

	(void)state;
	clock_virtual_start(0, 0);
	p = pool_create("test", 4, 4, NULL);
	assert_false(clock_virtual_await(1, 20));
	pool_destroy(p);
	pool_destroy(NULL);
	clock_virtual_stop();
}

/* A task whose heap is full of holes when it has ended. */
struct holes {
	struct sieve s;
	struct door *d;
};

static void leave_holes(void *arg)
{
	struct holes *h = arg;

	sieve_fill(&h->s);
	pass(h->d);
}

static void what_tasks_freed_is_given_back_when_the_last_thread_ends(void **state)
{
	struct pool *p;
	struct door d;
	struct holes h = {.d = &d};
	size_t before = resident_bytes();

	(void)state;
	if (!resident_tells())
		skip();
	clock_virtual_start(0, 0);
	p = pool_create("test", 1, 1, NULL);
	door_init(&d, true);
	assert_true(pool_add(p, leave_holes, &h, NULL));
	await_done(&d, 1);
	assert_true(clock_virtual_await(1, LONG_MS));
	assert_true(resident_bytes() > before + SIEVE_FREED / 2);
	clock_advance(3600 * 1000); /* it ends */
	while (resident_bytes() > before + SIEVE_FREED / 2)
		(void)sched_yield(); /* ctest ends a test that waits in vain */
	pool_destroy(p);
	sieve_empty(&h.s);
	door_finish(&d);
	clock_virtual_stop();
}

/* As many as a site may ask for; each stands at the door at the same time as all others. */
static void thousands_of_threads_may_wait_at_once(void **state)
{
	enum {
		MANY = 2000
	};
	struct pool *p = pool_create("test", MANY, 0, NULL);
	struct door d;

	(void)state;
	door_init(&d, false);
	for (int i = 0; i < MANY; i++)
		assert_true(pool_add(p, pass, &d, NULL));
	await_inside(&d, MANY);
	assert_false(pool_add(p, pass, &d, NULL));
	open_door(&d);
	pool_destroy(p);
	assert_int_equal(d.done, MANY);
	door_finish(&d);
}

struct adder {
	struct pool *p;
	struct door *d;
	int added, refused;
};

static void add_many(void *arg)
{
	struct adder *a = arg;

	for (int i = 0; i < 2000; i++) {
		if (pool_add(a->p, pass, a->d, NULL))
			a->added++;
		else
			a->refused++;
	}
}

static void what_is_added_by_many_threads_runs_exactly_once(void **state)
{
	struct pool *p = pool_create("test", 3, 50, NULL);
	struct adder adders[4];
	struct thread threads[COUNT(adders)];
	struct door d;
	int added = 0;

	(void)state;
	door_init(&d, true);
	for (size_t i = 0; i < COUNT(adders); i++) {
		adders[i] = (struct adder){.p = p, .d = &d};
		assert_true(thread_start(&threads[i], "add", 0, add_many, &adders[i], NULL));
	}
	for (size_t i = 0; i < COUNT(adders); i++) {
		thread_join(&threads[i]);
		assert_int_equal(adders[i].added + adders[i].refused, 2000);
		added += adders[i].added;
	}
	pool_destroy(p);
	assert_int_equal(d.done, added);
	assert_true(d.most_inside <= 3);
	door_finish(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_most_so_many_run_and_wait_and_the_next_is_refused),
		cmocka_unit_test(as_many_threads_run_as_are_needed),
		cmocka_unit_test(the_end_runs_what_is_queued),
		cmocka_unit_test(idle_threads_end_and_new_ones_start),
		cmocka_unit_test(a_pool_without_work_has_no_threads),
		cmocka_unit_test(what_tasks_freed_is_given_back_when_the_last_thread_ends),
		cmocka_unit_test(thousands_of_threads_may_wait_at_once),
		cmocka_unit_test(what_is_added_by_many_threads_runs_exactly_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
