/*
 * run_view - a run, a training by a script, as data scientists compare it: parameters, metrics
 * and what it was made from, without its secrets. [any thread]
 */
#ifndef HOST_API_RUN_VIEW_H
#define HOST_API_RUN_VIEW_H

#include <jansson.h>

struct job;

/*
 * {"id", "name", "project", "provider", "kind", "state", "status", "created", "started",
 * "finished", "seconds", "parameters", "metrics", "dataset", "script", "command", "error",
 * "flow", "rerun_of"}; what is not known is null, parameters and metrics are objects. New;
 * NULL: out of memory.
 */
json_t *run_view(const struct job *job);

#endif
