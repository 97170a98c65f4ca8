/* Which URLs and addresses a provider may reach, and what tries to get past. */
#include "net/egress.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "unit/cmocka.h"

static bool parse(const char *url, struct egress_target *ret_target, struct fail *f)
{
	CURLU *u = curl_url();
	bool fine;

	assert_non_null(u);
	fine = egress_parse(u, url, ret_target, f);
	curl_url_cleanup(u);
	return fine;
}

/* What libcurl would send to for url, after egress_parse(). */
static void expect_sent(const char *url, const char *sent)
{
	CURLU *u = curl_url();
	struct egress_target t;
	struct fail f = {0};
	char *text = NULL;

	assert_non_null(u);
	if (!egress_parse(u, url, &t, &f))
		fail_msg("%s: %s", url, f.text);
	assert_int_equal(curl_url_get(u, CURLUPART_URL, &text, 0), CURLUE_OK);
	assert_string_equal(text, sent);
	curl_free(text);
	curl_url_cleanup(u);
}

static void the_host_that_is_checked_is_the_one_that_is_sent_to(void **state)
{
	static const struct {
		const char *url;
		const char *sent;
	} rows[] = {
		{"https://Api.EXAMPLE.com/v1?a=b", "https://api.example.com/v1?a=b"},
		{"https://api.example.com./v1", "https://api.example.com/v1"},
		{"HTTPS://api.example.com:443/", "https://api.example.com:443/"},
		{"https:///api.example.com/", "https://api.example.com/"},
		{"https://XN--bcher-kva.example/", "https://xn--bcher-kva.example/"},
		{"https://%61pi.example.com/", "https://api.example.com/"},
		{"https://[2606:4700::0:1]/", "https://[2606:4700::1]/"},
		{"https://[::FFFF:8.8.8.8]/", "https://8.8.8.8/"},
		{"https://[0:0:0:0:0:0:0:1]:8080/", "https://[::1]:8080/"},
		{"https://127.1/", "https://127.0.0.1/"},
		{"https://127.0.0.1./", "https://127.0.0.1/"},
		{"https://2130706433/", "https://127.0.0.1/"},
		{"https://0x7f000001/", "https://127.0.0.1/"},
		{"https://0X7F.1/", "https://127.0.0.1/"},
		{"https://017700000001/", "https://127.0.0.1/"},
		{"https://0177.0.0.01/", "https://127.0.0.1/"},
		{"https://0xa9.0xfe.0xa9.0xfe/", "https://169.254.169.254/"},
		{"https://2852039166/", "https://169.254.169.254/"},
		{"https://%31%32%37.0.0.1/", "https://127.0.0.1/"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_sent(rows[i].url, rows[i].sent);
}

static void what_is_no_plain_web_address_is_refused(void **state)
{
	static const char *const bad[] = {"", "example.com", "//example.com/", "ftp://example.com/",
		"file:///etc/passwd", "gopher://example.com/", "javascript:alert(1)", "https://",
		"https://.", "https://..", "https://a..b/", "https://.example.com/",
		"https://example.com../", "https://exa mple.com/", "https://example.com:0/",
		"https://example.com:65536/", "https://example.com:x/", "https://[fe80::1%25eth0]/",
		"https://[fe80::1%eth0]/", "https://[::1/", "https://[v1.x]/",
		"https://[127.0.0.1]/", "https://256.1.1.1/", "https://1.2.3.4.5/",
		"https://example.123/", "https://example.0x1f/", "https://ex%00ample.com/",
		"https://ex%2fample.com/", "https://ex%40ample.com/", "https://exa\tmple.com/",
		"https://exa\nmple.com/", "https://example.com\\@b.com/", "https://[::1]x/",
		"https://a_b*c.com/", "https://exam$ple.com/",
		"https://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.com/",
		"https://b\xc3\xbc\x63her.example/",                   /* international */
		"https://\xef\xbd\x85xample.com/",                     /* a wide e */
		"https://example\xe3\x80\x82net/",                     /* another sort of dot */
		"https://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/", /* wide digits */
		"https://ex\xc2\xad\x61mple.com/"};                    /* a hyphen nobody sees */
	struct egress_target t;
	struct fail f;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (parse(bad[i], &t, &f))
			fail_msg("'%s' was taken, as host '%s'", bad[i], t.host);
		assert_int_equal(f.code, FAIL_INVALID);
	}
}

static void a_password_in_a_url_is_refused_and_not_repeated(void **state)
{
	static const char *const bad[] = {"https://name:hunter2@example.com/",
		"https://hunter2@example.com/", "https://example.com:hunter2@evil.example/"};
	struct egress_target t;
	struct fail f;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(parse(bad[i], &t, &f));
		assert_int_equal(f.code, FAIL_INVALID);
		assert_null(strstr(f.text, "hunter2"));
	}
}

