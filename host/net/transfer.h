/*
 * transfer - one attempt of a request: one handle of curl, what it sends and what comes back.
 *
 * It is made on the thread of a caller, flies on the loop's (loop.h), and is the caller's again
 * when it has landed. Caller and loop meet at the caller's mutex: the loop broadcasts the
 * caller's condition when the head of a stream is there, when more of a stream came, and at the
 * end.
 */
#ifndef HOST_NET_TRANSFER_H
#define HOST_NET_TRANSFER_H

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "net/head.h"
#include "net/undone.h"

struct cond;
struct fail;
struct gate_lane;
struct mutex;
struct trust;

#define TRANSFER_HELD_MAX ((size_t)64 * 1024) /* bytes of a stream that wait for the reader */

struct net_header {
	const char *name;
	const char *value;
};

/* What is sent; borrowed until the transfer is freed. */
struct net_body {
	const void *bytes; /* or */
	int fd;            /* ≥ 0: a regular file, from its start */
	uint64_t n;        /* of either */
};

/* What the answers in memory hold together. */
struct transfer_memory {
	atomic_size_t used; /* bytes */
	size_t most;
};

/* All borrowed until the transfer is freed, but for headers, which are copied. */
struct transfer_options {
	const char *method; /* a token */
	CURLU *url;
	const struct net_header *headers;
	size_t header_count;
	struct net_body body;
	const char *agent;  /* User-Agent; NULL: none */
	const char *origin; /* of url: whose connections it shares; until it flies */
	const char *proxy;  /* its URL; NULL: none */
	struct trust *trust;
	struct transfer_memory *memory; /* NULL: of answers together there is no bound */
	bool http2;                     /* may share a connection with others; of https only */
	bool literal;                   /* it goes to an address, not to a name */
	bool stream;                    /* the answer is read while it comes */
	bool resend; /* curl may send it again where a kept connection ended without an answer */
	int64_t connect_timeout_ms;
	int64_t idle_ms;   /* a kept connection that rested longer is not used */
	size_t answer_max; /* bytes of an answer that is kept in memory */

	/* May it be sent to this address? Called on the loop's thread; NULL: to any. */
	bool (*admit)(const void *ctx, const char *address);
	const void *ctx;

	struct mutex *lock; /* the caller's; not held by him when he calls loop.h */
	struct cond *wake;
};

enum transfer_end {
	TRANSFER_ANSWERED, /* all of the answer is there */
	TRANSFER_UNSENT,   /* certainly no byte of the request left */
	TRANSFER_UNDONE,   /* the other side says that it did not touch it */
	TRANSFER_BROKEN,   /* the connection ended, or what came is no HTTP */
	TRANSFER_TOO_LONG, /* the answer, or its head */
	TRANSFER_REFUSED,  /* an address, a certificate, or by the proxy */
	TRANSFER_STOPPED   /* by the caller, or the end of the loop */
};

struct transfer {
	struct transfer_options options;
	CURL *easy;
	struct curl_slist *lines;

	/* Of the loop's thread while it flies. */
	struct head head;
	struct buf body;  /* of the answer; of a stream what is not yet read, by the lock */
	uint64_t sent_at; /* place in the body that is sent */
	size_t charged;   /* of memory->used */
	unsigned tries;   /* how often curl was about to send it */
	bool too_long, head_too_long, no_room;
	bool lost; /* it was not to be sent again */
	bool gone; /* its connection ended before anything was sent */
	struct undone undone;
#ifdef DAVIT_TESTING
	uint64_t given; /* bytes of the body that were given to a connection */
#endif
	bool through, counted, found, looking, put_back; /* see gate.c */
	uint64_t turn;                                   /* the lower one came first */
	struct gate_lane *lane;                          /* where it waits or flies */
	TAILQ_ENTRY(transfer) line;
	bool known;                  /* in the loop's list */
	bool flying;                 /* it is with curl */
	unsigned refused;            /* addresses that were not admitted */
	unsigned admitted;           /* and others */
	char address[48];            /* the last one */
	long proxy_status;           /* of its answer to CONNECT, where nothing was sent; or 0 */
	char error[CURL_ERROR_SIZE]; /* why it did not work, in the words of curl */
	LIST_ENTRY(transfer) all;

	/* Guarded by options.lock. */
	bool head_done; /* head is complete, and constant from then on */
	bool paused;    /* the reader is slower than the network */
	bool ended;
	enum transfer_end end;
	size_t read_at; /* in body */

	/* Guarded by the loop's lock. */
	unsigned asked;
	bool queued;
	bool landed; /* the loop does not know it any more */
	TAILQ_ENTRY(transfer) link;
};

/* NULL: out of memory. */
struct transfer *transfer_new(const struct transfer_options *o, struct fail *f);

/* It has landed, or never flew. What it held is overwritten. NULL is fine. */
void transfer_free(struct transfer *t);

/* Was no byte of the request sent, or none that the other side acted on? [once it landed] */
bool transfer_unsent(const struct transfer *t);

/* Takes up to cap bytes of a stream that are there; *ret_resume: the loop is to be asked to go
 * on. The lock is held. */
size_t transfer_take(struct transfer *t, void *bytes, size_t cap, bool *ret_resume);

/* --- for the loop, on its thread --- */

void transfer_resume(struct transfer *t);

/* It left curl with code; stopped: before its end, or it was never there. The last the loop does
 * with it: from here on it is the caller's. */
void transfer_land(struct transfer *t, CURLcode code, bool stopped);

#endif
