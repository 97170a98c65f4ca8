/* function - code that callers send; the slot is functions_execute(). Its parts: function.c runs
 * it, function_answer.c answers. */
#ifndef PLUGINS_LOCAL_FUNCTION_H
#define PLUGINS_LOCAL_FUNCTION_H

#include "local.h"

struct child;

/* Clears away functions that a daemon was running when it ended; when the provider starts. */
void function_recover(struct local_call *c);

/* The answer of a function whose process has ended, or why it failed; returns sdk.code. */
int32_t function_reply(struct local_call *c, const char *process, const struct child *child);

#endif
