/* job_test - the states of a job, and copies of one. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "jobs/job.h"
#include "unit/cmocka.h"

#define Q JOB_BIT(JOB_QUEUED)
#define S JOB_BIT(JOB_SUBMITTING)
#define R JOB_BIT(JOB_RUNNING)
#define E JOB_BIT(JOB_RECOVERING)
#define N JOB_BIT(JOB_NEEDS_DECISION)
#define O JOB_BIT(JOB_ORPHANED)
#define D JOB_BIT(JOB_SUCCEEDED)
#define F JOB_BIT(JOB_FAILED)
#define C JOB_BIT(JOB_CANCELLED)

static const struct {
	enum job_state state;
	unsigned next; /* with itself */
	const char *word;
	const char *essedum;
	const char *shorter;
} rows[] = {
	{JOB_QUEUED, Q | S | O | F | C, "queued", "WAITING", "SUBMITTED"},
	{JOB_SUBMITTING, Q | S | R | E | N | O | D | F | C, "submitting", "RUNNING", "RUNNING"},
	{JOB_RUNNING, R | E | O | D | F | C, "running", "RUNNING", "RUNNING"},
	{JOB_RECOVERING, Q | S | R | E | N | O | D | F | C, "recovering", "RUNNING", "RUNNING"},
	{JOB_NEEDS_DECISION, Q | R | E | N | O | D | F | C, "needs_decision", "RUNNING", "RUNNING"},
	{JOB_ORPHANED, Q | R | E | N | O | F | C, "orphaned_provider", "RUNNING", "RUNNING"},
	{JOB_SUCCEEDED, 0, "succeeded", "COMPLETED", "COMPLETED"},
	{JOB_FAILED, 0, "failed", "ERROR", "ERROR"},
	{JOB_CANCELLED, 0, "cancelled", "CANCELLED", "CANCELLED"},
};

static void every_state_has_its_words(void **state)
{
	(void)state;
	assert_int_equal(COUNT(rows), JOB_STATE_COUNT);
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum job_state back = JOB_STATE_COUNT;

		assert_string_equal(job_state_word(rows[i].state), rows[i].word);
		assert_string_equal(job_state_essedum(rows[i].state), rows[i].essedum);
		assert_string_equal(job_state_short(rows[i].state), rows[i].shorter);
		assert_true(job_state_of(rows[i].word, &back));
		assert_int_equal(back, rows[i].state);
	}
}

static void a_word_that_is_no_state_is_refused(void **state)
{
	static const char *const words[] = {"", "Queued", "queued ", "orphaned", "RUNNING"};
	enum job_state back = JOB_FAILED;

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++)
		assert_false(job_state_of(words[i], &back));
	assert_int_equal(back, JOB_FAILED);
}

static void exactly_the_edges_of_the_table_are_allowed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (unsigned to = 0; to < JOB_STATE_COUNT; to++)
			assert_int_equal(job_edge_allowed(rows[i].state, (enum job_state)to),
				(rows[i].next & JOB_BIT(to)) != 0);
	}
}

static void open_and_terminal_share_no_state_and_miss_none(void **state)
{
	(void)state;
	assert_int_equal(JOB_OPEN & JOB_TERMINAL, 0);
	assert_int_equal(JOB_OPEN | JOB_TERMINAL, JOB_BIT(JOB_STATE_COUNT) - 1);
}

static void fill(struct job *job)
{
	memset(job, 0, sizeof(*job));
	memcpy(job->id, "0123456789abcdefghjkmnpq", ID_SIZE);
	job->state = JOB_RUNNING;
	job->epoch = 7;
	job->provider = strdup("near");
	job->error = strdup("no");
	assert_non_null(job->provider);
	assert_non_null(job->error);
}

static void a_copy_shares_nothing_with_its_original(void **state)
{
	struct job job;
	struct job copy;

	(void)state;
	fill(&job);
	assert_true(job_copy(&copy, &job));
	assert_ptr_not_equal(copy.provider, job.provider);
	job.provider[0] = 'f';
	job_finish(&job);
	assert_null(job.provider);
	assert_string_equal(copy.id, "0123456789abcdefghjkmnpq");
	assert_string_equal(copy.provider, "near");
	assert_string_equal(copy.error, "no");
	assert_null(copy.request);
	assert_int_equal(copy.epoch, 7);
	job_finish(&copy);
}

/* As the tracker makes a new job. */
static void texts_may_lie_in_a_block_of_the_job(void **state)
{
	static const char texts[] = "near\0train";
	struct job job;
	struct job copy;

	(void)state;
	fill(&job);
	free(job.provider);
	job.block_n = sizeof(texts);
	job.block = malloc(job.block_n);
	assert_non_null(job.block);
	memcpy(job.block, texts, job.block_n);
	job.provider = job.block;
	job.kind = job.block + sizeof("near");
	assert_true(job_copy(&copy, &job));
	job_finish(&job); /* the block, and the text that is not in it */
	assert_null(job.block);
	assert_null(copy.block);
	assert_string_equal(copy.provider, "near");
	assert_string_equal(copy.kind, "train");
	assert_string_equal(copy.error, "no");
	job_finish(&copy);
}

static void bytes_count_every_text(void **state)
{
	struct job job = {0};
	size_t bare = job_bytes(&job);

	(void)state;
	fill(&job);
	assert_int_equal(job_bytes(&job), bare + sizeof("near") + sizeof("no"));
	job_finish(&job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_has_its_words),
		cmocka_unit_test(a_word_that_is_no_state_is_refused),
		cmocka_unit_test(exactly_the_edges_of_the_table_are_allowed),
		cmocka_unit_test(open_and_terminal_share_no_state_and_miss_none),
		cmocka_unit_test(a_copy_shares_nothing_with_its_original),
		cmocka_unit_test(texts_may_lie_in_a_block_of_the_job),
		cmocka_unit_test(bytes_count_every_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
