/*
 * names - see names.h. The record:
 *
 *	{"v":1, "name":…, "last":N, "versions":{ID:N,…} oldest first, "tags":{WORD:N,…}}
 */
#include "names.h"

#include <stdlib.h>
#include <string.h>

enum {
	TRIES = 200, /* of writers at once each time one gets through */
	HASTY = 4,   /* tries without a pause */
	PAUSE_MS = 8,
	NAME_KEY_BYTES = 480, /* of a name as it stands in a key, which may have 512 */
	TAG_BYTES = 64,
	TAGS_MAX = 256,
	VERSIONS_MAX = 10000, /* of one name at a time: the record must stay below 1 MiB */
	VERSION_DIGITS = 15
};

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static const struct {
	const char *prefix;
	const char *tags; /* what its tags are called */
} kinds[RECORD_KIND_COUNT] = {
	[RECORD_DATASET] = {"name/dataset/", "tags"},
	[RECORD_MODEL] = {"name/model/", "aliases"},
};

bool names_versioned(enum record_kind kind)
{
	return kinds[kind].prefix != NULL;
}

/* --- words --- */

/* The name with what may not stand in a key as %XX; NULL where it is too long or the call has
 * failed. */
static const char *key_of(struct local_call *c, enum record_kind kind, const char *name)
{
	static const char hex[] = "0123456789ABCDEF";
	char *text = local_alloc(c, NAME_KEY_BYTES + 1);
	size_t n = 0;

	for (const char *p = name; text != NULL && *p != '\0'; p++) {
		unsigned char b = (unsigned char)*p;
		bool plain = b >= 0x20 && b != 0x7f && b != '%';

		if (n + (plain ? 1 : 3) > NAME_KEY_BYTES)
			return NULL;
		if (!plain) {
			text[n++] = '%';
			text[n++] = hex[b >> 4];
			b = (unsigned char)hex[b & 15];
		}
		text[n++] = (char)b;
	}
	return text == NULL ? NULL : local_text(c, "%s%s", kinds[kind].prefix, text);
}

/* The number of "vN"; 0: it is none. */
static int64_t version_word(const char *word)
{
	size_t n = word[0] == 'v' ? strspn(word + 1, "0123456789") : 0;

	if (n == 0 || word[n + 1] != '\0')
		return 0;
	return n <= VERSION_DIGITS ? strtoll(word + 1, NULL, 10) : INT64_MAX;
}

static bool is_tag(const struct davit_sdk_json *v)
{
	const char *word = v->text.p;

	return v->kind == DAVIT_SDK_TEXT && v->text.n <= TAG_BYTES &&
	       strspn(word, ALNUM "._-") == v->text.n && strspn(word, ALNUM) > 0 &&
	       (word[0] != 'v' || word[1] == '\0' ||
		       word[strspn(word + 1, "0123456789") + 1] != '\0');
}

static const struct davit_sdk_json *first_of(const struct davit_sdk_json *v)
{
	return v == NULL ? NULL : v->first;
}

