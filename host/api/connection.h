/*
 * connection - which provider and which connection serve a request.
 *
 * The provider: the one of the listener; else that of the site connection named by the query
 * (adapter_instance), by its provider or by its type; else the site's default. A connection
 * goes only to a provider it is meant for. [any thread]
 */
#ifndef HOST_API_CONNECTION_H
#define HOST_API_CONNECTION_H

#include <jansson.h>
#include <stdbool.h>

struct app;
struct config;
struct config_connection;
struct exchange;
struct fail;
struct provider;

struct target {
	const char *id;                             /* of the provider; NULL: nothing names one */
	struct provider *provider;                  /* NULL: not loaded */
	const struct config_connection *connection; /* NULL: none */
};

/* The target of a request under /api/service/v1. Never fails: see the next two. */
struct target connection_target(const struct app *app, const struct exchange *x);

/* The target of a request that names no connection: the listener's provider or the default. */
struct target connection_default(const struct app *app, const struct exchange *x);

/* Is the provider loaded? Else FAIL_NOT_FOUND with a sentence that names those that are. */
bool connection_loaded(const struct app *app, const struct target *t, struct fail *f);

/* Has the provider the connection it needs? Else the sentence clients know, or NULL. */
const char *connection_missing(const struct target *t, const struct exchange *x);

/* Does a connection say whose account it is, as of all but a provider that knows none? */
bool connection_counts(const struct target *t);

/* For struct call_spec; NULL where there is none. */
const char *connection_name(const struct config_connection *c);

#endif
