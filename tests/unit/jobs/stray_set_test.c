/* Labels, and sets of strays. */
#include "jobs/stray_set.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "unit/cmocka.h"

#define SITE "s1te0000"
#define ONE  "000000000000000000000001"
#define TWO  "000000000000000000000002"

static void labels_of_this_site_alone_name_a_submission(void **state)
{
	static const char *const others[] = {NULL, "", SITE, SITE "-", SITE ONE, "s1te0001-" ONE,
		SITE "-" ONE "0", SITE "-00000000000000000000001", SITE "-O00000000000000000000001",
		"S1TE0000-" ONE, " " SITE "-" ONE, SITE "-" ONE " ", SITE "_" ONE};
	char submission[ID_SIZE] = "";

	(void)state;
	assert_true(stray_label(SITE, SITE "-" ONE, submission));
	assert_string_equal(submission, ONE);
	for (size_t i = 0; i < COUNT(others); i++) {
		if (stray_label(SITE, others[i], submission))
			fail_msg("%s", others[i]);
	}
}

static struct stray stray_at(const char *submission, const char *object, const char *connection)
{
	struct stray stray = {.provider = "p",
		.connection = connection,
		.interface = "davit.training",
		.kind = "train",
		.object = object,
		.name = "n",
		.state = ""};

	(void)snprintf(stray.submission, sizeof(stray.submission), "%s", submission);
	return stray;
}

static void add(
	struct stray_set *set, const char *submission, const char *object, const char *connection)
{
	struct stray stray = stray_at(submission, object, connection);

	assert_true(stray_set_add(set, &stray));
}

static void the_newest_is_first_and_each_object_there_once(void **state)
{
	struct stray_set set = {0};

	(void)state;
	add(&set, ONE, "a", "second");
	add(&set, TWO, "b", "first");
	add(&set, ONE, "a", "first"); /* by another way to the same cloud */
	stray_set_order(&set);
	assert_int_equal(set.count, 2);
	assert_string_equal(set.all[0].id, TWO);
	assert_string_equal(set.all[1].id, ONE);
	assert_string_equal(set.all[1].connection, "first");
	assert_string_equal(stray_set_find(&set, ONE)->object, "a");
	assert_null(stray_set_find(&set, "a"));
	stray_set_finish(&set);
}

static void objects_of_one_label_have_ids_that_stay_theirs(void **state)
{
	struct stray_set set = {0}, later = {0};
	struct stray third = stray_at(ONE, "c", "");

	(void)state;
	add(&set, ONE, "b", "");
	add(&set, ONE, "a", "");
	stray_set_order(&set);
	add(&later, ONE, "a", "");
	add(&later, ONE, "b", "");
	add(&later, ONE, "c", "");
	add(&later, TWO, "d", "");
	stray_set_order(&later);
	assert_null(stray_set_find(&set, ONE)); /* which of them? */
	for (size_t i = 0; i < set.count; i++) {
		const struct stray *same = stray_set_find(&later, set.all[i].id);

		assert_non_null(same);
		assert_string_equal(same->object, set.all[i].object);
		assert_int_equal(strlen(same->id), ID_LENGTH + 9);
	}
	for (size_t i = 1; i < later.count; i++)
		assert_true(strcmp(later.all[i - 1].id, later.all[i].id) > 0);
	stray_set_drop(&later, &third);
	stray_set_drop(&later, &third);
	assert_int_equal(later.count, 3);
	stray_set_finish(&set);
	stray_set_finish(&later);
}

static void a_full_set_says_so(void **state)
{
	struct stray_set set = {0};
	char object[16];

	(void)state;
	for (unsigned i = 0; i < STRAYS_MAX + 2; i++) {
		(void)snprintf(object, sizeof(object), "%u", i);
		assert_int_equal(set.full, i > STRAYS_MAX);
		add(&set, ONE, object, "");
	}
	assert_int_equal(set.count, STRAYS_MAX);
	stray_set_finish(&set);
	assert_false(set.full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_of_this_site_alone_name_a_submission),
		cmocka_unit_test(the_newest_is_first_and_each_object_there_once),
		cmocka_unit_test(objects_of_one_label_have_ids_that_stay_theirs),
		cmocka_unit_test(a_full_set_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
