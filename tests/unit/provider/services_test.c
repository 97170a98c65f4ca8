/* The services of the host as a provider meets them: kv, blob, resolve, job, process. */
#include "provider/services.h"

#include <davit/provider.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "provider/internal.h"
#include "store/store.h"
#include "unit/cmocka.h"
#include "unit/provider/fake_process.h"
#include "unit/provider/kit.h"

#define OP(name)                                                                                   \
	static int32_t DAVIT_CALL name(davit_instance inst, davit_call call, davit_buf request)

/* The line of the test that did not hold; slots run on threads without cmocka. */
static int broken_line;

static bool holds(int line, bool ok)
{
	if (!ok)
		broken_line = line;
	return ok;
}

#define HOLDS(condition) holds(__LINE__, (condition))

static bool is(davit_buf b, const char *text)
{
	return b.n == strlen(text) && memcmp(b.p, text, b.n) == 0;
}

static int32_t finish(struct kit *k, davit_call call, bool ok)
{
	return ok ? k->core->reply_state(call, 1, 0, kit_buf("{}")) : DAVIT_PERMANENT;
}

static void expect_ok(struct kit *k, davit_op op)
{
	struct kit_call c;

	broken_line = 0;
	kit_run(k, &c, op);
	if (c.result.code != DAVIT_OK)
		fail_msg("line %d: code %d: %s", broken_line, c.result.code, c.result.fail.text);
	kit_call_finish(&c);
}

/* --- which services there are --- */

static void only_what_is_offered_is_found(void **state)
{
	davit_host_query plain = services_query(false);
	davit_host_query all = services_query(true);

	(void)state;
	assert_non_null(plain(DAVIT_HOST_CORE, 1));
	assert_null(plain(DAVIT_HOST_CORE, 2));
	assert_null(plain(DAVIT_HOST_CORE, 0));
	assert_null(plain(DAVIT_HOST_PROCESS, 1));
	assert_non_null(all(DAVIT_HOST_PROCESS, 1));
	assert_non_null(plain(DAVIT_HOST_HTTP, 1));
	assert_non_null(plain(DAVIT_HOST_SECRET, 1));
	assert_non_null(plain(DAVIT_HOST_TOKEN, 1));
	assert_null(all("davit.host.coffee", 1));
	assert_null(all(NULL, 1));
}

static void every_function_of_every_table_is_there(void **state)
{
	static const struct {
		const void *table;
		size_t size;
	} tables[] = {
		{&service_core, sizeof(service_core)},
		{&service_kv, sizeof(service_kv)},
		{&service_blob, sizeof(service_blob)},
		{&service_job, sizeof(service_job)},
		{&service_process, sizeof(service_process)},
		{&service_http, sizeof(service_http)},
		{&service_secret, sizeof(service_secret)},
		{&service_token, sizeof(service_token)},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(tables); i++) {
		const char *table = tables[i].table;
		uint32_t size;
		davit_op null = NULL;

		memcpy(&size, table, sizeof(size));
		assert_int_equal(size, tables[i].size);
		for (size_t at = 2 * sizeof(uint32_t); at < size; at += sizeof(null))
			assert_memory_not_equal(table + at, &null, sizeof(null));
	}
}

/* --- kv --- */

OP(op_kv)
{
	struct kit *k = kit_of(inst);
	const davit_host_kv_1 *kv = k->kv;
	davit_buf value;
	int64_t version = 0;
	bool ok;

	(void)request;
	ok = HOLDS(kv->get(call, kit_buf("a"), &value, NULL) == DAVIT_NOT_FOUND) &&
	     HOLDS(kv->put(call, kit_buf("a"), kit_buf("{\"n\":1}")) == DAVIT_OK) &&
	     HOLDS(kv->get(call, kit_buf("a"), &value, &version) == DAVIT_OK) &&
	     HOLDS(is(value, "{\"n\":1}") && version > 0) &&
	     HOLDS(kv->cas(call, kit_buf("a"), kit_buf("2"), version) == DAVIT_OK) &&
	     HOLDS(kv->cas(call, kit_buf("a"), kit_buf("3"), version) == DAVIT_CONFLICT) &&
	     HOLDS(kv->cas(call, kit_buf("a"), kit_buf("3"), 0) == DAVIT_CONFLICT) &&
	     HOLDS(kv->cas(call, kit_buf("new"), kit_buf("3"), 0) == DAVIT_OK) &&
	     HOLDS(kv->cas(call, kit_buf("new"), kit_buf("3"), -1) == DAVIT_INVALID) &&
	     HOLDS(kv->get(call, kit_buf("a"), &value, NULL) == DAVIT_OK && is(value, "2")) &&
	     HOLDS(kv->del(call, kit_buf("a")) == DAVIT_OK) &&
	     HOLDS(kv->del(call, kit_buf("a")) == DAVIT_OK) &&
	     HOLDS(kv->get(call, kit_buf("a"), &value, NULL) == DAVIT_NOT_FOUND);
	return finish(k, call, ok);
}

