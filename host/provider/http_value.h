/*
 * http_value - a value of a request: a text, or a list of parts that become one: texts,
 * {"secret": handle}, {"form": value}, {"base64": value} and {"json": value}. [one thread]
 */
#ifndef HOST_PROVIDER_HTTP_VALUE_H
#define HOST_PROVIDER_HTTP_VALUE_H

#include <jansson.h>
#include <stdbool.h>

struct buf;
struct call_secrets;
struct fail;

/* Adds the bytes of v to out. *secret becomes true where one is among them. pointer: of v, for
 * FAIL_INVALID.. */
bool http_value_write(struct buf *out, const json_t *v, const struct call_secrets *secrets,
	const char *pointer, bool *secret, struct fail *f);

/* Overwrites what is in b and frees it. */
void http_value_finish(struct buf *b);

#endif
