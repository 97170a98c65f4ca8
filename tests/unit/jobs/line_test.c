/* The line of waiting jobs: in order of ids whatever is put in or taken out where. */
#include "unit/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/entry.h"
#include "jobs/line.h"

enum {
	JOBS = 300
};

static struct open_job jobs[JOBS];

static void make_jobs(void)
{
	for (int i = 0; i < JOBS; i++) {
		jobs[i] = (struct open_job){0};
		(void)snprintf(jobs[i].id, sizeof(jobs[i].id), "%05d", i);
	}
}

/* As in says, and nothing else. */
static void expect_line(const struct line *l, const bool in[JOBS])
{
	size_t n = 0;

	for (int i = 0; i < JOBS; i++) {
		assert_int_equal(line_before(l, &jobs[i]), n);
		if (in[i])
			assert_ptr_equal(l->jobs[l->head + n++], &jobs[i]);
	}
	assert_int_equal(l->count, n);
}

static void any_order_of_coming_and_going_keeps_the_order(void **state)
{
	struct line l = {0};
	bool in[JOBS] = {false};
	unsigned dice = 7;

	(void)state;
	make_jobs();
	assert_true(line_reserve(&l, JOBS));
	for (int round = 0; round < 20000; round++) {
		unsigned i;

		dice = dice * 1103515245u + 12345u;
		i = (dice >> 8) % JOBS;
		if (in[i])
			line_remove(&l, &jobs[i]);
		else
			line_add(&l, &jobs[i]);
		in[i] = !in[i];
		if (round % 100 == 0)
			expect_line(&l, in);
	}
	expect_line(&l, in);
	line_finish(&l);
}

static void first_out_and_last_in_go_on_for_ever_in_little_room(void **state)
{
	struct line l = {0};

	(void)state;
	make_jobs();
	assert_true(line_reserve(&l, 3));
	for (int i = 0; i < JOBS; i++) {
		line_add(&l, &jobs[i]);
		if (i >= 2) {
			assert_ptr_equal(line_first(&l), &jobs[i - 2]);
			line_remove(&l, &jobs[i - 2]);
		}
	}
	assert_true(l.cap <= 8);
	line_finish(&l);
	assert_null(line_first(&l));
}

static void memory_is_given_back(void **state)
{
	struct line l = {0};

	(void)state;
	make_jobs();
	assert_true(line_reserve(&l, JOBS));
	for (int i = 0; i < JOBS; i++)
		line_add(&l, &jobs[i]);
	for (int i = 0; i < JOBS - 1; i++) {
		line_remove(&l, &jobs[i]);
		line_trim(&l, l.count);
	}
	assert_true(l.cap < 16);
	assert_ptr_equal(line_first(&l), &jobs[JOBS - 1]);
	line_finish(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_of_coming_and_going_keeps_the_order),
		cmocka_unit_test(first_out_and_last_in_go_on_for_ever_in_little_room),
		cmocka_unit_test(memory_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
