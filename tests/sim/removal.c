/* removal - see removal.h. */
#include "sim/removal.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "jobs/errand.h"
#include "jobs/job.h"
#include "jobs/tracker.h"
#include "sim/cloud.h"
#include "sim/daemon.h"
#include "sim/life.h"
#include "sim/work.h"
#include "sim/world.h"

enum {
	PATIENCE_MS = 3600000
};

void removal_plan(struct item *item)
{
	const struct wish *w = item->wish;

	item->removes = !w->takes_off && w->makes != OBJECT_DEPLOYED &&
	                chance_of_256(CHANCE_PLAN, world->theme == THEME_REMOVAL ? 224 : 64);
	item->remove_end = -1;
}

bool removal_wanted(const struct item *item)
{
	return item->removes && item->accepted && item->ended_told >= 0 && item->remove_end < 0;
}

/* One who is not told the end in this life asks again in the next. */
static void ended(const struct job *job, void *ctx)
{
	struct item *item = ctx;

	if (job == NULL || !(JOB_BIT(job->state) & JOB_TERMINAL))
		return;
	item->remove_end = (int)job->state;
	trace("client: the removal of %s %s", item->remote, job_state_word(job->state));
	if (job->state == JOB_SUCCEEDED)
		cloud_make_anew(item);
	life_event(EVENT_TOLD_REMOVED);
}

static void taken(const char *id, const struct fail *f, void *ctx)
{
	struct item *item = ctx;

	trace("client: the removal of %s is %s", item->remote, f == NULL ? id : f->text);
	if (f == NULL)
		(void)snprintf(item->errand, sizeof(item->errand), "%s", id);
	item->remove_answered = true;
	life_event(EVENT_TOLD_REMOVAL);
}

void removal_ask(struct daemon_parts *d, struct item *item)
{
	const struct errand_order order = {
		.provider = "testcloud",
		.interface = item->wish->interface,
		.kind = ERRAND_REMOVE,
		.object = item->remote[0] != '\0' ? item->remote : item->id, /* none was made */
		.project = "sim",
		.parent = item->id,
	};

	item->remove_asked = true;
	item->remove_answered = false;
	item->errand[0] = '\0';
	tracker_errand(d->tracker, &order, taken, item);
	while (!item->remove_answered) {
		if (!work_wait_until(world->now_ms + 20))
			return;
	}
	if (item->errand[0] != '\0')
		tracker_watch_errand(
			d->tracker, item->errand, PATIENCE_MS, PATIENCE_MS, ended, item);
}
