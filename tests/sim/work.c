/* work - see work.h. */
#include "sim/work.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "jobs/tracker.h"
#include "platform/thread.h"
#include "sim/daemon.h"
#include "sim/keys.h"
#include "sim/life.h"
#include "sim/lost.h"
#include "sim/removal.h"
#include "sim/thief.h"
#include "sim/threads.h"
#include "store/store.h"

enum {
	IMPATIENT_MS = 30,
	LOOK_MS = 400
};

#define NAMED "{\"spec\":{\"name\":\"%s\",\"behaviour\":%s}}"

static const struct wish wishes[] = {
	{"davit.training", "train", WAY_TOKEN, true, false, OBJECT_JOB, NAMED},
	{"davit.training", "automl", WAY_NAME, true, false, OBJECT_JOB, NAMED},
	{"davit.training", "custom_script", WAY_SEARCH, true, false, OBJECT_JOB, NAMED},
	{"davit.training", "command", WAY_NONE, false, false, OBJECT_JOB,
		"{\"spec\":{\"command\":\"%s\"}}"},
	{"davit.datasets", "create", WAY_NAME, true, false, OBJECT_DATASET, NAMED},
	{"davit.models", "register", WAY_TOKEN, true, false, OBJECT_MODEL, NAMED},
	{"davit.deployment", "register", WAY_NAME, true, false, OBJECT_ENDPOINT, NAMED},
	{"davit.deployment", "deploy", WAY_NAME, false, false, OBJECT_DEPLOYED,
		"{\"id\":\"e0\",\"spec\":{\"model\":\"%s\"}}"},
	{"davit.training", "chain", WAY_NONE, true, false, OBJECT_JOB, NAMED},
	{"davit.training", "chain_search", WAY_SEARCH, true, false, OBJECT_JOB, NAMED},
	{"davit.training", "hidden", WAY_HIDDEN, true, false, OBJECT_JOB, NAMED},
	{"davit.deployment", "undeploy", WAY_NAME, false, true, OBJECT_DEPLOYED,
		"{\"id\":\"e0\",\"spec\":{\"deployment\":\"%s\"}}"},
};

/* --- the plan --- */

/* Some schedules are about those only of which a person may have to decide, or about chains. */
static const struct wish *pick_wish(void)
{
	bool in_doubt = world->theme == THEME_DOUBT || world->theme == THEME_UNSENT;
	const struct wish *w;

	do
		w = &wishes[chance_below(CHANCE_PLAN, COUNT(wishes))];
	while ((in_doubt && w->way != WAY_NONE && w->way != WAY_HIDDEN) ||
		(world->theme == THEME_CHAIN && strncmp(w->kind, "chain", 5) != 0));
	return w;
}

static void plan_item(struct item *item, size_t i)
{
	const struct wish *w = pick_wish();
	int64_t submit = world->began_ms + chance_between(CHANCE_PLAN, 0, 1500);
	bool cancels = w->has_times && chance_of_256(CHANCE_PLAN, 90);
	int64_t soon = world->theme == THEME_REMOVAL ? 60 : 2500; /* then it has made nothing */

	*item = (struct item){.wish = w, .submit_at = submit, .ended_told = -1, .allowed = 1};
	(void)snprintf(item->marker, sizeof(item->marker), "sim-item-%zu", i);
	item->pending_ms = chance_of_256(CHANCE_PLAN, 64) ? chance_between(CHANCE_PLAN, 1, 400) : 0;
	item->run_ms = chance_between(CHANCE_PLAN, 0, 2500);
	item->fails = chance_of_256(CHANCE_PLAN, 30);
	item->keyed = chance_of_256(CHANCE_PLAN, 128);
	item->unkept =
		item->keyed && chance_of_256(CHANCE_PLAN, world->theme == THEME_ACCEPT ? 128 : 32);
	item->impatient = item->keyed && chance_of_256(CHANCE_PLAN, 64);
	if (w->has_times && chance_of_256(CHANCE_PLAN, 24)) {
		item->timeout_ms = chance_between(CHANCE_PLAN, 1, 4000);
		item->run_ms = -1;
	}
	removal_plan(item);
	lost_plan(item);
	if (cancels) {
		item->cancel_at = submit + chance_between(CHANCE_PLAN, 0, soon);
		if (chance_of_256(CHANCE_PLAN, 128))
			item->run_ms = -1;
	}
}

