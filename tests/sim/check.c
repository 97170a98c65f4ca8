/* check - see check.h. */
#include "sim/check.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "jobs/errand.h"
#include "sim/cloud.h"
#include "sim/daemon.h"
#include "sim/operator.h"
#include "sim/sweep.h"
#include "sim/work.h"
#include "sim/world.h"
#include "store/store.h"

/* What the store has of an item. */
struct row {
	unsigned count; /* rows of it */
	enum job_state state;
	int64_t epoch;
	bool cancel;
	bool endless;
	unsigned removals, removed; /* errands, and those that were done */
	bool unmade, hidden;        /* it ended without an object; and is not shown any more */
	char id[ID_SIZE];
	char error[200];
};

struct rows {
	struct row of[WORLD_ITEMS];
	unsigned open, parked, count;
};

static const struct item *item_of(const struct job *job)
{
	for (size_t i = 0; i < world->item_count; i++) {
		if (job->name != NULL && strcmp(job->name, world->items[i].marker) == 0)
			return &world->items[i];
	}
	return NULL;
}

/* Its client never learned its name, and so cannot ask for its end. */
static bool endless(const struct job *job)
{
	const struct item *item = item_of(job);

	return item != NULL && !item->accepted && item->run_ms < 0 && job->state == JOB_RUNNING &&
	       item->timeout_ms == 0;
}

static bool take_errand(const struct job *job, struct rows *rows)
{
	rows->open += (JOB_BIT(job->state) & JOB_OPEN) != 0;
	for (size_t i = 0; i < world->item_count; i++) {
		if (strcmp(job->parent, world->items[i].id) != 0)
			continue;
		rows->of[i].removals++;
		rows->of[i].removed += job->state == JOB_SUCCEEDED;
	}
	return true;
}

static bool take_row(const struct job *job, void *ctx)
{
	const struct item *item = item_of(job);
	struct rows *rows = ctx;
	struct row *row;

	if (errand_is_kind(job->kind))
		return take_errand(job, rows);
	rows->count++;
	rows->open += (JOB_BIT(job->state) & JOB_OPEN) != 0 && !endless(job);
	rows->parked += job->state == JOB_NEEDS_DECISION;
	if (item == NULL)
		return true;
	row = &rows->of[item - world->items];
	row->count++;
	row->state = job->state;
	row->epoch = job->epoch;
	row->cancel = job->cancel_ms != 0;
	row->endless = endless(job);
	row->unmade = job->remote_name == NULL;
	row->hidden = errand_has_removed(job);
	memcpy(row->id, job->id, sizeof(row->id));
	(void)snprintf(row->error, sizeof(row->error), "%s", job->error != NULL ? job->error : "");
	return true;
}

static bool read_rows(struct daemon_parts *d, struct rows *rows)
{
	const struct job_filter all = {.errands = true};
	struct fail f = {0};

	memset(rows, 0, sizeof(*rows));
	if (store_jobs(d->store, &all, take_row, rows, &f))
		return true;
	world_wrong("crashed: the jobs cannot be read: %s", f.text);
	return false;
}

/* --- the cloud's side --- */

struct made {
	unsigned count;   /* objects */
	unsigned twice;   /* of them: by a request that the network delivered twice */
	unsigned later;   /* by one that came later than a search allows for */
	unsigned shown;   /* in the end, as strays; running and agrees leave them out */
	unsigned cancels; /* requests to cancel one */
	unsigned running;
	unsigned steps; /* objects on the way to it */
	unsigned gone;
	const char *agrees; /* the state of one, of several the wanted one; NULL: there is none */
};

/* state: in the cloud's words, or NULL. */
static struct made made_for(const struct item *item, const char *state)
{
	struct made made = {0};

	for (size_t i = 0; i < world->object_count; i++) {
		const struct object *o = &world->objects[i];

		if (strcmp(o->marker, item->marker) != 0)
			continue;
		if (o->collection != item->wish->makes) {
			made.steps += !o->again;
			continue;
		}
		made.count++;
		made.twice += o->again;
		made.later += o->later;
		made.cancels += o->cancels;
		made.gone += o->gone;
		made.shown += o->shown;
		if (o->shown)
			continue;
		made.running += !cloud_ended(o);
		if (made.agrees == NULL || (state != NULL && strcmp(cloud_state(o), state) == 0))
			made.agrees = cloud_state(o);
	}
	return made;
}

/* --- what must hold at any time --- */

