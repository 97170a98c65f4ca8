/* What addresses are, also where an IPv6 address hides another one. */
#include "net/address.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "unit/cmocka.h"

static void expect_kind(const char *text, enum address_kind kind)
{
	struct address a;

	if (!address_parse(text, &a))
		fail_msg("%s cannot be read", text);
	if (address_kind(&a) != kind)
		fail_msg("%s is %s, not %s", text, address_kind_text(address_kind(&a)),
			address_kind_text(kind));
}

static void each_address_is_what_its_registry_says(void **state)
{
	static const struct {
		const char *text;
		enum address_kind kind;
	} rows[] = {
		{"8.8.8.8", ADDRESS_PUBLIC},
		{"11.0.0.0", ADDRESS_PUBLIC},
		{"0.0.0.0", ADDRESS_UNSPECIFIED},
		{"0.1.2.3", ADDRESS_UNSPECIFIED},
		{"9.255.255.255", ADDRESS_PUBLIC},
		{"10.0.0.0", ADDRESS_PRIVATE},
		{"10.255.255.255", ADDRESS_PRIVATE},
		{"100.63.255.255", ADDRESS_PUBLIC},
		{"100.64.0.0", ADDRESS_SHARED},
		{"100.127.255.255", ADDRESS_SHARED},
		{"100.128.0.0", ADDRESS_PUBLIC},
		{"126.255.255.255", ADDRESS_PUBLIC},
		{"127.0.0.1", ADDRESS_LOOPBACK},
		{"127.255.255.254", ADDRESS_LOOPBACK},
		{"169.253.255.255", ADDRESS_PUBLIC},
		{"169.254.1.1", ADDRESS_LINK_LOCAL},
		{"172.15.255.255", ADDRESS_PUBLIC},
		{"172.16.0.0", ADDRESS_PRIVATE},
		{"172.31.255.255", ADDRESS_PRIVATE},
		{"172.32.0.0", ADDRESS_PUBLIC},
		{"192.0.0.1", ADDRESS_RESERVED},
		{"192.0.2.1", ADDRESS_RESERVED},
		{"192.168.0.1", ADDRESS_PRIVATE},
		{"198.17.255.255", ADDRESS_PUBLIC},
		{"198.19.255.255", ADDRESS_RESERVED},
		{"203.0.113.1", ADDRESS_RESERVED},
		{"223.255.255.255", ADDRESS_PUBLIC},
		{"224.0.0.1", ADDRESS_MULTICAST},
		{"239.255.255.255", ADDRESS_MULTICAST},
		{"240.0.0.1", ADDRESS_RESERVED},
		{"255.255.255.255", ADDRESS_RESERVED},
		{"2606:4700:4700::1111", ADDRESS_PUBLIC},
		{"2a00:1450:4001:80b::200e", ADDRESS_PUBLIC},
		{"::", ADDRESS_UNSPECIFIED},
		{"::1", ADDRESS_LOOPBACK},
		{"fc00::1", ADDRESS_PRIVATE},
		{"fdff::1", ADDRESS_PRIVATE},
		{"fe80::1", ADDRESS_LINK_LOCAL},
		{"febf::1", ADDRESS_LINK_LOCAL},
		{"fec0::1", ADDRESS_PRIVATE},
		{"ff02::1", ADDRESS_MULTICAST},
		{"100::1", ADDRESS_RESERVED},
		{"1fff::1", ADDRESS_RESERVED},
		{"4000::1", ADDRESS_RESERVED},
		{"5f00::1", ADDRESS_RESERVED},
		{"2001:db8::1", ADDRESS_RESERVED},
		{"2001:2::1", ADDRESS_RESERVED},
		{"2001:20::1", ADDRESS_RESERVED},
		{"2001:200::1", ADDRESS_PUBLIC},
		{"3fff:0fff::1", ADDRESS_RESERVED},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_kind(rows[i].text, rows[i].kind);
}

static void metadata_addresses_are_known_in_every_form(void **state)
{
	static const char *const four[] = {"169.254.169.254", "169.254.170.2", "169.254.170.23",
		"100.100.100.200", "168.63.129.16", "192.0.0.192"};
	static const char *const six[] = {
		"fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fe80::a9fe:a9fe"};
	static const char *const around[] = {"::ffff:%s", "::%s", "::ffff:0:%s", "64:ff9b::%s",
		"64:ff9b:1::%s", "2606:4700::5efe:%s", "fe80::200:5efe:%s"};
	char text[64];

	(void)state;
	for (size_t i = 0; i < COUNT(four); i++) {
		expect_kind(four[i], ADDRESS_METADATA);
		for (size_t k = 0; k < COUNT(around); k++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			(void)snprintf(text, sizeof(text), around[k], four[i]);
#pragma GCC diagnostic pop
			expect_kind(text, ADDRESS_METADATA);
		}
	}
	for (size_t i = 0; i < COUNT(six); i++)
		expect_kind(six[i], ADDRESS_METADATA);
	expect_kind("2002:a9fe:a9fe::1", ADDRESS_METADATA);
	expect_kind("2001:0:a9fe:a9fe::1", ADDRESS_METADATA);       /* the server of a tunnel */
	expect_kind("2001:0:808:808::5601:5601", ADDRESS_METADATA); /* its client */
}

/* Whatever carries an address that is not public is not public, for all of the sort. */
static void no_form_of_ipv6_makes_a_private_address_public(void **state)
{
	static const char *const hidden[] = {"10.1.2.3", "127.0.0.1", "172.16.5.5", "192.168.1.1",
		"100.64.0.1", "169.254.1.1", "0.0.0.0", "224.0.0.1", "255.255.255.255"};

	(void)state;
	for (size_t i = 0; i < COUNT(hidden); i++) {
		uint8_t bytes[ADDRESS_BYTES] = {0};
		struct address v4;
		struct address a;

		assert_true(address_parse(hidden[i], &v4));
		assert_int_not_equal(address_kind(&v4), ADDRESS_PUBLIC);
		memcpy(bytes, (const uint8_t[]){0x20, 0x02}, 2);
		memcpy(bytes + 2, v4.bytes + 12, 4);
		memcpy(a.bytes, bytes, sizeof(bytes));
		assert_int_not_equal(address_kind(&a), ADDRESS_PUBLIC);
		memset(bytes, 0, sizeof(bytes));
		memcpy(bytes, (const uint8_t[]){0, 0x64, 0xff, 0x9b}, 4);
		memcpy(bytes + 12, v4.bytes + 12, 4);
		memcpy(a.bytes, bytes, sizeof(bytes));
		assert_int_not_equal(address_kind(&a), ADDRESS_PUBLIC);
		memcpy(a.bytes,
			(const uint8_t[]){0x2a, 0, 0x14, 0x50, 0, 0, 0, 0, 0, 0, 0x5e, 0xfe}, 12);
		assert_int_not_equal(address_kind(&a), ADDRESS_PUBLIC);
	}
	expect_kind("64:ff9b::8.8.8.8", ADDRESS_PUBLIC);
	expect_kind("2002:808:808::1", ADDRESS_PUBLIC);
	expect_kind("::ffff:8.8.8.8", ADDRESS_PUBLIC);
	expect_kind("::8.8.8.8", ADDRESS_RESERVED);
}

static void a_socket_address_is_read_by_its_family(void **state)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = {htonl(0x0a010203)}};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr other = {.sa_family = AF_UNIX};
	char text[ADDRESS_TEXT_SIZE];
	struct address a;

	(void)state;
	assert_true(address_of_sockaddr((struct sockaddr *)&v4, sizeof(v4), &a));
	assert_string_equal(address_text(&a, text), "10.1.2.3");
	assert_true(address_of_sockaddr((struct sockaddr *)&v6, sizeof(v6), &a));
	assert_string_equal(address_text(&a, text), "::1");
	assert_false(address_of_sockaddr((struct sockaddr *)&v6, sizeof(v4), &a));
	assert_false(address_of_sockaddr((struct sockaddr *)&v4, 1, &a));
	assert_false(address_of_sockaddr(&other, sizeof(other), &a));
}

