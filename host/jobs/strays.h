/*
 * strays - finds what clouds have with a label of this site and no job here follows: after an older
 * database was put back, or where a request arrived that was given up (stray_why.h). It only
 * looks: what becomes of a stray is said by a person.
 *
 * A sweep asks each loaded provider for all its objects, by each connection that jobs of it were
 * accepted with. A list that is not complete shows none. The first sweep comes when all jobs of the
 * time before the start are in hand (tracker_recovered()), the next ones each jobs.sweep_hours, and
 * when asked for. What was found is kept in memory; a place that cannot be looked at keeps what it
 * showed before. [any thread]
 */
#ifndef HOST_JOBS_STRAYS_H
#define HOST_JOBS_STRAYS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "jobs/stray_set.h"

struct config;
struct fail;
struct providers;
struct store;
struct strays;
struct tracker;

struct strays_options {
	struct store *store;
	struct providers *providers;
	struct tracker *tracker;
	const struct config *config;
};

struct strays *strays_start(const struct strays_options *options, struct fail *f);

/* Ends the sweep under way, if any; before the tracker ends. NULL is fine. */
void strays_stop(struct strays *s);

/* After the last call of a provider has ended. NULL is fine. */
void strays_free(struct strays *s);

/*
 * Wishes for a sweep that begins from now on; *ret_number is its number, see the report. all: by
 * every connection of the site, also those that no job had. FAIL_UNAVAILABLE while the jobs of
 * the time before the start are not in hand.
 */
bool strays_sweep(struct strays *s, bool all, int64_t *ret_number, struct fail *f);

/* How the last sweep went. */
struct strays_report {
	bool running;       /* another one is under way */
	int64_t number;     /* of the last one that ended, from 1; 0: there was none yet */
	int64_t started_ms; /* these are 0 then, too */
	int64_t finished_ms;
	int64_t objects;    /* that were looked at */
	int64_t lists;      /* that they stood in */
	size_t strays;      /* known now */
	bool full;          /* there are more than STRAYS_MAX */
	json_t *not_listed; /* [{"provider", "connection"?, "interface"?, "error"}] */
};
bool strays_report(struct strays *s, struct strays_report *ret_report, struct fail *f);
void strays_report_finish(struct strays_report *report);

/* Calls each(stray, ctx) for the strays behind that id (NULL: from the newest on) in the order of
 * ids, newest first, until it returns false. It is called with a lock held: no other function of
 * this module. */
void strays_each(struct strays *s, const char *after,
	bool (*each)(const struct stray *stray, void *ctx), void *ctx);

/* A copy of the one with that id, to be given to stray_finish(). FAIL_NOT_FOUND. */
bool strays_find(struct strays *s, const char *id, struct stray *ret_stray, struct fail *f);

/* It is none any more: it was deleted, or has a job. */
void strays_gone(struct strays *s, const struct stray *stray);

#endif
