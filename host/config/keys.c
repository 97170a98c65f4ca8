/* The table of keys. A new key is a row here, a member in config.h, and nothing else. */
#include "config/keys.h"

#include "base/attr.h"
#include "config/config.h"

#define MIB INT64_C(1048576)

#define COUNT_BEHIND(type, list, count)                                                            \
	_Static_assert(offsetof(type, count) == offsetof(type, list) + sizeof(char **),            \
		"a list of keys fills both")

#define AT(member) .offset = offsetof(struct config, member)

static const char *const isolations[] = {"inline", "worker", NULL};
static const char *const sandbox_levels[] = {"none", "partial", "full", NULL};

static const struct key log_keys[] = {
	{.name = "level",
		.kind = KEY_LEVEL,
		AT(log_level),
		.preset_text = "info",
		.meaning = "The least level that is logged: debug, info, warn or error."},
};

static const struct section log_section = {
	"log", "The log goes to standard error, a line per event.", log_keys, COUNT(log_keys)};

static const struct key time_keys[] = {
	{.name = "utc_offset",
		.kind = KEY_OFFSET,
		AT(utc_offset_minutes),
		.least = -INT64_C(14) * 60,
		.most = INT64_C(14) * 60,
		.meaning = "How far the local times of answers under `/execute` are east of UTC."},
};

static const struct section time_section = {
	"time", "How times are shown.", time_keys, COUNT(time_keys)};

static const struct key http_keys[] = {
	{.name = "max_header_bytes",
		.kind = KEY_INT,
		AT(max_header_bytes),
		.least = 65536,
		.most = 16 * MIB,
		.preset = 65536,
		.meaning = "Longest request line with all headers; more is answered 431."},
	{.name = "max_body_bytes",
		.kind = KEY_INT,
		AT(max_body_bytes),
		.least = 1024,
		.most = INT64_C(1) << 40,
		.preset = 500 * MIB,
		.meaning = "Longest request body; more is answered 413."},
	{.name = "max_body_memory_bytes",
		.kind = KEY_INT,
		AT(max_body_memory_bytes),
		.least = 1024,
		.most = 1024 * MIB,
		.preset = MIB,
		.meaning = "Longest body that is kept in memory; a longer one goes to a file."},
};

static const struct section http_section = {
	"http", "Limits of requests, for all listeners.", http_keys, COUNT(http_keys)};

static const struct key secrets_keys[] = {
	{.name = "key_file",
		.kind = KEY_PATH,
		AT(key_file),
		.preset_told = "`data_dir/secret.key`",
		.meaning =
			"File of the key that the database is sealed with; made with mode 600 where "
			"there is none yet. **Back it up with the database.**"},
	{.name = "old_key_file",
		.kind = KEY_PATH,
		AT(old_key_file),
		.preset_told = "none",
		.meaning =
			"File of the key before: what was sealed with it is sealed anew at start."},
};

static const struct section secrets_section = {"secrets",
	"What jobs were sent and gave, and what providers keep, is sealed in the database (AES-256).",
	secrets_keys, COUNT(secrets_keys)};

static const struct key jobs_keys[] = {
	{.name = "max_running",
		.kind = KEY_INT,
		AT(max_running),
		.least = 0,
		.most = 100000,
		.preset = 8,
		.meaning = "Jobs of all providers that run at once; more wait. 0: all do."},
	{.name = "max_queued",
		.kind = KEY_INT,
		AT(max_queued),
		.least = 1,
		.most = 10000000,
		.preset = 100000,
		.meaning = "Jobs that have not ended; more are answered 429."},
	{.name = "max_queued_per_project",
		.kind = KEY_INT,
		AT(max_queued_per_project),
		.least = 0,
		.most = 10000000,
		.preset_told = "half of `max_queued`",
		.meaning = "Jobs of one project that have not ended; more are answered 429. 0: "
			   "half of `max_queued`."},
	{.name = "timeout_seconds",
		.kind = KEY_INT,
		AT(job_timeout_seconds),
		.least = 0,
		.most = INT64_C(366) * 86400,
		.meaning = "Longest time a job may take; 0: any."},
	{.name = "call_timeout_seconds",
		.kind = KEY_INT,
		AT(call_timeout_seconds),
		.least = 1,
		.most = 86400,
		.preset = 60,
		.meaning =
			"Longest time one call of a provider may take; of an answer that comes piece "
			"by piece: until the first piece, and between two."},
	{.name = "sweep_hours",
		.kind = KEY_INT,
		AT(sweep_hours),
		.least = 0,
		.most = 8760,
		.preset = 24,
		.meaning = "How often to look for strays: what clouds have with a label of this "
			   "site that no job follows; first after the start. 0: only when asked."},
};

