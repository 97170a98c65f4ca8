/*
 * driver - what a database must do for store.c. One instance is opened per store. begin,
 * touch, room, apply, commit and rollback are called by the writer thread only; each reader by one
 * thread at a time, reader_open by any.
 */
#ifndef HOST_STORE_DRIVER_H
#define HOST_STORE_DRIVER_H

#include "store/store.h"

struct store_driver {
	const char *scheme; /* of the target: "sqlite" */

	/* Opens and migrates; NULL with FAIL_CONFLICT when the schema is newer than known. keys may
	 * be NULL: see store_open(). */
	void *(*open)(const char *path, const struct store_keys *keys, struct fail *f);
	void (*close)(void *db);
	const char *(*site)(void *db); /* see store_site() */

	/* One transaction. durable: commit returns only when it is on disk. */
	bool (*begin)(void *db, bool durable, struct fail *f);
	/* Writes something without meaning, so that commit tells whether writing works. */
	bool (*touch)(void *db, struct fail *f);
	/* Is there room for so many bytes more? Between two transactions. */
	bool (*room)(void *db, uint64_t bytes, struct fail *f);
	/* Sets op->ok, op->changed, op->fail. Returns false only when the whole transaction is
	 * lost (disk full, I/O error): the caller rolls back. */
	bool (*apply)(void *db, struct store_op *op, struct fail *f);
	bool (*commit)(void *db, struct fail *f);
	void (*rollback)(void *db);

	void *(*reader_open)(void *db, struct fail *f);
	void (*reader_close)(void *reader);

	/* The reads of store.h, on one reader. */
	bool (*job)(void *reader, const char *id, struct job *ret_job, struct fail *f);
	bool (*job_by_remote)(
		void *reader, const struct job_remote *remote, struct job *ret_job, struct fail *f);
	bool (*job_by_submission)(
		void *reader, const char *submission, struct job *ret_job, struct fail *f);
	bool (*job_status)(
		void *reader, const char *id, struct job_status *ret_status, struct fail *f);
	bool (*jobs)(void *reader, const struct job_filter *filter,
		bool (*each)(const struct job *job, void *ctx), void *ctx, struct fail *f);
	bool (*connections)(void *reader, const char *provider,
		bool (*each)(const char *connection, void *ctx), void *ctx, struct fail *f);
	bool (*job_series)(void *reader, const char *id, char **ret_text, struct fail *f);
	bool (*journal)(void *reader, const char *job, int64_t after_seq, size_t limit,
		bool (*each)(const struct store_journal *row, void *ctx), void *ctx,
		struct fail *f);
	bool (*journal_attempt)(void *reader, const char *job, int64_t epoch, bool answers,
		bool (*each)(const struct store_journal *row, void *ctx), void *ctx,
		struct fail *f);
	bool (*claim)(void *reader, const uint8_t name[STORE_CLAIM_BYTES], int64_t now_ms,
		struct store_claimed *ret_claimed, struct fail *f);
	bool (*kv_get)(void *reader, const char *instance, const char *key, char **ret_value,
		int64_t *ret_version, struct fail *f);
	bool (*kv_list)(void *reader, const char *instance, const char *prefix, const char *after,
		size_t limit, bool (*each)(const char *key, const char *value, void *ctx),
		void *ctx, struct fail *f);
	bool (*kv_all)(void *reader, bool (*each)(const char *key, const char *value, void *ctx),
		void *ctx, struct fail *f);
};

extern const struct store_driver store_sqlite;

/* store_open() with a driver of one's own; path is what follows the scheme. */
struct store *store_open_driver(
	const struct store_driver *driver, const char *path, struct fail *f);

#endif