void work_plan(void)
{
	world->theme = chance_of_256(CHANCE_PLAN, 96) ? THEME_ANY
	                                              : (unsigned)chance_below(CHANCE_PLAN, THEMES);
	world->item_count = (size_t)chance_between(CHANCE_PLAN, 1, 4);
	thief_plan();
	for (size_t i = 0; i < world->item_count; i++)
		plan_item(&world->items[i], i);
}

/* --- asking --- */

static void accepted(const char *id, const struct fail *f, void *ctx)
{
	struct item *item = ctx;

	item->asking--;
	life_event(EVENT_BEFORE_TOLD);
	item->accepted = f == NULL;
	item->refused = f != NULL;
	if (f == NULL)
		(void)snprintf(item->id, sizeof(item->id), "%s", id);
	trace("client: %s (%s %s) is %s", item->marker, item->wish->interface, item->wish->kind,
		f == NULL ? id : f->text);
	life_event(EVENT_TOLD_ACCEPTED);
}

/* A keys_submit. */
static void submit(struct daemon_parts *d, struct item *item, const struct store_claim *claim,
	tracker_accepted *done, void *ctx)
{
	char text[512], behaviour[128];
	struct job_order order = {
		.provider = "testcloud",
		.interface = item->wish->interface,
		.kind = item->wish->kind,
		.name = item->marker,
		.project = "sim",
		.request_text = text,
		.timeout_ms = item->timeout_ms,
		.claim = claim,
	};

	(void)snprintf(behaviour, sizeof(behaviour),
		"{\"pending_ms\":%lld,\"run_ms\":%lld,\"fail\":%s}", (long long)item->pending_ms,
		(long long)item->run_ms, item->fails ? "true" : "false");
	/* The compiler cannot see the format of a table; it has one or two texts. */
	if (item->wish->has_times)
		(void)snprintf(text, sizeof(text), NAMED, item->marker, behaviour);
	else
		(void)snprintf(text, sizeof(text), "%.*s%s%s",
			(int)(strstr(item->wish->spec, "%s") - item->wish->spec), item->wish->spec,
			item->marker, strstr(item->wish->spec, "%s") + 2);
	tracker_submit(d->tracker, &order, done, ctx);
}

static void ask(struct daemon_parts *d, struct item *item)
{
	item->asked = true;
	if (item->keyed) {
		keys_ask(d, item, submit);
		return;
	}
	item->asking++;
	if (item->stray)
		lost_adopt(d, item, accepted);
	else
		submit(d, item, NULL, accepted, item);
}

static void cancelled(bool changed, const struct fail *f, void *ctx)
{
	struct item *item = ctx;

	item->cancel_told = item->cancel_told || (f == NULL && changed);
	trace("client: cancel of %s: %s", item->marker,
		f != NULL ? f->text
		: changed ? "taken"
			  : "it had ended");
	life_event(EVENT_TOLD_CANCEL);
}

/* --- what is told of an end --- */

static void watched(const struct job *job, void *ctx)
{
	struct item *item = ctx;

	if (job == NULL || !(JOB_BIT(job->state) & JOB_TERMINAL))
		return;
	item->ended_told = (int)job->state;
	(void)snprintf(item->remote, sizeof(item->remote), "%s",
		job->remote_name != NULL ? job->remote_name : "");
	trace("client: %s %s", item->marker, job_state_word(job->state));
	life_event(EVENT_TOLD_END);
}

static void seen_running(const struct job *job, void *ctx)
{
	struct item *item = ctx;

	if (job == NULL || job->state != JOB_RUNNING)
		return;
	item->running_told = true;
	trace("client: %s runs", item->marker);
	life_event(EVENT_TOLD_START);
}

