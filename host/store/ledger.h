/*
 * ledger - what one submission attempt did to the other side, read from its job's journal: the
 * mutations in their order, and what is known of each. [one thread]
 */
#ifndef HOST_STORE_LEDGER_H
#define HOST_STORE_LEDGER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fail;
struct store;

enum ledger_state {
	LEDGER_SENT,    /* it was about to leave, and nothing more is known */
	LEDGER_UNSENT,  /* nothing of it left */
	LEDGER_REFUSED, /* certainly not done */
	LEDGER_DONE,
	LEDGER_UNCLEAR
};

struct ledger_entry {
	int64_t k;
	int64_t time_ms; /* when it was about to leave */
	enum ledger_state state;
	bool kept;      /* done, and its answer can be given again */
	bool covered;   /* a checkpoint was written after its end */
	bool used;      /* the reader's */
	json_t *sent;   /* details of its row "sent": operation, method, target, fingerprint */
	json_t *answer; /* of its row "answered"; NULL: none, or it was not asked for */
	int64_t status;
};

struct ledger {
	int64_t epoch;
	bool begun;                   /* the journal has the begin of this attempt */
	bool ran;                     /* its end was stored */
	struct ledger_entry *entries; /* by k, each once: its last time */
	size_t count;
	size_t room;    /* the reader's, as the next */
	int64_t last_k; /* the greatest */
};

/* What comes next for a job that was being submitted. */
enum ledger_says {
	LEDGER_SAYS_NOTHING, /* nothing left the machine, or certainly without effect */
	LEDGER_SAYS_DONE,    /* some mutations are done, the others had no effect: go on with the
	                      * recorded answers */
	LEDGER_SAYS_UNCLEAR  /* it must be found out */
};

/* The attempt of that epoch; answers: with those it got, which are long. *ret_ledger belongs to the
 * caller: ledger_finish(). */
bool ledger_read(struct store *s, const char *job, int64_t epoch, bool answers,
	struct ledger *ret_ledger, struct fail *f);
void ledger_finish(struct ledger *l);

enum ledger_says ledger_says(const struct ledger *l);

/* The first entry of which it is not known what it did, or NULL. */
const struct ledger_entry *ledger_unclear(const struct ledger *l);

/* How a mutation that was answered so ended: done by 2xx, refused by another 4xx than 408. */
enum ledger_state ledger_state_of(int64_t status);

#endif
