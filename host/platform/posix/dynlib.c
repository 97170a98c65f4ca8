/* Loading shared libraries by dlopen(). */
#include "platform/dynlib.h"

#include <dlfcn.h>
#include <string.h>

#include "base/fail.h"

bool dynlib_load(const char *path, const char *symbol, void **ret_address, struct fail *f)
{
	void *library, *address;

	if (strchr(path, '/') == NULL) /* dlopen() would search the system's folders */
		return fail_set(f, FAIL_INVALID, "load %s: must be a path with a folder", path);
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (library == NULL) {
		const char *why = dlerror(); /* NOLINT(concurrency-mt-unsafe): one per thread */

		return fail_set(f, FAIL_INVALID, "load %s: %s", path, why != NULL ? why : "?");
	}
	address = dlsym(library, symbol);
	if (address == NULL)
		return fail_set(f, FAIL_INVALID, "load %s: it has no symbol %s", path, symbol);
	*ret_address = address;
	return true;
}
