/* app - what the handlers of the REST surface work with; made by main, constant afterwards. */
#ifndef HOST_API_APP_H
#define HOST_API_APP_H

#include <stddef.h>

#include "http/route.h"

struct blobs;
struct config;
struct follows;
struct pool;
struct providers;
struct store;
struct strays;
struct sweeper;
struct tracker;

struct app {
	const struct config *config;
	struct store *store;
	struct blobs *blobs;
	struct sweeper *sweeper; /* told of what was deleted */
	struct providers *providers;
	struct tracker *tracker;
	struct strays *strays;
	struct follows *follows;
	struct pool *pool; /* for handlers that read much of the store or touch files */
};

/* The whole surface at a glance. */
extern const struct route api_routes[];
extern const size_t api_route_count;

#endif
