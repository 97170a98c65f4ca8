/*
 * server - the http front: libmicrohttpd with epoll, one daemon per listener. The only file
 * that knows the library is server.c (and exchange.c, which shares its internals).
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

/* Starts all listeners of the configuration. routes and app outlive the server. */
struct server *server_start(const struct config *config, const struct route *routes, size_t count,
	struct app *app, struct fail *f);

/* The port a TCP listener really has (for port 0). */
int server_port(const struct server *s, size_t listener);

/* Takes no new connections, answers requests that are being worked on for up to drain_ms,
 * then ends. NULL is fine. */
void server_stop(struct server *s, int drain_ms);

#endif
