/*
 * names - versions and tags as they are given, moved and taken off; see names.h.
 */
#include "names_record.h"

#include <stdlib.h>
#include <string.h>

enum {
	TRIES = 200, /* of writers at once each time one gets through */
	HASTY = 4,   /* tries without a pause */
	PAUSE_MS = 8,
	TAG_BYTES = 64,
	TAGS_MAX = 256,
	VERSIONS_MAX = 10000 /* of one name at a time: the record must stay below 1 MiB */
};

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* --- words --- */

static bool is_tag(const struct davit_sdk_json *v)
{
	const char *word = v->text.p;

	return v->kind == DAVIT_SDK_TEXT && v->text.n <= TAG_BYTES &&
	       strspn(word, ALNUM "._-") == v->text.n && strspn(word, ALNUM) > 0 &&
	       (word[0] != 'v' || word[1] == '\0' ||
		       word[strspn(word + 1, "0123456789") + 1] != '\0');
}

static bool check_tags(struct local_call *c, const struct davit_sdk_json *tags)
{
	for (const struct davit_sdk_json *v = names_first(tags); v != NULL; v = v->next) {
		if (is_tag(v))
			continue;
		(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID,
			davit_sdk_pointer_of(&c->sdk.mem, v),
			"a tag or alias has 1 to %d letters, digits, '.', '_' and '-', begins "
			"with a letter or digit, and is not v and a number",
			(int)TAG_BYTES);
		return false;
	}
	return true;
}

bool names_check(struct local_call *c, const char *name, const struct davit_sdk_json *tags)
{
	if (names_key(c, RECORD_DATASET, name) == NULL) {
		(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, "/spec/name",
			"the name is too long: it may have %d bytes", (int)NAME_KEY_BYTES);
		return false;
	}
	return check_tags(c, tags);
}

/* --- the record --- */

/* A record of names as it was read, and what is to become of it. */
struct change {
	const char *key;
	const char *name;
	const struct davit_sdk_json *was; /* NULL: there is none yet */
	int64_t stored;                   /* the version of the kv entry */
	const char *id;                   /* the object it is about */
	int64_t number;                   /* its version */
	bool is_new;                      /* it gets that version now */
	bool drop;                        /* it goes */
	const struct davit_sdk_json *add; /* tags */
	const struct davit_sdk_json *remove;
};

/* Is the word that item of an array, or one behind it? */
static bool has_word_from(const struct davit_sdk_json *item, const char *word)
{
	for (; item != NULL; item = item->next) {
		if (item->kind == DAVIT_SDK_TEXT && strcmp(item->text.p, word) == 0)
			return true;
	}
	return false;
}

static bool has_word(const struct davit_sdk_json *words, const char *word)
{
	return has_word_from(names_first(words), word);
}

/* Does the tag stay where it is? */
static bool keeps(const struct change *change, const struct davit_sdk_json *tag)
{
	bool own = tag->integer == change->number;

	return !has_word(change->add, tag->name.p) &&
	       !(own && (change->drop || has_word(change->remove, tag->name.p)));
}

/* Would writing it change anything? */
static bool matters(const struct change *change)
{
	const struct davit_sdk_json *tags = davit_sdk_member(change->was, "tags");

	if (change->is_new || change->drop)
		return true;
	for (const struct davit_sdk_json *v = names_first(change->add); v != NULL; v = v->next) {
		const struct davit_sdk_json *tag = davit_sdk_member(tags, v->text.p);

		if (tag == NULL || tag->integer != change->number)
			return true;
	}
	for (const struct davit_sdk_json *v = names_first(tags); v != NULL; v = v->next) {
		if (v->integer == change->number && has_word(change->remove, v->name.p) &&
			!has_word(change->add, v->name.p))
			return true;
	}
	return false;
}

static void put_versions(struct davit_sdk_writer *w, const struct change *change)
{
	const struct davit_sdk_json *versions = davit_sdk_member(change->was, "versions");

	davit_sdk_open_object(w, "versions");
	for (const struct davit_sdk_json *v = names_first(versions); v != NULL; v = v->next) {
		if (!change->drop || strcmp(v->name.p, change->id) != 0)
			davit_sdk_put_int(w, v->name.p, v->integer);
	}
	if (change->is_new)
		davit_sdk_put_int(w, change->id, change->number);
	davit_sdk_close_object(w);
}

/* Returns how many there are. */
static int put_tags(struct davit_sdk_writer *w, const struct change *change)
{
	const struct davit_sdk_json *tags = davit_sdk_member(change->was, "tags");
	int count = 0;

	davit_sdk_open_object(w, "tags");
	for (const struct davit_sdk_json *v = names_first(tags); v != NULL; v = v->next) {
		if (!keeps(change, v))
			continue;
		davit_sdk_put_int(w, v->name.p, v->integer);
		count++;
	}
	for (const struct davit_sdk_json *v = names_first(change->add); v != NULL; v = v->next) {
		if (has_word_from(v->next, v->text.p))
			continue; /* named twice */
		davit_sdk_put_int(w, v->text.p, change->number);
		count++;
	}
	davit_sdk_close_object(w);
	return count;
}

