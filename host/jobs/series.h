/*
 * series - the metrics of a run over time, small enough to be kept for good. Pure. [any thread]
 */
#ifndef HOST_JOBS_SERIES_H
#define HOST_JOBS_SERIES_H

#include <jansson.h>
#include <stdbool.h>

#define SERIES_POINTS_MAX 1000
#define SERIES_BYTES_MAX  262144 /* of its JSON text */

/* Is a job of that interface and kind a run: a training by a script, with metrics of its own? */
bool series_is_run(const char *interface, const char *kind);

/*
 * A copy of what a provider's metrics slot answers as "series" within both limits: of a longer
 * one points are left out evenly, never the first or the last; what is no {"values": {…}} is
 * left out too. NULL: out of memory.
 */
json_t *series_thin(const json_t *series);

#endif
