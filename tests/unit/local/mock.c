/* mock - see mock.h. The handle of a call is the address of the mock. */
#include "mock.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/schema.h"
#include "base/sha256.h"
#include "unit/cmocka.h"

static struct mock *of(davit_call call)
{
	return (struct mock *)(uintptr_t)call; /* NOLINT(performance-no-int-to-ptr): our number */
}

static davit_call call_of(struct mock *m)
{
	return (davit_call)(uintptr_t)m;
}

static char *text_of(davit_buf b)
{
	char *text = malloc(b.n + 1);

	assert_non_null(text);
	if (b.n > 0)
		memcpy(text, b.p, b.n);
	text[b.n] = '\0';
	return text;
}

static json_t *json_of(davit_buf b)
{
	json_error_t error;
	json_t *v = json_loadb(b.p, b.n, JSON_REJECT_DUPLICATES, &error);

	if (v == NULL)
		fail_msg("%s in %.*s", error.text, (int)b.n, b.p);
	return v;
}

/* --- core --- */

static void *DAVIT_CALL arena(davit_call call, size_t n)
{
	struct mock *m = of(call);
	void *p = calloc(1, n > 0 ? n : 1);

	m->pieces = realloc(m->pieces, (m->piece_count + 1) * sizeof(*m->pieces));
	assert_non_null(m->pieces);
	m->pieces[m->piece_count++] = p;
	return p;
}

/* What a service hands out lives until the call ends. */
static davit_buf hand_out(struct mock *m, json_t *v)
{
	char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	size_t n = strlen(text);
	char *copy = arena(call_of(m), n + 1);
	davit_buf b = {copy, n};

	memcpy(copy, text, n + 1);
	free(text);
	json_decref(v);
	return b;
}

static int32_t DAVIT_CALL reply(davit_call call, davit_buf json)
{
	assert_null(of(call)->reply);
	of(call)->reply = json_of(json);
	return DAVIT_OK;
}

static int32_t DAVIT_CALL reply_state(
	davit_call call, int32_t state, int64_t next_poll_ms, davit_buf json)
{
	assert_true(next_poll_ms >= 0);
	of(call)->state = state;
	return reply(call, json);
}

static int32_t DAVIT_CALL fail_(davit_call call, int32_t code, davit_buf text, davit_buf detail)
{
	struct mock *m = of(call);
	json_t *v;

	if (m->fail_text[0] != '\0')
		return code;
	snprintf(m->fail_text, sizeof(m->fail_text), "%.*s", (int)text.n, text.p);
	if (detail.n == 0)
		return code;
	v = json_of(detail);
	if (json_object_get(v, "pointer") != NULL)
		snprintf(m->fail_pointer, sizeof(m->fail_pointer), "%s",
			json_string_value(json_object_get(v, "pointer")));
	json_decref(v);
	return code;
}

static void DAVIT_CALL log_(davit_call call, int32_t level, davit_buf text)
{
	(void)call;
	(void)level;
	assert_true(text.n > 0);
}

static int64_t DAVIT_CALL now_ms(davit_call call)
{
	return of(call)->now_ms;
}

/* Sleeping makes it later, and nothing else happens meanwhile. */
static int64_t DAVIT_CALL mono_ms(davit_call call)
{
	return of(call)->mono_ms;
}

static int64_t DAVIT_CALL deadline_ms(davit_call call)
{
	return of(call)->deadline_ms;
}

static int32_t DAVIT_CALL sleep_ms(davit_call call, int64_t ms)
{
	struct mock *m = of(call);

	m->mono_ms += ms;
	m->now_ms += ms;
	return m->mono_ms >= m->deadline_ms ? DAVIT_DEADLINE : DAVIT_OK;
}

/* What the test says for a number, else bytes that are never the same. */
static int32_t DAVIT_CALL random_(davit_call call, void *bytes, size_t n)
{
	struct mock *m = of(call);

	if (n == sizeof(m->random))
		memcpy(bytes, &m->random, n);
	else
		memset(bytes, ++m->randoms, n);
	return DAVIT_OK;
}

