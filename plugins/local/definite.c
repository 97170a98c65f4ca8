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

static void put_members(struct davit_sdk_writer *w, const char *key, const struct record *record,
	const char *const *members, size_t count)
{
	davit_sdk_open_object(w, key);
	for (size_t i = 0; i < count; i++)
		davit_sdk_put_json(w, members[i], davit_sdk_member(record->value, members[i]));
	davit_sdk_close_object(w);
}

void definite_put_dataset(struct davit_sdk_writer *w, const char *key, const struct record *dataset)
{
	static const char *const members[] = {"id", "name", "version", "sha256", "format"};

	put_members(w, key, dataset, members, LOCAL_COUNT(members));
}

/* Finds what a text names. false: done, *ret_ok says how. An object is taken as the record that it
 * was made of. */
static bool take_object(struct local_call *c, enum record_kind kind, const struct davit_sdk_json *v,
	const char *pointer, struct record *ret_record, bool *ret_ok)
{
	*ret_ok = false;
	if (v != NULL && v->kind == DAVIT_SDK_OBJECT) {
		*ret_record = (struct record){
			.id = davit_sdk_text_at(v, "/id", ""),
			.name = davit_sdk_text_at(v, "/name", ""),
			.value = v,
			.number = davit_sdk_int_at(v, "/version", 0),
		};
		return true;
	}
	if (v != NULL && v->kind == DAVIT_SDK_TEXT)
		*ret_ok = records_need(c, kind, v->text.p, DAVIT_INVALID, pointer, ret_record);
	else
		(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, pointer, "a %s must be named here",
			records_word(kind));
	return false;
}

/* Are bytes of what was deleted meanwhile still there? false: the call failed. */
static bool need_kept(struct local_call *c, enum record_kind kind, const struct record *record,
	const char *digest, const char *pointer)
{
	const char *word = kind == RECORD_DATASET ? "data set" : "model";
	davit_blob blob = 0;
	int32_t code = c->sdk.host->blob->open(c->sdk.call, davit_sdk_buf(digest), &blob);

	if (code == DAVIT_OK)
		c->sdk.host->blob->close(c->sdk.call, blob);
	else if (code == DAVIT_NOT_FOUND)
		(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, pointer,
			"the %s '%s' (%s) was deleted, and its bytes are no longer kept", word,
			record->name, record->id);
	return local_check(c, code) == DAVIT_OK;
}

bool definite_need_dataset(struct local_call *c, const struct davit_sdk_json *dataset,
	const char *pointer, struct record *ret_record)
{
	bool ok;

	if (!take_object(c, RECORD_DATASET, dataset, pointer, ret_record, &ok))
		return ok;
	return need_kept(
		c, RECORD_DATASET, ret_record, davit_sdk_text_at(dataset, "/sha256", ""), pointer);
}

/* --- models --- */

/* One of an older release has no files of its own: it stays a name. */
void definite_put_model(struct davit_sdk_writer *w, const char *key, const struct record *model)
{
	static const char *const members[] = {"id", "name", "version", "sha256", "server", "files"};

	if (davit_sdk_member(model->value, "files") == NULL)
		davit_sdk_put_text(w, key, model->id);
	else
		put_members(w, key, model, members, LOCAL_COUNT(members));
}

bool definite_need_model(struct local_call *c, const struct davit_sdk_json *model,
	const char *pointer, struct record *ret_record)
{
	const struct davit_sdk_json *files = davit_sdk_member(model, "files");
	const char *script = davit_sdk_text_at(model, "/server/sha256", NULL);
	bool ok;

	if (!take_object(c, RECORD_MODEL, model, pointer, ret_record, &ok))
		return ok;
	for (const struct davit_sdk_json *v = files == NULL ? NULL : files->first; v != NULL;
		v = v->next) {
		if (!need_kept(c, RECORD_MODEL, ret_record, davit_sdk_text_at(v, "/sha256", ""),
			    pointer))
			return false;
	}
	return script == NULL || need_kept(c, RECORD_MODEL, ret_record, script, pointer);
}
