/*
 * sdk.h - what every provider would otherwise write itself: a JSON reader and writer, and
 * the small steps between a slot and the host. One source file, davit_sdk.c, compiled into
 * the provider (davit_add_provider() of the CMake package does it); nothing of it is visible
 * outside. It is a help and no part of the contract: a provider may do without.
 *
 * Rules:
 *  - There is no free(): all memory comes from the running call's arena, or from a buffer of
 *    the caller, and ends with it. Never keep anything of it beyond the call.
 *  - Failures stick. Readers and writers may be called on after one; look once, at the end.
 *    davit_sdk_reply() does that look for you.
 *  - No mutable globals: any number of calls at once. A value belongs to the thread of its
 *    call; what is tagged [any] keeps to its arguments. Unless tagged a function is [op].
 *  - Reading and writing of fractions goes through strtod() and snprintf(), which follow the
 *    locale: a host never calls setlocale(), and a provider must not either.
 *
 * A slot looks like this:
 *
 *	static int32_t DAVIT_CALL dataset_get(davit_instance inst, davit_call call, davit_buf
 *request)
 *	{
 *		struct davit_sdk sdk;
 *		struct davit_sdk_writer w;
 *
 *		davit_sdk_begin(&sdk, &instance(inst)->host, call, request);
 *		const char *id = davit_sdk_need_text(&sdk, sdk.request, "/id");
 *
 *		davit_sdk_write_begin(&w, &sdk.mem);
 *		davit_sdk_open_object(&w, NULL);
 *		davit_sdk_put_text(&w, "id", id);
 *		davit_sdk_close_object(&w);
 *		return davit_sdk_reply(&sdk, &w);
 *	}
 */
#ifndef DAVIT_SDK_H
#define DAVIT_SDK_H

#include <stdarg.h>
#include <stdbool.h>

#include <davit/abi.h>
#include <davit/host.h>
#include <davit/provider.h>

#define DAVIT_SDK_VERSION "0.1.0"

#if defined(__MINGW32__) && !defined(__clang__)
#define DAVIT_SDK_PRINTF(fmt, args) __attribute__((format(gnu_printf, fmt, args)))
#elif defined(__GNUC__)
#define DAVIT_SDK_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define DAVIT_SDK_PRINTF(fmt, args)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* --- memory --- */

/*
 * Where memory comes from. Fill with one of the two functions; read nothing in it. Must live
 * as long as what was made from it is used.
 */
struct davit_sdk_mem {
	const davit_host_core_1 *core; /* NULL: only the caller's buffer */
	davit_call call;
	char *p; /* what is left of the current piece */
	size_t left;
};

void davit_sdk_mem_call(struct davit_sdk_mem *mem, const davit_host_core_1 *core, davit_call call);

/* The n bytes at buffer and no more; buffer stays the caller's. [any] */
void davit_sdk_mem_buffer(struct davit_sdk_mem *mem, void *buffer, size_t n);

/* n zeroed bytes, aligned for any scalar; NULL past the limit. Ends with the call or buffer. */
void *davit_sdk_alloc(struct davit_sdk_mem *mem, size_t n);

/* A text made as by printf, of any length; NULL past the limit. */
char *davit_sdk_format(struct davit_sdk_mem *mem, const char *fmt, ...) DAVIT_SDK_PRINTF(2, 3);

/* The bytes of a C string (NULL: none). Borrows s. [any] */
davit_buf davit_sdk_buf(const char *s);

/* Bytes of the well-formed UTF-8 character that p begins with (1 to 4), or 0 if there is none in
 * the left bytes: no overlong forms, no surrogates, nothing past U+10FFFF. [any] */
size_t davit_sdk_utf8(const char *p, size_t left);

/* --- reading JSON --- */

#define DAVIT_SDK_DEPTH_MAX 64 /* levels of objects and arrays, read or written */

