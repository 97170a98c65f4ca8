/*
 * exchange - one request and its answer, without any HTTP library in sight.
 *
 * A handler gets an exchange on a front thread, must not block there, and must see to it
 * that exactly one exchange_reply…/exchange_fail is called, then or later, from any thread.
 * Until then the exchange is the handler's; from then on it must not be touched. A client
 * that goes away does not end an exchange early: its answer is then dropped.
 */
#ifndef HOST_HTTP_EXCHANGE_H
#define HOST_HTTP_EXCHANGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sha256.h"
#include "http/route.h"

struct config_listener;
struct exchange;
struct fail;

/* --- the request: constant, borrowed until the answer --- */

const char *exchange_method(const struct exchange *x);
const char *exchange_path(const struct exchange *x); /* percent-decoded once */
const struct route *exchange_route(const struct exchange *x);
const char *exchange_request_id(const struct exchange *x); /* ours, in logs and error objects */

/* The listener it came in by, and whether that one may change things under /v1 (Unix socket). */
const struct config_listener *exchange_listener(const struct exchange *x);
bool exchange_admin(const struct exchange *x);

/* What "{…}" of the route's pattern matched, decoded; "" where there is none. For the
 * Essedum routes the clean form in the query (route.query_id) wins when it is there. */
const char *exchange_arg(const struct exchange *x);

/* First value of a query key: NULL if absent, "" if it has none. */
const char *exchange_query(const struct exchange *x, const char *key);

/* First value of a header, any case; NULL if absent. */
const char *exchange_header(const struct exchange *x, const char *name);

/* The body: its length, its bytes where they are in memory (else NULL), and a descriptor at
 * its start (the caller closes it; -1: could not be made). */
int64_t exchange_body_bytes(const struct exchange *x);
const char *exchange_body_memory(const struct exchange *x);
int exchange_body_fd(struct exchange *x);

/* The SHA-256 of what the body says: of a form its parts, so that it is the same whatever stands
 * between them. May read a file: not on a front thread. As exchange_form_parse(). */
bool exchange_body_digest(struct exchange *x, uint8_t digest[SHA256_BYTES], struct fail *f);

/* The body as JSON, parsed once; NULL with FAIL_INVALID (or FAIL_MEDIA_TYPE where the
 * content type is something else). Borrowed. */
const json_t *exchange_body_json(struct exchange *x, struct fail *f);

/* The same, but the caller's; the exchange has no body any more. For handlers whose answer
 * takes long. */
json_t *exchange_take_json(struct exchange *x, struct fail *f);

/* Takes a multipart/form-data body apart, once; so do the two below, but they do not say what
 * is wrong with it. Only for routes with ROUTE_UPLOAD. FAIL_MEDIA_TYPE, FAIL_INVALID. */
bool exchange_form_parse(struct exchange *x, struct fail *f);

/* A part whose name is none of the known ones, or that has the name of one before it; NULL: none,
 * or there is no form. */
const char *exchange_form_odd(struct exchange *x, const char *const *known, size_t count);

/* A field of it that is not a file, of at most 1 MiB without NUL bytes; NULL: no such field. */
const char *exchange_form_text(struct exchange *x, const char *part);

/* One file of a multipart/form-data body, by its part name: its bytes, in a file of their own.
 * Descriptor (the caller closes it) and file name; false: no such part. */
bool exchange_part(struct exchange *x, const char *part, int *ret_fd, const char **ret_filename);

/* --- the answer --- */

/* Takes body over. NULL body (out of memory) becomes a constant 500 answer. */
void exchange_reply_json(struct exchange *x, int status, json_t *body);

/* Takes heap text over; bytes are sent as they are. */
void exchange_reply_text(
	struct exchange *x, int status, const char *content_type, char *text, size_t n);

/* In the error form of the route: a bare JSON string or an object (docs/rest.md). Logs what is
 * internal and hides it from the caller. */
void exchange_fail(struct exchange *x, const struct fail *f);

/* The same with the text exactly as given and a status of the caller's choice. */
void exchange_fail_text(struct exchange *x, int status, const char *text);

/*
 * From now on keeper gets the answer instead of the client, once, on the thread that answers, and
 * must not block. It owns text (NULL: out of memory), and answers then or later with
 * exchange_reply_text(). Streams pass it by, and so does what the server itself answers.
 */
typedef void exchange_keeper(
	struct exchange *x, int status, const char *content_type, char *text, size_t n, void *ctx);
void exchange_keep_answer(struct exchange *x, exchange_keeper *keeper, void *ctx);

/* ctx of the keeper; NULL: there is none, or it has had the answer. */
void *exchange_kept_for(const struct exchange *x);

/* Extra header of the answer, before the reply; name and value are copied. */
void exchange_set_header(struct exchange *x, const char *name, const char *value);

/* Has the client gone away, or will it hear nothing more? [any thread, until the answer] */
bool exchange_gone(struct exchange *x);

/*
 * A streamed answer: begin, then bytes until end (ok false: the connection is cut, so that
 * nobody takes a part for the whole). bytes blocks the calling thread (never a front thread)
 * while more than 1 MiB waits to be sent; false: the client is gone.
 */
void exchange_stream_begin(struct exchange *x, int status, const char *content_type);
bool exchange_stream_bytes(struct exchange *x, const void *bytes, size_t n);
void exchange_stream_end(struct exchange *x, bool ok);

/* How many bytes exchange_stream_bytes() takes now without blocking; -1: the client is gone, or
 * the server ends. Hears that a client hung up also while nothing is sent. Of a stream that
 * was begun and not ended. */
int64_t exchange_stream_room(struct exchange *x);

#endif
