/* spawn - starting a program without inheriting anything. [any thread] */
#ifndef HOST_PLATFORM_SPAWN_H
#define HOST_PLATFORM_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct fail;

/*
 * Starts argv[0] (a path) detached: own session, environment env only, standard streams on
 * the null device (standard error on stderr_fd if it is not -1), no other descriptor open,
 * signals at their defaults and unblocked, folder cwd. Not our child afterwards (reparented), so
 * nobody waits for it.
 */
bool spawn_detached(const char *const argv[], const char *const env[], const char *cwd,
	int stderr_fd, struct fail *f);

/*
 * Starts argv[0] (a path) as a child, which the caller waits for: socket is its descriptor 3, and
 * there is no other but the standard streams, on the null device; in builds for tests standard
 * error is ours. Environment env only, signals at their defaults, folder "/", a process group of
 * its own; the session is ours, so that the scheduler takes the two for one.
 */
bool spawn_child(const char *const argv[], const char *const env[], int socket, pid_t *ret_pid,
	struct fail *f);

#endif