static bool check_tags(struct local_call *c, const struct davit_sdk_json *tags)
{
	for (const struct davit_sdk_json *v = first_of(tags); v != NULL; v = v->next) {
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
	if (key_of(c, RECORD_DATASET, name) == NULL) {
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
	return has_word_from(first_of(words), word);
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
	for (const struct davit_sdk_json *v = first_of(change->add); v != NULL; v = v->next) {
		const struct davit_sdk_json *tag = davit_sdk_member(tags, v->text.p);

		if (tag == NULL || tag->integer != change->number)
			return true;
	}
	for (const struct davit_sdk_json *v = first_of(tags); v != NULL; v = v->next) {
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
	for (const struct davit_sdk_json *v = first_of(versions); v != NULL; v = v->next) {
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
	for (const struct davit_sdk_json *v = first_of(tags); v != NULL; v = v->next) {
		if (!keeps(change, v))
			continue;
		davit_sdk_put_int(w, v->name.p, v->integer);
		count++;
	}
	for (const struct davit_sdk_json *v = first_of(change->add); v != NULL; v = v->next) {
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

		change.key = key_of(c, kind, change.name);
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

/* --- reading --- */

/* A record of names as this call read it: lists look at the same ones again and again. */
struct local_names {
	const char *key;
	const struct davit_sdk_json *value; /* NULL: there is none */
	const struct local_names *next;
};

/* The record of a name, or NULL: there is none, or the call failed. */
static const struct davit_sdk_json *look_up(
	struct local_call *c, enum record_kind kind, const char *name)
{
	const char *key = key_of(c, kind, name);
	struct local_names *entry;

	for (const struct local_names *n = key == NULL ? NULL : c->names; n != NULL; n = n->next) {
		if (strcmp(n->key, key) == 0)
			return n->value;
	}
	entry = key == NULL ? NULL : local_alloc(c, sizeof(*entry));
	if (entry == NULL)
		return NULL;
	*entry = (struct local_names){key, davit_sdk_kv_get(&c->sdk, key, NULL), c->names};
	c->names = entry;
	return entry->value;
}

int64_t names_give(struct local_call *c, enum record_kind kind, const char *name, const char *id,
	const struct davit_sdk_json *tags)
{
	const struct change change = {.name = name, .id = id, .add = tags};
	const struct davit_sdk_json *versions;

	if (!names_check(c, name, tags) || !apply(c, kind, &change, true))
		return 0;
	versions = davit_sdk_member(look_up(c, kind, name), "versions");
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
	const struct davit_sdk_json *names = look_up(c, kind, record->name);

	return davit_sdk_member(davit_sdk_member(names, "versions"), record->id) != NULL;
}

/* --- references --- */

/* The newest that is there: one without a record is still being made, or never was. */
static bool find_newest(struct local_call *c, enum record_kind kind,
	const struct davit_sdk_json *names, struct record *ret_record)
{
	const struct davit_sdk_json *versions = davit_sdk_member(names, "versions");
	int64_t below = INT64_MAX;

	for (;;) {
		const struct davit_sdk_json *best = NULL;

		for (const struct davit_sdk_json *v = first_of(versions); v != NULL; v = v->next) {
			if (v->integer < below && (best == NULL || v->integer > best->integer))
				best = v;
		}
		if (best == NULL || c->sdk.code != DAVIT_OK)
			return false;
		if (records_get(c, kind, best->name.p, ret_record))
			return true;
		below = best->integer;
	}
}

static bool find_number(struct local_call *c, enum record_kind kind,
	const struct davit_sdk_json *names, int64_t number, struct record *ret_record)
{
	const struct davit_sdk_json *v = first_of(davit_sdk_member(names, "versions"));

	while (v != NULL && v->integer != number)
		v = v->next;
	return v != NULL && records_get(c, kind, v->name.p, ret_record);
}

/* NAME and the word behind the mark. */
static bool find_marked(struct local_call *c, enum record_kind kind, const char *reference,
	const char *mark, struct record *ret_record)
{
	const char *name =
		mark == NULL ? "" : local_text(c, "%.*s", (int)(mark - reference), reference);
	const struct davit_sdk_json *names = name[0] == '\0' ? NULL : look_up(c, kind, name);
	int64_t number;

	if (names == NULL)
		return false;
	number = *mark == '@' ? version_word(mark + 1) : 0;
	if (number == 0) {
		const struct davit_sdk_json *tag =
			davit_sdk_member(davit_sdk_member(names, "tags"), mark + 1);

		number = tag == NULL ? 0 : tag->integer;
	}
	return number != 0 && find_number(c, kind, names, number, ret_record);
}

bool names_find(struct local_call *c, enum record_kind kind, const char *reference,
	struct record *ret_record)
{
	const struct davit_sdk_json *names = look_up(c, kind, reference);

	if (names != NULL && find_newest(c, kind, names, ret_record))
		return true;
	return find_marked(c, kind, reference, strrchr(reference, '@'), ret_record) ||
	       find_marked(c, kind, reference, strrchr(reference, ':'), ret_record);
}

void names_put_tags(struct local_call *c, struct davit_sdk_writer *w, enum record_kind kind,
	const struct record *record)
{
	const struct davit_sdk_json *names = look_up(c, kind, record->name);
	const struct davit_sdk_json *own =
		davit_sdk_member(davit_sdk_member(names, "versions"), record->id);

	davit_sdk_open_array(w, kinds[kind].tags);
	for (const struct davit_sdk_json *v = first_of(davit_sdk_member(names, "tags"));
		own != NULL && v != NULL; v = v->next) {
		if (v->integer == own->integer)
			davit_sdk_put_text(w, NULL, v->name.p);
	}
	davit_sdk_close_array(w);
}
