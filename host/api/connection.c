/* connection - see connection.h. */
#include "api/connection.h"

#include <string.h>

#include "api/app.h"
#include "base/fail.h"
#include "config/config.h"
#include "http/exchange.h"
#include "provider/provider.h"

static const json_t *connection_types(const struct provider *p)
{
	return json_object_get(provider_manifest(p), "connection_types");
}

static bool serves_type(const struct provider *p, const char *type)
{
	const json_t *word;
	size_t i;

	json_array_foreach(connection_types(p), i, word)
	{
		if (json_is_string(word) && strcmp(json_string_value(word), type) == 0)
			return true;
	}
	return false;
}

/* Credentials of one cloud must never reach the provider of another. */
static bool meant_for(const struct config_connection *c, const struct provider *p)
{
	if (c->provider != NULL)
		return strcmp(c->provider, provider_id(p)) == 0;
	return c->type == NULL || serves_type(p, c->type);
}

static const char *listener_id(const struct exchange *x)
{
	const struct config_listener *listener = exchange_listener(x);

	if (listener != NULL && listener->default_provider != NULL)
		return listener->default_provider;
	return NULL;
}

static const char *id_by_connection(const struct app *app, const struct config_connection *c)
{
	struct provider *p;

	if (c == NULL)
		return NULL;
	if (c->provider != NULL)
		return c->provider;
	p = c->type != NULL ? providers_for_type(app->providers, c->type) : NULL;
	return p != NULL ? provider_id(p) : NULL;
}

struct target connection_target(const struct app *app, const struct exchange *x)
{
	const char *name = exchange_query(x, "adapter_instance");
	struct target t = {.id = listener_id(x)};

	if (name != NULL && name[0] != '\0')
		t.connection = config_connection_find(app->config, name);
	if (t.id == NULL)
		t.id = id_by_connection(app, t.connection);
	if (t.id == NULL)
		t.id = app->config->default_provider;
	if (t.id != NULL)
		t.provider = providers_find(app->providers, t.id);
	if (t.provider != NULL && t.connection != NULL && !meant_for(t.connection, t.provider))
		t.connection = NULL;
	return t;
}

struct target connection_default(const struct app *app, const struct exchange *x)
{
	struct target t = {.id = listener_id(x)};

	if (t.id == NULL)
		t.id = app->config->default_provider;
	if (t.id != NULL)
		t.provider = providers_find(app->providers, t.id);
	return t;
}

bool connection_loaded(const struct app *app, const struct target *t, struct fail *f)
{
	const char *names = providers_names(app->providers);

	if (t->provider != NULL)
		return true;
	if (names[0] == '\0')
		names = "none";
	if (t->id == NULL)
		return fail_set(f, FAIL_NOT_FOUND,
			"nothing says which provider serves this; loaded are: %s", names);
	return fail_set(
		f, FAIL_NOT_FOUND, "provider '%s' is not loaded; loaded are: %s", t->id, names);
}

const char *connection_missing(const struct target *t, const struct exchange *x)
{
	if (t->connection != NULL || json_array_size(connection_types(t->provider)) == 0)
		return NULL;
	if (exchange_header(x, "Referer") == NULL)
		return "referer is missing in header";
	return "Please check if connection details are present in DB.";
}

bool connection_counts(const struct target *t)
{
	return t->provider == NULL || json_array_size(connection_types(t->provider)) > 0;
}

const char *connection_name(const struct config_connection *c)
{
	return c != NULL ? c->name : NULL;
}
