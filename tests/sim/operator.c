/* operator - see operator.h. */
#include "sim/operator.h"

#include <string.h>

#include "base/fail.h"
#include "jobs/decide.h"
#include "jobs/job.h"
#include "sim/check.h"
#include "sim/daemon.h"
#include "sim/life.h"
#include "sim/work.h"
#include "sim/world.h"

/* What the cloud has of an item, or NULL. */
static const struct object *made_for(const struct item *item)
{
	for (size_t i = 0; i < world->object_count; i++) {
		const struct object *o = &world->objects[i];

		if (o->collection == item->wish->makes && strcmp(o->marker, item->marker) == 0)
			return o;
	}
	return NULL;
}

static void decided(const struct fail *f, void *ctx)
{
	struct item *item = ctx;

	trace("operator: the decision about %s is %s", item->marker, f == NULL ? "taken" : f->text);
	if (f == NULL && item->choice == JOB_GIVE_UP)
		item->ended_told = JOB_FAILED;
	item->deciding = false;
	life_event(EVENT_TOLD_DECISION);
}

static void decide(
	struct daemon_parts *d, struct item *item, enum job_choice choice, const char *remote)
{
	static const char *const words[] = {
		[JOB_ADOPT] = "adopt", [JOB_RESUBMIT] = "resubmit", [JOB_GIVE_UP] = "give up"};
	const struct job_decision decision = {.choice = choice, .remote = remote};

	trace("operator: %s %s %s", words[choice], item->marker, remote != NULL ? remote : "");
	item->deciding = true;
	item->choice = (int)choice;
	item->allowed += choice == JOB_RESUBMIT;
	item->leaves = item->leaves || choice == JOB_GIVE_UP ||
	               (choice == JOB_RESUBMIT && (made_for(item) != NULL || check_letters_left()));
	tracker_decide(d->tracker, item->row_id, &decision, decided, item);
}

static void decide_wisely(struct daemon_parts *d, struct item *item)
{
	const struct object *o = made_for(item);

	decide(d, item, o != NULL ? JOB_ADOPT : JOB_RESUBMIT, o != NULL ? o->id : NULL);
}

static void decide_hastily(struct daemon_parts *d, struct item *item)
{
	switch (chance_below(CHANCE_PLAN, 4)) {
	case 0:
		decide(d, item, JOB_ADOPT, "no-such-object");
		break;
	case 1:
		decide(d, item, JOB_GIVE_UP, NULL);
		break;
	case 2:
		decide(d, item, JOB_RESUBMIT, NULL);
		break;
	default:
		decide_wisely(d, item);
	}
}

void operator_look(struct daemon_parts *d)
{
	bool hasty = world->operator_sort == OPERATOR_HASTY && world->now_ms < world->calm_ms;

	if (world->operator_sort == OPERATOR_NONE)
		return;
	for (size_t i = 0; i < world->item_count; i++) {
		struct item *item = &world->items[i];

		if (item->deciding || !check_is_parked(item))
			continue;
		if (hasty)
			decide_hastily(d, item);
		else if (!check_letters_left())
			decide_wisely(d, item);
	}
}
