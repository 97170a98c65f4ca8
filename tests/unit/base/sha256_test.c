/* Tests of sha256: the published examples (FIPS 180-4), by every way in. */
#include "base/sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "unit/cmocka.h"

static const struct {
	const char *text;
	const char *hex;
} rows[] = {
	{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void known_texts_have_known_digests(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t digest[SHA256_BYTES];
		char hex[SHA256_HEX_SIZE];

		sha256_of(rows[i].text, strlen(rows[i].text), digest);
		sha256_hex(digest, hex);
		assert_string_equal(hex, rows[i].hex);
	}
}

static void pieces_make_the_digest_of_the_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sha256 *s = sha256_begin();
		uint8_t digest[SHA256_BYTES];
		char hex[SHA256_HEX_SIZE];

		assert_non_null(s);
		for (const char *p = rows[i].text; *p != '\0'; p++)
			sha256_add(s, p, 1);
		sha256_end(s, digest);
		sha256_hex(digest, hex);
		assert_string_equal(hex, rows[i].hex);
	}
}

/* A million times "a", the third example of the standard. */
static void a_file_is_read_whole_from_its_start_and_keeps_its_place(void **state)
{
	FILE *file = tmpfile();
	char hex[SHA256_HEX_SIZE];
	struct fail f = {0};

	(void)state;
	assert_non_null(file);
	for (int i = 0; i < 1000000; i++)
		fputc('a', file);
	assert_int_equal(fflush(file), 0);
	assert_int_equal(lseek(fileno(file), 5, SEEK_SET), 5);
	assert_true(sha256_of_fd(fileno(file), hex, &f));
	assert_string_equal(
		hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	assert_int_equal(lseek(fileno(file), 0, SEEK_CUR), 5);
	fclose(file);
}

static void a_file_that_cannot_be_read_is_a_failure(void **state)
{
	char hex[SHA256_HEX_SIZE] = "as before";
	struct fail f = {0};

	(void)state;
	assert_false(sha256_of_fd(-1, hex, &f));
	assert_int_equal(f.code, FAIL_INTERNAL);
	assert_string_equal(hex, "as before");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_texts_have_known_digests),
		cmocka_unit_test(pieces_make_the_digest_of_the_whole),
		cmocka_unit_test(a_file_is_read_whole_from_its_start_and_keeps_its_place),
		cmocka_unit_test(a_file_that_cannot_be_read_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
