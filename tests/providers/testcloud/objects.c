/*
 * objects - jobs, data sets, models and endpoints are alike at this cloud: made by a POST, then
 * PENDING, RUNNING and ended. So one implementation serves all; a family says what differs.
 */
#include "testcloud.h"

#include <string.h>

/* Labels of what we make: the host's label of the submission, and its kind. */
#define MARK      "submission"
#define MARK_KIND "submission-kind"

static const struct kind *kind_of(struct talk *t, const struct family *family)
{
	const char *name = davit_sdk_need_text(&t->sdk, t->sdk.request, "/kind");

	for (size_t i = 0; i < COUNT(family->kinds) && family->kinds[i].name != NULL; i++)
		if (strcmp(family->kinds[i].name, name) == 0)
			return &family->kinds[i];
	davit_sdk_fail(&t->sdk, DAVIT_UNSUPPORTED, "there are no %s of kind '%s'",
		family->collection, name);
	return &family->kinds[0];
}

/* --- what the cloud says, in neutral words --- */

static const struct {
	const char *word;
	int32_t state;
	const char *neutral;
} states[] = {
	{"RUNNING", DAVIT_STATE_RUNNING, "RUNNING"}, /* and any word we do not know */
	{"PENDING", DAVIT_STATE_PENDING, "PENDING"},
	{"SUCCEEDED", DAVIT_STATE_SUCCEEDED, "SUCCEEDED"},
	{"FAILED", DAVIT_STATE_FAILED, "FAILED"},
	{"CANCELLED", DAVIT_STATE_CANCELLED, "CANCELLED"},
};

static size_t state_row(const struct davit_sdk_json *v)
{
	const char *word = davit_sdk_text_at(v, "/state", "");

	for (size_t i = 0; i < COUNT(states); i++)
		if (strcmp(states[i].word, word) == 0)
			return i;
	return 0;
}

static void put_time(struct davit_sdk_writer *w, const char *key, const struct davit_sdk_json *v,
	const char *pointer)
{
	int64_t ms = davit_sdk_time_ms(davit_sdk_text_at(v, pointer, NULL));

	if (ms >= 0)
		davit_sdk_put_int(w, key, ms);
}

/* What is deployed on an endpoint, which runs while one of its models does. Returns its state. */
static const char *put_deployed(
	struct davit_sdk_writer *w, const struct davit_sdk_json *endpoint, const char *state)
{
	const struct davit_sdk_json *v = davit_sdk_member(endpoint, "deployedModels");

	if (strcmp(state, "SUCCEEDED") == 0)
		state = "PENDING";
	davit_sdk_open_array(w, "models");
	for (v = v != NULL ? v->first : NULL; v != NULL; v = v->next) {
		const char *word = states[state_row(v)].neutral;

		if (strcmp(word, "SUCCEEDED") == 0)
			state = word = "RUNNING";
		davit_sdk_open_object(w, NULL);
		davit_sdk_put_json(w, "id", davit_sdk_member(v, "id"));
		davit_sdk_put_json(w, "model", davit_sdk_member(v, "model"));
		davit_sdk_put_text(w, "state", word);
		davit_sdk_close_object(w);
	}
	davit_sdk_close_array(w);
	return state;
}

/* The members of a neutral object. */
static void put_members(struct talk *t, struct davit_sdk_writer *w, const char *collection,
	const struct davit_sdk_json *v)
{
	const char *id = davit_sdk_text_at(v, "/id", "");
	const char *state = states[state_row(v)].neutral;

	if (strcmp(collection, "endpoints") == 0)
		state = put_deployed(w, v, state);
	davit_sdk_put_text(w, "id", id);
	davit_sdk_put_text(w, "name", davit_sdk_text_at(v, "/displayName", id));
	davit_sdk_put_text(
		w, "uri", davit_sdk_format(&t->sdk.mem, "testcloud://%s/%s", collection, id));
	davit_sdk_put_text(w, "state", state);
	davit_sdk_put_text(w, "created", davit_sdk_text_at(v, "/createTime", NULL));
	davit_sdk_put_json(w, "label", davit_sdk_at(v, "/labels/" MARK));
	davit_sdk_put_json(w, "kind", davit_sdk_at(v, "/labels/" MARK_KIND));
	if (davit_sdk_bool_at(t->sdk.request, "/brief", false))
		return;
	davit_sdk_put_json(w, "labels", davit_sdk_member(v, "labels"));
	davit_sdk_put_json(w, "provider", v);
}

