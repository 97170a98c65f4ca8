/* predict_write - what a batch was answered, as a line per row. See predict_batch.h. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "predict_batch.h"

#define ERROR_MAX (PREDICT_ERROR_SIZE - 64)

void predict_error(const struct batch *b, char *text, size_t size)
{
	json_t *body = b->answer.n > 0 ? json_parse(b->answer.p, b->answer.n, NULL) : NULL;
	json_t *inner = json_is_string(body) ? json_parse(json_string_value(body),
						       json_string_length(body), NULL)
	                                     : NULL;
	const json_t *v = inner != NULL ? inner : body;
	const char *said = json_text_or(v, "error", json_string_value(v));

	if (said == NULL)
		said = json_string_value(body);
	if (said == NULL && b->answer.n > 0)
		said = b->answer.p;
	(void)snprintf(text, size, "%.*s (%d)", ERROR_MAX, said != NULL ? said : "no reason given",
		b->status);
	json_decref(inner);
	json_decref(body);
}

static bool put(struct predict *p, const json_t *value)
{
	size_t n = 0;
	char *text = json_compact(value, &n);
	bool ok = text != NULL && p->options->write(p->options->ctx, text, n);

	free(text);
	p->totals->rows++;
	return ok || fail_set(p->f, FAIL_INTERNAL, "cannot write the predictions: %s",
			     strerrordesc_np(errno));
}

static bool put_error(struct predict *p, const struct batch *b, const char *text)
{
	json_t *error = json_object();
	bool ok = true;

	(void)json_object_set_new(error, "error", json_text_any(text, strlen(text)));
	for (size_t i = 0; i < b->rows && ok; i++)
		ok = put(p, error);
	p->totals->failed += (int64_t)b->rows;
	json_decref(error);
	return ok;
}

/* The array with one prediction per row, or NULL. */
static const json_t *predictions_of(const json_t *answer, size_t rows)
{
	const json_t *list =
		json_is_object(answer) ? json_object_get(answer, "predictions") : answer;

	return json_is_array(list) && json_array_size(list) == rows ? list : NULL;
}

static bool put_answer(struct predict *p, const struct batch *b)
{
	json_t *answer = json_parse(b->answer.p != NULL ? b->answer.p : "", b->answer.n, NULL);
	const json_t *list = predictions_of(answer, b->rows);
	const json_t *row;
	bool ok = true;
	size_t i;

	if (list == NULL && b->rows == 1 && answer != NULL) {
		ok = put(p, answer);
	} else if (list == NULL) {
		ok = put_error(p, b, "the model did not answer one prediction per row");
	} else {
		json_array_foreach(list, i, row)
		{
			ok = ok && put(p, row);
		}
	}
	json_decref(answer);
	return ok;
}

bool predict_write(struct predict *p, struct batch *b)
{
	char text[PREDICT_ERROR_SIZE];
	bool ok;

	if (b->status >= 200 && b->status < 300) {
		ok = put_answer(p, b);
	} else if (b->status == 0) {
		ok = put_error(p, b, b->why[0] != '\0' ? b->why : "the connection broke");
	} else {
		predict_error(b, text, sizeof(text));
		ok = put_error(p, b, text);
	}
	b->state = BATCH_FREE;
	return ok;
}
