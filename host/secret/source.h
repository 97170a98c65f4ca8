/*
 * source - where a secret comes from, as a manifest says it:
 *
 *   connection:MEMBER         a member of the call's connection, or its JSON pointer
 *   env:NAME                  a variable of the daemon's environment
 *   file:PATH                 a file, without the end of its last line
 *   ini:PATH#SECTION.KEY      a value of such a file; the last point parts section and key
 *   json:PATH#/POINTER        a text of a JSON file
 *   exec:PROGRAM ARGUMENT…    what a program prints, as file
 *   exec:@SECRET              the same of the command that another secret of the manifest has
 *   text:TEXT                 TEXT
 *   kept                      what davit.host.secret's keep() was given under that name
 *
 * In a PATH and behind its '#', ${NAME} stands for a variable of the daemon's environment and
 * ${NAME:-TEXT} for that or TEXT, ${@SECRET} for another secret of the manifest; "~/" at its
 * beginning for the home of the daemon's user. A source whose variable is not set has nothing.
 * [any thread]
 */
#ifndef HOST_SECRET_SOURCE_H
#define HOST_SECRET_SOURCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fail;

#define SOURCE_BYTES_MAX     ((size_t)64 * 1024) /* of a file, and of what a program prints */
#define SOURCE_ARGS_MAX      32                  /* words of a command */
#define SOURCE_EXEC_MS_MAX   30000               /* a program's time, if the call has as much */
#define SOURCE_NAMED_MAX     4    /* secrets that name secrets that name secrets … */
#define SOURCE_EXEC_FRESH_MS 5000 /* what it printed serves as long; a failure a fifth of it */

/* What a source may look at; constant while it is read. */
struct source_place {
	const json_t *connection;       /* NULL: none */
	const char *const *environment; /* "NAME=value"…, NULL at the end */
	const json_t *named;            /* {SECRET: [source…]} of the manifest; NULL: none */
	int depth;                      /* of secrets that name this one: 0 */
	bool may_exec;                  /* the site allows programs */
	int64_t timeout_ms;             /* the call's */
	bool (*stopped)(void *ctx);     /* must the call stop? NULL: never */
	/* What was kept under that name; FAIL_NOT_FOUND. NULL: nothing ever is. */
	bool (*kept)(void *ctx, char **ret_value, size_t *ret_n, struct fail *f);
	void *ctx;
};

/* Is it one of the forms above? The sentence says what is wrong. */
bool source_valid(const char *source, struct fail *f);

/* The member of "connection:MEMBER", else NULL. */
const char *source_member(const char *source);

/*
 * Its value, NUL added; the caller gives it to crypto_cleanse() and free(). FAIL_NOT_FOUND: it has
 * none, or an empty one: ask the next; FAIL_AUTH: there is one, and it cannot be had;
 * FAIL_DEADLINE: it took too long, or the call must stop. The sentence names the source and has
 * nothing of the value.
 */
bool source_read(const char *source, const struct source_place *place, char **ret_value,
	size_t *ret_n, struct fail *f);

/* Internal to source: the value of section.key in text, borrowed; false where there is none. */
bool source_ini(const char *text, const char *section, size_t section_n, const char *key,
	const char **ret_value, size_t *ret_n);

/* Internal to source: what command prints, as source_read(); one run serves all who ask. */
bool source_exec(const char *command, const struct source_place *place, char **ret_value,
	size_t *ret_n, struct fail *f);

/* Is what it has no secret, since it stands in the manifest? */
bool source_is_plain(const char *source);

/* Internal to source: text with the variables put in; the caller frees it. NULL with FAIL_NOT_FOUND
 * where one is not set, FAIL_INVALID, or why another secret cannot be read. */
char *source_expand(const char *text, const struct source_place *place, struct fail *f);

/* Internal to source: what the secret of that name has, as source_read(). */
bool source_named(const char *name, size_t name_n, const struct source_place *place,
	char **ret_value, size_t *ret_n, struct fail *f);

/* Internal to source: the value of a variable, borrowed, or NULL. */
const char *source_variable(const char *const *environment, const char *name, size_t n);

#endif
