/* The keywords that look at one value alone: its type, its size, the values it may have. */
#include "base/schema_rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/schema.h"
#include "base/utf8.h"

#define WORDS_MAX 64 /* of an enum, for suggestions */

struct rule {
	const char *pointer; /* to the value */
	struct fail *f;
};

/* k is the keyword's value, v what is checked. */
typedef bool rule_fn(struct rule *r, const json_t *k, const json_t *v);

static bool has_type(const json_t *v, const char *word)
{
	static const char *const words[] = {
		[JSON_OBJECT] = "object",
		[JSON_ARRAY] = "array",
		[JSON_STRING] = "string",
		[JSON_INTEGER] = "integer",
		[JSON_REAL] = "number",
		[JSON_TRUE] = "boolean",
		[JSON_FALSE] = "boolean",
		[JSON_NULL] = "null",
	};

	if (strcmp(words[json_typeof(v)], word) == 0)
		return true;
	return json_is_integer(v) && strcmp(word, "number") == 0;
}

static const char *name_of_type(const char *word)
{
	static const struct {
		const char *word, *name;
	} names[] = {
		{"object", "an object"},
		{"array", "a list"},
		{"string", "a text"},
		{"integer", "an integer"},
		{"number", "a number"},
		{"boolean", "true or false"},
		{"null", "null"},
	};

	for (size_t i = 0; i < COUNT(names); i++) {
		if (strcmp(names[i].word, word) == 0)
			return names[i].name;
	}
	return word;
}

/* Appends to a text of fixed size what fits. */
static void append(char *text, size_t size, const char *more)
{
	size_t n = strlen(text);

	strncat(text, more, size - n - 1);
}

static bool check_type(struct rule *r, const json_t *k, const json_t *v)
{
	char expected[128] = "";
	size_t i;
	json_t *word;

	if (json_is_string(k) && has_type(v, json_string_value(k)))
		return true;
	if (json_is_string(k))
		append(expected, sizeof(expected), name_of_type(json_string_value(k)));
	json_array_foreach(k, i, word)
	{
		const char *text = json_string_value(word);

		if (text == NULL || has_type(v, text))
			return true;
		append(expected, sizeof(expected), i == 0 ? "" : " or ");
		append(expected, sizeof(expected), name_of_type(text));
	}
	return fail_at(r->f, FAIL_INVALID, r->pointer, "must be %s", expected);
}

/* 1.0 and 1 are the same number to JSON Schema, but not to jansson. */
static bool is_equal(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b) && json_typeof(a) != json_typeof(b))
		return json_number_value(a) == json_number_value(b);
	return json_equal(a, b) == 1;
}

/* "one of "a", "b"", cut where it does not fit. */
static void list_values(char *text, size_t size, const json_t *values)
{
	size_t i;
	json_t *value;

	json_array_foreach(values, i, value)
	{
		char *json = json_compact(value, NULL);

		append(text, size, i == 0 ? "" : ", ");
		append(text, size, json != NULL ? json : "?");
		free(json);
	}
}

static const char *nearest_value(const json_t *values, const json_t *v)
{
	const char *words[WORDS_MAX];
	size_t i, n = 0;
	json_t *value;

	if (!json_is_string(v))
		return NULL;
	json_array_foreach(values, i, value)
	{
		if (json_is_string(value) && n < COUNT(words))
			words[n++] = json_string_value(value);
	}
	return schema_nearest(json_string_value(v), words, n);
}

static bool check_enum(struct rule *r, const json_t *k, const json_t *v)
{
	char expected[256] = "";
	const char *nearest;
	size_t i;
	json_t *value;

	json_array_foreach(k, i, value)
	{
		if (is_equal(value, v))
			return true;
	}
	list_values(expected, sizeof(expected), k);
	nearest = nearest_value(k, v);
	if (nearest == NULL)
		return fail_at(r->f, FAIL_INVALID, r->pointer, "must be one of %s", expected);
	return fail_at(r->f, FAIL_INVALID, r->pointer, "must be one of %s; did you mean \"%s\"?",
		expected, nearest);
}

static bool check_const(struct rule *r, const json_t *k, const json_t *v)
{
	char *json;

	if (is_equal(k, v))
		return true;
	json = json_compact(k, NULL);
	fail_at(r->f, FAIL_INVALID, r->pointer, "must be %s", json != NULL ? json : "constant");
	free(json);
	return false;
}

