/*
 * idempotency - requests that name themselves (Idempotency-Key), so that one sent again is
 * answered and not done again. For routes with ROUTE_CREATES: each makes exactly one job.
 *
 * The claim of a key is written in the transaction that accepts the job, the answer before it
 * leaves. A key belongs to a caller, which is a listener and a project, and to an operation, for
 * IDEMPOTENCY_MS. What made no job leaves no claim: it may be tried again with the same key. Who
 * sends no key pays for looking. [any thread]
 */
#ifndef HOST_API_IDEMPOTENCY_H
#define HOST_API_IDEMPOTENCY_H

#include <stdint.h>

#include "http/route.h"

struct store_claim;

#define IDEMPOTENCY_HEADER  "Idempotency-Key"
#define IDEMPOTENCY_MS      INT64_C(86400000)
#define IDEMPOTENCY_KEY_MAX 255 /* visible ASCII characters */

/* Answers for a job that an earlier request made and whose answer was not kept. */
typedef void idempotency_again(struct app *app, struct exchange *x, const char *job);

/* Serves a creating route: by first, by again, by the answer that was kept, or by saying why not.
 */
void idempotency_serve(
	struct app *app, struct exchange *x, route_handler *first, idempotency_again *again);

/* What goes with the order of the job (tracker.h); NULL: the request named itself not. Lives
 * until the exchange is answered. */
const struct store_claim *idempotency_claim(struct exchange *x);

#endif
