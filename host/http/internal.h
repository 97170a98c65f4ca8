/*
 * internal - what server.c and exchange.c share: the exchange itself and who holds it.
 *
 * An exchange has two holders, its connection (a front thread) and its handler. The handler
 * lets go with its answer, the connection when the answer is sent or the client is gone; the
 * last one frees it. The hand-over happens under the exchange's lock: the front thread
 * suspends the connection only while there is no answer, and whoever brings one resumes it.
 * While suspended is true the connection cannot end, which makes resuming safe.
 *
 * Locks: an exchange's, then the server's. The library's own come after both.
 */
#ifndef HOST_HTTP_INTERNAL_H
#define HOST_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "base/id.h"
#include "http/body.h"
#include "http/exchange.h"
#include "http/listen.h"
#include "http/loop.h"
#include "http/multipart.h"
#include "http/pairs.h"
#include "http/peers.h"
#include "http/stream.h"
#include "http/target.h"
#include "platform/thread.h"

#define EXCHANGE_HEADERS_MAX 16 /* a handler may add to its answer */

struct app;
struct server;

/* A listener at work. Constant but for connections and kept, which its front thread alone
 * uses, and working, which the server's lock guards. */
struct front {
	struct server *server;
	const struct config_listener *config;
	const char *admin_socket; /* path of the Unix socket, or words that say there is none */
	struct listen_socket socket;
	struct loop loop; /* and the daemons it runs */
	struct peers peers;
	bool watched; /* peers runs */
	size_t max_header_bytes;
	struct body_limits body_limits;
	size_t connections;
	size_t kept;    /* of them: those of the daemon with large pools */
	size_t working; /* exchanges whose handler still owes the answer */
};

/* A multipart/form-data body taken apart. */
struct exchange_form {
	struct multipart parts;
	const char *texts[MULTIPART_PARTS_MAX]; /* of its fields, in bytes; NULL: none */
	char bytes[];
};

/* A header that a handler adds to its answer. */
struct exchange_header {
	struct exchange_header *next;
	const char *value; /* in name, behind that */
	char name[];
};

/* Thousands may wait at once: what few need has memory of its own. */
struct exchange {
	struct front *front;
	atomic_int holders;

	/* The request: written by the front thread before the handler is called. */
	int64_t began_mono_ms;
	char request_id[ID_SIZE];
	char *raw_target;
	struct target target;
	struct pair *headers;
	size_t header_count;
	const char *method;
	const struct route *route;
	enum error_form form;
	bool http_1_1;
	char *arg;
	char allow[64];
	struct body body;
	const struct fail *refused; /* why no handler will see it; NULL: one will */

	/* The handler's, while it has the exchange. */
	json_t *json;
	struct exchange_form *upload;
	struct exchange_header *extra; /* the last one first */
	size_t extra_count;
	exchange_keeper *keeper;
	void *keeper_ctx;

	/* The front thread's. */
	struct MHD_Connection *connection;
	int socket; /* of the connection; open while not gone */
	bool begun;
	bool dispatched;
	bool patient; /* the connection's time-out is the long one */
	bool parks;   /* the connection is, when the answer is sent */

	/* Guarded by lock. */
	struct mutex lock;
	struct cond room;            /* in the stream, or the client is gone */
	struct MHD_Response *answer; /* not yet handed to the library … */
	char *text;                  /* … or JSON that is still to be made one; heap memory */
	unsigned status;
	int64_t answer_bytes; /* -1: streamed */
	bool answered;        /* answer counts, though it may be NULL: out of memory */
	bool suspended;
	bool gone;   /* the connection is through with it */
	bool done;   /* the handler is through with it */
	bool joined; /* in the server's list */
	bool cut;    /* the server ends: no more streaming */
	bool ended;  /* the stream is whole … */
	bool whole;  /* … or to be cut */
	struct stream stream;

	/* Guarded by the server's lock. */
	struct exchange *next;
	struct exchange *prev;
	bool forced;
};

/* --- exchange.c --- */

/* Holds the server. NULL: out of memory. */
struct exchange *exchange_create(struct front *front, const char *raw_target);
void exchange_release(struct exchange *x); /* one holder fewer */

/* Copies method and headers out of the library's memory, which ends with the connection. */
bool exchange_copy_request(struct exchange *x, const char *method, struct fail *f);

/* No handler will see x; why is to be written there. NULL, which fail_set() takes: there is no
 * memory for it, and that is the reason. */
struct fail *exchange_refuse(struct exchange *x);

/* The same for a reason that is known. */
void exchange_refuse_as(struct exchange *x, const struct fail *f);

/* An answer of the server's own while a handler owes one; that one's is dropped later. */
void exchange_force(struct exchange *x, const struct fail *f);

/* The library's form of an answer that is JSON; takes text over. Made where it will be freed, on
 * the front thread. NULL: out of memory. */
struct MHD_Response *exchange_json_answer(struct exchange *x, char *text, size_t n);

/* The reader of a streamed answer; arg is the exchange. [front thread] */
ssize_t exchange_read_stream(void *arg, uint64_t position, char *bytes, size_t max);

/* --- server.c; what only fronts use is in front.h --- */

void server_hold(struct server *s);
void server_release(struct server *s);

/* The exchange's connection was, or no longer is, suspended. [x->lock held for the first] */
void server_suspended(struct front *front);
void server_resume(struct exchange *x);

/* The handler owes nothing more; the exchange leaves the list. */
void server_leave(struct exchange *x);

#endif
