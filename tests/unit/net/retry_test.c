/* The table of retries: as documented, within its bounds, and never past the deadline. */
#include "net/retry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "unit/cmocka.h"

#define NOON_MS INT64_C(1794830400000) /* 2026-11-16 12:00:00 UTC */

/* xorshift64*: the same numbers in each run. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * UINT64_C(2685821657736338717);
}

/* The longest pause the table allows after so many attempts, reckoned the long way. */
static int64_t ceiling(const struct retry_rule *r, unsigned made)
{
	double pause = (double)r->first_ms;

	for (unsigned i = 1; i < made; i++)
		pause *= r->factor;
	return pause > (double)r->most_ms ? r->most_ms : (int64_t)pause;
}

static void pauses_are_spread_over_the_whole_range_and_no_further(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int c = 0; c < RETRY_CLASS_COUNT; c++) {
		const struct retry_rule *r = retry_rule((enum retry_class)c);

		for (unsigned made = 1; r->when != RETRY_NEVER && made < r->attempts; made++) {
			int64_t most = ceiling(r, made), low = most, high = 0;
			struct retry_attempt a = {.how = (enum retry_class)c,
				.made = made,
				.repeatable = true,
				.retry_after_ms = -1,
				.now_ms = 1000,
				.deadline_ms = CLOCK_NEVER};

			for (int i = 0; i < 2000; i++) {
				int64_t at = 0;

				assert_true(retry_next(&a, next_random(&seed), &at));
				assert_in_range(at - a.now_ms, 0, most);
				low = at - a.now_ms < low ? at - a.now_ms : low;
				high = at - a.now_ms > high ? at - a.now_ms : high;
			}
			assert_true(low < most / 50 && high > most - most / 50);
		}
	}
}

/* One request on the virtual clock, each attempt of which fails as it likes. */
static void play(uint64_t *seed, const struct retry_attempt *given)
{
	struct retry_attempt a = *given;
	unsigned most = 0;
	int64_t at = 0;

	for (;;) {
		const struct retry_rule *r;

		a.how = (enum retry_class)(next_random(seed) % RETRY_CLASS_COUNT);
		a.retry_after_ms = (int64_t)(next_random(seed) % 40000) - 20000;
		a.now_ms = clock_mono_ms();
		a.made++;
		r = retry_rule(a.how);
		most = a.most != 0 && a.most < r->attempts ? a.most : r->attempts;
		if (!retry_next(&a, next_random(seed), &at))
			return;
		assert_true(a.made < most);
		assert_true(
			r->when == RETRY_ALWAYS || (r->when == RETRY_REPEATABLE && a.repeatable));
		assert_true(at < a.deadline_ms);
		assert_true(at >= a.now_ms + (a.retry_after_ms > 0 ? a.retry_after_ms : 0));
		clock_advance(at - clock_mono_ms() + (int64_t)(next_random(seed) % 100));
	}
}

static void never_more_attempts_never_past_the_deadline_never_sooner_than_asked(void **state)
{
	uint64_t seed = 11;

	(void)state;
	clock_virtual_start(NOON_MS, 5000);
	for (int i = 0; i < 20000; i++) {
		struct retry_attempt a = {.most = (unsigned)(next_random(&seed) % 8),
			.repeatable = next_random(&seed) % 2 == 0,
			.deadline_ms =
				clock_mono_ms() + (int64_t)(next_random(&seed) % 120000) - 100};

		play(&seed, &a);
	}
	clock_virtual_stop();
}

static void what_changes_something_is_sent_again_only_if_it_was_not_touched(void **state)
{
	struct retry_attempt a = {.made = 1, .retry_after_ms = -1, .deadline_ms = CLOCK_NEVER};
	int64_t at;

	(void)state;
	for (int c = 0; c < RETRY_CLASS_COUNT; c++) {
		a.how = (enum retry_class)c;
		assert_int_equal(retry_next(&a, 1, &at), c == RETRY_UNSENT || c == RETRY_UNDONE);
	}
}

static void a_pause_that_was_asked_for_comes_before_the_random_one(void **state)
{
	struct retry_attempt a = {.how = RETRY_THROTTLED,
		.made = 1,
		.repeatable = true,
		.retry_after_ms = 7000,
		.deadline_ms = 60000};
	int64_t at = 0;

	(void)state;
	assert_true(retry_next(&a, 0, &at));
	assert_int_equal(at, 7000);
	assert_true(retry_next(&a, 1000, &at)); /* 0 to 1000, both included */
	assert_int_equal(at, 8000);
	a.deadline_ms = 7000; /* not sooner than asked, so not at all */
	assert_false(retry_next(&a, 0, &at));
	a.retry_after_ms = RETRY_AFTER_MAX_MS;
	a.deadline_ms = 60000;
	assert_false(retry_next(&a, 0, &at));
}

