/* Refused: only davit_provider_query may be seen. */
#include "minimal.h"

DAVIT_EXPORT int minimal_side_effect(void)
{
	return 0;
}
