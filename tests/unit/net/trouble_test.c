/* What must not do harm: slow names, silent hosts, our own limits, and what was sent before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/limits.h"
#include "place.h"
#include "platform/thread.h"

#define SOON_MS 15000

static atomic_bool answers; /* the server of names does */
static atomic_bool moved;   /* so has the host "moves.test" */
static atomic_uint looking, most_looking;
static atomic_int later_s; /* than it is */

/* libcurl calls this one, for how long it keeps addresses. */
__attribute__((visibility("default"))) time_t time(time_t *ret_now)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += atomic_load(&later_s);
	if (ret_now != NULL)
		*ret_now = now.tv_sec;
	return now.tv_sec;
}

/* And this one. */
__attribute__((visibility("default"))) int getaddrinfo(
	const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	unsigned now;

	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (name != NULL && strcmp(name, "moves.test") == 0)
		name = atomic_load(&moved) ? "127.0.0.2" : "127.0.0.1";
	if (name == NULL || strstr(name, "slow.test") == NULL)
		return real(name, service, hints, ret);
	now = atomic_fetch_add(&looking, 1) + 1;
	for (unsigned most = atomic_load(&most_looking); now > most;)
		if (atomic_compare_exchange_weak(&most_looking, &most, now))
			break;
	while (!atomic_load(&answers))
		usleep(1000);
	atomic_fetch_sub(&looking, 1);
	return EAI_AGAIN;
}

static void may_ask(struct place *p, const char *origin, const char *host)
{
	assert_true(egress_list_add_url(&p->site, origin, NULL));
	assert_true(egress_list_add(&p->manifest, host, NULL));
}

static void ask(struct place *p, const char *url)
{
	place_done(p);
	p->request.url = url;
	net_perform(p->net, &p->caller, &p->request, &p->result, &p->fail);
}

/* --- names and connections --- */

#define RESETS 3000

/* Resets each connection as soon as it comes; ends with the socket. */
static void reset_all(void *arg)
{
	const struct linger now = {1, 0};
	int fd;

	while ((fd = accept(*(int *)arg, NULL, NULL)) >= 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(fd);
	}
}

/* Of some of them curl has no address left when it asks whether to send. */
static void a_reset_connection_is_no_address_that_is_not_allowed(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(at);
	struct place *p = *state;
	struct thread thread;
	char url[64];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	assert_true(thread_start(&thread, "resets", 0, reset_all, &fd, NULL));
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(at.sin_port));
	assert_true(egress_list_add_url(&p->site, url, NULL));
	assert_true(egress_list_add(&p->manifest, "127.0.0.1", NULL));
	p->request.attempts = 1;
	p->request.limits = NULL;
	for (int i = 0; i < RESETS; i++) {
		ask(p, url);
		if (p->result.end == NET_REFUSED)
			fail_msg("request %d: %s", i, p->fail.text);
	}
	(void)shutdown(fd, SHUT_RDWR);
	thread_join(&thread);
	close(fd);
}

static void a_name_that_is_not_found_stops_nobody_else(void **state)
{
	struct place *p = *state;
	int64_t began = clock_mono_ms();

	atomic_store(&answers, false);
	may_ask(p, "http://slow.test", "slow.test");
	p->request.mutates = true;
	place_give(p, 300);
	ask(p, "http://slow.test/");
	assert_int_equal(p->result.end, NET_UNSENT);
	if (strstr(p->fail.text, "its address was not found in time") == NULL)
		fail_msg("%s", p->fail.text);
	place_give(p, SOON_MS);
	place_ask(p, "/echo");
	assert_int_equal(p->result.end, NET_ANSWERED);
	assert_in_range(clock_mono_ms() - began, 300, SOON_MS);
	assert_int_equal(atomic_load(&looking), 1); /* until then it went on */
}

#define SLOW    6
#define LOOKUPS 4

