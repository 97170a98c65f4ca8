/*
 * worker - a provider in a process of its own: davit-worker, which has loaded the file that was
 * looked at. Its slots run there, the services they ask for run here, on the thread of the call,
 * exactly as they would have been called by the provider. See worker/frame.h for what is said.
 *
 * A worker that dies, hangs or breaks the protocol is ended and waited for; all calls that ran in
 * it end as cut off, as if the host had died in them, and the next call starts another one.
 *
 * One lock per provider (struct worker_home) guards its worker, how that stands and the lanes that
 * rest. It is not held over input and output. A lane belongs to the call that took it.
 */
#ifndef HOST_PROVIDER_WORKER_H
#define HOST_PROVIDER_WORKER_H

#include <davit/abi.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct call;
struct fail;
struct provider;
struct worker_home;

#define WORKER_HELLO_MS 10000 /* for loading the file */
#define WORKER_GRACE_MS 5000  /* past its deadline a call ends with its worker */
#define WORKER_CLOSE_MS 2000  /* the same, of a call that was told to stop because the host ends */
#define WORKER_TICK_MS  500   /* between two looks at that */
#define WORKER_BEATS    3     /* questions whether it is there, in workers.silent_seconds */
#define WORKER_KEPT     2     /* lanes that rest; each is a thread in the worker */
#define WORKER_REST_MS  10000 /* most, between the death of a worker and the next start */

/*
 * Starts a worker for p, whose file is at path, and fills p->tables with what it has: slots are
 * there or not, and none of them may be called. Where the file is in quarantine nothing of it is
 * started, and the tables are what its manifest says. Then worker_create() makes the instance, in
 * this worker and in all that come after it. False: p->home may be there nevertheless, for
 * worker_end().
 */
bool worker_begin(struct provider *p, const char *path, struct fail *f);
bool worker_create(struct provider *p, const char *config, size_t n, struct fail *f);

/* p was loaded: remembers its file, or where that is in quarantine has the one before serve. */
void worker_noted(struct provider *p);

/* Destroys the instance, ends the worker and frees p->home. NULL is fine. No call runs. */
void worker_finish(struct provider *p);

/* What the provider's table of that id has, as p->query() would say. */
const void *worker_table(const struct provider *p, const char *id);

/* Runs the slot of c in the worker. [thread of the call, which is the current one] */
int32_t worker_run(struct call *c);

/* The thread that watches all workers; NULL is fine. After the last worker_finish(). */
struct worker_watch;
void worker_watch_close(struct worker_watch *watch);

/* {"pid"?, "sandbox"?, "starts", "deaths", "last_death"?, "quarantined"?} for GET /v1/providers.
 * [any thread] */
json_t *worker_describe(const struct provider *p);

/* {"sha256", "cause", "since", "reason"} and, where another file serves, {"sha256", "version",
 * "worker"}; both stay as they are where p is in no quarantine. [any thread] */
void worker_describe_quarantine(
	const struct provider *p, json_t **ret_quarantine, json_t **ret_fallback);

#endif
