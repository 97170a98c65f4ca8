/* Versions and tags of data sets and models, and who used a data set. */
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "unit/cmocka.h"
#include "unit/local/kit.h"

static int32_t dataset(struct mock *m, int n, const char *name, const char *tags)
{
	return kit_job(m, DAVIT_DATASETS, "submit", "create", kit_id(n), NULL,
		json_pack("{s:s, s:{s:s}, s:o*}", "name", name, "source", "text", "1", "tags",
			tags == NULL ? NULL : json_loads(tags, 0, NULL)));
}

static void must_mean(struct mock *m, const char *reference, int n)
{
	if (kit_get(m, DAVIT_DATASETS, reference) != DAVIT_OK)
		fail_msg("%s: %s", reference, m->fail_text);
	assert_string_equal(kit_text(m->reply, "/id"), kit_id(n));
}

static void must_mean_nothing(struct mock *m, const char *reference)
{
	if (kit_get(m, DAVIT_DATASETS, reference) != DAVIT_NOT_FOUND)
		fail_msg("%s means something", reference);
}

static void data_sets_of_one_name_are_its_versions(void **state)
{
	struct mock *m = *state;

	for (int n = 1; n <= 3; n++) {
		assert_int_equal(dataset(m, n, "digits", NULL), DAVIT_OK);
		assert_int_equal(kit_int(m->reply, "/version"), n);
		assert_int_equal(strlen(kit_text(m->reply, "/sha256")), 64);
	}
	assert_int_equal(dataset(m, 4, "other", NULL), DAVIT_OK);
	assert_int_equal(kit_int(m->reply, "/version"), 1);
	must_mean(m, "digits", 3);
	must_mean(m, "digits@v1", 1);
	must_mean(m, "digits@v2", 2);
	must_mean(m, kit_id(1), 1);
}

static void what_is_no_version_and_no_tag_means_nothing(void **state)
{
	static const char *const wrong[] = {"digits@v2", "digits@v0", "digits@v", "digits:v1",
		"digits@", "digits:", "@v1", ":prod", "digits@prod", "digits@v1x",
		"digits@v99999999999999999999", "digit", "digits@v1@v1"};
	struct mock *m = *state;

	assert_int_equal(dataset(m, 1, "digits", "[\"good\"]"), DAVIT_OK);
	for (size_t i = 0; i < COUNT(wrong); i++)
		must_mean_nothing(m, wrong[i]);
}

static void a_repeated_submission_keeps_its_version(void **state)
{
	struct mock *m = *state;

	assert_int_equal(dataset(m, 1, "digits", NULL), DAVIT_OK);
	/* as after a crash between the two records */
	json_object_del(m->kv, "dataset/00000000000000000000s001");
	must_mean_nothing(m, "digits");
	assert_int_equal(dataset(m, 2, "digits", NULL), DAVIT_OK);
	must_mean(m, "digits", 2);
	assert_int_equal(dataset(m, 1, "digits", NULL), DAVIT_OK);
	assert_int_equal(kit_int(m->reply, "/version"), 1);
	assert_int_equal(dataset(m, 3, "digits", NULL), DAVIT_OK);
	assert_int_equal(kit_int(m->reply, "/version"), 3);
}

static void a_version_is_given_whoever_writes_in_between(void **state)
{
	struct mock *m = *state;

	assert_int_equal(dataset(m, 1, "digits", NULL), DAVIT_OK);
	m->kv_intrusions = 3;
	assert_int_equal(dataset(m, 2, "digits", NULL), DAVIT_OK);
	assert_int_equal(m->kv_intrusions, 0);
	assert_int_equal(kit_int(m->reply, "/version"), 2);
	m->kv_intrusions = 1000;
	assert_int_equal(dataset(m, 3, "digits", NULL), DAVIT_RETRY);
	m->kv_intrusions = 0;
	must_mean(m, "digits", 2);
}

static void a_tag_moves_to_the_version_that_gets_it(void **state)
{
	struct mock *m = *state;

	assert_int_equal(dataset(m, 1, "digits", "[\"prod\", \"first\", \"prod\"]"), DAVIT_OK);
	assert_int_equal(json_array_size(json_object_get(m->reply, "tags")), 2);
	must_mean(m, "digits@prod", 1);
	must_mean(m, "digits:prod", 1);
	assert_int_equal(dataset(m, 2, "digits", "[\"prod\"]"), DAVIT_OK);
	must_mean(m, "digits@prod", 2);
	must_mean(m, "digits@first", 1);
	assert_int_equal(json_array_size(json_object_get(m->reply, "tags")), 1);
}

static void a_name_may_look_like_a_reference(void **state)
{
	struct mock *m = *state;

	assert_int_equal(dataset(m, 1, "run 12:30 50%\n", "[\"a\"]"), DAVIT_OK);
	assert_int_equal(dataset(m, 2, "run 12:30 50%0A", NULL), DAVIT_OK);
	must_mean(m, "run 12:30 50%\n", 1);
	must_mean(m, "run 12:30 50%\n:a", 1);
	must_mean(m, "run 12:30 50%0A", 2);
}

