/*
 * The generic cell rate algorithm: one number says how full the bucket is, the time when it will
 * be full again. Taking moves that on by one interval, whoever takes, so times come in order.
 */
#include "net/rate.h"

#include <math.h>

#define NS_PER_MS     1000000
#define NS_PER_SECOND 1e9
#define BURST_MAX     1000000

void rate_init(struct rate *r, double per_second, unsigned burst)
{
	*r = (struct rate){0};
	if (!(per_second > 0))
		return;
	if (per_second < RATE_PER_SECOND_MIN)
		per_second = RATE_PER_SECOND_MIN;
	if (per_second > RATE_PER_SECOND_MAX)
		per_second = RATE_PER_SECOND_MAX;
	if (burst == 0)
		burst = per_second > 1 ? (unsigned)per_second : 1;
	if (burst > BURST_MAX)
		burst = BURST_MAX;
	r->interval_ns = (int64_t)ceil(NS_PER_SECOND / per_second);
	r->burst_ns = r->interval_ns * (int64_t)(burst - 1);
	r->next_ns = INT64_MIN / 2;
}

bool rate_take(struct rate *r, int64_t now_ms, int64_t last_ms, int64_t *ret_at_ms)
{
	int64_t now = now_ms * NS_PER_MS;
	int64_t full = r->next_ns > now ? r->next_ns : now;

	*ret_at_ms = now_ms;
	if (r->interval_ns == 0)
		return now_ms <= last_ms;
	if (full - r->burst_ns > now) /* rounded up: never early */
		*ret_at_ms = (full - r->burst_ns + NS_PER_MS - 1) / NS_PER_MS;
	if (*ret_at_ms > last_ms)
		return false;
	r->next_ns = full + r->interval_ns;
	return true;
}

void rate_give_back(struct rate *r, int64_t at_ms)
{
	int64_t last = r->next_ns - r->interval_ns - r->burst_ns; /* the time given out last */

	if (r->interval_ns != 0 && last <= at_ms * NS_PER_MS)
		r->next_ns -= r->interval_ns;
}

bool rate_rests(const struct rate *r, int64_t now_ms)
{
	return r->next_ns <= now_ms * NS_PER_MS;
}
