/*
 * Writing a set of files where a caller named. Every step is taken from the folder before it
 * without following links; a file is whole and on the disk under a name of ours before it gets
 * its own, which it gets only where nothing has it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "platform/fs.h"
#include "platform/posix/sys.h"

#define NAME_SIZE 256

struct placing {
	const struct fs_placing *what;
	int folder; /* the files go below it */
	struct fail *f;
};

static bool refuse(struct fail *f, int err, const char *act, const char *name)
{
	switch (err) {
	case EEXIST:
		return fail_set(f, FAIL_CONFLICT, "'%.300s' exists already", name);
	case ELOOP:
	case EXDEV:
		return fail_set(f, FAIL_FORBIDDEN,
			"'%.300s' is refused: only names below the folder, without links or \"..\"",
			name);
	case ENOTDIR:
		return fail_set(
			f, FAIL_CONFLICT, "a folder on the way to '%.300s' is a file", name);
	case ENAMETOOLONG:
		return fail_set(f, FAIL_INVALID, "'%.300s' has a name that is too long", name);
	case ENOSPC:
	case EDQUOT:
		return fail_set(f, FAIL_UNAVAILABLE, "the disk of '%.300s' is full", name);
	case EACCES:
	case EPERM:
	case EROFS:
		return fail_set(f, FAIL_FORBIDDEN, "'%.300s' may not be written by davitd", name);
	default:
		return fail_errno(f, err, "%s '%.300s'", act, name);
	}
}

/* The folder `name` in at, made where it is not there. -1 with errno. */
static int enter(int at, const char *name)
{
	int fd;

	if (mkdirat(at, name, 0777) == 0) {
		if (fsync(at) != 0)
			return -1;
	} else if (errno != EEXIST) {
		return -1;
	}
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd;
}

/* A descriptor of its own of the folder that n bytes of name lead to, made on the way. -1 with
 * errno. */
