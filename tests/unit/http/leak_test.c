/*
 * Tests of what leaked connections cost: clients that open a connection per request and
 * forget it are the rule here. The server runs in a process of its own, so that its memory
 * can be told from the clients'.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "unit/cmocka.h"
#include "unit/http/client.h"
#include "unit/http/site.h"

#define CLIENTS      2000
#define IDLE_SECONDS 3L
#define HEALTH       "GET /healthz HTTP/1.1\r\n\r\n"

/* Measured: 25 MiB for clients with one request each, 8 MiB for the beginning of one.
 * Sanitizers keep memory of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GROWTH_KIB 400000
#else
#define GROWTH_KIB (32L * 1024)
#endif

static struct client clients[CLIENTS];
static struct site site;
static pid_t server;
static int port;

/* The server, until it is killed. */
static void serve(int report)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	site.listeners[0].max_connections = CLIENTS + 100;
	site.listeners[0].idle_seconds = IDLE_SECONDS;
	site.config.listener_count = 1;
	site_start(&site);
	if (write(report, &site.port, sizeof(site.port)) != sizeof(site.port))
		abort();
	for (;;)
		pause();
}

static int start_server(void **state)
{
	struct rlimit limit;
	int ends[2];

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	site_init(&site);
	assert_int_equal(pipe(ends), 0);
	server = fork();
	assert_true(server >= 0);
	if (server == 0)
		serve(ends[1]);
	close(ends[1]);
	assert_int_equal(read(ends[0], &port, sizeof(port)), sizeof(port));
	close(ends[0]);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	scratch_close(site.dir);
	return 0;
}

static long memory_kib(void)
{
	char path[64], line[256];
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)server);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "VmRSS:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	fclose(f);
	return kib;
}

static void one_answer(struct client *c)
{
	struct client_answer a;

	client_receive(c, false, &a);
	assert_true(a.whole);
	assert_int_equal(a.status, 200);
	client_answer_free(&a);
}

static void one_request(struct client *c)
{
	client_send(c, HEALTH);
	one_answer(c);
}

static void check_growth(long before, const char *what)
{
	long growth = memory_kib() - before;

	print_message("%s: the server grew by %ld KiB\n", what, growth);
	if (growth > GROWTH_KIB)
		fail_msg("%s: %ld KiB", what, growth);
}

static void all_end(int64_t began)
{
	for (int i = 0; i < CLIENTS; i++) {
		assert_true(client_ended(&clients[i], (int)((IDLE_SECONDS + 10) * 1000)));
		client_close(&clients[i]);
	}
	assert_true(clock_mono_ms() - began < (IDLE_SECONDS + 3) * 1000);
}

static void two_thousand_leaked_connections_cost_little_and_end(void **state)
{
	long before;
	int64_t last;

	(void)state;
	client_open(&clients[0], port);
	one_request(&clients[0]);
	client_close(&clients[0]);
	before = memory_kib();
	for (int i = 0; i < CLIENTS; i++) {
		client_open(&clients[i], port);
		one_request(&clients[i]);
	}
	last = clock_mono_ms();
	check_growth(before, "one request each, then idle");
	all_end(last);
	for (int i = 0; i < CLIENTS; i++)
		client_open(&clients[i], port);
	for (int i = 0; i < CLIENTS; i++) /* all are sent before one could be found idle */
		client_send(&clients[i], HEALTH);
	for (int i = 0; i < CLIENTS; i++)
		one_answer(&clients[i]);
	last = clock_mono_ms();
	check_growth(before, "all connected, then a request each");
	all_end(last);
	client_open(&clients[0], port);
	one_request(&clients[0]);
	one_request(&clients[0]); /* kept: there is room again */
	client_close(&clients[0]);
}

static void two_thousand_silent_connections_cost_little_and_end(void **state)
{
	long before = memory_kib();
	int64_t last;

	(void)state;
	for (int i = 0; i < CLIENTS; i++) {
		client_open(&clients[i], port);
		client_send(&clients[i], "GET /heal");
	}
	last = clock_mono_ms();
	check_growth(before, "the beginning of a request each");
	all_end(last);
	client_open(&clients[0], port);
	one_request(&clients[0]);
	client_close(&clients[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_thousand_leaked_connections_cost_little_and_end),
		cmocka_unit_test(two_thousand_silent_connections_cost_little_and_end),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
