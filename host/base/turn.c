/* turn - see turn.h. */
#include "base/turn.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#define WAKES_MAX 8

static _Thread_local struct {
	bool on;
	size_t count;
	struct put_off {
		void (*wake)(void *);
		void *arg;
	} wakes[WAKES_MAX];
} turn;

void turn_begin(void)
{
	assert(!turn.on);
	turn.on = true;
}

void turn_now(void)
{
	/* A wake may put off another, even one that was done: each leaves the list first. */
	while (turn.count > 0) {
		struct put_off next = turn.wakes[--turn.count];

		next.wake(next.arg);
	}
}

void turn_end(void)
{
	turn.on = false;
	turn_now();
}

enum turn_put turn_put_off(void (*wake)(void *), void *arg)
{
	if (!turn.on)
		return TURN_NONE;
	for (size_t i = 0; i < turn.count; i++) {
		if (turn.wakes[i].wake == wake && turn.wakes[i].arg == arg)
			return TURN_AGAIN;
	}
	if (turn.count == WAKES_MAX)
		return TURN_NONE;
	turn.wakes[turn.count].wake = wake;
	turn.wakes[turn.count].arg = arg;
	turn.count++;
	return TURN_FIRST;
}
