/* store_read.c - the way of reads to a driver, by a connection that is free. */
#include "base/fail.h"
#include "store/driver.h"
#include "store/readers.h"
#include "store/store.h"

/* Gives a reader back; one that failed by itself, not for want of a row, is not used again. */
static bool read_end(
	struct readers *r, void *reader, bool ok, const struct fail *why, struct fail *f)
{
	readers_give(r, reader, !ok && why->code != FAIL_NOT_FOUND);
	if (!ok && f != NULL)
		*f = *why;
	return ok;
}

bool store_job(struct store *s, const char *id, struct job *ret_job, struct fail *f)
{
	struct fail why = {0};
	struct readers *r = store_readers(s);
	void *reader = readers_take(r, f);

	return reader != NULL &&
	       read_end(r, reader, r->driver->job(reader, id, ret_job, &why), &why, f);
}

bool store_job_by_remote(
	struct store *s, const struct job_remote *remote, struct job *ret_job, struct fail *f)
{
	struct fail why = {0};
	struct readers *r = store_readers(s);
	void *reader = readers_take(r, f);

	return reader != NULL &&
	       read_end(
		       r, reader, r->driver->job_by_remote(reader, remote, ret_job, &why), &why, f);
}

bool store_job_by_submission(
	struct store *s, const char *submission, struct job *ret_job, struct fail *f)
{
	struct fail why = {0};
	struct readers *r = store_readers(s);
	void *reader = readers_take(r, f);

	return reader != NULL &&
	       read_end(r, reader, r->driver->job_by_submission(reader, submission, ret_job, &why),
		       &why, f);
}

bool store_journal(struct store *s, const char *job, int64_t after_seq, size_t limit,
	bool (*each)(const struct store_journal *row, void *ctx), void *ctx, struct fail *f)
{
	struct fail why = {0};
	struct readers *r = store_readers(s);
	void *reader = readers_take(r, f);

	return reader != NULL &&
	       read_end(r, reader,
		       r->driver->journal(reader, job, after_seq, limit, each, ctx, &why), &why, f);
}

bool store_journal_attempt(struct store *s, const char *job, int64_t epoch, bool answers,
	bool (*each)(const struct store_journal *row, void *ctx), void *ctx, struct fail *f)
{
	struct fail why = {0};
	struct readers *r = store_readers(s);
	void *reader = readers_take(r, f);

	return reader != NULL &&
	       read_end(r, reader,
		       r->driver->journal_attempt(reader, job, epoch, answers, each, ctx, &why),
		       &why, f);
}

bool store_job_status(
	struct store *s, const char *id, struct job_status *ret_status, struct fail *f)
{
	struct fail why = {0};
	struct readers *r = store_readers(s);
	void *reader = readers_take(r, f);

	return reader != NULL &&
	       read_end(r, reader, r->driver->job_status(reader, id, ret_status, &why), &why, f);
}

bool store_job_series(struct store *s, const char *id, char **ret_text, struct fail *f)
{
	struct fail why = {0};
	struct readers *r = store_readers(s);
	void *reader = readers_take(r, f);

	return reader != NULL &&
	       read_end(r, reader, r->driver->job_series(reader, id, ret_text, &why), &why, f);
}

bool store_jobs(struct store *s, const struct job_filter *filter,
	bool (*each)(const struct job *job, void *ctx), void *ctx, struct fail *f)
{
	struct fail why = {0};
	struct readers *r = store_readers(s);
	void *reader = readers_take(r, f);

	return reader != NULL &&
	       read_end(r, reader, r->driver->jobs(reader, filter, each, ctx, &why), &why, f);
}

bool store_connections(struct store *s, const char *provider,
	bool (*each)(const char *connection, void *ctx), void *ctx, struct fail *f)
{
	struct fail why = {0};
	struct readers *r = store_readers(s);
	void *reader = readers_take(r, f);

	return reader != NULL &&
	       read_end(r, reader, r->driver->connections(reader, provider, each, ctx, &why), &why,
		       f);
}

bool store_claim(struct store *s, const uint8_t name[STORE_CLAIM_BYTES], int64_t now_ms,
	struct store_claimed *ret_claimed, struct fail *f)
{
	struct fail why = {0};
	struct readers *r = store_readers(s);
	void *reader = readers_take(r, f);

	return reader != NULL &&
	       read_end(r, reader, r->driver->claim(reader, name, now_ms, ret_claimed, &why), &why,
		       f);
}

bool store_kv_get(struct store *s, const char *instance, const char *key, char **ret_value,
	int64_t *ret_version, struct fail *f)
{
	struct fail why = {0};
	struct readers *r = store_readers(s);
	void *reader = readers_take(r, f);

	return reader != NULL &&
	       read_end(r, reader,
		       r->driver->kv_get(reader, instance, key, ret_value, ret_version, &why), &why,
		       f);
}

bool store_kv_list(struct store *s, const char *instance, const char *prefix, const char *after,
	size_t limit, bool (*each)(const char *key, const char *value, void *ctx), void *ctx,
	struct fail *f)
{
	struct fail why = {0};
	struct readers *r = store_readers(s);
	void *reader = readers_take(r, f);

	return reader != NULL &&
	       read_end(r, reader,
		       r->driver->kv_list(reader, instance, prefix, after, limit, each, ctx, &why),
		       &why, f);
}

bool store_kv_all(struct store *s, bool (*each)(const char *key, const char *value, void *ctx),
	void *ctx, struct fail *f)
{
	struct fail why = {0};
	struct readers *r = store_readers(s);
	void *reader = readers_take(r, f);

	return reader != NULL &&
	       read_end(r, reader, r->driver->kv_all(reader, each, ctx, &why), &why, f);
}
