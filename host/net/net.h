/*
 * net - requests to other machines: the only way out of the daemon for providers.
 *
 * net_perform() checks where the request goes (egress.h), waits for its turn (limits.h), sends it
 * and repeats it by the table of retry.h, follows redirects where that was asked for, and returns
 * with the answer or with why there is none. The calling thread waits on its own condition; the
 * one thread of loop.h does the work of all. [any thread]
 */
#ifndef HOST_NET_NET_H
#define HOST_NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/egress.h"
#include "net/head.h"
#include "net/transfer.h"

struct cond;
struct fail;
struct limits;
struct mutex;
struct net;
struct net_answer;

#define NET_FOLLOW_MAX 5

struct net_options {
	const char *ca_file; /* authorities beside the system's; NULL: none. Borrowed until open */
	const char *agent;   /* User-Agent; constant */
	int64_t connect_timeout_ms;
	int64_t request_timeout_ms; /* of one attempt that does not say it */
	int64_t max_connections;
	int64_t max_connections_per_host;
	int64_t max_streams; /* requests at once in one connection of HTTP/2 */
	int64_t max_lookups; /* of hosts' addresses at once, see gate.h */
	int64_t idle_seconds;
	int64_t max_answer_bytes; /* of an answer that is kept in memory; of all, 8 times that */
	bool http2;
};

/* Starts the thread. No other thread may use curl for the first time meanwhile. */
struct net *net_open(const struct net_options *o, struct fail *f);

/* Ends every request as cancelled and waits until their callers have let go, answers that are
 * read while they come included. Where one does not within 5 s, it says so in the log, leaves
 * all memory to the end of the process, which must follow, and answers false. NULL is fine. */
bool net_close(struct net *n);

/* A proxy, and for which hosts it is not used: NAME (and what is below it), .NAME, an address, a
 * network, or "*". Borrowed. */
struct net_proxy {
	const char *url; /* NULL: none */
	char *const *except;
	size_t except_count;
};

/* All borrowed until net_perform() returned, of a stream until its answer is closed. */
struct net_request {
	const char *operation;  /* for limits and messages */
	const char *connection; /* whose credentials it carries, for limits; "" */
	const char *method;
	const char *url;
	const struct net_header *headers;
	size_t header_count;
	struct net_body body;
	bool mutates;       /* the other side changes something */
	bool idempotent;    /* and nothing more when it comes twice */
	bool secret;        /* so that redirects are never followed */
	bool hides_host;    /* a secret names the URL's host: no text may */
	bool stream;        /* return with the head; the rest is read while it comes */
	int64_t timeout_ms; /* of one attempt, of a stream until its head; 0: the site's */
	size_t answer_max;  /* bytes of an answer in memory; 0: the site's */
	unsigned attempts;  /* at most; 0: what the table says */
	unsigned follow;    /* redirects, at most */
	const struct egress_rules *rules;
	struct limits *limits;         /* NULL: none */
	const struct net_proxy *proxy; /* NULL: none */
};

/* Who waits, and until when. */
struct net_caller {
	struct mutex *lock; /* not held */
	struct cond *wake;
	const bool *cancelled;   /* by lock; whoever sets it broadcasts wake */
	bool (*gone)(void *ctx); /* nobody wants the answer any more: asked now and then. Or NULL */
	void *ctx;
	int64_t deadline_ms; /* clock_mono_ms() */
};

enum net_end {
	NET_ANSWERED, /* with any status */
	NET_UNSENT,  /* certainly no byte of the request left, or the other side did not touch it */
	NET_UNCLEAR, /* it left, and no whole answer came */
	NET_LATE,    /* the same, and the time is over */
	/* These two never of a request that mutates and whose earlier attempt is unclear. */
	NET_THROTTLED, /* the circuit is open, or the rate has no room before the deadline */
	NET_REFUSED,   /* host, address or certificate are not allowed, or the proxy says no */
	NET_CANCELLED,
	NET_INVALID /* no such request can be sent */
};

struct net_result {
	enum net_end end;
	struct net_answer *answer; /* with NET_ANSWERED: net_answer_close() */
	unsigned attempts;
	bool sent;    /* bytes of it may have left */
	bool unclear; /* it mutates, and what an attempt before the last one did is not known */
	int64_t retry_after_ms; /* with NET_THROTTLED; 0: not known */
};

/* *f says why there is no answer. */
void net_perform(struct net *n, const struct net_caller *c, const struct net_request *r,
	struct net_result *ret, struct fail *f);

/* Several at once; returns when all have ended. fails: one for each. No streams. */
void net_perform_many(struct net *n, const struct net_caller *c, const struct net_request *rs,
	size_t count, struct net_result *rets, struct fail *fails);

/* --- answers; each belongs to one thread, the one that asked --- */

int net_answer_status(const struct net_answer *a);
const struct head *net_answer_head(const struct net_answer *a);

/* The body of an answer that is no stream. Lives as long as the answer. */
const char *net_answer_bytes(const struct net_answer *a, size_t *ret_n);
bool net_answer_is_stream(const struct net_answer *a);

/* Waits for the next bytes of a stream, at most until c->deadline_ms; *ret_n = 0: the end. False:
 * FAIL_DEADLINE, FAIL_UNAVAILABLE (cancelled), FAIL_UPSTREAM (it was cut). */
bool net_answer_read(struct net_answer *a, const struct net_caller *c, void *bytes, size_t cap,
	size_t *ret_n, struct fail *f);

/* Is all of a stream here, and no more than max bytes of it are unread? */
bool net_answer_whole(struct net_answer *a, size_t max);

/* Ends what is still coming. NULL is fine. */
void net_answer_close(struct net_answer *a);

#endif