static void pairs_are_written_compared_and_deleted(void **state)
{
	expect_ok(*state, op_kv);
}

static void pairs_belong_to_the_configured_provider(void **state)
{
	struct kit k;
	struct fail f = {0};
	char *value;
	int64_t version;

	(void)state;
	kit_open(&k, false);
	expect_ok(&k, op_kv); /* leaves "new" */
	assert_true(store_kv_get(k.store, "kit", "new", &value, &version, &f));
	assert_string_equal(value, "3");
	free(value);
	assert_false(store_kv_get(k.store, "other", "new", &value, &version, &f));
	kit_close(&k);
}

OP(op_kv_wrong)
{
	struct kit *k = kit_of(inst);
	const davit_host_kv_1 *kv = k->kv;
	char *large = k->core->arena(call, SERVICE_JSON_MAX + 2);
	davit_buf key = {large, 512};
	davit_buf value, text = {large, SERVICE_JSON_MAX + 1};
	bool ok;

	(void)request;
	memset(large, '7', SERVICE_JSON_MAX + 1);
	large[0] = '"';
	large[SERVICE_JSON_MAX] = '"';
	ok = HOLDS(kv->put(call, kit_buf("k"), text) == DAVIT_INVALID);
	large[SERVICE_JSON_MAX - 1] = '"';
	text.n = SERVICE_JSON_MAX;
	ok = ok && HOLDS(kv->put(call, kit_buf("k"), text) == DAVIT_OK) &&
	     HOLDS(kv->put(call, kit_buf("k"), kit_buf("not JSON")) == DAVIT_INVALID) &&
	     HOLDS(kv->put(call, kit_buf("k"), (davit_buf){NULL, 4}) == DAVIT_INVALID) &&
	     HOLDS(kv->put(call, kit_buf(""), kit_buf("1")) == DAVIT_INVALID) &&
	     HOLDS(kv->put(call, kit_buf("a\nb"), kit_buf("1")) == DAVIT_INVALID) &&
	     HOLDS(kv->put(call, (davit_buf){"a\0b", 3}, kit_buf("1")) == DAVIT_INVALID) &&
	     HOLDS(kv->put(call, (davit_buf){NULL, 3}, kit_buf("1")) == DAVIT_INVALID) &&
	     HOLDS(kv->put(call, key, kit_buf("1")) == DAVIT_OK);
	key.n = 513;
	ok = ok && HOLDS(kv->put(call, key, kit_buf("1")) == DAVIT_INVALID) &&
	     HOLDS(kv->get(call, kit_buf("k"), NULL, NULL) == DAVIT_INVALID) &&
	     HOLDS(kv->get(call, key, &value, NULL) == DAVIT_INVALID);
	return finish(k, call, ok);
}

static void wrong_keys_and_values_are_invalid(void **state)
{
	expect_ok(*state, op_kv_wrong);
}

OP(op_kv_list)
{
	struct kit *k = kit_of(inst);
	const davit_host_kv_1 *kv = k->kv;
	davit_buf page = {NULL, 0};
	bool ok = HOLDS(kv->put(call, kit_buf("p/1"), kit_buf("{\"n\":1}")) == DAVIT_OK) &&
	          HOLDS(kv->put(call, kit_buf("p/2"), kit_buf("2")) == DAVIT_OK) &&
	          HOLDS(kv->put(call, kit_buf("p/3"), kit_buf("3")) == DAVIT_OK) &&
	          HOLDS(kv->put(call, kit_buf("q"), kit_buf("4")) == DAVIT_OK);

	(void)request;
	ok = ok && HOLDS(kv->list(call, kit_buf("p/"), kit_buf(""), 2, &page) == DAVIT_OK) &&
	     HOLDS(is(page, "{\"items\":[{\"key\":\"p/1\",\"value\":{\"n\":1}},"
			    "{\"key\":\"p/2\",\"value\":2}],\"more\":true}")) &&
	     HOLDS(kv->list(call, kit_buf("p/"), kit_buf("p/2"), 0, &page) == DAVIT_OK) &&
	     HOLDS(is(page, "{\"items\":[{\"key\":\"p/3\",\"value\":3}],\"more\":false}")) &&
	     HOLDS(kv->list(call, kit_buf("zz"), kit_buf(""), UINT32_MAX, &page) == DAVIT_OK) &&
	     HOLDS(is(page, "{\"items\":[],\"more\":false}")) &&
	     HOLDS(kv->list(call, kit_buf("p"), kit_buf(""), 1, NULL) == DAVIT_INVALID);
	return finish(k, call, ok);
}

static void pairs_are_listed_page_by_page(void **state)
{
	expect_ok(*state, op_kv_list);
}

