/*
 * raw - JSON texts taken apart as they are written: numbers keep all their digits, which a
 * parsed value of 64 bits does not. [any thread]
 */
#ifndef CLI_RAW_H
#define CLI_RAW_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct fail;

/* A value within a text that it does not outlive. */
struct raw {
	const char *p;
	size_t n;
};

/* Is a text one JSON value, its numbers of any size up to that of a double? FAIL_INVALID says
 * why not. What is below takes values of such texts alone. */
bool raw_check(const char *text, size_t n, struct fail *f);

/* The value without the blanks around it. */
struct raw raw_value(const char *text, size_t n);

bool raw_is_array(struct raw value);
bool raw_is_object(struct raw value);

/* Steps through an array or an object, *at being 0 before the first; false: there is no more. A
 * member has the key before its value, as it is written; key may be NULL. */
bool raw_next(struct raw value, size_t *at, struct raw *ret_key, struct raw *ret);

/* Is a key this name, however it is escaped? */
bool raw_is_key(struct raw key, const char *name);

/* Appends a value without blanks between its parts. */
void raw_put(struct buf *out, struct raw value);

#endif
