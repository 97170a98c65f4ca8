/* cmd_site - the daemon as a whole: status, providers. */
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "cli.h"
#include "cmd.h"
#include "http.h"
#include "print.h"
#include "table.h"
#include "wait.h"

enum {
	READY_SECONDS = 30, /* a start with many jobs to be found again takes seconds */
	READY_PAUSE_MS = 50
};

/* --- providers --- */

/* "training models": what a provider can do, in words without their prefix. */
static void list_interfaces(const json_t *provider, char *text, size_t size)
{
	const char *id;
	json_t *slots;
	size_t n = 0;

	text[0] = '\0';
	json_object_foreach(json_object_get(provider, "interfaces"), id, slots)
	{
		const char *dot = strchr(id, '.');
		const char *name = dot != NULL ? dot + 1 : id;

		if (strcmp(name, "core") == 0 || n + strlen(name) + 2 > size)
			continue;
		n += (size_t)snprintf(text + n, size - n, "%s%s", n > 0 ? " " : "", name);
	}
}

int cmd_providers(struct cli *c)
{
	static const char *const heads[] = {"PROVIDER", "STATE", "VERSION", ">SLOTS", "OFFERS"};
	json_t *answer = cli_get(c, "/v1/providers");
	json_t *providers = json_object_get(answer, "providers");
	json_t *provider;
	struct table t;
	size_t i;

	if (answer == NULL)
		return c->code;
	if (c->json) {
		(void)cli_json(json_incref(providers));
		json_decref(answer);
		return EXIT_DONE;
	}
	table_init(&t, heads, sizeof(heads) / sizeof(*heads));
	json_array_foreach(providers, i, provider)
	{
		const char *reason = json_text_or(provider, "reason", NULL);
		char offers[512];

		list_interfaces(provider, offers, sizeof(offers));
		table_cell(&t, json_text_or(provider, "id", ""));
		table_cell(&t, json_text_or(provider, "state", ""));
		table_cell(&t, json_text_or(provider, "version", ""));
		table_cellf(&t, "%lld",
			(long long)json_int_or(
				json_object_get(provider, "limits"), "max_running", 0));
		table_cell(&t, reason != NULL ? reason : offers);
	}
	table_print(&t, stdout, "no providers are configured");
	json_decref(answer);
	return EXIT_DONE;
}

int cmd_providers_lift(struct cli *c)
{
	const char *id = args_word(&c->args, 0);
	json_t *answer = cli_ask(c, "POST", NULL, "/v1/providers/%s/lift", id);

	if (answer == NULL)
		return c->code;
	if (c->json)
		return cli_json(answer);
	print_line(stdout, "provider %s is %s", id, json_text_or(answer, "state", "?"));
	json_decref(answer);
	return EXIT_DONE;
}

/* --- status --- */

/* Jobs under way, by what people want to know of them. */
static const struct count {
	const char *states;
	const char *words;
	bool always; /* told of also where there are none */
} counts[] = {
	{"queued", "queued", true},
	{"submitting,running,recovering", "running", true},
	{"needs_decision", "needs_decision", true},
	{"orphaned_provider", "orphaned_provider", false},
};

static void print_count(struct cli *c, const struct count *count, const char *key)
{
	struct buf path;
	json_t *page;
	size_t n;

	buf_init(&path, PATH_LIMIT);
	buf_text(&path, "/v1/jobs?limit=1000");
	http_query(&path, "state", count->states);
	page = cli_ask_path(c, "GET", NULL, &path, NULL);
	n = json_array_size(json_object_get(page, "jobs"));
	if (page != NULL && (n > 0 || count->always))
		print_pairf(stdout, key, "%zu%s %s", n, n == 1000 ? " or more" : "", count->words);
	json_decref(page);
}

static void print_provider(const json_t *provider)
{
	const char *reason = json_text_or(provider, "reason", "");

	print_pairf(stdout, "provider", "%s %s%s%s", json_text_or(provider, "id", ""),
		json_text_or(provider, "state", ""), reason[0] != '\0' ? ": " : "", reason);
}

static int print_status(struct cli *c, json_t *about, json_t *ready, json_t *providers)
{
	json_t *provider;
	size_t i;

	print_pairf(stdout, "daemon", "%s %s at %s", json_text_or(about, "name", "?"),
		json_text_or(about, "version", "?"), http_host(c->http));
	print_pair(stdout, "state", json_text_or(ready, "status", "?"));
	json_array_foreach(json_object_get(providers, "providers"), i, provider)
	{
		print_provider(provider);
	}
	for (i = 0; i < COUNT(counts); i++)
		print_count(c, &counts[i], i == 0 ? "jobs" : "");
	return c->code;
}

/* Does it answer, and take work? */
static bool is_ready(struct http *http)
{
	const struct http_request request = {
		.method = "GET", .path = "/readyz", .timeout_ms = 1000L * READY_SECONDS};
	struct http_answer answer;
	struct fail f = {0};
	bool ready = http_ask(http, &request, &answer, &f) && answer.status == 200;

	http_answer_finish(&answer);
	return ready;
}

/* Until it is ready; in the end what is asked next tells what is wrong. Each try looks anew where
 * the daemon is: a first start makes the socket that is to be found. False: told. */
static bool await_ready(struct cli *c)
{
	int64_t end = clock_mono_ms() + 1000L * READY_SECONDS;

	for (;;) {
		struct http *http = cli_http(c);

		if (http == NULL || http_interrupted || is_ready(http) || clock_mono_ms() >= end)
			return http != NULL;
		cli_forget_host(c);
		wait_ms(READY_PAUSE_MS);
	}
}

int cmd_status(struct cli *c)
{
	json_t *about;
	json_t *ready;
	json_t *providers;

	if (args_has(&c->args, "wait") && !await_ready(c))
		return c->code;
	about = cli_get(c, "/");
	ready = about != NULL ? cli_get(c, "/readyz") : NULL;
	providers = ready != NULL ? cli_get(c, "/v1/providers") : NULL;
	if (providers == NULL)
		c->code = c->code != EXIT_DONE ? c->code : EXIT_BROKEN;
	else if (c->json)
		c->code = cli_json(json_pack("{s:s, s:O, s:O, s:O}", "host", http_host(c->http),
			"daemon", about, "ready", ready, "providers",
			json_object_get(providers, "providers")));
	else
		c->code = print_status(c, about, ready, providers);
	json_decref(about);
	json_decref(ready);
	json_decref(providers);
	return c->code;
}
