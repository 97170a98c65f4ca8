/*
 * config - the site's choices, read once at start from davit.yaml and providers.d beside it.
 *
 * Every key is in one table (config.c) with its type, default, limits and a sentence; an
 * unknown key or a wrong value ends the start with file, line and the nearest right key.
 * docs/configuration.md is made from that table. Constant after loading; owned by main.
 */
#ifndef HOST_CONFIG_CONFIG_H
#define HOST_CONFIG_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct fail;

#define CONFIG_DEATHS_MOST 100 /* that are remembered of a provider's workers */

struct config_listener {
	char *address;          /* "127.0.0.1", "::1"; NULL for a Unix socket */
	int64_t port;           /* 0: the system chooses (printed at start) */
	char *unix_path;        /* NULL for TCP */
	char *default_provider; /* id of a provider, or NULL */
	int64_t max_connections;
	int64_t max_requests; /* request slots at once; more are answered 429 */
	int64_t idle_seconds; /* idle kept connections are closed after */
};

struct config_provider { /* one file of providers.d */
	char *file;      /* where it stands, for messages */
	char *id;        /* the name requests use; one word */
	char *plugin;    /* path of the .so; relative: below provider_dir */
	bool enabled;
	char *isolation;     /* "inline" or "worker"; NULL: the site's */
	int64_t max_memory;  /* bytes of address space of its worker */
	int64_t max_running; /* jobs at once */
	int64_t max_calls;   /* slots at once */
	bool allow_exec;     /* its manifest's secrets may come from programs */
	char **egress;       /* where it may send to; count 0: what its manifest names */
	size_t egress_count;
	char **private_networks; /* CIDR */
	size_t private_network_count;
	char *proxy; /* URL, or NULL */
	char **no_proxy;
	size_t no_proxy_count;
	json_t *settings;      /* checked against the manifest when it is loaded */
	int line;              /* of plugin, or of provider where that is the plugin's name too */
	json_t *setting_lines; /* by JSON pointer; see config_setting_line() */
};

struct config_connection {
	char *name;
	char *provider; /* id of a provider, or NULL: by type */
	char *type;     /* what manifests call connection types, or NULL */
	char *proxy;    /* URL, or NULL: that of the provider */
	char **no_proxy;
	size_t no_proxy_count;
	json_t *details; /* what the provider gets as "connection" */
};

struct config_use { /* a provider that davit.yaml names, checked once all files are read */
	char *id;
	int line;
};

struct config_net {    /* requests of providers to other machines */
	char *ca_file; /* or NULL */
	char **egress; /* where all may send to; count 0: no such list */
	size_t egress_count;
	int64_t connect_timeout_ms;
	int64_t request_timeout_ms;
	int64_t max_connections;
	int64_t max_connections_per_host;
	int64_t max_streams;
	int64_t max_lookups;
	int64_t idle_seconds;
	int64_t max_answer_bytes;
	bool http2;
};

struct config_processes { /* what programs of local jobs see and reach */
	bool sandbox;
	bool network;
	char *min_sandbox; /* as sandbox_read_word() knows it */
	char *user;
	char **read; /* absolute paths */
	size_t read_count;
	char **write;
	size_t write_count;
};

struct config {
	char *file;        /* of the site, absolute */
	char *more_files;  /* the folder of the providers' files, absolute */
	char *data_dir;    /* absolute; database, blobs, processes */
	char *runtime_dir; /* absolute; sockets; default data_dir/run */
	char *store;       /* target for store_open(); default sqlite:data_dir/davit.db */
	char *provider_dir;
	char *key_file;         /* absolute; what jobs hold is sealed with */
	char *old_key_file;     /* or NULL */
	char *run_program;      /* absolute path of davit-run */
	char *worker_program;   /* and of davit-worker */
	char *isolation;        /* of providers that do not say it: "inline" or "worker" */
	char *min_sandbox;      /* of workers: "none", "partial" or "full" */
	char *default_provider; /* or NULL */
	char *log_level;
	int64_t utc_offset_minutes; /* of the times under /execute */
	int64_t max_header_bytes;
	int64_t max_body_bytes;
	int64_t max_body_memory_bytes;  /* larger bodies go to a file */
	int64_t max_running;            /* jobs at once, all providers */
	int64_t max_queued;             /* open jobs in the store; more are answered 429 */
	int64_t max_queued_per_project; /* the same, of one project */
	int64_t job_timeout_seconds;    /* longest time of a job; 0: any */
	int64_t call_timeout_seconds;   /* deadline of one slot call */
	int64_t sweep_hours;            /* between two looks for strays; 0: only when asked */
	int64_t max_threads;            /* calls of all providers at once */
	int64_t max_waiting;            /* calls that wait for a place */
	int64_t worker_max_deaths;      /* of one provider's workers; 0: any number */
	int64_t worker_within_seconds;  /* in which these count */
	int64_t worker_silent_seconds;
	struct config_net net;
	struct config_processes processes;
	int64_t drain_seconds; /* how long SIGTERM waits for calls in flight */
	char **import_roots;   /* absolute folders callers may name files in */
	size_t import_root_count;
	char **export_roots; /* absolute folders callers may have files written to */
	size_t export_root_count;
	struct config_listener *listeners;
	size_t listener_count;
	struct config_provider *providers;
	size_t provider_count;
	struct config_connection *connections;
	size_t connection_count;
	struct config_use *uses;
	size_t use_count;
};

/* Reads path and providers.d/\*.yaml (in byte order) beside it. Relative paths in a file are
 * taken from that file's folder. *f says "davit.yaml:12: unknown key 'databse', did you mean …".
 * A provider that davit.yaml names must have a file in providers.d, enabled or not.
 * NULL on failure. */
struct config *config_load(const char *path, struct fail *f);
void config_free(struct config *c); /* NULL is fine */

const struct config_provider *config_provider_find(const struct config *c, const char *id);
/* The line in p->file of a member of settings, by its JSON pointer; for one that is not there
 * the line of what it belongs in. */
int config_setting_line(const struct config_provider *p, const char *pointer);

/* How many files the daemon may have open at once: connections of clients and to other machines,
 * bodies of calls, and its own. */
uint64_t config_files(const struct config *c);

const struct config_connection *config_connection_find(const struct config *c, const char *name);

/* What a slot gets as "connection": a new object. */
json_t *config_connection_details(const struct config_connection *c);

/* The same for what was begun by the connection of that name; NULL or "": without one. NULL with *f
 * where it is not in the configuration any more: no other account may stand in for it. */
json_t *config_connection_details_of(const struct config *config, const char *name, struct fail *f);

/* Writes the table of keys as Markdown; `davitd --print-config-reference`. */
void config_reference(FILE *out);

#endif
