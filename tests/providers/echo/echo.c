/* echo - the entry, the instances and the tables of the test provider; see echo.h. */
#include "echo.h"

#include <stdlib.h>
#include <string.h>

const struct echo *echo_of(davit_instance inst)
{
	return davit_sdk_instance_of(inst);
}

int32_t echo_begin(struct davit_sdk *sdk, davit_instance inst, davit_call call, davit_buf request)
{
	return davit_sdk_begin(sdk, &echo_of(inst)->host, call, request);
}

/* --- core --- */

static int32_t DAVIT_CALL create(
	davit_host_query query, davit_call call, davit_buf config, davit_instance *ret_instance)
{
	struct davit_sdk_services host;
	struct davit_sdk sdk;
	int32_t code = DAVIT_OK;

	if (!davit_sdk_find_services(&host, query))
		return DAVIT_INTERNAL;
	davit_sdk_begin(&sdk, &host, call, config);
	const char *words = davit_sdk_or_text(&sdk, sdk.request, "/behave", "");
	int64_t poll_ms = davit_sdk_or_int(&sdk, sdk.request, "/poll_ms", 10);
	if (sdk.code != DAVIT_OK || !behave_before(&sdk, words, "create", &code))
		return sdk.code != DAVIT_OK ? sdk.code : code;
	struct echo *echo = calloc(1, sizeof(*echo));
	if (echo == NULL || strlen(words) >= sizeof(echo->behave)) {
		free(echo);
		return davit_sdk_fail_at(&sdk, DAVIT_INVALID, "/behave", "too many words");
	}
	echo->host = host;
	echo->poll_ms = poll_ms;
	memcpy(echo->behave, words, strlen(words) + 1);
	*ret_instance = davit_sdk_number_of(echo);
	return DAVIT_OK;
}

static void DAVIT_CALL destroy(davit_instance inst)
{
	free(davit_sdk_instance_of(inst));
}

static int32_t DAVIT_CALL check(davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct davit_sdk_writer w;
	int32_t code = DAVIT_OK;

	echo_begin(&sdk, inst, call, request);
	if (!behave_before(&sdk, echo_of(inst)->behave, "check", &code))
		return code;
	davit_sdk_write_begin(&w, &sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_bool(&w, "ok", true);
	davit_sdk_put_json(&w, "connection", davit_sdk_member(sdk.request, "connection"));
	davit_sdk_close_object(&w);
	return davit_sdk_reply(&sdk, &w);
}

static const davit_core_1 core = {
	.size = sizeof(core), .create = create, .destroy = destroy, .check = check};

/* --- the tables: each slot is one of jobs.c for the interface's own objects --- */

/* NOLINTBEGIN(bugprone-macro-parentheses): names. */
#define SLOT(family, slot)                                                                         \
	static int32_t DAVIT_CALL family##_##slot(                                                 \
		davit_instance inst, davit_call call, davit_buf request)                           \
	{                                                                                          \
		return jobs_##slot(#family, inst, call, request);                                  \
	}

#define SLOTS(family)                                                                              \
	SLOT(family, validate)                                                                     \
	SLOT(family, submit)                                                                       \
	SLOT(family, find)                                                                         \
	SLOT(family, poll)                                                                         \
	SLOT(family, cancel)                                                                       \
	SLOT(family, get)                                                                          \
	SLOT(family, list)                                                                         \
	SLOT(family, remove)                                                                       \
	SLOT(family, logs)                                                                         \
	SLOT(family, metrics)                                                                      \
	SLOT(family, migrate_ref)                                                                  \
	SLOT(family, outputs)

#define FILLED(family)                                                                             \
	.validate = family##_validate, .submit = family##_submit, .find = family##_find,           \
	.poll = family##_poll, .cancel = family##_cancel, .get = family##_get,                     \
	.list = family##_list, .remove = family##_remove, .logs = family##_logs,                   \
	.metrics = family##_metrics, .migrate_ref = family##_migrate_ref,                          \
	.outputs = family##_outputs
/* NOLINTEND(bugprone-macro-parentheses) */

SLOTS(training)
SLOTS(inference)
SLOTS(deployment)
SLOTS(models)
SLOTS(datasets)
SLOT(datasets, export)

static const davit_training_1 training = {.size = sizeof(training), FILLED(training)};
static const davit_inference_1 inference = {.size = sizeof(inference), FILLED(inference)};
static const davit_deployment_1 deployment = {.size = sizeof(deployment), FILLED(deployment)};
static const davit_models_1 models = {.size = sizeof(models), FILLED(models)};
static const davit_datasets_1 datasets = {
	.size = sizeof(datasets), FILLED(datasets), .export_ = datasets_export};
static const davit_prediction_1 prediction = {
	.size = sizeof(prediction), .infer = predict_infer, .explain = predict_explain};
static const davit_functions_1 functions = {.size = sizeof(functions), .execute = exercise_execute};

static const struct {
	const char *id;
	const void *table;
} tables[] = {
	{DAVIT_CORE, &core},
	{DAVIT_TRAINING, &training},
	{DAVIT_INFERENCE, &inference},
	{DAVIT_DEPLOYMENT, &deployment},
	{DAVIT_MODELS, &models},
	{DAVIT_DATASETS, &datasets},
	{DAVIT_PREDICTION, &prediction},
	{DAVIT_FUNCTIONS, &functions},
};

const void *DAVIT_CALL davit_provider_query(const char *id, uint32_t major)
{
	for (size_t i = 0; i < COUNT(tables) && major == 1; i++)
		if (strcmp(tables[i].id, id) == 0)
			return tables[i].table;
	return NULL;
}
