/* lost - see lost.h. */
#include "sim/lost.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "sim/cloud.h"
#include "sim/daemon.h"
#include "sim/work.h"
#include "sim/world.h"

/* Only of jobs: one of the others is adopted in the same way. */
void lost_plan(struct item *item)
{
	const struct wish *w = item->wish;

	item->stray = w->makes == OBJECT_JOB && w->has_times && w->way != WAY_NONE &&
	              item->timeout_ms == 0 &&
	              chance_of_256(CHANCE_PLAN, world->theme == THEME_ACCEPT ? 96 : 24);
	item->keyed = item->keyed && !item->stray;
}

static void submission_of(const struct item *item, char submission[ID_SIZE])
{
	(void)snprintf(submission, ID_SIZE, "%0*d", ID_LENGTH, (int)(item - world->items) + 1);
}

void lost_begin(const char *site)
{
	for (size_t i = 0; i < world->item_count; i++) {
		const struct item *item = &world->items[i];
		char submission[ID_SIZE];
		struct object *o;

		if (!item->stray)
			continue;
		submission_of(item, submission);
		o = cloud_object();
		o->collection = OBJECT_JOB;
		(void)snprintf(o->id, sizeof(o->id), "stray-%zu", i);
		(void)snprintf(o->token, sizeof(o->token), "%s", submission);
		memcpy(o->marker, item->marker, sizeof(o->marker));
		memcpy(o->display, item->marker, sizeof(item->marker));
		(void)snprintf(o->labels, sizeof(o->labels),
			"{\"submission\":\"%s-%s\",\"submission-kind\":\"%s\"}", site, submission,
			item->wish->kind);
		o->pending = item->pending_ms;
		o->run = item->run_ms;
		o->fail = item->fails;
	}
}

static struct {
	tracker_accepted *done;
} adoptions[WORLD_ITEMS];

static void adopted(const char *id, const struct fail *f, void *ctx)
{
	struct item *item = ctx;
	char submission[ID_SIZE];

	submission_of(item, submission);
	if (f != NULL && f->code == FAIL_CONFLICT) /* in a life before, which could not say so */
		adoptions[item - world->items].done(submission, NULL, item);
	else
		adoptions[item - world->items].done(id, f, item);
}

void lost_adopt(struct daemon_parts *d, struct item *item, tracker_accepted *done)
{
	size_t i = (size_t)(item - world->items);
	char submission[ID_SIZE], object[16], text[96];
	const struct job_order order = {
		.provider = "testcloud",
		.interface = item->wish->interface,
		.kind = item->wish->kind,
		.name = item->marker,
		.project = "sim",
		.id = submission,
		.request_text = text,
		.timeout_ms = -1,
		.adopt = object,
	};

	submission_of(item, submission);
	(void)snprintf(object, sizeof(object), "stray-%zu", i);
	(void)snprintf(
		text, sizeof(text), "{\"adopted\":true,\"spec\":{\"name\":\"%s\"}}", item->marker);
	adoptions[i].done = done;
	tracker_submit(d->tracker, &order, adopted, item);
}
