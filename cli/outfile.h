/*
 * outfile - where an output goes. A file is written beside its place and comes there whole or
 * not at all; through links to what they point to; into a device, a pipe or what is standard
 * output already directly. [one thread]
 */
#ifndef CLI_OUTFILE_H
#define CLI_OUTFILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

struct fail;

struct outfile {
	FILE *out;
	const char *file; /* as given */
	char target[PATH_MAX];
	char part[PATH_MAX]; /* "": directly */
};

/* file, "-" for standard output, is kept by the pointer. FAIL_INTERNAL and why; FAIL_DEADLINE
 * interrupted while waiting for who reads a pipe. */
bool outfile_open(struct outfile *o, const char *file, struct fail *f);

/* Brings the file to its place. Otherwise the part file is removed. */
bool outfile_finish(struct outfile *o, struct fail *f);
void outfile_drop(struct outfile *o);

/* Closes and leaves the part file there; its name, or that of what was written directly. */
const char *outfile_leave(struct outfile *o);

#endif
