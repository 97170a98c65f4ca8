/*
 * sandbox - taking rights away from this process and from all it starts, for good.
 *
 * Each step takes what this machine lets it take and notes in a struct sandbox_level what it
 * got: nothing here fails a start. Whoever demands a least level compares it afterwards.
 * A refused system call fails with EPERM (ENOSYS where a library is to take an older way), so
 * that the program's own handling of errors goes on; none ends the process.
 * Nothing allocates, so that the steps may be taken between fork and exec. [one thread yet, but
 * for sandbox_after_load()]
 */
#ifndef HOST_PLATFORM_SANDBOX_H
#define HOST_PLATFORM_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum sandbox_step {
	SANDBOX_DESCRIPTORS,
	SANDBOX_LIMITS,
	SANDBOX_PRIVILEGES,
	SANDBOX_USER, /* programs alone */
	SANDBOX_NAMESPACES,
	SANDBOX_NETWORK, /* programs alone */
	SANDBOX_LANDLOCK,
	SANDBOX_SECCOMP,
	SANDBOX_STEPS
};

enum sandbox_got {
	SANDBOX_NONE,
	SANDBOX_PARTIAL,
	SANDBOX_FULL
};

struct sandbox_part {
	enum sandbox_got got;
	char text[112]; /* "abi 7", "none (Operation not permitted)"; printable, without quotes */
};

struct sandbox_level {
	enum sandbox_got got; /* all in all */
	struct sandbox_part part[SANDBOX_STEPS];
};

/* --- what it says --- */

#define SANDBOX_JSON_MAX 1280 /* bytes of any level as JSON, with the NUL */

/* {"level":"full","descriptors":"…","limits":"…",…}; steps not taken are left out. */
void sandbox_json(const struct sandbox_level *level, char text[SANDBOX_JSON_MAX]);

/* "none", "partial", "full"; and back. */
const char *sandbox_word(enum sandbox_got got);
bool sandbox_read_word(const char *word, enum sandbox_got *ret_got);

/* The name of a step as in the JSON. */
const char *sandbox_step_name(enum sandbox_step step);

/* --- a process that loads one provider's file --- */

enum sandbox_access {
	SANDBOX_READ = 1,
	SANDBOX_EXECUTE = 2,
	SANDBOX_WRITE = 4,   /* and make, rename and delete below a folder */
	SANDBOX_DEVICE = 8,  /* a device's own requests (ioctl) */
	SANDBOX_SOCKET = 16, /* make sockets in it */
	SANDBOX_REMOVE = 32, /* delete files in it */
	SANDBOX_FRESH = 64,  /* in a room: an empty one, in memory */
	SANDBOX_LIST = 128,  /* names alone */
	SANDBOX_ALONE = 256  /* in a room: without what is mounted in it */
};

struct sandbox_path {
	const char *path; /* absolute; a file or a folder with all below it; may be missing */
	unsigned int access;
	const char *from; /* in a room: what appears there; NULL: the same */
};

struct sandbox_load {
	const int *keep; /* descriptors that stay open, 0 to 2 too only if they are here */
	size_t keep_count;
	const struct sandbox_path *paths; /* beside the libraries of the system */
	size_t path_count;
	uint64_t address_space_bytes; /* 0: as it is; lifted in builds with a sanitizer */
	uint64_t open_files;          /* 0: as it is */
	bool no_namespaces;
	bool shield; /* shield_process(), too: behind the namespaces, which could not be made */
};

/*
 * Before dlopen(), while there is one thread: closes descriptors, sets limits, gives up
 * capabilities and the right to gain any, enters namespaces of its own, and closes the file
 * system but for what is named. From here on: no socket, no program, no process (threads are
 * fine), no signal to others, no look into others. *level is filled.
 *
 * Have the C library load first what it loads late: libgcc_s.so.1, which pthread_exit() and
 * pthread_cancel() need.
 */
void sandbox_before_load(const struct sandbox_load *load, struct sandbox_level *level);

/*
 * After dlopen(), with any threads: no file is opened any more, nor asked about by its name, and
 * no memory becomes executable. (fstat() of glibc asks by name: use lseek(), or SYS_fstat.)
 * Completes *level.
 */
void sandbox_after_load(struct sandbox_level *level);

/* --- a room: what a program sees of the machine --- */

#define SANDBOX_SAME UINT32_MAX /* no other user */

struct sandbox_room {
	const struct sandbox_path *paths; /* a folder before what is in it */
	size_t path_count;
	const char *place; /* an empty folder that it is built on */
	uint32_t uid;      /* or SANDBOX_SAME; counts for root alone, as the groups do */
	uint32_t gid;
	const gid_t *groups;
	size_t group_count;
	bool network; /* the machine's; else none but a loopback of its own */
};

/*
 * Enters namespaces (those of mounts, IPC and host name, of network without network, and that of
 * users if this is not root) where the paths are all there is, and becomes uid. 0 or errno: then
 * the process is half there and must end; so try it in a child first, which sandbox_room_works()
 * does. The current folder is the root then, and PR_SET_PDEATHSIG is as never set.
 */
int sandbox_enter_room(const struct sandbox_room *room);

/* 0, or why it cannot be entered. [one thread] */
int sandbox_room_works(const struct sandbox_room *room);

/* --- the steps themselves --- */

/* Closes all descriptors but those; at most 32. */
void sandbox_close(const int *keep, size_t count, struct sandbox_level *level);

/* No capability, now or by a program that is executed; needs no right itself. */
void sandbox_drop_rights(struct sandbox_level *level);

/* 0: there is none here. */
int sandbox_landlock_abi(void);

struct sandbox_files {
	const struct sandbox_path *paths; /* all that stays reachable */
	size_t path_count;
	bool no_tcp; /* neither connect nor bind, where the kernel can (abi 4) */
};

/* Abstract Unix sockets of others, and signals to them, are closed with it (abi 6). */
void sandbox_landlock(const struct sandbox_files *files, struct sandbox_level *level);

enum sandbox_sockets {
	SANDBOX_SOCKETS_NET,  /* Unix, IPv4, IPv6, netlink */
	SANDBOX_SOCKETS_UNIX, /* Unix alone */
	SANDBOX_SOCKETS_OWN   /* the same, but connect to none by a name */
};

/*
 * For an ordinary program: no way to the insides of other processes, of the kernel or of mounts.
 * shared_user: its user has other processes; it sets limits, priority and CPUs of itself alone.
 */
void sandbox_filter_program(
	enum sandbox_sockets sockets, bool shared_user, struct sandbox_level *level);

#endif
