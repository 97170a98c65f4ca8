/* Frames between the daemon and a worker: what is sent arrives, and what is no frame is known. */
#include "worker/frame.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "unit/cmocka.h"

#define MOST ((size_t)1024 * 1024)

struct pair {
	int near, far;
	struct frame_in in;
};

static int set_up(void **state)
{
	const struct timeval tick = {.tv_usec = 50000};
	struct pair *p = calloc(1, sizeof(*p));
	int ends[2];

	assert_non_null(p);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof(tick)), 0);
	p->near = ends[0];
	p->far = ends[1];
	p->in.fd = -1;
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct pair *p = *state;

	frame_drop(&p->in);
	(void)close(p->near);
	(void)close(p->far);
	free(p);
	return 0;
}

struct sending {
	int socket;
	struct frame_out out;
};

static void *send_it(void *arg)
{
	struct sending *s = arg;

	return frame_send(s->socket, &s->out) == FRAME_DONE ? s : NULL;
}

/* There and back again in another thread, as it may be more than a socket holds. */
static void pass(struct pair *p, size_t n)
{
	struct sending s = {p->far, {.head = {.kind = FRAME_CALL, .slot = 3, .call = 7}, .fd = -1}};
	char *bytes = malloc(n + 1);
	pthread_t thread;
	void *sent;

	assert_non_null(bytes);
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(i * 31);
	frame_add(&s.out, bytes, n / 3);
	frame_add(&s.out, bytes + n / 3, n - n / 3);
	assert_int_equal(pthread_create(&thread, NULL, send_it, &s), 0);
	assert_int_equal(frame_receive(p->near, &p->in, MOST), FRAME_DONE);
	assert_int_equal(pthread_join(thread, &sent), 0);
	assert_non_null(sent);
	assert_int_equal(p->in.head.length, n);
	assert_int_equal(p->in.head.kind, FRAME_CALL);
	assert_int_equal(p->in.head.slot, 3);
	assert_int_equal(p->in.head.call, 7);
	assert_memory_equal(frame_payload(&p->in), bytes, n);
	free(bytes);
}

static void a_frame_arrives_as_it_was_sent(void **state)
{
	static const size_t sizes[] = {0, 1, 16, FRAME_NEAR - 17, FRAME_NEAR - 16, FRAME_NEAR - 15,
		FRAME_NEAR, 3 * FRAME_NEAR, MOST};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		pass(*state, sizes[i]);
}

static void nothing_of_what_came_is_left_once_it_is_wiped(void **state)
{
	struct pair *p = *state;

	pass(p, 200);
	pass(p, 3 * FRAME_NEAR); /* its first part came near */
	pass(p, 20);
	frame_wipe(&p->in);
	for (size_t i = 0; i < FRAME_NEAR; i++)
		assert_int_equal(p->in.near[i], 0);
	assert_int_equal(p->in.have, 0);
	pass(p, 20);
}

static void a_descriptor_comes_along_and_belongs_to_who_got_it(void **state)
{
	struct pair *p = *state;
	struct frame_out out = {.head = {.kind = FRAME_LANE}};
	int fd;

	p->in.takes_fd = true;
	out.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(out.fd >= 0);
	assert_int_equal(frame_send(p->far, &out), FRAME_DONE);
	assert_int_equal(close(out.fd), 0);
	assert_int_equal(frame_receive(p->near, &p->in, 0), FRAME_DONE);
	fd = p->in.fd;
	assert_true(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	frame_drop(&p->in);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void put(struct pair *p, const struct frame_head *head, size_t more)
{
	char bytes[sizeof(*head) + 64] = {0};

	memcpy(bytes, head, sizeof(*head));
	assert_int_equal(send(p->far, bytes, sizeof(*head) + more, 0), sizeof(*head) + more);
}

static void what_comes_behind_a_frame_is_a_breach(void **state)
{
	put(*state, &(struct frame_head){.kind = FRAME_RETURN, .length = 16}, 17);
	assert_int_equal(
		frame_receive(((struct pair *)*state)->near, &((struct pair *)*state)->in, MOST),
		FRAME_BAD);
}

static void heads_are_taken_one_by_one(void **state)
{
	struct pair *p = *state;
	struct frame_head two[] = {{.kind = FRAME_PING}, {.kind = FRAME_LANE}};

	assert_int_equal(send(p->far, two, sizeof(two), 0), sizeof(two));
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(frame_receive(p->near, &p->in, 0), FRAME_DONE);
		assert_int_equal(p->in.head.kind, two[i].kind);
	}
	assert_int_equal(frame_receive(p->near, &p->in, 0), FRAME_LATE);
}

static void an_unknown_kind_and_a_frame_that_is_too_long_are_breaches(void **state)
{
	static const struct frame_head heads[] = {
		{.kind = 0},
		{.kind = FRAME_KIND_COUNT},
		{.kind = UINT16_MAX},
		{.kind = FRAME_CALL, .length = MOST + 1},
		{.kind = FRAME_CALL, .length = UINT32_MAX},
	};
	struct pair *p = *state;

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		put(p, &heads[i], 0);
		assert_int_equal(frame_receive(p->near, &p->in, MOST), FRAME_BAD);
		assert_int_equal(frame_receive(p->near, &p->in, MOST), FRAME_BAD);
		frame_drop(&p->in);
	}
}

