/*
 * answer - what handlers share: failing in the words of the route, doing work off the front
 * thread, and small JSON values. [any thread]
 */
#ifndef HOST_API_ANSWER_H
#define HOST_API_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/route.h"

struct call_result;
struct app;
struct exchange;
struct fail;

/* As exchange_fail(); where errors are one text, it begins with the pointer of the member at
 * fault. */
void answer_fail(struct exchange *x, const struct fail *f);

/* A slot sees a body as "/spec", its caller sent it as the whole: turns the pointers of *f, in
 * its field and its text, into those of the body. */
void answer_point_into_body(struct fail *f);

/* Out of memory. */
/* The "spec" of what a validate slot answered: the request made definite. A new reference; NULL
 * where it answered none, so that what the caller sent holds. */
json_t *answer_definite(const struct call_result *result);

void answer_memory(struct exchange *x);

/* 404 {"error":"Not found"}, as the /execute family says it. */
void answer_not_found(struct exchange *x);

/* Runs work(app, x) on a thread of the pool; refuses x where the pool is full. */
void answer_later(struct app *app, struct exchange *x, route_handler *work);

/* RFC 3339, or null for 0. */
json_t *answer_time(int64_t ms);

/* The value of a JSON text the daemon stored; null for NULL or one that does not parse. */
json_t *answer_stored(const char *text);

/* Does the request carry a multipart/form-data body? */
bool answer_is_multipart(const struct exchange *x);

/*
 * The body of a multipart request: the JSON of its part "request" ({} where there is none),
 * with {"blob": digest} of its file under member. Touches files: not on a front thread.
 * NULL with *f. The caller owns the object.
 */
json_t *answer_upload(struct app *app, struct exchange *x, const char *member, struct fail *f);

/* The JSON body, which satisfies a JSON Schema; {} where there is none. A new reference that
 * outlives the exchange; NULL with *f. */
json_t *answer_body(struct exchange *x, const char *schema, struct fail *f);

/* The project that new work belongs to: the query's, or where it names none "default". Borrowed. */
const char *answer_project(const struct exchange *x);

#endif
