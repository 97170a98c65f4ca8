/* see learn.h */
#include "provider/learn.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "config/config.h"
#include "provider/call.h"
#include "provider/internal.h"
#include "provider/keep.h"
#include "secret/crypto.h"
#include "secret/redact.h"
#include "secret/source.h"

#define PROGRAM_MS     10000 /* that a log waits for a program, and no more than half its time */
#define PROGRAM_AGAIN  30000 /* ms after one failed: no log waits for it meanwhile */
#define PROGRAMS_KNOWN 64    /* secrets of which it is known that their program was asked */

static bool is_program(const char *source)
{
	return strncmp(source, "exec:", 5) == 0;
}

bool learn_is_plain(const struct provider *p, const char *name)
{
	const json_t *plain = json_object_get(p->manifest, "plain");
	const json_t *one;
	size_t i;

	json_array_foreach(plain, i, one)
	{
		if (strcmp(json_string_value(one), name) == 0)
			return true;
	}
	return false;
}

/* Calls each(value, n, ctx) with what source has, if it has something that must not be seen. */
static bool read_source_why(const char *source, const struct source_place *place,
	void (*each)(void *ctx, const void *value, size_t n), void *ctx, struct fail *f)
{
	char *value = NULL;
	size_t n = 0;
	bool has = !source_is_plain(source) && source_read(source, place, &value, &n, f);

	if (has) {
		each(ctx, value, n);
		crypto_cleanse(value, n);
	}
	free(value);
	return has;
}

static bool read_source(const char *source, const struct source_place *place,
	void (*each)(void *ctx, const void *value, size_t n), void *ctx)
{
	return read_source_why(source, place, each, ctx, NULL);
}

/* --- at the start --- */

static void learn_for_all(void *ctx, const void *value, size_t n)
{
	(void)ctx;
	redact_learn_source(value, n);
}

static void learn_of_site(void *ctx, const void *value, size_t n)
{
	(void)ctx;
	redact_learn(REDACT_SITE, value, n);
}

static bool is_for(const struct config_connection *connection, const struct provider *p)
{
	if (connection->provider != NULL)
		return strcmp(connection->provider, provider_id(p)) == 0;
	return connection->type == NULL || provider_serves(p, connection->type);
}

static void learn_connections(const struct provider *p, const char *source)
{
	const struct config *config = p->all->host.config;
	struct source_place place = {0};

	for (size_t i = 0; i < config->connection_count; i++) {
		place.connection = config->connections[i].details;
		if (is_for(&config->connections[i], p))
			(void)read_source(source, &place, learn_of_site, NULL);
	}
}

static void learn_source(const struct provider *p, const char *source)
{
	const struct source_place place = {
		.environment = (const char *const *)environ,
		.named = json_object_get(p->manifest, "secrets"),
	};

	if (source_member(source) != NULL)
		learn_connections(p, source);
	else
		(void)read_source(source, &place, learn_for_all, NULL);
}

void learn_at_start(struct provider *p)
{
	json_t *secrets = json_object_get(p->manifest, "secrets");
	const char *name;
	json_t *sources, *source;
	size_t i;

	json_object_foreach(secrets, name, sources)
	{
		if (learn_is_plain(p, name))
			continue;
		json_array_foreach(sources, i, source)
		{
			learn_source(p, json_string_value(source));
		}
	}
	if (secrets != NULL)
		keep_learn(p);
}

/* --- for a call --- */

static void learn_in_call(void *ctx, const void *value, size_t n)
{
	struct call *c = ctx;

	call_secrets_learn(&c->secrets, value, n);
}

static bool stopped(void *ctx)
{
	return call_stopped(ctx) != DAVIT_OK;
}

/* A program that printed a secret is asked no more, and after one failed none is for a while.
 * place: of the secret in the manifest. */
static bool may_ask(struct provider *p, size_t place)
{
	if (clock_mono_ms() < atomic_load(&p->programs_again))
		return false;
	return place >= PROGRAMS_KNOWN || (atomic_load(&p->programs_asked) >> place & 1) == 0;
}

static void note_program(struct provider *p, size_t place, bool has)
{
	if (!has)
		atomic_store(&p->programs_again, clock_mono_ms() + PROGRAM_AGAIN);
	else if (place < PROGRAMS_KNOWN)
		(void)atomic_fetch_or(&p->programs_asked, UINT64_C(1) << place);
}

/* All sources of a secret but programs, which are asked where none before them has it. */
static void learn_secret(
	struct call *c, const struct source_place *where, const json_t *sources, size_t place)
{
	bool has = false;
	const json_t *source;
	size_t i;

	json_array_foreach(sources, i, source)
	{
		const char *text = json_string_value(source);
		struct fail why = {0};

		if (!is_program(text)) {
			has = read_source(text, where, learn_in_call, c) || has;
		} else if (!has && may_ask(c->provider, place)) {
			has = read_source_why(text, where, learn_in_call, c, &why);
			/* it may have ended with its reader, or there is no such program */
			if (has || !(stopped(c) || (text[5] == '@' && why.code == FAIL_NOT_FOUND)))
				note_program(c->provider, place, has);
		}
	}
}

static int64_t time_for_programs(const struct call *c)
{
	int64_t half = (c->deadline - clock_mono_ms()) / 2;

	return half < PROGRAM_MS ? half : PROGRAM_MS;
}

void learn_for_call(struct call *c)
{
	const struct source_place where = {
		.connection = c->connection,
		.environment = (const char *const *)environ,
		.named = json_object_get(c->provider->manifest, "secrets"),
		.may_exec = c->provider->config->allow_exec,
		.timeout_ms = time_for_programs(c),
		.stopped = stopped,
		.ctx = c,
	};
	const char *name;
	json_t *sources;
	size_t place = 0;

	if (call_is_callers(c))
		return; /* what the site has is not its; the details are known */
	json_object_foreach(json_object_get(c->provider->manifest, "secrets"), name, sources)
	{
		if (!learn_is_plain(c->provider, name))
			learn_secret(c, &where, sources, place);
		place++;
	}
}

/* --- details --- */

static void add_detail(void *ctx, const void *value, size_t n)
{
	struct call *c = ctx;

	if (call_is_callers(c) || n < REDACT_LEAST_SHARED)
		redact_scope_add(&c->scope, value, n);
}

void learn_details(struct call *c)
{
	const struct source_place where = {.connection = c->connection};
	const char *name;
	json_t *sources, *source;
	size_t i;

	if (c->connection == NULL)
		return;
	json_object_foreach(json_object_get(c->provider->manifest, "secrets"), name, sources)
	{
		if (learn_is_plain(c->provider, name))
			continue;
		json_array_foreach(sources, i, source)
		{
			if (source_member(json_string_value(source)) != NULL)
				(void)read_source(json_string_value(source), &where, add_detail, c);
		}
	}
}
