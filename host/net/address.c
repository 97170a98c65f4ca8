/* What an address is, by one table for IPv4 and one for IPv6. */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"

#define V4_AT   12 /* of an IPv4 address within the bytes of a mapped one */
#define V4_BITS 96

#define MAPPED(a, b, c, d)                                                                         \
	{                                                                                          \
		{                                                                                  \
			[10] = 0xff, [11] = 0xff, [12] = (a), [13] = (b), [14] = (c), [15] = (d)   \
		}                                                                                  \
	}

/* The first row that holds an address says what it is. */
struct row {
	struct address_net net;
	enum address_kind kind;
};

#define V4(a, b, c, d, bits, kind)                                                                 \
	{                                                                                          \
		{MAPPED(a, b, c, d), V4_BITS + (bits)}, (kind)                                     \
	}

/*
 * After RFC 6890 and its registries. Metadata addresses come first: some lie within networks of
 * other sorts, one is public.
 */
static const struct row v4_rows[] = {
	V4(169, 254, 169, 254, 32, ADDRESS_METADATA),
	V4(169, 254, 170, 2, 32, ADDRESS_METADATA),
	V4(169, 254, 170, 23, 32, ADDRESS_METADATA),
	V4(169, 254, 0, 23, 32, ADDRESS_METADATA),
	V4(100, 100, 100, 200, 32, ADDRESS_METADATA),
	V4(168, 63, 129, 16, 32, ADDRESS_METADATA),
	V4(192, 0, 0, 192, 32, ADDRESS_METADATA),
	V4(0, 0, 0, 0, 8, ADDRESS_UNSPECIFIED),
	V4(10, 0, 0, 0, 8, ADDRESS_PRIVATE),
	V4(100, 64, 0, 0, 10, ADDRESS_SHARED),
	V4(127, 0, 0, 0, 8, ADDRESS_LOOPBACK),
	V4(169, 254, 0, 0, 16, ADDRESS_LINK_LOCAL),
	V4(172, 16, 0, 0, 12, ADDRESS_PRIVATE),
	V4(192, 0, 0, 0, 24, ADDRESS_RESERVED),
	V4(192, 0, 2, 0, 24, ADDRESS_RESERVED),
	V4(192, 88, 99, 0, 24, ADDRESS_RESERVED),
	V4(192, 168, 0, 0, 16, ADDRESS_PRIVATE),
	V4(198, 18, 0, 0, 15, ADDRESS_RESERVED),
	V4(198, 51, 100, 0, 24, ADDRESS_RESERVED),
	V4(203, 0, 113, 0, 24, ADDRESS_RESERVED),
	V4(224, 0, 0, 0, 4, ADDRESS_MULTICAST),
	V4(240, 0, 0, 0, 4, ADDRESS_RESERVED),
	V4(0, 0, 0, 0, 0, ADDRESS_PUBLIC),
};

/* What is not in 2000::/3 was given to nobody to be reached at. */
static const struct row v6_rows[] = {
	{{{{0xfd, 0, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54}}, 128}, ADDRESS_METADATA},
	{{{{0xfd, 0, 0x0e, 0xc2, [15] = 0x23}}, 128}, ADDRESS_METADATA},
	{{{{0xfd, 0x20, 0, 0xce, [14] = 0x02, [15] = 0x54}}, 128}, ADDRESS_METADATA},
	{{{{0xfd, 0, 0, 0xc1, [12] = 169, 254, 169, 254}}, 128}, ADDRESS_METADATA},
	{{{{0xfe, 0x80, [12] = 169, 254, 169, 254}}, 128}, ADDRESS_METADATA},
	{{{{0}}, 128}, ADDRESS_UNSPECIFIED},
	{{{{[15] = 1}}, 128}, ADDRESS_LOOPBACK},
	{{{{0xfc}}, 7}, ADDRESS_PRIVATE},
	{{{{0xfe, 0x80}}, 10}, ADDRESS_LINK_LOCAL},
	{{{{0xfe, 0xc0}}, 10}, ADDRESS_PRIVATE},
	{{{{0xff}}, 8}, ADDRESS_MULTICAST},
	{{{{0, 0x64, 0xff, 0x9b}}, 96}, ADDRESS_PUBLIC}, /* a gateway to what is inside */
	{{{{0x20, 0x01}}, 23}, ADDRESS_RESERVED},        /* protocols, among them a tunnel */
	{{{{0x20, 0x01, 0x0d, 0xb8}}, 32}, ADDRESS_RESERVED},
	{{{{0x3f, 0xff}}, 20}, ADDRESS_RESERVED},
	{{{{0x20}}, 3}, ADDRESS_PUBLIC},
	{{{{0}}, 0}, ADDRESS_RESERVED},
};

