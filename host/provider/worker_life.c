/* A worker from its first call to its end. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/killpoint.h"
#include "base/log.h"
#include "provider/call.h"
#include "provider/internal.h"
#include "provider/worker_internal.h"

#define DEATHS_FREE   3     /* in a row, before the next start has to wait */
#define REST_MS       100   /* doubled with each more */
#define QUARANTINE_MS 30000 /* to come again after */
#define FALLBACK_MS   100   /* the same, where another file serves */
#define LOOK_MS       100   /* while another thread starts it */

/* --- its end --- */

static int64_t rest_after(unsigned deaths)
{
	int64_t ms = REST_MS;

	if (deaths < DEATHS_FREE)
		return 0;
	for (unsigned i = DEATHS_FREE; i < deaths && ms < WORKER_REST_MS; i++)
		ms *= 2;
	return ms < WORKER_REST_MS ? ms : WORKER_REST_MS;
}

/* Nobody else waits for it, so pid is its own until we have. */
static int kill_and_wait(pid_t pid)
{
	int status = 0;
	pid_t got;

	KILLPOINT_WORKER(pid, false); /* its number may be another's as soon as it is waited for */
	(void)kill(pid, SIGKILL);
	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	return status;
}

/* It closed its sockets, or was gone: how it ended is what the kernel says. */
static void tell_status(int status, char why[WORKER_WHY_SIZE])
{
	if (WIFSIGNALED(status)) {
		const char *name = sigabbrev_np(WTERMSIG(status));

		(void)snprintf(why, WORKER_WHY_SIZE, "died by SIG%s", name != NULL ? name : "nal");
	} else {
		(void)snprintf(why, WORKER_WHY_SIZE, "ended by itself with the status %d",
			WEXITSTATUS(status));
	}
}

/* Lock held. So many, so fast, that the file is to blame? */
static bool too_many(struct worker_home *home)
{
	const struct config *config = home->p->all->host.config;
	size_t most = (size_t)config->worker_max_deaths;
	int64_t now = clock_mono_ms();

	if (most == 0 || most > COUNT(home->died))
		return false;
	home->died[home->deaths % most] = now;
	return home->deaths + 1 >= most &&
	       now - home->died[(home->deaths + 1) % most] <= config->worker_within_seconds * 1000;
}

/* Lock held. */
static void say_cause(struct worker_home *home, const struct worker *w)
{
	const struct config *config = home->p->all->host.config;

	home->quarantined = true;
	home->quarantine.since_ms = clock_now_ms();
	(void)snprintf(home->quarantine.cause, sizeof(home->quarantine.cause),
		"%lld of its workers ended within %lld s; the last one %.180s",
		(long long)config->worker_max_deaths, (long long)config->worker_within_seconds,
		w->why);
}

/* Lock held. */
static void count_death(struct worker_home *home, const struct worker *w)
{
	if (too_many(home) && !home->quarantined)
		say_cause(home, w);
	home->deaths++;
	home->in_a_row++;
	home->not_before = clock_mono_ms() + rest_after(home->in_a_row);
	memcpy(home->last_death, w->why, sizeof(home->last_death));
}

/* False: another thread ends it, or has; it is over in any case. */
static bool begin_end(struct worker *w, struct worker_lane **ret_resting)
{
	struct worker_home *home = w->home;
	bool first;

	mutex_lock(&home->lock);
	first = w->state == WORKER_RUNS;
	if (first)
		w->state = WORKER_ENDS;
	*ret_resting = first ? w->resting : NULL;
	if (first)
		w->resting = NULL;
	while (!first && w->state != WORKER_ENDED)
		cond_wait(&home->changed, &home->lock);
	mutex_unlock(&home->lock);
	return first;
}

static void say_reason(char why[WORKER_WHY_SIZE], const char *fmt, va_list args)
{
	int n = snprintf(why, WORKER_WHY_SIZE, "was ended: ");

	(void)vsnprintf(why + n, WORKER_WHY_SIZE - (size_t)n, fmt, args);
}

/* Ends the process and closes its lanes; its status. */
static int finish(struct worker *w, struct worker_lane *lane)
{
	struct worker_lane *next;
	int status = kill_and_wait(w->pid);

	for (; lane != NULL; lane = next) {
		next = lane->next;
		worker_lane_close(lane);
	}
	return status;
}

/* It is no more: lets all know. */
static void end_done(struct worker *w, bool death)
{
	struct worker_home *home = w->home;
	bool own, was, is;

	mutex_lock(&home->lock);
	was = home->quarantined;
	own = home->now == w;
	if (own)
		home->now = NULL;
	w->state = WORKER_ENDED;
	if (death)
		count_death(home, w);
	is = home->quarantined;
	cond_broadcast(&home->changed);
	mutex_unlock(&home->lock);
	if (is && !was)
		worker_quarantine(home);
	if (own)
		worker_drop(w);
}

