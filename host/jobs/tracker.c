/* tracker - see tracker.h: its thread, and what others may ask of it. */
#include "jobs/tracker.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "config/config.h"
#include "jobs/account.h"
#include "jobs/internal.h"
#include "provider/provider.h"
#include "store/store.h"

enum {
	STOP_WAIT_MS = 5000 /* for calls that were asked to stop */
};

/* The entry that waits for capacity and is to have it now, or NULL. Lock held. */
static struct open_job *next_queued(struct tracker *t)
{
	if (t->running >= t->options.config->max_running)
		return NULL;
	return entries_next(&t->entries);
}

/* Does one thing that is to be done now; false where there is nothing. Lock held. */
static bool step(struct tracker *t)
{
	int64_t mono = clock_mono_ms();
	struct open_job *e;

	tracker_watch_expire(t, mono);
	if (tracker_watch_answer(t))
		return true;
	e = entries_unstalled(&t->entries);
	if (e != NULL) {
		entry_unstall(e);
		tracker_advance(t, e);
		return true;
	}
	e = next_queued(t);
	if (e != NULL) {
		entry_dequeue(e);
		tracker_hold(t, e);
		tracker_advance(t, e);
		return true;
	}
	e = entries_first(&t->entries);
	if (e == NULL || e->due_mono > mono)
		return false;
	tracker_advance(t, e);
	return true;
}

static int64_t next_due(const struct tracker *t)
{
	const struct open_job *e = entries_first(&t->entries);
	int64_t due = e == NULL ? CLOCK_NEVER : e->due_mono;
	int64_t watch = tracker_watch_next(t);

	return watch < due ? watch : due;
}

static void run(void *arg)
{
	struct tracker *t = arg;

	mutex_lock(&t->lock);
	while (!t->stopping) {
		if (step(t))
			continue;
		t->sleeps_until = next_due(t);
		(void)clock_wait(&t->wake, &t->lock, t->sleeps_until);
		t->sleeps_until = 0;
	}
	mutex_unlock(&t->lock);
}

/* --- start: every open job is taken in hand --- */

struct open_job *tracker_entry(struct tracker *t, const struct job *job)
{
	struct open_job *e = entry_new(&t->entries, job);

	struct account_state state;

	if (e == NULL)
		return NULL;
	if (account_look(&t->options, job, &state)) {
		e->away = state.away;
		e->account = state.now;
		e->moved = state.moved;
		return e;
	}
	entry_free(&t->entries, e);
	return NULL;
}

struct loading {
	struct tracker *t;
	bool failed; /* no memory */
};

static bool load_one(const struct job *job, void *ctx)
{
	struct loading *loading = ctx;
	struct tracker *t = loading->t;
	struct open_job *e = tracker_entry(t, job);

	loading->failed = e == NULL || !entries_add(&t->entries, e);
	if (loading->failed) {
		entry_free(&t->entries, e);
		return false;
	}
	e->unread = e->errand || job->state == JOB_SUBMITTING || job->state == JOB_RECOVERING;
	e->tried = e->errand;
	e->sent_mono = clock_mono_ms();
	/* Nobody else has a flow: what is to be found are its steps. An errand is done again. */
	if (!e->flow && !e->errand &&
		(JOB_BIT(job->state) & (JOB_BIT(JOB_SUBMITTING) | JOB_BIT(JOB_RECOVERING)))) {
		e->unsure = true;
		t->unsure++;
	}
	if (JOB_BIT(job->state) & JOB_HOLDING)
		tracker_hold(t, e);
	else if (job->state == JOB_QUEUED && e->counted && !e->cancel && e->away == NULL)
		entry_enqueue(e); /* all of them before the first choice is made */
	return true;
}

static bool load(struct tracker *t, struct fail *f)
{
	const struct job_filter open = {.states = JOB_OPEN,
		.errands = true,
		.oldest_first = true,
		.limit = (size_t)INT32_MAX};
	struct loading loading = {.t = t};
	size_t before = t->entries.count;
	bool ok = store_jobs(t->options.store, &open, load_one, &loading, f);

	if (ok && loading.failed)
		ok = fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	if (!ok)
		return fail_wrap(f, "load the open jobs");
	log_info("JOB-LOAD", "%zu open jobs, %lld of them to be recovered",
		t->entries.count - before, (long long)t->unsure);
	return true;
}

static bool make_lanes(struct tracker *t, struct fail *f)
{
	const struct config *c = t->options.config;

	for (size_t i = 0; i < c->provider_count; i++) {
		struct lane *lane = entries_lane(&t->entries, c->providers[i].id);

		if (lane == NULL)
			return fail_set(f, FAIL_INTERNAL, "start the tracker: out of memory");
		lane->max_running = c->providers[i].max_running;
		lane->max_calls = c->providers[i].max_calls;
		lane->loaded = providers_find(t->options.providers, lane->provider) != NULL;
	}
	return true;
}

