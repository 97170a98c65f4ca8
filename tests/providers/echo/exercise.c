/*
 * exercise - uses every function of the host's services once and compares what came back. The
 * script of a call names the exercises ("kv blob", or "all"); the answer says "ok" for each, or
 * the call fails with the step that went wrong.
 */
#include "echo.h"

#include <string.h>

#define SLOT "submit" /* whose words need no slot before them */

/* Is what came back right? Else the call fails with the step; the first one counts. */
static bool expect(struct davit_sdk *sdk, bool right, const char *step)
{
	if (!right)
		davit_sdk_fail(sdk, DAVIT_INTERNAL, "exercise: %s went wrong", step);
	return sdk->code == DAVIT_OK;
}

static bool same(davit_buf a, const char *b)
{
	return a.p != NULL && a.n == strlen(b) && memcmp(a.p, b, a.n) == 0;
}

static void kv_changes(struct davit_sdk *sdk, const davit_host_kv_1 *kv)
{
	davit_buf key = davit_sdk_buf("exercise/1"), value = {NULL, 0};
	davit_call call = sdk->call;
	int64_t version = 0;

	expect(sdk, kv->del(call, key) == DAVIT_OK, "kv.del");
	expect(sdk, kv->get(call, key, &value, &version) == DAVIT_NOT_FOUND, "kv.get of nothing");
	expect(sdk, kv->cas(call, key, davit_sdk_buf("{\"n\":1}"), 0) == DAVIT_OK, "kv.cas from 0");
	expect(sdk, kv->cas(call, key, davit_sdk_buf("{\"n\":9}"), 0) == DAVIT_CONFLICT,
		"kv.cas over a key");
	expect(sdk, kv->get(call, key, &value, &version) == DAVIT_OK && same(value, "{\"n\":1}"),
		"kv.get");
	expect(sdk, kv->put(call, key, davit_sdk_buf("{\"n\":2}")) == DAVIT_OK, "kv.put");
	expect(sdk, kv->cas(call, key, davit_sdk_buf("{\"n\":3}"), version) == DAVIT_CONFLICT,
		"kv.cas with an old version");
	expect(sdk, kv->get(call, key, &value, NULL) == DAVIT_OK && same(value, "{\"n\":2}"),
		"kv.get without version");
}

static void exercise_kv(struct davit_sdk *sdk)
{
	const davit_host_kv_1 *kv = sdk->host->kv;
	struct davit_sdk_kv_scan scan = {.prefix = "exercise/"};
	davit_buf json = {NULL, 0};
	size_t seen = 0;

	kv_changes(sdk, kv);
	expect(sdk,
		kv->put(sdk->call, davit_sdk_buf("exercise/2"), davit_sdk_buf("{}")) == DAVIT_OK,
		"kv.put of another");
	expect(sdk,
		kv->list(sdk->call, davit_sdk_buf("exercise/"), davit_sdk_buf(NULL), 1, &json) ==
				DAVIT_OK &&
			same(json, "{\"items\":[{\"key\":\"exercise/1\","
				   "\"value\":{\"n\":2}}],\"more\":true}"),
		"kv.list of one");
	while (davit_sdk_kv_next(sdk, &scan))
		seen++;
	expect(sdk, seen == 2, "kv.list of all");
	expect(sdk, kv->put(sdk->call, davit_sdk_buf(""), davit_sdk_buf("{}")) == DAVIT_INVALID,
		"kv.put without a key");
}

static void blob_refusals(struct davit_sdk *sdk, const davit_host_blob_1 *blob, davit_blob sealed)
{
	static const char none[] =
		"0000000000000000000000000000000000000000000000000000000000000000";
	davit_blob other = 0;

	expect(sdk, blob->write(sdk->call, sealed, davit_sdk_buf("x")) != DAVIT_OK,
		"blob.write after seal");
	expect(sdk, blob->open(sdk->call, davit_sdk_buf(none), &other) == DAVIT_NOT_FOUND,
		"blob.open of nothing");
	blob->close(sdk->call, sealed);
	expect(sdk, blob->write(sdk->call, sealed, davit_sdk_buf("x")) == DAVIT_INVALID,
		"blob.write after close");
}

