/* Rows made from neutral objects by data: each rule, each format, the built-in rows. */
#include "unit/cmocka.h"

#include <stdlib.h>
#include <string.h>

#include "api/envelope.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/json.h"

#define NEUTRAL                                                                                    \
	"{\"id\":\"7\",\"name\":\"digits\",\"uri\":\"x://7\",\"state\":\"SUCCEEDED\","             \
	"\"created\":\"2026-11-21T08:00:00.123Z\",\"updated\":\"2026-11-21T10:30:00.5+02:00\","    \
	"\"labels\":{\"dataset\":\"d1\",\"n\":3},\"provider\":{\"a/b\":[true,null]},\"ms\":1795248000007}"

static json_t *parsed(const char *text)
{
	struct fail *none = NULL;
	json_t *value = json_parse(text, strlen(text), none);

	if (value == NULL)
		fail_msg("no JSON: %s", text);
	return value;
}

static const struct envelope_context context = {
	.operation = "projects_datasets_get",
	.adapter_instance = "adapter",
	.project = "org",
	.adapter_id = "id",
	.now_ms = 1795248000000,
};

/* One rule, and the value it gives. */
static const struct row {
	const char *rule;
	const char *value;
} rows[] = {
	{"{\"pointer\":\"/name\"}", "\"digits\""},
	{"{\"pointer\":\"/labels\"}", "{\"dataset\":\"d1\",\"n\":3}"},
	{"{\"pointer\":\"/provider/a~1b/0\"}", "true"},
	{"{\"pointer\":\"/absent\"}", "null"},
	{"{\"pointer\":\"/absent\",\"default\":\"none\"}", "\"none\""},
	{"{\"pointer\":\"/absent\",\"default\":{\"a\":[1]}}", "{\"a\":[1]}"},
	{"{\"pointer\":\"/provider/a~1b/1\",\"default\":5}", "5"},
	{"{\"pointer\":\"/name\",\"default\":\"none\"}", "\"digits\""},
	{"{\"pointer\":\"/absent\",\"default\":\"raw\",\"format\":\"json\"}", "\"raw\""},
	{"{\"pointer\":\"/labels/n\",\"format\":\"text\"}", "\"3\""},
	{"{\"pointer\":\"/name\",\"format\":\"text\"}", "\"digits\""},
	{"{\"pointer\":\"/labels\",\"format\":\"text\"}",
		"\"{\\\"dataset\\\":\\\"d1\\\",\\\"n\\\":3}\""},
	{"{\"pointer\":\"/labels\",\"format\":\"json\"}",
		"\"{\\\"dataset\\\":\\\"d1\\\",\\\"n\\\":3}\""},
	{"{\"pointer\":\"/name\",\"format\":\"json\"}", "\"\\\"digits\\\"\""},
	{"{\"pointer\":\"/name\",\"format\":\"json2\"}", "\"\\\"\\\\\\\"digits\\\\\\\"\\\"\""},
	{"{\"pointer\":\"/name\",\"format\":\"nonsense\"}", "null"},
	{"{\"pointer\":\"/created\",\"format\":\"date:yyyy-MM-dd'T'HH:mm:ss.SSS\"}",
		"\"2026-11-21T08:00:00.123\""},
	{"{\"pointer\":\"/updated\",\"format\":\"date:yyyy-MM-dd HH-mm-ss\"}",
		"\"2026-11-21 08-30-00\""},
	{"{\"pointer\":\"/updated\",\"format\":\"date:SSS\"}", "\"500\""},
	{"{\"pointer\":\"/ms\",\"format\":\"date:SSSSSSXXX\"}", "\"007000Z\""},
	{"{\"pointer\":\"/ms\",\"format\":\"date:d.M.yy 'o''clock' H\"}", "\"21.11.26 o'clock 8\""},
	{"{\"pointer\":\"/ms\",\"format\":\"date:''yyyy''\"}", "\"'2026'\""},
	{"{\"pointer\":\"/ms\",\"format\":\"date:yyyy QQ\"}", "null"},
	{"{\"pointer\":\"/name\",\"format\":\"date:yyyy\"}", "null"},
	{"{\"pointer\":\"/labels\",\"format\":\"date:yyyy\"}", "null"},
	{"{\"const\":\"user\"}", "\"user\""},
	{"{\"const\":null}", "null"},
	{"{\"const\":[1,2]}", "[1,2]"},
	{"{\"template\":\"dataset_id:{/labels/dataset}\"}", "\"dataset_id:d1\""},
	{"{\"template\":\"{/labels/n}/{/name}\"}", "\"3/digits\""},
	{"{\"template\":\"dataset_id:{/labels/absent}\"}", "\"dataset_id:None\""},
	{"{\"template\":\"{/provider/a~1b/1}\"}", "\"None\""},
	{"{\"template\":\"open {brace\"}", "\"open {brace\""},
	{"{\"template\":\"\"}", "\"\""},
	{"{\"context\":\"adapter_instance\"}", "\"adapter\""},
	{"{\"context\":\"project\"}", "\"org\""},
	{"{\"context\":\"adapter_id\"}", "\"id\""},
	{"{\"context\":\"operation\"}", "\"projects_datasets_get\""},
	{"{\"context\":\"now\"}", "1795248000000"},
	{"{\"context\":\"now\",\"format\":\"date:yyyy-MM-dd\"}", "\"2026-11-21\""},
	{"{\"context\":\"nonsense\"}", "null"},
	{"{}", "null"},
	{"7", "null"},
};

