/*
 * pack - the files of a folder as the bytes of one blob, so that what was named when a job was
 * accepted is what it gets. The form is the host's own: a first line, then for each file a line
 * "x BYTES NAMEBYTES" (x: may be executed; else -), its name and its bytes. [any thread]
 */
#ifndef HOST_STORE_PACK_H
#define HOST_STORE_PACK_H

#include <stdbool.h>
#include <stdint.h>

struct blob_writer;
struct fail;

/* Writes all regular files below root/folder, following no links, as fs_walk() finds them.
 * FAIL_NOT_FOUND, FAIL_FORBIDDEN, FAIL_TOO_LARGE; FAIL_CONFLICT where one is changed meanwhile. */
bool pack_folder(struct blob_writer *to, const char *root, const char *folder, struct fail *f);

/* A file in a pack; name is not checked yet. */
struct pack_file {
	const char *name;
	uint64_t bytes;
	uint64_t at; /* where its bytes begin in the pack */
	bool executable;
};

/* Calls each for every file of the pack in fd, until it returns false, which is the result then.
 * FAIL_INVALID for what is no pack. */
bool pack_each(int fd,
	bool (*each)(void *ctx, int fd, const struct pack_file *file, struct fail *f), void *ctx,
	struct fail *f);

/* Writes one of its files to path, which is new; not durable. FAIL_CONFLICT where it is there. */
bool pack_extract(int fd, const struct pack_file *file, const char *path, struct fail *f);

#endif
