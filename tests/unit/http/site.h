/*
 * site - a server with a small route table over a folder of its own. Handlers that park
 * leave their exchange to the test, which answers it from another thread.
 */
#ifndef TESTS_UNIT_HTTP_SITE_H
#define TESTS_UNIT_HTTP_SITE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "http/exchange.h"
#include "http/server.h"
#include "platform/thread.h"
#include "support/scratch.h"

#define SITE_PARKED_MAX 4096

struct app { /* what handlers get */
	struct mutex lock;
	struct cond changed;
	struct exchange *parked[SITE_PARKED_MAX];
	size_t parked_count;
	size_t streams_ended;
	bool stream_saw_the_client_go;
};

struct site {
	struct app app;
	char dir[SCRATCH_SIZE];
	char socket[SCRATCH_SIZE];
	struct config config;
	struct config_listener listeners[2]; /* TCP, Unix */
	struct server *server;
	int port;
};

/* Fills in a configuration; a test may change it before site_start. */
void site_init(struct site *s);
void site_start(struct site *s);
void site_finish(struct site *s); /* stops and removes all */

/* Waits until so many requests are parked. */
void site_await_parked(struct site *s, size_t count);

/* The oldest parked exchange. */
struct exchange *site_take_parked(struct site *s);

/* Runs answer(x) on a thread of its own, to its end. */
void site_answer_elsewhere(struct exchange *x, void (*answer)(void *x));

/* An answer of {"done":true}. */
void site_answer_done(void *x);

#endif
