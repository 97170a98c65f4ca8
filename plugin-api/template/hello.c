/*
 * hello - a provider to begin with: data sets of numbers, kept in the host's kv, and a
 * "model" that predicts their mean. Build and load it, then replace it slot by slot.
 *
 * What to see here: an instance holds only what create() found; every call reads the rest
 * from the host; a failure sticks, so that slots are straight lines and look at their end.
 */
#include <davit/sdk.h>

#include <stdlib.h>
#include <string.h>

struct hello {
	struct davit_sdk_services host;
	char greeting[128];
};

/* The number we gave the host is the address of our instance. */
static struct hello *hello_of(davit_instance inst)
{
	return davit_sdk_instance_of(inst);
}

static void begin(struct davit_sdk *sdk, davit_instance inst, davit_call call, davit_buf request)
{
	(void)davit_sdk_begin(sdk, &hello_of(inst)->host, call, request);
}

/* --- davit.core --- */

/* config satisfies the manifest's config_schema: the host looked before it called. */
static int32_t DAVIT_CALL create(
	davit_host_query query, davit_call call, davit_buf config, davit_instance *ret_instance)
{
	struct hello *hello = calloc(1, sizeof(*hello));
	struct davit_sdk sdk;

	if (hello == NULL || !davit_sdk_find_services(&hello->host, query)) {
		free(hello);
		return DAVIT_INTERNAL;
	}
	davit_sdk_begin(&sdk, &hello->host, call, config);
	const char *greeting = davit_sdk_or_text(&sdk, sdk.request, "/greeting", "hello");
	if (strlen(greeting) >= sizeof(hello->greeting))
		davit_sdk_fail_at(&sdk, DAVIT_INVALID, "/greeting", "the greeting is too long");
	if (sdk.code != DAVIT_OK) {
		free(hello);
		return sdk.code;
	}
	memcpy(hello->greeting, greeting, strlen(greeting) + 1);
	*ret_instance = davit_sdk_number_of(hello);
	return DAVIT_OK;
}

static void DAVIT_CALL destroy(davit_instance inst)
{
	free(hello_of(inst));
}

/* --- davit.datasets: one kv value each, at dataset/ID --- */

static const char *key_of(struct davit_sdk *sdk, const char *id)
{
	const char *key = davit_sdk_format(&sdk->mem, "dataset/%s", id);

	return key != NULL ? key : "dataset/";
}

/* The data set, or NULL and the call has failed. */
static const struct davit_sdk_json *load(struct davit_sdk *sdk, const char *id)
{
	const struct davit_sdk_json *v = davit_sdk_kv_get(sdk, key_of(sdk, id), NULL);

	if (v == NULL && sdk->code == DAVIT_OK)
		davit_sdk_fail(sdk, DAVIT_NOT_FOUND, "there is no data set '%s'", id);
	return v;
}

/* The answer of a job slot: the neutral object, and ref for the polls to come. A data set is
 * there at once, so its job has succeeded with the first answer. */
static int32_t reply_made(struct davit_sdk *sdk, const struct davit_sdk_json *v)
{
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &sdk->mem);
	davit_sdk_put_json(&w, NULL, v);
	return davit_sdk_reply_state(sdk, DAVIT_STATE_SUCCEEDED, 0, &w);
}

/* The host may ask twice for one submission: derived_name is the same then, and the second
 * write finds the first. That is what "idempotency": "name" promises. */
