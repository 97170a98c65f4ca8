/* broken - see broken.h. */
#include "sim/broken.h"

#include <string.h>

#include "base/attr.h"
#include "jobs/errand.h"
#include "sim/disk.h"
#include "sim/life.h"
#include "sim/world.h"
#include "store/driver.h"

#define NOTED 256 /* operations of one batch */

static bool is_add(const struct store_op *op)
{
	return op->kind == STORE_JOB_ADD && !errand_is_kind(op->job.kind);
}

static bool moves_to(const struct store_op *op, unsigned states)
{
	return op->kind == STORE_JOB_EDGE && op->edge.to != JOB_STATE_COUNT &&
	       (JOB_BIT(op->edge.to) & states) != 0;
}

static bool is_remove(const struct store_op *op)
{
	return op->kind == STORE_JOB_ADD && errand_is_kind(op->job.kind);
}

static bool is_submitting(const struct store_op *op)
{
	return moves_to(op, JOB_BIT(JOB_SUBMITTING));
}

static bool is_running(const struct store_op *op)
{
	return moves_to(op, JOB_BIT(JOB_RUNNING)) &&
	       !(op->edge.from & JOB_BIT(JOB_RUNNING)); /* not a mere progress */
}

static bool is_terminal(const struct store_op *op)
{
	return moves_to(op, JOB_TERMINAL);
}

static bool is_cancel(const struct store_op *op)
{
	return op->kind == STORE_JOB_EDGE && (op->edge.set & JOB_SET_CANCEL) != 0;
}

static bool is_row(const struct store_op *op, enum journal_kind kind)
{
	if (op->kind == STORE_JOURNAL)
		return op->journal.kind == kind;
	return op->kind == STORE_JOB_EDGE && op->edge.row.kind == kind;
}

static bool is_sent(const struct store_op *op)
{
	return is_row(op, JOURNAL_SENT);
}

static bool is_answered(const struct store_op *op)
{
	return is_row(op, JOURNAL_ANSWERED);
}

static bool is_checkpoint(const struct store_op *op)
{
	return op->kind == STORE_JOB_EDGE && (op->edge.set & JOB_SET_CHECKPOINT) != 0;
}

static bool is_claim(const struct store_op *op)
{
	return op->kind == STORE_JOB_ADD && op->claim.until_ms != 0;
}

static bool is_decision(const struct store_op *op)
{
	return is_row(op, JOURNAL_DECISION);
}

/* What a promise rests on, each alone. */
static const struct {
	const char *name;
	bool (*is)(const struct store_op *op);
} writes[] = {
	{"add", is_add},
	{"claim", is_claim},
	{"submitting", is_submitting},
	{"sent", is_sent},
	{"answered", is_answered},
	{"checkpoint", is_checkpoint},
	{"running", is_running},
	{"cancel", is_cancel},
	{"terminal", is_terminal},
	{"decision", is_decision},
	{"remove", is_remove},
};

static bool (*broken)(const struct store_op *op);
static bool unsynced;
static struct store_driver driver;

const char *broken_name(size_t n)
{
	return n < COUNT(writes) ? writes[n].name : NULL;
}

bool broken_choose(const char *text)
{
	const char *colon = strchr(text, ':');
	size_t n = colon != NULL ? (size_t)(colon - text) : strlen(text);

	unsynced = colon != NULL && strcmp(colon, ":unsynced") == 0;
	for (size_t i = 0; i < COUNT(writes); i++) {
		if (strlen(writes[i].name) == n && memcmp(writes[i].name, text, n) == 0)
			broken = writes[i].is;
	}
	return broken != NULL && (colon == NULL || unsynced);
}

/* --- what the daemon is told of its writes: the checks go by that --- */

static struct item *item_of(const char *id)
{
	for (size_t i = 0; i < world->item_count; i++) {
		if (strcmp(world->items[i].row_id, id) == 0)
			return &world->items[i];
	}
	return NULL;
}

static struct {
	struct item *item;
	bool clear; /* what it sent has its answer */
	bool anew;  /* what was before is void */
	bool checkpoint;
} noted[NOTED];
static size_t noted_count;

static void note_add(const struct job *job)
{
	for (size_t i = 0; i < world->item_count; i++) {
		if (job->name != NULL && strcmp(world->items[i].marker, job->name) == 0)
			memcpy(world->items[i].row_id, job->id, sizeof(job->id));
	}
}

/* Counts once the batch it is in is committed; but a change that may leave counts at once. */
static void note(const struct store_op *op)
{
	const char *id = op->kind == STORE_JOURNAL ? op->journal.job : op->edge.values.id;
	struct item *item;

	if (op->kind == STORE_JOB_ADD)
		note_add(&op->job);
	if (op->kind != STORE_JOURNAL && op->kind != STORE_JOB_EDGE)
		return;
	item = item_of(id);
	if (item == NULL || noted_count == NOTED || !op->changed)
		return;
	if (is_sent(op)) {
		item->in_doubt = true;
		item->first_in_doubt = op->journal.k == 1;
	}
	noted[noted_count].item = item;
	noted[noted_count].clear =
		is_answered(op) || is_row(op, JOURNAL_UNSENT) || is_running(op) || is_terminal(op);
	noted[noted_count].anew = is_decision(op) && op->edge.to == JOB_QUEUED;
	noted[noted_count].checkpoint = is_checkpoint(op);
	noted_count++;
}

/* Was there a checkpoint? */
static bool take_notes(void)
{
	bool checkpoint = false;

	for (size_t i = 0; i < noted_count; i++) {
		if (noted[i].clear || noted[i].anew)
			noted[i].item->in_doubt = noted[i].item->first_in_doubt = false;
		if (noted[i].anew)
			noted[i].item->unclear = false;
		checkpoint = checkpoint || noted[i].checkpoint;
	}
	noted_count = 0;
	return checkpoint;
}

/* --- the driver --- */

static bool apply(void *db, struct store_op *op, struct fail *f)
{
	bool lies = broken != NULL && broken(op);
	bool ok = true;

	if (lies && unsynced)
		disk_lie_once();
	if (lies && broken == is_claim)
		op->claim.until_ms = 0; /* the job is written without it */
	if (!lies || unsynced || broken == is_claim) {
		ok = store_sqlite.apply(db, op, f);
	} else {
		op->ok = true;
		op->changed = true;
	}
	if (ok && op->ok)
		note(op);
	return ok;
}

static bool begin(void *db, bool durable, struct fail *f)
{
	noted_count = 0;
	return store_sqlite.begin(db, durable, f);
}

static bool commit(void *db, struct fail *f)
{
	bool ok, checkpoint;

	life_event(EVENT_BEFORE_COMMIT);
	ok = store_sqlite.commit(db, f);
	checkpoint = ok && take_notes();
	life_event(EVENT_AFTER_COMMIT);
	if (checkpoint)
		life_event(EVENT_CHECKPOINT);
	return ok;
}

const struct store_driver *broken_driver(void)
{
	driver = store_sqlite;
	driver.begin = begin;
	driver.apply = apply;
	driver.commit = commit;
	return &driver;
}
