/*
 * A derived name is a prefix that people recognise and the submission id, whole: its 24
 * characters keep 120 bits, so that the name alone tells one submission from all others.
 */
#include "provider/names.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/id.h"
#include "base/json.h"

static const char digits_lower[] = "0123456789abcdefghijklmnopqrstuvwxyz";
static const char digits_upper[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* The longest that fits is taken. */
static const struct {
	const char *prefix;
	bool upper;
} shapes[] = {
	{"davit-", false},
	{"davit", false},
	{"d", false},
	{"", false},
	{"DAVIT-", true},
	{"DAVIT", true},
	{"D", true},
	{"", true},
};

/* "a-z0-9-" to a set: single characters and ranges; "-" at an end means itself. */
static bool read_set(const char *text, bool set[128])
{
	memset(set, 0, 128 * sizeof(set[0]));
	for (const char *p = text; *p != '\0';) {
		unsigned char from = (unsigned char)p[0];
		bool range = p[1] == '-' && p[2] != '\0';
		unsigned char to = (unsigned char)(range ? p[2] : p[0]);

		if (from <= ' ' || to >= 127 || from > to)
			return false;
		for (unsigned c = from; c <= to; c++)
			set[c] = true;
		p += range ? 3 : 1;
	}
	return text[0] != '\0';
}

void names_any(struct name_limits *limits)
{
	limits->max = NAMES_SIZE - 1;
	(void)read_set("!-~", limits->any);
	(void)read_set("!-~", limits->first);
}

static bool narrow_set(bool set[128], const char *text, const char *pointer, struct fail *f)
{
	bool given[128];

	if (!read_set(text, given))
		return fail_at(
			f, FAIL_INVALID, pointer, "must be characters and ranges like \"a-z0-9-\"");
	for (size_t i = 0; i < COUNT(given); i++)
		set[i] = set[i] && given[i];
	return true;
}

bool names_narrow(struct name_limits *limits, const json_t *object, struct fail *f)
{
	int64_t max = json_int_or(object, "max", 63);

	if (max < (int64_t)limits->max)
		limits->max = max < 0 ? 0 : (size_t)max;
	return narrow_set(limits->any, json_text_or(object, "alphabet", "a-z0-9-"),
		       "/name_limits/alphabet", f) &&
	       narrow_set(limits->first, json_text_or(object, "first", "a-z"), "/name_limits/first",
		       f);
}

static bool all_in(const bool set[128], const char *text)
{
	for (; *text != '\0'; text++) {
		if (!set[(unsigned char)*text])
			return false;
	}
	return true;
}

static bool shape_fits(const struct name_limits *limits, size_t shape)
{
	const char *prefix = shapes[shape].prefix;
	const char *digits = shapes[shape].upper ? digits_upper : digits_lower;

	if (strlen(prefix) + ID_LENGTH > limits->max || !all_in(limits->any, digits) ||
		!all_in(limits->any, prefix))
		return false;
	return prefix[0] != '\0' ? limits->first[(unsigned char)prefix[0]]
	                         : all_in(limits->first, digits);
}

bool names_hold(const struct name_limits *limits, struct fail *f)
{
	for (size_t i = 0; i < COUNT(shapes); i++) {
		if (shape_fits(limits, i))
			return true;
	}
	return fail_set(f, FAIL_INVALID,
		"the name limits must hold %d characters of 0-9 and a-z (or A-Z), and a letter "
		"before them where a name may not begin with a digit",
		ID_LENGTH);
}

void names_derive(const struct name_limits *limits, const char *submission, char *name, size_t size)
{
	size_t shape = 0;

	while (shape + 1 < COUNT(shapes) && !shape_fits(limits, shape))
		shape++;
	(void)snprintf(name, size, "%s%s", shapes[shape].prefix, submission);
	for (char *p = name; shapes[shape].upper && *p != '\0'; p++) {
		const char *at = strchr(digits_lower, *p);

		if (at != NULL)
			*p = digits_upper[at - digits_lower];
	}
}
