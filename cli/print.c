/* print - see print.h. */
#include "print.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"

#define KEY_MAX   80 /* columns */
#define KEY_WIDTH 12

/* --- text --- */

/* The value of a well-formed character of n bytes. */
static wchar_t value_of(const char *p, size_t n)
{
	static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	unsigned value = (unsigned char)p[0] & first[n];

	for (size_t i = 1; i < n; i++)
		value = value << 6 | ((unsigned char)p[i] & 0x3fU);
	return (wchar_t)value;
}

/* Columns of the first character of a text that is not empty, and its bytes. */
static size_t step(const char *text, size_t left, size_t *ret_bytes)
{
	size_t n = utf8_length(text, left);
	int width = n > 1 ? wcwidth(value_of(text, n)) : 1;

	*ret_bytes = n > 0 ? n : 1;
	return width >= 0 ? (size_t)width : 1;
}

size_t print_width(const char *text)
{
	size_t left = strlen(text);
	size_t width = 0;
	size_t n;

	for (; left > 0; text += n, left -= n)
		width += step(text, left, &n);
	return width;
}

void print_cut(char *text, size_t width)
{
	size_t left = strlen(text);
	size_t room = width > 3 ? width - 3 : 0;
	size_t taken = 0, n;

	if (print_width(text) <= width)
		return;
	for (; left > 0; text += n, left -= n) {
		taken += step(text, left, &n);
		if (taken > room)
			break;
	}
	memcpy(text, "...", left < 3 ? left : 3);
	text[left < 3 ? left : width < 3 ? width : 3] = '\0';
}

/* Controls of either kind: C0, DEL, and the C1 that UTF-8 writes as C2 80 to C2 9F. */
static bool is_control(const char *p, size_t n)
{
	unsigned char first = (unsigned char)p[0];

	return n == 0 || first < 0x20 || first == 0x7f ||
	       (n == 2 && first == 0xc2 && (unsigned char)p[1] < 0xa0);
}

/* Replaces control characters and what is not UTF-8, in place. */
static void tame(char *text, bool keep_breaks)
{
	size_t left = strlen(text);
	char *to = text;

	while (left > 0) {
		size_t n = utf8_length(text, left);
		size_t step = n > 0 ? n : 1;

		if (keep_breaks && (*text == '\n' || *text == '\t')) {
			*to++ = *text;
		} else if (is_control(text, n)) {
			*to++ = *text == '\n' || *text == '\t' ? ' ' : '?';
		} else {
			memmove(to, text, n);
			to += n;
		}
		text += step;
		left -= step;
	}
	*to = '\0';
}

void print_tame(char *text)
{
	tame(text, false);
}

void print_lines(FILE *out, const char *indent, const char *text)
{
	char *copy = strdup(text);
	char *line = copy;

	if (copy == NULL)
		return;
	tame(copy, true);
	while (line != NULL && *line != '\0') {
		char *end = strchr(line, '\n');

		if (end != NULL)
			*end = '\0';
		(void)fprintf(out, "%s%s\n", indent, line);
		line = end != NULL ? end + 1 : NULL;
	}
	free(copy);
}

/* --- lines --- */

void print_pair(FILE *out, const char *key, const char *value)
{
	char *name = strdup(key);
	char *copy = value != NULL && value[0] != '\0' ? strdup(value) : NULL;

	if (name != NULL && copy != NULL) {
		size_t width;

		tame(name, false);
		print_cut(name, KEY_MAX);
		tame(copy, false);
		width = print_width(name);
		(void)fprintf(out, "%s%*s %s\n", name,
			width < KEY_WIDTH ? (int)(KEY_WIDTH - width) : 0, "", copy);
	}
	free(name);
	free(copy);
}

void print_pairf(FILE *out, const char *key, const char *fmt, ...)
{
	char text[1024];
	va_list list;

	va_start(list, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, list);
	va_end(list);
	print_pair(out, key, text);
}

void print_line(FILE *out, const char *fmt, ...)
{
	char *text = NULL;
	va_list list;
	int n;

	va_start(list, fmt);
	n = vasprintf(&text, fmt, list);
	va_end(list);
	if (n < 0)
		return;
	tame(text, false);
	(void)fprintf(out, "%s\n", text);
	free(text);
}

