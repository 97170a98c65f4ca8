/* Tests of listen: which sockets are made, and what is left of them. */
#include "http/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "config/config.h"
#include "http/handed.h"
#include "support/scratch.h"
#include "unit/cmocka.h"

static char dir[SCRATCH_SIZE];
static struct handed none;

static int open_dir(void **state)
{
	(void)state;
	scratch_open(dir);
	return 0;
}

static int close_dir(void **state)
{
	(void)state;
	scratch_close(dir);
	return 0;
}

static struct config_listener unix_listener(char path[SCRATCH_SIZE], const char *name)
{
	snprintf(path, SCRATCH_SIZE, "%.200s%s", dir, name);
	return (struct config_listener){.unix_path = path};
}

static void a_socket_is_not_inherited_and_does_not_block(void **state)
{
	static char addresses[][16] = {"127.0.0.1", "127.9.9.9", "::1"};
	struct listen_socket s;
	struct fail f = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct config_listener c = {.address = addresses[i]};

		if (!listen_open(&s, &c, &none, &f)) {
			/* A machine without IPv6. */
			assert_non_null(strstr(f.text, "::1"));
			continue;
		}
		assert_true(fcntl(s.fd, F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(s.fd, F_GETFL) & O_NONBLOCK);
		assert_in_range(listen_port(&s), 1, 65535);
		listen_close(&s);
		assert_int_equal(s.fd, -1);
	}
}

static void addresses_beyond_this_machine_are_refused(void **state)
{
	static const struct {
		char address[24];
		int64_t port;
		enum fail_code code;
	} rows[] = {
		{"0.0.0.0", 0, FAIL_FORBIDDEN},
		{"::", 0, FAIL_FORBIDDEN},
		{"10.0.0.1", 0, FAIL_FORBIDDEN},
		{"::ffff:127.0.0.1", 0, FAIL_FORBIDDEN},
		{"localhost", 0, FAIL_INVALID},
		{"", 0, FAIL_INVALID},
		{"127.0.0.1", 65536, FAIL_INVALID},
		{"127.0.0.1", -1, FAIL_INVALID},
	};
	struct listen_socket s;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char address[24];
		struct config_listener c = {.address = address, .port = rows[i].port};
		struct fail f = {0};

		memcpy(address, rows[i].address, sizeof(address));
		assert_false(listen_open(&s, &c, &none, &f));
		assert_int_equal(f.code, rows[i].code);
		assert_non_null(strstr(f.text, "listen on "));
		assert_int_equal(s.fd, -1);
	}
}

static void a_port_in_use_is_a_conflict(void **state)
{
	static char loopback[] = "127.0.0.1";
	struct config_listener c = {.address = loopback};
	struct listen_socket first, second;
	struct fail f = {0};

	(void)state;
	assert_true(listen_open(&first, &c, &none, &f));
	c.port = listen_port(&first);
	assert_false(listen_open(&second, &c, &none, &f));
	assert_int_equal(f.code, FAIL_CONFLICT);
	listen_close(&first);
	assert_true(listen_open(&second, &c, &none, &f));
	listen_close(&second);
}

static void a_unix_socket_is_private_whatever_the_umask(void **state)
{
	static const mode_t masks[] = {0, 022, 0777};
	char path[SCRATCH_SIZE] = "";
	struct config_listener c = unix_listener(path, "/private");
	struct listen_socket s;
	struct stat st;
	struct fail f = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(masks); i++) {
		mode_t before = umask(masks[i]);

		assert_true(listen_open(&s, &c, &none, &f));
		umask(before);
		assert_int_equal(lstat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		listen_close(&s);
		assert_int_equal(lstat(path, &st), -1);
	}
}

