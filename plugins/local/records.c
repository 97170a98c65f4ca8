/* records - see records.h. */
#include "records.h"

#include <string.h>

#include "names.h"

enum {
	ID_LENGTH = 24
};

/* What begins its keys, and the word for it in sentences. */
static const char *const words[RECORD_KIND_COUNT] = {
	[RECORD_DATASET] = "dataset",
	[RECORD_TRAINING] = "training",
	[RECORD_MODEL] = "model",
	[RECORD_ENDPOINT] = "endpoint",
	[RECORD_BATCH] = "batch",
};

const char *records_word(enum record_kind kind)
{
	return words[kind];
}

static const char *key_of(struct local_call *c, enum record_kind kind, const char *id)
{
	return local_text(c, "%s/%s", words[kind], id);
}

static bool is_id(const char *text)
{
	return strlen(text) == ID_LENGTH &&
	       strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz") == ID_LENGTH;
}

static void fill(struct record *r, const struct davit_sdk_json *value, int64_t version)
{
	*r = (struct record){
		.id = davit_sdk_text_at(value, "/id", ""),
		.name = davit_sdk_text_at(value, "/name", ""),
		.value = value,
		.version = version,
		.number = davit_sdk_int_at(value, "/version", 0),
	};
}

bool records_get(
	struct local_call *c, enum record_kind kind, const char *id, struct record *ret_record)
{
	int64_t version = 0;
	const struct davit_sdk_json *value =
		davit_sdk_kv_get(&c->sdk, key_of(c, kind, id), &version);

	if (value != NULL)
		fill(ret_record, value, version);
	return value != NULL;
}

bool records_find(struct local_call *c, enum record_kind kind, const char *id_or_name,
	struct record *ret_record)
{
	struct records_scan scan = {0};
	const char *id = NULL;

	if (is_id(id_or_name) && records_get(c, kind, id_or_name, ret_record))
		return true;
	if (names_versioned(kind) && names_find(c, kind, id_or_name, ret_record))
		return true;
	while (c->sdk.code == DAVIT_OK && records_next(c, kind, &scan)) {
		if (strcmp(scan.record.name, id_or_name) == 0)
			id = scan.record.id;
	}
	return c->sdk.code == DAVIT_OK && id != NULL && records_get(c, kind, id, ret_record);
}

bool records_need(struct local_call *c, enum record_kind kind, const char *id_or_name, int32_t code,
	const char *pointer, struct record *ret_record)
{
	if (records_find(c, kind, id_or_name, ret_record))
		return true;
	if (c->sdk.code == DAVIT_OK)
		(void)davit_sdk_fail_at(
			&c->sdk, code, pointer, "there is no %s '%s'", words[kind], id_or_name);
	return false;
}

void records_open(struct local_call *c, struct davit_sdk_writer *w, const char *id)
{
	const struct davit_sdk_json *spec = davit_sdk_need_object(&c->sdk, c->sdk.request, "/spec");

	davit_sdk_write_begin(w, &c->sdk.mem);
	davit_sdk_open_object(w, NULL);
	davit_sdk_put_int(w, "v", 1);
	davit_sdk_put_text(w, "id", id);
	davit_sdk_put_json(w, "label", davit_sdk_member(c->sdk.request, "label"));
	davit_sdk_put_json(w, "kind", davit_sdk_member(c->sdk.request, "kind"));
	davit_sdk_put_text(w, "name", davit_sdk_text_at(spec, "/name", id));
	davit_sdk_put_int(w, "created_ms", c->sdk.host->core->now_ms(c->sdk.call));
	davit_sdk_put_text(w, "description", davit_sdk_text_at(spec, "/description", NULL));
	davit_sdk_put_json(w, "labels", davit_sdk_member(spec, "labels"));
}

int32_t records_put(
	struct local_call *c, enum record_kind kind, const char *id, struct davit_sdk_writer *w)
{
	davit_sdk_close_object(w);
	return davit_sdk_kv_put(&c->sdk, key_of(c, kind, id), w);
}

bool records_cas(struct local_call *c, enum record_kind kind, const char *id,
	struct davit_sdk_writer *w, int64_t version)
{
	davit_sdk_close_object(w);
	return davit_sdk_kv_cas(&c->sdk, key_of(c, kind, id), w, version);
}

int32_t records_del(struct local_call *c, enum record_kind kind, const char *id)
{
	return davit_sdk_kv_del(&c->sdk, key_of(c, kind, id));
}

bool records_next(struct local_call *c, enum record_kind kind, struct records_scan *scan)
{
	if (scan->kv.prefix == NULL)
		scan->kv.prefix = key_of(c, kind, "");
	if (!davit_sdk_kv_next(&c->sdk, &scan->kv))
		return false;
	fill(&scan->record, scan->kv.value, 0);
	return true;
}
