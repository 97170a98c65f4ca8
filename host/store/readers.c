/*
 * readers.c - the pool of read connections.
 */
#include "store/readers.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "store/driver.h"

void readers_init(struct readers *r, const struct store_driver *driver, void *db)
{
	memset(r, 0, sizeof(*r));
	mutex_init(&r->lock);
	cond_init(&r->freed);
	r->driver = driver;
	r->db = db;
}

void readers_finish(struct readers *r)
{
	assert(r->open == r->idle_count);
	for (size_t i = 0; i < r->idle_count; i++)
		r->driver->reader_close(r->idle[i]);
	cond_finish(&r->freed);
	mutex_finish(&r->lock);
}

/* Takes an idle one (*ret_reader), or the right to open one more (NULL); false: neither. */
static bool turn_take(struct readers *r, void **ret_reader)
{
	int64_t until = clock_mono_ms() + READERS_WAIT_MS;
	bool ok = true;

	mutex_lock(&r->lock);
	while (r->idle_count == 0 && r->open == READERS_MAX && ok)
		ok = clock_wait(&r->freed, &r->lock, until);
	if (r->idle_count > 0) {
		*ret_reader = r->idle[--r->idle_count];
		ok = true;
	} else if (r->open < READERS_MAX) {
		*ret_reader = NULL;
		r->open++;
		ok = true;
	}
	mutex_unlock(&r->lock);
	return ok;
}

static void turn_give(struct readers *r, void *reader)
{
	mutex_lock(&r->lock);
	if (reader != NULL)
		r->idle[r->idle_count++] = reader;
	else
		r->open--;
	cond_signal(&r->freed);
	mutex_unlock(&r->lock);
}

void *readers_take(struct readers *r, struct fail *f)
{
	void *reader = NULL;

	if (!turn_take(r, &reader)) {
		fail_set(f, FAIL_UNAVAILABLE, "the store is busy: all its readers are in use");
		return NULL;
	}
	if (reader == NULL)
		reader = r->driver->reader_open(r->db, f);
	if (reader == NULL)
		turn_give(r, NULL);
	return reader;
}

void readers_give(struct readers *r, void *reader, bool broken)
{
	if (broken) {
		r->driver->reader_close(reader);
		reader = NULL;
	}
	turn_give(r, reader);
}
