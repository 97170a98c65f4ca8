/* davit.host.kv/1: the store's pairs, in the name of the configured provider. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "provider/call.h"
#include "provider/internal.h"
#include "provider/services.h"
#include "store/store.h"

#define KEY_MAX      512
#define PAGE_DEFAULT 100
#define PAGE_MAX     1000
#define PAGE_BYTES   ((size_t)4 * 1024 * 1024) /* a page ends early past this */
#define ANY_VERSION  (-1)

static struct store *store_of(const struct call *c)
{
	return c->provider->all->host.store;
}

static const char *key_text(struct call *c, davit_buf key, size_t least)
{
	const char *text = key.n >= least ? service_text(c, key, KEY_MAX) : NULL;

	for (size_t i = 0; text != NULL && i < key.n; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text = NULL;
	}
	if (text == NULL)
		(void)service_refuse(c, DAVIT_INVALID,
			"a key must have 1 to %d bytes and no control characters", KEY_MAX);
	return text;
}

static int32_t DAVIT_CALL kv_get(
	davit_call call, davit_buf key, davit_buf *ret_value, int64_t *ret_version)
{
	struct call *c = call_current(call);
	const char *name = c != NULL ? key_text(c, key, 1) : NULL;
	struct fail f = {0};
	char *value, *copy;
	int64_t version;

	if (name == NULL || ret_value == NULL)
		return DAVIT_INVALID;
	if (!store_kv_get(store_of(c), provider_id(c->provider), name, &value, &version, &f))
		return call_service_failed(c, &f);
	size_t n = strlen(value);

	copy = arena_copy(&c->arena, value, n);
	free(value);
	if (copy == NULL)
		return service_refuse(c, DAVIT_INTERNAL, "the memory of this call is used up");
	*ret_value = (davit_buf){copy, n};
	if (ret_version != NULL)
		*ret_version = version;
	return DAVIT_OK;
}

static bool value_is_json(struct call *c, davit_buf value)
{
	json_t *v = service_parse(value, SERVICE_JSON_MAX, NULL);

	json_decref(v);
	if (v == NULL)
		(void)service_refuse(c, DAVIT_INVALID, "a value must be JSON of at most 1 MiB");
	return v != NULL;
}

/* Runs op (taken over; NULL: out of memory); changed false is a conflict where it matters. */
static int32_t run(struct call *c, struct store_op *op, bool may_stay)
{
	struct fail f = {0};
	int32_t code = DAVIT_OK;

	if (op == NULL || op->kv.instance == NULL || op->kv.key == NULL)
		code = service_refuse(c, DAVIT_INTERNAL, "out of memory");
	else if (!store_run(store_of(c), op, &f))
		code = call_service_failed(c, &f);
	else if (!op->changed && !may_stay)
		code = service_refuse(c, DAVIT_CONFLICT, "the key was changed by another call");
	store_op_free(op);
	return code;
}

static struct store_op *new_op(struct call *c, enum store_kind kind, const char *key)
{
	struct store_op *op = store_op_new(kind, true);

	if (op == NULL)
		return NULL;
	op->kv.instance = strdup(provider_id(c->provider));
	op->kv.key = strdup(key);
	return op;
}

static int32_t write_value(davit_call call, davit_buf key, davit_buf value, int64_t version)
{
	struct call *c = call_current(call);
	const char *name = c != NULL ? key_text(c, key, 1) : NULL;
	struct store_op *op;

	if (name == NULL || !value_is_json(c, value))
		return DAVIT_INVALID;
	op = new_op(c, STORE_KV_PUT, name);
	if (op != NULL) {
		op->kv.version = version;
		op->kv.value = strndup(value.p, value.n);
	}
	if (op != NULL && op->kv.value == NULL) {
		store_op_free(op);
		op = NULL;
	}
	return run(c, op, false);
}

static int32_t DAVIT_CALL kv_put(davit_call call, davit_buf key, davit_buf value)
{
	return write_value(call, key, value, ANY_VERSION);
}

static int32_t DAVIT_CALL kv_cas(davit_call call, davit_buf key, davit_buf value, int64_t version)
{
	struct call *c = call_current(call);

	if (c == NULL)
		return DAVIT_INVALID;
	if (version < 0)
		return service_refuse(c, DAVIT_INVALID, "a version is what get() answered, or 0");
	return write_value(call, key, value, version);
}

static int32_t DAVIT_CALL kv_del(davit_call call, davit_buf key)
{
	struct call *c = call_current(call);
	const char *name = c != NULL ? key_text(c, key, 1) : NULL;

	if (name == NULL)
		return DAVIT_INVALID;
	return run(c, new_op(c, STORE_KV_DELETE, name), true);
}

/* --- list --- */

struct page {
	json_t *items;
	size_t limit;
	size_t bytes;
	bool more;
	bool failed;
};

static bool add_item(const char *key, const char *value, void *ctx)
{
	struct page *p = ctx;
	json_t *item;

	if (json_array_size(p->items) == p->limit || p->bytes >= PAGE_BYTES) {
		p->more = true;
		return false;
	}
	item = json_object();
	p->bytes += strlen(key) + strlen(value);
	if (json_object_set_new(item, "key", json_string(key)) != 0 ||
		json_object_set_new(item, "value", json_parse(value, strlen(value), NULL)) != 0 ||
		json_array_append(p->items, item) != 0)
		p->failed = true;
	json_decref(item);
	return !p->failed;
}

static json_t *page_json(const struct page *p)
{
	json_t *v = json_object();

	if (p->failed || json_object_set(v, "items", p->items) != 0 ||
		json_object_set_new(v, "more", json_boolean(p->more)) != 0) {
		json_decref(v);
		return NULL;
	}
	return v;
}

static int32_t DAVIT_CALL kv_list(
	davit_call call, davit_buf prefix, davit_buf after, uint32_t limit, davit_buf *ret_json)
{
	struct call *c = call_current(call);
	const char *begin = c != NULL ? key_text(c, prefix, 0) : NULL;
	const char *behind = begin != NULL ? key_text(c, after, 0) : NULL;
	struct page page = {.limit = limit == 0 ? PAGE_DEFAULT : limit};
	struct fail f = {0};
	int32_t code;

	if (behind == NULL || ret_json == NULL)
		return DAVIT_INVALID;
	if (page.limit > PAGE_MAX)
		page.limit = PAGE_MAX;
	page.items = json_array();
	if (store_kv_list(store_of(c), provider_id(c->provider), begin, after.n > 0 ? behind : NULL,
		    page.limit + 1, add_item, &page, &f))
		code = service_give_json(c, page_json(&page), ret_json);
	else
		code = call_service_failed(c, &f);
	json_decref(page.items);
	return code;
}

const davit_host_kv_1 service_kv = {
	.size = sizeof(davit_host_kv_1),
	.get = kv_get,
	.put = kv_put,
	.cas = kv_cas,
	.del = kv_del,
	.list = kv_list,
};
