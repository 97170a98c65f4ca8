/*
 * The manifest of a provider, from the note to the checked value. Its shape is what
 * plugin-api/schemas/manifest.json says (compiled in as manifest_schema_text); what a schema
 * cannot say is checked here: that the embedded schemas are ones the host understands, and
 * that interfaces, slots and kinds fit together.
 */
#include "provider/manifest.h"

#include <davit/manifest.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/schema.h"
#include "base/sha256.h"
#include "provider/elf.h"
#include "provider/manifest_schema.h"
#include "provider/names.h"
#include "provider/tables.h"
#include "secret/redact.h"
#include "secret/source.h"

/* --- the note --- */

struct found_notes {
	size_t count;
	struct elf_note note;
};

static void look_at_note(const struct elf_note *note, void *ctx)
{
	struct found_notes *found = ctx;

	if (note->type != DAVIT_MANIFEST_TYPE || note->owner_size != sizeof(DAVIT_MANIFEST_OWNER) ||
		memcmp(note->owner, DAVIT_MANIFEST_OWNER, sizeof(DAVIT_MANIFEST_OWNER)) != 0)
		return;
	if (found->count > 0 && found->note.desc == note->desc)
		return; /* one note seen through two segments */
	found->note = *note;
	found->count++;
}

static bool verify(
	const struct elf_note *note, const char **ret_text, size_t *ret_n, struct fail *f)
{
	davit_manifest_head head;
	uint8_t digest[SHA256_BYTES];
	const uint8_t *text = note->desc + sizeof(head);
	uint32_t length;

	if (note->desc_size < sizeof(head))
		return fail_set(f, FAIL_INVALID, "its manifest is cut off");
	memcpy(&head, note->desc, sizeof(head));
	length = (uint32_t)elf_load(note->desc + offsetof(davit_manifest_head, length), 4);
	if (memcmp(head.magic, DAVIT_MANIFEST_MAGIC, sizeof(head.magic)) != 0)
		return fail_set(
			f, FAIL_INVALID, "its manifest does not begin with " DAVIT_MANIFEST_MAGIC);
	if (length > DAVIT_MANIFEST_MAX)
		return fail_set(f, FAIL_INVALID, "its manifest is larger than %u KiB",
			DAVIT_MANIFEST_MAX / 1024);
	if (length != note->desc_size - sizeof(head))
		return fail_set(f, FAIL_INVALID, "the length of its manifest is wrong");
	sha256_of(text, length, digest);
	if (memcmp(digest, head.sha256, sizeof(digest)) != 0)
		return fail_set(f, FAIL_INVALID, "its manifest was changed: the SHA-256 differs");
	*ret_text = (const char *)text;
	*ret_n = length;
	return true;
}

bool manifest_find(const struct elf *e, const char **ret_text, size_t *ret_n, struct fail *f)
{
	struct found_notes found = {0};

	if (!elf_notes(e, look_at_note, &found, f))
		return false;
	if (found.count == 0)
		return fail_set(f, FAIL_INVALID,
			"it has no manifest (a " DAVIT_MANIFEST_SECTION
			" note), so it is not a provider");
	if (found.count > 1)
		return fail_set(f, FAIL_INVALID, "it has %zu manifests", found.count);
	return verify(&found.note, ret_text, ret_n, f);
}

/* --- interfaces --- */

/* One interface of the manifest under check. */
struct entry {
	const char *id;
	const struct table_interface *table;
	json_t *value;
};

static bool lists(const struct entry *e, const char *slot)
{
	const json_t *slots = json_object_get(e->value, "slots");
	const json_t *name;
	size_t i;

	json_array_foreach(slots, i, name)
	{
		if (strcmp(json_string_value(name), slot) == 0)
			return true;
	}
	return false;
}

