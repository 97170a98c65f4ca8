/*
 * account - whose account at which cloud a job is done with, and what keeps it from there. Pure.
 * [any thread]
 */
#ifndef HOST_JOBS_ACCOUNT_H
#define HOST_JOBS_ACCOUNT_H

#include <stdbool.h>

struct config;
struct job;

/*
 * Why nothing may be sent for job now, as *ret_why (the caller's; NULL: nothing is in the way): its
 * connection is not in the configuration. What its provider has of its own is somebody else's
 * account. A flow sends nothing itself. False: out of memory.
 */
bool account_away(const struct config *config, const struct job *job, char **ret_why);

#endif
