/* Two models on an endpoint: shares, the way back, and servers that leave without haste. */
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "unit/cmocka.h"
#include "unit/local/kit.h"

/* kit_model(m, 1) makes the model OLD and this endpoint, kit_model(m, 5) the model NEW. */
#define ENDPOINT 3
#define OLD      2
#define NEW      6
#define EP       "ep-00000000000000000000s003-"
#define LINGER   1000

static int32_t deploy(struct mock *m, const char *slot, int submission, json_t *spec)
{
	return kit_job(
		m, DAVIT_DEPLOYMENT, slot, "deploy", kit_id(submission), kit_id(ENDPOINT), spec);
}

static int32_t undeploy(struct mock *m, int submission, json_t *spec)
{
	return kit_job(m, DAVIT_DEPLOYMENT, "submit", "undeploy", kit_id(submission),
		kit_id(ENDPOINT), spec);
}

static int32_t poll(struct mock *m, int submission)
{
	json_t *ref = json_pack("{s:i, s:s, s:s}", "v", 1, "id", kit_id(ENDPOINT), "submission",
		kit_id(submission));
	int32_t code = kit_again(m, DAVIT_DEPLOYMENT, "poll", "deploy", ref);

	json_decref(ref);
	return code;
}

static json_t *model(int id)
{
	return json_pack("{s:s}", "model", kit_id(id));
}

static json_t *model_with(int id, int percent)
{
	return json_pack("{s:s, s:i}", "model", kit_id(id), "traffic", percent);
}

static json_t *back(void)
{
	return json_pack("{s:b}", "rollback", 1);
}

static json_t *shares(int old, int new)
{
	json_t *traffic = json_object();

	json_object_set_new(traffic, kit_id(OLD), json_integer(old));
	json_object_set_new(traffic, kit_id(NEW), json_integer(new));
	return json_pack("{s:o}", "traffic", traffic);
}

/* A deploy to its end; process: the one it starts, or NULL. */
static void done(struct mock *m, int submission, const char *process, json_t *spec)
{
	assert_int_equal(deploy(m, "submit", submission, spec), DAVIT_OK);
	if (process != NULL) {
		assert_int_equal(m->state, DAVIT_STATE_RUNNING);
		assert_non_null(mock_process(m, process));
		mock_process(m, process)->healthy = true;
	}
	assert_int_equal(poll(m, submission), DAVIT_OK);
	m->now_ms += LINGER;
	assert_int_equal(poll(m, submission), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_SUCCEEDED);
}

static int32_t ask(struct mock *m, const char *slot, const char *id)
{
	return mock_run(m, DAVIT_PREDICTION, slot,
		json_pack("{s:s, s:s, s:s, s:I}", "id", id, "content_type", "application/json",
			"accept", "*/*", "body", (json_int_t)mock_body(m, "{\"instances\":[]}")));
}

/* How many of the numbers 0 … 99 that may be drawn go to that process. */
static int share_of(struct mock *m, const char *process)
{
	char path[64];
	int n = 0;

	snprintf(path, sizeof(path), "%s/predict", process);
	for (m->random = 0; m->random < 100; m->random++) {
		assert_int_equal(ask(m, "infer", kit_id(ENDPOINT)), DAVIT_OK);
		n += strcmp(m->asked, path) == 0;
	}
	return n;
}

static void look(struct mock *m)
{
	assert_int_equal(kit_get(m, DAVIT_DEPLOYMENT, kit_id(ENDPOINT)), DAVIT_OK);
}

static void two_models(struct mock *m)
{
	kit_model(m, 1);
	kit_model(m, 5);
}

/* OLD is EP 1 with 90 percent, NEW is EP 2 with 10. */
static void split(struct mock *m)
{
	two_models(m);
	done(m, 10, EP "1", model(OLD));
	done(m, 11, EP "2", model_with(NEW, 10));
}

