/*
 * daemon - the parts of davitd that a job goes through, as main.c starts them: the store, the
 * network, the providers, the tracker. What is the same in each life is made once, before the
 * first.
 */
#ifndef SIM_DAEMON_H
#define SIM_DAEMON_H

#include <stdbool.h>

struct config;
struct fail;
struct net;
struct providers;
struct store;
struct tracker;

struct daemon_parts {
	struct config *config;
	struct store *store;
	struct net *net;
	struct providers *providers;
	struct tracker *tracker;
	char folder[256]; /* for the files that are no database */
};

/* Makes folder's configuration and key, loads the provider, opens an empty database. */
bool daemon_prepare(struct daemon_parts *d, const char *plugin, bool isolated, struct fail *f);

/* Opens the database anew, as a new process does. */
bool daemon_open(struct daemon_parts *d, struct fail *f);

/* Takes the jobs in hand. */
bool daemon_start(struct daemon_parts *d, struct fail *f);

/* The provider was refused at this start. */
void daemon_lose_provider(struct daemon_parts *d);

/* Ends in order. */
void daemon_stop(struct daemon_parts *d);

/* Removes the folder. */
void daemon_remove(struct daemon_parts *d);

#endif
