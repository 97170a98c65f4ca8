/*
 * egress - may a request go there? The host of its URL by the lists of the manifest and of the
 * site; the address, once it is known, by what it is and the site's networks. No I/O, no state.
 * [any thread; a list is constant while somebody reads it]
 *
 * Who sends asks three times: egress_allows() before anything else, egress_allows_address() for
 * each address the name stood for, and that again for the address of a connection that is used
 * once more, because another provider may have been allowed to open it.
 */
#ifndef HOST_NET_EGRESS_H
#define HOST_NET_EGRESS_H

#include <curl/urlapi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"

struct fail;

#define EGRESS_HOST_SIZE 256
#define EGRESS_LIST_MAX  256 /* entries of one list */

/* Where a URL leads to. */
struct egress_target {
	bool tls;
	uint16_t port;
	char host[EGRESS_HOST_SIZE]; /* lower case, ASCII, no dot behind; IPv6 without brackets */
	bool literal;                /* host is an address */
	struct address address;      /* if literal */
};

/*
 * Reads url into u as libcurl will (curl_url_set), and writes the host back in its one plain
 * form, so that what is sent (CURLOPT_CURLU with u) is what was checked: lower case, no dot
 * behind, every way of writing an IPv4 address as four decimal numbers.
 * FAIL_INVALID: not http or https, a user or password, a zone, a port 0, no host, or a host that
 * is none: international names must come as xn--.
 */
bool egress_parse(CURLU *u, const char *url, struct egress_target *ret_target, struct fail *f);

/* "https://host:port", the port only where it is not the usual one; cut if too small. */
const char *egress_origin(const struct egress_target *t, char *text, size_t size);

struct egress_entry;

struct egress_list {
	struct egress_entry *entries;
	size_t count;
};

/*
 * Adds an entry: NAME, *.NAME (those below it, at any depth, and not itself), each also with
 * :PORT behind and https:// or http:// before. Without a scheme it means https, without a port the
 * usual one. FAIL_INVALID; FAIL_TOO_LARGE past EGRESS_LIST_MAX.
 */
bool egress_list_add(struct egress_list *l, const char *text, struct fail *f);

/* Adds the host, the port and the scheme of a whole URL: of the settings or a connection. */
bool egress_list_add_url(struct egress_list *l, const char *url, struct fail *f);

void egress_list_finish(struct egress_list *l);

struct egress_networks {
	struct address_net *nets;
	size_t count;
};

/* Adds a network as address_net_parse() reads it. */
bool egress_networks_add(struct egress_networks *n, const char *text, struct fail *f);
void egress_networks_finish(struct egress_networks *n);

/* What one provider may, at one call. The lists are borrowed; NULL: there is none. */
struct egress_rules {
	/* At least one of these two must name the host. Of their entries only the host counts
	 * where the site has a list: then that says scheme and port. */
	const struct egress_list *manifest;   /* names, and hosts of the instance's settings */
	const struct egress_list *connection; /* hosts of the call's connection */

	/* Each of these that is there must allow host, scheme and port. */
	const struct egress_list *provider; /* the site's list for this provider */
	const struct egress_list *site;     /* the site's list for all */

	const struct egress_networks *private_networks;
	bool metadata; /* the manifest's grant */
};

/* May a request go to t? Also by its address where the host is one. Without a list of the site
 * only https. FAIL_FORBIDDEN says in one sentence what is missing and where. */
bool egress_allows(const struct egress_rules *r, const struct egress_target *t, struct fail *f);

/* May a request of these rules be sent to this address? FAIL_FORBIDDEN. */
bool egress_allows_address(const struct egress_rules *r, const struct address *a, struct fail *f);

#endif
