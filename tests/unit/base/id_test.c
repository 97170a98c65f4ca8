/* Tests of id: form, order by time, and chance. */
#include "base/id.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "unit/cmocka.h"

static void an_id_has_24_characters_of_its_alphabet(void **state)
{
	char id[ID_SIZE];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		id_make(id);
		assert_int_equal(strlen(id), ID_LENGTH);
		assert_int_equal(strspn(id, "0123456789abcdefghjkmnpqrstvwxyz"), ID_LENGTH);
		assert_true(id_valid(id));
	}
}

static void ids_sort_by_the_time_they_were_made(void **state)
{
	static const int64_t times[] = {0, 1, 31, 32, 1023, 1024, 1763712000000, 1763712000001,
		1763712001000, (INT64_C(1) << 45) - 1};
	char before[ID_SIZE] = "", id[ID_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(times); i++) {
		clock_virtual_start(times[i], 0);
		id_make(id);
		clock_virtual_stop();
		assert_true(strcmp(before, id) < 0);
		memcpy(before, id, sizeof(id));
	}
}

static void ids_of_one_moment_sort_in_the_order_they_were_made(void **state)
{
	enum {
		N = 20000
	};
	char(*ids)[ID_SIZE] = calloc(N, sizeof(*ids));

	(void)state;
	assert_non_null(ids);
	clock_virtual_start(1763712000000, 0);
	for (int i = 0; i < N; i++)
		id_make(ids[i]);
	clock_virtual_stop();
	for (int i = 1; i < N; i++) {
		assert_memory_equal(ids[i], ids[0], 8); /* the time */
		assert_true(strcmp(ids[i - 1], ids[i]) < 0);
	}
	free(ids);
}

static void a_clock_that_is_set_back_a_little_changes_no_order(void **state)
{
	char before[ID_SIZE], id[ID_SIZE];

	(void)state;
	clock_virtual_start(1763712900000, 0);
	id_make(before);
	clock_virtual_stop();
	clock_virtual_start(1763712899000, 0);
	id_make(id);
	clock_virtual_stop();
	assert_true(strcmp(before, id) < 0);
}

static void other_texts_are_no_ids(void **state)
{
	static const char *const texts[] = {
		"",
		"0123456789abcdefghjkmnp",
		"0123456789abcdefghjkmnpqr",
		"0123456789abcdefghjkmnpQ",
		"0123456789abcdefghjkmnp/",
		"0123456789abcdefghjkmnp ",
		"../456789abcdefghjkmnpqr",
		"null",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_false(id_valid(texts[i]));
	assert_true(id_valid("0123456789abcdefghjkmnpq"));
}

static void random_bytes_fill_what_they_should_and_no_more(void **state)
{
	unsigned char bytes[600] = {0};
	size_t zeros = 0;

	(void)state;
	id_random(bytes, 512); /* more than the system promises in one piece */
	for (size_t i = 0; i < 512; i++)
		zeros += bytes[i] == 0;
	assert_true(zeros < 20); /* 2 are expected; 20 has odds below one in 10^12 */
	for (size_t i = 512; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], 0);
	id_random(bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_has_24_characters_of_its_alphabet),
		cmocka_unit_test(ids_sort_by_the_time_they_were_made),
		cmocka_unit_test(ids_of_one_moment_sort_in_the_order_they_were_made),
		cmocka_unit_test(a_clock_that_is_set_back_a_little_changes_no_order),
		cmocka_unit_test(other_texts_are_no_ids),
		cmocka_unit_test(random_bytes_fill_what_they_should_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
