/* waiting - see waiting.h. */
#include "waiting.h"

#include <string.h>

#include "environments.h"
#include "objects.h"

enum {
	CANCEL_TRIES = 16 /* of a change that others make at the same time */
};

static const char *spec_key(struct local_call *c, const char *id)
{
	return local_text(c, "waiting/%s", id);
}

static const char *environment_of(const struct record *record)
{
	return davit_sdk_text_at(record->value, "/environment", NULL);
}

/* The specification; false: there is none, or the call failed. */
static bool read_spec(struct local_call *c, const char *id, davit_buf *ret_spec)
{
	int32_t code =
		c->sdk.host->kv->get(c->sdk.call, davit_sdk_buf(spec_key(c, id)), ret_spec, NULL);

	return code != DAVIT_NOT_FOUND && local_check(c, code) == DAVIT_OK;
}

static void read_ended(const struct davit_sdk_json *ended, struct waiting *ret)
{
	bool failed = strcmp(davit_sdk_text_at(ended, "/state", ""), "FAILED") == 0;

	ret->is = true;
	ret->state = failed ? DAVIT_STATE_FAILED : DAVIT_STATE_CANCELLED;
	ret->error = davit_sdk_text_at(ended, "/error", "");
	ret->reason = davit_sdk_member(ended, "reason");
	ret->finished_ms = davit_sdk_int_at(ended, "/at_ms", 0);
}

void waiting_read(struct local_call *c, const struct record *record, const struct child *child,
	struct waiting *ret)
{
	const char *digest = environment_of(record);
	const struct davit_sdk_json *ended = davit_sdk_member(record->value, "ended");
	davit_buf spec;

	*ret = (struct waiting){.state = DAVIT_STATE_PENDING, .error = ""};
	if (digest == NULL || child->known)
		return;
	if (ended != NULL) {
		read_ended(ended, ret);
	} else if (read_spec(c, record->id, &spec)) {
		ret->is = true;
		ret->text = environment_progress(c, digest);
	}
}

int32_t waiting_keep(struct local_call *c, const char *id, davit_buf spec)
{
	return local_check(
		c, c->sdk.host->kv->put(c->sdk.call, davit_sdk_buf(spec_key(c, id)), spec));
}

void waiting_put_environment(struct davit_sdk_writer *w, const char *digest)
{
	davit_sdk_put_text(w, "environment", digest);
}

/* --- changes of the record --- */

/* The record as it is, with "ended". false: somebody else changed it, or the call failed. */
static bool put_ended(struct local_call *c, enum record_kind kind, const struct record *record,
	int32_t state, const struct environment *environment)
{
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	for (const struct davit_sdk_json *v = record->value->first; v != NULL; v = v->next) {
		if (strcmp(v->name.p, "ended") != 0)
			davit_sdk_put_json(&w, v->name.p, v);
	}
	davit_sdk_open_object(&w, "ended");
	davit_sdk_put_text(&w, "state", objects_state_word(state));
	davit_sdk_put_int(&w, "at_ms", c->sdk.host->core->now_ms(c->sdk.call));
	if (environment != NULL) {
		davit_sdk_put_text(&w, "error", environment->text);
		davit_sdk_put_raw(&w, "reason", environment->reason);
	}
	davit_sdk_close_object(&w);
	return records_cas(c, kind, record->id, &w, record->version);
}

/* What ended is on record: its own end, or a cancel that was first. */
static int32_t end(struct local_call *c, enum record_kind kind, struct record *record,
	const struct environment *environment)
{
	const char *id = record->id;

	if (environment_leave(c, environment->digest, id, false) != DAVIT_OK)
		return c->sdk.code;
	(void)put_ended(c, kind, record, DAVIT_STATE_FAILED, environment);
	if (c->sdk.code == DAVIT_OK && !records_get(c, kind, id, record))
		return davit_sdk_fail(&c->sdk, DAVIT_NOT_FOUND, "'%s' was deleted", id);
	return c->sdk.code;
}

/* --- starting --- */

