/* Derived names within the limits of manifests. */
#include "provider/names.h"

#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "unit/cmocka.h"

#define SUBMISSION "0123456789abcdefghjkmnpq"

static const struct {
	const char *limits;
	const char *name; /* NULL: the limits hold none */
} rows[] = {
	{"{}", "davit-" SUBMISSION},
	{"{\"max\":30}", "davit-" SUBMISSION},
	{"{\"max\":29}", "davit" SUBMISSION},
	{"{\"max\":28}", "d" SUBMISSION},
	{"{\"max\":25}", "d" SUBMISSION},
	{"{\"max\":24}", NULL}, /* it would begin with a digit */
	{"{\"max\":24,\"first\":\"a-z0-9\"}", SUBMISSION},
	{"{\"max\":23,\"first\":\"a-z0-9\"}", NULL},
	{"{\"alphabet\":\"a-z0-9\"}", "davit" SUBMISSION},
	{"{\"alphabet\":\"A-Z0-9-\",\"first\":\"A-Z\"}", "DAVIT-0123456789ABCDEFGHJKMNPQ"},
	{"{\"alphabet\":\"a-f0-9\"}", NULL},
	{"{\"alphabet\":\"a-z\"}", NULL},
	{"{\"alphabet\":\"-a-z0-9\"}", "davit-" SUBMISSION},
	{"{\"first\":\"d\"}", "davit-" SUBMISSION},
	{"{\"first\":\"x\"}", NULL},
};

static bool narrow(struct name_limits *limits, const char *text, struct fail *f)
{
	json_t *object = json_parse(text, strlen(text), NULL);
	bool ok;

	assert_non_null(object);
	ok = names_narrow(limits, object, f);
	json_decref(object);
	return ok;
}

static void a_name_holds_the_whole_submission_or_the_limits_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct name_limits limits;
		struct fail f = {0};
		char name[NAMES_SIZE];

		names_any(&limits);
		assert_true(narrow(&limits, rows[i].limits, &f));
		assert_int_equal(names_hold(&limits, &f), rows[i].name != NULL);
		if (rows[i].name == NULL) {
			assert_non_null(strstr(f.text, "24 characters"));
			continue;
		}
		names_derive(&limits, SUBMISSION, name, sizeof(name));
		assert_string_equal(name, rows[i].name);
	}
}

static void kinds_narrow_each_other(void **state)
{
	struct name_limits limits;
	struct fail f = {0};
	char name[NAMES_SIZE];

	(void)state;
	names_any(&limits);
	assert_true(narrow(&limits, "{\"max\":40}", &f));
	assert_true(narrow(&limits, "{\"max\":26,\"alphabet\":\"a-z0-9_-\"}", &f));
	assert_true(names_hold(&limits, &f));
	names_derive(&limits, SUBMISSION, name, sizeof(name));
	assert_string_equal(name, "d" SUBMISSION);
	assert_true(narrow(&limits, "{\"alphabet\":\"A-Z0-9\",\"first\":\"A-Z\"}", &f));
	assert_false(names_hold(&limits, &f));
}

static void a_set_that_is_none_is_refused(void **state)
{
	static const char *const wrong[] = {"{\"alphabet\":\"z-a\"}", "{\"alphabet\":\"\"}",
		"{\"first\":\"a b\"}", "{\"alphabet\":\"\\u00e4-z\"}"};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct name_limits limits;
		struct fail f = {0};

		names_any(&limits);
		assert_false(narrow(&limits, wrong[i], &f));
		assert_non_null(strstr(f.field, "/name_limits/"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_holds_the_whole_submission_or_the_limits_are_refused),
		cmocka_unit_test(kinds_narrow_each_other),
		cmocka_unit_test(a_set_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
