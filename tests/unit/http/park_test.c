/*
 * Tests of connections between two requests: what comes after a short first one, and how they
 * end.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "unit/cmocka.h"
#include "unit/http/client.h"
#include "unit/http/site.h"

#define GET     "GET /execute HTTP/1.1\r\nHost: a\r\n"
#define SHORT   GET "\r\n"
#define MANY    1000
#define COOKIE  60000
#define ANSWERS 20

static struct site site;

static int open_site(void **state)
{
	(void)state;
	site_init(&site);
	site.listeners[0].max_connections = 2 * MANY + 10;
	site.listeners[0].idle_seconds = 2;
	site_start(&site);
	return 0;
}

static int close_site(void **state)
{
	(void)state;
	site_finish(&site);
	return 0;
}

static void take(struct client *c, const char *part)
{
	struct client_answer a;

	client_receive(c, false, &a);
	assert_true(a.whole);
	assert_int_equal(a.status, 200);
	assert_null(client_header(&a, "Connection"));
	if (strstr(a.body, part) == NULL)
		fail_msg("%s is not in %s", part, a.body);
	client_answer_free(&a);
}

static void ask(struct client *c, const char *request)
{
	client_send(c, request);
	take(c, "\"status\"");
}

static void open_kept(struct client *c)
{
	client_open(c, site.port);
	ask(c, "GET /healthz HTTP/1.1\r\n\r\n");
}

/* A request whose head has a cookie of COOKIE bytes. Freed by the caller. */
static char *long_request(void)
{
	char *request = malloc(COOKIE + 200), *p;

	assert_non_null(request);
	p = request + snprintf(request, 100, GET "Cookie: ");
	memset(p, 'c', COOKIE);
	snprintf(p + COOKIE, 100, "\r\nX-Long: 12345\r\n\r\n");
	return request;
}

static void a_short_request_may_be_followed_by_one_with_a_long_head(void **state)
{
	char *request = long_request();
	struct client c;

	(void)state;
	open_kept(&c);
	client_send(&c, request);
	take(&c, "\"long\":5");
	ask(&c, "GET /healthz HTTP/1.1\r\nConnection: Keep-Alive\r\n\r\n");
	client_send(&c, request);
	take(&c, "\"long\":5");
	client_close(&c);
	free(request);
}

static void a_long_head_may_come_in_pieces(void **state)
{
	char *request = long_request();
	size_t n = strlen(request), piece = n / 7;
	struct client c;

	(void)state;
	open_kept(&c);
	for (size_t at = 0; at < n; at += piece) {
		assert_true(client_push(&c, request + at, n - at < piece ? n - at : piece));
		assert_false(at + piece < n && client_readable(&c, 20));
	}
	take(&c, "\"long\":5");
	client_close(&c);
	free(request);
}

/* Whatever comes with, shortly after or long after the first request. */
static void pipelined_requests_are_all_answered(void **state)
{
	static const char next[] = "GET /execute/2/getStatus HTTP/1.1\r\n\r\n";
	struct client c;

	(void)state;
	for (int i = 0; i < 200; i++) {
		client_open(&c, site.port);
		if (i % 4 == 0) {
			client_send(&c, SHORT "GET /execute/2/getStatus HTTP/1.1\r\n\r\n");
		} else {
			client_send(&c, SHORT);
			if (i % 4 > 1)
				usleep((useconds_t)(i % 50) * 4);
			client_send(&c, next);
		}
		take(&c, "\"operation\":\"list\"");
		take(&c, "\"arg\":\"2\"");
		client_send(&c, next);
		take(&c, "\"arg\":\"2\"");
		client_close(&c);
	}
}

static void a_body_may_come_after_its_head(void **state)
{
	char *request = long_request();
	struct client c;

	(void)state;
	client_open(&c, site.port);
	client_send(&c, "POST /v1/bytes HTTP/1.1\r\nContent-Length: 6\r\n\r\n");
	assert_false(client_readable(&c, 50));
	client_send(&c, "abc");
	assert_false(client_readable(&c, 50));
	client_send(&c, "def");
	take(&c, "\"n\":6");
	client_send(&c, request);
	take(&c, "\"long\":5");
	client_close(&c);
	free(request);
}

static void an_answer_from_another_thread_leaves_the_connection_usable(void **state)
{
	char *request = long_request();
	struct client c;

	(void)state;
	client_open(&c, site.port);
	client_send(&c, "GET /v1/park HTTP/1.1\r\n\r\n");
	site_answer_elsewhere(site_take_parked(&site), site_answer_done);
	take(&c, "\"done\"");
	client_send(&c, request);
	take(&c, "\"long\":5");
	client_close(&c);
	free(request);
}

