/* Ids: nine characters of time, fifteen of chance, five bits each. */
#include "base/id.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

#define TIME_LENGTH   9
#define RANDOM_LENGTH (ID_LENGTH - TIME_LENGTH)

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

void id_random(void *bytes, size_t n)
{
	unsigned char *p = bytes;

	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort(); /* guessable names are worse than no daemon */
		p += got;
		n -= (size_t)got;
	}
}

void id_first(int64_t ms, char id[ID_SIZE])
{
	for (size_t i = 0; i < TIME_LENGTH; i++)
		id[i] = alphabet[((uint64_t)ms >> (5 * (TIME_LENGTH - 1 - i))) & 31];
	memset(id + TIME_LENGTH, alphabet[0], RANDOM_LENGTH);
	id[ID_LENGTH] = '\0';
}

void id_make(char id[ID_SIZE])
{
	unsigned char chance[RANDOM_LENGTH];

	id_first(clock_now_ms(), id);
	id_random(chance, sizeof(chance));
	for (size_t i = 0; i < RANDOM_LENGTH; i++)
		id[TIME_LENGTH + i] = alphabet[chance[i] & 31];
}

bool id_valid(const char *text)
{
	return strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz") == ID_LENGTH &&
	       text[ID_LENGTH] == '\0';
}
