/* idempotency - see idempotency.h. */
#include "api/idempotency.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "api/answer.h"
#include "api/app.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/sha256.h"
#include "config/config.h"
#include "http/exchange.h"
#include "platform/thread.h"
#include "store/store.h"

#define BUCKETS  256
#define RETRY_MS 1000

static const char type_json[] = "application/json";

/* A request with a key, from its arrival until its answer. */
struct claim {
	struct app *app;
	struct exchange *x;
	route_handler *first;
	idempotency_again *again;
	struct store_claim store;
	bool ordered; /* there may be a job, and so a row */
	LIST_ENTRY(claim) link;
};

LIST_HEAD(bucket, claim);

/* All of this process: an answer may come while everything else is being closed. */
static struct {
	struct mutex lock;
	struct bucket buckets[BUCKETS]; /* by the first byte of the name */
} working = {.lock = MUTEX_INIT};

static struct bucket *bucket_of(const struct claim *c)
{
	return &working.buckets[c->store.name[0]];
}

/* False: another request with the key is at work; *ret_same: for the same. */
static bool begin_work(struct claim *c, bool *ret_same)
{
	struct claim *other;

	mutex_lock(&working.lock);
	LIST_FOREACH(other, bucket_of(c), link)
	{
		if (memcmp(other->store.name, c->store.name, sizeof(c->store.name)) == 0)
			break;
	}
	if (other == NULL)
		LIST_INSERT_HEAD(bucket_of(c), c, link);
	else
		*ret_same = memcmp(other->store.body, c->store.body, sizeof(c->store.body)) == 0;
	mutex_unlock(&working.lock);
	return other == NULL;
}

static void end_work(struct claim *c)
{
	mutex_lock(&working.lock);
	LIST_REMOVE(c, link);
	mutex_unlock(&working.lock);
	free(c);
}

/* --- the answer --- */

/* Its claim ends before the client can ask again. Takes text over. */
static void reply(struct claim *c, int status, const char *type, char *text, size_t n)
{
	struct exchange *x = c->x;

	end_work(c);
	exchange_reply_text(x, status, type, text, n);
}

static void answer_written(struct store_op *op)
{
	struct claim *c = op->arg;
	char *text = op->claimed.answer;

	op->claimed.answer = NULL;
	if (!op->ok && op->fail.code != FAIL_TOO_LARGE)
		log_warn("API-IDEMPOTENCY", "request=%s its answer is not kept: %s",
			exchange_request_id(c->x), op->fail.text);
	reply(c, op->claimed.status, type_json, text, strlen(text));
	store_op_free(op);
}

/* An answer that is not kept is made anew of the job; of failures of ours and of the provider's
 * other side that is the better one. */
static bool is_kept(const struct claim *c, int status, const char *type, const char *text, size_t n)
{
	return c->ordered && text != NULL && status < 500 && n <= STORE_CLAIM_ANSWER_MAX &&
	       strcmp(type, type_json) == 0 && strlen(text) == n;
}

static void keep(
	struct exchange *x, int status, const char *content_type, char *text, size_t n, void *ctx)
{
	struct claim *c = ctx;
	struct store_op *op = NULL;

	(void)x;
	if (is_kept(c, status, content_type, text, n))
		op = store_op_new(STORE_CLAIM_ANSWER, true);
	if (op == NULL) {
		reply(c, status, content_type, text, n);
		return;
	}
	memcpy(op->claimed.claim.name, c->store.name, sizeof(c->store.name));
	op->claimed.status = status;
	op->claimed.answer = text;
	op->done = answer_written;
	op->arg = c;
	store_submit(c->app->store, op);
}

const struct store_claim *idempotency_claim(struct exchange *x)
{
	struct claim *c = exchange_kept_for(x);

	if (c == NULL)
		return NULL;
	c->ordered = true;
	return &c->store;
}

/* --- the request --- */

/* The end of a claim that no handler has seen. */
static void refuse(struct claim *c, const struct fail *f)
{
	struct exchange *x = c->x;

	end_work(c);
	answer_fail(x, f);
}

static bool is_other(struct fail *f)
{
	return fail_set(f, FAIL_CONFLICT,
		"this " IDEMPOTENCY_HEADER " came with another request: send a new one with each "
		"request, and the same one with the same request only");
}

static void replay(struct claim *c, struct store_claimed *before)
{
	char *text = before->answer;

	exchange_set_header(c->x, "Idempotency-Replayed", "true");
	if (before->status != 0) {
		before->answer = NULL;
		reply(c, before->status, type_json, text, strlen(text));
		return;
	}
	c->ordered = true;
	exchange_keep_answer(c->x, keep, c);
	c->again(c->app, c->x, before->job);
}

