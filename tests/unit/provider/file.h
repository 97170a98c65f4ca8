/* file - the bytes of a probe, in memory of exactly their size, so that a read past the end is
 * seen by the sanitizers and by valgrind. */
#ifndef TESTS_UNIT_PROVIDER_FILE_H
#define TESTS_UNIT_PROVIDER_FILE_H

#include <stddef.h>
#include <stdint.h>

struct file {
	uint8_t *bytes;
	size_t n;
};

/* The file PROBES name; the test fails where there is none. */
struct file file_read(const char *path);

/* The first n bytes of it, in memory of their own. */
struct file file_part(const struct file *whole, size_t n);

void file_finish(struct file *file);

#endif