static void each_rule_gives_its_value(void **state)
{
	json_t *neutral = parsed(NEUTRAL);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *envelopes = json_pack("{s:{s:{s:{s:o}}}, s:{s:s}}", "rows", "r", "members",
			"key", parsed(rows[i].rule), "operations", "projects_datasets_get", "r");
		json_t *row = envelope_row(envelopes, neutral, &context);
		char *value = json_compact(json_object_get(row, "key"), NULL);

		if (json_object_size(row) != 1 || strcmp(value, rows[i].value) != 0)
			fail_msg("%s gives %s and not %s", rows[i].rule, value, rows[i].value);
		free(value);
		json_decref(row);
		json_decref(envelopes);
	}
	json_decref(neutral);
}

static void expect_row(const char *envelopes_text, const char *expected)
{
	json_t *envelopes = parsed(envelopes_text);
	json_t *neutral = parsed("{\"id\":\"7\"}");
	json_t *row = envelope_row(envelopes, neutral, &context);
	char *got = json_compact(row, NULL);

	assert_string_equal(got, expected);
	free(got);
	json_decref(row);
	json_decref(neutral);
	json_decref(envelopes);
}

#define OPERATIONS "\"operations\":{\"projects_datasets_get\":\"c\"}"

static void a_rowset_extends_another_in_its_order(void **state)
{
	(void)state;
	expect_row(
		"{\"rows\":{\"a\":{\"members\":{\"x\":{\"const\":1},\"y\":{\"const\":2}}},"
		"\"b\":{\"extends\":\"a\",\"members\":{\"y\":{\"const\":3},\"z\":{\"const\":4}}},"
		"\"c\":{\"extends\":\"b\",\"members\":{\"x\":{\"pointer\":\"/id\"}}}}," OPERATIONS
		"}",
		"{\"x\":\"7\",\"y\":3,\"z\":4}");
}

static void rowsets_that_extend_in_a_circle_end(void **state)
{
	(void)state;
	expect_row("{\"rows\":{\"c\":{\"extends\":\"d\",\"members\":{\"x\":{\"const\":1}}},"
		   "\"d\":{\"extends\":\"c\",\"members\":{\"y\":{\"const\":2}}}}," OPERATIONS "}",
		"{\"y\":2,\"x\":1}");
}

static void a_rowset_that_is_not_there_gives_an_empty_row(void **state)
{
	(void)state;
	expect_row("{" OPERATIONS "}", "{}");
}

static const char default_row[] =
	"{\"id\":\"7\",\"name\":\"digits\",\"container\":null,\"adapter\":\"adapter\","
	"\"rawPayload\":%s,\"description\":\"\",\"organization\":\"org\",\"type\":null,"
	"\"createdOn\":\"2026-11-21T08:00:00.123\",\"syncDate\":\"2026-11-21T08:00:00.123\","
	"\"modifiedOn\":\"2026-11-21T08:30:00.500\",\"sourceOrg\":\"org\",\"createdBy\":\"user\","
	"\"metaData\":\"{\\\"dataset\\\":\\\"d1\\\",\\\"n\\\":3}\",\"Id\":\"7\",\"SourceID\":\"7\","
	"\"sourceName\":\"digits\",\"adapterId\":\"id\",\"status\":\"SUCCEEDED\",\"likes\":null,"
	"\"artifacts\":\"x://7\",\"deployment\":null}";

static void the_built_in_row_has_all_that_parsers_look_for(void **state)
{
	json_t *neutral = parsed(NEUTRAL);
	json_t *row = envelope_row(NULL, neutral, &context);
	char *got = json_compact(row, NULL);
	char *raw = json_compact(json_object_get(row, "rawPayload"), NULL);
	struct buf expected;

	(void)state;
	buf_init(&expected, 8192);
	for (const char *p = default_row; *p != '\0'; p++) {
		if (p[0] == '%')
			buf_text(&expected, raw), p++;
		else
			buf_add(&expected, p, 1);
	}
	assert_string_equal(got, expected.p);
	buf_finish(&expected);
	free(raw);
	free(got);
	json_decref(row);
	json_decref(neutral);
}

