/* endpoints - where deployed models answer: looking at them and deleting them. */
#include "endpoints.h"

#include "environments.h"
#include "objects.h"
#include "servers.h"

/* Running: it can be asked. Without a model, or with one that still starts, it waits. */
static int32_t state_of(const struct endpoint *e)
{
	return e->deployed.generation != 0 ? DAVIT_STATE_RUNNING : DAVIT_STATE_PENDING;
}

/* The last change of any kind; records of earlier versions tell only when servers began. */
static int64_t updated_at(const struct endpoint *e)
{
	int64_t began = e->pending.since_ms > e->deployed.since_ms ? e->pending.since_ms
	                                                           : e->deployed.since_ms;

	return davit_sdk_int_at(e->record.value, "/updated_ms", began);
}

static void put_which(struct davit_sdk_writer *w, const struct deployment *d)
{
	davit_sdk_put_text(w, "model", d->model);
	davit_sdk_put_text(w, "name", d->name);
	if (d->version > 0)
		davit_sdk_put_int(w, "version", d->version);
}

static void put_model(struct local_call *c, struct davit_sdk_writer *w, const struct endpoint *e,
	const struct deployment *d, int32_t state)
{
	if (d->generation == 0)
		return;
	davit_sdk_open_object(w, NULL);
	davit_sdk_put_text(w, "id", endpoint_process(c, e, d));
	put_which(w, d);
	davit_sdk_put_text(w, "state", objects_state_word(state));
	davit_sdk_put_int(w, "percent", state == DAVIT_STATE_RUNNING ? d->percent : 0);
	davit_sdk_close_object(w);
}

/* There is no going back to a model that was deleted. */
static void put_previous(
	struct local_call *c, struct davit_sdk_writer *w, const struct deployment *d)
{
	struct record model;

	if (d->generation == 0 || !records_get(c, RECORD_MODEL, d->model, &model))
		return;
	davit_sdk_open_object(w, "previous");
	put_which(w, d);
	davit_sdk_put_int(w, "percent", d->percent);
	davit_sdk_close_object(w);
}

void endpoints_put(struct local_call *c, struct davit_sdk_writer *w, const struct record *record)
{
	struct endpoint e;

	endpoint_parse(record, &e);
	objects_open(
		c, w, RECORD_ENDPOINT, record, objects_state_word(state_of(&e)), updated_at(&e));
	if (e.deployed.generation != 0)
		davit_sdk_put_text(w, "deployment", e.deployed.model);
	davit_sdk_open_array(w, "models");
	put_model(c, w, &e, &e.deployed, DAVIT_STATE_RUNNING);
	put_model(c, w, &e, &e.beside, DAVIT_STATE_RUNNING);
	put_model(c, w, &e, &e.pending, DAVIT_STATE_PENDING);
	davit_sdk_close_array(w);
	put_previous(c, w, &e.previous);
}

LOCAL_SLOT(endpoints_get)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return objects_reply_one(&c, RECORD_ENDPOINT, objects_id(&c), endpoints_put);
}

LOCAL_SLOT(endpoints_list)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	servers_sweep(&c, NULL, NULL);
	return objects_reply_all(&c, RECORD_ENDPOINT, endpoints_put);
}

static bool mark_removed(struct local_call *c, struct endpoint *e, void *ctx)
{
	(void)ctx;
	servers_retire(c, e, &e->deployed, SERVERS_STOP);
	servers_retire(c, e, &e->beside, SERVERS_STOP);
	servers_retire(c, e, &e->pending, SERVERS_STOP);
	servers_retire(c, e, &e->ended, SERVERS_STOP);
	(void)environment_leave(c, e->pending.environment, e->pending.submission, true);
	e->removed = true;
	return true;
}

/* Whoever deletes an endpoint wants nothing of it any more: its servers are stopped at once. */
LOCAL_SLOT(endpoints_remove)
{
	struct local_call c;
	struct endpoint e;
	struct davit_sdk_writer w;

	if (local_begin(&c, inst, call, request) != DAVIT_OK ||
		!endpoint_need(&c, objects_id(&c), &e))
		return c.sdk.code;
	davit_sdk_write_begin(&w, &c.sdk.mem);
	endpoints_put(&c, &w, &e.record);
	davit_sdk_close_object(&w);
	if (!endpoint_update(&c, e.record.id, mark_removed, NULL, NULL) ||
		records_del(&c, RECORD_ENDPOINT, e.record.id) != DAVIT_OK)
		return c.sdk.code;
	servers_sweep(&c, NULL, NULL);
	environments_sweep(&c);
	return davit_sdk_reply(&c.sdk, &w);
}
