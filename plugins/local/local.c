/*
 * local - the provider that trains and serves on this machine: its entry, its tables and its
 * instances. Everything it does to the world goes through the host's process, blob and kv
 * services.
 */
#include "local.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "function.h"
#include "models.h"
#include "servers.h"

struct local {
	struct davit_sdk_services host;
	size_t settings_n;
	char settings[]; /* the text create() was given */
};

static struct local *instance(davit_instance inst)
{
	return (struct local *)(uintptr_t)inst; /* NOLINT(performance-no-int-to-ptr): our number */
}

static const struct davit_sdk_json *read_settings(struct local_call *c, const struct local *local)
{
	const struct davit_sdk_json *settings =
		davit_sdk_parse(&c->sdk.mem, (davit_buf){local->settings, local->settings_n}, NULL);

	if (settings == NULL)
		(void)davit_sdk_fail(
			&c->sdk, DAVIT_INTERNAL, "no memory left for the provider's settings");
	return settings;
}

int32_t local_begin(struct local_call *c, davit_instance inst, davit_call call, davit_buf request)
{
	const struct local *local = instance(inst);

	c->settings = NULL;
	c->names = NULL;
	if (davit_sdk_begin(&c->sdk, &local->host, call, request) == DAVIT_OK)
		c->settings = read_settings(c, local);
	return c->sdk.code;
}

int32_t local_again(struct local_call *c, const struct local_call *other)
{
	c->settings = other->settings;
	c->names = NULL;
	return davit_sdk_begin(&c->sdk, other->sdk.host, other->sdk.call, davit_sdk_buf("{}"));
}

void *local_alloc(struct local_call *c, size_t n)
{
	void *p = davit_sdk_alloc(&c->sdk.mem, n);

	if (p == NULL)
		(void)davit_sdk_fail(&c->sdk, DAVIT_INTERNAL, "no memory left for this call");
	return p;
}

const char *local_text(struct local_call *c, const char *fmt, ...)
{
	va_list args;
	va_list again;
	char *text;
	int n;

	va_start(args, fmt);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	text = n < 0 ? NULL : local_alloc(c, (size_t)n + 1);
	if (text != NULL)
		(void)vsnprintf(text, (size_t)n + 1, fmt, again);
	va_end(again);
	return text != NULL ? text : "";
}

int32_t local_check(struct local_call *c, int32_t code)
{
	if (c->sdk.code == DAVIT_OK)
		c->sdk.code = code;
	return c->sdk.code;
}

/* --- the instance --- */

static int32_t missing_service(const struct davit_sdk_services *host, davit_call call)
{
	const char *text = "";

	if (host->kv == NULL)
		text = "the host has no service " DAVIT_HOST_KV;
	else if (host->blob == NULL)
		text = "the host has no service " DAVIT_HOST_BLOB;
	else if (host->process == NULL)
		text = "the host has no service " DAVIT_HOST_PROCESS
		       " for this provider (grant \"process\")";
	else
		return DAVIT_OK;
	return host->core->fail(call, DAVIT_UNSUPPORTED, davit_sdk_buf(text), davit_sdk_buf(NULL));
}

/* What the schema of the settings cannot say. */
static int32_t check_settings(struct local_call *c)
{
	const char *python = davit_sdk_text_at(c->settings, "/python", "/");

	if (python[0] != '/')
		return davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, "/python",
			"python must be an absolute path, not '%s'", python);
	return c->sdk.code;
}

static int32_t DAVIT_CALL create(
	davit_host_query query, davit_call call, davit_buf config, davit_instance *ret_instance)
{
	struct davit_sdk_services host;
	struct local *local;
	struct local_call c;
	int32_t code;

	if (!davit_sdk_find_services(&host, query))
		return DAVIT_INTERNAL;
	code = missing_service(&host, call);
	if (code != DAVIT_OK)
		return code;
	local = malloc(sizeof(*local) + config.n);
	if (local == NULL)
		return host.core->fail(call, DAVIT_INTERNAL,
			davit_sdk_buf("no memory left for the provider"), davit_sdk_buf(NULL));
	*local = (struct local){.host = host, .settings_n = config.n};
	memcpy(local->settings, config.p, config.n);
	(void)local_begin(&c, (davit_instance)(uintptr_t)local, call, davit_sdk_buf("{}"));
	code = check_settings(&c);
	if (code != DAVIT_OK) {
		free(local);
		return code;
	}
	servers_recover(&c);
	function_recover(&c);
	models_recover(&c);
	*ret_instance = (davit_instance)(uintptr_t)local;
	return DAVIT_OK;
}

