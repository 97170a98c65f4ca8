/* {"started": [DIGEST, …], newest first, "quarantine": {DIGEST: {"cause", "since_ms"}}} */
#include "provider/quarantine.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/log.h"
#include "config/config.h"
#include "platform/fs.h"
#include "provider/internal.h"

#define KEPT     8 /* files that are remembered, and that are in quarantine */
#define FILE_MAX ((size_t)64 * 1024)

static bool path_of(const struct provider *p, char path[PATH_MAX], struct fail *f)
{
	char name[128];
	int n = snprintf(name, sizeof(name), "plugins/%s.json", provider_id(p));

	return n < (int)sizeof(name)
	               ? fs_join(path, PATH_MAX, p->all->host.config->data_dir, name, f)
	               : fail_set(f, FAIL_INTERNAL, "the name of provider '%s' is too long",
				 provider_id(p));
}

/* The record, empty where there is none; NULL with *f where it cannot be read. */
static json_t *record_of(const struct provider *p, struct fail *f)
{
	char path[PATH_MAX];
	char *bytes = NULL;
	size_t n = 0;
	json_t *v;

	if (!path_of(p, path, f))
		return NULL;
	if (!fs_read(path, FILE_MAX, &bytes, &n, f)) {
		if (f->code != FAIL_NOT_FOUND)
			return NULL;
		*f = (struct fail){0};
		return json_object();
	}
	v = json_parse(bytes, n, f);
	free(bytes);
	if (v != NULL && !json_is_object(v)) {
		(void)fail_set(f, FAIL_INVALID, "no object");
		json_decref(v);
		v = NULL;
	}
	if (v == NULL)
		(void)fail_wrap(f, "%s", path);
	return v;
}

static bool write_record(const struct provider *p, const json_t *record, struct fail *f)
{
	char path[PATH_MAX];
	size_t n = 0;
	char *text = json_compact(record, &n);
	bool ok;

	if (text == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	ok = path_of(p, path, f) && fs_write_durable(path, text, n, f);
	free(text);
	return ok;
}

/* The member of that name, made where it is not of that type; borrowed. */
static json_t *member(json_t *record, const char *name, json_type type)
{
	json_t *v = json_object_get(record, name);

	if (v != NULL && json_typeof(v) == type)
		return v;
	v = type == JSON_ARRAY ? json_array() : json_object();
	(void)json_object_set_new(record, name, v);
	return v;
}

static const char *digest_at(const json_t *list, size_t i)
{
	const char *digest = json_string_value(json_array_get(list, i));

	return digest != NULL && strlen(digest) == SHA256_HEX_SIZE - 1 ? digest : "";
}

bool quarantine_note(const struct provider *p, struct fail *f)
{
	json_t *record, *list;
	bool ok = true;

	mutex_lock(&p->all->records);
	record = record_of(p, f);
	if (record == NULL) { /* begun anew, as it is no use to anybody */
		log_warn("WORKER-QUARANTINE", "provider=%s %s", provider_id(p), f->text);
		*f = (struct fail){0};
		record = json_object();
	}
	list = member(record, "started", JSON_ARRAY);
	if (strcmp(digest_at(list, 0), p->sha256) != 0) {
		for (size_t i = json_array_size(list); i-- > 0;) {
			if (i >= KEPT - 1 || strcmp(digest_at(list, i), p->sha256) == 0)
				(void)json_array_remove(list, i);
		}
		ok = json_array_insert_new(list, 0, json_string(p->sha256)) == 0
		             ? write_record(p, record, f)
		             : fail_set(f, FAIL_INTERNAL, "out of memory");
	}
	mutex_unlock(&p->all->records);
	json_decref(record);
	return ok;
}

/* Room for one more. */
static void forget_oldest(json_t *all)
{
	const char *oldest = NULL;
	int64_t least = INT64_MAX;
	const char *digest;
	json_t *v;

	if (json_object_size(all) < KEPT)
		return;
	json_object_foreach(all, digest, v)
	{
		if (json_int_or(v, "since_ms", 0) < least) {
			least = json_int_or(v, "since_ms", 0);
			oldest = digest;
		}
	}
	if (oldest != NULL)
		(void)json_object_del(all, oldest);
}

bool quarantine_put(const struct provider *p, const struct quarantine *q, struct fail *f)
{
	json_t *record, *all;
	bool ok;

	mutex_lock(&p->all->records);
	record = record_of(p, f);
	if (record == NULL) {
		*f = (struct fail){0};
		record = json_object();
	}
	all = member(record, "quarantine", JSON_OBJECT);
	forget_oldest(all);
	ok = json_object_set_new(all, p->sha256,
		     json_pack("{s:o, s:I}", "cause", json_text_any(q->cause, strlen(q->cause)),
			     "since_ms", (json_int_t)q->since_ms)) == 0
	             ? write_record(p, record, f)
	             : fail_set(f, FAIL_INTERNAL, "out of memory");
	mutex_unlock(&p->all->records);
	json_decref(record);
	return ok;
}

/* To be read; NULL: there is none, which is logged where it should not be so. */
static json_t *look(const struct provider *p)
{
	struct fail f = {0};
	json_t *record;

	mutex_lock(&p->all->records);
	record = record_of(p, &f);
	mutex_unlock(&p->all->records);
	if (record == NULL)
		log_warn("WORKER-QUARANTINE", "provider=%s %s", provider_id(p), f.text);
	return record;
}

bool quarantine_get(const struct provider *p, struct quarantine *ret)
{
	json_t *record = look(p);
	const json_t *v = json_object_get(json_object_get(record, "quarantine"), p->sha256);

	if (v != NULL) {
		(void)snprintf(ret->cause, sizeof(ret->cause), "%s", json_text_or(v, "cause", ""));
		ret->since_ms = json_int_or(v, "since_ms", 0);
	}
	json_decref(record);
	return v != NULL;
}

bool quarantine_previous(const struct provider *p, char ret_sha256[SHA256_HEX_SIZE])
{
	json_t *record = look(p);
	const json_t *list = json_object_get(record, "started");
	const json_t *all = json_object_get(record, "quarantine");
	bool found = false;

	for (size_t i = 0; !found && i < json_array_size(list); i++) {
		const char *digest = digest_at(list, i);

		found = digest[0] != '\0' && strcmp(digest, p->sha256) != 0 &&
		        json_object_get(all, digest) == NULL;
		if (found)
			memcpy(ret_sha256, digest, SHA256_HEX_SIZE);
	}
	json_decref(record);
	return found;
}

bool quarantine_clear(const struct provider *p, struct fail *f)
{
	json_t *record;
	bool ok = true;

	mutex_lock(&p->all->records);
	record = record_of(p, f);
	if (record != NULL && json_object_get(record, "quarantine") != NULL)
		ok = json_object_del(record, "quarantine") == 0 && write_record(p, record, f);
	mutex_unlock(&p->all->records);
	json_decref(record);
	return record != NULL && ok;
}
