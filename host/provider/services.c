/* Which service a provider gets, and what all services share. */
#include "provider/services.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "provider/call.h"

static const struct {
	const char *id;
	const void *table;
	uint32_t major;
	bool process; /* by grant */
} offered[] = {
	{DAVIT_HOST_CORE, &service_core, 1, false},
	{DAVIT_HOST_KV, &service_kv, 1, false},
	{DAVIT_HOST_BLOB, &service_blob, 1, false},
	{DAVIT_HOST_JOB, &service_job, 1, false},
	{DAVIT_HOST_PROCESS, &service_process, 1, true},
	{DAVIT_HOST_HTTP, &service_http, 1, false},
	{DAVIT_HOST_SECRET, &service_secret, 1, false},
	{DAVIT_HOST_TOKEN, &service_token, 1, false},
};

static const void *find(const char *id, uint32_t major, bool may_process)
{
	for (size_t i = 0; id != NULL && i < COUNT(offered); i++) {
		if (offered[i].major == major && strcmp(offered[i].id, id) == 0)
			return offered[i].process && !may_process ? NULL : offered[i].table;
	}
	return NULL;
}

static const void *DAVIT_CALL query_all(const char *id, uint32_t major)
{
	return find(id, major, true);
}

static const void *DAVIT_CALL query_plain(const char *id, uint32_t major)
{
	return find(id, major, false);
}

davit_host_query services_query(bool may_process)
{
	return may_process ? query_all : query_plain;
}

int32_t service_refuse(struct call *c, int32_t code, const char *fmt, ...)
{
	char text[400];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	(void)fail_set(call_reason(&c->service_fail), FAIL_INVALID, "%s", text);
	c->service_code = c->service_ends = code;
	return code;
}

const char *service_text(struct call *c, davit_buf text, size_t max)
{
	if (text.n > max ||
		(text.n > 0 && (text.p == NULL || memchr(text.p, '\0', text.n) != NULL)))
		return NULL;
	return arena_copy(&c->arena, text.p, text.n);
}

json_t *service_parse(davit_buf text, size_t max, struct fail *f)
{
	if (text.n > max) {
		(void)fail_set(
			f, FAIL_INVALID, "it has %zu bytes, at most %zu are allowed", text.n, max);
		return NULL;
	}
	if (text.p == NULL)
		text.n = 0;
	return json_parse(text.p, text.n, f);
}

int32_t service_give_bytes(struct call *c, const void *bytes, size_t n, davit_buf *ret_bytes)
{
	char *copy = arena_copy(&c->arena, bytes, n);

	if (copy == NULL)
		return service_refuse(c, DAVIT_INTERNAL, "the memory of this call is used up");
	*ret_bytes = (davit_buf){copy, n};
	return DAVIT_OK;
}

int32_t service_give_json(struct call *c, json_t *v, davit_buf *ret_json)
{
	size_t n = 0;
	char *text = v != NULL ? json_compact(v, &n) : NULL;
	char *copy = text != NULL ? arena_copy(&c->arena, text, n) : NULL;

	json_decref(v);
	free(text);
	if (copy == NULL)
		return service_refuse(c, DAVIT_INTERNAL, "the memory of this call is used up");
	*ret_json = (davit_buf){copy, n};
	return DAVIT_OK;
}

int32_t service_give_blob(struct call *c, const struct call_blob *b, davit_blob *ret_blob)
{
	davit_blob handle = call_blobs_add(&c->blobs, b);

	if (handle == 0)
		return service_refuse(
			c, DAVIT_QUOTA, "a call may have %d blobs open", CALL_BLOBS_MAX);
	*ret_blob = handle;
	return DAVIT_OK;
}
