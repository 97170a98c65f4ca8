/*
 * http_exchange - one request of a provider and what came of it, for the functions of
 * davit.host.http. [the thread of the call]
 */
#ifndef HOST_PROVIDER_HTTP_EXCHANGE_H
#define HOST_PROVIDER_HTTP_EXCHANGE_H

#include <davit/host.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/net.h"
#include "provider/http_journal.h"

struct call;
struct fail;
struct http_request;

struct http_exchange {
	struct call *c;
	struct http_request *request;
	struct mutation mutation; /* of one that is alone */
	struct net_result result;
	json_t *kept;
	char *bytes; /* of the body where texts were kept; else NULL */
	size_t n;
};

/* The host's way to the network; NULL: there is none, and the user is told. */
struct net *http_net(struct call *c);

/* Keep why for the user and return the code: of anything, and of a request that is wrong. */
int32_t http_refuse(struct call *c, int32_t code, const struct fail *f);
int32_t http_refuse_request(struct call *c, struct fail *f);
int32_t http_no_memory(struct call *c);

/* How it ended, as a DAVIT_ code. */
int32_t http_exchange_code(const struct http_exchange *x);

/* The head of its answer. NULL: out of memory. */
json_t *http_exchange_head(const struct http_exchange *x);

/* Makes secrets of what the request names. */
bool http_exchange_keep(struct http_exchange *x, struct fail *f);

void http_exchange_finish(struct http_exchange *x);

/* davit.host.http perform_many() (service_http_many.c). */
int32_t DAVIT_CALL http_perform_many(
	davit_call call, uint32_t flags, davit_buf requests, davit_buf *ret_json);

#endif
