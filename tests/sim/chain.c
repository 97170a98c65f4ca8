/*
 * chain - the test cloud's provider with three kinds of training more, for the simulation:
 *
 *   chain         makes a data set and then a job, neither with anything to find it by
 *   chain_search  the same, and the job has a label to search by
 *   hidden        has a label to search by, and nobody says how late lists learn of it
 *
 * The two that make two objects leave a checkpoint between them, and keep a pair meanwhile. It is
 * straight-line code, as in any provider: what is not to be done twice is the host's business.
 */
#include "testcloud.h"

#include <string.h>

/* Their names; another build has those that routes of the daemon have. */
#ifndef CHAIN
#define CHAIN        "chain"
#define CHAIN_SEARCH "chain_search"
#define HIDDEN       "hidden"
#endif

const void *DAVIT_CALL testcloud_query(const char *id, uint32_t major);

static const struct family chain_family = {
	"jobs", {{CHAIN, WAY_NONE, "/spec/settings"}, {CHAIN_SEARCH, WAY_SEARCH, "/spec/settings"},
			{HIDDEN, WAY_SEARCH, "/spec/settings"}}};

static const davit_training_1 *testcloud_training;

static const char *kind_name(struct talk *t)
{
	return davit_sdk_text_at(t->sdk.request, "/kind", "");
}

static bool is_ours(struct talk *t)
{
	for (size_t i = 0; i < COUNT(chain_family.kinds) && chain_family.kinds[i].name != NULL; i++)
		if (strcmp(chain_family.kinds[i].name, kind_name(t)) == 0)
			return true;
	return false;
}

/* A POST of a new object: its id, or NULL where the call has failed. */
static const struct davit_sdk_json *make(
	struct talk *t, const char *collection, const struct davit_sdk_writer *body)
{
	return cloud_ask(t,
		&(struct ask){.operation = "create",
			.flags = DAVIT_HTTP_MUTATES,
			.method = "POST",
			.collection = collection,
			.json = body},
		NULL);
}

/* The data set's id: of the checkpoint, or of a new one. */
static const char *first_step(struct talk *t)
{
	const char *id = davit_sdk_text_at(t->sdk.request, "/checkpoint/data", NULL);
	const struct davit_sdk_json *v;
	struct davit_sdk_writer w;

	if (id != NULL)
		return id;
	davit_sdk_write_begin(&w, &t->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_json(&w, "displayName", davit_sdk_at(t->sdk.request, "/spec/name"));
	davit_sdk_close_object(&w);
	v = make(t, "datasets", &w);
	id = davit_sdk_text_at(v, "/id", NULL);
	if (id == NULL)
		return NULL;
	davit_sdk_write_begin(&w, &t->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_text(&w, "data", id);
	davit_sdk_close_object(&w);
	(void)davit_sdk_pass(
		&t->sdk, t->sdk.host->job->checkpoint(t->sdk.call, davit_sdk_write_end(&w)));
	return t->sdk.code == DAVIT_OK ? id : NULL;
}

/* That it began, while it is not at its end. */
static bool keep_note(struct talk *t, bool begins)
{
	const char *key = davit_sdk_format(
		&t->sdk.mem, "chain/%s", davit_sdk_text_at(t->sdk.request, "/submission_id", ""));
	struct davit_sdk_writer w;

	if (!begins)
		return davit_sdk_kv_del(&t->sdk, key) == DAVIT_OK;
	davit_sdk_write_begin(&w, &t->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_json(&w, "checkpoint", davit_sdk_at(t->sdk.request, "/checkpoint"));
	davit_sdk_close_object(&w);
	return davit_sdk_kv_put(&t->sdk, key, &w) == DAVIT_OK;
}

static int32_t two_steps(struct talk *t)
{
	const struct davit_sdk_json *v = davit_sdk_at(t->sdk.request, "/spec/behaviour");
	const char *data = keep_note(t, true) ? first_step(t) : NULL;
	struct davit_sdk_writer w;

	if (data == NULL)
		return t->sdk.code != DAVIT_OK ? t->sdk.code
		                               : davit_sdk_fail(&t->sdk, DAVIT_DEADLINE,
							 "the cloud answers an object without id");
	davit_sdk_write_begin(&w, &t->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_json(&w, "displayName", davit_sdk_at(t->sdk.request, "/spec/name"));
	davit_sdk_open_object(&w, "labels");
	if (strcmp(kind_name(t), CHAIN_SEARCH) == 0)
		davit_sdk_put_json(&w, "submission", davit_sdk_member(t->sdk.request, "label"));
	davit_sdk_put_text(&w, "data", data);
	davit_sdk_close_object(&w);
	for (v = v != NULL ? v->first : NULL; v != NULL; v = v->next)
		davit_sdk_put_json(&w, v->name.p, v);
	davit_sdk_close_object(&w);
	v = make(t, "jobs", &w);
	if (v != NULL && !keep_note(t, false))
		return t->sdk.code;
	return object_reply(t, &(struct made){v, v, "jobs", NULL});
}

static int32_t DAVIT_CALL submit(davit_instance inst, davit_call call, davit_buf request)
{
	struct talk t;

	talk_begin(&t, inst, call, request);
	if (!is_ours(&t))
		return testcloud_training->submit(inst, call, request);
	if (strcmp(kind_name(&t), HIDDEN) == 0)
		return objects_submit(&t, &chain_family);
	return two_steps(&t);
}

static int32_t DAVIT_CALL find(davit_instance inst, davit_call call, davit_buf request)
{
	struct talk t;

	talk_begin(&t, inst, call, request);
	if (!is_ours(&t))
		return testcloud_training->find(inst, call, request);
	return objects_find(&t, &chain_family);
}

const void *DAVIT_CALL davit_provider_query(const char *id, uint32_t major)
{
	static davit_training_1 training;
	const void *table = testcloud_query(id, major);

	if (table == NULL || strcmp(id, DAVIT_TRAINING) != 0)
		return table;
	testcloud_training = table;
	training = *testcloud_training;
	training.submit = submit;
	training.find = find;
	return &training;
}
