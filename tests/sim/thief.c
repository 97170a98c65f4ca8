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
	WAIT_MOST_MS = 80,
	STRIKE_RATE = 96 /* of 256 */
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

static struct store_op *theft_new(const char *job, enum job_state from, enum job_state to)
{
	struct store_op *op = store_op_new(STORE_JOB_EDGE, true);

	if (op == NULL)
		return NULL;
	op->edge.from = JOB_BIT(from);
	op->edge.to = to;
	op->edge.epoch = -1;
	op->edge.set = JOB_SET_EPOCH;
	memcpy(op->edge.values.id, job, ID_SIZE);
	return op;
}

/* The other one does not say what it did with the job: that is to be found out. */
static void take(struct item *item)
{
	struct store_op *op = theft_new(item->row_id, JOB_SUBMITTING, JOB_RECOVERING);
	struct fail f = {0};

	item->robbed = true;
	if (op != NULL && store_run(thief.d->store, op, &f) && op->changed)
		trace("thief: %s has another epoch now", item->marker);
	store_op_free(op);
}

static struct item *item_of(const char *job)
{
	for (size_t i = 0; i < world->item_count; i++) {
		if (strcmp(world->items[i].row_id, job) == 0)
			return &world->items[i];
	}
	return NULL;
}

/* Where the daemon believes the job to be when it writes that; JOB_STATE_COUNT: nowhere of
 * interest. */
static enum job_state believed(const struct store_op *op)
{
	if (op->kind == STORE_JOURNAL && op->journal.kind == JOURNAL_SENT)
		return JOB_SUBMITTING;
	if (op->kind != STORE_JOB_EDGE || op->edge.epoch < 0)
		return JOB_STATE_COUNT;
	if (op->edge.from == JOB_BIT(JOB_SUBMITTING))
		return JOB_SUBMITTING;
	return op->edge.from == JOB_BIT(JOB_RECOVERING) ? JOB_RECOVERING : JOB_STATE_COUNT;
}

struct store_op *thief_strikes(const struct store_op *op)
{
	enum job_state from = world->thieves ? believed(op) : JOB_STATE_COUNT;
	enum job_state to = JOB_RECOVERING;
	struct item *item;

	if (from == JOB_STATE_COUNT)
		return NULL;
	item = item_of(op->kind == STORE_JOURNAL ? op->journal.job : op->edge.values.id);
	if (item == NULL || !is_tempting(item) || !chance_of_256(CHANCE_THIEF, STRIKE_RATE))
		return NULL;
	item->robbed = true;
	/* One that submits, too: only the epoch tells its attempt from that of the daemon. */
	if (from == JOB_SUBMITTING && chance_of_256(CHANCE_THIEF, 128))
		to = JOB_SUBMITTING;
	trace("thief: %s is %s and has another epoch, just in time", item->marker,
		job_state_word(to));
	return theft_new(item->row_id, from, to);
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
