/*
 * load - an HTTP/1.1 client that costs little: one thread, epoll, no look at what it gets but
 * the status and the length.
 *
 *     load PORT|SOCKET_PATH CLIENTS ANSWERS SECONDS kept|fresh FILE
 *
 * FILE holds requests, each after its length in bytes on a line of its own; clients send them
 * in turn, over and over. Ends after ANSWERS or SECONDS, whichever comes first (0: no limit),
 * and prints one line: answers, seconds, and how many were no 200 or no answer at all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX 1024
#define HEAD_MAX    16384
#define EVENTS      64
#define WAIT_MS     100
#define SILENCE_S   30.0            /* without one answer: give up */
#define LAST        "\r\n0\r\n\r\n" /* how a chunked body ends; no JSON of one line holds it */

struct request {
	const char *bytes;
	size_t n;
};

struct client {
	int fd;
	const struct request *request;
	size_t sent;
	char head[HEAD_MAX]; /* of the answer, and whatever of its body came along */
	size_t head_n;
	bool in_body;
	bool chunked;
	long long body_left;         /* -1: until the connection ends, or the last chunk */
	char tail[sizeof(LAST) - 1]; /* of a chunked body */
};

struct load {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_un local;
	} address;
	socklen_t address_n;
	bool fresh;
	struct request *requests;
	size_t request_count;
	size_t next_request;
	struct client *clients;
	size_t client_count;
	long long most;
	long long begun;
	long long answers;
	long long bad;
	int epoll;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

/* --- one client --- */

static bool may_begin(const struct load *l)
{
	return l->most == 0 || l->begun < l->most;
}

static void forget(struct client *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
}

static void open_connection(struct load *l, struct client *c)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
	int on = 1;

	c->fd = socket(l->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("socket");
	if (l->address.any.sa_family == AF_INET)
		(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(c->fd, &l->address.any, l->address_n) != 0 && errno != EINPROGRESS)
		die("connect");
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
		die("epoll_ctl");
}

