/* place - a server, a net that may reach it, and one caller. */
#ifndef TESTS_UNIT_NET_PLACE_H
#define TESTS_UNIT_NET_PLACE_H

#include <stdbool.h>

#include "base/fail.h"
#include "net/net.h"
#include "platform/thread.h"
#include "server.h"

#define PLACE_COPIES 16

struct place {
	struct server *server;
	struct net_options options;
	struct net *net;
	struct egress_list site;
	struct egress_list manifest;
	struct egress_networks networks;
	struct egress_rules rules;
	struct mutex lock;
	struct cond wake;
	bool cancelled;
	struct net_caller caller;
	struct net_request request; /* GET; the place's rules */
	char url[256];
	struct net_result result;
	struct fail fail;

	struct place *copies[PLACE_COPIES]; /* end with this one */
	size_t copy_count;
	struct thread thread; /* of a copy */
	bool started;
	int64_t took_ms;
};

int place_set_up(void **state);

/* Also after an assert that failed: threads that still ask are stopped first. */
int place_tear_down(void **state);

/* Another caller of the same net, with a lock of its own. */
struct place *place_copy(struct place *p);

/* Lets a copy run on a thread, where no assert may stand. */
void place_run(struct place *copy, void (*run)(void *copy));

/* A copy that asks for url on a thread; took_ms then says how long it took. */
struct place *place_start(struct place *p, const char *url);

void place_join(struct place *copy);

/* Opens the net anew with changed options. */
void place_reopen(struct place *p);

/* The deadline is so far from now. */
void place_give(struct place *p, int64_t ms);

/* Asks for path with what p->request says else. */
void place_ask(struct place *p, const char *path);

/* The body is text. */
void place_expect(struct place *p, int status, const char *text);

/* Closes the answer, so that the next can be asked for. */
void place_done(struct place *p);

/* Sets cancelled as the table of calls does. */
void place_cancel(struct place *p);

#endif
