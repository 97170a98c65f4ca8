/* flow - see flow.h. */
#include "jobs/flow.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/sha256.h"

const struct flow_step_info flow_steps[FLOW_STEP_COUNT] = {
	[FLOW_DATASET] = {"dataset", "davit.datasets", "create"},
	[FLOW_TRAIN] = {"training", "davit.training", "train"},
	[FLOW_MODEL] = {"model", "davit.models", "register"},
	[FLOW_ENDPOINT] = {"endpoint", "davit.deployment", "register"},
	[FLOW_DEPLOY] = {"deployment", "davit.deployment", "deploy"},
};

enum {
	TIME_DIGITS = 9 /* of an id: its 45 bits of milliseconds */
};

void flow_step_id(const char *flow_id, enum flow_step step, char id[ID_SIZE])
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	char text[ID_SIZE + 32];
	uint8_t digest[SHA256_BYTES];
	int n = snprintf(text, sizeof(text), "%s/%s", flow_id, flow_steps[step].word);

	sha256_of(text, (size_t)n, digest);
	memcpy(id, flow_id, TIME_DIGITS);
	for (size_t i = TIME_DIGITS; i < ID_LENGTH; i++)
		id[i] = digits[digest[i] & 31];
	id[ID_LENGTH] = '\0';
}

/* --- deploy_when --- */

static bool less(double a, double b)
{
	return a < b;
}

static bool less_equal(double a, double b)
{
	return a <= b;
}

static bool more(double a, double b)
{
	return a > b;
}

static bool more_equal(double a, double b)
{
	return a >= b;
}

static bool equal(double a, double b)
{
	return !(a < b) && !(a > b);
}

static const struct {
	const char *op;
	bool (*holds)(double metric, double bound);
} comparisons[] = {
	{">=", more_equal},
	{">", more},
	{"<=", less_equal},
	{"<", less},
	{"==", equal},
};

static bool holds(const char *op, double metric, double bound)
{
	for (size_t i = 0; i < COUNT(comparisons); i++) {
		if (strcmp(comparisons[i].op, op) == 0)
			return comparisons[i].holds(metric, bound);
	}
	return false;
}

static void end(struct flow_move *move, enum job_state state)
{
	move->kind = FLOW_END;
	move->state = state;
}

/* Is the trained model to be deployed? Where not, move says how the flow ends. */
static bool wanted(const json_t *spec, const json_t *trained, struct flow_move *move)
{
	const json_t *when = json_object_get(spec, "deploy_when");
	const char *name = json_text_or(when, "metric", "");
	const char *op = json_text_or(when, "op", "");
	double bound = json_number_value(json_object_get(when, "value"));
	const json_t *metric = json_object_get(json_object_get(trained, "metrics"), name);

	if (when == NULL || json_is_null(when) || json_is_false(when)) {
		end(move, JOB_SUCCEEDED);
		(void)snprintf(move->text, sizeof(move->text), "trained");
		return false;
	}
	if (json_is_true(when))
		return true;
	if (!json_is_number(metric)) {
		end(move, JOB_FAILED);
		(void)snprintf(move->text, sizeof(move->text),
			"trained, but not deployed: deploy_when names the metric '%s', which the training "
			"did not report",
			name);
		return false;
	}
	if (holds(op, json_number_value(metric), bound))
		return true;
	end(move, JOB_SUCCEEDED);
	(void)snprintf(move->text, sizeof(move->text), "trained, not deployed: %s is %g, not %s %g",
		name, json_number_value(metric), op, bound);
	return false;
}

/* --- what each step is asked --- */

/* {"spec": spec, "id": id}; takes spec over. */
static json_t *request_of(json_t *spec, const char *id)
{
	json_t *request = json_object();

	if (spec == NULL || request == NULL || json_object_set(request, "spec", spec) != 0 ||
		(id != NULL && json_object_set_new(request, "id", json_string(id)) != 0)) {
		json_decref(request);
		request = NULL;
	}
	json_decref(spec);
	return request;
}

/* Beside its source the data set of a flow may have a format. */
static json_t *dataset_spec(const json_t *spec)
{
	const json_t *dataset = json_object_get(spec, "dataset");
	json_t *source = json_copy((json_t *)dataset);

	(void)json_object_del(source, "format");
	return json_pack("{s:O, s:o, s:O*}", "name", json_object_get(spec, "name"), "source",
		source, "format", json_object_get(dataset, "format"));
}

json_t *flow_train_spec(const json_t *spec, const char *dataset_id)
{
	static const char *const passed[] = {"name", "script", "image", "algorithm", "dataset",
		"parameters", "compute", "requirements"};
	json_t *train = json_object();

	for (size_t i = 0; train != NULL && i < COUNT(passed); i++) {
		json_t *value = json_object_get(spec, passed[i]);

		if (value != NULL && json_object_set(train, passed[i], value) != 0) {
			json_decref(train);
			return NULL;
		}
	}
	if (train != NULL && dataset_id != NULL &&
		json_object_set_new(train, "dataset", json_string(dataset_id)) != 0) {
		json_decref(train);
		return NULL;
	}
	return train;
}

bool flow_makes_dataset(const json_t *spec)
{
	const json_t *dataset = json_object_get(spec, "dataset");

	return json_is_object(dataset) && json_object_get(dataset, "id") == NULL;
}

static json_t *train_spec_early(const json_t *spec)
{
	json_t *train = flow_train_spec(spec, NULL);

	if (train != NULL && flow_makes_dataset(spec))
		(void)json_object_del(train, "dataset");
	return train;
}

static json_t *model_spec(const json_t *spec, const char *training)
{
	return json_pack("{s:O, s:{s:s}, s:O*}", "name", json_object_get(spec, "name"), "source",
		"job", training, "server", json_object_get(spec, "server"));
}

