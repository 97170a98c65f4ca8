/* The host side of the SDK's tests. */
#include "unit/sdk/mock_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mock_init(struct mock *m)
{
	memset(m, 0, sizeof(*m));
	m->arena_left = (size_t)1024 * 1024;
	m->page = 2;
	m->state = -1;
	m->blob_step = 1000;
}

void mock_finish(struct mock *m)
{
	for (size_t i = 0; i < m->piece_count; i++)
		free(m->pieces[i]);
	m->piece_count = 0;
}

davit_call mock_call(struct mock *m)
{
	return (davit_call)(uintptr_t)m;
}

static struct mock *of(davit_call call)
{
	return (struct mock *)(uintptr_t)call; /* NOLINT(performance-no-int-to-ptr) */
}

static void keep(char *place, size_t room, davit_buf text)
{
	size_t n = text.n < room - 1 ? text.n : room - 1;

	if (n > 0)
		memcpy(place, text.p, n);
	place[n] = '\0';
}

/* --- core --- */

static int32_t DAVIT_CALL core_reply(davit_call call, davit_buf json)
{
	of(call)->replies++;
	keep(of(call)->reply, MOCK_TEXT, json);
	return of(call)->answer_code;
}

static int32_t DAVIT_CALL core_reply_state(
	davit_call call, int32_t state, int64_t next_poll_ms, davit_buf json)
{
	of(call)->state = state;
	of(call)->next_poll_ms = next_poll_ms;
	return core_reply(call, json);
}

static int32_t DAVIT_CALL core_reply_blob(davit_call call, davit_buf head, davit_blob blob)
{
	keep(of(call)->head, sizeof(of(call)->head), head);
	of(call)->blob = blob;
	of(call)->replies++;
	return of(call)->answer_code;
}

static int32_t DAVIT_CALL core_reply_chunk(
	davit_call call, davit_buf head, davit_buf bytes, uint32_t last)
{
	keep(of(call)->head, sizeof(of(call)->head), head);
	return last == 1 ? core_reply(call, bytes) : DAVIT_INTERNAL;
}

static int32_t DAVIT_CALL core_fail(davit_call call, int32_t code, davit_buf text, davit_buf detail)
{
	struct mock *m = of(call);

	m->fails++;
	m->fail_code = code;
	keep(m->fail_text, MOCK_TEXT, text);
	keep(m->fail_detail, MOCK_TEXT, detail);
	return code;
}

static void DAVIT_CALL core_log(davit_call call, int32_t level, davit_buf text)
{
	(void)level;
	keep(of(call)->log, MOCK_TEXT, text);
}

static void *DAVIT_CALL core_arena(davit_call call, size_t n)
{
	struct mock *m = of(call);

	if (n > m->arena_left || m->piece_count == sizeof(m->pieces) / sizeof(m->pieces[0]))
		return NULL;
	void *p = calloc(1, n > 0 ? n : 1);
	if (p == NULL)
		return NULL;
	m->arena_left -= n;
	m->pieces[m->piece_count++] = p;
	return p;
}

/* Time passes by itself, a little with each look. */
static int64_t DAVIT_CALL core_now_ms(davit_call call)
{
	return INT64_C(1700000000000) + ++of(call)->clock_ms;
}

static int64_t DAVIT_CALL core_mono_ms(davit_call call)
{
	return ++of(call)->clock_ms;
}

static int32_t DAVIT_CALL core_sleep_ms(davit_call call, int64_t ms)
{
	of(call)->clock_ms += ms;
	return DAVIT_OK;
}

const davit_host_core_1 mock_core = {.size = sizeof(mock_core),
	.reply = core_reply,
	.reply_state = core_reply_state,
	.reply_blob = core_reply_blob,
	.reply_chunk = core_reply_chunk,
	.fail = core_fail,
	.log = core_log,
	.now_ms = core_now_ms,
	.mono_ms = core_mono_ms,
	.sleep_ms = core_sleep_ms,
	.arena = core_arena};

/* --- kv --- */

static struct mock_pair *find(struct mock *m, davit_buf key)
{
	for (size_t i = 0; i < MOCK_PAIRS; i++)
		if (m->pairs[i].version > 0 && strlen(m->pairs[i].key) == key.n &&
			memcmp(m->pairs[i].key, key.p, key.n) == 0)
			return &m->pairs[i];
	return NULL;
}

static int32_t DAVIT_CALL kv_get(
	davit_call call, davit_buf key, davit_buf *ret_value, int64_t *ret_version)
{
	struct mock_pair *pair = find(of(call), key);

	if (of(call)->kv_code != DAVIT_OK)
		return of(call)->kv_code;
	if (pair == NULL)
		return DAVIT_NOT_FOUND;
	ret_value->p = pair->value;
	ret_value->n = strlen(pair->value);
	if (ret_version != NULL)
		*ret_version = pair->version;
	return DAVIT_OK;
}

