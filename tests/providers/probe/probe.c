/*
 * probe - sends what it is told to, so that a test can try the host's way out with any request.
 * The script of a function is {"request":…,"flags"?,"max"?} and the answer {"head","body"}; in the
 * request the word "SECRET" as a part of a value stands for the secret "value".
 */
#include <davit/sdk.h>

#include <stdlib.h>
#include <string.h>

static int32_t DAVIT_CALL create(
	davit_host_query query, davit_call call, davit_buf config, davit_instance *ret_instance)
{
	struct davit_sdk_services *host = calloc(1, sizeof(*host));

	(void)call;
	(void)config;
	if (host == NULL || !davit_sdk_find_services(host, query) || host->http == NULL) {
		free(host);
		return DAVIT_INTERNAL;
	}
	*ret_instance = davit_sdk_number_of(host);
	return DAVIT_OK;
}

static void DAVIT_CALL destroy(davit_instance inst)
{
	free(davit_sdk_instance_of(inst));
}

static davit_secret open_secret(struct davit_sdk *sdk)
{
	davit_secret secret = 0;
	int32_t code = sdk->host->secret->open(sdk->call, davit_sdk_buf("value"), &secret);

	(void)davit_sdk_pass(sdk, code);
	return secret;
}

/* Copies v; a text "SECRET" becomes the secret. */
static void put(struct davit_sdk *sdk, struct davit_sdk_writer *w, const char *key,
	const struct davit_sdk_json *v)
{
	if (v->kind == DAVIT_SDK_TEXT && strcmp(v->text.p, "SECRET") == 0) {
		davit_sdk_open_object(w, key);
		davit_sdk_put_int(w, "secret", (int64_t)open_secret(sdk));
		davit_sdk_close_object(w);
	} else if (v->kind == DAVIT_SDK_ARRAY) {
		davit_sdk_open_array(w, key);
		for (v = v->first; v != NULL; v = v->next)
			put(sdk, w, NULL, v);
		davit_sdk_close_array(w);
	} else if (v->kind == DAVIT_SDK_OBJECT) {
		davit_sdk_open_object(w, key);
		for (v = v->first; v != NULL; v = v->next)
			put(sdk, w, v->name.p, v);
		davit_sdk_close_object(w);
	} else {
		davit_sdk_put_json(w, key, v);
	}
}

static int32_t DAVIT_CALL execute(davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct davit_sdk_answer answer;
	struct davit_sdk_writer w;

	davit_sdk_begin(&sdk, davit_sdk_instance_of(inst), call, request);
	const char *script = davit_sdk_need_text(&sdk, sdk.request, "/script");
	const struct davit_sdk_json *told = davit_sdk_parse(&sdk.mem, davit_sdk_buf(script), NULL);
	const struct davit_sdk_json *wanted = davit_sdk_need_object(&sdk, told, "/request");
	int64_t max = davit_sdk_int_at(told, "/max", 1 << 20);

	davit_sdk_write_begin(&w, &sdk.mem);
	put(&sdk, &w, NULL, wanted);
	(void)davit_sdk_http(&sdk, (uint32_t)davit_sdk_int_at(told, "/flags", 0), &w, 0, &answer);
	davit_buf body = davit_sdk_buf("");
	if (sdk.code == DAVIT_OK && answer.body != 0)
		body = davit_sdk_read_blob(&sdk, answer.body, (size_t)max);
	davit_sdk_write_begin(&w, &sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_open_object(&w, "output");
	davit_sdk_put_json(&w, "head", answer.head);
	davit_sdk_put_bytes(&w, "body", body);
	davit_sdk_close_object(&w);
	davit_sdk_close_object(&w);
	return davit_sdk_reply(&sdk, &w);
}

static const davit_core_1 core = {.size = sizeof(core), .create = create, .destroy = destroy};
static const davit_functions_1 functions = {.size = sizeof(functions), .execute = execute};

const void *DAVIT_CALL davit_provider_query(const char *id, uint32_t major)
{
	if (major == 1 && strcmp(id, DAVIT_CORE) == 0)
		return &core;
	return major == 1 && strcmp(id, DAVIT_FUNCTIONS) == 0 ? &functions : NULL;
}
