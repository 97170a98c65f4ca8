/* /v1/strays: what is shown of strays, and what becomes of one. */
#include "unit/cmocka.h"

#include <davit/abi.h>
#include <stdio.h>
#include <string.h>

#include "api/app.h"
#include "base/attr.h"
#include "jobs/strays.h"
#include "store/store.h"
#include "unit/api/fakes.h"

#define NEW        "000000000000000000000003"
#define OLD        "000000000000000000000001"
#define ADOPT(id)  "/v1/strays/" id "/adopt"
#define DELETE(id) "/v1/strays/" id "/delete"

static const struct stray strays[] = {
	{.id = NEW,
		.submission = NEW,
		.why = STRAY_LOST,
		.created_ms = 1795248000000,
		.provider = "local",
		.connection = "",
		.interface = "davit.training",
		.kind = "train",
		.object = "o3",
		.name = "new",
		.state = "RUNNING"},
	{.id = OLD "-00000000",
		.submission = OLD,
		.why = STRAY_LOST,
		.provider = "local",
		.connection = "gone",
		.interface = "davit.datasets",
		.kind = "",
		.object = "o1",
		.name = "",
		.state = ""},
};

static int set_up(void **state)
{
	int rc = fake_open(state);

	fake_provider.everything = true;
	fake_strays = (struct fake_strays){.all = strays, .count = COUNT(strays)};
	return rc;
}

/* What get answers: an object with that label. */
static const char *labelled(const char *submission)
{
	static char text[128];

	(void)snprintf(text, sizeof(text), "{\"id\":\"o3\",\"label\":\"%s-%s\"}",
		store_site(fake_app()->store), submission);
	return text;
}

static struct exchange *served(const char *method, const char *path, const char *body)
{
	struct exchange *x = fake_request(method, path, body);

	fake_serve(x);
	return x;
}

static void expect_status(const char *method, const char *path, const char *body, int status)
{
	struct exchange *x = served(method, path, body);

	if (fake_status(x) != status)
		fail_msg("%s: %d %s", path, fake_status(x), fake_text(x));
	fake_free(x);
}

static void strays_are_shown_with_how_it_was_looked(void **state)
{
	struct exchange *x = fake_request("GET", "/v1/strays", NULL);
	char text[1024];

	(void)state;
	fake_query(x, "limit", "1");
	fake_serve(x);
	(void)snprintf(text, sizeof(text),
		"{\"strays\":[{\"id\":\"" NEW "\",\"provider\":\"local\",\"connection\":null,"
		"\"interface\":\"davit.training\",\"kind\":\"train\",\"object\":\"o3\",\"name\":\"new\","
		"\"state\":\"RUNNING\",\"label\":\"%s-" NEW
		"\",\"created\":\"2026-11-21T08:00:00.000Z\","
		"\"seen\":null,\"because\":\"no_job\",\"text\":\"no job here has its submission\","
		"\"job\":null}],\"next\":\"" NEW "\",\"sweep\":{\"number\":3,\"running\":false,"
		"\"started\":\"1970-01-01T00:00:01.000Z\",\"finished\":\"1970-01-01T00:00:02.000Z\","
		"\"objects\":40,\"lists\":2,\"strays\":2,\"full\":false,\"not_listed\":[{\"provider\":"
		"\"far\",\"error\":\"no\"}]}}",
		store_site(fake_app()->store));
	assert_string_equal(fake_text(x), text);
	fake_free(x);
	x = fake_request("GET", "/v1/strays", NULL);
	fake_query(x, "cursor", NEW);
	fake_serve(x);
	assert_non_null(strstr(fake_text(x), OLD));
	assert_null(strstr(fake_text(x), NEW));
	assert_non_null(strstr(fake_text(x), "\"next\":null"));
	fake_free(x);
	x = fake_request("GET", "/v1/strays", NULL);
	fake_query(x, "limit", "1001");
	fake_serve(x);
	assert_int_equal(fake_status(x), 400);
	fake_free(x);
}

