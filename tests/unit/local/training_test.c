/* Data sets, trainings and models against a host of the test's own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "unit/cmocka.h"
#include "unit/local/kit.h"

/* --- data sets --- */

static int32_t dataset(struct mock *m, int n, const char *name, json_t *source)
{
	return kit_job(m, DAVIT_DATASETS, "submit", "create", kit_id(n), NULL,
		json_pack("{s:s, s:o}", "name", name, "source", source));
}

static void a_data_set_is_sealed_in_its_format(void **state)
{
	static const struct {
		const char *source;
		const char *format;
		int64_t bytes;
		int64_t rows; /* -1: not told */
	} rows[] = {
		{"{\"text\": \"a,b\\n1,2\\n\"}", "csv", 8, -1},
		{"{\"text\": \"\\n [1,2]\\n\\n[3,4]\"}", "jsonl", 14, 2},
		{"{\"rows\": [[1,2],{\"a\":\"\xc3\xbc\"}]}", "jsonl", 17, 2},
		{"{\"path\": \"rows.csv\"}", "csv", 3, -1},
		{"{\"path\": \"rows.jsonl\"}", "jsonl", 3, 1},
	};
	struct mock *m = *state;

	mock_write(m->paths, "rows.csv", "1,2", 3);
	mock_write(m->paths, "rows.jsonl", "[1]", 3);
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *source = json_loads(rows[i].source, 0, NULL);

		assert_int_equal(dataset(m, (int)i, "x", source), DAVIT_OK);
		assert_int_equal(m->state, DAVIT_STATE_SUCCEEDED);
		assert_string_equal(kit_text(m->reply, "/id"), kit_id((int)i));
		assert_string_equal(kit_text(m->reply, "/format"), rows[i].format);
		assert_int_equal(kit_int(m->reply, "/bytes"), rows[i].bytes);
		assert_int_equal(json_int_or(m->reply, "rows", -1), rows[i].rows);
		assert_string_equal(kit_text(m->reply, "/created"), "2026-11-21T08:00:00.123Z");
	}
}