json_t *flow_spec_early(const json_t *spec, enum flow_step step)
{
	json_t *early;

	if (step == FLOW_DATASET)
		return dataset_spec(spec);
	if (step == FLOW_TRAIN)
		return train_spec_early(spec);
	early = model_spec(spec, "");
	if (early != NULL)
		(void)json_object_del(early, "source");
	return early;
}

/* The data set of a flow is the source of its step, and the format beside it. */
static bool take_dataset(json_t *spec, json_t *definite)
{
	json_t *source = json_copy(json_object_get(definite, "source"));
	json_t *format = json_object_get(definite, "format");

	if (source != NULL && format != NULL && json_object_set(source, "format", format) != 0) {
		json_decref(source);
		return false;
	}
	return source == NULL || json_object_set_new(spec, "dataset", source) == 0;
}

bool flow_take_spec(json_t *spec, enum flow_step step, json_t *definite)
{
	const char *key;
	json_t *value;

	if (step == FLOW_DATASET)
		return take_dataset(spec, definite);
	json_object_foreach(definite, key, value)
	{
		if (json_object_get(spec, key) != NULL && json_object_set(spec, key, value) != 0)
			return false;
	}
	return true;
}

static json_t *endpoint_spec(const json_t *spec)
{
	json_t *name = json_object_get(spec, "endpoint");

	return json_pack("{s:O}", "name", name == NULL ? json_object_get(spec, "name") : name);
}

/* The id of the object a step made, as its provider's slots take it; owned, NULL: not known. */
static json_t *made(const struct job *step)
{
	struct fail ignored;
	json_t *result = step == NULL || step->result == NULL
	                         ? NULL
	                         : json_parse(step->result, strlen(step->result), &ignored);
	json_t *id = json_incref(json_object_get(result, "id"));

	json_decref(result);
	if (id == NULL && step != NULL && step->remote_name != NULL)
		id = json_string(step->remote_name);
	return id;
}

static json_t *step_request(
	const json_t *spec, const struct job *const steps[FLOW_STEP_COUNT], enum flow_step step)
{
	/* Of which step each step needs what it made. */
	static const enum flow_step before[FLOW_STEP_COUNT] = {
		[FLOW_TRAIN] = FLOW_DATASET, [FLOW_MODEL] = FLOW_TRAIN, [FLOW_DEPLOY] = FLOW_MODEL};
	json_t *object = made(steps[before[step]]);
	json_t *endpoint = made(steps[FLOW_ENDPOINT]);
	const char *id = json_string_value(object);
	json_t *request = NULL;

	switch (step) {
	case FLOW_DATASET:
		request = request_of(dataset_spec(spec), NULL);
		break;
	case FLOW_TRAIN:
		request = request_of(flow_train_spec(spec, id), NULL);
		break;
	case FLOW_MODEL:
		request = request_of(model_spec(spec, id), NULL);
		break;
	case FLOW_ENDPOINT:
		request = request_of(endpoint_spec(spec), NULL);
		break;
	default:
		request = request_of(json_pack("{s:s}", "model", id), json_string_value(endpoint));
		break;
	}
	json_decref(object);
	json_decref(endpoint);
	return request;
}

/* --- the next move --- */

static bool skipped(const json_t *spec, enum flow_step step)
{
	return step == FLOW_DATASET && !flow_makes_dataset(spec);
}

bool flow_has_step(const json_t *spec, enum flow_step step)
{
	const json_t *when = json_object_get(spec, "deploy_when");

	return !skipped(spec, step) &&
	       (step <= FLOW_TRAIN || json_is_true(when) || json_is_object(when));
}

/* A step that ended badly ends the flow the same way. */
static void end_with(struct flow_move *move, enum flow_step step, const struct job *job)
{
	end(move, job->state);
	(void)snprintf(move->text, sizeof(move->text), "%s: %s", flow_steps[step].word,
		job->error != NULL ? job->error : job_state_word(job->state));
}

static bool start(const json_t *spec, const struct job *const steps[FLOW_STEP_COUNT],
	bool cancelled, struct flow_move *move, struct fail *f)
{
	if (cancelled) {
		end(move, JOB_CANCELLED);
		return true;
	}
	move->kind = FLOW_START;
	move->request = step_request(spec, steps, move->step);
	return move->request != NULL || fail_set(f, FAIL_INTERNAL, "next step: out of memory");
}

bool flow_next(const json_t *spec, const struct job *const steps[FLOW_STEP_COUNT], bool cancelled,
	struct flow_move *ret_move, struct fail *f)
{
	struct fail ignored;

	*ret_move = (struct flow_move){.kind = FLOW_WAIT};
	for (unsigned i = 0; i < FLOW_STEP_COUNT; i++) {
		const struct job *job = steps[i];

		ret_move->step = (enum flow_step)i;
		if (skipped(spec, ret_move->step))
			continue;
		if (job == NULL)
			return start(spec, steps, cancelled, ret_move, f);
		if (JOB_BIT(job->state) & JOB_OPEN)
			return true;
		if (job->state != JOB_SUCCEEDED) {
			end_with(ret_move, ret_move->step, job);
			return true;
		}
		if (i == FLOW_TRAIN) {
			json_t *trained =
				job->result == NULL
					? NULL
					: json_parse(job->result, strlen(job->result), &ignored);
			bool deploy = wanted(spec, trained, ret_move);

			json_decref(trained);
			if (!deploy)
				return true;
		}
	}
	end(ret_move, JOB_SUCCEEDED);
	(void)snprintf(ret_move->text, sizeof(ret_move->text),
		"trained and deployed as endpoint %s", steps[FLOW_ENDPOINT]->remote_name);
	return true;
}
