/* Ids: nine characters of time, fifteen of chance, five bits each. */
#include "base/id.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "platform/thread.h"

#define TIME_LENGTH   9
#define RANDOM_LENGTH (ID_LENGTH - TIME_LENGTH)
#define CLOCK_BACK_MS 3600000 /* a clock set back by more is believed */
#define STOCK_BYTES   480

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* Each thread has a stock of chance, for a call of the system costs as much as the rest of
 * making an id. What was taken is wiped. The daemon never forks without exec. */
static _Thread_local struct {
	unsigned char bytes[STOCK_BYTES];
	size_t left;
} stock;

static void fetch(unsigned char *p, size_t n)
{
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

void id_random(void *bytes, size_t n)
{
	if (n > sizeof(stock.bytes)) {
		fetch(bytes, n);
		return;
	}
	if (n > stock.left) {
		fetch(stock.bytes, sizeof(stock.bytes));
		stock.left = sizeof(stock.bytes);
	}
	stock.left -= n;
	memcpy(bytes, stock.bytes + stock.left, n);
	memset(stock.bytes + stock.left, 0, n);
}

void id_first(int64_t ms, char id[ID_SIZE])
{
	for (size_t i = 0; i < TIME_LENGTH; i++)
		id[i] = alphabet[((uint64_t)ms >> (5 * (TIME_LENGTH - 1 - i))) & 31];
	memset(id + TIME_LENGTH, alphabet[0], RANDOM_LENGTH);
	id[ID_LENGTH] = '\0';
}

/* The last one made, as numbers of five bits: the next one of the same moment lies above it. */
static struct {
	struct mutex lock;
	uint64_t ms;
	unsigned char chance[RANDOM_LENGTH];
} last = {.lock = MUTEX_INIT};

/* Adds by to the number whose digits, the first one the highest, are those of at. */
static bool add(unsigned char at[RANDOM_LENGTH], const unsigned char by[RANDOM_LENGTH])
{
	unsigned carry = 0;

	for (size_t i = RANDOM_LENGTH; i-- > 0;) {
		carry += (unsigned)at[i] + by[i];
		at[i] = carry & 31;
		carry >>= 5;
	}
	return carry == 0;
}

/* The first three digits of a step are 0: some ten thousand ids of one millisecond follow each
 * other before the time has to run ahead of the clock, and each is still one of 2^60. */
#define STEP_ZEROS 3

static void next(uint64_t ms, unsigned char chance[RANDOM_LENGTH])
{
	if (ms > last.ms || last.ms - ms > CLOCK_BACK_MS) {
		last.ms = ms;
		memcpy(last.chance, chance, RANDOM_LENGTH);
		return;
	}
	memset(chance, 0, STEP_ZEROS);
	chance[RANDOM_LENGTH - 1] |= 1; /* not by nothing */
	if (!add(last.chance, chance))
		last.ms++;
}

void id_make(char id[ID_SIZE])
{
	uint64_t ms = (uint64_t)clock_now_ms();
	unsigned char chance[RANDOM_LENGTH];

	id_random(chance, sizeof(chance));
	for (size_t i = 0; i < RANDOM_LENGTH; i++)
		chance[i] &= 31;
	mutex_lock(&last.lock);
	next(ms, chance);
	ms = last.ms;
	memcpy(chance, last.chance, sizeof(chance));
	mutex_unlock(&last.lock);
	id_first((int64_t)ms, id);
	for (size_t i = 0; i < RANDOM_LENGTH; i++)
		id[TIME_LENGTH + i] = alphabet[chance[i]];
}

bool id_valid(const char *text)
{
	return strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz") == ID_LENGTH &&
	       text[ID_LENGTH] == '\0';
}
