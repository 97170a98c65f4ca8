/*
 * waiting - a run whose process starts only when its Python environment is ready. Until then
 * its specification stands in kv ("waiting/ID", written before the record), and the record has
 * "environment", its digest. A run that ends before its process was started has "ended" in its
 * record; whoever writes that first decides.
 */
#ifndef PLUGINS_LOCAL_WAITING_H
#define PLUGINS_LOCAL_WAITING_H

#include "child.h"
#include "records.h"

struct waiting {
	bool is;       /* its process was never started; else the process says how it stands */
	int32_t state; /* DAVIT_STATE_PENDING, _FAILED or _CANCELLED */
	int64_t finished_ms;
	const char *text;                    /* pending: what it waits for */
	const char *error;                   /* failed */
	const struct davit_sdk_json *reason; /* failed, or NULL */
};

/* How a run stands that may be waiting; changes nothing. A failure is in sdk.code. */
void waiting_read(struct local_call *c, const struct record *record, const struct child *child,
	struct waiting *ret);

/* Keeps the specification for later: before the record is written. Returns sdk.code. */
int32_t waiting_keep(struct local_call *c, const char *id, davit_buf spec);

/* "environment" of a record; nothing for NULL. */
void waiting_put_environment(struct davit_sdk_writer *w, const char *digest);

/* Goes on: starts the process if its environment is ready, notes that it failed if that did,
 * stops what was cancelled. record and child are read again where they changed. Returns
 * sdk.code. */
int32_t waiting_advance(
	struct local_call *c, enum record_kind kind, struct record *record, struct child *child);

/* Ends it if it waits, and stops its process if it has one. Returns sdk.code. */
int32_t waiting_cancel(struct local_call *c, enum record_kind kind, const char *id);

/* Clears away what stands beside its record. Returns sdk.code. */
int32_t waiting_forget(struct local_call *c, const struct record *record);

/* The process whose log is the run's: its own, or while it waits that of its environment. */
const char *waiting_log(struct local_call *c, enum record_kind kind, const char *id);

#endif
