/*
 * training_form - the short form: data, training and where it is good enough a deployment in
 * one request, which is one durable job of several steps (jobs/flow.h). All that can be
 * checked is checked before the job is accepted.
 */
#include "api/training_form.h"

#include <stdlib.h>
#include <string.h>

#include <davit/abi.h>
#include <davit/provider.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/connection.h"
#include "api/form_validate.h"
#include "api/handlers.h"
#include "api/idempotency.h"
#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/schema.h"
#include "config/config.h"
#include "http/exchange.h"
#include "jobs/flow.h"
#include "jobs/queues.h"
#include "jobs/tracker.h"
#include "provider/provider.h"

#define FIRST_ANSWER_MS 10000
#define PLACEHOLDER     "pending" /* for the id of a data set that is still to be made */

/* Neither RUNNING, which a flow becomes with the name of its training, nor ended. */
#define UNDER_WAY (JOB_BIT(JOB_QUEUED) | JOB_BIT(JOB_SUBMITTING) | JOB_BIT(JOB_RECOVERING))

/* clang-format off */
static const char schema_text[] =
	"{\"type\": \"object\", \"required\": [\"name\"], \"additionalProperties\": false,"
	" \"properties\": {"
	"  \"name\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 128},"
	"  \"script\": {\"type\": [\"string\", \"object\"], \"minLength\": 1, \"minProperties\": 1},"
	"  \"image\": {\"type\": \"string\", \"minLength\": 1},"
	"  \"algorithm\": {\"type\": \"string\", \"minLength\": 1},"
	"  \"dataset\": {\"type\": [\"string\", \"object\"], \"minLength\": 1,"
	"   \"additionalProperties\": false, \"minProperties\": 1,"
	"   \"properties\": {"
	"    \"id\": {\"type\": \"string\", \"minLength\": 1},"
	"    \"name\": {\"type\": \"string\", \"minLength\": 1},"
	"    \"version\": {\"type\": \"integer\"},"
	"    \"sha256\": {\"type\": \"string\", \"minLength\": 64, \"maxLength\": 64},"
	"    \"format\": {\"type\": \"string\", \"minLength\": 1},"
	"    \"rows\": {\"type\": \"array\"},"
	"    \"path\": {\"type\": \"string\", \"minLength\": 1},"
	"    \"uri\": {\"type\": \"string\", \"minLength\": 1},"
	"    \"text\": {\"type\": \"string\"},"
	"    \"blob\": {\"type\": \"string\", \"minLength\": 64, \"maxLength\": 64}}},"
	"  \"parameters\": {\"type\": \"object\"},"
	"  \"compute\": {\"type\": \"object\"},"
	"  \"requirements\": {\"type\": [\"string\", \"array\", \"object\"], \"minLength\": 1},"
	"  \"deploy_when\": {\"type\": [\"boolean\", \"object\"],"
	"   \"required\": [\"metric\", \"op\", \"value\"], \"additionalProperties\": false,"
	"   \"properties\": {"
	"    \"metric\": {\"type\": \"string\", \"minLength\": 1},"
	"    \"op\": {\"enum\": [\">=\", \">\", \"<=\", \"<\", \"==\"]},"
	"    \"value\": {\"type\": \"number\"}}},"
	"  \"server\": {\"type\": \"object\", \"additionalProperties\": false,"
	"   \"minProperties\": 1, \"maxProperties\": 1,"
	"   \"properties\": {"
	"    \"script\": {\"type\": [\"string\", \"object\"], \"minLength\": 1},"
	"    \"command\": {\"type\": \"string\", \"minLength\": 1}}},"
	"  \"endpoint\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 128}}}";
/* clang-format on */

/* --- checks --- */

