/* Is a schema within the subset we check? One row per keyword. Checking is schema_check.c. */
#include "base/schema.h"

#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/schema_path.h"

struct reader {
	const json_t *root;
	struct schema_path path; /* in the schema, for messages */
	struct fail *f;
	int depth;
};

static bool refuse(struct reader *r, const char *expected)
{
	return fail_at(
		r->f, FAIL_INVALID, r->path.text, "schema%s: must be %s", r->path.text, expected);
}

static bool read_schema(struct reader *r, const json_t *v);

static bool read_note(struct reader *r, const json_t *v)
{
	(void)r;
	(void)v;
	return true;
}

static bool is_type_word(const json_t *v)
{
	static const char *const words[] = {
		"null", "boolean", "object", "array", "number", "integer", "string"};
	const char *text = json_string_value(v);

	for (size_t i = 0; text != NULL && i < COUNT(words); i++) {
		if (strcmp(text, words[i]) == 0)
			return true;
	}
	return false;
}

static bool read_type(struct reader *r, const json_t *v)
{
	size_t i;
	json_t *word;

	if (json_array_size(v) == 0)
		return is_type_word(v) || refuse(r, "the name of a type, or several");
	json_array_foreach(v, i, word)
	{
		if (!is_type_word(word))
			return refuse(r, "names of types");
	}
	return true;
}

static bool read_schema_map(struct reader *r, const json_t *v)
{
	const char *key;
	json_t *member;

	if (!json_is_object(v))
		return refuse(r, "an object of schemas");
	json_object_foreach((json_t *)v, key, member)
	{
		size_t mark = schema_path_add(&r->path, key);

		if (!read_schema(r, member))
			return false;
		schema_path_cut(&r->path, mark);
	}
	return true;
}

static bool read_schema_list(struct reader *r, const json_t *v)
{
	size_t i;
	json_t *member;

	if (json_array_size(v) == 0)
		return refuse(r, "a list of schemas");
	json_array_foreach(v, i, member)
	{
		size_t mark = schema_path_add_index(&r->path, i);

		if (!read_schema(r, member))
			return false;
		schema_path_cut(&r->path, mark);
	}
	return true;
}

static bool read_texts(struct reader *r, const json_t *v)
{
	size_t i;
	json_t *text;

	if (!json_is_array(v))
		return refuse(r, "a list of texts");
	json_array_foreach(v, i, text)
	{
		if (!json_is_string(text))
			return refuse(r, "a list of texts");
	}
	return true;
}

static bool read_values(struct reader *r, const json_t *v)
{
	return json_array_size(v) > 0 || refuse(r, "a list of values");
}

static bool read_number(struct reader *r, const json_t *v)
{
	return json_is_number(v) || refuse(r, "a number");
}

static bool read_count(struct reader *r, const json_t *v)
{
	return (json_is_integer(v) && json_integer_value(v) >= 0) || refuse(r, "a count");
}

static bool read_ref(struct reader *r, const json_t *v)
{
	if (schema_ref(r->root, v) != NULL)
		return true;
	return refuse(r, "\"#/$defs/NAME\" of a schema that is there");
}

struct keyword {
	const char *word;
	bool (*read)(struct reader *r, const json_t *v);
};

static const struct keyword keywords[] = {
	{"$comment", read_note},
	{"$defs", read_schema_map},
	{"$id", read_note},
	{"$ref", read_ref},
	{"$schema", read_note},
	{"additionalProperties", read_schema},
	{"allOf", read_schema_list},
	{"anyOf", read_schema_list},
	{"const", read_note},
	{"default", read_note},
	{"description", read_note},
	{"enum", read_values},
	{"examples", read_note},
	{"exclusiveMaximum", read_number},
	{"exclusiveMinimum", read_number},
	{"items", read_schema},
	{"maxItems", read_count},
	{"maxLength", read_count},
	{"maxProperties", read_count},
	{"maximum", read_number},
	{"minItems", read_count},
	{"minLength", read_count},
	{"minProperties", read_count},
	{"minimum", read_number},
	{"not", read_schema},
	{"oneOf", read_schema_list},
	{"properties", read_schema_map},
	{"required", read_texts},
	{"title", read_note},
	{"type", read_type},
};

static const struct keyword *find_keyword(const char *word)
{
	static const struct keyword note = {"x-", read_note};

	if (strncmp(word, note.word, strlen(note.word)) == 0)
		return &note;
	for (size_t i = 0; i < COUNT(keywords); i++) {
		if (strcmp(keywords[i].word, word) == 0)
			return &keywords[i];
	}
	return NULL;
}

static bool refuse_keyword(struct reader *r, const char *word)
{
	const char *words[COUNT(keywords)];
	const char *nearest;

	for (size_t i = 0; i < COUNT(keywords); i++)
		words[i] = keywords[i].word;
	nearest = schema_nearest(word, words, COUNT(words));
	if (nearest == NULL)
		return fail_at(r->f, FAIL_INVALID, r->path.text, "schema%s: unknown keyword '%s'",
			r->path.text, word);
	return fail_at(r->f, FAIL_INVALID, r->path.text,
		"schema%s: unknown keyword '%s', did you mean '%s'?", r->path.text, word, nearest);
}

static bool read_keywords(struct reader *r, const json_t *v)
{
	const char *word;
	json_t *value;

	json_object_foreach((json_t *)v, word, value)
	{
		const struct keyword *k = find_keyword(word);
		size_t mark;

		if (k == NULL)
			return refuse_keyword(r, word);
		mark = schema_path_add(&r->path, word);
		if (!k->read(r, value))
			return false;
		schema_path_cut(&r->path, mark);
	}
	return true;
}

static bool read_schema(struct reader *r, const json_t *v)
{
	bool good;

	if (json_is_boolean(v))
		return true;
	if (!json_is_object(v))
		return refuse(r, "a schema: an object, true or false");
	if (r->depth == JSON_DEPTH_MAX)
		return refuse(r, "less deep");
	r->depth++;
	good = read_keywords(r, v);
	r->depth--;
	return good;
}

bool schema_valid(const json_t *schema, struct fail *f)
{
	struct reader r = {.root = schema, .f = f};

	return read_schema(&r, schema);
}
