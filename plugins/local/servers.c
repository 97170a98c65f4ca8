/* servers - see servers.h. */
#include "servers.h"

#include <string.h>

#include "child.h"
#include "environments.h"
#include "models.h"
#include "server_log.h"

#define RETIRED "retired/"

enum {
	RESTART_FIRST_MS = 200,
	RESTART_MAX_MS = 30000,
	HEALTHY_AFTER_MS = 10000,
	DRAIN_SECONDS = 30,
	LINGER_MS = 1000,
	STATUS_OK = 200
};

/* --- starting --- */

static void put_serve(struct davit_sdk_writer *w)
{
	davit_sdk_open_object(w, "serve");
	davit_sdk_put_int(w, "restart_first_ms", RESTART_FIRST_MS);
	davit_sdk_put_int(w, "restart_max_ms", RESTART_MAX_MS);
	davit_sdk_put_int(w, "healthy_after_ms", HEALTHY_AFTER_MS);
	davit_sdk_close_object(w);
}

void servers_put_inputs(
	struct local_call *c, struct davit_sdk_writer *w, const struct davit_sdk_json *model)
{
	const char *script = davit_sdk_text_at(model, "/server/script", NULL);

	models_put_inputs(c, w, model, "work/model");
	if (script != NULL)
		child_put_input(w, "blob", davit_sdk_text_at(model, "/server/sha256", ""),
			local_text(c, "work/%s", script));
}

/* The specification of a model's server; p is NULL if the call failed. */
static davit_buf spec_of(
	struct local_call *c, const struct davit_sdk_json *model, const char *environment)
{
	static const struct child_variable variables[] = {{"DAVIT_MODEL_DIR", "model"}};
	const struct davit_sdk_json *server = davit_sdk_member(model, "server");
	const char *script = davit_sdk_text_at(server, "/script", NULL);
	const struct child_program program = {davit_sdk_member(server, "command"), script, NULL};
	struct davit_sdk_writer w;
	bool ok;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	ok = child_put_program(c, &w, &program, "/spec/server/command");
	child_put_environment(
		c, &w, davit_sdk_member(server, "environment"), variables, LOCAL_COUNT(variables));
	davit_sdk_open_array(&w, "inputs");
	servers_put_inputs(c, &w, model);
	davit_sdk_close_array(&w);
	child_put_common(c, &w, NULL, true);
	put_serve(&w);
	environment_put_prefix(&w, environment);
	davit_sdk_close_object(&w);
	return ok ? davit_sdk_write_end(&w) : (davit_buf){NULL, 0};
}

/* Its environment is not there, or no more, and is being built. */
static bool is_built_again(struct local_call *c, const char *environment, int32_t code)
{
	struct environment now;

	return (code == DAVIT_NOT_FOUND || code == DAVIT_CONFLICT) && environment != NULL &&
	       environment_ask(c, environment, &now) && now.state == ENVIRONMENT_PENDING;
}

int32_t servers_start(struct local_call *c, const struct endpoint *e, const struct deployment *d)
{
	bool begins = d->generation == e->pending.generation;
	struct record model;
	davit_buf spec;
	int32_t code;

	if (begins ? !models_need_kept(c, d->model, &model)
		   : !records_need(c, RECORD_MODEL, d->model, DAVIT_INVALID, "/spec/model", &model))
		return c->sdk.code;
	spec = spec_of(c, model.value, d->environment);
	if (spec.p == NULL)
		return davit_sdk_fail(
			&c->sdk, DAVIT_INTERNAL, "no memory left for the model's server");
	code = c->sdk.host->process->start(
		c->sdk.call, davit_sdk_buf(endpoint_process(c, e, d)), spec);
	if (is_built_again(c, d->environment, code))
		return davit_sdk_fail(&c->sdk, DAVIT_RETRY,
			"the packages of the model's server are being installed; try again");
	return local_check(c, code);
}

bool servers_healthy(struct local_call *c, const char *process)
{
	davit_buf head;
	davit_blob body = 0;
	int32_t code = c->sdk.host->process->request(c->sdk.call, davit_sdk_buf(process),
		davit_sdk_buf("{\"method\":\"GET\",\"path\":\"/health\"}"), 0, &head, &body);
	int64_t status;

	if (code == DAVIT_RETRY)
		return false;
	if (local_check(c, code) != DAVIT_OK)
		return false;
	status = davit_sdk_int_at(davit_sdk_parse(&c->sdk.mem, head, NULL), "/status", 0);
	c->sdk.host->blob->close(c->sdk.call, body);
	return status == STATUS_OK;
}

