/* envelope - see envelope.h: the mapper. The built-in rows are in envelope_default.c. */
#include "api/envelope.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

#define EXTENDS_MAX  8                  /* longest chain of "extends" */
#define TEXT_MAX     ((size_t)64 << 10) /* bytes of one date or template */
#define DATE_PREFIX  "date:"
#define DEFAULT_ROWS "default"

/* --- dates --- */

static int date_number(const struct tm *tm, char letter, int width)
{
	switch (letter) {
	case 'y':
		return width == 2 ? (tm->tm_year + 1900) % 100 : tm->tm_year + 1900;
	case 'M':
		return tm->tm_mon + 1;
	case 'd':
		return tm->tm_mday;
	case 'H':
		return tm->tm_hour;
	case 'm':
		return tm->tm_min;
	default:
		return tm->tm_sec;
	}
}

/* Exactly width digits of the fraction of a second. */
static void date_fraction(struct buf *out, int millis, int width)
{
	char digits[4] = {(char)('0' + millis / 100), (char)('0' + millis / 10 % 10),
		(char)('0' + millis % 10), '\0'};

	for (int i = 0; i < width; i++)
		buf_add(out, i < 3 ? &digits[i] : "0", 1);
}

static bool date_letter(struct buf *out, const struct tm *tm, int millis, char letter, int width)
{
	if (letter == 'S')
		date_fraction(out, millis, width);
	else if (letter == 'X')
		buf_text(out, "Z"); /* always UTC */
	else if (strchr("yMdHms", letter) != NULL)
		buf_printf(out, "%0*d", width, date_number(tm, letter, width));
	else
		return false;
	return true;
}

