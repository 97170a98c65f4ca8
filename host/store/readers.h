/*
 * readers - a few read connections shared by all threads: opened when first needed, handed
 * out one by one. [any thread]
 */
#ifndef HOST_STORE_READERS_H
#define HOST_STORE_READERS_H

#include <stdbool.h>
#include <stddef.h>

#include "platform/thread.h"

struct fail;
struct store;
struct store_driver;

#define READERS_MAX     6
#define READERS_WAIT_MS 10000

struct readers {
	struct mutex lock;
	struct cond freed;
	size_t open; /* idle or handed out */
	size_t idle_count;
	void *idle[READERS_MAX]; /* the last one given back, warm, is the next taken */
	const struct store_driver *driver;
	void *db;
};

struct readers *store_readers(struct store *s); /* store.c's, for store_read.c */

void readers_init(struct readers *r, const struct store_driver *driver, void *db);
void readers_finish(struct readers *r); /* all have been given back */

/* FAIL_UNAVAILABLE when none became free in READERS_WAIT_MS or one could not be opened. */
void *readers_take(struct readers *r, struct fail *f);

/* broken: it is closed, the next one that is needed starts afresh. */
void readers_give(struct readers *r, void *reader, bool broken);

#endif
