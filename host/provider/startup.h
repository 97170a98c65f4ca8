/* startup - the code a shared library runs by itself while it is loaded. [any thread] */
#ifndef HOST_PROVIDER_STARTUP_H
#define HOST_PROVIDER_STARTUP_H

#include <stdbool.h>

struct elf;
struct fail;

/*
 * Is all code that runs at load the compiler's own (frame_dummy and _init, which do nothing
 * in a daemon)? It is recognised byte by byte, so that nothing else passes for it; where the
 * compiler of a machine is not known here, a provider must be linked with -nostartfiles and
 * then has no such code.
 */
bool startup_is_harmless(const struct elf *e, struct fail *f);

#endif
