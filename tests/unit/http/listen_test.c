/* Tests of listen: which sockets are made, and what is left of them. */
#include "http/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "config/config.h"
#include "support/scratch.h"
#include "unit/cmocka.h"

static char dir[SCRATCH_SIZE];

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

		if (!listen_open(&s, &c, &f)) {
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
		assert_false(listen_open(&s, &c, &f));
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
	assert_true(listen_open(&first, &c, &f));
	c.port = listen_port(&first);
	assert_false(listen_open(&second, &c, &f));
	assert_int_equal(f.code, FAIL_CONFLICT);
	listen_close(&first);
	assert_true(listen_open(&second, &c, &f));
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

		assert_true(listen_open(&s, &c, &f));
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
	assert_true(listen_open(&first, &c, &f));
	assert_false(listen_open(&second, &c, &f));
	assert_int_equal(f.code, FAIL_CONFLICT);
	assert_non_null(strstr(f.text, "another process listens there"));
	/* As after a crash: the file stays, nobody listens. */
	close(first.fd);
	first.fd = -1;
	assert_true(listen_open(&second, &c, &f));
	/* Somebody took the file away and listens there: it is not ours to remove any more. */
	assert_int_equal(unlink(path), 0);
	assert_true(listen_open(&third, &c, &f));
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
	assert_false(listen_open(&s, &c, &f));
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
	assert_false(listen_open(&s, &c, &f));
	assert_non_null(strstr(f.text, "at most 107 bytes"));
}

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
	};

	return cmocka_run_group_tests(tests, open_dir, close_dir);
}