/* --- blobs --- */

static davit_blob blob_new(struct mock *m, const char *bytes, size_t n)
{
	for (size_t i = 0; i < MOCK_BLOBS; i++) {
		if (m->blobs[i].bytes != NULL)
			continue;
		m->blobs[i].bytes = text_of((davit_buf){bytes, n});
		m->blobs[i].n = n;
		return i + 1;
	}
	fail_msg("a call keeps more than %d blobs open", MOCK_BLOBS);
	return 0;
}

static struct mock_blob *blob_at(struct mock *m, davit_blob blob)
{
	assert_in_range(blob, 1, MOCK_BLOBS);
	assert_non_null(m->blobs[blob - 1].bytes);
	return &m->blobs[blob - 1];
}

davit_blob mock_body(struct mock *m, const char *bytes)
{
	return blob_new(m, bytes, strlen(bytes));
}

static int32_t DAVIT_CALL blob_create(davit_call call, davit_blob *ret_blob)
{
	*ret_blob = blob_new(of(call), "", 0);
	return DAVIT_OK;
}

static int32_t DAVIT_CALL blob_write(davit_call call, davit_blob blob, davit_buf bytes)
{
	struct mock_blob *b = blob_at(of(call), blob);

	b->bytes = realloc(b->bytes, b->n + bytes.n + 1);
	assert_non_null(b->bytes);
	memcpy(b->bytes + b->n, bytes.p, bytes.n);
	b->n += bytes.n;
	return DAVIT_OK;
}

static void digest_of(const struct mock_blob *b, char hex[SHA256_HEX_SIZE])
{
	uint8_t digest[SHA256_BYTES];

	sha256_of(b->bytes, b->n, digest);
	sha256_hex(digest, hex);
}

static struct mock_blob *sealed(struct mock *m, const char *digest, size_t n)
{
	char hex[SHA256_HEX_SIZE];

	for (size_t i = 0; i < MOCK_SEALED && m->sealed[i].bytes != NULL; i++) {
		digest_of(&m->sealed[i], hex);
		if (strlen(hex) == n && memcmp(hex, digest, n) == 0)
			return &m->sealed[i];
	}
	return NULL;
}

static int32_t DAVIT_CALL blob_seal(davit_call call, davit_blob blob, davit_buf *ret_digest)
{
	struct mock *m = of(call);
	struct mock_blob *b = blob_at(m, blob);
	char *hex = arena(call, SHA256_HEX_SIZE);
	size_t i = 0;

	digest_of(b, hex);
	*ret_digest = (davit_buf){hex, SHA256_HEX_SIZE - 1};
	if (sealed(m, hex, SHA256_HEX_SIZE - 1) != NULL)
		return DAVIT_OK;
	while (m->sealed[i].bytes != NULL)
		assert_true(++i < MOCK_SEALED);
	m->sealed[i] = (struct mock_blob){text_of((davit_buf){b->bytes, b->n}), b->n};
	return DAVIT_OK;
}

static int32_t DAVIT_CALL blob_open(davit_call call, davit_buf digest, davit_blob *ret_blob)
{
	const struct mock_blob *b = sealed(of(call), digest.p, digest.n);

	if (b == NULL)
		return DAVIT_NOT_FOUND;
	*ret_blob = blob_new(of(call), b->bytes, b->n);
	return DAVIT_OK;
}

static const struct mock_file *file_of(const struct mock_file *files, const char *path)
{
	for (size_t i = 0; i < MOCK_FILES; i++) {
		if (files[i].path != NULL && strcmp(files[i].path, path) == 0)
			return &files[i];
	}
	return NULL;
}

