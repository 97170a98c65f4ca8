/* predict_write - what a batch was answered, as a line per row. See predict_batch.h. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "predict_batch.h"
#include "raw.h"

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

void predict_explain(const struct predict *p, struct batch *b, CURLcode code)
{
	char said[CURL_ERROR_SIZE];

	(void)snprintf(said, sizeof(said), "%s", http_why(b->curl, code, b->why));
	(void)snprintf(b->why, sizeof(b->why),
		code == CURLE_COULDNT_CONNECT ? "cannot reach davitd at %.120s (%.120s)"
		: code == CURLE_OPERATION_TIMEDOUT
			? "davitd at %.120s did not answer: %.120s"
			: "the connection to davitd at %.120s broke: %.90s",
		p->options->host, said);
}

static bool put(struct predict *p, const char *text, size_t n)
{
	p->totals->rows++;
	return p->options->write(p->options->ctx, text, n) ||
	       fail_set(p->f, FAIL_INTERNAL, "cannot write the predictions: %s",
		       strerrordesc_np(errno));
}

static bool put_error(struct predict *p, const struct batch *b, const char *text)
{
	json_t *error = json_object();
	size_t n = 0;
	char *line;
	bool ok;

	(void)json_object_set_new(error, "error", json_text_any(text, strlen(text)));
	line = json_compact(error, &n);
	json_decref(error);
	ok = line != NULL || fail_set(p->f, FAIL_INTERNAL, "out of memory");
	for (size_t i = 0; i < b->rows && ok; i++)
		ok = put(p, line, n);
	p->totals->failed += (int64_t)b->rows;
	free(line);
	return ok;
}

/* The array of predictions: the answer itself, or a member of it. */
static struct raw predictions_of(struct raw answer)
{
	struct raw key, value;
	size_t at = 0;

	while (raw_is_object(answer) && raw_next(answer, &at, &key, &value)) {
		if (raw_is_key(key, "predictions"))
			return value;
	}
	return answer;
}

static size_t count(struct raw list)
{
	struct raw row;
	size_t at = 0, n = 0;

	while (raw_is_array(list) && raw_next(list, &at, NULL, &row))
		n++;
	return n;
}

static bool put_value(struct predict *p, struct raw value)
{
	struct buf line;
	bool ok;

	buf_init(&line, value.n + 1);
	raw_put(&line, value);
	ok = line.failed ? fail_set(p->f, FAIL_INTERNAL, "out of memory") : put(p, line.p, line.n);
	buf_finish(&line);
	return ok;
}

static bool put_answer(struct predict *p, const struct batch *b)
{
	const char *text = b->answer.p != NULL ? b->answer.p : "";
	char said[PREDICT_ERROR_SIZE];
	struct raw answer, list, row;
	struct fail why = {0};
	size_t at = 0;
	bool ok = true;

	if (!raw_check(text, b->answer.n, &why)) {
		(void)snprintf(said, sizeof(said), "the answer of the model is %s", why.text);
		return put_error(p, b, said);
	}
	answer = raw_value(text, b->answer.n);
	list = predictions_of(answer);
	if (!raw_is_array(list) || count(list) != b->rows)
		return b->rows == 1
		               ? put_value(p, answer)
		               : put_error(p, b, "the model did not answer one prediction per row");
	while (ok && raw_next(list, &at, NULL, &row))
		ok = put_value(p, row);
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
