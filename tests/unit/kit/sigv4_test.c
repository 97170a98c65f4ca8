/*
 * Signatures by the published cases: those of tests/vectors/aws-sigv4, each by header and by query,
 * and those that the documentation of S3 works out. All of them through the services of the host,
 * so that keys are numbers.
 */
#include <davit/provider.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/fail.h"
#include "kit/sigv4.h"
#include "provider/call.h"
#include "provider/http_value.h"
#include "provider/internal.h"
#include "provider/services.h"
#include "unit/cmocka.h"
#include "unit/kit/vectors.h"
#include "unit/provider/kit.h"

#define EXAMPLE_KEY "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

/* What a call is to sign, and what became of it. */
struct task {
	/* in */
	const struct sigv4_request *request;
	const char *id, *key, *token; /* token NULL: none */
	const char *region, *service;
	uint32_t flags;
	int64_t now_ms, expires_s; /* expires_s 0: by header */
	const char *chunks[4];     /* SHA-256 of each, and */
	const char *trailer;       /* lines to be signed behind */
	/* out; texts are the test's to free */
	char *canonical, *to_sign, *url;
	json_t *headers; /* [[name, value]…] with the secrets in them */
	char signature[SIGV4_HEX], chunk_signatures[4][SIGV4_HEX], trailer_signature[SIGV4_HEX];
	int32_t code;
};

static struct task *task_of(davit_instance inst)
{
	return kit_of(inst)->mine;
}

static int64_t now_ms; /* one call at a time */

static int64_t DAVIT_CALL say_now(davit_call call)
{
	(void)call;
	return now_ms;
}

/* The text that a value of a request becomes. */
static char *resolve(davit_call call, davit_buf json)
{
	struct call *c = call_current(call);
	struct fail f = {0};
	bool secret = false;
	struct buf text;
	json_t *v = json_loadb(json.p, json.n, JSON_DECODE_ANY, NULL);
	char *copy = NULL;

	buf_init(&text, 65536);
	if (http_value_write(&text, v, &c->secrets, "", &secret, &f))
		copy = strdup(text.p != NULL ? text.p : "");
	buf_finish(&text);
	json_decref(v);
	return copy;
}

static char *resolve_parts(struct davit_sdk *sdk, const struct parts *t)
{
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &sdk->mem);
	parts_put(&w, NULL, t);
	return resolve(sdk->call, davit_sdk_write_end(&w));
}

static json_t *resolve_headers(struct davit_sdk *sdk, struct davit_sdk_writer *w)
{
	davit_buf text = davit_sdk_write_end(w);
	json_t *pairs = json_loadb(text.p, text.n, 0, NULL), *pair;
	size_t i;

	json_array_foreach(pairs, i, pair)
	{
		char *json = json_dumps(json_array_get(pair, 1), JSON_ENCODE_ANY);
		char *value = resolve(sdk->call, kit_buf(json));

		(void)json_array_set_new(pair, 1, json_string(value));
		free(value);
		free(json);
	}
	return pairs;
}

static davit_secret mint(struct davit_sdk *sdk, const char *text)
{
	davit_secret s = 0;

	if (text != NULL)
		(void)davit_sdk_check(sdk, sdk->host->secret->mint(sdk->call, kit_buf(text), &s),
			"make a secret");
	return s;
}

static void sign_rest(struct sigv4 *s, struct task *t, const struct sigv4_signed *g)
{
	const char *previous = g->signature;

	for (size_t i = 0; i < COUNT(t->chunks) && t->chunks[i] != NULL; i++) {
		(void)sigv4_chunk(s, g, previous, t->chunks[i], t->chunk_signatures[i]);
		previous = t->chunk_signatures[i];
	}
	if (t->trailer != NULL)
		(void)sigv4_trailer(s, g, previous, t->trailer, t->trailer_signature);
}

