/*
 * datasets - rows that trainings read: sealed bytes and a record of them. Making one is done
 * when submit returns.
 */
#include "datasets.h"

#include <string.h>

#include "names.h"
#include "objects.h"
#include "source.h"
#include "used.h"

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text);
	size_t m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* "csv" or "jsonl": said by the caller, or seen in what the source is called or is. */
static const char *format_of(const struct davit_sdk_json *spec)
{
	static const char *const ends[] = {".jsonl", ".ndjson", ".json"};
	const struct davit_sdk_json *source = davit_sdk_member(spec, "source");
	const char *said = davit_sdk_text_at(spec, "/format", NULL);
	const char *name =
		davit_sdk_text_at(source, "/path", davit_sdk_text_at(source, "/uri", ""));
	const char *text = davit_sdk_text_at(source, "/text", "");

	name = davit_sdk_text_at(source, "/path", davit_sdk_text_at(source, "/uri", name));
	if (said != NULL)
		return said;
	for (size_t i = 0; i < LOCAL_COUNT(ends); i++) {
		if (ends_with(name, ends[i]))
			return "jsonl";
	}
	text += strspn(text, " \t\r\n");
	if (davit_sdk_member(source, "rows") != NULL || *text == '{' || *text == '[')
		return "jsonl";
	return "csv";
}

static void put_dataset(
	struct local_call *c, struct davit_sdk_writer *w, const struct record *record)
{
	static const char *const members[] = {"version", "sha256", "format", "bytes", "rows"};

	objects_open(c, w, RECORD_DATASET, record, objects_state_word(DAVIT_STATE_SUCCEEDED), 0);
	for (size_t i = 0; i < LOCAL_COUNT(members); i++)
		davit_sdk_put_json(w, members[i], davit_sdk_member(record->value, members[i]));
	names_put_tags(c, w, RECORD_DATASET, record);
	davit_sdk_open_object(w, "provider");
	davit_sdk_put_json(w, "sha256", davit_sdk_member(record->value, "sha256"));
	davit_sdk_put_json(w, "lines", davit_sdk_member(record->value, "lines"));
	davit_sdk_close_object(w);
}

LOCAL_SLOT(datasets_validate)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) == DAVIT_OK &&
		names_check(&c, davit_sdk_text_at(c.sdk.request, "/spec/name", ""),
			davit_sdk_at(c.sdk.request, "/spec/tags")))
		(void)source_check(&c, davit_sdk_at(c.sdk.request, "/spec/source"), "/spec/source");
	return c.sdk.code;
}

static int32_t create(struct local_call *c, const char *id)
{
	const struct davit_sdk_json *spec = davit_sdk_need_object(&c->sdk, c->sdk.request, "/spec");
	const char *format = format_of(spec);
	struct davit_sdk_writer w;
	struct sealed sealed;
	int64_t number;

	if (!source_seal(c, davit_sdk_member(spec, "source"), "/spec/source", &sealed))
		return c->sdk.code;
	number = names_give(c, RECORD_DATASET, davit_sdk_text_at(spec, "/name", id), id,
		davit_sdk_member(spec, "tags"));
	if (number == 0)
		return c->sdk.code;
	records_open(c, &w, id);
	davit_sdk_put_int(&w, "version", number);
	davit_sdk_put_text(&w, "format", format);
	davit_sdk_put_text(&w, "sha256", sealed.digest);
	davit_sdk_put_int(&w, "bytes", sealed.bytes);
	if (sealed.lines >= 0)
		davit_sdk_put_int(&w, "lines", sealed.lines);
	if (sealed.lines >= 0 && strcmp(format, "jsonl") == 0) /* a line of csv may be a header */
		davit_sdk_put_int(&w, "rows", sealed.lines);
	return records_put(c, RECORD_DATASET, id, &w);
}

LOCAL_SLOT(datasets_submit)
{
	struct local_call c;
	struct record record;
	const char *id;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	id = davit_sdk_need_text(&c.sdk, c.sdk.request, "/submission_id");
	if (c.sdk.code == DAVIT_OK && !records_get(&c, RECORD_DATASET, id, &record))
		(void)create(&c, id);
	if (c.sdk.code != DAVIT_OK)
		return c.sdk.code;
	return objects_reply_made(&c, RECORD_DATASET, id, put_dataset);
}

LOCAL_SLOT(datasets_find)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return objects_reply_made(&c, RECORD_DATASET, objects_id(&c), put_dataset);
}

LOCAL_SLOT(datasets_poll)
{
	return datasets_find(inst, call, request);
}

/* It is made by the time anybody could ask. */
LOCAL_SLOT(datasets_cancel)
{
	(void)inst;
	(void)call;
	(void)request;
	return DAVIT_OK;
}

static void put_whole(struct local_call *c, struct davit_sdk_writer *w, const struct record *record)
{
	put_dataset(c, w, record);
	used_put(c, w, record);
}

LOCAL_SLOT(datasets_get)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return objects_reply_one(&c, RECORD_DATASET, objects_id(&c), put_whole);
}

LOCAL_SLOT(datasets_list)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return objects_reply_all(&c, RECORD_DATASET, put_dataset);
}
