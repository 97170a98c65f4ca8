/*
 * servers - the processes that answer for deployed models: started, asked whether they are
 * well, brought back after the machine was restarted, and cleared away.
 *
 * A process that is no longer wanted is first written down (kv "retired/NAME"), then left by
 * the endpoint's record, then stopped and deleted by a sweep: a crash at any point leaves
 * nothing that a later sweep does not find. One that has answered requests is stopped only
 * when it has none left, and not in its first second: a request that read the record before it
 * was changed may still be on its way to it.
 */
#ifndef PLUGINS_LOCAL_SERVERS_H
#define PLUGINS_LOCAL_SERVERS_H

#include "endpoint.h"

/* The items of a specification's "inputs" that a model's server needs: its files as the folder
 * work/model, its script in work. model: its record. */
void servers_put_inputs(
	struct local_call *c, struct davit_sdk_writer *w, const struct davit_sdk_json *model);

/* Starts the server of a generation; DAVIT_OK also where it was started before. Returns
 * sdk.code. */
int32_t servers_start(struct local_call *c, const struct endpoint *e, const struct deployment *d);

/* Does it answer GET /health with 200? false also when the call failed. */
bool servers_healthy(struct local_call *c, const char *process);

/* How a server leaves: at once, or when the requests it has are answered, at the latest after
 * the site's drain_seconds. */
enum servers_leave {
	SERVERS_STOP,
	SERVERS_DRAIN
};

/* Notes that a generation is to be stopped and deleted; before the record lets it go. */
void servers_retire(struct local_call *c, const struct endpoint *e, const struct deployment *d,
	enum servers_leave how);

/* The process of a retired server that is still there, by the submission of the job that started
 * it; NULL: there is none, or the call failed. */
const char *servers_retired(struct local_call *c, const char *submission);

/* Retired servers of one endpoint that are still there. */
struct servers_left {
	int draining;     /* not told to stop yet */
	int stopping;     /* told, and alive */
	int64_t requests; /* that the draining ones still answer */
};

/* Stops and deletes what was retired, as far as that is possible now. Its failures are logged
 * and do not end the call. ret_left (may be NULL): what is left of the endpoint with that id. */
void servers_sweep(struct local_call *c, const char *endpoint_id, struct servers_left *ret_left);

/* Starts the servers of deployed models again if they are gone, as new generations. Failures
 * are logged and do not end the call. */
void servers_revive(struct local_call *c, const char *endpoint_id);

/* Revives all and sweeps; when the provider starts. */
void servers_recover(struct local_call *c);

#endif
