/* The open jobs in memory: found, ordered by what is due, queued first in first out. */
#include "unit/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "jobs/entry.h"

static struct open_job *add(struct entries *es, const char *id, const char *interface)
{
	struct job job = {.provider = (char *)"p", .interface = (char *)interface};
	struct open_job *e;

	(void)snprintf(job.id, sizeof(job.id), "%s", id);
	(void)snprintf(job.submission, sizeof(job.submission), "s%.20s", id);
	e = entry_new(es, &job);
	assert_non_null(e);
	assert_true(entries_add(es, e));
	return e;
}

static void earliest_due_comes_first_in_any_order_of_adding(void **state)
{
	static const int64_t due[] = {50, 20, 90, 10, 70, 30, 80, 60, 40, 100};
	struct entries es;
	int64_t last = 0;

	(void)state;
	entries_init(&es);
	for (size_t i = 0; i < sizeof(due) / sizeof(due[0]); i++) {
		char id[8];

		(void)snprintf(id, sizeof(id), "j%zu", i);
		entries_due(&es, add(&es, id, "davit.models"), due[i]);
	}
	while (es.count > 0) {
		struct open_job *e = entries_first(&es);

		assert_true(e->due_mono > last);
		last = e->due_mono;
		entries_remove(&es, e);
	}
	assert_int_equal(last, 100);
	entries_finish(&es);
}

static void removing_from_the_middle_keeps_the_order(void **state)
{
	struct entries es;
	struct open_job *e[32];
	int64_t last = -1;

	(void)state;
	entries_init(&es);
	for (size_t i = 0; i < 32; i++) {
		char id[8];

		(void)snprintf(id, sizeof(id), "j%zu", i);
		e[i] = add(&es, id, "davit.models");
		entries_due(&es, e[i], (int64_t)(i * 37 % 32));
	}
	for (size_t i = 0; i < 32; i += 3)
		entries_remove(&es, e[i]);
	while (es.count > 0) {
		assert_true(entries_first(&es)->due_mono > last);
		last = entries_first(&es)->due_mono;
		entries_remove(&es, entries_first(&es));
	}
	entries_finish(&es);
}

static void found_by_id_and_by_submission_until_removed(void **state)
{
	struct entries es;
	struct open_job *e;

	(void)state;
	entries_init(&es);
	e = add(&es, "abc", "davit.training");
	assert_ptr_equal(entries_find(&es, "abc"), e);
	assert_ptr_equal(entries_by_submission(&es, "sabc"), e);
	assert_null(entries_find(&es, "abcd"));
	assert_null(entries_find(&es, "an id that is far too long to be one of ours"));
	entries_remove(&es, e);
	assert_null(entries_find(&es, "abc"));
	assert_null(entries_by_submission(&es, "sabc"));
	entries_finish(&es);
}

static void the_same_id_is_not_added_twice(void **state)
{
	struct job job = {.provider = (char *)"p",
		.interface = (char *)"davit.models",
		.id = "abc",
		.submission = "other"};
	struct entries es;
	struct open_job *e;

	(void)state;
	entries_init(&es);
	(void)add(&es, "abc", "davit.models");
	e = entry_new(&es, &job);
	assert_non_null(e);
	assert_false(entries_add(&es, e));
	entry_free(e);
	assert_int_equal(es.count, 1);
	entries_finish(&es);
}

static void capacity_counts_only_jobs_that_compute(void **state)
{
	struct entries es;
	struct open_job *train;
	struct open_job *model;

	(void)state;
	entries_init(&es);
	train = add(&es, "t", "davit.training");
	model = add(&es, "m", "davit.models");
	entry_hold(train);
	entry_hold(train);
	entry_hold(model);
	assert_int_equal(train->lane->running, 1);
	entries_remove(&es, train);
	assert_int_equal(model->lane->running, 0);
	entries_finish(&es);
}

static void a_queue_gives_back_the_oldest(void **state)
{
	struct entries es;
	struct open_job *a;
	struct open_job *b;

	(void)state;
	entries_init(&es);
	a = add(&es, "a", "davit.training");
	b = add(&es, "b", "davit.training");
	entry_enqueue(a);
	entry_enqueue(b);
	entry_enqueue(a);
	assert_int_equal(a->lane->waiting, 2);
	assert_ptr_equal(TAILQ_FIRST(&a->lane->queue), a);
	entry_dequeue(a);
	assert_ptr_equal(TAILQ_FIRST(&b->lane->queue), b);
	entries_finish(&es);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(earliest_due_comes_first_in_any_order_of_adding),
		cmocka_unit_test(removing_from_the_middle_keeps_the_order),
		cmocka_unit_test(found_by_id_and_by_submission_until_removed),
		cmocka_unit_test(the_same_id_is_not_added_twice),
		cmocka_unit_test(capacity_counts_only_jobs_that_compute),
		cmocka_unit_test(a_queue_gives_back_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