static void a_stale_socket_is_replaced_a_living_one_is_not(void **state)
{
	char path[SCRATCH_SIZE] = "";
	struct config_listener c = unix_listener(path, "/stale");
	struct listen_socket first, second, third;
	struct stat st;
	struct fail f = {0};

	(void)state;
	assert_true(listen_open(&first, &c, &none, &f));
	assert_false(listen_open(&second, &c, &none, &f));
	assert_int_equal(f.code, FAIL_CONFLICT);
	assert_non_null(strstr(f.text, "another process listens there"));
	/* As after a crash: the file stays, nobody listens. */
	close(first.fd);
	first.fd = -1;
	assert_true(listen_open(&second, &c, &none, &f));
	/* Somebody took the file away and listens there: it is not ours to remove any more. */
	assert_int_equal(unlink(path), 0);
	assert_true(listen_open(&third, &c, &none, &f));
	listen_close(&second);
	assert_int_equal(lstat(path, &st), 0);
	listen_close(&third);
	assert_int_equal(lstat(path, &st), -1);
}

static void another_file_of_that_name_is_left_alone(void **state)
{
	char path[SCRATCH_SIZE] = "", text[10];
	struct config_listener c = unix_listener(path, "/file");
	struct listen_socket s;
	struct fail f = {0};

	(void)state;
	scratch_write(dir, "file", "precious");
	assert_false(listen_open(&s, &c, &none, &f));
	assert_non_null(strstr(f.text, "not a socket"));
	assert_true(scratch_read(dir, "file", text, sizeof(text)));
	assert_string_equal(text, "precious");
}

static void a_path_too_long_for_a_socket_is_refused(void **state)
{
	char path[201];
	struct config_listener c = {.unix_path = path};
	struct listen_socket s;
	struct fail f = {0};

	(void)state;
	memset(path, 'x', 200);
	path[0] = '/';
	path[200] = '\0';
	assert_false(listen_open(&s, &c, &none, &f));
	assert_non_null(strstr(f.text, "at most 107 bytes"));
}

/* s as a service manager would have passed it on. */
static struct handed hand(const struct listen_socket *s)
{
	struct handed h = {.fds = {dup(s->fd)}, .count = 1};

	assert_true(h.fds[0] >= 0);
	return h;
}

static bool still_listens(const struct listen_socket *s)
{
	struct sockaddr_storage at = {0};
	socklen_t n = sizeof(at);
	bool ok;
	int fd;

	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &n), 0);
	fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	ok = connect(fd, (const struct sockaddr *)&at, n) == 0;
	close(fd);
	return ok;
}

static void a_socket_handed_over_is_used_and_goes_on_listening(void **state)
{
	static char addresses[][16] = {"127.0.0.1", "::1"};
	struct listen_socket kept, s;
	struct fail f = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct config_listener c = {.address = addresses[i]};
		struct handed h;

		if (!listen_open(&kept, &c, &none, &f))
			continue; /* a machine without IPv6 */
		c.port = listen_port(&kept);
		h = hand(&kept);
		assert_true(listen_open(&s, &c, &h, &f));
		assert_int_equal(h.fds[0], -1);
		assert_int_equal(listen_port(&s), c.port);
		listen_close(&s);
		assert_int_equal(s.fd, -1);
		assert_true(still_listens(&kept));
		listen_close(&kept);
	}
}

static void the_file_of_a_unix_socket_handed_over_stays(void **state)
{
	char path[SCRATCH_SIZE] = "";
	struct config_listener c = unix_listener(path, "/handed");
	struct listen_socket kept, s;
	struct handed h;
	struct stat st;
	struct fail f = {0};

	(void)state;
	assert_true(listen_open(&kept, &c, &none, &f));
	h = hand(&kept);
	assert_true(listen_open(&s, &c, &h, &f));
	listen_close(&s);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(still_listens(&kept));
	assert_int_equal(chmod(path, 0660), 0);
	h = hand(&kept);
	assert_false(listen_open(&s, &c, &h, &f));
	assert_int_equal(f.code, FAIL_FORBIDDEN);
	assert_non_null(strstr(f.text, "mode 0660"));
	assert_true(still_listens(&kept));
	listen_close(&kept);
}

