/* objects - see objects.h. */
#include "objects.h"

const char *objects_state_word(int32_t state)
{
	static const char *const words[] = {
		[DAVIT_STATE_PENDING] = "PENDING",
		[DAVIT_STATE_RUNNING] = "RUNNING",
		[DAVIT_STATE_SUCCEEDED] = "SUCCEEDED",
		[DAVIT_STATE_FAILED] = "FAILED",
		[DAVIT_STATE_CANCELLED] = "CANCELLED",
	};

	return words[state];
}

const char *objects_id(const struct local_call *c)
{
	const char *id = davit_sdk_text_at(c->sdk.request, "/submission_id", "");

	id = davit_sdk_text_at(c->sdk.request, "/remote", id);
	id = davit_sdk_text_at(c->sdk.request, "/id", id);
	return davit_sdk_text_at(c->sdk.request, "/ref/id", id);
}

/* Days since 1970-01-01 to a date of the proleptic Gregorian calendar, by counting from a
 * first of March, so that the leap day is the last of a year. */
static void civil(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
	int64_t z = days + 719468;
	int64_t era = z / 146097;
	int64_t day_of_era = z % 146097;
	int64_t year =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * day_of_year + 2) / 153;

	*ret_day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
	*ret_month = (int)(month < 10 ? month + 3 : month - 9);
	*ret_year = (int)(year + era * 400 + (*ret_month <= 2));
}

static void put_time(struct local_call *c, struct davit_sdk_writer *w, const char *key, int64_t ms)
{
	int year;
	int month;
	int day;
	int rest;

	if (ms <= 0)
		return;
	civil(ms / 86400000, &year, &month, &day);
	rest = (int)(ms % 86400000);
	davit_sdk_put_text(w, key,
		local_text(c, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, day,
			rest / 3600000, rest / 60000 % 60, rest / 1000 % 60, rest % 1000));
}

void objects_open(struct local_call *c, struct davit_sdk_writer *w, enum record_kind kind,
	const struct record *record, const char *state, int64_t updated_ms)
{
	static const char *const folders[RECORD_KIND_COUNT] = {
		[RECORD_DATASET] = "datasets",
		[RECORD_TRAINING] = "training",
		[RECORD_MODEL] = "models",
		[RECORD_ENDPOINT] = "endpoints",
		[RECORD_BATCH] = "inference",
	};
	int64_t created_ms = davit_sdk_int_at(record->value, "/created_ms", 0);

	davit_sdk_open_object(w, NULL);
	davit_sdk_put_text(w, "id", record->id);
	davit_sdk_put_json(w, "label", davit_sdk_member(record->value, "label"));
	davit_sdk_put_json(w, "kind", davit_sdk_member(record->value, "kind"));
	davit_sdk_put_text(w, "name", record->name);
	davit_sdk_put_text(w, "uri", local_text(c, "local://%s/%s", folders[kind], record->id));
	davit_sdk_put_text(w, "state", state);
	put_time(c, w, "created", created_ms);
	put_time(c, w, "updated", updated_ms > created_ms ? updated_ms : created_ms);
	davit_sdk_put_text(
		w, "description", davit_sdk_text_at(record->value, "/description", NULL));
	davit_sdk_put_json(w, "labels", davit_sdk_member(record->value, "labels"));
}

int32_t objects_reply_one(
	struct local_call *c, enum record_kind kind, const char *id_or_name, objects_put *put)
{
	struct davit_sdk_writer w;
	struct record record;

	if (!records_need(c, kind, id_or_name, DAVIT_NOT_FOUND, "", &record))
		return c->sdk.code;
	davit_sdk_write_begin(&w, &c->sdk.mem);
	put(c, &w, &record);
	davit_sdk_close_object(&w);
	return davit_sdk_reply(&c->sdk, &w);
}

int32_t objects_reply_all(struct local_call *c, enum record_kind kind, objects_put *put)
{
	struct davit_sdk_writer w;
	struct records_scan scan = {0};

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_open_array(&w, "items");
	while (records_next(c, kind, &scan)) {
		put(c, &w, &scan.record);
		davit_sdk_close_object(&w);
	}
	davit_sdk_close_array(&w);
	davit_sdk_close_object(&w);
	return davit_sdk_reply(&c->sdk, &w);
}

int32_t objects_reply_made(
	struct local_call *c, enum record_kind kind, const char *id, objects_put *put)
{
	struct davit_sdk_writer w;
	struct record record;

	if (!records_get(c, kind, id, &record))
		return davit_sdk_fail(
			&c->sdk, DAVIT_NOT_FOUND, "'%s' was not made by this provider", id);
	davit_sdk_write_begin(&w, &c->sdk.mem);
	put(c, &w, &record);
	davit_sdk_open_object(&w, "ref");
	davit_sdk_put_int(&w, "v", 1);
	davit_sdk_put_text(&w, "id", record.id);
	davit_sdk_close_object(&w);
	davit_sdk_close_object(&w);
	return davit_sdk_reply_state(&c->sdk, DAVIT_STATE_SUCCEEDED, 0, &w);
}