/* Forms of IPv6 that carry an IPv4 address, and from which byte on. */
static const struct carrier {
	struct address_net net;
	unsigned at;
	uint8_t mixed; /* each byte is written with this, by exclusive or */
} carriers[] = {
	{{{{0}}, 96}, 12, 0},                         /* compatible */
	{{{{[8] = 0xff, 0xff}}, 96}, 12, 0},          /* translated */
	{{{{0, 0x64, 0xff, 0x9b}}, 96}, 12, 0},       /* NAT64 */
	{{{{0, 0x64, 0xff, 0x9b, 0, 1}}, 48}, 12, 0}, /* NAT64 of a site */
	{{{{0x20, 0x02}}, 16}, 2, 0},                 /* 6to4 */
	{{{{0x20, 0x01, 0, 0}}, 32}, 4, 0},           /* Teredo: the server */
	{{{{0x20, 0x01, 0, 0}}, 32}, 12, 0xff},       /* and the client */
};

static const char *const kind_texts[ADDRESS_KIND_COUNT] = {
	[ADDRESS_PUBLIC] = "a public address",
	[ADDRESS_UNSPECIFIED] = "the unspecified address",
	[ADDRESS_LOOPBACK] = "a loopback address",
	[ADDRESS_PRIVATE] = "a private address",
	[ADDRESS_LINK_LOCAL] = "a link-local address",
	[ADDRESS_SHARED] = "an address of a carrier's inner network",
	[ADDRESS_MULTICAST] = "a multicast address",
	[ADDRESS_RESERVED] = "a reserved address",
	[ADDRESS_METADATA] = "a metadata address",
};

static const uint8_t mapped_prefix[V4_AT] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static struct address mapped(const void *four)
{
	struct address a;

	memcpy(a.bytes, mapped_prefix, V4_AT);
	memcpy(a.bytes + V4_AT, four, sizeof(a.bytes) - V4_AT);
	return a;
}

static bool is_v4(const struct address *a)
{
	return memcmp(a->bytes, mapped_prefix, V4_AT) == 0;
}

bool address_of_sockaddr(const struct sockaddr *from, size_t bytes, struct address *ret_address)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (bytes < sizeof(from->sa_family))
		return false;
	if (from->sa_family == AF_INET && bytes >= sizeof(v4)) {
		memcpy(&v4, from, sizeof(v4));
		*ret_address = mapped(&v4.sin_addr);
		return true;
	}
	if (from->sa_family != AF_INET6 || bytes < sizeof(v6))
		return false;
	memcpy(&v6, from, sizeof(v6));
	memcpy(ret_address->bytes, &v6.sin6_addr, sizeof(ret_address->bytes));
	return true;
}

bool address_parse(const char *text, struct address *ret_address)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		*ret_address = mapped(&v4);
		return true;
	}
	return inet_pton(AF_INET6, text, ret_address->bytes) == 1;
}

const char *address_text(const struct address *a, char text[ADDRESS_TEXT_SIZE])
{
	const char *done;

	if (is_v4(a))
		done = inet_ntop(AF_INET, a->bytes + V4_AT, text, ADDRESS_TEXT_SIZE);
	else
		done = inet_ntop(AF_INET6, a->bytes, text, ADDRESS_TEXT_SIZE);
	if (done == NULL)
		text[0] = '\0';
	return text;
}

static enum address_kind kind_by(const struct row *row, const struct address *a)
{
	while (!address_net_holds(&row->net, a)) /* the last one holds all */
		row++;
	return row->kind;
}

