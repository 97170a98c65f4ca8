/* Proxies: which requests go through one, and what is checked then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "net/proxy.h"
#include "place.h"

static bool goes_by(const char *host, const char *except)
{
	char *list[] = {(char *)except};
	struct net_proxy p = {"http://proxy", list, except != NULL};
	struct egress_target t = {.tls = true, .port = 443};

	snprintf(t.host, sizeof(t.host), "%s", host);
	t.literal = address_parse(host, &t.address);
	return proxy_for(&p, &t) != NULL;
}

static void a_name_stands_for_itself_and_what_is_below_it(void **state)
{
	(void)state;
	assert_true(goes_by("a.example", NULL));
	assert_false(goes_by("a.example", "a.example"));
	assert_false(goes_by("a.example", "A.Example"));
	assert_false(goes_by("b.a.example", "a.example"));
	assert_true(goes_by("ba.example", "a.example"));
	assert_true(goes_by("example", "a.example"));
	assert_true(goes_by("a.example", ".a.example"));
	assert_false(goes_by("b.a.example", ".a.example"));
	assert_false(goes_by("a.example", "*"));
	assert_true(goes_by("a.example", ""));
}

static void addresses_and_networks_are_told_by_their_number(void **state)
{
	(void)state;
	assert_false(goes_by("10.1.2.3", "10.0.0.0/8"));
	assert_false(goes_by("10.1.2.3", "10.1.2.3"));
	assert_true(goes_by("11.1.2.3", "10.0.0.0/8"));
	assert_false(goes_by("fd00::1", "fd00::/8"));
	assert_true(goes_by("10.1.2.3", "::/0"));
	assert_false(goes_by("10.1.2.3", "0.0.0.0/0"));
	assert_true(goes_by("10.1.2.3", "3"));
	assert_false(goes_by("10.1.2.3", "*"));
}

static void a_metadata_address_is_nothing_for_a_proxy(void **state)
{
	struct net_proxy none = {0};
	struct egress_target t = {.host = "a.example"};

	(void)state;
	assert_false(goes_by("169.254.169.254", NULL));
	assert_null(proxy_for(NULL, &t));
	assert_null(proxy_for(&none, &t));
}

static char proxy_url[64];
static struct net_proxy proxy;

static void use_proxy(struct place *p)
{
	snprintf(proxy_url, sizeof(proxy_url), "http://127.0.0.1:%d", server_port(p->server));
	proxy = (struct net_proxy){.url = proxy_url};
	p->request.proxy = &proxy;
	assert_true(egress_list_add(&p->site, "http://nowhere.example", NULL));
	assert_true(egress_list_add(&p->manifest, "nowhere.example", NULL));
	p->request.url = "http://nowhere.example/echo";
}

static void the_proxy_is_asked_for_a_name_nobody_else_knows(void **state)
{
	struct place *p = *state;

	use_proxy(p);
	p->rules.private_networks = NULL; /* it is the site's choice, wherever it is */
	net_perform(p->net, &p->caller, &p->request, &p->result, &p->fail);
	assert_int_equal(p->result.end, NET_ANSWERED);
	assert_int_equal(server_count(p->server, "/echo"), 1);
}

static void names_and_addresses_are_checked_before_the_proxy(void **state)
{
	static const char *const urls[] = {"http://other.example/", "http://10.0.0.1/"};
	struct place *p = *state;

	use_proxy(p);
	assert_true(egress_list_add(&p->site, "http://10.0.0.1", NULL));
	assert_true(egress_list_add(&p->manifest, "10.0.0.1", NULL));
	for (size_t i = 0; i < 2; i++) {
		p->request.url = urls[i];
		net_perform(p->net, &p->caller, &p->request, &p->result, &p->fail);
		assert_int_equal(p->result.end, NET_REFUSED);
	}
	assert_int_equal(server_count(p->server, "/"), 0);
}

static void the_environment_says_nothing(void **state)
{
	struct place *p = *state;

	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	place_ask(p, "/echo");
	assert_int_equal(p->result.end, NET_ANSWERED);
	setenv("no_proxy", "*", 1);
	use_proxy(p);
	place_done(p);
	net_perform(p->net, &p->caller, &p->request, &p->result, &p->fail);
	assert_int_equal(p->result.end, NET_ANSWERED);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	unsetenv("no_proxy");
}

static void a_proxy_that_is_not_there_got_nothing(void **state)
{
	struct place *p = *state;

	use_proxy(p);
	proxy.url = "http://127.0.0.1:1";
	p->request.mutates = true;
	p->request.attempts = 1;
	net_perform(p->net, &p->caller, &p->request, &p->result, &p->fail);
	assert_int_equal(p->result.end, NET_UNSENT);
}