/* The limit itself is the store's, and it is proved there: here it is reached and mapped. */
OP(op_kv_quota)
{
	struct kit *k = kit_of(inst);
	char *large = k->core->arena(call, SERVICE_JSON_MAX);

	(void)request;
	memset(large, '7', SERVICE_JSON_MAX);
	large[0] = '"';
	large[SERVICE_JSON_MAX - 1] = '"';
	return k->kv->put(call, kit_buf("one too many"), (davit_buf){large, SERVICE_JSON_MAX});
}

/* All but less than a value's worth of what the instance may keep. */
static void fill(struct kit *k)
{
	for (size_t i = 0; i < STORE_KV_BYTES_MAX / SERVICE_JSON_MAX; i++) {
		struct store_op *op = store_op_new(STORE_KV_PUT, false);
		struct fail f = {0};
		char key[16];

		assert_non_null(op);
		(void)snprintf(key, sizeof(key), "%zu", i);
		op->kv.instance = strdup("kit");
		op->kv.key = strdup(key);
		op->kv.value = calloc(1, SERVICE_JSON_MAX - 100);
		op->kv.version = -1;
		assert_non_null(op->kv.value);
		memset(op->kv.value, '7', SERVICE_JSON_MAX - 101);
		if (!store_run(k->store, op, &f))
			fail_msg("%s", f.text);
		store_op_free(op);
	}
}

static void past_the_limit_of_an_instance_it_is_quota_with_the_stores_words(void **state)
{
	struct kit k;
	struct kit_call c;

	(void)state;
	kit_open(&k, false);
	fill(&k);
	kit_run(&k, &c, op_kv_quota);
	assert_int_equal(c.result.code, DAVIT_QUOTA);
	assert_int_equal(c.result.fail.code, FAIL_UPSTREAM);
	assert_non_null(strstr(c.result.fail.text, "delete some"));
	kit_call_finish(&c);
	kit_close(&k);
}

/* --- blob --- */

OP(op_blob)
{
	struct kit *k = kit_of(inst);
	const davit_host_blob_1 *b = k->blob;
	davit_blob blob = 0, again = 0;
	davit_buf digest = {NULL, 0};
	uint64_t length = 0;
	char text[16] = {0};
	size_t n = 99;
	bool ok;

	(void)request;
	ok = HOLDS(b->create(call, &blob) == DAVIT_OK) &&
	     HOLDS(b->write(call, blob, kit_buf("hello ")) == DAVIT_OK) &&
	     HOLDS(b->write(call, blob, kit_buf("")) == DAVIT_OK) &&
	     HOLDS(b->write(call, blob, kit_buf("world")) == DAVIT_OK) &&
	     HOLDS(b->length(call, blob, &length) == DAVIT_OK && length == 11) &&
	     HOLDS(b->read(call, blob, 6, text, 5, &n) == DAVIT_OK && n == 5) &&
	     HOLDS(memcmp(text, "world", 5) == 0) &&
	     HOLDS(b->seal(call, blob, &digest) == DAVIT_OK && digest.n == 64) &&
	     HOLDS(b->write(call, blob, kit_buf("!")) == DAVIT_INVALID) &&
	     HOLDS(b->read(call, blob, 11, text, 5, &n) == DAVIT_OK && n == 0) &&
	     HOLDS(b->read(call, blob, UINT64_MAX, text, 5, &n) == DAVIT_OK && n == 0) &&
	     HOLDS(b->open(call, digest, &again) == DAVIT_OK && again != blob) &&
	     HOLDS(b->length(call, again, &length) == DAVIT_OK && length == 11) &&
	     HOLDS(b->seal(call, again, &digest) == DAVIT_OK && digest.n == 64);
	b->close(call, again);
	ok = ok && HOLDS(b->length(call, again, &length) == DAVIT_INVALID) &&
	     HOLDS(b->read(call, 0, 0, text, 1, &n) == DAVIT_INVALID) &&
	     HOLDS(b->read(call, blob + 1, 0, text, 1, &n) == DAVIT_INVALID) &&
	     HOLDS(b->read(call, blob, 0, NULL, 1, &n) == DAVIT_INVALID) &&
	     HOLDS(b->read(call, blob, 0, text, 1, NULL) == DAVIT_INVALID) &&
	     HOLDS(b->open(call, kit_buf("nonsense"), &again) == DAVIT_INVALID) &&
	     HOLDS(b->open(call,
			   kit_buf("0000000000000000000000000000000000000000000000000000000000000000"),
			   &again) == DAVIT_NOT_FOUND);
	return finish(k, call, ok);
}

static void a_blob_is_written_sealed_opened_and_read(void **state)
{
	expect_ok(*state, op_blob);
}

