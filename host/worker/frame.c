/* Frames over a stream socket. A small one is one system call on each side. */
#include "worker/frame.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

union descriptor { /* room for one, aligned as the kernel wants it: then there is room for two */
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* When a turn that begins now is over. */
static int64_t turn_end(int turn_ms)
{
	return turn_ms > 0 ? now_ms() + turn_ms : INT64_MAX;
}

static bool is_over(int64_t until)
{
	return until != INT64_MAX && now_ms() >= until;
}

static enum frame_end end_of(int err)
{
	if (err == EAGAIN || err == EWOULDBLOCK)
		return FRAME_LATE;
	return FRAME_CLOSED;
}

/* --- in --- */

char *frame_payload(struct frame_in *in)
{
	return in->far != NULL ? in->far : in->near + sizeof(in->head);
}

void frame_drop(struct frame_in *in)
{
	if (in->far != NULL)
		explicit_bzero(in->far, in->head.length);
	free(in->far);
	in->far = NULL;
	in->have = 0;
	in->bad = false;
	if (in->fd >= 0)
		(void)close(in->fd);
	in->fd = -1;
}

void frame_wipe(struct frame_in *in)
{
	frame_drop(in);
	explicit_bzero(in->near, in->used);
	in->used = 0;
}

/* The last one that came; of more none is kept. */
static void take_descriptors(struct frame_in *in, struct msghdr *message)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(message);

	if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return;
	for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(in->fd); i++) {
		if (in->fd >= 0)
			(void)close(in->fd);
		memcpy(&in->fd, CMSG_DATA(c) + i * sizeof(in->fd), sizeof(in->fd));
	}
}

static enum frame_end receive_some(int socket, struct frame_in *in, struct iovec part)
{
	union descriptor control;
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
	};
	ssize_t n;

	if (in->takes_fd) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
	}
	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return end_of(errno);
	if (n == 0)
		return FRAME_CLOSED;
	if (in->takes_fd)
		take_descriptors(in, &message);
	in->have += (size_t)n;
	return FRAME_DONE;
}

/* The head is there: is it sound, and is there room for the payload? */
static enum frame_end begin_payload(struct frame_in *in, size_t most)
{
	size_t whole;

	memcpy(&in->head, in->near, sizeof(in->head));
	whole = sizeof(in->head) + in->head.length;
	if (in->head.length > most || in->head.kind == 0 || in->head.kind >= FRAME_KIND_COUNT ||
		in->have > whole)
		return FRAME_BAD;
	if (whole <= FRAME_NEAR)
		return FRAME_DONE;
	in->far = malloc(in->head.length);
	if (in->far == NULL)
		return FRAME_BAD;
	memcpy(in->far, in->near + sizeof(in->head), in->have - sizeof(in->head));
	return FRAME_DONE;
}

static bool is_whole(const struct frame_in *in)
{
	return in->have >= sizeof(in->head) && in->have == sizeof(in->head) + in->head.length;
}

/* Of the head, with what comes along: as much as is near. */
static enum frame_end receive_head(int socket, struct frame_in *in, size_t most)
{
	size_t room = most > 0 ? FRAME_NEAR : sizeof(in->head);
	enum frame_end end =
		receive_some(socket, in, (struct iovec){in->near + in->have, room - in->have});

	if (in->have > in->used)
		in->used = in->have;
	if (end != FRAME_DONE || in->have < sizeof(in->head))
		return end;
	return begin_payload(in, most);
}

static enum frame_end receive_rest(int socket, struct frame_in *in)
{
	size_t got = in->have - sizeof(in->head);
	enum frame_end end = receive_some(
		socket, in, (struct iovec){frame_payload(in) + got, in->head.length - got});

	if (in->far == NULL && in->have > in->used)
		in->used = in->have;
	return end;
}

enum frame_end frame_receive(int socket, struct frame_in *in, size_t most)
{
	enum frame_end end = in->bad ? FRAME_BAD : FRAME_DONE;
	int64_t until = turn_end(in->turn_ms);

	if (is_whole(in) && !in->bad)
		frame_drop(in);
	while (end == FRAME_DONE) {
		end = in->have < sizeof(in->head) ? receive_head(socket, in, most)
		                                  : receive_rest(socket, in);
		if (end == FRAME_DONE && is_whole(in))
			break;
		if (end == FRAME_DONE && is_over(until))
			end = FRAME_LATE;
	}
	in->bad = end == FRAME_BAD;
	return end;
}

/* --- out --- */

void frame_add(struct frame_out *out, const void *bytes, size_t n)
{
	if (n == 0 || out->count == FRAME_PARTS)
		return;
	/* sendmsg() takes what is not const, and writes to none of it. */
	memcpy(&out->parts[out->count].iov_base, &bytes, sizeof(bytes));
	out->parts[out->count++].iov_len = n;
}

/* The head and the parts, from the byte out->sent on. */
static size_t list_rest(struct frame_out *out, struct iovec rest[FRAME_PARTS + 1])
{
	size_t skip = out->sent, n = 0;

	rest[0] = (struct iovec){&out->head, sizeof(out->head)};
	memcpy(rest + 1, out->parts, out->count * sizeof(*rest));
	while (n <= out->count && skip >= rest[n].iov_len)
		skip -= rest[n++].iov_len;
	if (n <= out->count) {
		rest[n].iov_base = (char *)rest[n].iov_base + skip;
		rest[n].iov_len -= skip;
	}
	return n;
}

static void add_descriptor(struct msghdr *message, union descriptor *control, int fd)
{
	struct cmsghdr *c;

	memset(control, 0, sizeof(*control));
	message->msg_control = control->bytes;
	message->msg_controllen = sizeof(control->bytes);
	c = CMSG_FIRSTHDR(message);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
}

static enum frame_end send_some(int socket, struct frame_out *out)
{
	struct iovec rest[FRAME_PARTS + 1];
	union descriptor control;
	struct msghdr message = {0};
	size_t from = list_rest(out, rest);
	ssize_t n;

	message.msg_iov = rest + from;
	message.msg_iovlen = out->count + 1 - from;
	if (out->fd >= 0 && out->sent == 0)
		add_descriptor(&message, &control, out->fd);
	do
		n = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return end_of(errno);
	out->sent += (size_t)n;
	return FRAME_DONE;
}

enum frame_end frame_send(int socket, struct frame_out *out)
{
	enum frame_end end = FRAME_DONE;
	int64_t until = turn_end(out->turn_ms);
	size_t whole = 0;

	for (size_t i = 0; i < out->count; i++)
		whole += out->parts[i].iov_len;
	out->head.length = (uint32_t)whole;
	whole += sizeof(out->head);
	while (end == FRAME_DONE && out->sent < whole) {
		end = send_some(socket, out);
		if (end == FRAME_DONE && out->sent < whole && is_over(until))
			end = FRAME_LATE;
	}
	return end;
}
