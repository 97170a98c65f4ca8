/* definite - see definite.h. */
#include "definite.h"

#include <string.h>

#include "source.h"

void definite_open(struct local_call *c, struct davit_sdk_writer *w, const char *const *without,
	size_t n_without)
{
	const struct davit_sdk_json *spec = davit_sdk_member(c->sdk.request, "spec");

	davit_sdk_write_begin(w, &c->sdk.mem);
	davit_sdk_open_object(w, NULL);
	davit_sdk_open_object(w, "spec");
	for (const struct davit_sdk_json *v = spec == NULL ? NULL : spec->first; v != NULL;
		v = v->next) {
		size_t i = 0;

		while (i < n_without && strcmp(v->name.p, without[i]) != 0)
			i++;
		if (i == n_without)
			davit_sdk_put_json(w, v->name.p, v);
	}
}

int32_t definite_reply(struct local_call *c, struct davit_sdk_writer *w)
{
	davit_sdk_close_object(w);
	davit_sdk_close_object(w);
	return davit_sdk_reply(&c->sdk, w);
}

/* Does it hold its bytes, or the digest of them? */
static bool stands_for_itself(const struct davit_sdk_json *source)
{
	return source->kind == DAVIT_SDK_OBJECT && davit_sdk_member(source, "path") == NULL &&
	       davit_sdk_member(source, "uri") == NULL;
}

bool definite_put_source(struct local_call *c, struct davit_sdk_writer *w, const char *key,
	const struct davit_sdk_json *source, const char *pointer)
{
	struct sealed sealed;

	if (source == NULL || stands_for_itself(source)) {
		davit_sdk_put_json(w, key, source);
		return true;
	}
	if (!source_seal(c, source, pointer, &sealed))
		return false;
	davit_sdk_open_object(w, key);
	davit_sdk_put_text(w, "blob", sealed.digest);
	davit_sdk_put_text(w, "name", source_file_name(source, NULL));
	davit_sdk_close_object(w);
	return true;
}

bool definite_put_requirements(struct local_call *c, struct davit_sdk_writer *w,
	const struct davit_sdk_json *requirements, const char *pointer)
{
	struct sealed sealed;

	if (requirements == NULL || requirements->kind != DAVIT_SDK_OBJECT ||
		stands_for_itself(requirements)) {
		davit_sdk_put_json(w, "requirements", requirements);
		return true;
	}
	if (!source_seal(c, requirements, pointer, &sealed))
		return false;
	davit_sdk_open_object(w, "requirements");
	davit_sdk_put_text(w, "blob", sealed.digest);
	davit_sdk_close_object(w);
	return true;
}

/* --- data sets --- */

static const char *const members[] = {"id", "name", "version", "sha256", "format"};

void definite_put_dataset(struct davit_sdk_writer *w, const char *key, const struct record *dataset)
{
	davit_sdk_open_object(w, key);
	for (size_t i = 0; i < LOCAL_COUNT(members); i++)
		davit_sdk_put_json(w, members[i], davit_sdk_member(dataset->value, members[i]));
	davit_sdk_close_object(w);
}

bool definite_need_dataset(struct local_call *c, const struct davit_sdk_json *dataset,
	const char *pointer, struct record *ret_record)
{
	const char *digest = davit_sdk_text_at(dataset, "/sha256", "");
	davit_blob blob = 0;
	int32_t code;

	if (dataset == NULL ||
		(dataset->kind != DAVIT_SDK_OBJECT && dataset->kind != DAVIT_SDK_TEXT))
		return davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, pointer,
			       "a data set must be named here") == DAVIT_OK;
	if (dataset->kind == DAVIT_SDK_TEXT)
		return records_need(
			c, RECORD_DATASET, dataset->text.p, DAVIT_INVALID, pointer, ret_record);
	*ret_record = (struct record){
		.id = davit_sdk_text_at(dataset, "/id", ""),
		.name = davit_sdk_text_at(dataset, "/name", ""),
		.value = dataset,
		.number = davit_sdk_int_at(dataset, "/version", 0),
	};
	code = c->sdk.host->blob->open(c->sdk.call, davit_sdk_buf(digest), &blob);
	if (code == DAVIT_OK)
		c->sdk.host->blob->close(c->sdk.call, blob);
	else if (code == DAVIT_NOT_FOUND)
		(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, pointer,
			"the data set '%s' (%s) was deleted, and its bytes are no longer kept",
			ret_record->name, ret_record->id);
	return local_check(c, code) == DAVIT_OK;
}
