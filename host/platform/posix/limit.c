/* Limits by POSIX. */
#include "platform/limit.h"

#include <sys/resource.h>

uint64_t limit_raise_files(uint64_t most)
{
	struct rlimit limit;
	rlim_t before;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return UINT64_MAX;
	before = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max < most ? limit.rlim_max : (rlim_t)most;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return (uint64_t)before;
	return (uint64_t)limit.rlim_cur;
}
