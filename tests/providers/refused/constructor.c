/* Refused: nothing may run while the file is being loaded. */
#include "minimal.h"

static volatile int ran;

__attribute__((constructor)) static void at_load(void)
{
	ran = 1;
}

int minimal_side_effect(void)
{
	return ran;
}
