/* Servers of models with packages: whose they are, waiting for them, keeping them. */
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "unit/cmocka.h"
#include "unit/local/kit.h"

#define TRAINING 1
#define MODEL    2
#define ENDPOINT 3
#define EP       "ep-00000000000000000000s003-"

static struct mock_process *builder(struct mock *m)
{
	for (size_t i = 0; i < MOCK_PROCESSES; i++) {
		if (strncmp(m->processes[i].name, "venv-", 5) == 0)
			return &m->processes[i];
	}
	return NULL;
}

static size_t keys_with(const struct mock *m, const char *prefix)
{
	const char *key;
	json_t *v;
	size_t n = 0;

	json_object_foreach(m->kv, key, v) n += strncmp(key, prefix, strlen(prefix)) == 0;
	return n;
}

/* Says how a process ended that is to be started anew. */
static void forget(struct mock_process *p)
{
	json_decref(p->spec);
	*p = (struct mock_process){0};
}

static json_t *wanted(const char *requirements)
{
	json_t *v = requirements == NULL ? NULL : json_loads(requirements, JSON_DECODE_ANY, NULL);

	assert_true(requirements == NULL || v != NULL);
	return v;
}

/* A training that has ended; requirements: JSON, or NULL. Its build is gone again. */
static void trained(struct mock *m, const char *requirements)
{
	json_t *spec = json_pack("{s:s, s:{s:s}, s:o*}", "name", "digits", "script", "text",
		"fit()", "requirements", wanted(requirements));

	assert_int_equal(
		kit_job(m, DAVIT_TRAINING, "submit", "train", kit_id(TRAINING), NULL, spec),
		DAVIT_OK);
	if (requirements != NULL) {
		builder(m)->state = "exited";
		assert_int_equal(mock_run(m, DAVIT_TRAINING, "poll",
					 json_pack("{s:{}, s:s, s:s, s:{s:i, s:s}}", "connection",
						 "kind", "train", "id", kit_id(TRAINING), "ref",
						 "v", 1, "id", kit_id(TRAINING))),
			DAVIT_OK);
		forget(builder(m));
	}
	mock_process(m, kit_id(TRAINING))->state = "exited";
	mock_write(mock_process(m, kit_id(TRAINING))->files, "outputs/model.bin", "weights", 7);
}

static int32_t register_model(struct mock *m, int id, const char *slot, const char *requirements)
{
	return kit_job(m, DAVIT_MODELS, slot, "register", kit_id(id), NULL,
		json_pack("{s:s, s:{s:s}, s:{s:{s:s}, s:o*}}", "name", "my model", "source", "job",
			kit_id(TRAINING), "server", "script", "text", "serve()", "requirements",
			wanted(requirements)));
}

/* A model whose server wants packages, and an endpoint. */
static void model(struct mock *m, const char *of_training, const char *of_server)
{
	trained(m, of_training);
	assert_int_equal(register_model(m, MODEL, "submit", of_server), DAVIT_OK);
	assert_int_equal(kit_job(m, DAVIT_DEPLOYMENT, "submit", "register", kit_id(ENDPOINT), NULL,
				 json_pack("{s:s}", "name", "endpoint")),
		DAVIT_OK);
}

static int32_t deploy(struct mock *m, const char *slot, int submission)
{
	return kit_job(m, DAVIT_DEPLOYMENT, slot, "deploy", kit_id(submission), kit_id(ENDPOINT),
		json_pack("{s:s}", "model", kit_id(MODEL)));
}

static int32_t again(struct mock *m, const char *slot, int submission)
{
	json_t *ref = json_pack("{s:i, s:s, s:s}", "v", 1, "id", kit_id(ENDPOINT), "submission",
		kit_id(submission));
	int32_t code = kit_again(m, DAVIT_DEPLOYMENT, slot, "deploy", ref);

	json_decref(ref);
	return code;
}

static void polled(struct mock *m, int submission, int32_t state)
{
	assert_int_equal(again(m, "poll", submission), DAVIT_OK);
	assert_int_equal(m->state, state);
}

/* From the end of the build to the end of the deploy. */
static void goes_on(struct mock *m, int submission, const char *process)
{
	builder(m)->state = "exited";
	polled(m, submission, DAVIT_STATE_RUNNING);
	assert_string_equal(kit_text(m->reply, "/progress/text"), "the model's server is starting");
	assert_non_null(mock_process(m, process));
	mock_process(m, process)->healthy = true;
	polled(m, submission, DAVIT_STATE_SUCCEEDED);
	assert_string_equal(kit_text(m->reply, "/progress/text"), "done");
}