/* Nobody else works on this key now, so that what the store says of it holds. */
static void serve(struct claim *c)
{
	struct store_claimed before = {0};
	struct fail f = {0};

	if (store_claim(c->app->store, c->store.name, c->store.made_ms, &before, &f)) {
		if (memcmp(before.claim.body, c->store.body, sizeof(c->store.body)) == 0) {
			replay(c, &before);
		} else {
			(void)is_other(&f);
			refuse(c, &f);
		}
		free(before.answer);
	} else if (f.code == FAIL_NOT_FOUND) {
		exchange_keep_answer(c->x, keep, c);
		c->first(c->app, c->x);
	} else {
		refuse(c, &f);
	}
}

static void add_text(struct sha256 *sum, const char *text)
{
	sha256_add(sum, text, strlen(text) + 1);
}

static const char *query_or_none(const struct exchange *x, const char *key)
{
	const char *value = exchange_query(x, key);

	return value != NULL ? value : "";
}

/* Who asks for what with which key. */
static bool name_claim(struct claim *c)
{
	const struct config_listener *l = exchange_listener(c->x);
	struct sha256 *sum = sha256_begin();
	char port[32];

	if (sum == NULL)
		return false;
	(void)snprintf(port, sizeof(port), "%lld", (long long)l->port);
	add_text(sum, l->unix_path != NULL ? l->unix_path : l->address);
	add_text(sum, l->unix_path != NULL ? "unix" : port);
	add_text(sum, query_or_none(c->x, "project"));
	add_text(sum, exchange_route(c->x)->operation);
	add_text(sum, exchange_header(c->x, IDEMPOTENCY_HEADER));
	sha256_end(sum, c->store.name);
	return true;
}

/* What is asked: of what object, by which connection, with which body. The key is part of it, so
 * that who reads the database cannot try out what a body may have held. */
static bool digest_request(struct claim *c, struct fail *f)
{
	uint8_t body[SHA256_BYTES];
	struct sha256 *sum;

	if (!exchange_body_digest(c->x, body, f))
		return false;
	sum = sha256_begin();
	if (sum == NULL)
		return fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	add_text(sum, exchange_header(c->x, IDEMPOTENCY_HEADER));
	add_text(sum, exchange_arg(c->x));
	add_text(sum, query_or_none(c->x, "adapter_instance"));
	sha256_add(sum, body, sizeof(body));
	sha256_end(sum, c->store.body);
	return true;
}

static bool is_at_work(bool same, struct fail *f)
{
	if (!same)
		return is_other(f);
	(void)fail_set(f, FAIL_CONFLICT,
		"the request with this " IDEMPOTENCY_HEADER " is being worked on; ask again for "
		"its answer");
	f->retry_after_ms = RETRY_MS;
	return false;
}

static bool prepare(struct claim *c, struct fail *f)
{
	bool same = false;

	if (!digest_request(c, f))
		return false;
	if (!name_claim(c))
		return fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	c->store.made_ms = clock_now_ms();
	c->store.until_ms = c->store.made_ms + IDEMPOTENCY_MS;
	return begin_work(c, &same) || is_at_work(same, f);
}

static void begin(void *arg)
{
	struct claim *c = arg;
	struct exchange *x = c->x;
	struct fail f = {0};

	if (prepare(c, &f)) {
		serve(c);
		return;
	}
	free(c);
	answer_fail(x, &f);
}

static bool check_key(const char *key, struct fail *f)
{
	size_t n = 0;

	while (key[n] > ' ' && key[n] <= '~')
		n++;
	if (n > 0 && n <= IDEMPOTENCY_KEY_MAX && key[n] == '\0')
		return true;
	return fail_set(f, FAIL_INVALID,
		"the header " IDEMPOTENCY_HEADER " has 1 to %d visible ASCII characters",
		IDEMPOTENCY_KEY_MAX);
}

/* Bodies are read and rows looked up: no work for a front thread. */
static void begin_later(
	struct app *app, struct exchange *x, route_handler *first, idempotency_again *again)
{
	struct claim *c = calloc(1, sizeof(*c));
	struct fail f = {0};

	if (c == NULL) {
		answer_memory(x);
		return;
	}
	*c = (struct claim){.app = app, .x = x, .first = first, .again = again};
	if (pool_add(app->pool, begin, c, &f))
		return;
	free(c);
	answer_fail(x, &f);
}

void idempotency_serve(
	struct app *app, struct exchange *x, route_handler *first, idempotency_again *again)
{
	const char *key = exchange_header(x, IDEMPOTENCY_HEADER);
	struct fail f = {0};

	if (key == NULL)
		first(app, x);
	else if (check_key(key, &f))
		begin_later(app, x, first, again);
	else
		answer_fail(x, &f);
}
