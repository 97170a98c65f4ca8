/*
 * progress_file - the lines of the file to which a script writes its progress. What is read at
 * once is bounded, and so is what is read of a long file.
 */
#ifndef PLUGINS_LOCAL_PROGRESS_FILE_H
#define PLUGINS_LOCAL_PROGRESS_FILE_H

#include "local.h"

struct progress_file {
	struct local_call *c;
	davit_blob blob;
	uint64_t length; /* 0: empty, or there is none */
};

/* A line of it: an object, and where it stands. */
struct progress_line {
	const struct davit_sdk_json *value;
	uint64_t at;
	size_t n;
};

/* false: the call failed. */
bool progress_open(struct local_call *c, const char *name, struct progress_file *ret_file);
void progress_close(struct progress_file *file);

/* Gives each line from the byte offset on to see; of very much, pieces from all over it with its
 * end. What is no object is passed over. The value is gone when see returns. false: the call
 * failed. */
bool progress_walk(struct progress_file *file, uint64_t from,
	void (*see)(void *ctx, const struct progress_line *line), void *ctx);

/* The n bytes at a place that a walk told, read as JSON that stays; NULL: the call failed, or the
 * file is another one now. */
const struct davit_sdk_json *progress_again(struct progress_file *file, uint64_t at, size_t n);

#endif
