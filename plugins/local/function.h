/* function - code that callers send; the slot is functions_execute(). */
#ifndef PLUGINS_LOCAL_FUNCTION_H
#define PLUGINS_LOCAL_FUNCTION_H

#include "local.h"

/* Clears away functions that a daemon was running when it ended; when the provider starts. */
void function_recover(struct local_call *c);

#endif