OP(op_many_blobs)
{
	struct kit *k = kit_of(inst);
	davit_blob blobs[CALL_BLOBS_MAX];
	davit_blob one_more = 0;
	bool ok = true;

	(void)request;
	for (size_t i = 0; ok && i < COUNT(blobs); i++)
		ok = HOLDS(k->blob->create(call, &blobs[i]) == DAVIT_OK);
	ok = ok && HOLDS(k->blob->create(call, &one_more) == DAVIT_QUOTA);
	k->blob->close(call, blobs[5]);
	ok = ok && HOLDS(k->blob->create(call, &one_more) == DAVIT_OK) &&
	     HOLDS(one_more != blobs[5]) &&
	     HOLDS(k->blob->write(call, blobs[5], kit_buf("x")) == DAVIT_INVALID) &&
	     HOLDS(one_more < ((uint64_t)1 << 53));
	return finish(k, call, ok);
}

static void a_closed_handle_is_never_taken_for_the_next_one(void **state)
{
	expect_ok(*state, op_many_blobs);
}

/* --- resolve --- */

static char source_given[2000];

OP(op_resolve)
{
	struct kit *k = kit_of(inst);
	davit_blob blob;
	char text[64] = {0};
	size_t n = 0;
	int32_t code = k->blob->resolve(call, kit_buf(source_given), &blob);

	(void)request;
	if (code != DAVIT_OK)
		return code;
	code = k->blob->read(call, blob, 0, text, sizeof(text) - 1, &n);
	if (code != DAVIT_OK || strcmp(text, "inside") != 0)
		return DAVIT_PERMANENT;
	return k->core->reply_state(call, 1, 0, kit_buf("{}"));
}

/* %s is the folder of the test. */
static const struct {
	const char *source;
	int32_t code;
	const char *why;
} sources[] = {
	{"{\"text\":\"inside\"}", DAVIT_OK, NULL},
	{"{\"path\":\"data.csv\"}", DAVIT_OK, NULL},
	{"{\"path\":\"deep/er/data.csv\"}", DAVIT_OK, NULL},
	{"{\"path\":\"%s/root/data.csv\"}", DAVIT_OK, NULL},
	{"{\"path\":\"%s/root//deep/er/data.csv\"}", DAVIT_OK, NULL},
	{"{\"uri\":\"file://%s/root/data.csv\"}", DAVIT_OK, NULL},
	{"{\"uri\":\"file://%s/root/d%%61ta.csv\"}", DAVIT_OK, NULL},
	{"{\"path\":\"second.csv\"}", DAVIT_OK, NULL},
	{"{\"path\":\"missing.csv\"}", DAVIT_NOT_FOUND, "there is no file 'missing.csv'"},
	{"{\"path\":\"../outside.csv\"}", DAVIT_INVALID, "/root, "},
	{"{\"path\":\"deep/../../outside.csv\"}", DAVIT_INVALID, "import_roots: "},
	{"{\"path\":\"%s/outside.csv\"}", DAVIT_INVALID, "not below one of them"},
	{"{\"path\":\"%s/root/../outside.csv\"}", DAVIT_INVALID, "import_roots: "},
	{"{\"path\":\"%s/rootless/data.csv\"}", DAVIT_INVALID, "not below one of them"},
	{"{\"path\":\"link.csv\"}", DAVIT_INVALID, "import_roots: "},
	{"{\"path\":\"linked/data.csv\"}", DAVIT_INVALID, "import_roots: "},
	{"{\"path\":\"deep\"}", DAVIT_INVALID, "not a regular file"},
	{"{\"path\":\"pipe\"}", DAVIT_INVALID, "not a regular file"},
	{"{\"uri\":\"file://%s/root/%%2e%%2e/outside.csv\"}", DAVIT_INVALID, "import_roots: "},
	{"{\"uri\":\"file://%s/root/a%%00b\"}", DAVIT_INVALID, "is not a URI"},
	{"{\"uri\":\"file://%s/root/a%%4\"}", DAVIT_INVALID, "is not a URI"},
	{"{\"uri\":\"file://host/data.csv\"}", DAVIT_INVALID, "only file:///"},
	{"{\"uri\":\"s3://bucket/key\"}", DAVIT_INVALID, "s3://bucket/key"},
	{"{\"path\":\"a\\u0000b\"}", DAVIT_INVALID, "NUL"},
	{"{\"upload\":\"1234\"}", DAVIT_INVALID, NULL},
	{"{\"path\":7}", DAVIT_INVALID, "one of text"},
	{"{\"path\":\"a\",\"text\":\"b\"}", DAVIT_INVALID, "one of text"},
	{"{}", DAVIT_INVALID, "one of text"},
	{"[]", DAVIT_INVALID, "one of text"},
	{"no", DAVIT_INVALID, "JSON"},
};

