/* timeline - rows of a job's journal as people read them. [any thread] */
#ifndef HOST_API_TIMELINE_H
#define HOST_API_TIMELINE_H

#include <jansson.h>

struct job;
struct store_journal;

/* {"seq", "time", "kind", "text", "epoch", "mutation"?, "status"?, "detail"?} with known secrets
 * hidden; NULL: out of memory. */
json_t *timeline_item(const struct store_journal *row);

/* The first item, which is no row: the job was accepted. */
json_t *timeline_accepted(const struct job *job);

#endif
