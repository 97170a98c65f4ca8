/*
 * made - the slots of objects that are made within submit and never change: data sets and
 * models. All are written once; a struct made_sort says what is special to a sort of them.
 */
#ifndef PLUGINS_LOCAL_MADE_H
#define PLUGINS_LOCAL_MADE_H

#include "objects.h"

/* A file of an object: sealed bytes under a relative path. */
struct made_file {
	const char *path;
	const char *digest;
	int64_t bytes;
};

struct made_sort {
	enum record_kind kind;
	const char *tags; /* the member of a request with its tags */

	/* Could it be made? Changes nothing. false: the call failed. */
	bool (*check)(struct local_call *c, const struct davit_sdk_json *spec);

	/* Seals its bytes and writes the members of its record that this sort alone has. false:
	 * the call failed. */
	bool (*fill)(struct local_call *c, struct davit_sdk_writer *w,
		const struct davit_sdk_json *spec);

	objects_put *put;       /* in lists, and of a job */
	objects_put *put_whole; /* asked for alone */

	/* May it go? Called after its record says "removing"; false: the call failed. May be
	 * NULL. */
	bool (*release)(struct local_call *c, const struct record *record);

	/* Deletes what else was kept of it. May be NULL. */
	void (*forget)(struct local_call *c, const struct record *record);

	/* Its files, NULL: the call failed. */
	const struct made_file *(*files)(
		struct local_call *c, const struct record *record, size_t *ret_count);
};

/* The slots; each answers or fails the call and returns its code. */
int32_t made_validate(struct local_call *c, const struct made_sort *sort);
int32_t made_submit(struct local_call *c, const struct made_sort *sort);
int32_t made_find(struct local_call *c, const struct made_sort *sort);
int32_t made_poll(struct local_call *c, const struct made_sort *sort);
int32_t made_cancel(struct local_call *c, const struct made_sort *sort);
int32_t made_get(struct local_call *c, const struct made_sort *sort);
int32_t made_list(struct local_call *c, const struct made_sort *sort);
int32_t made_remove(struct local_call *c, const struct made_sort *sort);
int32_t made_tag(struct local_call *c, const struct made_sort *sort);
int32_t made_export(struct local_call *c, const struct made_sort *sort); /* made_export.c */

/* For the start of the daemon, when nobody deletes: what a crash left marked as about to go is
 * there again, or goes where its name is gone already. */
void made_recover(struct local_call *c, const struct made_sort *sort);

/* Defines one of these slots for a sort: MADE_SLOT(datasets, get). */
#define MADE_SLOT(table, slot, sort)                                                               \
	LOCAL_SLOT(table##_##slot)                                                                 \
	{                                                                                          \
		struct local_call c;                                                               \
                                                                                                   \
		if (local_begin(&c, inst, call, request) != DAVIT_OK)                              \
			return c.sdk.code;                                                         \
		return made_##slot(&c, sort);                                                      \
	}

#define MADE_SLOTS(table, sort)                                                                    \
	MADE_SLOT(table, validate, sort)                                                           \
	MADE_SLOT(table, submit, sort)                                                             \
	MADE_SLOT(table, find, sort)                                                               \
	MADE_SLOT(table, poll, sort)                                                               \
	MADE_SLOT(table, cancel, sort)                                                             \
	MADE_SLOT(table, get, sort)                                                                \
	MADE_SLOT(table, list, sort)                                                               \
	MADE_SLOT(table, remove, sort)                                                             \
	MADE_SLOT(table, tag, sort)                                                                \
	MADE_SLOT(table, export, sort)

#endif