/* root/ (data.csv, deep/er/data.csv, links and a pipe), second/, and what lies outside. */
static void lay_out(struct kit *k)
{
	static char roots[2][SCRATCH_SIZE + 16];
	static char *root_list[2] = {roots[0], roots[1]};
	static const char *const folders[] = {
		"root", "root/deep", "root/deep/er", "rootless", "second"};
	static const char *const texts[] = {"root/data.csv", "root/deep/er/data.csv",
		"second/second.csv", "outside.csv", "rootless/data.csv"};

	for (size_t i = 0; i < COUNT(folders); i++)
		assert_int_equal(mkdir(scratch_path(k->folder, folders[i]), 0700), 0);
	for (size_t i = 0; i < COUNT(texts); i++)
		scratch_write(k->folder, texts[i], "inside");
	assert_int_equal(symlink("../outside.csv", scratch_path(k->folder, "root/link.csv")), 0);
	assert_int_equal(symlink("deep/er", scratch_path(k->folder, "root/linked")), 0);
	assert_int_equal(mkfifo(scratch_path(k->folder, "root/pipe"), 0600), 0);
	(void)snprintf(roots[0], sizeof(roots[0]), "%s/root", k->folder);
	(void)snprintf(roots[1], sizeof(roots[1]), "%s/second/", k->folder);
	k->config.import_roots = root_list;
	k->config.import_root_count = 2;
}

/* Puts the folder of the test in for %s. */
static void give_source(const struct kit *k, const char *form)
{
	char *out = source_given;

	for (const char *p = form; *p != '\0'; p++) {
		if (p[0] == '%' && p[1] == 's') {
			out += snprintf(out, 300, "%s", k->folder);
			p++;
			continue;
		}
		p += p[0] == '%';
		*out++ = *p;
	}
	*out = '\0';
}

static void a_source_is_opened_or_refused_with_the_reason(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k, false);
	lay_out(&k);
	for (size_t i = 0; i < COUNT(sources); i++) {
		struct kit_call c;

		give_source(&k, sources[i].source);
		kit_run(&k, &c, op_resolve);
		if (c.result.code != sources[i].code)
			fail_msg(
				"%s: code %d: %s", source_given, c.result.code, c.result.fail.text);
		if (sources[i].why != NULL && strstr(c.result.fail.text, sources[i].why) == NULL)
			fail_msg("%s: '%s' is not in: %s", source_given, sources[i].why,
				c.result.fail.text);
		kit_call_finish(&c);
	}
	kit_close(&k);
}

static void without_roots_no_file_can_be_named(void **state)
{
	struct kit *k = *state;
	struct kit_call c;

	(void)snprintf(source_given, sizeof(source_given), "{\"path\":\"/etc/hostname\"}");
	kit_run(k, &c, op_resolve);
	assert_int_equal(c.result.code, DAVIT_INVALID);
	assert_non_null(strstr(c.result.fail.text, "this site has no import_roots"));
	kit_call_finish(&c);
}

/* --- save --- */

static const char *files_given;

/* "D" in files_given stands for the digest of "inside". */
OP(op_save)
{
	struct kit *k = kit_of(inst);
	davit_blob blob;
	davit_buf digest, told;
	char files[1000];
	char *out = files;
	int32_t code;

	(void)request;
	if (k->blob->create(call, &blob) != DAVIT_OK ||
		k->blob->write(call, blob, kit_buf("inside")) != DAVIT_OK ||
		k->blob->seal(call, blob, &digest) != DAVIT_OK)
		return DAVIT_PERMANENT;
	for (const char *p = files_given; *p != '\0'; p++)
		out += *p == 'D' ? snprintf(out, 80, "%.*s", (int)digest.n, digest.p)
		                 : snprintf(out, 2, "%c", *p);
	code = k->blob->save(call, kit_buf(source_given), kit_buf(files), &told);
	return code != DAVIT_OK ? code : k->core->reply_state(call, 1, 0, told);
}

#define ONE_FILE "[{\"path\":\"a\",\"blob\":\"D\"}]"

