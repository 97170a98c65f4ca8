/*
 * redact - the values that must not be seen, and texts without them.
 *
 * A value is looked for as it is, as JSON, percent-encoded and in base64 (inside a longer text too,
 * as in "user:password"). Shorter ones than REDACT_LEAST bytes are not, as they would be found
 * everywhere; of longer ones than REDACT_VALUE_MOST only the beginning. What has several lines is
 * also known by each long line. How many are known is bounded per sort; the one that was learned or
 * met longest ago goes first. The registry is one, as the log is. [any thread]
 */
#ifndef HOST_SECRET_REDACT_H
#define HOST_SECRET_REDACT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define REDACT_LEAST        6
#define REDACT_VALUE_MOST   ((size_t)8192)
#define REDACT_PATTERN_MOST ((size_t)256) /* longer forms are looked for in pieces */
#define REDACT_MARK         "***"

enum redact_sort {
	REDACT_SITE,   /* the site's configuration has it: it stays */
	REDACT_SECRET, /* it went through davit.host.secret */
	REDACT_NAMED,  /* a request calls it a password, say */
	REDACT_SORTS
};

/* Makes n bytes known. Out of memory it is not, and that is logged. */
void redact_learn(enum redact_sort sort, const void *bytes, size_t n);

/* Makes known what is named like a secret in v, as far as it is text. */
void redact_learn_json(enum redact_sort sort, const json_t *v);

/* The same of a JSON text that the daemon stored; NULL is fine. */
void redact_learn_stored(enum redact_sort sort, const char *json);

/* Does a member of that name hold a secret: "db_password", "apiKey" and the like? */
bool redact_is_name(const char *name);

/* Puts REDACT_MARK in the place of each value in the n bytes of text; its new length, which is
 * never more. Where text[n] is NUL, that goes with it. cut: something behind it is missing, so what
 * may be the beginning of a value at its end goes too. */
size_t redact_text(char *text, size_t n, bool cut);

/* The same with all texts of v, whose members keep their names. */
void redact_json(json_t *v);

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

/* Tests only: forgets all. */
void redact_forget(void);

/* --- internal --- */

/* Calls each(form, n, ctx) for every form of a value, none longer than REDACT_PATTERN_MOST. */
void redact_forms(const char *value, size_t n, void (*each)(const char *form, size_t n, void *ctx),
	void *ctx);

#endif
