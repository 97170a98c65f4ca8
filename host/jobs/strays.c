/* strays - see strays.h: when it is looked, and what is known. */
#include "jobs/strays.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "jobs/strays_internal.h"
#include "jobs/tracker.h"
#include "platform/memory.h"

enum {
	HOUR_MS = 3600000,
	RECOVERY_LOOK_MS = 500
};

/* --- the thread --- */

static int64_t next_due(const struct strays *s)
{
	int64_t hours = s->options.config->sweep_hours;

	return hours > 0 ? clock_mono_ms() + hours * HOUR_MS : CLOCK_NEVER;
}

/* Is a sweep to begin? Lock held. */
static bool is_due(const struct strays *s)
{
	return s->asked > s->begun || clock_mono_ms() >= s->due_mono;
}

/* Waits for the next sweep; false: the end. Lock held. */
static bool await(struct strays *s)
{
	while (!s->stopping) {
		int64_t until = s->due_mono;

		if (is_due(s)) {
			bool recovered;

			mutex_unlock(&s->lock);
			recovered = tracker_recovered(s->options.tracker);
			mutex_lock(&s->lock);
			if (recovered)
				return !s->stopping;
			until = clock_mono_ms() + RECOVERY_LOOK_MS;
		}
		(void)clock_wait(&s->changed, &s->lock, until);
	}
	return false;
}

/* Lock held. */
static void begin(struct strays *s, struct sweep *w)
{
	s->begun++;
	s->asked = s->asked > s->begun ? s->asked : s->begun;
	w->all = s->all;
	s->all = false;
	s->running = true;
	s->due_mono = next_due(s);
	for (size_t i = 0; i < s->set.count; i++)
		(void)stray_set_add(&w->before, &s->set.all[i]);
}

static void tell(const struct sweep *w)
{
	size_t missed = json_array_size(w->not_listed);

	if (w->found.count > 0 || missed > 0)
		log_info("STRAY-SWEEP",
			"%zu strays among %" PRId64 " objects of %" PRId64
			" lists; %zu could not be looked at",
			w->found.count, w->objects, w->lists, missed);
}

/* What ceased to be one while it was looked stays away. Lock held. */
static void take(struct strays *s, struct sweep *w, int64_t started_ms)
{
	struct stray_set found = w->found;

	for (size_t i = 0; i < s->gone.count; i++)
		stray_set_drop(&found, &s->gone.all[i]);
	w->found = s->set; /* to be freed */
	s->set = found;
	strays_report_finish(&s->last);
	s->last = (struct strays_report){
		.number = s->begun,
		.started_ms = started_ms,
		.finished_ms = clock_now_ms(),
		.objects = w->objects,
		.lists = w->lists,
		.not_listed = json_incref(w->not_listed),
	};
}

/* One sweep. Lock held, given up meanwhile. */
static void sweep(struct strays *s)
{
	struct sweep w = {.s = s};
	int64_t started_ms = clock_now_ms();

	begin(s, &w);
	mutex_unlock(&s->lock);
	strays_look(&w);
	tell(&w);
	mutex_lock(&s->lock);
	if (!s->stopping)
		take(s, &w, started_ms);
	s->running = false;
	stray_set_finish(&s->gone);
	stray_set_finish(&w.found);
	stray_set_finish(&w.before);
	json_decref(w.not_listed);
}

static void run(void *arg)
{
	struct strays *s = arg;

	mutex_lock(&s->lock);
	while (await(s)) {
		sweep(s);
		mutex_unlock(&s->lock);
		memory_give_back(); /* long lists were read */
		mutex_lock(&s->lock);
	}
	mutex_unlock(&s->lock);
}

/* --- begin and end --- */

struct strays *strays_start(const struct strays_options *options, struct fail *f)
{
	struct strays *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		(void)fail_set(f, FAIL_UNAVAILABLE, "out of memory");
		return NULL;
	}
	s->options = *options;
	s->due_mono = options->config->sweep_hours > 0 ? clock_mono_ms() : CLOCK_NEVER;
	mutex_init(&s->lock);
	cond_init(&s->changed);
	if (thread_start(&s->thread, "strays", 0, run, s, f))
		return s;
	s->stopping = true;
	strays_free(s);
	return NULL;
}

void strays_stop(struct strays *s)
{
	if (s == NULL)
		return;
	mutex_lock(&s->lock);
	s->stopping = true;
	strays_call_off(s);
	cond_broadcast(&s->changed);
	mutex_unlock(&s->lock);
	thread_join(&s->thread);
}

void strays_free(struct strays *s)
{
	if (s == NULL)
		return;
	stray_set_finish(&s->set);
	stray_set_finish(&s->gone);
	strays_report_finish(&s->last);
	json_decref(s->reply);
	cond_finish(&s->changed);
	mutex_finish(&s->lock);
	free(s);
}

/* --- asking --- */

bool strays_sweep(struct strays *s, bool all, int64_t *ret_number, struct fail *f)
{
	if (!tracker_recovered(s->options.tracker)) {
		(void)fail_set(f, FAIL_UNAVAILABLE,
			"the jobs of the time before the start are still being found: until then "
			"nobody can say what is a stray");
		f->retry_after_ms = 5000;
		return false;
	}
	mutex_lock(&s->lock);
	s->asked = s->begun + 1;
	s->all = s->all || all;
	*ret_number = s->asked;
	cond_broadcast(&s->changed);
	mutex_unlock(&s->lock);
	return true;
}

bool strays_report(struct strays *s, struct strays_report *ret_report, struct fail *f)
{
	json_t *not_listed;

	mutex_lock(&s->lock);
	not_listed = s->last.not_listed != NULL ? json_deep_copy(s->last.not_listed) : json_array();
	*ret_report = s->last;
	ret_report->not_listed = not_listed;
	ret_report->running = s->running || s->asked > s->begun;
	ret_report->strays = s->set.count;
	ret_report->full = s->set.full;
	mutex_unlock(&s->lock);
	return not_listed != NULL || fail_set(f, FAIL_UNAVAILABLE, "out of memory");
}

void strays_report_finish(struct strays_report *report)
{
	json_decref(report->not_listed);
	*report = (struct strays_report){0};
}

void strays_each(struct strays *s, const char *after,
	bool (*each)(const struct stray *stray, void *ctx), void *ctx)
{
	bool more = true;

	mutex_lock(&s->lock);
	for (size_t i = 0; more && i < s->set.count; i++) {
		if (after == NULL || strcmp(s->set.all[i].id, after) < 0)
			more = each(&s->set.all[i], ctx);
	}
	mutex_unlock(&s->lock);
}

bool strays_find(struct strays *s, const char *id, struct stray *ret_stray, struct fail *f)
{
	const struct stray *stray;
	bool copied = false;

	mutex_lock(&s->lock);
	stray = stray_set_find(&s->set, id);
	if (stray == NULL)
		(void)fail_set(f, FAIL_NOT_FOUND, "there is no stray '%.64s'%s", id,
			s->last.number == 0 ? ": nobody has looked for strays since the start"
					    : "");
	else
		copied = stray_copy(ret_stray, stray) ||
		         fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	mutex_unlock(&s->lock);
	return copied;
}

void strays_gone(struct strays *s, const struct stray *stray)
{
	mutex_lock(&s->lock);
	stray_set_drop(&s->set, stray);
	if (s->running)
		(void)stray_set_add(&s->gone, stray);
	mutex_unlock(&s->lock);
}
