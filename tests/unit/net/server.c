/* One thread, level-triggered epoll; asserts where a test machine would be broken. */
#include "server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "platform/thread.h"

#define EVENTS   256
#define FLOOD    ((size_t)64 * 1024)
#define SEEN_MAX 40
#define AWAIT_MS 20000

enum mode {
	READING,
	HELD,
	STREAMING,
	FLOODING
};

struct peer {
	LIST_ENTRY(peer) link;
	int fd;
	enum mode mode;
	bool ends; /* when all of out is sent */
	bool resets;
	unsigned asked;
	struct buf in, out;
	size_t out_at;
};

struct seen {
	char path[64];
	size_t count;
};

struct server {
	int listener, port, epoll, wake;
	atomic_bool ending;
	struct thread thread;
	LIST_HEAD(, peer) peers;

	struct mutex lock; /* guards what follows */
	struct cond came;
	struct seen seen[SEEN_MAX];
	size_t connections;
	uint64_t flooded;
	bool release;
	char say[256];
	bool says;
};

static void watch(struct server *s, struct peer *p)
{
	bool out = p->out_at < p->out.n || p->mode == FLOODING;
	struct epoll_event e = {.events = out ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = p};

	(void)epoll_ctl(s->epoll, EPOLL_CTL_MOD, p->fd, &e);
}

static void hang_up(struct peer *p)
{
	const struct linger now = {1, 0};

	if (p->resets)
		(void)setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(p->fd);
	LIST_REMOVE(p, link);
	buf_finish(&p->in);
	buf_finish(&p->out);
	free(p);
}

/* False: it is gone. */
static bool flush(struct server *s, struct peer *p)
{
	static char zeros[FLOOD];
	ssize_t n = 0;

	while (p->out_at < p->out.n) {
		n = send(p->fd, p->out.p + p->out_at, p->out.n - p->out_at, MSG_NOSIGNAL);
		if (n < 0)
			break;
		p->out_at += (size_t)n;
	}
	while (p->mode == FLOODING && n >= 0) {
		n = send(p->fd, zeros, FLOOD, MSG_NOSIGNAL);
		mutex_lock(&s->lock);
		s->flooded += n > 0 ? (uint64_t)n : 0;
		mutex_unlock(&s->lock);
	}
	if (n < 0 && errno != EAGAIN) {
		hang_up(p);
		return false;
	}
	if (p->out_at == p->out.n && p->ends) {
		hang_up(p);
		return false;
	}
	if (p->out_at == p->out.n) {
		buf_clear(&p->out);
		p->out_at = 0;
	}
	watch(s, p);
	return true;
}

static void answer(struct peer *p, int status, const char *headers, const char *body, size_t n)
{
	buf_printf(&p->out, "HTTP/1.1 %d X\r\n%sContent-Length: %zu\r\n\r\n", status, headers, n);
	buf_add(&p->out, body, n);
}

static size_t note(struct server *s, const char *path)
{
	size_t i = 0, count;

	mutex_lock(&s->lock);
	while (i < SEEN_MAX && s->seen[i].count > 0 && strcmp(s->seen[i].path, path) != 0)
		i++;
	assert(i < SEEN_MAX && strlen(path) < sizeof(s->seen[i].path));
	strcpy(s->seen[i].path, path);
	count = ++s->seen[i].count;
	cond_broadcast(&s->came);
	mutex_unlock(&s->lock);
	return count;
}

static void answer_status(struct peer *p, const char *path, int status)
{
	const char *after = strstr(path, "after="), *to = strstr(path, "to=");
	char headers[300] = "";

	if (after != NULL)
		snprintf(headers, sizeof(headers), "Retry-After: %s\r\n", after + 6);
	else if (to != NULL)
		snprintf(headers, sizeof(headers), "Location: %s\r\n", to + 3);
	answer(p, status, headers, "", 0);
}

static void answer_flaky(struct peer *p, const char *path, size_t count)
{
	size_t times = strtoul(path + 7, NULL, 10);

	if (count > times)
		answer(p, 200, "", "steady", 6);
	else
		answer_status(p, path, atoi(strrchr(path, '/') + 1));
}

static void answer_big(struct peer *p, size_t n)
{
	char *bytes = calloc(1, n + 1);

	assert(bytes != NULL);
	answer(p, 200, "Content-Type: application/octet-stream\r\n", bytes, n);
	free(bytes);
}

static void answer_long_head(struct peer *p)
{
	buf_text(&p->out, "HTTP/1.1 200 X\r\n");
	for (int i = 0; i < 1000; i++)
		buf_printf(&p->out, "X-Header-%d: %0100d\r\n", i, i);
	buf_text(&p->out, "Content-Length: 0\r\n\r\n");
}

