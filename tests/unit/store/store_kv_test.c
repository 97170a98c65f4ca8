/* store_kv_test - key-value pairs: versions, order, quota, and instances apart. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "store/sqlite.h"
#include "unit/cmocka.h"
#include "unit/store/kit.h"

static struct store *store_of(void **state)
{
	return ((struct kit_room *)*state)->store;
}

static int64_t version_of(struct store *s, const char *instance, const char *key, const char *want)
{
	int64_t version = 0;
	char *value = NULL;

	assert_true(store_kv_get(s, instance, key, &value, &version, NULL));
	assert_string_equal(value, want);
	free(value);
	return version;
}

static void a_value_comes_back_with_a_version_that_grows(void **state)
{
	struct store *s = store_of(state);

	for (int64_t i = 1; i <= 3; i++) {
		struct store_op *op = kit_put("a", "k", i == 2 ? "2" : "\"x\"", -1);

		assert_true(store_run(s, op, NULL));
		assert_true(op->changed);
		assert_int_equal(op->kv.version, i);
		store_op_free(op);
		assert_int_equal(version_of(s, "a", "k", i == 2 ? "2" : "\"x\""), i);
	}
}

static void a_missing_key_is_not_found(void **state)
{
	struct fail f = {0};
	char *value = NULL;

	assert_false(store_kv_get(store_of(state), "a", "k", &value, NULL, &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
	assert_null(value);
}

static void a_conditional_write_needs_the_stored_version(void **state)
{
	static const struct {
		int64_t version;
		bool changed;
		const char *value;
	} rows[] = {
		{1, false, NULL}, /* nothing there yet */
		{0, true, "1"},
		{0, false, "1"},
		{2, false, "1"},
		{1, true, "4"},
		{1, false, "4"},
		{2, true, "6"},
	};
	struct store *s = store_of(state);
	char value[2] = "0";

	for (size_t i = 0; i < COUNT(rows); i++) {
		bool changed = !rows[i].changed;

		value[0] = (char)('0' + (int)i);
		assert_int_equal(
			kit_run(s, kit_put("a", "k", value, rows[i].version), &changed), FAIL_NONE);
		assert_int_equal(changed, rows[i].changed);
		if (rows[i].value != NULL)
			version_of(s, "a", "k", rows[i].value);
	}
}

static void a_deleted_key_never_gets_an_old_version_again(void **state)
{
	struct store *s = store_of(state);
	bool changed = false;

	assert_int_equal(kit_run(s, kit_put("a", "k", "1", -1), NULL), FAIL_NONE);
	assert_int_equal(kit_run(s, kit_put("a", "k", "2", -1), NULL), FAIL_NONE);
	assert_int_equal(kit_run(s, kit_delete("a", "k"), &changed), FAIL_NONE);
	assert_true(changed);
	assert_int_equal(kit_run(s, kit_delete("a", "k"), &changed), FAIL_NONE);
	assert_false(changed);
	assert_int_equal(kit_run(s, kit_put("a", "k", "3", 0), &changed), FAIL_NONE);
	assert_true(changed);
	assert_int_equal(version_of(s, "a", "k", "3"), 3);
}

static void instances_do_not_see_each_other(void **state)
{
	struct store *s = store_of(state);
	char *value = NULL;

	assert_int_equal(kit_run(s, kit_put("a", "k", "1", -1), NULL), FAIL_NONE);
	assert_int_equal(kit_run(s, kit_put("b", "k", "2", -1), NULL), FAIL_NONE);
	assert_int_equal(kit_run(s, kit_delete("b", "k"), NULL), FAIL_NONE);
	version_of(s, "a", "k", "1");
	assert_false(store_kv_get(s, "b", "k", &value, NULL, NULL));
}

struct listed {
	char text[256];
	size_t left; /* how many more it wants */
};

static bool note(const char *key, const char *value, void *ctx)
{
	struct listed *l = ctx;
	size_t n = strlen(l->text);

	(void)snprintf(l->text + n, sizeof(l->text) - n, "%s=%s ", key, value);
	return --l->left > 0;
}

static void a_list_walks_a_prefix_in_byte_order(void **state)
{
	static const char *const keys[] = {"b/2", "a", "b", "b/1", "b/\xc3\xa9", "c", "B/0", "b0"};
	static const struct {
		const char *prefix;
		const char *after;
		size_t limit;
		size_t wanted;
		const char *found;
	} rows[] = {
		{"", NULL, 0, 99, "B/0=1 a=1 b=1 b/1=1 b/2=1 b/\xc3\xa9=1 b0=1 c=1 "},
		{"b/", NULL, 0, 99, "b/1=1 b/2=1 b/\xc3\xa9=1 "},
		{"b/", NULL, 2, 99, "b/1=1 b/2=1 "},
		{"b/", NULL, 0, 1, "b/1=1 "},
		{"b/", "b/1", 0, 99, "b/2=1 b/\xc3\xa9=1 "},
		{"b/", "a", 0, 99, "b/1=1 b/2=1 b/\xc3\xa9=1 "},
		{"b/", "c", 0, 99, ""},
		{"", "b0", 0, 99, "c=1 "},
		{"x", NULL, 0, 99, ""},
	};
	struct store *s = store_of(state);

	for (size_t i = 0; i < COUNT(keys); i++)
		assert_int_equal(kit_run(s, kit_put("a", keys[i], "1", -1), NULL), FAIL_NONE);
	assert_int_equal(kit_run(s, kit_put("z", "b/1", "2", -1), NULL), FAIL_NONE);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct listed l = {.left = rows[i].wanted};

		assert_true(store_kv_list(
			s, "a", rows[i].prefix, rows[i].after, rows[i].limit, note, &l, NULL));
		assert_string_equal(l.text, rows[i].found);
	}
}

