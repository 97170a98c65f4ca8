/*
 * sqlite_seal.c - sealed columns: job.progress, job.checkpoint, job.request, job.result,
 * kv.value, claim.answer, job.decision and journal.detail hold what secret/seal.h makes of the
 * text. The table seal has one row: a known text, by which a wrong key is found at start, and
 * whether plain text of an older version was cleaned away.
 */
#include "store/sqlite.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/log.h"
#include "secret/crypto.h"
#include "secret/seal.h"

#define SEALED_SINCE 3 /* version of the schema */
#define KNOWN_TEXT   "davit"

static const struct seal_place known_place = {"seal.value", "1", NULL};

/* --- values of statements --- */

int sqlite_seal_bind(struct conn *c, sqlite3_stmt *stmt, int at, const struct seal_place *place,
	const char *text)
{
	size_t n = text != NULL ? strlen(text) : 0;
	uint8_t *sealed;

	if (text == NULL)
		return sqlite3_bind_null(stmt, at);
	if (n > INT_MAX - SEAL_EXTRA)
		return SQLITE_TOOBIG;
	sealed = malloc(n + SEAL_EXTRA);
	if (sealed == NULL)
		return SQLITE_NOMEM;
	sealer_put(c->sealer, place, text, n, sealed);
	return sqlite3_bind_blob64(stmt, at, sealed, n + SEAL_EXTRA, free);
}

bool sqlite_seal_read(struct conn *c, sqlite3_stmt *stmt, int at, const struct seal_place *place,
	char **ret_text, struct fail *f)
{
	const void *sealed = sqlite3_column_blob(stmt, at);
	size_t n = (size_t)sqlite3_column_bytes(stmt, at);
	char *text;

	if (sqlite3_column_type(stmt, at) == SQLITE_NULL)
		return true;
	text = malloc(n + 1);
	if (text == NULL || sealed == NULL) {
		free(text);
		return fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	}
	if (!sealer_get(c->sealer, place, sealed, n, text, &n, f)) {
		free(text);
		return fail_wrap(f, "%s", c->path);
	}
	*ret_text = text;
	return true;
}

/* --- functions of SQL: (column, row, more, value) --- */

static const char *text_of(sqlite3_value *v)
{
	return (const char *)sqlite3_value_text(v);
}

static struct seal_place place_of(sqlite3_value **args)
{
	return (struct seal_place){text_of(args[0]), text_of(args[1]), text_of(args[2])};
}

static void give_sealed(
	sqlite3_context *ctx, const struct seal_place *place, const void *text, size_t n)
{
	uint8_t *sealed = malloc(n + SEAL_EXTRA);

	if (sealed == NULL) {
		sqlite3_result_error_nomem(ctx);
		return;
	}
	sealer_put(sqlite3_user_data(ctx), place, text, n, sealed);
	sqlite3_result_blob64(ctx, sealed, n + SEAL_EXTRA, free);
}

/* davit_seal(): of a text. NULL stays NULL. */
static void sql_seal(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	struct seal_place place = place_of(args);
	const char *text = text_of(args[3]);

	(void)count;
	if (text != NULL)
		give_sealed(ctx, &place, text, strlen(text));
}

/* davit_reseal(): of a sealed value, with the key that seals now. */
static void sql_reseal(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	struct seal_place place = place_of(args);
	const void *sealed = sqlite3_value_blob(args[3]);
	size_t n = (size_t)sqlite3_value_bytes(args[3]);
	char *text = malloc(n + 1);
	struct fail f = {0};

	(void)count;
	if (text == NULL)
		sqlite3_result_error_nomem(ctx);
	else if (sealer_get(sqlite3_user_data(ctx), &place, sealed, n, text, &n, &f))
		give_sealed(ctx, &place, text, n);
	else
		sqlite3_result_error(ctx, f.text, -1);
	if (text != NULL)
		crypto_cleanse(text, n);
	free(text);
}

/* davit_is_old(value): was it sealed with another key than that? */
static void sql_is_old(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	const void *sealed = sqlite3_value_blob(args[0]);
	size_t n = (size_t)sqlite3_value_bytes(args[0]);

	(void)count;
	sqlite3_result_int(
		ctx, sealed != NULL && !sealer_is_new(sqlite3_user_data(ctx), sealed, n));
}

static bool add_functions(struct conn *c, struct fail *f)
{
	static const struct {
		const char *name;
		int args;
		void (*function)(sqlite3_context *, int, sqlite3_value **);
	} functions[] = {
		{"davit_seal", 4, sql_seal},
		{"davit_reseal", 4, sql_reseal},
		{"davit_is_old", 1, sql_is_old},
	};
	int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;

	for (size_t i = 0; i < COUNT(functions); i++) {
		int rc = sqlite3_create_function(c->db, functions[i].name, functions[i].args, flags,
			c->sealer, functions[i].function, NULL, NULL);

		if (rc != SQLITE_OK)
			return conn_fail(c, rc, f);
	}
	return true;
}

