/*
 * Who a confined command is, where davit-run is root, and whose its files are. The folder of the
 * process can be passed by others then, but lies in one that cannot.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "platform/fs.h"
#include "run/child.h"
#include "run/confine.h"
#include "run/confine_parts.h"
#include "run/environment.h"
#include "run/folder.h"
#include "run/spec.h"

/* Numbers that neither people, containers nor systemd are given. */
#define USER_FIRST 1879048192u
#define USER_LAST  2147352575u
#define DEPTH_MAX  64 /* folders in each other, of what a command left */

/* --- folders --- */

static bool make_folder(const char *name, struct fail *f)
{
	return mkdir(name, 0700) == 0 || errno == EEXIST ||
	       fail_errno(f, errno, "make folder %s", name);
}

static bool make_progress(struct fail *f)
{
	int fd = open(RUN_PROGRESS, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return fail_errno(f, errno, "make %s", RUN_PROGRESS);
	close(fd);
	return true;
}

/* A server listens in a folder that is the runtime folder to it alone; a link leads there. */
static bool make_sockets(const struct child_options *o, struct fail *f)
{
	char path[PATH_MAX];
	const char *name = strrchr(o->socket, '/');

	if (o->spec->serve == NULL || name == NULL)
		return true;
	if (!make_folder(RUN_SOCKETS, f) || !fs_join(path, sizeof(path), RUN_SOCKETS, name + 1, f))
		return false;
	unlink(path);
	return true;
}

bool confine_make_folders(struct confine *c, const struct child_options *o, struct fail *f)
{
	if (asprintf(&c->place, "%s/" RUN_ROOM, o->folder) < 0)
		c->place = NULL;
	if (asprintf(&c->cwd, "%s/%s", o->folder, o->spec->cwd) < 0)
		c->cwd = NULL;
	if (c->place == NULL || c->cwd == NULL)
		return fail_errno(f, ENOMEM, "confine the command");
	return make_folder(RUN_TMP, f) && make_folder(RUN_ROOM, f) && make_sockets(o, f) &&
	       make_progress(f);
}

/* --- the user --- */

/* The same for the same name: FNV-1a. */
static uint32_t number_of(const char *name, uint32_t first, uint32_t last)
{
	uint32_t hash = 2166136261u;

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return first + hash % (last - first + 1);
}

/* With its groups: devices often belong to one. */
static bool user_named(struct confine *c, const char *name, struct fail *f)
{
	int count = CONFINE_GROUPS;

	const struct passwd *user = getpwnam(name); /* NOLINT(concurrency-mt-unsafe): one thread */

	if (user == NULL)
		return fail_set(f, FAIL_INVALID, "there is no user \"%s\" here", name);
	if (user->pw_uid == 0)
		return fail_set(f, FAIL_INVALID, "a command is not given to root");
	c->room.uid = user->pw_uid;
	c->room.gid = user->pw_gid;
	if (getgrouplist(name, user->pw_gid, c->groups, &count) < 0)
		count = CONFINE_GROUPS;
	c->room.groups = c->groups;
	c->room.group_count = (size_t)count;
	return true;
}

static bool read_number(const char *text, char **ret_end, uint32_t *ret_n)
{
	unsigned long n;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	n = strtoul(text, ret_end, 10);
	*ret_n = (uint32_t)n;
	return errno == 0 && n < SANDBOX_SAME;
}

/* "FIRST-LAST" */
static bool read_range(const char *text, uint32_t *ret_first, uint32_t *ret_last)
{
	char *end;

	return read_number(text, &end, ret_first) && *end == '-' &&
	       read_number(end + 1, &end, ret_last) && *end == '\0';
}

static bool choose(struct confine *c, const struct child_options *o, struct fail *f)
{
	const char *user = c->site->user;
	uint32_t first = USER_FIRST, last = USER_LAST;

	c->room.uid = SANDBOX_SAME;
	if (geteuid() != 0 || strcmp(user, "same") == 0)
		return true;
	if (strcmp(user, "auto") != 0 && !read_range(user, &first, &last))
		return user_named(c, user, f);
	if (first == 0 || last < first)
		return fail_set(f, FAIL_INVALID, "\"%s\" is no range of users", user);
	c->room.uid = c->room.gid = number_of(o->name, first, last);
	return true;
}

/* Not every file system lets root give files away. */
bool confine_choose_user(struct confine *c, const struct child_options *o, struct fail *f)
{
	if (!choose(c, o, f))
		return false;
	if (c->room.uid != SANDBOX_SAME && lchown(RUN_TMP, c->room.uid, c->room.gid) != 0)
		c->room.uid = SANDBOX_SAME;
	return true;
}

/* --- its files --- */

static bool give(
	int dirfd, const char *name, const struct sandbox_room *room, int depth, struct fail *f);

static bool give_entries(int fd, const struct sandbox_room *room, int depth, struct fail *f)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	bool good = true;

	if (dir == NULL) {
		close(fd);
		return fail_errno(f, errno, "open a folder");
	}
	while (good && (entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe): own */
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			good = give(dirfd(dir), entry->d_name, room, depth + 1, f);
	}
	closedir(dir);
	return good;
}

