/* Batch predictions against a host of the test's own. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "unit/cmocka.h"
#include "unit/local/kit.h"

enum {
	MODEL = 2, /* as kit_model(1) makes it */
	ROWS = 4,
	JOB = 5
};

static void prepare(struct mock *m)
{
	kit_model(m, 1);
	assert_int_equal(kit_job(m, DAVIT_DATASETS, "submit", "create", kit_id(ROWS), NULL,
				 json_pack("{s:s, s:{s:s}}", "name", "rows", "source", "text",
					 "a,b\n1,2\n")),
		DAVIT_OK);
}

static json_t *spec_of(const char *more)
{
	json_t *spec = json_pack(
		"{s:s, s:s, s:s}", "name", "evening", "model", "digits", "dataset", "rows");
	json_t *other = json_loads(more, 0, NULL);

	assert_non_null(spec);
	assert_non_null(other);
	json_object_update(spec, other);
	json_decref(other);
	return spec;
}

static int32_t submit(struct mock *m, const char *more)
{
	return kit_job(m, DAVIT_INFERENCE, "submit", "batch", kit_id(JOB), NULL, spec_of(more));
}

static const json_t *input_as(const json_t *spec, const char *as)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(spec, "inputs"), i, v)
	{
		if (strcmp(kit_text(v, "/as"), as) == 0)
			return v;
	}
	fail_msg("no input as %s", as);
	return NULL;
}

/* What the driver is told. */
static json_t *job_of(const struct mock_process *p)
{
	json_t *job = json_loads(kit_text(input_as(p->spec, "batch/job.json"), "/text"), 0, NULL);

	assert_non_null(job);
	return job;
}

static void it_starts_the_driver_with_copies_of_rows_and_model(void **state)
{
	struct mock *m = *state;
	const struct mock_process *p;
	const json_t *dataset;
	json_t *job;

	prepare(m);
	assert_int_equal(submit(m, "{\"environment\": {\"A\": 1}, \"batch_size\": 3}"), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_RUNNING);
	p = mock_process(m, kit_id(JOB));
	assert_non_null(p);
	assert_string_equal(kit_text(p->spec, "/argv/1"), "../batch/driver.py");
	assert_string_equal(kit_text(p->spec, "/environment/A"), "1");
	assert_string_equal(kit_text(p->spec, "/environment/DAVIT_MODEL_DIR"), "model");
	(void)input_as(p->spec, "work/serve.py");
	dataset = input_as(p->spec, "batch/dataset.csv");
	assert_int_equal(strlen(kit_text(dataset, "/blob")), 64);
	job = job_of(p);
	assert_string_equal(kit_text(job, "/dataset"), "../batch/dataset.csv");
	assert_string_equal(kit_text(job, "/format"), "csv");
	assert_string_equal(kit_text(job, "/on_error"), "fail");
	assert_int_equal(kit_int(job, "/batch_size"), 3);
	assert_int_equal(kit_int(job, "/concurrency"), 1);
	assert_string_equal(kit_text(job, "/own/0"), "A");
	assert_string_equal(kit_text(job, "/server/argv/1"), "serve.py");
	json_decref(job);
}

static void one_submission_is_one_process(void **state)
{
	struct mock *m = *state;

	prepare(m);
	assert_int_equal(kit_job(m, DAVIT_INFERENCE, "find", "batch", kit_id(JOB), NULL, NULL),
		DAVIT_NOT_FOUND);
	assert_int_equal(submit(m, "{}"), DAVIT_OK);
	assert_int_equal(submit(m, "{}"), DAVIT_OK);
	assert_int_equal(mock_process(m, kit_id(JOB))->starts, 1);
	assert_int_equal(
		kit_job(m, DAVIT_INFERENCE, "find", "batch", kit_id(JOB), NULL, NULL), DAVIT_OK);
}

