/* davit.host.blob/1: bytes of any size, by handles that end with the call. */
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/json.h"
#include "provider/call.h"
#include "provider/internal.h"
#include "provider/resolve.h"
#include "provider/save.h"
#include "provider/services.h"
#include "store/blobs.h"

#define WRITTEN_MAX (UINT64_C(64) << 30) /* bytes of one blob written by a provider */

static struct blobs *blobs_of(const struct call *c)
{
	return c->provider->all->host.blobs;
}

/* The blob of a handle in the running call; NULL: *ret_code is DAVIT_INVALID. */
static struct call_blob *find(davit_call call, davit_blob blob, struct call **ret_call)
{
	struct call *c = call_current(call);
	struct call_blob *b = c != NULL ? call_blobs_find(&c->blobs, blob) : NULL;

	if (c != NULL && b == NULL)
		(void)service_refuse(c, DAVIT_INVALID, "there is no such open blob");
	*ret_call = c;
	return b;
}

static int32_t DAVIT_CALL blob_service_create(davit_call call, davit_blob *ret_blob)
{
	struct call *c = call_current(call);
	struct call_blob b = {.kind = CALL_BLOB_WRITER, .fd = -1};
	struct fail f = {0};

	if (c == NULL || ret_blob == NULL)
		return DAVIT_INVALID;
	b.writer = blob_begin(blobs_of(c), &f);
	return b.writer != NULL ? service_give_blob(c, &b, ret_blob) : call_service_failed(c, &f);
}

static int32_t DAVIT_CALL blob_service_write(davit_call call, davit_blob blob, davit_buf bytes)
{
	struct call *c;
	struct call_blob *b = find(call, blob, &c);
	struct fail f = {0};

	if (b == NULL || (bytes.p == NULL && bytes.n > 0))
		return DAVIT_INVALID;
	if (b->kind != CALL_BLOB_WRITER)
		return service_refuse(c, DAVIT_INVALID, "this blob cannot be written");
	if (bytes.n > WRITTEN_MAX - b->written)
		return service_refuse(c, DAVIT_QUOTA, "a blob may have 64 GiB");
	if (bytes.n > 0 && !blob_write(b->writer, bytes.p, bytes.n, &f))
		return call_service_failed(c, &f);
	b->written += bytes.n;
	return DAVIT_OK;
}

/* --- seal --- */

/* What was written becomes durable; b ends as the sealed file, or closed. */
static bool seal_writer(struct call *c, struct call_blob *b, struct fail *f)
{
	bool ok = blob_seal(b->writer, b->digest, f);

	b->kind = CALL_BLOB_FILE; /* the writer is gone either way */
	b->writer = NULL;
	b->fd = -1;
	ok = ok && blob_open(blobs_of(c), b->digest, &b->fd, f);
	if (!ok)
		call_blob_close(b);
	return ok;
}

/* b stays as it is: its bytes are there as long as the call. */
static bool seal_memory(
	struct call *c, struct call_blob *b, const char *bytes, size_t n, struct fail *f)
{
	struct blob_writer *w = blob_begin(blobs_of(c), f);

	if (w == NULL)
		return false;
	if (!blob_write(w, bytes, n, f)) {
		blob_abandon(w);
		return false;
	}
	return blob_seal(w, b->digest, f);
}

static int32_t DAVIT_CALL blob_service_seal(davit_call call, davit_blob blob, davit_buf *ret_digest)
{
	struct call *c;
	struct call_blob *b = find(call, blob, &c);
	struct fail f = {0};
	bool ok = true;
	const char *bytes;
	char *digest;
	size_t n;

	if (b == NULL || ret_digest == NULL)
		return DAVIT_INVALID;
	if (b->kind == CALL_BLOB_STREAM)
		return service_refuse(c, DAVIT_INVALID, "a stream cannot be sealed; copy it");
	if (b->kind == CALL_BLOB_WRITER)
		ok = seal_writer(c, b, &f);
	else if (!b->sealed && call_blob_bytes(b, &bytes, &n))
		ok = seal_memory(c, b, bytes, n, &f);
	else if (b->kind == CALL_BLOB_ANSWER)
		return service_refuse(c, DAVIT_INVALID, "a stream cannot be sealed; copy it");
	else if (!b->sealed)
		ok = blob_import_fd(blobs_of(c), b->fd, b->digest, &f);
	if (!ok)
		return call_service_failed(c, &f);
	b->sealed = true;
	digest = arena_copy(&c->arena, b->digest, strlen(b->digest));
	if (digest == NULL)
		return service_refuse(c, DAVIT_INTERNAL, "the memory of this call is used up");
	*ret_digest = (davit_buf){digest, strlen(digest)};
	return DAVIT_OK;
}

/* --- open --- */

static int32_t open_source(
	struct call *c, const json_t *source, davit_blob *ret_blob, struct fail *f)
{
	struct call_blob b;

