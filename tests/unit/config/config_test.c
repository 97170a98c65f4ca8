/* Tests of config: defaults, every key, complaints with file, line and the nearest key. */
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "config/read.h"
#include "platform/fs.h"
#include "support/scratch.h"
#include "unit/cmocka.h"

static const struct read_file site_file = {"davit.yaml", "/site"};

static char dir[SCRATCH_SIZE];

static int open_dir(void **state)
{
	(void)state;
	scratch_open(dir);
	return 0;
}

static int close_dir(void **state)
{
	(void)state;
	scratch_close(dir);
	return 0;
}

static struct config *load(void)
{
	struct fail f = {0};
	struct config *c = config_load(scratch_path(dir, "davit.yaml"), &f);

	if (c == NULL)
		fail_msg("%s", f.text);
	return c;
}

static void wrong_files_are_refused_with_line_and_nearest_key(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		/* unknown keys, at every level */
		{"data_dri: x\n", "davit.yaml:1: unknown key 'data_dri', did you mean 'data_dir'?"},
		{"data_dir: x\n\nruntimedir: x\n",
			"davit.yaml:3: unknown key 'runtimedir', did you mean 'runtime_dir'?"},
		{"databse: x\n", "davit.yaml:1: unknown key 'databse'; known here are data_dir, "},
		{"Listeners: []\n",
			"davit.yaml:1: unknown key 'Listeners', did you mean 'listeners'?"},
		{"import_root: []\n", "did you mean 'import_roots'?"},
		{"conections: {}\n", "did you mean 'connections'?"},
		{"log:\n  levle: info\n",
			"davit.yaml:2: unknown key 'levle', did you mean 'level'?"},
		{"isolation: jail\n", "davit.yaml:1: 'isolation' must be one of inline, worker"},
		{"log: {file: x}\n", "davit.yaml:1: unknown key 'file'; known here are level"},
		{"time:\n  utc_ofset: \"+00:00\"\n",
			"davit.yaml:2: unknown key 'utc_ofset', did you "
			"mean 'utc_offset'?"},
		{"http:\n\n  max_body: 1\n",
			"davit.yaml:3: unknown key 'max_body'; known here are"},
		{"http: {max_body_byts: 1}\n", "did you mean 'max_body_bytes'?"},
		{"jobs: {max_runing: 1}\n", "did you mean 'max_running'?"},
		{"max_queued: 5\n",
			"davit.yaml:1: unknown key 'max_queued' here; it belongs to jobs"},
		{"jobs: {level: debug}\n", "unknown key 'level' here; it belongs to log"},
		{"listeners:\n- port: 1\n  adress: ::1\n",
			"davit.yaml:3: unknown key 'adress', did you mean 'address'?"},
		{"listeners:\n- {unix: a}\n- {unxi: b}\n",
			"davit.yaml:3: unknown key 'unxi', did you mean 'unix'?"},
		/* wrong values */
		{"data_dir: [x]\n", "davit.yaml:1: 'data_dir' must be a path"},
		{"data_dir: \"\"\n", "davit.yaml:1: 'data_dir' must be a path"},
		{"store: postgres\n", "davit.yaml:1: 'store' must be sqlite:PATH"},
		{"store: \"sqlite:\"\n", "davit.yaml:1: 'store' must be sqlite:PATH"},
		{"default_provider: a b\n", "davit.yaml:1: 'default_provider' must be a name"},
		{"default_provider: ../x\n", "davit.yaml:1: 'default_provider' must be a name"},
		{"default_provider: {}\n", "davit.yaml:1: 'default_provider' must be a name"},
		{"log: info\n", "davit.yaml:1: 'log' must be a map of keys"},
		{"log: {level: inof}\n",
			"davit.yaml:1: 'level' must be debug, info, warn or error; did you mean 'info'?"},
		{"log:\n  level: loud\n",
			"davit.yaml:2: 'level' must be debug, info, warn or error"},
		{"time: {utc_offset: 5}\n", "davit.yaml:1: 'utc_offset' must be an offset from"},
		{"time: {utc_offset: \"+5:30\"}\n", "'utc_offset' must be an offset"},
		{"time: {utc_offset: \"+05:60\"}\n", "'utc_offset' must be an offset"},
		{"time: {utc_offset: \"+14:01\"}\n", "'utc_offset' must be an offset"},
		{"time: {utc_offset: \"05:30:\"}\n", "'utc_offset' must be an offset"},
		{"http: {max_header_bytes: 65535}\n",
			"davit.yaml:1: 'max_header_bytes' must be an integer from 65536 to 16777216"},
		{"http: {max_body_bytes: 1.5}\n", "'max_body_bytes' must be an integer"},
		{"http: {max_body_bytes: \"5000\"}\n", "'max_body_bytes' must be an integer"},
		{"http: {max_body_bytes: 500MiB}\n", "'max_body_bytes' must be an integer"},
		{"http: {max_body_bytes: 99999999999999999999}\n", "must be an integer"},
		{"jobs: {max_running: -1}\n", "'max_running' must be an integer from 0 to"},
		{"jobs: {timeout_seconds: -1}\n", "'timeout_seconds' must be an integer from 0 to"},
		{"jobs:\n  call_timeout_seconds: soon\n",
			"davit.yaml:2: 'call_timeout_seconds' must be an integer from 1 to 86400"},
		{"drain_seconds: true\n",
			"davit.yaml:1: 'drain_seconds' must be an integer from 0"},
		{"import_roots: /data\n", "davit.yaml:1: 'import_roots' must be a list of paths"},
		{"import_roots:\n- /a\n- {}\n",
			"davit.yaml:3: 'import_roots' must be a list of paths"},
		{"net: {egress: a.example}\n", "'egress' must be a list of at least one text"},
		{"net: {egress: []}\n", "'egress' must be a list of at least one text"},
		{"net: {egress: [\"\"]}\n", "'egress' must be a list of at least one text"},
		{"net: {max_streams: 0}\n", "'max_streams' must be an integer from 1"},
		/* listeners */
		{"listeners: {}\n", "davit.yaml:1: 'listeners' must be a list of at least one"},
		{"listeners: []\n", "davit.yaml:1: 'listeners' must be a list of at least one"},
		{"listeners:\n- 7070\n",
			"davit.yaml:2: a listener must be a map such as {port: 7070}"},
		{"listeners:\n- {address: 0.0.0.0}\n",
			"davit.yaml:2: 'address' is 0.0.0.0, but listeners have no access rules yet, so "
			"only loopback addresses are allowed"},
		{"listeners: [{address: 192.168.1.1}]\n", "only loopback addresses are allowed"},
		{"listeners: [{address: \"::\"}]\n", "only loopback addresses are allowed"},
		{"listeners: [{address: \"::ffff:127.0.0.1\"}]\n", "only loopback addresses are"},
		{"listeners: [{address: 128.0.0.1}]\n", "only loopback addresses are allowed"},
		{"listeners: [{address: localhost}]\n", "'address' must be an IP address"},
		{"listeners: [{address: 127.1}]\n", "'address' must be an IP address"},
		{"listeners: [{port: 65536}]\n", "'port' must be an integer from 0 to 65535"},
		{"listeners:\n- unix: a.sock\n  port: 1\n",
			"davit.yaml:3: 'port' stands beside 'unix': a listener is one or the other"},
		{"listeners:\n- address: 127.0.0.1\n  unix: a.sock\n",
			"davit.yaml:2: 'address' stands beside 'unix'"},
		{"listeners: [{idle_seconds: 0}]\n", "'idle_seconds' must be an integer from 1 to"},
		/* connections */
		{"connections: []\n", "davit.yaml:1: 'connections' must be a map from names"},
		{"connections:\n  a: 5\n", "davit.yaml:2: connection 'a' must be a map"},
		{"connections:\n  \"\": {}\n", "davit.yaml:2: a connection needs a name"},
		{"connections:\n  a: {provider: [x]}\n", "davit.yaml:2: 'provider' must be a name"},
		{"connections:\n  a:\n    key: 1e999\n", "davit.yaml:3: the number 1e999"},
		{"connections:\n  a:\n    proxy: socks5://p:1\n",
			"davit.yaml:3: 'proxy' must be a URL such as http://proxy.lab:3128"},
		{"connections:\n  a: {no_proxy: [b, 10.0.0.1/8]}\n",
			"davit.yaml:2: 'no_proxy': '10.0.0.1/8' is no network: bits behind its "
			"prefix are set; write 10.0.0.0/8"},
		{"connections:\n  a:\n    no_proxy:\n    - b\n    - http://x/\n",
			"davit.yaml:5: 'no_proxy': 'http://x/' is none of NAME"},
		{"connections:\n  a: {}\n  a: {}\n", "davit.yaml:3: 'a' stands here twice"},
		/* the file as a whole */
		{"- a\n", "davit.yaml:1: the file must be a map"},
		{"just text\n", "davit.yaml:1: the file must be a map"},
		{"log: {level: info\n", "davit.yaml:2: not YAML"},
		{"data_dir: a\ndata_dir: b\n", "davit.yaml:2: 'data_dir' stands here twice"},
		{"x: &a 1\n", "davit.yaml:1: anchors and aliases"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config *c = calloc(1, sizeof(*c));
		struct fail f = {0};

		assert_non_null(c);
		if (read_site(c, &site_file, rows[i].text, strlen(rows[i].text), &f))
			fail_msg("%s was read", rows[i].text);
		assert_int_equal(f.code, FAIL_INVALID);
		if (strstr(f.text, rows[i].said) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", f.text, rows[i].said);
		config_free(c);
	}
}

static void a_path_too_long_for_sockets_is_refused_with_the_limit(void **state)
{
	char text[300], folder[100];
	struct config *c;
	struct fail f = {0};

	(void)state;
	memset(folder, 'x', sizeof(folder) - 1);
	for (size_t n = 51; n <= 52; n++) { /* with the slash 52 and 53 bytes */
		snprintf(text, sizeof(text), "\nruntime_dir: /%.*s\n", (int)n, folder);
		c = calloc(1, sizeof(*c));
		assert_true(read_site(c, &site_file, text, strlen(text), &f) == (n == 51));
		config_free(c);
	}
	assert_non_null(strstr(f.text, "davit.yaml:2: 'runtime_dir' is 53 bytes long"));
	assert_non_null(strstr(f.text, "may have 52"));
	snprintf(text, sizeof(text), "listeners: [{unix: /%.*s/%.*s}]\n", 99, folder, 7, folder);
	c = calloc(1, sizeof(*c));
	assert_false(read_site(c, &site_file, text, strlen(text), &f));
	assert_non_null(strstr(f.text, "'unix' is 108 bytes long"));
	config_free(c);
}

static void a_runtime_dir_that_follows_a_long_data_dir_is_refused(void **state)
{
	struct fail f = {0};

	(void)state;
	scratch_write(dir, "davit.yaml",
		"data_dir: /srv/a-folder-with-quite-a-long-name/that-goes-on-and-on\n");
	assert_null(config_load(scratch_path(dir, "davit.yaml"), &f));
	assert_non_null(strstr(f.text, "/davit.yaml: the folder of sockets is "));
	assert_non_null(strstr(f.text, "may have 52"));
	assert_non_null(strstr(f.text, "set 'runtime_dir'"));
}

static void an_empty_file_means_the_defaults(void **state)
{
	static const char *const texts[] = {
		"", "# nothing\n", "log:\njobs: ~\nlisteners:\nimport_roots: null\n"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct config *c;

		scratch_write(dir, "davit.yaml", texts[i]);
		c = load();
		assert_string_equal(c->data_dir, "/var/lib/davit");
		assert_string_equal(c->runtime_dir, "/var/lib/davit/run");
		assert_string_equal(c->key_file, "/var/lib/davit/secret.key");
		assert_null(c->old_key_file);
		assert_string_equal(c->store, "sqlite:/var/lib/davit/davit.db");
		assert_null(c->default_provider);
		assert_string_equal(c->log_level, "info");
		assert_int_equal(c->utc_offset_minutes, 0);
		assert_int_equal(c->max_header_bytes, 65536);
		assert_int_equal(c->max_body_bytes, 500 << 20);
		assert_int_equal(c->max_body_memory_bytes, 1 << 20);
		assert_int_equal(c->max_running, 8);
		assert_int_equal(c->max_queued, 100000);
		assert_int_equal(c->max_queued_per_project, 50000);
		assert_int_equal(c->job_timeout_seconds, 0);
		assert_int_equal(c->call_timeout_seconds, 60);
		assert_int_equal(c->drain_seconds, 10);
		assert_int_equal(c->import_root_count, 0);
		assert_int_equal(c->provider_count, 0);
		assert_int_equal(c->connection_count, 0);
		assert_int_equal(c->listener_count, 2);
		assert_string_equal(c->listeners[0].address, "127.0.0.1");
		assert_int_equal(c->listeners[0].port, 7070);
		assert_null(c->listeners[0].unix_path);
		assert_null(c->listeners[1].address);
		assert_string_equal(c->listeners[1].unix_path, "/var/lib/davit/run/davitd.sock");
		assert_int_equal(c->listeners[1].max_connections, 4096);
		assert_int_equal(c->listeners[1].max_requests, 256);
		assert_int_equal(c->listeners[1].idle_seconds, 5);
		assert_int_equal(c->run_program[0], '/');
		assert_int_equal(c->worker_program[0], '/');
		assert_string_equal(c->isolation, "worker");
		assert_int_equal(c->provider_dir[0], '/');
		config_free(c);
	}
}

static const char full_site[] =
	"data_dir: data\n"
	"runtime_dir: /run/d\n"
	"secrets: {key_file: /etc/new.key, old_key_file: old.key}\n"
	"store: sqlite:db/x.db\n"
	"provider_dir: ../plugins\n"
	"run_program: /opt/davit-run\n"
	"worker_program: /opt/davit-worker\n"
	"isolation: inline\n"
	"min_sandbox: partial\n"
	"default_provider: local\n"
	"log: {level: debug}\n"
	"time:\n  utc_offset: -03:30\n"
	"http:\n  max_header_bytes: 0x20000\n  max_body_bytes: 2048\n  max_body_memory_bytes: 1024\n"
	"jobs:\n  max_running: 0\n  max_queued: 2\n  max_queued_per_project: 1\n"
	"  timeout_seconds: 3\n  call_timeout_seconds: 4\n"
	"net:\n  ca_file: ca.pem\n  egress: [a.example, \"*.b.example\"]\n  http2: false\n"
	"  max_connections: 7\n"
	"drain_seconds: 0\n"
	"import_roots: [in, /srv/in]\nexport_roots: [out]\n"
	"listeners:\n"
	"- {address: \"::1\", port: 0, default_provider: p.1, max_connections: 5, max_requests: 6}\n"
	"- {port: 5000, idle_seconds: 7}\n"
	"- {unix: s.sock}\n"
	"connections:\n"
	"  one: {proxy: \"http://p\", no_proxy: [n], provider: local, type: T, key: \"007\", n: 7, deep: {x: [true]}}\n"
	"  two words: {}\n";

static void every_key_is_read(void **state)
{
	struct config *c = calloc(1, sizeof(*c));
	struct fail f = {0};
	char *details;

	(void)state;
	if (!read_site(c, &site_file, full_site, strlen(full_site), &f))
		fail_msg("%s", f.text);
	assert_string_equal(c->data_dir, "/site/data");
	assert_string_equal(c->runtime_dir, "/run/d");
	assert_string_equal(c->key_file, "/etc/new.key");
	assert_non_null(strstr(c->old_key_file, "/old.key"));
	assert_string_equal(c->store, "sqlite:/site/db/x.db");
	assert_string_equal(c->provider_dir, "/site/../plugins");
	assert_string_equal(c->run_program, "/opt/davit-run");
	assert_string_equal(c->worker_program, "/opt/davit-worker");
	assert_string_equal(c->isolation, "inline");
	assert_string_equal(c->min_sandbox, "partial");
	assert_string_equal(c->default_provider, "local");
	assert_string_equal(c->log_level, "debug");
	assert_int_equal(c->utc_offset_minutes, -210);
	assert_int_equal(c->max_header_bytes, 131072);
	assert_int_equal(c->max_body_bytes, 2048);
	assert_int_equal(c->max_body_memory_bytes, 1024);
	assert_int_equal(c->max_running, 0);
	assert_int_equal(c->max_queued, 2);
	assert_int_equal(c->max_queued_per_project, 1);
	assert_int_equal(c->job_timeout_seconds, 3);
	assert_int_equal(c->call_timeout_seconds, 4);
	assert_string_equal(c->net.ca_file, "/site/ca.pem");
	assert_int_equal(c->net.egress_count, 2);
	assert_string_equal(c->net.egress[1], "*.b.example");
	assert_false(c->net.http2);
	assert_int_equal(c->net.max_connections, 7);
	assert_int_equal(c->net.idle_seconds, 60);
	assert_int_equal(c->drain_seconds, 0);
	assert_int_equal(c->import_root_count, 2);
	assert_string_equal(c->import_roots[0], "/site/in");
	assert_string_equal(c->import_roots[1], "/srv/in");
	assert_int_equal(c->export_root_count, 1);
	assert_string_equal(c->export_roots[0], "/site/out");
	assert_int_equal(c->listener_count, 3);
	assert_string_equal(c->listeners[0].address, "::1");
	assert_int_equal(c->listeners[0].port, 0);
	assert_string_equal(c->listeners[0].default_provider, "p.1");
	assert_int_equal(c->listeners[0].max_connections, 5);
	assert_int_equal(c->listeners[0].max_requests, 6);
	assert_string_equal(c->listeners[1].address, "127.0.0.1");
	assert_int_equal(c->listeners[1].port, 5000);
	assert_int_equal(c->listeners[1].idle_seconds, 7);
	assert_null(c->listeners[2].address);
	assert_int_equal(c->listeners[2].port, 0);
	assert_string_equal(c->listeners[2].unix_path, "/site/s.sock");
	assert_int_equal(c->connection_count, 2);
	assert_string_equal(config_connection_find(c, "one")->provider, "local");
	assert_string_equal(config_connection_find(c, "one")->type, "T");
	details = json_compact(config_connection_find(c, "one")->details, NULL);
	assert_string_equal(details, "{\"key\":\"007\",\"n\":7,\"deep\":{\"x\":[true]}}");
	free(details);
	assert_null(config_connection_find(c, "two words")->type);
	assert_null(config_connection_find(c, "three"));
	config_free(c);
}

static void loopback_addresses_are_allowed(void **state)
{
	static const char *const addresses[] = {"127.0.0.1", "127.255.1.2", "\"::1\""};

	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct config *c = calloc(1, sizeof(*c));
		char text[100];

		snprintf(text, sizeof(text), "listeners: [{address: %s}]\n", addresses[i]);
		assert_true(read_site(c, &site_file, text, strlen(text), NULL));
		config_free(c);
	}
}

