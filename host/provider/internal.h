/* internal - struct provider and struct providers, for the files of this folder. */
#ifndef HOST_PROVIDER_INTERNAL_H
#define HOST_PROVIDER_INTERNAL_H

#include <davit/provider.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/sha256.h"
#include "platform/thread.h"
#include "provider/call.h"
#include "provider/names.h"
#include "provider/net_rules.h"
#include "provider/provider.h"
#include "provider/tables.h"

enum provider_state {
	PROVIDER_DISABLED,
	PROVIDER_REFUSED, /* see reason */
	PROVIDER_LOADED,
	PROVIDER_STATE_COUNT
};

/* Constant once providers_open() returned, but for what is atomic or guarded. */
struct provider {
	const struct config_provider *config;
	struct providers *all;
	enum provider_state state;
	char reason[sizeof(((struct fail *)0)->text)];
	bool misconfigured; /* its file in providers.d is wrong: the daemon must not start */
	char sha256[SHA256_HEX_SIZE];
	json_t *manifest; /* NULL: not read */
	bool may_process; /* the manifest's grants */
	bool may_reveal;
	struct net_rules net;
	struct worker_home *home;           /* where it runs; NULL: in this process */
	_Atomic(struct provider *) instead; /* who serves while it is in quarantine; or NULL */
	davit_provider_query_fn query;      /* in this process, as core and instance */
	const davit_core_1 *core;
	const void *tables[TABLE_COUNT];
	struct name_limits limits[TABLE_COUNT];
	davit_instance instance;
	atomic_ullong programs_asked; /* see learn.c, as the next one */
	atomic_llong programs_again;
	int64_t running[CALL_LANES]; /* guarded by all->calls.lock, as what follows */
	int64_t waiting;             /* calls that wait for a place */
	struct call_queue queues[CALL_LANES];
};

struct providers {
	struct provider_host host;
	struct provider *list; /* of each provider; then for each one that serves instead */
	size_t count;          /* of providers */
	struct mutex records;  /* over reading and writing what quarantine.h keeps */
	char *names;
	struct egress_list egress; /* the site's, for all; none if empty */
	struct call_table calls;
	struct tokens *tokens;
	struct worker_watch *watch; /* NULL: no provider runs in a worker */
};

/* Reads, checks and loads p->config->plugin and makes the instance. On failure *f is one
 * sentence that names the file; what of p is known by then stays for providers_describe().
 * Where the plugin is not there or settings are wrong it sets p->misconfigured, and *f names
 * the line of the configuration instead. */
bool provider_load(struct provider *p, struct fail *f);

/* The same with the copy of a file that was loaded before, by its digest. */
bool provider_load_copy(struct provider *p, const char *sha256, struct fail *f);

/* p, or who serves in its place. [any thread] */
static inline struct provider *provider_now(struct provider *p)
{
	struct provider *other = atomic_load(&p->instead);

	return other != NULL ? other : p;
}

/* Ends the instance, if there is one, and frees what p owns; the code stays loaded. */
void provider_unload(struct provider *p);

/* Does its manifest serve that type of connection? */
bool provider_serves(const struct provider *p, const char *type);

/* Do manifest and tables say the same? Fills p->tables. */
bool provider_compare(struct provider *p, struct fail *f);

/* Fills p->limits from the manifest, which was checked. */
void provider_limits(struct provider *p);

#endif