static const char *lines_of_build(struct mock *m)
{
	return kit_text(builder(m)->spec, "/inputs/1/text");
}

static size_t listed(struct mock *m)
{
	assert_int_equal(mock_run(m, DAVIT_ENVIRONMENTS, "list", json_object()), DAVIT_OK);
	return json_array_size(json_object_get(m->reply, "items"));
}

static void take_name(struct mock *m, const char *name)
{
	assert_int_equal(mock_run(m, DAVIT_ENVIRONMENTS, "remove",
				 json_pack("{s:{}, s:[s]}", "connection", "names", name)),
		DAVIT_OK);
}

/* --- whose packages --- */

static void a_server_has_the_packages_of_its_model_else_of_the_training(void **state)
{
	static const struct {
		const char *training, *server, *lines;
	} rows[] = {
		{NULL, NULL, NULL},
		{NULL, "\"a\\nb\"", "a\nb\n"},
		{"[\"t\"]", NULL, "t\n"},
		{"[\"t\"]", "[\"a\"]", "a\n"},
		{"[\"t\"]", "[]", NULL},
	};
	struct mock *m;

	for (size_t i = 0; i < COUNT(rows); i++) {
		(void)kit_teardown(state);
		(void)kit_setup(state);
		m = *state;
		model(m, rows[i].training, rows[i].server);
		assert_int_equal(deploy(m, "submit", 10), DAVIT_OK);
		assert_true((builder(m) == NULL) == (rows[i].lines == NULL));
		assert_true((mock_process(m, EP "1") == NULL) == (rows[i].lines != NULL));
		if (rows[i].lines != NULL)
			assert_string_equal(lines_of_build(m), rows[i].lines);
	}
}

static void packages_of_a_model_are_checked_when_it_is_registered(void **state)
{
	static const char *const slots[] = {"validate", "submit"};
	struct mock *m = *state;

	trained(m, NULL);
	for (size_t i = 0; i < COUNT(slots); i++) {
		assert_int_equal(
			register_model(m, MODEL, slots[i], "[\"-r other.txt\"]"), DAVIT_INVALID);
		assert_string_equal(m->fail_pointer, "/spec/server/requirements");
	}
}

/* What the model wants is sealed; where it comes from is the site's affair. */
static void packages_come_from_where_the_site_says_now(void **state)
{
	struct mock *m = *state;

	model(m, NULL, "[\"a\"]");
	mock_destroy(m);
	assert_int_equal(mock_create(m, "{\"pip\": {\"index_url\": \"new\"}}"), DAVIT_OK);
	assert_int_equal(deploy(m, "submit", 10), DAVIT_OK);
	assert_string_equal(kit_text(builder(m)->spec, "/environment/PIP_INDEX_URL"), "new");
	assert_string_equal(lines_of_build(m), "a\n");
}

static void a_batch_prediction_has_those_of_the_model_unless_it_names_its_own(void **state)
{
	static const struct {
		const char *own, *lines;
	} rows[] = {{NULL, "a\n"}, {"[\"b\"]", "b\n"}, {"[]", NULL}};
	struct mock *m = *state;

	model(m, NULL, "[\"a\"]");
	assert_int_equal(kit_job(m, DAVIT_DATASETS, "submit", "create", kit_id(4), NULL,
				 json_pack("{s:s, s:{s:s}}", "name", "rows", "source", "text",
					 "a,b\n1,2\n")),
		DAVIT_OK);
	for (int i = 0; i < (int)COUNT(rows); i++) {
		assert_int_equal(
			kit_job(m, DAVIT_INFERENCE, "submit", "batch", kit_id(20 + i), NULL,
				json_pack("{s:s, s:s, s:s, s:o*}", "name", "batch", "model",
					kit_id(MODEL), "dataset", kit_id(4), "requirements",
					wanted(rows[i].own))),
			DAVIT_OK);
		assert_true((builder(m) == NULL) == (rows[i].lines == NULL));
		if (rows[i].lines != NULL) {
			assert_string_equal(lines_of_build(m), rows[i].lines);
			forget(builder(m));
		}
	}
}

/* --- waiting --- */