static const struct section jobs_section = {
	"jobs", "How much runs and waits.", jobs_keys, COUNT(jobs_keys)};

/* Each thread is two mappings, and Linux lets a process have 65,530 unless it is told more. */
static const struct key calls_keys[] = {
	{.name = "max_threads",
		.kind = KEY_INT,
		AT(max_threads),
		.least = 8,
		.most = 30000,
		.preset = 256,
		.meaning = "Calls of all providers at once; each holds a thread. An eighth is kept "
			   "for calls of jobs."},
	{.name = "max_waiting",
		.kind = KEY_INT,
		AT(max_waiting),
		.least = 0,
		.most = 100000,
		.preset = 128,
		.meaning = "Calls that wait up to 2 s for a place; more are answered 429."},
};

static const struct section calls_section = {
	"calls", "Calls of providers, all together.", calls_keys, COUNT(calls_keys)};

COUNT_BEHIND(struct config, processes.read, processes.read_count);
COUNT_BEHIND(struct config, processes.write, processes.write_count);

static const struct key processes_keys[] = {
	{.name = "sandbox",
		.kind = KEY_BOOL,
		AT(processes.sandbox),
		.preset = 1,
		.meaning = "false: programs of jobs see and reach what the daemon does."},
	{.name = "min_sandbox",
		.kind = KEY_CHOICE,
		AT(processes.min_sandbox),
		.words = sandbox_levels,
		.preset_text = "none",
		.meaning = "Where this machine offers less, jobs fail with what is missing."},
	{.name = "network",
		.kind = KEY_BOOL,
		AT(processes.network),
		.meaning = "true: programs of jobs use the machine's network, its loopback too. "
			   "Installing packages does so always."},
	{.name = "user",
		.kind = KEY_TEXT,
		AT(processes.user),
		.preset_text = "auto",
		.meaning = "Where the daemon is root, the user of a program: `auto`, a number of "
			   "its own for each job; `FIRST-LAST`, one of these numbers; a name; "
			   "`same`, that of the daemon."},
	{.name = "read_paths",
		.kind = KEY_PATHS,
		AT(processes.read),
		.preset_told = "none",
		.meaning = "Files and folders that programs may read beside those of the system."},
	{.name = "write_paths",
		.kind = KEY_PATHS,
		AT(processes.write),
		.preset_told = "none",
		.meaning = "The same, that they may change, too."},
};

static const struct section processes_section = {"processes",
	"What the programs of jobs on this machine see and reach; "
	"[process](process.md#the-sandbox) says what they do without.",
	processes_keys, COUNT(processes_keys)};

static const struct key workers_keys[] = {
	{.name = "max_deaths",
		.kind = KEY_INT,
		AT(worker_max_deaths),
		.least = 0,
		.most = CONFIG_DEATHS_MOST,
		.preset = 3,
		.meaning =
			"So many deaths of a provider's workers put its file into quarantine, until "
			"somebody [lifts it](operator-guide.md#quarantine). 0: never."},
	{.name = "within_seconds",
		.kind = KEY_INT,
		AT(worker_within_seconds),
		.least = 1,
		.most = 86400,
		.preset = 300,
		.meaning = "The time in which these deaths count."},
	{.name = "silent_seconds",
		.kind = KEY_INT,
		AT(worker_silent_seconds),
		.least = 1,
		.most = 86400,
		.preset = 15,
		.meaning =
			"A worker in which calls run is asked whether it is there, three times in "
			"this time; one that has not answered for so long is ended. Under a "
			"debugger make it long."},
};

