/* The table of docs/provider-guide.md, and the arithmetic of a pause. */
#include "net/retry.h"

#include <curl/curl.h>
#include <string.h>

#define RETRY_SECONDS_MAX (RETRY_AFTER_MAX_MS / 1000)

static const struct retry_rule rules[RETRY_CLASS_COUNT] = {
	[RETRY_ANSWERED] = {"answered", 0, 0, 0, RETRY_NEVER, 1, false},
	[RETRY_UNSENT] = {"unsent", 200, 10000, 2, RETRY_ALWAYS, 5, true},
	[RETRY_UNDONE] = {"undone", 200, 10000, 2, RETRY_ALWAYS, 5, false},
	[RETRY_BROKEN] = {"broken", 200, 10000, 2, RETRY_REPEATABLE, 4, true},
	[RETRY_LATE] = {"late", 500, 10000, 2, RETRY_REPEATABLE, 3, true},
	[RETRY_THROTTLED] = {"throttled", 1000, 60000, 2, RETRY_REPEATABLE, 6, false},
	[RETRY_UNAVAILABLE] = {"unavailable", 500, 30000, 2, RETRY_REPEATABLE, 5, true},
	[RETRY_ERROR] = {"error", 500, 10000, 2, RETRY_REPEATABLE, 3, false},
	[RETRY_REFUSED] = {"refused", 0, 0, 0, RETRY_NEVER, 1, false},
};

const struct retry_rule *retry_rule(enum retry_class c)
{
	return &rules[c];
}

enum retry_class retry_class_of_status(int status, bool has_retry_after)
{
	switch (status) {
	case 408:
		return RETRY_LATE;
	case 429:
		return RETRY_THROTTLED;
	case 500:
		return RETRY_ERROR;
	case 503:
		return has_retry_after ? RETRY_THROTTLED : RETRY_UNAVAILABLE;
	case 502:
	case 504:
		return RETRY_UNAVAILABLE;
	default:
		return RETRY_ANSWERED;
	}
}

/* Digits only, as RFC 9110 has it; a number too large to be meant is cut. */
static bool parse_seconds(const char *text, size_t n, int64_t *ret_seconds)
{
	int64_t seconds = 0;

	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		if (seconds < RETRY_SECONDS_MAX)
			seconds = seconds * 10 + (text[i] - '0');
	}
	*ret_seconds = seconds < RETRY_SECONDS_MAX ? seconds : RETRY_SECONDS_MAX;
	return n > 0;
}

int64_t retry_after_ms(const char *value, int64_t now_ms)
{
	size_t n;
	int64_t seconds, wait;
	time_t date;

	value += strspn(value, " \t");
	n = strcspn(value, " \t\r\n");
	if (parse_seconds(value, n, &seconds))
		return value[n + strspn(value + n, " \t\r\n")] == '\0' ? seconds * 1000 : -1;
	if (strchr(value, ':') == NULL) /* the library would take "12 Nov" too */
		return -1;
	date = curl_getdate(value, NULL);
	if (date < 0)
		return -1;
	if (date > now_ms / 1000 + RETRY_SECONDS_MAX)
		return RETRY_AFTER_MAX_MS;
	wait = (int64_t)date * 1000 - now_ms;
	return wait > 0 ? wait : 0;
}

/* The longest pause after so many attempts. */
static int64_t most_pause(const struct retry_rule *r, unsigned made)
{
	int64_t pause = r->first_ms;

	for (unsigned i = 1; i < made && pause < r->most_ms; i++)
		pause *= r->factor;
	return pause < r->most_ms ? pause : r->most_ms;
}

static bool may_again(const struct retry_rule *r, const struct retry_attempt *a)
{
	unsigned most = a->most != 0 && a->most < r->attempts ? a->most : r->attempts;

	if (r->when == RETRY_NEVER || (r->when == RETRY_REPEATABLE && !a->repeatable))
		return false;
	return a->made < most;
}

bool retry_next(const struct retry_attempt *a, uint64_t random, int64_t *ret_at_ms)
{
	const struct retry_rule *r = &rules[a->how];
	int64_t asked = a->retry_after_ms > 0 ? a->retry_after_ms : 0;
	int64_t pause;

	if (!may_again(r, a))
		return false;
	pause = asked + (int64_t)(random % (uint64_t)(most_pause(r, a->made) + 1));
	if (pause >= a->deadline_ms - a->now_ms)
		return false;
	*ret_at_ms = a->now_ms + pause;
	return true;
}
