/*
 * The schemas that are shipped, against the host's own reader of schemas; the manifests and
 * the answers of the two providers that are shipped with them, against the schemas.
 *
 * Arguments: the folder of schemas, the folder of the template, that of the echo provider,
 * hello.so and echo.so.
 */
#include <davit/provider.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <jansson.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/schema.h"
#include "unit/sdk/mock_host.h"

static const char *schemas, *hello_folder, *echo_folder, *hello_file, *echo_file;

static json_t *load(const char *folder, const char *name)
{
	char path[4096];
	json_error_t error;

	(void)snprintf(path, sizeof(path), "%s/%s.json", folder, name);
	json_t *v = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (v == NULL)
		fail_msg("%s:%d: %s", path, error.line, error.text);
	return v;
}

static void must_satisfy(const char *schema_name, const json_t *value)
{
	json_t *schema = load(schemas, schema_name);
	struct fail f = {0};

	if (!schema_check(schema, value, &f))
		fail_msg("not a %s: %s: %s", schema_name, f.field, f.text);
	json_decref(schema);
}

static void the_host_understands_every_shipped_schema(void **state)
{
	static const char *const names[] = {"manifest", "process-spec", "dataset", "model",
		"endpoint", "training", "inference", "job-state", "list", "artifacts", "metrics",
		"outputs", "error-detail", "http-request"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		json_t *schema = load(schemas, names[i]);
		struct fail f = {0};

		if (!schema_valid(schema, &f))
			fail_msg("%s: %s", names[i], f.text);
		json_decref(schema);
	}
}

static void shipped_manifests_are_as_their_schema_says(void **state)
{
	json_t *hello = load(hello_folder, "manifest");
	json_t *echo = load(echo_folder, "manifest");

	(void)state;
	must_satisfy("manifest", hello);
	must_satisfy("manifest", echo);
	json_decref(hello);
	json_decref(echo);
}

static void a_manifest_with_a_fault_is_refused_at_its_member(void **state)
{
	static const struct {
		const char *path; /* of the object */
		const char *member;
		const char *value; /* NULL: take the member away */
		const char *field;
	} rows[] = {
		{"", "manifest", "2", "/manifest"},
		{"", "id", NULL, ""},
		{"", "interfaces", "{}", "/interfaces"},
		{"", "grants", "[\"sockets\"]", "/grants/0"},
		{"", "nosuch", "1", "/nosuch"},
		{"interfaces", "davit.models", "{\"slots\":[]}", "/interfaces/davit.models"},
		{"envelopes", "wrap", "{\"x\":\"object\"}", "/envelopes/wrap/x"},
		{"envelopes", "operations", "{\"x\":1}", "/envelopes/operations/x"},
		{"envelopes", "rows", "{\"r\":{\"members\":{\"K\":{\"points\":\"/x\"}}}}",
			"/envelopes/rows/r/members/K"},
	};
	json_t *schema = load(schemas, "manifest");

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *manifest = load(echo_folder, "manifest");
		json_t *at = rows[i].path[0] == '\0' ? manifest
		                                     : json_object_get(manifest, rows[i].path);
		struct fail f = {0};

		if (rows[i].value == NULL)
			json_object_del(at, rows[i].member);
		else
			json_object_set_new(at, rows[i].member,
				json_loads(rows[i].value, JSON_DECODE_ANY, NULL));
		assert_false(schema_check(schema, manifest, &f));
		if (strncmp(f.field, rows[i].field, strlen(rows[i].field)) != 0)
			fail_msg("row %zu: at %s, not %s: %s", i, f.field, rows[i].field, f.text);
		json_decref(manifest);
	}
	json_decref(schema);
}

/* --- the providers themselves, over the mock host --- */

struct loaded {
	struct mock mock;
	const davit_core_1 *core;
	davit_instance inst;
	davit_provider_query_fn query;
};

static void open_provider(struct loaded *p, const char *file)
{
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL); /* never closed, as by a host */

	if (library == NULL)
		fail_msg("%s", dlerror()); /* NOLINT(concurrency-mt-unsafe) */
	mock_init(&p->mock);
	void *symbol = dlsym(library, "davit_provider_query");
	memcpy(&p->query, &symbol, sizeof(symbol));
	p->core = p->query(DAVIT_CORE, 1);
	assert_non_null(p->core);
	assert_null(p->query(DAVIT_CORE, 2));
	assert_null(p->query("davit.nosuch", 1));
	int32_t code =
		p->core->create(mock_query, mock_call(&p->mock), (davit_buf){"{}", 2}, &p->inst);
	assert_int_equal(code, DAVIT_OK);
}

