/*
 * errand - a change at the other side that is not the making of a job: "remove" deletes an object,
 * "cancel" stops one that is no job of ours. It is a job of its own, of a kind named like its slot
 * and the interface of the object; its request is {"id": object}, its name the object, too.
 *
 * The intent is on disk before the slot is called. Then the slot is called, again after each
 * failure, also after restarts, until the other side confirms or refuses for good. It waits in no
 * queue, takes no capacity and has no deadline; a cancel of the errand ends the trying.
 *
 * An errand whose parent is a job that made no object hides that job once it is done: the job is
 * marked as removed (errand_has_removed()) before the errand ends.
 */
#ifndef HOST_JOBS_ERRAND_H
#define HOST_JOBS_ERRAND_H

#include <stdbool.h>
#include <stdint.h>

#include "jobs/job.h"
#include "jobs/tracker.h"

#define ERRAND_REMOVE "remove"
#define ERRAND_CANCEL "cancel"

/* Is that the kind of an errand? NULL is none. */
bool errand_is_kind(const char *kind);

/* Was the job, which made no object, removed by an errand? */
bool errand_has_removed(const struct job *job);

/* The result of such a job with that noted, as JSON text: heap, NULL: out of memory. */
char *errand_mark_removed(const struct job *job);

/* Borrowed for the call. */
struct errand_order {
	const char *provider;
	const char *interface;
	const char *kind;       /* ERRAND_REMOVE or ERRAND_CANCEL */
	const char *object;     /* what the provider calls it */
	const char *connection; /* name of a site connection, or NULL */
	const char *project;    /* of who asks, or NULL */
	const char *parent;     /* the job the object is of, or NULL */
};

/*
 * Takes an errand in: done(id, f, ctx) once it is on disk, or with f as of tracker_submit(). While
 * the same errand is under way there is no second one: done gets the id of the first, which may
 * then not be on disk yet, and is there only if tracker_watch_errand() says so.
 */
void tracker_errand(
	struct tracker *t, const struct errand_order *order, tracker_accepted *done, void *ctx);

/* Is the same errand under way? [any thread] */
bool tracker_errand_under_way(struct tracker *t, const struct errand_order *order);

/*
 * Calls done once, with the errand as it then is: when it has ended; when an attempt has failed and
 * the next one would come later than patience_ms from now; at the latest after wait_ms. job NULL:
 * it did not reach the disk. As tracker_watch() otherwise.
 */
void tracker_watch_errand(struct tracker *t, const char *id, int64_t patience_ms, int64_t wait_ms,
	tracker_watched *done, void *ctx);

/* What the end of an errand's slot means. */
enum errand_verdict {
	ERRAND_DONE,    /* the other side confirms it */
	ERRAND_REFUSED, /* for good, and the reason is the answer */
	ERRAND_AGAIN,   /* it certainly did nothing */
	ERRAND_UNCLEAR  /* again, and who finds nothing then may have done it himself */
};

struct errand_past {
	bool failed;       /* there was an attempt before, */
	bool tried;        /* which may have done it */
	bool unmade;       /* the object is a job that made none */
	bool unclear;      /* of a change that this attempt sent nobody knows what it did */
	bool missed;       /* the last one found nothing that it could change */
	unsigned refusals; /* how often in a row it was answered so before */
	unsigned gone;     /* the same of errand_is_gone() */
};

/* Does that end say that the object is not there, by the provider's word or because of a change
 * that was refused or is unclear? A cloud may say so of what is there: it counts only when it was
 * said some times in a row. */
bool errand_is_gone(int32_t code, bool said, const struct errand_past *past);

/* said: the code is the provider's own word (struct call_result). Pure. */
enum errand_verdict errand_verdict(int32_t code, bool said, const struct errand_past *past);

#endif
