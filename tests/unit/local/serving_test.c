/* Endpoints: what is deployed, what answers, and that no server is left over. */
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "unit/cmocka.h"
#include "unit/local/kit.h"

/* kit_model(m, 1) makes the model 2 and this endpoint. */
#define ENDPOINT 3
#define EP       "ep-00000000000000000000s003-"

static int32_t deploy(struct mock *m, const char *slot, int submission)
{
	return kit_job(m, DAVIT_DEPLOYMENT, slot, "deploy", kit_id(submission), kit_id(ENDPOINT),
		json_pack("{s:s}", "model", "digits"));
}

static int32_t undeploy(struct mock *m, const char *slot, int submission, json_t *spec)
{
	return kit_job(
		m, DAVIT_DEPLOYMENT, slot, "undeploy", kit_id(submission), kit_id(ENDPOINT), spec);
}

/* poll of a deploy by its submission, as the host does with the ref it was given. */
static int32_t poll(struct mock *m, int submission)
{
	json_t *ref = json_pack("{s:i, s:s, s:s}", "v", 1, "id", kit_id(ENDPOINT), "submission",
		kit_id(submission));
	int32_t code = kit_again(m, DAVIT_DEPLOYMENT, "poll", "deploy", ref);

	json_decref(ref);
	return code;
}

static void deployed(struct mock *m, int submission, const char *process)
{
	assert_int_equal(deploy(m, "submit", submission), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_RUNNING);
	assert_non_null(mock_process(m, process));
	mock_process(m, process)->healthy = true;
	assert_int_equal(poll(m, submission), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_SUCCEEDED);
}

static int32_t infer(struct mock *m, const char *id)
{
	return mock_run(m, DAVIT_PREDICTION, "infer",
		json_pack("{s:s, s:s, s:s, s:I}", "id", id, "content_type", "application/json",
			"accept", "*/*", "body", (json_int_t)mock_body(m, "{\"instances\":[]}")));
}

static size_t retired(const struct mock *m)
{
	const char *key;
	json_t *v;
	size_t n = 0;

	json_object_foreach(m->kv, key, v) n += strncmp(key, "retired/", 8) == 0;
	return n;
}

