/*
 * Does a value satisfy a schema? One row per keyword, tried in the order of the table, so that
 * the first complaint is the one that helps most. Depth and number of steps are bounded: a
 * schema that refers to itself ends in a sentence, not in a full stack.
 */
#include "base/schema.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/schema_path.h"
#include "base/utf8.h"

#define DEPTH_MAX (4 * JSON_DEPTH_MAX) /* references and anyOf go down without the value */
#define STEPS_MAX 4000000
#define WORDS_MAX 64 /* of an enum or of members, for suggestions */

struct check {
	const json_t *root;
	struct schema_path path; /* in the value */
	const json_t *around;
	struct fail *f;
	int depth;
	int steps;
};

/* k is the keyword's value, v what is checked; the schema around k is c->around. */
typedef bool check_fn(struct check *c, const json_t *k, const json_t *v);

static bool check(struct check *c, const json_t *s, const json_t *v);

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

static bool check_type(struct check *c, const json_t *k, const json_t *v)
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
	return fail_at(c->f, FAIL_INVALID, c->path.text, "must be %s", expected);
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

static bool check_enum(struct check *c, const json_t *k, const json_t *v)
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
		return fail_at(c->f, FAIL_INVALID, c->path.text, "must be one of %s", expected);
	return fail_at(c->f, FAIL_INVALID, c->path.text, "must be one of %s; did you mean \"%s\"?",
		expected, nearest);
}