	if (!resolve_source(&c->provider->all->host, source, &b, f))
		return call_service_failed(c, f);
	return service_give_blob(c, &b, ret_blob);
}

static int32_t DAVIT_CALL blob_service_open(davit_call call, davit_buf digest, davit_blob *ret_blob)
{
	struct call *c = call_current(call);
	struct fail f = {0};
	json_t *source;
	int32_t code;

	if (c == NULL || ret_blob == NULL || digest.p == NULL)
		return DAVIT_INVALID;
	source = json_object();
	if (json_object_set_new(source, "blob", json_stringn(digest.p, digest.n)) != 0)
		code = service_refuse(c, DAVIT_INVALID, "this is not a digest");
	else
		code = open_source(c, source, ret_blob, &f);
	json_decref(source);
	return code;
}

/* What is wrong is what the user named. */
static void tell_user(struct call *c, int32_t code, const struct fail *f)
{
	if (c->fail_code != DAVIT_OK || f->text[0] == '\0')
		return;
	c->fail_code = code;
	call_keep_reason(&c->fail, f);
	c->told_user = true;
}

/* As open, and tells the user at once. */
static int32_t DAVIT_CALL blob_service_resolve(
	davit_call call, davit_buf source, davit_blob *ret_blob)
{
	struct call *c = call_current(call);
	struct fail f = {0};
	json_t *v;
	int32_t code;

	if (c == NULL || ret_blob == NULL)
		return DAVIT_INVALID;
	v = service_parse(source, CALL_REPLY_MAX, &f);
	code = v != NULL ? open_source(c, v, ret_blob, &f) : call_service_failed(c, &f);
	json_decref(v);
	if (code != DAVIT_OK)
		tell_user(c, code, &f);
	return code;
}

/* --- read --- */

static int32_t DAVIT_CALL blob_service_read(
	davit_call call, davit_blob blob, uint64_t offset, void *bytes, size_t cap, size_t *ret_n)
{
	struct call *c;
	struct call_blob *b = find(call, blob, &c);
	struct fail f = {0};
	int32_t code;

	if (b == NULL || ret_n == NULL || (bytes == NULL && cap > 0))
		return DAVIT_INVALID;
	code = call_stopped(c);
	if (code != DAVIT_OK)
		return code;
	code = call_blob_read(b, offset, bytes, cap, ret_n, &f);
	if (code != DAVIT_OK) {
		(void)call_service_failed(c, &f);
		c->service_code = code;
	}
	return code;
}

static int32_t DAVIT_CALL blob_service_length(davit_call call, davit_blob blob, uint64_t *ret_bytes)
{
	struct call *c;
	struct call_blob *b = find(call, blob, &c);
	const char *bytes;
	struct stat st;
	size_t n;

	if (b == NULL || ret_bytes == NULL)
		return DAVIT_INVALID;
	if (b->kind == CALL_BLOB_STREAM)
		return service_refuse(c, DAVIT_UNSUPPORTED, "a stream has no length");
	if (b->kind == CALL_BLOB_WRITER)
		*ret_bytes = b->written;
	else if (call_blob_bytes(b, &bytes, &n))
		*ret_bytes = n;
	else if (b->kind == CALL_BLOB_ANSWER)
		return service_refuse(c, DAVIT_UNSUPPORTED, "a stream has no length");
	else if (fstat(b->fd, &st) == 0)
		*ret_bytes = (uint64_t)st.st_size;
	else
		return service_refuse(c, DAVIT_INTERNAL, "the length of a blob is not to be had");
	return DAVIT_OK;
}

static void DAVIT_CALL blob_service_close(davit_call call, davit_blob blob)
{
	struct call *c;
	struct call_blob *b = find(call, blob, &c);

	if (b != NULL)
		call_blob_close(b);
}

/* --- save --- */

static int32_t DAVIT_CALL blob_service_save(
	davit_call call, davit_buf folder, davit_buf files, davit_buf *ret_json)
{
	struct call *c = call_current(call);
	struct fail f = {0};
	json_t *where, *what, *told = NULL;
	int32_t code;
	bool good;

	if (c == NULL || ret_json == NULL)
		return DAVIT_INVALID;
	where = service_parse(folder, SERVICE_JSON_MAX, &f);
	what = where != NULL ? service_parse(files, SERVICE_JSON_MAX, &f) : NULL;
	good = what != NULL && save_files(&c->provider->all->host, where, what, &told, &f);
	code = good ? service_give_json(c, told, ret_json) : call_service_failed(c, &f);
	json_decref(where);
	json_decref(what);
	if (code != DAVIT_OK)
		tell_user(c, code, &f);
	return code;
}

const davit_host_blob_1 service_blob = {
	.size = sizeof(davit_host_blob_1),
	.create = blob_service_create,
	.write = blob_service_write,
	.seal = blob_service_seal,
	.open = blob_service_open,
	.resolve = blob_service_resolve,
	.read = blob_service_read,
	.length = blob_service_length,
	.close = blob_service_close,
	.save = blob_service_save,
};
