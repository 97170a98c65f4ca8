/*
 * davit_sdk.c - what sdk.h promises, for compiling into a provider: this one file (it
 * includes those beside it). Needs libc alone, keeps nothing between calls,
 * compiles as C11 and as C++17.
 */
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Hidden whatever the compiler's flags are; after libc's headers, which must stay visible. */
#if defined(__GNUC__) && !defined(_WIN32)
#pragma GCC visibility push(hidden)
#endif

#include <davit/sdk.h>

#define PIECE     ((size_t)1024) /* taken from the call's arena at a time */
#define ALIGNMENT ((size_t)16)
#define SENTENCE  1024 /* bytes of a failure's sentence or a log line, with NUL */

/* --- memory --- */

void davit_sdk_mem_call(struct davit_sdk_mem *mem, const davit_host_core_1 *core, davit_call call)
{
	mem->core = core;
	mem->call = call;
	mem->p = NULL;
	mem->left = 0;
}

void davit_sdk_mem_buffer(struct davit_sdk_mem *mem, void *buffer, size_t n)
{
	mem->core = NULL;
	mem->call = 0;
	mem->p = (char *)buffer;
	mem->left = buffer != NULL ? n : 0;
}

/* The next n bytes of the current piece, at a multiple of align; NULL if they are not there. */
static char *mem_cut(struct davit_sdk_mem *mem, size_t n, size_t align)
{
	size_t skip = mem->p != NULL ? (align - (size_t)((uintptr_t)mem->p % align)) % align : 0;

	if (mem->p == NULL || skip > mem->left || n > mem->left - skip)
		return NULL;
	char *p = mem->p + skip;
	mem->p = p + n;
	mem->left -= skip + n;
	return p;
}

/* A large n gets a piece of its own, so that the current one is not thrown away for it. */
static char *mem_take(struct davit_sdk_mem *mem, size_t n, size_t align)
{
	char *p = mem_cut(mem, n, align);

	if (p != NULL || mem->core == NULL)
		return p;
	if (n > PIECE / 4)
		return (char *)mem->core->arena(mem->call, n);
	char *piece = (char *)mem->core->arena(mem->call, PIECE);
	if (piece == NULL)
		return (char *)mem->core->arena(mem->call, n > 0 ? n : 1);
	mem->p = piece;
	mem->left = PIECE;
	return mem_cut(mem, n, align);
}

void *davit_sdk_alloc(struct davit_sdk_mem *mem, size_t n)
{
	char *p = mem_take(mem, n, ALIGNMENT);

	if (p != NULL && n > 0)
		memset(p, 0, n);
	return p;
}

DAVIT_SDK_PRINTF(2, 0)
static char *format_list(struct davit_sdk_mem *mem, const char *fmt, va_list args)
{
	va_list again;

	va_copy(again, args);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	char *p = n >= 0 ? mem_take(mem, (size_t)n + 1, 1) : NULL;
	if (p != NULL)
		(void)vsnprintf(p, (size_t)n + 1, fmt, args);
	return p;
}

char *davit_sdk_format(struct davit_sdk_mem *mem, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	char *p = format_list(mem, fmt, args);
	va_end(args);
	return p;
}

static davit_buf make_buf(const char *p, size_t n)
{
	davit_buf b;

	b.p = p;
	b.n = n;
	return b;
}

davit_buf davit_sdk_buf(const char *s)
{
	return make_buf(s, s != NULL ? strlen(s) : 0);
}

/* --- UTF-8 --- */

/* Is c a byte that continues a sequence? */
static bool utf8_goes_on(char c)
{
	return ((unsigned char)c & 0xC0U) == 0x80U;
}

/* How long a sequence is that begins with lead, and the bounds of its second byte, which keep
 * out overlong forms, surrogates and what lies past U+10FFFF. 0: nothing begins so. */
static size_t utf8_lead(unsigned char lead, unsigned char *low, unsigned char *high)
{
	*low = 0x80;
	*high = 0xBF;
	if (lead < 0x80)
		return 1;
	if (lead >= 0xC2 && lead <= 0xDF)
		return 2;
	if (lead >= 0xE0 && lead <= 0xEF) {
		if (lead == 0xE0)
			*low = 0xA0;
		if (lead == 0xED)
			*high = 0x9F;
		return 3;
	}
	if (lead < 0xF0 || lead > 0xF4)
		return 0;
	if (lead == 0xF0)
		*low = 0x90;
	if (lead == 0xF4)
		*high = 0x8F;
	return 4;
}