/* Nobody can say what became of a submission of that class, and something was unclear. */
static bool may_be_parked(const struct item *item)
{
	if (item->stray) /* where it cannot be looked at */
		return true;
	return (item->wish->way == WAY_NONE || item->wish->way == WAY_HIDDEN) && item->unclear;
}

/* With its provider, or just back with it. */
static bool may_be_away(const struct row *row)
{
	return world->was_absent && (row->state == JOB_ORPHANED || row->state == JOB_RECOVERING);
}

static void check_told(const struct item *item, const struct row *row, const struct made *made)
{
	bool ended = (JOB_BIT(row->state) & JOB_TERMINAL) != 0;

	if (item->accepted && row->count == 0)
		world_wrong("lost: %s was accepted as %s, and there is no such job", item->marker,
			item->id);
	else if (item->accepted && strcmp(row->id, item->id) != 0)
		world_wrong(
			"lost: %s was accepted as %s, and is %s", item->marker, item->id, row->id);
	if (row->count > 1)
		world_wrong("doubled: %s is %u jobs", item->marker, row->count);
	if (made->count - made->twice > item->allowed + made->later)
		world_wrong("doubled: %s made %u objects", item->marker, made->count - made->twice);
	if (made->steps > item->allowed + item->first_doubts)
		world_wrong("doubled: %s made %u objects on its way", item->marker, made->steps);
	if (made->count > 0 && row->count == 0 && !item->stray)
		world_wrong(
			"lost: the cloud has an object of %s, and there is no job", item->marker);
	if (made->count > 0 && row->count > 0 && row->epoch == 0)
		world_wrong("%s made an object before its submission was on disk", item->marker);
	if (item->stray && row->epoch > 1)
		world_wrong("doubled: %s was adopted, and then submitted", item->marker);
	if (item->ended_told >= 0 && (int)row->state != item->ended_told)
		world_wrong("%s was told to be %s, and is %s", item->marker,
			job_state_word((enum job_state)item->ended_told),
			job_state_word(row->state));
	if (row->state == JOB_NEEDS_DECISION && !may_be_parked(item))
		world_wrong("%s (%s) waits for a decision without need: %s", item->marker,
			item->wish->kind, row->error);
	if (item->running_told && !ended && row->state != JOB_RUNNING && !may_be_away(row))
		world_wrong(
			"%s was told to run, and is %s", item->marker, job_state_word(row->state));
	if (item->cancel_told && !row->cancel && !ended)
		world_wrong("the cancel of %s was answered, and is forgotten", item->marker);
	if (made->cancels > 0 && !row->cancel)
		world_wrong(
			"%s was cancelled at the cloud without an intent on disk", item->marker);
	if (made->cancels > 0 && !item->cancel_asked && item->timeout_ms == 0)
		world_wrong("%s was cancelled at the cloud, and nobody asked for it", item->marker);
}

static void check_removal(const struct item *item, const struct row *row, const struct made *made)
{
	if (made->gone > 0 && !item->remove_asked)
		world_wrong("%s was removed at the cloud, and nobody asked for it", item->marker);
	if (made->gone > 0 && row->removals == 0)
		world_wrong("%s was removed at the cloud without an intent on disk", item->marker);
	if (item->errand[0] != '\0' && item->remove_answered && row->removals == 0)
		world_wrong("the removal of %s was taken, and is forgotten", item->marker);
	if (item->remove_end == JOB_SUCCEEDED && row->unmade && !row->hidden)
		world_wrong("%s was told to be removed, and is shown", item->marker);
	if (item->remove_end == JOB_SUCCEEDED && made->gone == 0 && !row->unmade)
		world_wrong("%s was told to be removed, and is there", item->marker);
}

/* One that was taken is only not done where it was refused, which it is for what went wrong. */
static void check_removed(const struct item *item, const struct row *row, const struct made *made)
{
	if (row->removals == 0 || (row->unmade && row->removed == 0))
		return;
	if (made->gone == 0 && !row->unmade && (row->removed > 0 || world->faults == 0))
		world_wrong("the removal of %s was not carried out", item->marker);
	if (item->remove_end == JOB_SUCCEEDED && row->removed == 0)
		world_wrong("%s was told to be removed, and its removal failed", item->marker);
}

/* Whoever was told of the end of a removal may use the name again. */
static void check_anew(void)
{
	for (size_t i = 0; i < world->object_count; i++) {
		const struct object *o = &world->objects[i];

		if (o->anew && o->gone)
			world_wrong("%s was made anew when its removal had been told, and is "
				    "removed, too",
				o->id);
	}
}