/* All are looked at once; what they need is seen then. What only has to be polled keeps to its
 * interval: all of them at once would be more than the other side takes. */
static void settle_all(struct tracker *t)
{
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < t->entries.count; i++) {
		struct open_job *e = t->entries.heap[i];

		e->due_mono = now;
		if (e->state == JOB_RUNNING && !e->flow && !e->cancel && e->poll_ms > 0)
			e->due_mono = entry_poll_time(e, now, e->poll_ms);
	}
	entries_order(&t->entries);
}

static void finish(struct tracker *t)
{
	entries_finish(&t->entries);
	cond_finish(&t->wake);
	cond_finish(&t->quiet);
	cond_finish(&t->set);
	mutex_finish(&t->lock);
	free(t);
}

struct tracker *tracker_start(const struct tracker_options *options, struct fail *f)
{
	struct tracker *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		(void)fail_set(f, FAIL_INTERNAL, "start the tracker: out of memory");
		return NULL;
	}
	t->options = *options;
	mutex_init(&t->lock);
	cond_init(&t->wake);
	cond_init(&t->quiet);
	cond_init(&t->set);
	entries_init(&t->entries);
	TAILQ_INIT(&t->waiting);
	TAILQ_INIT(&t->fired);
	id_random(&t->dice, sizeof(t->dice));
	if (!make_lanes(t, f) || !tracker_load_queues(t, f) || !load(t, f)) {
		finish(t);
		return NULL;
	}
	settle_all(t);
	if (!thread_start(&t->thread, "tracker", 0, run, t, f)) {
		finish(t);
		return NULL;
	}
	return t;
}

/* Whoever still waits for a job hears how it stands now. */
static void answer_all(struct tracker *t)
{
	tracker_watch_expire(t, CLOCK_NEVER);
	while (tracker_watch_answer(t))
		;
}

/* Waits until nothing of ours is in flight; false when something never came back. */
static bool calm_down(struct tracker *t)
{
	int64_t until = clock_mono_ms() + STOP_WAIT_MS;
	bool calm;

	mutex_lock(&t->lock);
	answer_all(t);
	tracker_cancel_calls(t);
	while (t->in_flight > 0 && clock_wait(&t->quiet, &t->lock, until))
		;
	calm = t->in_flight == 0;
	mutex_unlock(&t->lock);
	return calm;
}

void tracker_stop(struct tracker *t)
{
	if (t == NULL)
		return;
	mutex_lock(&t->lock);
	t->stopping = true;
	cond_signal(&t->wake);
	mutex_unlock(&t->lock);
	thread_join(&t->thread);
	if (calm_down(t))
		finish(t);
	else
		log_error("JOB-STUCK",
			"a provider did not come back from a call; its jobs are looked "
			"after at the next start");
}

bool tracker_recovered(struct tracker *t)
{
	bool recovered;

	mutex_lock(&t->lock);
	recovered = t->unsure == 0;
	mutex_unlock(&t->lock);
	return recovered;
}

void tracker_nudge(struct tracker *t, const char *submission)
{
	struct open_job *e;

	mutex_lock(&t->lock);
	e = entries_by_submission(&t->entries, submission);
	if (e != NULL && e->busy != ENTRY_IDLE)
		e->again = true;
	else if (e != NULL && !e->queued)
		entries_due(&t->entries, e, clock_mono_ms());
	cond_signal(&t->wake);
	mutex_unlock(&t->lock);
}

void tracker_look(struct tracker *t, const char *provider)
{
	int64_t now = clock_mono_ms();

	mutex_lock(&t->lock);
	for (size_t i = 0; i < t->entries.count; i++) {
		struct open_job *e = t->entries.heap[i];

		if (strcmp(e->lane->provider, provider) != 0)
			continue;
		if (e->busy != ENTRY_IDLE)
			e->again = true;
		else if (!e->queued && e->due_mono > now && e->due_mono != CLOCK_NEVER)
			e->due_mono = now;
	}
	entries_order(&t->entries);
	cond_signal(&t->wake);
	mutex_unlock(&t->lock);
}

void tracker_count(
	struct tracker *t, const char *provider, int64_t *ret_waiting, int64_t *ret_running)
{
	const struct lane *lane;

	*ret_waiting = 0;
	*ret_running = 0;
	mutex_lock(&t->lock);
	SLIST_FOREACH(lane, &t->entries.lanes, link)
	{
		if (provider != NULL && strcmp(provider, lane->provider) != 0)
			continue;
		*ret_waiting += lane->waiting;
		*ret_running += lane->running;
	}
	mutex_unlock(&t->lock);
}