static void a_tag_that_cannot_be_is_refused_by_its_pointer(void **state)
{
	static const char *const wrong[] = {"[\"ok\", \"v1\"]", "[\"ok\", \"-x\"]",
		"[\"ok\", \"a b\"]", "[\"ok\", \"\"]", "[\"ok\", 7]", "[\"ok\", \"\xc3\xbc\"]"};
	struct mock *m = *state;

	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_int_equal(dataset(m, 1, "digits", wrong[i]), DAVIT_INVALID);
		assert_string_equal(m->fail_pointer, "/spec/tags/1");
	}
	assert_int_equal(json_object_size(m->kv), 0);
	assert_int_equal(dataset(m, 1, "digits", "[\"v\", \"v1.2\", \"0\", \"w9\"]"), DAVIT_OK);
	must_mean(m, "digits@v1.2", 1);
}

static void a_name_has_its_limit(void **state)
{
	struct mock *m = *state;
	char name[513];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(dataset(m, 1, name, NULL), DAVIT_INVALID);
	assert_string_equal(m->fail_pointer, "/spec/name");
	name[480] = '\0';
	assert_int_equal(dataset(m, 1, name, NULL), DAVIT_OK);
	must_mean_nothing(m, "x");
}

static int32_t model(struct mock *m, int n, const char *alias)
{
	return kit_job(m, DAVIT_MODELS, "submit", "register", kit_id(n), NULL,
		json_pack("{s:s, s:[s], s:{s:s}, s:{s:s}}", "name", "digits", "aliases", alias,
			"source", "job", kit_id(1), "server", "command", "serve"));
}

static void a_models_alias_moves_likewise(void **state)
{
	struct mock *m = *state;

	kit_trained(m, 1);
	assert_int_equal(model(m, 2, "prod"), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/aliases/0"), "prod");
	assert_int_equal(model(m, 3, "next"), DAVIT_OK);
	assert_int_equal(kit_int(m->reply, "/version"), 2);
	assert_int_equal(kit_get(m, DAVIT_MODELS, "digits:prod"), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/id"), kit_id(2));
	assert_int_equal(model(m, 4, "prod"), DAVIT_OK);
	assert_int_equal(kit_get(m, DAVIT_MODELS, "digits:prod"), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/id"), kit_id(4));
	assert_int_equal(model(m, 5, "v4"), DAVIT_INVALID);
	assert_string_equal(m->fail_pointer, "/spec/aliases/0");
	assert_int_equal(mock_run(m, DAVIT_MODELS, "list", json_object()), DAVIT_OK);
	assert_int_equal(json_array_size(json_object_get(m->reply, "items")), 3);
}

/* --- who used it --- */

static int32_t train(struct mock *m, int n, const char *reference)
{
	return kit_job(m, DAVIT_TRAINING, "submit", "train", kit_id(n), NULL,
		json_pack("{s:s, s:{s:s}, s:s}", "name", "fit", "script", "text", "print(1)",
			"dataset", reference));
}

static void a_data_set_knows_which_jobs_used_it(void **state)
{
	struct mock *m = *state;

	assert_int_equal(dataset(m, 1, "digits", "[\"prod\"]"), DAVIT_OK);
	assert_int_equal(dataset(m, 2, "digits", NULL), DAVIT_OK);
	m->start_code = DAVIT_RETRY;
	assert_int_equal(train(m, 3, "digits@prod"), DAVIT_RETRY);
	assert_int_equal(train(m, 3, "digits@prod"), DAVIT_OK);
	assert_int_equal(train(m, 4, "digits@v1"), DAVIT_OK);
	assert_int_equal(kit_get(m, DAVIT_TRAINING, kit_id(3)), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/provider/dataset/id"), kit_id(1));
	assert_string_equal(kit_text(m->reply, "/provider/dataset/name"), "digits");
	assert_int_equal(kit_int(m->reply, "/provider/dataset/version"), 1);
	assert_int_equal(strlen(kit_text(m->reply, "/provider/dataset/sha256")), 64);
	must_mean(m, "digits@v1", 1);
	assert_int_equal(json_array_size(json_object_get(m->reply, "used_by")), 2);
	assert_string_equal(kit_text(m->reply, "/used_by/0/id"), kit_id(4));
	assert_string_equal(kit_text(m->reply, "/used_by/1/name"), "fit");
	assert_string_equal(kit_text(m->reply, "/used_by/1/kind"), "train");
	must_mean(m, "digits@v2", 2);
	assert_int_equal(json_array_size(json_object_get(m->reply, "used_by")), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		TEST(data_sets_of_one_name_are_its_versions),
		TEST(what_is_no_version_and_no_tag_means_nothing),
		TEST(a_repeated_submission_keeps_its_version),
		TEST(a_version_is_given_whoever_writes_in_between),
		TEST(a_tag_moves_to_the_version_that_gets_it),
		TEST(a_name_may_look_like_a_reference),
		TEST(a_tag_that_cannot_be_is_refused_by_its_pointer),
		TEST(a_name_has_its_limit),
		TEST(a_models_alias_moves_likewise),
		TEST(a_data_set_knows_which_jobs_used_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