#define DAVIT_SDK_NULL    0
#define DAVIT_SDK_BOOL    1
#define DAVIT_SDK_INTEGER 2 /* fits int64_t and is written without fraction or exponent */
#define DAVIT_SDK_REAL    3 /* any other number, integers beyond int64_t too */
#define DAVIT_SDK_TEXT    4
#define DAVIT_SDK_ARRAY   5
#define DAVIT_SDK_OBJECT  6

/*
 * One value. Constant after reading; walk the members or items of v with
 * for (c = v->first; c; c = c->next), in the order of the text.
 */
struct davit_sdk_json {
	int32_t kind;   /* DAVIT_SDK_… */
	uint32_t count; /* of members or items */
	davit_buf name; /* of a member of an object; ends in NUL */
	davit_buf text; /* DAVIT_SDK_TEXT, or a real as it was written; ends in NUL, has none inside
	                 */
	int64_t integer; /* DAVIT_SDK_INTEGER; 0 or 1 of DAVIT_SDK_BOOL */
	double number;   /* DAVIT_SDK_INTEGER, DAVIT_SDK_REAL */
	const struct davit_sdk_json *first;
	const struct davit_sdk_json *next;
	const struct davit_sdk_json *parent;
};

/* Why a text was refused. */
struct davit_sdk_error {
	const char *reason; /* constant text */
	size_t offset;      /* of the byte at fault */
};

/*
 * Reads one JSON value (RFC 8259). Refused: what is not UTF-8, lone surrogates, \u0000,
 * trailing text, more levels than DAVIT_SDK_DEPTH_MAX, numbers beyond double, more than mem
 * holds. Nothing in the tree points into text. NULL on failure; *ret_error (may be NULL) is
 * written only then. Of a name that stands twice in an object the first one counts.
 */
const struct davit_sdk_json *davit_sdk_parse(
	struct davit_sdk_mem *mem, davit_buf text, struct davit_sdk_error *ret_error);

/* The member of an object, or NULL: v is NULL or no object, or has none of that name. [any] */
const struct davit_sdk_json *davit_sdk_member(const struct davit_sdk_json *v, const char *name);

/* The item of an array, from 0, or NULL. Counts through: walk a long array instead. [any] */
const struct davit_sdk_json *davit_sdk_item(const struct davit_sdk_json *v, size_t index);

/* The value at an RFC 6901 pointer ("" is v itself, "/spec/files/0"), or NULL. [any] */
const struct davit_sdk_json *davit_sdk_at(const struct davit_sdk_json *v, const char *pointer);

/* The value at the pointer, or otherwise, when it is absent or of another kind. [any] */
const char *davit_sdk_text_at(
	const struct davit_sdk_json *v, const char *pointer, const char *otherwise);
int64_t davit_sdk_int_at(const struct davit_sdk_json *v, const char *pointer, int64_t otherwise);
double davit_sdk_number_at(const struct davit_sdk_json *v, const char *pointer, double otherwise);
bool davit_sdk_bool_at(const struct davit_sdk_json *v, const char *pointer, bool otherwise);

/* The pointer of v within the text it was read from; "" if there is no memory for it. */
const char *davit_sdk_pointer_of(struct davit_sdk_mem *mem, const struct davit_sdk_json *v);

/* --- writing JSON --- */

/*
 * A text that grows. Fill with davit_sdk_write_begin(). Where a function takes key, it is the
 * name of the new member inside an object, and NULL inside an array and at the top. Writing
 * what would not be JSON (a member without name, a second top value, a close that does not
 * match, NaN) and lack of memory make the writer fail, for good.
 */
struct davit_sdk_writer {
	struct davit_sdk_mem *mem;
	char *p;
	size_t n, cap;
	uint64_t objects; /* bit d: level d is an object, else an array */
	uint64_t begun;   /* bit d: level d holds something */
	uint32_t depth;
	bool failed;
	bool done; /* the top value is complete */
};

void davit_sdk_write_begin(struct davit_sdk_writer *w, struct davit_sdk_mem *mem);