static int32_t DAVIT_CALL blob_resolve(davit_call call, davit_buf source, davit_blob *ret_blob)
{
	struct mock *m = of(call);
	json_t *v = json_of(source);
	const char *text = json_string_value(json_object_get(v, "text"));
	const char *path = json_string_value(json_object_get(v, "path"));
	const struct mock_file *file = path == NULL ? NULL : file_of(m->paths, path);

	if (text != NULL)
		*ret_blob = blob_new(m, text, strlen(text));
	else if (file != NULL)
		*ret_blob = blob_new(m, file->bytes, file->n);
	json_decref(v);
	return text != NULL || file != NULL ? DAVIT_OK : DAVIT_NOT_FOUND;
}

static int32_t DAVIT_CALL blob_read(
	davit_call call, davit_blob blob, uint64_t offset, void *bytes, size_t cap, size_t *ret_n)
{
	const struct mock_blob *b = blob_at(of(call), blob);
	size_t left = offset < b->n ? b->n - (size_t)offset : 0;

	*ret_n = left < cap ? left : cap;
	if (*ret_n > 1)
		*ret_n -= *ret_n / 2; /* never all at once */
	memcpy(bytes, b->bytes + (left > 0 ? offset : 0), *ret_n);
	return DAVIT_OK;
}

static int32_t DAVIT_CALL blob_length(davit_call call, davit_blob blob, uint64_t *ret_bytes)
{
	*ret_bytes = blob_at(of(call), blob)->n;
	return DAVIT_OK;
}

static void DAVIT_CALL blob_close(davit_call call, davit_blob blob)
{
	struct mock_blob *b = blob_at(of(call), blob);

	free(b->bytes);
	*b = (struct mock_blob){0};
}

static int32_t DAVIT_CALL reply_blob(davit_call call, davit_buf head, davit_blob blob)
{
	struct mock *m = of(call);
	const struct mock_blob *b = blob_at(m, blob);
	json_t *v = json_of(head);

	assert_true(b->n < sizeof(m->bytes));
	memcpy(m->bytes, b->bytes, b->n + 1);
	m->status = (int)json_integer_value(json_object_get(v, "status"));
	snprintf(m->content_type, sizeof(m->content_type), "%s",
		json_string_value(json_object_get(v, "content_type")));
	if (json_object_get(v, "model") != NULL)
		snprintf(m->model, sizeof(m->model), "%s",
			json_string_value(json_object_get(v, "model")));
	json_decref(v);
	return DAVIT_OK;
}

static int32_t DAVIT_CALL reply_chunk(
	davit_call call, davit_buf head, davit_buf bytes, uint32_t last)
{
	davit_blob blob = blob_new(of(call), bytes.p, bytes.n);

	assert_int_equal(last, 1);
	return reply_blob(call, head, blob);
}

/* Writes to the mock's saved files by the rules of the host: all or none, nothing twice. */
static int32_t DAVIT_CALL blob_save(
	davit_call call, davit_buf folder, davit_buf files, davit_buf *ret_json)
{
	struct mock *m = of(call);
	json_t *to = json_of(folder);
	json_t *what = json_of(files);
	json_t *told = json_array();
	const char *path = json_string_value(json_object_get(to, "path"));
	const json_t *v;
	size_t i;
	bool taken = path == NULL;

	json_array_foreach(what, i, v)
	{
		const char *name = json_string_value(json_object_get(v, "path"));
		const char *digest = json_string_value(json_object_get(v, "blob"));
		const struct mock_blob *b = sealed(m, digest, strlen(digest));

		assert_non_null(b);
		taken = taken || file_of(m->saved, name) != NULL;
		if (!taken)
			mock_write(m->saved, name, b->bytes, b->n);
		json_array_append_new(
			told, json_pack("{s:s, s:I}", "path", name, "bytes", (json_int_t)b->n));
	}
	*ret_json = hand_out(m, json_pack("{s:s+, s:o}", "uri", "file:///out/",
					path == NULL ? "" : path, "files", told));
	json_decref(to);
	json_decref(what);
	return taken ? DAVIT_CONFLICT : DAVIT_OK;
}

