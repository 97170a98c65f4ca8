/*
 * A room: a file system of its own, made of pieces of the machine's, that is all a program sees;
 * with namespaces around it. Built in memory on an empty folder, piece by piece, then made the
 * root. What is not a piece has no name there.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/posix/sandbox_part.h"

#define NR_MOUNT_SETATTR 442
#define ATTR_RECURSIVE   0x8000 /* AT_RECURSIVE */

#define OLD_ATTRS (MS_BIND | MS_REMOUNT | MS_NOSUID)

struct attrs { /* struct mount_attr, which older headers lack */
	uint64_t set;
	uint64_t clear;
	uint64_t propagation;
	uint64_t user;
};

enum { /* its bits, those of MOUNT_ATTR_… */
	ATTR_READ_ONLY = 1,
	ATTR_NO_SUID = 2,
	ATTR_NO_DEVICES = 4
};

/* --- pieces --- */

/* Makes the folders on the way to path, which is below the root-to-be. */
static int make_parents(char *path, size_t from)
{
	for (size_t i = from + 1; path[i] != '\0'; i++) {
		if (path[i] != '/')
			continue;
		path[i] = '\0';
		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			return errno;
		path[i] = '/';
	}
	return 0;
}

/* Kernels before 5.12 cannot change mounts below the one that is named. */
static int set_attrs(const char *path, unsigned int access)
{
	struct attrs attrs = {.set = ATTR_NO_SUID};
	unsigned long old = OLD_ATTRS;

	if ((access & (SANDBOX_WRITE | SANDBOX_SOCKET)) == 0)
		attrs.set |= ATTR_READ_ONLY;
	if ((access & SANDBOX_DEVICE) == 0)
		attrs.set |= ATTR_NO_DEVICES;
	if (syscall(NR_MOUNT_SETATTR, AT_FDCWD, path, ATTR_RECURSIVE, &attrs, sizeof(attrs)) == 0)
		return 0;
	if (errno != ENOSYS)
		return errno;
	old |= (attrs.set & ATTR_READ_ONLY) != 0 ? MS_RDONLY : 0;
	old |= (attrs.set & ATTR_NO_DEVICES) != 0 ? MS_NODEV : 0;
	return mount(NULL, path, NULL, old, NULL) == 0 ? 0 : errno;
}

static int make_target(const char *path, bool folder)
{
	int fd;

	if (folder)
		return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : errno;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
	if (fd < 0)
		return errno == EROFS ? 0 : errno; /* it is in a piece already */
	close(fd);
	return 0;
}

static int put_fresh(const char *path)
{
	if (mkdir(path, 0755) != 0 && errno != EEXIST)
		return errno;
	return mount("davit", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") == 0 ? 0 : errno;
}

static int put_bound(const char *from, const char *path, unsigned int access, bool folder)
{
	unsigned long how = (access & SANDBOX_ALONE) != 0 ? MS_BIND : MS_BIND | MS_REC;
	int err = make_target(path, folder);

	if (err != 0)
		return err;
	if (mount(from, path, NULL, how, NULL) != 0)
		return errno == EACCES || errno == ENOENT ? 0 : errno;
	return set_attrs(path, access);
}

/* A link right below the root, as /bin is one on many systems. */
static bool is_root_link(const struct sandbox_path *p, char target[PATH_MAX])
{
	ssize_t n = strchr(p->path + 1, '/') == NULL ? readlink(p->path, target, PATH_MAX - 1) : -1;

	if (n <= 0 || target[0] == '/')
		return false;
	target[n] = '\0';
	return true;
}

/* What is missing, or what this user cannot reach, is missing in the room too. */
static int put_piece(const char *place, const struct sandbox_path *p)
{
	const char *from = p->from != NULL ? p->from : p->path;
	char path[PATH_MAX], target[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s%s", place, p->path);
	int err;

	if (n < 0 || (size_t)n >= sizeof(path))
		return ENAMETOOLONG;
	if (strcmp(p->path, "/") == 0)
		return 0; /* it is there */
	err = make_parents(path, strlen(place));
	if (err != 0)
		return err;
	if ((p->access & SANDBOX_FRESH) != 0)
		return put_fresh(path);
	if (p->from == NULL && is_root_link(p, target))
		return symlink(target, path) == 0 || errno == EEXIST ? 0 : errno;
	if (stat(from, &st) != 0)
		return 0;
	return put_bound(from, path, p->access, S_ISDIR(st.st_mode));
}

static void put_link(const char *place, const char *name, const char *target)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s%s", place, name) < (int)sizeof(path))
		(void)symlink(target, path);
}

/* --- the room --- */

static int build(const struct sandbox_room *room)
{
	mode_t before = umask(022); /* all may pass */
	int err = 0;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		mount("davit", room->place, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0)
		return errno;
	for (size_t i = 0; i < room->path_count && err == 0; i++)
		err = put_piece(room->place, &room->paths[i]);
	put_link(room->place, "/dev/fd", "/proc/self/fd");
	put_link(room->place, "/dev/stdin", "/proc/self/fd/0");
	put_link(room->place, "/dev/stdout", "/proc/self/fd/1");
	put_link(room->place, "/dev/stderr", "/proc/self/fd/2");
	umask(before);
	return err;
}

/* The old root is put upon the new one, and taken away. */
static int move_in(const char *place)
{
	if (chdir(place) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 ||
		umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
		return errno;
	return mount(NULL, "/", NULL, MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NODEV | MS_RDONLY,
		       NULL) == 0
	               ? 0
	               : errno;
}

/* Its own: nobody else is there. Some programs talk to themselves over it. */
static void raise_loopback(void)
{
	struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	(void)ioctl(fd, SIOCSIFFLAGS, &loopback);
	close(fd);
}

static int become(const struct sandbox_room *room)
{
	if (room->uid == SANDBOX_SAME || geteuid() != 0)
		return 0;
	if (setgroups(room->group_count, room->groups) != 0 ||
		setresgid(room->gid, room->gid, room->gid) != 0 ||
		setresuid(room->uid, room->uid, room->uid) != 0)
		return errno;
	return 0;
}

int sandbox_enter_room(const struct sandbox_room *room)
{
	unsigned int uid = geteuid(), gid = getegid();
	int spaces = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
	int err;

	if (!room->network)
		spaces |= CLONE_NEWNET;
	if (unshare(spaces | (uid != 0 ? CLONE_NEWUSER : 0)) != 0)
		return errno;
	err = uid != 0 ? sandbox_map_ids(uid, gid) : 0;
	if (err == 0)
		err = build(room);
	if (err == 0)
		err = move_in(room->place);
	if (err == 0 && !room->network)
		raise_loopback();
	return err != 0 ? err : become(room);
}

static int enter(const void *arg)
{
	return sandbox_enter_room(arg);
}

int sandbox_room_works(const struct sandbox_room *room)
{
	return sandbox_in_child(enter, room);
}
