/* sockets - see sockets.h. */
#include "sim/sockets.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "sim/life.h"
#include "sim/process.h"
#include "sim/threads.h"
#include "sim/world.h"
#include "worker/frame.h"

enum {
	FIRST = 1 << 20, /* descriptors below are the system's */
	FDS = 256,
	ENDS = 256,
	PASSED = 16,      /* descriptors on their way to one end */
	ROOM = 208 * 1024 /* bytes on their way to it */
};

/* One end of a pair, or a counter. */
struct end {
	unsigned refs; /* 0: free */
	bool counts;
	uint64_t count;
	struct end *peer; /* NULL: closed */
	int64_t patience; /* 0: none */
	char *bytes;      /* that came; kept when it is free */
	size_t from, n;
	uint64_t taken; /* bytes, ever */
	size_t left;    /* of the frame that is being taken */
	struct {
		uint64_t at; /* comes along with that byte */
		struct end *end;
	} passed[PASSED];
	size_t passing;
};

static struct end ends[ENDS];
static struct {
	struct end *end; /* NULL: free */
	unsigned process;
} fds[FDS];

static const char any; /* what is waited for by who waits for several */

static struct end *end_of(int fd)
{
	return fd >= FIRST && fd < FIRST + FDS ? fds[fd - FIRST].end : NULL;
}

static void wake(struct end *e)
{
	threads_wake(e);
	threads_wake(&any);
}

/* --- making and closing --- */

static struct end *new_end(void)
{
	for (size_t i = 0; i < ENDS; i++) {
		struct end *e = &ends[i];
		char *bytes = e->bytes;

		if (e->refs > 0)
			continue;
		*e = (struct end){.bytes = bytes};
		if (e->bytes == NULL && (e->bytes = malloc(ROOM)) == NULL)
			break;
		return e;
	}
	life_failed("too many sockets");
}

static int new_fd(struct end *e, unsigned process)
{
	for (int i = 0; i < FDS; i++) {
		if (fds[i].end != NULL)
			continue;
		fds[i].end = e;
		fds[i].process = process;
		e->refs++;
		return FIRST + i;
	}
	life_failed("too many descriptors");
}

static void release(struct end *e)
{
	struct end *peer = e->peer;

	if (--e->refs > 0)
		return;
	e->peer = NULL;
	for (size_t i = 0; i < e->passing; i++)
		release(e->passed[i].end);
	e->passing = 0;
	if (peer != NULL) {
		peer->peer = NULL;
		wake(peer);
		threads_wake(peer->bytes);
	}
}

static void close_fd(int fd)
{
	struct end *e = end_of(fd);

	fds[fd - FIRST].end = NULL;
	release(e);
}

int sockets_give(int fd, unsigned process)
{
	return new_fd(end_of(fd), process);
}

void sockets_close_all(unsigned process)
{
	for (int i = 0; i < FDS; i++) {
		if (fds[i].end != NULL && fds[i].process == process)
			close_fd(FIRST + i);
	}
}

/* --- bytes --- */

/* Now and then a part of what is long. */
static size_t some_of(size_t n)
{
	if (n <= FRAME_NEAR || !chance_of_256(CHANCE_WORKER, 64))
		return n;
	return FRAME_NEAR + (size_t)chance_below(CHANCE_WORKER, n - FRAME_NEAR);
}

/* As many as there is room for. */
static size_t put(struct end *to, const char *bytes, size_t n)
{
	n = n < ROOM - to->n ? n : ROOM - to->n;
	if (to->from + to->n + n > ROOM) {
		memmove(to->bytes, to->bytes + to->from, to->n);
		to->from = 0;
	}
	memcpy(to->bytes + to->from + to->n, bytes, n);
	to->n += n;
	return n;
}

/* The kind of the frame that begins with the next byte; 0: none does. */
static unsigned next_frame(struct end *e)
{
	struct frame_head head;

	if (e->left > 0 || e->n < sizeof(head))
		return 0;
	memcpy(&head, e->bytes + e->from, sizeof(head));
	e->left = sizeof(head) + head.length;
	return head.kind;
}

static void take(struct end *e, char *to, size_t n)
{
	memcpy(to, e->bytes + e->from, n);
	e->from += n;
	e->n -= n;
	e->taken += n;
	e->left -= n < e->left ? n : e->left;
	if (e->n == 0)
		e->from = 0;
}

