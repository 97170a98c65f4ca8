/* limit - what the system lets this process have. [while there is one thread] */
#ifndef HOST_PLATFORM_LIMIT_H
#define HOST_PLATFORM_LIMIT_H

#include <stdint.h>

/* Raises the number of files that may be open to what the system allows, at most to most (programs
 * that close every descriptor they could have take long with a huge number). Returns what it is
 * now; UINT64_MAX: nobody knows. */
uint64_t limit_raise_files(uint64_t most);

#endif
