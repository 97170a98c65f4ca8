/* Tests of dynlib: what is loaded works, what is refused says why. */
#include "platform/dynlib.h"

#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "unit/cmocka.h"

static void a_symbol_of_a_loaded_library_can_be_called(void **state)
{
	void *address = NULL;
	int (*answer)(void);
	struct fail f = {0};

	(void)state;
	assert_true(dynlib_load(GOOD, "dynlib_answer", &address, &f));
	memcpy(&answer, &address, sizeof(answer));
	assert_int_equal(answer(), 42);
}

static void refusals_name_the_file_and_the_reason(void **state)
{
	static const struct {
		const char *path, *symbol, *reason;
	} rows[] = {
		{"/nowhere/x.so", "dynlib_answer", "cannot open shared object file"},
		{"dynlib_good.so", "dynlib_answer", "must be a path with a folder"},
		{GOOD, "no_such_symbol", "it has no symbol no_such_symbol"},
		{LACKING, "dynlib_answer", "undefined symbol: dynlib_nobody_has_this"},
		{NO_LIBRARY, "dynlib_answer", "invalid ELF header"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		void *address = NULL;
		struct fail f = {0};

		assert_false(dynlib_load(rows[i].path, rows[i].symbol, &address, &f));
		assert_int_equal(f.code, FAIL_INVALID);
		assert_non_null(strstr(f.text, rows[i].path));
		assert_non_null(strstr(f.text, rows[i].reason));
		assert_null(address);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_symbol_of_a_loaded_library_can_be_called),
		cmocka_unit_test(refusals_name_the_file_and_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