static void a_second_model_gets_its_share_and_the_first_keeps_the_rest(void **state)
{
	struct mock *m = *state;

	split(m);
	assert_int_equal(share_of(m, EP "2"), 10);
	assert_int_equal(share_of(m, EP "1"), 90);
	assert_int_equal(mock_process(m, EP "1")->stops, 0);
	look(m);
	assert_string_equal(kit_text(m->reply, "/deployment"), kit_id(OLD));
	assert_string_equal(kit_text(m->reply, "/models/0/model"), kit_id(OLD));
	assert_int_equal(kit_int(m->reply, "/models/0/percent"), 90);
	assert_string_equal(kit_text(m->reply, "/models/1/model"), kit_id(NEW));
	assert_int_equal(kit_int(m->reply, "/models/1/percent"), 10);
	assert_string_equal(kit_text(m->reply, "/previous/model"), kit_id(OLD));
}

static void keep_updated(struct mock *m, char ret_text[64])
{
	look(m);
	snprintf(ret_text, 64, "%s", kit_text(m->reply, "/updated"));
}

static void every_change_moves_the_time_of_the_last_one(void **state)
{
	struct mock *m = *state;
	char before[64];

	split(m);
	keep_updated(m, before);
	m->now_ms += 5000;
	look(m);
	assert_string_equal(kit_text(m->reply, "/updated"), before);
	done(m, 12, NULL, shares(80, 20));
	look(m);
	assert_true(strcmp(kit_text(m->reply, "/updated"), before) > 0);
	keep_updated(m, before);
	m->now_ms += 5000;
	done(m, 13, NULL, back()); /* the first one still answers: no server is started */
	look(m);
	assert_true(strcmp(kit_text(m->reply, "/updated"), before) > 0);
}

static void a_model_that_still_starts_answers_nothing(void **state)
{
	struct mock *m = *state;

	two_models(m);
	done(m, 10, EP "1", model(OLD));
	assert_int_equal(deploy(m, "submit", 11, model_with(NEW, 60)), DAVIT_OK);
	assert_int_equal(share_of(m, EP "1"), 100);
	look(m);
	assert_int_equal(kit_int(m->reply, "/models/0/percent"), 100);
	assert_int_equal(kit_int(m->reply, "/models/1/percent"), 0);
	assert_string_equal(kit_text(m->reply, "/models/1/state"), "PENDING");
}

static void shares_change_without_a_server_being_touched(void **state)
{
	struct mock *m = *state;

	split(m);
	done(m, 12, NULL, shares(35, 65));
	assert_int_equal(share_of(m, EP "1"), 35);
	assert_int_equal(share_of(m, EP "2"), 65);
	done(m, 13, NULL, shares(0, 100));
	assert_int_equal(share_of(m, EP "1"), 0);
	assert_int_equal(mock_process(m, EP "1")->starts, 1);
	assert_int_equal(mock_process(m, EP "2")->starts, 1);
	assert_int_equal(mock_process(m, EP "1")->stops + mock_process(m, EP "2")->stops, 0);
	/* A repeated one changes nothing, whatever came after it. */
	assert_int_equal(deploy(m, "submit", 12, shares(35, 65)), DAVIT_OK);
	assert_int_equal(share_of(m, EP "1"), 0);
	assert_int_equal(deploy(m, "find", 12, NULL), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_SUCCEEDED);
	assert_int_equal(deploy(m, "find", 14, NULL), DAVIT_NOT_FOUND);
}

static void a_third_model_takes_the_place_of_the_smaller_share(void **state)
{
	struct mock *m = *state;

	split(m);
	done(m, 12, NULL, shares(20, 80));
	kit_model(m, 40);
	done(m, 13, EP "3", model_with(41, 30));
	assert_int_equal(share_of(m, EP "2"), 70);
	assert_int_equal(share_of(m, EP "3"), 30);
	assert_int_equal(mock_process(m, EP "1")->stops, 1);
	done(m, 14, EP "4", model(OLD));
	assert_int_equal(share_of(m, EP "4"), 100);
	assert_int_equal(mock_process(m, EP "2")->stops, 1);
	assert_int_equal(mock_process(m, EP "3")->stops, 1);
}