static void begin_chunks(struct peer *p, enum mode mode)
{
	const char *type = "Content-Type: text/event-stream\r\n";

	buf_printf(&p->out, "HTTP/1.1 200 X\r\n%s%s\r\n", type,
		mode == STREAMING ? "Transfer-Encoding: chunked\r\n" : "");
	p->mode = mode;
}

static bool starts(const char *path, const char *with)
{
	return strncmp(path, with, strlen(with)) == 0;
}

/* All of a request is in p->in: head bytes of head, then its body. */
static void serve(struct server *s, struct peer *p, const char *path, size_t whole)
{
	size_t count;

	if (starts(path, "http://")) /* asked as a proxy */
		path = strchr(path + 7, '/');
	count = note(s, path);
	p->asked++;
	if (starts(path, "/echo")) {
		answer(p, 200, "X-Twice: one\r\nX-Twice: two\r\n", p->in.p, whole);
	} else if (starts(path, "/json")) {
		const char *body = strstr(p->in.p, "\r\n\r\n") + 4;

		answer(p, 200, "Content-Type: application/json\r\n", body,
			whole - (size_t)(body - p->in.p));
	} else if (starts(path, "/status/")) {
		answer_status(p, path, atoi(path + 8));
	} else if (starts(path, "/flaky/")) {
		answer_flaky(p, path, count);
	} else if (starts(path, "/big/")) {
		answer_big(p, strtoul(path + 5, NULL, 10));
	} else if (starts(path, "/hold")) {
		p->mode = HELD;
	} else if (starts(path, "/stream")) {
		begin_chunks(p, STREAMING);
	} else if (starts(path, "/flood")) {
		begin_chunks(p, FLOODING);
	} else if (starts(path, "/cut-chunk")) {
		buf_text(&p->out,
			"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
		p->ends = true;
	} else if (starts(path, "/cut")) {
		buf_text(&p->out, "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nhalf");
		p->ends = true;
	} else if (starts(path, "/no-http")) {
		buf_text(&p->out, "SSH-2.0-none\r\n");
		p->ends = true;
	} else if (starts(path, "/long-head")) {
		answer_long_head(p);
	} else if (starts(path, "status-")) { /* asked as a proxy, with CONNECT */
		answer(p, atoi(path + 7), "", "", 0);
	} else if (starts(path, "/kept-eof") && p->asked == 1) {
		answer(p, 200, "", "kept", 4);
	} else {
		p->ends = true;
		p->resets = starts(path, "/reset");
	}
}

/* True: a request was there and is served. */
static bool take_request(struct server *s, struct peer *p)
{
	char *end = p->in.n > 0 ? strstr(p->in.p, "\r\n\r\n") : NULL, *length;
	char path[200];
	size_t whole;

	if (end == NULL || p->mode != READING)
		return false;
	length = strcasestr(p->in.p, "\r\nContent-Length:");
	whole = (size_t)(end + 4 - p->in.p) +
	        (length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0);
	if (p->in.n < whole || sscanf(p->in.p, "%*s %199s", path) != 1)
		return false;
	serve(s, p, path, whole);
	memmove(p->in.p, p->in.p + whole, p->in.n - whole + 1);
	p->in.n -= whole;
	return true;
}

static void read_peer(struct server *s, struct peer *p)
{
	static char bytes[64 * 1024];
	ssize_t n = recv(p->fd, bytes, sizeof(bytes), 0);

	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		hang_up(p);
		return;
	}
	if (n > 0)
		buf_add(&p->in, bytes, (size_t)n);
	while (take_request(s, p))
		continue;
	(void)flush(s, p);
}

static void accept_peer(struct server *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct epoll_event e = {.events = EPOLLIN};
	struct peer *p;

	if (fd < 0)
		return;
	p = calloc(1, sizeof(*p));
	assert(p != NULL);
	p->fd = fd;
	buf_init(&p->in, (size_t)64 << 20);
	buf_init(&p->out, (size_t)512 << 20);
	LIST_INSERT_HEAD(&s->peers, p, link);
	e.data.ptr = p;
	epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e);
	mutex_lock(&s->lock);
	s->connections++;
	mutex_unlock(&s->lock);
}

static void say(struct peer *p, const char *chunk)
{
	buf_printf(&p->out, "%zx\r\n%s\r\n", strlen(chunk), chunk);
	if (chunk[0] == '\0')
		p->mode = READING;
}