static void slow_names_take_no_more_threads_than_that(void **state)
{
	struct place *p = *state;
	struct place *asking[SLOW];
	char url[64];

	atomic_store(&answers, false);
	atomic_store(&most_looking, 0);
	p->options.max_lookups = LOOKUPS;
	p->request.attempts = 1;
	place_reopen(p);
	may_ask(p, "http://moves.test", "*.slow.test");
	assert_true(egress_list_add(&p->site, "http://*.slow.test", NULL));
	for (int i = 0; i < SLOW; i++) {
		snprintf(url, sizeof(url), "http://s%d.slow.test/", i);
		asking[i] = place_start(p, url);
	}
	while (atomic_load(&looking) < LOOKUPS)
		usleep(1000);
	place_ask(p, "/echo"); /* which needs none */
	assert_int_equal(p->result.end, NET_ANSWERED);
	snprintf(url, sizeof(url), "http://moves.test:%d/echo", server_port(p->server));
	may_ask(p, url, "moves.test");
	place_give(p, 300);
	ask(p, url);
	assert_int_equal(p->result.end, NET_UNSENT);
	if (strstr(p->fail.text, "net.max_lookups") == NULL)
		fail_msg("%s", p->fail.text);
	atomic_store(&answers, true);
	for (int i = 0; i < SLOW; i++) {
		place_join(asking[i]);
		assert_int_equal(asking[i]->result.end, NET_UNSENT);
	}
	assert_int_equal(atomic_load(&most_looking), LOOKUPS);
	place_give(p, SOON_MS);
	ask(p, url);
	assert_int_equal(p->result.end, NET_ANSWERED);
}

#define AT_ONCE 6

static void a_host_that_does_not_answer_keeps_all_waiting_only_once(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct place *p = *state;
	struct place *asking[AT_ONCE];
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char url[64];

	assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", ntohs(at.sin_port));
	may_ask(p, url, "127.0.0.1");
	p->options.connect_timeout_ms = 1000;
	p->request.attempts = 1;
	place_reopen(p);
	for (size_t i = 0; i < AT_ONCE; i++)
		asking[i] = place_start(p, url);
	for (size_t i = 0; i < AT_ONCE; i++) {
		place_join(asking[i]);
		assert_int_equal(asking[i]->result.end, NET_UNSENT);
		assert_in_range(asking[i]->took_ms, 900, 3500);
	}
	(void)close(fd);
}

/* Who has a name may let it stand for another address every day. */
static void a_host_that_moved_to_a_private_address_is_refused_there(void **state)
{
	struct place *p = *state;
	struct egress_networks first = {0};
	char url[64], eof[64];

	assert_true(egress_networks_add(&first, "127.0.0.1/32", NULL));
	p->rules.private_networks = &first;
	snprintf(url, sizeof(url), "http://moves.test:%d/echo", server_port(p->server));
	snprintf(eof, sizeof(eof), "http://moves.test:%d/eof", server_port(p->server));
	may_ask(p, url, "moves.test");
	ask(p, url);
	assert_int_equal(p->result.end, NET_ANSWERED);
	atomic_store(&moved, true);
	atomic_store(&later_s, 3600);
	ask(p, url); /* on the connection to the address that was allowed */
	assert_int_equal(p->result.end, NET_ANSWERED);
	assert_int_equal(server_connections(p->server), 1);
	ask(p, eof); /* which ends that one */
	ask(p, url);
	assert_int_equal(p->result.end, NET_REFUSED);
	if (strstr(p->fail.text, "its address 127.0.0.2 is not allowed") == NULL)
		fail_msg("%s", p->fail.text);
	assert_int_equal(server_count(p->server, "/echo"), 2);
	egress_networks_finish(&first);
}

/* --- what is not the other side's fault --- */

