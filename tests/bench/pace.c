/*
 * pace - clients that come by the clock: each request has a connection of its own, which is opened
 * when its time has come, whether or not those before it were answered. One thread, epoll.
 *
 *     pace PORT COUNT SECONDS FILE
 *
 * COUNT requests come evenly over SECONDS (0: all at once). FILE holds one request; it should say
 * "Connection: close". Prints one line: requests, how many had no whole answer with status 200,
 * seconds until the last one ended, and three times from connect() to the end of an answer, in
 * microseconds: the median, what 99 of 100 had at most, and the longest.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define COUNT_MAX 20000
#define FILE_MAX  65536
#define HEAD_MAX  1024 /* of an answer; what follows is counted only */
#define EVENTS    256
#define SILENCE_S 120.0 /* without an event: give up */

struct client {
	int fd;
	bool good;
	double begun;
	double took; /* seconds, once it has ended */
	size_t sent;
	size_t got;   /* bytes of the answer */
	size_t whole; /* how many there will be; 0: not known yet */
	char head[HEAD_MAX];
};

struct pace {
	struct sockaddr_in address;
	struct client *clients;
	size_t count, begun, ended;
	char request[FILE_MAX];
	size_t request_n;
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

static void finish(struct pace *p, struct client *c)
{
	c->good = c->whole > 0 && c->got == c->whole && strncmp(c->head, "HTTP/1.1 200 ", 13) == 0;
	c->took = now() - c->begun;
	(void)close(c->fd);
	c->fd = -1;
	p->ended++;
}

static void begin(struct pace *p)
{
	struct client *c = &p->clients[p->begun++];
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
	int on = 1;

	c->begun = now();
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("socket");
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(c->fd, (struct sockaddr *)&p->address, sizeof(p->address)) != 0 &&
		errno != EINPROGRESS)
		die("connect");
	if (epoll_ctl(p->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
		die("epoll_ctl");
}

static void send_rest(const struct pace *p, struct client *c)
{
	while (c->sent < p->request_n) {
		ssize_t n = send(c->fd, p->request + c->sent, p->request_n - c->sent, MSG_NOSIGNAL);

		if (n <= 0)
			return; /* what is wrong shows when it is read from */
		c->sent += (size_t)n;
	}
}

/* Once the head is here, says how long the answer will be. */
static void measure(struct client *c)
{
	size_t n = c->got < HEAD_MAX - 1 ? c->got : HEAD_MAX - 1;
	const char *length, *end;

	c->head[n] = '\0';
	end = strstr(c->head, "\r\n\r\n");
	length = strcasestr(c->head, "\r\nContent-Length:");
	if (end != NULL && length != NULL)
		c->whole = (size_t)(end + 4 - c->head) + strtoul(length + 17, NULL, 10);
}

static void receive(struct pace *p, struct client *c)
{
	static char scrap[65536];

	while (c->fd >= 0) {
		bool in_head = c->got < HEAD_MAX - 1;
		char *to = in_head ? c->head + c->got : scrap;
		ssize_t n = recv(c->fd, to, in_head ? HEAD_MAX - 1 - c->got : sizeof(scrap), 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n > 0)
			c->got += (size_t)n;
		if (c->whole == 0)
			measure(c);
		if (n <= 0 || (c->whole > 0 && c->got >= c->whole))
			finish(p, c);
	}
}

/* Opens what is due; returns for how many milliseconds nothing is. */
static int begin_due(struct pace *p, double start, double gap)
{
	double t = now();

	while (p->begun < p->count && start + (double)p->begun * gap <= t)
		begin(p);
	if (p->begun == p->count)
		return 1000;
	return (int)((start + (double)p->begun * gap - t) * 1000) + 1;
}

static double run(struct pace *p, double seconds)
{
	double start = now(), heard = start, gap = seconds / (double)p->count;
	struct epoll_event events[EVENTS];

	while (p->ended < p->count && now() - heard < SILENCE_S) {
		int n = epoll_wait(p->epoll, events, EVENTS, begin_due(p, start, gap));

		for (int i = 0; i < n; i++) {
			struct client *c = events[i].data.ptr;

			send_rest(p, c);
			receive(p, c);
		}
		if (n > 0)
			heard = now();
	}
	return now() - start;
}

static int by_time(const void *a, const void *b)
{
	const struct client *x = a, *y = b;

	return (x->took > y->took) - (x->took < y->took);
}

static void report(struct pace *p, double seconds)
{
	size_t bad = 0;

	for (size_t i = 0; i < p->count; i++)
		bad += !p->clients[i].good;
	qsort(p->clients, p->count, sizeof(*p->clients), by_time);
	printf("%zu %zu %.6f %.0f %.0f %.0f\n", p->count, bad, seconds,
		p->clients[p->count / 2].took * 1e6,
		p->clients[(p->count * 99 + 99) / 100 - 1].took * 1e6,
		p->clients[p->count - 1].took * 1e6);
}

static void read_request(struct pace *p, const char *path)
{
	FILE *file = fopen(path, "rb");

	if (file == NULL)
		die(path);
	p->request_n = fread(p->request, 1, sizeof(p->request), file);
	(void)fclose(file);
}

/* One file for each connection. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		die("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		die("setrlimit");
}

int main(int argc, char **argv)
{
	static struct pace p;

	if (argc == 5)
		p.count = strtoul(argv[2], NULL, 10);
	if (p.count < 1 || p.count > COUNT_MAX) {
		(void)fprintf(stderr, "pace PORT COUNT SECONDS FILE\n");
		return 2;
	}
	p.address.sin_family = AF_INET;
	p.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p.address.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	read_request(&p, argv[4]);
	raise_limit();
	p.clients = calloc(p.count, sizeof(*p.clients));
	p.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (p.clients == NULL || p.epoll < 0)
		die("pace");
	report(&p, run(&p, strtod(argv[3], NULL)));
	return 0;
}
