/* Makes listening sockets, or takes them over: loopback TCP and Unix. */
#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fail.h"
#include "config/config.h"
#include "http/handed.h"

#define BACKLOG 1024 /* the kernel's somaxconn is the real limit */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
};

static bool os_fail(struct fail *f, int error, const char *what)
{
	enum fail_code code = error == EADDRINUSE ? FAIL_CONFLICT : FAIL_UNAVAILABLE;

	return fail_set(f, code, "%s: %s", what, strerrordesc_np(error));
}

static bool tcp_address(
	const struct config_listener *c, union address *a, socklen_t *ret_n, struct fail *f)
{
	memset(a, 0, sizeof(*a));
	if (c->port < 0 || c->port > 65535)
		return fail_set(f, FAIL_INVALID, "there is no port %lld", (long long)c->port);
	if (inet_pton(AF_INET, c->address, &a->v4.sin_addr) == 1) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons((uint16_t)c->port);
		*ret_n = sizeof(a->v4);
		if (ntohl(a->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET)
			return true;
	} else if (inet_pton(AF_INET6, c->address, &a->v6.sin6_addr) == 1) {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = htons((uint16_t)c->port);
		*ret_n = sizeof(a->v6);
		if (IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr))
			return true;
	} else {
		return fail_set(f, FAIL_INVALID, "it is not an IP address");
	}
	return fail_set(
		f, FAIL_FORBIDDEN, "only loopback addresses (127.0.0.0/8, ::1) can be listened on");
}

static bool start(struct listen_socket *s, const union address *a, socklen_t n, struct fail *f)
{
	if (bind(s->fd, &a->any, n) != 0)
		return os_fail(f, errno, "bind");
	if (listen(s->fd, BACKLOG) != 0)
		return os_fail(f, errno, "listen");
	return true;
}

static bool open_socket(struct listen_socket *s, int family, struct fail *f)
{
	s->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return s->fd >= 0 || os_fail(f, errno, "socket");
}

/* False: none was handed over for that address, or (s->handed) it is of no use. */
static bool adopt(
	struct listen_socket *s, const union address *a, struct handed *handed, struct fail *f)
{
	int flags;

	s->fd = handed_find(handed, &a->any);
	s->handed = s->fd >= 0;
	if (!s->handed)
		return false;
	flags = fcntl(s->fd, F_GETFL);
	return (flags >= 0 && fcntl(s->fd, F_SETFL, flags | O_NONBLOCK) == 0) ||
	       os_fail(f, errno, "fcntl");
}

static bool tcp_open(struct listen_socket *s, const struct config_listener *c,
	struct handed *handed, struct fail *f)
{
	union address a;
	socklen_t n = 0;
	int on = 1;

	if (!tcp_address(c, &a, &n, f))
		return false;
	if (adopt(s, &a, handed, f))
		return true;
	if (s->handed || !open_socket(s, a.any.sa_family, f))
		return false;
	/* Connections of an earlier daemon that are still ending must not stop a new one. */
	if (setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		return os_fail(f, errno, "setsockopt");
	/* A connection is taken when it has said something, or after this second. */
	(void)setsockopt(s->fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof(on));
	return start(s, &a, n, f);
}

/* Removes a socket file nobody listens on any more; anything else there is left alone. */
static bool clear_stale(const struct sockaddr_un *a, struct fail *f)
{
	struct stat st;
	int fd, error;

	if (lstat(a->sun_path, &st) != 0)
		return errno == ENOENT || os_fail(f, errno, "lstat");
	if (!S_ISSOCK(st.st_mode))
		return fail_set(f, FAIL_CONFLICT, "there is a file of that name, and not a socket");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return os_fail(f, errno, "socket");
	error = connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 ? 0 : errno;
	close(fd);
	if (error == 0 || error == EAGAIN)
		return fail_set(f, FAIL_CONFLICT, "another process listens there");
	if (error != ECONNREFUSED)
		return os_fail(f, error, "connect");
	return unlink(a->sun_path) == 0 || errno == ENOENT || os_fail(f, errno, "unlink");
}

/* Whoever reaches a Unix socket may change the daemon, so it must be as private as our own. */
static bool check_private(const char *path, struct fail *f)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return os_fail(f, errno, "lstat");
	if ((st.st_mode & 0077) == 0)
		return true;
	return fail_set(f, FAIL_FORBIDDEN,
		"the socket handed over has mode 0%o, others than its owner must not reach it",
		(unsigned)st.st_mode & 07777);
}

static bool unix_open(struct listen_socket *s, const struct config_listener *c,
	struct handed *handed, struct fail *f)
{
	union address a = {.local = {.sun_family = AF_UNIX}};
	size_t n = strlen(c->unix_path);
	struct stat st;

	if (n >= sizeof(a.local.sun_path))
		return fail_set(f, FAIL_INVALID, "the path of a Unix socket has at most %zu bytes",
			sizeof(a.local.sun_path) - 1);
	memcpy(a.local.sun_path, c->unix_path, n + 1);
	if (adopt(s, &a, handed, f))
		return check_private(c->unix_path, f);
	if (s->handed || !clear_stale(&a.local, f) || !open_socket(s, AF_UNIX, f))
		return false;
	/* The file takes the mode of the socket's own inode, so it never is wider than this;
	 * changing the umask instead would reach files other threads make. */
	if (fchmod(s->fd, 0600) != 0)
		return os_fail(f, errno, "fchmod");
	if (!start(s, &a, sizeof(a.local), f))
		return false;
	/* A strict umask may have taken our own rights away. */
	if (chmod(c->unix_path, 0600) != 0 || lstat(c->unix_path, &st) != 0)
		return os_fail(f, errno, "chmod");
	s->path = c->unix_path;
	s->device = st.st_dev;
	s->inode = st.st_ino;
	return true;
}

bool listen_open(struct listen_socket *s, const struct config_listener *config,
	struct handed *handed, struct fail *f)
{
	bool ok;

	memset(s, 0, sizeof(*s));
	s->fd = -1;
	ok = config->unix_path != NULL ? unix_open(s, config, handed, f)
	                               : tcp_open(s, config, handed, f);
	if (ok)
		return true;
	listen_close(s);
	if (config->unix_path != NULL)
		return fail_wrap(f, "listen on %s", config->unix_path);
	return fail_wrap(f, "listen on %s port %lld", config->address, (long long)config->port);
}

void listen_shut(struct listen_socket *s)
{
	struct stat st;

	if (s->handed)
		return;
	if (s->path != NULL && lstat(s->path, &st) == 0 && st.st_dev == s->device &&
		st.st_ino == s->inode)
		unlink(s->path);
	s->path = NULL;
	if (s->fd >= 0)
		shutdown(s->fd, SHUT_RDWR);
}

void listen_close(struct listen_socket *s)
{
	listen_shut(s);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

int listen_port(const struct listen_socket *s)
{
	union address a = {.any.sa_family = AF_UNSPEC};
	socklen_t n = sizeof(a);

	if (s->fd < 0 || getsockname(s->fd, &a.any, &n) != 0)
		return 0;
	if (a.any.sa_family == AF_INET)
		return ntohs(a.v4.sin_port);
	return a.any.sa_family == AF_INET6 ? ntohs(a.v6.sin6_port) : 0;
}
