/*
 * server_log - what the server of a deploy printed, kept for the job that started it when its
 * process is gone: the last part, as a sealed blob, and where that part begins, in kv at
 * "log/SUBMISSION".
 */
#ifndef PLUGINS_LOCAL_SERVER_LOG_H
#define PLUGINS_LOCAL_SERVER_LOG_H

#include "local.h"

/* Keeps the last part of what that process printed, unless it is not there any more or the
 * submission is "". Again is fine. Returns sdk.code. */
int32_t server_log_keep(struct local_call *c, const char *submission, const char *process);

/* Has a log been kept for that submission? */
bool server_log_kept(struct local_call *c, const char *submission);

/* The answer of a logs slot: what was kept, from the request's "offset" on; where nothing was, an
 * empty one. */
int32_t server_log_reply(struct local_call *c, const char *submission);

#endif
