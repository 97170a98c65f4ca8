/*
 * requirements - what a Python environment is to hold, as its caller wrote it and as lines that
 * mean the same: without comments, blank lines and continuations.
 */
#ifndef PLUGINS_LOCAL_REQUIREMENTS_H
#define PLUGINS_LOCAL_REQUIREMENTS_H

#include "local.h"

struct requirements {
	const char *const *lines; /* the call's memory */
	size_t count;             /* 0: nothing is asked for */
};

/*
 * Reads a text, an array of lines or a source object ({"path"|"text"|"uri"|"upload"|"blob"});
 * NULL is nothing. Refused: what requirement_line.h refuses, control bytes, more than
 * 1000 lines or 256 KiB. false: the call failed, naming pointer.
 */
bool requirements_read(struct local_call *c, const struct davit_sdk_json *member,
	const char *pointer, struct requirements *ret);

/* Could it be read? Files that it names must be there. false: the call failed. */
bool requirements_check(
	struct local_call *c, const struct davit_sdk_json *member, const char *pointer);

#endif