size_t davit_sdk_utf8(const char *p, size_t left)
{
	unsigned char low, high;
	size_t n = left > 0 ? utf8_lead((unsigned char)p[0], &low, &high) : 0;

	if (n > left)
		return 0;
	if (n > 1 && ((unsigned char)p[1] < low || (unsigned char)p[1] > high))
		return 0;
	for (size_t i = 2; i < n; i++)
		if (!utf8_goes_on(p[i]))
			return 0;
	return n;
}

/* Writes code at p, which has room for four bytes; returns how many it took. */
static size_t utf8_write(char *p, uint32_t code)
{
	static const unsigned char lead[5] = {0, 0x00, 0xC0, 0xE0, 0xF0};
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	for (size_t i = n - 1; i > 0; i--) {
		p[i] = (char)(0x80U | (code & 0x3FU));
		code >>= 6;
	}
	p[0] = (char)(lead[n] | code);
	return n;
}

#include "davit_sdk_json.h"

/* --- one running call --- */

/* The table, if it is there with all members of its first release. */
static const void *find_table(davit_host_query query, const char *id, size_t least)
{
	const void *table = query(id, 1);
	uint32_t size = 0;

	if (table != NULL)
		memcpy(&size, table, sizeof(size)); /* every table begins with its size */
	return size >= least ? table : NULL;
}

bool davit_sdk_find_services(struct davit_sdk_services *services, davit_host_query query)
{
	services->core = (const davit_host_core_1 *)find_table(
		query, DAVIT_HOST_CORE, DAVIT_THROUGH(davit_host_core_1, arena));
	services->kv = (const davit_host_kv_1 *)find_table(
		query, DAVIT_HOST_KV, DAVIT_THROUGH(davit_host_kv_1, list));
	services->blob = (const davit_host_blob_1 *)find_table(
		query, DAVIT_HOST_BLOB, DAVIT_THROUGH(davit_host_blob_1, close));
	services->job = (const davit_host_job_1 *)find_table(
		query, DAVIT_HOST_JOB, DAVIT_THROUGH(davit_host_job_1, checkpoint));
	services->process = (const davit_host_process_1 *)find_table(
		query, DAVIT_HOST_PROCESS, DAVIT_THROUGH(davit_host_process_1, request));
	services->http = (const davit_host_http_1 *)find_table(
		query, DAVIT_HOST_HTTP, DAVIT_THROUGH(davit_host_http_1, perform_many));
	services->secret = (const davit_host_secret_1 *)find_table(
		query, DAVIT_HOST_SECRET, DAVIT_THROUGH(davit_host_secret_1, keep));
	services->token = (const davit_host_token_1 *)find_table(
		query, DAVIT_HOST_TOKEN, DAVIT_THROUGH(davit_host_token_1, drop));
	return services->core != NULL;
}

davit_instance davit_sdk_number_of(void *instance)
{
	return (davit_instance)(uintptr_t)instance;
}

void *davit_sdk_instance_of(davit_instance number)
{
	return (void *)(uintptr_t)number; /* NOLINT(performance-no-int-to-ptr): made above */
}

/* What stands where a value is missing, so that readers need not look. */
static const struct davit_sdk_json *nothing(void)
{
	static const struct davit_sdk_json empty = {
		0, 0, {"", 0}, {"", 0}, 0, 0.0, NULL, NULL, NULL};

	return &empty;
}

int32_t davit_sdk_begin(struct davit_sdk *sdk, const struct davit_sdk_services *services,
	davit_call call, davit_buf request)
{
	struct davit_sdk_error error;

	sdk->host = services;
	sdk->call = call;
	sdk->code = DAVIT_OK;
	davit_sdk_mem_call(&sdk->mem, services->core, call);
	sdk->request = davit_sdk_parse(&sdk->mem, request, &error);
	if (sdk->request == NULL) {
		sdk->request = nothing();
		return davit_sdk_fail(sdk, DAVIT_INVALID, "the request at byte %zu: %s",
			error.offset, error.reason);
	}
	if (sdk->request->kind != DAVIT_SDK_OBJECT)
		return davit_sdk_fail_at(sdk, DAVIT_INVALID, "", "the request is not an object");
	return DAVIT_OK;
}

