/*
 * server - the http front: libmicrohttpd with epoll, one daemon and thread per listener. The
 * library is known in this folder only.
 *
 * Front threads never block on work: a request whose answer is not there yet is suspended.
 * Limits on headers, bodies, connections and idle time come from the configuration.
 */
#ifndef HOST_HTTP_SERVER_H
#define HOST_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "http/route.h"

struct config;
struct fail;
struct server;

/* Starts all listeners of the configuration. config, routes and app outlive the server. The
 * front threads inherit the caller's signal mask, so block there what main waits for.
 * Sockets handed to this process (handed.h) are used where they fit a listener. */
struct server *server_start(const struct config *config, const struct route *routes, size_t count,
	struct app *app, struct fail *f);

/* The port a TCP listener really has (for port 0). */
int server_port(const struct server *s, size_t listener);

/* Takes no new connections, answers requests that are being worked on for up to drain_ms,
 * then ends. Those still unanswered get 503; a handler that answers such a one later does no
 * harm, as long as config and app are there. NULL is fine. */
void server_stop(struct server *s, int drain_ms);

#endif
