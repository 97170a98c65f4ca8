/* names_find - which object a name, a version or a tag means. */
#include <stdlib.h>
#include <string.h>

#include "names_record.h"

enum {
	VERSION_DIGITS = 15
};

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

/* The name with what may not stand in a key as %XX; NULL where it is too long or the call has
 * failed. */
const char *names_key(struct local_call *c, enum record_kind kind, const char *name)
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

const struct davit_sdk_json *names_first(const struct davit_sdk_json *v)
{
	return v == NULL ? NULL : v->first;
}

/* A record of names as this call read it: lists look at the same ones again and again. */
struct local_names {
	const char *key;
	const struct davit_sdk_json *value; /* NULL: there is none */
	const struct local_names *next;
};

/* The record of a name, or NULL: there is none, or the call failed. */
const struct davit_sdk_json *names_look_up(
	struct local_call *c, enum record_kind kind, const char *name)
{
	const char *key = names_key(c, kind, name);
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

/* --- references --- */

/* The newest that is there: one without a record is still being made, or never was. */
static bool find_newest(struct local_call *c, enum record_kind kind,
	const struct davit_sdk_json *names, struct record *ret_record)
{
	const struct davit_sdk_json *versions = davit_sdk_member(names, "versions");
	int64_t below = INT64_MAX;

	for (;;) {
		const struct davit_sdk_json *best = NULL;

		for (const struct davit_sdk_json *v = names_first(versions); v != NULL;
			v = v->next) {
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
	const struct davit_sdk_json *v = names_first(davit_sdk_member(names, "versions"));

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
	const struct davit_sdk_json *names = name[0] == '\0' ? NULL : names_look_up(c, kind, name);
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
	const struct davit_sdk_json *names = names_look_up(c, kind, reference);

	if (names != NULL && find_newest(c, kind, names, ret_record))
		return true;
	return find_marked(c, kind, reference, strrchr(reference, '@'), ret_record) ||
	       find_marked(c, kind, reference, strrchr(reference, ':'), ret_record);
}

void names_put_tags(struct local_call *c, struct davit_sdk_writer *w, enum record_kind kind,
	const struct record *record)
{
	const struct davit_sdk_json *names = names_look_up(c, kind, record->name);
	const struct davit_sdk_json *own =
		davit_sdk_member(davit_sdk_member(names, "versions"), record->id);

	davit_sdk_open_array(w, kinds[kind].tags);
	for (const struct davit_sdk_json *v = names_first(davit_sdk_member(names, "tags"));
		own != NULL && v != NULL; v = v->next) {
		if (v->integer == own->integer)
			davit_sdk_put_text(w, NULL, v->name.p);
	}
	davit_sdk_close_array(w);
}
