/*
 * multipart - finds the parts of a multipart/form-data body that is all there. Pure: the
 * parts are places in the bytes given. [any thread]
 */
#ifndef HOST_HTTP_MULTIPART_H
#define HOST_HTTP_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#define MULTIPART_PARTS_MAX    64
#define MULTIPART_NAME_SIZE    256
#define MULTIPART_HEADER_MAX   8192 /* bytes of headers of one part */
#define MULTIPART_BOUNDARY_MAX 70   /* RFC 2046 */

struct fail;

struct multipart_part {
	char name[MULTIPART_NAME_SIZE];
	char filename[MULTIPART_NAME_SIZE];
	bool is_file; /* has a filename, be it empty */
	size_t offset;
	size_t n;
};

struct multipart {
	struct multipart_part parts[MULTIPART_PARTS_MAX];
	size_t count;
};

/* Is this the value of a Content-Type header of such a body? */
bool multipart_is(const char *content_type);

/* FAIL_INVALID with a sentence for whatever is not a whole multipart body within the limits. */
bool multipart_parse(
	struct multipart *m, const char *content_type, const char *bytes, size_t n, struct fail *f);

/* The first part of that name, a file or a field; NULL: none. */
const struct multipart_part *multipart_find(
	const struct multipart *m, const char *name, bool is_file);

#endif
