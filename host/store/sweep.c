/* Marks what is referred to, then deletes the rest. */
#include "store/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/sha256.h"
#include "store/blobs.h"
#include "store/store.h"

#define HEX_DIGITS (SHA256_HEX_SIZE - 1)
#define RUN_MAX    (HEX_DIGITS + 16)
#define MARKS_MAX  ((size_t)1 << 30) /* bytes */

/* Digests, in hexadecimal, one behind the other. */
struct marks {
	struct buf digests;
};

/* --- marking --- */

/* Every 64 digits in a row: what stands around a digest may look like more of it (the b of "\b"
 * in JSON). Runs much longer are data and no references. */
static void mark_text(struct marks *m, const char *text)
{
	while (text != NULL && *text != '\0') {
		size_t n = strspn(text, "0123456789abcdef");

		for (size_t i = 0; n <= RUN_MAX && i + HEX_DIGITS <= n; i++)
			buf_add(&m->digests, text + i, HEX_DIGITS);
		text += n;
		text += strcspn(text, "0123456789abcdef");
	}
}

static bool mark_job(const struct job *job, void *ctx)
{
	struct marks *m = ctx;
	const char *const texts[] = {job->request, job->checkpoint, job->remote_ref, job->progress,
		job->result, job->remote_name};

	for (size_t i = 0; i < COUNT(texts); i++)
		mark_text(m, texts[i]);
	return !m->digests.failed;
}

static bool mark_pair(const char *key, const char *value, void *ctx)
{
	struct marks *m = ctx;

	mark_text(m, key);
	mark_text(m, value);
	return !m->digests.failed;
}

static int by_digest(const void *a, const void *b)
{
	return memcmp(a, b, HEX_DIGITS);
}

/* Jobs before pairs: a reference goes from a job into a pair, never back, so that one on its
 * way is seen at least once. */
static bool mark_all(struct store *s, struct marks *m, struct fail *f)
{
	const struct job_filter open = {.states = JOB_OPEN};

	if (!store_jobs(s, &open, mark_job, m, f) || !store_kv_all(s, mark_pair, m, f))
		return false;
	if (m->digests.failed)
		return fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	if (m->digests.n > 0)
		qsort(m->digests.p, m->digests.n / HEX_DIGITS, HEX_DIGITS, by_digest);
	return true;
}

/* --- sweeping --- */

static bool is_marked(const char *digest, void *ctx)
{
	const struct marks *m = ctx;

	return m->digests.n > 0 && bsearch(digest, m->digests.p, m->digests.n / HEX_DIGITS,
					   HEX_DIGITS, by_digest) != NULL;
}

bool sweep_blobs(struct store *s, struct blobs *b, int64_t age_ms, struct sweep_result *ret_result,
	struct fail *f)
{
	struct marks m;
	bool good;

	*ret_result = (struct sweep_result){0};
	buf_init(&m.digests, MARKS_MAX);
	good = mark_all(s, &m, f) && blobs_delete(b, age_ms, is_marked, &m, &ret_result->deleted,
					     &ret_result->kept, &ret_result->bytes, f);
	buf_finish(&m.digests);
	return good || fail_wrap(f, "delete blobs that nobody refers to");
}