/* With all in it; links themselves, not what they lead to. */
static bool give(
	int dirfd, const char *name, const struct sandbox_room *room, int depth, struct fail *f)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fchownat(dirfd, name, room->uid, room->gid, AT_SYMLINK_NOFOLLOW) != 0 &&
		errno != ENOENT) {
		fail_errno(f, errno, "give %s to user %" PRIu32, name, room->uid);
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (fd < 0)
		return true;
	if (depth < DEPTH_MAX)
		return give_entries(fd, room, depth, f);
	close(fd);
	return true;
}

/* Folders that inputs lie in have any name but these. */
static bool is_ours(const char *name)
{
	static const char *const ours[] = {".", "..", RUN_USERS, RUN_ROOM};

	for (size_t i = 0; i < COUNT(ours); i++) {
		if (strcmp(ours[i], name) == 0)
			return true;
	}
	return false;
}

static bool is_supervisors(const char *name)
{
	static const char *const files[] = {
		RUN_SPEC, RUN_STOP, RUN_LOCK, RUN_STARTED, RUN_EXIT, RUN_MESSAGES};

	for (size_t i = 0; i < COUNT(files); i++) {
		if (strcmp(files[i], name) == 0)
			return true;
	}
	return is_ours(name) || strncmp(name, "log", 3) == 0;
}

static bool give_all(DIR *dir, const struct sandbox_room *room, struct fail *f)
{
	struct dirent *entry;

	while ((entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe): own DIR */
		if (!is_supervisors(entry->d_name) && !give(dirfd(dir), entry->d_name, room, 0, f))
			return false;
	}
	return true;
}

/* A prefix that was made before its maker was confined is for its owner alone. */
static bool open_to_all(int dirfd, const char *name, int depth)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	struct dirent *entry;
	bool good = fd >= 0 && fstat(fd, &st) == 0;
	DIR *dir = NULL;

	if (good && (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)))
		good = fchmod(fd, (st.st_mode & 07777) | ((st.st_mode & 0500) >> 6)) == 0;
	if (good && S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
		dir = fdopendir(fd);
	while (dir != NULL && (entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe) */
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			(void)open_to_all(fd, entry->d_name, depth + 1); /* links are not opened */
	}
	if (dir != NULL)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	return good;
}

static bool open_prefix(const struct child_options *o, struct fail *f)
{
	char *prefix = o->spec->prefix == NULL ? NULL : environment_prefix(o);
	struct stat st;
	bool good = prefix == NULL || stat(prefix, &st) != 0 || (st.st_mode & 05) == 05 ||
	            open_to_all(AT_FDCWD, prefix, 0);

	if (!good)
		fail_errno(f, errno, "open %s to its users", prefix);
	free(prefix);
	return good;
}

/* Its socket is where the daemon looks for it by a link. */
static bool link_socket(const struct child_options *o, struct fail *f)
{
	char folder[PATH_MAX], path[PATH_MAX];
	const char *name = strrchr(o->socket, '/');

	if (o->spec->serve == NULL || name == NULL)
		return true;
	if (!fs_join(folder, sizeof(folder), o->folder, RUN_SOCKETS, f) ||
		!fs_join(path, sizeof(path), folder, name + 1, f))
		return false;
	unlink(o->socket);
	return symlink(path, o->socket) == 0 || fail_errno(f, errno, "make %s", o->socket);
}

bool confine_give(const struct confine *c, const struct child_options *o, struct fail *f)
{
	DIR *dir;
	bool good;

	if (!link_socket(o, f))
		return false;
	if (c->room.uid == SANDBOX_SAME)
		return true;
	dir = opendir(".");
	if (dir == NULL || chmod(".", 0711) != 0) {
		fail_errno(f, errno, "open folder %s", o->folder);
		if (dir != NULL)
			closedir(dir);
		return false;
	}
	good = give_all(dir, &c->room, f) && open_prefix(o, f);
	closedir(dir);
	return good;
}