/* --- values --- */

static const char *fit(const char *any, char *text, size_t size)
{
	size_t left = strlen(any);
	size_t n = 0, next = 0;

	if (left < size)
		return memcpy(text, any, left + 1);
	while (n + next + 3 < size) {
		n += next;
		next = utf8_length(any + n, left - n);
		next = next > 0 ? next : 1;
	}
	memcpy(text, any, n);
	memcpy(text + n, "...", 4);
	return text;
}

const char *print_fit(const char *any, char text[PRINT_SIZE])
{
	return fit(any, text, PRINT_SIZE);
}

const char *print_head(const char *any, char text[PRINT_SIZE])
{
	text[0] = '>';
	(void)fit(any, text + 1, PRINT_SIZE - 1);
	return text;
}

void print_pair_time(FILE *out, const char *key, const char *rfc3339)
{
	char text[PRINT_SIZE];

	if (rfc3339 != NULL)
		print_pair(out, key, print_time(rfc3339, clock_now_ms(), text));
}

const char *print_time(const char *rfc3339, int64_t now_ms, char text[PRINT_SIZE])
{
	struct tm then, now;
	time_t then_s, now_s = (time_t)(now_ms / 1000);
	int64_t ms;

	if (rfc3339 == NULL || !clock_parse_rfc3339(rfc3339, &ms))
		return "-";
	then_s = (time_t)(ms / 1000);
	if (localtime_r(&then_s, &then) == NULL || localtime_r(&now_s, &now) == NULL)
		return "-";
	if (then.tm_year != now.tm_year)
		(void)strftime(text, PRINT_SIZE, "%Y-%m-%d", &then);
	else if (then.tm_yday != now.tm_yday)
		(void)strftime(text, PRINT_SIZE, "%b %d %H:%M", &then);
	else
		(void)strftime(text, PRINT_SIZE, "%H:%M:%S", &then);
	return text;
}

const char *print_bytes(int64_t bytes, char text[PRINT_SIZE])
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double amount = (double)bytes / 1024.0;
	size_t unit = 0;

	if (bytes < 1024) {
		(void)snprintf(text, PRINT_SIZE, "%" PRId64 " B", bytes);
		return text;
	}
	while (amount >= 1024.0 && unit < 3) {
		amount /= 1024.0;
		unit++;
	}
	(void)snprintf(text, PRINT_SIZE, "%.1f %s", amount, units[unit]);
	return text;
}

const char *print_duration(int64_t ms, char text[PRINT_SIZE])
{
	int64_t s = ms / 1000;

	if (ms < 0)
		return "-";
	if (s < 10)
		(void)snprintf(text, PRINT_SIZE, "%.2f s", (double)ms / 1000.0);
	else if (s < 60)
		(void)snprintf(text, PRINT_SIZE, "%" PRId64 " s", s);
	else if (s < 3600)
		(void)snprintf(text, PRINT_SIZE, "%" PRId64 "m %02" PRId64 "s", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(
			text, PRINT_SIZE, "%" PRId64 "h %02" PRId64 "m", s / 3600, s / 60 % 60);
	else
		(void)snprintf(
			text, PRINT_SIZE, "%" PRId64 "d %02" PRId64 "h", s / 86400, s / 3600 % 24);
	return text;
}

const char *print_number(double number, char text[PRINT_SIZE])
{
	if (number == floor(number) && fabs(number) < 1e15)
		(void)snprintf(text, PRINT_SIZE, "%.0f", number);
	else
		(void)snprintf(text, PRINT_SIZE, "%.6g", number);
	return text;
}

const char *print_value(const json_t *v, char text[PRINT_SIZE])
{
	char *compact;

	if (v == NULL || json_is_null(v))
		return "-";
	if (json_is_number(v))
		return print_number(json_number_value(v), text);
	compact = json_is_string(v) ? strdup(json_string_value(v)) : json_compact(v, NULL);
	if (compact == NULL)
		return "-";
	(void)print_fit(compact, text);
	free(compact);
	return text;
}