/* What comes along with the next byte; NULL: nothing. *n: up to the one after that. */
static struct end *take_passed(struct end *e, size_t *n)
{
	struct end *passed = NULL;

	if (e->passing > 0 && e->passed[0].at == e->taken) {
		passed = e->passed[0].end;
		e->passing--;
		memmove(e->passed, e->passed + 1, e->passing * sizeof(*e->passed));
	}
	if (e->passing > 0 && e->passed[0].at - e->taken < *n)
		*n = (size_t)(e->passed[0].at - e->taken);
	return passed;
}

/* --- receiving --- */

static int64_t give_up_at(const struct end *e)
{
	return e->patience > 0 ? world->mono_ms + e->patience : CLOCK_NEVER;
}

/* False, with errno: nothing came. */
static bool await_bytes(struct end *e)
{
	int64_t until = give_up_at(e);

	while (e->n == 0 && e->peer != NULL) {
		if (!threads_wait(e, until) && e->n == 0 && e->peer != NULL) {
			errno = EAGAIN;
			return false;
		}
	}
	return true;
}

static void deliver(struct msghdr *m, struct end *passed)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	int fd;

	if (passed == NULL) {
		m->msg_controllen = 0;
		return;
	}
	fd = new_fd(passed, threads_process());
	release(passed); /* it was on its way */
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
}

ssize_t __real_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);

ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
	struct end *e = end_of(fd);
	unsigned frame;
	size_t n;

	if (e == NULL)
		return __real_recvmsg(fd, m, flags);
	threads_point();
	if (!await_bytes(e))
		return -1;
	n = m->msg_iov[0].iov_len < e->n ? m->msg_iov[0].iov_len : e->n;
	if (n == 0)
		return 0;
	frame = next_frame(e);
	n = some_of(n);
	deliver(m, take_passed(e, &n));
	take(e, m->msg_iov[0].iov_base, n);
	if (e->peer != NULL)
		threads_wake(e->peer->bytes);
	if (frame != 0)
		process_frame(frame, PHASE_CAME);
	return (ssize_t)n;
}

ssize_t __real_recv(int fd, void *bytes, size_t n, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t n, int flags);

/* Only to look whether something is there. */
ssize_t __wrap_recv(int fd, void *bytes, size_t n, int flags)
{
	struct end *e = end_of(fd);

	if (e == NULL)
		return __real_recv(fd, bytes, n, flags);
	if ((flags & (MSG_PEEK | MSG_DONTWAIT)) != (MSG_PEEK | MSG_DONTWAIT))
		life_failed("recv() is not simulated but for looking");
	threads_point();
	n = n < e->n ? n : e->n;
	memcpy(bytes, e->bytes + e->from, n);
	if (n > 0 || e->peer == NULL)
		return (ssize_t)n;
	errno = EAGAIN;
	return -1;
}

/* --- sending --- */

/* False, with errno: there is no room, or nobody. */
static bool await_room(struct end *e)
{
	int64_t until = give_up_at(e);

	while (e->peer != NULL && e->peer->n == ROOM) {
		if (!threads_wait(e->bytes, until) && e->peer != NULL && e->peer->n == ROOM) {
			errno = EAGAIN;
			return false;
		}
	}
	if (e->peer == NULL)
		errno = EPIPE;
	return e->peer != NULL;
}

static void pass(struct end *to, const struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	struct end *e;
	int fd;

	if (c == NULL)
		return;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	e = end_of(fd);
	if (e == NULL || to->passing == PASSED)
		life_failed("a descriptor cannot be passed on");
	e->refs++;
	to->passed[to->passing].at = to->taken + to->n;
	to->passed[to->passing++].end = e;
}

static size_t put_all(struct end *to, const struct msghdr *m)
{
	size_t sum = 0;

	for (size_t i = 0; i < m->msg_iovlen; i++) {
		size_t want = some_of(m->msg_iov[i].iov_len);
		size_t n = put(to, m->msg_iov[i].iov_base, want);

		sum += n;
		if (n < m->msg_iov[i].iov_len)
			break;
	}
	return sum;
}

/* The kind of the frame that begins here; 0: none does. */
static unsigned first_frame(const struct msghdr *m)
{
	struct frame_head head;

	if (m->msg_iov[0].iov_len != sizeof(head))
		return 0;
	memcpy(&head, m->msg_iov[0].iov_base, sizeof(head));
	return head.kind < FRAME_KIND_COUNT ? head.kind : 0;
}

