/* davitd - reads the configuration, starts the parts in order, waits for a signal, ends them. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/app.h"
#include "api/follow.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/killpoint.h"
#include "base/log.h"
#include "base/pace.h"
#include "base/pool.h"
#include "base/veil.h"
#include "config/config.h"
#include "http/server.h"
#include "jobs/strays.h"
#include "jobs/tracker.h"
#include "net/net.h"
#include "net/sparse.h"
#include "platform/fs.h"
#include "platform/limit.h"
#include "platform/lock.h"
#include "platform/memory.h"
#include "platform/shield.h"
#include "platform/thread.h"
#include "process/confinement.h"
#include "process/process.h"
#include "provider/provider.h"
#include "secret/member.h"
#include "secret/redact.h"
#include "store/blobs.h"
#include "store/store.h"
#include "store/sweep.h"

#ifndef DAVIT_CONFIG_FILE
#define DAVIT_CONFIG_FILE "/etc/davit/davit.yaml"
#endif

/* Where an upgrade hands the lock of the data folder to its successor. */
#define LOCK_VARIABLE "DAVIT_LOCK_FD"

enum {
	API_THREADS = 4,
	API_QUEUE = 1024,
	LOCK_WAIT_MS = 10000,
	MOST_FILES = 1 << 20
};

struct daemon {
	struct config *config;
	int lock;
	struct store *store;
	struct blobs *blobs;
	struct sweeper *sweeper;
	char *confinement; /* what processes were opened with */
	struct processes *processes;
	struct net *net;
	struct providers *providers;
	struct mutex tracker_lock; /* guards tracker against changes that are told while it ends */
	struct tracker *tracker;
	struct strays *strays;
	struct pool *pool;
	struct server *server;
	struct app app;
};

/* Takes the lock an earlier daemon left open for us, if it is the one of path. */
static bool inherited_lock(const char *path, int *ret_fd)
{
	const char *text = getenv(LOCK_VARIABLE); // NOLINT(concurrency-mt-unsafe): one thread yet
	struct stat held;
	struct stat named;
	char *end = NULL;
	long fd = text == NULL ? -1 : strtol(text, &end, 10);

	if (text == NULL || end == text || *end != '\0' || fd < 3 || fd > 65535)
		return false;
	if (fstat((int)fd, &held) != 0 || stat(path, &named) != 0 || held.st_dev != named.st_dev ||
		held.st_ino != named.st_ino)
		return false;
	*ret_fd = (int)fd;
	return true;
}

