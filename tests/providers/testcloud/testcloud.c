/* testcloud - the instance and the tables; see testcloud.h. */
#include "testcloud.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void talk_begin(struct talk *t, davit_instance inst, davit_call call, davit_buf request)
{
	t->cloud = davit_sdk_instance_of(inst);
	(void)davit_sdk_begin(&t->sdk, &t->cloud->host, call, request);
}

/* --- davit.core --- */

/* What we cannot do without. */
static int32_t need_services(struct davit_sdk *sdk)
{
	const struct davit_sdk_services *host = sdk->host;

	if (host->http == NULL || host->secret == NULL || host->token == NULL)
		davit_sdk_fail(sdk, DAVIT_UNSUPPORTED, "this host lacks %s",
			host->http == NULL     ? DAVIT_HOST_HTTP
			: host->secret == NULL ? DAVIT_HOST_SECRET
					       : DAVIT_HOST_TOKEN);
	return sdk->code;
}

/* Copies a text of the settings; without a slash at its end, as addresses are written. */
static void read_setting(struct davit_sdk *sdk, const char *pointer, char *place, size_t room)
{
	const char *text = davit_sdk_or_text(sdk, sdk->request, pointer, "");
	size_t n = strlen(text);

	while (n > 0 && text[n - 1] == '/')
		n--;
	if (snprintf(place, room, "%.*s", (int)n, text) >= (int)room)
		davit_sdk_fail_at(sdk, DAVIT_INVALID, pointer, "%s is too long", pointer);
}

/* config satisfies the manifest's config_schema. */
static int32_t DAVIT_CALL create(
	davit_host_query query, davit_call call, davit_buf config, davit_instance *ret_instance)
{
	struct testcloud *cloud = calloc(1, sizeof(*cloud));
	struct davit_sdk sdk;

	if (cloud == NULL || !davit_sdk_find_services(&cloud->host, query)) {
		free(cloud);
		return DAVIT_INTERNAL;
	}
	davit_sdk_begin(&sdk, &cloud->host, call, config);
	read_setting(&sdk, "/endpoint", cloud->endpoint, sizeof(cloud->endpoint));
	read_setting(&sdk, "/client_id", cloud->client_id, sizeof(cloud->client_id));
	cloud->poll_ms = davit_sdk_int_at(sdk.request, "/poll_ms", 0);
	if (need_services(&sdk) != DAVIT_OK) {
		free(cloud);
		return sdk.code;
	}
	*ret_instance = davit_sdk_number_of(cloud);
	return DAVIT_OK;
}

static void DAVIT_CALL destroy(davit_instance inst)
{
	free(davit_sdk_instance_of(inst));
}

/* The shortest list: it needs the network, a token, and the right to look. */
static int32_t DAVIT_CALL check(davit_instance inst, davit_call call, davit_buf request)
{
	struct talk t;
	struct davit_sdk_writer w;

	talk_begin(&t, inst, call, request);
	(void)cloud_ask(&t,
		&(struct ask){.operation = "list",
			.method = "GET",
			.collection = "jobs",
			.query = "?pageSize=1"},
		NULL);
	davit_sdk_write_begin(&w, &t.sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_bool(&w, "ok", true);
	davit_sdk_close_object(&w);
	return davit_sdk_reply(&t.sdk, &w);
}

/* --- the families: what the slots of objects.c are told --- */

static const struct family training_family = {
	"jobs", {{"train", WAY_TOKEN, "/spec/settings"}, {"automl", WAY_NAME, "/spec/settings"},
			{"custom_script", WAY_SEARCH, "/spec/settings"},
			{"command", WAY_NONE, "/spec/command"}}};
static const struct family datasets_family = {"datasets", {{"create", WAY_NAME, "/spec/source"}}};
static const struct family models_family = {"models", {{"register", WAY_TOKEN, "/spec/source"}}};
static const struct family deployment_family = {
	"endpoints", {{"register", WAY_NAME, "/spec/settings"}}};

/* NOLINTBEGIN(bugprone-macro-parentheses): names. */
#define SLOT(family, slot)                                                                         \
	static int32_t DAVIT_CALL family##_##slot(                                                 \
		davit_instance inst, davit_call call, davit_buf request)                           \
	{                                                                                          \
		struct talk t;                                                                     \
                                                                                                   \
		talk_begin(&t, inst, call, request);                                               \
		return objects_##slot(&t, &family##_family);                                       \
	}