static void sign(struct sigv4 *s, struct task *t)
{
	struct davit_sdk *sdk = s->sdk;
	struct davit_sdk_writer w;
	struct sigv4_signed g;
	struct parts url;
	bool ok;

	parts_begin(&url, &sdk->mem);
	ok = t->expires_s > 0 ? sigv4_presign(s, t->request, t->expires_s, &url, &g)
	                      : sigv4_sign(s, t->request, &g);
	if (!ok)
		return;
	t->canonical = resolve_parts(sdk, &g.canonical);
	t->to_sign = strdup(g.to_sign);
	t->url = resolve_parts(sdk, &url);
	memcpy(t->signature, g.signature, sizeof(t->signature));
	davit_sdk_write_begin(&w, &sdk->mem);
	davit_sdk_open_array(&w, NULL);
	sigv4_put_headers(&w, s, t->request, &g);
	davit_sdk_close_array(&w);
	t->headers = resolve_headers(sdk, &w);
	sign_rest(s, t, &g);
}

static int32_t DAVIT_CALL op_signs(davit_instance inst, davit_call call, davit_buf request)
{
	static davit_host_core_1 core;
	struct davit_sdk_services services = {.core = &core, .secret = &service_secret};
	struct task *t = task_of(inst);
	struct davit_sdk sdk;
	struct sigv4 s;

	core = service_core;
	core.now_ms = say_now;
	now_ms = t->now_ms;
	(void)davit_sdk_begin(&sdk, &services, call, request);
	const struct sigv4_keys keys = {
		mint(&sdk, t->id), mint(&sdk, t->key), mint(&sdk, t->token)};
	sigv4_begin(&s, &sdk, &keys, t->region, t->service, t->flags);
	sign(&s, t);
	t->code = sdk.code;
	return sdk.code != DAVIT_OK ? sdk.code : core.reply_state(call, 1, 0, kit_buf("{}"));
}

static struct kit host; /* for all tests */

static int open_host(void **state)
{
	(void)state;
	kit_open(&host, false);
	return 0;
}

static int close_host(void **state)
{
	(void)state;
	kit_close(&host);
	return 0;
}

static void run(struct task *t)
{
	struct kit_call c;

	host.mine = t;
	kit_run(&host, &c, op_signs);
	kit_call_finish(&c);
}

static void finish(struct task *t)
{
	free(t->canonical);
	free(t->to_sign);
	free(t->url);
	json_decref(t->headers);
}

/* --- the suite --- */

/* Every name and value, whatever their order, in one line each. */
static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *sorted(char **lines, size_t n)
{
	struct buf all;

	qsort(lines, n, sizeof(*lines), compare_lines);
	buf_init(&all, 65536);
	for (size_t i = 0; i < n; i++) {
		buf_printf(&all, "%s\n", lines[i]);
		free(lines[i]);
	}
	return buf_take(&all, NULL);
}