/* Only the thread that ends it writes why, and the others read it when it has ended. */
void worker_end(struct worker *w, const char *fmt, ...)
{
	struct worker_lane *lane;
	va_list args;
	int status;

	if (!begin_end(w, &lane))
		return;
	status = finish(w, lane);
	if (fmt != NULL) {
		va_start(args, fmt);
		say_reason(w->why, fmt, args);
		va_end(args);
	} else {
		tell_status(status, w->why);
	}
	log_error("WORKER-END", "provider=%s pid=%lld its worker %s", provider_id(w->home->p),
		(long long)w->pid, w->why);
	call_table_hang_up(&w->home->p->all->calls, w);
	end_done(w, true);
}

void worker_dismiss(struct worker *w)
{
	struct worker_lane *lane;

	if (!begin_end(w, &lane))
		return;
	(void)finish(w, lane);
	end_done(w, false);
}

void worker_drop(struct worker *w)
{
	bool last;

	mutex_lock(&w->home->lock);
	last = --w->users == 0;
	mutex_unlock(&w->home->lock);
	if (!last)
		return;
	frame_drop(&w->in);
	(void)close(w->control);
	json_decref(w->sandbox);
	free(w);
}

/* --- its beginning --- */

/* Lock held. */
static bool in_quarantine(const struct worker_home *home, struct fail *f)
{
	bool served = atomic_load(&home->p->instead) != NULL;

	(void)fail_set(f, FAIL_UNAVAILABLE,
		"provider '%s' is in quarantine, as %s: %s, or let it be tried again with 'davit "
		"providers lift %s'",
		provider_id(home->p), home->quarantine.cause,
		served ? "its file of before serves from now on, so ask again"
		       : "exchange its file and restart the daemon",
		provider_id(home->p));
	f->retry_after_ms = served ? FALLBACK_MS : QUARANTINE_MS;
	return false;
}

/* Lock held: may another be started now? */
static bool may_start(const struct worker_home *home, struct fail *f)
{
	int64_t left = home->not_before - clock_mono_ms();

	if (home->quarantined)
		return in_quarantine(home, f);
	if (left <= 0)
		return true;
	(void)fail_set(f, FAIL_UNAVAILABLE,
		"the worker of provider '%s' ended %u times in a row and rests; it last %s",
		provider_id(home->p), home->in_a_row, home->last_death);
	f->retry_after_ms = left;
	return false;
}

/* Lock held, but not while it starts. */
static void start_next(struct worker_home *home, struct fail *f)
{
	struct worker *w;

	home->starting = true;
	mutex_unlock(&home->lock);
	w = worker_start(home, f);
	if (w != NULL && !worker_make_instance(w, f)) {
		worker_drop(w);
		w = NULL;
	}
	mutex_lock(&home->lock);
	home->starting = false;
	if (w != NULL && w->state != WORKER_RUNS) { /* died already, which was counted */
		mutex_unlock(&home->lock);
		worker_drop(w);
		mutex_lock(&home->lock);
	} else if (w == NULL) {
		home->in_a_row++;
		home->not_before = clock_mono_ms() + rest_after(home->in_a_row);
	} else {
		home->now = w; /* which has what was its only user */
	}
	cond_broadcast(&home->changed);
	worker_watch_wake(home->p->all->watch);
}

/* Lock held, but not while it looks. */
static void look_for_another(struct worker_home *home)
{
	home->starting = home->looked = true;
	mutex_unlock(&home->lock);
	worker_fall_back(home->p);
	mutex_lock(&home->lock);
	home->starting = false;
	cond_broadcast(&home->changed);
}

struct worker *worker_take(struct worker_home *home, struct call *c, struct fail *f)
{
	struct worker *w = NULL;

	mutex_lock(&home->lock);
	while (f->code == FAIL_NONE) {
		w = home->now;
		if (w != NULL)
			break;
		if (home->starting)
			(void)clock_wait(&home->changed, &home->lock, clock_mono_ms() + LOOK_MS);
		else if (home->quarantined && !home->looked)
			look_for_another(home);
		else if (may_start(home, f))
			start_next(home, f);
		if (call_stopped(c) != DAVIT_OK && f->code == FAIL_NONE)
			(void)fail_set(f, FAIL_UNAVAILABLE,
				"the worker of provider '%s' did not start in time",
				provider_id(home->p));
	}
	if (w != NULL)
		w->users++;
	mutex_unlock(&home->lock);
	return w;
}
