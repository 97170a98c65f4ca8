/*
 * server - an HTTP/1.1 server on 127.0.0.1 that behaves as the path of a request says:
 *
 *   /echo            200, text: method, path, headers and body as they came
 *   /json            200, the body as it came
 *   /status/N        N, without a body; with ?after=S a Retry-After; with ?to=URL a Location
 *   /flaky/K/N       the first K times N, then 200
 *   /big/N           200 and N bytes
 *   /hold            200 when it is released
 *   /eof, /reset     reads the request, ends the connection without an answer
 *   /kept-eof        answers the first request of a connection, ends it at the second
 *   /cut, /cut-chunk the connection ends before the answer does
 *   /no-http         an answer that is none
 *   /long-head       200 and 100 KiB of headers
 *   /stream          200, then chunks as server_say() has them
 *   /flood           200, then bytes as long as somebody takes them
 *
 * Asked as a proxy it answers in the place of the other server; CONNECT to status-N.* it answers N,
 * and ends the connection at any other.
 */
#ifndef TESTS_UNIT_NET_SERVER_H
#define TESTS_UNIT_NET_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;

struct server *server_start(void);
void server_stop(struct server *s);
int server_port(const struct server *s);

/* How many requests came whose path begins so. */
size_t server_count(struct server *s, const char *prefix);

/* Waits until so many came; false after 20 s. */
bool server_await(struct server *s, const char *prefix, size_t count);

size_t server_connections(struct server *s); /* accepted so far */
uint64_t server_flooded(struct server *s);   /* bytes of /flood taken by the system */

void server_release(struct server *s);                /* answers what is held */
void server_say(struct server *s, const char *chunk); /* to all streams; "": their end */

#endif