static void a_deploy_waits_for_the_packages_and_then_starts_the_server(void **state)
{
	struct mock *m = *state;
	const json_t *spec;

	model(m, NULL, "[\"a\"]");
	assert_int_equal(deploy(m, "submit", 10), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_PENDING);
	assert_string_equal(kit_text(m->reply, "/progress/text"), "installing 1 requirement: a");
	mock_write(builder(m)->files, "log", "Collecting a\n", 13);
	assert_int_equal(again(m, "logs", 10), DAVIT_OK);
	assert_string_equal(m->bytes, "Collecting a\n");
	m->now_ms += 3600000; /* no time that the server had */
	polled(m, 10, DAVIT_STATE_PENDING);
	builder(m)->state = "exited";
	polled(m, 10, DAVIT_STATE_RUNNING);
	spec = mock_process(m, EP "1")->spec;
	assert_string_equal(kit_text(spec, "/prefix/process"), builder(m)->name);
	assert_int_equal(keys_with(m, "environment-wait/"), 0);
	polled(m, 10, DAVIT_STATE_RUNNING);
	m->now_ms += 120001;
	polled(m, 10, DAVIT_STATE_FAILED);
	assert_int_equal(listed(m), 1);
	assert_string_equal(kit_text(m->reply, "/items/0/name"), "script_venv_my_model");
}

static void a_build_that_fails_fails_the_deploy_with_pips_words(void **state)
{
	static const char said[] = "Looking\nERROR: No matching distribution found for a\n";
	struct mock *m = *state;

	model(m, NULL, "[\"a\"]");
	assert_int_equal(deploy(m, "submit", 10), DAVIT_OK);
	mock_write(builder(m)->files, "log", said, strlen(said));
	builder(m)->exit_code = 1;
	builder(m)->state = "exited";
	for (int i = 0; i < 2; i++) { /* also to a daemon that died before it heard */
		polled(m, 10, DAVIT_STATE_FAILED);
		assert_string_equal(kit_text(m->reply, "/error"),
			"the Python environment could not be built: exit code 1: ERROR: No matching "
			"distribution found for a");
		assert_string_equal(kit_text(m->reply, "/reason/lines/0"), "Looking");
	}
	assert_null(mock_process(m, EP "1"));
	assert_int_equal(keys_with(m, "environment-wait/"), 0);
	assert_int_equal(deploy(m, "submit", 11), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_PENDING);
	assert_null(builder(m)->state);
	goes_on(m, 11, EP "2");
}

static void a_cancelled_deploy_stops_the_build(void **state)
{
	struct mock *m = *state;

	model(m, NULL, "[\"a\"]");
	assert_int_equal(deploy(m, "submit", 10), DAVIT_OK);
	assert_int_equal(again(m, "cancel", 10), DAVIT_OK);
	assert_int_equal(builder(m)->stops, 1);
	polled(m, 10, DAVIT_STATE_CANCELLED);
	assert_null(mock_process(m, EP "1"));
	assert_int_equal(keys_with(m, "environment-wait/"), 0);
}

static void of_two_deploys_the_later_one_keeps_the_build(void **state)
{
	struct mock *m = *state;

	model(m, NULL, "[\"a\"]");
	assert_int_equal(deploy(m, "submit", 10), DAVIT_OK);
	assert_int_equal(deploy(m, "submit", 11), DAVIT_OK);
	polled(m, 10, DAVIT_STATE_CANCELLED);
	assert_int_equal(builder(m)->starts, 1);
	goes_on(m, 11, EP "2");
	assert_null(mock_process(m, EP "1"));
	assert_int_equal(keys_with(m, "environment-wait/"), 0);
}

/* --- crashes and other hands --- */

static void a_crash_at_any_point_of_a_deploy_goes_on(void **state)
{
	struct mock *m = *state;

	model(m, NULL, "[\"a\"]");
	assert_int_equal(deploy(m, "submit", 10), DAVIT_OK);
	/* before the submit was answered: it is found not to have got far, and sent again */
	assert_int_equal(deploy(m, "find", 10), DAVIT_NOT_FOUND);
	assert_int_equal(deploy(m, "submit", 10), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_PENDING);
	assert_int_equal(builder(m)->starts, 1);
	/* after the record, before anything was started */
	forget(builder(m));
	polled(m, 10, DAVIT_STATE_PENDING);
	assert_int_equal(builder(m)->starts, 1);
	/* after the build, before the server */
	builder(m)->state = "exited";
	m->start_code = DAVIT_RETRY;
	assert_int_equal(again(m, "poll", 10), DAVIT_RETRY);
	polled(m, 10, DAVIT_STATE_RUNNING);
	assert_int_equal(mock_process(m, EP "1")->starts, 1);
	assert_int_equal(deploy(m, "find", 10), DAVIT_OK);
}

