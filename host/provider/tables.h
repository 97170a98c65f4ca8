/*
 * tables - the interfaces of plugin-api as data: which slots a table has and where. All that
 * walks slots (manifest, loading, calls) goes through here. Constant. [any thread]
 */
#ifndef HOST_PROVIDER_TABLES_H
#define HOST_PROVIDER_TABLES_H

#include <davit/provider.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum table_answer {
	TABLE_ANSWER_MAY,  /* DAVIT_OK alone says all */
	TABLE_ANSWER_MUST, /* JSON or bytes */
	TABLE_ANSWER_DATA, /* the same, and they are the caller's: nothing in them is hidden */
	TABLE_ANSWER_STATE /* reply_state() */
};

struct table_slot {
	const char *name; /* as in manifests: "export", not "export_" */
	size_t offset;
	enum table_answer answer;
	bool reads; /* it changes nothing: may be asked twice for one answer */
};

struct table_interface {
	const char *id;
	uint32_t major;
	bool jobs; /* has kinds */
	const struct table_slot *slots;
	size_t slot_count;
};

#define TABLE_COUNT 11
extern const struct table_interface table_interfaces[TABLE_COUNT];

/* The index of an interface, TABLE_COUNT if there is none of that id. */
size_t table_index(const char *id);

/* The slot of that name, or NULL. */
const struct table_slot *table_slot(const struct table_interface *t, const char *name);

/* What a provider's table has in a slot; NULL also where the table ends before it. */
davit_op table_op(const void *table, const struct table_slot *slot);

#endif
