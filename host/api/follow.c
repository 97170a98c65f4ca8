/* follow - see follow.h. */
#include "api/follow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <davit/abi.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/job_view.h"
#include "api/log_piece.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fail.h"
#include "http/exchange.h"
#include "jobs/flow.h"
#include "platform/thread.h"
#include "provider/provider.h"
#include "secret/redact.h"
#include "store/store.h"

enum {
	FOLLOWERS_MAX = 256,
	/* Of all followers at once: a quarter of the calls a provider takes unless set (max_calls),
	 * so that logs keep nobody else out. Each is short, and whoever waits has its turn by when
	 * it is due; a provider that hangs delays the logs of others by CALL_MS at most each time.
	 */
	CALLS_MAX = 4,
	CALL_MS = 10000,
	FAILURES_MAX = 20, /* in a row, before a stream is given up */
	PIECE_MAX = 256 * 1024,
	PIECE_ROOM = PIECE_MAX + 128 /* with a note about what was cut */
};

struct follower {
	struct follows *all;
	struct exchange *x;
	char id[ID_SIZE];
	LIST_ENTRY(follower) link;

	/* Guarded by the lock of all. */
	int64_t due_mono;
	bool busy;

	/* Of whoever made it busy. */
	bool begun;    /* the stream */
	bool once;     /* what is there now will do */
	bool over;     /* the job had ended before the log was asked for */
	bool more;     /* there may be more than one piece holds */
	bool ended;    /* the job had, whatever will do */
	size_t lead;   /* bytes before the wanted ones, looked at to find secrets that reach into
	                  these */
	size_t note;   /* bytes of ours at the beginning of bytes */
	size_t masked; /* of what comes next: see redact_even() */
	unsigned failures;
	struct log_piece piece;
	struct call_sink sink;
	struct buf bytes;
};

struct follows {
	struct app *app;
	struct mutex lock;
	struct cond wake;
	LIST_HEAD(follower_list, follower) all;
	size_t count;
	size_t calls;
	bool ending;
	bool joined;
	struct thread thread;
};

enum outcome {
	LATER,
	CALLING, /* a slot has the follower now */
	WHOLE,   /* the stream is whole */
	BROKEN   /* … or cut off */
};

/* --- the answer --- */

static void begin(struct follower *f)
{
	if (!f->begun)
		exchange_stream_begin(f->x, 200, "text/plain; charset=utf-8");
	f->begun = true;
}

/* A failure that will not pass: told while there still is a status to tell it by. */
static void end_with(struct follower *f, enum outcome outcome, const struct fail *why)
{
	if (f->begun || outcome == WHOLE) {
		begin(f);
		exchange_stream_end(f->x, outcome == WHOLE);
	} else {
		answer_fail(f->x, why);
	}
}

/* Makes room in the list and says that it did. Lock held. */
static void forget(struct follower *f)
{
	struct follows *fs = f->all;

	LIST_REMOVE(f, link);
	fs->count--;
	cond_broadcast(&fs->wake);
	buf_finish(&f->bytes);
	free(f);
}

/* f is through with what it was busy with; from here on it may be gone. */
static void settle(
	struct follower *f, enum outcome outcome, int64_t after_ms, const struct fail *why)
{
	struct follows *fs = f->all;

	if (outcome != LATER)
		end_with(f, outcome, why);
	mutex_lock(&fs->lock);
	f->busy = false;
	f->due_mono = clock_mono_ms() + after_ms;
	if (outcome != LATER)
		forget(f);
	else
		cond_broadcast(&fs->wake);
	mutex_unlock(&fs->lock);
}

/* --- the slot --- */

static bool take_head(void *ctx, int status, const char *content_type)
{
	struct follower *f = ctx;
	size_t unseen;

	if (status >= 400)
		return false;
	log_piece_head(&f->piece, content_type);
	unseen = f->piece.cut < f->lead ? (size_t)f->piece.cut : f->lead;
	f->lead -= unseen;
	f->piece.cut -= unseen;
	if (f->piece.cut > 0)
		buf_printf(&f->bytes, "\n[davit: %" PRIu64 " bytes cut here]\n", f->piece.cut);
	f->note = f->bytes.n;
	return true;
}

static bool take_bytes(void *ctx, const void *bytes, size_t n)
{
	struct follower *f = ctx;
	const char *wanted;
	size_t room = f->bytes.n < PIECE_MAX ? PIECE_MAX - f->bytes.n : 0;
	size_t most = room + (size_t)f->piece.skip;

	f->more = n > most;
	n = f->more ? most : n;
	wanted = log_piece_bytes(&f->piece, bytes, &n);
	buf_add(&f->bytes, wanted, n);
	return !f->more;
}

