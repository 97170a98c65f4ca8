/* series - the metrics of one run over time, for people. [one thread] */
#ifndef CLI_SERIES_H
#define CLI_SERIES_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

/* series: [{"step", "values": {name: number}}…]. A line per metric: a small chart, the first and
 * the last value, the least and the most. */
void series_print_charts(FILE *out, const json_t *series);

/* A row per step. Returns how many metrics had no place in the table. */
size_t series_print_table(FILE *out, const json_t *series);

#endif