static void make_providers_dir(void)
{
	assert_int_equal(mkdir(scratch_path(dir, "providers.d"), 0700), 0);
}

static void providers_are_read_in_byte_order(void **state)
{
	struct config *c;
	char folder[SCRATCH_SIZE + 40];
	const struct config_provider *p;

	(void)state;
	make_providers_dir();
	scratch_write(dir, "davit.yaml", "");
	scratch_write(dir, "providers.d/b.yaml", "provider: bee\n");
	scratch_write(dir, "providers.d/a.yaml",
		"provider: ant\nplugin: x/ant.so\nenabled: false\nmax_running: 1\nmax_calls: 2\n"
		"isolation: worker\nmax_memory_bytes: 134217728\nallow_exec: true\nsettings: {shell: true, n: 5, t: \"5\"}\n");
	scratch_write(dir, "providers.d/.hidden.yaml", "no: thing\n");
	scratch_write(dir, "providers.d/README", "no: thing\n");
	assert_int_equal(symlink("b.yaml", scratch_path(dir, "providers.d/.b.yaml.swp")), 0);
	c = load();
	assert_int_equal(c->provider_count, 2);
	assert_string_equal(c->providers[0].id, "ant");
	p = config_provider_find(c, "ant");
	assert_ptr_equal(p, &c->providers[0]);
	assert_string_equal(p->plugin, "x/ant.so");
	assert_false(p->enabled);
	assert_int_equal(p->max_running, 1);
	assert_int_equal(p->max_calls, 2);
	assert_true(p->allow_exec);
	assert_string_equal(p->isolation, "worker");
	assert_int_equal(p->max_memory, 134217728);
	assert_true(json_is_true(json_object_get(p->settings, "shell")));
	assert_int_equal(json_int_or(p->settings, "n", 0), 5);
	assert_string_equal(json_text_or(p->settings, "t", ""), "5");
	p = config_provider_find(c, "bee");
	snprintf(folder, sizeof(folder), "%s/providers.d/b.yaml", dir);
	assert_string_equal(p->file, folder);
	assert_string_equal(p->plugin, "bee.so");
	assert_null(p->isolation);
	assert_true(p->enabled);
	assert_int_equal(p->max_running, 4);
	assert_int_equal(p->max_calls, 16);
	assert_false(p->allow_exec);
	assert_int_equal(json_object_size(p->settings), 0);
	assert_null(config_provider_find(c, "cat"));
	config_free(c);
}