static void a_sweep_is_wished_for_where_that_makes_sense(void **state)
{
	(void)state;
	fake_expect("POST", "/v1/strays/sweep", NULL, 200, "{\"number\":7}");
	assert_false(fake_strays.everywhere);
	fake_expect("POST", "/v1/strays/sweep", "{\"all\":true}", 200, "{\"number\":7}");
	assert_true(fake_strays.everywhere);
	expect_status("POST", "/v1/strays/sweep", "{\"al\":true}", 400);
	expect_status("POST", "/v1/strays/sweep", "{\"all\":1}", 400);
	fake_strays.recovering = true;
	expect_status("POST", "/v1/strays/sweep", NULL, 503);
}

static void an_adopted_stray_gets_the_job_that_was_lost(void **state)
{
	struct exchange *x = fake_request("POST", ADOPT(NEW), "{}");

	(void)state;
	fake_tracker.state = JOB_RUNNING;
	fake_query(x, "project", "p");
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	assert_non_null(strstr(fake_text(x), "\"state\":\"running\""));
	fake_free(x);
	assert_string_equal(fake_tracker.adopted, NEW " o3");
	assert_string_equal(fake_tracker.kind, "train");
	assert_string_equal(fake_tracker.name, "new");
	assert_string_equal(fake_tracker.project, "p");
	assert_true(json_is_true(json_object_get(fake_tracker.request, "adopted")));
	assert_string_equal(fake_strays.gone, NEW);
	assert_int_equal(fake_provider.calls, 0);
}

static void what_cannot_be_adopted_stays_a_stray(void **state)
{
	const struct job job = {.id = NEW,
		.submission = NEW,
		.created_ms = 1,
		.provider = LITERAL("local"),
		.interface = LITERAL("davit.training"),
		.kind = LITERAL("train"),
		.request = LITERAL("{}")};

	(void)state;
	expect_status("POST", ADOPT("none"), "{}", 404);
	expect_status("POST", ADOPT(OLD "-00000000"), "{}", 503); /* its connection is gone */
	expect_status("POST", ADOPT(NEW), "{\"kind\":\"\"}", 400);
	expect_status("POST", ADOPT(NEW), "[]", 400);
	fake_tracker.refused = FAIL_BUSY;
	expect_status("POST", ADOPT(NEW), "{}", 429);
	fake_tracker.refused = FAIL_NONE;
	fake_provider.loaded = false;
	expect_status("POST", ADOPT(NEW), "{}", 503);
	fake_provider.loaded = true;
	fake_job(&job);
	expect_status("POST", ADOPT(NEW), "{}", 409);
	expect_status("POST", DELETE(NEW), NULL, 409);
	assert_string_equal(fake_strays.gone, "");
}

/* Its job was cancelled when nothing was there. */
static void add_ended(void)
{
	const struct job job = {.id = NEW,
		.submission = NEW,
		.state = JOB_CANCELLED,
		.created_ms = 1,
		.finished_ms = 2,
		.provider = LITERAL("local"),
		.interface = LITERAL("davit.training"),
		.kind = LITERAL("train"),
		.request = LITERAL("{}")};

	fake_job(&job);
}

static void a_stray_whose_job_is_there_gets_one_of_its_own(void **state)
{
	struct exchange *x;

	(void)state;
	add_ended();
	fake_tracker.state = JOB_RUNNING;
	x = served("POST", ADOPT(NEW), NULL);
	assert_int_equal(fake_status(x), 200);
	fake_free(x);
	assert_null(strstr(fake_tracker.adopted, NEW));
	assert_non_null(strstr(fake_tracker.adopted, " o3"));
	assert_string_equal(
		json_string_value(json_object_get(fake_tracker.request, "marked")), NEW);
}

