/* thief - see thief.h. */
#include "sim/thief.h"

#include <string.h>

#include "base/fail.h"
#include "platform/thread.h"
#include "sim/daemon.h"
#include "sim/work.h"
#include "sim/world.h"
#include "store/store.h"

enum {
	LOOK_MS = 20,
	WAIT_MOST_MS = 80
};

static struct {
	struct thread thread;
	struct daemon_parts *d;
	bool there;
} thief;

void thief_plan(void)
{
	world->thieves = chance_of_256(CHANCE_PLAN, 32);
}

/* Of others somebody would have to decide, or nobody can tell who made what is on the way. */
static bool is_tempting(const struct item *item)
{
	const struct wish *w = item->wish;

	return !item->robbed && item->begun && w->has_times && strncmp(w->kind, "chain", 5) != 0 &&
	       (w->way == WAY_TOKEN || w->way == WAY_NAME || w->way == WAY_SEARCH);
}

/* The other one does not say what it did with the job: that is to be found out. */
static void take(struct item *item)
{
	struct store_op *op = store_op_new(STORE_JOB_EDGE, true);
	struct job job = {0};
	struct fail f = {0};

	item->robbed = true;
	if (op == NULL || !store_job(thief.d->store, item->row_id, &job, &f)) {
		store_op_free(op);
		return;
	}
	op->edge.from = JOB_BIT(JOB_SUBMITTING);
	op->edge.to = JOB_RECOVERING;
	op->edge.epoch = job.epoch;
	op->edge.set = JOB_SET_EPOCH;
	memcpy(op->edge.values.id, job.id, sizeof(job.id));
	if (store_run(thief.d->store, op, &f) && op->changed)
		trace("thief: %s has epoch %d now", item->marker, (int)job.epoch + 1);
	job_finish(&job);
	store_op_free(op);
}

static void run(void *arg)
{
	(void)arg;
	while (work_wait_until(world->now_ms + LOOK_MS)) {
		bool none = true;

		for (size_t i = 0; i < world->item_count; i++) {
			struct item *item = &world->items[i];

			none = none && item->robbed;
			if (is_tempting(item) &&
				work_wait_until(world->now_ms +
						chance_between(CHANCE_PLAN, 0, WAIT_MOST_MS)))
				take(item);
		}
		if (none || work_done())
			return;
	}
}

void thief_start(struct daemon_parts *d)
{
	struct fail f = {0};

	thief.d = d;
	thief.there = world->thieves && thread_start(&thief.thread, "thief", 0, run, NULL, &f);
}

void thief_join(void)
{
	if (thief.there)
		thread_join(&thief.thread);
}