static void a_lack_of_connections_opens_no_circuit(void **state)
{
	struct place *p = *state;
	struct limits *limits = limits_create(NULL, 0, 0, &p->fail);
	struct place *busy;
	char url[64];

	p->options.max_connections_per_host = 1;
	place_reopen(p);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/hold", server_port(p->server));
	busy = place_start(p, url);
	assert_true(server_await(p->server, "/hold", 1));
	p->request.limits = limits;
	for (int i = 0; i < BREAKER_FAILURES + 2; i++) {
		place_give(p, 20);
		place_ask(p, "/echo");
		assert_int_equal(p->result.end, NET_UNSENT);
		assert_non_null(strstr(p->fail.text, "were all in use"));
	}
	server_release(p->server);
	place_join(busy);
	limits_destroy(limits);
}

static void nor_does_a_caller_in_haste(void **state)
{
	struct place *p = *state;
	struct limits *limits = limits_create(NULL, 0, 0, &p->fail);

	p->request.limits = limits;
	for (int i = 0; i < BREAKER_FAILURES + 2; i++) {
		place_give(p, 50);
		place_ask(p, "/hold");
		assert_int_not_equal(p->result.end, NET_THROTTLED);
	}
	place_give(p, SOON_MS);
	p->request.timeout_ms = 50;
	p->request.attempts = 1;
	for (int i = 0; i < BREAKER_FAILURES; i++)
		place_ask(p, "/hold");
	place_ask(p, "/echo");
	assert_int_equal(p->result.end, NET_THROTTLED); /* but an attempt with its whole time */
	limits_destroy(limits);
}

static void streams_leave_a_place_to_the_others(void **state)
{
	struct place *p = *state;
	struct place *streams[2];

	p->options.max_connections_per_host = 2;
	place_reopen(p);
	for (size_t i = 0; i < 2; i++) {
		streams[i] = place_copy(p);
		streams[i]->request.stream = true;
		place_give(streams[i], i == 0 ? SOON_MS : 300);
		place_ask(streams[i], "/stream");
	}
	assert_int_equal(streams[0]->result.end, NET_ANSWERED);
	assert_int_equal(streams[1]->result.end, NET_UNSENT);
	place_ask(p, "/echo");
	assert_int_equal(p->result.end, NET_ANSWERED);
	place_done(streams[0]);
}

/* --- what was sent before --- */

static void change_something(struct place *p)
{
	p->request.method = "POST";
	p->request.mutates = p->request.idempotent = true;
}

static void no_room_is_unclear_where_an_attempt_was_sent(void **state)
{
	static const struct limits_rule rule = {"*", 0.01, 1};
	struct place *p = *state;
	struct limits *limits = limits_create(&rule, 1, 0, &p->fail);

	change_something(p);
	p->request.limits = limits;
	place_ask(p, "/eof");
	assert_int_equal(p->result.end, NET_UNCLEAR);
	assert_int_equal(p->result.attempts, 1);
	assert_int_equal(p->fail.code, FAIL_INTERNAL);
	limits_destroy(limits);
}

static void no_room_is_no_room_where_the_other_side_said_wait(void **state)
{
	static const struct limits_rule rule = {"*", 0.01, 1};
	struct place *p = *state;
	struct limits *limits = limits_create(&rule, 1, 0, &p->fail);

	change_something(p);
	p->request.limits = limits;
	place_ask(p, "/flaky/1/429");
	assert_int_equal(p->result.end, NET_THROTTLED);
	limits_destroy(limits);
}

static void a_redirect_that_is_refused_is_unclear_where_a_change_was_sent(void **state)
{
	struct place *p = *state;

	change_something(p);
	p->request.follow = 1;
	place_ask(p, "/status/307?to=https://other.example/");
	assert_int_equal(p->result.end, NET_UNCLEAR);
}

static void an_answer_tells_of_an_unclear_attempt_before(void **state)
{
	struct place *p = *state;

	change_something(p);
	place_ask(p, "/flaky/1/503");
	place_expect(p, 200, "steady");
	assert_true(p->result.unclear);
	place_ask(p, "/flaky/1/429");
	place_expect(p, 200, "steady");
	assert_false(p->result.unclear);
	place_ask(p, "/status/503");
	assert_true(p->result.unclear);
	p->request.attempts = 1;
	place_ask(p, "/status/503");
	assert_false(p->result.unclear); /* the answer says it */
}

