/* errors - what a failure looks like on the wire, in the three forms of route.h. [any thread] */
#ifndef HOST_HTTP_ERRORS_H
#define HOST_HTTP_ERRORS_H

#include <stddef.h>

#include "http/route.h"

struct fail;

/* The JSON, for the caller to free; NULL: out of memory. text is the message; word (the stable
 * name of the error), request_id and the rest of f stand in the object form only. */
char *errors_json(enum error_form form, const struct fail *f, const char *text, const char *word,
	const char *request_id, size_t *ret_n);

/* The word that fits a status best ("not_found" for 404). */
const char *errors_word(int status);

/* The answer when there is no memory to make one. */
const char *errors_last_resort(enum error_form form);

#endif