static void the_lines_of_settings_are_kept(void **state)
{
	static const char text[] = "provider: p\nplugin: q.so\nsettings:\n  a: 1\n  l:\n  - 2\n"
				   "  - {x/y~: 3,\n     z: 4}\n";
	static const struct {
		const char *pointer;
		int line;
	} rows[] = {
		{"", 3},
		{"/a", 4},
		{"/l", 5},
		{"/l/0", 6},
		{"/l/1", 7},
		{"/l/1/x~1y~0", 7},
		{"/l/1/z", 8},
		{"/l/1/missing", 7},
		{"/missing", 3},
		{"/a/b/c", 4},
		{"/l/2/x", 5},
		{"no pointer", 3},
	};
	static const struct read_file file = {"p.yaml", "/site"};
	struct config *c = calloc(1, sizeof(*c));
	struct fail f = {0};

	(void)state;
	if (!read_provider(c, &file, text, strlen(text), &f))
		fail_msg("%s", f.text);
	assert_int_equal(c->providers[0].line, 2);
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
			config_setting_line(&c->providers[0], rows[i].pointer), rows[i].line);
	config_free(c);
}

static void settings_that_are_absent_have_the_line_of_the_provider(void **state)
{
	static const char text[] = "\nprovider: p\n";
	static const struct read_file file = {"p.yaml", "/site"};
	struct config *c = calloc(1, sizeof(*c));

	(void)state;
	assert_true(read_provider(c, &file, text, strlen(text), NULL));
	assert_int_equal(c->providers[0].line, 2);
	assert_int_equal(config_setting_line(&c->providers[0], "/python"), 2);
	config_free(c);
}

