/* store_storm_test - readers beside a storm of writes: never a terminal state without its
 * times, and never an error. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "platform/thread.h"
#include "unit/cmocka.h"
#include "unit/store/kit.h"

#define JOBS    300
#define POLLERS 8   /* more than there are readers */
#define POLLS   100 /* before each step, at least */

static atomic_uint wrong;  /* terminal without times */
static atomic_uint errors; /* reads that failed */
static atomic_uint polls;
static atomic_uint ended;
static atomic_bool stop;

static void check(enum job_state state, int64_t started, int64_t finished)
{
	bool terminal = (JOB_BIT(state) & JOB_TERMINAL) != 0;

	if (terminal != (finished > 0) || (terminal && started <= 0))
		atomic_fetch_add(&wrong, 1);
	atomic_fetch_add(&polls, 1);
}

static void poll_status(void *arg)
{
	struct store *s = arg;

	for (unsigned i = 0; !atomic_load(&stop); i = (i + 1) % JOBS) {
		struct job_status status;
		char id[ID_SIZE];

		if (store_job_status(s, kit_id(id, i), &status, NULL))
			check(status.state, status.started_ms, status.finished_ms);
		else
			atomic_fetch_add(&errors, 1);
	}
}

static bool check_job(const struct job *job, void *ctx)
{
	(void)ctx;
	check(job->state, job->started_ms, job->finished_ms);
	return true;
}

static void poll_list(void *arg)
{
	struct store *s = arg;
	struct job_filter filter = {.limit = 50};

	for (unsigned i = 0; !atomic_load(&stop); i++) {
		filter.oldest_first = i % 2 == 0;
		if (!store_jobs(s, &filter, check_job, NULL, NULL))
			atomic_fetch_add(&errors, 1);
	}
}

static const struct {
	enum job_state from;
	enum job_state to;
	unsigned set;
} steps[] = {
	{JOB_QUEUED, JOB_SUBMITTING, JOB_SET_EPOCH},
	{JOB_SUBMITTING, JOB_RUNNING, JOB_SET_HANDLE},
	{JOB_RUNNING, JOB_RUNNING, JOB_SET_PROGRESS},
	{JOB_RUNNING, JOB_SUCCEEDED, JOB_SET_FINISHED},
};

static void next_step(struct store_op *op)
{
	bool last = op->edge.to == JOB_SUCCEEDED;

	if (!op->ok || !op->changed)
		atomic_fetch_add(&errors, 1);
	if (last)
		atomic_fetch_add(&ended, 1);
	store_op_free(op);
}

static bool all_ended(void *arg)
{
	(void)arg;
	return atomic_load(&ended) == JOBS;
}

static bool polled(void *arg)
{
	return atomic_load(&polls) >= *(const unsigned *)arg;
}

static void advance_all(struct store *s)
{
	for (size_t step = 0; step < COUNT(steps); step++) {
		unsigned wanted = atomic_load(&polls) + POLLS;

		assert_true(kit_wait(polled, &wanted)); /* however busy the machine is */
		for (unsigned i = 0; i < JOBS; i++) {
			struct store_op *op = kit_edge(
				i, JOB_BIT(steps[step].from), steps[step].to, steps[step].set);

			op->durable = i % 2 == 0;
			op->done = next_step;
			store_submit(s, op);
		}
	}
	assert_true(kit_wait(all_ended, NULL));
}

static void no_reader_sees_an_end_without_its_times(void **state)
{
	struct thread threads[POLLERS];
	char folder[PATH_MAX];
	struct store *s;

	(void)state;
	kit_folder(folder);
	s = kit_open(folder);
	for (unsigned i = 0; i < JOBS; i++)
		assert_int_equal(kit_run(s, kit_add(i), NULL), FAIL_NONE);
	for (size_t i = 0; i < POLLERS; i++)
		assert_true(thread_start(
			&threads[i], "poller", 0, i < 2 ? poll_list : poll_status, s, NULL));
	advance_all(s);
	atomic_store(&stop, true);
	for (size_t i = 0; i < POLLERS; i++)
		thread_join(&threads[i]);
	print_message("%u polls\n", atomic_load(&polls));
	assert_int_equal(atomic_load(&wrong), 0);
	assert_int_equal(atomic_load(&errors), 0);
	store_close(s);
	kit_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_reader_sees_an_end_without_its_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