/* In order: each finds what those before it left. */
static const struct {
	const char *folder; /* %s is the folder of the test */
	const char *files;
	int32_t code;
	const char *why;
} saves[] = {
	{"{\"path\":\"new/deep\"}", ONE_FILE, DAVIT_OK, NULL},
	{"{\"path\":\"%s/out/new/deep\"}", ONE_FILE, DAVIT_CONFLICT, "'a' exists already"},
	{"{\"path\":\"%s/out\"}", ONE_FILE, DAVIT_OK, NULL},
	{"{\"uri\":\"file://%s/out/by%%20uri\"}", ONE_FILE, DAVIT_OK, NULL},
	{"{\"path\":\"both\"}",
		"[{\"path\":\"x/y/a\",\"blob\":\"D\"},{\"path\":\"b\",\"blob\":\"D\"}]", DAVIT_OK,
		NULL},
	{"{\"path\":\"both\"}",
		"[{\"path\":\"c\",\"blob\":\"D\"},{\"path\":\"x/y/a\",\"blob\":\"D\"}]",
		DAVIT_CONFLICT, "'x/y/a' exists already"},
	{"{\"path\":\"gone\"}",
		"[{\"path\":\"a\",\"blob\":\"D\"},{\"path\":\"b\",\"blob\":"
		"\"0000000000000000000000000000000000000000000000000000000000000000\"}]",
		DAVIT_NOT_FOUND, "there is no blob"},
	{"{\"path\":\"../elsewhere\"}", ONE_FILE, DAVIT_INVALID, "without links or"},
	{"{\"path\":\"%s/elsewhere\"}", ONE_FILE, DAVIT_INVALID, "export_roots: "},
	{"{\"path\":\"%s/outer\"}", ONE_FILE, DAVIT_INVALID, "export_roots: "},
	{"{\"path\":\"link\"}", ONE_FILE, DAVIT_CONFLICT, "on the way"},
	{"{\"path\":\"x\"}", "[{\"path\":\"../a\",\"blob\":\"D\"}]", DAVIT_INVALID,
		"without links"},
	{"{\"path\":\"x\"}", "[{\"path\":\"/a\",\"blob\":\"D\"}]", DAVIT_INVALID, "without links"},
	{"{\"path\":\"x\"}", "[{\"path\":\"a/\",\"blob\":\"D\"}]", DAVIT_INVALID, "without links"},
	{"{\"path\":\"x\"}", "[{\"path\":\"a\",\"blob\":\"../D\"}]", DAVIT_INVALID,
		"64 hexadecimal"},
	{"{\"path\":\"x\"}", "[]", DAVIT_INVALID, "1 to"},
	{"{\"path\":\"x\"}", "[{}]", DAVIT_INVALID, "path and blob"},
	{"{\"path\":\"x\",\"uri\":\"y\"}", ONE_FILE, DAVIT_INVALID, "one of path and uri"},
	{"{\"path\":\"a\\u0000b\"}", ONE_FILE, DAVIT_INVALID, "NUL"},
	{"{\"uri\":\"s3://b/k\"}", ONE_FILE, DAVIT_INVALID, "cannot be written here"},
};

static void blobs_are_saved_where_the_site_allows_it(void **state)
{
	struct kit k;
	static char root[SCRATCH_SIZE + 16];
	static char *roots[] = {root};
	char text[16] = {0};
	FILE *file;

	(void)state;
	kit_open(&k, false);
	assert_int_equal(mkdir(scratch_path(k.folder, "out"), 0700), 0);
	assert_int_equal(mkdir(scratch_path(k.folder, "elsewhere"), 0700), 0);
	assert_int_equal(symlink("../elsewhere", scratch_path(k.folder, "out/link")), 0);
	(void)snprintf(root, sizeof(root), "%s/out/", k.folder);
	k.config.export_roots = roots;
	k.config.export_root_count = 1;
	for (size_t i = 0; i < COUNT(saves); i++) {
		struct kit_call c;

		give_source(&k, saves[i].folder);
		files_given = saves[i].files;
		kit_run(&k, &c, op_save);
		if (c.result.code != saves[i].code ||
			(saves[i].why != NULL && strstr(c.result.fail.text, saves[i].why) == NULL))
			fail_msg("%s %s: code %d: %s", source_given, files_given, c.result.code,
				c.result.fail.text);
		kit_call_finish(&c);
	}
	file = fopen(scratch_path(k.folder, "out/both/x/y/a"), "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	(void)fclose(file);
	assert_string_equal(text, "inside");
	assert_int_equal(access(scratch_path(k.folder, "out/by uri/a"), F_OK), 0);
	assert_int_not_equal(access(scratch_path(k.folder, "out/both/c"), F_OK), 0);
	assert_int_not_equal(access(scratch_path(k.folder, "out/gone/a"), F_OK), 0);
	assert_int_equal(rmdir(scratch_path(k.folder, "out/gone")), 0); /* nothing lies in it */
	assert_int_equal(rmdir(scratch_path(k.folder, "elsewhere")), 0);
	kit_close(&k);
}

static void without_export_roots_nothing_is_saved(void **state)
{
	struct kit *k = *state;
	struct kit_call c;

	give_source(k, "{\"path\":\"/tmp\"}");
	files_given = ONE_FILE;
	kit_run(k, &c, op_save);
	assert_int_equal(c.result.code, DAVIT_INVALID);
	assert_non_null(strstr(c.result.fail.text, "this site has no export_roots"));
	kit_call_finish(&c);
}

OP(op_seal_import)
{
	struct kit *k = kit_of(inst);
	davit_blob blob, again;
	davit_buf digest;
	char text[16] = {0};
	size_t n = 0;
	bool ok;

	(void)request;
	ok = HOLDS(k->blob->resolve(call, kit_buf("{\"path\":\"data.csv\"}"), &blob) == DAVIT_OK) &&
	     HOLDS(k->blob->seal(call, blob, &digest) == DAVIT_OK) &&
	     HOLDS(k->blob->open(call, digest, &again) == DAVIT_OK) &&
	     HOLDS(k->blob->read(call, again, 0, text, 15, &n) == DAVIT_OK && n == 6) &&
	     HOLDS(strcmp(text, "inside") == 0);
	return finish(k, call, ok);
}

static void a_named_file_can_be_sealed(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k, false);
	lay_out(&k);
	expect_ok(&k, op_seal_import);
	kit_close(&k);
}