ssize_t __real_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags);

ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
	struct end *e = end_of(fd);
	unsigned frame;
	size_t n;

	if (e == NULL)
		return __real_sendmsg(fd, m, flags);
	frame = first_frame(m);
	if (frame != 0)
		process_frame(frame, PHASE_GOES);
	threads_point();
	if (!await_room(e))
		return -1;
	pass(e->peer, m);
	n = put_all(e->peer, m);
	wake(e->peer);
	if (frame != 0)
		process_frame(frame, PHASE_WENT);
	return (ssize_t)n;
}

/* --- the rest --- */

int __real_socketpair(int domain, int type, int protocol, int pair[2]);
int __wrap_socketpair(int domain, int type, int protocol, int pair[2]);

int __wrap_socketpair(int domain, int type, int protocol, int pair[2])
{
	struct end *a, *b;

	if (domain != AF_UNIX)
		return __real_socketpair(domain, type, protocol, pair);
	a = new_end();
	pair[0] = new_fd(a, threads_process());
	b = new_end();
	pair[1] = new_fd(b, threads_process());
	a->peer = b;
	b->peer = a;
	return 0;
}

int __real_setsockopt(int fd, int level, int name, const void *value, socklen_t n);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t n);

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t n)
{
	struct end *e = end_of(fd);
	const struct timeval *t = value;

	if (e == NULL)
		return __real_setsockopt(fd, level, name, value, n);
	if (name != SO_RCVTIMEO && name != SO_SNDTIMEO)
		life_failed("an option of sockets is not simulated");
	e->patience = (int64_t)t->tv_sec * 1000 + t->tv_usec / 1000;
	return 0;
}

int __real_close(int fd);
int __wrap_close(int fd);

int __wrap_close(int fd)
{
	if (end_of(fd) == NULL)
		return __real_close(fd);
	close_fd(fd);
	threads_point();
	return 0;
}

int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags);

int __wrap_eventfd(unsigned count, int flags)
{
	struct end *e = new_end();

	(void)flags;
	e->counts = true;
	e->count = count;
	return new_fd(e, threads_process());
}

ssize_t __real_read(int fd, void *bytes, size_t n);
ssize_t __wrap_read(int fd, void *bytes, size_t n);

/* Of counters alone: they do not wait. */
ssize_t __wrap_read(int fd, void *bytes, size_t n)
{
	struct end *e = end_of(fd);

	if (e == NULL)
		return __real_read(fd, bytes, n);
	if (!e->counts || n != sizeof(e->count))
		life_failed("read() is not simulated but for counters");
	memcpy(bytes, &e->count, n);
	errno = EAGAIN;
	if (e->count == 0)
		return -1;
	e->count = 0;
	return (ssize_t)n;
}

ssize_t __real_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);

ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
	struct end *e = end_of(fd);
	uint64_t more;

	if (e == NULL)
		return __real_write(fd, bytes, n);
	if (!e->counts || n != sizeof(more))
		life_failed("write() is not simulated but for counters");
	memcpy(&more, bytes, n);
	e->count += more;
	wake(e);
	return (ssize_t)n;
}

static short events_of(const struct pollfd *p)
{
	const struct end *e = end_of(p->fd);

	if (e->counts)
		return e->count > 0 ? POLLIN : 0;
	if (e->peer == NULL)
		return POLLIN | POLLHUP | POLLRDHUP;
	return e->n > 0 ? POLLIN : 0;
}

static int look(struct pollfd *list, nfds_t n)
{
	int found = 0;

	for (nfds_t i = 0; i < n; i++) {
		list[i].revents = events_of(&list[i]) & (short)(list[i].events | POLLHUP);
		found += list[i].revents != 0;
	}
	return found;
}

int __real_poll(struct pollfd *list, nfds_t n, int ms);
int __wrap_poll(struct pollfd *list, nfds_t n, int ms);

/* Of simulated descriptors alone. */
int __wrap_poll(struct pollfd *list, nfds_t n, int ms)
{
	int64_t until = ms < 0 ? CLOCK_NEVER : world->mono_ms + ms;
	int found;

	if (n == 0 || end_of(list[0].fd) == NULL)
		return __real_poll(list, n, ms);
	threads_point();
	while ((found = look(list, n)) == 0 && threads_wait(&any, until))
		continue;
	return found;
}