static void a_deployed_model_answers_when_it_is_healthy(void **state)
{
	struct mock *m = *state;
	const json_t *spec;

	kit_model(m, 1);
	assert_int_equal(deploy(m, "validate", 10), DAVIT_OK);
	assert_int_equal(strlen(kit_text(m->reply, "/spec/model")), 24);
	assert_int_equal(infer(m, kit_id(ENDPOINT)), DAVIT_CONFLICT);
	assert_int_equal(deploy(m, "submit", 10), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/state"), "PENDING");
	spec = mock_process(m, EP "1")->spec;
	assert_string_equal(kit_text(spec, "/argv/1"), "serve.py");
	assert_int_equal(strlen(kit_text(spec, "/inputs/0/blob")), 64);
	assert_string_equal(kit_text(spec, "/inputs/0/as"), "work/model/model.bin");
	assert_string_equal(kit_text(spec, "/environment/DAVIT_MODEL_DIR"), "model");
	assert_true(json_is_object(json_object_get(spec, "serve")));
	assert_int_equal(poll(m, 10), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_RUNNING);
	mock_process(m, EP "1")->sick = true;
	assert_int_equal(poll(m, 10), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_RUNNING);
	mock_process(m, EP "1")->sick = false;
	mock_process(m, EP "1")->healthy = true;
	assert_int_equal(poll(m, 10), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_SUCCEEDED);
	assert_string_equal(kit_text(m->reply, "/state"), "RUNNING");
	assert_string_equal(kit_text(m->reply, "/deployment"), kit_id(2));
	m->served = "{\"predictions\":[]}";
	assert_int_equal(infer(m, "endpoint"), DAVIT_OK);
	assert_string_equal(m->bytes, m->served);
	assert_string_equal(m->served_request, "{\"instances\":[]}");
	assert_int_equal(m->status, 200);
	m->served_status = 400;
	assert_int_equal(infer(m, kit_id(ENDPOINT)), DAVIT_OK);
	assert_int_equal(m->status, 400);
}

static void limits_of_time_do_not_end_a_server(void **state)
{
	struct mock *m = *state;
	const json_t *limits;

	mock_destroy(m);
	assert_int_equal(mock_create(m, "{\"limits\": {\"wall_seconds\": 9, \"cpu_seconds\": 9, "
					"\"open_files\": 64}}"),
		DAVIT_OK);
	kit_model(m, 1);
	deployed(m, 10, EP "1");
	limits = json_object_get(mock_process(m, EP "1")->spec, "limits");
	assert_int_equal(json_object_size(limits), 1);
	assert_int_equal(kit_int(limits, "/open_files"), 64);
}

static void the_old_server_answers_until_the_new_one_can(void **state)
{
	struct mock *m = *state;

	kit_model(m, 1);
	deployed(m, 10, EP "1");
	assert_int_equal(deploy(m, "submit", 11), DAVIT_OK);
	assert_int_equal(mock_process(m, EP "1")->stops, 0);
	assert_int_equal(infer(m, "endpoint"), DAVIT_OK);
	assert_int_equal(json_array_size(json_at(m->reply, "/models")), 0);
	mock_process(m, EP "2")->healthy = true;
	assert_int_equal(poll(m, 11), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_RUNNING);
	assert_int_equal(mock_process(m, EP "1")->stops, 0);
	m->now_ms += 1000;
	assert_int_equal(poll(m, 11), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_SUCCEEDED);
	assert_int_equal(mock_process(m, EP "1")->stops, 1);
	assert_int_equal(infer(m, "endpoint"), DAVIT_OK);
	assert_int_equal(mock_run(m, DAVIT_DEPLOYMENT, "list", json_object()), DAVIT_OK);
	assert_null(mock_process(m, EP "1"));
	assert_int_equal(retired(m), 0);
	assert_int_equal(poll(m, 11), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_SUCCEEDED);
}

static void a_repeated_deploy_starts_no_second_server(void **state)
{
	struct mock *m = *state;

	kit_model(m, 1);
	assert_int_equal(deploy(m, "find", 10), DAVIT_NOT_FOUND);
	m->start_code = DAVIT_RETRY;
	assert_int_equal(deploy(m, "submit", 10), DAVIT_RETRY);
	assert_int_equal(deploy(m, "find", 10), DAVIT_NOT_FOUND);
	assert_int_equal(deploy(m, "submit", 10), DAVIT_OK);
	assert_int_equal(deploy(m, "submit", 10), DAVIT_OK);
	assert_int_equal(deploy(m, "find", 10), DAVIT_OK);
	assert_non_null(mock_process(m, EP "1"));
	assert_null(mock_process(m, EP "2"));
}

/* Rows: what the server does, and the sentence. */
static void a_server_that_does_not_get_well_fails_its_deploy(void **state)
{
	static const struct {
		const char *state;
		int restarts;
		int64_t wait_ms;
		const char *error;
	} rows[] = {
		{NULL, 3, 0,
			"the model's server ended 3 times before it was healthy: exit code 0: no "
			"model"},
		{"lost", 0, 0,
			"the model's server ended: its supervisor was killed and its end is unknown: "
			"no model"},
		{NULL, 0, 120001,
			"the model's server did not answer GET /health with 200 within 120 s: no "
			"model"},
	};
	struct mock *m = *state;
	char name[64];

	kit_model(m, 1);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mock_process *p;
		json_t *ref;

		assert_int_equal(deploy(m, "submit", 10 + (int)i), DAVIT_OK);
		snprintf(name, sizeof(name), EP "%zu", i + 1);
		p = mock_process(m, name);
		assert_non_null(p);
		mock_write(p->files, "log", "no model\n", 9);
		p->state = rows[i].state;
		p->restarts = rows[i].restarts;
		m->now_ms += rows[i].wait_ms;
		assert_int_equal(poll(m, 10 + (int)i), DAVIT_OK);
		assert_int_equal(m->state, DAVIT_STATE_FAILED);
		assert_string_equal(kit_text(m->reply, "/error"), rows[i].error);
		assert_string_equal(kit_text(m->reply, "/state"), "PENDING");
		assert_int_equal(p->stops, 1);
		ref = kit_ref(m);
		assert_int_equal(kit_again(m, DAVIT_DEPLOYMENT, "logs", "deploy", ref), DAVIT_OK);
		assert_string_equal(m->bytes, "no model\n");
		assert_int_equal(kit_again(m, DAVIT_DEPLOYMENT, "poll", "deploy", ref), DAVIT_OK);
		assert_int_equal(m->state, DAVIT_STATE_FAILED);
		json_decref(ref);
		assert_int_equal(infer(m, "endpoint"), DAVIT_CONFLICT);
	}
	deployed(m, 20, EP "4");
	assert_int_equal(mock_process_count(m), 2); /* the training and the server */
}

