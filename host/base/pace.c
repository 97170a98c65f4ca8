/* Shorter waits where a test says so. Part of builds for testing alone. */
#include "base/pace.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int64_t divisor = 1; /* constant once there are threads */

void pace_open(void)
{
	const char *text = getenv("DAVIT_PACE"); // NOLINT(concurrency-mt-unsafe): one thread
	char *end;

	if (text == NULL)
		return;
	divisor = strtol(text, &end, 10);
	if (*end == '\0' && divisor >= 1 && divisor <= 1000)
		return;
	(void)fprintf(stderr, "DAVIT_PACE: %s is no number from 1 to 1000\n", text);
	_exit(2);
}

int64_t pace(int64_t ms)
{
	return ms / divisor;
}
