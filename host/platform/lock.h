/*
 * lock - one holder per file, given back by the system when the holder dies. The file keeps
 * the holder's process id for messages. [any thread]
 */
#ifndef HOST_PLATFORM_LOCK_H
#define HOST_PLATFORM_LOCK_H

#include <stdbool.h>
#include <stdint.h>

struct fail;

/* Takes the lock at path, making the file; *ret_fd holds it until closed and may be handed
 * to another process, which then holds it too. FAIL_CONFLICT when another holds it:
 * *ret_pid (may be NULL) is who, 0 if unknown. */
bool lock_take(const char *path, int *ret_fd, int64_t *ret_pid, struct fail *f);

/* Writes the caller's process id into the file of a lock that was handed to it. */
bool lock_sign(int fd, struct fail *f);

/* Is the lock at path held by anybody? false also where there is no file. */
bool lock_held(const char *path);

#endif
