/* member - the text at a place of a JSON text that is a secret. [any thread] */
#ifndef HOST_SECRET_MEMBER_H
#define HOST_SECRET_MEMBER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct fail;

/* *ret_text: NUL-terminated; the caller gives it to crypto_cleanse() and free(). FAIL_INVALID: not
 * JSON, or something else than a text is there; FAIL_NOT_FOUND. The sentence has nothing of the
 * text; it begins with a verb, as in "is not JSON". */
bool member_text(const char *json, size_t n, const char *pointer, char **ret_text, size_t *ret_n,
	struct fail *f);

/* JSON that is a secret: its memory is overwritten as it is freed, that of the parser too. NULL: it
 * is none; no sentence says why, as that would quote it. */
json_t *member_parse(const char *json, size_t n);

/* Frees the last reference; NULL is fine. */
void member_free(json_t *v);

/* Once, before there are threads: without it nothing is overwritten. */
void member_prepare(void);

#endif