static const struct section workers_section = {"workers",
	"Providers that run in a process of their own.", workers_keys, COUNT(workers_keys)};

static const struct key net_keys[] = {
	{.name = "ca_file",
		.kind = KEY_PATH,
		AT(net.ca_file),
		.preset_told = "none",
		.meaning =
			"Certificates of authorities that are believed beside the system's, in PEM."},
	{.name = "egress",
		.kind = KEY_TEXTS,
		AT(net.egress),
		.preset_told = "any that a manifest names",
		.meaning =
			"Where providers may send to at all: `NAME`, `*.NAME`, each with `:PORT` "
			"and with `https://` or `http://` before it."},
	{.name = "connect_timeout_ms",
		.kind = KEY_INT,
		AT(net.connect_timeout_ms),
		.least = 1,
		.most = 600000,
		.preset = 10000,
		.meaning = "Longest time to reach another machine, TLS included."},
	{.name = "request_timeout_ms",
		.kind = KEY_INT,
		AT(net.request_timeout_ms),
		.least = 1,
		.most = INT64_C(86400) * 1000,
		.preset = 60000,
		.meaning = "Longest time of one attempt, where a request does not say it."},
	{.name = "max_connections",
		.kind = KEY_INT,
		AT(net.max_connections),
		.least = 1,
		.most = 100000,
		.preset = 1024,
		.meaning =
			"Connections to other machines, kept ones included; more requests wait."},
	{.name = "max_connections_per_host",
		.kind = KEY_INT,
		AT(net.max_connections_per_host),
		.least = 1,
		.most = 100000,
		.preset = 64,
		.meaning = "The same, to one host."},
	{.name = "max_streams",
		.kind = KEY_INT,
		AT(net.max_streams),
		.least = 1,
		.most = 10000,
		.preset = 100,
		.meaning = "Requests at once in one connection of HTTP/2."},
	{.name = "max_lookups",
		.kind = KEY_INT,
		AT(net.max_lookups),
		.least = 1,
		.most = 1000,
		.preset = 64,
		.meaning =
			"Addresses of hosts that are looked up at once, each on a thread; more "
			"wait. A host that has one leaves half of them to hosts that have none."},
	{.name = "idle_seconds",
		.kind = KEY_INT,
		AT(net.idle_seconds),
		.least = 1,
		.most = 3600,
		.preset = 60,
		.meaning = "A kept connection that rested longer is not used again."},
	{.name = "max_answer_bytes",
		.kind = KEY_INT,
		AT(net.max_answer_bytes),
		.least = 1024,
		.most = 1024 * MIB,
		.preset = 64 * MIB,
		.meaning = "Longest answer that is kept in memory; one that is read while it comes "
			   "has no limit."},
	{.name = "http2",
		.kind = KEY_BOOL,
		AT(net.http2),
		.preset = 1,
		.meaning = "false: only HTTP/1.1 is spoken."},
};

static const struct section net_section = {
	"net", "Requests of providers to other machines.", net_keys, COUNT(net_keys)};

#undef AT
#define AT(member) .offset = offsetof(struct config_listener, member)

