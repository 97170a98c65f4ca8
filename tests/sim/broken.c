/* broken - see broken.h. */
#include "sim/broken.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "jobs/errand.h"
#include "sim/disk.h"
#include "sim/guards.h"
#include "sim/leases.h"
#include "sim/life.h"
#include "sim/thief.h"
#include "sim/world.h"
#include "sim/writes.h"
#include "store/driver.h"

#define NOTED 256 /* operations of one batch */

static const struct write_sort *broken;
static bool unsynced;
static bool in_durable; /* the batch that is being written */
static struct store_driver driver;

bool broken_choose(const char *text)
{
	const char *colon = strchr(text, ':');
	size_t n = colon != NULL ? (size_t)(colon - text) : strlen(text);

	if (guards_lift(text))
		return true;
	unsynced = colon != NULL && strcmp(colon, ":unsynced") == 0;
	broken = write_sort_named(text, n);
	return broken != NULL && (colon == NULL || unsynced);
}

bool broken_lies(void)
{
	return broken != NULL;
}

void broken_list(void)
{
	for (size_t i = 0; i < write_sort_count; i++) {
		const struct write_sort *s = &write_sorts[i];

		if (s->unmade_why == NULL)
			(void)printf("%s\n", s->name);
		if (s->unsynced_why == NULL)
			(void)printf("%s:unsynced\n", s->name);
	}
	guards_list();
}

void broken_explain(void)
{
	for (size_t i = 0; i < write_sort_count; i++) {
		const struct write_sort *s = &write_sorts[i];

		if (s->unmade_why != NULL)
			(void)printf("%s: %s\n", s->name, s->unmade_why);
		if (s->unsynced_why != NULL)
			(void)printf("%s:unsynced: %s\n", s->name, s->unsynced_why);
	}
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
	bool unsent;
	bool begun; /* a submission of it began */
	uint64_t checkpoint;
} noted[NOTED];
static size_t noted_count;

static void note_add(const struct job *job)
{
	for (size_t i = 0; i < world->item_count; i++) {
		if (job->name != NULL && strcmp(world->items[i].marker, job->name) == 0)
			memcpy(world->items[i].row_id, job->id, sizeof(job->id));
	}
	if (errand_is_kind(job->kind) && world->errand_count < COUNT(world->errands))
		memcpy(world->errands[world->errand_count++], job->id, sizeof(job->id));
}

/* What is on the way to what its item wants; as network.c has it. */
static bool makes_first(const struct store_journal *sent)
{
	return sent->detail != NULL && strstr(sent->detail, "/datasets") != NULL;
}

static struct item *about(const struct store_op *op)
{
	if (op->kind == STORE_JOURNAL)
		return item_of(op->journal.job);
	return op->kind == STORE_JOB_EDGE ? item_of(op->edge.values.id) : NULL;
}

/* Counts once the batch it is in is committed; but a change that may leave counts at once. */
static void note(const struct write *w)
{
	const struct store_op *op = w->op;
	const bool row = op->kind == STORE_JOURNAL;
	const enum journal_kind kind = row ? op->journal.kind : JOURNAL_NONE;
	struct item *item = about(op);
	const unsigned to = row || op->edge.to == JOB_STATE_COUNT ? 0 : JOB_BIT(op->edge.to);

	if (item == NULL || noted_count == NOTED || !op->changed)
		return;
	if (kind == JOURNAL_SENT) {
		item->in_doubt = true;
		item->first_in_doubt = makes_first(&op->journal);
	}
	noted[noted_count].item = item;
	noted[noted_count].unsent = kind == JOURNAL_UNSENT;
	noted[noted_count].clear = kind == JOURNAL_ANSWERED || kind == JOURNAL_UNSENT ||
	                           (to & (JOB_BIT(JOB_RUNNING) | JOB_TERMINAL)) != 0;
	noted[noted_count].anew =
		to == JOB_BIT(JOB_QUEUED) && op->edge.row.kind == JOURNAL_DECISION;
	noted[noted_count].begun = to == JOB_BIT(JOB_SUBMITTING);
	noted[noted_count].checkpoint = !row && (op->edge.set & JOB_SET_CHECKPOINT) != 0
	                                        ? world_hash(op->edge.values.checkpoint)
	                                        : 0;
	if (noted[noted_count].checkpoint != 0)
		item->checkpoints = noted[noted_count].checkpoint;
	noted_count++;
}

/* The moments that came with what was committed. */
static void take_notes(bool moments[EVENT_COUNT])
{
	for (size_t i = 0; i < noted_count; i++) {
		struct item *item = noted[i].item;

		if (noted[i].clear || noted[i].anew)
			item->in_doubt = item->first_in_doubt = false;
		if (noted[i].anew)
			item->unclear = false;
		item->begun = item->begun || noted[i].begun;
		if (noted[i].checkpoint != 0)
			item->checkpoint = noted[i].checkpoint;
		moments[EVENT_CHECKPOINT] |= noted[i].checkpoint != 0;
		moments[EVENT_UNSENT] |= noted[i].unsent;
	}
	noted_count = 0;
}

