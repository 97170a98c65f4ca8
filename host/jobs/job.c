/*
 * job.c - the states of a job as tables, and copying and freeing one.
 */
#include "jobs/job.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

struct state {
	const char *word;    /* durable: never change one that was released */
	const char *essedum; /* of /execute and the lists */
	const char *shorter; /* of GET /status */
	unsigned next;       /* JOB_BIT()s of the other states it may go to */
};

static const struct state states[] = {
	[JOB_QUEUED] = {"queued", "WAITING", "SUBMITTED",
		JOB_BIT(JOB_SUBMITTING) | JOB_BIT(JOB_ORPHANED) | JOB_BIT(JOB_FAILED) |
			JOB_BIT(JOB_CANCELLED)},
	[JOB_SUBMITTING] = {"submitting", "RUNNING", "RUNNING",
		JOB_BIT(JOB_QUEUED) | JOB_BIT(JOB_RUNNING) | JOB_BIT(JOB_RECOVERING) |
			JOB_BIT(JOB_NEEDS_DECISION) | JOB_BIT(JOB_ORPHANED) | JOB_TERMINAL},
	[JOB_RUNNING] = {"running", "RUNNING", "RUNNING",
		JOB_BIT(JOB_RECOVERING) | JOB_BIT(JOB_ORPHANED) | JOB_TERMINAL},
	[JOB_RECOVERING] = {"recovering", "RUNNING", "RUNNING",
		JOB_BIT(JOB_QUEUED) | JOB_BIT(JOB_SUBMITTING) | JOB_BIT(JOB_RUNNING) |
			JOB_BIT(JOB_NEEDS_DECISION) | JOB_BIT(JOB_ORPHANED) | JOB_TERMINAL},
	[JOB_NEEDS_DECISION] = {"needs_decision", "RUNNING", "RUNNING",
		JOB_BIT(JOB_QUEUED) | JOB_BIT(JOB_RUNNING) | JOB_BIT(JOB_RECOVERING) |
			JOB_BIT(JOB_ORPHANED) | JOB_TERMINAL},
	[JOB_ORPHANED] = {"orphaned_provider", "RUNNING", "RUNNING",
		JOB_BIT(JOB_QUEUED) | JOB_BIT(JOB_RUNNING) | JOB_BIT(JOB_RECOVERING) |
			JOB_BIT(JOB_NEEDS_DECISION) | JOB_BIT(JOB_FAILED) | JOB_BIT(JOB_CANCELLED)},
	[JOB_SUCCEEDED] = {"succeeded", "COMPLETED", "COMPLETED", 0},
	[JOB_FAILED] = {"failed", "ERROR", "ERROR", 0},
	[JOB_CANCELLED] = {"cancelled", "CANCELLED", "CANCELLED", 0},
};

static_assert(COUNT(states) == JOB_STATE_COUNT, "a row for each state");

/* The texts of struct job, so that nobody lists them a second time. */
static const size_t texts[] = {
	offsetof(struct job, provider),
	offsetof(struct job, interface),
	offsetof(struct job, kind),
	offsetof(struct job, name),
	offsetof(struct job, project),
	offsetof(struct job, connection),
	offsetof(struct job, request),
	offsetof(struct job, remote_ref),
	offsetof(struct job, remote_name),
	offsetof(struct job, handle),
	offsetof(struct job, checkpoint),
	offsetof(struct job, result),
	offsetof(struct job, progress),
	offsetof(struct job, error),
	offsetof(struct job, metrics),
	offsetof(struct job, decision),
	offsetof(struct job, account),
	offsetof(struct job, terms),
	offsetof(struct job, series),
};

static_assert(sizeof(struct job) - offsetof(struct job, provider) == sizeof(char *) * COUNT(texts),
	"every text of struct job is listed");

char **job_text_at(struct job *job, size_t offset)
{
	return (char **)(void *)((char *)job + offset);
}

static const char *text_of(const struct job *job, size_t offset)
{
	return *(char *const *)(const void *)((const char *)job + offset);
}

static const struct state *state_row(enum job_state state)
{
	assert((unsigned)state < JOB_STATE_COUNT);
	return &states[state];
}

const char *job_state_word(enum job_state state)
{
	return state_row(state)->word;
}

const char *job_state_essedum(enum job_state state)
{
	return state_row(state)->essedum;
}

const char *job_state_short(enum job_state state)
{
	return state_row(state)->shorter;
}

bool job_state_of(const char *word, enum job_state *ret_state)
{
	for (size_t i = 0; i < COUNT(states); i++) {
		if (strcmp(states[i].word, word) == 0) {
			*ret_state = (enum job_state)i;
			return true;
		}
	}
	return false;
}

bool job_edge_allowed(enum job_state from, enum job_state to)
{
	if (from == to)
		return (JOB_BIT(from) & JOB_OPEN) != 0;
	return (state_row(from)->next & JOB_BIT(to)) != 0;
}

static bool in_block(const struct job *job, const char *text)
{
	return job->block != NULL &&
	       (uintptr_t)text - (uintptr_t)job->block < (uintptr_t)job->block_n;
}

void job_finish(struct job *job)
{
	for (size_t i = 0; i < COUNT(texts); i++) {
		char *text = *job_text_at(job, texts[i]);

		if (text != NULL && !in_block(job, text))
			free(text);
	}
	free(job->block);
	memset(job, 0, sizeof(*job));
}

bool job_copy(struct job *ret_job, const struct job *job)
{
	struct job copy = *job;

	copy.block = NULL;
	copy.block_n = 0;
	for (size_t i = 0; i < COUNT(texts); i++)
		*job_text_at(&copy, texts[i]) = NULL;
	for (size_t i = 0; i < COUNT(texts); i++) {
		const char *text = text_of(job, texts[i]);
		char *own = text != NULL ? strdup(text) : NULL;

		if (text != NULL && own == NULL) {
			job_finish(&copy);
			memset(ret_job, 0, sizeof(*ret_job));
			return false;
		}
		*job_text_at(&copy, texts[i]) = own;
	}
	*ret_job = copy;
	return true;
}

size_t job_bytes(const struct job *job)
{
	size_t n = sizeof(*job);

	for (size_t i = 0; i < COUNT(texts); i++) {
		const char *text = text_of(job, texts[i]);

		n += text != NULL ? strlen(text) + 1 : 0;
	}
	return n;
}