static void a_stray_whose_job_is_there_can_be_deleted(void **state)
{
	(void)state;
	add_ended();
	fake_provider.reply = labelled(NEW);
	expect_status("POST", DELETE(NEW), NULL, 200);
	assert_string_equal(fake_provider.slot, "remove");
}

static void a_stray_is_looked_at_before_it_is_deleted(void **state)
{
	(void)state;
	fake_provider.reply = labelled(OLD);
	expect_status("POST", DELETE(NEW), NULL, 409);
	fake_provider.reply = "{\"id\":\"o3\"}";
	expect_status("POST", DELETE(NEW), NULL, 409);
	assert_string_equal(fake_provider.slot, "get");
	assert_string_equal(fake_strays.gone, "");
	fake_provider.reply = labelled(NEW);
	expect_status("POST", DELETE(NEW), NULL, 200);
	assert_string_equal(fake_provider.slot, "remove");
	assert_string_equal(fake_strays.gone, NEW);
}

static void a_delete_that_is_not_confirmed_names_the_job_that_goes_on(void **state)
{
	struct exchange *x;

	(void)state;
	fake_provider.reply = labelled(NEW);
	fake_tracker.held = true;
	x = served("POST", DELETE(NEW), NULL);
	assert_int_equal(fake_status(x), 202);
	assert_non_null(strstr(fake_text(x), "\"deleted\":false,\"job\":\"" FAKE_JOB_ID "\""));
	assert_string_equal(fake_strays.gone, "");
	fake_free(x);
	fake_tracker.lost = true;
	expect_status("POST", DELETE(NEW), NULL, 503);
}

static void somebody_adopts_it(void)
{
	const struct job job = {.id = NEW,
		.submission = NEW,
		.created_ms = 1,
		.provider = LITERAL("local"),
		.interface = LITERAL("davit.training"),
		.kind = LITERAL("train"),
		.request = LITERAL("{}")};

	fake_provider.during = NULL;
	fake_job(&job);
}

static void what_was_adopted_meanwhile_is_not_deleted(void **state)
{
	(void)state;
	fake_provider.reply = labelled(NEW);
	fake_provider.during = somebody_adopts_it;
	expect_status("POST", DELETE(NEW), NULL, 409);
	assert_string_equal(fake_provider.slot, "get");
}

static void what_is_being_deleted_is_not_adopted(void **state)
{
	(void)state;
	fake_tracker.removes = true;
	expect_status("POST", ADOPT(NEW), "{}", 409);
	assert_string_equal(fake_tracker.adopted, "");
}

static void a_delete_that_an_operator_ended_says_so(void **state)
{
	(void)state;
	fake_provider.reply = labelled(NEW);
	fake_tracker.given_up = true;
	expect_status("POST", DELETE(NEW), NULL, 409);
	assert_string_equal(fake_strays.gone, "");
}

static void what_is_not_there_any_more_is_deleted(void **state)
{
	(void)state;
	fake_provider.code = DAVIT_NOT_FOUND;
	fake_provider.fail_text = "there is none";
	expect_status("POST", DELETE(NEW), NULL, 200);
	assert_string_equal(fake_strays.gone, NEW);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, fake_close)
	const struct CMUnitTest tests[] = {
		TEST(strays_are_shown_with_how_it_was_looked),
		TEST(a_sweep_is_wished_for_where_that_makes_sense),
		TEST(an_adopted_stray_gets_the_job_that_was_lost),
		TEST(what_cannot_be_adopted_stays_a_stray),
		TEST(a_stray_whose_job_is_there_gets_one_of_its_own),
		TEST(a_stray_whose_job_is_there_can_be_deleted),
		TEST(a_stray_is_looked_at_before_it_is_deleted),
		TEST(a_delete_that_is_not_confirmed_names_the_job_that_goes_on),
		TEST(what_was_adopted_meanwhile_is_not_deleted),
		TEST(what_is_being_deleted_is_not_adopted),
		TEST(a_delete_that_an_operator_ended_says_so),
		TEST(what_is_not_there_any_more_is_deleted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