static const struct key listener_keys[] = {
	{.name = "address",
		.kind = KEY_ADDRESS,
		AT(address),
		.preset_text = NULL,
		.preset_told = "`127.0.0.1`",
		.meaning = "Loopback address of a TCP listener: 127.0.0.0/8 or ::1."},
	{.name = "port",
		.kind = KEY_INT,
		AT(port),
		.least = 0,
		.most = 65535,
		.preset = 7070,
		.meaning = "TCP port; 0: the system chooses, and the log tells which."},
	{.name = "unix",
		.kind = KEY_PATH,
		AT(unix_path),
		.most = 107,
		.preset_told = "a TCP listener",
		.meaning = "Path of a Unix socket, instead of address and port."},
	{.name = "default_provider",
		.kind = KEY_PROVIDER,
		AT(default_provider),
		.preset_told = "none",
		.meaning = "The provider that serves what comes in here."},
	{.name = "max_connections",
		.kind = KEY_INT,
		AT(max_connections),
		.least = 1,
		.most = 1000000,
		.preset = 4096,
		.meaning = "Connections at once; more have to wait."},
	{.name = "max_requests",
		.kind = KEY_INT,
		AT(max_requests),
		.least = 1,
		.most = 100000,
		.preset = 256,
		.meaning = "Requests in work at once; more are answered 429."},
	{.name = "idle_seconds",
		.kind = KEY_INT,
		AT(idle_seconds),
		.least = 1,
		.most = 86400,
		.preset = 5,
		.meaning = "Connections without a request are closed after this time."},
};

const struct section keys_listener = {"listeners",
	"A list. Without it there are two: TCP `127.0.0.1:7070`, and the Unix socket "
	"`davitd.sock` in `runtime_dir`.",
	listener_keys, COUNT(listener_keys)};

#undef AT
#define AT(member) .offset = offsetof(struct config_connection, member)

static const struct key connection_keys[] = {
	{.name = "provider",
		.kind = KEY_PROVIDER,
		AT(provider),
		.preset_told = "by type",
		.meaning = "The provider this connection is for."},
	{.name = "type",
		.kind = KEY_TEXT,
		AT(type),
		.preset_told = "any",
		.meaning = "The type of connection, as manifests of providers name it."},
	{.name = "proxy",
		.kind = KEY_PROXY,
		AT(proxy),
		.preset_told = "that of the provider",
		.meaning = "The proxy for requests that use this connection, as "
			   "`http://USER:PASSWORD@proxy.lab:3128`: `http` or `https`, and without "
			   "a port 1080 or 443."},
	{.name = "no_proxy",
		.kind = KEY_HOSTS,
		AT(no_proxy),
		.preset_told = "none; without `proxy` that of the provider",
		.meaning = "Hosts that this proxy, or else the provider's, is not used for: `NAME` "
			   "and what is below it, `.NAME`, an address, a network or `*`."},
};

COUNT_BEHIND(struct config_connection, no_proxy, no_proxy_count);

const struct section keys_connection = {"connections",
	"A map from a connection's name to its details. All keys but these are the details: the "
	"provider gets them as they are written.",
	connection_keys, COUNT(connection_keys)};

#undef AT
#define AT(member) .offset = offsetof(struct config, member)

COUNT_BEHIND(struct config, import_roots, import_root_count);
COUNT_BEHIND(struct config, export_roots, export_root_count);
COUNT_BEHIND(struct config, net.egress, net.egress_count);