static bool check_slots(const struct entry *e, struct fail *f)
{
	const json_t *slots = json_object_get(e->value, "slots");
	const json_t *name;
	size_t i;

	json_array_foreach(slots, i, name)
	{
		const char *text = json_string_value(name);

		if (text == NULL || table_slot(e->table, text) == NULL)
			return fail_set(f, FAIL_INVALID, "%s has no slot '%.60s'", e->id,
				text == NULL ? "" : text);
		for (size_t j = 0; j < i; j++) {
			if (strcmp(json_string_value(json_array_get(slots, j)), text) == 0)
				return fail_set(
					f, FAIL_INVALID, "%s lists slot '%s' twice", e->id, text);
		}
	}
	return true;
}

static bool check_kind(const struct entry *e, const char *kind, json_t *value,
	struct name_limits *limits, struct fail *f)
{
	const json_t *request = json_object_get(value, "request");

	if (request != NULL && !schema_valid(request, f))
		return fail_wrap(f, "%s/kinds/%.60s/request", e->id, kind);
	if (!names_narrow(limits, json_object_get(value, "name_limits"), f))
		return fail_wrap(f, "%s/kinds/%.60s", e->id, kind);
	return true;
}

static bool check_kinds(const struct entry *e, struct fail *f)
{
	json_t *kinds = json_object_get(e->value, "kinds");
	struct name_limits limits;
	const char *kind;
	json_t *value;

	if (json_object_size(kinds) > 0 && !e->table->jobs)
		return fail_set(f, FAIL_INVALID, "%s has no jobs, so it has no kinds", e->id);
	if (lists(e, "submit") && json_object_size(kinds) == 0)
		return fail_set(f, FAIL_INVALID, "%s has submit, but no kinds to submit", e->id);
	names_any(&limits);
	json_object_foreach(kinds, kind, value)
	{
		if (!check_kind(e, kind, value, &limits, f))
			return false;
	}
	return names_hold(&limits, f) || fail_wrap(f, "%s", e->id);
}

static bool check_requests(const struct entry *e, struct fail *f)
{
	json_t *requests = json_object_get(e->value, "requests");
	const char *slot;
	json_t *schema;

	json_object_foreach(requests, slot, schema)
	{
		if (!lists(e, slot))
			return fail_set(f, FAIL_INVALID,
				"%s describes the request of '%.60s', which it does not list",
				e->id, slot);
		if (!schema_valid(schema, f))
			return fail_wrap(f, "%s/requests/%.60s", e->id, slot);
	}
	return true;
}

static bool check_unsupported(const struct entry *e, struct fail *f)
{
	json_t *unsupported = json_object_get(e->value, "unsupported");
	const json_t *kinds = json_object_get(e->value, "kinds");
	const char *name;
	json_t *reason;

	json_object_foreach(unsupported, name, reason)
	{
		if (lists(e, name) || json_object_get(kinds, name) != NULL)
			return fail_set(f, FAIL_INVALID,
				"%s says why it does not support '%.60s', and lists it", e->id,
				name);
	}
	return true;
}

static bool check_interface(const char *id, json_t *value, struct fail *f)
{
	size_t index = table_index(id);
	struct entry e = {.id = id, .value = value};

	if (index == TABLE_COUNT)
		return fail_set(f, FAIL_INVALID, "this daemon knows no interface '%.60s'", id);
	e.table = &table_interfaces[index];
	if (json_int_or(value, "major", 0) != e.table->major)
		return fail_set(f, FAIL_INVALID, "it has %s/%lld, this daemon has %s/%u", id,
			(long long)json_int_or(value, "major", 0), id, e.table->major);
	return check_slots(&e, f) && check_kinds(&e, f) && check_requests(&e, f) &&
	       check_unsupported(&e, f);
}

static bool check_interfaces(const json_t *manifest, struct fail *f)
{
	json_t *interfaces = json_object_get(manifest, "interfaces");
	const char *id;
	json_t *value;

	json_object_foreach(interfaces, id, value)
	{
		if (!check_interface(id, value, f))
			return false;
	}
	return true;
}

/* --- the whole --- */

static bool check_shape(const json_t *manifest, struct fail *f)
{
	json_t *schema = json_parse((const char *)manifest_schema_text, manifest_schema_size, f);
	bool ok = schema != NULL && schema_check(schema, manifest, f);

	json_decref(schema);
	if (!ok && f != NULL && f->field[0] != '\0')
		return fail_wrap(f, "%s", f->field);
	return ok;
}

