/*
 * Reading a file that the site or a manifest names. Mounted secrets are links to a folder beside
 * them that is exchanged as a whole, so a link is followed as long as it stays below its folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fail.h"
#include "platform/fs.h"

#define FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

static int open_in(int dirfd, const char *name)
{
	struct open_how how = {.flags = FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	long fd;

	do
		fd = syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return openat(dirfd, name, FLAGS | O_NOFOLLOW);
	return (int)fd;
}

static bool refuse(int err, struct fail *f)
{
	if (err == ELOOP || err == EXDEV)
		return fail_set(f, FAIL_FORBIDDEN, "it is a link that leads out of its folder");
	if (err == ENXIO)
		return fail_set(f, FAIL_FORBIDDEN, "it is not a regular file");
	if (err == EACCES || err == EPERM)
		return fail_set(f, FAIL_FORBIDDEN, "the user davitd runs as may not read it");
	if (err == ENOENT || err == ENOTDIR)
		return fail_set(f, FAIL_NOT_FOUND, "it is not there");
	return fail_errno(f, err, "open it");
}

static bool open_named(const char *path, int *ret_fd, struct fail *f)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash != NULL ? strndup(path, (size_t)(slash - path) + 1) : NULL;
	int dirfd, fd, err;

	if (folder == NULL)
		return fail_set(f, FAIL_INVALID, "its path is not absolute");
	dirfd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	err = errno;
	free(folder);
	if (dirfd < 0)
		return refuse(err, f);
	fd = open_in(dirfd, slash + 1);
	err = errno;
	(void)close(dirfd);
	if (fd < 0)
		return refuse(err, f);
	*ret_fd = fd;
	return true;
}

static bool read_all(int fd, size_t limit, char *bytes, size_t *ret_n, struct fail *f)
{
	size_t n = 0;
	ssize_t got;

	do {
		got = read(fd, bytes + n, limit + 1 - n);
		if (got > 0)
			n += (size_t)got;
	} while ((got > 0 && n <= limit) || (got < 0 && errno == EINTR));
	if (got < 0)
		return fail_errno(f, errno, "read it");
	if (n > limit)
		return fail_set(f, FAIL_TOO_LARGE, "it has more than %zu bytes", limit);
	bytes[n] = '\0';
	*ret_n = n;
	return true;
}

bool fs_read_named(const char *path, const struct fs_named *how, char **ret_bytes, size_t *ret_n,
	struct fail *f)
{
	struct stat st;
	char *bytes = NULL;
	int fd = -1;
	bool ok;

	if (!open_named(path, &fd, f))
		return false;
	if (fstat(fd, &st) != 0)
		ok = fail_errno(f, errno, "look at it");
	else if (!S_ISREG(st.st_mode))
		ok = fail_set(f, FAIL_FORBIDDEN, "it is not a regular file");
	else if (how->only_ours && st.st_uid != geteuid() && st.st_uid != 0)
		ok = fail_set(f, FAIL_FORBIDDEN, "it belongs to another user");
	else if (how->only_ours && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		ok = fail_set(f, FAIL_FORBIDDEN,
			"others than its owner may use it (mode %03o): give it mode 600",
			(unsigned)(st.st_mode & (S_IRWXU | S_IRWXG | S_IRWXO)));
	else
		ok = (bytes = malloc(how->limit + 1)) != NULL
		             ? read_all(fd, how->limit, bytes, ret_n, f)
		             : fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	(void)close(fd);
	if (!ok) {
		free(bytes);
		return false;
	}
	*ret_bytes = bytes;
	return true;
}
