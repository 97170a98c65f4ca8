/*
 * control - the worker's end of the control socket: it says how it is shut in and what the file
 * has, takes lanes and answers whether it is there.
 */
#ifndef HOST_WORKER_CONTROL_H
#define HOST_WORKER_CONTROL_H

#include <davit/provider.h>

/*
 * Serves the loaded file until the host is gone, and ends the process then. level: how it is shut
 * in, as JSON text. Returns only where the host does not want it: before any code of the provider
 * ran, or ran for anybody.
 */
void control_run(int socket, const char *level, davit_provider_query_fn query);

/* Says why there is nothing to serve. */
void control_refuse(int socket, const char *why);

#endif