static void exercise_blob(struct davit_sdk *sdk)
{
	static const char digest_of_hello[] =
		"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
	const davit_host_blob_1 *blob = sdk->host->blob;
	davit_blob made = 0, opened = 0;
	davit_buf digest = {NULL, 0};
	uint64_t bytes = 0;
	size_t got = 0;
	char end;

	expect(sdk, blob->create(sdk->call, &made) == DAVIT_OK, "blob.create");
	expect(sdk, blob->write(sdk->call, made, davit_sdk_buf("hel")) == DAVIT_OK, "blob.write");
	expect(sdk, blob->write(sdk->call, made, davit_sdk_buf("lo")) == DAVIT_OK, "blob.write 2");
	expect(sdk, blob->seal(sdk->call, made, &digest) == DAVIT_OK, "blob.seal");
	expect(sdk, same(digest, digest_of_hello), "the digest");
	expect(sdk, blob->open(sdk->call, digest, &opened) == DAVIT_OK, "blob.open");
	expect(sdk, blob->length(sdk->call, opened, &bytes) == DAVIT_OK && bytes == 5,
		"blob.length");
	expect(sdk, blob->read(sdk->call, opened, 5, &end, 1, &got) == DAVIT_OK && got == 0,
		"blob.read at the end");
	expect(sdk, same(davit_sdk_read_blob(sdk, opened, 100), "hello"), "blob.read");
	blob_refusals(sdk, blob, made);
}

#define PIECE  ((size_t)256 * 1024)
#define PIECES 12

/* A file of some size: read in any order, and by as much as one asks for, once it was begun. */
static void exercise_large(struct davit_sdk *sdk)
{
	const davit_host_blob_1 *blob = sdk->host->blob;
	char *bytes = sdk->host->core->arena(sdk->call, PIECE);
	davit_blob made = 0;
	davit_buf digest = {NULL, 0};
	size_t got = 0;

	if (!expect(sdk, bytes != NULL, "memory"))
		return;
	expect(sdk, blob->create(sdk->call, &made) == DAVIT_OK, "blob.create");
	for (int i = 0; i < PIECES; i++) {
		memset(bytes, 'a' + i, PIECE);
		expect(sdk, blob->write(sdk->call, made, (davit_buf){bytes, PIECE}) == DAVIT_OK,
			"blob.write");
	}
	expect(sdk, blob->seal(sdk->call, made, &digest) == DAVIT_OK, "blob.seal");
	expect(sdk, blob->read(sdk->call, made, 0, bytes, 1, &got) == DAVIT_OK && got == 1,
		"blob.read of the first byte");
	for (int i = PIECES - 1; i >= 0; i--) {
		uint64_t at = (uint64_t)i * PIECE;

		expect(sdk, blob->read(sdk->call, made, at, bytes, PIECE, &got) == DAVIT_OK,
			"blob.read");
		expect(sdk, got == PIECE && bytes[0] == 'a' + i && bytes[PIECE - 1] == 'a' + i,
			"the piece");
	}
	expect(sdk,
		blob->read(sdk->call, made, PIECES * PIECE, bytes, 1, &got) == DAVIT_OK && got == 0,
		"blob.read at the end");
	blob->close(sdk->call, made);
	expect(sdk, blob->read(sdk->call, made, 0, bytes, 1, &got) == DAVIT_INVALID,
		"blob.read after close");
}

static void exercise_resolve(struct davit_sdk *sdk)
{
	const davit_host_blob_1 *blob = sdk->host->blob;
	davit_blob found = 0;

	expect(sdk,
		blob->resolve(sdk->call, davit_sdk_buf("{\"text\":\"given\"}"), &found) == DAVIT_OK,
		"blob.resolve of text");
	expect(sdk, same(davit_sdk_read_blob(sdk, found, 100), "given"), "reading what it found");
}

static void exercise_log(struct davit_sdk *sdk)
{
	static const int32_t levels[] = {
		DAVIT_LOG_DEBUG, DAVIT_LOG_INFO, DAVIT_LOG_WARN, DAVIT_LOG_ERROR, 99};

	for (size_t i = 0; i < COUNT(levels); i++)
		davit_sdk_log(sdk, levels[i], "exercise: level %d", (int)levels[i]);
	sdk->host->core->log(sdk->call, DAVIT_LOG_INFO, (davit_buf){"\xFF\n\0\x01", 4});
}