static bool passing(const struct fail *why)
{
	return why->code == FAIL_BUSY || why->code == FAIL_UNAVAILABLE ||
	       why->code == FAIL_DEADLINE || why->code == FAIL_UPSTREAM;
}

/* The provider could not be asked, or did not say. */
static void failed(struct follower *f, const struct fail *why)
{
	bool again =
		(f->begun ? passing(why) : why->code == FAIL_BUSY) && ++f->failures < FAILURES_MAX;

	settle(f, again ? LATER : BROKEN, FOLLOW_MS, why);
}

/* Hides secrets, a byte for each byte, so that offsets stay true. What may be the beginning of one
 * is asked for again with what follows, unless nothing will. */
static void hide(struct follower *f)
{
	char *bytes = f->bytes.p + f->note;
	size_t n = f->bytes.n - f->note;
	size_t held = 0;
	size_t unseen;

	if (f->note > 0)
		f->masked = 0; /* what it was about was cut */
	redact_even(bytes, n, &f->masked, f->ended && !f->more ? NULL : &held);
	f->piece.offset -= held;
	n -= held;
	unseen = f->lead < n ? f->lead : n;
	f->lead -= unseen;
	memmove(bytes, bytes + unseen, n - unseen);
	f->bytes.n = f->note + n - unseen;
}

/* What came goes out; there is room for it. */
static void pass_on(struct follower *f)
{
	bool came = f->bytes.n > f->note && !f->bytes.failed;
	bool got, now;

	if (came)
		hide(f);
	got = f->bytes.n > 0;
	now = f->over || f->more || f->bytes.n >= PIECE_MAX / 2; /* it is far behind */

	f->failures = 0;
	begin(f);
	if (f->bytes.failed || !exchange_stream_bytes(f->x, f->bytes.p, f->bytes.n))
		settle(f, BROKEN, 0, NULL);
	else if (f->more || (got && f->piece.placed))
		settle(f, LATER, now ? 0 : FOLLOW_MS, NULL);
	else if (f->over)
		settle(f, WHOLE, 0, NULL);
	else
		settle(f, LATER, FOLLOW_MS, NULL);
}

static void read_some(struct call_result *result, void *ctx)
{
	struct follower *f = ctx;
	struct follows *fs = f->all;

	mutex_lock(&fs->lock);
	fs->calls--;
	mutex_unlock(&fs->lock);
	if (result->code == DAVIT_OK || f->more) /* a piece that is full ends the call early */
		pass_on(f);
	else
		failed(f, &result->fail);
}

/* --- one look --- */

/* The log of a flow is that of its training. */
static bool job_of(struct follower *f, struct job *ret_job, struct fail *why)
{
	struct store *store = f->all->app->store;
	char step[ID_SIZE];

	if (!store_job(store, f->id, ret_job, why))
		return false;
	f->ended = (JOB_BIT(ret_job->state) & JOB_TERMINAL) != 0;
	f->over = f->once || f->ended;
	if (strcmp(ret_job->interface, FLOW_INTERFACE) != 0)
		return true;
	job_finish(ret_job);
	flow_step_id(f->id, FLOW_TRAIN, step);
	if (store_job(store, step, ret_job, why))
		return true;
	*ret_job = (struct job){0}; /* not begun yet */
	return why->code == FAIL_NOT_FOUND;
}

static enum outcome ask(struct follower *f, const struct job *job, struct fail *why)
{
	if (job->remote_ref == NULL) { /* nobody has it yet, so nothing was printed */
		begin(f);
		return f->over ? WHOLE : LATER;
	}
	f->more = false;
	f->note = 0;
	buf_finish(&f->bytes);
	buf_init(&f->bytes, PIECE_ROOM);
	mutex_lock(&f->all->lock);
	f->all->calls++;
	mutex_unlock(&f->all->lock);
	if (job_view_log(f->all->app, job, (int64_t)f->piece.offset, &f->sink, CALL_MS, read_some,
		    f, why))
		return CALLING;
	mutex_lock(&f->all->lock);
	f->all->calls--;
	mutex_unlock(&f->all->lock);
	return BROKEN;
}

static void look(struct follower *f)
{
	struct job job = {0};
	struct fail why = {0};
	enum outcome outcome = LATER;
	int64_t room = f->begun ? exchange_stream_room(f->x) : PIECE_ROOM;

	if (room < 0) {
		settle(f, BROKEN, 0, NULL);
		return;
	}
	if (room >= PIECE_ROOM) /* else its reader is slow: what is there comes first */
		outcome = job_of(f, &job, &why) ? ask(f, &job, &why) : BROKEN;
	job_finish(&job);
	if (outcome == BROKEN)
		failed(f, &why);
	else if (outcome != CALLING)
		settle(f, outcome, FOLLOW_MS, NULL);
}

