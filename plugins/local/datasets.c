/*
 * datasets - rows that trainings read: sealed bytes and a record of them.
 */
#include "datasets.h"

#include <string.h>

#include "definite.h"
#include "made.h"
#include "names.h"
#include "rows.h"
#include "source.h"
#include "used.h"

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text);
	size_t m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* "csv" or "jsonl": said by the caller, or seen in what the source is called. NULL: neither, so
 * that what it begins with decides. */
static const char *format_of(const struct davit_sdk_json *spec)
{
	static const char *const ends[] = {".jsonl", ".ndjson", ".json"};
	const struct davit_sdk_json *source = davit_sdk_member(spec, "source");
	const char *said = davit_sdk_text_at(spec, "/format", NULL);
	const char *name =
		davit_sdk_text_at(source, "/path", davit_sdk_text_at(source, "/uri", ""));

	if (said != NULL)
		return said;
	for (size_t i = 0; i < LOCAL_COUNT(ends); i++) {
		if (ends_with(name, ends[i]))
			return "jsonl";
	}
	if (davit_sdk_member(source, "rows") != NULL)
		return "jsonl";
	return ends_with(name, ".csv") ? "csv" : NULL;
}

/* --- making --- */

/* Rows are stored as one JSON value per line, which is no csv. */
static bool check_format(struct local_call *c, const struct davit_sdk_json *spec)
{
	if (davit_sdk_member(davit_sdk_member(spec, "source"), "rows") == NULL ||
		strcmp(davit_sdk_text_at(spec, "/format", "jsonl"), "jsonl") == 0)
		return true;
	(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, "/spec/format",
		"must be jsonl, or not be given, where the source has rows");
	return false;
}

/* The rows, sealed and looked at; their format stands in rows then. */
static bool seal_rows(struct local_call *c, const struct davit_sdk_json *spec, struct rows *rows,
	struct sealed *ret_sealed)
{
	*rows = (struct rows){.pointer = "/spec/source", .format = format_of(spec)};
	return check_format(c, spec) &&
	       source_seal_rows(c, davit_sdk_member(spec, "source"), rows, ret_sealed);
}

/* What cannot be rows is refused before there is a job, and what can is sealed: an edit of the file
 * changes nothing then, and the job is short however long a text is. */
static bool check(struct local_call *c, const struct davit_sdk_json *spec)
{
	static const char *const without[] = {"source", "format"};
	struct davit_sdk_writer w;
	struct sealed sealed;
	struct rows rows;

	if (!seal_rows(c, spec, &rows, &sealed))
		return false;
	definite_open(c, &w, without, LOCAL_COUNT(without));
	davit_sdk_put_text(&w, "format", rows.format);
	davit_sdk_open_object(&w, "source");
	davit_sdk_put_text(&w, "blob", sealed.digest);
	davit_sdk_close_object(&w);
	return definite_reply(c, &w) == DAVIT_OK;
}

static bool fill(
	struct local_call *c, struct davit_sdk_writer *w, const struct davit_sdk_json *spec)
{
	struct sealed sealed;
	struct rows rows;

	if (!seal_rows(c, spec, &rows, &sealed))
		return false;
	davit_sdk_put_text(w, "format", rows.format);
	davit_sdk_put_text(w, "sha256", sealed.digest);
	davit_sdk_put_int(w, "bytes", sealed.bytes);
	davit_sdk_put_int(w, "lines", rows.lines);
	if (strcmp(rows.format, "jsonl") == 0) /* a line of csv may be a header */
		davit_sdk_put_int(w, "rows", rows.lines);
	return true;
}

/* --- looking --- */

static void put(struct local_call *c, struct davit_sdk_writer *w, const struct record *record)
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

static void put_whole(struct local_call *c, struct davit_sdk_writer *w, const struct record *record)
{
	put(c, w, record);
	used_put(c, w, record);
}

/* --- the file it is written as --- */

static const struct made_file *files(
	struct local_call *c, const struct record *record, size_t *ret_count)
{
	const char *format = davit_sdk_text_at(record->value, "/format", "csv");
	const char *name = source_plain_file_name(record->name) ? record->name : "dataset";
	struct made_file *file = local_alloc(c, sizeof(*file));

	if (file == NULL)
		return NULL;
	*file = (struct made_file){
		.path = record->number > 0 ? local_text(c, "%s-v%lld.%s", name,
						     (long long)record->number, format)
	                                   : local_text(c, "%s.%s", name, format),
		.digest = davit_sdk_text_at(record->value, "/sha256", ""),
		.bytes = davit_sdk_int_at(record->value, "/bytes", 0),
	};
	*ret_count = 1;
	return file;
}

/* Jobs that used it have its digest; they need nothing else of it. */
static void forget(struct local_call *c, const struct record *record)
{
	(void)used_forget(c, record);
}

static const struct made_sort sort = {
	.kind = RECORD_DATASET,
	.tags = "tags",
	.check = check,
	.fill = fill,
	.put = put,
	.put_whole = put_whole,
	.forget = forget,
	.files = files,
};

MADE_SLOTS(datasets, &sort)
