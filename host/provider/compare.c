/* The tables of a loaded provider against its manifest: each slot is in both or in neither. */
#include <string.h>

#include "base/fail.h"
#include "provider/internal.h"
#include "provider/worker.h"

static bool lists(const json_t *entry, const char *slot)
{
	const json_t *slots = json_object_get(entry, "slots");
	const json_t *name;
	size_t i;

	json_array_foreach(slots, i, name)
	{
		if (strcmp(json_string_value(name), slot) == 0)
			return true;
	}
	return false;
}

static bool compare_slots(
	const struct table_interface *t, const json_t *entry, const void *table, struct fail *f)
{
	for (size_t i = 0; i < t->slot_count; i++) {
		bool listed = lists(entry, t->slots[i].name);
		bool filled = table_op(table, &t->slots[i]) != NULL;

		if (listed == filled)
			continue;
		return fail_set(f, FAIL_INVALID,
			listed ? "its manifest lists %s of %s, its table has it not"
			       : "its table has %s of %s, its manifest does not list it",
			t->slots[i].name, t->id);
	}
	return true;
}

static const void *table_of(const struct provider *p, const struct table_interface *t)
{
	return p->home != NULL ? worker_table(p, t->id) : p->query(t->id, t->major);
}

static bool compare_table(struct provider *p, size_t index, struct fail *f)
{
	const struct table_interface *t = &table_interfaces[index];
	const json_t *entry = json_object_get(json_object_get(p->manifest, "interfaces"), t->id);
	const void *table = table_of(p, t);

	if (table == NULL && entry != NULL)
		return fail_set(f, FAIL_INVALID, "its manifest lists %s/%u, its code has it not",
			t->id, t->major);
	if (table != NULL && entry == NULL)
		return fail_set(f, FAIL_INVALID,
			"its code has %s/%u, its manifest does not list it", t->id, t->major);
	if (table != NULL && !compare_slots(t, entry, table, f))
		return false;
	p->tables[index] = table;
	return true;
}

/* davit.core needs no entry in the manifest; where it has one, check must agree. */
static bool compare_core(struct provider *p, struct fail *f)
{
	const struct table_interface *t = &table_interfaces[table_index(DAVIT_CORE)];
	const json_t *entry = json_object_get(json_object_get(p->manifest, "interfaces"), t->id);
	const davit_core_1 *core = table_of(p, t);

	if (core == NULL || !DAVIT_HAS(core, davit_core_1, create) ||
		!DAVIT_HAS(core, davit_core_1, destroy))
		return fail_set(f, FAIL_INVALID, "it has no davit.core/1 with create and destroy");
	p->core = core;
	p->tables[table_index(DAVIT_CORE)] = core;
	return entry == NULL || compare_slots(t, entry, core, f);
}

bool provider_compare(struct provider *p, struct fail *f)
{
	if (!compare_core(p, f))
		return false;
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		if (i != table_index(DAVIT_CORE) && !compare_table(p, i, f))
			return false;
	}
	return true;
}
