/* Writes errors in the form of their part of the surface. */
#include "http/errors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/veil.h"

/* Steals value; false: out of memory. */
static bool member(json_t *object, const char *name, json_t *value)
{
	return json_object_set_new(object, name, value) == 0;
}

static json_t *text_of(const char *text)
{
	char *seen = strdup(text);
	json_t *v = NULL;

	if (seen != NULL)
		v = json_text_any(seen, veil_text(seen, strlen(seen), false));
	free(seen);
	return v;
}

static json_t *error_object(
	const struct fail *f, const char *text, const char *word, const char *request_id)
{
	json_t *error = json_object();
	bool ok = member(error, "code", json_string(word)) &&
	          member(error, "message", text_of(text)) &&
	          member(error, "request_id", json_string(request_id));

	if (ok && f->field[0] != '\0')
		ok = member(error, "field", text_of(f->field));
	if (ok && f->retry_after_ms > 0)
		ok = member(error, "retry_after_ms", json_integer(f->retry_after_ms));
	if (ok)
		return error;
	json_decref(error);
	return NULL;
}

static json_t *error_value(enum error_form form, const struct fail *f, const char *text,
	const char *word, const char *request_id)
{
	json_t *outer, *error;

	if (form == ERROR_TEXT)
		return text_of(text);
	error = form == ERROR_SHORT ? text_of(text) : error_object(f, text, word, request_id);
	outer = json_object();
	if (member(outer, "error", error))
		return outer;
	json_decref(outer);
	return NULL;
}

char *errors_json(enum error_form form, const struct fail *f, const char *text, const char *word,
	const char *request_id, size_t *ret_n)
{
	json_t *value = error_value(form, f, text, word, request_id);
	char *json = value != NULL ? json_compact(value, ret_n) : NULL;

	json_decref(value);
	return json;
}

const char *errors_word(int status)
{
	for (enum fail_code code = FAIL_NONE + 1; code < FAIL_CODE_COUNT; code++)
		if (fail_status(code) == status)
			return fail_word(code);
	return status < 500 ? "refused" : "failed";
}

const char *errors_last_resort(enum error_form form)
{
	static const char *const texts[] = {
		[ERROR_TEXT] = "\"internal error: out of memory\"\n",
		[ERROR_SHORT] = "{\"error\":\"internal error: out of memory\"}\n",
		[ERROR_OBJECT] =
			"{\"error\":{\"code\":\"internal\",\"message\":\"out of memory\"}}\n",
	};

	return texts[form];
}