static void obey(struct server *s)
{
	struct peer *p, *next;
	char chunk[sizeof(s->say)];
	bool release, says;
	uint64_t count;

	(void)!read(s->wake, &count, sizeof(count));
	mutex_lock(&s->lock);
	release = s->release;
	says = s->says;
	memcpy(chunk, s->say, sizeof(chunk));
	s->release = s->says = false;
	cond_broadcast(&s->came);
	mutex_unlock(&s->lock);
	for (p = LIST_FIRST(&s->peers); p != NULL; p = next) {
		next = LIST_NEXT(p, link);
		if (release && p->mode == HELD) {
			answer(p, 200, "", "held", 4);
			p->mode = READING;
		} else if (says && p->mode == STREAMING) {
			say(p, chunk);
		} else {
			continue;
		}
		(void)flush(s, p);
	}
}

static void run(void *arg)
{
	struct server *s = arg;
	struct epoll_event events[EVENTS];

	while (!atomic_load(&s->ending)) {
		int n = epoll_wait(s->epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct peer *p = events[i].data.ptr;

			if ((void *)p == (void *)&s->listener)
				accept_peer(s);
			else if ((void *)p == (void *)&s->wake)
				obey(s);
			else if ((events[i].events & EPOLLIN) != 0)
				read_peer(s, p);
			else
				(void)flush(s, p);
		}
	}
}

static void wake_up(struct server *s)
{
	uint64_t one = 1;

	(void)!write(s->wake, &one, sizeof(one));
}

struct server *server_start(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct server *s = calloc(1, sizeof(*s));
	socklen_t n = sizeof(at);
	struct epoll_event e = {.events = EPOLLIN};
	bool ok;

	assert(s != NULL);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ok = bind(s->listener, (struct sockaddr *)&at, n) == 0 && listen(s->listener, 8192) == 0 &&
	     getsockname(s->listener, (struct sockaddr *)&at, &n) == 0;
	assert(ok);
	s->port = ntohs(at.sin_port);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	e.data.ptr = &s->listener;
	epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &e);
	e.data.ptr = &s->wake;
	epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->wake, &e);
	mutex_init(&s->lock);
	cond_init(&s->came);
	ok = thread_start(&s->thread, "server", (size_t)1 << 20, run, s, NULL);
	assert(ok);
	(void)ok;
	return s;
}

void server_stop(struct server *s)
{
	atomic_store(&s->ending, true);
	wake_up(s);
	thread_join(&s->thread);
	while (!LIST_EMPTY(&s->peers))
		hang_up(LIST_FIRST(&s->peers));
	close(s->listener);
	close(s->epoll);
	close(s->wake);
	cond_finish(&s->came);
	mutex_finish(&s->lock);
	free(s);
}

int server_port(const struct server *s)
{
	return s->port;
}

/* The lock is held. */
static size_t sum(const struct server *s, const char *prefix)
{
	size_t n = 0;

	for (size_t i = 0; i < SEEN_MAX; i++)
		n += starts(s->seen[i].path, prefix) ? s->seen[i].count : 0;
	return n;
}

size_t server_count(struct server *s, const char *prefix)
{
	size_t n;

	mutex_lock(&s->lock);
	n = sum(s, prefix);
	mutex_unlock(&s->lock);
	return n;
}

static int64_t real_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool server_await(struct server *s, const char *prefix, size_t count)
{
	int64_t until = real_ms() + AWAIT_MS;
	bool there;

	mutex_lock(&s->lock);
	while (!(there = sum(s, prefix) >= count)) {
		if (!cond_wait_until(&s->came, &s->lock, until))
			break;
	}
	mutex_unlock(&s->lock);
	return there;
}

size_t server_connections(struct server *s)
{
	size_t n;

	mutex_lock(&s->lock);
	n = s->connections;
	mutex_unlock(&s->lock);
	return n;
}

uint64_t server_flooded(struct server *s)
{
	uint64_t n;

	mutex_lock(&s->lock);
	n = s->flooded;
	mutex_unlock(&s->lock);
	return n;
}

void server_release(struct server *s)
{
	mutex_lock(&s->lock);
	s->release = true;
	mutex_unlock(&s->lock);
	wake_up(s);
}

/* Returns when it was given to the streams, so that two calls are two chunks. */
void server_say(struct server *s, const char *chunk)
{
	mutex_lock(&s->lock);
	snprintf(s->say, sizeof(s->say), "%s", chunk);
	s->says = true;
	wake_up(s);
	while (s->says)
		cond_wait(&s->came, &s->lock);
	mutex_unlock(&s->lock);
}
