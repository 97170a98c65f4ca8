/* form_validate - the short form as its provider sees it, before it is accepted: each step that
 * can be looked at already is, and what it names is made definite. */
#ifndef HOST_API_FORM_VALIDATE_H
#define HOST_API_FORM_VALIDATE_H

#include <jansson.h>

struct fail;
struct provider;

/* f NULL: all is well, and spec is definite. f->field is a pointer into the form. */
typedef void form_validated(const struct fail *f, void *ctx);

/*
 * Asks the validate slots of p, one after the other, about the steps of a form. Takes connection
 * over; NULL is an end for want of memory. name, of the connection, may be NULL. name and spec are
 * borrowed, and spec is changed, until done, which is called once, on this thread or another.
 * [any thread]
 */
void form_validate(struct provider *p, const char *name, json_t *connection, json_t *spec,
	form_validated *done, void *ctx);

#endif
