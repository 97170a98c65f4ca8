/* Takes listening sockets over from whoever started this process. */
#include "http/handed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#define FIRST_FD  3
#define NAME_SIZE 160

union name {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
};

/* The value of a variable that is a whole number; -1: it is not there, or none. */
static long long number_of(const char *variable)
{
	const char *text = getenv(variable); // NOLINT(concurrency-mt-unsafe): nobody sets it
	char *end = NULL;
	long long n;

	if (text == NULL || *text == '\0')
		return -1;
	errno = 0;
	n = strtoll(text, &end, 10);
	return *end == '\0' && errno == 0 ? n : -1;
}

/* What has close-on-exec set was opened by this process itself: nobody can have handed it. */
static void take(struct handed *h, int fd)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags < 0 || (flags & FD_CLOEXEC) != 0)
		log_warn("HTTP-LISTEN-FD", "descriptor=%d was announced but not handed over", fd);
	else if (fcntl(fd, F_SETFD, flags | FD_CLOEXEC) == 0)
		h->fds[h->count++] = fd;
}

void handed_take(struct handed *h)
{
	long long n = number_of("LISTEN_FDS");

	h->count = 0;
	if (number_of("LISTEN_PID") != getpid())
		return;
	if (n < 0 || n > HANDED_MAX)
		log_warn("HTTP-LISTEN-FD", "LISTEN_FDS is no number up to %d", HANDED_MAX);
	for (int i = 0; n <= HANDED_MAX && i < n; i++)
		take(h, FIRST_FD + i);
	/* NOLINTBEGIN(concurrency-mt-unsafe): no thread of ours reads the environment */
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	/* NOLINTEND(concurrency-mt-unsafe) */
}

static bool listens(int fd)
{
	int type = 0, accepts = 0;
	socklen_t n = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) != 0 || type != SOCK_STREAM)
		return false;
	n = sizeof(accepts);
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &n) == 0 && accepts != 0;
}

/* False: it is no socket that listens. */
static bool name_of(int fd, union name *name)
{
	/* One byte less, for a path may fill its field without a NUL. */
	socklen_t n = sizeof(*name) - 1;

	memset(name, 0, sizeof(*name));
	return listens(fd) && getsockname(fd, &name->any, &n) == 0;
}

static bool same(const union name *a, const struct sockaddr *address)
{
	union name b = {0};

	if (a->any.sa_family != address->sa_family)
		return false;
	switch (address->sa_family) {
	case AF_INET:
		memcpy(&b.v4, address, sizeof(b.v4));
		return a->v4.sin_port == b.v4.sin_port &&
		       a->v4.sin_addr.s_addr == b.v4.sin_addr.s_addr;
	case AF_INET6:
		memcpy(&b.v6, address, sizeof(b.v6));
		return a->v6.sin6_port == b.v6.sin6_port &&
		       IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &b.v6.sin6_addr);
	case AF_UNIX:
		memcpy(&b.local, address, sizeof(b.local));
		return a->local.sun_path[0] != '\0' &&
		       strncmp(a->local.sun_path, b.local.sun_path, sizeof(b.local.sun_path)) == 0;
	default:
		return false;
	}
}

int handed_find(struct handed *h, const struct sockaddr *address)
{
	for (size_t i = 0; i < h->count; i++) {
		union name name;
		int fd = h->fds[i];

		if (fd >= 0 && name_of(fd, &name) && same(&name, address)) {
			h->fds[i] = -1;
			return fd;
		}
	}
	return -1;
}

static void describe(int fd, char text[NAME_SIZE])
{
	char address[INET6_ADDRSTRLEN] = "";
	union name name;

	if (!name_of(fd, &name)) {
		snprintf(text, NAME_SIZE, "no socket that listens");
	} else if (name.any.sa_family == AF_INET) {
		(void)inet_ntop(AF_INET, &name.v4.sin_addr, address, sizeof(address));
		snprintf(text, NAME_SIZE, "%s:%u", address, ntohs(name.v4.sin_port));
	} else if (name.any.sa_family == AF_INET6) {
		(void)inet_ntop(AF_INET6, &name.v6.sin6_addr, address, sizeof(address));
		snprintf(text, NAME_SIZE, "[%s]:%u", address, ntohs(name.v6.sin6_port));
	} else {
		snprintf(text, NAME_SIZE, "%.107s", name.local.sun_path);
	}
}

void handed_close(struct handed *h)
{
	for (size_t i = 0; i < h->count; i++) {
		char text[NAME_SIZE];

		if (h->fds[i] < 0)
			continue;
		describe(h->fds[i], text);
		log_warn("HTTP-LISTEN-FD", "descriptor=%d (%s) is closed: no listener took it",
			h->fds[i], text);
		close(h->fds[i]);
	}
	h->count = 0;
}
