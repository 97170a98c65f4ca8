/* id - names of jobs and requests: 24 bytes of [0-9a-z], sortable by time, not guessable. */
#ifndef HOST_BASE_ID_H
#define HOST_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_LENGTH 24
#define ID_SIZE   (ID_LENGTH + 1)

/* 45 bits of milliseconds, 75 random bits, in Crockford's base 32, lower case. Each one this
 * process makes sorts after the ones before it, unless the clock is set back far. */
void id_make(char id[ID_SIZE]);

/* The lowest id of that time (clock_now_ms()): what was made since sorts behind it. */
void id_first(int64_t ms, char id[ID_SIZE]);

/* Is text an id by its form? */
bool id_valid(const char *text);

/* n bytes of the system's random numbers; aborts where the system has none. */
void id_random(void *bytes, size_t n);

#endif
