/* spawn - starting a program without inheriting anything. [any thread] */
#ifndef HOST_PLATFORM_SPAWN_H
#define HOST_PLATFORM_SPAWN_H

#include <stdbool.h>
#include <stdint.h>

struct fail;

/*
 * Starts argv[0] (a path) detached: own session, environment env only, standard streams on
 * the null device (standard error on stderr_fd if it is not -1), no other descriptor open,
 * signals at their defaults and unblocked, folder cwd. Not our child afterwards (reparented), so
 * nobody waits for it.
 */
bool spawn_detached(const char *const argv[], const char *const env[], const char *cwd,
	int stderr_fd, struct fail *f);

#endif
