/*
 * front - one listener at work: its socket, the daemons of libmicrohttpd that one thread runs
 * (loop.h), and its connections. What becomes of a request is told in request.h.
 */
#ifndef HOST_HTTP_FRONT_H
#define HOST_HTTP_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exchange;
struct fail;
struct front;
struct handed;
struct route;
struct server;
struct app;
struct MHD_Connection;

bool front_start(
	struct front *front, size_t max_header_bytes, struct handed *handed, struct fail *f);

/* No new connections from now on; those there are go on. */
void front_quiesce(struct front *front);

/* Ends all connections. None may be suspended. */
void front_stop(struct front *front);

/* What becomes of the connection of a request that is answered now? [front thread] */
enum front_after {
	FRONT_CLOSE, /* the answer must say so */
	FRONT_KEEP,
	FRONT_PARK, /* it is kept, and loop_park() gets it when the answer is sent */
};

enum front_after front_after(const struct front *front, const struct exchange *x);

/* When a connection must have said what it wants, or be cut; by the monotonic clock. */
int64_t front_header_deadline(const struct front *front);

/* --- what a front asks of its server; the first three are on the way of every request --- */

struct app *server_app(const struct server *s);
const struct route *server_routes(const struct server *s, size_t *ret_count);
bool server_draining(struct server *s);

/* An exchange began, ended at its connection. */
void server_attach(struct server *s);
void server_detach(struct server *s);

/* The handler returned and still owes something. False: the server is stopping. [x->lock held] */
bool server_join(struct exchange *x);

/* Is the limit of requests at work reached, and would this be one? Routes whose handlers
 * answer at once are never busy; which do is learned from watching them. */
bool server_busy(const struct exchange *x);

void server_refuse_stopping(struct exchange *x);

#endif
