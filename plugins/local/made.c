/* made - see made.h. */
#include "made.h"

#include <string.h>

#include "names.h"

static const struct davit_sdk_json *spec_of(struct local_call *c)
{
	return davit_sdk_need_object(&c->sdk, c->sdk.request, "/spec");
}

/* --- making --- */

int32_t made_validate(struct local_call *c, const struct made_sort *sort)
{
	const struct davit_sdk_json *spec = spec_of(c);

	if (c->sdk.code == DAVIT_OK && names_check(c, davit_sdk_text_at(spec, "/name", ""),
					       davit_sdk_member(spec, sort->tags)))
		(void)sort->check(c, spec);
	return c->sdk.code;
}

/* The bytes first, then the version, then the record: whoever finds one finds what it needs. */
static int32_t make(struct local_call *c, const struct made_sort *sort, const char *id)
{
	const struct davit_sdk_json *spec = spec_of(c);
	const char *name = davit_sdk_text_at(spec, "/name", id);
	struct davit_sdk_writer w;

	if (c->sdk.code != DAVIT_OK || !names_check(c, name, davit_sdk_member(spec, sort->tags)))
		return c->sdk.code;
	records_open(c, &w, id);
	if (!sort->fill(c, &w, spec))
		return c->sdk.code;
	davit_sdk_put_int(&w, "version",
		names_give(c, sort->kind, name, id, davit_sdk_member(spec, sort->tags)));
	return c->sdk.code == DAVIT_OK ? records_put(c, sort->kind, id, &w) : c->sdk.code;
}

int32_t made_submit(struct local_call *c, const struct made_sort *sort)
{
	const char *id = davit_sdk_need_text(&c->sdk, c->sdk.request, "/submission_id");
	struct record record;

	if (c->sdk.code == DAVIT_OK && !records_get(c, sort->kind, id, &record) &&
		c->sdk.code == DAVIT_OK)
		(void)make(c, sort, id);
	if (c->sdk.code != DAVIT_OK)
		return c->sdk.code;
	return objects_reply_made(c, sort->kind, id, sort->put);
}

int32_t made_find(struct local_call *c, const struct made_sort *sort)
{
	return objects_reply_made(c, sort->kind, objects_id(c), sort->put);
}

int32_t made_poll(struct local_call *c, const struct made_sort *sort)
{
	return made_find(c, sort);
}

/* It is made by the time anybody could ask. */
int32_t made_cancel(struct local_call *c, const struct made_sort *sort)
{
	(void)sort;
	return c->sdk.code;
}

/* --- looking --- */

int32_t made_get(struct local_call *c, const struct made_sort *sort)
{
	return objects_reply_one(c, sort->kind, objects_id(c), sort->put_whole);
}

int32_t made_list(struct local_call *c, const struct made_sort *sort)
{
	return objects_reply_all(c, sort->kind, sort->put);
}

/* --- changing --- */

int32_t made_tag(struct local_call *c, const struct made_sort *sort)
{
	const struct davit_sdk_json *spec = spec_of(c);
	struct record record;

	if (c->sdk.code != DAVIT_OK ||
		!records_need(c, sort->kind, objects_id(c), DAVIT_NOT_FOUND, NULL, &record) ||
		!names_tag(c, sort->kind, &record, davit_sdk_member(spec, "add"),
			davit_sdk_member(spec, "remove")))
		return c->sdk.code;
	return objects_reply_one(c, sort->kind, record.id, sort->put_whole);
}

/* Writes the record again with or without the mark of one that is about to go. */
static bool mark(struct local_call *c, const struct made_sort *sort, const struct record *record,
	bool removing)
{
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	for (const struct davit_sdk_json *v = record->value->first; v != NULL; v = v->next) {
		if (strcmp(v->name.p, "removing") != 0)
			davit_sdk_put_json(&w, v->name.p, v);
	}
	if (removing)
		davit_sdk_put_bool(&w, "removing", true);
	return records_put(c, sort->kind, record->id, &w) == DAVIT_OK;
}

/* As if nobody had asked for it to be deleted. */
static void unmark(
	struct local_call *caller, const struct made_sort *sort, const struct record *record)
{
	struct local_call c;

	if (sort->release != NULL && local_again(&c, caller) == DAVIT_OK)
		(void)mark(&c, sort, record, false);
}

/*
 * Who is about to use it looks at the mark after having said so; who deletes it sets the mark
 * before looking who uses it: one of the two sees the other.
 */
static bool may_go(struct local_call *c, const struct made_sort *sort, const struct record *record)
{
	if (sort->release == NULL)
		return true;
	if (mark(c, sort, record, true) && sort->release(c, record))
		return true;
	unmark(c, sort, record);
	return false;
}

void made_recover(struct local_call *caller, const struct made_sort *sort)
{
	struct records_scan scan = {0};
	struct local_call c;

	if (local_again(&c, caller) != DAVIT_OK)
		return;
	while (records_next(&c, sort->kind, &scan)) {
		const struct record *record = &scan.record;

		if (!davit_sdk_bool_at(record->value, "/removing", false))
			continue;
		if (record->number == 0 || names_has(&c, sort->kind, record))
			(void)mark(&c, sort, record, false);
		else if (c.sdk.code == DAVIT_OK)
			(void)records_del(&c, sort->kind, record->id);
	}
}

int32_t made_remove(struct local_call *c, const struct made_sort *sort)
{
	struct davit_sdk_writer w;
	struct record record;

	if (!records_need(c, sort->kind, objects_id(c), DAVIT_NOT_FOUND, NULL, &record))
		return c->sdk.code;
	davit_sdk_write_begin(&w, &c->sdk.mem);
	sort->put_whole(c, &w, &record);
	davit_sdk_close_object(&w);
	if (c->sdk.code != DAVIT_OK || !may_go(c, sort, &record))
		return c->sdk.code;
	if (!names_drop(c, sort->kind, &record)) {
		unmark(c, sort, &record);
		return c->sdk.code;
	}
	/* Where this fails its name is gone: the next delete by id, or the next start, goes on. */
	if (records_del(c, sort->kind, record.id) != DAVIT_OK)
		return c->sdk.code;
	if (sort->forget != NULL)
		sort->forget(c, &record);
	return davit_sdk_reply(&c->sdk, &w);
}
