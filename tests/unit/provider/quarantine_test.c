/* The record of a provider's files: what was started, and what is not to be again. */
#include "unit/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "config/config.h"
#include "platform/fs.h"
#include "provider/internal.h"
#include "provider/quarantine.h"
#include "support/scratch.h"

#define FILES 12

struct site {
	char folder[SCRATCH_SIZE], plugins[SCRATCH_SIZE + 16], record[SCRATCH_SIZE + 32];
	struct config config;
	struct config_provider entry;
	struct providers ps;
	struct provider p;
};

static int open_site(void **state)
{
	static struct site s;
	static char id[] = "there";
	struct fail f = {0};

	memset(&s, 0, sizeof(s));
	scratch_open(s.folder);
	(void)snprintf(s.plugins, sizeof(s.plugins), "%s/plugins", s.folder);
	(void)snprintf(s.record, sizeof(s.record), "%s/there.json", s.plugins);
	assert_true(fs_mkdirs(s.plugins, &f));
	s.config.data_dir = s.folder;
	s.entry.id = id;
	s.ps.host.config = &s.config;
	mutex_init(&s.ps.records);
	s.p.config = &s.entry;
	s.p.all = &s.ps;
	*state = &s;
	return 0;
}

static int close_site(void **state)
{
	struct site *s = *state;

	mutex_finish(&s->ps.records);
	scratch_close(s->folder);
	return 0;
}

/* The file that p has now: 64 times that letter. */
static void is(struct site *s, char letter)
{
	memset(s->p.sha256, letter, sizeof(s->p.sha256) - 1);
	s->p.sha256[sizeof(s->p.sha256) - 1] = '\0';
}

static void start(struct site *s, char letter)
{
	struct fail f = {0};

	is(s, letter);
	if (!quarantine_note(&s->p, &f))
		fail_msg("%s", f.text);
}

static void put(struct site *s, char letter, const char *cause, int64_t since_ms)
{
	struct quarantine q = {.since_ms = since_ms};
	struct fail f = {0};

	is(s, letter);
	(void)snprintf(q.cause, sizeof(q.cause), "%s", cause);
	if (!quarantine_put(&s->p, &q, &f))
		fail_msg("%s", f.text);
}

/* The first letter of the file before; '-': there is none. */
static char before(struct site *s)
{
	char sha256[SHA256_HEX_SIZE];

	return quarantine_previous(&s->p, sha256) ? sha256[0] : '-';
}

static void the_file_before_is_the_one_started_last_that_is_another(void **state)
{
	struct site *s = *state;

	is(s, 'a');
	assert_int_equal(before(s), '-');
	start(s, 'a');
	start(s, 'a');
	assert_int_equal(before(s), '-');
	start(s, 'b');
	assert_int_equal(before(s), 'a');
	start(s, 'c');
	assert_int_equal(before(s), 'b');
	start(s, 'a'); /* put back */
	assert_int_equal(before(s), 'c');
	is(s, 'd'); /* never started */
	assert_int_equal(before(s), 'a');
}

static void what_is_in_quarantine_is_no_file_to_go_back_to(void **state)
{
	struct site *s = *state;

	start(s, 'a');
	start(s, 'b');
	put(s, 'b', "it died", 1);
	start(s, 'c');
	assert_int_equal(before(s), 'a');
	put(s, 'a', "it died", 2);
	is(s, 'c');
	assert_int_equal(before(s), '-');
}

static void a_quarantine_says_why_and_since_when_until_it_is_lifted(void **state)
{
	struct site *s = *state;
	struct quarantine q;
	struct fail f = {0};

	start(s, 'a');
	assert_false(quarantine_get(&s->p, &q));
	assert_true(quarantine_clear(&s->p, &f));
	put(s, 'a', "said \xff\xfe \"x\"", 1795248000000);
	assert_true(quarantine_get(&s->p, &q));
	assert_string_equal(q.cause, "said \xef\xbf\xbd\xef\xbf\xbd \"x\"");
	assert_int_equal(q.since_ms, 1795248000000);
	is(s, 'b');
	assert_false(quarantine_get(&s->p, &q));
	assert_true(quarantine_clear(&s->p, &f));
	is(s, 'a');
	assert_false(quarantine_get(&s->p, &q));
	is(s, 'b');
	assert_int_equal(before(s), 'a');
}

static void the_record_stays_small(void **state)
{
	struct site *s = *state;
	struct quarantine q;
	char *bytes;
	size_t n;

	for (int i = 0; i < FILES; i++) {
		start(s, (char)('a' + i));
		put(s, (char)('a' + i), "it died", i + 1);
	}
	assert_true(fs_read(s->record, 8192, &bytes, &n, NULL));
	free(bytes);
	assert_true(quarantine_get(&s->p, &q)); /* the newest */
	is(s, 'a');
	assert_false(quarantine_get(&s->p, &q)); /* the oldest made room */
}

static void a_record_that_cannot_be_read_is_begun_anew(void **state)
{
	static const char *const wrong[] = {"", "{", "[]", "7",
		"{\"started\":{\"a\":1},\"quarantine\":[2]}",
		"{\"started\":[1,\"short\",null],\"quarantine\":{\"a\":7}}"};
	struct site *s = *state;
	struct quarantine q;
	struct fail f = {0};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_true(fs_write_durable(s->record, wrong[i], strlen(wrong[i]), &f));
		is(s, 'a');
		assert_false(quarantine_get(&s->p, &q));
		assert_int_equal(before(s), '-');
		start(s, 'a');
		put(s, 'b', "it died", 1);
		assert_true(quarantine_get(&s->p, &q));
		assert_int_equal(before(s), 'a');
	}
}

int main(void)
{
#define ON_SITE(test) cmocka_unit_test_setup_teardown(test, open_site, close_site)
	const struct CMUnitTest tests[] = {
		ON_SITE(the_file_before_is_the_one_started_last_that_is_another),
		ON_SITE(what_is_in_quarantine_is_no_file_to_go_back_to),
		ON_SITE(a_quarantine_says_why_and_since_when_until_it_is_lifted),
		ON_SITE(the_record_stays_small),
		ON_SITE(a_record_that_cannot_be_read_is_begun_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
