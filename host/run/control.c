/* The control socket: few clients, short lines; whoever does not follow them is cut off. */
#include "run/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"

#define BACKLOG 16

static bool listen_at(struct control *c, struct fail *f)
{
	const char *path = c->address.sun_path;
	mode_t before;
	int rc, err;

	if (unlink(path) != 0 && errno != ENOENT)
		return fail_errno(f, errno, "delete %s", path);
	before = umask(0177);
	rc = bind(c->fd, (const struct sockaddr *)&c->address, sizeof(c->address));
	err = errno;
	umask(before);
	if (rc != 0)
		return fail_errno(f, err, "make socket %s", path);
	return listen(c->fd, BACKLOG) == 0 || fail_errno(f, errno, "listen at %s", path);
}

bool control_open(struct control *c, const char *path, struct fail *f)
{
	struct control made = {.address = {.sun_family = AF_UNIX}, .state = "starting\n"};
	size_t n = strlen(path);

	if (n >= sizeof(made.address.sun_path))
		return fail_set(f, FAIL_INVALID, "%s is too long for a socket", path);
	memcpy(made.address.sun_path, path, n + 1);
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		made.clients[i].fd = -1;
	made.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (made.fd < 0)
		return fail_errno(f, errno, "make a socket");
	if (!listen_at(&made, f)) {
		close(made.fd);
		return false;
	}
	*c = made;
	return true;
}

static void drop(struct control_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	client->n = 0;
}

void control_close(struct control *c)
{
	unlink(c->address.sun_path);
	close(c->fd);
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		drop(&c->clients[i]);
}

/* One that has closed its end may have left a line for us: it is dropped when that is read. */
static void send_state(const struct control *c, struct control_client *client)
{
	size_t n = strlen(c->state);
	ssize_t sent = send(client->fd, c->state, n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent != (ssize_t)n && !(sent < 0 && errno == EPIPE))
		drop(client);
}

void control_tell(struct control *c, const char *state)
{
	snprintf(c->state, sizeof(c->state), "%.*s\n", CONTROL_LINE - 2, state);
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		if (c->clients[i].fd >= 0)
			send_state(c, &c->clients[i]);
	}
}

void control_poll(const struct control *c, struct pollfd fds[CONTROL_FDS])
{
	fds[0] = (struct pollfd){.fd = c->fd, .events = POLLIN};
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		fds[1 + i] = (struct pollfd){.fd = c->clients[i].fd, .events = POLLIN};
}

static struct control_client *free_client(struct control *c)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		if (c->clients[i].fd < 0)
			return &c->clients[i];
	}
	return NULL;
}

static void accept_client(struct control *c)
{
	int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct control_client *client = free_client(c);

	if (fd < 0)
		return;
	if (client == NULL) {
		close(fd);
		return;
	}
	client->fd = fd;
	client->n = 0;
	send_state(c, client);
}

/* Takes whole lines out of what came; true: one of them was "stop". */
static bool read_lines(struct control_client *client)
{
	char *end;
	bool stop = false;

	while ((end = memchr(client->line, '\n', client->n)) != NULL) {
		size_t n = (size_t)(end - client->line) + 1;

		stop = stop || (n == 5 && memcmp(client->line, "stop\n", n) == 0);
		memmove(client->line, end + 1, client->n - n);
		client->n -= n;
	}
	return stop;
}

static bool serve_client(struct control_client *client)
{
	ssize_t n = recv(client->fd, client->line + client->n, sizeof(client->line) - client->n,
		MSG_DONTWAIT);
	bool stop;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		drop(client);
		return false;
	}
	client->n += (size_t)n;
	stop = read_lines(client);
	if (client->n == sizeof(client->line))
		drop(client);
	return stop;
}

bool control_serve(struct control *c, const struct pollfd fds[CONTROL_FDS], bool *ret_came)
{
	bool stop = false;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		if (c->clients[i].fd >= 0 && fds[1 + i].revents != 0)
			stop = serve_client(&c->clients[i]) || stop;
	}
	*ret_came = fds[0].revents != 0;
	if (*ret_came)
		accept_client(c);
	return stop;
}
