/* Which changes of the configuration keep a job away from where they lead. The providers are made
 * here: all that is asked of one is its manifest. */
#include "jobs/account.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "config/config.h"
#include "jobs/job.h"
#include "jobs/tracker.h"
#include "provider/provider.h"
#include "unit/cmocka.h"

static json_t *manifest; /* of the one provider; NULL: it is not loaded */

struct provider *providers_find(struct providers *ps, const char *id)
{
	(void)id;
	return manifest != NULL ? (struct provider *)ps : NULL;
}

const json_t *provider_manifest(const struct provider *p)
{
	(void)p;
	return manifest;
}

static json_t *parsed(const char *text)
{
	struct fail f = {0};
	json_t *value = json_parse(text, strlen(text), &f);

	if (value == NULL)
		fail_msg("%s: %s", text, f.text);
	return value;
}

/* --- a site --- */

static char p_id[] = "p", c_name[] = "c", i_name[] = "davit.training";
static char train[] = "train", removal[] = "remove";

struct site {
	struct config_provider provider;
	struct config_connection connection;
	struct config config;
	struct tracker_options options;
};

static void site_make(
	struct site *s, const char *says, const char *settings, const char *connection)
{
	manifest = parsed(says);
	s->provider = (struct config_provider){.id = p_id, .settings = parsed(settings)};
	s->connection = (struct config_connection){.name = c_name, .details = parsed(connection)};
	s->config = (struct config){.providers = &s->provider,
		.provider_count = 1,
		.connections = &s->connection,
		.connection_count = 1};
	s->options =
		(struct tracker_options){.providers = (struct providers *)s, .config = &s->config};
}

static void site_finish(struct site *s)
{
	json_decref(manifest);
	json_decref(s->provider.settings);
	json_decref(s->connection.details);
	manifest = NULL;
}

static struct job job_of(char *kind, int64_t epoch, char *account)
{
	return (struct job){.state = JOB_RUNNING,
		.epoch = epoch,
		.provider = p_id,
		.interface = i_name,
		.kind = kind,
		.connection = c_name,
		.account = account};
}

/* --- what leads elsewhere --- */

#define NAMED "{\"account\": {\"settings\": [\"url\"], \"connection\": [\"who\"]}}"
#define KEPT  "{\"secrets\": {\"x\": [\"connection:/in/pass\", \"connection:mark\", \"env:X\"]}}"
#define PROFILE                                                                                    \
	"{\"account\": {\"connection\": [\"profile\"]},"                                           \
	" \"secrets\": {\"p\": [\"connection:profile\", \"text:default\"]}}"
#define INSIDE "{\"account\": {\"connection\": [\"/credentials/access_key_id\", \"in\"]}}"
#define CREDENTIALS(id, secret)                                                                    \
	"{\"credentials\": {\"access_key_id\": \"" id "\", \"secret_access_key\": \"" secret "\"}}"
#define URL "{\"url\": \"https://a\"}"

