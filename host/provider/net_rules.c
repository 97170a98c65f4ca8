/* Reading manifest and configuration into the lists of net. */
#include "provider/net_rules.h"

#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "config/config.h"
#include "net/limits.h"

/* What follows prefix in text, or NULL. */
static const char *behind(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

/* The host of the URL that stands at a pointer; absent is fine. */
static bool add_url_at(struct egress_list *l, const json_t *of, const char *pointer, struct fail *f)
{
	const char *url = json_string_value(json_at(of, pointer));

	if (url == NULL || url[0] == '\0')
		return true;
	return egress_list_add_url(l, url, f) || fail_wrap(f, "%s", pointer);
}

static bool read_names(struct net_rules *r, const json_t *manifest, struct fail *f)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(manifest, "egress"), i, item)
	{
		const char *text = json_string_value(item);

		if (behind(text, "setting:") == NULL && behind(text, "connection:") == NULL &&
			!egress_list_add(&r->manifest, text, f))
			return fail_wrap(f, "manifest: egress");
	}
	return true;
}

static bool read_settings(
	struct net_rules *r, const json_t *manifest, const json_t *settings, struct fail *f)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(manifest, "egress"), i, item)
	{
		const char *pointer = behind(json_string_value(item), "setting:");

		if (pointer != NULL && !add_url_at(&r->manifest, settings, pointer, f))
			return fail_wrap(f, "settings");
	}
	return true;
}

static bool read_texts(struct egress_list *l, char *const *texts, size_t count, struct fail *f)
{
	for (size_t i = 0; i < count; i++) {
		if (!egress_list_add(l, texts[i], f))
			return fail_wrap(f, "egress");
	}
	return true;
}

static bool read_site(struct net_rules *r, const struct config_provider *config, struct fail *f)
{
	r->proxy = (struct net_proxy){config->proxy, config->no_proxy, config->no_proxy_count};
	for (size_t i = 0; i < config->private_network_count; i++) {
		if (!egress_networks_add(&r->networks, config->private_networks[i], f))
			return fail_wrap(f, "private_networks");
	}
	return read_texts(&r->provider, config->egress, config->egress_count, f);
}

static bool read_limits(struct net_rules *r, const json_t *manifest, struct fail *f)
{
	json_t *limits = json_object_get(manifest, "rate_limits");
	struct limits_rule rules[LIMITS_RULES_MAX];
	const char *operation;
	const json_t *value;
	size_t n = 0;

	if (json_object_size(limits) > LIMITS_RULES_MAX)
		return fail_set(f, FAIL_INVALID, "manifest: rate_limits: more than %d members",
			LIMITS_RULES_MAX);
	json_object_foreach(limits, operation, value)
	{
		rules[n++] = (struct limits_rule){operation,
			json_number_value(json_object_get(value, "per_second")),
			(unsigned)json_int_or(value, "burst", 0)};
	}
	r->limits = limits_create(rules, n, 0, f);
	return r->limits != NULL;
}

static bool has_metadata(const json_t *manifest)
{
	const json_t *word;
	size_t i;

	json_array_foreach(json_object_get(manifest, "grants"), i, word)
	{
		if (strcmp(json_string_value(word), "metadata") == 0)
			return true;
	}
	return false;
}

bool net_rules_of_manifest(struct net_rules *r, const json_t *manifest, struct fail *f)
{
	r->metadata = has_metadata(manifest);
	return read_names(r, manifest, f) && read_limits(r, manifest, f);
}

bool net_rules_of_config(struct net_rules *r, const json_t *manifest, const json_t *settings,
	const struct config_provider *config, struct fail *f)
{
	return read_settings(r, manifest, settings, f) && read_site(r, config, f);
}

void net_rules_close(struct net_rules *r)
{
	egress_list_finish(&r->manifest);
	egress_list_finish(&r->provider);
	egress_networks_finish(&r->networks);
	limits_destroy(r->limits);
	*r = (struct net_rules){0};
}

bool net_rules_of_connection(
	const json_t *manifest, const json_t *connection, struct egress_list *ret, struct fail *f)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(manifest, "egress"), i, item)
	{
		const char *pointer = behind(json_string_value(item), "connection:");

		if (pointer != NULL && !add_url_at(ret, connection, pointer, f))
			return fail_wrap(f, "connection");
	}
	return true;
}

bool net_rules_of_site(const struct config *config, struct egress_list *ret, struct fail *f)
{
	return read_texts(ret, config->net.egress, config->net.egress_count, f) ||
	       fail_wrap(f, "net");
}

struct net_proxy net_rules_proxy(
	const struct net_rules *r, const struct config *config, const char *name)
{
	const struct config_connection *c =
		name != NULL ? config_connection_find(config, name) : NULL;

	if (c == NULL || (c->proxy == NULL && c->no_proxy == NULL))
		return r->proxy;
	return (struct net_proxy){
		c->proxy != NULL ? c->proxy : r->proxy.url, c->no_proxy, c->no_proxy_count};
}