/* --- pairs of providers --- */

static struct {
	struct pair *pair;
	uint64_t value; /* 0: it is gone */
} paired[NOTED];
static size_t paired_count;

static struct pair *pair_of(const struct store_kv *kv)
{
	struct pair *free = NULL;

	for (size_t i = 0; i < COUNT(world->pairs); i++) {
		struct pair *p = &world->pairs[i];

		if (strcmp(p->key, kv->key) == 0 && strcmp(p->instance, kv->instance) == 0)
			return p;
		if (p->key[0] == '\0' && free == NULL)
			free = p;
	}
	if (free == NULL || strlen(kv->key) >= sizeof(free->key) ||
		strlen(kv->instance) >= sizeof(free->instance))
		return NULL;
	memcpy(free->key, kv->key, strlen(kv->key) + 1);
	memcpy(free->instance, kv->instance, strlen(kv->instance) + 1);
	return free;
}

static void note_pair(const struct store_op *op)
{
	struct pair *p = op->changed && paired_count < NOTED ? pair_of(&op->kv) : NULL;

	if (p == NULL)
		return;
	paired[paired_count].pair = p;
	paired[paired_count].value = op->kind == STORE_KV_PUT ? world_hash(op->kv.value) : 0;
	p->next = paired[paired_count].value;
	paired_count++;
}

static void take_pairs(bool moments[EVENT_COUNT])
{
	moments[EVENT_PAIR] = paired_count > 0;
	for (size_t i = 0; i < paired_count; i++)
		paired[i].pair->value = paired[i].value;
	paired_count = 0;
}

/* --- the driver --- */

static bool is_errand(const char *id)
{
	for (size_t i = 0; i < world->errand_count; i++) {
		if (strcmp(world->errands[i], id) == 0)
			return true;
	}
	return false;
}

static bool lie(struct store_op *op)
{
	if (unsynced) {
		disk_lie_once();
		return false;
	}
	if (broken->leave_out != NULL) {
		broken->leave_out(op);
		return false;
	}
	op->ok = true;
	op->changed = true;
	return true;
}

/* False: the transaction is lost. */
static bool be_robbed(void *db, const struct store_op *op, struct fail *f)
{
	struct store_op *theft = thief_strikes(op);
	bool ok = theft == NULL || store_sqlite.apply(db, theft, f);

	if (theft != NULL && ok && theft->ok)
		leases_note(theft, true);
	store_op_free(theft);
	return ok;
}

static bool write(void *db, const struct write *w, struct fail *f)
{
	int64_t epoch;
	bool ok;

	if (broken != NULL && broken->is(w) && lie(w->op))
		return true;
	epoch = guards_open(w->op);
	ok = store_sqlite.apply(db, w->op, f);
	guards_close(w->op, epoch);
	return ok;
}

static void note_op(const struct write *w, bool ours)
{
	const struct store_op *op = w->op;

	if (broken == NULL) /* a lie knows no leases */
		leases_note(op, !ours);
	if (op->kind == STORE_JOB_ADD)
		note_add(&op->job);
	else if (op->kind == STORE_KV_PUT || op->kind == STORE_KV_DELETE)
		note_pair(op);
	else
		note(w);
}

static bool apply(void *db, struct store_op *op, struct fail *f)
{
	struct write w = {
		.op = op, .errand = op->kind == STORE_JOB_EDGE && is_errand(op->edge.values.id)};
	bool ours = !write_is_theft(op);

	if (ours && !write_is_known(&w))
		world_wrong("a write that writes.c does not know (kind %d)", (int)op->kind);
	if (ours && !be_robbed(db, op, f))
		return false;
	if (!(ours ? write(db, &w, f) : store_sqlite.apply(db, op, f)))
		return false;
	if (op->ok)
		note_op(&w, ours);
	guards_report(op);
	return true;
}

static bool begin(void *db, bool durable, struct fail *f)
{
	noted_count = paired_count = 0;
	in_durable = durable;
	leases_drop();
	return store_sqlite.begin(db, durable, f);
}

static bool commit(void *db, struct fail *f)
{
	bool moments[EVENT_COUNT] = {false};
	bool ok;

	life_event(EVENT_BEFORE_COMMIT);
	ok = store_sqlite.commit(db, f);
	disk_lie_no_more();
	if (ok) {
		leases_commit(in_durable);
		take_notes(moments);
		take_pairs(moments);
	}
	life_event(EVENT_AFTER_COMMIT);
	for (unsigned i = 0; i < EVENT_COUNT; i++) {
		if (moments[i])
			life_event((enum event)i);
	}
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