/* --- opening --- */

bool sqlite_seal_conn(struct conn *c, const struct seal *seal, struct fail *f)
{
	c->sealer = sealer_new(seal);
	return c->sealer != NULL || fail_set(f, FAIL_UNAVAILABLE, "out of memory");
}

/* Is the known text what it should be? */
static bool check_key(struct conn *c, const char *key_file, struct fail *f)
{
	sqlite3_stmt *stmt = conn_prepare(c, "SELECT value FROM seal WHERE id = 1", f);
	struct fail why = {0};
	char *text = NULL;
	bool ok;

	if (stmt == NULL)
		return false;
	ok = sqlite3_step(stmt) == SQLITE_ROW &&
	     sqlite_seal_read(c, stmt, 0, &known_place, &text, &why);
	ok = ok && text != NULL && strcmp(text, KNOWN_TEXT) == 0;
	free(text);
	sqlite3_finalize(stmt);
	return ok ||
	       fail_set(f, FAIL_INVALID,
		       "%s was sealed with another key than that of %s: put the right key file "
		       "back, or name it as secrets.old_key_file",
		       c->path, key_file);
}

bool sqlite_seal_open(
	struct sqlite_db *d, const struct store_keys *keys, int64_t version, struct fail *f)
{
	const char *slash = strrchr(d->path, '/');
	bool sealed = version >= SEALED_SINCE;
	char beside[PATH_MAX];
	struct store_keys use = {.key_file = beside};
	struct fail why = {0};

	sqlite3_snprintf(
		(int)sizeof(beside), beside, "%.*s/secret.key", (int)(slash - d->path), d->path);
	if (keys != NULL)
		use = *keys;
	d->seal = seal_open(use.key_file, use.old_key_file, !sealed, &why);
	if (d->seal == NULL && sealed && why.code == FAIL_NOT_FOUND)
		return fail_set(f, FAIL_INVALID,
			"%s cannot be read without its key: %s; put it back from a backup", d->path,
			why.text);
	if (d->seal == NULL) {
		if (f != NULL)
			*f = why;
		return false;
	}
	return sqlite_seal_conn(&d->writer, d->seal, f) && add_functions(&d->writer, f) &&
	       (!sealed || check_key(&d->writer, use.key_file, f));
}

/* Pages of the older version are in the file and its log until both are written anew. */
static bool clean(struct conn *c, struct fail *f)
{
	int64_t cleaned = 0;

	if (!conn_pragma_int(c, "SELECT clean FROM seal WHERE id = 1", &cleaned, f))
		return false;
	if (cleaned != 0)
		return true;
	return conn_exec(c, "VACUUM", f) && conn_exec(c, "PRAGMA wal_checkpoint(TRUNCATE)", f) &&
	       conn_exec(c, "UPDATE seal SET clean = 1", f);
}

static const char rotation[] =
	"BEGIN IMMEDIATE;"
	"UPDATE job SET progress = davit_reseal('job.progress', id, NULL, progress)"
	" WHERE davit_is_old(progress);"
	"UPDATE job SET checkpoint = davit_reseal('job.checkpoint', id, NULL, checkpoint)"
	" WHERE davit_is_old(checkpoint);"
	"UPDATE job SET request = davit_reseal('job.request', id, NULL, request)"
	" WHERE davit_is_old(request);"
	"UPDATE job SET result = davit_reseal('job.result', id, NULL, result)"
	" WHERE davit_is_old(result);"
	"UPDATE job SET decision = davit_reseal('job.decision', id, NULL, decision)"
	" WHERE davit_is_old(decision);"
	"UPDATE journal SET detail = davit_reseal('journal.detail', job, seq, detail)"
	" WHERE davit_is_old(detail);"
	"UPDATE kv SET value = davit_reseal('kv.value', instance, key, value)"
	" WHERE davit_is_old(value);"
	"UPDATE claim SET answer = davit_reseal('claim.answer', hex(name), NULL, answer)"
	" WHERE davit_is_old(answer);"
	"UPDATE seal SET value = davit_reseal('seal.value', '1', NULL, value);"
	"COMMIT;";

static bool rotate(struct conn *c, const struct seal *seal, struct fail *f)
{
	char id[SEAL_ID_SIZE];

	if (!conn_exec(c, rotation, f)) {
		sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
		return fail_wrap(f, "sealing with the new key");
	}
	log_info("SECRET-ROTATED",
		"%s is sealed with the key %s alone; secrets.old_key_file is needed no more",
		c->path, seal_id(seal, id));
	return true;
}

bool sqlite_seal_finish(struct sqlite_db *d, const struct store_keys *keys, struct fail *f)
{
	bool rotates = keys != NULL && keys->old_key_file != NULL;

	return clean(&d->writer, f) && (!rotates || rotate(&d->writer, d->seal, f));
}