/* false with sdk.code DAVIT_OK: somebody wrote in between. */
static bool write(struct local_call *c, const struct change *change)
{
	struct davit_sdk_writer w;
	int64_t last = davit_sdk_int_at(change->was, "/last", 0);

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_int(&w, "v", 1);
	davit_sdk_put_text(&w, "name", change->name);
	davit_sdk_put_int(&w, "last", change->number > last ? change->number : last);
	put_versions(&w, change);
	if (put_tags(&w, change) > TAGS_MAX) {
		(void)davit_sdk_fail(&c->sdk, DAVIT_CONFLICT,
			"'%s' has %d tags; take some off first", change->name, (int)TAGS_MAX);
		return false;
	}
	davit_sdk_close_object(&w);
	return davit_sdk_kv_cas(&c->sdk, change->key, &w, change->stored);
}

/* Which version is it about? false: the call failed. */
static bool number_of(struct local_call *c, struct change *change, bool give)
{
	const struct davit_sdk_json *versions = davit_sdk_member(change->was, "versions");
	const struct davit_sdk_json *known = davit_sdk_member(versions, change->id);

	change->is_new = known == NULL && give;
	change->number = known != NULL ? known->integer : 0;
	if (!change->is_new)
		return true;
	change->number = davit_sdk_int_at(change->was, "/last", 0) + 1;
	if (versions == NULL || versions->count < VERSIONS_MAX)
		return true;
	(void)davit_sdk_fail(&c->sdk, DAVIT_QUOTA,
		"'%s' has %d versions; delete some of them first", change->name, (int)VERSIONS_MAX);
	return false;
}

/* Others were first. false: the call is to end. */
static bool pause_after(struct local_call *c, int tries)
{
	if (tries < HASTY)
		return true;
	return local_check(c, c->sdk.host->core->sleep_ms(c->sdk.call, 1 + tries % PAUSE_MS)) ==
	       DAVIT_OK;
}

/* Applies a change to the record as it now is. give: an object without a version gets one. */
static bool apply(
	struct local_call *c, enum record_kind kind, const struct change *asked, bool give)
{
	c->names = NULL;
	for (int i = 0; i < TRIES; i++) {
		struct change change = *asked;

		change.key = names_key(c, kind, change.name);
		if (change.key == NULL)
			return names_check(c, change.name, NULL);
		change.was = davit_sdk_kv_get(&c->sdk, change.key, &change.stored);
		if (c->sdk.code != DAVIT_OK || !number_of(c, &change, give))
			return false;
		if (change.number == 0 || !matters(&change) || write(c, &change))
			return c->sdk.code == DAVIT_OK;
		if (c->sdk.code != DAVIT_OK || !pause_after(c, i))
			return false;
	}
	(void)davit_sdk_fail(&c->sdk, DAVIT_RETRY,
		"the versions of '%s' are being changed by others; try again", asked->name);
	return false;
}

int64_t names_give(struct local_call *c, enum record_kind kind, const char *name, const char *id,
	const struct davit_sdk_json *tags)
{
	const struct change change = {.name = name, .id = id, .add = tags};
	const struct davit_sdk_json *versions;

	if (!names_check(c, name, tags) || !apply(c, kind, &change, true))
		return 0;
	versions = davit_sdk_member(names_look_up(c, kind, name), "versions");
	versions = davit_sdk_member(versions, id);
	if (versions == NULL)
		(void)davit_sdk_fail(&c->sdk, DAVIT_RETRY, "'%s' was deleted meanwhile", name);
	return versions == NULL ? 0 : versions->integer;
}

bool names_tag(struct local_call *c, enum record_kind kind, const struct record *record,
	const struct davit_sdk_json *add, const struct davit_sdk_json *remove)
{
	const struct change change = {
		.name = record->name, .id = record->id, .add = add, .remove = remove};

	return check_tags(c, add) && apply(c, kind, &change, false);
}

bool names_drop(struct local_call *c, enum record_kind kind, const struct record *record)
{
	const struct change change = {.name = record->name, .id = record->id, .drop = true};

	return apply(c, kind, &change, false);
}

bool names_has(struct local_call *c, enum record_kind kind, const struct record *record)
{
	const struct davit_sdk_json *names = names_look_up(c, kind, record->name);

	return davit_sdk_member(davit_sdk_member(names, "versions"), record->id) != NULL;
}