/* libcurl sends it a second time where a kept connection ends. */
static void and_of_one_that_libcurl_made(void **state)
{
	struct place *p = *state;

	change_something(p);
	place_ask(p, "/kept-eof");
	assert_false(p->result.unclear);
	place_ask(p, "/kept-eof");
	place_expect(p, 200, "kept");
	assert_int_equal(p->result.attempts, 1);
	assert_true(p->result.unclear);
	assert_int_equal(server_count(p->server, "/kept-eof"), 3);
}

static void a_lost_connection_has_its_reason(void **state)
{
	struct place *p = *state;

	place_ask(p, "/kept-eof");
	p->request.mutates = true;
	place_ask(p, "/kept-eof");
	assert_int_equal(p->result.end, NET_UNCLEAR);
	assert_non_null(strstr(p->fail.text, "must not be sent again"));
}

/* --- redirects --- */

static void a_body_is_for_its_host(void **state)
{
	struct place *p = *state;
	char path[128], url[64];

	snprintf(url, sizeof(url), "http://localhost:%d", server_port(p->server));
	may_ask(p, url, "localhost");
	snprintf(path, sizeof(path), "/status/307?to=%s/echo", url);
	p->request.follow = 1;
	p->request.method = "POST";
	p->request.body = (struct net_body){.bytes = "text", .fd = -1, .n = 4};
	place_ask(p, path);
	assert_int_equal(p->result.end, NET_REFUSED);
	assert_int_equal(server_count(p->server, "/echo"), 0);
}

static void too_long_a_head_is_called_so(void **state)
{
	struct place *p = *state;

	place_ask(p, "/long-head");
	assert_int_equal(p->result.end, NET_UNCLEAR);
	assert_non_null(strstr(p->fail.text, "the head of its answer"));
}

static void all_answers_in_memory_together_have_a_bound(void **state)
{
	struct place *p = *state;
	struct net_answer *held[8];

	p->options.max_answer_bytes = 1000;
	place_reopen(p);
	p->request.attempts = 1;
	for (size_t i = 0; i < 8; i++) {
		place_ask(p, "/big/1000");
		assert_int_equal(p->result.end, NET_ANSWERED);
		held[i] = p->result.answer;
		p->result.answer = NULL;
	}
	place_ask(p, "/big/1");
	assert_int_equal(p->result.end, NET_UNCLEAR);
	assert_non_null(strstr(p->fail.text, "together"));
	for (size_t i = 0; i < 8; i++)
		net_answer_close(held[i]);
	place_ask(p, "/big/1000");
	assert_int_equal(p->result.end, NET_ANSWERED);
}

/* Also after an assert that failed. */
static int tear_down(void **state)
{
	atomic_store(&answers, true);
	atomic_store(&moved, false);
	atomic_store(&later_s, 0);
	while (atomic_load(&looking) > 0)
		usleep(1000);
	return place_tear_down(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_reset_connection_is_no_address_that_is_not_allowed),
		TEST(a_name_that_is_not_found_stops_nobody_else),
		TEST(slow_names_take_no_more_threads_than_that),
		TEST(a_host_that_does_not_answer_keeps_all_waiting_only_once),
		TEST(a_host_that_moved_to_a_private_address_is_refused_there),
		TEST(a_lack_of_connections_opens_no_circuit),
		TEST(nor_does_a_caller_in_haste),
		TEST(streams_leave_a_place_to_the_others),
		TEST(no_room_is_unclear_where_an_attempt_was_sent),
		TEST(no_room_is_no_room_where_the_other_side_said_wait),
		TEST(a_redirect_that_is_refused_is_unclear_where_a_change_was_sent),
		TEST(an_answer_tells_of_an_unclear_attempt_before),
		TEST(and_of_one_that_libcurl_made),
		TEST(a_lost_connection_has_its_reason),
		TEST(a_body_is_for_its_host),
		TEST(too_long_a_head_is_called_so),
		TEST(all_answers_in_memory_together_have_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