static void wrong_files_of_providers_are_refused_by_name_and_line(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{"", "z.yaml:1: 'provider' is missing"},
		{"plugin: x.so\n", "z.yaml:1: 'provider' is missing"},
		{"provider: a/b\n", "z.yaml:1: 'provider' must be a name"},
		{"provider: z\nplugn: x\n",
			"z.yaml:2: unknown key 'plugn', did you mean 'plugin'?"},
		{"provider: z\nenabled: maybe\n", "z.yaml:2: 'enabled' must be true or false"},
		{"provider: z\nenabled: yes\n", "z.yaml:2: 'enabled' must be true or false"},
		{"provider: z\nmax_calls: 0\n", "z.yaml:2: 'max_calls' must be an integer from 1"},
		{"provider: z\nsettings: [a]\n", "z.yaml:2: 'settings' must be a map"},
		{"provider: z\nsettings:\n  a: .inf\n", "z.yaml:3: the number .inf"},
		{"provider: z\nsettings: {a: 1, a: 2}\n", "z.yaml:2: 'a' stands here twice"},
		{"provider: z\n\nproxy: not a proxy at all\n", "z.yaml:3: 'proxy' must be a URL"},
		{"provider: z\nno_proxy: ['::ffff:0:0/96']\n", "write 0.0.0.0/0"},
		{"\nprovider: bee\n", "z.yaml:2: provider 'bee' is configured already in /"},
		{"provider: z\ndata_dir: x\n",
			"z.yaml:2: unknown key 'data_dir' here; it belongs to davit.yaml"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fail f = {0};

		scratch_write(dir, "providers.d/z.yaml", rows[i].text);
		assert_null(config_load(scratch_path(dir, "davit.yaml"), &f));
		assert_int_equal(f.code, FAIL_INVALID);
		if (strstr(f.text, rows[i].said) == NULL || strstr(f.text, "/providers.d/") == NULL)
			fail_msg("\"%s\" lacks \"%s\"", f.text, rows[i].said);
	}
	unlink(scratch_path(dir, "providers.d/z.yaml"));
}

