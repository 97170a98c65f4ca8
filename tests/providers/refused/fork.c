/* Refused: a provider starts no processes. */
#include "minimal.h"

#include <unistd.h>

int minimal_side_effect(void)
{
	return (int)fork();
}
