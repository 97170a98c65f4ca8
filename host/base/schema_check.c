/*
 * Does a value satisfy a schema? First what looks at the value alone (schema_rules.c), then the
 * keywords with schemas below them, one row each, in the order in which a complaint helps most.
 * Depth and number of steps are bounded: a
 * schema that refers to itself ends in a sentence, not in a full stack.
 */
#include "base/schema.h"

#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/schema_path.h"
#include "base/schema_rules.h"

#define DEPTH_MAX (4 * JSON_DEPTH_MAX) /* references and anyOf go down without the value */
#define STEPS_MAX 4000000
#define WORDS_MAX 64 /* of members, for suggestions */

struct check {
	const json_t *root;
	struct schema_path path; /* in the value */
	const json_t *around;
	struct fail *f;
	int depth;
	int steps;
	bool gave_up; /* at a bound: nothing is true any more, not even "not" */
};

/* k is the keyword's value, v what is checked; the schema around k is c->around. */
typedef bool check_fn(struct check *c, const json_t *k, const json_t *v);

static bool check(struct check *c, const json_t *s, const json_t *v);

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
	c->gave_up = side.gave_up;
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

static bool give_up(struct fail *f)
{
	return fail_set(
		f, FAIL_INVALID, "is too deep or too large to be checked against its schema");
}

static bool check_keywords(struct check *c, const json_t *s, const json_t *v)
{
	if (!schema_rules_check(s, v, c->path.text, c->f))
		return false;
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

	if (c->depth == DEPTH_MAX || c->steps == STEPS_MAX)
		c->gave_up = true;
	if (c->gave_up)
		return give_up(c->f);
	if (json_is_true(s))
		return true;
	if (json_is_false(s))
		return fail_at(c->f, FAIL_INVALID, c->path.text, "is not allowed here");
	c->depth++;
	c->steps++;
	good = check_keywords(c, s, v);
	c->depth--;
	return good;
}

bool schema_check(const json_t *schema, const json_t *value, struct fail *f)
{
	struct fail why = {0}; /* f may be NULL, ours never is */
	struct check c = {.root = schema, .f = &why};
	bool good = check(&c, schema, value);

	if (c.gave_up)
		return give_up(f);
	if (!good && f != NULL)
		*f = why;
	return good;
}