static void exercise_time(struct davit_sdk *sdk)
{
	const davit_host_core_1 *core = sdk->host->core;
	int64_t before = core->mono_ms(sdk->call);

	expect(sdk, core->now_ms(sdk->call) > 0, "now_ms");
	expect(sdk, core->deadline_ms(sdk->call) > before, "deadline_ms");
	expect(sdk, core->cancelled(sdk->call) == 0, "cancelled");
	expect(sdk, core->sleep_ms(sdk->call, 2) == DAVIT_OK, "sleep_ms");
	expect(sdk, core->mono_ms(sdk->call) >= before + 2, "mono_ms after sleep_ms");
}

static void exercise_random(struct davit_sdk *sdk)
{
	const davit_host_core_1 *core = sdk->host->core;
	char a[32] = {0}, b[32] = {0};

	expect(sdk, core->random(sdk->call, a, sizeof(a)) == DAVIT_OK, "random");
	expect(sdk, core->random(sdk->call, b, sizeof(b)) == DAVIT_OK, "random again");
	expect(sdk, memcmp(a, b, sizeof(a)) != 0, "different random numbers");
}

static void exercise_arena(struct davit_sdk *sdk)
{
	const davit_host_core_1 *core = sdk->host->core;

	for (size_t n = 1; n <= 65536; n *= 4) {
		char *p = core->arena(sdk->call, n);

		if (!expect(sdk, p != NULL && (uintptr_t)p % 16 == 0, "arena") || p == NULL)
			return;
		for (size_t i = 0; i < n; i++)
			expect(sdk, p[i] == 0, "zeroed memory");
		memset(p, 0x5A, n);
	}
	expect(sdk, core->arena(sdk->call, SIZE_MAX / 2) == NULL, "the arena's limit");
}

/* The handle of another call is nobody's. */
static void exercise_handle(struct davit_sdk *sdk)
{
	const struct davit_sdk_services *host = sdk->host;
	davit_call wrong = sdk->call ^ 0x40000000u;
	davit_buf value = {NULL, 0};

	expect(sdk, host->core->reply(wrong, davit_sdk_buf("{}")) == DAVIT_INVALID,
		"reply to another call");
	expect(sdk, host->kv->get(wrong, davit_sdk_buf("k"), &value, NULL) == DAVIT_INVALID,
		"kv.get for another call");
	expect(sdk, host->core->arena(wrong, 8) == NULL, "arena of another call");
}

static void exercise_checkpoint(struct davit_sdk *sdk)
{
	expect(sdk, sdk->host->job->checkpoint(sdk->call, davit_sdk_buf("{}")) == DAVIT_UNSUPPORTED,
		"checkpoint outside submit");
}

static const struct {
	const char *name;
	void (*run)(struct davit_sdk *sdk);
} exercises[] = {
	{"kv", exercise_kv},
	{"blob", exercise_blob},
	{"large", exercise_large},
	{"resolve", exercise_resolve},
	{"log", exercise_log},
	{"time", exercise_time},
	{"random", exercise_random},
	{"arena", exercise_arena},
	{"handle", exercise_handle},
	{"no_checkpoint", exercise_checkpoint},
};

static bool has_services(struct davit_sdk *sdk)
{
	const struct davit_sdk_services *host = sdk->host;

	return expect(sdk, host->kv != NULL && host->blob != NULL && host->job != NULL,
		"finding kv, blob and job");
}

int32_t DAVIT_CALL exercise_execute(davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct davit_sdk_writer w;
	int32_t code = DAVIT_OK;

	echo_begin(&sdk, inst, call, request);
	const char *words = davit_sdk_or_text(&sdk, sdk.request, "/script", "");
	if (!behave_before(&sdk, words, SLOT, &code) || !has_services(&sdk))
		return sdk.code != DAVIT_OK ? sdk.code : code;
	bool all = behave_has(words, SLOT, "all", NULL);
	davit_sdk_write_begin(&w, &sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_open_object(&w, "output");
	for (size_t i = 0; i < COUNT(exercises); i++) {
		if (!all && !behave_has(words, SLOT, exercises[i].name, NULL))
			continue;
		exercises[i].run(&sdk);
		davit_sdk_put_text(&w, exercises[i].name, "ok");
	}
	davit_sdk_put_json(&w, "body", davit_sdk_member(sdk.request, "body"));
	davit_sdk_close_object(&w);
	davit_sdk_close_object(&w);
	return davit_sdk_reply(&sdk, &w);
}
