/*
 * rows_input - the bytes of a file or a pipe one by one, without a mark of UTF-8 before them;
 * between the files of rows alone. [one thread]
 */
#ifndef CLI_ROWS_INPUT_H
#define CLI_ROWS_INPUT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fail;

enum {
	INPUT_END = -1,
	INPUT_FAILED = -2, /* *f is set */
	INPUT_NOT_YET = -3 /* none is there now, and the caller is not patient */
};

/* Begins as zeros but fd, patient and stop. */
struct input {
	int fd;
	bool patient;                      /* wait for bytes that are not there yet */
	const volatile sig_atomic_t *stop; /* not 0 ends a wait with FAIL_DEADLINE; may be NULL */
	int64_t breaks;                    /* line breaks given so far */
	bool begun;                        /* the first bytes were looked at */
	bool ended;
	size_t at; /* in chunk */
	size_t n;
	char chunk[65536];
};

/* The next byte, or one of INPUT_. */
int input_next(struct input *in, struct fail *f);

#endif
