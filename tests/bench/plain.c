/*
 * plain - what ./bench journal measures the journal against: these functions are in the place of
 * those of host/store/sqlite_journal.c and host/provider/call_journal.c in a davitd of its own,
 * which then writes down nothing. A crash would lose and repeat jobs there.
 */
#include <davit/abi.h>

#include "base/attr.h"
#include "provider/call_journal.h"
#include "store/sqlite.h"

bool sqlite_journal_add(
	struct conn *c, const struct store_journal *row, int64_t epoch, struct fail *f)
{
	(void)c;
	(void)row;
	(void)epoch;
	(void)f;
	return true;
}

bool sqlite_journal_edge(struct conn *c, const struct job_edge *e, enum job_state from,
	int64_t epoch, struct fail *f)
{
	(void)c;
	(void)e;
	(void)from;
	(void)epoch;
	(void)f;
	return true;
}

bool sqlite_journal_write(struct conn *c, struct store_op *op, struct fail *f)
{
	(void)c;
	(void)f;
	op->changed = true;
	return true;
}

bool sqlite_journal(void *reader, const char *job, int64_t after_seq, size_t limit,
	bool (*each)(const struct store_journal *row, void *ctx), void *ctx, struct fail *f)
{
	(void)reader;
	(void)job;
	(void)after_seq;
	(void)limit;
	(void)each;
	(void)ctx;
	(void)f;
	return true;
}

bool sqlite_journal_attempt(void *reader, const char *job, int64_t epoch, bool answers,
	bool (*each)(const struct store_journal *row, void *ctx), void *ctx, struct fail *f)
{
	(void)reader;
	(void)job;
	(void)epoch;
	(void)answers;
	(void)each;
	(void)ctx;
	(void)f;
	return true;
}

bool call_journal_open(struct call *c, bool goes_on)
{
	(void)c;
	(void)goes_on;
	return true;
}

void call_journal_finish(struct call *c)
{
	(void)c;
}

struct call_trace call_journal_trace(const struct call_journal *j)
{
	return j->trace;
}

int32_t call_journal_plan(
	struct call *c, const struct mutation_wish *wish, struct mutation *ret_mutation)
{
	(void)c;
	(void)wish;
	*ret_mutation = (struct mutation){0};
	return DAVIT_OK;
}

void call_journal_drop(struct mutation *m)
{
	(void)m;
}

int32_t call_journal_send(struct call *c, struct mutation *ms, size_t count)
{
	(void)c;
	(void)ms;
	(void)count;
	return DAVIT_OK;
}

void call_journal_ended(struct call *c, const struct mutation *m, const struct mutation_end *end)
{
	(void)c;
	(void)m;
	json_decref(end->detail);
}