/* The text from one quote to the next; two quotes are one. Returns what follows. */
static const char *date_quoted(struct buf *out, const char *p)
{
	if (p[1] == '\'') {
		buf_text(out, "'");
		return p + 2;
	}
	for (p++; *p != '\0'; p++) {
		if (*p == '\'' && p[1] != '\'')
			return p + 1;
		if (*p == '\'')
			p++;
		buf_add(out, p, 1);
	}
	return p;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool envelope_date(struct buf *out, int64_t ms, const char *pattern)
{
	int64_t seconds = ms >= 0 ? ms / 1000 : (ms - 999) / 1000;
	int millis = (int)(ms - seconds * 1000);
	time_t when = (time_t)seconds;
	struct tm tm;

	if (gmtime_r(&when, &tm) == NULL)
		return false;
	for (const char *p = pattern; *p != '\0';) {
		int width = 1;

		if (*p == '\'') {
			p = date_quoted(out, p);
			continue;
		}
		if (!is_letter(*p)) {
			buf_add(out, p++, 1);
			continue;
		}
		while (width < 9 && p[width] == *p)
			width++;
		if (!date_letter(out, &tm, millis, *p, width))
			return false;
		p += width;
	}
	return !out->failed;
}

/* --- formats --- */

static bool time_of(const json_t *value, int64_t *ret_ms)
{
	if (json_is_integer(value)) {
		*ret_ms = json_integer_value(value);
		return true;
	}
	return json_is_string(value) && clock_parse_rfc3339(json_string_value(value), ret_ms);
}

static json_t *format_date(const json_t *value, const char *pattern)
{
	struct buf out;
	json_t *text;
	int64_t ms;

	if (!time_of(value, &ms))
		return json_null();
	buf_init(&out, TEXT_MAX);
	if (envelope_date(&out, ms, pattern))
		text = json_stringn(out.p != NULL ? out.p : "", out.n);
	else
		text = json_null();
	buf_finish(&out);
	return text;
}

static json_t *format_json(const json_t *value)
{
	size_t n;
	char *text = json_compact(value, &n);
	json_t *out = text != NULL ? json_stringn(text, n) : NULL;

	free(text);
	return out;
}

static json_t *format_json_twice(const json_t *value)
{
	json_t *once = format_json(value);
	json_t *twice = once != NULL ? format_json(once) : NULL;

	json_decref(once);
	return twice;
}

static json_t *format_text(const json_t *value)
{
	return json_is_string(value) ? json_copy((json_t *)value) : format_json(value);
}

static json_t *formatted(const json_t *value, const char *format)
{
	if (format == NULL)
		return json_deep_copy(value);
	if (strncmp(format, DATE_PREFIX, strlen(DATE_PREFIX)) == 0)
		return format_date(value, format + strlen(DATE_PREFIX));
	if (strcmp(format, "json") == 0)
		return format_json(value);
	if (strcmp(format, "json2") == 0)
		return format_json_twice(value);
	if (strcmp(format, "text") == 0)
		return format_text(value);
	return json_null();
}

/* --- rules --- */

static json_t *otherwise(const struct envelope_rule *rule)
{
	if (rule->value != NULL)
		return json_deep_copy(rule->value);
	return rule->otherwise != NULL ? json_string(rule->otherwise) : json_null();
}

static json_t *by_pointer(const struct envelope_rule *rule, const json_t *neutral)
{
	const json_t *value = json_at(neutral, rule->text);

	if (value == NULL || json_is_null(value))
		return otherwise(rule);
	return formatted(value, rule->format);
}

/* Appends the value at the pointer of n bytes. */
static void template_hole(struct buf *out, const char *pointer, size_t n, const json_t *neutral)
{
	char *path = strndup(pointer, n);
	const json_t *value = path != NULL ? json_at(neutral, path) : NULL;
	json_t *text = value != NULL && !json_is_null(value) ? format_text(value) : NULL;

	buf_text(out, text != NULL ? json_string_value(text) : "None");
	json_decref(text);
	free(path);
}

static json_t *by_template(const struct envelope_rule *rule, const json_t *neutral)
{
	const char *p = rule->text;
	struct buf out;
	json_t *text;

	buf_init(&out, TEXT_MAX);
	while (*p != '\0') {
		const char *end = *p == '{' ? strchr(p, '}') : NULL;

		if (end == NULL) {
			buf_add(&out, p++, 1);
			continue;
		}
		template_hole(&out, p + 1, (size_t)(end - p - 1), neutral);
		p = end + 1;
	}
	text = out.failed ? json_null() : json_stringn(out.p != NULL ? out.p : "", out.n);
	buf_finish(&out);
	return text;
}

static json_t *by_context(const struct envelope_rule *rule, const struct envelope_context *context)
{
	const struct {
		const char *word;
		const char *text;
	} words[] = {
		{"adapter_instance", context->adapter_instance},
		{"project", context->project},
		{"adapter_id", context->adapter_id},
		{"operation", context->operation},
	};
	json_t *now, *value;

	for (size_t i = 0; i < COUNT(words); i++) {
		if (strcmp(rule->text, words[i].word) == 0)
			return words[i].text != NULL ? json_string(words[i].text) : json_null();
	}
	if (strcmp(rule->text, "now") != 0)
		return json_null();
	now = json_integer((json_int_t)context->now_ms);
	value = now != NULL ? formatted(now, rule->format) : NULL;
	json_decref(now);
	return value;
}

json_t *envelope_value(const struct envelope_rule *rule, const json_t *neutral,
	const struct envelope_context *context)
{
	switch (rule->source) {
	case ENVELOPE_POINTER:
		return by_pointer(rule, neutral);
	case ENVELOPE_TEMPLATE:
		return by_template(rule, neutral);
	case ENVELOPE_CONTEXT:
		return by_context(rule, context);
	case ENVELOPE_CONST:
		break;
	}
	return otherwise(rule);
}

/* --- rows of a manifest --- */

/* The rule a manifest wrote; one it cannot mean anything with becomes null. Borrows. */
static struct envelope_rule rule_of(const json_t *written)
{
	static const struct {
		const char *member;
		enum envelope_source source;
	} sources[] = {
		{"pointer", ENVELOPE_POINTER},
		{"template", ENVELOPE_TEMPLATE},
		{"context", ENVELOPE_CONTEXT},
	};
	struct envelope_rule rule = {.source = ENVELOPE_CONST};

	rule.value = json_object_get(written, "const");
	for (size_t i = 0; i < COUNT(sources); i++) {
		const char *text = json_text_or(written, sources[i].member, NULL);

		if (text == NULL)
			continue;
		rule.source = sources[i].source;
		rule.text = text;
		rule.format = json_text_or(written, "format", NULL);
		rule.value = json_object_get(written, "default");
		break;
	}
	return rule;
}

static bool put_members(json_t *row, const json_t *members, const json_t *neutral,
	const struct envelope_context *context)
{
	const char *key;
	json_t *written;

	json_object_foreach((json_t *)members, key, written)
	{
		struct envelope_rule rule = rule_of(written);

		if (json_object_set_new(row, key, envelope_value(&rule, neutral, context)) != 0)
			return false;
	}
	return true;
}

/* The rowset and, before it, what it extends: base members come first. */
static bool put_rowset(json_t *row, const json_t *envelopes, const char *name,
	const json_t *neutral, const struct envelope_context *context)
{
	const json_t *rows = json_object_get(envelopes, "rows");
	const json_t *chain[EXTENDS_MAX];
	size_t n = 0;

	while (name != NULL && n < EXTENDS_MAX) {
		const json_t *rowset = json_object_get(rows, name);

		if (rowset == NULL) {
			if (strcmp(name, DEFAULT_ROWS) == 0 &&
				!envelope_put_default(row, neutral, context))
				return false;
			break;
		}
		chain[n++] = rowset;
		name = json_text_or(rowset, "extends", NULL);
	}
	while (n > 0) {
		const json_t *members = json_object_get(chain[--n], "members");

		if (!put_members(row, members, neutral, context))
			return false;
	}
	return true;
}

json_t *envelope_row(
	const json_t *envelopes, const json_t *neutral, const struct envelope_context *context)
{
	const json_t *operations = json_object_get(envelopes, "operations");
	const char *name = json_text_or(operations, context->operation, DEFAULT_ROWS);
	json_t *row = json_object();

	if (row != NULL && !put_rowset(row, envelopes, name, neutral, context)) {
		json_decref(row);
		row = NULL;
	}
	return row;
}

json_t *envelope_rows(
	const json_t *envelopes, const json_t *items, const struct envelope_context *context)
{
	json_t *rows = json_array();
	const json_t *item;
	size_t i;

	if (rows == NULL)
		return NULL;
	json_array_foreach(items, i, item)
	{
		if (json_array_append_new(rows, envelope_row(envelopes, item, context)) != 0) {
			json_decref(rows);
			return NULL;
		}
	}
	return rows;
}

json_t *envelope_wrap(const json_t *envelopes, const char *operation, json_t *row)
{
	const char *how = json_text_or(json_object_get(envelopes, "wrap"), operation, "");
	json_t *array;

	if (row == NULL || strcmp(how, "array") != 0)
		return row;
	array = json_array();
	if (array == NULL || json_array_append_new(array, row) != 0) {
		if (array == NULL)
			json_decref(row);
		json_decref(array);
		return NULL;
	}
	return array;
}