/* ISATAP: the lower half of any address says so. */
static bool is_isatap(const struct address *a)
{
	static const uint8_t mark[] = {0, 0, 0x5e, 0xfe};

	return (a->bytes[8] & ~2) == 0 && memcmp(a->bytes + 9, mark + 1, sizeof(mark) - 1) == 0;
}

static enum address_kind kind_inside(const struct address *a, unsigned at, uint8_t mixed)
{
	struct address inside = mapped(a->bytes + at);

	for (size_t i = V4_AT; i < ADDRESS_BYTES; i++)
		inside.bytes[i] ^= mixed;
	return kind_by(v4_rows, &inside);
}

static enum address_kind stricter(enum address_kind one, enum address_kind other)
{
	return one == ADDRESS_PUBLIC || other == ADDRESS_METADATA ? other : one;
}

enum address_kind address_kind(const struct address *a)
{
	enum address_kind kind;

	if (is_v4(a))
		return kind_by(v4_rows, a);
	kind = kind_by(v6_rows, a);
	for (const struct carrier *c = carriers; c < carriers + COUNT(carriers); c++) {
		if (address_net_holds(&c->net, a))
			kind = stricter(kind, kind_inside(a, c->at, c->mixed));
	}
	if (is_isatap(a))
		kind = stricter(kind, kind_inside(a, V4_AT, 0));
	return kind;
}

const char *address_kind_text(enum address_kind kind)
{
	return kind_texts[kind];
}

/* --- networks --- */

/* The number behind the slash; false if it is none up to most. */
static bool parse_bits(const char *text, unsigned most, unsigned *ret_bits)
{
	unsigned bits = 0;

	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		bits = bits * 10 + (unsigned)(*text - '0');
		if (bits > most)
			return false;
	}
	*ret_bits = bits;
	return true;
}

static struct address cut_to(const struct address *a, unsigned bits)
{
	struct address cut = *a;

	for (unsigned i = bits; i < ADDRESS_BYTES * 8; i++)
		cut.bytes[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
	return cut;
}

bool address_net_holds(const struct address_net *net, const struct address *a)
{
	unsigned whole = net->bits / 8;
	unsigned rest = net->bits % 8;

	/* That an IPv4 address is kept as one of IPv6 is nobody's business. */
	if (net->bits < V4_BITS && is_v4(a))
		return false;
	if (memcmp(a->bytes, net->base.bytes, whole) != 0)
		return false;
	return rest == 0 || (a->bytes[whole] ^ net->base.bytes[whole]) >> (8 - rest) == 0;
}

bool address_net_parse(const char *text, struct address_net *ret_net, struct fail *f)
{
	const char *slash = strchr(text, '/');
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	char plain[ADDRESS_TEXT_SIZE];
	struct address cut;
	bool v4;

	if (n >= sizeof(plain))
		return fail_set(f, FAIL_INVALID, "'%.60s' is no network", text);
	memcpy(plain, text, n);
	plain[n] = '\0';
	if (!address_parse(plain, &ret_net->base))
		return fail_set(f, FAIL_INVALID,
			"'%.60s' is no network: write it as 10.1.0.0/16 or fd12:3456::/32", text);
	v4 = strchr(plain, ':') == NULL;
	ret_net->bits = v4 ? 32 : 128;
	if (slash != NULL && !parse_bits(slash + 1, ret_net->bits, &ret_net->bits))
		return fail_set(f, FAIL_INVALID, "'%.60s' is no network: /%u is the longest prefix",
			text, v4 ? 32u : 128u);
	ret_net->bits += v4 ? V4_BITS : 0;
	cut = cut_to(&ret_net->base, ret_net->bits);
	/* Who writes it so may not see which addresses it holds. */
	if (!v4 && is_v4(&cut))
		return fail_set(f, FAIL_INVALID, "'%.60s' is IPv4 written as IPv6: write %s/%u",
			text, address_text(&cut, plain), ret_net->bits - V4_BITS);
	if (memcmp(&cut, &ret_net->base, sizeof(cut)) != 0)
		return fail_set(f, FAIL_INVALID,
			"'%.60s' is no network: bits behind its prefix are set; write %s/%u", text,
			address_text(&cut, plain), ret_net->bits - (v4 ? V4_BITS : 0));
	return true;
}
