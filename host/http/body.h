/*
 * body - the bytes of a request as they arrive: in memory while they are few, in a file
 * without a name when they are many, counted but not kept when they are too many. [one
 * thread at a time: a front thread until body_end, then whoever has the exchange]
 */
#ifndef HOST_HTTP_BODY_H
#define HOST_HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fail;

struct body_limits {
	int64_t memory;  /* above: a file */
	int64_t total;   /* above: FAIL_TOO_LARGE */
	const char *dir; /* where the file is made */
};

struct body {
	const struct body_limits *limits;
	char *memory; /* all of it, or what the file still lacks */
	size_t n;
	size_t cap;
	int fd;            /* -1: all in memory */
	int64_t bytes;     /* that came, also those not kept */
	bool keep;         /* false: they are only counted */
	const char *map;   /* made by body_view */
	const char *wrong; /* what went wrong first; NULL: nothing */
	int error;         /* why; 0: there is too much of it */
};

void body_init(struct body *b, const struct body_limits *limits); /* limits outlive b */
void body_finish(struct body *b);

/* From now on bytes are counted only; what there was is freed. */
void body_discard(struct body *b);

/* Failures stick, and body_end tells them. */
void body_add(struct body *b, const void *bytes, size_t n);
bool body_end(struct body *b, struct fail *f);

/* The bytes, wherever they are, until body_finish; a file is mapped. NULL: not possible. Of
 * an empty body: "". */
const char *body_view(struct body *b);

/* A new descriptor that reads all of it, or a part, from the start; -1: not possible. */
int body_open(const struct body *b);
int body_open_part(struct body *b, size_t offset, size_t n);

#endif
