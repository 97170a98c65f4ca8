/*
 * store.c - the writer thread with group commit. Reads: store_read.c.
 *
 * Locks: store.lock guards the queue, closing and trouble; it is never held over a call of
 * the driver or of done(). The database belongs to the writer thread.
 */
#include "store/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/turn.h"
#include "platform/thread.h"
#include "store/driver.h"
#include "store/readers.h"
#include "store/store_op.h"
#include "store/store_point.h"

#define WAITING_MAX       65536
#define WAITING_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define BATCH_MAX         256 /* more would only delay the first of them */
#define BATCH_WORTH       16  /* begun with so many, though more come in right now */
#define BATCH_BYTES_MAX   ((size_t)8 * 1024 * 1024)
#define RETRY_MS          2000 /* how often a failing store is tried without a write to do */
#define ROOM_BYTES        ((uint64_t)1024 * 1024) /* that a store which failed must have again */

struct op_list {
	struct store_op *first;
	struct store_op *last;
	size_t count;
	size_t bytes;
};

struct store {
	const struct store_driver *driver;
	void *db;
	struct readers readers;
	struct thread writer;
	uint64_t needs; /* the writer's: what is to fit before a failing store counts as well */

	struct mutex lock;
	struct cond work;
	struct op_list waiting;
	bool closing;
	struct fail trouble; /* why the last write failed; FAIL_NONE: it did not */
};

static const struct store_driver *const drivers[] = {&store_sqlite};

static void list_push(struct op_list *l, struct store_op *op)
{
	op->next = NULL;
	if (l->last != NULL)
		l->last->next = op;
	else
		l->first = op;
	l->last = op;
	l->count++;
	l->bytes += op->bytes;
}

static struct store_op *list_pop(struct op_list *l)
{
	struct store_op *op = l->first;

	l->first = op->next;
	if (l->first == NULL)
		l->last = NULL;
	l->count--;
	l->bytes -= op->bytes;
	op->next = NULL;
	return op;
}

/* --- the writer --- */

static void op_refuse(struct store_op *op, const struct fail *f)
{
	op->ok = false;
	op->changed = false;
	op->fail = *f;
}

static bool list_durable(const struct op_list *l)
{
	for (const struct store_op *op = l->first; op != NULL; op = op->next) {
		if (op->durable)
			return true;
	}
	return l->first == NULL; /* a trial: see batch_take() */
}

/* Applies a batch in a transaction that is open. */
static bool batch_apply(struct store *s, const struct op_list *batch, struct fail *f)
{
	if (batch->first == NULL && !s->driver->touch(s->db, f))
		return false;
	for (struct store_op *op = batch->first; op != NULL; op = op->next) {
		if (!s->driver->apply(s->db, op, f))
			return false;
	}
	store_point("before_commit", batch->first);
	if (!s->driver->commit(s->db, f))
		return false;
	store_point("after_commit", batch->first);
	return true;
}

static bool batch_write(struct store *s, const struct op_list *batch, struct fail *f)
{
	if (!s->driver->begin(s->db, list_durable(batch), f))
		return false;
	if (batch_apply(s, batch, f))
		return true;
	s->driver->rollback(s->db);
	return false;
}

/* Keeps what the last write says about the store, and logs where that changes. */
static void trouble_note(struct store *s, const struct fail *f)
{
	bool was;

	mutex_lock(&s->lock);
	was = s->trouble.code != FAIL_NONE;
	s->trouble = *f;
	mutex_unlock(&s->lock);
	if (!was && f->code != FAIL_NONE)
		log_error("STORE-DOWN", "%s", f->text);
	if (was && f->code == FAIL_NONE)
		log_info("STORE-UP", "writes to the store work again");
}

/* What a batch says about the store. One that failed shows how much has to fit: a small write
 * that works on a full disk is no sign that others do. */