static char *header_line(const char *name, const char *value)
{
	char *line = NULL;

	if (asprintf(&line, "%s:%s", name, value) < 0)
		abort();
	for (char *p = line; *p != ':'; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
	return line;
}

static void check_headers(const struct vector_request *wanted, const json_t *got)
{
	char *a[VECTOR_HEADERS_MAX], *b[VECTOR_HEADERS_MAX], *left, *right;
	const json_t *pair;
	size_t i;

	assert_int_equal(json_array_size(got), wanted->headers_n);
	for (i = 0; i < wanted->headers_n; i++)
		a[i] = header_line(wanted->headers[i].name, wanted->headers[i].value);
	json_array_foreach(got, i, pair)
	{
		b[i] = header_line(json_string_value(json_array_get(pair, 0)),
			json_string_value(json_array_get(pair, 1)));
	}
	left = sorted(a, wanted->headers_n);
	right = sorted(b, wanted->headers_n);
	assert_string_equal(right, left);
	free(left);
	free(right);
}

/* One case is published with a URL that is none: bytes that are not ASCII stand in it. */
static char *ascii(const char *text)
{
	struct buf out;

	buf_init(&out, 65536);
	for (; *text != '\0'; text++)
		buf_printf(
			&out, (unsigned char)*text < 0x80 ? "%c" : "%%%02X", (unsigned char)*text);
	return buf_take(&out, NULL);
}

static char *sorted_query(const char *query)
{
	char *lines[32], *copy = strdup(query), *rest = copy, *word;
	size_t n = 0;

	while (n < COUNT(lines) && (word = strsep(&rest, "&")) != NULL)
		lines[n++] = ascii(word);
	free(copy);
	return sorted(lines, n);
}

static void check_url(const struct vector_request *wanted, const char *url)
{
	size_t n = strlen(wanted->path);
	char *left, *right;

	assert_memory_equal(url, wanted->path, n);
	assert_int_equal(url[n], '?');
	left = sorted_query(wanted->query);
	right = sorted_query(url + n + 1);
	assert_string_equal(right, left);
	free(left);
	free(right);
}

static const char *text_at(const struct vector *v, const char *name)
{
	return json_string_value(json_object_get(v->context, name));
}

static const char *credential(const struct vector *v, const char *name)
{
	return json_string_value(json_object_get(json_object_get(v->context, "credentials"), name));
}

static const char *body_digest(const char *body)
{
	return strcmp(body, "Param1=value1") == 0
	               ? "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"
	               : "unknown";
}

static struct task task_for(
	const struct vector *v, const struct sigv4_request *request, bool by_query)
{
	bool body = json_is_true(json_object_get(v->context, "sign_body"));
	uint32_t flags = 0;

	if (!json_is_true(json_object_get(v->context, "normalize")))
		flags |= SIGV4_PATH_ONCE;
	if (body)
		flags |= SIGV4_TELL_PAYLOAD;
	if (json_is_true(json_object_get(v->context, "omit_session_token")))
		flags |= SIGV4_TOKEN_AFTER;
	return (struct task){
		.request = request,
		.id = credential(v, "access_key_id"),
		.key = credential(v, "secret_access_key"),
		.token = credential(v, "token"),
		.region = text_at(v, "region"),
		.service = text_at(v, "service"),
		.flags = flags,
		.now_ms = davit_sdk_time_ms(text_at(v, "timestamp")),
		.expires_s = by_query ? json_integer_value(json_object_get(
						v->context, "expiration_in_seconds"))
	                              : 0,
	};
}

static void check_vector(const struct vector *v, bool by_query)
{
	const struct vector_request *r = &v->request;
	bool body = json_is_true(json_object_get(v->context, "sign_body"));
	const struct sigv4_request request = {r->method, r->host, r->path, r->query, r->headers,
		r->headers_n, body ? body_digest(r->body) : NULL};
	struct task t = task_for(v, &request, by_query);

	run(&t);
	assert_int_equal(t.code, DAVIT_OK);
	assert_string_equal(t.canonical, v->canonical[by_query]);
	assert_string_equal(t.to_sign, v->to_sign[by_query]);
	assert_string_equal(t.signature, v->signature[by_query]);
	if (by_query)
		check_url(&v->is_signed[1], t.url);
	else
		check_headers(&v->is_signed[0], t.headers);
	finish(&t);
}

static void signs_by_header(void **state)
{
	check_vector(*state, false);
}

static void signs_by_query(void **state)
{
	check_vector(*state, true);
}

/* --- what S3 documents --- */

#define AT_20130524 INT64_C(1369353600000)

static struct task store_task(const struct sigv4_request *request)
{
	return (struct task){
		.request = request,
		.id = "AKIAIOSFODNN7EXAMPLE",
		.key = EXAMPLE_KEY,
		.region = "us-east-1",
		.service = "s3",
		.flags = SIGV4_STORE,
		.now_ms = AT_20130524,
	};
}

struct documented {
	const char *name;
	struct sigv4_request request;
	int64_t expires_s;
	const char *signature;
};

#define BUCKET "examplebucket.s3.amazonaws.com"

static const struct sigv4_header put_headers[] = {
	{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
static const struct sigv4_header range_headers[] = {{"Range", "bytes=0-9"}};

static const struct documented documented[] = {
	{"s3-get-object", {"GET", BUCKET, "/test.txt", NULL, range_headers, 1, NULL}, 0,
		"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
	{"s3-put-object",
		{"PUT", BUCKET, "/test$file.text", NULL, put_headers, 2,
			"44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"},
		0, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
	{"s3-put-object-encoded",
		{"PUT", BUCKET, "/test%24file.text", NULL, put_headers, 2,
			"44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"},
		0, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
	{"s3-get-bucket-lifecycle", {"GET", BUCKET, "", "lifecycle", NULL, 0, NULL}, 0,
		"fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
	{"s3-list-objects", {"GET", BUCKET, "/", "max-keys=2&prefix=J", NULL, 0, NULL}, 0,
		"34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
	{"s3-presigned-url", {"GET", BUCKET, "/test.txt", NULL, NULL, 0, NULL}, 86400,
		"aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"},
};

static void signs_as_documented(void **state)
{
	const struct documented *d = *state;
	struct task t = store_task(&d->request);

	t.expires_s = d->expires_s;
	run(&t);
	assert_int_equal(t.code, DAVIT_OK);
	assert_string_equal(t.signature, d->signature);
	finish(&t);
}

static const char *const chunk_digests[] = {
	/* 65536 and 1024 times 'a', and nothing */
	"bf718b6f653bebc184e1479f1935b8da974d701b893afcf49e701f3e2f9f9c5a",
	"2edc986847e209b4016e141a6dc8716d3207350f416969382d431539bf292e4a",
	SIGV4_EMPTY,
};

static void s3_signed_chunks(void **state)
{
	static const struct sigv4_header headers[] = {{"x-amz-storage-class", "REDUCED_REDUNDANCY"},
		{"Content-Encoding", "aws-chunked"}, {"x-amz-decoded-content-length", "66560"},
		{"Content-Length", "66824"}};
	static const struct sigv4_request request = {"PUT", "s3.amazonaws.com",
		"/examplebucket/chunkObject.txt", NULL, headers, COUNT(headers),
		SIGV4_SIGNED_CHUNKS};
	struct task t = store_task(&request);

	(void)state;
	memcpy(t.chunks, chunk_digests, sizeof(chunk_digests));
	run(&t);
	assert_string_equal(
		t.signature, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
	assert_string_equal(t.chunk_signatures[0],
		"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648");
	assert_string_equal(t.chunk_signatures[1],
		"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497");
	assert_string_equal(t.chunk_signatures[2],
		"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9");
	finish(&t);
}

static void s3_signed_trailer(void **state)
{
	static const struct sigv4_header headers[] = {{"x-amz-storage-class", "REDUCED_REDUNDANCY"},
		{"Content-Encoding", "aws-chunked"}, {"x-amz-decoded-content-length", "66560"},
		{"x-amz-trailer", "x-amz-checksum-crc32c"}};
	static const struct sigv4_request request = {"PUT", "s3.amazonaws.com",
		"/examplebucket/chunkObject.txt", NULL, headers, COUNT(headers),
		SIGV4_SIGNED_TRAILER};
	struct task t = store_task(&request);

	(void)state;
	memcpy(t.chunks, chunk_digests, sizeof(chunk_digests));
	t.trailer = "x-amz-checksum-crc32c:sOO8/Q==\n";
	run(&t);
	assert_string_equal(
		t.signature, "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
	assert_string_equal(t.chunk_signatures[2],
		"2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992");
	assert_string_equal(t.trailer_signature,
		"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435");
	finish(&t);
}

/* --- what no published case has --- */

static void expect_canonical(const struct sigv4_request *request, uint32_t flags, const char *begin)
{
	struct task t = store_task(request);

	t.flags = flags;
	run(&t);
	assert_int_equal(t.code, DAVIT_OK);
	t.canonical[strlen(begin)] = '\0';
	assert_string_equal(t.canonical, begin);
	finish(&t);
}

static void a_stores_path_is_encoded_once_and_kept_as_it_is(void **state)
{
	static const struct {
		const char *path, *once, *twice;
	} rows[] = {
		{"/a%20b", "GET\n/a%20b\n", "GET\n/a%2520b\n"},
		{"/a%2fb/%C3%a4", "GET\n/a/b/%C3%A4\n", "GET\n/a%252fb/%25C3%25a4\n"},
		{"/a//b/../c/./", "GET\n/a//b/../c/./\n", "GET\n/a/c/\n"},
		{"/100%", "GET\n/100%25\n", "GET\n/100%25\n"},
		{"/a+b~c", "GET\n/a%2Bb~c\n", "GET\n/a%2Bb~c\n"},
		{"/../..", "GET\n/../..\n", "GET\n/\n"},
		{"", "GET\n/\n", "GET\n/\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct sigv4_request request = {
			"GET", BUCKET, rows[i].path, NULL, NULL, 0, NULL};

		expect_canonical(&request, SIGV4_STORE, rows[i].once);
		expect_canonical(&request, 0, rows[i].twice);
	}
}

static void a_query_is_sorted_by_what_is_sent(void **state)
{
	static const struct sigv4_request request = {"GET", BUCKET, "/",
		"b=2&a_=1&a=%2f&a.=1&&A=x y&a=%20&uploads&x=a=b&c+d=%zz", NULL, 0, NULL};

	(void)state;
	expect_canonical(&request, SIGV4_STORE,
		"GET\n/\nA=x%20y&a=%20&a=%2F&a.=1&a_=1&b=2&c%2Bd=%25zz&uploads=&x=a%3Db\n");
}

static void what_others_may_change_is_sent_and_not_signed(void **state)
{
	static const struct sigv4_header headers[] = {{"User-Agent", "davit"}, {"Expect", ""},
		{"X-Amz-Meta-A", "1"}, {"X-Amz-Meta", "2"}};
	static const struct sigv4_request request = {
		"PUT", "store.example:9000", "/k", NULL, headers, COUNT(headers), SIGV4_UNSIGNED};
	struct task t = store_task(&request);

	(void)state;
	t.token = "a session";
	run(&t);
	assert_string_equal(t.canonical,
		"PUT\n/k\n\nhost:store.example:9000\nx-amz-content-sha256:UNSIGNED-PAYLOAD\n"
		"x-amz-date:20130524T000000Z\nx-amz-meta:2\nx-amz-meta-a:1\n"
		"x-amz-security-token:a session\n\n"
		"host;x-amz-content-sha256;x-amz-date;x-amz-meta;x-amz-meta-a;"
		"x-amz-security-token\nUNSIGNED-PAYLOAD");
	assert_int_equal(json_array_size(t.headers), 8);
	finish(&t);
}

static void a_signed_url_holds_for_a_week_at_most(void **state)
{
	static const struct sigv4_request request = {"GET", BUCKET, "/", NULL, NULL, 0, NULL};
	struct task t = store_task(&request);

	(void)state;
	t.expires_s = SIGV4_EXPIRES_MAX + 1;
	run(&t);
	assert_int_equal(t.code, DAVIT_INVALID);
	finish(&t);
}

/* --- all of it --- */

static void all_published_cases_are_here(void **state)
{
	assert_int_equal(*(const size_t *)*state, 38);
}

static struct CMUnitTest test_of(
	const char *name, const char *how, CMUnitTestFunction function, const void *state)
{
	char *whole = NULL;

	if (asprintf(&whole, "%s%s", name, how) < 0)
		abort();
	return (struct CMUnitTest){
		.name = whole, .test_func = function, .initial_state = (void *)(uintptr_t)state};
}

#define PLAIN(f) test_of(#f, "", f, NULL)

int main(void)
{
	static struct CMUnitTest tests[256];
	struct vector *vectors;
	size_t cases = vectors_read(VECTORS, &vectors), n = 0;
	int failed;

	for (size_t i = 0; i < cases && n + 32 < COUNT(tests); i++) {
		tests[n++] =
			test_of(vectors[i].name, " signed by header", signs_by_header, &vectors[i]);
		tests[n++] =
			test_of(vectors[i].name, " signed by query", signs_by_query, &vectors[i]);
	}
	for (size_t i = 0; i < COUNT(documented); i++)
		tests[n++] = test_of(documented[i].name, "", signs_as_documented, &documented[i]);
	tests[n++] =
		test_of("all_published_cases_are_here", "", all_published_cases_are_here, &cases);
	tests[n++] = PLAIN(s3_signed_chunks);
	tests[n++] = PLAIN(s3_signed_trailer);
	tests[n++] = PLAIN(a_stores_path_is_encoded_once_and_kept_as_it_is);
	tests[n++] = PLAIN(a_query_is_sorted_by_what_is_sent);
	tests[n++] = PLAIN(what_others_may_change_is_sent_and_not_signed);
	tests[n++] = PLAIN(a_signed_url_holds_for_a_week_at_most);
	failed = _cmocka_run_group_tests("sigv4", tests, n, open_host, close_host);
	for (size_t i = 0; i < n; i++)
		free((char *)(uintptr_t)tests[i].name);
	vectors_free(vectors, cases);
	return failed;
}
