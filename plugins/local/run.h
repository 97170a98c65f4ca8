/*
 * run - what all jobs have in common that are one process which runs once to its end: their
 * slots, given what is special to a sort of them. The id of a run is its submission id, which
 * is also the name of its process, so that asking for the process answers what became of a
 * submission.
 */
#ifndef PLUGINS_LOCAL_RUN_H
#define PLUGINS_LOCAL_RUN_H

#include "records.h"

struct child;

struct run_sort {
	enum record_kind record;

	/* Writes the record, and run_begin()s the process. Returns sdk.code. */
	int32_t (*start)(struct local_call *c, const char *id, const struct davit_sdk_json *spec);

	/* The members of the neutral object that this sort alone has. */
	void (*put)(struct local_call *c, struct davit_sdk_writer *w, const struct record *record,
		const struct child *child);
};

/* The slots; each answers or fails the call and returns its code. */
int32_t run_submit(struct local_call *c, const struct run_sort *sort);
int32_t run_find(struct local_call *c, const struct run_sort *sort);
int32_t run_poll(struct local_call *c, const struct run_sort *sort);
int32_t run_get(struct local_call *c, const struct run_sort *sort);
int32_t run_list(struct local_call *c, const struct run_sort *sort);
int32_t run_cancel(struct local_call *c, const struct run_sort *sort);
int32_t run_logs(struct local_call *c, const struct run_sort *sort);

/* Deletes one that has ended with its files; DAVIT_CONFLICT while it has not. */
int32_t run_remove(struct local_call *c, const struct run_sort *sort);
int32_t run_metrics(struct local_call *c);
int32_t run_outputs(struct local_call *c, const struct run_sort *sort);

#endif
