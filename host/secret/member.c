/* What was parsed is overwritten before it is freed. */
#include "secret/member.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "secret/crypto.h"

/* As deep as json_parse() lets a value be. */
void member_wipe(json_t *v) // NOLINT(misc-no-recursion)
{
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_string(v))
		crypto_cleanse((char *)json_string_value(v), json_string_length(v));
	json_array_foreach(v, i, member)
	{
		member_wipe(member);
	}
	json_object_foreach(v, key, member)
	{
		member_wipe(member);
	}
}

static bool copy_text(const json_t *v, char **ret_text, size_t *ret_n, struct fail *f)
{
	size_t n = json_string_length(v);

	if (v == NULL || json_is_null(v))
		return fail_set(f, FAIL_NOT_FOUND, "has no such member");
	if (!json_is_string(v))
		return fail_set(f, FAIL_INVALID, "has something else than a text there");
	*ret_text = malloc(n + 1);
	if (*ret_text == NULL)
		return fail_set(f, FAIL_INTERNAL, "needs more memory than there is");
	memcpy(*ret_text, json_string_value(v), n + 1);
	*ret_n = n;
	return true;
}

bool member_text(const char *json, size_t n, const char *pointer, char **ret_text, size_t *ret_n,
	struct fail *f)
{
	json_t *v = json_parse(json, n, NULL); /* its complaint would quote the text */
	bool ok;

	if (v == NULL)
		return fail_set(f, FAIL_INVALID, "is not JSON");
	ok = copy_text(json_at(v, pointer), ret_text, ret_n, f);
	member_wipe(v);
	json_decref(v);
	return ok;
}