static bool check_what(const json_t *body, struct fail *f)
{
	static const char *const ways[] = {"script", "image", "algorithm"};
	const char *second = NULL;
	size_t n = 0;

	for (size_t i = 0; i < COUNT(ways); i++) {
		if (json_object_get(body, ways[i]) == NULL)
			continue;
		n++;
		second = ways[i];
	}
	if (n == 0)
		return fail_at(f, FAIL_INVALID, "/script",
			"one of 'script', 'image' and 'algorithm' is needed");
	if (n > 1) {
		char pointer[32];

		(void)snprintf(pointer, sizeof(pointer), "/%s", second);
		return fail_at(f, FAIL_INVALID, pointer,
			"only one of 'script', 'image' and 'algorithm' may be given");
	}
	return true;
}

/* One that is named may be an object too: what an earlier look at it found. */
static bool check_dataset(const json_t *body, struct fail *f)
{
	static const char *const sources[] = {"rows", "path", "uri", "text", "blob"};
	static const char *const found[] = {"name", "version", "sha256"};
	const json_t *dataset = json_object_get(body, "dataset");
	size_t count = 0;

	if (!flow_makes_dataset(body))
		return true;
	for (size_t i = 0; i < COUNT(sources); i++)
		count += json_object_get(dataset, sources[i]) != NULL ? 1 : 0;
	for (size_t i = 0; i < COUNT(found); i++)
		count += json_object_get(dataset, found[i]) != NULL ? 2 : 0;
	return count == 1 || fail_at(f, FAIL_INVALID, "/dataset",
				     "a data set that is made first has exactly one of 'rows', "
				     "'path', 'uri', 'text' and 'blob'");
}

bool training_form_check(const json_t *body, struct fail *f)
{
	json_t *schema = json_parse(schema_text, sizeof(schema_text) - 1, f);
	bool good = schema != NULL && schema_check(schema, body, f);

	json_decref(schema);
	return good && check_what(body, f) && check_dataset(body, f);
}

/* Can the provider take every step the body asks for? */
static bool check_steps(const struct provider *p, const json_t *body, struct fail *f)
{
	for (unsigned i = 0; i < FLOW_STEP_COUNT; i++) {
		const struct flow_step_info *step = &flow_steps[i];

		if (!flow_has_step(body, (enum flow_step)i))
			continue;
		if (!provider_offers(p, step->interface, "submit", step->kind, f))
			return false;
	}
	return true;
}

/* Would the provider's own schema take the training? Its pointers are those of the body. */
static bool check_training(const struct provider *p, const json_t *body, struct fail *f)
{
	const struct flow_step_info *step = &flow_steps[FLOW_TRAIN];
	const json_t *schema = provider_request_schema(p, step->interface, "submit", step->kind);
	bool made_first = flow_makes_dataset(body);
	json_t *spec;
	bool good;

	if (schema == NULL)
		return true;
	spec = flow_train_spec(body, made_first ? PLACEHOLDER : NULL);
	good = spec != NULL ? schema_check(schema, spec, f)
	                    : fail_set(f, FAIL_INTERNAL, "out of memory");
	json_decref(spec);
	return good;
}

bool training_form_may(const struct provider *p, const json_t *body, struct fail *f)
{
	return check_steps(p, body, f) && check_training(p, body, f);
}

/* --- the request --- */

struct form {
	struct app *app;
	struct exchange *x;
	struct target target;
	json_t *body;
	json_t *request; /* with body in it: only who ends the form counts references */
};

static void form_free(struct form *form)
{
	json_decref(form->request);
	json_decref(form->body);
	free(form);
}

static const char *name_of(const struct form *form)
{
	return json_text_or(form->body, "name", "");
}

/* The training has a name at its provider, or is still on its way there: both are a promise. */
static void answer(const struct form *form, const struct job *job)
{
	bool unmade = job->remote_name == NULL;

	if (unmade && job->state == JOB_FAILED)
		exchange_fail_text(
			form->x, 500, job->error != NULL ? job->error : "the training failed");
	else if (unmade && job->state == JOB_CANCELLED)
		exchange_fail_text(form->x, 409, "the training was cancelled before it began");
	else
		exchange_reply_json(form->x, 200,
			json_pack("{s:s, s:s, s:s?, s:s}", "id", job->id, "name",
				json_text_or(
					form->body, "name", job->name != NULL ? job->name : ""),
				"resource", job->remote_name, "state", "SUBMITTED"));
}

