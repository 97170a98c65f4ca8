/*
 * envelope_default - the rows of providers whose manifest says nothing about rows: the twenty
 * members the platform's parsers look for, and id and name for people.
 */
#include "api/envelope.h"

#include "base/attr.h"

#define DATE "date:yyyy-MM-dd'T'HH:mm:ss.SSS"

/* clang-format off */
static const struct {
	const char *key;
	struct envelope_rule rule;
} members[] = {
	{"id", {ENVELOPE_POINTER, "/id", "text", NULL, NULL}},
	{"name", {ENVELOPE_POINTER, "/name", NULL, NULL, NULL}},
	{"container", {ENVELOPE_POINTER, "/container", NULL, NULL, NULL}},
	{"adapter", {ENVELOPE_CONTEXT, "adapter_instance", NULL, NULL, NULL}},
	{"rawPayload", {ENVELOPE_POINTER, "", "json", NULL, NULL}},
	{"description", {ENVELOPE_POINTER, "/description", NULL, NULL, ""}},
	{"organization", {ENVELOPE_CONTEXT, "project", NULL, NULL, NULL}},
	{"type", {ENVELOPE_POINTER, "/type", NULL, NULL, NULL}},
	{"createdOn", {ENVELOPE_POINTER, "/created", DATE, NULL, NULL}},
	{"syncDate", {ENVELOPE_POINTER, "/created", DATE, NULL, NULL}},
	{"modifiedOn", {ENVELOPE_POINTER, "/updated", DATE, NULL, NULL}},
	{"sourceOrg", {ENVELOPE_CONTEXT, "project", NULL, NULL, NULL}},
	{"createdBy", {ENVELOPE_POINTER, "/created_by", NULL, NULL, "user"}},
	{"metaData", {ENVELOPE_POINTER, "/labels", "json", NULL, NULL}},
	{"Id", {ENVELOPE_POINTER, "/id", "text", NULL, NULL}},
	{"SourceID", {ENVELOPE_POINTER, "/id", "text", NULL, NULL}},
	{"sourceName", {ENVELOPE_POINTER, "/name", NULL, NULL, NULL}},
	{"adapterId", {ENVELOPE_CONTEXT, "adapter_id", NULL, NULL, NULL}},
	{"status", {ENVELOPE_POINTER, "/state", NULL, NULL, ""}},
	{"likes", {ENVELOPE_POINTER, "/version", NULL, NULL, NULL}},
	{"artifacts", {ENVELOPE_POINTER, "/uri", NULL, NULL, NULL}},
	{"deployment", {ENVELOPE_POINTER, "/deployment", NULL, NULL, NULL}},
};
/* clang-format on */

bool envelope_put_default(
	json_t *row, const json_t *neutral, const struct envelope_context *context)
{
	for (size_t i = 0; i < COUNT(members); i++) {
		json_t *value = envelope_value(&members[i].rule, neutral, context);

		if (json_object_set_new(row, members[i].key, value) != 0)
			return false;
	}
	return true;
}
