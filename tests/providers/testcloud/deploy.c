/*
 * deploy - models on endpoints. What is deployed has an id, which is ours to choose: the derived
 * name. So a second submit is refused by the cloud, and what it made is found on the endpoint.
 */
#include "testcloud.h"

#include <string.h>

#define ENDPOINTS "endpoints"

/* What is deployed under that id, or NULL. */
static const struct davit_sdk_json *part_of(const struct davit_sdk_json *endpoint, const char *id)
{
	const struct davit_sdk_json *v = davit_sdk_member(endpoint, "deployedModels");

	for (v = v != NULL ? v->first : NULL; v != NULL; v = v->next)
		if (strcmp(davit_sdk_text_at(v, "/id", ""), id) == 0)
			return v;
	return NULL;
}

/* Is the call about taking a model off? */
static bool undeploys(struct talk *t)
{
	return strcmp(davit_sdk_need_text(&t->sdk, t->sdk.request, "/kind"), "undeploy") == 0;
}

static const struct davit_sdk_json *get_endpoint(struct talk *t, const char *id)
{
	return cloud_ask(t,
		&(struct ask){
			.operation = "get", .method = "GET", .collection = ENDPOINTS, .id = id},
		NULL);
}

/* As things stand: what was deployed is there, or what was taken off is gone. */
static int32_t reply(struct talk *t, const struct davit_sdk_json *endpoint, const char *part_id)
{
	const struct davit_sdk_json *part = part_of(endpoint, part_id);

	if (t->sdk.code == DAVIT_OK && undeploys(t) != (part == NULL))
		davit_sdk_fail(&t->sdk, DAVIT_NOT_FOUND, "'%s' is %s endpoint '%s'", part_id,
			part == NULL ? "not on" : "still on",
			davit_sdk_text_at(endpoint, "/id", ""));
	return object_reply(
		t, &(struct made){endpoint, part != NULL ? part : endpoint, ENDPOINTS, part_id});
}

/* The id of what is deployed, or taken off, by this submission. */
static const char *part_id_of(struct talk *t)
{
	const char *pointer = undeploys(t) ? "/spec/deployment" : "/derived_name";

	return davit_sdk_need_text(&t->sdk, t->sdk.request, pointer);
}

static void write_placement(struct talk *t, struct davit_sdk_writer *w)
{
	const struct davit_sdk_json *v = davit_sdk_at(t->sdk.request, "/spec/behaviour");

	davit_sdk_write_begin(w, &t->sdk.mem);
	davit_sdk_open_object(w, NULL);
	davit_sdk_put_text(w, "id", part_id_of(t));
	davit_sdk_put_json(w, "model", davit_sdk_at(t->sdk.request, "/spec/model"));
	for (v = v != NULL ? v->first : NULL; v != NULL; v = v->next)
		davit_sdk_put_json(w, v->name.p, v);
	davit_sdk_close_object(w);
}

/* The refusal of a second time, 409 or 404, is as good as the first answer; a look at the
 * endpoint tells it from other ones. */
int32_t deploy_submit(struct talk *t)
{
	struct davit_sdk_writer body;
	int64_t status = 0;

	bool off = undeploys(t);
	const char *endpoint_id = davit_sdk_need_text(&t->sdk, t->sdk.request, "/id");
	write_placement(t, &body);
	const struct davit_sdk_json *v = cloud_ask(t,
		&(struct ask){
			.operation = off ? "undeploy" : "deploy",
			.flags = DAVIT_HTTP_MUTATES | DAVIT_HTTP_IDEMPOTENT,
			.method = "POST",
			.collection = ENDPOINTS,
			.id = endpoint_id,
			.verb = off ? ":undeploy" : ":deploy",
			.json = &body,
			.also = off ? 404 : 409,
		},
		&status);
	if (status >= 400)
		v = get_endpoint(t, endpoint_id);
	return reply(t, v, part_id_of(t));
}

int32_t deploy_find(struct talk *t)
{
	const char *endpoint_id = davit_sdk_need_text(&t->sdk, t->sdk.request, "/id");
	return reply(t, get_endpoint(t, endpoint_id), part_id_of(t));
}

int32_t deploy_poll(struct talk *t)
{
	const char *endpoint_id = davit_sdk_need_text(&t->sdk, t->sdk.request, "/ref/id");
	const char *part_id = davit_sdk_need_text(&t->sdk, t->sdk.request, "/ref/part");
	return reply(t, get_endpoint(t, endpoint_id), part_id);
}
