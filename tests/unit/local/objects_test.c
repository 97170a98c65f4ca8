/* What can be done with data sets and models once they are made: tags, export, delete; and what
 * a model keeps of its training. */
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "unit/cmocka.h"
#include "unit/local/kit.h"

static int32_t dataset(struct mock *m, int n, const char *text)
{
	return kit_job(m, DAVIT_DATASETS, "submit", "create", kit_id(n), NULL,
		json_pack("{s:s, s:{s:s}}", "name", "digits", "source", "text", text));
}

static int32_t ask(
	struct mock *m, const char *interface, const char *slot, const char *id, const char *spec)
{
	json_t *v = spec == NULL ? NULL : json_loads(spec, 0, NULL);

	assert_true(spec == NULL || v != NULL);
	return mock_run(m, interface, slot,
		json_pack("{s:{}, s:s, s:o*}", "connection", "id", id, "spec", v));
}

/* --- labels --- */

static const json_t *only_item(struct mock *m, const char *interface)
{
	assert_int_equal(ask(m, interface, "list", "", NULL), DAVIT_OK);
	assert_int_equal(json_array_size(json_object_get(m->reply, "items")), 1);
	return json_at(m->reply, "/items/0");
}

static void a_list_shows_the_label_and_kind_of_what_was_submitted(void **state)
{
	static const struct {
		const char *interface;
		int n;
		const char *kind;
	} rows[] = {
		{DAVIT_DATASETS, 1, "create"},
		{DAVIT_TRAINING, 2, "train"},
		{DAVIT_MODELS, 3, "register"},
		{DAVIT_DEPLOYMENT, 4, "register"},
	};
	struct mock *m = *state;

	assert_int_equal(dataset(m, 1, "1"), DAVIT_OK);
	kit_trained(m, 2);
	kit_model(m, 2);
	assert_int_equal(kit_job(m, DAVIT_DEPLOYMENT, "submit", "deploy", kit_id(5), kit_id(4),
				 json_pack("{s:s}", "model", kit_id(3))),
		DAVIT_OK); /* which writes the record of the endpoint anew */
	for (size_t i = 0; i < COUNT(rows); i++) {
		const json_t *item = only_item(m, rows[i].interface);
		char label[64];

		snprintf(label, sizeof(label), "%s-%s", KIT_SITE, kit_id(rows[i].n));
		assert_string_equal(kit_text(item, "/label"), label);
		assert_string_equal(kit_text(item, "/kind"), rows[i].kind);
	}
}

