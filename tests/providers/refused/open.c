/* Refused: a provider reads no files. */
#include "minimal.h"

#include <fcntl.h>

int minimal_side_effect(void)
{
	return open("/etc/hostname", O_RDONLY | O_CLOEXEC);
}
