/* Kept as a pair of an instance that no provider can be: its name has a blank in it. */
#include "provider/keep.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/log.h"
#include "provider/call.h"
#include "provider/internal.h"
#include "secret/crypto.h"
#include "secret/member.h"
#include "secret/redact.h"
#include "store/store.h"

#define INSTANCE_MAX 128
#define KEY_MOST     1024

static void name_instance(const struct provider *p, char instance[INSTANCE_MAX])
{
	(void)snprintf(instance, INSTANCE_MAX, "%s kept", provider_id(p));
}

static bool names(struct call *c, const char *name, char instance[INSTANCE_MAX], char key[KEY_MOST],
	struct fail *f)
{
	const char *connection = c->connection_name != NULL ? c->connection_name : "";

	if (call_is_callers(c))
		return fail_set(f, FAIL_INVALID,
			"a secret is kept for a connection of the site, and this is none");
	name_instance(c->provider, instance);
	return (size_t)snprintf(key, KEY_MOST, "%zu %s %s", strlen(name), name, connection) <
	               KEY_MOST ||
	       fail_set(f, FAIL_INVALID, "the name of the connection is too long");
}

/* {"expires_ms", "hex"}, as a value may have any bytes. NULL: out of memory. */
static char *text_of(const uint8_t *bytes, size_t n, int64_t expires_ms)
{
	static const char digits[] = "0123456789abcdef";
	static const char end[] = "\"}";
	char head[64];
	size_t at = (size_t)snprintf(
		head, sizeof(head), "{\"expires_ms\":%lld,\"hex\":\"", (long long)expires_ms);
	char *text = malloc(at + 2 * n + sizeof(end)); /* once: growing would leave parts behind */

	if (text == NULL)
		return NULL;
	memcpy(text, head, at);
	for (size_t i = 0; i < n; i++) {
		text[at++] = digits[bytes[i] >> 4];
		text[at++] = digits[bytes[i] & 15];
	}
	memcpy(text + at, end, sizeof(end));
	return text;
}

bool keep_put(struct call *c, const char *name, const void *bytes, size_t n, int64_t expires_ms,
	struct fail *f)
{
	char instance[INSTANCE_MAX], key[KEY_MOST];
	struct store_op *op;
	bool ok;

	if (!names(c, name, instance, key, f))
		return false;
	if (n > KEEP_BYTES_MAX)
		return fail_set(
			f, FAIL_INVALID, "what is kept has at most %zu bytes", KEEP_BYTES_MAX);
	op = store_op_new(STORE_KV_PUT, true);
	if (op == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	op->kv.instance = strdup(instance);
	op->kv.key = strdup(key);
	op->kv.value = text_of(bytes, n, expires_ms);
	ok = op->kv.instance != NULL && op->kv.key != NULL && op->kv.value != NULL
	             ? store_run(c->provider->all->host.store, op, f)
	             : fail_set(f, FAIL_INTERNAL, "out of memory");
	if (ok)
		redact_learn(REDACT_KEPT, bytes, n);
	if (op->kv.value != NULL)
		crypto_cleanse(op->kv.value, strlen(op->kv.value));
	store_op_free(op);
	return ok;
}

static bool take_value(const json_t *v, char **ret_value, size_t *ret_n, struct fail *f)
{
	const char *hex = json_text_or(v, "hex", "");
	size_t n = strlen(hex);

	*ret_value = calloc(1, n / 2 + 1);
	if (*ret_value == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	return crypto_decode("hex", hex, n, (uint8_t *)*ret_value, ret_n, f);
}

static bool take_live(const json_t *v, char **ret_value, size_t *ret_n, struct fail *f)
{
	int64_t expires_ms = json_int_or(v, "expires_ms", 0);

	if (expires_ms != 0 && expires_ms <= clock_now_ms())
		return fail_set(f, FAIL_NOT_FOUND, "its time is over");
	return take_value(v, ret_value, ret_n, f);
}

bool keep_get(struct call *c, const char *name, char **ret_value, size_t *ret_n, struct fail *f)
{
	char instance[INSTANCE_MAX], key[KEY_MOST];
	char *text = NULL;
	json_t *v;
	bool ok;

	if (!names(c, name, instance, key, NULL))
		return fail_set(f, FAIL_NOT_FOUND, "nothing is kept for this connection");
	if (!store_kv_get(c->provider->all->host.store, instance, key, &text, NULL, f)) {
		if (f->code == FAIL_NOT_FOUND)
			(void)fail_set(f, FAIL_NOT_FOUND, "nothing was kept");
		return false;
	}
	v = member_parse(text, strlen(text));
	if (v == NULL)
		(void)fail_set(f, FAIL_INTERNAL, "what was kept cannot be read");
	ok = v != NULL && take_live(v, ret_value, ret_n, f);
	if (ok)
		redact_learn(REDACT_KEPT, *ret_value, *ret_n);
	crypto_cleanse(text, strlen(text));
	free(text);
	member_free(v);
	return ok;
}

/* One whose time is over may stand in a text all the same. */
static bool learn(const char *key, const char *text, void *ctx)
{
	json_t *v = member_parse(text, strlen(text));
	char *value = NULL;
	size_t n = 0;

	(void)key;
	(void)ctx;
	if (v != NULL && take_value(v, &value, &n, NULL))
		redact_learn(REDACT_KEPT, value, n);
	if (value != NULL)
		crypto_cleanse(value, n);
	free(value);
	member_free(v);
	return true;
}

void keep_learn(struct provider *p)
{
	char instance[INSTANCE_MAX];
	struct fail f = {0};

	name_instance(p, instance);
	if (!store_kv_list(p->all->host.store, instance, "", NULL, 0, learn, NULL, &f))
		log_warn("SECRET-REDACT",
			"provider=%s: what it keeps may be seen in logs until it uses it: %s",
			provider_id(p), f.text);
}