/* Whom the lock names is gone; children it was starting when it died let go in a moment. */
static bool holder_died(int64_t pid)
{
	return pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static bool lock_take_patiently(const char *path, int *ret_fd, int64_t *ret_pid, struct fail *f)
{
	static const struct timespec pause = {0, 20000000L};
	int64_t until = clock_mono_ms() + LOCK_WAIT_MS;

	while (!lock_take(path, ret_fd, ret_pid, f)) {
		if (f->code != FAIL_CONFLICT || !holder_died(*ret_pid) || clock_mono_ms() > until)
			return false;
		(void)nanosleep(&pause, NULL);
	}
	return true;
}

static bool take_lock(struct daemon *d, struct fail *f)
{
	char path[4096];
	int64_t pid = 0;

	if (!fs_mkdirs(d->config->data_dir, f) ||
		!fs_join(path, sizeof(path), d->config->data_dir, "davitd.lock", f))
		return fail_wrap(f, "data folder");
	if (inherited_lock(path, &d->lock))
		return lock_sign(d->lock, f);
	if (lock_take_patiently(path, &d->lock, &pid, f))
		return true;
	if (f->code == FAIL_CONFLICT)
		return fail_set(f, FAIL_CONFLICT,
			"another davitd (process %" PRId64
			") works on %s: stop it first, or give this one "
			"another data_dir",
			pid, d->config->data_dir);
	return fail_wrap(f, "lock of the data folder");
}

static void process_changed(const char *name, void *ctx)
{
	struct daemon *d = ctx;

	mutex_lock(&d->tracker_lock);
	if (d->tracker != NULL)
		tracker_nudge(d->tracker, name);
	mutex_unlock(&d->tracker_lock);
}

/* What is the daemon's own: no program of a job sees it, wherever the site has put it. */
static char *make_confinement(const struct config *c)
{
	const char *own[] = {
		c->file, c->more_files, c->data_dir, c->runtime_dir, c->key_file, c->old_key_file};
	const char **sockets = calloc(c->listener_count + 1, sizeof(*sockets));
	struct confinement confinement = {
		.hidden = {{own, COUNT(own)}, {sockets, c->listener_count}},
		.read = {(const char *const *)c->processes.read, c->processes.read_count},
		.import = {(const char *const *)c->import_roots, c->import_root_count},
		.write = {(const char *const *)c->processes.write, c->processes.write_count},
		.database = strncmp(c->store, "sqlite:", 7) == 0 ? c->store + 7 : NULL,
		.user = c->processes.user,
		.min_sandbox = c->processes.min_sandbox,
		.network = c->processes.network,
		.off = !c->processes.sandbox,
	};
	char *text = NULL;

	for (size_t i = 0; sockets != NULL && i < c->listener_count; i++)
		sockets[i] = c->listeners[i].unix_path;
	if (sockets != NULL)
		text = confinement_text(&confinement);
	free((void *)sockets);
	return text;
}

static bool open_processes(struct daemon *d, struct fail *f)
{
	char *confinement = make_confinement(d->config);
	const struct process_options options = {
		.data_dir = d->config->data_dir,
		.runtime_dir = d->config->runtime_dir,
		.run_program = d->config->run_program,
		.sandbox = confinement,
		.import_roots = (const char *const *)d->config->import_roots,
		.import_root_count = d->config->import_root_count,
		.blobs = d->blobs,
		.changed = process_changed,
		.ctx = d,
	};

	d->confinement = confinement;
	if (confinement == NULL)
		return fail_errno(f, ENOMEM, "open the processes");
	if (!fs_mkdirs(d->config->runtime_dir, f))
		return fail_wrap(f, "runtime folder");
	d->processes = processes_open(&options, f);
	return d->processes != NULL;
}

static bool open_net(struct daemon *d, struct fail *f)
{
	const struct config_net *c = &d->config->net;
	const struct net_options options = {
		.ca_file = c->ca_file,
		.agent = "davitd/" DAVIT_VERSION,
		.connect_timeout_ms = c->connect_timeout_ms,
		.request_timeout_ms = c->request_timeout_ms,
		.max_connections = c->max_connections,
		.max_connections_per_host = c->max_connections_per_host,
		.max_streams = c->max_streams,
		.max_lookups = c->max_lookups,
		.idle_seconds = c->idle_seconds,
		.max_answer_bytes = c->max_answer_bytes,
		.http2 = c->http2,
	};

	d->net = net_open(&options, f);
	return d->net != NULL;
}

static bool open_providers(struct daemon *d, struct fail *f)
{
	const struct provider_host host = {
		.store = d->store,
		.blobs = d->blobs,
		.processes = d->processes,
		.config = d->config,
		.net = d->net,
	};

	d->providers = providers_open(&host, f);
	return d->providers != NULL;
}

static bool start_tracker(struct daemon *d, struct fail *f)
{
	const struct tracker_options options = {
		.store = d->store, .providers = d->providers, .config = d->config};
	struct tracker *t = tracker_start(&options, f);

	mutex_lock(&d->tracker_lock);
	d->tracker = t;
	mutex_unlock(&d->tracker_lock);
	return t != NULL;
}

static void stop_tracker(struct daemon *d)
{
	struct tracker *t;

	mutex_lock(&d->tracker_lock);
	t = d->tracker;
	d->tracker = NULL;
	mutex_unlock(&d->tracker_lock);
	tracker_stop(t);
}

static bool start_strays(struct daemon *d, struct fail *f)
{
	const struct strays_options options = {.store = d->store,
		.providers = d->providers,
		.tracker = d->tracker,
		.config = d->config};

	d->strays = strays_start(&options, f);
	return d->strays != NULL;
}

static void tell_listeners(const struct daemon *d)
{
	for (size_t i = 0; i < d->config->listener_count; i++) {
		const struct config_listener *l = &d->config->listeners[i];

		if (l->unix_path != NULL)
			log_info("HTTP-LISTEN", "unix=%s", l->unix_path);
		else
			log_info("HTTP-LISTEN", "address=%s port=%d", l->address,
				server_port(d->server, i));
	}
}

static bool start_server(struct daemon *d, struct fail *f)
{
	d->pool = pool_create("api", API_THREADS, API_QUEUE, f);
	if (d->pool == NULL)
		return false;
	d->app = (struct app){
		.config = d->config,
		.store = d->store,
		.blobs = d->blobs,
		.sweeper = d->sweeper,
		.providers = d->providers,
		.tracker = d->tracker,
		.strays = d->strays,
		.pool = d->pool,
	};
	d->app.follows = follows_open(&d->app, f);
	if (d->app.follows == NULL)
		return false;
	d->server = server_start(d->config, api_routes, api_route_count, &d->app, f);
	return d->server != NULL;
}

static bool start_sweeper(struct daemon *d, struct fail *f)
{
	d->sweeper = sweeper_start(d->store, d->blobs, d->config->call_timeout_seconds * 1000, f);
	return d->sweeper != NULL;
}

/* Before anything is logged about it. */
static void hide_secrets(const struct config *config)
{
	veil_set(redact_text);
	member_prepare();
	for (size_t i = 0; i < config->connection_count; i++) {
		redact_learn_json(REDACT_SITE, config->connections[i].details);
		redact_learn_url(REDACT_SITE, config->connections[i].proxy);
	}
	for (size_t i = 0; i < config->provider_count; i++) {
		redact_learn_json(REDACT_SITE, config->providers[i].settings);
		redact_learn_url(REDACT_SITE, config->providers[i].proxy);
	}
}

static bool start(struct daemon *d, struct fail *f)
{
	const struct store_keys keys = {d->config->key_file, d->config->old_key_file};

	if (!take_lock(d, f))
		return false;
	d->store = store_open_keyed(d->config->store, &keys, f);
	if (d->store == NULL)
		return false;
	d->blobs = blobs_open(d->config->data_dir, f);
	return d->blobs != NULL && open_processes(d, f) && open_net(d, f) && open_providers(d, f) &&
	       start_tracker(d, f) && start_strays(d, f) && start_sweeper(d, f) &&
	       start_server(d, f);
}

/* Somebody still uses what would be closed; the store is as after a crash, which it is made for. */
static void leave(int status)
{
	log_error("DAEMON-LEAVE", "what a provider does not let go of is left as it is: the next "
				  "start looks after its jobs");
	_exit(status);
}

/* In the opposite order; takes a half started daemon too. Local processes run on. */
static void stop(struct daemon *d, int status)
{
	int64_t until = clock_mono_ms() + d->config->drain_seconds * 1000;

	follows_end(d->app.follows);
	server_stop(d->server, (int)(d->config->drain_seconds * 1000));
	pool_destroy(d->pool);
	follows_close(d->app.follows);
	strays_stop(d->strays);
	stop_tracker(d);
	if (!providers_close(d->providers, until - clock_mono_ms()) || !net_close(d->net))
		leave(status);
	strays_free(d->strays);
	processes_close(d->processes);
	free(d->confinement);
	sweeper_stop(d->sweeper);
	blobs_close(d->blobs);
	store_close(d->store);
	if (d->lock >= 0)
		(void)close(d->lock);
}

static int wait_for_signal(const sigset_t *signals)
{
	int signal = 0;

	while (sigwait(signals, &signal) != 0 || signal == SIGHUP)
		;
	return signal;
}

static void raise_limits(const struct config *config)
{
	uint64_t most = limit_raise_files(MOST_FILES);
	uint64_t need = config_files(config);

	if (most < need)
		log_warn("FILE-LIMIT",
			"%" PRIu64 " files may be open, and up to %" PRIu64
			" may be needed: raise the limit (LimitNOFILE, ulimit -n), or lower "
			"max_connections of listeners and net, or calls.max_threads",
			most, need);
}

static int serve(struct config *config)
{
	struct daemon d = {.config = config, .lock = -1};
	struct fail f = {0};
	sigset_t signals;
	int status = EXIT_FAILURE;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigaddset(&signals, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
	(void)sigdelset(&signals, SIGPIPE);
	(void)signal(SIGXFSZ, SIG_IGN); /* a write past the limit then fails, and says so */
	/* libcurl would write the keys of all connections there. There is one thread yet. */
	(void)unsetenv("SSLKEYLOGFILE"); /* NOLINT(concurrency-mt-unsafe) */
	sparse_install();
	raise_limits(config);
	mutex_init(&d.tracker_lock);
	if (start(&d, &f)) {
		tell_listeners(&d);
		log_info("DAEMON-READY", "davitd %s, providers: %s", DAVIT_VERSION,
			providers_names(d.providers));
		log_info("DAEMON-STOP", "signal %d: answering what is in hand; jobs run on",
			wait_for_signal(&signals));
		status = EXIT_SUCCESS;
	} else {
		log_error("DAEMON-START", "%s", f.text);
	}
	stop(&d, status);
	mutex_finish(&d.tracker_lock);
	return status;
}

static void usage(FILE *out)
{
	(void)fputs(
		"usage: davitd [--config FILE] [--check-config | --print-config-reference | --version]\n"
		"Runs machine learning on any cloud from one small daemon.\n"
		"  --config FILE             default " DAVIT_CONFIG_FILE "\n"
		"  --check-config            read the configuration, say what is wrong, end\n"
		"  --print-config-reference  every key with its type, default and meaning\n",
		out);
}

enum {
	OPTION_CONFIG = 'c',
	OPTION_HELP = 'h',
	OPTION_VERSION = 'V',
	OPTION_CHECK = 256,
	OPTION_REFERENCE
};

static const struct option options[] = {
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"check-config", no_argument, NULL, OPTION_CHECK},
	{"print-config-reference", no_argument, NULL, OPTION_REFERENCE},
	{NULL, 0, NULL, 0},
};

static int run(const char *file, bool check)
{
	struct fail f = {0};
	struct config *config = config_load(file, &f);
	enum log_level level;
	int status = EXIT_SUCCESS;

	if (config == NULL) {
		log_error("CONFIG", "%s", f.text);
		return EXIT_FAILURE;
	}
	if (log_level_of(config->log_level, &level))
		log_set_level(level);
	hide_secrets(config);
	if (!check)
		status = serve(config);
	config_free(config);
	return status;
}

int main(int argc, char **argv)
{
	const char *file = DAVIT_CONFIG_FILE;
	bool check = false;
	int c;

#ifdef DAVIT_SHIELD
	shield_process(); /* before it knows anything */
#endif
	memory_keep_little();
#ifdef DAVIT_TESTING
	killpoint_open();
	pace_open();
#endif
	// NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread yet
	while ((c = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
		switch (c) {
		case OPTION_CONFIG:
			file = optarg;
			break;
		case OPTION_CHECK:
			check = true;
			break;
		case OPTION_REFERENCE:
			config_reference(stdout);
			return EXIT_SUCCESS;
		case OPTION_VERSION:
			(void)puts("davitd " DAVIT_VERSION);
			return EXIT_SUCCESS;
		case OPTION_HELP:
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return 2;
	}
	return run(file, check);
}
