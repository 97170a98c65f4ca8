/* leases - see leases.h. */
#include "sim/leases.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/sha256.h"
#include "net/transfer.h"
#include "sim/cloud.h"
#include "sim/daemon.h"
#include "sim/disk.h"
#include "sim/life.h"
#include "sim/world.h"
#include "store/store.h"

enum {
	JOBS = 64,
	CHANGES = 256,
	OPERATION_SIZE = 32
};

struct lease {
	char job[ID_SIZE]; /* "": free */
	int64_t epoch;     /* committed … */
	int64_t next;      /* … and written, or the same */
	bool cancel;       /* its intent is on disk … */
	bool cancels;      /* … or written */
};

/* A row 'sent'. */
struct change {
	struct lease *lease; /* NULL: free */
	int64_t epoch, k;
	char operation[OPERATION_SIZE];
	char print[SHA256_HEX_SIZE];
	bool noted;  /* not committed */
	bool safe;   /* on disk */
	bool held;   /* its attempt had the lease when it was written */
	bool robbed; /* somebody took that away since, and knows that it may leave */
};

static struct lease leases[JOBS];
static struct change changes[CHANGES];

static struct lease *lease_of(const char *job)
{
	for (size_t i = 0; i < COUNT(leases); i++) {
		if (leases[i].job[0] == '\0')
			(void)snprintf(leases[i].job, ID_SIZE, "%s", job);
		if (strcmp(leases[i].job, job) == 0)
			return &leases[i];
	}
	life_failed("too many jobs");
}

static bool read_one(const struct job *job, void *ctx)
{
	struct lease *lease = lease_of(job->id);

	(void)ctx;
	lease->epoch = lease->next = job->epoch;
	lease->cancel = lease->cancels = job->cancel_ms != 0;
	return true;
}

void leases_read(struct daemon_parts *d)
{
	const struct job_filter all = {.errands = true};
	struct fail f = {0};

	if (!store_jobs(d->store, &all, read_one, NULL, &f))
		world_wrong("crashed: the jobs cannot be read: %s", f.text);
}

/* --- what is written --- */

static struct change *free_change(void)
{
	for (size_t i = 0; i < COUNT(changes); i++) {
		if (changes[i].lease == NULL)
			return &changes[i];
	}
	life_failed("too many changes");
}

static void note_sent(struct lease *lease, const struct store_journal *row)
{
	struct change *c = free_change();
	json_t *detail = json_loads(row->detail, 0, NULL);

	*c = (struct change){.lease = lease,
		.epoch = row->epoch,
		.k = row->k,
		.noted = true,
		.held = row->epoch == lease->next};
	(void)snprintf(
		c->operation, sizeof(c->operation), "%s", json_text_or(detail, "operation", ""));
	(void)snprintf(c->print, sizeof(c->print), "%s", json_text_or(detail, "fingerprint", ""));
	json_decref(detail);
}

static void note_end(const struct lease *lease, const struct store_journal *row)
{
	for (size_t i = 0; i < COUNT(changes); i++) {
		struct change *c = &changes[i];

		if (c->lease == lease && c->epoch == row->epoch && c->k == row->k)
			*c = (struct change){0};
	}
}

static void note_row(const struct store_journal *row)
{
	if (row->kind == JOURNAL_SENT)
		note_sent(lease_of(row->job), row);
	else if (row->kind == JOURNAL_UNSENT || row->kind == JOURNAL_ANSWERED ||
		 row->kind == JOURNAL_UNCLEAR)
		note_end(lease_of(row->job), row);
}

static void note_edge(const struct job_edge *edge, bool theft)
{
	struct lease *lease = lease_of(edge->values.id);

	if (!theft && edge->epoch >= 0 && edge->epoch != lease->next)
		world_wrong("an answer of attempt %d of job %s is taken, and attempt %d has its "
			    "lease",
			(int)edge->epoch, lease->job, (int)lease->next);
	lease->next += (edge->set & JOB_SET_EPOCH) != 0;
	lease->cancels = lease->cancels || (edge->set & JOB_SET_CANCEL) != 0;
	for (size_t i = 0; theft && i < COUNT(changes); i++) {
		if (changes[i].lease == lease)
			changes[i].robbed = true;
	}
}

