/*
 * davit-worker - runs one provider for the daemon, which talks to it over the descriptor 3.
 *
 *	davit-worker FILE BYTES
 *
 * FILE is the copy of the provider that the daemon looked at, BYTES the memory it may have. Nobody
 * else has a use for it. It ends when the daemon does, or closes that socket.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "platform/dynlib.h"
#include "platform/sandbox.h"
#include "worker/control.h"

#define CONTROL    3
#define OPEN_FILES 4096 /* a lane each, and the bytes it reads */

/* Loads the file once everything else is out of reach. */
static bool load(const char *file, const char *bytes, struct sandbox_level *level,
	davit_provider_query_fn *ret_query, struct fail *f)
{
	static const int keep[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, CONTROL};
	const struct sandbox_path path = {file, SANDBOX_READ | SANDBOX_EXECUTE, NULL};
	const struct sandbox_load sandbox = {
		.keep = keep,
		.keep_count = COUNT(keep),
		.paths = &path,
		.path_count = 1,
		.address_space_bytes = strtoull(bytes, NULL, 10),
		.open_files = OPEN_FILES,
#ifdef DAVIT_SHIELD
		.shield = true, /* what jobs are given passes through its memory */
#endif
	};
	void *address;

	sandbox_before_load(&sandbox, level);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* which a namespace of its own forgets */
	if (!dynlib_load(file, "davit_provider_query", &address, f))
		return false;
	sandbox_after_load(level);
	memcpy(ret_query, &address, sizeof(*ret_query)); /* ISO C has no such cast */
	return true;
}

int main(int argc, char **argv)
{
	static struct sandbox_level level;
	davit_provider_query_fn query;
	char text[SANDBOX_JSON_MAX];
	struct fail f = {0};

	if (argc != 3) {
		fputs("usage: davit-worker FILE BYTES, started by davitd\n", stderr);
		return 2;
	}
	(void)mallopt(M_ARENA_MAX, 2); /* NOLINT(concurrency-mt-unsafe): one thread yet */
	if (load(argv[1], argv[2], &level, &query, &f)) {
		sandbox_json(&level, text);
		control_run(CONTROL, text, query);
	} else {
		control_refuse(CONTROL, f.text);
	}
	return 1;
}
