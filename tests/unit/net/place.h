/* place - a server, a net that may reach it, and one caller. */
#ifndef TESTS_UNIT_NET_PLACE_H
#define TESTS_UNIT_NET_PLACE_H

#include <stdbool.h>

#include "base/fail.h"
#include "net/net.h"
#include "platform/thread.h"
#include "server.h"

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
};

int place_set_up(void **state);
int place_tear_down(void **state);

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
