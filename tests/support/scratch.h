/* scratch - a folder for one test, and small looks at files. Every failure ends the test program.
 */
#ifndef TESTS_SUPPORT_SCRATCH_H
#define TESTS_SUPPORT_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCRATCH_SIZE 256

/* Makes a new folder below $TMPDIR or /tmp and writes its path. */
void scratch_open(char path[SCRATCH_SIZE]);

/* Deletes it with all in it. */
void scratch_close(const char *path);

/* path/name, in a buffer that the next call but seven uses again. [one thread] */
const char *scratch_path(const char *path, const char *name);

/* Makes the file path/name with this text. */
void scratch_write(const char *path, const char *name, const char *text);

/* The text of path/name, at most size - 1 bytes; false where there is no such file. */
bool scratch_read(const char *path, const char *name, char *text, size_t size);

/* Asks done(ctx) every few milliseconds until it is true; false when ms are over. */
bool scratch_await(bool (*done)(void *ctx), void *ctx, int64_t ms);

#endif
