/* Whole files and folders, written so that a crash leaves the old or the new, never a part. */
#include "platform/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "platform/posix/sys.h"

#define COPY_BYTES  16384
#define RANGE_BYTES (64u << 20) /* one copy_file_range() */
#define READ_FIRST  4096

bool sys_write(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

bool fs_join(char *path, size_t size, const char *dir, const char *name, struct fail *f)
{
	size_t n = strlen(dir);
	int length;

	while (n > 0 && dir[n - 1] == '/')
		n--;
	name += strspn(name, "/");
	length = n == 0 && dir[0] == '\0' ? snprintf(path, size, "%s", name)
	                                  : snprintf(path, size, "%.*s/%s", (int)n, dir, name);
	if (length < 0 || (size_t)length >= size)
		return fail_set(f, FAIL_INVALID, "the path %s/%s is longer than %zu bytes", dir,
			name, size - 1);
	return true;
}

static bool make_dir(const char *path, struct fail *f)
{
	struct stat st;
	int err;

	if (mkdir(path, 0700) == 0)
		return true;
	err = errno; /* of the system's many reasons the folder itself is the one that is fine */
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return true;
	return fail_errno(f, err == EEXIST ? ENOTDIR : err, "make folder %s", path);
}

bool fs_mkdirs(const char *path, struct fail *f)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(part))
		return fail_set(f, FAIL_INVALID, "make folder: the path must have 1 to %d bytes",
			PATH_MAX - 1);
	memcpy(part, path, n + 1);
	for (size_t i = 1; i < n; i++) {
		if (part[i] != '/' || part[i - 1] == '/')
			continue;
		part[i] = '\0';
		if (!make_dir(part, f))
			return false;
		part[i] = '/';
	}
	return make_dir(path, f);
}

bool fs_sync_dir(const char *path, struct fail *f)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return fail_errno(f, errno, "open folder %s", path);
	if (fsync(fd) != 0)
		err = errno;
	close(fd);
	return err == 0 || fail_errno(f, err, "sync folder %s", path);
}

static bool sync_parent(const char *path, struct fail *f)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);

	if (slash == NULL)
		return fs_sync_dir(".", f);
	if (n == 0)
		return fs_sync_dir("/", f);
	if (n >= sizeof(parent))
		return fail_errno(f, ENAMETOOLONG, "sync folder of %s", path);
	memcpy(parent, path, n);
	parent[n] = '\0';
	return fs_sync_dir(parent, f);
}

/* A file beside path under a name nobody has; name gets it. */
static int open_beside(const char *path, char name[PATH_MAX], struct fail *f)
{
	int n = snprintf(name, PATH_MAX, "%s.tmpXXXXXX", path);
	int fd;

	if (n < 0 || n >= PATH_MAX) {
		fail_errno(f, ENAMETOOLONG, "write %s", path);
		return -1;
	}
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		fail_errno(f, errno, "write %s", path);
	return fd;
}

/* Puts the bytes on the disk and closes fd in any case. */
static bool seal(int fd, bool written, const char *path, struct fail *f)
{
	int err = written ? 0 : errno;

	if (err == 0 && fsync(fd) != 0)
		err = errno;
	if (close(fd) != 0 && err == 0)
		err = errno;
	return err == 0 || fail_errno(f, err, "write %s", path);
}

bool fs_write_durable(const char *path, const void *bytes, size_t n, struct fail *f)
{
	char name[PATH_MAX];
	int fd = open_beside(path, name, f);

	if (fd < 0)
		return false;
	if (!seal(fd, sys_write(fd, bytes, n), path, f)) {
		unlink(name);
		return false;
	}
	if (rename(name, path) != 0) {
		fail_errno(f, errno, "write %s", path);
		unlink(name);
		return false;
	}
	return sync_parent(path, f);
}

/* Fills *p from fd; the size a file tells may be wrong (it grows, or lies in /proc). */
static bool read_all(int fd, size_t limit, char **p, size_t *ret_n, struct fail *f)
{
	size_t cap = 0, n = 0;

	for (;;) {
		ssize_t got;

		if (n + 1 >= cap) {
			size_t more = cap == 0 ? READ_FIRST : cap * 2;
			char *grown = realloc(*p, more);

			if (grown == NULL)
				return fail_errno(f, ENOMEM, "read");
			*p = grown;
			cap = more;
		}
		got = read(fd, *p + n, cap - 1 - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_errno(f, errno, "read");
		n += (size_t)got;
		if (n > limit)
			return fail_set(f, FAIL_TOO_LARGE, "has more than %zu bytes", limit);
		if (got == 0)
			break;
	}
	(*p)[n] = '\0';
	*ret_n = n;
	return true;
}

static bool read_regular(int fd, size_t limit, char **p, size_t *ret_n, struct fail *f)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail_errno(f, errno, "read");
	if (!S_ISREG(st.st_mode))
		return fail_set(f, FAIL_INVALID, "is not a regular file");
	return read_all(fd, limit, p, ret_n, f);
}

bool fs_read(const char *path, size_t limit, char **ret_bytes, size_t *ret_n, struct fail *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *p = NULL;
	bool good;

	if (fd < 0)
		return fail_errno(f, errno, "read %s", path);
	good = read_regular(fd, limit, &p, ret_n, f);
	close(fd);
	if (!good) {
		free(p);
		return fail_wrap(f, "%s", path);
	}
	*ret_bytes = p;
	return true;
}

/* From offset at to the end, through our memory; false with errno. */
static bool copy_bytes(int from, int to, off_t at)
{
	char bytes[COPY_BYTES];

	for (;;) {
		ssize_t n = pread(from, bytes, sizeof(bytes), at);

		if (n == 0)
			return true;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || !sys_write(to, bytes, (size_t)n))
			return false;
		at += n;
	}
}

/* By reference, else inside the kernel, else through our memory. What the kernel refuses
 * (another file system, an odd file) is no error: the next way goes on where it stopped. */
bool sys_copy(int from, int to)
{
	off_t at = 0;
	ssize_t n;

	if (ioctl(to, FICLONE, from) == 0)
		return true;
	do
		n = copy_file_range(from, &at, to, NULL, RANGE_BYTES, 0);
	while (n > 0);
	return copy_bytes(from, to, at);
}

/* Gives the file its name, but takes nobody else's; not all file systems know the flag. */
bool sys_rename_new(int dirfd, const char *name, const char *new_name)
{
	if (renameat2(dirfd, name, dirfd, new_name, RENAME_NOREPLACE) == 0)
		return true;
	if (errno != EINVAL && errno != ENOSYS)
		return false;
	return linkat(dirfd, name, dirfd, new_name, 0) == 0 && unlinkat(dirfd, name, 0) == 0;
}

bool fs_copy_fd(int fd, const char *path, struct fail *f)
{
	char name[PATH_MAX];
	int to = open_beside(path, name, f);

	if (to < 0)
		return false;
	if (!seal(to, sys_copy(fd, to), path, f)) {
		unlink(name);
		return false;
	}
	if (!sys_rename_new(AT_FDCWD, name, path)) {
		fail_errno(f, errno, "write %s", path);
		unlink(name);
		return false;
	}
	return sync_parent(path, f);
}