static char *filled(size_t n)
{
	char *text = malloc(n + 1);

	assert_non_null(text);
	memset(text, '7', n);
	text[n] = '\0';
	return text;
}

static void more_bytes_than_the_quota_are_refused(void **state)
{
	struct store *s = store_of(state);
	char *half = filled(STORE_KV_BYTES_MAX / 2 - 8);
	struct store_op *op;
	struct fail f = {0};

	assert_int_equal(kit_run(s, kit_put("a", "1", half, -1), NULL), FAIL_NONE);
	assert_int_equal(kit_run(s, kit_put("a", "2", half, -1), NULL), FAIL_NONE);
	op = kit_put("a", "3", "12345678901234567890", -1);
	assert_false(store_run(s, op, &f));
	assert_int_equal(f.code, FAIL_TOO_LARGE);
	assert_non_null(strstr(f.text, "delete some"));
	assert_false(op->changed);
	store_op_free(op);
	/* What makes room is let through, another instance has its own quota. */
	assert_int_equal(
		kit_run(s, kit_put("b", "3", "12345678901234567890", -1), NULL), FAIL_NONE);
	assert_int_equal(kit_run(s, kit_put("a", "1", "1", -1), NULL), FAIL_NONE);
	assert_int_equal(kit_run(s, kit_put("a", "3", half, -1), NULL), FAIL_NONE);
	assert_int_equal(
		kit_run(s, kit_put("a", "4", "12345678901234567890", -1), NULL), FAIL_TOO_LARGE);
	assert_int_equal(kit_run(s, kit_delete("a", "3"), NULL), FAIL_NONE);
	assert_int_equal(
		kit_run(s, kit_put("a", "4", "12345678901234567890", -1), NULL), FAIL_NONE);
	free(half);
}

static void use_set(const char *folder, int keys)
{
	char path[PATH_MAX];
	char sql[128];
	struct conn c;

	(void)snprintf(sql, sizeof(sql), "UPDATE kv_use SET keys = %d WHERE instance = 'a'", keys);
	assert_true(conn_open(&c, kit_join(path, folder, "davit.db"), NULL));
	assert_true(conn_exec(&c, sql, NULL));
	conn_close(&c);
}

static void more_keys_than_the_quota_are_refused(void **state)
{
	struct kit_room *r = *state;

	assert_int_equal(kit_run(r->store, kit_put("a", "1", "1", -1), NULL), FAIL_NONE);
	use_set(r->folder, STORE_KV_KEYS_MAX - 1);
	assert_int_equal(kit_run(r->store, kit_put("a", "2", "1", -1), NULL), FAIL_NONE);
	assert_int_equal(kit_run(r->store, kit_put("a", "3", "1", -1), NULL), FAIL_TOO_LARGE);
	assert_int_equal(kit_run(r->store, kit_put("a", "2", "2", -1), NULL), FAIL_NONE);
	assert_int_equal(kit_run(r->store, kit_delete("a", "1"), NULL), FAIL_NONE);
	assert_int_equal(kit_run(r->store, kit_put("a", "3", "1", -1), NULL), FAIL_NONE);
}

/* The counters of the quota are what is stored, whatever was done. */
static void the_use_of_an_instance_is_counted_exactly(void **state)
{
	struct kit_room *r = *state;
	int64_t wrong = -1;
	char path[PATH_MAX];
	char key[8];
	struct conn c;

	for (unsigned i = 0; i < 200; i++) {
		(void)snprintf(key, sizeof(key), "%u", i * 7 % 13);
		if (i % 5 == 0)
			kit_run(r->store, kit_delete("a", key), NULL);
		else
			kit_run(r->store, kit_put("a", key, i % 3 ? "1" : "12345", -1), NULL);
	}
	assert_true(conn_open(&c, kit_join(path, r->folder, "davit.db"), NULL));
	assert_true(conn_pragma_int(&c,
		"SELECT (SELECT count(*) FROM kv) <> keys OR"
		" (SELECT sum(length(key) + length(value) - 33) FROM kv) <> bytes FROM kv_use",
		&wrong, NULL));
	assert_int_equal(wrong, 0);
	conn_close(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_set_up, kit_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_value_comes_back_with_a_version_that_grows),
		TEST(a_missing_key_is_not_found),
		TEST(a_conditional_write_needs_the_stored_version),
		TEST(a_deleted_key_never_gets_an_old_version_again),
		TEST(instances_do_not_see_each_other),
		TEST(a_list_walks_a_prefix_in_byte_order),
		TEST(more_bytes_than_the_quota_are_refused),
		TEST(more_keys_than_the_quota_are_refused),
		TEST(the_use_of_an_instance_is_counted_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