void davit_sdk_open_object(struct davit_sdk_writer *w, const char *key);
void davit_sdk_close_object(struct davit_sdk_writer *w);
void davit_sdk_open_array(struct davit_sdk_writer *w, const char *key);
void davit_sdk_close_array(struct davit_sdk_writer *w);

/* text NULL: a member is left out, an item is null. Bytes that are not UTF-8 become U+FFFD. */
void davit_sdk_put_text(struct davit_sdk_writer *w, const char *key, const char *text);
void davit_sdk_put_bytes(struct davit_sdk_writer *w, const char *key, davit_buf text);
void davit_sdk_put_int(struct davit_sdk_writer *w, const char *key, int64_t value);
void davit_sdk_put_number(struct davit_sdk_writer *w, const char *key, double value);
void davit_sdk_put_bool(struct davit_sdk_writer *w, const char *key, bool value);
void davit_sdk_put_null(struct davit_sdk_writer *w, const char *key);

/* A copy of a value that was read. v NULL: as text NULL above. */
void davit_sdk_put_json(
	struct davit_sdk_writer *w, const char *key, const struct davit_sdk_json *v);

/* json as it stands, unchecked: one complete value. Empty: as text NULL above. */
void davit_sdk_put_raw(struct davit_sdk_writer *w, const char *key, davit_buf json);

/* The finished text, in mem; p is NULL if the writer failed or something is still open. */
davit_buf davit_sdk_write_end(const struct davit_sdk_writer *w);

/* --- one running call --- */

/* The host's tables as create() found them; NULL where this host has none. Constant. */
struct davit_sdk_services {
	const davit_host_core_1 *core;
	const davit_host_kv_1 *kv;
	const davit_host_blob_1 *blob;
	const davit_host_job_1 *job;
	const davit_host_process_1 *process;
	const davit_host_http_1 *http;
	const davit_host_secret_1 *secret;
	const davit_host_token_1 *token;
};

/*
 * Finds the tables. A table shorter than the first release of it counts as missing; for
 * members that were added later ask DAVIT_HAS(). false: davit.host.core/1 is missing, so that
 * not even fail() can be called: return DAVIT_INTERNAL. [once]
 */
bool davit_sdk_find_services(struct davit_sdk_services *services, davit_host_query query);

/* The number create() gives the host for its instance, and back. [any] */
davit_instance davit_sdk_number_of(void *instance);
void *davit_sdk_instance_of(davit_instance number);

/* One running call. Lives on the slot's stack. */
struct davit_sdk {
	const struct davit_sdk_services *host;
	davit_call call;
	struct davit_sdk_mem mem;
	const struct davit_sdk_json *request; /* never NULL */
	int32_t code;                         /* of the first failure; DAVIT_OK so far */
};

/*
 * Begins a call: reads the request, an object. Returns sdk->code; a slot may go on without
 * looking, as everything below does nothing once the call has failed. services must outlive
 * the call.
 */
int32_t davit_sdk_begin(struct davit_sdk *sdk, const struct davit_sdk_services *services,
	davit_call call, davit_buf request);

/*
 * Ends the call with code and one sentence for the user: which object, what to do. Returns
 * sdk->code, which is the first failure's: return davit_sdk_fail(…). The _at form adds the
 * pointer of the member at fault, the _with form any detail object (see fail in host.h).
 */
int32_t davit_sdk_fail(struct davit_sdk *sdk, int32_t code, const char *fmt, ...)
	DAVIT_SDK_PRINTF(3, 4);
int32_t davit_sdk_fail_at(struct davit_sdk *sdk, int32_t code, const char *pointer, const char *fmt,
	...) DAVIT_SDK_PRINTF(4, 5);
int32_t davit_sdk_fail_with(struct davit_sdk *sdk, int32_t code,
	const struct davit_sdk_writer *detail, const char *fmt, ...) DAVIT_SDK_PRINTF(4, 5);