static void begun(const struct job *job, void *ctx)
{
	struct form *form = ctx;

	if (job != NULL)
		answer(form, job);
	else
		exchange_fail_text(form->x, 500, "the job was accepted, but cannot be read");
	form_free(form);
}

static void await_training(struct form *form, const char *id)
{
	tracker_watch(form->app->tracker, id, ~UNDER_WAY,
		tracker_may_start(form->app->tracker, id) ? FIRST_ANSWER_MS : 0, begun, form);
}

static void accepted(const char *id, const struct fail *f, void *ctx)
{
	struct form *form = ctx;

	if (f == NULL) {
		await_training(form, id);
		return;
	}
	answer_fail(form->x, f);
	form_free(form);
}

static void no_memory(struct form *form)
{
	answer_memory(form->x);
	form_free(form);
}

static void submit(struct form *form)
{
	const struct config_connection *c = form->target.connection;
	const struct job_order order = {
		.provider = form->target.id,
		.interface = FLOW_INTERFACE,
		.kind = FLOW_TRAINING,
		.name = name_of(form),
		.project = answer_project(form->x),
		.connection = c != NULL ? c->name : NULL,
		.request = form->request,
		.claim = idempotency_claim(form->x),
	};

	if (form->request != NULL)
		tracker_submit(form->app->tracker, &order, accepted, form);
	else
		no_memory(form);
}

static void validated(const struct fail *f, void *ctx)
{
	struct form *form = ctx;

	if (f == NULL) {
		submit(form);
		return;
	}
	answer_fail(form->x, f);
	form_free(form);
}

/* Takes body over. */
static void begin(struct app *app, struct exchange *x, const struct target *t, json_t *body)
{
	struct form *form = calloc(1, sizeof(*form));

	if (form == NULL) {
		json_decref(body);
		answer_memory(x);
		return;
	}
	*form = (struct form){.app = app,
		.x = x,
		.target = *t,
		.body = body,
		.request = json_pack("{s:O}", "spec", body)};
	form_validate(t->provider, connection_name(t->connection),
		config_connection_details(t->connection), form->body, validated, form);
}

/* The provider and, where it needs one, the connection; else answered. */
static bool find_target(struct app *app, struct exchange *x, struct target *ret_target)
{
	struct target t = connection_target(app, x);
	const char *missing;
	struct fail f = {0};

	if (!connection_loaded(app, &t, &f)) {
		answer_fail(x, &f);
		return false;
	}
	missing = connection_missing(&t, x);
	if (missing != NULL) {
		exchange_fail_text(x, 400, missing);
		return false;
	}
	*ret_target = t;
	return true;
}

static void work(struct app *app, struct exchange *x)
{
	struct target t;
	struct fail f = {0};
	json_t *body;

	if (!find_target(app, x, &t))
		return;
	if (answer_is_multipart(x))
		body = answer_upload(app, x, "dataset", &f);
	else
		body = json_deep_copy(exchange_body_json(x, &f));
	if (body == NULL && f.code == FAIL_NONE)
		answer_memory(x);
	else if (body == NULL || !training_form_check(body, &f) ||
		 !training_form_may(t.provider, body, &f))
		answer_fail(x, &f);
	else {
		begin(app, x, &t, body); /* and with it goes to another thread */
		return;
	}
	json_decref(body);
}

static void submit_first(struct app *app, struct exchange *x)
{
	answer_later(app, x, work);
}

static void submit_again(struct app *app, struct exchange *x, const char *job)
{
	struct form *form = calloc(1, sizeof(*form));

	if (form == NULL) {
		answer_memory(x);
		return;
	}
	*form = (struct form){.app = app, .x = x};
	await_training(form, job);
}

void training_form_submit(struct app *app, struct exchange *x)
{
	idempotency_serve(app, x, submit_first, submit_again);
}
