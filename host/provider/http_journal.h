/*
 * http_journal - requests that change something, in the journal of their call: what is told of
 * them, what their ends mean, and answers given again. [the thread of the call]
 */
#ifndef HOST_PROVIDER_HTTP_JOURNAL_H
#define HOST_PROVIDER_HTTP_JOURNAL_H

#include <davit/abi.h>
#include <stdbool.h>
#include <stdint.h>

#include "provider/call_journal.h"

struct call;
struct fail;
struct http_request;
struct net_result;

#define HTTP_JOURNAL_BODY_MAX ((size_t)256 * 1024) /* of an answer that is kept */

/* As call_journal_plan(). One that changes nothing needs no journal: m->k is 0. */
int32_t http_journal_plan(struct call *c, const struct http_request *r, struct mutation *m);

/* It ended so. Of one without a journal only how often it was repeated is noted, for the call. */
void http_journal_ended(struct call *c, const struct mutation *m, const struct http_request *r,
	const struct net_result *result, const struct fail *why);

/* The head of an answer that is given again, and its body, borrowed. NULL: out of memory. */
json_t *http_journal_head(const struct mutation *m, davit_buf *ret_body);

#endif