static bool check_const(struct check *c, const json_t *k, const json_t *v)
{
	char *json;

	if (is_equal(k, v))
		return true;
	json = json_compact(k, NULL);
	fail_at(c->f, FAIL_INVALID, c->path.text, "must be %s", json != NULL ? json : "constant");
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

static bool refuse_number(struct check *c, const json_t *limit, const char *relation)
{
	char *json = json_compact(limit, NULL);

	fail_at(c->f, FAIL_INVALID, c->path.text, "must be %s %s", relation,
		json != NULL ? json : "?");
	free(json);
	return false;
}

static bool check_minimum(struct check *c, const json_t *k, const json_t *v)
{
	return !json_is_number(v) || compare(v, k) >= 0 || refuse_number(c, k, "at least");
}

static bool check_maximum(struct check *c, const json_t *k, const json_t *v)
{
	return !json_is_number(v) || compare(v, k) <= 0 || refuse_number(c, k, "at most");
}

static bool check_above(struct check *c, const json_t *k, const json_t *v)
{
	return !json_is_number(v) || compare(v, k) > 0 || refuse_number(c, k, "more than");
}

static bool check_below(struct check *c, const json_t *k, const json_t *v)
{
	return !json_is_number(v) || compare(v, k) < 0 || refuse_number(c, k, "less than");
}

static bool check_count(
	struct check *c, const json_t *k, size_t n, bool at_least, const char *things)
{
	json_int_t limit = json_integer_value(k);
	bool good = at_least ? (json_int_t)n >= limit : (json_int_t)n <= limit;

	if (good)
		return true;
	if (at_least && limit == 1)
		return fail_at(c->f, FAIL_INVALID, c->path.text, "must not be empty");
	return fail_at(c->f, FAIL_INVALID, c->path.text,
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

static bool check_min_length(struct check *c, const json_t *k, const json_t *v)
{
	return !json_is_string(v) || check_count(c, k, count_characters(v), true, "characters");
}

static bool check_max_length(struct check *c, const json_t *k, const json_t *v)
{
	return !json_is_string(v) || check_count(c, k, count_characters(v), false, "characters");
}

static bool check_min_items(struct check *c, const json_t *k, const json_t *v)
{
	return !json_is_array(v) || check_count(c, k, json_array_size(v), true, "items");
}

static bool check_max_items(struct check *c, const json_t *k, const json_t *v)
{
	return !json_is_array(v) || check_count(c, k, json_array_size(v), false, "items");
}

static bool check_min_members(struct check *c, const json_t *k, const json_t *v)
{
	return !json_is_object(v) || check_count(c, k, json_object_size(v), true, "members");
}

static bool check_max_members(struct check *c, const json_t *k, const json_t *v)
{
	return !json_is_object(v) || check_count(c, k, json_object_size(v), false, "members");
}

static bool check_required(struct check *c, const json_t *k, const json_t *v)
{
	size_t i;
	json_t *name;

	if (!json_is_object(v))
		return true;
	json_array_foreach(k, i, name)
	{
		const char *text = json_string_value(name);

		if (text == NULL || json_object_get(v, text) != NULL)
			continue;
		schema_path_add(&c->path, text);
		return fail_at(c->f, FAIL_INVALID, c->path.text, "'%s' is missing", text);
	}
	return true;
}

static bool check_member(struct check *c, const json_t *s, const char *name, const json_t *v)
{
	size_t mark = schema_path_add(&c->path, name);

	if (!check(c, s, v))
		return false;
	schema_path_cut(&c->path, mark);
	return true;
}

static bool check_properties(struct check *c, const json_t *k, const json_t *v)
{
	const char *name;
	json_t *schema;

	json_object_foreach((json_t *)k, name, schema)
	{
		const json_t *member = json_object_get(v, name);

		if (member != NULL && !check_member(c, schema, name, member))
			return false;
	}
	return true;
}

static bool refuse_member(struct check *c, const json_t *properties, const char *name)
{
	const char *words[WORDS_MAX];
	const char *word, *nearest;
	size_t n = 0;
	json_t *schema;

	json_object_foreach((json_t *)properties, word, schema)
	{
		if (n < COUNT(words))
			words[n++] = word;
	}
	nearest = schema_nearest(name, words, n);
	schema_path_add(&c->path, name);
	if (nearest == NULL)
		return fail_at(c->f, FAIL_INVALID, c->path.text, "unknown member '%s'", name);
	return fail_at(c->f, FAIL_INVALID, c->path.text, "unknown member '%s', did you mean '%s'?",
		name, nearest);
}

static bool check_additional(struct check *c, const json_t *k, const json_t *v)
{
	const json_t *properties = json_object_get(c->around, "properties");
	const char *name;
	json_t *member;

	json_object_foreach((json_t *)v, name, member)
	{
		if (json_object_get(properties, name) != NULL)
			continue;
		if (json_is_false(k))
			return refuse_member(c, properties, name);
		if (!check_member(c, k, name, member))
			return false;
	}
	return true;
}

static bool check_items(struct check *c, const json_t *k, const json_t *v)
{
	size_t i;
	json_t *item;

	json_array_foreach(v, i, item)
	{
		size_t mark = schema_path_add_index(&c->path, i);

		if (!check(c, k, item))
			return false;
		schema_path_cut(&c->path, mark);
	}
	return true;
}

static bool check_ref(struct check *c, const json_t *k, const json_t *v)
{
	const json_t *target = schema_ref(c->root, k);

	return target == NULL || check(c, target, v);
}

static bool check_all(struct check *c, const json_t *k, const json_t *v)
{
	size_t i;
	json_t *schema;

	json_array_foreach(k, i, schema)
	{
		if (!check(c, schema, v))
			return false;
	}
	return true;
}

/* Tries one alternative without a trace in c but for the steps; *ret_why on failure. */
static bool try(struct check *c, const json_t *s, const json_t *v, struct fail *ret_why)
{
	struct check side = *c;
	bool good;

	side.f = ret_why;
	good = check(&side, s, v);
	c->steps = side.steps;
	return good;
}

/* How many of the alternatives hold; *ret_why: the complaint of the one that came furthest. */
static size_t count_holding(
	struct check *c, const json_t *k, const json_t *v, size_t enough, struct fail *ret_why)
{
	size_t i, holding = 0, furthest = 0;
	json_t *schema;

	json_array_foreach(k, i, schema)
	{
		struct fail why;

		if (try(c, schema, v, &why)) {
			if (++holding == enough)
				break;
		} else if (i == 0 || strlen(why.field) > furthest) {
			furthest = strlen(why.field);
			*ret_why = why;
		}
	}
	return holding;
}

static bool refuse_alternatives(struct check *c, const json_t *k, const struct fail *why)
{
	if (strcmp(why->field, c->path.text) != 0 || json_array_size(k) == 1)
		return fail_at(c->f, why->code, why->field, "%s", why->text);
	return fail_at(c->f, why->code, c->path.text,
		"has none of the %zu forms allowed here; for the first: %s", json_array_size(k),
		why->text);
}

static bool check_any(struct check *c, const json_t *k, const json_t *v)
{
	struct fail why = {.code = FAIL_INVALID};

	return count_holding(c, k, v, 1, &why) == 1 || refuse_alternatives(c, k, &why);
}

static bool check_one(struct check *c, const json_t *k, const json_t *v)
{
	struct fail why = {.code = FAIL_INVALID};
	size_t holding = count_holding(c, k, v, 2, &why);

	if (holding == 1)
		return true;
	if (holding == 0)
		return refuse_alternatives(c, k, &why);
	return fail_at(c->f, FAIL_INVALID, c->path.text,
		"has more than one of the forms allowed here, and must have exactly one");
}

static bool check_not(struct check *c, const json_t *k, const json_t *v)
{
	struct fail why;

	if (!try(c, k, v, &why))
		return true;
	return fail_at(c->f, FAIL_INVALID, c->path.text, "has a form that is not allowed here");
}

static const struct {
	const char *word;
	check_fn *check;
} keywords[] = {
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
	{"additionalProperties", check_additional},
	{"required", check_required},
	{"properties", check_properties},
	{"items", check_items},
	{"$ref", check_ref},
	{"allOf", check_all},
	{"anyOf", check_any},
	{"oneOf", check_one},
	{"not", check_not},
};

static bool check_keywords(struct check *c, const json_t *s, const json_t *v)
{
	for (size_t i = 0; i < COUNT(keywords); i++) {
		const json_t *k = json_object_get(s, keywords[i].word);

		c->around = s; /* the keyword before may have gone down */
		if (k != NULL && !keywords[i].check(c, k, v))
			return false;
	}
	return true;
}

static bool check(struct check *c, const json_t *s, const json_t *v)
{
	bool good;

	if (json_is_true(s))
		return true;
	if (json_is_false(s))
		return fail_at(c->f, FAIL_INVALID, c->path.text, "is not allowed here");
	if (c->depth == DEPTH_MAX || c->steps == STEPS_MAX)
		return fail_at(c->f, FAIL_INVALID, c->path.text,
			"is too deep or too large to be checked against its schema");
	c->depth++;
	c->steps++;
	good = check_keywords(c, s, v);
	c->depth--;
	return good;
}

bool schema_check(const json_t *schema, const json_t *value, struct fail *f)
{
	struct fail why; /* f may be NULL, ours never is */
	struct check c = {.root = schema, .f = &why};

	if (check(&c, schema, value))
		return true;
	if (f != NULL)
		*f = why;
	return false;
}
