/*
 * vectors - the cases of tests/vectors/aws-sigv4 as they are read from their folders. A case that
 * cannot be read ends the program.
 */
#ifndef TESTS_UNIT_KIT_VECTORS_H
#define TESTS_UNIT_KIT_VECTORS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "kit/sigv4.h"

#define VECTOR_HEADERS_MAX 16

/* A request as it is written in a file. */
struct vector_request {
	char *text; /* what the others point into */
	const char *method, *path, *query, *host, *body;
	struct sigv4_header headers[VECTOR_HEADERS_MAX]; /* without Host */
	size_t headers_n;
};

struct vector {
	char *name;
	json_t *context;
	struct vector_request request;
	struct vector_request is_signed[2]; /* by header, by query */
	char *canonical[2], *to_sign[2], *signature[2];
};

/* All cases below folder, by name. */
size_t vectors_read(const char *folder, struct vector **ret_vectors);
void vectors_free(struct vector *vectors, size_t n);

#endif
