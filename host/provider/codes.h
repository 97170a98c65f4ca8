/* codes - the DAVIT_… codes of the ABI and the fail codes of the host, one table. [any thread] */
#ifndef HOST_PROVIDER_CODES_H
#define HOST_PROVIDER_CODES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"

bool codes_known(int32_t code);

/* What a caller of ours is told for a code of a provider; FAIL_INTERNAL for an unknown one. */
enum fail_code codes_fail(int32_t code);

/* The durable word of a code ("not_found"); "internal" for an unknown one. */
const char *codes_word(int32_t code);

/* A sentence for a code that came without one. Never NULL. */
const char *codes_text(int32_t code);

/* What a provider is told when a host service failed. */
int32_t codes_of_fail(enum fail_code code);

#endif