static void close_provider(struct loaded *p)
{
	p->core->destroy(p->inst);
	mock_finish(&p->mock);
}

/* Calls a slot; its answer is in p->mock. */
static int32_t ask(struct loaded *p, davit_op slot, const char *request)
{
	p->mock.fails = p->mock.replies = 0;
	p->mock.fail_text[0] = p->mock.reply[0] = '\0';
	mock_finish(&p->mock);
	return slot(p->inst, mock_call(&p->mock), (davit_buf){request, strlen(request)});
}

static void must_answer(struct loaded *p, davit_op slot, const char *request, const char *schema)
{
	int32_t code = ask(p, slot, request);

	if (code != DAVIT_OK || p->mock.replies != 1)
		fail_msg("%s: code %d, %zu replies: %s", request, code, p->mock.replies,
			p->mock.fail_text);
	json_t *answer = json_loads(p->mock.reply, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(answer);
	must_satisfy(schema, answer);
	json_decref(answer);
}

#define MADE "{\"submission_id\":\"s1\",\"derived_name\":\"d-1\",\"kind\":\"create\","

static void the_template_keeps_and_predicts(void **state)
{
	static const char submit[] = MADE "\"spec\":{\"name\":\"n\",\"rows\":[1,2,4.5]}}";
	struct loaded p = {0};

	(void)state;
	open_provider(&p, hello_file);
	const davit_datasets_1 *datasets = p.query(DAVIT_DATASETS, 1);
	const davit_prediction_1 *prediction = p.query(DAVIT_PREDICTION, 1);
	assert_int_equal(ask(&p, datasets->find, MADE "\"x\":0}"), DAVIT_NOT_FOUND);
	must_answer(&p, datasets->submit, submit, "job-state");
	assert_int_equal(p.mock.state, DAVIT_STATE_SUCCEEDED);
	must_answer(&p, datasets->submit, submit, "job-state"); /* again: the same one */
	must_answer(&p, datasets->find, MADE "\"x\":0}", "job-state");
	must_answer(&p, datasets->get, "{\"id\":\"d-1\"}", "dataset");
	must_answer(&p, datasets->list, "{}", "list");
	assert_int_equal(ask(&p, prediction->infer, "{\"id\":\"d-1\",\"body\":0}"), DAVIT_OK);
	assert_string_equal(p.mock.reply, "{\"greeting\":\"hello\",\"prediction\":2.5}");
	must_answer(&p, datasets->remove, "{\"id\":\"d-1\"}", "dataset");
	assert_int_equal(ask(&p, datasets->get, "{\"id\":\"d-1\"}"), DAVIT_NOT_FOUND);
	assert_int_equal(ask(&p, datasets->get, "{}"), DAVIT_INVALID);
	must_answer(&p, datasets->list, "{}", "list");
	assert_string_equal(p.mock.reply, "{\"items\":[]}");
	close_provider(&p);
}

#define TRAIN(words)                                                                               \
	"{\"submission_id\":\"s\",\"derived_name\":\"t-1\",\"kind\":\"train\","                    \
	"\"spec\":{\"name\":\"n\",\"behave\":\"" words "\"}}"
#define REF "{\"kind\":\"train\",\"ref\":{\"v\":1,\"id\":\"t-1\"}}"

static void the_echo_provider_answers_as_the_schemas_say(void **state)
{
	struct loaded p = {0};

	(void)state;
	open_provider(&p, echo_file);
	const davit_training_1 *training = p.query(DAVIT_TRAINING, 1);
	must_answer(&p, training->submit, TRAIN("pend:2 fail"), "training");
	assert_int_equal(p.mock.state, DAVIT_STATE_PENDING);
	must_answer(&p, training->poll, REF, "training");
	assert_int_equal(p.mock.state, DAVIT_STATE_RUNNING);
	must_answer(&p, training->metrics, REF, "metrics");
	must_answer(&p, training->outputs, REF, "outputs");
	must_answer(&p, training->poll, REF, "training");
	assert_int_equal(p.mock.state, DAVIT_STATE_FAILED);
	must_answer(&p, training->find, TRAIN(""), "job-state");
	must_answer(&p, training->get, "{\"id\":\"t-1\"}", "training");
	must_answer(&p, training->list, "{}", "list");
	must_answer(&p, training->remove, "{\"id\":\"t-1\"}", "training");
	assert_int_equal(ask(&p, training->find, TRAIN("")), DAVIT_NOT_FOUND);
	close_provider(&p);
}

static void the_echo_provider_misbehaves_as_it_is_told(void **state)
{
	static const struct {
		const char *request;
		size_t code; /* DAVIT_… */
		size_t replies, fails;
		bool kept; /* is the object there afterwards? */
	} rows[] = {
		{TRAIN("refuse:4"), DAVIT_QUOTA, 0, 1, false},
		{TRAIN("mute:4711"), 4711, 0, 0, false},
		{TRAIN("no_reply"), DAVIT_OK, 0, 0, true},
		{TRAIN("reply_twice"), DAVIT_OK, 2, 0, true},
		{TRAIN("bad_json"), DAVIT_OK, 1, 0, true},
		{TRAIN("wrong_reply"), DAVIT_OK, 1, 0, true},
		{TRAIN("ambiguous"), DAVIT_DEADLINE, 0, 1, true},
		{TRAIN("arena:99999999"), DAVIT_QUOTA, 0, 1, false},
		{TRAIN("retry:1"), DAVIT_RETRY, 0, 1, false},
		{TRAIN("throttle:1"), DAVIT_THROTTLED, 0, 1, false},
		{TRAIN("checkpoint"), DAVIT_UNSUPPORTED, 0, 1, false}, /* no such service here */
		{TRAIN("sleep:5, deaf:7"), DAVIT_OK, 1, 0, true},
		{TRAIN("poll=refuse:5"), DAVIT_OK, 1, 0, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct loaded p = {0};

		open_provider(&p, echo_file);
		const davit_training_1 *training = p.query(DAVIT_TRAINING, 1);
		int32_t code = ask(&p, training->submit, rows[i].request);
		if (code != (int32_t)rows[i].code || p.mock.replies != rows[i].replies ||
			p.mock.fails != rows[i].fails)
			fail_msg("row %zu: code %d, %zu replies, %zu fails: %s", i, code,
				p.mock.replies, p.mock.fails, p.mock.fail_text);
		code = ask(&p, training->find, rows[i].request);
		assert_int_equal(code, rows[i].kept ? DAVIT_OK : DAVIT_NOT_FOUND);
		code = ask(&p, training->submit, rows[i].request);
		if (i >= 8 && i <= 9) /* retry:1, throttle:1 */
			assert_int_equal(code, DAVIT_OK);
		close_provider(&p);
	}
}

static void unknown_words_are_refused_by_validate(void **state)
{
	struct loaded p = {0};

	(void)state;
	open_provider(&p, echo_file);
	const davit_training_1 *training = p.query(DAVIT_TRAINING, 1);
	assert_int_equal(ask(&p, training->validate, TRAIN("pend:2,get=sleep:1")), DAVIT_OK);
	assert_int_equal(ask(&p, training->validate, TRAIN("pend:2 faill")), DAVIT_INVALID);
	assert_string_equal(p.mock.fail_detail, "{\"pointer\":\"/spec/behave\"}");
	assert_string_equal(p.mock.fail_text, "'faill' is no word of the echo provider");
	close_provider(&p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_host_understands_every_shipped_schema),
		cmocka_unit_test(shipped_manifests_are_as_their_schema_says),
		cmocka_unit_test(a_manifest_with_a_fault_is_refused_at_its_member),
		cmocka_unit_test(the_template_keeps_and_predicts),
		cmocka_unit_test(the_echo_provider_answers_as_the_schemas_say),
		cmocka_unit_test(the_echo_provider_misbehaves_as_it_is_told),
		cmocka_unit_test(unknown_words_are_refused_by_validate),
	};

	if (argc != 6)
		return 2;
	schemas = argv[1];
	hello_folder = argv[2];
	echo_folder = argv[3];
	hello_file = argv[4];
	echo_file = argv[5];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
