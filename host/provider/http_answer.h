/*
 * http_answer - what another machine answered, as the provider gets it: a head in JSON, texts that
 * become secrets, and the body behind a blob. [the thread of the call]
 */
#ifndef HOST_PROVIDER_HTTP_ANSWER_H
#define HOST_PROVIDER_HTTP_ANSWER_H

#include <davit/abi.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/head.h"
#include "net/net.h"

struct call;
struct call_secrets;
struct fail;
struct http_answer;
struct http_request;

/* {name: value}; what came several times is one value with ", " between. NULL: out of memory. */
json_t *http_answer_headers(const struct head *h);

/*
 * Makes secrets of the texts of a JSON answer that keep, {word: pointer}, names: *ret_kept is
 * {word: handle} of those that are there; *ret_body, which the caller frees, has "***" in their
 * places. A body that is no JSON is kept as it is where status says that something went wrong,
 * else it is left out: it may be what was to be hidden. With {word: {"after", "before"}} the same
 * of a success in any format: what stands between these texts, "" being its beginning and end; one
 * in which none of it is found is left out. False: FAIL_INTERNAL or, too many secrets,
 * FAIL_TOO_LARGE.
 */
bool http_answer_keep(struct call_secrets *secrets, const json_t *keep, int status,
	const char *body, size_t n, json_t **ret_kept, char **ret_body, size_t *ret_n,
	struct fail *f);

/* An answer behind a blob. Takes over request and net, also on failure (NULL: out of memory).
 * bytes: n of the body where they are others than net's; NULL: net's. */
struct http_answer *http_answer_new(struct call *c, struct http_request *request,
	struct net_answer *net, char *bytes, size_t n);

/* The next bytes of a stream, up to cap, as they come; offset must be *position. A DAVIT_ code. */
int32_t http_answer_read(struct http_answer *a, uint64_t *position, uint64_t offset, void *bytes,
	size_t cap, size_t *ret_n, struct fail *f);

/* Its bytes; false for a stream. */
bool http_answer_bytes(const struct http_answer *a, const char **ret_bytes, size_t *ret_n);

/* Is all of it here, and no more than max bytes unread? */
bool http_answer_whole(const struct http_answer *a, size_t max);

void http_answer_close(struct http_answer *a);

/* Who waits in net.h: the running call. */
struct net_caller http_caller(struct call *c);

#endif
