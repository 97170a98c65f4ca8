/* Parsing with a depth limit, JSON pointers, and structs by table. Writing is in json_text.c. */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"

/* Where a text is refused, counted as jansson does: from 1. */
struct place {
	size_t line, column;
};

/*
 * Looks for brackets nested too deep before jansson, whose own limit is far higher, recurses.
 * Wrong nesting is jansson's to find: all that counts here is the number of open brackets.
 */
static bool is_too_deep(const char *text, size_t n, struct place *ret_place)
{
	struct place at = {1, 0};
	size_t depth = 0;
	bool in_text = false;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		at.column++;
		if (c == '\n') {
			at = (struct place){at.line + 1, 0};
		} else if (in_text && c == '\\') {
			i++;
			at.column++;
		} else if (c == '"') {
			in_text = !in_text;
		} else if (!in_text && (c == '{' || c == '[') && ++depth > JSON_DEPTH_MAX) {
			*ret_place = at;
			return true;
		} else if (!in_text && (c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return false;
}

json_t *json_parse(const char *text, size_t n, struct fail *f)
{
	struct place place;
	json_error_t e;
	json_t *v;

	if (n == 0) {
		fail_set(f, FAIL_INVALID, "not JSON: the text is empty");
		return NULL;
	}
	if (is_too_deep(text, n, &place)) {
		fail_set(f, FAIL_INVALID, "line %zu, column %zu: more than %d levels of JSON",
			place.line, place.column, JSON_DEPTH_MAX);
		return NULL;
	}
	v = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
	if (v == NULL)
		fail_set(f, FAIL_INVALID, "not JSON: line %d, column %d: %s", e.line, e.column,
			e.text);
	return v;
}

/* Decodes ~1 and ~0 where the token stands. */
static void decode_token(char *token)
{
	char *to = token;

	for (const char *from = token; *from != '\0'; from++) {
		if (from[0] == '~' && (from[1] == '0' || from[1] == '1'))
			*to++ = *++from == '0' ? '~' : '/';
		else
			*to++ = *from;
	}
	*to = '\0';
}

static json_t *array_member(const json_t *array, const char *token)
{
	char *end;
	unsigned long index;

	if (token[0] < '0' || token[0] > '9' || (token[0] == '0' && token[1] != '\0'))
		return NULL;
	index = strtoul(token, &end, 10);
	return *end == '\0' ? json_array_get(array, index) : NULL;
}

static json_t *member_of(const json_t *v, const char *token)
{
	return json_is_array(v) ? array_member(v, token) : json_object_get(v, token);
}

json_t *json_at(const json_t *obj, const char *pointer)
{
	const json_t *v = obj;
	char *tokens, *token, *end;

	if (pointer[0] == '\0')
		return (json_t *)obj;
	if (pointer[0] != '/' || (tokens = strdup(pointer + 1)) == NULL)
		return NULL;
	for (token = tokens; token != NULL && v != NULL; token = end) {
		end = strchr(token, '/');
		if (end != NULL)
			*end++ = '\0';
		decode_token(token);
		v = member_of(v, token);
	}
	free(tokens);
	return (json_t *)v;
}

const char *json_text_or(const json_t *obj, const char *member, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(obj, member));

	return text != NULL ? text : otherwise;
}

int64_t json_int_or(const json_t *obj, const char *member, int64_t otherwise)
{
	const json_t *v = json_object_get(obj, member);

	return json_is_integer(v) ? (int64_t)json_integer_value(v) : otherwise;
}

bool json_bool_or(const json_t *obj, const char *member, bool otherwise)
{
	const json_t *v = json_object_get(obj, member);

	return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

static void *slot(void *base, const struct json_field *field)
{
	return (char *)base + field->offset;
}

static const void *const_slot(const void *base, const struct json_field *field)
{
	return (const char *)base + field->offset;
}

static bool read_value(json_t *v, const struct json_field *field, void *out, struct fail *f)
{
	static const char *const expected[] = {
		[JSON_KIND_TEXT] = "a text",
		[JSON_KIND_INT] = "an integer",
		[JSON_KIND_BOOL] = "true or false",
		[JSON_KIND_JSON] = "a value",
	};
	char pointer[sizeof(f->field)] = "/";

	if (field->kind == JSON_KIND_TEXT && json_is_string(v)) {
		*(const char **)slot(out, field) = json_string_value(v);
	} else if (field->kind == JSON_KIND_INT && json_is_integer(v)) {
		*(int64_t *)slot(out, field) = json_integer_value(v);
	} else if (field->kind == JSON_KIND_BOOL && json_is_boolean(v)) {
		*(bool *)slot(out, field) = json_is_true(v);
	} else if (field->kind == JSON_KIND_JSON) {
		*(json_t **)slot(out, field) = v;
	} else {
		strncat(pointer, field->name, sizeof(pointer) - 2);
		return fail_at(f, FAIL_INVALID, pointer, "'%s' must be %s", field->name,
			expected[field->kind]);
	}
	return true;
}

static bool read_field(const json_t *obj, const struct json_field *field, void *out, struct fail *f)
{
	json_t *v = json_object_get(obj, field->name);
	char pointer[sizeof(f->field)] = "/";

	if (!(field->way & JSON_IN))
		return true;
	if (v != NULL && !json_is_null(v))
		return read_value(v, field, out, f);
	if (!(field->way & JSON_NEED))
		return true;
	strncat(pointer, field->name, sizeof(pointer) - 2);
	return fail_at(f, FAIL_INVALID, pointer, "'%s' is missing", field->name);
}

bool json_read(
	const json_t *obj, const struct json_field *fields, size_t count, void *out, struct fail *f)
{
	if (!json_is_object(obj))
		return fail_set(f, FAIL_INVALID, "must be an object");
	for (size_t i = 0; i < count; i++) {
		if (!read_field(obj, &fields[i], out, f))
			return false;
	}
	return true;
}

/* A new reference, or NULL where nothing is to be written; *ret_failed tells failure apart. */
static json_t *write_value(const struct json_field *field, const void *in, bool *ret_failed)
{
	const void *at = const_slot(in, field);
	json_t *v = NULL;

	switch (field->kind) {
	case JSON_KIND_TEXT:
		if (*(const char *const *)at == NULL)
			return NULL;
		v = json_string(*(const char *const *)at);
		break;
	case JSON_KIND_INT:
		v = json_integer((json_int_t) * (const int64_t *)at);
		break;
	case JSON_KIND_BOOL:
		v = json_boolean(*(const bool *)at);
		break;
	case JSON_KIND_JSON:
		if (*(json_t *const *)at == NULL)
			return NULL;
		v = json_incref(*(json_t *const *)at);
		break;
	}
	*ret_failed = v == NULL;
	return v;
}

json_t *json_write(const struct json_field *fields, size_t count, const void *in)
{
	json_t *obj = json_object();
	bool failed = obj == NULL;

	for (size_t i = 0; i < count && !failed; i++) {
		json_t *v = NULL;

		if (fields[i].way & JSON_OUT)
			v = write_value(&fields[i], in, &failed);
		if (v != NULL)
			failed = json_object_set_new(obj, fields[i].name, v) != 0;
	}
	if (failed) {
		json_decref(obj);
		return NULL;
	}
	return obj;
}