/* Behind the host stand keys. */
static void an_error_quotes_no_more_than_the_host(void **state)
{
	static const char *const urls[] = {"https://api.example:https/v1/models?key=swordfish",
		"https://api.example:x?key=swordfish", "https://swordfish@api.example:x/",
		"data:swordfish", "swordfish"};
	struct egress_target t;
	struct fail f;

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		assert_false(parse(urls[i], &t, &f));
		if (strstr(f.text, "swordfish") != NULL)
			fail_msg("%s", f.text);
	}
	assert_false(parse(urls[0], &t, &f));
	assert_non_null(strstr(f.text, "'https://api.example:https' cannot be requested"));
}

struct site {
	struct egress_list manifest, connection, provider, all;
	struct egress_networks nets;
	struct egress_rules rules;
};

static void add_all(struct egress_list *l, const char *const *texts)
{
	struct fail f = {0};

	for (; *texts != NULL; texts++) {
		if (!egress_list_add(l, *texts, &f))
			fail_msg("%s", f.text);
	}
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void site_init(struct site *s, const char *const *manifest, const char *const *provider)
{
	*s = (struct site){0};
	add_all(&s->manifest, manifest);
	s->rules.manifest = &s->manifest;
	s->rules.private_networks = &s->nets;
	if (provider == NULL)
		return;
	add_all(&s->provider, provider);
	s->rules.provider = &s->provider;
}

static void site_finish(struct site *s)
{
	egress_list_finish(&s->manifest);
	egress_list_finish(&s->connection);
	egress_list_finish(&s->provider);
	egress_list_finish(&s->all);
	egress_networks_finish(&s->nets);
}

static bool allows(const struct site *s, const char *url, struct fail *f)
{
	struct egress_target t;

	*f = (struct fail){0};
	return parse(url, &t, f) && egress_allows(&s->rules, &t, f);
}

static void expect_allowed(const struct site *s, const char *url)
{
	struct fail f;

	if (!allows(s, url, &f))
		fail_msg("%s: %s", url, f.text);
}

static void expect_forbidden(const struct site *s, const char *url, const char *why)
{
	struct fail f;

	if (allows(s, url, &f))
		fail_msg("%s was allowed", url);
	assert_int_equal(f.code, FAIL_FORBIDDEN);
	if (strstr(f.text, why) == NULL)
		fail_msg("%s: '%s' does not say '%s'", url, f.text, why);
}

static void only_hosts_of_the_manifest_are_reached_and_only_by_https(void **state)
{
	struct site s;

	(void)state;
	site_init(&s, LIST("api.example.com", "*.cloud.example", "xn--BCHER-kva.example"), NULL);
	expect_allowed(&s, "https://api.example.com/");
	expect_allowed(&s, "https://API.example.com.:443/");
	expect_allowed(&s, "https://eu.cloud.example/");
	expect_allowed(&s, "https://a.b.cloud.example/");
	expect_allowed(&s, "https://xn--bcher-kva.example/");
	expect_forbidden(&s, "https://cloud.example/", "manifest");
	expect_forbidden(&s, "https://evilcloud.example/", "manifest");
	expect_forbidden(&s, "https://example.com/", "manifest");
	expect_forbidden(&s, "https://api.example.com.evil.example/", "manifest");
	expect_forbidden(&s, "https://xapi.example.com/", "manifest");
	expect_forbidden(&s, "http://api.example.com/", "not https");
	expect_forbidden(&s, "https://api.example.com:8443/", "port");
	expect_forbidden(&s, "https://8.8.8.8/", "manifest");
	site_finish(&s);
}

static void the_list_of_the_site_says_scheme_and_port_and_narrows_the_manifest(void **state)
{
	struct site s;

	(void)state;
	site_init(&s, LIST("*.example.com", "127.0.0.1"),
		LIST("eu.example.com", "http://plain.example.com:8080", "*.x.example.com:8443",
			"https://other.example", "http://127.0.0.1:9000"));
	expect_allowed(&s, "https://eu.example.com/");
	expect_allowed(&s, "http://plain.example.com:8080/");
	expect_allowed(&s, "https://a.x.example.com:8443/");
	expect_forbidden(&s, "https://us.example.com/", "add 'https://us.example.com'");
	expect_forbidden(&s, "http://eu.example.com/", "add 'http://eu.example.com'");
	expect_forbidden(&s, "https://plain.example.com:8080/", "providers.d");
	expect_forbidden(&s, "https://a.x.example.com/", "providers.d");
	expect_forbidden(&s, "https://other.example/", "manifest"); /* the site cannot widen it */
	expect_forbidden(&s, "http://127.0.0.1:9000/", "private_networks");
	assert_true(egress_networks_add(&s.nets, "127.0.0.0/8", NULL));
	expect_allowed(&s, "http://127.0.0.1:9000/");
	expect_allowed(&s, "http://0x7f.1:9000/");
	add_all(&s.all, LIST("*.example.com"));
	s.rules.site = &s.all; /* both lists must allow */
	expect_allowed(&s, "https://eu.example.com/");
	expect_forbidden(&s, "http://127.0.0.1:9000/", "net.egress");
	site_finish(&s);
}

static void hosts_of_settings_and_connections_are_allowed_with_their_port(void **state)
{
	struct site s;

	(void)state;
	site_init(&s, LIST("api.example.com"), NULL);
	assert_true(egress_list_add_url(&s.manifest, "https://Inner.example:8443/base", NULL));
	assert_true(egress_list_add_url(&s.connection, "https://mine.example/", NULL));
	assert_true(egress_list_add_url(&s.connection, "http://plain.example/", NULL));
	assert_false(egress_list_add_url(&s.connection, "ftp://mine.example/", NULL));
	expect_allowed(&s, "https://inner.example:8443/x");
	expect_forbidden(&s, "https://inner.example/x", "port");
	expect_forbidden(&s, "https://mine.example/", "manifest");
	s.rules.connection = &s.connection;
	expect_allowed(&s, "https://mine.example/");
	expect_forbidden(&s, "http://plain.example/", "not https"); /* the site alone allows that */
	add_all(&s.provider, LIST("http://plain.example"));
	s.rules.provider = &s.provider;
	expect_allowed(&s, "http://plain.example/");
	site_finish(&s);
}

static void without_any_list_nothing_is_allowed(void **state)
{
	struct site s = {0};

	(void)state;
	expect_forbidden(&s, "https://example.com/", "manifest");
}

static void an_address_in_a_url_is_no_subdomain(void **state)
{
	struct site s;

	(void)state;
	site_init(&s, LIST("8.8.8.8", "[2606:4700::1]"), NULL);
	expect_allowed(&s, "https://8.8.8.8/");
	expect_allowed(&s, "https://[::ffff:808:808]/");
	expect_allowed(&s, "https://[2606:4700:0::1]/");
	assert_false(egress_list_add(&s.manifest, "*.8.8.8", NULL));
	site_finish(&s);
}

static bool reaches(const struct site *s, const char *address)
{
	struct address a;
	struct fail f = {0};
	bool fine;

	assert_true(address_parse(address, &a));
	fine = egress_allows_address(&s->rules, &a, &f);
	assert_int_equal(f.code, fine ? FAIL_NONE : FAIL_FORBIDDEN);
	return fine;
}

static void addresses_that_are_not_public_need_a_network_of_the_site(void **state)
{
	struct site s;

	(void)state;
	site_init(&s, LIST("example.com"), NULL);
	assert_true(egress_networks_add(&s.nets, "::/1", NULL)); /* none of it is of IPv4 */
	assert_true(reaches(&s, "::1"));
	assert_false(reaches(&s, "10.1.2.3"));
	assert_false(reaches(&s, "::ffff:127.0.0.1"));
	egress_networks_finish(&s.nets);
	assert_true(reaches(&s, "8.8.8.8"));
	assert_true(reaches(&s, "2606:4700::1"));
	assert_false(reaches(&s, "10.1.2.3"));
	assert_false(reaches(&s, "::1"));
	assert_false(reaches(&s, "::ffff:10.1.2.3"));
	assert_false(reaches(&s, "64:ff9b::10.1.2.3"));
	assert_true(egress_networks_add(&s.nets, "10.1.0.0/16", NULL));
	assert_true(reaches(&s, "10.1.2.3"));
	assert_true(reaches(&s, "::ffff:10.1.2.3"));
	assert_false(reaches(&s, "10.2.0.1"));
	assert_false(reaches(&s, "64:ff9b::10.1.2.3")); /* another way there: name it */
	assert_false(reaches(&s, "2002:a01:203::1"));
	assert_true(egress_networks_add(&s.nets, "64:ff9b::/96", NULL));
	assert_true(reaches(&s, "64:ff9b::10.1.2.3"));
	assert_false(egress_networks_add(&s.nets, "10.1.2.3/16", NULL));
	site_finish(&s);
}

static void a_metadata_address_needs_the_site_and_the_manifest(void **state)
{
	struct site s;

	(void)state;
	site_init(&s, LIST("169.254.169.254"), LIST("http://169.254.169.254"));
	expect_forbidden(&s, "http://169.254.169.254/latest", "private_networks");
	s.rules.metadata = true;
	expect_forbidden(&s, "http://169.254.169.254/latest", "private_networks");
	assert_true(egress_networks_add(&s.nets, "169.254.0.0/16", NULL));
	expect_allowed(&s, "http://169.254.169.254/latest");
	s.rules.metadata = false;
	expect_forbidden(&s, "http://169.254.169.254/latest", "grant 'metadata'");
	expect_forbidden(&s, "http://2852039166/latest", "grant 'metadata'");
	assert_true(reaches(&s, "169.254.1.1"));
	assert_false(reaches(&s, "::ffff:169.254.169.254"));
	site_finish(&s);
}

static void entries_that_are_no_host_are_refused_and_lists_end(void **state)
{
	static const char *const bad[] = {"", "*", "*.", "**.example.com", "*.*.example.com",
		"a.*.example.com", "*example.com", "https://", "ftp://example.com",
		"example.com/path", "https://example.com/", "example.com?x", "example.com#x",
		"user@example.com", "example.com:0", "example.com:99999", "example.com:*",
		"*.1.2.3", "exa mple.com", "https://https://example.com", "http://*.", "::1"};
	struct egress_list l = {0};
	char name[32];
	struct fail f;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (egress_list_add(&l, bad[i], &f))
			fail_msg("'%s' was taken for a host", bad[i]);
		assert_int_equal(f.code, FAIL_INVALID);
	}
	for (int i = 0; i < EGRESS_LIST_MAX; i++) {
		(void)snprintf(name, sizeof(name), "h%d.example.com", i);
		assert_true(egress_list_add(&l, name, NULL));
	}
	assert_false(egress_list_add(&l, "more.example.com", &f));
	assert_int_equal(f.code, FAIL_TOO_LARGE);
	egress_list_finish(&l);
}