/* Whatever is wrong with it, and however short its password is. */
static void a_wrong_proxy_is_refused_without_repeating_it(void **state)
{
	static const char *const urls[] = {"user:secret7@127.0.0.1:3128",
		"user:secret7@127.0.0.1:999999", "http://user:secret7@127.0.0.1:65536",
		"http://user:secret7@127.0.0.1:0", "http://user:secret7@127.0.0.1:http",
		"http://user:secret7@p.exa mple:1", "http://user:secret7@", "http://user:secret7@/",
		"http://user:secret7/@p", "http://user:secret7?@p", "http://user:secret7@p/x",
		"http://user:secret7@p?x", "http://user:secret7@p#x", "http://user:7#secret7@p",
		"socks5://user:secret7@p", "socks5h://user:secret7@p", "socks4a://user:secret7@p",
		"ftp://user:secret7@p", "//user:secret7@p", "secret7", "http://secret7@[::1"};
	char text[128];

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++) {
		struct config *c = calloc(1, sizeof(*c));
		struct fail f = {0};
		int n = snprintf(text, sizeof(text), "connections: {a: {proxy: '%s'}}\n", urls[i]);

		if (read_site(c, &site_file, text, (size_t)n, &f))
			fail_msg("%s was taken for a proxy", urls[i]);
		assert_int_equal(f.code, FAIL_INVALID);
		assert_non_null(strstr(f.text, "davit.yaml:1: 'proxy' must be a URL"));
		assert_null(strstr(f.text, "secret7"));
		config_free(c);
	}
}

