/* Takes sockets from the library, and closes them or gives them back. */
#include "http/park.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"

#define TRIES          8
#define TCP_CLOSE_WAIT 8 /* the kernel's; <netinet/tcp.h> has it, but not all of tcp_info */

struct parked {
	struct parked *next;
	struct parked *prev;
	int fd;
	int64_t until_mono_ms;
};

bool park_start(struct park *p, int epoll, int64_t idle_ms, struct fail *f)
{
	int ends[2];

	*p = (struct park){.idle_ms = idle_ms, .epoll = epoll, .dead = -1};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
		return fail_errno(f, errno, "make a pair of sockets");
	p->dead = ends[0];
	(void)close(ends[1]);
	return true;
}

static void leave(struct park *p, struct parked *w)
{
	if (w == p->first)
		p->first = w->next;
	else
		w->prev->next = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
	else
		p->last = w->prev;
	p->count--;
	free(w);
}

/* A child of ours may have the socket too until it runs its own program: closing does not suffice
 * for an epoll to forget it. */
static void unwatch(const struct park *p, int fd)
{
	(void)epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static void end_first(struct park *p)
{
	unwatch(p, p->first->fd);
	(void)close(p->first->fd);
	leave(p, p->first);
}

void park_stop(struct park *p)
{
	while (p->first != NULL)
		end_first(p);
	if (p->dead >= 0)
		(void)close(p->dead);
	p->dead = -1;
}

/*
 * From here on fd is the dead socket. The library's epoll knows sockets, not their numbers: one
 * that stays in it would be reported for a connection that is gone. One that was in it had said
 * all it had to say, and the library waits for more; so the dead one takes its place, in the
 * form the library uses.
 */
static bool put_dead(const struct park *p, struct MHD_Connection *c, int fd, int library_epoll)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLET, .data.ptr = c};
	bool was_in = epoll_ctl(library_epoll, EPOLL_CTL_DEL, fd, NULL) == 0;

	return dup3(p->dead, fd, O_CLOEXEC) == fd &&
	       (!was_in || epoll_ctl(library_epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

static bool watch(const struct park *p, struct parked *w)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = w};

	return epoll_ctl(p->epoll, EPOLL_CTL_ADD, w->fd, &event) == 0;
}

bool park_take(struct park *p, struct MHD_Connection *c, int fd, int library_epoll)
{
	struct parked *w = malloc(sizeof(*w));

	if (w == NULL)
		return false;
	w->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (w->fd < 0 || !watch(p, w) || !put_dead(p, c, fd, library_epoll)) {
		if (w->fd >= 0) {
			unwatch(p, w->fd);
			(void)close(w->fd);
		}
		free(w);
		return false;
	}
	w->until_mono_ms = clock_mono_ms() + p->idle_ms;
	w->next = NULL;
	w->prev = p->last;
	if (p->last != NULL)
		p->last->next = w;
	else
		p->first = w;
	p->last = w;
	p->count++;
	return true;
}

int park_heard(struct park *p, struct parked *waiting)
{
	int fd = waiting->fd;
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -1;
	unwatch(p, fd);
	if (n <= 0) {
		(void)close(fd);
		fd = -1;
	}
	leave(p, waiting);
	return fd;
}

int park_timeout(const struct park *p)
{
	int64_t ms;

	if (p->first == NULL)
		return -1;
	ms = p->first->until_mono_ms - clock_mono_ms();
	if (ms < 0)
		return 0;
	return ms < INT32_MAX ? (int)ms : INT32_MAX;
}

void park_expire(struct park *p)
{
	int64_t now = clock_mono_ms();

	while (p->first != NULL && p->first->until_mono_ms <= now)
		end_first(p);
}

/* Bytes that came, read or not. -1: the system does not say. */
static int64_t bytes_received(int fd, bool *ret_ended)
{
	struct tcp_info info = {0};
	socklen_t n = sizeof(info);
	const size_t need =
		offsetof(struct tcp_info, tcpi_bytes_received) + sizeof(info.tcpi_bytes_received);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) != 0 || n < need)
		return -1;
	/* The end counts as a byte. */
	*ret_ended = info.tcpi_state == TCP_CLOSE_WAIT;
	return (int64_t)info.tcpi_bytes_received - *ret_ended;
}

/* Bytes may come between the two questions: what waits then counts only if the first has the same
 * answer again. */
int64_t park_bytes_read(int fd, bool *ret_ended)
{
	int64_t received = bytes_received(fd, ret_ended);

	for (int i = 0; i < TRIES && received >= 0; i++) {
		int64_t before = received;
		int waiting = 0;

		if (ioctl(fd, FIONREAD, &waiting) != 0)
			return -1;
		if (waiting == 0)
			return received;
		received = bytes_received(fd, ret_ended);
		if (received == before)
			return received - waiting;
	}
	return -1;
}
