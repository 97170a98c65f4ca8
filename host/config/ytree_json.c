/* YAML values as JSON, by the core schema of YAML 1.2: "no" and "12:30" are texts here. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/schema_path.h"
#include "config/ytree.h"

static const char digits[] = "0123456789";

static bool is_one_of(const char *text, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(text, words[i]) == 0)
			return true;
	}
	return false;
}

static bool is_null_word(const char *text)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};

	return is_one_of(text, words, COUNT(words));
}

static bool is_true_word(const char *text)
{
	static const char *const words[] = {"true", "True", "TRUE"};

	return is_one_of(text, words, COUNT(words));
}

static bool is_false_word(const char *text)
{
	static const char *const words[] = {"false", "False", "FALSE"};

	return is_one_of(text, words, COUNT(words));
}

static bool is_no_number_word(const char *text)
{
	static const char *const words[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"};

	text += *text == '+' || *text == '-';
	return is_one_of(text, words, COUNT(words));
}

/* The base of an integer and where its digits begin; 0 if it is none. */
static int integer_base(const char *text, const char **ret_digits)
{
	static const struct {
		const char *prefix, *digits;
		int base;
	} rows[] = {
		{"0o", "01234567", 8},
		{"0x", "0123456789abcdefABCDEF", 16},
		{"", digits, 10},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t n = strlen(rows[i].prefix);
		const char *at = text + n;

		if (strncmp(text, rows[i].prefix, n) != 0)
			continue;
		if (rows[i].base == 10)
			at += *at == '+' || *at == '-';
		if (*at == '\0' || at[strspn(at, rows[i].digits)] != '\0')
			continue;
		*ret_digits = rows[i].base == 10 ? text : at;
		return rows[i].base;
	}
	return 0;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_real(const char *text)
{
	size_t whole, fraction = 0;

	text += *text == '+' || *text == '-';
	whole = strspn(text, digits);
	text += whole;
	if (*text == '.') {
		fraction = strspn(text + 1, digits);
		text += 1 + fraction;
	}
	if (whole + fraction == 0)
		return false;
	if (*text != 'e' && *text != 'E')
		return *text == '\0';
	text++;
	text += *text == '+' || *text == '-';
	return *text != '\0' && text[strspn(text, digits)] == '\0';
}

/* Passes on what was made, and sets *f where nothing was. */
static json_t *made(json_t *v, const char *file, struct fail *f)
{
	if (v == NULL)
		fail_set(f, FAIL_INTERNAL, "%s: out of memory", file);
	return v;
}

static json_t *plain_number(const char *file, const struct ytree *t, struct fail *f)
{
	const char *at = NULL;
	int base = integer_base(t->text, &at);
	long long integer;
	double real;

	errno = 0;
	if (base != 0) {
		integer = strtoll(at, NULL, base);
		if (errno == 0)
			return made(json_integer(integer), file, f);
	} else if (!is_no_number_word(t->text)) {
		real = strtod(t->text, NULL);
		if (isfinite(real))
			return made(json_real(real), file, f);
	}
	ytree_refuse(f, file, t->line, "the number %.40s is too large; quote it to make it text",
		t->text);
	return NULL;
}

static json_t *plain_json(const char *file, const struct ytree *t, struct fail *f)
{
	const char *at;

	if (is_null_word(t->text))
		return json_null();
	if (is_true_word(t->text))
		return json_true();
	if (is_false_word(t->text))
		return json_false();
	if (integer_base(t->text, &at) != 0 || is_real(t->text) || is_no_number_word(t->text))
		return plain_number(file, t, f);
	return made(json_string(t->text), file, f);
}

/* Takes the reference to value; 0 as jansson says it. */
static int add_member(json_t *to, const struct ytree *member, json_t *value)
{
	return json_is_array(to) ? json_array_append_new(to, value)
	                         : json_object_set_new(to, member->key, value);
}

static json_t *collection_json(const char *file, const struct ytree *t, struct fail *f)
{
	json_t *v = made(t->kind == YTREE_LIST ? json_array() : json_object(), file, f);

	for (const struct ytree *m = t->first; m != NULL && v != NULL; m = m->next) {
		json_t *member = ytree_json(file, m, f);

		if (member == NULL || add_member(v, m, member) != 0) {
			if (member != NULL)
				made(NULL, file, f);
			json_decref(v);
			return NULL;
		}
	}
	return v;
}

json_t *ytree_json(const char *file, const struct ytree *t, struct fail *f)
{
	if (t->kind != YTREE_TEXT)
		return collection_json(file, t, f);
	return t->plain ? plain_json(file, t, f) : made(json_string(t->text), file, f);
}

/* A member counts from its key, where its writer looks for it. */
static int line_to_tell(const struct ytree *t)
{
	return t->key != NULL ? t->key_line : t->line;
}

/* Recurses at most YTREE_DEPTH_MAX deep. */
static bool add_lines(json_t *lines, struct schema_path *path, const struct ytree *t)
{
	size_t index = 0;

	if (json_object_set_new(lines, path->text, json_integer(line_to_tell(t))) != 0)
		return false;
	for (const struct ytree *m = t->first; m != NULL; m = m->next) {
		size_t mark = t->kind == YTREE_LIST ? schema_path_add_index(path, index++)
		                                    : schema_path_add(path, m->key);

		/* Where the path is full, the line of what is around stands for the rest. */
		if (json_object_get(lines, path->text) == NULL && !add_lines(lines, path, m))
			return false;
		schema_path_cut(path, mark);
	}
	return true;
}

json_t *ytree_lines(const char *file, const struct ytree *t, struct fail *f)
{
	struct schema_path path = {.n = 0};
	json_t *lines = json_object();

	if (lines != NULL && add_lines(lines, &path, t))
		return lines;
	json_decref(lines);
	return made(NULL, file, f);
}

bool ytree_is_null(const struct ytree *t)
{
	return t->kind == YTREE_TEXT && t->plain && is_null_word(t->text);
}