static void batch_judge(struct store *s, const struct op_list *batch, bool ok, const struct fail *f)
{
	struct fail why = *f;

	if (!ok && batch->first != NULL)
		s->needs = ROOM_BYTES + 2 * (uint64_t)batch->bytes;
	if (ok && s->needs > 0 && s->driver->room(s->db, s->needs, &why))
		s->needs = 0;
	trouble_note(s, &why);
}

static void batch_run(struct store *s, struct op_list *batch)
{
	struct fail f = {0};
	bool ok = batch_write(s, batch, &f);

	if (!ok && f.code != FAIL_UNAVAILABLE)
		f.code = FAIL_UNAVAILABLE; /* whatever it was: nothing was written */
	batch_judge(s, batch, ok, &f);
	turn_begin();
	while (batch->first != NULL) {
		struct store_op *op = list_pop(batch);

		if (!ok)
			op_refuse(op, &f);
		op->done(op);
	}
	turn_end();
}

/* Waits for work; s->lock is held. While the store is failing it ends now and then without
 * any, so that the store is tried. */
static void work_wait(struct store *s)
{
	int64_t until = clock_mono_ms() + RETRY_MS;
	bool in_time = true;

	while (s->waiting.count == 0 && !s->closing && in_time) {
		if (s->trouble.code != FAIL_NONE)
			in_time = clock_wait(&s->work, &s->lock, until);
		else
			cond_wait(&s->work, &s->lock);
	}
}

/* Takes what waits, up to a limit; nothing: a trial of a failing store. False: the end. */
static bool batch_take(struct store *s, struct op_list *batch)
{
	bool more;

	mutex_lock(&s->lock);
	work_wait(s);
	while (s->waiting.count > 0 && batch->count < BATCH_MAX && batch->bytes < BATCH_BYTES_MAX)
		list_push(batch, list_pop(&s->waiting));
	more = batch->count > 0 || !s->closing;
	mutex_unlock(&s->lock);
	return more;
}

static void writer_run(void *arg)
{
	struct store *s = arg;
	struct op_list batch = {0};

	while (batch_take(s, &batch))
		batch_run(s, &batch);
}

/* --- opening and closing --- */

static void store_free(struct store *s)
{
	readers_finish(&s->readers);
	cond_finish(&s->work);
	mutex_finish(&s->lock);
	s->driver->close(s->db);
	free(s);
}

static struct store *open_with(const struct store_driver *driver, const char *path,
	const struct store_keys *keys, struct fail *f)
{
	struct store *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		fail_set(f, FAIL_UNAVAILABLE, "open store: out of memory");
		return NULL;
	}
	s->driver = driver;
	s->db = driver->open(path, keys, f);
	if (s->db == NULL) {
		free(s);
		return NULL;
	}
	mutex_init(&s->lock);
	cond_init(&s->work);
	readers_init(&s->readers, driver, s->db);
	if (!thread_start(&s->writer, "store-writer", 0, writer_run, s, f)) {
		store_free(s);
		return NULL;
	}
	return s;
}

struct store *store_open_driver(const struct store_driver *driver, const char *path, struct fail *f)
{
	return open_with(driver, path, NULL, f);
}

struct store *store_open(const char *target, struct fail *f)
{
	return store_open_keyed(target, NULL, f);
}

struct store *store_open_keyed(const char *target, const struct store_keys *keys, struct fail *f)
{
	const char *colon = strchr(target, ':');
	size_t n = colon != NULL ? (size_t)(colon - target) : 0;

	for (size_t i = 0; i < COUNT(drivers) && n > 0; i++) {
		if (strlen(drivers[i]->scheme) == n && memcmp(drivers[i]->scheme, target, n) == 0)
			return open_with(drivers[i], colon + 1, keys, f);
	}
	fail_set(f, FAIL_INVALID, "store \"%s\": no such kind of store; known is sqlite:PATH",
		target);
	return NULL;
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	mutex_lock(&s->lock);
	s->closing = true;
	cond_signal(&s->work);
	mutex_unlock(&s->lock);
	thread_join(&s->writer);
	store_free(s);
}