static void a_client_that_has_ended_its_side_gets_its_answer_and_the_end(void **state)
{
	struct client_answer a;
	struct client c;

	(void)state;
	for (int i = 0; i < 100; i++) {
		client_open(&c, site.port);
		client_send(&c, SHORT);
		if (i % 3 == 1)
			usleep((useconds_t)i);
		if (i % 3 < 2)
			assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
		client_receive(&c, false, &a);
		assert_true(a.whole);
		assert_int_equal(a.status, 200);
		client_answer_free(&a);
		if (i % 3 == 2)
			assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
		assert_true(client_ended(&c, 1000));
		client_close(&c);
	}
}

/* As the daemon's children do, until they run their own programs. */
static void a_child_may_hold_sockets_that_waited(void **state)
{
	struct client c[20], late;
	pid_t child;

	(void)state;
	for (int i = 0; i < 20; i++)
		open_kept(&c[i]);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		for (;;)
			pause();
	for (int i = 0; i < 20; i++)
		shutdown(c[i].fd, SHUT_RDWR);
	for (int i = 0; i < 20; i++) {
		open_kept(&late);
		ask(&late, "GET /healthz HTTP/1.1\r\n\r\n");
		client_close(&late);
		client_close(&c[i]);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void a_silent_connection_is_closed_when_its_time_is_up(void **state)
{
	struct client c[2];
	int64_t began = clock_mono_ms();

	(void)state;
	open_kept(&c[0]);
	open_kept(&c[1]);
	assert_false(client_readable(&c[0], 1000));
	ask(&c[1], "GET /healthz HTTP/1.1\r\n\r\n");
	assert_true(client_ended(&c[0], 5000));
	assert_in_range(clock_mono_ms() - began, 1900, 2700);
	ask(&c[1], "GET /healthz HTTP/1.1\r\n\r\n");
	assert_true(client_ended(&c[1], 5000));
	client_close(&c[0]);
	client_close(&c[1]);
}

static void a_thousand_wait_and_each_is_served_again(void **state)
{
	static struct client clients[MANY];

	(void)state;
	for (int i = 0; i < MANY; i++)
		open_kept(&clients[i]);
	for (int i = 0; i < MANY; i += 2)
		client_close(&clients[i]);
	for (int i = 1; i < ANSWERS; i += 2)
		ask(&clients[i], "GET /healthz HTTP/1.1\r\n\r\n");
	for (int i = 1; i < MANY; i += 2) {
		assert_true(client_ended(&clients[i], 5000));
		client_close(&clients[i]);
	}
}

static void those_that_wait_count_as_connections(void **state)
{
	struct client c[4];

	(void)state;
	site_finish(&site);
	site_init(&site);
	site.listeners[0].max_connections = 3;
	site.listeners[0].idle_seconds = 1;
	site_start(&site);
	for (int i = 0; i < 3; i++)
		open_kept(&c[i]);
	client_open(&c[3], site.port);
	client_send(&c[3], SHORT);
	assert_false(client_readable(&c[3], 300));
	client_close(&c[0]);
	take(&c[3], "list");
	for (int i = 1; i < 4; i++)
		client_close(&c[i]);
}

/* The server is stopped by close_site(). */
static void a_stop_ends_those_that_wait(void **state)
{
	static struct client clients[100];

	(void)state;
	for (int i = 0; i < 100; i++)
		open_kept(&clients[i]);
	server_stop(site.server, 10000);
	site.server = NULL;
	for (int i = 0; i < 100; i++) {
		assert_true(client_ended(&clients[i], 1000));
		client_close(&clients[i]);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_site, close_site)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_short_request_may_be_followed_by_one_with_a_long_head),
		TEST(a_long_head_may_come_in_pieces),
		TEST(pipelined_requests_are_all_answered),
		TEST(a_body_may_come_after_its_head),
		TEST(an_answer_from_another_thread_leaves_the_connection_usable),
		TEST(a_client_that_has_ended_its_side_gets_its_answer_and_the_end),
		TEST(a_child_may_hold_sockets_that_waited),
		TEST(a_silent_connection_is_closed_when_its_time_is_up),
		TEST(a_thousand_wait_and_each_is_served_again),
		TEST(those_that_wait_count_as_connections),
		TEST(a_stop_ends_those_that_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
