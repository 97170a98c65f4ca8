/* trust - see trust.h. */
#include "process/trust.h"

void trust_init(struct trust *t)
{
	*t = (struct trust){.doubt_ms = TRUST_DOUBT_FIRST_MS};
}

void trust_saw(struct trust *t, size_t held)
{
	if (held <= t->seen)
		return;
	t->seen = held;
	t->doubt_ms = TRUST_DOUBT_FIRST_MS;
}

bool trust_allows(const struct trust *t, size_t open, bool waiting, int64_t now)
{
	return open <= t->seen || (!waiting && now >= t->doubted_ms);
}

void trust_failed(struct trust *t, size_t held, int64_t now)
{
	if (held < t->seen)
		t->seen = held;
	t->doubted_ms = now + t->doubt_ms;
	t->doubt_ms = t->doubt_ms * 2 < TRUST_DOUBT_MAX_MS ? t->doubt_ms * 2 : TRUST_DOUBT_MAX_MS;
}