void leases_note(const struct store_op *op, bool theft)
{
	struct lease *lease;

	if (op->kind == STORE_JOB_ADD) {
		lease = lease_of(op->job.id);
		lease->next = op->job.epoch;
	} else if (op->kind == STORE_JOURNAL && op->changed) {
		note_row(&op->journal);
	} else if (op->kind == STORE_JOB_EDGE && op->changed) {
		note_edge(&op->edge, theft);
	}
}

void leases_commit(bool durable)
{
	bool safe = durable && disk_is_synced();

	for (size_t i = 0; i < COUNT(leases); i++) {
		leases[i].epoch = leases[i].next;
		leases[i].cancel = leases[i].cancel || (leases[i].cancels && safe);
	}
	for (size_t i = 0; i < COUNT(changes); i++) {
		changes[i].safe = changes[i].safe || (changes[i].noted && safe);
		changes[i].noted = false;
	}
}

void leases_drop(void)
{
	for (size_t i = 0; i < COUNT(leases); i++) {
		leases[i].next = leases[i].epoch;
		leases[i].cancels = leases[i].cancel;
	}
	for (size_t i = 0; i < COUNT(changes); i++) {
		if (changes[i].noted)
			changes[i] = (struct change){0};
	}
}

/* --- what leaves --- */

/* As host/provider/http_journal.c has it. */
static void write_print(
	const struct transfer_options *o, const char *operation, char print[SHA256_HEX_SIZE])
{
	struct sha256 *s = sha256_begin();
	uint8_t bytes[SHA256_BYTES];
	char *url = NULL;

	if (s == NULL || curl_url_get(o->url, CURLUPART_URL, &url, 0) != CURLUE_OK)
		life_failed("out of memory");
	sha256_add(s, operation, strlen(operation) + 1);
	sha256_add(s, o->method, strlen(o->method) + 1);
	sha256_add(s, url, strlen(url) + 1);
	sha256_add(s, o->body.bytes, (size_t)o->body.n);
	sha256_end(s, bytes);
	sha256_hex(bytes, print);
	curl_free(url);
}

/* Why nothing stands behind it, by the row that comes nearest; NULL: it may leave. */
static const char *why_not(const struct transfer_options *o)
{
	const char *why = "no row 'sent' without an end";
	char print[SHA256_HEX_SIZE];

	for (size_t i = 0; i < COUNT(changes); i++) {
		const struct change *c = &changes[i];

		if (c->lease == NULL)
			continue;
		write_print(o, c->operation, print);
		if (strcmp(print, c->print) != 0)
			continue;
		if (!c->safe)
			why = "a row that is not on disk";
		else if (!c->held || (c->epoch != c->lease->epoch && !c->robbed))
			why = "a row of an attempt that lost its lease";
		else
			return NULL;
	}
	return why;
}

static void check_cancel(const struct letter *l)
{
	const struct item *item = cloud_item(l);

	if (item != NULL && !lease_of(item->row_id)->cancel)
		world_wrong("a cancel of %s leaves, and its intent is not on disk", item->marker);
}

void leases_check(const struct transfer_options *o, const struct letter *l)
{
	static const char token[] = "/oauth/", cancel[] = ":cancel";
	size_t n = strlen(l->target);
	const char *why;

	if (strcmp(l->method, "GET") == 0 || strncmp(l->target, token, sizeof(token) - 1) == 0)
		return;
	if (n >= sizeof(cancel) && strcmp(l->target + n - (sizeof(cancel) - 1), cancel) == 0) {
		check_cancel(l);
		return;
	}
	why = why_not(o);
	if (why != NULL)
		world_wrong("%s %s leaves, and behind it stands %s", l->method, l->target, why);
}