/* --- clearing away --- */

void servers_retire(struct local_call *c, const struct endpoint *e, const struct deployment *d,
	enum servers_leave how)
{
	struct davit_sdk_writer w;

	if (d->generation == 0)
		return;
	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_text(&w, "endpoint", e->record.id);
	davit_sdk_put_int(&w, "generation", d->generation);
	davit_sdk_put_text(&w, "submission", d->submission);
	davit_sdk_put_bool(&w, "drain", how == SERVERS_DRAIN);
	davit_sdk_put_int(&w, "since_ms", c->sdk.host->core->now_ms(c->sdk.call));
	davit_sdk_close_object(&w);
	(void)davit_sdk_kv_put(&c->sdk, local_text(c, RETIRED "%s", endpoint_process(c, e, d)), &w);
}

const char *servers_retired(struct local_call *c, const char *submission)
{
	struct davit_sdk_kv_scan scan = {.prefix = RETIRED};

	while (davit_sdk_kv_next(&c->sdk, &scan)) {
		if (strcmp(davit_sdk_text_at(scan.value, "/submission", ""), submission) == 0)
			return scan.key + strlen(RETIRED);
	}
	return NULL;
}

/* The endpoint of a mark. false: it was deleted, or the call failed. */
static bool owner_of(
	struct local_call *c, const struct davit_sdk_json *mark, struct endpoint *ret_endpoint)
{
	struct record record;

	if (!records_get(c, RECORD_ENDPOINT, davit_sdk_text_at(mark, "/endpoint", ""), &record))
		return false;
	endpoint_parse(&record, ret_endpoint);
	return true;
}

/* A clock that was set back must not keep a server for ever. */
static bool may_stop(
	struct local_call *c, const struct davit_sdk_json *mark, const struct child *child)
{
	int64_t most = davit_sdk_int_at(c->settings, "/drain_seconds", DRAIN_SECONDS) * 1000;
	int64_t waited =
		c->sdk.host->core->now_ms(c->sdk.call) - davit_sdk_int_at(mark, "/since_ms", 0);

	if (!davit_sdk_bool_at(mark, "/drain", false) || waited < 0 || waited >= most)
		return true;
	return child->requests == 0 && waited >= LINGER_MS;
}

/* What it printed goes to the job that started it; then it goes. */
static void remove_process(struct local_call *c, const char *key, const struct davit_sdk_json *mark)
{
	const char *process = key + strlen(RETIRED);
	int32_t code;

	if (server_log_keep(c, davit_sdk_text_at(mark, "/submission", ""), process) != DAVIT_OK)
		return;
	code = c->sdk.host->process->remove(c->sdk.call, davit_sdk_buf(process));
	if (code == DAVIT_NOT_FOUND || code == DAVIT_OK)
		(void)davit_sdk_kv_del(&c->sdk, key);
	else if (code != DAVIT_CONFLICT)
		(void)local_check(c, code);
}

static void clear(struct local_call *c, const char *key, const struct davit_sdk_json *mark,
	struct servers_left *left)
{
	const char *process = key + strlen(RETIRED);
	struct endpoint e;
	struct child child;
	bool owned = owner_of(c, mark, &e);

	/* While the endpoint holds on to it, it is between the mark and the record's change. */
	if (c->sdk.code != DAVIT_OK ||
		(owned && endpoint_holds(&e, davit_sdk_int_at(mark, "/generation", 0))) ||
		!child_inspect(c, process, &child))
		return;
	if (!child.known || child.ended) {
		remove_process(c, key, mark);
	} else if (!owned || may_stop(c, mark, &child)) {
		(void)child_stop(c, process);
		left->stopping++;
	} else {
		left->draining++;
		left->requests += child.requests;
	}
}

void servers_sweep(
	struct local_call *caller, const char *endpoint_id, struct servers_left *ret_left)
{
	struct davit_sdk_kv_scan scan = {.prefix = RETIRED};
	struct servers_left own = {0};
	struct servers_left others = {0};
	struct local_call c;

