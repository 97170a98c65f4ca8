/* daemon - see daemon.h. */
#include "sim/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "config/config.h"
#include "jobs/tracker.h"
#include "net/net.h"
#include "platform/fs.h"
#include "platform/memory.h"
#include "provider/internal.h"
#include "provider/provider.h"
#include "sim/broken.h"
#include "sim/cloud.h"
#include "sim/disk.h"
#include "sim/keys.h"
#include "store/driver.h"

static bool write_file(const char *folder, const char *name, const char *text, struct fail *f)
{
	char path[512];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	if (file == NULL)
		return fail_set(f, FAIL_UNAVAILABLE, "cannot write %s", path);
	(void)fputs(text, file);
	(void)fclose(file);
	return true;
}

static bool configure(struct daemon_parts *d, const char *plugin, bool isolated, struct fail *f)
{
	char text[1024], path[512];

	(void)snprintf(d->folder, sizeof(d->folder), "%s/davit-sim.XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(d->folder) == NULL)
		return fail_set(f, FAIL_UNAVAILABLE, "cannot make %s", d->folder);
	(void)snprintf(path, sizeof(path), "%s/providers.d", d->folder);
	(void)mkdir(path, 0700);
	(void)snprintf(text, sizeof(text),
		"data_dir: %s\njobs: {max_running: 3, call_timeout_seconds: 15}\nlisteners: [{unix: %s/s}]\n"
		"net: {request_timeout_ms: 1000, connect_timeout_ms: 500}\n"
		"isolation: %s\nworkers: {max_deaths: 0}\n",
		d->folder, d->folder, isolated ? "worker" : "inline");
	if (!write_file(d->folder, "davit.yaml", text, f))
		return false;
	(void)snprintf(text, sizeof(text),
		"provider: testcloud\nplugin: %s\nmax_running: 3\n"
		"settings: {endpoint: '" CLOUD_HOST "', client_id: davit, poll_ms: 700}\n",
		plugin);
	if (!write_file(d->folder, "providers.d/testcloud.yaml", text, f))
		return false;
	(void)snprintf(path, sizeof(path), "%s/davit.yaml", d->folder);
	(void)setenv("TESTCLOUD_CLIENT_SECRET", CLOUD_SECRET, 1);
	d->config = config_load(path, f);
	return d->config != NULL;
}

static bool open_net(struct daemon_parts *d, struct fail *f)
{
	const struct config_net *c = &d->config->net;
	const struct net_options options = {
		.agent = "davitd",
		.connect_timeout_ms = c->connect_timeout_ms,
		.request_timeout_ms = c->request_timeout_ms,
		.max_connections = c->max_connections,
		.max_connections_per_host = c->max_connections_per_host,
		.max_streams = c->max_streams,
		.idle_seconds = c->idle_seconds,
		.max_answer_bytes = c->max_answer_bytes,
		.http2 = c->http2,
	};

	d->net = net_open(&options, f);
	return d->net != NULL;
}

static bool open_providers(struct daemon_parts *d, struct fail *f)
{
	const struct provider_host host = {.store = d->store, .config = d->config, .net = d->net};

	d->providers = providers_open(&host, f);
	if (d->providers == NULL)
		return false;
	return providers_find(d->providers, "testcloud") != NULL ||
	       fail_set(f, FAIL_UNAVAILABLE, "the provider was refused");
}

static bool open_store(struct daemon_parts *d, struct fail *f)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/davit.db", d->folder);
	d->store = store_open_driver(broken_driver(), path, f);
	return d->store != NULL;
}

static bool look_away(const struct job *job, void *ctx)
{
	(void)job;
	(void)ctx;
	return true;
}

bool daemon_prepare(struct daemon_parts *d, const char *plugin, bool isolated, struct fail *f)
{
	const struct job_filter all = {.limit = 1};

	memset(d, 0, sizeof(*d));
	if (!configure(d, plugin, isolated, f) || !open_store(d, f) || !open_net(d, f) ||
		!open_providers(d, f))
		return false;
	return store_jobs(d->store, &all, look_away, NULL, f); /* a reader is there from now on */
}

bool daemon_open(struct daemon_parts *d, struct fail *f)
{
	if (!open_store(d, f))
		return false;
	d->providers->host.store = d->store;
	return true;
}

bool daemon_start(struct daemon_parts *d, struct fail *f)
{
	const struct tracker_options options = {
		.store = d->store, .providers = d->providers, .config = d->config};

	d->tracker = tracker_start(&options, f);
	return d->tracker != NULL && keys_start(d, f);
}

void daemon_lose_provider(struct daemon_parts *d)
{
	for (size_t i = 0; i < d->providers->count; i++)
		d->providers->list[i].state = PROVIDER_REFUSED;
}

void daemon_stop(struct daemon_parts *d)
{
	keys_stop();
	tracker_stop(d->tracker);
	if (!providers_close(d->providers, 1000) || !net_close(d->net))
		return;
	store_close(d->store);
}

void daemon_remove(struct daemon_parts *d)
{
	char command[512];

	if (strstr(d->folder, "davit-sim.") == NULL)
		return;
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", d->folder);
	(void)!system(command);
}

/* --- platform/memory.h: nobody looks at how much this program has --- */

void memory_keep_little(void)
{
}
void memory_give_back(void)
{
}