static const struct {
	const char *before, *settings, *connection; /* the manifest, and what it is begun with */
	const char *after, *settings_now, *connection_now;
	const char *told; /* the names of what has changed; NULL: it goes on */
} changes[] = {
	/* nothing is named: texts count */
	{"{}", URL, "{}", "{}", URL, "{}", NULL},
	{"{}", URL, "{}", "{}", "{\"url\": \"https://b\"}", "{}", "(settings/url)"},
	{"{}", "{\"timeout_s\": 3, \"http2\": true}", "{}", "{}",
		"{\"timeout_s\": 4.5, \"http2\": false}", "{}", NULL},
	{"{}", URL, "{}", "{}", "{\"url\": \"https://a\", \"retry\": {\"most\": [3]}}", "{}", NULL},
	{"{}", "{\"at\": {\"url\": \"a\", \"ms\": 1}, \"list\": [1, \"r\"]}", "{}", "{}",
		"{\"at\": {\"ms\": 2, \"url\": \"a\"}, \"list\": [\"r\", 2]}", "{}", NULL},
	{"{}", "{\"at\": {\"url\": \"a\"}}", "{}", "{}", "{\"at\": {\"url\": \"b\"}}", "{}",
		"(settings/at)"},
	{"{}", URL, "{}", "{}", "{}", "{}", "(settings/url)"},
	{"{}", "{}", "{}", "{}", URL, "{}", "(settings/url)"},
	{"{}", "{}", "{\"role\": \"r\"}", "{}", "{}", "{\"role\": \"q\"}", "(connection/role)"},
	/* secrets never do */
	{"{}", "{}", "{\"client_secret\": \"s\"}", "{}", "{}", "{\"client_secret\": \"t\"}", NULL},
	{KEPT, "{}", "{\"in\": {\"pass\": \"s\"}, \"mark\": \"m\", \"who\": \"w\"}", KEPT, "{}",
		"{\"in\": {\"pass\": \"t\"}, \"mark\": \"n\", \"who\": \"w\"}", NULL},
	{KEPT, "{}", "{\"in\": {\"pass\": \"s\", \"who\": \"w\"}}", KEPT, "{}",
		"{\"in\": {\"pass\": \"s\", \"who\": \"v\"}}", "(connection/in)"},
	/* what is named, and nothing else */
	{NAMED, URL, "{\"who\": \"w\"}", NAMED, "{\"url\": \"https://a\", \"level\": \"info\"}",
		"{\"who\": \"w\", \"note\": \"n\"}", NULL},
	{NAMED, URL, "{\"who\": \"w\"}", NAMED, URL, "{\"who\": \"v\"}", "(connection/who)"},
	{NAMED, URL, "{\"who\": 1}", NAMED, URL, "{\"who\": 2}", "(connection/who)"},
	{NAMED, URL, "{}", NAMED, "{}", "{\"who\": \"v\"}", "(connection/who, settings/url)"},
	{PROFILE, "{}", "{\"profile\": \"a\"}", PROFILE, "{}", "{\"profile\": \"b\"}",
		"(connection/profile)"},
	/* what is named inside of secrets counts, and secrets inside of what is named do not */
	{INSIDE, "{}", CREDENTIALS("a", "s"), INSIDE, "{}", CREDENTIALS("a", "t"), NULL},
	{INSIDE, "{}", CREDENTIALS("a", "s"), INSIDE, "{}", CREDENTIALS("b", "s"),
		"(connection/credentials/access_key_id)"},
	{INSIDE, "{}", "{\"in\": {\"token\": \"s\"}}", INSIDE, "{}", "{\"in\": {\"token\": \"t\"}}",
		NULL},
	/* a provider that names it since counts nothing that was not compared before */
	{"{}", "{\"url\": \"https://a\", \"level\": \"info\"}", "{}", NAMED,
		"{\"url\": \"https://a\", \"level\": \"warn\"}", "{\"who\": \"w\"}", NULL},
	{"{}", URL, "{}", NAMED, "{\"url\": \"https://b\"}", "{}", "(settings/url)"},
};

static void compare(size_t i, struct site *s, char *begun)
{
	struct job job = job_of(train, 1, begun);
	struct account_state state;

	site_make(s, changes[i].after, changes[i].settings_now, changes[i].connection_now);
	assert_true(account_look(&s->options, &job, &state));
	if ((state.away == NULL) != (changes[i].told == NULL) ||
		state.moved != (state.away != NULL))
		fail_msg("row %zu: %s", i, state.away != NULL ? state.away : "goes on");
	if (changes[i].told != NULL && strstr(state.away, changes[i].told) == NULL)
		fail_msg("row %zu: %s", i, state.away);
	free(state.away);
	free(state.now);
	site_finish(s);
}

static void a_job_goes_on_only_where_it_was_begun(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		struct job job = job_of(train, 0, NULL);
		struct site s;
		char *begun;

		site_make(&s, changes[i].before, changes[i].settings, changes[i].connection);
		assert_true(account_now(&s.options, &job, &begun));
		site_finish(&s);
		assert_null(strstr(begun, "https")); /* digests */
		compare(i, &s, begun);
		free(begun);
	}
}

static void what_was_never_begun_begins_where_the_configuration_leads(void **state)
{
	static const struct {
		char *kind;
		int64_t epoch;
		bool old, away;
	} rows[] = {
		{train, 0, false, false},
		{train, 1, false, true},
		{train, 1, true, false}, /* of a database that did not keep it */
		{removal, 1, false, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char begun[] = "{\"settings/url\":\"0000000000000000\"}";
		struct job job = job_of(rows[i].kind, rows[i].epoch, rows[i].old ? NULL : begun);
		struct account_state now;
		struct site s;

		site_make(&s, "{}", URL, "{}");
		assert_true(account_look(&s.options, &job, &now));
		assert_int_equal(now.away != NULL, rows[i].away);
		assert_int_equal(now.now != NULL, !rows[i].away); /* to be kept */
		free(now.away);
		free(now.now);
		site_finish(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_goes_on_only_where_it_was_begun),
		cmocka_unit_test(what_was_never_begun_begins_where_the_configuration_leads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