static void a_repeated_submission_makes_nothing_new(void **state)
{
	struct mock *m = *state;

	assert_int_equal(dataset(m, 1, "x", json_pack("{s:s}", "text", "1")), DAVIT_OK);
	assert_int_equal(dataset(m, 1, "x", json_pack("{s:s}", "path", "gone")), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/id"), kit_id(1));
	assert_int_equal(
		kit_job(m, DAVIT_DATASETS, "find", "create", kit_id(1), NULL, NULL), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_SUCCEEDED);
	assert_int_equal(kit_job(m, DAVIT_DATASETS, "find", "create", kit_id(2), NULL, NULL),
		DAVIT_NOT_FOUND);
}

static void the_newest_of_a_name_is_meant(void **state)
{
	struct mock *m = *state;

	assert_int_equal(dataset(m, 1, "x", json_pack("{s:s}", "text", "1")), DAVIT_OK);
	assert_int_equal(dataset(m, 2, "x", json_pack("{s:s}", "text", "2")), DAVIT_OK);
	assert_int_equal(dataset(m, 3, "y", json_pack("{s:s}", "text", "3")), DAVIT_OK);
	assert_int_equal(kit_get(m, DAVIT_DATASETS, "x"), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/id"), kit_id(2));
	assert_int_equal(kit_get(m, DAVIT_DATASETS, kit_id(1)), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/id"), kit_id(1));
	assert_int_equal(kit_get(m, DAVIT_DATASETS, "z"), DAVIT_NOT_FOUND);
	assert_int_equal(mock_run(m, DAVIT_DATASETS, "list", json_object()), DAVIT_OK);
	assert_int_equal(json_array_size(json_object_get(m->reply, "items")), 3);
}

static void a_source_that_is_not_there_is_the_callers_fault(void **state)
{
	struct mock *m = *state;

	assert_int_equal(
		kit_job(m, DAVIT_DATASETS, "validate", "create", kit_id(1), NULL,
			json_pack("{s:s, s:{s:s}}", "name", "x", "source", "path", "gone")),
		DAVIT_INVALID);
	assert_string_equal(m->fail_pointer, "/spec/source");
	assert_int_equal(dataset(m, 1, "x", json_pack("{s:s}", "blob", "00")), DAVIT_INVALID);
}

static void a_file_is_sealed_with_its_format_when_a_data_set_is_accepted(void **state)
{
	struct mock *m = *state;
	json_t *spec;

	mock_write(m->paths, "my rows.jsonl", "[1]\n", 4);
	assert_int_equal(kit_job(m, DAVIT_DATASETS, "validate", "create", kit_id(1), NULL,
				 json_pack("{s:s, s:[s], s:{s:s}}", "name", "x", "tags", "prod",
					 "source", "path", "my rows.jsonl")),
		DAVIT_OK);
	spec = json_deep_copy(json_object_get(m->reply, "spec"));
	assert_string_equal(kit_text(spec, "/format"), "jsonl");
	assert_string_equal(kit_text(spec, "/tags/0"), "prod");
	assert_null(json_object_get(json_object_get(spec, "source"), "path"));
	mock_write(m->paths, "my rows.jsonl", "[2]\n[3]\n", 8);
	assert_int_equal(
		kit_job(m, DAVIT_DATASETS, "submit", "create", kit_id(1), NULL, spec), DAVIT_OK);
	assert_int_equal(kit_int(m->reply, "/rows"), 1);
}

/* --- trainings --- */

static json_t *train_spec(void)
{
	return json_pack("{s:s, s:{s:s}, s:s, s:{s:i}, s:{s:i, s:s}, s:{s:i, s:i}}", "name",
		"digits", "script", "path", "digits/fit.py", "dataset", "rows", "parameters",
		"epochs", 3, "environment", "THREADS", 2, "SITE", "mine", "limits", "wall_seconds",
		60, "open_files", 999);
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

static void what_a_training_names_is_made_definite(void **state)
{
	static const char gone[] =
		"0000000000000000000000000000000000000000000000000000000000000000";
	struct mock *m = *state;
	const json_t *run;
	json_t *spec;

	mock_write(m->paths, "digits/fit.py", "print(1)", 8);
	assert_int_equal(dataset(m, 1, "rows", json_pack("{s:s}", "text", "1,2")), DAVIT_OK);
	assert_int_equal(
		kit_job(m, DAVIT_TRAINING, "validate", "train", kit_id(3), NULL, train_spec()),
		DAVIT_OK);
	spec = json_incref(json_object_get(m->reply, "spec"));
	assert_string_equal(kit_text(spec, "/dataset/id"), kit_id(1));
	assert_string_equal(kit_text(spec, "/script/name"), "fit.py");
	assert_string_equal(kit_text(spec, "/environment/SITE"), "mine");
	mock_write(m->paths, "digits/fit.py", "print(2)", 8);
	assert_int_equal(dataset(m, 2, "rows", json_pack("{s:s}", "text", "3,4")), DAVIT_OK);
	assert_int_equal(mock_run(m, DAVIT_DATASETS, "remove", json_pack("{s:s}", "id", kit_id(1))),
		DAVIT_OK);
	assert_int_equal(kit_job(m, DAVIT_TRAINING, "validate", "train", kit_id(3), NULL,
				 json_deep_copy(spec)),
		DAVIT_OK);
	assert_true(json_equal(json_object_get(m->reply, "spec"), spec));
	assert_int_equal(kit_job(m, DAVIT_TRAINING, "submit", "train", kit_id(3), NULL,
				 json_deep_copy(spec)),
		DAVIT_OK);
	run = mock_process(m, kit_id(3))->spec;
	assert_string_equal(
		kit_text(input_as(run, "work/fit.py"), "/blob"), kit_text(spec, "/script/blob"));
	assert_string_equal(kit_text(input_as(run, "work/dataset.csv"), "/blob"),
		kit_text(spec, "/dataset/sha256"));
	(void)json_object_set_new(json_object_get(spec, "dataset"), "sha256", json_string(gone));
	assert_int_equal(kit_job(m, DAVIT_TRAINING, "validate", "train", kit_id(4), NULL, spec),
		DAVIT_INVALID);
	assert_string_equal(m->fail_pointer, "/spec/dataset");
}

/* The spec of a training by a text of that name. */
static json_t *named_spec(const char *name)
{
	return json_pack("{s:s, s:{s:s, s:s}, s:[s, s, s]}", "name", "digits", "script", "text",
		"print(1)", "name", name, "args", "--fast", "it's", "");
}

static void a_text_keeps_the_name_of_its_file(void **state)
{
	struct mock *m = *state;

	assert_int_equal(kit_job(m, DAVIT_TRAINING, "submit", "custom_script", kit_id(1), NULL,
				 named_spec("fit-2.py")),
		DAVIT_OK);
	(void)input_as(mock_process(m, kit_id(1))->spec, "work/fit-2.py");
	assert_string_equal(kit_text(m->reply, "/provider/script/name"), "fit-2.py");
	assert_string_equal(
		kit_text(m->reply, "/provider/command"), "python3 fit-2.py --fast 'it'\\''s' ''");
}

static void a_name_that_is_no_plain_file_name_is_refused(void **state)
{
	static const char *const names[] = {"", ".", "..", "../x.py", "/x", "a/b.py", "-c", ".x",
		"a b", "a\nb",
		"a23456789012345678901234567890123456789012345678901234567890123456"};
	struct mock *m = *state;

	for (size_t i = 0; i < COUNT(names); i++) {
		assert_int_equal(kit_job(m, DAVIT_TRAINING, "validate", "custom_script", kit_id(1),
					 NULL, named_spec(names[i])),
			DAVIT_INVALID);
		assert_string_equal(m->fail_pointer, "/spec/script/name");
	}
	assert_int_equal(
		kit_job(m, DAVIT_TRAINING, "validate", "custom_script", kit_id(1), NULL,
			json_pack("{s:s, s:{s:s}}", "name", "x", "script", "name", "x.py")),
		DAVIT_INVALID);
	assert_string_equal(m->fail_pointer, "/spec/script");
}

static void a_training_starts_what_was_asked_for(void **state)
{
	struct mock *m = *state;
	const json_t *spec;

	mock_destroy(m);
	assert_int_equal(
		mock_create(m, "{\"python\": \"/opt/python\", \"environment\": {\"SITE\": \"s\", "
			       "\"OTHER\": true}, \"limits\": {\"wall_seconds\": 100, "
			       "\"open_files\": 64, \"cpu_seconds\": 7}, \"log_bytes\": 5000}"),
		DAVIT_OK);
	mock_write(m->paths, "digits/fit.py", "print(1)", 8);
	assert_int_equal(dataset(m, 1, "rows", json_pack("{s:s}", "text", "1,2")), DAVIT_OK);
	assert_int_equal(
		kit_job(m, DAVIT_TRAINING, "validate", "train", kit_id(2), NULL, train_spec()),
		DAVIT_OK);
	assert_int_equal(mock_process_count(m), 0);
	assert_int_equal(
		kit_job(m, DAVIT_TRAINING, "submit", "train", kit_id(2), NULL, train_spec()),
		DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_RUNNING);
	assert_string_equal(kit_text(m->reply, "/handle"), "4711");
	assert_non_null(mock_process(m, kit_id(2)));
	spec = mock_process(m, kit_id(2))->spec;
	assert_string_equal(kit_text(spec, "/argv/0"), "python3");
	assert_string_equal(kit_text(spec, "/argv/1"), "fit.py");
	assert_string_equal(kit_text(spec, "/programs/python3"), "/opt/python");
	assert_string_equal(kit_text(spec, "/cwd"), "work");
	assert_string_equal(
		kit_text(input_as(spec, "work/parameters.json"), "/text"), "{\"epochs\":3}");
	assert_int_equal(strlen(kit_text(input_as(spec, "work/fit.py"), "/blob")), 64);
	assert_int_equal(strlen(kit_text(input_as(spec, "work/dataset.csv"), "/blob")), 64);
	assert_string_equal(kit_text(spec, "/environment/DAVIT_DATASET"), "dataset.csv");
	assert_string_equal(kit_text(spec, "/environment/DAVIT_PARAMETERS"), "parameters.json");
	assert_string_equal(kit_text(spec, "/environment/SITE"), "mine");
	assert_string_equal(kit_text(spec, "/environment/OTHER"), "true");
	assert_string_equal(kit_text(spec, "/environment/THREADS"), "2");
	assert_int_equal(kit_int(spec, "/limits/wall_seconds"), 60);
	assert_int_equal(kit_int(spec, "/limits/open_files"), 64);
	assert_int_equal(kit_int(spec, "/limits/cpu_seconds"), 7);
	assert_int_equal(json_object_size(json_object_get(spec, "limits")), 3);
	assert_int_equal(kit_int(spec, "/log_bytes"), 5000);
}

static void one_submission_is_one_process(void **state)
{
	struct mock *m = *state;

	kit_trained(m, 1);
	assert_int_equal(kit_job(m, DAVIT_TRAINING, "submit", "train", kit_id(1), NULL,
				 json_pack("{s:s, s:{s:s}}", "name", "digits", "script", "path",
					 "gone since")),
		DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_SUCCEEDED);
	assert_int_equal(mock_process(m, kit_id(1))->starts, 1);
	assert_int_equal(mock_process_count(m), 1);
}

static void find_tells_whether_it_was_started(void **state)
{
	struct mock *m = *state;

	assert_int_equal(kit_job(m, DAVIT_TRAINING, "find", "train", kit_id(1), NULL, NULL),
		DAVIT_NOT_FOUND);
	m->start_code = DAVIT_RETRY;
	assert_int_equal(kit_job(m, DAVIT_TRAINING, "submit", "train", kit_id(1), NULL,
				 json_pack("{s:s, s:{s:s}}", "name", "x", "script", "text", "1")),
		DAVIT_RETRY);
	assert_int_equal(kit_job(m, DAVIT_TRAINING, "find", "train", kit_id(1), NULL, NULL),
		DAVIT_NOT_FOUND);
	kit_trained(m, 1);
	mock_process(m, kit_id(1))->state = "prepared";
	assert_int_equal(kit_job(m, DAVIT_TRAINING, "find", "train", kit_id(1), NULL, NULL),
		DAVIT_NOT_FOUND);
	mock_process(m, kit_id(1))->state = "starting";
	assert_int_equal(
		kit_job(m, DAVIT_TRAINING, "find", "train", kit_id(1), NULL, NULL), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_RUNNING);
}

static void progress_is_the_last_whole_line(void **state)
{
	static const char lines[] =
		"{\"step\":1,\"total\":4,\"text\":\"one\",\"metrics\":{\"loss\":0.5}}\n"
		"{\"step\":2,\"total\":4,\"text\":\"two\","
		"\"metrics\":{\"loss\":0.25,\"loss\":9,\"note\":\"x\"}}\n"
		"not json\n"
		"{\"step\":3,\"total\":4,\"text\":\"three\"}\n"
		"{\"step\":4,\"tot";
	struct mock *m = *state;
	json_t *ref;

	kit_trained(m, 1);
	ref = kit_ref(m);
	mock_process(m, kit_id(1))->state = NULL;
	mock_write(mock_process(m, kit_id(1))->files, "progress.jsonl", lines, sizeof(lines) - 1);
	assert_int_equal(kit_again(m, DAVIT_TRAINING, "poll", "train", ref), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_RUNNING);
	assert_string_equal(kit_text(m->reply, "/progress/text"), "three");
	assert_int_equal(kit_int(m->reply, "/progress/step"), 3);
	assert_float_equal(json_number_value(json_at(m->reply, "/progress/fraction")), 0.75, 0);
	assert_float_equal(json_number_value(json_at(m->reply, "/metrics/loss")), 0.25, 0);
	assert_int_equal(json_object_size(json_at(m->reply, "/metrics")), 1);
	assert_int_equal(kit_again(m, DAVIT_TRAINING, "metrics", "train", ref), DAVIT_OK);
	assert_int_equal(json_array_size(json_at(m->reply, "/series")), 2);
	assert_int_equal(kit_int(m->reply, "/series/1/step"), 2);
	json_decref(ref);
}

/* Writes count lines "loss", every other one "val" instead if sorts is 2; the first has "only". */
static void write_long(struct mock *m, int count, int sorts)
{
	size_t room = 80;
	char *lines = calloc((size_t)count, room);
	size_t n = 0;

	assert_non_null(lines);
	for (int i = 1; i <= count; i++)
		n += (size_t)snprintf(lines + n, room,
			"{\"step\":%d,\"total\":%d,\"metrics\":{\"%s\":%d.50%s}}\n", i, 2 * count,
			i % sorts == 0 ? "loss" : "val", i, i == 1 ? ",\"only\":7" : "");
	mock_write(mock_process(m, kit_id(1))->files, "progress.jsonl", lines, n);
	free(lines);
}

static void of_a_long_progress_file_each_metric_has_its_last_value(void **state)
{
	struct mock *m = *state;
	json_t *ref;

	kit_trained(m, 1);
	ref = kit_ref(m);
	write_long(m, 20000, 2);
	assert_int_equal(kit_again(m, DAVIT_TRAINING, "poll", "train", ref), DAVIT_OK);
	assert_int_equal(kit_int(m->reply, "/progress/step"), 20000);
	assert_float_equal(json_number_value(json_at(m->reply, "/metrics/loss")), 20000.5, 0);
	assert_float_equal(json_number_value(json_at(m->reply, "/metrics/val")), 19999.5, 0);
	assert_int_equal(kit_int(m->reply, "/metrics/only"), 7);
	json_decref(ref);
}

/* How many of the points have that value; the widest gap between two steps in *ret_gap. */
static size_t points_with(const json_t *series, const char *name, json_int_t *ret_gap)
{
	json_int_t before = 1;
	const json_t *point;
	size_t n = 0, i;

	*ret_gap = 0;
	json_array_foreach(series, i, point)
	{
		json_int_t step = json_integer_value(json_object_get(point, "step"));

		n += json_object_get(json_object_get(point, "values"), name) != NULL;
		*ret_gap = step - before > *ret_gap ? step - before : *ret_gap;
		before = step;
	}
	return n;
}

static void a_long_series_is_thinned_from_its_beginning_to_its_end(void **state)
{
	struct mock *m = *state;
	const json_t *series;
	json_int_t gap;
	json_t *ref;
	size_t n;

	kit_trained(m, 1);
	ref = kit_ref(m);
	for (int sorts = 1; sorts <= 2; sorts++) {
		write_long(m, 20000, sorts);
		assert_int_equal(kit_again(m, DAVIT_TRAINING, "metrics", "train", ref), DAVIT_OK);
		series = json_at(m->reply, "/series");
		n = json_array_size(series);
		assert_in_range(n, 1000, 2400);
		assert_int_equal(json_integer_value(json_at(m->reply, "/series/0/step")), 1);
		assert_int_equal(
			json_integer_value(json_object_get(json_array_get(series, n - 1), "step")),
			20000);
		assert_true(points_with(series, "loss", &gap) >= n / (size_t)sorts - n / 10);
		assert_true(gap <= 200);
	}
	assert_true(points_with(series, "val", &gap) >= n / 2 - n / 10);
	json_decref(ref);
}

/* More than is read at all: pieces from all over it, with both ends. */
static void of_a_huge_progress_file_parts_are_read(void **state)
{
	struct mock *m = *state;
	const json_t *series;
	json_int_t gap;
	json_t *ref;
	size_t n;

	kit_trained(m, 1);
	ref = kit_ref(m);
	write_long(m, 400000, 1);
	assert_int_equal(kit_again(m, DAVIT_TRAINING, "metrics", "train", ref), DAVIT_OK);
	series = json_at(m->reply, "/series");
	n = json_array_size(series);
	assert_int_equal(points_with(series, "loss", &gap), n);
	assert_in_range(n, 1000, 2400);
	assert_true(gap <= 4000);
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(series, n - 1), "step")), 400000);
	json_decref(ref);
}

static void an_end_is_told_in_one_sentence(void **state)
{
	static const struct {
		struct mock_process end;
		const char *log;
		int32_t state;
		const char *error; /* NULL: none */
	} rows[] = {
		{{.state = "exited"}, "done\n", DAVIT_STATE_SUCCEEDED, NULL},
		{{.state = "exited", .exit_code = 3}, "a\nValueError: b\n\n \n", DAVIT_STATE_FAILED,
			"exit code 3: ValueError: b"},
		{{.state = "exited", .exit_code = 1}, "", DAVIT_STATE_FAILED, "exit code 1"},
		{{.state = "exited", .signal = 11}, "x", DAVIT_STATE_FAILED,
			"signal 11 (SIGSEGV): x"},
		{{.state = "exited", .signal = 9, .limit = "wall"}, "x", DAVIT_STATE_FAILED,
			"stopped at its limit of running time (wall_seconds: 60): x"},
		{{.state = "exited", .error = "there is no program 'sh9'"}, "", DAVIT_STATE_FAILED,
			"could not be started: there is no program 'sh9'"},
		{{.state = "exited", .signal = 15, .interrupted = true}, "", DAVIT_STATE_FAILED,
			"stopped when the machine or its supervisor was"},
		{{.state = "lost"}, "x", DAVIT_STATE_FAILED,
			"its supervisor was killed and its end is unknown: x"},
		{{.state = "exited", .signal = 15, .cancelled = true}, "x", DAVIT_STATE_CANCELLED,
			NULL},
	};
	struct mock *m = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mock_process *p;
		json_t *ref;

		kit_trained(m, (int)i);
		ref = kit_ref(m);
		p = mock_process(m, kit_id((int)i));
		p->state = rows[i].end.state;
		p->exit_code = rows[i].end.exit_code;
		p->signal = rows[i].end.signal;
		p->limit = rows[i].end.limit;
		p->cancelled = rows[i].end.cancelled;
		p->error = rows[i].end.error;
		p->interrupted = rows[i].end.interrupted;
		mock_write(p->files, "log", rows[i].log, strlen(rows[i].log));
		assert_int_equal(kit_again(m, DAVIT_TRAINING, "poll", "train", ref), DAVIT_OK);
		assert_int_equal(m->state, rows[i].state);
		if (rows[i].error != NULL)
			assert_string_equal(kit_text(m->reply, "/error"), rows[i].error);
		else
			assert_null(json_object_get(m->reply, "error"));
		assert_int_equal(kit_int(m->reply, "/started_ms"), 1000);
		assert_int_equal(kit_int(m->reply, "/finished_ms"), 3000);
		assert_int_equal(kit_again(m, DAVIT_TRAINING, "logs", "train", ref), DAVIT_OK);
		assert_string_equal(m->bytes, rows[i].log);
		assert_string_equal(m->content_type, "text/plain; charset=utf-8");
		json_decref(ref);
	}
}

