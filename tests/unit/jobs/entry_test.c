/* The open jobs in memory: found, ordered by what is due, queued first in first out. */
#include "unit/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "jobs/entry.h"

static struct open_job *add_at(struct entries *es, const char *id, const char *interface,
	const char *provider, const char *project)
{
	struct job job = {.provider = (char *)provider,
		.interface = (char *)interface,
		.project = (char *)project};
	struct open_job *e;

	(void)snprintf(job.id, sizeof(job.id), "%s", id);
	(void)snprintf(job.submission, sizeof(job.submission), "s%.20s", id);
	e = entry_new(es, &job);
	assert_non_null(e);
	assert_true(entries_add(es, e));
	return e;
}

static struct open_job *add(struct entries *es, const char *id, const char *interface)
{
	return add_at(es, id, interface, "p", NULL);
}

/* A job of a project that waits at provider p. */
static struct open_job *wait_at(struct entries *es, const char *id, const char *project)
{
	struct open_job *e = add_at(es, id, "davit.training", "p", project);

	e->lane->loaded = true;
	e->lane->max_running = 1000000;
	entry_enqueue(e);
	return e;
}

/* Starts what is to start, n times, and writes the ids with blanks between them. */
static const char *started(struct entries *es, size_t n)
{
	static char ids[256];
	size_t at = 0;

	ids[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		struct open_job *e = entries_next(es);

		at += (size_t)snprintf(ids + at, sizeof(ids) - at, "%s%s", i == 0 ? "" : " ",
			e == NULL ? "-" : e->id);
		if (e == NULL)
			break;
		entry_dequeue(e);
		entry_hold(es, e);
	}
	return ids;
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

static void a_submission_named_as_its_job_is_found(void **state)
{
	struct job job = {.provider = (char *)"p",
		.interface = (char *)"davit.models",
		.id = "abc",
		.submission = "abc"};
	struct entries es;
	struct open_job *e;

	(void)state;
	entries_init(&es);
	e = entry_new(&es, &job);
	assert_true(entries_add(&es, e));
	assert_ptr_equal(entries_by_submission(&es, "abc"), e);
	entries_remove(&es, e);
	e = add(&es, "abc", "davit.models");
	assert_null(entries_by_submission(&es, "abc"));
	assert_ptr_equal(entries_by_submission(&es, "sabc"), e);
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
	entry_free(&es, e);
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
	entry_hold(&es, train);
	entry_hold(&es, train);
	entry_hold(&es, model);
	assert_int_equal(train->lane->running, 1);
	entries_remove(&es, train);
	assert_int_equal(model->lane->running, 0);
	entries_finish(&es);
}

static void a_project_is_first_in_first_out_whatever_order_its_jobs_came_back_in(void **state)
{
	struct entries es;
	struct open_job *b;

	(void)state;
	entries_init(&es);
	(void)wait_at(&es, "c", "x");
	b = wait_at(&es, "b", "x");
	(void)wait_at(&es, "d", "x");
	(void)wait_at(&es, "a", "x");
	assert_int_equal(b->lane->waiting, 4);
	entry_enqueue(b);
	assert_int_equal(b->lane->waiting, 4);
	assert_string_equal(started(&es, 5), "a b c d -");
	entries_finish(&es);
}

static void projects_take_turns_and_a_newcomer_does_not_wait_for_a_long_queue(void **state)
{
	struct entries es;

	(void)state;
	entries_init(&es);
	for (char id[] = "a0"; id[1] <= '9'; id[1]++)
		(void)wait_at(&es, id, "long");
	assert_string_equal(started(&es, 2), "a0 a1");
	(void)wait_at(&es, "b0", "x");
	(void)wait_at(&es, "b1", "x");
	(void)wait_at(&es, "c0", "y");
	assert_string_equal(started(&es, 6), "b0 c0 b1 a2 a3 a4");
	entries_finish(&es);
}

static void among_equals_the_project_served_longest_ago_goes_first(void **state)
{
	struct entries es;
	struct open_job *held[3];

	(void)state;
	entries_init(&es);
	for (char id[] = "a0"; id[1] <= '3'; id[1]++) {
		id[0] = 'a';
		(void)wait_at(&es, id, "x");
		id[0] = 'b';
		(void)wait_at(&es, id, "y");
		id[0] = 'c';
		(void)wait_at(&es, id, "z");
	}
	for (size_t i = 0; i < 3; i++) {
		held[i] = entries_next(&es);
		entry_dequeue(held[i]);
		entry_hold(&es, held[i]);
	}
	for (size_t i = 0; i < 3; i++)
		entry_release(held[2 - i]);
	assert_string_equal(started(&es, 3), "a1 b1 c1");
	entries_finish(&es);
}

static void priority_goes_before_fair_share_and_a_pause_before_both(void **state)
{
	const struct queue_settings urgent = {.priority = 5};
	const struct queue_settings paused = {.priority = 5, .paused = true};
	struct entries es;
	struct open_job *b;

	(void)state;
	entries_init(&es);
	(void)wait_at(&es, "a0", "x");
	(void)wait_at(&es, "a1", "x");
	b = wait_at(&es, "b0", "y");
	(void)wait_at(&es, "b1", "y");
	(void)wait_at(&es, "b2", "y");
	project_set(b->project, &urgent);
	assert_string_equal(started(&es, 2), "b0 b1");
	project_set(b->project, &paused);
	assert_string_equal(started(&es, 3), "a0 a1 -");
	project_set(b->project, &urgent);
	assert_string_equal(started(&es, 2), "b2 -");
	entries_finish(&es);
}

static void providers_go_by_priority_then_by_what_they_run(void **state)
{
	struct entries es;
	struct open_job *e = NULL;

	(void)state;
	entries_init(&es);
	for (const char *p = "pq"; *p != '\0'; p++) {
		for (char n = '0'; n <= '4'; n++) {
			const char id[] = {*p, n, '\0'}, provider[] = {*p, '\0'};

			e = add_at(&es, id, "davit.training", provider, NULL);
			e->lane->loaded = true;
			e->lane->max_running = 4;
			entry_enqueue(e);
		}
	}
	assert_string_equal(started(&es, 2), "p0 q0");
	e->lane->settings.priority = 1;
	assert_string_equal(started(&es, 4), "q1 q2 q3 p1");
	e->lane->max_running = 5;
	e->lane->settings.paused = true;
	assert_string_equal(started(&es, 3), "p2 p3 -");
	entries_finish(&es);
}

static void a_project_without_jobs_or_settings_takes_no_memory(void **state)
{
	const struct queue_settings paused = {.paused = true};
	struct entries es;
	struct open_job *keep;
	struct lane *lane;

	(void)state;
	entries_init(&es);
	keep = wait_at(&es, "k", "kept");
	project_set(keep->project, &paused);
	lane = keep->lane;
	for (int i = 0; i < 1000; i++) {
		char id[16];

		(void)snprintf(id, sizeof(id), "j%d", i);
		(void)wait_at(&es, id, id);
	}
	assert_int_equal(lane->project_count, 1001);
	assert_int_equal(entries_open(&es, "j7"), 1);
	while (es.count > 0)
		entries_remove(&es, es.heap[es.count / 2]);
	assert_int_equal(lane->project_count, 1);
	assert_true(lane->cap < 64);
	assert_true(lane_project(lane, "kept")->settings.paused);
	assert_int_equal(lane_project(lane, "kept")->line.count, 0);
	entries_finish(&es);
}

static void a_choice_among_many_stays_cheap(void **state)
{
	enum {
		JOBS = 100000,
		PROJECTS = 1000
	};
	struct entries es;
	int64_t begin = clock_mono_ms();
	struct open_job *e;
	size_t n = 0;

	(void)state;
	entries_init(&es);
	for (int i = 0; i < JOBS; i++) {
		char id[16], project[16];

		(void)snprintf(id, sizeof(id), "j%07d", i);
		(void)snprintf(project, sizeof(project), "p%d", i % PROJECTS);
		(void)wait_at(&es, id, project);
	}
	while ((e = entries_next(&es)) != NULL) {
		entry_dequeue(e);
		entry_hold(&es, e);
		entries_remove(&es, e);
		n++;
	}
	assert_int_equal(n, JOBS);
	assert_true(clock_mono_ms() - begin < 20000); /* a second, on a machine at rest */
	entries_finish(&es);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(earliest_due_comes_first_in_any_order_of_adding),
		cmocka_unit_test(removing_from_the_middle_keeps_the_order),
		cmocka_unit_test(found_by_id_and_by_submission_until_removed),
		cmocka_unit_test(a_submission_named_as_its_job_is_found),
		cmocka_unit_test(the_same_id_is_not_added_twice),
		cmocka_unit_test(capacity_counts_only_jobs_that_compute),
		cmocka_unit_test(
			a_project_is_first_in_first_out_whatever_order_its_jobs_came_back_in),
		cmocka_unit_test(projects_take_turns_and_a_newcomer_does_not_wait_for_a_long_queue),
		cmocka_unit_test(among_equals_the_project_served_longest_ago_goes_first),
		cmocka_unit_test(priority_goes_before_fair_share_and_a_pause_before_both),
		cmocka_unit_test(providers_go_by_priority_then_by_what_they_run),
		cmocka_unit_test(a_project_without_jobs_or_settings_takes_no_memory),
		cmocka_unit_test(a_choice_among_many_stays_cheap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