/* --- kv --- */

static const char *key_of(struct mock *m, davit_buf key)
{
	char *text = arena(call_of(m), key.n + 1);

	memcpy(text, key.p, key.n);
	return text;
}

static int32_t DAVIT_CALL kv_get(
	davit_call call, davit_buf key, davit_buf *ret_value, int64_t *ret_version)
{
	struct mock *m = of(call);
	json_t *entry = json_object_get(m->kv, key_of(m, key));

	if (entry == NULL)
		return DAVIT_NOT_FOUND;
	if (ret_version != NULL)
		*ret_version = json_integer_value(json_array_get(entry, 0));
	*ret_value = hand_out(m, json_incref(json_array_get(entry, 1)));
	return DAVIT_OK;
}

static int32_t DAVIT_CALL kv_put(davit_call call, davit_buf key, davit_buf value)
{
	struct mock *m = of(call);

	json_object_set_new(m->kv, key_of(m, key),
		json_pack("[I, o]", (json_int_t)++m->kv_version, json_of(value)));
	return DAVIT_OK;
}

static int32_t DAVIT_CALL kv_cas(davit_call call, davit_buf key, davit_buf value, int64_t version)
{
	struct mock *m = of(call);
	json_t *entry = json_object_get(m->kv, key_of(m, key));

	if (m->kv_intrusions > 0 && entry != NULL) {
		m->kv_intrusions--;
		json_array_set_new(entry, 0, json_integer(++m->kv_version));
	}
	if (json_integer_value(json_array_get(entry, 0)) != version)
		return DAVIT_CONFLICT;
	return kv_put(call, key, value);
}

