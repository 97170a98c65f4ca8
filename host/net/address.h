/*
 * address - what an internet address is: may anybody talk to it, or is it of this machine, this
 * site, or nobody's? Looks through every form of IPv6 that carries an IPv4 address. Pure.
 * [any thread]
 */
#ifndef HOST_NET_ADDRESS_H
#define HOST_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fail;
struct sockaddr;

#define ADDRESS_BYTES     16
#define ADDRESS_TEXT_SIZE 48

/* Of IPv6; of IPv4 as ::ffff:a.b.c.d. */
struct address {
	uint8_t bytes[ADDRESS_BYTES];
};

enum address_kind {
	ADDRESS_PUBLIC,
	ADDRESS_UNSPECIFIED,
	ADDRESS_LOOPBACK,
	ADDRESS_PRIVATE, /* unique-local too */
	ADDRESS_LINK_LOCAL,
	ADDRESS_SHARED, /* between a carrier and its customers */
	ADDRESS_MULTICAST,
	ADDRESS_RESERVED, /* documentation, tests, tunnels, not given out, and broadcast */
	ADDRESS_METADATA, /* where machines at a cloud ask for their own credentials */
	ADDRESS_KIND_COUNT
};

/* Some addresses in a row, by a prefix. */
struct address_net {
	struct address base;
	unsigned bits; /* 0 to 128; of IPv4 96 more */
};

/* False for another family than IPv4 and IPv6, or where bytes is too few for it. */
bool address_of_sockaddr(const struct sockaddr *from, size_t bytes, struct address *ret_address);

/* Reads "192.0.2.1" or "2001:db8::1", without brackets and zone; false if it is neither. */
bool address_parse(const char *text, struct address *ret_address);

/* As address_parse() reads it. Returns text. */
const char *address_text(const struct address *a, char text[ADDRESS_TEXT_SIZE]);

/* The strictest of what a is and what an address inside it is. */
enum address_kind address_kind(const struct address *a);

/* "a private address": for messages. */
const char *address_kind_text(enum address_kind kind);

/* Reads "10.0.0.0/8", "fd00::/8" or one address. FAIL_INVALID, also where bits behind the
 * prefix are set, and for ::ffff:10.0.0.0/104, which is 10.0.0.0/8. */
bool address_net_parse(const char *text, struct address_net *ret_net, struct fail *f);

/* A network of IPv6 holds no address of IPv4, not even ::/0 does. */
bool address_net_holds(const struct address_net *net, const struct address *a);

#endif
