/*
 * table - aligned columns for people. What comes from elsewhere cannot steer the terminal:
 * control characters become '?'. [one thread]
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/buf.h"

struct table {
	size_t columns;
	struct buf cells; /* each with its NUL; the first row is the heads */
	size_t count;
};

/* heads: a '>' before a head aligns its column to the right. A text of more than 80 columns is
 * cut but in the last one. */
void table_init(struct table *t, const char *const *heads, size_t n);
void table_cell(struct table *t, const char *text); /* NULL: "-" */
void table_cellf(struct table *t, const char *fmt, ...) ATTR_PRINTF(2, 3);
size_t table_rows(const struct table *t);

/* Prints the rows, or the sentence where there are none, and frees all. */
void table_print(struct table *t, FILE *out, const char *none);

#endif
