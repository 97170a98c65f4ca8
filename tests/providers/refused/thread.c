/* Refused: a provider starts no threads. */
#include "minimal.h"

#include <pthread.h>

static void *nothing(void *arg)
{
	return arg;
}

int minimal_side_effect(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, nothing, NULL);
}
