/* The one list of slots against the structures of the ABI. */
#include "provider/tables.h"

#include <jansson.h>
#include <string.h>

#include "base/attr.h"
#include "unit/cmocka.h"

static const struct {
	const char *id;
	size_t size;
	size_t others; /* members that are no slots: create and destroy */
} structs[] = {
	{DAVIT_CORE, sizeof(davit_core_1), 2},
	{DAVIT_TRAINING, sizeof(davit_training_1), 0},
	{DAVIT_INFERENCE, sizeof(davit_inference_1), 0},
	{DAVIT_DEPLOYMENT, sizeof(davit_deployment_1), 0},
	{DAVIT_PIPELINES, sizeof(davit_pipelines_1), 0},
	{DAVIT_DATASETS, sizeof(davit_datasets_1), 0},
	{DAVIT_MODELS, sizeof(davit_models_1), 0},
	{DAVIT_PREDICTION, sizeof(davit_prediction_1), 0},
	{DAVIT_FUNCTIONS, sizeof(davit_functions_1), 0},
	{DAVIT_STORAGE, sizeof(davit_storage_1), 0},
	{DAVIT_ENVIRONMENTS, sizeof(davit_environments_1), 0},
};

static void every_slot_of_the_abi_is_in_the_list(void **state)
{
	(void)state;
	assert_int_equal(COUNT(structs), TABLE_COUNT);
	for (size_t i = 0; i < COUNT(structs); i++) {
		size_t index = table_index(structs[i].id);

		assert_true(index < TABLE_COUNT);
		assert_int_equal(structs[i].size,
			2 * sizeof(uint32_t) +
				(table_interfaces[index].slot_count + structs[i].others) *
					sizeof(davit_op));
	}
}

static void no_two_slots_share_a_place_or_a_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		const struct table_interface *t = &table_interfaces[i];

		for (size_t a = 0; a < t->slot_count; a++) {
			for (size_t b = 0; b < a; b++) {
				assert_int_not_equal(t->slots[a].offset, t->slots[b].offset);
				assert_string_not_equal(t->slots[a].name, t->slots[b].name);
			}
		}
	}
}

static int32_t DAVIT_CALL op(davit_instance inst, davit_call call, davit_buf request)
{
	(void)inst;
	(void)call;
	(void)request;
	return DAVIT_OK;
}

static void a_slot_past_the_end_of_a_table_is_not_there(void **state)
{
	davit_datasets_1 full = {.size = sizeof(full), .export_ = op};
	const struct table_slot *slot;

	(void)state;
	slot = table_slot(&table_interfaces[table_index(DAVIT_DATASETS)], "export");
	assert_non_null(slot);
	assert_ptr_equal(table_op(&full, slot), op);
	full.size = offsetof(davit_datasets_1, export_) + sizeof(davit_op) - 1;
	assert_null(table_op(&full, slot));
	assert_null(table_op(NULL, slot));
}

/* What changes something must have a case in the kill matrix; it cannot ask for one of a slot that
 * it does not know. */
static void the_kill_matrix_knows_every_slot(void **state)
{
	json_t *file = json_load_file(SLOTS, 0, NULL);
	const json_t *roles = json_object_get(file, "interfaces");

	(void)state;
	assert_non_null(file);
	assert_int_equal(json_object_size(roles), TABLE_COUNT);
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		const struct table_interface *t = &table_interfaces[i];
		const json_t *known = json_object_get(roles, t->id);

		assert_int_equal(json_object_size(known), t->slot_count);
		for (size_t n = 0; n < t->slot_count; n++)
			assert_true(json_is_string(json_object_get(known, t->slots[n].name)));
	}
	json_decref(file);
}

/* But a prediction is never asked for twice: who knows what it costs. */
static void what_changes_nothing_may_be_asked_twice(void **state)
{
	json_t *file = json_load_file(SLOTS, 0, NULL);
	const json_t *roles = json_object_get(file, "interfaces");

	(void)state;
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		const struct table_interface *t = &table_interfaces[i];

		for (size_t n = 0; n < t->slot_count; n++) {
			const struct table_slot *slot = &t->slots[n];
			const char *role = json_string_value(
				json_object_get(json_object_get(roles, t->id), slot->name));

			if (strcmp(role, "uncalled") != 0)
				assert_int_equal(
					slot->reads, strcmp(role, "reads") == 0 &&
							     slot->answer != TABLE_ANSWER_DATA);
		}
	}
	json_decref(file);
}

static void unknown_names_are_not_found(void **state)
{
	(void)state;
	assert_int_equal(table_index("davit.weather"), TABLE_COUNT);
	assert_null(table_slot(&table_interfaces[0], "export_"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_slot_of_the_abi_is_in_the_list),
		cmocka_unit_test(no_two_slots_share_a_place_or_a_name),
		cmocka_unit_test(a_slot_past_the_end_of_a_table_is_not_there),
		cmocka_unit_test(the_kill_matrix_knows_every_slot),
		cmocka_unit_test(what_changes_nothing_may_be_asked_twice),
		cmocka_unit_test(unknown_names_are_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