static int32_t DAVIT_CALL kv_put(davit_call call, davit_buf key, davit_buf value)
{
	struct mock *m = of(call);
	struct mock_pair *pair = find(m, key);

	for (size_t i = 0; pair == NULL && i < MOCK_PAIRS; i++)
		if (m->pairs[i].version == 0)
			pair = &m->pairs[i];
	if (m->kv_code != DAVIT_OK || pair == NULL)
		return m->kv_code != DAVIT_OK ? m->kv_code : DAVIT_QUOTA;
	keep(pair->key, sizeof(pair->key), key);
	keep(pair->value, sizeof(pair->value), value);
	pair->version++;
	return DAVIT_OK;
}

static int32_t DAVIT_CALL kv_cas(davit_call call, davit_buf key, davit_buf value, int64_t version)
{
	struct mock_pair *pair = find(of(call), key);

	if ((pair != NULL ? pair->version : 0) != version)
		return DAVIT_CONFLICT;
	return kv_put(call, key, value);
}

static int32_t DAVIT_CALL kv_del(davit_call call, davit_buf key)
{
	struct mock_pair *pair = find(of(call), key);

	if (pair != NULL)
		pair->version = 0;
	return of(call)->kv_code;
}

/* The pairs are kept in the order of their keys by the tests. */
static int32_t DAVIT_CALL kv_list(
	davit_call call, davit_buf prefix, davit_buf after, uint32_t limit, davit_buf *ret_json)
{
	struct mock *m = of(call);
	uint32_t most = limit > 0 ? limit : m->page;
	uint32_t found = 0;
	bool more = false;
	size_t n = 0;
	char *text = core_arena(call, MOCK_TEXT);

	if (m->kv_code != DAVIT_OK || text == NULL)
		return m->kv_code != DAVIT_OK ? m->kv_code : DAVIT_QUOTA;
	n += (size_t)snprintf(text, MOCK_TEXT, "{\"items\":[");
	for (size_t i = 0; i < MOCK_PAIRS; i++) {
		const struct mock_pair *pair = &m->pairs[i];

		if (pair->version == 0 || strncmp(pair->key, prefix.p, prefix.n) != 0 ||
			(after.n > 0 && strncmp(pair->key, after.p, after.n) <= 0))
			continue;
		more = found == most;
		if (more)
			break;
		n += (size_t)snprintf(text + n, MOCK_TEXT - n, "%s{\"key\":\"%s\",\"value\":%s}",
			found++ > 0 ? "," : "", pair->key, pair->value);
	}
	n += (size_t)snprintf(text + n, MOCK_TEXT - n, "],\"more\":%s}", more ? "true" : "false");
	ret_json->p = text;
	ret_json->n = n;
	return DAVIT_OK;
}

const davit_host_kv_1 mock_kv = {.size = sizeof(mock_kv),
	.get = kv_get,
	.put = kv_put,
	.cas = kv_cas,
	.del = kv_del,
	.list = kv_list};

/* --- blob --- */

static int32_t DAVIT_CALL blob_read(
	davit_call call, davit_blob blob, uint64_t offset, void *bytes, size_t cap, size_t *ret_n)
{
	struct mock *m = of(call);
	size_t left = offset < m->blob_n ? m->blob_n - (size_t)offset : 0;
	size_t n = left < cap ? left : cap;

	if (blob != 1)
		return DAVIT_INVALID;
	if (n > m->blob_step)
		n = m->blob_step;
	if (n > 0)
		memcpy(bytes, m->blob_bytes + offset, n);
	*ret_n = n;
	return DAVIT_OK;
}

static int32_t DAVIT_CALL blob_length(davit_call call, davit_blob blob, uint64_t *ret_bytes)
{
	if (blob != 1 || of(call)->blob_stream)
		return blob != 1 ? DAVIT_INVALID : DAVIT_UNSUPPORTED;
	*ret_bytes = of(call)->blob_n;
	return DAVIT_OK;
}

const davit_host_blob_1 mock_blob = {
	.size = sizeof(mock_blob), .read = blob_read, .length = blob_length};

const void *DAVIT_CALL mock_query(const char *id, uint32_t major)
{
	static const struct {
		const char *id;
		const void *table;
	} tables[] = {{DAVIT_HOST_CORE, &mock_core}, {DAVIT_HOST_KV, &mock_kv},
		{DAVIT_HOST_BLOB, &mock_blob}};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (major == 1 && strcmp(id, tables[i].id) == 0)
			return tables[i].table;
	return NULL;
}
