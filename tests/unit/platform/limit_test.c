/* The limit of open files: raised to what the system allows, and held within what was asked. */
#include "platform/limit.h"

#include <sys/resource.h>

#include "unit/cmocka.h"

static void the_limit_becomes_the_hard_one_or_what_was_asked_for(void **state)
{
	struct rlimit before, now;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(before.rlim_max > 100);
	now = (struct rlimit){.rlim_cur = 64, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	assert_int_equal(limit_raise_files(100), 100);
	assert_int_equal(limit_raise_files(UINT64_MAX), before.rlim_max);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	assert_int_equal(now.rlim_cur, before.rlim_max);
	assert_int_equal(now.rlim_max, before.rlim_max);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_limit_becomes_the_hard_one_or_what_was_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
