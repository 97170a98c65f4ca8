/*
 * quarantine - which files a provider was started with, by their digests, and which of them are
 * not to run again: their workers died too often. A small file of each provider beside the copies
 * of its plugins, so that it outlives the daemon. Of files with the same bytes it is the same
 * digest, and of a provider's own worker deaths only its own counts. [any thread]
 */
#ifndef HOST_PROVIDER_QUARANTINE_H
#define HOST_PROVIDER_QUARANTINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sha256.h"

#define QUARANTINE_CAUSE_SIZE 256

struct fail;
struct provider;

struct quarantine {
	char cause[QUARANTINE_CAUSE_SIZE];
	int64_t since_ms; /* wall clock */
};

/* The file p->sha256 was started: it is the newest now. */
bool quarantine_note(const struct provider *p, struct fail *f);

/* The file p->sha256 is not to be started again. Durable when it returns true. */
bool quarantine_put(const struct provider *p, const struct quarantine *q, struct fail *f);

/* Is p->sha256 in quarantine? Fills *ret. What cannot be read counts as none, and is logged. */
bool quarantine_get(const struct provider *p, struct quarantine *ret);

/* The newest file that p was started with before, is not p->sha256 and not in quarantine. False:
 * there is none. */
bool quarantine_previous(const struct provider *p, char ret_sha256[SHA256_HEX_SIZE]);

/* No file of p is in quarantine any more. Durable when it returns true. */
bool quarantine_clear(const struct provider *p, struct fail *f);

#endif