/* Rows: the body, whether validate refuses it already, code, pointer. */
static void a_wrong_split_is_refused_in_words(void **state)
{
	struct mock *m = *state;
	const struct {
		json_t *spec;
		const char *slot;
		int32_t code;
		const char *pointer;
	} rows[] = {
		{json_object(), "validate", DAVIT_INVALID, "/spec"},
		{json_pack("{s:i}", "traffic", 20), "validate", DAVIT_INVALID, "/spec"},
		{json_pack("{s:b}", "rollback", 0), "validate", DAVIT_INVALID, "/spec"},
		{json_pack("{s:b, s:s}", "rollback", 1, "model", kit_id(NEW)), "validate",
			DAVIT_INVALID, "/spec"},
		{json_pack("{s:b, s:i}", "rollback", 1, "traffic", 5), "validate", DAVIT_INVALID,
			"/spec"},
		{shares(50, 49), "validate", DAVIT_INVALID, "/spec/traffic"},
		{json_pack("{s:{s:i, s:i}}", "traffic", "nothing", 50, kit_id(NEW), 50), "validate",
			DAVIT_INVALID, "/spec/traffic"},
		{json_pack("{s:{s:i, s:i}}", "traffic", "digits", 50, kit_id(NEW), 50), "validate",
			DAVIT_INVALID, "/spec/traffic"},
		{shares(50, 50), "submit", DAVIT_CONFLICT, "/spec/traffic"},
		{model_with(NEW, 50), "submit", DAVIT_CONFLICT, "/spec/traffic"},
		{back(), "submit", DAVIT_CONFLICT, ""},
	};

	two_models(m);
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(deploy(m, rows[i].slot, 20 + (int)i, rows[i].spec), rows[i].code);
		assert_string_equal(m->fail_pointer, rows[i].pointer);
		assert_true(strlen(m->fail_text) > 20);
	}
	done(m, 10, EP "1", model(OLD));
	assert_int_equal(deploy(m, "submit", 40, model_with(OLD, 50)), DAVIT_CONFLICT);
	assert_string_equal(m->fail_pointer, "/spec/model");
	assert_int_equal(deploy(m, "submit", 41, shares(50, 50)), DAVIT_CONFLICT);
	assert_int_equal(share_of(m, EP "1"), 100);
}

static json_t *two_shares(int a, int percent, int b)
{
	json_t *traffic = json_object();

	json_object_set_new(traffic, kit_id(a), json_integer(percent));
	json_object_set_new(traffic, kit_id(b), json_integer(100 - percent));
	return json_pack("{s:o}", "traffic", traffic);
}

static void shares_name_exactly_the_two_models_that_answer(void **state)
{
	struct mock *m = *state;

	split(m);
	kit_model(m, 40);
	const int rows[][2] = {{OLD, 41}, {41, OLD}, {NEW, 41}, {41, NEW}};

	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(
			deploy(m, "submit", 20 + (int)i, two_shares(rows[i][0], 50, rows[i][1])),
			DAVIT_CONFLICT);
		assert_string_equal(m->fail_pointer, "/spec/traffic");
	}
	assert_int_equal(share_of(m, EP "2"), 10);
	done(m, 30, NULL, two_shares(NEW, 40, OLD));
	assert_int_equal(share_of(m, EP "2"), 40);
}

static void there_is_no_way_back_to_a_deleted_model(void **state)
{
	struct mock *m = *state;

	two_models(m);
	done(m, 10, EP "1", model(OLD));
	done(m, 11, EP "2", model(NEW));
	look(m);
	assert_string_equal(kit_text(m->reply, "/previous/model"), kit_id(OLD));
	assert_int_equal(mock_run(m, DAVIT_MODELS, "remove",
				 json_pack("{s:{}, s:s}", "connection", "id", kit_id(OLD))),
		DAVIT_OK);
	look(m);
	assert_null(json_at(m->reply, "/previous"));
	assert_int_equal(deploy(m, "submit", 12, back()), DAVIT_CONFLICT);
	assert_non_null(strstr(m->fail_text, "model 'digits' version 1"));
}

static void undeploy_of_one_gives_the_other_all(void **state)
{
	struct mock *m = *state;

	split(m);
	assert_int_equal(undeploy(m, 12, model(OLD)), DAVIT_OK);
	assert_int_equal(share_of(m, EP "2"), 100);
	look(m);
	assert_string_equal(kit_text(m->reply, "/deployment"), kit_id(NEW));
	assert_string_equal(kit_text(m->reply, "/previous/model"), kit_id(OLD));
	assert_int_equal(undeploy(m, 13, model(OLD)), DAVIT_CONFLICT);
	assert_int_equal(undeploy(m, 12, model(OLD)), DAVIT_OK);
	assert_int_equal(undeploy(m, 14, json_object()), DAVIT_OK);
	assert_int_equal(ask(m, "infer", kit_id(ENDPOINT)), DAVIT_CONFLICT);
}