/* The sentence in text; one that was cut does not end within a character. */
DAVIT_SDK_PRINTF(3, 0)
static davit_buf make_sentence(char *text, size_t room, const char *fmt, va_list args)
{
	int n = vsnprintf(text, room, fmt, args);

	if (n < 0)
		return davit_sdk_buf(fmt);
	if ((size_t)n < room)
		return make_buf(text, (size_t)n);
	size_t lead = room - 2; /* where the last character begins */
	while (lead > 0 && utf8_goes_on(text[lead]))
		lead--;
	bool complete = davit_sdk_utf8(text + lead, room - 1 - lead) > 0;
	return make_buf(text, complete ? room - 1 : lead);
}

DAVIT_SDK_PRINTF(4, 0)
static int32_t fail_list(
	struct davit_sdk *sdk, int32_t code, davit_buf detail, const char *fmt, va_list args)
{
	char text[SENTENCE];

	if (sdk->code != DAVIT_OK)
		return sdk->code;
	sdk->code = code != DAVIT_OK ? code : DAVIT_INTERNAL;
	davit_buf sentence = make_sentence(text, sizeof(text), fmt, args);
	(void)sdk->host->core->fail(sdk->call, sdk->code, sentence, detail);
	return sdk->code;
}

int32_t davit_sdk_fail(struct davit_sdk *sdk, int32_t code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	code = fail_list(sdk, code, make_buf(NULL, 0), fmt, args);
	va_end(args);
	return code;
}

int32_t davit_sdk_fail_at(
	struct davit_sdk *sdk, int32_t code, const char *pointer, const char *fmt, ...)
{
	struct davit_sdk_writer w;
	va_list args;

