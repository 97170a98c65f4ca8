/*
 * servers - the processes that answer for deployed models: started, asked whether they are
 * well, brought back after the machine was restarted, and cleared away.
 *
 * A process that is no longer wanted is first written down (kv "retired/NAME"), then left by
 * the endpoint's record, then stopped and deleted by a sweep: a crash at any point leaves
 * nothing that a later sweep does not find.
 */
#ifndef PLUGINS_LOCAL_SERVERS_H
#define PLUGINS_LOCAL_SERVERS_H

#include "endpoint.h"

/* Starts the server of a generation; DAVIT_OK also where it was started before. Returns
 * sdk.code. */
int32_t servers_start(struct local_call *c, const struct endpoint *e, const struct deployment *d);

/* Does it answer GET /health with 200? false also when the call failed. */
bool servers_healthy(struct local_call *c, const char *process);

/* Notes that a generation is to be stopped and deleted; before the record lets it go. */
void servers_retire(struct local_call *c, const struct endpoint *e, const struct deployment *d);

/* Stops and deletes what was retired, as far as that is possible now. Its failures are logged
 * and do not end the call. */
void servers_sweep(struct local_call *c);

/* Starts the server of a deployed model again if it is gone, as a new generation. Its failures
 * are logged and do not end the call. */
void servers_revive(struct local_call *c, const char *endpoint_id);

/* Revives all and sweeps; when the provider starts. */
void servers_recover(struct local_call *c);

#endif
