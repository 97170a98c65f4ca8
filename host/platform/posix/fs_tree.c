/*
 * Walking and removing whole folders. The trees are written by other people's programs, so that
 * they may be deep, full of links, without permissions, and changing while we look.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "platform/fs.h"
#include "platform/posix/sys.h"

#define DEPTH_MAX 64 /* folders open at a time */

#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

struct removal {
	int top;             /* the folder under removal */
	unsigned long moved; /* how many deep folders were moved up to top */
	struct fail *f;
};

static bool remove_below(struct removal *r, int fd, int depth);

/* A folder we may not open is ours nevertheless: take the permission, without following links. */
static int open_closed_dir(int dirfd, const char *name)
{
	char proc[40];
	struct stat st;
	int fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int opened = -1;

	if (fd < 0)
		return -1;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && chmod(proc, 0700) == 0)
		opened = openat(dirfd, name, OPEN_DIR);
	close(fd);
	return opened;
}

static int open_dir(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, OPEN_DIR);
	struct stat st;

	if (fd < 0 && errno == EACCES)
		fd = open_closed_dir(dirfd, name);
	/* Without these nothing in it can be removed; if it does not work, unlinkat() says so. */
	if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 0700) != 0700 && fchmod(fd, 0700) != 0)
		errno = 0;
	return fd;
}

/* Out of a tree deeper than we have descriptors for: the rest becomes a neighbour of its top. */
static bool move_up(struct removal *r, int dirfd, const char *name)
{
	char up[48];

	snprintf(up, sizeof(up), ".removed-%ld-%lu", (long)getpid(), r->moved++);
	if (renameat(dirfd, name, r->top, up) != 0)
		return fail_errno(r->f, errno, "remove %s", name);
	return true;
}

static bool remove_dir(struct removal *r, int dirfd, const char *name, int depth)
{
	int fd;

	if (depth == DEPTH_MAX)
		return move_up(r, dirfd, name);
	fd = open_dir(dirfd, name);
	if (fd < 0)
		return errno == ENOENT || fail_errno(r->f, errno, "remove %s", name);
	if (!remove_below(r, fd, depth + 1))
		return false;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
		return fail_errno(r->f, errno, "remove %s", name);
	return true;
}