static void proxies_and_whom_they_are_not_for_are_taken_as_written(void **state)
{
	static const char *const urls[] = {"http://p", "HTTP://p.example:3128/", "https://[::1]:1",
		"https://user:se%2fcret@10.0.0.1:65535", "http://user@p_x.example."};
	static const char *const hosts[] = {"*", "a", "a.example", ".a.example", "A-1.b_c",
		"10.0.0.1", "10.0.0.0/8", "::1", "fd00::/8", "0.0.0.0/0", "::/0"};
	char text[128];

	(void)state;
	for (size_t i = 0; i < COUNT(urls) + COUNT(hosts); i++) {
		struct config *c = calloc(1, sizeof(*c));
		const char *value = i < COUNT(urls) ? urls[i] : hosts[i - COUNT(urls)];
		struct fail f = {0};
		int n = snprintf(text, sizeof(text),
			i < COUNT(urls) ? "connections: {a: {proxy: '%s'}}\n"
					: "connections: {a: {no_proxy: ['%s']}}\n",
			value);

		if (!read_site(c, &site_file, text, (size_t)n, &f))
			fail_msg("%s: %s", value, f.text);
		assert_string_equal(
			i < COUNT(urls) ? c->connections[0].proxy : c->connections[0].no_proxy[0],
			value);
		config_free(c);
	}
}

