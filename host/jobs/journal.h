/*
 * journal - what the tracker reads in the journal of a job, and writes there. Lock held, but where
 * it says so.
 */
#ifndef HOST_JOBS_JOURNAL_H
#define HOST_JOBS_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "jobs/outcome.h"
#include "store/journal.h"

struct call_result;
struct job;
struct open_job;
struct store;
struct tracker;

/*
 * Reads what became of the submission of e, whose end was not seen: sets ambiguous, or goes_on, or
 * neither where nothing left the machine. Gives the lock up meanwhile. NULL: e is gone, or looked
 * at again later.
 */
struct open_job *journal_consult(struct tracker *t, struct open_job *e);

/* e goes to that state: what was known of its submission counts no more, or is to be read. */
void journal_moved(struct open_job *e, enum job_state to, bool new_epoch);

/* A call ended so. *ret_before is the row of those that were counted before it, where they ended
 * otherwise; JOURNAL_NONE: there is none. */
void journal_count(struct open_job *e, enum job_action action, const struct call_result *result,
	struct store_journal *ret_before);

/* The row of what was counted so far, as a row of its own comes next. */
struct store_journal journal_counted(struct open_job *e);

/* Writes down that a slot which changes something, and writes no rows of mutations, begins; what
 * was counted before it must have been written. Nothing goes by it, so that the slot begins also
 * where it cannot be written. [no lock] */
void journal_begins(struct store *s, const char *job, int64_t epoch, const char *slot);

/* The row of what was counted, which is told now. */
struct store_journal journal_told(struct open_job *e, const struct call_result *result);

/* The same where much was counted, or long ago; JOURNAL_NONE: nothing is to be told yet. */
struct store_journal journal_due(struct open_job *e);

/* The same at once for the first of several that failed alike, and else where it is due. */
struct store_journal journal_news(struct open_job *e, const struct call_result *result);

/* The row of a find that found the submission (true), or that it made nothing. */
struct store_journal journal_found(
	struct open_job *e, const struct call_result *result, bool found);

/* Writes a row by itself, sooner or later; row's detail is taken over. [no lock] */
void journal_write(struct store *s, const char *job, struct store_journal *row);

/* Why a person must decide about a job at that epoch, in a sentence, and what to do. why: what find
 * said. Heap memory; NULL: none. [no lock] */
char *journal_dilemma(struct store *s, const char *job, int64_t epoch, const char *why);

#endif
