/* A small client that sees bytes as they are. */
#include "unit/http/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit/cmocka.h"

#define DEADLINE_MS 10000

static void start(struct client *c, int family, const void *address, socklen_t n)
{
	memset(c, 0, sizeof(*c));
	c->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(c->fd >= 0);
	assert_int_equal(connect(c->fd, address, n), 0);
}

void client_open(struct client *c, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	start(c, AF_INET, &a, sizeof(a));
}

void client_open_unix(struct client *c, const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	start(c, AF_UNIX, &a, sizeof(a));
}

void client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	free(c->bytes);
	c->bytes = NULL;
}

static bool ready(struct client *c, short what, int ms)
{
	struct pollfd p = {.fd = c->fd, .events = what};

	return poll(&p, 1, ms) == 1;
}

bool client_push(struct client *c, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t done;

		assert_true(ready(c, POLLOUT, DEADLINE_MS));
		done = send(c->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (done < 0 && errno == EAGAIN)
			continue;
		if (done < 0)
			return false;
		bytes += done;
		n -= (size_t)done;
	}
	return true;
}

void client_send(struct client *c, const char *text)
{
	assert_true(client_push(c, text, strlen(text)));
}

/* One more piece; false: the connection ended. */
static bool more(struct client *c)
{
	ssize_t got;

	assert_true(ready(c, POLLIN, DEADLINE_MS));
	c->bytes = realloc(c->bytes, c->n + 65537);
	assert_non_null(c->bytes);
	got = recv(c->fd, c->bytes + c->n, 65536, 0);
	if (got <= 0)
		return false;
	c->n += (size_t)got;
	c->bytes[c->n] = '\0';
	return true;
}

static void use(struct client *c, size_t n)
{
	memmove(c->bytes, c->bytes + n, c->n - n + 1);
	c->n -= n;
}

/* Length of what stands before the mark; false: the connection ended first. */
static bool until(struct client *c, const char *mark, size_t *ret_n)
{
	const char *at;

	while (c->n == 0 || (at = memmem(c->bytes, c->n, mark, strlen(mark))) == NULL)
		if (!more(c))
			return false;
	*ret_n = (size_t)(at - c->bytes);
	return true;
}

static bool take(struct client *c, struct client_answer *a, size_t n)
{
	while (c->n < n)
		if (!more(c))
			return false;
	a->body = realloc(a->body, a->n + n + 1);
	assert_non_null(a->body);
	if (n > 0) {
		memcpy(a->body + a->n, c->bytes, n);
		use(c, n);
	}
	a->n += n;
	a->body[a->n] = '\0';
	return true;
}

static bool chunks(struct client *c, struct client_answer *a)
{
	size_t n, size;

	do {
		if (!until(c, "\r\n", &n))
			return false;
		size = strtoul(c->bytes, NULL, 16);
		use(c, n + 2);
		if (!take(c, a, size) || !until(c, "\r\n", &n))
			return false;
		use(c, n + 2);
	} while (size > 0);
	return true;
}

const char *client_header(const struct client_answer *a, const char *name)
{
	static char value[1024];
	size_t n = strlen(name);

	for (const char *line = strstr(a->head, "\r\n"); line != NULL;
		line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, n) != 0 || line[n] != ':')
			continue;
		line += n + 1 + strspn(line + n + 1, " ");
		snprintf(value, sizeof(value), "%.*s", (int)strcspn(line, "\r\n"), line);
		return value;
	}
	return NULL;
}

void client_receive(struct client *c, bool head_only, struct client_answer *a)
{
	const char *length;
	size_t n;

	memset(a, 0, sizeof(*a));
	if (!until(c, "\r\n\r\n", &n))
		return;
	a->head = strndup(c->bytes, n);
	assert_non_null(a->head);
	assert_memory_equal(a->head, "HTTP/1.", 7);
	a->status = (int)strtol(a->head + 9, NULL, 10);
	use(c, n + 4);
	length = client_header(a, "Content-Length");
	if (head_only)
		a->whole = take(c, a, 0);
	else if (length != NULL)
		a->whole = take(c, a, strtoul(length, NULL, 10));
	else
		a->whole = chunks(c, a);
}

void client_answer_free(struct client_answer *a)
{
	free(a->head);
	free(a->body);
	memset(a, 0, sizeof(*a));
}

bool client_readable(struct client *c, int ms)
{
	return c->n > 0 || ready(c, POLLIN, ms);
}

bool client_ended(struct client *c, int ms)
{
	char byte;

	return c->n == 0 && ready(c, POLLIN, ms) && recv(c->fd, &byte, 1, 0) <= 0;
}