static void artifacts_are_listed_with_the_text_of_those_that_are_text(void **state)
{
	struct mock *m = *state;
	struct mock_process *p;

	kit_trained(m, 1);
	p = mock_process(m, kit_id(1));
	mock_write(p->files, "outputs/model.json", "{}", 2);
	mock_write(p->files, "outputs/a/b.bin", "\xff\xfe", 2);
	mock_write(p->files, "outputs/nul.txt", "a\0b", 3);
	assert_int_equal(mock_run(m, DAVIT_TRAINING, "get",
				 json_pack("{s:{s:s}, s:[s]}", "ref", "id", kit_id(1), "include",
					 "artifacts")),
		DAVIT_OK);
	assert_int_equal(json_array_size(json_at(m->reply, "/artifacts")), 3);
	assert_string_equal(kit_text(m->reply, "/artifacts/0/name"), "model.json");
	assert_string_equal(kit_text(m->reply, "/artifacts/0/text"), "{}");
	assert_string_equal(kit_text(m->reply, "/artifacts/1/name"), "a/b.bin");
	assert_int_equal(kit_int(m->reply, "/artifacts/1/bytes"), 2);
	assert_null(json_at(m->reply, "/artifacts/1/text"));
	assert_null(json_at(m->reply, "/artifacts/2/text"));
	assert_int_equal(kit_get(m, DAVIT_TRAINING, "digits"), DAVIT_OK);
	assert_null(json_object_get(m->reply, "artifacts"));
}

