/* Times as texts: what the REST answers and the log show, and RFC 3339 read back. */
#include <string.h>
#include <time.h>

#include "base/attr.h"
#include "base/clock.h"

#define MINUTE_MS 60000

/* Years 0 to 9999, so that each text fits and sorts. */
#define MS_MIN INT64_C(-62167219200000)
#define MS_MAX INT64_C(253402300799999)

/* Splits ms into calendar fields; returns the milliseconds of its second. */
static int split(int64_t ms, struct tm *ret_tm)
{
	int64_t clamped = ms < MS_MIN ? MS_MIN : ms > MS_MAX ? MS_MAX : ms;
	int64_t fraction = (clamped % 1000 + 1000) % 1000;
	time_t seconds = (time_t)((clamped - fraction) / 1000);

	gmtime_r(&seconds, ret_tm);
	return (int)fraction;
}

/* Writes value in n digits; returns what follows them. */
static char *put_digits(char *at, size_t n, int value)
{
	for (size_t i = n; i-- > 0; value /= 10)
		at[i] = (char)('0' + value % 10);
	return at + n;
}

/* "2026-01-31 23:59:59.123", by hand, for every status has some; returns what follows it. */
static char *put_moment(char *at, int64_t ms, char between)
{
	struct tm tm = {0};
	int fraction = split(ms, &tm);
	const struct {
		size_t n;
		int value;
		char before;
	} parts[] = {
		{2, tm.tm_mon + 1, '-'},
		{2, tm.tm_mday, '-'},
		{2, tm.tm_hour, between},
		{2, tm.tm_min, ':'},
		{2, tm.tm_sec, ':'},
		{3, fraction, '.'},
	};

	at = put_digits(at, 4, tm.tm_year + 1900);
	for (size_t i = 0; i < COUNT(parts); i++) {
		*at++ = parts[i].before;
		at = put_digits(at, parts[i].n, parts[i].value);
	}
	return at;
}

const char *clock_text(int64_t ms, int offset_minutes, char text[CLOCK_TEXT_SIZE])
{
	int east = offset_minutes < 0 ? -offset_minutes : offset_minutes;
	char *at = put_moment(text, ms + (int64_t)offset_minutes * MINUTE_MS, ' ');

	at = put_digits(at, 3, 0);
	*at++ = offset_minutes < 0 ? '-' : '+';
	at = put_digits(at, 2, east / 60);
	*at++ = ':';
	at = put_digits(at, 2, east % 60);
	*at = '\0';
	return text;
}

const char *clock_text_rfc3339(int64_t ms, char text[CLOCK_TEXT_SIZE])
{
	char *at = put_moment(text, ms, 'T');

	*at++ = 'Z';
	*at = '\0';
	return text;
}

/* Reads exactly n digits at *at. */
static bool read_digits(const char **at, size_t n, int *ret_value)
{
	int value = 0;

	for (size_t i = 0; i < n; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		value = value * 10 + (**at - '0');
	}
	*ret_value = value;
	return true;
}

static bool read_mark(const char **at, const char *marks)
{
	if (**at == '\0' || strchr(marks, **at) == NULL)
		return false;
	(*at)++;
	return true;
}

static bool read_fields(const char **at, struct tm *tm)
{
	static const char *const marks[] = {"-", "-", "Tt ", ":", ":", ""};
	int *fields[] = {
		&tm->tm_year, &tm->tm_mon, &tm->tm_mday, &tm->tm_hour, &tm->tm_min, &tm->tm_sec};

	for (size_t i = 0; i < COUNT(fields); i++) {
		if (!read_digits(at, i == 0 ? 4 : 2, fields[i]))
			return false;
		if (marks[i][0] != '\0' && !read_mark(at, marks[i]))
			return false;
	}
	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	return true;
}

static bool read_fraction(const char **at, int *ret_ms)
{
	int ms = 0, weight = 100, digit;

	if (!read_mark(at, "."))
		return true;
	if (!read_digits(at, 1, &digit))
		return false;
	do {
		ms += digit * weight;
		weight /= 10;
	} while (read_digits(at, 1, &digit));
	*ret_ms = ms;
	return true;
}

static bool read_offset(const char **at, int *ret_minutes)
{
	int sign, hours, minutes;

	if (read_mark(at, "Zz")) {
		*ret_minutes = 0;
		return true;
	}
	sign = **at == '-' ? -1 : 1;
	if (!read_mark(at, "+-") || !read_digits(at, 2, &hours) || !read_mark(at, ":") ||
		!read_digits(at, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_minutes = sign * (hours * 60 + minutes);
	return true;
}

/* timegm() mends the 31st of June; a text that needs mending is not a time. */
static bool seconds_of(const struct tm *tm, int64_t *ret_seconds)
{
	struct tm mended = *tm;
	int leap = tm->tm_sec == 60;

	if (tm->tm_hour > 23 || tm->tm_min > 59 || tm->tm_sec > 60)
		return false;
	mended.tm_sec -= leap; /* a leap second counts as the first one after it */
	*ret_seconds = (int64_t)timegm(&mended) + leap;
	return mended.tm_mday == tm->tm_mday && mended.tm_mon == tm->tm_mon;
}

bool clock_parse_rfc3339(const char *text, int64_t *ret_ms)
{
	struct tm tm = {0};
	int fraction = 0, minutes = 0;
	int64_t seconds;

	if (!read_fields(&text, &tm) || !read_fraction(&text, &fraction) ||
		!read_offset(&text, &minutes) || *text != '\0' || !seconds_of(&tm, &seconds))
		return false;
	*ret_ms = seconds * 1000 + fraction - (int64_t)minutes * MINUTE_MS;
	return true;
}
