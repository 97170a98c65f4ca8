/* serve - the lanes of a worker: a thread for each, which runs the slots it is told to. */
#ifndef HOST_WORKER_SERVE_H
#define HOST_WORKER_SERVE_H

#include <davit/provider.h>

#include "worker/frame.h"

/* The provider's tables, for the lanes and for HELLO. [before the first lane] */
void serve_provider(davit_provider_query_fn query);
void serve_tables(uint32_t tables[FRAME_TABLES_MAX]);

/* A lane, whose socket is taken over. Where there is no room for its thread the host is told. */
void serve_lane(int socket);

#endif