	davit_sdk_write_begin(&w, &sdk->mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_text(&w, "pointer", pointer);
	davit_sdk_close_object(&w);
	va_start(args, fmt);
	code = fail_list(sdk, code, davit_sdk_write_end(&w), fmt, args);
	va_end(args);
	return code;
}

int32_t davit_sdk_fail_with(struct davit_sdk *sdk, int32_t code,
	const struct davit_sdk_writer *detail, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	code = fail_list(sdk, code, davit_sdk_write_end(detail), fmt, args);
	va_end(args);
	return code;
}

/* What a service's code means to the user, where the service had nothing to add. */
static const char *code_sentence(int32_t code)
{
	static const char *const sentences[] = {"went well", "failed for the moment",
		"was asked to slow down", "was refused the credentials", "went past a quota",
		"was asked for something invalid", "did not find it", "met a conflict",
		"is not supported here", "was cancelled", "ran out of time", "broke", "failed"};
	size_t count = sizeof(sentences) / sizeof(sentences[0]);

	return sentences[code >= 0 && (size_t)code < count ? code : DAVIT_INTERNAL];
}

int32_t davit_sdk_check(struct davit_sdk *sdk, int32_t code, const char *what)
{
	struct davit_sdk_writer w;

	if (code == DAVIT_OK || sdk->code != DAVIT_OK)
		return sdk->code;
	if (code == DAVIT_RETRY) /* the host says best what it is short of */
		return davit_sdk_pass(sdk, code);
	davit_sdk_write_begin(&w, &sdk->mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_bool(&w, "host", true);
	davit_sdk_close_object(&w);
	return davit_sdk_fail_with(sdk, code, &w, "%s: the host %s", what, code_sentence(code));
}

int32_t davit_sdk_pass(struct davit_sdk *sdk, int32_t code)
{
	if (sdk->code == DAVIT_OK)
		sdk->code = code;
	return sdk->code;
}

void davit_sdk_log(struct davit_sdk *sdk, int32_t level, const char *fmt, ...)
{
	char text[SENTENCE];
	va_list args;

	va_start(args, fmt);
	sdk->host->core->log(sdk->call, level, make_sentence(text, sizeof(text), fmt, args));
	va_end(args);
}

/* --- answers --- */

/* The text of an answer, unless the call has failed, or does now as there is none. */
static bool answer_text(
	struct davit_sdk *sdk, const struct davit_sdk_writer *w, davit_buf *ret_json)
{
	davit_buf json = davit_sdk_write_end(w);

	if (sdk->code == DAVIT_OK && json.p == NULL)
		davit_sdk_fail(sdk, DAVIT_INTERNAL, "the answer is no JSON, or has no room");
	*ret_json = json;
	return sdk->code == DAVIT_OK;
}

/* Ends the call with the code of an answer: one that the host refused is a failure. */
static int32_t answered(struct davit_sdk *sdk, int32_t code)
{
	if (code != DAVIT_OK)
		sdk->code = code;
	return sdk->code;
}

int32_t davit_sdk_reply(struct davit_sdk *sdk, const struct davit_sdk_writer *w)
{
	davit_buf json;

	if (!answer_text(sdk, w, &json))
		return sdk->code;
	return answered(sdk, sdk->host->core->reply(sdk->call, json));
}

int32_t davit_sdk_reply_state(struct davit_sdk *sdk, int32_t state, int64_t next_poll_ms,
	const struct davit_sdk_writer *w)
{
	davit_buf json;

	if (!answer_text(sdk, w, &json))
		return sdk->code;
	return answered(sdk, sdk->host->core->reply_state(sdk->call, state, next_poll_ms, json));
}

/* The head of an answer in bytes. */
static bool answer_head(
	struct davit_sdk *sdk, const char *content_type, int32_t status, davit_buf *ret_head)
{
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &sdk->mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_text(&w, "content_type", content_type);
	if (status != 0)
		davit_sdk_put_int(&w, "status", status);
	davit_sdk_close_object(&w);
	return answer_text(sdk, &w, ret_head);
}

int32_t davit_sdk_reply_bytes(
	struct davit_sdk *sdk, const char *content_type, int32_t status, davit_buf bytes)
{
	davit_buf head;

	if (!answer_head(sdk, content_type, status, &head))
		return sdk->code;
	return answered(sdk, sdk->host->core->reply_chunk(sdk->call, head, bytes, 1));
}

int32_t davit_sdk_reply_blob(
	struct davit_sdk *sdk, const char *content_type, int32_t status, davit_blob blob)
{
	davit_buf head;

	if (!answer_head(sdk, content_type, status, &head))
		return sdk->code;
	return answered(sdk, sdk->host->core->reply_blob(sdk->call, head, blob));
}

/* --- members of the request --- */

static const char *const kind_names[] = {
	"null", "true or false", "an integer", "a number", "a text", "an array", "an object"};

/*
 * The value at pointer, if it is of that kind (an integer is a number too). NULL: it is absent
 * or null and may be so, or the call failed.
 */
static const struct davit_sdk_json *fetch(struct davit_sdk *sdk, const struct davit_sdk_json *v,
	const char *pointer, int32_t kind, bool needed)
{
	const struct davit_sdk_json *found = davit_sdk_at(v, pointer);

	if (sdk->code != DAVIT_OK)
		return NULL;
	if (found != NULL && found->kind == kind)
		return found;
	if (found != NULL && found->kind == DAVIT_SDK_INTEGER && kind == DAVIT_SDK_REAL)
		return found;
	bool absent = found == NULL || found->kind == DAVIT_SDK_NULL;
	if (absent && !needed)
		return NULL;
	const char *whole = davit_sdk_format(
		&sdk->mem, "%s%s", v != NULL ? davit_sdk_pointer_of(&sdk->mem, v) : "", pointer);
	if (whole == NULL)
		whole = pointer;
	davit_sdk_fail_at(sdk, DAVIT_INVALID, whole,
		absent ? "%s is missing: it is %s" : "%s must be %s", whole, kind_names[kind]);
	return NULL;
}

const char *davit_sdk_need_text(
	struct davit_sdk *sdk, const struct davit_sdk_json *v, const char *pointer)
{
	v = fetch(sdk, v, pointer, DAVIT_SDK_TEXT, true);
	return v != NULL ? v->text.p : "";
}

int64_t davit_sdk_need_int(
	struct davit_sdk *sdk, const struct davit_sdk_json *v, const char *pointer)
{
	v = fetch(sdk, v, pointer, DAVIT_SDK_INTEGER, true);
	return v != NULL ? v->integer : 0;
}

double davit_sdk_need_number(
	struct davit_sdk *sdk, const struct davit_sdk_json *v, const char *pointer)
{
	v = fetch(sdk, v, pointer, DAVIT_SDK_REAL, true);
	return v != NULL ? v->number : 0;
}

bool davit_sdk_need_bool(struct davit_sdk *sdk, const struct davit_sdk_json *v, const char *pointer)
{
	v = fetch(sdk, v, pointer, DAVIT_SDK_BOOL, true);
	return v != NULL && v->integer != 0;
}

const struct davit_sdk_json *davit_sdk_need_object(
	struct davit_sdk *sdk, const struct davit_sdk_json *v, const char *pointer)
{
	v = fetch(sdk, v, pointer, DAVIT_SDK_OBJECT, true);
	return v != NULL ? v : nothing();
}

const struct davit_sdk_json *davit_sdk_need_array(
	struct davit_sdk *sdk, const struct davit_sdk_json *v, const char *pointer)
{
	v = fetch(sdk, v, pointer, DAVIT_SDK_ARRAY, true);
	return v != NULL ? v : nothing();
}

const char *davit_sdk_or_text(struct davit_sdk *sdk, const struct davit_sdk_json *v,
	const char *pointer, const char *otherwise)
{
	v = fetch(sdk, v, pointer, DAVIT_SDK_TEXT, false);
	return v != NULL ? v->text.p : otherwise;
}

int64_t davit_sdk_or_int(struct davit_sdk *sdk, const struct davit_sdk_json *v, const char *pointer,
	int64_t otherwise)
{
	v = fetch(sdk, v, pointer, DAVIT_SDK_INTEGER, false);
	return v != NULL ? v->integer : otherwise;
}

bool davit_sdk_or_bool(
	struct davit_sdk *sdk, const struct davit_sdk_json *v, const char *pointer, bool otherwise)
{
	v = fetch(sdk, v, pointer, DAVIT_SDK_BOOL, false);
	return v != NULL ? v->integer != 0 : otherwise;
}

/* --- the host's services, the common ways --- */

/* Has the host that table, and may the call go on? */
static bool may_use(struct davit_sdk *sdk, const void *table, const char *id)
{
	if (table == NULL && sdk->code == DAVIT_OK)
		davit_sdk_fail(sdk, DAVIT_UNSUPPORTED, "this host has no service %s/1", id);
	return sdk->code == DAVIT_OK;
}

/* A text that the host handed out, as JSON; NULL: the call has failed. */
static const struct davit_sdk_json *host_json(
	struct davit_sdk *sdk, davit_buf text, const char *what)
{
	struct davit_sdk_error error;
	const struct davit_sdk_json *v = davit_sdk_parse(&sdk->mem, text, &error);

	if (v == NULL)
		davit_sdk_fail(sdk, DAVIT_INTERNAL, "the value of %s at byte %zu: %s", what,
			error.offset, error.reason);
	return v;
}

const struct davit_sdk_json *davit_sdk_kv_get(
	struct davit_sdk *sdk, const char *key, int64_t *ret_version)
{
	davit_buf text = {NULL, 0};
	int64_t version = 0;

	if (!may_use(sdk, sdk->host->kv, DAVIT_HOST_KV))
		return NULL;
	int32_t code = sdk->host->kv->get(sdk->call, davit_sdk_buf(key), &text, &version);
	if (code == DAVIT_NOT_FOUND || davit_sdk_check(sdk, code, key) != DAVIT_OK)
		return NULL;
	const struct davit_sdk_json *v = host_json(sdk, text, key);
	if (v != NULL && ret_version != NULL)
		*ret_version = version;
	return v;
}

int32_t davit_sdk_kv_put(struct davit_sdk *sdk, const char *key, const struct davit_sdk_writer *w)
{
	davit_buf json;

	if (!may_use(sdk, sdk->host->kv, DAVIT_HOST_KV) || !answer_text(sdk, w, &json))
		return sdk->code;
	return davit_sdk_check(sdk, sdk->host->kv->put(sdk->call, davit_sdk_buf(key), json), key);
}

bool davit_sdk_kv_cas(
	struct davit_sdk *sdk, const char *key, const struct davit_sdk_writer *w, int64_t version)
{
	davit_buf json;

	if (!may_use(sdk, sdk->host->kv, DAVIT_HOST_KV) || !answer_text(sdk, w, &json))
		return false;
	int32_t code = sdk->host->kv->cas(sdk->call, davit_sdk_buf(key), json, version);
	if (code == DAVIT_CONFLICT)
		return false;
	return davit_sdk_check(sdk, code, key) == DAVIT_OK;
}

int32_t davit_sdk_kv_del(struct davit_sdk *sdk, const char *key)
{
	if (!may_use(sdk, sdk->host->kv, DAVIT_HOST_KV))
		return sdk->code;
	return davit_sdk_check(sdk, sdk->host->kv->del(sdk->call, davit_sdk_buf(key)), key);
}

/* Reads the page after scan->key. */
static bool next_page(struct davit_sdk *sdk, struct davit_sdk_kv_scan *scan)
{
	davit_buf text = {NULL, 0};

	int32_t code = sdk->host->kv->list(sdk->call, davit_sdk_buf(scan->prefix),
		davit_sdk_buf(scan->begun ? scan->key : ""), 0, &text);
	if (davit_sdk_check(sdk, code, scan->prefix) != DAVIT_OK)
		return false;
	const struct davit_sdk_json *page = host_json(sdk, text, scan->prefix);
	const struct davit_sdk_json *items = davit_sdk_member(page, "items");
	scan->item = items != NULL ? items->first : NULL;
	scan->more = davit_sdk_bool_at(page, "/more", false);
	scan->begun = true;
	return scan->item != NULL;
}

bool davit_sdk_kv_next(struct davit_sdk *sdk, struct davit_sdk_kv_scan *scan)
{
	if (!may_use(sdk, sdk->host->kv, DAVIT_HOST_KV))
		return false;
	if (scan->item != NULL)
		scan->item = scan->item->next;
	if (scan->item == NULL && scan->begun && !scan->more)
		return false;
	if (scan->item == NULL && !next_page(sdk, scan))
		return false;
	scan->key = davit_sdk_text_at(scan->item, "/key", "");
	scan->value = davit_sdk_member(scan->item, "value");
	if (scan->value == NULL)
		scan->value = nothing();
	return true;
}

/* A larger place for what was read so far; NULL: no room. */
static char *grow(struct davit_sdk *sdk, const char *bytes, size_t n, size_t cap)
{
	char *p = mem_take(&sdk->mem, cap + 1, 1);

	if (p != NULL && n > 0)
		memcpy(p, bytes, n);
	return p;
}

/* Reads once into bytes; true: go on. */
static bool read_more(struct davit_sdk *sdk, davit_blob blob, char *bytes, size_t *n, size_t cap)
{
	size_t got = 0;

	int32_t code = sdk->host->blob->read(sdk->call, blob, *n, bytes + *n, cap - *n, &got);
	if (davit_sdk_check(sdk, code, "read a blob") != DAVIT_OK)
		return false;
	*n += got;
	return got > 0;
}

/* Room for all of it where the host knows how much that is, and for one byte more, by which
 * the end is seen. */
static size_t first_room(struct davit_sdk *sdk, davit_blob blob, size_t max)
{
	const davit_host_blob_1 *table = sdk->host->blob;
	uint64_t bytes = 0;

	if (table->length == NULL || table->length(sdk->call, blob, &bytes) != DAVIT_OK)
		return 4096;
	return (bytes < max ? (size_t)bytes : max) + 1;
}

/* As davit_sdk_read_blob(); too_large is the code for more than max bytes. */
static davit_buf read_whole(struct davit_sdk *sdk, davit_blob blob, size_t max, int32_t too_large)
{
	size_t cap = 0, n = 0;
	char *bytes = NULL;

	if (!may_use(sdk, sdk->host->blob, DAVIT_HOST_BLOB))
		return make_buf(NULL, 0);
	do {
		if (bytes == NULL || n == cap) {
			cap = bytes == NULL ? first_room(sdk, blob, max) : cap * 2;
			bytes = grow(sdk, bytes, n, cap);
		}
		if (bytes == NULL)
			davit_sdk_fail(sdk, DAVIT_QUOTA, "no room for %zu bytes", cap);
	} while (sdk->code == DAVIT_OK && n <= max && read_more(sdk, blob, bytes, &n, cap));
	if (n > max)
		davit_sdk_fail(sdk, too_large, "the content has more than %zu bytes", max);
	if (sdk->code != DAVIT_OK)
		return make_buf(NULL, 0);
	bytes[n] = '\0';
	return make_buf(bytes, n);
}

davit_buf davit_sdk_read_blob(struct davit_sdk *sdk, davit_blob blob, size_t max)
{
	return read_whole(sdk, blob, max, DAVIT_INVALID);
}

#include "davit_sdk_http.h"

#if defined(__GNUC__) && !defined(_WIN32)
#pragma GCC visibility pop
#endif