	if (ret_left != NULL)
		*ret_left = own;
	if (local_again(&c, caller) != DAVIT_OK)
		return;
	while (davit_sdk_kv_next(&c.sdk, &scan)) {
		const char *of = davit_sdk_text_at(scan.value, "/endpoint", "");

		clear(&c, scan.key, scan.value,
			endpoint_id != NULL && strcmp(of, endpoint_id) == 0 ? &own : &others);
	}
	if (ret_left != NULL)
		*ret_left = own;
	if (c.sdk.code != DAVIT_OK)
		davit_sdk_log(&c.sdk, DAVIT_LOG_WARN,
			"servers that are no longer needed could not all be cleared away (code %d)",
			(int)c.sdk.code);
}

/* --- coming back --- */

static struct deployment *of_generation(struct endpoint *e, int64_t generation)
{
	if (e->deployed.generation == generation)
		return &e->deployed;
	return e->beside.generation == generation ? &e->beside : NULL;
}

struct gone {
	int64_t generation;
	int64_t next; /* that takes its place; 0: somebody else saw to it */
};

static bool next_generation(struct local_call *c, struct endpoint *e, void *ctx)
{
	struct gone *gone = ctx;
	struct deployment *d = of_generation(e, gone->generation);

	gone->next = 0;
	if (d == NULL)
		return false;
	servers_retire(c, e, d, SERVERS_STOP);
	gone->next = d->generation = ++e->generation;
	d->since_ms = c->sdk.host->core->now_ms(c->sdk.call);
	return true;
}

/* What a server that is to be started again runs with. Without it, it is left as it is: the next
 * that asks for it looks again. */
static bool has_environment(struct local_call *c, const struct endpoint *e, const char *digest)
{
	struct environment environment;

	if (digest == NULL)
		return true;
	if (!environment_ask(c, digest, &environment))
		return false;
	if (environment.state != ENVIRONMENT_READY)
		davit_sdk_log(&c->sdk, DAVIT_LOG_WARN,
			"the model's server of endpoint %s cannot be started again yet: %s",
			e->record.id, environment.text);
	return environment.state == ENVIRONMENT_READY;
}

static void revive_one(struct local_call *c, struct endpoint *e, int64_t generation)
{
	struct gone gone = {generation, generation};
	const struct deployment *d = of_generation(e, generation);
	struct child child;

	if (d == NULL || !child_inspect(c, endpoint_process(c, e, d), &child) ||
		(child.known && !child.ended) || !has_environment(c, e, d->environment))
		return;
	if (child.known && !endpoint_update(c, e->record.id, next_generation, &gone, e))
		return;
	d = gone.next != 0 ? of_generation(e, gone.next) : NULL;
	if (d == NULL || servers_start(c, e, d) != DAVIT_OK)
		return;
	if (endpoint_need(c, e->record.id, e) && of_generation(e, gone.next) == NULL)
		servers_retire(c, e, &(struct deployment){.generation = gone.next}, SERVERS_STOP);
	else
		davit_sdk_log(&c->sdk, DAVIT_LOG_INFO,
			"the model's server of endpoint %s was gone and is started again",
			e->record.id);
}

static void revive(struct local_call *c, const char *endpoint_id)
{
	struct endpoint e;
	int64_t beside;

	if (!endpoint_need(c, endpoint_id, &e))
		return;
	beside = e.beside.generation;
	if (e.deployed.generation != 0)
		revive_one(c, &e, e.deployed.generation);
	if (beside != 0)
		revive_one(c, &e, beside);
}

void servers_revive(struct local_call *caller, const char *endpoint_id)
{
	struct local_call c;

	if (local_again(&c, caller) == DAVIT_OK)
		revive(&c, endpoint_id);
	if (c.sdk.code != DAVIT_OK)
		davit_sdk_log(&c.sdk, DAVIT_LOG_WARN,
			"the model's server of endpoint %s cannot be started again (code %d)",
			endpoint_id, (int)c.sdk.code);
}

void servers_recover(struct local_call *caller)
{
	struct records_scan scan = {0};
	struct local_call c;
	struct endpoint e;

	if (local_again(&c, caller) != DAVIT_OK)
		return;
	while (records_next(&c, RECORD_ENDPOINT, &scan)) {
		endpoint_parse(&scan.record, &e);
		if (e.removed)
			(void)records_del(&c, RECORD_ENDPOINT, scan.record.id);
		else if (e.deployed.generation != 0)
			servers_revive(&c, scan.record.id);
	}
	servers_sweep(&c, NULL, NULL);
	environments_sweep(&c);
}
