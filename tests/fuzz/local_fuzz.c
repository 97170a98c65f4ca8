/*
 * Fuzz target: texts of callers and of their programs that the provider `local` reads. The
 * first byte of the input says what the rest is:
 *
 *     d c j   a data set of unknown format, csv, jsonl
 *     q       requirements of a training
 *     r       what a caller writes to name a data set
 *     l       the log of a training that failed
 *     p       what a training told of its progress
 *     f o     what a function left: its failure, its answer
 *
 * Each is taken or refused in words, and answers have the shape of their schemas (mock.c looks).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "unit/cmocka.h"
#include "unit/local/kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

static void taken_or_refused(const struct mock *m, int32_t code)
{
	must(code == DAVIT_OK || (code == DAVIT_INVALID && m->fail_text[0] != '\0'));
}

static void put_dataset(struct mock *m, const char *format, const char *text, size_t n)
{
	mock_write(m->paths, "rows", text, n);
	taken_or_refused(m, kit_job(m, DAVIT_DATASETS, "submit", "create", kit_id(1), NULL,
				    json_pack("{s:s, s:{s:s}, s:s*}", "name", "x", "source", "path",
					    "rows", "format", format)));
}

static void put_requirements(struct mock *m, const char *text, size_t n)
{
	json_t *lines = json_stringn(text, n);
	json_t *spec;

	if (lines == NULL)
		return;
	spec = json_pack("{s:s, s:{s:s}, s:o}", "name", "digits", "script", "text", "fit()",
		"requirements", lines);
	taken_or_refused(m, kit_job(m, DAVIT_TRAINING, "submit", "train", kit_id(1), NULL, spec));
}

static void name_dataset(struct mock *m, const char *text, size_t n)
{
	json_t *reference = json_stringn(text, n);
	int32_t code;

	if (reference == NULL)
		return;
	put_dataset(m, NULL, "1\n", 2);
	code = mock_run(
		m, DAVIT_DATASETS, "get", json_pack("{s:{}, s:o}", "connection", "id", reference));
	must(code == DAVIT_OK || code == DAVIT_NOT_FOUND || code == DAVIT_INVALID);
}

static void end_training(
	struct mock *m, const char *file, int exit_code, const char *text, size_t n)
{
	json_t *ref;

	kit_trained(m, 1);
	ref = kit_ref(m);
	mock_process(m, kit_id(1))->exit_code = exit_code;
	mock_write(mock_process(m, kit_id(1))->files, file, text, n);
	must(kit_again(m, DAVIT_TRAINING, "poll", "train", ref) == DAVIT_OK);
	must(m->state == (exit_code == 0 ? DAVIT_STATE_SUCCEEDED : DAVIT_STATE_FAILED));
	if (exit_code != 0)
		must(strncmp(kit_text(m->reply, "/error"), "exit code 1", 11) == 0);
	must(kit_again(m, DAVIT_TRAINING, "metrics", "train", ref) == DAVIT_OK);
	json_decref(ref);
}

static void end_function(struct mock *m, const char *file, const char *text, size_t n)
{
	struct mock_process born = {.state = "exited"};
	int32_t code;

	mock_write(born.files, "log", text, n);
	mock_write(born.files, file, text, n);
	m->born = &born;
	code = mock_run(m, DAVIT_FUNCTIONS, "execute",
		json_pack("{s:{}, s:s}", "connection", "script", "x"));
	must(code == DAVIT_OK || m->fail_text[0] != '\0');
	must(mock_process_count(m) == 0);
}

static void take(struct mock *m, char kind, const char *text, size_t n)
{
	switch (kind) {
	case 'd':
		put_dataset(m, NULL, text, n);
		break;
	case 'c':
		put_dataset(m, "csv", text, n);
		break;
	case 'j':
		put_dataset(m, "jsonl", text, n);
		break;
	case 'q':
		put_requirements(m, text, n);
		break;
	case 'r':
		name_dataset(m, text, n);
		break;
	case 'l':
		end_training(m, "log", 1, text, n);
		break;
	case 'p':
		end_training(m, "progress.jsonl", 0, text, n);
		break;
	case 'f':
		end_function(m, "outputs/failed", text, n);
		break;
	case 'o':
		end_function(m, "outputs/returned", text, n);
		break;
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *m;

	if (size == 0)
		return 0;
	(void)kit_setup(&m);
	take(m, (char)data[0], (const char *)data + 1, size - 1);
	(void)kit_teardown(&m);
	return 0;
}
