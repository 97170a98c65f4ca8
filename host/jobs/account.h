/*
 * account - whose account at which cloud a job is done with, and what keeps it from there.
 *
 * What says so are members of its provider's settings and of its connection: those that the
 * manifest names ("account", by name or JSON pointer), else all texts that are no secrets. A job
 * keeps a digest of each. [any thread]
 */
#ifndef HOST_JOBS_ACCOUNT_H
#define HOST_JOBS_ACCOUNT_H

#include <stdbool.h>

struct config;
struct job;
struct tracker_options;

/*
 * Where job would go now: JSON {"settings/endpoint": digest, …} (the caller's); NULL where its
 * provider is not loaded, or it is a flow, which sends nothing itself. False: out of memory.
 */
bool account_now(const struct tracker_options *o, const struct job *job, char **ret_text);

/* What is in the way of a job. */
struct account_state {
	char *away; /* why nothing may be sent for it now; NULL: nothing is in the way */
	char *now;  /* to be kept with its next attempt; NULL: what it has is right */
	bool moved; /* its connection is there, but somebody else's: a person may decide */
};

/* Its connection is not in the configuration, or it went elsewhere before. Texts are the caller's.
 * False: out of memory, and *ret_state is empty. */
bool account_look(
	const struct tracker_options *o, const struct job *job, struct account_state *ret_state);

/*
 * Does job, of that provider, go to the account that connection (NULL or "": none) leads to now?
 * Yes also where that is not known, as of a job that was never begun.
 */
bool account_same(const struct tracker_options *o, const struct job *job, const char *connection);

#endif
