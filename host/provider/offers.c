/* What a provider offers, read from its manifest. */
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "config/config.h"
#include "provider/internal.h"

const char *provider_id(const struct provider *p)
{
	return p->config->id;
}

const char *provider_version(const struct provider *p)
{
	return json_text_or(p->manifest, "version", "");
}

const json_t *provider_manifest(const struct provider *p)
{
	return p->manifest;
}

const struct config_provider *provider_config(const struct provider *p)
{
	return p->config;
}

/* "training" of "davit.training": the word people use. */
static const char *short_name(const char *interface)
{
	const char *dot = strchr(interface, '.');

	return dot != NULL ? dot + 1 : interface;
}

static const json_t *entry_of(const struct provider *p, const char *interface)
{
	return json_object_get(json_object_get(p->manifest, "interfaces"), interface);
}

static bool refuse(const struct provider *p, const json_t *entry, const char *interface,
	const char *what, struct fail *f)
{
	const char *reason = json_text_or(json_object_get(entry, "unsupported"), what, NULL);

	return fail_set(f, FAIL_UNSUPPORTED, "provider '%s' does not offer %s of %s%s%s",
		provider_id(p), what, short_name(interface), reason != NULL ? ": " : "",
		reason != NULL ? reason : "");
}

/* After loading, tables and manifest say the same, so a table answers for both. */
bool provider_offers(const struct provider *p, const char *interface, const char *slot,
	const char *kind, struct fail *f)
{
	const json_t *entry = entry_of(p, interface);
	size_t index = table_index(interface);
	const struct table_slot *s;

	if (index == TABLE_COUNT || p->tables[index] == NULL)
		return fail_set(f, FAIL_UNSUPPORTED, "provider '%s' does not offer %s",
			provider_id(p), short_name(interface));
	s = table_slot(&table_interfaces[index], slot);
	if (s == NULL || table_op(p->tables[index], s) == NULL)
		return refuse(p, entry, interface, slot, f);
	if (kind != NULL && json_object_get(json_object_get(entry, "kinds"), kind) == NULL)
		return refuse(p, entry, interface, kind, f);
	return true;
}

const json_t *provider_entry(
	const struct provider *p, const char *interface, const char *slot, const char *kind)
{
	const json_t *entry = entry_of(p, interface);

	(void)slot; /* all job slots of a kind share its entry */
	return kind != NULL ? json_object_get(json_object_get(entry, "kinds"), kind) : entry;
}

const json_t *provider_request_schema(
	const struct provider *p, const char *interface, const char *slot, const char *kind)
{
	const json_t *entry = provider_entry(p, interface, slot, kind);

	if (kind != NULL)
		return json_object_get(entry, "request");
	return json_object_get(json_object_get(entry, "requests"), slot);
}

const char *provider_idempotency(
	const struct provider *p, const char *interface, const char *slot, const char *kind)
{
	const json_t *entry = provider_entry(p, interface, slot, kind);

	if (kind == NULL)
		entry = json_object_get(json_object_get(entry, "mutating"), slot);
	return json_text_or(entry, "idempotency", "none");
}

int64_t provider_settle_ms(
	const struct provider *p, const char *interface, const char *slot, const char *kind)
{
	return json_int_or(provider_entry(p, interface, slot, kind), "settle_ms", -1);
}

/* --- names --- */

static void read_limits(const json_t *entry, struct name_limits *limits)
{
	json_t *kinds = json_object_get(entry, "kinds");
	const char *kind;
	json_t *value;

	names_any(limits);
	if (json_object_size(kinds) == 0)
		(void)names_narrow(limits, NULL, NULL);
	json_object_foreach(kinds, kind, value)(void)
		names_narrow(limits, json_object_get(value, "name_limits"), NULL);
}

void provider_limits(struct provider *p)
{
	for (size_t i = 0; i < TABLE_COUNT; i++)
		read_limits(entry_of(p, table_interfaces[i].id), &p->limits[i]);
}

void provider_derived_name(const struct provider *p, const char *interface, const char *slot,
	const char *submission, char *name, size_t size)
{
	size_t index = table_index(interface);

	(void)slot;
	names_derive(&p->limits[index < TABLE_COUNT ? index : 0], submission, name, size);
}