/* --- job --- */

static int32_t checkpoint_code;

OP(op_checkpoint)
{
	struct kit *k = kit_of(inst);

	(void)request;
	checkpoint_code = k->job->checkpoint(call, kit_buf("{\"step\":2}"));
	if (k->job->checkpoint(call, kit_buf("{\"step\":")) == DAVIT_OK)
		return DAVIT_PERMANENT;
	return k->core->reply_state(call, 1, 0, kit_buf("{}"));
}

static void add_job(struct kit *k, char id[ID_SIZE])
{
	struct store_op *op = store_op_new(STORE_JOB_ADD, true);
	struct fail f = {0};

	assert_non_null(op);
	id_make(id);
	memcpy(op->job.id, id, ID_SIZE);
	memcpy(op->job.submission, id, ID_SIZE);
	op->job.state = JOB_SUBMITTING;
	op->job.epoch = 3;
	op->job.created_ms = 1;
	op->job.provider = strdup("kit");
	op->job.interface = strdup(DAVIT_TRAINING);
	op->job.kind = strdup("train");
	op->job.request = strdup("{}");
	if (!store_run(k->store, op, &f))
		fail_msg("%s", f.text);
	store_op_free(op);
}

static void run_checkpoint(struct kit *k, const char *job, int64_t epoch)
{
	struct call_spec spec = kit_spec(k, DAVIT_TRAINING, "submit");
	struct kit_call c;

	k->training.submit = op_checkpoint;
	spec.job = job;
	spec.checkpoints = job != NULL;
	spec.epoch = epoch;
	spec.job_lane = true;
	kit_start(k, &c, spec);
	kit_await(&c);
	assert_int_equal(c.result.code, DAVIT_OK);
	kit_call_finish(&c);
}

static void a_checkpoint_is_kept_with_its_submission_only(void **state)
{
	struct kit *k = *state;
	struct job job;
	struct fail f = {0};
	char id[ID_SIZE];

	add_job(k, id);
	run_checkpoint(k, NULL, 3);
	assert_int_equal(checkpoint_code, DAVIT_UNSUPPORTED);
	run_checkpoint(k, id, 2); /* an attempt that was given up */
	assert_int_equal(checkpoint_code, DAVIT_CONFLICT);
	assert_true(store_job(k->store, id, &job, &f));
	assert_null(job.checkpoint);
	job_finish(&job);
	run_checkpoint(k, id, 3);
	assert_int_equal(checkpoint_code, DAVIT_OK);
	assert_true(store_job(k->store, id, &job, &f));
	assert_string_equal(job.checkpoint, "{\"step\":2}");
	assert_int_equal(job.state, JOB_SUBMITTING);
	job_finish(&job);
}

/* --- process --- */

OP(op_process)
{
	struct kit *k = kit_of(inst);
	const davit_host_process_1 *p = k->process;
	davit_buf name = kit_buf("train-1");
	davit_buf json;
	davit_blob blob;
	char text[16] = {0};
	size_t n = 0;
	bool ok;

	(void)request;
	ok = HOLDS(p->inspect(call, name, &json) == DAVIT_NOT_FOUND) &&
	     HOLDS(p->start(call, name, kit_buf("{\"argv\":[\"x\"]}")) == DAVIT_OK) &&
	     HOLDS(p->start(call, name, kit_buf("{}")) == DAVIT_INVALID) &&
	     HOLDS(p->start(call, name, kit_buf("{")) == DAVIT_INVALID) &&
	     HOLDS(p->start(call, kit_buf("Train"), kit_buf("{\"argv\":[]}")) == DAVIT_INVALID) &&
	     HOLDS(p->inspect(call, name, &json) == DAVIT_OK) &&
	     HOLDS(is(json, "{\"state\":\"running\"}")) &&
	     HOLDS(p->open_file(call, name, kit_buf("log"), &blob) == DAVIT_OK) &&
	     HOLDS(k->blob->read(call, blob, 0, text, 15, &n) == DAVIT_OK && n == 4) &&
	     HOLDS(p->open_file(call, name, kit_buf("nothing"), &blob) == DAVIT_NOT_FOUND) &&
	     HOLDS(p->list_files(call, name, kit_buf("out"), &json) == DAVIT_OK) &&
	     HOLDS(is(json, "{\"items\":[{\"path\":\"out\"}]}")) &&
	     HOLDS(p->remove(call, name) == DAVIT_CONFLICT) &&
	     HOLDS(p->stop(call, name) == DAVIT_OK) &&
	     HOLDS(p->request(call, name, kit_buf("{}"), 12345, &json, &blob) == DAVIT_INVALID);
	return finish(k, call, ok);
}