static const struct key site_keys[] = {
	{.name = "data_dir",
		.kind = KEY_PATH,
		AT(data_dir),
		.preset_text = "/var/lib/davit",
		.meaning = "Folder of the database, the files of jobs and the lock."},
	{.name = "runtime_dir",
		.kind = KEY_PATH,
		AT(runtime_dir),
		.most = 52,
		.preset_told = "`data_dir/run`",
		.meaning =
			"Folder of sockets; at most 52 bytes long, as sockets have short names."},
	{.name = "store",
		.kind = KEY_STORE,
		AT(store),
		.preset_told = "`sqlite:data_dir/davit.db`",
		.meaning = "Where jobs are kept: `sqlite:PATH`."},
	{.name = "provider_dir",
		.kind = KEY_PATH,
		AT(provider_dir),
		.preset_told = "`providers` beside `davitd`, else as installed",
		.meaning = "Folder of the files of providers."},
	{.name = "run_program",
		.kind = KEY_PATH,
		AT(run_program),
		.preset_told = "`davit-run` beside `davitd`, else as installed",
		.meaning = "The supervisor of local processes."},
	{.name = "worker_program",
		.kind = KEY_PATH,
		AT(worker_program),
		.preset_told = "`davit-worker` beside `davitd`, else as installed",
		.meaning = "What providers run in that have a process of their own."},
	{.name = "isolation",
		.kind = KEY_CHOICE,
		AT(isolation),
		.words = isolations,
		.preset_text = "worker",
		.meaning =
			"Where providers run whose files do not say it: each in a process of its "
			"own, or all `inline`, in the daemon: for tests, debuggers, and devices "
			"where every MiB counts."},
	{.name = "min_sandbox",
		.kind = KEY_CHOICE,
		AT(min_sandbox),
		.words = sandbox_levels,
		.preset_text = "none",
		.meaning = "A worker that this machine cannot shut in so far is not given to its "
			   "provider, which is refused; above `none`, so is a provider with "
			   "`isolation: inline`."},
	{.name = "default_provider",
		.kind = KEY_PROVIDER,
		AT(default_provider),
		.preset_told = "none",
		.meaning = "The provider that serves what nothing else decides."},
	{.name = "log",
		.kind = KEY_SECTION,
		.below = &log_section,
		.preset_told = "see there",
		.meaning = "See [log](#log)."},
	{.name = "time",
		.kind = KEY_SECTION,
		.below = &time_section,
		.preset_told = "see there",
		.meaning = "See [time](#time)."},
	{.name = "http",
		.kind = KEY_SECTION,
		.below = &http_section,
		.preset_told = "see there",
		.meaning = "See [http](#http)."},
	{.name = "jobs",
		.kind = KEY_SECTION,
		.below = &jobs_section,
		.preset_told = "see there",
		.meaning = "See [jobs](#jobs)."},
	{.name = "secrets",
		.kind = KEY_SECTION,
		.below = &secrets_section,
		.preset_told = "see there",
		.meaning = "See [secrets](#secrets)."},
	{.name = "calls",
		.kind = KEY_SECTION,
		.below = &calls_section,
		.preset_told = "see there",
		.meaning = "See [calls](#calls)."},
	{.name = "workers",
		.kind = KEY_SECTION,
		.below = &workers_section,
		.preset_told = "see there",
		.meaning = "See [workers](#workers)."},
	{.name = "net",
		.kind = KEY_SECTION,
		.below = &net_section,
		.preset_told = "see there",
		.meaning = "See [net](#net)."},
	{.name = "processes",
		.kind = KEY_SECTION,
		.below = &processes_section,
		.preset_told = "see there",
		.meaning = "See [processes](#processes)."},
	{.name = "drain_seconds",
		.kind = KEY_INT,
		AT(drain_seconds),
		.least = 0,
		.most = 3600,
		.preset = 10,
		.meaning = "How long an ending daemon waits for requests in work."},
	{.name = "import_roots",
		.kind = KEY_PATHS,
		AT(import_roots),
		.preset_told = "none",
		.meaning = "Folders in which callers may name files."},
	{.name = "export_roots",
		.kind = KEY_PATHS,
		AT(export_roots),
		.preset_told = "none",
		.meaning = "Folders below which callers may have data sets and models written."},
	{.name = "listeners",
		.kind = KEY_LISTENERS,
		.below = &keys_listener,
		.preset_told = "two, see there",
		.meaning = "See [listeners](#listeners)."},
	{.name = "connections",
		.kind = KEY_CONNECTIONS,
		.below = &keys_connection,
		.preset_told = "none",
		.meaning = "See [connections](#connections)."},
};

const struct section keys_site = {
	"davit.yaml", "Every key may be left out.", site_keys, COUNT(site_keys)};