/* Negative, zero or positive as a is less than, equal to or more than b. */
static int compare(const json_t *a, const json_t *b)
{
	if (json_is_integer(a) && json_is_integer(b)) {
		json_int_t x = json_integer_value(a), y = json_integer_value(b);

		return (x > y) - (x < y);
	}
	double x = json_number_value(a), y = json_number_value(b);

	return (x > y) - (x < y);
}

static bool refuse_number(struct rule *r, const json_t *limit, const char *relation)
{
	char *json = json_compact(limit, NULL);

	fail_at(r->f, FAIL_INVALID, r->pointer, "must be %s %s", relation,
		json != NULL ? json : "?");
	free(json);
	return false;
}

static bool check_minimum(struct rule *r, const json_t *k, const json_t *v)
{
	return !json_is_number(v) || compare(v, k) >= 0 || refuse_number(r, k, "at least");
}

static bool check_maximum(struct rule *r, const json_t *k, const json_t *v)
{
	return !json_is_number(v) || compare(v, k) <= 0 || refuse_number(r, k, "at most");
}

static bool check_above(struct rule *r, const json_t *k, const json_t *v)
{
	return !json_is_number(v) || compare(v, k) > 0 || refuse_number(r, k, "more than");
}

static bool check_below(struct rule *r, const json_t *k, const json_t *v)
{
	return !json_is_number(v) || compare(v, k) < 0 || refuse_number(r, k, "less than");
}

static bool check_count(
	struct rule *r, const json_t *k, size_t n, bool at_least, const char *things)
{
	json_int_t limit = json_integer_value(k);
	bool good = at_least ? (json_int_t)n >= limit : (json_int_t)n <= limit;

	if (good)
		return true;
	if (at_least && limit == 1)
		return fail_at(r->f, FAIL_INVALID, r->pointer, "must not be empty");
	return fail_at(r->f, FAIL_INVALID, r->pointer,
		"must have at %s %" JSON_INTEGER_FORMAT " %s", at_least ? "least" : "most", limit,
		things);
}

static size_t count_characters(const json_t *v)
{
	const char *text = json_string_value(v);
	size_t left = json_string_length(v), count = 0;

	while (left > 0) {
		size_t n = utf8_length(text, left);

		n = n == 0 ? 1 : n;
		text += n;
		left -= n;
		count++;
	}
	return count;
}

static bool check_min_length(struct rule *r, const json_t *k, const json_t *v)
{
	return !json_is_string(v) || check_count(r, k, count_characters(v), true, "characters");
}

static bool check_max_length(struct rule *r, const json_t *k, const json_t *v)
{
	return !json_is_string(v) || check_count(r, k, count_characters(v), false, "characters");
}

static bool check_min_items(struct rule *r, const json_t *k, const json_t *v)
{
	return !json_is_array(v) || check_count(r, k, json_array_size(v), true, "items");
}

static bool check_max_items(struct rule *r, const json_t *k, const json_t *v)
{
	return !json_is_array(v) || check_count(r, k, json_array_size(v), false, "items");
}

static bool check_min_members(struct rule *r, const json_t *k, const json_t *v)
{
	return !json_is_object(v) || check_count(r, k, json_object_size(v), true, "members");
}

static bool check_max_members(struct rule *r, const json_t *k, const json_t *v)
{
	return !json_is_object(v) || check_count(r, k, json_object_size(v), false, "members");
}

static const struct {
	const char *word;
	rule_fn *check;
} rules[] = {
	{"type", check_type},
	{"const", check_const},
	{"enum", check_enum},
	{"minimum", check_minimum},
	{"maximum", check_maximum},
	{"exclusiveMinimum", check_above},
	{"exclusiveMaximum", check_below},
	{"minLength", check_min_length},
	{"maxLength", check_max_length},
	{"minItems", check_min_items},
	{"maxItems", check_max_items},
	{"minProperties", check_min_members},
	{"maxProperties", check_max_members},
};

bool schema_rules_check(const json_t *schema, const json_t *v, const char *pointer, struct fail *f)
{
	struct rule r = {pointer, f};

	for (size_t i = 0; i < COUNT(rules); i++) {
		const json_t *k = json_object_get(schema, rules[i].word);

		if (k != NULL && !rules[i].check(&r, k, v))
			return false;
	}
	return true;
}