/* --- writes --- */

static bool op_queue(struct store *s, struct store_op *op, struct fail *f)
{
	bool ok = false;

	mutex_lock(&s->lock);
	if (s->closing) {
		fail_set(f, FAIL_UNAVAILABLE, "the store is closing");
	} else if (s->waiting.count >= WAITING_MAX ||
		   s->waiting.bytes + op->bytes > WAITING_BYTES_MAX) {
		fail_set(f, FAIL_BUSY, "too many writes wait for the store");
		f->retry_after_ms = RETRY_MS;
	} else {
		list_push(&s->waiting, op);
		if (s->waiting.count == BATCH_WORTH)
			cond_signal(&s->work);
		ok = true;
	}
	mutex_unlock(&s->lock);
	return ok;
}

/* A front that takes in many requests in a row wakes the writer for all of them, or for as many
 * as are worth it: else the two would wait for each other in turns, with all clients in the
 * hands of one of them. The store is there until all others have ended. */
static void wake_writer(void *arg)
{
	struct store *s = arg;

	mutex_lock(&s->lock);
	cond_signal(&s->work);
	mutex_unlock(&s->lock);
}

void store_submit(struct store *s, struct store_op *op)
{
	struct fail f = {0};

	assert(op->done != NULL && store_op_sound(op));
	op->bytes = store_op_bytes(op);
	memset(&op->fail, 0, sizeof(op->fail));
	if (op_queue(s, op, &f)) {
		if (turn_put_off(wake_writer, s) == TURN_NONE)
			wake_writer(s);
		return;
	}
	op_refuse(op, &f);
	op->done(op);
}

struct waiter {
	struct mutex lock;
	struct cond answered;
	size_t open;
};

static void waiter_done(struct store_op *op)
{
	struct waiter *w = op->arg;

	mutex_lock(&w->lock);
	w->open--;
	cond_signal(&w->answered); /* under the lock: the waiter destroys both after it */
	mutex_unlock(&w->lock);
}

/* No deadline: the writer answers every op, and until then op is not ours. */
static void waiter_wait(struct waiter *w)
{
	turn_now();
	mutex_lock(&w->lock);
	while (w->open > 0)
		cond_wait(&w->answered, &w->lock);
	mutex_unlock(&w->lock);
}

bool store_run_all(struct store *s, struct store_op *const *ops, size_t count, struct fail *f)
{
	struct waiter w = {.open = count};
	bool ok = true;

	mutex_init(&w.lock);
	cond_init(&w.answered);
	for (size_t i = 0; i < count; i++) {
		ops[i]->done = waiter_done;
		ops[i]->arg = &w;
		store_submit(s, ops[i]);
	}
	waiter_wait(&w);
	cond_finish(&w.answered);
	mutex_finish(&w.lock);
	for (size_t i = 0; i < count; i++) {
		ops[i]->done = NULL;
		ops[i]->arg = NULL;
		if (ok && !ops[i]->ok && f != NULL)
			*f = ops[i]->fail;
		ok = ok && ops[i]->ok;
	}
	return ok;
}

bool store_run(struct store *s, struct store_op *op, struct fail *f)
{
	store_done *done = op->done;
	void *arg = op->arg;
	bool ok = store_run_all(s, &op, 1, f);

	op->done = done;
	op->arg = arg;
	return ok;
}

const char *store_site(const struct store *s)
{
	return s->driver->site(s->db);
}

struct readers *store_readers(struct store *s)
{
	return &s->readers;
}

bool store_ready(struct store *s, struct fail *f)
{
	bool ok;

	mutex_lock(&s->lock);
	ok = s->trouble.code == FAIL_NONE;
	if (!ok && f != NULL)
		*f = s->trouble;
	mutex_unlock(&s->lock);
	return ok;
}
