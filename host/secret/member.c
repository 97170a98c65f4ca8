/* What was parsed is overwritten as it is freed, with all that the parser needed on its way. */
#include "secret/member.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "secret/crypto.h"

static _Thread_local bool wipes; /* what jansson frees on this thread is overwritten */

static void free_wiped(void *p)
{
	if (p != NULL && wipes)
		crypto_cleanse(p, malloc_usable_size(p));
	free(p);
}

void member_prepare(void)
{
	json_set_alloc_funcs(malloc, free_wiped);
}

json_t *member_parse(const char *json, size_t n)
{
	json_t *v;

	wipes = true; /* texts are put together in buffers that grow */
	v = json_parse(json, n, NULL);
	wipes = false;
	return v;
}

void member_free(json_t *v)
{
	wipes = true;
	json_decref(v);
	wipes = false;
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
	json_t *v = member_parse(json, n);
	bool ok;

	if (v == NULL)
		return fail_set(f, FAIL_INVALID, "is not JSON");
	ok = copy_text(json_at(v, pointer), ret_text, ret_n, f);
	member_free(v);
	return ok;
}