static void a_frame_that_comes_slowly_is_late_and_then_whole(void **state)
{
	const struct frame_head head = {.kind = FRAME_RETURN, .length = 4};
	struct pair *p = *state;
	char bytes[sizeof(head) + 4] = {0};

	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), "abcd", 4);
	assert_int_equal(frame_receive(p->near, &p->in, MOST), FRAME_LATE);
	for (size_t i = 0; i < sizeof(bytes); i += 5) {
		size_t n = i + 5 <= sizeof(bytes) ? 5 : sizeof(bytes) - i;

		assert_int_equal(send(p->far, bytes + i, n, 0), n);
		if (i + n < sizeof(bytes))
			assert_int_equal(frame_receive(p->near, &p->in, MOST), FRAME_LATE);
	}
	assert_int_equal(frame_receive(p->near, &p->in, MOST), FRAME_DONE);
	assert_memory_equal(frame_payload(&p->in), "abcd", 4);
}

static size_t descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	assert_int_equal(closedir(d), 0);
	return n;
}

/* Padding makes room for two where one is expected. */
static void send_two(int socket, int fd)
{
	struct frame_head head = {.kind = FRAME_SERVICE};
	struct iovec part = {&head, sizeof(head)};
	const int fds[2] = {fd, fd};
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} control = {0};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};

	control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(fds)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.head), fds, sizeof(fds));
	assert_int_equal(sendmsg(socket, &message, 0), sizeof(head));
}

static void of_descriptors_that_nobody_asked_for_none_is_left(void **state)
{
	struct pair *p = *state;
	size_t before = descriptors();

	for (int takes = 0; takes < 2; takes++) {
		p->in.takes_fd = takes == 1;
		send_two(p->far, p->far);
		assert_int_equal(frame_receive(p->near, &p->in, MOST), FRAME_DONE);
		assert_int_equal(p->in.fd >= 0, takes);
		assert_int_equal(descriptors(), before + (size_t)takes);
		frame_drop(&p->in);
		assert_int_equal(descriptors(), before);
	}
}

struct drip {
	int socket;
	size_t n;
};

static void *drip(void *arg)
{
	const struct drip *d = arg;

	for (size_t i = 0; i < d->n && send(d->socket, "x", 1, MSG_NOSIGNAL) == 1; i++)
		(void)poll(NULL, 0, 5);
	return NULL;
}

/* Each byte comes in time, and the frame never would. */
static void a_turn_ends_though_bytes_come(void **state)
{
	const struct frame_head head = {.kind = FRAME_SERVICE, .length = 300};
	struct pair *p = *state;
	struct drip d = {p->far, head.length};
	enum frame_end end;
	unsigned turns = 0;
	pthread_t thread;

	p->in.turn_ms = 100;
	assert_int_equal(send(p->far, &head, sizeof(head), 0), sizeof(head));
	assert_int_equal(pthread_create(&thread, NULL, drip, &d), 0);
	while ((end = frame_receive(p->near, &p->in, MOST)) == FRAME_LATE)
		turns++;
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(end, FRAME_DONE);
	assert_true(turns > 2); /* of the fifteen there are */
}

static void the_end_of_the_other_side_is_seen_in_both_directions(void **state)
{
	struct pair *p = *state;
	struct frame_out out = {.head = {.kind = FRAME_CALL}, .fd = -1};

	assert_int_equal(shutdown(p->far, SHUT_RDWR), 0);
	assert_int_equal(frame_receive(p->near, &p->in, MOST), FRAME_CLOSED);
	assert_int_equal(frame_send(p->near, &out), FRAME_CLOSED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_frame_arrives_as_it_was_sent),
		TEST(nothing_of_what_came_is_left_once_it_is_wiped),
		TEST(a_descriptor_comes_along_and_belongs_to_who_got_it),
		TEST(what_comes_behind_a_frame_is_a_breach),
		TEST(heads_are_taken_one_by_one),
		TEST(an_unknown_kind_and_a_frame_that_is_too_long_are_breaches),
		TEST(a_frame_that_comes_slowly_is_late_and_then_whole),
		TEST(of_descriptors_that_nobody_asked_for_none_is_left),
		TEST(a_turn_ends_though_bytes_come),
		TEST(the_end_of_the_other_side_is_seen_in_both_directions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