/* It knows nothing of CONNECT, and ends the connection. */
static void a_tunnel_that_is_refused_carried_nothing(void **state)
{
	struct place *p = *state;

	use_proxy(p);
	assert_true(egress_list_add(&p->site, "https://nowhere.example", NULL));
	p->request.url = "https://nowhere.example/";
	p->request.mutates = true;
	p->request.attempts = 1;
	net_perform(p->net, &p->caller, &p->request, &p->result, &p->fail);
	assert_int_equal(p->result.end, NET_UNSENT);
}

static void ask_for_tunnel(struct place *p, const char *url)
{
	place_done(p);
	assert_true(egress_list_add_url(&p->site, url, NULL));
	assert_true(egress_list_add_url(&p->manifest, url, NULL));
	p->request.url = url;
	p->fail = (struct fail){0};
	net_perform(p->net, &p->caller, &p->request, &p->result, &p->fail);
}

static void a_proxy_that_refuses_is_asked_once(void **state)
{
	static const struct {
		const char *url, *host, *said;
	} rows[] = {
		{"https://status-403.example/", "status-403", "refuses to go there (403"},
		{"https://status-407.example/", "status-407", "wants a user and a password"},
		{"https://status-302.example/", "status-302", "refuses to go there (302"},
		{"https://status-400.example/", "status-400", "refuses to go there (400"},
	};
	struct place *p = *state;

	use_proxy(p);
	for (size_t i = 0; i < COUNT(rows); i++) {
		ask_for_tunnel(p, rows[i].url);
		assert_int_equal(p->result.end, NET_REFUSED);
		assert_int_equal(p->fail.code, FAIL_UPSTREAM);
		assert_int_equal(p->result.attempts, 1);
		assert_false(p->result.sent);
		assert_int_equal(server_count(p->server, rows[i].host), 1);
		if (strstr(p->fail.text, rows[i].said) == NULL)
			fail_msg("%s", p->fail.text);
	}
}

static void a_proxy_that_cannot_now_is_asked_again(void **state)
{
	static const char *const hosts[] = {"status-408", "status-429", "status-502", "status-504"};
	struct place *p = *state;
	char url[64];

	use_proxy(p);
	p->request.attempts = 2;
	p->request.mutates = true;
	for (size_t i = 0; i < COUNT(hosts); i++) {
		snprintf(url, sizeof(url), "https://%s.example/", hosts[i]);
		ask_for_tunnel(p, url);
		assert_int_equal(p->result.end, NET_UNSENT);
		assert_int_equal(server_count(p->server, hosts[i]), 2);
		if (strstr(p->fail.text, "its proxy fails to go there") == NULL)
			fail_msg("%s", p->fail.text);
	}
}

/* What curl cannot read of a proxy's URL it repeats, with all that stands in it. */
static void a_failure_repeats_nothing_of_the_proxys_url(void **state)
{
	static const char *const urls[] = {"http://user:hunter2@127.0.0.1:999999",
		"http://user:hunter2@no such host", "http://hunter2.invalid:1",
		"https://user:hunter2@127.0.0.1:1"};
	struct place *p = *state;

	use_proxy(p);
	p->request.attempts = 1;
	for (size_t i = 0; i < COUNT(urls); i++) {
		proxy.url = urls[i];
		ask_for_tunnel(p, "https://nowhere.example/");
		assert_true(p->result.end == NET_UNSENT || p->result.end == NET_REFUSED);
		assert_null(strstr(p->fail.text, "hunter2"));
		assert_non_null(strstr(p->fail.text, "by way of its proxy: "));
	}
}

static void only_a_proxy_of_http_is_used(void **state)
{
	static const char *const urls[] = {"socks5://127.0.0.1:", "socks5h://127.0.0.1:",
		"socks4a://127.0.0.1:", "ftp://127.0.0.1:", "127.0.0.1:"};
	struct place *p = *state;

	use_proxy(p);
	for (size_t i = 0; i < COUNT(urls); i++) {
		snprintf(proxy_url, sizeof(proxy_url), "%s%d", urls[i], server_port(p->server));
		ask_for_tunnel(p, "https://nowhere.example/");
		assert_int_equal(p->result.end, NET_REFUSED);
		assert_non_null(strstr(p->fail.text, "its proxy is none of http or https"));
	}
	assert_int_equal(server_connections(p->server), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_set_up, place_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_stands_for_itself_and_what_is_below_it),
		cmocka_unit_test(addresses_and_networks_are_told_by_their_number),
		cmocka_unit_test(a_metadata_address_is_nothing_for_a_proxy),
		TEST(the_proxy_is_asked_for_a_name_nobody_else_knows),
		TEST(names_and_addresses_are_checked_before_the_proxy),
		TEST(the_environment_says_nothing),
		TEST(a_proxy_that_is_not_there_got_nothing),
		TEST(a_tunnel_that_is_refused_carried_nothing),
		TEST(a_proxy_that_refuses_is_asked_once),
		TEST(a_proxy_that_cannot_now_is_asked_again),
		TEST(only_a_proxy_of_http_is_used),
		TEST(a_failure_repeats_nothing_of_the_proxys_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
