/* symbols - which functions of the system a provider may use. [any thread] */
#ifndef HOST_PROVIDER_SYMBOLS_H
#define HOST_PROVIDER_SYMBOLS_H

#include <stdbool.h>

/*
 * May a provider refer to the symbol? Memory, text, numbers, sorting and math of libc and
 * libm: functions of their arguments alone. weak: the reference may stay unresolved.
 * sanitizers: what their instrumentation needs, too.
 */
bool symbols_allowed(const char *name, bool weak, bool sanitizers);

/* What to use instead of a symbol that is not allowed; never NULL. */
const char *symbols_advice(const char *name);

#endif