static bool remove_entry(struct removal *r, int dirfd, const char *name, int depth)
{
	if (is_dots(name) || unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return true;
	if (errno == EISDIR || errno == EPERM) /* POSIX says EPERM for a folder, Linux EISDIR */
		return remove_dir(r, dirfd, name, depth);
	return fail_errno(r->f, errno, "remove %s", name);
}

/* Removes what is in the folder fd; closes fd. */
static bool remove_below(struct removal *r, int fd, int depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	bool good = true;

	if (dir == NULL) {
		fail_errno(r->f, errno, "open a folder");
		close(fd);
		return false;
	}
	while (good && (entry = readdir(dir)) != NULL) /* NOLINT(concurrency-mt-unsafe): own DIR */
		good = remove_entry(r, dirfd(dir), entry->d_name, depth);
	closedir(dir);
	return good;
}

/* Again as long as folders were moved up: the reading may have been past them already. */
static bool remove_content(struct removal *r)
{
	unsigned long moved;

	do {
		int fd = openat(r->top, ".", OPEN_DIR);

		moved = r->moved;
		if (fd < 0)
			return fail_errno(r->f, errno, "open a folder");
		if (!remove_below(r, fd, 1))
			return false;
	} while (moved != r->moved);
	return true;
}

bool fs_remove_tree(const char *path, struct fail *f)
{
	struct removal r = {.f = f, .top = open_dir(AT_FDCWD, path)};
	bool good;

	if (r.top < 0)
		return errno == ENOENT || fail_errno(f, errno, "remove %s", path);
	good = remove_content(&r);
	close(r.top);
	if (!good)
		return fail_wrap(f, "%s", path);
	if (rmdir(path) != 0 && errno != ENOENT)
		return fail_errno(f, errno, "remove %s", path);
	return true;
}

struct walk_file {
	char *name;
	uint64_t bytes;
};

struct walk {
	struct walk_file *files;
	size_t n, cap, limit;
	char name[PATH_MAX]; /* of the folder the walk is in, with a slash at its end */
	struct fail *f;
};

static bool keep_file(struct walk *w, const char *name, uint64_t bytes)
{
	char *copy;

	if (w->n == w->limit)
		return fail_set(w->f, FAIL_TOO_LARGE, "there are more than %zu files", w->limit);
	if (w->n == w->cap) {
		size_t cap = w->cap == 0 ? 64 : w->cap * 2;
		struct walk_file *grown = realloc(w->files, cap * sizeof(*grown));

		if (grown == NULL)
			return fail_errno(w->f, ENOMEM, "list files");
		w->files = grown;
		w->cap = cap;
	}
	if (asprintf(&copy, "%s%s", w->name, name) < 0)
		return fail_errno(w->f, ENOMEM, "list files");
	w->files[w->n++] = (struct walk_file){copy, bytes};
	return true;
}

static bool walk_below(struct walk *w, int fd, int depth);

static bool walk_dir(struct walk *w, int dirfd, const char *name, int depth)
{
	size_t before = strlen(w->name);
	int n, fd;
	bool good;

	if (depth == DEPTH_MAX)
		return fail_set(w->f, FAIL_TOO_LARGE, "folders nest more than %d deep", DEPTH_MAX);
	fd = openat(dirfd, name, OPEN_DIR);
	if (fd < 0) /* gone meanwhile, became a link, or not for us to see */
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EACCES ||
		       fail_errno(w->f, errno, "open folder %s%s", w->name, name);
	n = snprintf(w->name + before, sizeof(w->name) - before, "%s/", name);
	if (n < 0 || (size_t)n >= sizeof(w->name) - before) {
		close(fd);
		return fail_set(w->f, FAIL_TOO_LARGE, "a path has more than %d bytes", PATH_MAX);
	}
	good = walk_below(w, fd, depth + 1);
	w->name[before] = '\0';
	return good;
}

static bool walk_entry(struct walk *w, int dirfd, const char *name, int depth)
{
	struct stat st;

	if (is_dots(name))
		return true;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT || fail_errno(w->f, errno, "look at %s%s", w->name, name);
	if (S_ISDIR(st.st_mode))
		return walk_dir(w, dirfd, name, depth);
	return !S_ISREG(st.st_mode) || keep_file(w, name, (uint64_t)st.st_size);
}

/* Lists what is in the folder fd; closes fd. */
static bool walk_below(struct walk *w, int fd, int depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	bool good = true;

	if (dir == NULL) {
		fail_errno(w->f, errno, "open a folder");
		close(fd);
		return false;
	}
	while (good && (entry = readdir(dir)) != NULL) /* NOLINT(concurrency-mt-unsafe): own DIR */
		good = walk_entry(w, dirfd(dir), entry->d_name, depth);
	closedir(dir);
	return good;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct walk_file *)a)->name, ((const struct walk_file *)b)->name);
}

static bool open_walk(const char *root, const char *path, int *ret_fd, struct fail *f)
{
	int rootfd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd, err;

	if (rootfd < 0)
		return fail_errno(f, errno, "open folder %s", root);
	fd = sys_open_beneath(rootfd, path[0] == '\0' ? "." : path, OPEN_DIR);
	err = errno;
	close(rootfd);
	if (fd < 0 && (err == ELOOP || err == EXDEV))
		return fail_set(f, FAIL_FORBIDDEN,
			"%s is refused: only names below the folder, without links or \"..\"",
			path);
	if (fd < 0 && (err == ENOTDIR || err == ENAMETOOLONG))
		err = ENOENT;
	if (fd < 0)
		return fail_errno(f, err, "open folder %s", path);
	*ret_fd = fd;
	return true;
}

static bool tell_all(const struct walk *w, bool (*each)(const char *, uint64_t, void *), void *ctx)
{
	for (size_t i = 0; i < w->n; i++) {
		if (!each(w->files[i].name, w->files[i].bytes, ctx))
			return fail_set(w->f, FAIL_INTERNAL, "the walk was ended");
	}
	return true;
}

bool fs_walk(const char *root, const char *path, size_t limit,
	bool (*each)(const char *name, uint64_t bytes, void *ctx), void *ctx, struct fail *f)
{
	struct walk *w = calloc(1, sizeof(*w)); /* a path is much for a small stack */
	int fd = -1;
	bool good;

	if (w == NULL)
		return fail_errno(f, ENOMEM, "list files");
	w->limit = limit;
	w->f = f;
	good = open_walk(root, path, &fd, f) && walk_below(w, fd, 0);
	if (good && w->n > 0)
		qsort(w->files, w->n, sizeof(*w->files), by_name);
	good = good && tell_all(w, each, ctx);
	for (size_t i = 0; i < w->n; i++)
		free(w->files[i].name);
	free(w->files);
	free(w);
	return good;
}
