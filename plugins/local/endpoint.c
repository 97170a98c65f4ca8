/* endpoint - see endpoint.h. */
#include "endpoint.h"

#include <string.h>

enum {
	TRIES = 16 /* a change lost this often to others is not a matter of luck */
};

static void read_deployment(
	struct deployment *d, const struct davit_sdk_json *record, const char *name)
{
	const struct davit_sdk_json *v = davit_sdk_member(record, name);

	*d = (struct deployment){
		.generation = davit_sdk_int_at(v, "/generation", 0),
		.model = davit_sdk_text_at(v, "/model", ""),
		.name = davit_sdk_text_at(v, "/name", ""),
		.version = davit_sdk_int_at(v, "/version", 0),
		.percent = davit_sdk_int_at(v, "/percent", 100),
		.environment = davit_sdk_text_at(v, "/environment", NULL),
		.submission = davit_sdk_text_at(v, "/submission", ""),
		.since_ms = davit_sdk_int_at(v, "/since_ms", 0),
		.state = (int32_t)davit_sdk_int_at(v, "/state", DAVIT_STATE_FAILED),
		.error = davit_sdk_text_at(v, "/error", ""),
		.reason = davit_sdk_member(v, "reason"),
	};
}

static void read_done(struct endpoint *e, const struct davit_sdk_json *record)
{
	const struct davit_sdk_json *done = davit_sdk_member(record, "done");
	const struct davit_sdk_json *v = done != NULL ? done->first : NULL;

	for (; v != NULL && e->done_count < ENDPOINT_DONE_MAX; v = v->next)
		e->done[e->done_count++] = (struct outcome){
			.submission = davit_sdk_text_at(v, "/submission", ""),
			.state = (int32_t)davit_sdk_int_at(v, "/state", DAVIT_STATE_FAILED),
			.generation = davit_sdk_int_at(v, "/generation", 0),
		};
}

void endpoint_parse(const struct record *record, struct endpoint *ret_endpoint)
{
	const struct davit_sdk_json *v = record->value;

	*ret_endpoint = (struct endpoint){
		.record = *record,
		.generation = davit_sdk_int_at(v, "/generation", 0),
		.removed = davit_sdk_bool_at(v, "/removed", false),
	};
	read_deployment(&ret_endpoint->deployed, v, "deployed");
	read_deployment(&ret_endpoint->pending, v, "pending");
	read_deployment(&ret_endpoint->ended, v, "ended");
	read_deployment(&ret_endpoint->beside, v, "beside");
	read_deployment(&ret_endpoint->previous, v, "previous");
	read_done(ret_endpoint, v);
}

bool endpoint_need(struct local_call *c, const char *id_or_name, struct endpoint *ret_endpoint)
{
	struct record record;

	if (!records_need(c, RECORD_ENDPOINT, id_or_name, DAVIT_NOT_FOUND, "", &record))
		return false;
	endpoint_parse(&record, ret_endpoint);
	if (ret_endpoint->removed)
		(void)davit_sdk_fail(
			&c->sdk, DAVIT_NOT_FOUND, "endpoint '%s' is being deleted", id_or_name);
	return !ret_endpoint->removed;
}

static void put_deployment(struct davit_sdk_writer *w, const char *name, const struct deployment *d)
{
	if (d->generation == 0)
		return;
	davit_sdk_open_object(w, name);
	davit_sdk_put_int(w, "generation", d->generation);
	davit_sdk_put_text(w, "model", d->model);
	davit_sdk_put_text(w, "name", d->name);
	davit_sdk_put_int(w, "version", d->version);
	davit_sdk_put_int(w, "percent", d->percent);
	davit_sdk_put_text(w, "environment", d->environment);
	davit_sdk_put_text(w, "submission", d->submission);
	davit_sdk_put_int(w, "since_ms", d->since_ms);
	davit_sdk_put_int(w, "state", d->state);
	davit_sdk_put_text(w, "error", d->error);
	davit_sdk_put_json(w, "reason", d->reason);
	davit_sdk_close_object(w);
}

