/* dynlib - loading a provider's file into this process, for good: nothing is ever unloaded. */
#ifndef HOST_PLATFORM_DYNLIB_H
#define HOST_PLATFORM_DYNLIB_H

#include <stdbool.h>

struct fail;

/* Loads path with all symbols bound at once and none shared, and finds symbol. [any thread] */
bool dynlib_load(const char *path, const char *symbol, void **ret_address, struct fail *f);

#endif