static void watch(struct daemon_parts *d, struct item *item)
{
	if (!item->running_told)
		tracker_watch(d->tracker, item->id, JOB_BIT(JOB_RUNNING) | JOB_TERMINAL,
			INT64_C(3600000), seen_running, item);
	tracker_watch(d->tracker, item->id, JOB_TERMINAL, INT64_C(3600000), watched, item);
}

/* --- the client: one thread for each item, so that they are in each other's way --- */

struct client {
	struct daemon_parts *d;
	struct item *item;
	struct thread thread;
	bool there;
};

static struct client clients[WORLD_ITEMS];
static struct mutex lock = MUTEX_INIT;
static struct cond wake;
static bool stopping;

/* False: it is to ask for nothing more. */
bool work_wait_until(int64_t at)
{
	bool go;

	mutex_lock(&lock);
	while (!stopping && at > world->now_ms)
		(void)clock_wait(&wake, &lock, world->mono_ms + at - world->now_ms);
	go = !stopping;
	mutex_unlock(&lock);
	return go;
}

/* Until the answers are there. */
static bool wait_for_answer(struct daemon_parts *d, struct item *item)
{
	while (item->asking > 0 || (!item->accepted && !item->refused)) {
		if (!work_wait_until(world->now_ms + 20))
			return false;
		if (item->asking == 0 && !item->accepted && !item->refused)
			ask(d, item); /* the same was at work */
	}
	return item->accepted;
}

static void cancel(struct client *c)
{
	struct item *item = c->item;

	if (item->cancel_at == 0 || item->cancel_told || item->ended_told >= 0 ||
		!work_wait_until(item->cancel_at))
		return;
	item->cancel_asked = true;
	tracker_cancel(c->d->tracker, item->id, cancelled, item);
}

static void client_run(void *arg)
{
	struct client *c = arg;
	struct item *item = c->item;

	if (item->keyed || !item->accepted) {
		if (!work_wait_until(item->submit_at))
			return;
		ask(c->d, item);
		if (item->impatient && work_wait_until(world->now_ms + chance_between(CHANCE_PLAN,
									       0, IMPATIENT_MS)))
			ask(c->d, item);
	}
	if (!wait_for_answer(c->d, item))
		return;
	if (item->ended_told < 0)
		watch(c->d, item);
	cancel(c);
	while (item->removes && item->ended_told < 0) {
		if (!work_wait_until(world->now_ms + LOOK_MS))
			return;
	}
	if (removal_wanted(item) && work_wait_until(world->now_ms + LOOK_MS / 4))
		removal_ask(c->d, item);
}

/* Who has a key asks again, to hear the same. Who has none, and never got an answer, does not ask
 * again: nobody promised anything. */
static bool wants(const struct item *item)
{
	return !item->asked || item->keyed || (item->stray && !item->accepted) ||
	       (item->accepted && item->ended_told < 0) || removal_wanted(item);
}

void work_start(struct daemon_parts *d)
{
	struct fail f = {0};

	for (size_t i = 0; i < world->item_count; i++) {
		struct client *c = &clients[i];

		if (!wants(&world->items[i]))
			continue;
		*c = (struct client){.d = d, .item = &world->items[i], .there = true};
		(void)thread_start(&c->thread, world->items[i].marker, 0, client_run, c, &f);
	}
	thief_start(d);
}

void work_stop(void)
{
	mutex_lock(&lock);
	stopping = true;
	cond_broadcast(&wake);
	mutex_unlock(&lock);
	for (size_t i = 0; i < world->item_count; i++) {
		if (clients[i].there)
			thread_join(&clients[i].thread);
	}
	thief_join();
}

bool work_done(void)
{
	for (size_t i = 0; i < world->item_count; i++) {
		const struct item *item = &world->items[i];

		if (!item->asked || item->asking > 0 ||
			((item->keyed || item->stray) && !item->accepted && !item->refused) ||
			(item->cancel_at != 0 && item->accepted && !item->cancel_asked &&
				item->ended_told < 0) ||
			removal_wanted(item))
			return false;
	}
	return true;
}
