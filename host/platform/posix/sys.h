/* sys - what the files of this folder share: calls that a signal may interrupt. */
#ifndef HOST_PLATFORM_POSIX_SYS_H
#define HOST_PLATFORM_POSIX_SYS_H

#include <stdbool.h>
#include <stddef.h>

/* Writes all n bytes; false with errno. */
bool sys_write(int fd, const void *bytes, size_t n);

/* Copies all bytes of an open file into another, empty one: by reference where the file system
 * can; false with errno. */
bool sys_copy(int from, int to);

/* Gives a file in the folder dirfd (AT_FDCWD: any) another name that nothing has yet; false with
 * errno. */
bool sys_rename_new(int dirfd, const char *name, const char *new_name);

/*
 * Opens for reading what name leads to below the folder dirfd, following no links and never
 * leaving it; -1 with errno (ELOOP or EXDEV: it would have). flags as open(2).
 * sys_open_beneath() takes the kernel's way where there is one; sys_open_by_steps() opens
 * folder by folder and is what older kernels get.
 */
int sys_open_beneath(int dirfd, const char *name, int flags);
int sys_open_by_steps(int dirfd, const char *name, int flags);

/* Is name relative, not empty, and without ".."? */
bool sys_name_stays(const char *name);

#endif