static void its_files_are_given_whole(void **state)
{
	struct mock *m = *state;
	json_t *ref;

	kit_trained(m, 1);
	mock_write(mock_process(m, kit_id(1))->files, "outputs/a/b.bin", "\xff\xfe!", 3);
	ref = json_pack("{s:i, s:s}", "v", 1, "id", kit_id(1));
	assert_int_equal(kit_again(m, DAVIT_TRAINING, "outputs", "train", ref), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/items/0/path"), "a/b.bin");
	assert_int_equal(mock_run(m, DAVIT_TRAINING, "outputs",
				 json_pack("{s:O, s:s}", "ref", ref, "path", "a/b.bin")),
		DAVIT_OK);
	assert_memory_equal(m->bytes, "\xff\xfe!", 4);
	assert_int_equal(mock_run(m, DAVIT_TRAINING, "outputs",
				 json_pack("{s:O, s:s}", "ref", ref, "path", "b.bin")),
		DAVIT_NOT_FOUND);
	json_decref(ref);
}

static void cancel_stops_the_process_and_nothing_else(void **state)
{
	struct mock *m = *state;
	json_t *ref;

	kit_trained(m, 1);
	ref = kit_ref(m);
	mock_process(m, kit_id(1))->state = NULL;
	assert_int_equal(kit_again(m, DAVIT_TRAINING, "cancel", "train", ref), DAVIT_OK);
	assert_int_equal(mock_process(m, kit_id(1))->stops, 1);
	assert_int_equal(kit_again(m, DAVIT_TRAINING, "poll", "train", ref), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_CANCELLED);
	assert_int_equal(
		kit_job(m, DAVIT_TRAINING, "cancel", "train", kit_id(9), NULL, NULL), DAVIT_OK);
	json_decref(ref);
}

/* --- command lines --- */

static int32_t command(struct mock *m, const char *slot, int n, const char *text)
{
	return kit_job(m, DAVIT_TRAINING, slot, "command", kit_id(n), NULL,
		json_pack("{s:s, s:s, s:s, s:s}", "name", "x", "command", text, "input_artifacts",
			"data/in", "storage", "local"));
}

static void a_command_runs_without_a_shell_unless_the_site_has_one(void **state)
{
	struct mock *m = *state;
	const json_t *spec;

	assert_int_equal(command(m, "validate", 1, "echo a && echo b"), DAVIT_INVALID);
	assert_string_equal(m->fail_pointer, "/spec/command");
	assert_non_null(strstr(m->fail_text, "local.shell"));
	assert_int_equal(command(m, "submit", 1, "echo a && echo b"), DAVIT_INVALID);
	assert_int_equal(mock_process_count(m), 0);
	assert_int_equal(command(m, "submit", 1, "echo 'a  b'"), DAVIT_OK);
	spec = mock_process(m, kit_id(1))->spec;
	assert_int_equal(json_array_size(json_object_get(spec, "argv")), 2);
	assert_string_equal(kit_text(spec, "/argv/1"), "a  b");
	assert_string_equal(kit_text(spec, "/inputs/0/import"), "data/in");
	assert_true(json_is_true(json_at(spec, "/inputs/0/optional")));
	mock_destroy(m);
	assert_int_equal(mock_create(m, "{\"shell\": true}"), DAVIT_OK);
	assert_int_equal(command(m, "validate", 2, "echo a && echo b"), DAVIT_OK);
	assert_int_equal(command(m, "submit", 2, "echo a && echo b"), DAVIT_OK);
	spec = mock_process(m, kit_id(2))->spec;
	assert_string_equal(kit_text(spec, "/shell"), "echo a && echo b");
	assert_null(json_object_get(spec, "argv"));
}

static void the_sites_python_is_an_absolute_path(void **state)
{
	struct mock *m = *state;

	mock_destroy(m);
	assert_int_equal(mock_create(m, "{\"python\": \"python3\"}"), DAVIT_INVALID);
	assert_string_equal(m->fail_text, "python must be an absolute path, not 'python3'");
	assert_string_equal(m->fail_pointer, "/python");
}

/* --- models --- */

static void a_model_is_made_of_a_training_that_succeeded(void **state)
{
	struct mock *m = *state;
	const json_t *found;

	kit_model(m, 1);
	assert_int_equal(kit_get(m, DAVIT_MODELS, "digits"), DAVIT_OK);
	found = m->reply;
	assert_string_equal(kit_text(found, "/id"), kit_id(2));
	assert_string_equal(kit_text(found, "/provider/job"), kit_id(1));
	assert_string_equal(kit_text(found, "/container"), "serve.py");
	assert_float_equal(json_number_value(json_at(found, "/metrics/accuracy")), 0.5, 0);
	mock_process(m, kit_id(1))->exit_code = 1;
	assert_int_equal(kit_job(m, DAVIT_MODELS, "submit", "register", kit_id(5), NULL,
				 json_pack("{s:s, s:{s:s}, s:{s:s}}", "name", "x", "source", "job",
					 "digits", "server", "command", "serve")),
		DAVIT_CONFLICT);
	assert_string_equal(m->fail_pointer, "/spec/source/job");
	assert_int_equal(kit_get(m, DAVIT_MODELS, kit_id(5)), DAVIT_NOT_FOUND);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_data_set_is_sealed_in_its_format),
		TEST(a_repeated_submission_makes_nothing_new),
		TEST(the_newest_of_a_name_is_meant),
		TEST(a_source_that_is_not_there_is_the_callers_fault),
		TEST(a_file_is_sealed_with_its_format_when_a_data_set_is_accepted),
		TEST(what_a_training_names_is_made_definite),
		TEST(a_text_keeps_the_name_of_its_file),
		TEST(a_name_that_is_no_plain_file_name_is_refused),
		TEST(a_training_starts_what_was_asked_for),
		TEST(one_submission_is_one_process),
		TEST(find_tells_whether_it_was_started),
		TEST(progress_is_the_last_whole_line),
		TEST(of_a_long_progress_file_each_metric_has_its_last_value),
		TEST(a_long_series_is_thinned_from_its_beginning_to_its_end),
		TEST(of_a_huge_progress_file_parts_are_read),
		TEST(an_end_is_told_in_one_sentence),
		TEST(artifacts_are_listed_with_the_text_of_those_that_are_text),
		TEST(its_files_are_given_whole),
		TEST(cancel_stops_the_process_and_nothing_else),
		TEST(a_command_runs_without_a_shell_unless_the_site_has_one),
		TEST(the_sites_python_is_an_absolute_path),
		TEST(a_model_is_made_of_a_training_that_succeeded),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