static void put_done(struct davit_sdk_writer *w, const struct endpoint *e)
{
	davit_sdk_open_array(w, "done");
	for (size_t i = 0; i < e->done_count; i++) {
		davit_sdk_open_object(w, NULL);
		davit_sdk_put_text(w, "submission", e->done[i].submission);
		davit_sdk_put_int(w, "state", e->done[i].state);
		davit_sdk_put_int(w, "generation", e->done[i].generation);
		davit_sdk_close_object(w);
	}
	davit_sdk_close_array(w);
}

/* false with sdk.code DAVIT_OK: somebody wrote in between. */
static bool write(struct local_call *c, const struct endpoint *e)
{
	static const char *const kept[] = {
		"v", "id", "label", "kind", "name", "created_ms", "description", "labels"};
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	for (size_t i = 0; i < LOCAL_COUNT(kept); i++)
		davit_sdk_put_json(&w, kept[i], davit_sdk_member(e->record.value, kept[i]));
	davit_sdk_put_int(&w, "generation", e->generation);
	put_deployment(&w, "deployed", &e->deployed);
	put_deployment(&w, "pending", &e->pending);
	put_deployment(&w, "ended", &e->ended);
	put_deployment(&w, "beside", &e->beside);
	put_deployment(&w, "previous", &e->previous);
	put_done(&w, e);
	davit_sdk_put_int(&w, "updated_ms", c->sdk.host->core->now_ms(c->sdk.call));
	davit_sdk_put_bool(&w, "removed", e->removed);
	return records_cas(c, RECORD_ENDPOINT, e->record.id, &w, e->record.version);
}

bool endpoint_update(struct local_call *c, const char *id, endpoint_change *change, void *ctx,
	struct endpoint *ret_endpoint)
{
	struct endpoint e;

	for (int i = 0; i < TRIES; i++) {
		if (!endpoint_need(c, id, &e))
			return false;
		if (!change(c, &e, ctx) || write(c, &e)) {
			if (ret_endpoint != NULL)
				*ret_endpoint = e;
			return c->sdk.code == DAVIT_OK;
		}
		if (c->sdk.code != DAVIT_OK)
			return false;
	}
	(void)davit_sdk_fail(
		&c->sdk, DAVIT_RETRY, "endpoint '%s' is being changed by others; try again", id);
	return false;
}

const char *endpoint_process(
	struct local_call *c, const struct endpoint *e, const struct deployment *d)
{
	return local_text(c, "ep-%s-%lld", e->record.id, (long long)d->generation);
}

bool deployment_is_of(const struct deployment *d, const char *submission)
{
	return d->generation != 0 && strcmp(d->submission, submission) == 0;
}

bool endpoint_has_model(const struct endpoint *e, const char *model_id)
{
	const struct deployment *const places[] = {&e->deployed, &e->beside, &e->pending};

	for (size_t i = 0; i < LOCAL_COUNT(places); i++) {
		if (places[i]->generation != 0 && strcmp(places[i]->model, model_id) == 0)
			return true;
	}
	return false;
}

bool endpoint_has_environment(const struct endpoint *e, const char *digest)
{
	const struct deployment *const places[] = {&e->deployed, &e->beside, &e->pending};

	for (size_t i = 0; !e->removed && i < LOCAL_COUNT(places); i++) {
		if (places[i]->generation != 0 && places[i]->environment != NULL &&
			strcmp(places[i]->environment, digest) == 0)
			return true;
	}
	return false;
}

bool endpoint_holds(const struct endpoint *e, int64_t generation)
{
	return !e->removed &&
	       (e->deployed.generation == generation || e->beside.generation == generation ||
		       e->pending.generation == generation || e->ended.generation == generation);
}

void endpoint_done(struct endpoint *e, const char *submission, int32_t state, int64_t generation)
{
	if (e->done_count == ENDPOINT_DONE_MAX)
		memmove(&e->done[0], &e->done[1], sizeof(e->done[0]) * --e->done_count);
	e->done[e->done_count++] = (struct outcome){submission, state, generation};
}

const struct outcome *endpoint_outcome(const struct endpoint *e, const char *submission)
{
	for (size_t i = 0; i < e->done_count; i++) {
		if (strcmp(e->done[i].submission, submission) == 0)
			return &e->done[i];
	}
	return NULL;
}