/* Rows: how the server ended the last time it did, and what the deploy says of it. */
static void a_failed_deploy_tells_how_its_server_ended(void **state)
{
	static const struct {
		struct mock_process end;
		const char *log;
		const char *error;
		const char *reason;
	} rows[] = {
		{{.restarts = 3, .signal = 11}, "", "signal 11 (SIGSEGV)",
			"{\"signal\":11,\"lines\":[]}"},
		{{.restarts = 3, .exit_code = 2},
			"Traceback (most recent call last):\n  File \"serve.py\"\nKeyError: 'w'\n",
			"exit code 2: KeyError: 'w'",
			"{\"exit_code\":2,\"lines\":[\"Traceback (most recent call last):\","
			"\"  File \\\"serve.py\\\"\",\"KeyError: 'w'\"]}"},
		{{.restarts = 3, .signal = 9, .limit = "memory"}, "loading\n",
			"stopped at its limit of memory (memory_bytes): loading",
			"{\"signal\":9,\"limit\":\"memory_bytes\",\"lines\":[\"loading\"]}"},
		{{.restarts = 3, .error = "no such program"}, "",
			"could not be started: no such program", "{\"lines\":[]}"},
		{{.state = "exited", .exit_code = 3}, "", "the model's server ended: exit code 3",
			"{\"exit_code\":3,\"lines\":[]}"},
	};
	struct mock *m = *state;
	char name[64];

	kit_model(m, 1);
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *reason = json_loads(rows[i].reason, 0, NULL);
		struct mock_process *p;

		assert_int_equal(deploy(m, "submit", 10 + (int)i), DAVIT_OK);
		snprintf(name, sizeof(name), EP "%zu", i + 1);
		p = mock_process(m, name);
		assert_non_null(p);
		mock_write(p->files, "log", rows[i].log, strlen(rows[i].log));
		p->state = rows[i].end.state;
		p->restarts = rows[i].end.restarts;
		p->exit_code = rows[i].end.exit_code;
		p->signal = rows[i].end.signal;
		p->limit = rows[i].end.limit;
		p->error = rows[i].end.error;
		assert_int_equal(poll(m, 10 + (int)i), DAVIT_OK);
		assert_int_equal(m->state, DAVIT_STATE_FAILED);
		assert_non_null(strstr(kit_text(m->reply, "/error"), rows[i].error));
		assert_true(json_equal(json_object_get(m->reply, "reason"), reason));
		assert_int_equal(poll(m, 10 + (int)i), DAVIT_OK); /* as the record says it */
		assert_true(json_equal(json_object_get(m->reply, "reason"), reason));
		json_decref(reason);
	}
}