/* --- the thread --- */

/* The one whose turn it is; else NULL, and when to look again. Lock held. */
static struct follower *next_due(struct follows *fs, int64_t *ret_when)
{
	struct follower *next = NULL;
	struct follower *f = NULL;

	*ret_when = CLOCK_NEVER;
	if (fs->calls >= CALLS_MAX)
		return NULL; /* the end of a call wakes us */
	LIST_FOREACH(f, &fs->all, link)
	{
		if (!f->busy && f->due_mono < *ret_when) {
			*ret_when = f->due_mono;
			next = f;
		}
	}
	return next != NULL && *ret_when <= clock_mono_ms() ? next : NULL;
}

static void run(void *arg)
{
	struct follows *fs = arg;
	struct follower *f;
	int64_t when;

	mutex_lock(&fs->lock);
	while (!fs->ending) {
		f = next_due(fs, &when);
		if (f == NULL) {
			(void)clock_wait(&fs->wake, &fs->lock, when);
			continue;
		}
		f->busy = true;
		mutex_unlock(&fs->lock);
		look(f);
		mutex_lock(&fs->lock);
	}
	mutex_unlock(&fs->lock);
}

struct follows *follows_open(struct app *app, struct fail *f)
{
	struct follows *fs = calloc(1, sizeof(*fs));

	if (fs == NULL) {
		(void)fail_set(f, FAIL_UNAVAILABLE, "follow logs: out of memory");
		return NULL;
	}
	fs->app = app;
	mutex_init(&fs->lock);
	cond_init(&fs->wake);
	LIST_INIT(&fs->all);
	if (thread_start(&fs->thread, "follow", 0, run, fs, f))
		return fs;
	cond_finish(&fs->wake);
	mutex_finish(&fs->lock);
	free(fs);
	return NULL;
}

/* Ends one that is not busy; lock held on entry and return. False: all are busy. */
static bool end_one(struct follows *fs)
{
	static const struct fail why = {
		.code = FAIL_UNAVAILABLE, .text = "the daemon is ending; try again shortly"};
	struct follower *f = NULL;

	LIST_FOREACH(f, &fs->all, link)
	{
		if (f->busy)
			continue;
		f->busy = true;
		mutex_unlock(&fs->lock);
		settle(f, BROKEN, 0, &why);
		mutex_lock(&fs->lock);
		return true;
	}
	return false;
}

void follows_end(struct follows *fs)
{
	if (fs == NULL)
		return;
	mutex_lock(&fs->lock);
	fs->ending = true;
	cond_broadcast(&fs->wake);
	mutex_unlock(&fs->lock);
	if (!fs->joined)
		thread_join(&fs->thread);
	fs->joined = true;
	mutex_lock(&fs->lock);
	while (fs->count > 0) {
		if (!end_one(fs))
			cond_wait(&fs->wake, &fs->lock);
	}
	mutex_unlock(&fs->lock);
}

void follows_close(struct follows *fs)
{
	if (fs == NULL)
		return;
	follows_end(fs);
	cond_finish(&fs->wake);
	mutex_finish(&fs->lock);
	free(fs);
}

/* --- a new one --- */

static bool take_in(struct follows *fs, struct follower *f, struct fail *why)
{
	bool ok = false;

	mutex_lock(&fs->lock);
	if (fs->ending)
		(void)fail_set(why, FAIL_UNAVAILABLE, "the daemon is ending; try again shortly");
	else if (fs->count >= FOLLOWERS_MAX)
		(void)fail_set(why, FAIL_BUSY,
			"%d logs are being followed, the limit; try again later", FOLLOWERS_MAX);
	else
		ok = true;
	if (ok) {
		LIST_INSERT_HEAD(&fs->all, f, link);
		fs->count++;
		cond_broadcast(&fs->wake);
	}
	mutex_unlock(&fs->lock);
	return ok;
}

bool follow_log(struct follows *fs, struct exchange *x, const char *job, uint64_t offset, bool once,
	struct fail *f)
{
	struct follower *own = calloc(1, sizeof(*own));

	if (own == NULL)
		return fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	own->all = fs;
	own->x = x;
	own->once = once;
	own->lead = offset < REDACT_PATTERN_MOST ? (size_t)offset : REDACT_PATTERN_MOST;
	own->piece.offset = offset - own->lead;
	own->sink = (struct call_sink){.head = take_head, .bytes = take_bytes, .ctx = own};
	buf_init(&own->bytes, PIECE_ROOM);
	(void)snprintf(own->id, sizeof(own->id), "%s", job);
	if (take_in(fs, own, f))
		return true;
	free(own);
	return false;
}