static int32_t DAVIT_CALL kv_del(davit_call call, davit_buf key)
{
	json_object_del(of(call)->kv, key_of(of(call), key));
	return DAVIT_OK;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One key a page, so that nothing relies on the first page being all. */
static int32_t DAVIT_CALL kv_list(
	davit_call call, davit_buf prefix, davit_buf after, uint32_t limit, davit_buf *ret_json)
{
	struct mock *m = of(call);
	const char *begin = key_of(m, prefix);
	const char *behind = key_of(m, after);
	const char **keys = arena(call, (json_object_size(m->kv) + 1) * sizeof(*keys));
	json_t *items = json_array();
	size_t count = 0;
	const char *key;
	json_t *entry;

	(void)limit;
	json_object_foreach(m->kv, key, entry)
	{
		if (strncmp(key, begin, prefix.n) == 0 && strcmp(key, behind) > 0)
			keys[count++] = key;
	}
	qsort(keys, count, sizeof(*keys), by_bytes);
	if (count > 0)
		json_array_append_new(
			items, json_pack("{s:s, s:O}", "key", keys[0], "value",
				       json_array_get(json_object_get(m->kv, keys[0]), 1)));
	*ret_json = hand_out(m, json_pack("{s:o, s:b}", "items", items, "more", count > 1));
	return DAVIT_OK;
}

/* --- processes --- */

struct mock_process *mock_process(struct mock *m, const char *name)
{
	for (size_t i = 0; i < MOCK_PROCESSES; i++) {
		if (strcmp(m->processes[i].name, name) == 0)
			return &m->processes[i];
	}
	return NULL;
}

size_t mock_process_count(const struct mock *m)
{
	size_t n = 0;

	for (size_t i = 0; i < MOCK_PROCESSES; i++)
		n += m->processes[i].name[0] != '\0';
	return n;
}

static void forget_files(struct mock_file *files)
{
	for (size_t i = 0; i < MOCK_FILES; i++) {
		free(files[i].path);
		free(files[i].bytes);
		files[i] = (struct mock_file){0};
	}
}

void mock_write(struct mock_file *files, const char *path, const char *bytes, size_t n)
{
	size_t i = 0;

	while (files[i].path != NULL && strcmp(files[i].path, path) != 0)
		assert_true(++i < MOCK_FILES);
	free(files[i].path);
	free(files[i].bytes);
	files[i] = (struct mock_file){
		text_of((davit_buf){path, strlen(path)}), text_of((davit_buf){bytes, n}), n};
}

static struct mock_process *find(struct mock *m, davit_buf name)
{
	return name.n == 0 ? NULL : mock_process(m, key_of(m, name));
}

static int32_t DAVIT_CALL process_start(davit_call call, davit_buf name, davit_buf spec)
{
	struct mock *m = of(call);
	struct mock_process *p = find(m, name);
	int32_t code = m->start_code;

	assert_in_range(name.n, 1, 48);
	m->start_code = DAVIT_OK;
	if (code != DAVIT_OK)
		return code;
	if (p == NULL) {
		p = mock_process(m, "");
		assert_non_null(p);
		if (m->born != NULL)
			*p = *m->born; /* its files move */
		m->born = NULL;
		memcpy(p->name, name.p, name.n);
		p->spec = json_of(spec);
	}
	if (p->state != NULL && strcmp(p->state, "prepared") == 0)
		p->state = NULL;
	p->starts++;
	return DAVIT_OK;
}

/* How it ended, or before it was started again: prefix "last_". */
static void put_end(json_t *v, const struct mock_process *p, const char *prefix)
{
	char key[32];

	snprintf(key, sizeof(key), "%s%s", prefix, p->signal != 0 ? "signal" : "exit_code");
	if (p->signal != 0 || p->error == NULL)
		json_object_set_new(
			v, key, json_integer(p->signal != 0 ? p->signal : p->exit_code));
	snprintf(key, sizeof(key), "%slimit", prefix);
	if (p->limit != NULL)
		json_object_set_new(v, key, json_string(p->limit));
	snprintf(key, sizeof(key), "%serror", prefix);
	if (p->error != NULL)
		json_object_set_new(v, key, json_string(p->error));
}

static int32_t DAVIT_CALL process_inspect(davit_call call, davit_buf name, davit_buf *ret_json)
{
	struct mock *m = of(call);
	const struct mock_process *p = find(m, name);
	json_t *v;

	if (p == NULL)
		return DAVIT_NOT_FOUND;
	v = json_pack("{s:s, s:i, s:I, s:I, s:i}", "state", p->state == NULL ? "running" : p->state,
		"pid", 4711, "started_ms", (json_int_t)1000, "finished_ms", (json_int_t)3000,
		"restarts", p->restarts);
	json_object_set_new(v, "requests", json_integer(p->requests));
	if (p->cancelled)
		json_object_set_new(v, "cancelled", json_true());
	if (p->limit != NULL && strcmp(p->limit, "wall") == 0)
		json_object_set_new(v, "applied", json_pack("{s:i}", "wall_seconds", 60));
	if (p->applied != NULL)
		json_object_set_new(v, "applied", json_loads(p->applied, 0, NULL));
	if (p->interrupted)
		json_object_set_new(v, "interrupted", json_true());
	if (p->state != NULL)
		put_end(v, p, "");
	else if (p->restarts > 0)
		put_end(v, p, "last_");
	*ret_json = hand_out(m, v);
	return DAVIT_OK;
}

static bool has_ended(const struct mock_process *p)
{
	return p->state != NULL &&
	       (strcmp(p->state, "exited") == 0 || strcmp(p->state, "lost") == 0);
}

static int32_t DAVIT_CALL process_stop(davit_call call, davit_buf name)
{
	struct mock_process *p = find(of(call), name);

	if (p == NULL)
		return DAVIT_NOT_FOUND;
	p->stops++;
	if (!has_ended(p)) {
		p->state = "exited";
		p->cancelled = true;
	}
	return DAVIT_OK;
}

/* Is it the prefix of a process that runs? */
static bool is_used(const struct mock *m, const char *name)
{
	for (size_t i = 0; i < MOCK_PROCESSES; i++) {
		const struct mock_process *p = &m->processes[i];
		const json_t *prefix = json_object_get(p->spec, "prefix");
		const char *of = json_string_value(json_object_get(prefix, "process"));

		if (p->name[0] != '\0' && !has_ended(p) && of != NULL && strcmp(of, name) == 0)
			return true;
	}
	return false;
}

static int32_t DAVIT_CALL process_remove(davit_call call, davit_buf name)
{
	struct mock_process *p = find(of(call), name);

	if (p != NULL && of(call)->remove_code != DAVIT_OK)
		return of(call)->remove_code;
	if (p == NULL)
		return DAVIT_NOT_FOUND;
	if (!has_ended(p) || is_used(of(call), p->name))
		return DAVIT_CONFLICT;
	json_decref(p->spec);
	forget_files(p->files);
	*p = (struct mock_process){0};
	return DAVIT_OK;
}

static int32_t DAVIT_CALL process_open_file(
	davit_call call, davit_buf name, davit_buf path, davit_blob *ret_blob)
{
	struct mock *m = of(call);
	const struct mock_process *p = find(m, name);
	const struct mock_file *file = p == NULL ? NULL : file_of(p->files, key_of(m, path));

	if (file == NULL)
		return DAVIT_NOT_FOUND;
	*ret_blob = blob_new(m, file->bytes, file->n);
	return DAVIT_OK;
}

static int32_t DAVIT_CALL process_list_files(
	davit_call call, davit_buf name, davit_buf path, davit_buf *ret_json)
{
	struct mock *m = of(call);
	const struct mock_process *p = find(m, name);
	json_t *items = json_array();

	for (size_t i = 0; p != NULL && i < MOCK_FILES; i++) {
		const struct mock_file *f = &p->files[i];

		if (f->path != NULL && strncmp(f->path, path.p, path.n) == 0)
			json_array_append_new(
				items, json_pack("{s:s, s:I}", "path", f->path + path.n + 1,
					       "bytes", (json_int_t)f->n));
	}
	*ret_json = hand_out(m, json_pack("{s:o}", "items", items));
	return DAVIT_OK;
}

static int32_t DAVIT_CALL process_request(davit_call call, davit_buf name, davit_buf request,
	davit_blob body, davit_buf *ret_head, davit_blob *ret_body)
{
	struct mock *m = of(call);
	const struct mock_process *p = find(m, name);
	json_t *v = json_of(request);
	const char *path = json_string_value(json_object_get(v, "path"));
	bool predict = strcmp(path, "/health") != 0;
	int status = predict ? m->served_status : p != NULL && p->sick ? 500 : 200;

	if (predict)
		snprintf(m->asked, sizeof(m->asked), "%.*s%s", (int)name.n, name.p, path);
	json_decref(v);
	if (p == NULL || has_ended(p) || !(p->healthy || p->sick))
		return p == NULL ? DAVIT_NOT_FOUND : DAVIT_RETRY;
	if (predict) {
		free(m->served_request);
		m->served_request =
			text_of((davit_buf){blob_at(m, body)->bytes, blob_at(m, body)->n});
	}
	*ret_head = hand_out(
		m, json_pack("{s:i, s:s}", "status", status, "content_type", "application/json"));
	*ret_body = blob_new(m, predict ? m->served : "{}", predict ? strlen(m->served) : 2);
	return DAVIT_OK;
}

/* --- the tables --- */

static const davit_host_core_1 core = {
	.size = sizeof(core),
	.reply = reply,
	.reply_state = reply_state,
	.reply_blob = reply_blob,
	.reply_chunk = reply_chunk,
	.fail = fail_,
	.log = log_,
	.now_ms = now_ms,
	.mono_ms = mono_ms,
	.deadline_ms = deadline_ms,
	.sleep_ms = sleep_ms,
	.random = random_,
	.arena = arena,
};

static const davit_host_kv_1 kv = {
	.size = sizeof(kv),
	.get = kv_get,
	.put = kv_put,
	.cas = kv_cas,
	.del = kv_del,
	.list = kv_list,
};

static const davit_host_blob_1 blob = {
	.size = sizeof(blob),
	.create = blob_create,
	.write = blob_write,
	.seal = blob_seal,
	.open = blob_open,
	.resolve = blob_resolve,
	.read = blob_read,
	.length = blob_length,
	.close = blob_close,
	.save = blob_save,
};

static const davit_host_process_1 process = {
	.size = sizeof(process),
	.start = process_start,
	.inspect = process_inspect,
	.stop = process_stop,
	.remove = process_remove,
	.open_file = process_open_file,
	.list_files = process_list_files,
	.request = process_request,
};

static const void *DAVIT_CALL query(const char *id, uint32_t major)
{
	static const struct {
		const char *id;
		const void *table;
	} tables[] = {
		{DAVIT_HOST_CORE, &core},
		{DAVIT_HOST_KV, &kv},
		{DAVIT_HOST_BLOB, &blob},
		{DAVIT_HOST_PROCESS, &process},
	};

	for (size_t i = 0; major == 1 && i < COUNT(tables); i++) {
		if (strcmp(tables[i].id, id) == 0)
			return tables[i].table;
	}
	return NULL;
}

/* --- the neutral shapes --- */

/* Which of plugin-api/schemas an object of an interface must satisfy. */
static const struct {
	const char *interface;
	const char *schema;
} shapes[] = {
	{DAVIT_DATASETS, "dataset"},
	{DAVIT_TRAINING, "training"},
	{DAVIT_INFERENCE, "inference"},
	{DAVIT_MODELS, "model"},
	{DAVIT_DEPLOYMENT, "endpoint"},
};

static void must_satisfy(const json_t *v, const char *name)
{
	char path[512];
	struct fail f = {0};
	json_t *schema;

	snprintf(path, sizeof(path), "%s/%s.json", DAVIT_SCHEMAS, name);
	schema = json_load_file(path, 0, NULL);
	if (schema == NULL)
		fail_msg("no schema %s", path);
	if (!schema_check(schema, v, &f))
		fail_msg("%s: %s: %s", name, f.field, f.text);
	json_decref(schema);
}

static void check_shape(const struct mock *m, const char *interface, const char *slot)
{
	const char *schema = NULL;
	const json_t *item;
	size_t i;

	for (i = 0; i < COUNT(shapes); i++) {
		if (strcmp(shapes[i].interface, interface) == 0)
			schema = shapes[i].schema;
	}
	if (m->reply == NULL || schema == NULL)
		return;
	if (strcmp(slot, "validate") == 0) {
		assert_true(json_is_object(json_object_get(m->reply, "spec")));
		return;
	}
	if (strcmp(slot, "metrics") == 0 || strcmp(slot, "outputs") == 0) {
		must_satisfy(m->reply, slot);
		return;
	}
	if (strcmp(slot, "list") != 0) {
		must_satisfy(m->reply, schema);
		if (m->state >= 0)
			must_satisfy(m->reply, "job-state");
		return;
	}
	must_satisfy(m->reply, "list");
	json_array_foreach(json_object_get(m->reply, "items"), i, item) must_satisfy(item, schema);
}

/* --- running --- */

static void forget_call(struct mock *m)
{
	for (size_t i = 0; i < m->piece_count; i++)
		free(m->pieces[i]);
	free(m->pieces);
	m->pieces = NULL;
	m->piece_count = 0;
	for (size_t i = 0; i < MOCK_BLOBS; i++) {
		free(m->blobs[i].bytes);
		m->blobs[i] = (struct mock_blob){0};
	}
}

static void forget_answer(struct mock *m)
{
	json_decref(m->reply);
	m->reply = NULL;
	m->state = -1;
	m->fail_text[0] = '\0';
	m->fail_pointer[0] = '\0';
	m->bytes[0] = '\0';
	m->model[0] = '\0';
}

void mock_init(struct mock *m)
{
	*m = (struct mock){
		.now_ms = 1795248000123, /* 2026-11-21T08:00:00.123Z */
		.deadline_ms = 60000,
		.state = -1,
		.kv = json_object(),
		.served = "{}",
		.served_status = 200,
	};
}

void mock_finish(struct mock *m)
{
	mock_destroy(m);
	forget_call(m);
	forget_answer(m);
	for (size_t i = 0; i < MOCK_PROCESSES; i++) {
		json_decref(m->processes[i].spec);
		forget_files(m->processes[i].files);
	}
	for (size_t i = 0; i < MOCK_SEALED; i++)
		free(m->sealed[i].bytes);
	forget_files(m->paths);
	forget_files(m->saved);
	free(m->served_request);
	json_decref(m->kv);
}

int32_t mock_create(struct mock *m, const char *settings)
{
	const davit_core_1 *table = davit_provider_query(DAVIT_CORE, 1);
	int32_t code;

	forget_answer(m);
	code = table->create(
		query, call_of(m), (davit_buf){settings, strlen(settings)}, &m->instance);
	forget_call(m);
	return code;
}

void mock_destroy(struct mock *m)
{
	const davit_core_1 *table = davit_provider_query(DAVIT_CORE, 1);

	if (m->instance != 0)
		table->destroy(m->instance);
	m->instance = 0;
}

static davit_op op_of(const char *interface, const char *slot)
{
	static const struct {
		const char *name;
		size_t offset;
	} slots[] = {
		{"validate", offsetof(davit_jobs_1, validate)},
		{"submit", offsetof(davit_jobs_1, submit)},
		{"find", offsetof(davit_jobs_1, find)},
		{"poll", offsetof(davit_jobs_1, poll)},
		{"cancel", offsetof(davit_jobs_1, cancel)},
		{"get", offsetof(davit_jobs_1, get)},
		{"list", offsetof(davit_jobs_1, list)},
		{"remove", offsetof(davit_jobs_1, remove)},
		{"logs", offsetof(davit_jobs_1, logs)},
		{"metrics", offsetof(davit_jobs_1, metrics)},
		{"export", offsetof(davit_datasets_1, export_)},
		{"tag", offsetof(davit_datasets_1, tag)},
		{"outputs", offsetof(davit_jobs_1, outputs)},
		{"infer", offsetof(davit_prediction_1, infer)},
		{"execute", offsetof(davit_functions_1, execute)},
		{"explain", offsetof(davit_prediction_1, explain)},
		{"check", offsetof(davit_core_1, check)},
		/* names that the job slots have too */
		{DAVIT_ENVIRONMENTS " list", offsetof(davit_environments_1, list)},
		{DAVIT_ENVIRONMENTS " remove", offsetof(davit_environments_1, remove)},
	};
	char both[64];
	const char *table = davit_provider_query(interface, 1);
	size_t offset = 0;
	davit_op op = NULL;

	assert_non_null(table);
	(void)snprintf(both, sizeof(both), "%s %s", interface, slot);
	for (size_t i = 0; i < COUNT(slots); i++) {
		if (strcmp(slots[i].name, slot) == 0 || strcmp(slots[i].name, both) == 0)
			offset = slots[i].offset;
	}
	assert_true(offset > 0);
	memcpy(&op, table + offset, sizeof(op));
	assert_non_null(op);
	return op;
}

int32_t mock_run(struct mock *m, const char *interface, const char *slot, json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	int32_t code;

	assert_non_null(text);
	forget_answer(m);
	code = op_of(interface, slot)(m->instance, call_of(m), (davit_buf){text, strlen(text)});
	free(text);
	json_decref(request);
	forget_call(m);
	if (code == DAVIT_OK)
		check_shape(m, interface, slot);
	return code;
}
