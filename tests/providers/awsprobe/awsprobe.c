/*
 * awsprobe - asks who it is, signed with whatever credentials the kit finds. The script of a
 * function is {"url", "place": {"region"?, "sts"?, "container"?, "metadata"?, "machine"?}} and the
 * answer {"origin", "status", "body"}. Credentials that have ended are dropped and found again.
 */
#include <davit/sdk.h>

#include <stdlib.h>
#include <string.h>

#include "kit/aws_account.h"
#include "kit/aws_error.h"

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

static const char *or_null(const struct davit_sdk_json *v, const char *pointer)
{
	const char *text = davit_sdk_text_at(v, pointer, "");

	return text[0] != '\0' ? text : NULL;
}

static struct aws_place place_of(struct davit_sdk *sdk, const struct davit_sdk_json *told)
{
	const char *region = or_null(told, "/place/region");

	return (struct aws_place){
		.region = region != NULL ? region : aws_account_region(sdk),
		.sts = or_null(told, "/place/sts"),
		.container = or_null(told, "/place/container"),
		.metadata = or_null(told, "/place/metadata"),
		.machine = davit_sdk_bool_at(told, "/place/machine", false),
	};
}

static bool ask(struct davit_sdk *sdk, const char *url, const struct aws_account *account,
	struct davit_sdk_answer *answer)
{
	const char *host = strstr(url, "://") != NULL ? strstr(url, "://") + 3 : url;
	struct sigv4_request r = {"GET", host, "/", "who=am%20i", NULL, 0, NULL};
	struct davit_sdk_writer w;
	struct sigv4_signed g;
	struct sigv4 s;

	sigv4_begin(&s, sdk, &account->keys, "us-east-1", "who", SIGV4_TELL_PAYLOAD);
	if (!sigv4_sign(&s, &r, &g))
		return false;
	davit_sdk_write_begin(&w, &sdk->mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_text(&w, "operation", "who");
	davit_sdk_put_text(&w, "method", "GET");
	davit_sdk_put_text(&w, "url", davit_sdk_format(&sdk->mem, "%s/?%s", url, r.query));
	davit_sdk_open_array(&w, "headers");
	sigv4_put_headers(&w, &s, &r, &g);
	davit_sdk_close_array(&w);
	davit_sdk_close_object(&w);
	return davit_sdk_http(sdk, 0, &w, 0, answer) == DAVIT_OK;
}

static bool has_ended(struct davit_sdk *sdk, const struct davit_sdk_answer *answer)
{
	struct aws_error error;

	if (answer->status != 403)
		return false;
	aws_error_read(sdk, answer, &error);
	return strcmp(error.code, "ExpiredToken") == 0;
}

static int32_t DAVIT_CALL execute(davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct davit_sdk_answer answer = {0};
	struct davit_sdk_writer w;
	struct aws_account account = {.origin = ""};

	davit_sdk_begin(&sdk, davit_sdk_instance_of(inst), call, request);
	const char *script = davit_sdk_need_text(&sdk, sdk.request, "/script");
	const struct davit_sdk_json *told = davit_sdk_parse(&sdk.mem, davit_sdk_buf(script), NULL);
	const struct aws_place place = place_of(&sdk, told);
	const char *url = davit_sdk_need_text(&sdk, told, "/url");

	for (int turn = 1; turn <= 2; turn++) {
		if (!aws_account_find(&sdk, &place, &account) ||
			!ask(&sdk, url, &account, &answer) || !has_ended(&sdk, &answer) ||
			!aws_account_drop(&sdk, &account))
			break;
	}
	davit_buf body = davit_sdk_buf("");
	if (sdk.code == DAVIT_OK && answer.status == 200)
		body = davit_sdk_read_blob(&sdk, answer.body, 65536);
	davit_sdk_write_begin(&w, &sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_open_object(&w, "output");
	davit_sdk_put_text(&w, "origin", account.origin);
	davit_sdk_put_int(&w, "status", answer.status);
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