#undef AT
#define AT(member) .offset = offsetof(struct config_provider, member)

static const struct key provider_keys[] = {
	{.name = "provider",
		.kind = KEY_WORD,
		AT(id),
		.preset_told = "needed",
		.meaning = "The name that requests and other keys call it."},
	{.name = "plugin",
		.kind = KEY_TEXT,
		AT(plugin),
		.preset_told = "the name and `.so`",
		.meaning = "Its file, below `provider_dir` unless the path is absolute."},
	{.name = "enabled",
		.kind = KEY_BOOL,
		AT(enabled),
		.preset = 1,
		.meaning = "false: it is not loaded."},
	{.name = "isolation",
		.kind = KEY_CHOICE,
		AT(isolation),
		.words = isolations,
		.preset_told = "`isolation` of `davit.yaml`",
		.meaning = "`worker`: it runs in a process of its own, so that a crash or a hang "
			   "of it is no matter to the daemon; `inline`: in the daemon."},
	{.name = "max_memory_bytes",
		.kind = KEY_INT,
		AT(max_memory),
		.least = 128 * MIB,
		.most = MIB * 1024 * 1024,
		.preset = 1024 * MIB,
		.meaning = "With `isolation: worker`: memory that it may use and reserve. More is "
			   "refused to it."},
	{.name = "max_running",
		.kind = KEY_INT,
		AT(max_running),
		.least = 0,
		.most = 100000,
		.preset = 4,
		.meaning = "Jobs of this provider that run at once; more wait. 0: all do."},
	{.name = "max_calls",
		.kind = KEY_INT,
		AT(max_calls),
		.least = 1,
		.most = 100000,
		.preset = 16,
		.meaning = "Calls of this provider at once. Of what clients wait for, four times "
			   "as many wait up to 2 s for a place; more are answered 429."},
	{.name = "allow_exec",
		.kind = KEY_BOOL,
		AT(allow_exec),
		.meaning =
			"true: secrets may come from programs that the manifest names (`exec:`)."},
	{.name = "egress",
		.kind = KEY_TEXTS,
		AT(egress),
		.preset_told = "what its manifest names",
		.meaning =
			"Where it may send to, of what its manifest names: as `egress` of `net`. A "
			"host with `http://` or a port of its own must stand here."},
	{.name = "private_networks",
		.kind = KEY_TEXTS,
		AT(private_networks),
		.preset_told = "none",
		.meaning =
			"Networks such as `10.0.0.0/8` whose addresses it may send to, though they "
			"are not public."},
	{.name = "proxy",
		.kind = KEY_PROXY,
		AT(proxy),
		.preset_told = "none",
		.meaning = "The proxy for its requests, as of a connection. The environment of the "
			   "daemon is not asked."},
	{.name = "no_proxy",
		.kind = KEY_HOSTS,
		AT(no_proxy),
		.preset_told = "none",
		.meaning = "Hosts that the proxy is not used for, as of a connection."},
	{.name = "settings",
		.kind = KEY_JSON,
		AT(settings),
		.preset_told = "`{}`",
		.meaning = "What the provider itself can be told; its manifest says what that is."},
};

COUNT_BEHIND(struct config_provider, egress, egress_count);
COUNT_BEHIND(struct config_provider, private_networks, private_network_count);
COUNT_BEHIND(struct config_provider, no_proxy, no_proxy_count);

const struct section keys_provider = {"providers.d/NAME.yaml",
	"A file per provider in the folder `providers.d` beside `davit.yaml`.", provider_keys,
	COUNT(provider_keys)};

const struct section *const keys_sections[] = {&keys_site, &log_section, &time_section,
	&http_section, &jobs_section, &secrets_section, &calls_section, &workers_section,
	&net_section, &processes_section, &keys_listener, &keys_connection, &keys_provider};

const size_t keys_section_count = COUNT(keys_sections);