#define SLOTS(family)                                                                              \
	SLOT(family, validate)                                                                     \
	SLOT(family, submit)                                                                       \
	SLOT(family, find)                                                                         \
	SLOT(family, poll)                                                                         \
	SLOT(family, cancel)                                                                       \
	SLOT(family, get)                                                                          \
	SLOT(family, list)                                                                         \
	SLOT(family, remove)

/* Kind "register" makes an endpoint; the other two change what is on one. */
#define ENDPOINT_SLOT(slot)                                                                        \
	static int32_t DAVIT_CALL endpoint_##slot(                                                 \
		davit_instance inst, davit_call call, davit_buf request)                           \
	{                                                                                          \
		struct talk t;                                                                     \
                                                                                                   \
		talk_begin(&t, inst, call, request);                                               \
		return registers(&t) ? objects_##slot(&t, &deployment_family) : deploy_##slot(&t); \
	}

#define PREDICTION_SLOT(slot)                                                                      \
	static int32_t DAVIT_CALL prediction_##slot(                                               \
		davit_instance inst, davit_call call, davit_buf request)                           \
	{                                                                                          \
		struct talk t;                                                                     \
                                                                                                   \
		talk_begin(&t, inst, call, request);                                               \
		return predict_##slot(&t);                                                         \
	}

#define FILLED(family)                                                                             \
	.validate = family##_validate, .submit = family##_submit, .find = family##_find,           \
	.poll = family##_poll, .cancel = family##_cancel, .get = family##_get,                     \
	.list = family##_list, .remove = family##_remove
/* NOLINTEND(bugprone-macro-parentheses) */

SLOTS(training)
SLOT(training, logs)
SLOTS(datasets)
SLOTS(models)

static bool registers(struct talk *t)
{
	return strcmp(davit_sdk_text_at(t->sdk.request, "/kind", ""), "register") == 0;
}

SLOT(deployment, validate)
ENDPOINT_SLOT(submit)
ENDPOINT_SLOT(find)
ENDPOINT_SLOT(poll)
SLOT(deployment, cancel)
SLOT(deployment, get)
SLOT(deployment, list)
SLOT(deployment, remove)

PREDICTION_SLOT(infer)
PREDICTION_SLOT(explain)

/* --- the tables: what stands in them must stand in manifest.json, and nothing else --- */

static const davit_core_1 core = {
	.size = sizeof(core), .create = create, .destroy = destroy, .check = check};
static const davit_training_1 training = {
	.size = sizeof(training), FILLED(training), .logs = training_logs};
static const davit_datasets_1 datasets = {.size = sizeof(datasets), FILLED(datasets)};
static const davit_models_1 models = {.size = sizeof(models), FILLED(models)};
static const davit_deployment_1 deployment = {.size = sizeof(deployment),
	.validate = deployment_validate,
	.submit = endpoint_submit,
	.find = endpoint_find,
	.poll = endpoint_poll,
	.cancel = deployment_cancel,
	.get = deployment_get,
	.list = deployment_list,
	.remove = deployment_remove};
static const davit_prediction_1 prediction = {
	.size = sizeof(prediction), .infer = prediction_infer, .explain = prediction_explain};

const void *DAVIT_CALL davit_provider_query(const char *id, uint32_t major)
{
	static const struct {
		const char *id;
		const void *table;
	} tables[] = {
		{DAVIT_CORE, &core},
		{DAVIT_TRAINING, &training},
		{DAVIT_DATASETS, &datasets},
		{DAVIT_MODELS, &models},
		{DAVIT_DEPLOYMENT, &deployment},
		{DAVIT_PREDICTION, &prediction},
	};

	for (size_t i = 0; i < COUNT(tables) && major == 1; i++)
		if (strcmp(tables[i].id, id) == 0)
			return tables[i].table;
	return NULL;
}
