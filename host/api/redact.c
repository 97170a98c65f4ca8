/* redact - see redact.h. */
#include "api/redact.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"

#define HIDDEN "***"

static bool contains(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (; *text != '\0'; text++) {
		if (strncasecmp(text, word, n) == 0)
			return true;
	}
	return false;
}

static bool names_secret(const char *key)
{
	static const char *const words[] = {"password", "passwd", "secret", "token", "credential",
		"access_key", "accesskey", "private_key", "privatekey", "api_key", "apikey",
		"authorization", "connection_details"};

	for (size_t i = 0; i < COUNT(words); i++) {
		if (contains(key, words[i]))
			return true;
	}
	return false;
}

static json_t *redacted(const json_t *value, bool hide);

static json_t *redacted_object(const json_t *value, bool hide)
{
	json_t *out = json_object();
	const char *key;
	json_t *member;

	json_object_foreach((json_t *)value, key, member)
	{
		/* The names of variables may be seen, what they hold may not. */
		bool hidden = hide || names_secret(key) || strcasecmp(key, "environment") == 0;

		if (json_object_set_new(out, key, redacted(member, hidden)) != 0) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

static json_t *redacted_array(const json_t *value, bool hide)
{
	json_t *out = json_array();
	const json_t *member;
	size_t i;

	json_array_foreach(value, i, member)
	{
		if (json_array_append_new(out, redacted(member, hide)) != 0) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

/* hide: the value stands below a member that names a secret. As deep as the value is. */
static json_t *redacted(const json_t *value, bool hide) // NOLINT(misc-no-recursion)
{
	if (json_is_object(value))
		return redacted_object(value, hide);
	if (json_is_array(value))
		return redacted_array(value, hide);
	return hide && json_is_string(value) ? json_string(HIDDEN) : json_deep_copy(value);
}

json_t *redact(const json_t *value)
{
	return redacted(value, false);
}