/*
 * Notes the code that a host service returned as how this call ends; what names the act: "read
 * the dataset". DAVIT_OK changes nothing. It never says anything of an object: for that see
 * davit_sdk_fail(). Returns sdk->code.
 */
int32_t davit_sdk_check(struct davit_sdk *sdk, int32_t code, const char *what);

/* The same in the service's own words: http, secret and token know best what was wrong. */
int32_t davit_sdk_pass(struct davit_sdk *sdk, int32_t code);

/* One line for the host's log (DAVIT_LOG_…), cut at 1023 bytes. Never put a secret in it. */
void davit_sdk_log(struct davit_sdk *sdk, int32_t level, const char *fmt, ...)
	DAVIT_SDK_PRINTF(3, 4);

/*
 * The answer of a slot, unless the call failed before; return what they return. A writer that
 * failed ends the call as DAVIT_INTERNAL.
 */
int32_t davit_sdk_reply(struct davit_sdk *sdk, const struct davit_sdk_writer *w);
int32_t davit_sdk_reply_state(struct davit_sdk *sdk, int32_t state, int64_t next_poll_ms,
	const struct davit_sdk_writer *w);
/* Bytes of another type than JSON, in one piece. status: of HTTP, 0: 200. */
int32_t davit_sdk_reply_bytes(
	struct davit_sdk *sdk, const char *content_type, int32_t status, davit_buf bytes);
/* What a blob holds; the host reads it, even while it grows. */
int32_t davit_sdk_reply_blob(
	struct davit_sdk *sdk, const char *content_type, int32_t status, davit_blob blob);

/*
 * Members of the request, by pointer from v. need_: absent, null or of another kind ends the
 * call with DAVIT_INVALID and the pointer. or_: absent or null gives otherwise; another kind
 * ends the call. After a failure they give "", 0, false, or an empty value; never NULL.
 */
const char *davit_sdk_need_text(
	struct davit_sdk *sdk, const struct davit_sdk_json *v, const char *pointer);
int64_t davit_sdk_need_int(
	struct davit_sdk *sdk, const struct davit_sdk_json *v, const char *pointer);
double davit_sdk_need_number(
	struct davit_sdk *sdk, const struct davit_sdk_json *v, const char *pointer);
bool davit_sdk_need_bool(
	struct davit_sdk *sdk, const struct davit_sdk_json *v, const char *pointer);
const struct davit_sdk_json *davit_sdk_need_object(
	struct davit_sdk *sdk, const struct davit_sdk_json *v, const char *pointer);
const struct davit_sdk_json *davit_sdk_need_array(
	struct davit_sdk *sdk, const struct davit_sdk_json *v, const char *pointer);
const char *davit_sdk_or_text(struct davit_sdk *sdk, const struct davit_sdk_json *v,
	const char *pointer, const char *otherwise);
int64_t davit_sdk_or_int(struct davit_sdk *sdk, const struct davit_sdk_json *v, const char *pointer,
	int64_t otherwise);
bool davit_sdk_or_bool(
	struct davit_sdk *sdk, const struct davit_sdk_json *v, const char *pointer, bool otherwise);

/* --- the host's services, the common ways --- */

/* The value of a key as JSON, or NULL: there is none (sdk->code is DAVIT_OK then), or the call
 * failed. *ret_version (may be NULL) is written only with a value. */
const struct davit_sdk_json *davit_sdk_kv_get(
	struct davit_sdk *sdk, const char *key, int64_t *ret_version);

/* Writes what w holds; durable when it returns DAVIT_OK. Returns sdk->code. */
int32_t davit_sdk_kv_put(struct davit_sdk *sdk, const char *key, const struct davit_sdk_writer *w);

/*
 * Writes if the key still has that version (0: none). Returns true if written; false with
 * sdk->code DAVIT_OK if somebody else was first, else the call failed.
 */
bool davit_sdk_kv_cas(
	struct davit_sdk *sdk, const char *key, const struct davit_sdk_writer *w, int64_t version);

