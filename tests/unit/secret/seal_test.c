/* Tests of seal: what is sealed comes back, and nothing else does; and the key's file. */
#include "secret/seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "support/scratch.h"
#include "unit/cmocka.h"

static char folder[SCRATCH_SIZE];
static char first[SCRATCH_SIZE + 16], second[SCRATCH_SIZE + 16];
static const struct seal_place here = {"job.request", "row 1", NULL};

static int setup(void **state)
{
	(void)state;
	scratch_open(folder);
	(void)snprintf(first, sizeof(first), "%s/first.key", folder);
	(void)snprintf(second, sizeof(second), "%s/second.key", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_close(folder);
	return 0;
}

static struct seal *opened(const char *key, const char *old)
{
	struct fail f = {0};
	struct seal *s = seal_open(key, old, true, &f);

	if (s == NULL)
		fail_msg("%s", f.text);
	return s;
}

static bool opens(const struct seal *seal, const struct seal_place *place, const uint8_t *sealed,
	size_t n, const char *text)
{
	struct sealer *s = sealer_new(seal);
	char bytes[256];
	size_t got = 0;
	struct fail f = {0};
	bool ok;

	assert_non_null(s);
	ok = sealer_get(s, place, sealed, n, bytes, &got, &f);
	if (ok)
		assert_string_equal(bytes, text);
	else
		assert_int_equal(f.code, FAIL_INTERNAL);
	sealer_free(s);
	return ok;
}

static size_t put(const struct seal *seal, const char *text, uint8_t sealed[256])
{
	struct sealer *s = sealer_new(seal);

	assert_non_null(s);
	sealer_put(s, &here, text, strlen(text), sealed);
	sealer_free(s);
	return strlen(text) + SEAL_EXTRA;
}

static void what_was_sealed_comes_back_and_is_never_the_same_twice(void **state)
{
	static const char *const texts[] = {"", "x", "{\"password\":\"hunter2\"}"};
	struct seal *seal = opened(first, NULL);
	struct sealer *s = sealer_new(seal);
	uint8_t before[256] = {0}, sealed[256];

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		size_t n = put(seal, texts[i], sealed);

		assert_true(opens(seal, &here, sealed, n, texts[i]));
		assert_null(memmem(sealed, n, "hunter2", 7));
	}
	for (int i = 0; i < 200; i++) {
		sealer_put(s, &here, "same", 4, sealed);
		assert_memory_not_equal(sealed, before, 37);
		memcpy(before, sealed, 37);
	}
	sealer_free(s);
	seal_close(seal);
}

static void what_was_changed_or_moved_does_not_open(void **state)
{
	static const struct seal_place others[] = {{"job.request", "row 2", NULL},
		{"job.result", "row 1", NULL}, {"job.request", "row 1", ""},
		{"job.request", "", "row 1"}};
	struct seal *seal = opened(first, NULL);
	uint8_t sealed[256];
	size_t n = put(seal, "hunter2", sealed);

	(void)state;
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(opens(seal, &others[i], sealed, n, ""));
	for (size_t i = 0; i < n; i++) {
		sealed[i] ^= 1;
		assert_false(opens(seal, &here, sealed, n, ""));
		sealed[i] ^= 1;
	}
	for (size_t i = 0; i < n; i++)
		assert_false(opens(seal, &here, sealed, i, ""));
	seal_close(seal);
}

static void a_second_key_opens_what_was_sealed_before(void **state)
{
	struct seal *old = opened(first, NULL);
	uint8_t sealed[256];
	size_t n = put(old, "hunter2", sealed);
	struct seal *other = opened(second, NULL);
	struct seal *both = opened(second, first);
	struct sealer *s = sealer_new(both);

	(void)state;
	assert_false(opens(other, &here, sealed, n, ""));
	assert_true(opens(both, &here, sealed, n, "hunter2"));
	assert_false(sealer_is_new(s, sealed, n));
	n = put(both, "hunter3", sealed);
	assert_true(sealer_is_new(s, sealed, n));
	assert_true(opens(other, &here, sealed, n, "hunter3"));
	sealer_free(s);
	seal_close(both);
	seal_close(other);
	seal_close(old);
}

static void the_key_is_made_once_for_its_owner_alone(void **state)
{
	char one[SEAL_ID_SIZE], other[SEAL_ID_SIZE];
	struct seal *s = opened(first, NULL);
	struct stat st;

	(void)state;
	seal_id(s, one);
	seal_close(s);
	assert_int_equal(stat(first, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	s = opened(first, NULL);
	assert_string_equal(seal_id(s, other), one);
	seal_close(s);
}

static void refused(const char *why)
{
	struct fail f = {0};

	assert_null(seal_open(first, NULL, false, &f));
	if (strstr(f.text, why) == NULL)
		fail_msg("%s", f.text);
	assert_non_null(strstr(f.text, first));
}

static void a_wrong_file_is_refused_by_its_name(void **state)
{
	(void)state;
	refused("it is not there");
	seal_close(opened(first, NULL));
	assert_int_equal(chmod(first, 0640), 0);
	refused("give it mode 600");
	assert_int_equal(chmod(first, 0600), 0);
	assert_int_equal(truncate(first, 30), 0);
	refused("holds no key");
	assert_int_equal(unlink(first), 0);
	assert_int_equal(symlink("/dev/zero", first), 0);
	refused("a link that leads out of its folder");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_sealed_comes_back_and_is_never_the_same_twice),
		TEST(what_was_changed_or_moved_does_not_open),
		TEST(a_second_key_opens_what_was_sealed_before),
		TEST(the_key_is_made_once_for_its_owner_alone),
		TEST(a_wrong_file_is_refused_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