static const char *log_of(struct mock *m, int submission)
{
	json_t *ref = json_pack("{s:i, s:s, s:s}", "v", 1, "id", kit_id(ENDPOINT), "submission",
		kit_id(submission));

	assert_int_equal(kit_again(m, DAVIT_DEPLOYMENT, "logs", "deploy", ref), DAVIT_OK);
	json_decref(ref);
	return m->bytes;
}

static void a_deploy_has_the_log_of_its_own_server_for_good(void **state)
{
	struct mock *m = *state;

	kit_model(m, 1);
	assert_int_equal(deploy(m, "submit", 10), DAVIT_OK);
	mock_write(mock_process(m, EP "1")->files, "log", "boom\n", 5);
	mock_process(m, EP "1")->restarts = 3;
	assert_int_equal(poll(m, 10), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_FAILED);
	mock_process(m, EP "1")->state = "exited";
	deployed(m, 11, EP "2");
	mock_write(mock_process(m, EP "2")->files, "log", "well\n", 5);
	assert_string_equal(log_of(m, 11), "well\n");
	assert_int_equal(mock_run(m, DAVIT_DEPLOYMENT, "list", json_object()), DAVIT_OK);
	assert_null(mock_process(m, EP "1"));
	assert_string_equal(log_of(m, 10), "boom\n");
	assert_string_equal(log_of(m, 12), ""); /* one that started none */
	assert_int_equal(deploy(m, "submit", 13), DAVIT_OK);
	mock_process(m, EP "3")->healthy = true;
	assert_int_equal(poll(m, 13), DAVIT_OK);
	assert_string_equal(log_of(m, 11), "well\n"); /* it is being cleared away */
	m->now_ms += 1000;
	for (int i = 0; i < 2; i++)
		assert_int_equal(mock_run(m, DAVIT_DEPLOYMENT, "list", json_object()), DAVIT_OK);
	assert_null(mock_process(m, EP "2"));
	assert_string_equal(log_of(m, 11), "well\n");
	assert_int_equal(
		mock_run(m, DAVIT_DEPLOYMENT, "remove", json_pack("{s:s}", "id", kit_id(ENDPOINT))),
		DAVIT_OK);
	assert_string_equal(log_of(m, 11), "well\n");
	assert_string_equal(log_of(m, 10), "boom\n");
}

static void a_server_that_cannot_be_started_blocks_nothing(void **state)
{
	struct mock *m = *state;

	kit_model(m, 1);
	m->start_code = DAVIT_INVALID;
	assert_int_equal(deploy(m, "submit", 10), DAVIT_INVALID);
	assert_int_equal(kit_get(m, DAVIT_DEPLOYMENT, "endpoint"), DAVIT_OK);
	assert_int_equal(json_array_size(json_at(m->reply, "/models")), 0);
	deployed(m, 11, EP "2");
}

static void a_later_deploy_takes_the_place_of_one_under_way(void **state)
{
	struct mock *m = *state;

	kit_model(m, 1);
	assert_int_equal(deploy(m, "submit", 10), DAVIT_OK);
	deployed(m, 11, EP "2");
	assert_int_equal(poll(m, 10), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_CANCELLED);
	assert_int_equal(mock_run(m, DAVIT_DEPLOYMENT, "list", json_object()), DAVIT_OK);
	assert_null(mock_process(m, EP "1"));
	assert_int_equal(retired(m), 0);
}

static void a_cancelled_deploy_leaves_what_was_deployed(void **state)
{
	struct mock *m = *state;
	json_t *ref;

	kit_model(m, 1);
	deployed(m, 10, EP "1");
	assert_int_equal(deploy(m, "submit", 11), DAVIT_OK);
	ref = kit_ref(m);
	assert_int_equal(kit_again(m, DAVIT_DEPLOYMENT, "cancel", "deploy", ref), DAVIT_OK);
	assert_int_equal(mock_process(m, EP "2")->stops, 1);
	assert_int_equal(kit_again(m, DAVIT_DEPLOYMENT, "poll", "deploy", ref), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_CANCELLED);
	json_decref(ref);
	assert_int_equal(infer(m, "endpoint"), DAVIT_OK);
}