static void a_host_that_a_proxy_can_never_be_asked_for_is_refused(void **state)
{
	static const char *const hosts[] = {"http://x/", "a b", "a.", ".", "..a", "*.a", "a:80",
		"[::1]", "10.1", "3", "010.0.0.1", "10.0.0.1/8", "::ffff:0:0/96", "a/b", "x%41"};
	char text[128];

	(void)state;
	for (size_t i = 0; i < COUNT(hosts); i++) {
		struct config *c = calloc(1, sizeof(*c));
		struct fail f = {0};
		int n = snprintf(
			text, sizeof(text), "connections: {a: {no_proxy: [b, '%s']}}\n", hosts[i]);

		if (read_site(c, &site_file, text, (size_t)n, &f))
			fail_msg("%s was taken for a host", hosts[i]);
		assert_non_null(strstr(f.text, "davit.yaml:1: 'no_proxy': '"));
		assert_non_null(strstr(f.text, hosts[i]));
		config_free(c);
	}
}

static void a_provider_that_has_no_file_is_refused_with_line_and_nearest_name(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{"default_provider: bea\n",
			"/davit.yaml:1: unknown provider 'bea'; did you mean 'bee'?"},
		{"listeners:\n- {port: 1}\n- port: 2\n  default_provider: ent\n",
			"/davit.yaml:4: unknown provider 'ent'; did you mean 'ant'?"},
		{"default_provider: ant\nconnections:\n  c:\n    provider: nope\n",
			"/davit.yaml:4: unknown provider 'nope'; providers.d configures 'ant' and "
			"others"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fail f = {0};

		scratch_write(dir, "davit.yaml", rows[i].text);
		assert_null(config_load(scratch_path(dir, "davit.yaml"), &f));
		assert_int_equal(f.code, FAIL_INVALID);
		if (strstr(f.text, rows[i].said) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", f.text, rows[i].said);
	}
}

static void a_disabled_provider_may_be_named(void **state)
{
	struct config *c;

	(void)state;
	scratch_write(dir, "davit.yaml",
		"default_provider: ant\nlisteners: [{port: 1, default_provider: ant}]\n"
		"connections: {c: {provider: ant}, d: {}}\n");
	c = load();
	assert_false(config_provider_find(c, c->default_provider)->enabled);
	config_free(c);
	scratch_write(dir, "davit.yaml", "");
}

static void a_name_is_refused_where_no_provider_has_a_file(void **state)
{
	struct fail f = {0};

	(void)state;
	scratch_write(dir, "davit.yaml", "\ndefault_provider: local\n");
	assert_null(config_load(scratch_path(dir, "davit.yaml"), &f));
	assert_int_equal(f.code, FAIL_INVALID);
	assert_non_null(strstr(f.text, "/davit.yaml:2: unknown provider 'local'; providers.d "
				       "configures none"));
	scratch_write(dir, "davit.yaml", "");
}

static void a_file_that_would_be_passed_over_is_told(void **state)
{
	struct fail f = {0};

	(void)state;
	scratch_write(dir, "providers.d/c.yml", "provider: c\n");
	assert_null(config_load(scratch_path(dir, "davit.yaml"), &f));
	assert_non_null(strstr(f.text, "providers.d/c.yml: name it NAME.yaml"));
	unlink(scratch_path(dir, "providers.d/c.yml"));
}

static void files_may_be_links_as_in_config_maps(void **state)
{
	struct config *c;

	(void)state;
	assert_int_equal(mkdir(scratch_path(dir, "map"), 0700), 0);
	scratch_write(dir, "map/c.yaml", "provider: cat\n");
	assert_int_equal(symlink("../map/c.yaml", scratch_path(dir, "providers.d/c.yaml")), 0);
	c = load();
	assert_non_null(config_provider_find(c, "cat"));
	config_free(c);
}

static void a_file_that_is_not_there_is_told(void **state)
{
	struct fail f = {0};

	(void)state;
	assert_null(config_load(scratch_path(dir, "none.yaml"), &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
	assert_non_null(strstr(f.text, "none.yaml"));
	assert_null(config_load(scratch_path(dir, "no/folder/none.yaml"), &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
	config_free(NULL);
}

static void a_file_that_is_too_large_is_told(void **state)
{
	static char text[(1 << 20) + 2];
	struct fail f = {0};

	(void)state;
	memset(text, '#', sizeof(text) - 1);
	scratch_write(dir, "large.yaml", text);
	assert_null(config_load(scratch_path(dir, "large.yaml"), &f));
	assert_int_equal(f.code, FAIL_TOO_LARGE);
}

static void the_reference_in_docs_is_current(void **state)
{
	char *text = NULL, *kept = NULL;
	size_t n = 0, kept_n = 0;
	FILE *out = open_memstream(&text, &n);
	struct fail f = {0};

	(void)state;
	assert_non_null(out);
	config_reference(out);
	fclose(out);
	if (!fs_read(REFERENCE, 1 << 20, &kept, &kept_n, &f))
		fail_msg("%s", f.text);
	if (n != kept_n || memcmp(text, kept, n) != 0)
		fail_msg("write it anew: davitd --print-config-reference > docs/configuration.md");
	free(text);
	free(kept);
}

static void the_reference_tells_every_key_with_its_default(void **state)
{
	static const char *const lines[] = {
		"# Configuration\n",
		"## listeners\n",
		"| `data_dir` | path | `/var/lib/davit` | ",
		"| `max_header_bytes` | integer, 65536 to 16777216 | `65536` | ",
		"| `enabled` | true or false | `true` | ",
		"| `utc_offset` | offset, `\"-14:00\"` to `\"+14:00\"` | `\"+00:00\"` | ",
		"| `unix` | path | a TCP listener | ",
		"| `settings` | map | `{}` | ",
		"| `drain_seconds` | integer, 0 to 3600 | `10` | ",
	};
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	(void)state;
	assert_non_null(out);
	config_reference(out);
	fclose(out);
	for (size_t i = 0; i < COUNT(lines); i++) {
		if (strstr(text, lines[i]) == NULL)
			fail_msg("no \"%s\" in:\n%s", lines[i], text);
	}
	assert_null(strstr(text, "|  |")); /* no empty cell */
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_files_are_refused_with_line_and_nearest_key),
		cmocka_unit_test(a_path_too_long_for_sockets_is_refused_with_the_limit),
		cmocka_unit_test(a_runtime_dir_that_follows_a_long_data_dir_is_refused),
		cmocka_unit_test(an_empty_file_means_the_defaults),
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(loopback_addresses_are_allowed),
		cmocka_unit_test(a_name_is_refused_where_no_provider_has_a_file),
		cmocka_unit_test(providers_are_read_in_byte_order),
		cmocka_unit_test(a_provider_that_has_no_file_is_refused_with_line_and_nearest_name),
		cmocka_unit_test(a_disabled_provider_may_be_named),
		cmocka_unit_test(the_lines_of_settings_are_kept),
		cmocka_unit_test(settings_that_are_absent_have_the_line_of_the_provider),
		cmocka_unit_test(wrong_files_of_providers_are_refused_by_name_and_line),
		cmocka_unit_test(a_wrong_proxy_is_refused_without_repeating_it),
		cmocka_unit_test(proxies_and_whom_they_are_not_for_are_taken_as_written),
		cmocka_unit_test(a_host_that_a_proxy_can_never_be_asked_for_is_refused),
		cmocka_unit_test(a_file_that_would_be_passed_over_is_told),
		cmocka_unit_test(files_may_be_links_as_in_config_maps),
		cmocka_unit_test(a_file_that_is_not_there_is_told),
		cmocka_unit_test(a_file_that_is_too_large_is_told),
		cmocka_unit_test(the_reference_in_docs_is_current),
		cmocka_unit_test(the_reference_tells_every_key_with_its_default),
	};

	return cmocka_run_group_tests(tests, open_dir, close_dir);
}