static void its_object_says_what_and_how_far(void **state)
{
	static const char told[] = "{\"step\":7,\"total\":9,\"metrics\":{\"rows\":7,"
				   "\"failed_rows\":2,\"rows_per_second\":3.5}}\n";
	struct mock *m = *state;
	struct mock_process *p;
	json_t *ref;

	prepare(m);
	assert_int_equal(submit(m, "{}"), DAVIT_OK);
	ref = kit_ref(m);
	assert_string_equal(kit_text(m->reply, "/model/id"), kit_id(MODEL));
	assert_int_equal(kit_int(m->reply, "/model/version"), 1);
	assert_string_equal(kit_text(m->reply, "/dataset/id"), kit_id(ROWS));
	assert_int_equal(strlen(kit_text(m->reply, "/provider/dataset/sha256")), 64);
	p = mock_process(m, kit_id(JOB));
	mock_write(p->files, "progress.jsonl", told, strlen(told));
	assert_int_equal(kit_again(m, DAVIT_INFERENCE, "poll", "batch", ref), DAVIT_OK);
	assert_int_equal(kit_int(m->reply, "/rows"), 7);
	assert_int_equal(kit_int(m->reply, "/failed_rows"), 2);
	assert_int_equal(kit_int(m->reply, "/progress/total"), 9);
	assert_null(json_object_get(m->reply, "outputs"));
	mock_write(p->files, "outputs/predictions.jsonl", "1\n2\n", 4);
	p->state = "exited";
	assert_int_equal(kit_again(m, DAVIT_INFERENCE, "poll", "batch", ref), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_SUCCEEDED);
	assert_string_equal(kit_text(m->reply, "/outputs/0/path"), "predictions.jsonl");
	assert_int_equal(kit_int(m->reply, "/outputs/0/bytes"), 4);
	assert_int_equal(kit_again(m, DAVIT_INFERENCE, "metrics", "batch", ref), DAVIT_OK);
	assert_int_equal(kit_int(m->reply, "/series/0/values/rows"), 7);
	assert_int_equal(kit_again(m, DAVIT_INFERENCE, "outputs", "batch", ref), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/items/0/path"), "predictions.jsonl");
	json_decref(ref);
}

static void the_data_set_knows_that_it_was_used(void **state)
{
	struct mock *m = *state;

	prepare(m);
	assert_int_equal(submit(m, "{}"), DAVIT_OK);
	assert_int_equal(kit_get(m, DAVIT_DATASETS, kit_id(ROWS)), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/used_by/0/id"), kit_id(JOB));
	assert_string_equal(kit_text(m->reply, "/used_by/0/kind"), "batch");
}

static void what_is_not_there_is_named(void **state)
{
	static const struct {
		const char *more;
		const char *pointer;
	} rows[] = {
		{"{\"model\": \"nothing\"}", "/spec/model"},
		{"{\"model\": \"digits@v2\"}", "/spec/model"},
		{"{\"dataset\": \"nothing\"}", "/spec/dataset"},
		{"{\"requirements\": \"-r other\"}", "/spec/requirements"},
		{"{\"environment\": {\"a=b\": \"c\"}}", "/spec/environment/a=b"},
	};
	struct mock *m = *state;

	prepare(m);
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(kit_job(m, DAVIT_INFERENCE, "validate", "batch", kit_id(JOB), NULL,
					 spec_of(rows[i].more)),
			DAVIT_INVALID);
		assert_string_equal(m->fail_pointer, rows[i].pointer);
	}
	assert_int_equal(
		kit_job(m, DAVIT_INFERENCE, "validate", "batch", kit_id(JOB), NULL, spec_of("{}")),
		DAVIT_OK);
}

static void cancel_stops_its_process(void **state)
{
	struct mock *m = *state;
	json_t *ref;

	prepare(m);
	assert_int_equal(submit(m, "{}"), DAVIT_OK);
	ref = kit_ref(m);
	assert_int_equal(kit_again(m, DAVIT_INFERENCE, "cancel", "batch", ref), DAVIT_OK);
	assert_int_equal(mock_process(m, kit_id(JOB))->stops, 1);
	assert_int_equal(kit_again(m, DAVIT_INFERENCE, "poll", "batch", ref), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_CANCELLED);
	json_decref(ref);
}

static void one_that_ended_can_be_deleted(void **state)
{
	struct mock *m = *state;
	json_t *id = json_pack("{s:s}", "id", kit_id(JOB));

	prepare(m);
	assert_int_equal(submit(m, "{}"), DAVIT_OK);
	assert_int_equal(mock_run(m, DAVIT_INFERENCE, "remove", json_incref(id)), DAVIT_CONFLICT);
	mock_process(m, kit_id(JOB))->state = "exited";
	assert_int_equal(mock_run(m, DAVIT_INFERENCE, "remove", json_incref(id)), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/state"), "SUCCEEDED");
	assert_null(mock_process(m, kit_id(JOB)));
	assert_int_equal(mock_run(m, DAVIT_INFERENCE, "list", json_object()), DAVIT_OK);
	assert_int_equal(json_array_size(json_object_get(m->reply, "items")), 0);
	assert_int_equal(mock_run(m, DAVIT_INFERENCE, "remove", id), DAVIT_NOT_FOUND);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		TEST(it_starts_the_driver_with_copies_of_rows_and_model),
		TEST(one_submission_is_one_process),
		TEST(its_object_says_what_and_how_far),
		TEST(the_data_set_knows_that_it_was_used),
		TEST(what_is_not_there_is_named),
		TEST(cancel_stops_its_process),
		TEST(one_that_ended_can_be_deleted),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
