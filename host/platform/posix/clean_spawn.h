/*
 * clean_spawn - a child that gets nothing of us but what its caller says: posix_spawn() with all
 * signals as they are by default and none blocked, its folder "/", and no descriptor beside those
 * that streams() gives it.
 */
#ifndef HOST_PLATFORM_POSIX_CLEAN_SPAWN_H
#define HOST_PLATFORM_POSIX_CLEAN_SPAWN_H

#include <spawn.h>

struct clean_spawn {
	const char *const *argv; /* NULL-terminated; the file is argv[0] */
	const char *const *env;  /* NULL-terminated */
	short group;             /* POSIX_SPAWN_SETSID or POSIX_SPAWN_SETPGROUP */
	/* Adds what becomes of the descriptors below keep; fd: the one given. An errno, or 0. */
	int (*streams)(posix_spawn_file_actions_t *actions, int fd);
	int fd;
	int keep; /* descriptors from this one on are closed */
};

/* An errno, or 0. [any] */
int clean_spawn(const struct clean_spawn *s, pid_t *ret_pid);

#endif