/* A cancel that came while we started it had nothing to stop. */
static int32_t stop_if_ended(struct local_call *c, enum record_kind kind, struct record *record)
{
	const char *id = record->id;

	if (!records_get(c, kind, id, record))
		return c->sdk.code;
	if (davit_sdk_member(record->value, "ended") != NULL)
		return child_stop(c, id);
	return c->sdk.code;
}

/* The environment was deleted between two looks: it is built again. Else what is wrong is in
 * the specification, and will be. */
static int32_t not_started(
	struct local_call *c, enum record_kind kind, struct record *record, int32_t code)
{
	struct environment environment;

	if (code != DAVIT_NOT_FOUND && code != DAVIT_INVALID)
		return local_check(c, code);
	if (!environment_ask(c, environment_of(record), &environment) ||
		environment.state != ENVIRONMENT_READY)
		return c->sdk.code;
	environment.text = "could not be started: a file or folder that it needs is not there";
	if (end(c, kind, record, &environment) != DAVIT_OK)
		return c->sdk.code;
	return local_check(c, code);
}

static int32_t start(
	struct local_call *c, enum record_kind kind, struct record *record, struct child *child)
{
	const char *id = record->id;
	davit_buf spec;
	int32_t code;

	/* Before the start: a note that is left behind would keep the environment for ever. */
	if (environment_leave(c, environment_of(record), id, false) != DAVIT_OK ||
		!read_spec(c, id, &spec))
		return c->sdk.code;
	code = c->sdk.host->process->start(c->sdk.call, davit_sdk_buf(id), spec);
	if (code != DAVIT_OK)
		return not_started(c, kind, record, code);
	if (stop_if_ended(c, kind, record) != DAVIT_OK)
		return c->sdk.code;
	(void)davit_sdk_kv_del(&c->sdk, spec_key(c, id));
	return child_inspect(c, id, child) ? DAVIT_OK : c->sdk.code;
}

int32_t waiting_advance(
	struct local_call *c, enum record_kind kind, struct record *record, struct child *child)
{
	const char *digest = environment_of(record);
	bool ended = davit_sdk_member(record->value, "ended") != NULL;
	struct environment environment;

	if (digest == NULL)
		return c->sdk.code;
	if (child->known)
		return ended && !child->ended ? child_stop(c, record->id) : c->sdk.code;
	if (ended)
		return environment_leave(c, digest, record->id, true);
	if (!environment_ask(c, digest, &environment))
		return c->sdk.code;
	if (environment.state == ENVIRONMENT_FAILED)
		return end(c, kind, record, &environment);
	if (environment.state == ENVIRONMENT_READY)
		return start(c, kind, record, child);
	return c->sdk.code;
}

int32_t waiting_cancel(struct local_call *c, enum record_kind kind, const char *id)
{
	struct record record = {0};
	bool there = false;

	for (int i = 0; i < CANCEL_TRIES; i++) {
		there = records_get(c, kind, id, &record);
		if (!there || environment_of(&record) == NULL ||
			davit_sdk_member(record.value, "ended") != NULL ||
			put_ended(c, kind, &record, DAVIT_STATE_CANCELLED, NULL) ||
			c->sdk.code != DAVIT_OK)
			break;
	}
	if (there && environment_leave(c, environment_of(&record), id, true) != DAVIT_OK)
		return c->sdk.code;
	return child_stop(c, id);
}

int32_t waiting_forget(struct local_call *c, const struct record *record)
{
	const char *digest = environment_of(record);

	if (digest == NULL)
		return c->sdk.code;
	(void)environment_leave(c, digest, record->id, true);
	return davit_sdk_kv_del(&c->sdk, spec_key(c, record->id));
}

const char *waiting_log(struct local_call *c, enum record_kind kind, const char *id)
{
	struct record record;
	struct child child;

	if (!child_inspect(c, id, &child) || child.known || !records_get(c, kind, id, &record) ||
		environment_of(&record) == NULL)
		return id;
	return environment_process(c, environment_of(&record));
}