static void undeploy_of_both_at_once_leaves_none(void **state)
{
	struct mock *m = *state;

	split(m);
	assert_int_equal(undeploy(m, 12, json_object()), DAVIT_OK);
	assert_int_equal(ask(m, "infer", kit_id(ENDPOINT)), DAVIT_CONFLICT);
	m->now_ms += LINGER;
	assert_int_equal(mock_run(m, DAVIT_DEPLOYMENT, "list", json_object()), DAVIT_OK);
	assert_int_equal(mock_run(m, DAVIT_DEPLOYMENT, "list", json_object()), DAVIT_OK);
	assert_null(mock_process(m, EP "1"));
	assert_null(mock_process(m, EP "2"));
	done(m, 13, EP "3", back());
	look(m);
	assert_string_equal(kit_text(m->reply, "/deployment"), kit_id(OLD));
	assert_null(json_at(m->reply, "/previous"));
}

static void rolling_back_starts_the_old_model_anew_and_twice_returns(void **state)
{
	struct mock *m = *state;

	two_models(m);
	done(m, 10, EP "1", model(OLD));
	done(m, 11, EP "2", model(NEW));
	assert_int_equal(mock_process(m, EP "1")->stops, 1);
	assert_int_equal(deploy(m, "submit", 12, back()), DAVIT_OK);
	assert_int_equal(share_of(m, EP "2"), 100);
	assert_int_equal(deploy(m, "submit", 13, back()), DAVIT_CONFLICT); /* one at a time */
	assert_non_null(strstr(m->fail_text, "under way"));
	mock_process(m, EP "3")->healthy = true;
	assert_int_equal(poll(m, 12), DAVIT_OK);
	assert_int_equal(share_of(m, EP "3"), 100);
	look(m);
	assert_string_equal(kit_text(m->reply, "/deployment"), kit_id(OLD));
	assert_string_equal(kit_text(m->reply, "/previous/model"), kit_id(NEW));
	done(m, 14, EP "4", back());
	look(m);
	assert_string_equal(kit_text(m->reply, "/deployment"), kit_id(NEW));
	assert_string_equal(kit_text(m->reply, "/previous/model"), kit_id(OLD));
}

static void rolling_back_a_split_needs_no_new_server_and_twice_returns(void **state)
{
	struct mock *m = *state;

	split(m);
	done(m, 12, NULL, shares(20, 80));
	done(m, 13, NULL, back());
	assert_int_equal(share_of(m, EP "1"), 100);
	assert_int_equal(mock_process(m, EP "1")->starts, 1);
	assert_int_equal(mock_process(m, EP "2")->stops, 1);
	look(m);
	assert_int_equal(kit_int(m->reply, "/previous/percent"), 80);
	assert_int_equal(deploy(m, "submit", 13, back()), DAVIT_OK); /* the same one again */
	assert_int_equal(share_of(m, EP "1"), 100);
	done(m, 14, EP "3", back());
	assert_int_equal(share_of(m, EP "1"), 20);
	assert_int_equal(share_of(m, EP "3"), 80);
}

/* The last state in which another model had the larger share. */
static void rolling_back_never_goes_to_a_model_that_answered_nothing(void **state)
{
	struct mock *m = *state;

	split(m);
	done(m, 12, NULL, shares(0, 100));
	done(m, 13, EP "3", model(NEW));
	look(m);
	assert_string_equal(kit_text(m->reply, "/previous/model"), kit_id(OLD));
	done(m, 14, EP "4", back());
	assert_int_equal(share_of(m, EP "4"), 90);
	/* Shares alone are a way there, too. */
	done(m, 15, NULL, shares(10, 90));
	done(m, 16, NULL, back());
	assert_int_equal(share_of(m, EP "4"), 100);
	/* Who was taken off with nothing changes nothing. */
	done(m, 17, EP "5", model_with(NEW, 10));
	done(m, 18, NULL, shares(100, 0));
	assert_int_equal(undeploy(m, 19, model(NEW)), DAVIT_OK);
	assert_int_equal(deploy(m, "submit", 20, back()), DAVIT_CONFLICT);
	assert_non_null(strstr(m->fail_text, "nothing to go back to"));
}

