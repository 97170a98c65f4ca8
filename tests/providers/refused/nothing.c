/* Nothing is wrong with this one; others differ from it in how they are linked. */
#include "minimal.h"

int minimal_side_effect(void)
{
	return 0;
}
