/* The one list of interfaces and slots. */
#include "provider/tables.h"

#include <string.h>

#include "base/attr.h"

#define JOB_SLOTS                                                                                  \
	{"validate", offsetof(davit_jobs_1, validate), TABLE_ANSWER_MAY, true},                    \
		{"submit", offsetof(davit_jobs_1, submit), TABLE_ANSWER_STATE, false},             \
		{"find", offsetof(davit_jobs_1, find), TABLE_ANSWER_STATE, true},                  \
		{"poll", offsetof(davit_jobs_1, poll), TABLE_ANSWER_STATE, true},                  \
		{"cancel", offsetof(davit_jobs_1, cancel), TABLE_ANSWER_MAY, false},               \
		{"get", offsetof(davit_jobs_1, get), TABLE_ANSWER_MUST, true},                     \
		{"list", offsetof(davit_jobs_1, list), TABLE_ANSWER_MUST, true},                   \
		{"remove", offsetof(davit_jobs_1, remove), TABLE_ANSWER_MUST, false},              \
		{"logs", offsetof(davit_jobs_1, logs), TABLE_ANSWER_MUST, true},                   \
		{"metrics", offsetof(davit_jobs_1, metrics), TABLE_ANSWER_MUST, true},             \
		{"migrate_ref", offsetof(davit_jobs_1, migrate_ref), TABLE_ANSWER_MUST, true},     \
	{                                                                                          \
		"outputs", offsetof(davit_jobs_1, outputs), TABLE_ANSWER_MUST, true                \
	}

static const struct table_slot core_slots[] = {
	{"check", offsetof(davit_core_1, check), TABLE_ANSWER_MUST, true},
};

static const struct table_slot job_slots[] = {JOB_SLOTS};

static const struct table_slot dataset_slots[] = {
	JOB_SLOTS,
	{"export", offsetof(davit_datasets_1, export_), TABLE_ANSWER_MUST, false},
	{"tag", offsetof(davit_datasets_1, tag), TABLE_ANSWER_MUST, false},
};

static const struct table_slot model_slots[] = {
	JOB_SLOTS,
	{"export", offsetof(davit_models_1, export_), TABLE_ANSWER_MUST, false},
	{"tag", offsetof(davit_models_1, tag), TABLE_ANSWER_MUST, false},
};

static const struct table_slot prediction_slots[] = {
	{"infer", offsetof(davit_prediction_1, infer), TABLE_ANSWER_DATA, false},
	{"explain", offsetof(davit_prediction_1, explain), TABLE_ANSWER_DATA, false},
};

static const struct table_slot function_slots[] = {
	{"execute", offsetof(davit_functions_1, execute), TABLE_ANSWER_DATA, false},
};

static const struct table_slot environment_slots[] = {
	{"list", offsetof(davit_environments_1, list), TABLE_ANSWER_MUST, true},
	{"remove", offsetof(davit_environments_1, remove), TABLE_ANSWER_MUST, false},
};

static const struct table_slot storage_slots[] = {
	{"put", offsetof(davit_storage_1, put), TABLE_ANSWER_DATA, false},
	{"get", offsetof(davit_storage_1, get), TABLE_ANSWER_DATA, false},
	{"head", offsetof(davit_storage_1, head), TABLE_ANSWER_DATA, false},
	{"list", offsetof(davit_storage_1, list), TABLE_ANSWER_DATA, false},
	{"remove", offsetof(davit_storage_1, remove), TABLE_ANSWER_DATA, false},
	{"copy", offsetof(davit_storage_1, copy), TABLE_ANSWER_DATA, false},
	{"presign", offsetof(davit_storage_1, presign), TABLE_ANSWER_DATA, false},
	{"multipart", offsetof(davit_storage_1, multipart), TABLE_ANSWER_DATA, false},
	{"features", offsetof(davit_storage_1, features), TABLE_ANSWER_DATA, false},
};

const struct table_interface table_interfaces[TABLE_COUNT] = {
	{DAVIT_CORE, 1, false, core_slots, COUNT(core_slots)},
	{DAVIT_TRAINING, 1, true, job_slots, COUNT(job_slots)},
	{DAVIT_INFERENCE, 1, true, job_slots, COUNT(job_slots)},
	{DAVIT_DEPLOYMENT, 1, true, job_slots, COUNT(job_slots)},
	{DAVIT_PIPELINES, 1, true, job_slots, COUNT(job_slots)},
	{DAVIT_DATASETS, 1, true, dataset_slots, COUNT(dataset_slots)},
	{DAVIT_MODELS, 1, true, model_slots, COUNT(model_slots)},
	{DAVIT_PREDICTION, 1, false, prediction_slots, COUNT(prediction_slots)},
	{DAVIT_FUNCTIONS, 1, false, function_slots, COUNT(function_slots)},
	{DAVIT_STORAGE, 1, false, storage_slots, COUNT(storage_slots)},
	{DAVIT_ENVIRONMENTS, 1, false, environment_slots, COUNT(environment_slots)},
};

size_t table_index(const char *id)
{
	size_t i = 0;

	while (i < TABLE_COUNT && strcmp(table_interfaces[i].id, id) != 0)
		i++;
	return i;
}

const struct table_slot *table_slot(const struct table_interface *t, const char *name)
{
	for (size_t i = 0; i < t->slot_count; i++) {
		if (strcmp(t->slots[i].name, name) == 0)
			return &t->slots[i];
	}
	return NULL;
}

davit_op table_op(const void *table, const struct table_slot *slot)
{
	uint32_t size;
	davit_op op = NULL;

	if (table == NULL)
		return NULL;
	memcpy(&size, table, sizeof(size)); /* first member of every table */
	if (size >= slot->offset + sizeof(op))
		memcpy(&op, (const char *)table + slot->offset, sizeof(op));
	return op;
}
