/*
 * redact - the values that must not be seen, and texts without them.
 *
 * Some must be seen nowhere: those of the site's files and those that providers work with. They
 * are in the registry, which is one, as the log is. Others, which a request calls a password, say,
 * are of that request and the job that comes of it: they are in a scope, which hides them in the
 * texts of that one alone, so that nobody masks another's texts, or learns by stars what another
 * has.
 *
 * A value is looked for as it is, as JSON and as a text of JSON inside JSON, percent-encoded, as a
 * form, in hexadecimal digits and in base64 (inside a longer text too, as in "user:password"), as
 * those writers do it that we know of; what is longer than REDACT_STYLED_MOST bytes only as most
 * do. No other two of these are looked for one upon the other. What has several lines is also known
 * by each long line, and every value by each run of REDACT_RUN_LEAST letters and digits. Shorter
 * ones than REDACT_LEAST bytes are never looked for, those of the registry from REDACT_LEAST_SHARED
 * on, as they would be found everywhere; of longer ones than REDACT_VALUE_MOST only the beginning.
 * [any thread]
 */
#ifndef HOST_SECRET_REDACT_H
#define HOST_SECRET_REDACT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define REDACT_LEAST        6
#define REDACT_LEAST_SHARED 10
#define REDACT_RUN_LEAST    16
#define REDACT_STYLED_MOST  ((size_t)512)
#define REDACT_VALUE_MOST   ((size_t)8192)
#define REDACT_PATTERN_MOST ((size_t)256) /* longer forms are looked for in pieces */
#define REDACT_MARK         "***"

/* --- the registry --- */

/* Of each sort but the first as many as REDACT_VALUES_MAX are known: no number of one sort drives
 * out another. All have REDACT_BYTES_MAX bytes with all their forms; where these are used up, those
 * of the last sorts go first. Of a sort the one goes that was learned, held or met in a text
 * longest ago, but none that is held. */
#define REDACT_VALUES_MAX 4096
#define REDACT_BYTES_MAX  ((size_t)64 * 1024 * 1024)

enum redact_sort {
	REDACT_SITE,   /* the site's configuration has it: it stays */
	REDACT_SOURCE, /* a source of a manifest has it, or had it */
	REDACT_KEPT,   /* a provider keeps it beyond its call */
	REDACT_SECRET, /* it went through davit.host.secret */
	REDACT_SORTS
};

/* Makes n bytes known. Out of memory it is not, and that is logged. */
void redact_learn(enum redact_sort sort, const void *bytes, size_t n);

/* The same of what a source has, and of what is named like a secret in it where it is a JSON
 * object. */
void redact_learn_source(const void *bytes, size_t n);

/* The same as REDACT_SECRET, and it stays until redact_let_go() was called as often. */
void redact_hold(const void *bytes, size_t n);
void redact_let_go(const void *bytes, size_t n);

/* Makes known what is named like a secret in v, as far as it is text. */
void redact_learn_json(enum redact_sort sort, const json_t *v);

/* Makes the password of a URL known, as it stands there and as it is; NULL is fine. */
void redact_learn_url(enum redact_sort sort, const char *url);

/* Does a member of that name hold a secret: "db_password", "apiKey" and the like? */
bool redact_is_name(const char *name);

/* --- a scope --- */

#define REDACT_SCOPE_VALUES 256
#define REDACT_SCOPE_BYTES  ((size_t)64 * 1024) /* of these together; what is over is not known */

struct redact_scope;

/* A scope is made where *s is NULL and there is something to put into it. */
void redact_scope_add(struct redact_scope **s, const void *bytes, size_t n);

/* What is named like a secret in v; of values that the registry takes as well only where all. */
void redact_scope_add_json(struct redact_scope **s, const json_t *v, bool all);

/* All of a JSON text that the daemon stored; NULL is fine. */
void redact_scope_add_stored(struct redact_scope **s, const char *json);

/* One more, or one fewer, who has it; the last one's end overwrites it. NULL is fine. */
struct redact_scope *redact_scope_ref(struct redact_scope *s);
void redact_scope_unref(struct redact_scope *s);

/* What this thread writes from now on is of that scope (NULL: of none); the one before. Who calls
 * has a reference for as long. */
struct redact_scope *redact_use(struct redact_scope *s);

/* --- texts; of the registry and of the scope in use --- */

/* Puts REDACT_MARK in the place of each value in the n bytes of text; its new length, which is
 * never more. Where text[n] is NUL, that goes with it. cut: something behind it is missing, so what
 * may be the beginning of a value at its end goes too, from REDACT_LEAST bytes on: fewer tell
 * little, and their going would tell more. */
size_t redact_text(char *text, size_t n, bool cut);

/* The same with all texts of v, whose members keep their names. */
void redact_json(json_t *v);

/* The same with an answer of a provider, but for what names an object, which the host and callers
 * give back as it is: "id", "resource", "ref", "handle" and "label", wherever they stand. */
void redact_answer(json_t *v);

/*
 * A piece of a stream: each byte of a value becomes a '*', so that lengths and places stay. Of the
 * first *masked bytes all do. *ret_held: how many of the last bytes are left as they are, as they
 * may be the beginning of a value (at most REDACT_PATTERN_MOST); *masked: how many of these the
 * next piece, which begins with them, has to give as its first bytes. NULL, NULL: nothing is held.
 */
void redact_even(void *bytes, size_t n, size_t *masked, size_t *ret_held);

/* --- a whole stream --- */

struct redact_stream {
	char *held;
	size_t n;
	size_t masked;
};

typedef bool redact_out(void *ctx, const void *bytes, size_t n);

/* Passes on what is certain by then; false where out did, or out of memory. */
bool redact_stream_add(
	struct redact_stream *s, const void *bytes, size_t n, redact_out *out, void *ctx);

/* Passes on the rest. */
bool redact_stream_end(struct redact_stream *s, redact_out *out, void *ctx);
void redact_stream_finish(struct redact_stream *s);

/* Tests only: forgets all of the registry. */
void redact_forget(void);

#endif