void check_promises(struct daemon_parts *d)
{
	struct rows rows;

	if (!read_rows(d, &rows))
		return;
	for (size_t i = 0; i < world->item_count; i++) {
		struct made made = made_for(&world->items[i], NULL);

		check_told(&world->items[i], &rows.of[i], &made);
		check_removal(&world->items[i], &rows.of[i], &made);
	}
	check_anew();
}

/* --- what must hold in the end --- */

/* Whoever waits for the end of a job hears of it. */
static bool all_told(const struct rows *rows)
{
	for (size_t i = 0; i < world->item_count; i++) {
		if (world->items[i].accepted && world->items[i].ended_told < 0 &&
			(JOB_BIT(rows->of[i].state) & JOB_TERMINAL) != 0)
			return false;
	}
	return true;
}

static struct rows seen; /* when it was last looked */

bool check_look(struct daemon_parts *d)
{
	return read_rows(d, &seen);
}

bool check_settled(void)
{
	return seen.open == seen.parked && all_told(&seen) &&
	       (seen.parked == 0 || world->operator_sort == OPERATOR_NONE);
}

bool check_is_parked(const struct item *item)
{
	const struct row *row = &seen.of[item - world->items];

	return row->count == 1 && row->state == JOB_NEEDS_DECISION;
}

bool check_letters_left(void)
{
	for (size_t i = 0; i < WORLD_LETTERS; i++) {
		if (world->letters[i].used)
			return true;
	}
	return false;
}

static const char *const wanted_states[JOB_STATE_COUNT] = {
	[JOB_SUCCEEDED] = "SUCCEEDED", [JOB_FAILED] = "FAILED", [JOB_CANCELLED] = "CANCELLED"};

static void check_object(const struct item *item, const struct row *row, const struct made *made)
{
	const char *wanted = wanted_states[row->state];

	if (item->wish->takes_off || item->leaves)
		return;
	if (made->count == made->shown && row->state == JOB_SUCCEEDED)
		world_wrong("%s succeeded, and made nothing", item->marker);
	if (made->count == 0 && row->state == JOB_FAILED && world->faults == 0 &&
		item->timeout_ms == 0)
		world_wrong("%s failed without a reason: %s", item->marker, row->error);
	if (row->state == JOB_FAILED && item->timeout_ms != 0 && made->count > made->shown &&
		strcmp(made_for(item, "CANCELLED").agrees, "CANCELLED") == 0)
		return; /* by its deadline */
	if (made->count > made->shown && wanted != NULL && strcmp(made->agrees, wanted) != 0)
		world_wrong("%s is %s here and %s at the cloud: %s", item->marker,
			job_state_word(row->state), made->agrees, row->error);
}

static void check_taken_off(const struct item *item, const struct row *row)
{
	for (size_t i = 0; i < world->object_count && item->wish->takes_off; i++) {
		const struct object *o = &world->objects[i];

		if (strcmp(o->id, item->marker) == 0 && row->state == JOB_SUCCEEDED && !o->gone)
			world_wrong("%s was taken off, and is there", item->marker);
		if (strcmp(o->id, item->marker) == 0 && row->count == 0 && o->gone)
			world_wrong("%s is gone, and nobody wanted that", item->marker);
	}
}

static void check_item(const struct item *item, const struct row *row)
{
	struct made made = made_for(item, wanted_states[row->state]);

	check_told(item, row, &made);
	check_removal(item, row, &made);
	check_removed(item, row, &made);
	if (row->count == 0) {
		check_taken_off(item, row);
		return;
	}
	if (row->state == JOB_NEEDS_DECISION || row->endless)
		return;
	if (!(JOB_BIT(row->state) & JOB_TERMINAL))
		world_wrong("lost: %s (%s) never ends: it is %s", item->marker, item->wish->kind,
			job_state_word(row->state));
	check_object(item, row, &made);
	check_taken_off(item, row);
	if (item->cancel_told && made.running > made.twice && !item->leaves)
		world_wrong("%s was cancelled, and runs on at the cloud", item->marker);
}

void check_end(struct daemon_parts *d)
{
	struct rows rows;

	sweep_check(d);
	if (!read_rows(d, &rows))
		return;
	for (size_t i = 0; i < world->item_count; i++)
		check_item(&world->items[i], &rows.of[i]);
	check_anew();
	world->settled = true;
	world->jobs = rows.count;
	world->parked = rows.parked;
	world->terminal = rows.count - rows.open;
	trace("settled: %u jobs, %u parked", rows.count, rows.parked);
}
