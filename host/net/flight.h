/*
 * flight - one request on its way from the first check to its end, in steps that never wait: so
 * that one thread can have several on their way. Internal to net. [the thread of the caller]
 */
#ifndef HOST_NET_FLIGHT_H
#define HOST_NET_FLIGHT_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "net/egress.h"
#include "net/limits.h"
#include "net/net.h"
#include "net/retry.h"
#include "platform/thread.h"

struct net_loop;
struct trust;

struct net {
	struct net_options options;
	struct net_loop *loop;
	struct trust *trust;
	struct transfer_memory memory;
	struct mutex lock; /* guards what follows */
	struct cond emptied;
	size_t users; /* requests on their way, and streams */
	bool closing;
};

enum flight_phase {
	FLIGHT_PAUSES, /* until at_ms, then asks for its turn */
	FLIGHT_WAITS,  /* for its turn, at at_ms */
	FLIGHT_FLIES,  /* an attempt, until at_ms at the latest */
	FLIGHT_ENDED
};

struct flight {
	struct net *net;
	const struct net_caller *caller;
	const struct net_request *request;
	enum flight_phase phase;
	int64_t at_ms;
	CURLU *url;
	struct egress_target target;
	char origin[EGRESS_HOST_SIZE + 16]; /* of target, for limits and messages */
	const char *method;                 /* changed by some redirects */
	bool bodiless;                      /* so */
	struct net_header *headers;         /* those that are sent elsewhere */
	struct limits_pass pass;
	struct transfer *transfer;
	bool landed;    /* transfer has: all of it is ours again */
	bool sent;      /* bytes of it left, in some attempt */
	bool unclear;   /* and what an earlier one did at the other side is not known */
	bool hurried;   /* the caller has less time than an attempt gets */
	unsigned made;  /* attempts since the last redirect */
	unsigned total; /* all */
	unsigned hops;
	enum net_end end;
	struct fail *fail; /* why it ended so; the caller's */
};

/* Checks where it goes; FLIGHT_PAUSES or, where it may not, FLIGHT_ENDED. */
void flight_begin(struct flight *x, struct net *n, const struct net_caller *c,
	const struct net_request *r, struct fail *f);

/* Does what can be done now. False: nothing; then wait until at_ms or for its transfer. */
bool flight_step(struct flight *x);

/* Has its transfer brought something? The caller's lock is held. */
bool flight_came(const struct flight *x);

/* The caller is cancelled. */
void flight_cancel(struct flight *x);

/* The answer as the caller gets it, or NULL; frees the rest. */
struct net_answer *flight_finish(struct flight *x);

/* Does its answer lead elsewhere, and is it to go there? Its head is there. */
bool redirect_wanted(const struct flight *x);

/* Aims it there. False: it ended instead. */
bool redirect_aim(struct flight *x);

/* May it go to its target? False: it ended instead. */
bool flight_check_target(struct flight *x);

/* Ends it with a text that says which request. */
void flight_fail(struct flight *x, enum net_end end, const char *why);

/* Waits until t, which was dropped or comes to its end, has landed. */
void flight_await(const struct net_caller *c, struct transfer *t);

struct net_answer {
	struct net *net;
	struct transfer *transfer;
	CURLU *url;
	struct net_header *headers;
	bool stream;
};

bool net_enter(struct net *n);
void net_leave(struct net *n);

#endif
