/* used - see used.h and datasets.h. */
#include "used.h"

#include <string.h>

enum {
	TRIES = 16,
	USES_MAX = 100 /* of a data set, as shown and as kept */
};

static const char *key_of(struct local_call *c, const struct record *dataset)
{
	return local_text(c, "used/dataset/%s", dataset->id);
}

static const struct davit_sdk_json *uses_in(const struct davit_sdk_json *record)
{
	const struct davit_sdk_json *uses = davit_sdk_member(record, "jobs");

	return uses == NULL ? NULL : uses->first;
}

static bool has_job(const struct davit_sdk_json *record, const char *id)
{
	for (const struct davit_sdk_json *v = uses_in(record); v != NULL; v = v->next) {
		if (strcmp(davit_sdk_text_at(v, "/id", ""), id) == 0)
			return true;
	}
	return false;
}

/* The record with one more use in front. */
static void put_uses(struct davit_sdk_writer *w, const struct davit_sdk_json *was, const char *kind,
	const char *id, const char *name)
{
	int left = USES_MAX - 1;

	davit_sdk_open_object(w, NULL);
	davit_sdk_put_int(w, "v", 1);
	davit_sdk_open_array(w, "jobs");
	davit_sdk_open_object(w, NULL);
	davit_sdk_put_text(w, "id", id);
	davit_sdk_put_text(w, "name", name);
	davit_sdk_put_text(w, "kind", kind);
	davit_sdk_close_object(w);
	for (const struct davit_sdk_json *v = uses_in(was); v != NULL && left > 0; v = v->next) {
		davit_sdk_put_json(w, NULL, v);
		left--;
	}
	davit_sdk_close_array(w);
	davit_sdk_close_object(w);
}

int32_t datasets_note_use(struct local_call *c, const struct record *dataset, const char *kind,
	const char *id, const char *name)
{
	const char *key = key_of(c, dataset);
	struct davit_sdk_writer w;
	struct record kept;

	if (!records_get(c, RECORD_DATASET, dataset->id, &kept))
		return c->sdk.code; /* deleted while the job waited: nobody will ask */
	for (int i = 0; i < TRIES && c->sdk.code == DAVIT_OK; i++) {
		int64_t version = 0;
		const struct davit_sdk_json *was = davit_sdk_kv_get(&c->sdk, key, &version);

		if (has_job(was, id))
			return c->sdk.code;
		davit_sdk_write_begin(&w, &c->sdk.mem);
		put_uses(&w, was, kind, id, name);
		if (davit_sdk_kv_cas(&c->sdk, key, &w, version))
			return c->sdk.code;
	}
	return davit_sdk_fail(&c->sdk, DAVIT_RETRY,
		"data set '%s' is being used by many at once; try again", dataset->name);
}

void datasets_put_reference(
	struct davit_sdk_writer *w, const char *key, const struct record *dataset)
{
	static const char *const members[] = {"id", "name", "version", "sha256"};

	davit_sdk_open_object(w, key);
	for (size_t i = 0; i < LOCAL_COUNT(members); i++)
		davit_sdk_put_json(w, members[i], davit_sdk_member(dataset->value, members[i]));
	davit_sdk_close_object(w);
}

void used_put(struct local_call *c, struct davit_sdk_writer *w, const struct record *dataset)
{
	const struct davit_sdk_json *record = davit_sdk_kv_get(&c->sdk, key_of(c, dataset), NULL);

	davit_sdk_open_array(w, "used_by");
	for (const struct davit_sdk_json *v = uses_in(record); v != NULL; v = v->next)
		davit_sdk_put_json(w, NULL, v);
	davit_sdk_close_array(w);
}

int32_t used_forget(struct local_call *c, const struct record *dataset)
{
	return davit_sdk_kv_del(&c->sdk, key_of(c, dataset));
}
