/* execute_body - see execute_body.h. */
#include "api/execute_body.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/json.h"

#define WORDS_400 "Bad Request - Missing or invalid parameters"
#define WORDS_422 "Unprocessable Entity - Invalid data or values in the payload"

/* Mandatory texts of the body, and what the specification calls them. The last is written as
 * one of three words. */
static const struct {
	const char *key;
	const char *member;
} texts[] = {
	{"bucket", "bucket"},
	{"project_id", "project"},
	{"name", "name"},
	{"version", "version"},
	{"input_artifacts", "input_artifacts"},
	{"command", "command"},
	{"storage", "storage"},
};

static const char *const more_mandatory[] = {"credentials"};
static const char *const optional[] = {"environment", "configs"};
static const char *const credential_keys[] = {"endpoint", "access_key", "secret_key"};

static bool bad(struct fail *f, const char *what, const char *where, const char *key)
{
	return fail_set(f, FAIL_INVALID, WORDS_400 ": %s '%s%s'", what, where, key);
}

static bool wrong(struct fail *f, const char *where, const char *key, const char *why)
{
	return fail_set(f, FAIL_UNPROCESSABLE, WORDS_422 ": '%s%s' %s", where, key, why);
}

static bool among(const char *key, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(key, keys[i]) == 0)
			return true;
	}
	return false;
}

static bool is_text_key(const char *key)
{
	for (size_t i = 0; i < COUNT(texts); i++) {
		if (strcmp(key, texts[i].key) == 0)
			return true;
	}
	return false;
}

static bool check_keys(const json_t *body, struct fail *f)
{
	const char *key;
	json_t *value;

	for (size_t i = 0; i < COUNT(texts); i++) {
		if (json_object_get(body, texts[i].key) == NULL)
			return bad(f, "missing member", "", texts[i].key);
	}
	for (size_t i = 0; i < COUNT(more_mandatory); i++) {
		if (json_object_get(body, more_mandatory[i]) == NULL)
			return bad(f, "missing member", "", more_mandatory[i]);
	}
	json_object_foreach((json_t *)body, key, value)
	{
		if (!is_text_key(key) && !among(key, more_mandatory, COUNT(more_mandatory)) &&
			!among(key, optional, COUNT(optional)))
			return bad(f, "unknown member", "", key);
	}
	return true;
}

static bool check_texts(const json_t *body, struct fail *f)
{
	for (size_t i = 0; i < COUNT(texts); i++) {
		if (!json_is_string(json_object_get(body, texts[i].key)))
			return wrong(f, "", texts[i].key, "must be a string");
	}
	for (size_t i = 0; i < COUNT(texts); i++) {
		if (json_string_length(json_object_get(body, texts[i].key)) == 0)
			return wrong(f, "", texts[i].key, "must not be empty");
	}
	return true;
}

static bool check_credential_keys(const json_t *credentials, struct fail *f)
{
	const char *key;
	json_t *value;

	for (size_t i = 0; i < COUNT(credential_keys); i++) {
		if (json_object_get(credentials, credential_keys[i]) == NULL)
			return bad(f, "missing member", "credentials.", credential_keys[i]);
	}
	json_object_foreach((json_t *)credentials, key, value)
	{
		if (!among(key, credential_keys, COUNT(credential_keys)))
			return bad(f, "unknown member", "credentials.", key);
	}
	return true;
}

static bool check_credentials(const json_t *credentials, struct fail *f)
{
	if (!json_is_object(credentials))
		return wrong(f, "", "credentials", "must be an object");
	if (!check_credential_keys(credentials, f))
		return false;
	for (size_t i = 0; i < COUNT(credential_keys); i++) {
		if (!json_is_string(json_object_get(credentials, credential_keys[i])))
			return wrong(f, "credentials.", credential_keys[i], "must be a string");
	}
	for (size_t i = 0; i < COUNT(credential_keys); i++) {
		if (json_string_length(json_object_get(credentials, credential_keys[i])) == 0)
			return wrong(f, "credentials.", credential_keys[i], "must not be empty");
	}
	return true;
}

/* Absent or a text counts as empty: that is what older clients send for "none". */
static bool check_environment(const json_t *environment, struct fail *f)
{
	const char *key;
	json_t *value;

	if (environment == NULL || json_is_string(environment))
		return true;
	if (!json_is_object(environment))
		return wrong(f, "", "environment", "must be an object of strings");
	json_object_foreach((json_t *)environment, key, value)
	{
		if (key[0] == '\0' || strchr(key, '=') != NULL)
			return wrong(f, "environment.", key, "is no name of a variable");
		if (!json_is_string(value))
			return wrong(f, "environment.", key, "must be a string");
	}
	return true;
}

/* Free text in clients: two words are known, all others mean this machine. */
static const char *storage_word(const char *text)
{
	static const char *const words[] = {"s3", "minio"};

	for (size_t i = 0; i < COUNT(words); i++) {
		if (strcasecmp(text, words[i]) == 0)
			return words[i];
	}
	return "local";
}

static bool is_empty(const json_t *value)
{
	switch (value == NULL ? JSON_NULL : json_typeof(value)) {
	case JSON_OBJECT:
		return json_object_size(value) == 0;
	case JSON_ARRAY:
		return json_array_size(value) == 0;
	case JSON_STRING:
		return json_string_length(value) == 0;
	case JSON_INTEGER:
	case JSON_REAL:
		return json_number_value(value) == 0.0;
	case JSON_TRUE:
		return false;
	case JSON_FALSE:
	case JSON_NULL:
		break;
	}
	return true;
}

const char *execute_body_storage(const json_t *body)
{
	return storage_word(json_text_or(body, "storage", ""));
}

static void add_object(struct buf *out, const char *name, const json_t *value, bool empty)
{
	buf_text(out, name);
	if (empty)
		buf_text(out, "{}");
	else
		json_compact_to(out, value);
}

/* Written, not built: that would take longer than all the rest of accepting a job. */
void execute_body_spec(struct buf *out, const json_t *body)
{
	const json_t *environment = json_object_get(body, "environment");
	const json_t *configs = json_object_get(body, "configs");

	for (size_t i = 0; i < COUNT(texts) - 1; i++) {
		buf_text(out, i == 0 ? "{\"" : ",\"");
		buf_text(out, texts[i].member);
		buf_text(out, "\":");
		json_compact_to(out, json_object_get(body, texts[i].key));
	}
	buf_text(out, ",\"storage\":\"");
	buf_text(out, execute_body_storage(body));
	add_object(out, "\",\"environment\":", environment, !json_is_object(environment));
	add_object(out, ",\"configs\":", configs, is_empty(configs));
	buf_text(out, "}");
}

/* An unreadable body, with the reason after the words clients know. */
static bool unreadable(struct fail *f)
{
	return f->code == FAIL_INVALID ? fail_wrap(f, "%s", WORDS_400) : false;
}

bool execute_body_check(const json_t *body, struct fail *f)
{
	if (body == NULL)
		return unreadable(f);
	if (!json_is_object(body) || json_object_size(body) == 0)
		return fail_set(f, FAIL_INVALID, WORDS_400 ": the body must be an object");
	return check_keys(body, f) && check_texts(body, f) &&
	       check_credentials(json_object_get(body, "credentials"), f) &&
	       check_environment(json_object_get(body, "environment"), f);
}