static void a_roll_back_that_fails_leaves_what_answers(void **state)
{
	struct mock *m = *state;

	two_models(m);
	done(m, 10, EP "1", model(OLD));
	done(m, 11, EP "2", model(NEW));
	assert_int_equal(deploy(m, "submit", 12, back()), DAVIT_OK);
	mock_process(m, EP "3")->restarts = 3;
	assert_int_equal(poll(m, 12), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_FAILED);
	assert_int_equal(share_of(m, EP "2"), 100);
	look(m);
	assert_string_equal(kit_text(m->reply, "/previous/model"), kit_id(OLD));
	done(m, 13, EP "4", back());
}

static void a_server_with_requests_is_not_stopped(void **state)
{
	struct mock *m = *state;

	two_models(m);
	done(m, 10, EP "1", model(OLD));
	mock_process(m, EP "1")->requests = 2;
	assert_int_equal(deploy(m, "submit", 11, model(NEW)), DAVIT_OK);
	mock_process(m, EP "2")->healthy = true;
	assert_int_equal(poll(m, 11), DAVIT_OK);
	m->now_ms += 29000;
	assert_int_equal(poll(m, 11), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_RUNNING);
	assert_non_null(strstr(kit_text(m->reply, "/progress/text"), "2 requests"));
	assert_int_equal(share_of(m, EP "2"), 100);
	assert_int_equal(mock_process(m, EP "1")->stops, 0);
	mock_process(m, EP "1")->requests = 0;
	assert_int_equal(poll(m, 11), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_SUCCEEDED);
	assert_int_equal(mock_process(m, EP "1")->stops, 1);
}

static void a_server_is_stopped_when_the_time_to_drain_is_over(void **state)
{
	struct mock *m = *state;

	mock_destroy(m);
	assert_int_equal(mock_create(m, "{\"drain_seconds\": 5}"), DAVIT_OK);
	two_models(m);
	done(m, 10, EP "1", model(OLD));
	mock_process(m, EP "1")->requests = 1;
	assert_int_equal(undeploy(m, 12, json_object()), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_RUNNING);
	m->now_ms += 4999;
	assert_int_equal(mock_run(m, DAVIT_DEPLOYMENT, "list", json_object()), DAVIT_OK);
	assert_int_equal(mock_process(m, EP "1")->stops, 0);
	m->now_ms += 1;
	assert_int_equal(mock_run(m, DAVIT_DEPLOYMENT, "list", json_object()), DAVIT_OK);
	assert_int_equal(mock_process(m, EP "1")->stops, 1);
}

/* Nobody would come back to it. */
static void a_server_is_not_drained_for_an_endpoint_that_is_deleted(void **state)
{
	struct mock *m = *state;

	two_models(m);
	done(m, 10, EP "1", model(OLD));
	assert_int_equal(undeploy(m, 12, json_object()), DAVIT_OK);
	assert_int_equal(mock_process(m, EP "1")->stops, 0);
	assert_int_equal(mock_run(m, DAVIT_DEPLOYMENT, "remove",
				 json_pack("{s:{}, s:s}", "connection", "id", kit_id(ENDPOINT))),
		DAVIT_OK);
	assert_int_equal(mock_process(m, EP "1")->stops, 1);
}

static void one_that_is_down_is_stood_in_for_by_the_other(void **state)
{
	struct mock *m = *state;

	split(m);
	mock_process(m, EP "1")->healthy = false; /* its supervisor starts it again */
	assert_int_equal(share_of(m, EP "2"), 100);
	assert_null(mock_process(m, EP "3"));
	mock_process(m, EP "1")->healthy = true;
	mock_process(m, EP "2")->state = "lost"; /* nobody but us does */
	assert_int_equal(share_of(m, EP "1"), 100);
	mock_process(m, EP "3")->healthy = true;
	assert_int_equal(share_of(m, EP "3"), 10);
	assert_int_equal(poll(m, 11), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_SUCCEEDED);
	mock_process(m, EP "1")->healthy = mock_process(m, EP "3")->healthy = false;
	assert_int_equal(ask(m, "infer", kit_id(ENDPOINT)), DAVIT_RETRY);
}

