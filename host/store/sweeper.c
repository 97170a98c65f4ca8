/* When blobs are swept: the thread behind sweep.h. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "platform/thread.h"
#include "store/store.h"
#include "store/sweep.h"

#define MORE_MS INT64_C(60000) /* later, what was young at the delete is not any more */
#define DAY_MS  INT64_C(86400000)

struct sweeper {
	struct store *store;
	struct blobs *blobs;
	int64_t age_ms; /* of what is deleted, at least */
	struct thread thread;

	struct mutex lock;
	struct cond changed;
	bool ending;
	int64_t due;   /* of the next sweep, by the monotonic clock */
	int64_t again; /* when what was wished for last is old enough; 0: nothing was */
};

/* Accepting a request takes a few old claims with it; this takes what stays behind the last one. */
static void sweep_claims(struct sweeper *w)
{
	struct store_op *op;
	struct fail f = {0};
	bool more = true;

	while (more && (op = store_op_new(STORE_CLAIM_SWEEP, false)) != NULL) {
		op->claimed.claim.made_ms = clock_now_ms();
		more = store_run(w->store, op, &f) && op->changed;
		store_op_free(op);
	}
	if (f.code != FAIL_NONE)
		log_warn("CLAIM-SWEEP", "%s", f.text);
}

static void sweep(struct sweeper *w)
{
	struct sweep_result result;
	struct fail f = {0};

	if (!sweep_blobs(w->store, w->blobs, w->age_ms, &result, &f))
		log_warn("BLOB-SWEEP", "%s", f.text);
	if (result.deleted > 0)
		log_info("BLOB-SWEEP",
			"deleted %zu blobs of %" PRIu64 " bytes that nobody refers to, kept %zu",
			result.deleted, result.bytes, result.kept);
}

/* Waits for the next sweep; false: the end. */
static bool await(struct sweeper *w)
{
	bool go_on;

	mutex_lock(&w->lock);
	while (!w->ending && clock_mono_ms() < w->due)
		(void)clock_wait(&w->changed, &w->lock, w->due);
	go_on = !w->ending;
	w->due = clock_mono_ms() + DAY_MS;
	if (w->again > clock_mono_ms() && w->again < w->due)
		w->due = w->again;
	else
		w->again = 0;
	mutex_unlock(&w->lock);
	return go_on;
}

static void run(void *arg)
{
	struct sweeper *w = arg;

	while (await(w)) {
		sweep(w);
		sweep_claims(w);
	}
}

struct sweeper *sweeper_start(struct store *s, struct blobs *b, int64_t call_ms, struct fail *f)
{
	struct sweeper *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		(void)fail_set(f, FAIL_UNAVAILABLE, "out of memory");
		return NULL;
	}
	w->store = s;
	w->blobs = b;
	w->age_ms = SWEEP_AGE_MS + call_ms;
	w->due = clock_mono_ms() + w->age_ms + MORE_MS;
	mutex_init(&w->lock);
	cond_init(&w->changed);
	if (thread_start(&w->thread, "sweeper", 0, run, w, f))
		return w;
	cond_finish(&w->changed);
	mutex_finish(&w->lock);
	free(w);
	return NULL;
}

void sweeper_stop(struct sweeper *w)
{
	if (w == NULL)
		return;
	mutex_lock(&w->lock);
	w->ending = true;
	cond_signal(&w->changed);
	mutex_unlock(&w->lock);
	thread_join(&w->thread);
	cond_finish(&w->changed);
	mutex_finish(&w->lock);
	free(w);
}

/* The thread need not wake where the sweep it waits for comes first: it looks then. */
void sweeper_wish(struct sweeper *w)
{
	if (w == NULL)
		return;
	mutex_lock(&w->lock);
	w->again = clock_mono_ms() + w->age_ms + MORE_MS;
	if (w->again < w->due) {
		w->due = w->again;
		cond_signal(&w->changed);
	}
	mutex_unlock(&w->lock);
}
