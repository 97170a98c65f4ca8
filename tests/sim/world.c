/* world - see world.h. */
#include "sim/world.h"

#include <stdarg.h>
#include <string.h>

#include "base/attr.h"

struct world *world;

/* splitmix64 */
uint64_t chance(enum chance which)
{
	uint64_t z = (world->chance[which] += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t chance_below(enum chance which, uint64_t n)
{
	return chance(which) % n;
}

bool chance_of_256(enum chance which, unsigned n)
{
	return (chance(which) & 255) < n;
}

int64_t chance_between(enum chance which, int64_t from, int64_t to)
{
	return from + (int64_t)chance_below(which, (uint64_t)(to - from) + 1);
}

void world_begin(uint64_t seed, bool tracing)
{
	memset(world, 0, sizeof(*world));
	world->seed = seed;
	world->tracing = tracing;
	for (size_t i = 0; i < CHANCE_COUNT; i++)
		world->chance[i] = (seed + 1) * 0xd1342543de82ef95u + i * 0x2545f4914f6cdd1du;
	world->now_ms = INT64_C(1795000000000);
	world->mono_ms = INT64_C(1000000);
	world->began_ms = world->now_ms;
}

static bool has_sort(const char *fmt)
{
	static const char *const sorts[] = {"lost: ", "doubled: ", "stuck: ", "crashed: "};

	for (size_t i = 0; i < COUNT(sorts); i++) {
		if (strncmp(fmt, sorts[i], strlen(sorts[i])) == 0)
			return true;
	}
	return false;
}

void world_wrong(const char *fmt, ...)
{
	size_t n = 0;
	va_list args;

	if (world->why[0] != '\0')
		return;
	if (!has_sort(fmt))
		n = (size_t)snprintf(world->why, sizeof(world->why), "wrong: ");
	va_start(args, fmt);
	(void)vsnprintf(world->why + n, sizeof(world->why) - n, fmt, args);
	va_end(args);
	trace("WRONG: %s", world->why);
}

void digest(uint64_t what)
{
	world->digest = (world->digest ^ what) * 0x100000001b3u;
	world->digest ^= world->digest >> 29;
}

uint64_t world_hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3u;
	return h != 0 ? h : 1;
}

void trace(const char *fmt, ...)
{
	va_list args;

	if (!world->tracing)
		return;
	(void)printf(
		"%8.3f life %u  ", (double)(world->now_ms - world->began_ms) / 1000, world->life);
	va_start(args, fmt);
	(void)vprintf(fmt, args);
	va_end(args);
	(void)putchar('\n');
	(void)fflush(stdout);
}