/* What may be shown of an object only if the cloud has given it an id. */
static bool is_object(struct talk *t, const struct davit_sdk_json *v)
{
	if (t->sdk.code == DAVIT_OK && davit_sdk_text_at(v, "/id", "")[0] == '\0')
		davit_sdk_fail(&t->sdk, DAVIT_DEADLINE, "the cloud answers an object without id");
	return t->sdk.code == DAVIT_OK;
}

static int32_t reply_object(struct talk *t, const char *collection, const struct davit_sdk_json *v)
{
	struct davit_sdk_writer w;

	if (!is_object(t, v))
		return t->sdk.code;
	davit_sdk_write_begin(&w, &t->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	put_members(t, &w, collection, v);
	davit_sdk_close_object(&w);
	return davit_sdk_reply(&t->sdk, &w);
}

int32_t object_reply(struct talk *t, const struct made *made)
{
	const struct davit_sdk_json *v = made->object;
	struct davit_sdk_writer w;

	if (!is_object(t, v))
		return t->sdk.code;
	davit_sdk_write_begin(&w, &t->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	put_members(t, &w, made->collection, v);
	davit_sdk_open_object(&w, "ref");
	davit_sdk_put_int(&w, "v", 1);
	davit_sdk_put_text(&w, "id", davit_sdk_text_at(v, "/id", NULL));
	if (made->part_id != NULL)
		davit_sdk_put_text(&w, "part", made->part_id);
	davit_sdk_close_object(&w);
	put_time(&w, "started_ms", v, "/startTime");
	put_time(&w, "finished_ms", v, "/endTime");
	davit_sdk_open_object(&w, "progress");
	davit_sdk_put_number(&w, "fraction", davit_sdk_number_at(v, "/progress", 0));
	davit_sdk_close_object(&w);
	if (davit_sdk_at(made->part, "/error/message") != NULL)
		davit_sdk_put_json(&w, "error", davit_sdk_at(made->part, "/error/message"));
	davit_sdk_close_object(&w);
	return davit_sdk_reply_state(
		&t->sdk, states[state_row(made->part)].state, t->cloud->poll_ms, &w);
}

static int32_t reply_made(
	struct talk *t, const struct family *family, const struct davit_sdk_json *v)
{
	return object_reply(t, &(struct made){v, v, family->collection, NULL});
}

/* --- making one, once --- */

/* What the host calls this submission in public; it is nobody else's, at any site. */
static const char *label(struct talk *t)
{
	const char *text = davit_sdk_text_at(t->sdk.request, "/label", NULL);

	if (text != NULL)
		return text;
	return davit_sdk_need_text(&t->sdk, t->sdk.request, "/submission_id"); /* older host */
}

bool object_is_ours(struct talk *t, const struct davit_sdk_json *object)
{
	const char *mark = davit_sdk_text_at(object, "/labels/" MARK, "");

	if (strcmp(mark, label(t)) != 0 && t->sdk.code == DAVIT_OK)
		davit_sdk_fail(&t->sdk, DAVIT_CONFLICT, "'%s' was made by somebody else",
			davit_sdk_text_at(object, "/id", ""));
	return t->sdk.code == DAVIT_OK;
}

/* Looks at what the schema cannot. */
int32_t objects_validate(struct talk *t, const struct family *family)
{
	static const char *const ours[] = {MARK, MARK_KIND};

	(void)family;
	for (size_t i = 0; i < COUNT(ours); i++) {
		const char *at = davit_sdk_format(&t->sdk.mem, "/spec/labels/%s", ours[i]);

		if (davit_sdk_at(t->sdk.request, at) != NULL)
			davit_sdk_fail_at(
				&t->sdk, DAVIT_INVALID, at, "the label '%s' is ours", ours[i]);
	}
	return t->sdk.code;
}

/* The body that makes the object. Every way but the last one marks it, for people too. */
static void write_new(struct talk *t, struct davit_sdk_writer *w, const struct kind *kind)
{
	const struct davit_sdk_json *request = t->sdk.request;
	const struct davit_sdk_json *v = davit_sdk_at(request, "/spec/labels");

	davit_sdk_write_begin(w, &t->sdk.mem);
	davit_sdk_open_object(w, NULL);
	if (kind->way == WAY_NAME)
		davit_sdk_put_json(w, "name", davit_sdk_member(request, "derived_name"));
	davit_sdk_put_json(w, "displayName", davit_sdk_at(request, "/spec/name"));
	davit_sdk_open_object(w, "labels");
	if (kind->way != WAY_NONE) {
		davit_sdk_put_text(w, MARK, label(t));
		davit_sdk_put_text(w, MARK_KIND, kind->name);
	}
	for (v = v != NULL ? v->first : NULL; v != NULL; v = v->next)
		davit_sdk_put_json(w, v->name.p, v);
	davit_sdk_close_object(w);
	davit_sdk_put_json(w, "spec", davit_sdk_at(request, kind->payload));
	v = davit_sdk_at(request, "/spec/behaviour"); /* how this cloud's object is to behave */
	for (v = v != NULL ? v->first : NULL; v != NULL; v = v->next)
		davit_sdk_put_json(w, v->name.p, v);
	davit_sdk_close_object(w);
}

int32_t objects_submit(struct talk *t, const struct family *family)
{
	struct davit_sdk_writer body;
	int64_t status = 0;

	const struct kind *kind = kind_of(t, family);
	bool repeatable = kind->way == WAY_TOKEN || kind->way == WAY_NAME;
	write_new(t, &body, kind);
	const struct davit_sdk_json *v = cloud_ask(t,
		&(struct ask){
			.operation = "create",
			.flags = DAVIT_HTTP_MUTATES | (repeatable ? DAVIT_HTTP_IDEMPOTENT : 0),
			.method = "POST",
			.collection = family->collection,
			.token = kind->way == WAY_TOKEN ? davit_sdk_need_text(&t->sdk,
								  t->sdk.request, "/submission_id")
	                                                : NULL,
			.json = &body,
			.also = kind->way == WAY_NAME ? 409 : 0,
		},
		&status);
	if (status == 409) { /* the name is taken: by us, if our mark is on it */
		v = davit_sdk_member(v, "existing");
		if (!object_is_ours(t, v))
			return t->sdk.code;
	}
	return reply_made(t, family, v);
}

/* --- finding what a submission made --- */

static const struct davit_sdk_json *get(struct talk *t, const char *collection, const char *id)
{
	return cloud_ask(t,
		&(struct ask){
			.operation = "get", .method = "GET", .collection = collection, .id = id},
		NULL);
}

static const struct davit_sdk_json *search(struct talk *t, const char *collection)
{
	const struct davit_sdk_json *v = cloud_ask(t,
		&(struct ask){.operation = "list",
			.method = "GET",
			.collection = collection,
			.query = "?label=" MARK ":",
			.value = label(t)},
		NULL);

	v = davit_sdk_item(davit_sdk_member(v, collection), 0);
	if (v == NULL)
		davit_sdk_fail(&t->sdk, DAVIT_NOT_FOUND, "submission %s made nothing in %s",
			label(t), collection);
	return v;
}

/* A person says which one it is: any, unless another submission has marked it. */
static int32_t reply_named(struct talk *t, const struct family *family, const char *id)
{
	const struct davit_sdk_json *v = get(t, family->collection, id);

	if (davit_sdk_at(v, "/labels/" MARK) != NULL)
		(void)object_is_ours(t, v);
	return reply_made(t, family, v);
}

/* What has a name is there at once. Lists learn late: the manifest's settle_ms says how late. */
int32_t objects_find(struct talk *t, const struct family *family)
{
	const struct davit_sdk_json *v = NULL;

	const struct kind *kind = kind_of(t, family);
	const char *remote = davit_sdk_text_at(t->sdk.request, "/remote", NULL);
	if (remote != NULL)
		return reply_named(t, family, remote);
	if (kind->way == WAY_NONE)
		return davit_sdk_fail(&t->sdk, DAVIT_UNSUPPORTED,
			"nothing marks a %s at the cloud: look there, and decide", kind->name);
	if (kind->way == WAY_NAME)
		v = get(t, family->collection,
			davit_sdk_need_text(&t->sdk, t->sdk.request, "/derived_name"));
	else
		v = search(t, family->collection);
	if (t->sdk.code == DAVIT_OK)
		(void)object_is_ours(t, v);
	return reply_made(t, family, v);
}

/* --- the rest of their lives --- */

int32_t objects_poll(struct talk *t, const struct family *family)
{
	const char *id = davit_sdk_need_text(&t->sdk, t->sdk.request, "/ref/id");
	return reply_made(t, family, get(t, family->collection, id));
}

/* 409: it has ended, which a poll will see. */
int32_t objects_cancel(struct talk *t, const struct family *family)
{
	(void)cloud_ask(t,
		&(struct ask){
			.operation = "cancel",
			.flags = DAVIT_HTTP_MUTATES | DAVIT_HTTP_IDEMPOTENT,
			.method = "POST",
			.collection = family->collection,
			.id = davit_sdk_need_text(&t->sdk, t->sdk.request, "/ref/id"),
			.verb = ":cancel",
			.also = 409,
		},
		NULL);
	return t->sdk.code;
}

int32_t objects_get(struct talk *t, const struct family *family)
{
	const char *id = davit_sdk_text_at(t->sdk.request, "/id", NULL);
	if (id == NULL)
		id = davit_sdk_need_text(&t->sdk, t->sdk.request, "/ref/id");
	return reply_object(t, family->collection, get(t, family->collection, id));
}

/* One page. Returns the token of the next one, or NULL: there is none, or the call has failed. */
static const char *put_page(
	struct talk *t, struct davit_sdk_writer *w, const char *collection, const char *page_token)
{
	const struct davit_sdk_json *page = cloud_ask(t,
		&(struct ask){.operation = "list",
			.method = "GET",
			.collection = collection,
			.query = "?pageSize=100&pageToken=",
			.value = page_token},
		NULL);
	const struct davit_sdk_json *v = davit_sdk_member(page, collection);

	for (v = v != NULL ? v->first : NULL; v != NULL; v = v->next) {
		davit_sdk_open_object(w, NULL);
		put_members(t, w, collection, v);
		davit_sdk_close_object(w);
	}
	const char *next = davit_sdk_text_at(page, "/nextPageToken", NULL);
	if (next != NULL && strcmp(next, page_token) == 0)
		davit_sdk_fail(&t->sdk, DAVIT_RETRY, "the list of %s does not end", collection);
	return t->sdk.code == DAVIT_OK ? next : NULL;
}

/* All of them or a failure: a page may be empty though more follow. */
int32_t objects_list(struct talk *t, const struct family *family)
{
	struct davit_sdk_writer w;
	const char *page_token = "";

	davit_sdk_write_begin(&w, &t->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_open_array(&w, "items");
	while (page_token != NULL)
		page_token = put_page(t, &w, family->collection, page_token);
	davit_sdk_close_array(&w);
	davit_sdk_close_object(&w);
	return davit_sdk_reply(&t->sdk, &w);
}

/* Answers the object as it was. 404 after we have seen it: an earlier attempt took it away. */
int32_t objects_remove(struct talk *t, const struct family *family)
{
	const char *id = davit_sdk_need_text(&t->sdk, t->sdk.request, "/id");
	const struct davit_sdk_json *v = get(t, family->collection, id);
	if (v != NULL)
		(void)cloud_ask(t,
			&(struct ask){
				.operation = "remove",
				.flags = DAVIT_HTTP_MUTATES | DAVIT_HTTP_IDEMPOTENT,
				.method = "DELETE",
				.collection = family->collection,
				.id = id,
				.also = 404,
			},
			NULL);
	return reply_object(t, family->collection, v);
}

/* From the byte on that the host asks for, as far as the cloud has it. */
int32_t objects_logs(struct talk *t, const struct family *family)
{
	struct davit_sdk_answer answer;

	int64_t offset = davit_sdk_int_at(t->sdk.request, "/offset", 0);
	const struct ask ask = {
		.operation = "log",
		.method = "GET",
		.collection = family->collection,
		.id = davit_sdk_need_text(&t->sdk, t->sdk.request, "/ref/id"),
		.verb = "/log?offset=",
		.value = davit_sdk_format(&t->sdk.mem, "%lld", (long long)offset),
		.stream = true,
	};
	if (cloud_send(t, &ask, &answer) != DAVIT_OK)
		return t->sdk.code;
	if (answer.status != 200)
		return cloud_refuse(t, &ask, &answer);
	return davit_sdk_reply_blob(&t->sdk,
		davit_sdk_format(&t->sdk.mem, "text/plain; charset=utf-8; offset=%s",
			davit_sdk_http_header(&answer, "log-offset")),
		0, answer.body);
}
