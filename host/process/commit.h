/*
 * commit - writing spec.json, which makes a folder a process. [the thread that holds its name]
 */
#ifndef HOST_PROCESS_COMMIT_H
#define HOST_PROCESS_COMMIT_H

#include <jansson.h>
#include <stdbool.h>

struct fail;
struct processes;

/* The specification as it was given, with notes added and without the texts of its inputs. From
 * its success on the process exists, whatever is killed when. FAIL_TOO_LARGE. */
bool commit_spec(const struct processes *p, const char *name, const json_t *spec, json_t *notes,
	struct fail *f);

#endif