/* Deleted between the look at it and the start of the server. */
static void an_environment_that_went_away_is_built_again(void **state)
{
	struct mock *m = *state;

	model(m, NULL, "[\"a\"]");
	assert_int_equal(deploy(m, "submit", 10), DAVIT_OK);
	forget(builder(m));
	polled(m, 10, DAVIT_STATE_PENDING);
	builder(m)->state = "exited";
	m->start_code = DAVIT_NOT_FOUND;
	assert_int_equal(again(m, "poll", 10), DAVIT_NOT_FOUND); /* but not for ever */
	polled(m, 10, DAVIT_STATE_FAILED);
}

static void a_server_that_is_gone_comes_back_with_its_packages(void **state)
{
	struct mock *m = *state;

	model(m, NULL, "[\"a\"]");
	assert_int_equal(deploy(m, "submit", 10), DAVIT_OK);
	goes_on(m, 10, EP "1");
	mock_process(m, EP "1")->state = "lost";
	mock_destroy(m);
	assert_int_equal(mock_create(m, "{\"pip\": {\"index_url\": \"new\"}}"), DAVIT_OK);
	assert_string_equal(
		kit_text(mock_process(m, EP "2")->spec, "/prefix/process"), builder(m)->name);
	assert_int_equal(builder(m)->starts, 1);
	/* With the packages gone they come first. */
	mock_process(m, EP "2")->state = "lost";
	forget(builder(m));
	mock_destroy(m);
	assert_int_equal(mock_create(m, "{}"), DAVIT_OK);
	assert_null(mock_process(m, EP "3"));
	builder(m)->state = "exited";
	mock_destroy(m);
	assert_int_equal(mock_create(m, "{}"), DAVIT_OK);
	assert_non_null(mock_process(m, EP "3"));
}

static void an_environment_stays_while_its_model_is_deployed(void **state)
{
	struct mock *m = *state;

	model(m, NULL, "[\"a\"]");
	assert_int_equal(deploy(m, "submit", 10), DAVIT_OK);
	take_name(m, "script_venv_my_model");
	assert_non_null(builder(m));
	goes_on(m, 10, EP "1");
	mock_process(m, EP "1")->state = "exited"; /* nothing runs with it just now */
	assert_int_equal(listed(m), 0);
	assert_non_null(builder(m));
	assert_int_equal(kit_job(m, DAVIT_DEPLOYMENT, "submit", "undeploy", kit_id(12),
				 kit_id(ENDPOINT), json_object()),
		DAVIT_OK);
	assert_null(builder(m));
	assert_int_equal(keys_with(m, "environment-"), 0);
	/* The way back builds it again. */
	assert_int_equal(kit_job(m, DAVIT_DEPLOYMENT, "submit", "deploy", kit_id(13),
				 kit_id(ENDPOINT), json_pack("{s:b}", "rollback", 1)),
		DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_PENDING);
	goes_on(m, 13, EP "2");
	assert_int_equal(listed(m), 1);
}

static void a_deleted_endpoint_stops_the_build_for_it(void **state)
{
	struct mock *m = *state;

	model(m, NULL, "[\"a\"]");
	assert_int_equal(deploy(m, "submit", 10), DAVIT_OK);
	assert_int_equal(
		mock_run(m, DAVIT_DEPLOYMENT, "remove", json_pack("{s:s}", "id", kit_id(ENDPOINT))),
		DAVIT_OK);
	assert_int_equal(builder(m)->stops, 1);
	assert_int_equal(keys_with(m, "environment-wait/"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_server_has_the_packages_of_its_model_else_of_the_training),
		TEST(packages_of_a_model_are_checked_when_it_is_registered),
		TEST(packages_come_from_where_the_site_says_now),
		TEST(a_batch_prediction_has_those_of_the_model_unless_it_names_its_own),
		TEST(a_deploy_waits_for_the_packages_and_then_starts_the_server),
		TEST(a_build_that_fails_fails_the_deploy_with_pips_words),
		TEST(a_cancelled_deploy_stops_the_build),
		TEST(of_two_deploys_the_later_one_keeps_the_build),
		TEST(a_crash_at_any_point_of_a_deploy_goes_on),
		TEST(an_environment_that_went_away_is_built_again),
		TEST(a_server_that_is_gone_comes_back_with_its_packages),
		TEST(an_environment_stays_while_its_model_is_deployed),
		TEST(a_deleted_endpoint_stops_the_build_for_it),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
