/* The three states of a circuit. A round is the time between two changes of state. */
#include "net/breaker.h"

#define OUTCOMES_MASK ((UINT32_C(1) << BREAKER_OUTCOMES) - 1)

static void change(struct breaker *b, enum breaker_state state)
{
	b->state = state;
	b->round++;
	b->outcomes = 0;
	b->trying = false;
}

bool breaker_would_enter(const struct breaker *b, int64_t now_ms, int64_t *ret_at_ms)
{
	*ret_at_ms = now_ms;
	if (b->state == BREAKER_OPEN && now_ms < b->until_ms) {
		*ret_at_ms = b->until_ms;
		return false;
	}
	if (b->state == BREAKER_HALF_OPEN && b->trying) { /* its end cannot be known */
		*ret_at_ms = now_ms + BREAKER_OPEN_MS;
		return false;
	}
	return true;
}

bool breaker_enter(struct breaker *b, int64_t now_ms, uint32_t *ret_round, int64_t *ret_at_ms)
{
	if (!breaker_would_enter(b, now_ms, ret_at_ms))
		return false;
	if (b->state == BREAKER_OPEN)
		change(b, BREAKER_HALF_OPEN);
	b->trying = b->state == BREAKER_HALF_OPEN;
	*ret_round = b->round;
	return true;
}

static int open_circuit(struct breaker *b, int64_t now_ms)
{
	bool again = b->state == BREAKER_HALF_OPEN;

	b->open_ms = again ? b->open_ms * 2 : BREAKER_OPEN_MS;
	if (b->open_ms > BREAKER_OPEN_MOST_MS)
		b->open_ms = BREAKER_OPEN_MOST_MS;
	b->until_ms = now_ms + b->open_ms;
	change(b, BREAKER_OPEN);
	return BREAKER_OPEN;
}

static int end_try(struct breaker *b, enum breaker_outcome outcome, int64_t now_ms)
{
	b->trying = false;
	if (outcome == BREAKER_FAILURE)
		return open_circuit(b, now_ms);
	if (outcome == BREAKER_NEITHER) /* the next one tries */
		return -1;
	change(b, BREAKER_CLOSED);
	return BREAKER_CLOSED;
}

static void note(struct breaker *b, bool failure, int64_t now_ms)
{
	if (now_ms - b->last_ms >= BREAKER_FORGET_MS)
		b->outcomes = 0;
	b->last_ms = now_ms;
	b->outcomes = (b->outcomes << 1 | (failure ? 1 : 0)) & OUTCOMES_MASK;
}

static unsigned failures(const struct breaker *b)
{
	unsigned n = 0;

	for (uint32_t bits = b->outcomes; bits != 0; bits &= bits - 1)
		n++;
	return n;
}

int breaker_leave(struct breaker *b, uint32_t round, enum breaker_outcome outcome, int64_t now_ms)
{
	if (round != b->round || b->state == BREAKER_OPEN)
		return -1;
	if (b->state == BREAKER_HALF_OPEN)
		return end_try(b, outcome, now_ms);
	if (outcome == BREAKER_NEITHER)
		return -1;
	note(b, outcome == BREAKER_FAILURE, now_ms);
	return failures(b) >= BREAKER_FAILURES ? open_circuit(b, now_ms) : -1;
}

bool breaker_rests(const struct breaker *b, int64_t now_ms)
{
	if (b->state != BREAKER_CLOSED) /* whoever comes then may go anyhow */
		return !b->trying && now_ms - b->until_ms >= BREAKER_FORGET_MS;
	return b->outcomes == 0 || now_ms - b->last_ms >= BREAKER_FORGET_MS;
}
