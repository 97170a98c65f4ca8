/*
 * http_request - the request of a provider, read and checked, with all that it borrows. [the
 * thread of the call]
 */
#ifndef HOST_PROVIDER_HTTP_REQUEST_H
#define HOST_PROVIDER_HTTP_REQUEST_H

#include <davit/host.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "net/net.h"

struct call;
struct fail;

#define HTTP_HEADERS_MAX 64
#define HTTP_WORD_MAX    64 /* bytes */
#define HTTP_KEEP_MAX    16
#define HTTP_URL_MAX     ((size_t)16 * 1024)
#define HTTP_TEXT_MAX    ((size_t)4 * 1024 * 1024) /* bytes of URL, headers and body by value */

struct http_request {
	struct net_request net;
	json_t *source; /* of keep; else NULL */
	char operation[HTTP_WORD_MAX + 1];
	struct buf url;
	struct buf values; /* names and values of the headers, each with a NUL behind */
	struct buf body;
	bool url_secret; /* one is in url */
	bool has_body;
	struct net_header *headers; /* in the call's arena */
	struct egress_rules rules;
	struct egress_list hosts; /* of the call's connection */
	struct net_proxy proxy;
	int fd;             /* of a body that is sent on while the answer is read; -1: none */
	const json_t *keep; /* NULL: nothing */
};

/* Reads v, which it takes over. flags: DAVIT_HTTP_…; body 0: none. NULL: FAIL_INVALID names the
 * member. */
struct http_request *http_request_new(
	struct call *c, json_t *v, uint32_t flags, davit_blob body, struct fail *f);

/* What it held of secrets is overwritten. NULL is fine. */
void http_request_free(struct http_request *r);

#endif