static int32_t DAVIT_CALL dataset_submit(davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct davit_sdk_writer w;

	begin(&sdk, inst, call, request);
	const char *id = davit_sdk_need_text(&sdk, sdk.request, "/derived_name");
	davit_sdk_write_begin(&w, &sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_text(&w, "id", id);
	davit_sdk_put_text(&w, "name", davit_sdk_need_text(&sdk, sdk.request, "/spec/name"));
	davit_sdk_put_text(&w, "uri", davit_sdk_format(&sdk.mem, "hello://datasets/%s", id));
	davit_sdk_put_text(&w, "state", "SUCCEEDED");
	davit_sdk_put_int(&w, "created", sdk.host->core->now_ms(call));
	davit_sdk_open_object(&w, "ref");
	davit_sdk_put_int(&w, "v", 1);
	davit_sdk_put_text(&w, "id", id);
	davit_sdk_close_object(&w);
	davit_sdk_put_json(&w, "rows", davit_sdk_need_array(&sdk, sdk.request, "/spec/rows"));
	davit_sdk_close_object(&w);
	(void)davit_sdk_kv_cas(&sdk, key_of(&sdk, id), &w, 0); /* false: the first one stays */
	return reply_made(&sdk, load(&sdk, id));
}

/* find and poll in one: both are told the derived name, and both answer how things stand. */
static int32_t DAVIT_CALL dataset_find(davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;

	begin(&sdk, inst, call, request);
	return reply_made(
		&sdk, load(&sdk, davit_sdk_need_text(&sdk, sdk.request, "/derived_name")));
}

static int32_t DAVIT_CALL dataset_get(davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct davit_sdk_writer w;

	begin(&sdk, inst, call, request);
	davit_sdk_write_begin(&w, &sdk.mem);
	davit_sdk_put_json(&w, NULL, load(&sdk, davit_sdk_need_text(&sdk, sdk.request, "/id")));
	return davit_sdk_reply(&sdk, &w);
}

static int32_t DAVIT_CALL dataset_list(davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct davit_sdk_writer w;
	struct davit_sdk_kv_scan scan = {.prefix = "dataset/"};

	begin(&sdk, inst, call, request);
	davit_sdk_write_begin(&w, &sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_open_array(&w, "items");
	while (davit_sdk_kv_next(&sdk, &scan))
		davit_sdk_put_json(&w, NULL, scan.value);
	davit_sdk_close_array(&w);
	davit_sdk_close_object(&w);
	return davit_sdk_reply(&sdk, &w);
}

/* Answers the object as it was. */
static int32_t DAVIT_CALL dataset_remove(davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct davit_sdk_writer w;

	begin(&sdk, inst, call, request);
	const char *id = davit_sdk_need_text(&sdk, sdk.request, "/id");
	davit_sdk_write_begin(&w, &sdk.mem);
	davit_sdk_put_json(&w, NULL, load(&sdk, id));
	if (sdk.code == DAVIT_OK)
		davit_sdk_kv_del(&sdk, key_of(&sdk, id));
	return davit_sdk_reply(&sdk, &w);
}

/* --- davit.prediction --- */

static double mean_of(const struct davit_sdk_json *rows)
{
	double sum = 0;

	for (const struct davit_sdk_json *v = rows->first; v != NULL; v = v->next)
		sum += v->number;
	return rows->count > 0 ? sum / rows->count : 0;
}

/* The endpoint's id is that of a data set. The caller's bytes, which we do not need, would be
 * in the blob /body: davit_sdk_read_blob(). */
static int32_t DAVIT_CALL infer(davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct davit_sdk_writer w;

	begin(&sdk, inst, call, request);
	const char *id = davit_sdk_need_text(&sdk, sdk.request, "/id");
	double mean = mean_of(davit_sdk_need_array(&sdk, load(&sdk, id), "/rows"));
	davit_sdk_write_begin(&w, &sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_text(&w, "greeting", hello_of(inst)->greeting);
	davit_sdk_put_number(&w, "prediction", mean);
	davit_sdk_close_object(&w);
	return davit_sdk_reply_bytes(&sdk, "application/json", 0, davit_sdk_write_end(&w));
}

/* --- the tables: what stands in them must stand in manifest.json, and nothing else --- */

static const davit_core_1 core = {.size = sizeof(core), .create = create, .destroy = destroy};

static const davit_datasets_1 datasets = {.size = sizeof(datasets),
	.submit = dataset_submit,
	.find = dataset_find,
	.poll = dataset_find,
	.get = dataset_get,
	.list = dataset_list,
	.remove = dataset_remove};

static const davit_prediction_1 prediction = {.size = sizeof(prediction), .infer = infer};

const void *DAVIT_CALL davit_provider_query(const char *id, uint32_t major)
{
	static const struct {
		const char *id;
		const void *table;
	} tables[] = {
		{DAVIT_CORE, &core}, {DAVIT_DATASETS, &datasets}, {DAVIT_PREDICTION, &prediction}};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && major == 1; i++)
		if (strcmp(id, tables[i].id) == 0)
			return tables[i].table;
	return NULL;
}
