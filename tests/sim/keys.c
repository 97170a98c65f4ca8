/* keys - see keys.h; host/http/exchange.h as far as api/idempotency.c calls it. */
#include "sim/keys.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/idempotency.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/pool.h"
#include "config/config.h"
#include "http/exchange.h"
#include "jobs/tracker.h"
#include "sim/daemon.h"
#include "sim/life.h"
#include "sim/work.h"
#include "sim/world.h"

enum {
	THREADS = 4,
	QUEUE = 64
};

struct exchange {
	struct daemon_parts *d;
	struct item *item;
	keys_submit *submit;
	exchange_keeper *keeper;
	void *ctx;
	bool at_work; /* the same request is: to be sent again */
};

static struct app app;

bool keys_start(struct daemon_parts *d, struct fail *f)
{
	app.store = d->store;
	app.config = d->config;
	app.tracker = d->tracker;
	app.pool = pool_create("work", THREADS, QUEUE, f);
	return app.pool != NULL;
}

void keys_stop(void)
{
	pool_destroy(app.pool);
}

/* --- the request --- */

static void answer_id(struct exchange *x, const char *id)
{
	/* Of the moment, so that one made anew is another. */
	json_t *answer = json_pack("{s:s, s:I, s:I}", "id", id, "at", (json_int_t)world->now_ms,
		"n", (json_int_t)++world->answers);
	char *text = json_dumps(answer, JSON_COMPACT);

	json_decref(answer);
	exchange_reply_text(
		x, 200, x->item->unkept ? "text/plain" : "application/json", text, strlen(text));
}

static void submitted(const char *id, const struct fail *f, void *ctx)
{
	struct exchange *x = ctx;

	life_event(EVENT_BEFORE_TOLD);
	if (f == NULL)
		answer_id(x, id);
	else
		answer_fail(x, f);
}

static void first(struct app *a, struct exchange *x)
{
	(void)a;
	x->submit(x->d, x->item, idempotency_claim(x), submitted, x);
}

static void again(struct app *a, struct exchange *x, const char *job)
{
	(void)a;
	answer_id(x, job);
}

void keys_ask(struct daemon_parts *d, struct item *item, keys_submit *submit)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (x == NULL)
		life_failed("out of memory");
	*x = (struct exchange){.d = d, .item = item, .submit = submit};
	item->asking++;
	idempotency_serve(&app, x, first, again);
}

/* --- what the client hears --- */

static void take_answer(struct item *item, const char *text)
{
	json_t *answer = json_loads(text, 0, NULL);

	if (item->answer[0] != '\0' && strcmp(item->answer, text) != 0 && !item->unkept)
		world_wrong("%s was answered %s, and then %s", item->marker, item->answer, text);
	(void)snprintf(item->answer, sizeof(item->answer), "%s", text);
	(void)snprintf(item->id, sizeof(item->id), "%s", json_text_or(answer, "id", ""));
	json_decref(answer);
	item->accepted = true;
}

void exchange_reply_text(struct exchange *x, int status, const char *type, char *text, size_t n)
{
	struct item *item = x->item;
	exchange_keeper *keeper = x->keeper;

	x->keeper = NULL;
	if (keeper != NULL) {
		keeper(x, status, type, text, n, x->ctx);
		return;
	}
	trace("client: %s (%s %s), by its key: %d %s", item->marker, item->wish->interface,
		item->wish->kind, status, text);
	if (status == 200)
		take_answer(item, text);
	else if (!item->accepted && !x->at_work)
		item->refused = true;
	item->asking--;
	free(text);
	free(x);
	life_event(EVENT_TOLD_ACCEPTED);
}

void exchange_keep_answer(struct exchange *x, exchange_keeper *keeper, void *ctx)
{
	x->keeper = keeper;
	x->ctx = ctx;
}

void *exchange_kept_for(const struct exchange *x)
{
	return x->keeper != NULL ? x->ctx : NULL;
}

void answer_fail(struct exchange *x, const struct fail *f)
{
	char *text = strdup(f->text);

	x->at_work = f->code == FAIL_CONFLICT;
	exchange_reply_text(
		x, f->code == FAIL_UNAVAILABLE ? 503 : 409, "application/json", text, strlen(text));
}

void answer_memory(struct exchange *x)
{
	(void)x;
	life_failed("out of memory");
}

/* --- the request as it is read --- */

const char *exchange_header(const struct exchange *x, const char *name)
{
	return strcmp(name, IDEMPOTENCY_HEADER) == 0 ? x->item->marker : NULL;
}

bool exchange_body_digest(struct exchange *x, uint8_t digest[SHA256_BYTES], struct fail *f)
{
	(void)f;
	memset(digest, 0, SHA256_BYTES);
	memcpy(digest, x->item->marker, strlen(x->item->marker));
	return true;
}

const struct config_listener *exchange_listener(const struct exchange *x)
{
	return &x->d->config->listeners[0];
}

const struct route *exchange_route(const struct exchange *x)
{
	static const struct route route = {.method = "POST", .operation = "sim"};

	(void)x;
	return &route;
}

const char *exchange_request_id(const struct exchange *x)
{
	return x->item->marker;
}

const char *exchange_arg(const struct exchange *x)
{
	(void)x;
	return "";
}

const char *exchange_query(const struct exchange *x, const char *key)
{
	(void)x;
	(void)key;
	return NULL;
}

void exchange_set_header(struct exchange *x, const char *name, const char *value)
{
	(void)x;
	(void)name;
	(void)value;
}
