/*
 * Opening files whose names come from outside. openat2() decides in one step inside the kernel;
 * where it is missing (before Linux 5.6, or a sandbox without it) each folder is opened by
 * itself without following links, so that a link put there in between is found too.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "platform/fs.h"
#include "platform/posix/sys.h"

#define TRIES 32 /* openat2() says EAGAIN when folders are renamed at that moment */

bool sys_name_stays(const char *name)
{
	const char *part = name;

	if (name[0] == '\0' || name[0] == '/')
		return false;
	while (part != NULL) {
		size_t n = strcspn(part, "/");

		if (n == 2 && part[0] == '.' && part[1] == '.')
			return false;
		part = part[n] == '/' ? part + n + 1 : NULL;
	}
	return true;
}

static bool is_link(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* Opens the part of the name up to its next slash; moves *name behind the slashes. */
static int open_step(int dirfd, const char **name, int flags)
{
	char part[256];
	size_t n = strcspn(*name, "/");
	size_t slashes = strspn(*name + n, "/");
	int fd;

	if (n >= sizeof(part)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(part, *name, n);
	part[n] = '\0';
	*name += n + slashes;
	if (slashes > 0)
		flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	fd = openat(dirfd, part, flags | O_NOFOLLOW);
	if (fd < 0 && errno == ENOTDIR) /* said of a link too; openat2() tells them apart */
		errno = is_link(dirfd, part) ? ELOOP : ENOTDIR;
	return fd;
}

int sys_open_by_steps(int dirfd, const char *name, int flags)
{
	int at = dirfd;

	if (!sys_name_stays(name)) {
		errno = EXDEV;
		return -1;
	}
	do {
		int next = open_step(at, &name, flags);
		int err = errno;

		if (at != dirfd)
			close(at);
		errno = err;
		at = next;
	} while (at >= 0 && *name != '\0');
	return at;
}

int sys_open_beneath(int dirfd, const char *name, int flags)
{
	struct open_how how = {
		.flags = (unsigned)((flags | O_CLOEXEC) & ~O_NOFOLLOW), /* .resolve says it */
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	if (!sys_name_stays(name)) {
		errno = EXDEV;
		return -1;
	}
	for (int i = 0; i < TRIES; i++) {
		fd = syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	if (fd < 0 && (errno == ENOSYS || errno == EPERM || errno == EAGAIN))
		return sys_open_by_steps(dirfd, name, flags | O_CLOEXEC);
	return (int)fd;
}

static bool refuse_open(int err, const char *name, struct fail *f)
{
	switch (err) {
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG:
		return fail_set(f, FAIL_NOT_FOUND, "there is no file %s", name);
	case ELOOP:
	case EXDEV:
		return fail_set(f, FAIL_FORBIDDEN,
			"%s is refused: only names below the folder, without links or \"..\"",
			name);
	case EACCES:
	case EPERM:
		return fail_set(f, FAIL_FORBIDDEN, "%s may not be read", name);
	case ENXIO: /* a socket */
		return fail_set(f, FAIL_FORBIDDEN, "%s is not a regular file", name);
	default:
		return fail_errno(f, err, "open %s", name);
	}
}

/* O_NONBLOCK was only there so that a pipe or device does not keep us waiting. */
static bool accept_open(int fd, const char *name, struct fail *f)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail_errno(f, errno, "look at %s", name);
	if (!S_ISREG(st.st_mode))
		return fail_set(f, FAIL_FORBIDDEN, "%s is not a regular file", name);
	if (fcntl(fd, F_SETFL, O_RDONLY) != 0)
		return fail_errno(f, errno, "open %s", name);
	return true;
}

bool fs_open_beneath(const char *root, const char *name, int *ret_fd, struct fail *f)
{
	int dirfd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd, err;

	if (dirfd < 0)
		return fail_errno(f, errno, "open folder %s", root);
	fd = sys_open_beneath(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	err = errno;
	close(dirfd);
	if (fd < 0)
		return refuse_open(err, name, f);
	if (!accept_open(fd, name, f)) {
		close(fd);
		return false;
	}
	*ret_fd = fd;
	return true;
}