static void both_servers_come_back_after_the_machine_did(void **state)
{
	struct mock *m = *state;

	split(m);
	mock_process(m, EP "1")->state = mock_process(m, EP "2")->state = "lost";
	mock_destroy(m);
	assert_int_equal(mock_create(m, "{}"), DAVIT_OK);
	assert_non_null(mock_process(m, EP "3"));
	assert_non_null(mock_process(m, EP "4"));
	mock_process(m, EP "3")->healthy = mock_process(m, EP "4")->healthy = true;
	assert_int_equal(share_of(m, EP "3"), 90);
	assert_int_equal(share_of(m, EP "4"), 10);
}

static void an_answer_says_which_model_it_is_of(void **state)
{
	struct mock *m = *state;

	split(m);
	assert_int_equal(ask(m, "infer", kit_id(ENDPOINT)), DAVIT_OK);
	assert_int_equal(strncmp(m->model, "digits", 6), 0);
}

static void explain_is_passed_on_or_refused_with_the_reason(void **state)
{
	static const int refused[] = {404, 405, 501};
	struct mock *m = *state;

	two_models(m);
	assert_int_equal(ask(m, "explain", kit_id(ENDPOINT)), DAVIT_CONFLICT);
	done(m, 10, EP "1", model(OLD));
	m->served = "{\"explanations\":[]}";
	assert_int_equal(ask(m, "explain", kit_id(ENDPOINT)), DAVIT_OK);
	assert_string_equal(m->asked, EP "1/explain");
	assert_string_equal(m->bytes, m->served);
	for (size_t i = 0; i < COUNT(refused); i++) {
		m->served_status = refused[i];
		assert_int_equal(ask(m, "explain", kit_id(ENDPOINT)), DAVIT_UNSUPPORTED);
		assert_non_null(strstr(m->fail_text, "POST /explain"));
		assert_int_equal(ask(m, "infer", kit_id(ENDPOINT)), DAVIT_OK);
	}
	m->served_status = 400;
	assert_int_equal(ask(m, "explain", kit_id(ENDPOINT)), DAVIT_OK);
	assert_int_equal(m->status, 400);
}

static void a_deleted_endpoint_leaves_neither_server(void **state)
{
	struct mock *m = *state;

	split(m);
	assert_int_equal(
		mock_run(m, DAVIT_DEPLOYMENT, "remove", json_pack("{s:s}", "id", kit_id(ENDPOINT))),
		DAVIT_OK);
	assert_int_equal(mock_run(m, DAVIT_DEPLOYMENT, "list", json_object()), DAVIT_OK);
	assert_null(mock_process(m, EP "1"));
	assert_null(mock_process(m, EP "2"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_second_model_gets_its_share_and_the_first_keeps_the_rest),
		TEST(every_change_moves_the_time_of_the_last_one),
		TEST(a_model_that_still_starts_answers_nothing),
		TEST(shares_change_without_a_server_being_touched),
		TEST(a_third_model_takes_the_place_of_the_smaller_share),
		TEST(a_wrong_split_is_refused_in_words),
		TEST(there_is_no_way_back_to_a_deleted_model),
		TEST(shares_name_exactly_the_two_models_that_answer),
		TEST(undeploy_of_one_gives_the_other_all),
		TEST(undeploy_of_both_at_once_leaves_none),
		TEST(rolling_back_starts_the_old_model_anew_and_twice_returns),
		TEST(rolling_back_a_split_needs_no_new_server_and_twice_returns),
		TEST(rolling_back_never_goes_to_a_model_that_answered_nothing),
		TEST(a_roll_back_that_fails_leaves_what_answers),
		TEST(a_server_with_requests_is_not_stopped),
		TEST(a_server_is_stopped_when_the_time_to_drain_is_over),
		TEST(a_server_is_not_drained_for_an_endpoint_that_is_deleted),
		TEST(one_that_is_down_is_stood_in_for_by_the_other),
		TEST(both_servers_come_back_after_the_machine_did),
		TEST(an_answer_says_which_model_it_is_of),
		TEST(explain_is_passed_on_or_refused_with_the_reason),
		TEST(a_deleted_endpoint_leaves_neither_server),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
