/* Tests of multipart: what browsers, curl and Python send, and what is broken. */
#include "http/multipart.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "unit/cmocka.h"

#define TYPE "multipart/form-data; boundary=XyZ"

static void a_longer_boundary_is_not_its_beginning(void **state)
{
	static const char body[] =
		"preamble\r\n--XyZ\r\n"
		"Content-Disposition: form-data; name=\"request\"\r\n\r\n{\"a\":1}\r\n--XyZ  \r\n"
		"content-type: text/csv\r\n"
		"CONTENT-DISPOSITION: form-data; filename=\"C:\\dir\\a \\\"b\\\".csv\"; name=file\r\n"
		"\r\n1,2\r\n--XyZ-no\r\n3\r\n\r\n--XyZ\r\n"
		"Content-Disposition: form-data; name=\"empty\"; filename=\"\"\r\n\r\n\r\n--XyZ--\r\nepilogue";
	struct multipart *m = malloc(sizeof(*m));
	const struct multipart_part *p;
	struct fail f = {0};

	(void)state;
	assert_non_null(m);
	assert_false(multipart_parse(m, TYPE, body, sizeof(body) - 1, &f));
	/* "--XyZ-no" began a part: a boundary must not occur in the bytes. */
	assert_non_null(strstr(f.text, "cut off"));
	assert_true(multipart_parse(m, TYPE "-no",
		"--XyZ-no\r\nContent-Disposition: form-data; "
		"name=a\r\n\r\nb\r\n--XyZ-no--",
		sizeof("--XyZ-no\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--XyZ-no--") -
			1,
		&f));
	p = multipart_find(m, "a", false);
	assert_non_null(p);
	assert_int_equal(p->n, 1);
	free(m);
}

static void names_and_places_of_parts_are_exact(void **state)
{
	static const char body[] =
		"--XyZ\r\n"
		"Content-Disposition: form-data; name=\"request\"\r\n\r\n{\"a\":1}\r\n--XyZ  \r\n"
		"content-type: text/csv\r\n"
		"CONTENT-DISPOSITION: form-data; filename=\"C:\\dir\\a \\\"b\\\".csv\"; name=file \r\n"
		"\r\n1,2\r\n--Xy\r\n\r\n--XyZ\r\n"
		"Content-Disposition: form-data; name=\"empty\"; filename=\"\"\r\n\r\n\r\n--XyZ--";
	struct multipart *m = malloc(sizeof(*m));
	const struct multipart_part *p;

	(void)state;
	assert_non_null(m);
	assert_true(multipart_parse(m, TYPE, body, sizeof(body) - 1, NULL));
	assert_int_equal(m->count, 3);
	p = multipart_find(m, "request", false);
	assert_non_null(p);
	assert_int_equal(p->n, 7);
	assert_memory_equal(body + p->offset, "{\"a\":1}", 7);
	assert_null(multipart_find(m, "request", true));
	p = multipart_find(m, "file", true);
	assert_non_null(p);
	assert_string_equal(p->filename, "C:\\dir\\a \"b\".csv");
	assert_int_equal(p->n, 11);
	assert_memory_equal(body + p->offset, "1,2\r\n--Xy\r\n", 11);
	p = multipart_find(m, "empty", true);
	assert_non_null(p);
	assert_int_equal(p->n, 0);
	assert_string_equal(p->filename, "");
	free(m);
}

static void broken_bodies_are_refused_with_a_reason(void **state)
{
#define PART "--XyZ\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n"
	static const struct {
		const char *type, *body, *reason;
	} rows[] = {
		{"application/json", PART "--XyZ--", "Content-Type must be"},
		{"multipart/form-database; boundary=XyZ", PART "--XyZ--", "Content-Type must be"},
		{"multipart/form-data", PART "--XyZ--", "needs a boundary"},
		{"multipart/form-data; boundary=", PART "--XyZ--", "needs a boundary"},
		{"multipart/form-data; boundary=\"XyZ", PART "--XyZ--", "needs a boundary"},
		{"multipart/form-data; boundary=12345678901234567890123456789012345678901234567890"
		 "123456789012345678901",
			PART "--XyZ--", "needs a boundary"},
		{TYPE, "", "empty"},
		{TYPE, "nothing", "lacks its boundary"},
		{TYPE, PART, "cut off"},
		{TYPE, PART "--XyZ", "cut off"},
		{TYPE, "--XyZ\r\n\r\nb\r\n--XyZ--", "needs a name"},
		{TYPE, "--XyZ\r\nContent-Disposition: form-data; name=\"a\r\n\r\nb\r\n--XyZ--",
			"needs a name"},
		{TYPE, "--XyZ\r\nContent-Disposition: form-data; filename=a\r\n\r\nb\r\n--XyZ--",
			"needs a name"},
		{TYPE, "--XyZ\r\nContent-Disposition: x\r\nb\r\n--XyZ--", "no end of headers"},
	};
	struct multipart *m = malloc(sizeof(*m));

	(void)state;
	assert_non_null(m);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fail f = {0};

		assert_false(
			multipart_parse(m, rows[i].type, rows[i].body, strlen(rows[i].body), &f));
		if (strstr(f.text, rows[i].reason) == NULL)
			fail_msg("row %zu: %s", i, f.text);
	}
	free(m);
}

static void parts_have_a_limit(void **state)
{
	static const char part[] = PART;
	size_t each = sizeof(part) - 1, n = each * (MULTIPART_PARTS_MAX + 1);
	char *body = malloc(n + 8);
	struct multipart *m = malloc(sizeof(*m));
	struct fail f = {0};

	(void)state;
	assert_true(body != NULL && m != NULL);
	for (size_t i = 0; i <= MULTIPART_PARTS_MAX; i++)
		memcpy(body + i * each, part, each);
	memcpy(body + n, "--XyZ--", 8);
	assert_false(multipart_parse(m, TYPE, body, n + 7, &f));
	assert_non_null(strstr(f.text, "more than 64 parts"));
	assert_true(multipart_parse(m, TYPE, body + each, n - each + 7, &f));
	assert_int_equal(m->count, MULTIPART_PARTS_MAX);
	free(m);
	free(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_longer_boundary_is_not_its_beginning),
		cmocka_unit_test(names_and_places_of_parts_are_exact),
		cmocka_unit_test(broken_bodies_are_refused_with_a_reason),
		cmocka_unit_test(parts_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
