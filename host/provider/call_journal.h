/*
 * call_journal - what a call that works for a job changes at the other side, written down before
 * it leaves and after it came back: so that after a crash it is known what may have been done.
 * Where an attempt before this one got answers, they are given again and nothing is sent. [the
 * thread of the call]
 */
#ifndef HOST_PROVIDER_CALL_JOURNAL_H
#define HOST_PROVIDER_CALL_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/sha256.h"
#include "provider/provider.h"
#include "store/journal.h"
#include "store/ledger.h"

struct call;
struct store_op;

struct call_journal {
	struct call_trace trace;
	struct ledger ledger; /* of the attempts before, where this call goes on with them */
	bool goes_on;
	bool loaded;
	int64_t k; /* of the last mutation, of all attempts it goes on with */
};

/* What is to be changed. Texts hold no secret. */
struct mutation_wish {
	const char *operation;
	const char *method; /* "": done twice it has no other effect, so it is simply done again */
	const char *target;
	char print[SHA256_HEX_SIZE]; /* digest of all that matters of it; "": it has none */
};

struct mutation {
	int64_t k;                         /* 0: the call writes no journal */
	const struct ledger_entry *before; /* its answer is there already; NULL: it is to be sent */
	struct store_op *op;               /* until it may leave */
};

/* c works for a job. goes_on: see call_spec. False: out of memory. */
bool call_journal_open(struct call *c, bool goes_on);
void call_journal_finish(struct call *c);

/* What the call has done so far. */
struct call_trace call_journal_trace(const struct call_journal *j);

/* Is it sent, or was it? DAVIT_INTERNAL: this attempt does something else than the one before it
 * did, so that what was done must be found out; the user is told. Then, and where it is not
 * followed by call_journal_send(): call_journal_drop(). */
int32_t call_journal_plan(
	struct call *c, const struct mutation_wish *wish, struct mutation *ret_mutation);
void call_journal_drop(struct mutation *m);

#define CALL_JOURNAL_AT_ONCE 64
#define CALL_JOURNAL_MAX     10000 /* changes that one attempt makes */

/* Writes down, durably, that those to be sent will leave, and drops them; at most
 * CALL_JOURNAL_AT_ONCE. Else, one of them lost, none may leave: DAVIT_RETRY: the store fails;
 * DAVIT_CANCELLED: the job went on without this call. */
int32_t call_journal_send(struct call *c, struct mutation *ms, size_t count);

/* How a mutation ended. */
struct mutation_end {
	enum journal_kind kind;
	int64_t status;
	unsigned repeats; /* how often it was sent once more */
	json_t *detail;   /* taken over; see journal.h; NULL: nothing to say */
};

/* It ended so. Nobody waits for that to be written. */
void call_journal_ended(struct call *c, const struct mutation *m, const struct mutation_end *end);

#endif