static bool check_config_schema(const json_t *manifest, struct fail *f)
{
	const json_t *schema = json_object_get(manifest, "config_schema");

	if (schema != NULL && !schema_valid(schema, f))
		return fail_wrap(f, "config_schema");
	return true;
}

#define SECRET_NAME_MAX 64

static bool check_sources(const char *name, const json_t *sources, struct fail *f)
{
	const json_t *source;
	size_t i;

	json_array_foreach(sources, i, source)
	{
		if (!source_valid(json_string_value(source), f))
			return fail_wrap(f, "secrets/%.60s/%zu", name, i);
	}
	return true;
}

static bool check_plain(const json_t *plain, const json_t *secrets, struct fail *f)
{
	const json_t *name;
	size_t i;

	json_array_foreach(plain, i, name)
	{
		if (json_object_get(secrets, json_string_value(name)) == NULL)
			return fail_set(f, FAIL_INVALID, "plain/%zu: there is no secret '%.60s'", i,
				json_string_value(name));
	}
	return true;
}

static bool check_secrets(const json_t *manifest, struct fail *f)
{
	json_t *secrets = json_object_get(manifest, "secrets");
	const char *name;
	json_t *sources;

	json_object_foreach(secrets, name, sources)
	{
		if (strlen(name) > SECRET_NAME_MAX)
			return fail_set(f, FAIL_INVALID,
				"secrets: the name '%.60s…' has more than %d bytes", name,
				SECRET_NAME_MAX);
		if (!check_sources(name, sources, f))
			return false;
	}
	return check_plain(json_object_get(manifest, "plain"), secrets, f);
}

/* Is it a secret of the manifest that no connection has under that name? */
static bool is_elsewhere(const json_t *secrets, const char *name)
{
	const json_t *sources = json_object_get(secrets, name), *source;
	size_t i;

	json_array_foreach(sources, i, source)
	{
		const char *member = source_member(json_string_value(source));

		if (member != NULL && strcmp(member, name) == 0)
			return false;
	}
	return sources != NULL;
}

static bool check_counted(
	const char *group, size_t i, const char *name, const json_t *secrets, struct fail *f)
{
	const char *slash = strrchr(name, '/');
	const char *last = slash != NULL ? slash + 1 : name;

	if (redact_is_name(last) || strcasecmp(last, "connection_details") == 0)
		return fail_set(f, FAIL_INVALID,
			"account/%s/%zu: '%.100s' is a secret, of which nothing is kept: name the "
			"member that says whose account it is, such as "
			"'/credentials/access_key_id'",
			group, i, name);
	if (is_elsewhere(secrets, name))
		return fail_set(f, FAIL_INVALID,
			"account/%s/%zu: '%.100s' is a secret that does not come from there, so "
			"that it would never count",
			group, i, name);
	return true;
}

/* What is named there and never seen would let another account pass for the same. */
static bool check_account(const json_t *manifest, struct fail *f)
{
	json_t *account = json_object_get(manifest, "account");
	const json_t *name;
	const char *group;
	json_t *names;
	size_t i;

	json_object_foreach(account, group, names)
	{
		json_array_foreach(names, i, name)
		{
			if (!check_counted(group, i, json_string_value(name),
				    json_object_get(manifest, "secrets"), f))
				return false;
		}
	}
	return true;
}

json_t *manifest_parse(const char *text, size_t n, struct fail *f)
{
	json_t *manifest = json_parse(text, n, f);

	if (manifest != NULL && check_shape(manifest, f) && check_config_schema(manifest, f) &&
		check_secrets(manifest, f) && check_account(manifest, f) &&
		check_interfaces(manifest, f))
		return manifest;
	json_decref(manifest);
	(void)fail_wrap(f, "its manifest is not valid");
	return NULL;
}

json_t *manifest_read(const struct elf *e, struct fail *f)
{
	const char *text = NULL;
	size_t n = 0;

	return manifest_find(e, &text, &n, f) ? manifest_parse(text, n, f) : NULL;
}