static void undeploy_takes_the_model_off_once(void **state)
{
	struct mock *m = *state;
	json_t *ref;

	kit_model(m, 1);
	assert_int_equal(undeploy(m, "validate", 30, json_object()), DAVIT_OK);
	assert_int_equal(undeploy(m, "submit", 30, json_object()), DAVIT_CONFLICT);
	deployed(m, 10, EP "1");
	assert_int_equal(undeploy(m, "find", 31, NULL), DAVIT_NOT_FOUND);
	assert_int_equal(
		undeploy(m, "submit", 31, json_pack("{s:s}", "model", "other")), DAVIT_CONFLICT);
	assert_string_equal(m->fail_pointer, "/spec/model");
	assert_int_equal(
		undeploy(m, "submit", 31, json_pack("{s:s}", "model", "digits")), DAVIT_OK);
	ref = kit_ref(m);
	assert_int_equal(undeploy(m, "submit", 31, json_object()), DAVIT_OK);
	assert_int_equal(undeploy(m, "find", 31, NULL), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_RUNNING);
	m->now_ms += 1000;
	assert_int_equal(kit_again(m, DAVIT_DEPLOYMENT, "poll", "undeploy", ref), DAVIT_OK);
	assert_int_equal(kit_again(m, DAVIT_DEPLOYMENT, "poll", "undeploy", ref), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_SUCCEEDED);
	json_decref(ref);
	assert_null(mock_process(m, EP "1"));
	assert_int_equal(retired(m), 0);
	assert_int_equal(infer(m, "endpoint"), DAVIT_CONFLICT);
}

static void undeploy_ends_a_deploy_under_way(void **state)
{
	struct mock *m = *state;

	kit_model(m, 1);
	assert_int_equal(deploy(m, "submit", 10), DAVIT_OK);
	assert_int_equal(undeploy(m, "submit", 31, json_object()), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_SUCCEEDED);
	assert_int_equal(poll(m, 10), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_CANCELLED);
}

