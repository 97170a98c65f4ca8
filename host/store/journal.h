/*
 * journal - what happened to a job, row by row: every edge, what left the machine for it and what
 * came back, what was decided. The rows of a job are numbered from 1 and never changed, but for a
 * last one that counts on (goes_on).
 */
#ifndef HOST_STORE_JOURNAL_H
#define HOST_STORE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"

enum journal_kind {
	JOURNAL_NONE,
	JOURNAL_EDGE,       /* {"from", "to", "why"?}; the store's, with each edge */
	JOURNAL_SENT,       /* mutation k is about to leave */
	JOURNAL_UNSENT,     /* certainly no byte of it left */
	JOURNAL_ANSWERED,   /* it has its answer; status. Its detail goes with the edge by which the
	                     * job runs or ends */
	JOURNAL_UNCLEAR,    /* it ended, and nobody knows what the other side did */
	JOURNAL_CHECKPOINT, /* the store's, with each edge that sets one */
	JOURNAL_FOUND,      /* find knew the submission */
	JOURNAL_MISSING,    /* and did not: what came before is void */
	JOURNAL_CALL,       /* a slot ended so, once or several times in a row; or it begins */
	JOURNAL_DECISION,   /* a person decided: what came before is void */
	JOURNAL_CANCEL,     /* intent; the store's, with each edge that sets it */
	JOURNAL_REMOVE,     /* intent */
	JOURNAL_NOTE,
	JOURNAL_GAP, /* the store's: from here on only rows that recovery still needs */
	JOURNAL_KIND_COUNT
};

/* Rows of a job up to which all kinds are kept. */
#define JOURNAL_ROWS_MAX 2000

/* A row, or one to be written. */
struct store_journal {
	char job[ID_SIZE];
	int64_t seq;     /* the store's */
	int64_t time_ms; /* 0: now */
	enum journal_kind kind;
	int64_t epoch; /* of the job; a write of another epoch does nothing. -1: any */
	int64_t k;     /* mutation, from 1 in each submission attempt; 0: none */
	int64_t status;
	int64_t times; /* calls that a row of JOURNAL_CALL sums up; 0: it is no such row, or old */
	int64_t repeats; /* requests that were sent once more: the mutation, or any of those calls
	                  */
	char *detail;    /* owned; JSON, or NULL */
	bool has_detail; /* read: there is one, be it read or not */
	unsigned from;   /* JOB_BIT()s the job must be in to be written; 0: any */
	bool goes_on;    /* written: is added to the job's last row where that is one of the same
	                  * kind and epoch */
};

/* The durable word ("sent"); of JOURNAL_NONE "". */
const char *journal_word(enum journal_kind kind);

/* The kind of a durable word; false if it is none. */
bool journal_kind_of(const char *word, enum journal_kind *ret_kind);

/* Does recovery need such rows? They have no limit; but past that of the others those are dropped
 * that a later attempt, or a later time of the same mutation, makes void. */
bool journal_needed(enum journal_kind kind);

#endif