static int enter_all(int from, const char *name, size_t n)
{
	int at = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *end = name + n;

	while (at >= 0 && name < end) {
		char part[NAME_SIZE];
		size_t length = strcspn(name, "/");
		int next, err;

		if (length > (size_t)(end - name))
			length = (size_t)(end - name);
		if (length >= sizeof(part)) {
			close(at);
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(part, name, length);
		part[length] = '\0';
		name += length;
		name += strspn(name, "/");
		if (length == 0 || strcmp(part, ".") == 0)
			continue;
		next = enter(at, part);
		err = errno;
		close(at);
		errno = err;
		at = next;
	}
	return at;
}

/* The folder of file i, and what the file is called in it. -1: *f says why. */
static int folder_of(const struct placing *p, size_t i, const char **ret_base)
{
	const char *name = p->what->names[i];
	const char *slash = strrchr(name, '/');
	int at = enter_all(p->folder, name, slash == NULL ? 0 : (size_t)(slash - name));

	if (at < 0)
		(void)refuse(p->f, errno, "make the folder of", name);
	*ret_base = slash == NULL ? name : slash + 1;
	return at;
}

static void unfinished(const struct placing *p, size_t i, char name[NAME_SIZE])
{
	(void)snprintf(name, NAME_SIZE, ".davit-%016" PRIx64 "-%zu", p->what->mark, i);
}

/* --- the steps, each for all files before the next --- */

static bool look(const struct placing *p, size_t i)
{
	const char *name = p->what->names[i];
	struct stat st;
	int fd;

	if (!sys_name_stays(name) || name[strlen(name) - 1] == '/')
		return refuse(p->f, EXDEV, "write", name);
	fd = sys_open_beneath(p->folder, name, O_PATH | O_CLOEXEC);
	if (fd >= 0) {
		close(fd);
		return refuse(p->f, EEXIST, "write", name);
	}
	if (errno == ELOOP && fstatat(p->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return refuse(p->f, EEXIST, "write", name);
	return errno == ENOENT || refuse(p->f, errno, "look at", name);
}

static bool write_unfinished(const struct placing *p, size_t i)
{
	char name[NAME_SIZE];
	const char *base;
	int from = -1;
	int to = -1;
	int at = folder_of(p, i, &base);
	bool good = at >= 0 && p->what->open(p->what->ctx, i, &from, p->f);

	unfinished(p, i, name);
	if (good)
		to = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (good && (to < 0 || !sys_copy(from, to) || fsync(to) != 0))
		good = refuse(p->f, errno, "write", p->what->names[i]);
	if (to >= 0)
		close(to);
	if (from >= 0)
		close(from);
	if (at >= 0)
		close(at);
	return good;
}

static bool name_it(const struct placing *p, size_t i, size_t *named)
{
	char name[NAME_SIZE];
	const char *base;
	int at = folder_of(p, i, &base);
	bool good = at >= 0;

	unfinished(p, i, name);
	if (good && !sys_rename_new(at, name, base))
		good = refuse(p->f, errno, "write", p->what->names[i]);
	*named += good;
	if (good && fsync(at) != 0)
		good = refuse(p->f, errno, "write", p->what->names[i]);
	if (at >= 0)
		close(at);
	return good;
}

/* The files that were begun, the first ones of which are named, go again; the first failure
 * stays the reason. */
static void undo(const struct placing *p, size_t begun, size_t named)
{
	struct fail unused = {0};
	struct placing quiet = *p;

	quiet.f = &unused;
	for (size_t i = 0; i < begun; i++) {
		char name[NAME_SIZE];
		const char *base;
		int at = folder_of(&quiet, i, &base);

		if (at < 0)
			continue;
		unfinished(p, i, name);
		(void)unlinkat(at, i < named ? base : name, 0);
		close(at);
	}
}

static bool place_all(const struct placing *p)
{
	size_t n = p->what->count;
	size_t named = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!look(p, i))
			return false;
	}
	for (i = 0; i < n && write_unfinished(p, i); i++)
		;
	if (i < n) {
		undo(p, i + 1, 0);
		return false;
	}
	for (i = 0; i < n && name_it(p, i, &named); i++)
		;
	if (i < n)
		undo(p, n, named);
	return i == n;
}

bool fs_place_beneath(
	const char *root, const char *folder, const struct fs_placing *what, struct fail *f)
{
	struct placing p = {.what = what, .f = f};
	int at;
	bool good;

	if (folder[0] != '\0' && !sys_name_stays(folder))
		return refuse(f, EXDEV, "write", folder);
	at = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return refuse(f, errno, "open", root);
	p.folder = enter_all(at, folder, strlen(folder));
	if (p.folder < 0) {
		good = refuse(f, errno, "make", folder);
	} else {
		good = place_all(&p);
		close(p.folder);
	}
	close(at);
	return good;
}

/* --- after a crash --- */

static bool is_gone(int err)
{
	return err == ENOENT || err == ENOTDIR || err == ELOOP || err == EXDEV;
}

/* Deletes the unfinished file i, if it is there. */
static bool tidy(const struct placing *p, size_t i)
{
	const char *name = p->what->names[i];
	const char *slash = strrchr(name, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - name);
	char folder[PATH_MAX] = ".";
	char own[NAME_SIZE];
	bool good;
	int at;

	if (n >= sizeof(folder) || !sys_name_stays(name))
		return true; /* it was never written */
	if (n > 0) {
		memcpy(folder, name, n);
		folder[n] = '\0';
	}
	at = sys_open_beneath(p->folder, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return is_gone(errno) || refuse(p->f, errno, "look at", name);
	unfinished(p, i, own);
	good = unlinkat(at, own, 0) == 0 || is_gone(errno) || refuse(p->f, errno, "delete", own);
	close(at);
	return good;
}

bool fs_place_tidy(
	const char *root, const char *folder, const struct fs_placing *what, struct fail *f)
{
	struct placing p = {.what = what, .f = f};
	int at = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = true;

	if (at < 0)
		return errno == ENOENT || refuse(f, errno, "open", root);
	p.folder = sys_open_beneath(
		at, folder[0] != '\0' ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p.folder < 0)
		good = is_gone(errno) || refuse(f, errno, "open", folder);
	for (size_t i = 0; p.folder >= 0 && i < what->count; i++)
		good = tidy(&p, i) && good;
	if (p.folder >= 0)
		close(p.folder);
	close(at);
	return good;
}