static void expect_no_net(const char *text)
{
	struct address_net net;
	struct fail f;

	if (address_net_parse(text, &net, &f))
		fail_msg("'%s' was taken for a network", text);
	assert_int_equal(f.code, FAIL_INVALID);
}

static void a_network_holds_what_begins_with_its_prefix(void **state)
{
	static const struct {
		const char *net;
		const char *in;
		const char *out;
	} rows[] = {
		{"10.0.0.0/8", "10.255.0.1", "11.0.0.0"},
		{"10.1.2.0/23", "10.1.3.255", "10.1.4.0"},
		{"127.0.0.1", "127.0.0.1", "127.0.0.2"},
		{"127.0.0.1/32", "::ffff:127.0.0.1", "::1"},
		{"0.0.0.0/0", "255.1.2.3", "::1"},
		{"fd00::/8", "fd12::1", "fe00::1"},
		{"::1", "::1", "::2"},
		{"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"},
		{"::/0", "ffff::1", "1.2.3.4"},
		{"::/0", "::1", "::ffff:127.0.0.1"},
		{"::/64", "::1", "127.0.0.1"},
		{"::/80", "::1", "10.0.0.1"},
		{"::/95", "::1", "0.0.0.0"},
		{"::/96", "::7f00:1", "127.0.0.1"},
	};
	struct address_net net;
	struct address a;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(address_net_parse(rows[i].net, &net, NULL));
		assert_true(address_parse(rows[i].in, &a));
		assert_true(address_net_holds(&net, &a));
		assert_true(address_parse(rows[i].out, &a));
		assert_false(address_net_holds(&net, &a));
	}
}

static void what_is_no_network_is_refused_in_words(void **state)
{
	static const char *const bad[] = {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/08", "10.0.0.0/8x", "10.0.0.1/8", "10.0.0/8", "010.0.0.0/8", "::/129",
		"fd00::1/8", "fe80::1%eth0", "[::1]", "name", "10.0.0.0/99999999999999999999",
		"1111111111111111111111111111111111111111111111111111111111111111/8"};
	struct address_net net;
	struct fail f;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		expect_no_net(bad[i]);
	assert_false(address_net_parse("10.1.2.3/8", &net, &f));
	assert_non_null(strstr(f.text, "write 10.0.0.0/8"));
}

static void a_network_of_ipv4_is_written_as_one(void **state)
{
	static const struct {
		const char *text, *right;
	} rows[] = {
		{"::ffff:0:0/96", "write 0.0.0.0/0"},
		{"::ffff:10.0.0.0/104", "write 10.0.0.0/8"},
		{"::ffff:127.0.0.1", "write 127.0.0.1/32"},
		{"::ffff:10.1.2.3/104", "write 10.0.0.0/8"},
	};
	struct address_net net;
	struct fail f;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_false(address_net_parse(rows[i].text, &net, &f));
		assert_non_null(strstr(f.text, rows[i].right));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_is_what_its_registry_says),
		cmocka_unit_test(metadata_addresses_are_known_in_every_form),
		cmocka_unit_test(no_form_of_ipv6_makes_a_private_address_public),
		cmocka_unit_test(a_socket_address_is_read_by_its_family),
		cmocka_unit_test(a_network_holds_what_begins_with_its_prefix),
		cmocka_unit_test(what_is_no_network_is_refused_in_words),
		cmocka_unit_test(a_network_of_ipv4_is_written_as_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