static void retry_after_is_seconds_or_a_date(void **state)
{
	static const struct {
		const char *value;
		int64_t ms;
	} rows[] = {
		{"0", 0},
		{"120", 120000},
		{" 7 \r\n", 7000},
		{"0005", 5000},
		{"86400", RETRY_AFTER_MAX_MS},
		{"99999999999999999999999999999999999", RETRY_AFTER_MAX_MS},
		{"Mon, 16 Nov 2026 12:00:30 GMT", 30000},
		{"Monday, 16-Nov-26 12:01:00 GMT", 60000},
		{"Mon Nov 16 12:00:10 2026", 10000},
		{"Mon, 16 Nov 2026 11:00:00 GMT", 0},
		{"Fri, 31 Dec 9999 23:59:59 GMT", RETRY_AFTER_MAX_MS},
		{"", -1},
		{"-5", -1},
		{"+5", -1},
		{"5.5", -1},
		{"1e3", -1},
		{"5 6", -1},
		{"soon", -1},
		{"16 Nov 2026", -1},
		{"12:00", -1},
		{"\xff\xfe", -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (retry_after_ms(rows[i].value, NOON_MS) != rows[i].ms)
			fail_msg("'%s' is %lld ms", rows[i].value,
				(long long)retry_after_ms(rows[i].value, NOON_MS));
	}
}

static void each_status_has_its_class(void **state)
{
	(void)state;
	assert_int_equal(retry_class_of_status(200, false), RETRY_ANSWERED);
	assert_int_equal(retry_class_of_status(301, false), RETRY_ANSWERED);
	assert_int_equal(retry_class_of_status(401, true), RETRY_ANSWERED);
	assert_int_equal(retry_class_of_status(404, false), RETRY_ANSWERED);
	assert_int_equal(retry_class_of_status(408, false), RETRY_LATE);
	assert_int_equal(retry_class_of_status(429, false), RETRY_THROTTLED);
	assert_int_equal(retry_class_of_status(500, false), RETRY_ERROR);
	assert_int_equal(retry_class_of_status(501, false), RETRY_ANSWERED);
	assert_int_equal(retry_class_of_status(502, false), RETRY_UNAVAILABLE);
	assert_int_equal(retry_class_of_status(503, false), RETRY_UNAVAILABLE);
	assert_int_equal(retry_class_of_status(503, true), RETRY_THROTTLED);
	assert_int_equal(retry_class_of_status(504, false), RETRY_UNAVAILABLE);
}

/* --- the guide says the same --- */

static char *read_guide(void)
{
	FILE *file = fopen(GUIDE, "rb");
	char *text = calloc(1, 1 << 20);

	assert_non_null(file);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
	(void)fclose(file);
	return text;
}

static const char *seconds(int64_t ms, char text[16])
{
	if (ms % 1000 == 0)
		(void)snprintf(text, 16, "%d s", (int)(ms / 1000));
	else
		(void)snprintf(text, 16, "%g s", (double)ms / 1000);
	return text;
}

/* "| `word` | … | when | first | factor | most | attempts | circuit |", of which … is prose. */
static void expect_row(const char *guide, const struct retry_rule *r)
{
	static const char *const when[] = {"never", "if it may be repeated", "always"};
	char begin[32], end[128], first[16], most[16];
	const char *row, *line_end;

	(void)snprintf(begin, sizeof(begin), "\n| `%s` | ", r->word);
	if (r->when == RETRY_NEVER)
		(void)snprintf(
			end, sizeof(end), " | never | | | | 1 | %s |\n", r->trips ? "yes" : "no");
	else
		(void)snprintf(end, sizeof(end), " | %s | %s | %u | %s | %u | %s |\n",
			when[r->when], seconds(r->first_ms, first), r->factor,
			seconds(r->most_ms, most), r->attempts, r->trips ? "yes" : "no");
	row = strstr(guide, begin);
	if (row == NULL)
		fail_msg("the guide has no row '%s'", begin + 1);
	line_end = strchr(row + 1, '\n');
	assert_non_null(line_end);
	if (strncmp(line_end + 1 - strlen(end), end, strlen(end)) != 0)
		fail_msg("the row of %s does not end in '%s'", r->word, end);
}

static void the_guide_shows_the_table(void **state)
{
	char *guide = read_guide();

	(void)state;
	for (int c = 0; c < RETRY_CLASS_COUNT; c++)
		expect_row(guide, retry_rule((enum retry_class)c));
	free(guide);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pauses_are_spread_over_the_whole_range_and_no_further),
		cmocka_unit_test(
			never_more_attempts_never_past_the_deadline_never_sooner_than_asked),
		cmocka_unit_test(what_changes_something_is_sent_again_only_if_it_was_not_touched),
		cmocka_unit_test(a_pause_that_was_asked_for_comes_before_the_random_one),
		cmocka_unit_test(retry_after_is_seconds_or_a_date),
		cmocka_unit_test(each_status_has_its_class),
		cmocka_unit_test(the_guide_shows_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