static void an_origin_names_what_a_list_would_take(void **state)
{
	static const struct {
		const char *url;
		const char *origin;
	} rows[] = {
		{"https://a.example:443/x", "https://a.example"},
		{"http://a.example/x", "http://a.example"},
		{"https://a.example:80/", "https://a.example:80"},
		{"https://[::1]:9/", "https://[::1]:9"},
	};
	struct egress_list l = {0};
	struct egress_target t;
	char text[EGRESS_HOST_SIZE + 32];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(parse(rows[i].url, &t, NULL));
		assert_string_equal(egress_origin(&t, text, sizeof(text)), rows[i].origin);
		assert_true(egress_list_add(&l, text, NULL));
	}
	egress_list_finish(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_quotes_no_more_than_the_host),
		cmocka_unit_test(the_host_that_is_checked_is_the_one_that_is_sent_to),
		cmocka_unit_test(what_is_no_plain_web_address_is_refused),
		cmocka_unit_test(a_password_in_a_url_is_refused_and_not_repeated),
		cmocka_unit_test(only_hosts_of_the_manifest_are_reached_and_only_by_https),
		cmocka_unit_test(
			the_list_of_the_site_says_scheme_and_port_and_narrows_the_manifest),
		cmocka_unit_test(hosts_of_settings_and_connections_are_allowed_with_their_port),
		cmocka_unit_test(without_any_list_nothing_is_allowed),
		cmocka_unit_test(an_address_in_a_url_is_no_subdomain),
		cmocka_unit_test(addresses_that_are_not_public_need_a_network_of_the_site),
		cmocka_unit_test(a_metadata_address_needs_the_site_and_the_manifest),
		cmocka_unit_test(entries_that_are_no_host_are_refused_and_lists_end),
		cmocka_unit_test(an_origin_names_what_a_list_would_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
