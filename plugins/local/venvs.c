/* venvs - see venvs.h; the slots of davit.environments/1. */
#include "venvs.h"

#include <string.h>

#include "environments.h"

#define NAMES "environment-name/"
#define GONE  "environment-gone/"

enum {
	NAME_BYTES = 200,
	LISTED_MAX = 10000
};

bool venvs_put_mark(struct local_call *c, const char *key)
{
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_close_object(&w);
	return davit_sdk_kv_put(&c->sdk, key, &w) == DAVIT_OK;
}

/* script_venv_NAME with nothing in it that DELETE /venvs does not take. */
static const char *listed_name(struct local_call *c, const char *job_name)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	const char *text = local_text(c, "script_venv_%.*s", NAME_BYTES, job_name);
	char *name = local_alloc(c, strlen(text) + 1);

	for (size_t i = 0; name != NULL && text[i] != '\0'; i++)
		name[i] = text[i];
	for (size_t i = 0; name != NULL && name[i] != '\0'; i++) {
		if (strchr(allowed, name[i]) == NULL)
			name[i] = '_';
	}
	return name != NULL ? name : "";
}

/* Writes are slow: most jobs find everything written. */
static bool has(struct local_call *c, const char *key)
{
	return davit_sdk_kv_get(&c->sdk, key, NULL) != NULL;
}

bool venvs_want(struct local_call *c, const char *digest, const char *job_name)
{
	const char *gone = local_text(c, GONE "%s", digest);
	const char *key = job_name == NULL
	                          ? NULL
	                          : local_text(c, NAMES "%s/%s", listed_name(c, job_name), digest);

	if (key != NULL && !has(c, key) && (c->sdk.code != DAVIT_OK || !venvs_put_mark(c, key)))
		return false;
	if (has(c, gone))
		(void)davit_sdk_kv_del(&c->sdk, gone);
	return c->sdk.code == DAVIT_OK;
}

/* The two parts of a key NAMES "NAME/DIGEST"; false: it is none. */
static bool parts(
	struct local_call *c, const char *key, const char **ret_name, const char **ret_digest)
{
	const char *name = key + strlen(NAMES);
	const char *slash = strchr(name, '/');

	if (slash == NULL)
		return false;
	*ret_name = local_text(c, "%.*s", (int)(slash - name), name);
	*ret_digest = slash + 1;
	return true;
}

/* --- sweeping --- */

static bool has_name(struct local_call *c, const char *digest)
{
	struct davit_sdk_kv_scan scan = {.prefix = NAMES};
	const char *name;
	const char *of;

	while (davit_sdk_kv_next(&c->sdk, &scan)) {
		if (parts(c, scan.key, &name, &of) && strcmp(of, digest) == 0)
			return true;
	}
	return false;
}

static void sweep(struct local_call *c, const char *key)
{
	const char *digest = key + strlen(GONE);

	/* With a name it stays, and so does the mark: the name may be about to go. */
	if (!has_name(c, digest) && c->sdk.code == DAVIT_OK &&
		environment_delete(c, digest) == DAVIT_OK)
		(void)davit_sdk_kv_del(&c->sdk, key);
}

void environments_sweep(struct local_call *caller)
{
	struct davit_sdk_kv_scan scan = {.prefix = GONE};
	struct local_call c;

	if (local_again(&c, caller) != DAVIT_OK)
		return;
	while (davit_sdk_kv_next(&c.sdk, &scan))
		sweep(&c, scan.key);
	if (c.sdk.code != DAVIT_OK)
		davit_sdk_log(&c.sdk, DAVIT_LOG_WARN,
			"Python environments that have no name any more could not all be deleted (code %d)",
			(int)c.sdk.code);
}

/* --- slots --- */

/* Keys come in byte order: a name's stand together. */
LOCAL_SLOT(environments_list)
{
	struct davit_sdk_kv_scan scan = {.prefix = NAMES};
	struct davit_sdk_writer w;
	struct local_call c;
	const char *last = "";
	const char *name;
	const char *digest;
	int count = 0;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	davit_sdk_write_begin(&w, &c.sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_open_array(&w, "items");
	environments_sweep(&c);
	while (count < LISTED_MAX && davit_sdk_kv_next(&c.sdk, &scan)) {
		if (!parts(&c, scan.key, &name, &digest) || strcmp(name, last) == 0)
			continue;
		davit_sdk_open_object(&w, NULL);
		davit_sdk_put_text(&w, "name", name);
		davit_sdk_close_object(&w);
		last = name;
		count++;
	}
	davit_sdk_close_array(&w);
	davit_sdk_close_object(&w);
	return davit_sdk_reply(&c.sdk, &w);
}

/* Takes a name from all its environments; false: there was none of that name, or the call
 * failed. */
static bool take_name(struct local_call *c, const char *name)
{
	struct davit_sdk_kv_scan scan = {.prefix = local_text(c, NAMES "%s/", name)};
	bool found = false;

	while (davit_sdk_kv_next(&c->sdk, &scan)) {
		const char *digest = strrchr(scan.key, '/') + 1;

		if (!venvs_put_mark(c, local_text(c, GONE "%s", digest)))
			return false;
		(void)davit_sdk_kv_del(&c->sdk, scan.key);
		found = true;
	}
	return found && c->sdk.code == DAVIT_OK;
}

/* {"names":[…]} to {"deleted":[…],"not_found":[…]}. */
LOCAL_SLOT(environments_remove)
{
	const struct davit_sdk_json *names;
	struct davit_sdk_writer w[2];
	struct davit_sdk_writer answer;
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	names = davit_sdk_need_array(&c.sdk, c.sdk.request, "/names");
	for (size_t i = 0; i < LOCAL_COUNT(w); i++) {
		davit_sdk_write_begin(&w[i], &c.sdk.mem);
		davit_sdk_open_array(&w[i], NULL);
	}
	for (const struct davit_sdk_json *v = names->first; v != NULL; v = v->next) {
		if (v->kind == DAVIT_SDK_TEXT)
			davit_sdk_put_text(&w[take_name(&c, v->text.p) ? 0 : 1], NULL, v->text.p);
	}
	environments_sweep(&c);
	davit_sdk_close_array(&w[0]);
	davit_sdk_close_array(&w[1]);
	davit_sdk_write_begin(&answer, &c.sdk.mem);
	davit_sdk_open_object(&answer, NULL);
	davit_sdk_put_raw(&answer, "deleted", davit_sdk_write_end(&w[0]));
	davit_sdk_put_raw(&answer, "not_found", davit_sdk_write_end(&w[1]));
	davit_sdk_close_object(&answer);
	return davit_sdk_reply(&c.sdk, &answer);
}