static void DAVIT_CALL destroy(davit_instance inst)
{
	free(instance(inst));
}

static LOCAL_SLOT(check)
{
	struct local_call c;
	struct davit_sdk_writer w;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	davit_sdk_write_begin(&w, &c.sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_bool(&w, "ok", true);
	davit_sdk_close_object(&w);
	return davit_sdk_reply(&c.sdk, &w);
}

/* --- the tables --- */

static const davit_core_1 core = {
	.size = sizeof(core),
	.create = create,
	.destroy = destroy,
	.check = check,
};

static const davit_training_1 training = {
	.size = sizeof(training),
	.validate = training_validate,
	.submit = training_submit,
	.find = training_find,
	.poll = training_poll,
	.cancel = training_cancel,
	.get = training_get,
	.list = training_list,
	.remove = training_remove,
	.logs = training_logs,
	.metrics = training_metrics,
	.outputs = training_outputs,
};

static const davit_datasets_1 datasets = {
	.size = sizeof(datasets),
	.validate = datasets_validate,
	.submit = datasets_submit,
	.find = datasets_find,
	.poll = datasets_poll,
	.cancel = datasets_cancel,
	.get = datasets_get,
	.list = datasets_list,
	.remove = datasets_remove,
	.export_ = datasets_export,
	.tag = datasets_tag,
};

static const davit_models_1 models = {
	.size = sizeof(models),
	.validate = models_validate,
	.submit = models_submit,
	.find = models_find,
	.poll = models_poll,
	.cancel = models_cancel,
	.get = models_get,
	.list = models_list,
	.remove = models_remove,
	.export_ = models_export,
	.tag = models_tag,
};

static const davit_deployment_1 deployment = {
	.size = sizeof(deployment),
	.validate = deployment_validate,
	.submit = deployment_submit,
	.find = deployment_find,
	.poll = deployment_poll,
	.cancel = deployment_cancel,
	.get = endpoints_get,
	.list = endpoints_list,
	.remove = endpoints_remove,
	.logs = deployment_logs,
};

static const davit_prediction_1 prediction = {
	.size = sizeof(prediction),
	.infer = prediction_infer,
	.explain = prediction_explain,
};

static const davit_environments_1 environments = {
	.size = sizeof(environments),
	.list = environments_list,
	.remove = environments_remove,
};

static const davit_inference_1 inference = {
	.size = sizeof(inference),
	.validate = inference_validate,
	.submit = inference_submit,
	.find = inference_find,
	.poll = inference_poll,
	.cancel = inference_cancel,
	.get = inference_get,
	.list = inference_list,
	.remove = inference_remove,
	.logs = inference_logs,
	.metrics = inference_metrics,
	.outputs = inference_outputs,
};

static const davit_functions_1 functions = {
	.size = sizeof(functions),
	.execute = functions_execute,
};

static const struct {
	const char *id;
	const void *table;
} interfaces[] = {
	{DAVIT_CORE, &core},
	{DAVIT_TRAINING, &training},
	{DAVIT_DATASETS, &datasets},
	{DAVIT_MODELS, &models},
	{DAVIT_DEPLOYMENT, &deployment},
	{DAVIT_PREDICTION, &prediction},
	{DAVIT_INFERENCE, &inference},
	{DAVIT_FUNCTIONS, &functions},
	{DAVIT_ENVIRONMENTS, &environments},
};

DAVIT_EXPORT const void *DAVIT_CALL davit_provider_query(const char *id, uint32_t major)
{
	for (size_t i = 0; major == 1 && i < LOCAL_COUNT(interfaces); i++) {
		if (strcmp(interfaces[i].id, id) == 0)
			return interfaces[i].table;
	}
	return NULL;
}
