/*
 * print - values for people: local and short times, bytes, durations. What
 * comes from elsewhere cannot steer the terminal: control characters become '?'. [one thread]
 */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"

#define PRINT_SIZE 64

/* "created      14:03:22"; nothing where the value is NULL or empty. */
void print_pair(FILE *out, const char *key, const char *value);
void print_pairf(FILE *out, const char *key, const char *fmt, ...) ATTR_PRINTF(3, 4);

/* The same of a time as by print_time(); nothing where it is NULL. */
void print_pair_time(FILE *out, const char *key, const char *rfc3339);

/* A text without control characters but line breaks, every line after an indent. */
void print_lines(FILE *out, const char *indent, const char *text);

/* "14:03:22" of today, "Nov 21 14:03" of this year, else "2025-11-21"; "-" where rfc3339 is NULL
 * or no time. */
const char *print_time(const char *rfc3339, int64_t now_ms, char text[PRINT_SIZE]);
const char *print_bytes(int64_t bytes, char text[PRINT_SIZE]);   /* "1.4 MiB" */
const char *print_duration(int64_t ms, char text[PRINT_SIZE]);   /* "0.42 s", "3m 12s" */
const char *print_number(double number, char text[PRINT_SIZE]);  /* few digits */
const char *print_value(const json_t *v, char text[PRINT_SIZE]); /* scalars; else compact, cut */

/* A text of any length as one that fits, "..." for the rest; as the head of a column of numbers. */
const char *print_fit(const char *any, char text[PRINT_SIZE]);
const char *print_head(const char *any, char text[PRINT_SIZE]);

/* A line without control characters. */
void print_line(FILE *out, const char *fmt, ...) ATTR_PRINTF(2, 3);

/* Makes a text one line without control characters, in place. */
void print_tame(char *text);

/* The columns of a text on a terminal: wide characters have two, those that combine none. */
size_t print_width(const char *text);

/* Cuts a text to so many columns, in place; "..." says so. */
void print_cut(char *text, size_t width);

#endif