static void a_socket_of_another_address_is_not_taken(void **state)
{
	static char here[] = "127.0.0.1", beside[] = "127.0.0.2", anywhere[] = "0.0.0.0";
	char path[SCRATCH_SIZE] = "";
	struct config_listener c = {.address = here}, local = unix_listener(path, "/other");
	struct listen_socket kept, s;
	struct handed h;
	struct fail f = {0};
	int fd;

	(void)state;
	assert_true(listen_open(&kept, &c, &none, &f));
	h = hand(&kept);
	fd = h.fds[0];
	assert_true(listen_open(&s, &c, &h, &f)); /* port 0: any, but a new one */
	listen_close(&s);
	assert_true(listen_open(&s, &local, &h, &f));
	listen_close(&s);
	c.port = listen_port(&kept);
	c.address = beside;
	assert_true(listen_open(&s, &c, &h, &f));
	listen_close(&s);
	c.address = anywhere;
	assert_false(listen_open(&s, &c, &h, &f));
	assert_int_equal(f.code, FAIL_FORBIDDEN);
	assert_int_equal(h.fds[0], fd);
	handed_close(&h);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	listen_close(&kept);
}

/* NOLINTBEGIN(concurrency-mt-unsafe): the environment of a program with one thread */

/* In a process of its own: descriptors 3 and 4 are handed over, 5 is its own. */
static bool child_takes(int fd, bool ours)
{
	struct handed h;
	char pid[24];
	int spare = fcntl(fd, F_DUPFD, 10);

	snprintf(pid, sizeof(pid), "%d", (int)getpid() + !ours);
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "3", 1);
	if (dup2(spare, 3) != 3 || dup2(spare, 4) != 4 || dup3(spare, 5, O_CLOEXEC) != 5)
		return false;
	handed_take(&h);
	if (!ours)
		return h.count == 0 && getenv("LISTEN_FDS") != NULL;
	return h.count == 2 && h.fds[0] == 3 && h.fds[1] == 4 &&
	       (fcntl(3, F_GETFD) & FD_CLOEXEC) != 0 && (fcntl(4, F_GETFD) & FD_CLOEXEC) != 0 &&
	       getenv("LISTEN_FDS") == NULL && getenv("LISTEN_PID") == NULL;
}

static void only_what_is_meant_for_this_process_is_taken(void **state)
{
	static char loopback[] = "127.0.0.1";
	struct config_listener c = {.address = loopback};
	struct listen_socket s;
	struct fail f = {0};

	(void)state;
	assert_true(listen_open(&s, &c, &none, &f));
	for (int ours = 0; ours <= 1; ours++) {
		int status = -1;
		pid_t pid = fork();

		if (pid == 0)
			_exit(child_takes(s.fd, ours) ? 0 : 1);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	listen_close(&s);
}

static void a_number_of_descriptors_that_is_none_is_ignored(void **state)
{
	static const char *const rows[] = {"", "x", "-1", "65", "3x", "99999999999999999999"};
	char pid[24];
	struct handed h;

	(void)state;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	for (size_t i = 0; i < COUNT(rows); i++) {
		setenv("LISTEN_PID", pid, 1);
		setenv("LISTEN_FDS", rows[i], 1);
		handed_take(&h);
		assert_int_equal(h.count, 0);
		assert_null(getenv("LISTEN_PID"));
	}
}

/* NOLINTEND(concurrency-mt-unsafe) */

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_is_not_inherited_and_does_not_block),
		cmocka_unit_test(addresses_beyond_this_machine_are_refused),
		cmocka_unit_test(a_port_in_use_is_a_conflict),
		cmocka_unit_test(a_unix_socket_is_private_whatever_the_umask),
		cmocka_unit_test(a_stale_socket_is_replaced_a_living_one_is_not),
		cmocka_unit_test(another_file_of_that_name_is_left_alone),
		cmocka_unit_test(a_path_too_long_for_a_socket_is_refused),
		cmocka_unit_test(a_socket_handed_over_is_used_and_goes_on_listening),
		cmocka_unit_test(the_file_of_a_unix_socket_handed_over_stays),
		cmocka_unit_test(a_socket_of_another_address_is_not_taken),
		cmocka_unit_test(only_what_is_meant_for_this_process_is_taken),
		cmocka_unit_test(a_number_of_descriptors_that_is_none_is_ignored),
	};

	return cmocka_run_group_tests(tests, open_dir, close_dir);
}