static void send_rest(struct client *c)
{
	while (c->request != NULL && c->sent < c->request->n) {
		ssize_t n = send(
			c->fd, c->request->bytes + c->sent, c->request->n - c->sent, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		c->sent += (size_t)n;
	}
}

static void begin(struct load *l, struct client *c)
{
	c->request = NULL;
	if (!may_begin(l)) {
		forget(c);
		return;
	}
	l->begun++;
	c->request = &l->requests[l->next_request];
	l->next_request = (l->next_request + 1) % l->request_count;
	c->sent = 0;
	c->head_n = 0;
	c->in_body = false;
	if (c->fd < 0)
		open_connection(l, c); /* its first event sends */
	else
		send_rest(c);
}

static void finish(struct load *l, struct client *c, bool good)
{
	l->answers++;
	l->bad += !good;
	if (l->fresh || !good)
		forget(c);
	begin(l, c);
}

/* The value of a header in a head that ends with NUL; NULL: none. */
static const char *header(const char *head, const char *name)
{
	const char *at = strcasestr(head, name);

	return at != NULL ? at + strlen(name) : NULL;
}

/* Notes n more bytes of the body; true: it is whole. */
static bool take_body(struct client *c, const char *bytes, size_t n)
{
	const size_t tail_n = sizeof(c->tail);

	if (c->body_left >= 0) {
		c->body_left -= (long long)n;
		return c->body_left <= 0;
	}
	if (!c->chunked)
		return false;
	if (n >= tail_n) {
		memcpy(c->tail, bytes + n - tail_n, tail_n);
	} else {
		memmove(c->tail, c->tail + n, tail_n - n);
		memcpy(c->tail + tail_n - n, bytes, n);
	}
	return memcmp(c->tail, LAST, tail_n) == 0;
}

static bool is_good(const struct client *c)
{
	return strncmp(c->head, "HTTP/1.1 200 ", 13) == 0 ||
	       strncmp(c->head, "HTTP/1.0 200 ", 13) == 0;
}

/* Once the head is whole, reads it and what came along of the body; true: that is whole too. */
static bool take_head(struct client *c)
{
	const char *length;
	char *end;
	size_t n;

	c->head[c->head_n] = '\0';
	end = strstr(c->head, "\r\n\r\n");
	if (end == NULL)
		return false;
	n = (size_t)(end + 4 - c->head);
	*end = '\0';
	length = header(c->head, "\r\nContent-Length:");
	c->chunked = header(c->head, "\r\nTransfer-Encoding: chunked") != NULL;
	c->body_left = length != NULL ? strtoll(length, NULL, 10) : -1;
	c->in_body = true;
	memset(c->tail, 0, sizeof(c->tail));
	return take_body(c, c->head + n, c->head_n - n);
}

static void receive(struct load *l, struct client *c)
{
	static char scrap[65536];

	while (c->fd >= 0 && c->request != NULL) {
		bool was_body = c->in_body, whole;
		char *to = was_body ? scrap : c->head + c->head_n;
		size_t room = was_body ? sizeof(scrap) : sizeof(c->head) - 1 - c->head_n;
		ssize_t n = recv(c->fd, to, room, 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			whole = n == 0 && was_body && !c->chunked && c->body_left < 0;
			forget(c);
			finish(l, c, whole && is_good(c));
			return;
		}
		c->head_n += was_body ? 0 : (size_t)n;
		whole = was_body ? take_body(c, scrap, (size_t)n) : take_head(c);
		if (whole)
			finish(l, c, is_good(c));
	}
}

/* --- all of them --- */

static void run(struct load *l, double seconds)
{
	struct epoll_event events[EVENTS];
	double begin_s = now(), heard = begin_s, t = begin_s;

	for (size_t i = 0; i < l->client_count; i++)
		begin(l, &l->clients[i]);
	while ((l->most == 0 || l->answers < l->most) && (seconds == 0 || t - begin_s < seconds) &&
		t - heard < SILENCE_S) {
		long long before = l->answers;
		int n = epoll_wait(l->epoll, events, EVENTS, WAIT_MS);

		for (int i = 0; i < n; i++) {
			struct client *c = events[i].data.ptr;

			if (c->fd < 0)
				continue;
			send_rest(c);
			receive(l, c);
		}
		t = now();
		if (l->answers != before)
			heard = t;
	}
	printf("%lld %.6f %lld\n", l->answers, t - begin_s, l->bad);
}

static void read_address(struct load *l, const char *text)
{
	if (text[0] == '/') {
		l->address.local.sun_family = AF_UNIX;
		(void)snprintf(
			l->address.local.sun_path, sizeof(l->address.local.sun_path), "%s", text);
		l->address_n = sizeof(l->address.local);
		return;
	}
	l->address.v4.sin_family = AF_INET;
	l->address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l->address.v4.sin_port = htons((uint16_t)strtoul(text, NULL, 10));
	l->address_n = sizeof(l->address.v4);
}

static void read_requests(struct load *l, const char *path)
{
	FILE *file = fopen(path, "rb");
	size_t n;

	if (file == NULL)
		die(path);
	while (fscanf(file, "%zu", &n) == 1 && fgetc(file) == '\n') {
		char *bytes = malloc(n);

		l->requests = reallocarray(l->requests, l->request_count + 1, sizeof(*l->requests));
		if (bytes == NULL || l->requests == NULL || fread(bytes, 1, n, file) != n)
			die(path);
		l->requests[l->request_count++] = (struct request){bytes, n};
	}
	(void)fclose(file);
	if (l->request_count == 0) {
		(void)fprintf(stderr, "%s: there is no request\n", path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static struct load l;

	if (argc != 7) {
		(void)fprintf(
			stderr, "load PORT|SOCKET_PATH CLIENTS ANSWERS SECONDS kept|fresh FILE\n");
		return 2;
	}
	read_address(&l, argv[1]);
	l.client_count = strtoul(argv[2], NULL, 10);
	l.most = strtoll(argv[3], NULL, 10);
	l.fresh = strcmp(argv[5], "fresh") == 0;
	read_requests(&l, argv[6]);
	if (l.client_count < 1 || l.client_count > CLIENTS_MAX)
		return 2;
	l.clients = calloc(l.client_count, sizeof(*l.clients));
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l.clients == NULL || l.epoll < 0)
		die("load");
	for (size_t i = 0; i < l.client_count; i++)
		l.clients[i].fd = -1;
	run(&l, strtod(argv[4], NULL));
	return 0;
}