/* Deletes a key, there or not. Returns sdk->code. */
int32_t davit_sdk_kv_del(struct davit_sdk *sdk, const char *key);

/* All keys with a prefix, in byte order, page by page. Fill prefix, zero the rest:
 *	struct davit_sdk_kv_scan scan = {"dataset/"};
 *	while (davit_sdk_kv_next(&sdk, &scan)) … scan.key, scan.value …
 * After it look at sdk->code, or let davit_sdk_reply() do it. */
struct davit_sdk_kv_scan {
	const char *prefix;
	const char *key;                    /* found; ends in NUL */
	const struct davit_sdk_json *value; /* found */
	const struct davit_sdk_json *item;  /* where the scan stands */
	bool more;                          /* pages after this one */
	bool begun;
};
bool davit_sdk_kv_next(struct davit_sdk *sdk, struct davit_sdk_kv_scan *scan);

/* All bytes of a blob, at most max, with a NUL behind them; more ends the call with
 * DAVIT_INVALID. p is NULL after a failure, else never. */
davit_buf davit_sdk_read_blob(struct davit_sdk *sdk, davit_blob blob, size_t max);

/* --- requests to the other side --- */

/* What came back, of any status. */
struct davit_sdk_answer {
	uint32_t flags;                    /* DAVIT_HTTP_…, of the request */
	int64_t status;                    /* 0: the call has failed */
	const struct davit_sdk_json *head; /* see davit_host_http_1; never NULL */
	davit_blob body;
};

/*
 * Sends the request that w holds, with the bytes of body (0: none, or what the request says).
 * Returns sdk->code: DAVIT_OK for any status. Where no answer came the call has failed, in the
 * host's words.
 */
int32_t davit_sdk_http(struct davit_sdk *sdk, uint32_t flags, const struct davit_sdk_writer *w,
	davit_blob body, struct davit_sdk_answer *ret_answer);

/* A header of the answer by its name in lower case, or "". [any] */
const char *davit_sdk_http_header(const struct davit_sdk_answer *answer, const char *name);

/* The body, of at most max bytes, as JSON; NULL: it is none, or the call failed. */
const struct davit_sdk_json *davit_sdk_http_json(
	struct davit_sdk *sdk, const struct davit_sdk_answer *answer, size_t max);

/*
 * The result class of a status: DAVIT_OK for 200 to 299. Of an error of the other side (500 and
 * more) nobody knows what became of a request with DAVIT_HTTP_MUTATES: DAVIT_DEADLINE, so that
 * the host asks find; without it DAVIT_RETRY. So it is of any error where the head says
 * "unclear". [any]
 */
int32_t davit_sdk_http_class(const struct davit_sdk_answer *answer);

/*
 * The same of a request that is about no one object: a list, a token. That it is refused, or that
 * there is nothing at its address, says nothing of any object, and is otherwise: DAVIT_AUTH of a
 * token service, DAVIT_RETRY of a list. What is left are DAVIT_OK, _RETRY, _THROTTLED, _AUTH,
 * _QUOTA, _DEADLINE and otherwise. [any]
 */
int32_t davit_sdk_http_class_apart(const struct davit_sdk_answer *answer, int32_t otherwise);

/*
 * Ends the call with code because of that answer, whose status and Retry-After the host gets, and
 * the other side's own word and number for it (each may be NULL). Where the head says "unclear",
 * code becomes DAVIT_DEADLINE, but for DAVIT_INTERNAL. Returns sdk->code.
 */
int32_t davit_sdk_http_fail(struct davit_sdk *sdk, const struct davit_sdk_answer *answer,
	int32_t code, const char *provider_code, const char *request_id, const char *fmt, ...)
	DAVIT_SDK_PRINTF(6, 7);

/* Milliseconds since 1970 of a time as RFC 3339 writes it ("2026-01-31T08:30:00.5+01:00"), or -1
 * for what is none. [any] */
int64_t davit_sdk_time_ms(const char *text);

#ifdef __cplusplus
}
#endif

#endif
