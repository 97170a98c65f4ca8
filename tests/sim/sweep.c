/* sweep - see sweep.h. */
#include "sim/sweep.h"

#include <string.h>

#include "base/fail.h"
#include "jobs/job.h"
#include "jobs/strays.h"
#include "sim/daemon.h"
#include "sim/threads.h"
#include "sim/world.h"
#include "store/store.h"

enum {
	LISTS_MS = 1000, /* by then all lists know of everything */
	LOOK_MS = 500,
	SWEEPS = 20 /* until no list is missing */
};

/* Interfaces by what they list. */
static const char *const interfaces[] = {
	[OBJECT_JOB] = "davit.training",
	[OBJECT_DATASET] = "davit.datasets",
	[OBJECT_MODEL] = "davit.models",
	[OBJECT_ENDPOINT] = "davit.deployment",
};

static void wait(int64_t ms)
{
	threads_sleep_until(world->mono_ms + ms);
}

/* --- what must be shown --- */

/* The submission its label names; NULL: it has none. */
static const char *submission_of(const struct object *o, char room[ID_SIZE])
{
	static const char before[] = "\"submission\":\"";
	const char *at = strstr(o->labels, before);

	at = at != NULL ? strchr(at + sizeof(before) - 1, '-') : NULL;
	if (at == NULL || o->gone)
		return NULL;
	memcpy(room, at + 1, ID_LENGTH);
	room[ID_LENGTH] = '\0';
	return room;
}

static bool is_there(const char *id)
{
	for (size_t i = 0; i < world->object_count; i++) {
		const struct object *o = &world->objects[i];

		if (o->collection != OBJECT_DEPLOYED && !o->gone && strcmp(o->id, id) == 0)
			return true;
	}
	return false;
}

static bool must_be_shown(struct daemon_parts *d, const struct object *o, const char *submission)
{
	struct job job = {0};
	struct fail f = {0};
	bool must = true, ended;

	if (!store_job(d->store, submission, &job, &f))
		return f.code == FAIL_NOT_FOUND;
	ended = (JOB_BIT(job.state) & JOB_TERMINAL) != 0;
	if (job.remote_name != NULL)
		must = strcmp(job.remote_name, o->id) != 0 &&
		       (ended || (job.state == JOB_RUNNING && is_there(job.remote_name)));
	else
		must = job.state == JOB_FAILED || job.state == JOB_CANCELLED;
	job_finish(&job);
	return must;
}

/* --- what is shown --- */

static bool note(const struct stray *stray, void *ctx)
{
	unsigned *unknown = ctx;
	bool known = false;

	for (size_t i = 0; i < world->object_count; i++) {
		struct object *o = &world->objects[i];

		if (o->collection == OBJECT_DEPLOYED || o->gone ||
			strcmp(o->id, stray->object) != 0 ||
			strcmp(interfaces[o->collection], stray->interface) != 0)
			continue;
		trace("sweep: %s of %s is shown", o->id, o->marker);
		o->shown = known = true;
	}
	*unknown += !known;
	return true;
}

static bool has_ended(struct strays *s, int64_t number, bool *ret_whole)
{
	struct strays_report report = {0};
	struct fail f = {0};
	bool has;

	if (!strays_report(s, &report, &f))
		return false;
	has = report.number >= number;
	*ret_whole = json_array_size(report.not_listed) == 0;
	strays_report_finish(&report);
	return has;
}

/* The first sweep comes by itself. False: some list cannot be had. */
static bool look(struct strays *s)
{
	int64_t number = 1;
	struct fail f = {0};
	bool whole;

	for (int i = 0; i < SWEEPS; i++) {
		while (!has_ended(s, number, &whole))
			wait(LOOK_MS);
		if (whole)
			return true;
		if (!strays_sweep(s, false, &number, &f))
			return false;
	}
	return false;
}

static void compare(struct daemon_parts *d)
{
	char room[ID_SIZE];

	for (size_t i = 0; i < world->object_count; i++) {
		const struct object *o = &world->objects[i];
		const char *submission = submission_of(o, room);
		bool must = submission != NULL && must_be_shown(d, o, submission);

		if (must && !o->shown)
			world_wrong(
				"no sweep shows %s of %s, and no job follows it", o->id, o->marker);
		if (o->shown && !must)
			world_wrong("%s of %s is shown as a stray, and its job follows it, or may",
				o->id, o->marker);
		world->strays += o->shown;
		world->late += o->shown && o->late;
		world->later += o->shown && o->later;
	}
}

void sweep_check(struct daemon_parts *d)
{
	const struct strays_options options = {.store = d->store,
		.providers = d->providers,
		.tracker = d->tracker,
		.config = d->config};
	unsigned unknown = 0;
	struct strays *s;
	struct fail f = {0};

	world->calm_ms = world->now_ms; /* what goes wrong now says nothing */
	world->end = END_NEVER;
	wait(LISTS_MS);
	s = strays_start(&options, &f);
	if (s == NULL) {
		world_wrong("nobody can look for strays: %s", f.text);
		return;
	}
	if (!look(s))
		world_wrong("a list for strays cannot be had");
	strays_each(s, NULL, note, &unknown);
	strays_stop(s);
	strays_free(s);
	if (unknown > 0)
		world_wrong("a stray is shown that is not there");
	compare(d);
}