static void find_looks_for_the_object_that_a_person_names(void **state)
{
	struct mock *m = *state;

	assert_int_equal(dataset(m, 1, "1"), DAVIT_OK);
	assert_int_equal(mock_run(m, DAVIT_DATASETS, "find",
				 json_pack("{s:{}, s:s, s:s}", "connection", "submission_id",
					 kit_id(7), "remote", kit_id(1))),
		DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/ref/id"), kit_id(1));
	assert_int_equal(mock_run(m, DAVIT_TRAINING, "find",
				 json_pack("{s:{}, s:s, s:s}", "connection", "submission_id",
					 kit_id(1), "remote", kit_id(8))),
		DAVIT_NOT_FOUND);
}

/* --- tags --- */

static void tags_are_given_and_taken_afterwards(void **state)
{
	struct mock *m = *state;
	size_t keys;

	assert_int_equal(dataset(m, 1, "1"), DAVIT_OK);
	assert_int_equal(dataset(m, 2, "2"), DAVIT_OK);
	assert_int_equal(
		ask(m, DAVIT_DATASETS, "tag", "digits@v1", "{\"add\":[\"a\",\"b\"]}"), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/id"), kit_id(1));
	assert_int_equal(json_array_size(json_object_get(m->reply, "tags")), 2);
	assert_int_equal(ask(m, DAVIT_DATASETS, "tag", "digits",
				 "{\"add\":[\"b\"],\"remove\":[\"a\",\"c\"]}"),
		DAVIT_OK);
	assert_int_equal(json_array_size(json_object_get(m->reply, "tags")), 1);
	assert_int_equal(kit_get(m, DAVIT_DATASETS, "digits@a"), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/id"), kit_id(1));
	assert_int_equal(
		ask(m, DAVIT_DATASETS, "tag", "digits@a", "{\"remove\":[\"a\"]}"), DAVIT_OK);
	assert_int_equal(json_array_size(json_object_get(m->reply, "tags")), 0);
	keys = json_object_size(m->kv);
	assert_int_equal(
		ask(m, DAVIT_DATASETS, "tag", "none", "{\"add\":[\"a\"]}"), DAVIT_NOT_FOUND);
	assert_int_equal(
		ask(m, DAVIT_DATASETS, "tag", "digits", "{\"add\":[\"v3\"]}"), DAVIT_INVALID);
	assert_string_equal(m->fail_pointer, "/spec/add/0");
	assert_int_equal(json_object_size(m->kv), keys);
}

static void a_version_has_a_limit_of_tags(void **state)
{
	struct mock *m = *state;
	char spec[64];
	int32_t code = DAVIT_OK;

	assert_int_equal(dataset(m, 1, "1"), DAVIT_OK);
	for (int i = 0; i < 300 && code == DAVIT_OK; i++) {
		snprintf(spec, sizeof(spec), "{\"add\":[\"t%d\"]}", i);
		code = ask(m, DAVIT_DATASETS, "tag", "digits", spec);
	}
	assert_int_equal(code, DAVIT_CONFLICT);
}

/* --- delete --- */

static void a_deleted_version_is_not_given_again(void **state)
{
	struct mock *m = *state;

	assert_int_equal(dataset(m, 1, "1"), DAVIT_OK);
	assert_int_equal(dataset(m, 2, "2"), DAVIT_OK);
	assert_int_equal(ask(m, DAVIT_DATASETS, "tag", "digits", "{\"add\":[\"a\"]}"), DAVIT_OK);
	assert_int_equal(ask(m, DAVIT_DATASETS, "remove", "digits", NULL), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/id"), kit_id(2));
	assert_string_equal(kit_text(m->reply, "/tags/0"), "a");
	assert_int_equal(kit_get(m, DAVIT_DATASETS, kit_id(2)), DAVIT_NOT_FOUND);
	assert_int_equal(kit_get(m, DAVIT_DATASETS, "digits@a"), DAVIT_NOT_FOUND);
	assert_int_equal(kit_get(m, DAVIT_DATASETS, "digits"), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/id"), kit_id(1));
	assert_int_equal(ask(m, DAVIT_DATASETS, "remove", kit_id(1), NULL), DAVIT_OK);
	assert_int_equal(ask(m, DAVIT_DATASETS, "remove", kit_id(1), NULL), DAVIT_NOT_FOUND);
	assert_int_equal(dataset(m, 3, "3"), DAVIT_OK);
	assert_int_equal(kit_int(m->reply, "/version"), 3);
}

static void a_training_keeps_what_its_deleted_data_set_was(void **state)
{
	struct mock *m = *state;

	assert_int_equal(dataset(m, 1, "1"), DAVIT_OK);
	assert_int_equal(kit_job(m, DAVIT_TRAINING, "submit", "train", kit_id(2), NULL,
				 json_pack("{s:s, s:{s:s}, s:s}", "name", "t", "script", "text",
					 "print(1)", "dataset", "digits")),
		DAVIT_OK);
	assert_int_equal(ask(m, DAVIT_DATASETS, "remove", "digits", NULL), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/used_by/0/id"), kit_id(2));
	assert_int_equal(kit_get(m, DAVIT_TRAINING, kit_id(2)), DAVIT_OK);
	assert_int_equal(kit_int(m->reply, "/provider/dataset/version"), 1);
	assert_null(json_object_get(m->kv, "used/dataset/00000000000000000000s001"));
}

static int32_t deployment(struct mock *m, const char *slot, const char *kind, int n)
{
	return kit_job(m, DAVIT_DEPLOYMENT, slot, kind, kit_id(n), kit_id(3),
		strcmp(kind, "deploy") == 0 ? json_pack("{s:s}", "model", "digits") : NULL);
}

static void a_model_that_is_deployed_stays(void **state)
{
	struct mock *m = *state;

	kit_model(m, 1);
	assert_int_equal(deployment(m, "submit", "deploy", 10), DAVIT_OK);
	assert_int_equal(ask(m, DAVIT_MODELS, "remove", "digits", NULL), DAVIT_CONFLICT);
	assert_non_null(strstr(m->fail_text, "endpoint 'endpoint'"));
	assert_int_equal(kit_get(m, DAVIT_MODELS, "digits"), DAVIT_OK);
	assert_null(json_object_get(
		json_array_get(json_object_get(m->kv, "model/00000000000000000000s002"), 1),
		"removing"));
	assert_int_equal(deployment(m, "submit", "undeploy", 11), DAVIT_OK);
	assert_int_equal(ask(m, DAVIT_MODELS, "remove", "digits", NULL), DAVIT_OK);
	assert_int_equal(kit_get(m, DAVIT_MODELS, "digits"), DAVIT_NOT_FOUND);
}

static void a_model_that_is_being_deleted_is_not_deployed(void **state)
{
	struct mock *m = *state;
	json_t *model;

	kit_model(m, 1);
	model = json_array_get(json_object_get(m->kv, "model/00000000000000000000s002"), 1);
	json_object_set_new(model, "removing", json_true());
	assert_int_equal(deployment(m, "submit", "deploy", 10), DAVIT_CONFLICT);
	assert_int_equal(mock_process_count(m), 1);
	assert_int_equal(ask(m, DAVIT_MODELS, "remove", "digits", NULL), DAVIT_OK);
}

static void a_delete_that_fails_leaves_a_model_as_it_was(void **state)
{
	struct mock *m = *state;

	kit_model(m, 1);
	m->kv_intrusions = 1000;
	assert_int_equal(ask(m, DAVIT_MODELS, "remove", "digits", NULL), DAVIT_RETRY);
	m->kv_intrusions = 0;
	assert_int_equal(deployment(m, "submit", "deploy", 10), DAVIT_OK);
}

static void a_delete_that_a_crash_cut_off_is_undone_or_ended(void **state)
{
	static const char key[] = "model/00000000000000000000s002";
	struct mock *m = *state;

	kit_model(m, 1);
	json_object_set_new(
		json_array_get(json_object_get(m->kv, key), 1), "removing", json_true());
	mock_destroy(m);
	assert_int_equal(mock_create(m, "{}"), DAVIT_OK);
	assert_int_equal(kit_get(m, DAVIT_MODELS, "digits"), DAVIT_OK);
	assert_null(json_object_get(json_array_get(json_object_get(m->kv, key), 1), "removing"));
	json_object_set_new(
		json_array_get(json_object_get(m->kv, key), 1), "removing", json_true());
	json_object_del(m->kv, "name/model/digits");
	mock_destroy(m);
	assert_int_equal(mock_create(m, "{}"), DAVIT_OK);
	assert_null(json_object_get(m->kv, key));
}

/* --- models --- */

static void a_model_outlives_its_training_unchanged(void **state)
{
	struct mock *m = *state;
	struct mock_process *p;
	char digest[65];

	kit_model(m, 1);
	p = mock_process(m, kit_id(1));
	mock_write(p->files, "outputs/model.bin", "others", 6);
	assert_int_equal(kit_get(m, DAVIT_MODELS, "digits"), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/files/0/path"), "model.bin");
	assert_int_equal(kit_int(m->reply, "/files/0/bytes"), 7);
	/* printf '%s  model.bin\n' $(printf weights | sha256sum | cut -c-64) | sha256sum */
	snprintf(digest, sizeof(digest), "%s", kit_text(m->reply, "/sha256"));
	assert_int_equal(strlen(digest), 64);
	assert_string_not_equal(digest, kit_text(m->reply, "/files/0/sha256"));
	assert_int_equal(
		ask(m, DAVIT_MODELS, "export", "digits", "{\"download\":\"model.bin\"}"), DAVIT_OK);
	assert_string_equal(m->bytes, "weights");
}

static void a_model_knows_where_it_comes_from(void **state)
{
	struct mock *m = *state;

	assert_int_equal(dataset(m, 1, "1"), DAVIT_OK);
	assert_int_equal(
		kit_job(m, DAVIT_TRAINING, "submit", "train", kit_id(2), NULL,
			json_pack("{s:s, s:{s:s}, s:s, s:{s:i}}", "name", "fit", "script", "text",
				"print(1)", "dataset", "digits@v1", "parameters", "epochs", 3)),
		DAVIT_OK);
	mock_process(m, kit_id(2))->state = "exited";
	assert_int_equal(kit_job(m, DAVIT_MODELS, "submit", "register", kit_id(3), NULL,
				 json_pack("{s:s, s:{s:s}, s:{s:s}}", "name", "digits", "source",
					 "job", "fit", "server", "command", "serve")),
		DAVIT_OK);
	assert_int_equal(kit_get(m, DAVIT_MODELS, "digits"), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/lineage/training/id"), kit_id(2));
	assert_string_equal(kit_text(m->reply, "/lineage/training/name"), "fit");
	assert_int_equal(kit_int(m->reply, "/lineage/dataset/version"), 1);
	assert_string_equal(kit_text(m->reply, "/lineage/script/name"), "train.py");
	assert_int_equal(kit_int(m->reply, "/lineage/parameters/epochs"), 3);
	assert_int_equal(json_array_size(json_object_get(m->reply, "files")), 0);
}

/* --- export --- */

static void an_object_is_written_where_it_is_wanted(void **state)
{
	struct mock *m = *state;

	kit_model(m, 1);
	assert_int_equal(dataset(m, 5, "a,b\n"), DAVIT_OK);
	assert_int_equal(
		ask(m, DAVIT_DATASETS, "export", "digits@v1", "{\"destination\":{\"path\":\"x\"}}"),
		DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/id"), kit_id(5));
	assert_string_equal(kit_text(m->reply, "/uri"), "file:///out/x");
	assert_string_equal(kit_text(m->reply, "/files/0/path"), "digits-v1.csv");
	assert_int_equal(kit_int(m->reply, "/files/0/bytes"), 4);
	assert_int_equal(
		ask(m, DAVIT_MODELS, "export", "digits", "{\"destination\":{\"path\":\"x\"}}"),
		DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/files/0/path"), "model.bin");
	assert_int_equal(
		ask(m, DAVIT_MODELS, "export", "digits", "{\"destination\":{\"path\":\"x\"}}"),
		DAVIT_CONFLICT);
}

static void an_object_is_answered_as_bytes(void **state)
{
	static const struct {
		const char *interface;
		const char *spec;
		int32_t code;
		const char *pointer;
	} rows[] = {
		{DAVIT_DATASETS, "{\"download\":true}", DAVIT_OK, ""},
		{DAVIT_DATASETS, "{\"download\":false}", DAVIT_INVALID, "/spec/download"},
		{DAVIT_DATASETS, "{}", DAVIT_INVALID, "/spec"},
		{DAVIT_DATASETS, "{\"download\":true,\"destination\":{\"path\":\"x\"}}",
			DAVIT_INVALID, "/spec"},
		{DAVIT_MODELS, "{\"download\":\"model.bin\"}", DAVIT_OK, ""},
		{DAVIT_MODELS, "{\"download\":\"../model.bin\"}", DAVIT_NOT_FOUND,
			"/spec/download"},
	};
	struct mock *m = *state;

	kit_model(m, 1);
	assert_int_equal(dataset(m, 5, "weights"), DAVIT_OK);
	for (size_t i = 0; i < COUNT(rows); i++) {
		int32_t code = ask(m, rows[i].interface, "export", "digits", rows[i].spec);

		if (code != rows[i].code)
			fail_msg("%s: %d %s", rows[i].spec, (int)code, m->fail_text);
		assert_string_equal(m->fail_pointer, rows[i].pointer);
		assert_string_equal(m->bytes, code == DAVIT_OK ? "weights" : "");
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_list_shows_the_label_and_kind_of_what_was_submitted),
		TEST(find_looks_for_the_object_that_a_person_names),
		TEST(tags_are_given_and_taken_afterwards),
		TEST(a_version_has_a_limit_of_tags),
		TEST(a_deleted_version_is_not_given_again),
		TEST(a_training_keeps_what_its_deleted_data_set_was),
		TEST(a_model_that_is_deployed_stays),
		TEST(a_model_that_is_being_deleted_is_not_deployed),
		TEST(a_delete_that_fails_leaves_a_model_as_it_was),
		TEST(a_delete_that_a_crash_cut_off_is_undone_or_ended),
		TEST(a_model_outlives_its_training_unchanged),
		TEST(a_model_knows_where_it_comes_from),
		TEST(an_object_is_written_where_it_is_wanted),
		TEST(an_object_is_answered_as_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
