/* Refused: a provider reaches no network by itself. */
#include "minimal.h"

#include <sys/socket.h>

int minimal_side_effect(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}