static void raw_payload_is_a_text_that_holds_the_object(void **state)
{
	json_t *neutral = parsed(NEUTRAL);
	json_t *row = envelope_row(NULL, neutral, &context);
	json_t *again = parsed(json_text_or(row, "rawPayload", ""));

	(void)state;
	assert_true(json_equal(again, neutral));
	json_decref(again);
	json_decref(row);
	json_decref(neutral);
}

static void built_in_members_are_there_for_an_empty_object(void **state)
{
	static const char *const always[] = {"container", "adapter", "rawPayload", "description",
		"organization", "type", "createdOn", "syncDate", "modifiedOn", "sourceOrg",
		"createdBy", "metaData", "Id", "SourceID", "sourceName", "adapterId", "status",
		"likes", "artifacts", "deployment", "id", "name"};
	const struct envelope_context nobody = {.operation = "x"};
	json_t *neutral = json_object();
	json_t *row = envelope_row(NULL, neutral, &nobody);

	(void)state;
	for (size_t i = 0; i < COUNT(always); i++) {
		if (json_object_get(row, always[i]) == NULL)
			fail_msg("no member %s", always[i]);
	}
	assert_int_equal(json_object_size(row), COUNT(always));
	json_decref(row);
	json_decref(neutral);
}

static void the_built_in_row_can_be_extended(void **state)
{
	json_t *envelopes = parsed(
		"{\"rows\":{\"c\":{\"extends\":\"default\",\"members\":{"
		"\"status\":{\"const\":\"Listed\"},\"more\":{\"const\":1}}}}," OPERATIONS "}");
	json_t *neutral = parsed(NEUTRAL);
	json_t *row = envelope_row(envelopes, neutral, &context);

	(void)state;
	assert_int_equal(json_object_size(row), 23);
	assert_string_equal(json_text_or(row, "status", ""), "Listed");
	assert_string_equal(json_text_or(row, "sourceName", ""), "digits");
	json_decref(row);
	json_decref(neutral);
	json_decref(envelopes);
}

static void a_list_has_a_row_for_each_item(void **state)
{
	json_t *items = parsed("[{\"id\":\"1\"},{\"id\":\"2\"}]");
	json_t *none = json_array();
	json_t *array = envelope_rows(NULL, items, &context);
	json_t *empty = envelope_rows(NULL, none, &context);

	(void)state;
	assert_int_equal(json_array_size(array), 2);
	assert_string_equal(json_text_or(json_array_get(array, 1), "Id", ""), "2");
	assert_int_equal(json_array_size(empty), 0);
	json_decref(array);
	json_decref(empty);
	json_decref(items);
	json_decref(none);
}

static void an_operation_may_answer_its_row_in_an_array(void **state)
{
	json_t *envelopes = parsed("{\"wrap\":{\"register\":\"array\",\"other\":\"object\"}}");
	json_t *wrapped = envelope_wrap(envelopes, "register", json_pack("{s:i}", "a", 1));
	json_t *plain = envelope_wrap(envelopes, "other", json_pack("{s:i}", "a", 1));

	(void)state;
	assert_true(json_is_array(wrapped));
	assert_int_equal(json_array_size(wrapped), 1);
	assert_true(json_is_object(plain));
	assert_null(envelope_wrap(envelopes, "register", NULL));
	json_decref(wrapped);
	json_decref(plain);
	json_decref(envelopes);
}

static void dates_before_1970_are_dates(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	assert_true(envelope_date(&out, -1, "yyyy-MM-dd HH:mm:ss.SSS"));
	assert_string_equal(out.p, "1969-12-31 23:59:59.999");
	buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_gives_its_value),
		cmocka_unit_test(a_rowset_extends_another_in_its_order),
		cmocka_unit_test(rowsets_that_extend_in_a_circle_end),
		cmocka_unit_test(a_rowset_that_is_not_there_gives_an_empty_row),
		cmocka_unit_test(the_built_in_row_has_all_that_parsers_look_for),
		cmocka_unit_test(raw_payload_is_a_text_that_holds_the_object),
		cmocka_unit_test(built_in_members_are_there_for_an_empty_object),
		cmocka_unit_test(the_built_in_row_can_be_extended),
		cmocka_unit_test(a_list_has_a_row_for_each_item),
		cmocka_unit_test(an_operation_may_answer_its_row_in_an_array),
		cmocka_unit_test(dates_before_1970_are_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