static void a_deleted_endpoint_leaves_no_server(void **state)
{
	struct mock *m = *state;

	kit_model(m, 1);
	deployed(m, 10, EP "1");
	assert_int_equal(deploy(m, "submit", 11), DAVIT_OK);
	assert_int_equal(
		mock_run(m, DAVIT_DEPLOYMENT, "remove", json_pack("{s:s}", "id", kit_id(ENDPOINT))),
		DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/id"), kit_id(ENDPOINT));
	assert_int_equal(kit_get(m, DAVIT_DEPLOYMENT, "endpoint"), DAVIT_NOT_FOUND);
	assert_int_equal(poll(m, 11), DAVIT_NOT_FOUND);
	assert_int_equal(mock_run(m, DAVIT_DEPLOYMENT, "list", json_object()), DAVIT_OK);
	assert_int_equal(mock_process_count(m), 1); /* the training */
	assert_int_equal(retired(m), 0);
}

static void restart(struct mock *m)
{
	mock_destroy(m);
	assert_int_equal(mock_create(m, "{}"), DAVIT_OK);
}

static void a_restarted_host_finds_its_servers(void **state)
{
	struct mock *m = *state;

	kit_model(m, 1);
	deployed(m, 10, EP "1");
	restart(m);
	assert_int_equal(mock_process(m, EP "1")->starts, 1);
	assert_null(mock_process(m, EP "2"));
	assert_int_equal(infer(m, "endpoint"), DAVIT_OK);
}

static void a_restarted_machine_gets_its_servers_back(void **state)
{
	struct mock *m = *state;

	kit_model(m, 1);
	deployed(m, 10, EP "1");
	mock_process(m, EP "1")->state = "lost";
	restart(m);
	assert_null(mock_process(m, EP "1"));
	assert_non_null(mock_process(m, EP "2"));
	assert_int_equal(retired(m), 0);
	assert_int_equal(infer(m, "endpoint"), DAVIT_RETRY);
	mock_process(m, EP "2")->healthy = true;
	assert_int_equal(infer(m, "endpoint"), DAVIT_OK);
	assert_int_equal(poll(m, 10), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_SUCCEEDED);
}

static void a_request_to_a_server_that_is_gone_brings_it_back(void **state)
{
	struct mock *m = *state;

	kit_model(m, 1);
	deployed(m, 10, EP "1");
	mock_process(m, EP "1")->state = "exited";
	assert_int_equal(infer(m, "endpoint"), DAVIT_RETRY);
	assert_non_null(strstr(m->fail_text, "is starting"));
	mock_process(m, EP "2")->healthy = true;
	assert_int_equal(infer(m, "endpoint"), DAVIT_OK);
}

/* Somebody else writes the endpoint's record between our reading and writing it. */
static void a_change_survives_others_at_the_same_time(void **state)
{
	struct mock *m = *state;

	kit_model(m, 1);
	m->kv_intrusions = 3;
	deployed(m, 10, EP "1");
	assert_int_equal(m->kv_intrusions, 0);
	m->kv_intrusions = 100;
	assert_int_equal(undeploy(m, "submit", 31, json_object()), DAVIT_RETRY);
	m->kv_intrusions = 0;
	assert_int_equal(infer(m, "endpoint"), DAVIT_OK);
	assert_int_equal(mock_run(m, DAVIT_DEPLOYMENT, "list", json_object()), DAVIT_OK);
	assert_int_equal(mock_process(m, EP "1")->stops, 0);
}

static void what_is_not_there_is_named(void **state)
{
	struct mock *m = *state;

	kit_model(m, 1);
	assert_int_equal(infer(m, "nowhere"), DAVIT_NOT_FOUND);
	assert_string_equal(m->fail_text, "there is no endpoint 'nowhere'");
	assert_int_equal(kit_job(m, DAVIT_DEPLOYMENT, "validate", "deploy", kit_id(9),
				 kit_id(ENDPOINT), json_pack("{s:s}", "model", "nothing")),
		DAVIT_INVALID);
	assert_string_equal(m->fail_pointer, "/spec/model");
	assert_string_equal(m->fail_text, "there is no model 'nothing'");
	assert_int_equal(mock_run(m, DAVIT_CORE, "check", json_object()), DAVIT_OK);
	assert_null(davit_provider_query(DAVIT_STORAGE, 1));
	assert_null(davit_provider_query(DAVIT_CORE, 2));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_deployed_model_answers_when_it_is_healthy),
		TEST(limits_of_time_do_not_end_a_server),
		TEST(the_old_server_answers_until_the_new_one_can),
		TEST(a_repeated_deploy_starts_no_second_server),
		TEST(a_server_that_does_not_get_well_fails_its_deploy),
		TEST(a_failed_deploy_tells_how_its_server_ended),
		TEST(a_deploy_has_the_log_of_its_own_server_for_good),
		TEST(a_server_that_cannot_be_started_blocks_nothing),
		TEST(a_later_deploy_takes_the_place_of_one_under_way),
		TEST(a_cancelled_deploy_leaves_what_was_deployed),
		TEST(undeploy_takes_the_model_off_once),
		TEST(undeploy_ends_a_deploy_under_way),
		TEST(a_deleted_endpoint_leaves_no_server),
		TEST(a_restarted_host_finds_its_servers),
		TEST(a_restarted_machine_gets_its_servers_back),
		TEST(a_request_to_a_server_that_is_gone_brings_it_back),
		TEST(a_change_survives_others_at_the_same_time),
		TEST(what_is_not_there_is_named),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
