/* Each durable write there is: noticed by the simulation when it is lost, or there is a reason. */
#include "unit/cmocka.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "jobs/errand.h"
#include "sim/writes.h"
#include "store/store.h"

/* How often each sort was met. */
static unsigned met[64];

/* What is written, where nobody knows it. */
static void expect_known(const struct write *w, const char *what, unsigned n)
{
	assert_true(write_sort_count <= COUNT(met));
	for (size_t i = 0; i < write_sort_count; i++)
		met[i] += write_sorts[i].is(w);
	if (!write_is_known(w))
		fail_msg("%s %u: nobody says what comes of its loss: see tests/sim/writes.c", what,
			n);
}

static void try_edge(unsigned from, enum job_state to, unsigned set, enum journal_kind row)
{
	struct store_op op = {
		.kind = STORE_JOB_EDGE,
		.edge = {.from = from, .to = to, .epoch = 1, .set = set, .row = {.kind = row}},
	};

	expect_known(&(struct write){.op = &op}, "an edge with the set", set);
	expect_known(&(struct write){.op = &op, .errand = true}, "an edge of an errand", set);
}

static void try_edges_from(enum job_state from)
{
	for (int to = 0; to < (int)JOB_STATE_COUNT; to++) {
		bool ends = (JOB_BIT(to) & JOB_TERMINAL) != 0;
		unsigned set = ends ? JOB_SET_FINISHED : 0;

		if (!job_edge_allowed(from, (enum job_state)to))
			continue;
		try_edge(JOB_BIT(from), (enum job_state)to, set, JOURNAL_NONE);
		try_edge(JOB_BIT(from), (enum job_state)to, set, JOURNAL_CALL);
		try_edge(JOB_BIT(from), (enum job_state)to, set, JOURNAL_MISSING);
	}
}

static void each_edge_is_known(void **state)
{
	(void)state;
	for (int from = 0; from < (int)JOB_STATE_COUNT; from++)
		try_edges_from((enum job_state)from);
	try_edge(JOB_BIT(JOB_NEEDS_DECISION), JOB_QUEUED, JOB_SET_DECISION, JOURNAL_DECISION);
}

/* Nobody sets these; who begins to is stopped by the simulation. */
#define UNUSED (JOB_SET_DEADLINE | JOB_SET_REQUEST)

/* Those that come with edges of their own: an end, another attempt, a decision. */
#define MOVING (JOB_SET_FINISHED | JOB_SET_EPOCH | JOB_SET_DECISION | JOB_SET_ACCOUNT)

static void each_member_of_an_edge_is_known(void **state)
{
	(void)state;
	for (unsigned set = 1; set <= JOB_SET_ALL; set <<= 1) {
		if ((set & (UNUSED | MOVING)) == 0)
			try_edge(JOB_BIT(JOB_RUNNING), JOB_STATE_COUNT, set, JOURNAL_NONE);
	}
	try_edge(JOB_TERMINAL, JOB_STATE_COUNT, JOB_SET_RESULT, JOURNAL_NONE);
}

static void try_row(enum journal_kind kind)
{
	struct store_op op = {.kind = STORE_JOURNAL, .journal = {.kind = kind}};

	expect_known(&(struct write){.op = &op}, "a row of kind", (unsigned)kind);
}

static bool is_the_stores(enum journal_kind kind)
{
	return kind == JOURNAL_EDGE || kind == JOURNAL_CHECKPOINT || kind == JOURNAL_CANCEL ||
	       kind == JOURNAL_GAP || kind == JOURNAL_MISSING; /* part of an edge */
}

static void each_row_is_known(void **state)
{
	(void)state;
	for (int kind = JOURNAL_NONE + 1; kind < (int)JOURNAL_KIND_COUNT; kind++) {
		if (!is_the_stores((enum journal_kind)kind))
			try_row((enum journal_kind)kind);
	}
}

static void try_add(const char *kind, const char *decision, int64_t until_ms)
{
	struct store_op op = {.kind = STORE_JOB_ADD, .claim = {.until_ms = until_ms}};

	op.job.kind = strdup(kind);
	op.job.decision = decision != NULL ? strdup(decision) : NULL;
	expect_known(&(struct write){.op = &op}, "a job", 0);
	job_finish(&op.job);
}

/* A kind that is added to the store does not compile without a line here. */
static void try_kind(enum store_kind kind)
{
	struct store_op op = {.kind = kind};

	switch (kind) {
	case STORE_JOB_ADD:
		try_add("train", NULL, 0);
		try_add("train", NULL, 1);
		try_add("train", "{}", 0);
		try_add(ERRAND_REMOVE, NULL, 0);
		try_add(ERRAND_CANCEL, NULL, 0);
		return;
	case STORE_JOB_EDGE:
	case STORE_JOURNAL:
		return; /* see above */
	case STORE_KV_PUT:
	case STORE_KV_DELETE:
	case STORE_CLAIM_ANSWER:
	case STORE_CLAIM_SWEEP:
		break;
	}
	expect_known(&(struct write){.op = &op}, "an operation", (unsigned)kind);
}

static void each_operation_is_known(void **state)
{
	(void)state;
	for (int kind = STORE_JOB_ADD; kind <= (int)STORE_JOURNAL; kind++)
		try_kind((enum store_kind)kind);
}

/* Runs behind all others. */
static void no_sort_is_of_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < write_sort_count; i++) {
		if (met[i] == 0)
			fail_msg("%s is no write that there is", write_sorts[i].name);
	}
}

static void a_name_is_of_one_sort(void **state)
{
	(void)state;
	for (size_t i = 0; i < write_sort_count; i++) {
		const char *name = write_sorts[i].name;

		assert_ptr_equal(write_sort_named(name, strlen(name)), &write_sorts[i]);
	}
	assert_null(write_sort_named("ad", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_edge_is_known),
		cmocka_unit_test(each_member_of_an_edge_is_known),
		cmocka_unit_test(each_row_is_known),
		cmocka_unit_test(each_operation_is_known),
		cmocka_unit_test(no_sort_is_of_nothing),
		cmocka_unit_test(a_name_is_of_one_sort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