static void processes_are_reached_by_grant(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k, true);
	fake_process = (struct fake_process){0};
	scratch_write(k.folder, "log", "line");
	(void)snprintf(fake_process.log, sizeof(fake_process.log), "%s/log", k.folder);
	expect_ok(&k, op_process);
	assert_string_equal(fake_process.started, "train-1");
	assert_int_equal(fake_process.stops, 1);
	kit_close(&k);
}

OP(op_process_borrowed)
{
	struct kit *k = kit_of(inst);

	(void)request;
	return service_process.stop(call, kit_buf("train-1")) == DAVIT_UNSUPPORTED
	               ? finish(k, call, true)
	               : DAVIT_PERMANENT;
}

static void a_borrowed_process_table_does_not_work_without_the_grant(void **state)
{
	fake_process = (struct fake_process){0};
	expect_ok(*state, op_process_borrowed);
	assert_int_equal(fake_process.stops, 0);
}

OP(op_silent)
{
	struct kit *k = kit_of(inst);
	davit_buf head;
	davit_blob body;

	(void)request;
	return k->process->request(call, kit_buf("server"), kit_buf("{}"), 0, &head, &body);
}

static void a_server_that_does_not_listen_yet_is_worth_a_retry(void **state)
{
	struct kit k;
	struct kit_call c;

	(void)state;
	kit_open(&k, true);
	fake_process = (struct fake_process){.silent = true};
	kit_run(&k, &c, op_silent);
	assert_int_equal(c.result.code, DAVIT_RETRY);
	assert_string_equal(c.result.fail.text, "nobody listens yet");
	kit_call_finish(&c);
	kit_close(&k);
}

/* --- core: random numbers and memory --- */

OP(op_random)
{
	struct kit *k = kit_of(inst);
	char a[16] = {0}, b[16] = {0};
	bool ok;

	(void)request;
	ok = HOLDS(k->core->random(call, a, sizeof(a)) == DAVIT_OK) &&
	     HOLDS(k->core->random(call, b, sizeof(b)) == DAVIT_OK) &&
	     HOLDS(memcmp(a, b, sizeof(a)) != 0) &&
	     HOLDS(k->core->random(call, NULL, 0) == DAVIT_OK) &&
	     HOLDS(k->core->random(call, NULL, 1) == DAVIT_INVALID) &&
	     HOLDS(k->core->arena(call, CALL_ARENA_MAX + 1) == NULL) &&
	     HOLDS(k->core->arena(call, 1000000) != NULL);
	return finish(k, call, ok);
}

static void random_numbers_and_memory_come_from_the_host(void **state)
{
	expect_ok(*state, op_random);
}

static int open_kit(void **state)
{
	static struct kit k;

	kit_open(&k, false);
	*state = &k;
	return 0;
}

static int close_kit(void **state)
{
	kit_close(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_offered_is_found),
		cmocka_unit_test(every_function_of_every_table_is_there),
		cmocka_unit_test(pairs_are_written_compared_and_deleted),
		cmocka_unit_test(pairs_belong_to_the_configured_provider),
		cmocka_unit_test(wrong_keys_and_values_are_invalid),
		cmocka_unit_test(pairs_are_listed_page_by_page),
		cmocka_unit_test(past_the_limit_of_an_instance_it_is_quota_with_the_stores_words),
		cmocka_unit_test(a_blob_is_written_sealed_opened_and_read),
		cmocka_unit_test(a_closed_handle_is_never_taken_for_the_next_one),
		cmocka_unit_test(a_source_is_opened_or_refused_with_the_reason),
		cmocka_unit_test(without_roots_no_file_can_be_named),
		cmocka_unit_test(blobs_are_saved_where_the_site_allows_it),
		cmocka_unit_test(without_export_roots_nothing_is_saved),
		cmocka_unit_test(a_named_file_can_be_sealed),
		cmocka_unit_test(a_checkpoint_is_kept_with_its_submission_only),
		cmocka_unit_test(processes_are_reached_by_grant),
		cmocka_unit_test(a_borrowed_process_table_does_not_work_without_the_grant),
		cmocka_unit_test(a_server_that_does_not_listen_yet_is_worth_a_retry),
		cmocka_unit_test(random_numbers_and_memory_come_from_the_host),
	};

	return cmocka_run_group_tests(tests, open_kit, close_kit);
}
