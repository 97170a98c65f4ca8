/*
 * davit-worker - runs one provider for the daemon, which talks to it over the descriptor 3.
 *
 *	davit-worker FILE BYTES
 *
 * FILE is the copy of the provider that the daemon looked at, BYTES the memory it may have. Nobody
 *else has a use for it. It ends when the daemon does, or closes that socket.
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
#include "worker/frame.h"
#include "worker/serve.h"

#define CONTROL    3
#define OPEN_FILES 4096 /* a lane each, and the bytes it reads */

static int refuse(const char *why)
{
	struct frame_out out = {.head = {.kind = FRAME_REFUSED}, .fd = -1};

	frame_add(&out, why, strnlen(why, FRAME_TEXT_MAX));
	(void)frame_send(CONTROL, &out);
	return 1;
}

/* How we are shut in; true when the daemon is content with it. */
static bool say_level(const struct sandbox_level *level)
{
	static struct frame_in in = {.fd = -1};
	struct frame_out out = {.head = {.kind = FRAME_SANDBOX}, .fd = -1};
	char text[SANDBOX_JSON_MAX];

	sandbox_json(level, text);
	frame_add(&out, text, strlen(text));
	return frame_send(CONTROL, &out) == FRAME_DONE &&
	       frame_receive(CONTROL, &in, 0) == FRAME_DONE && in.head.kind == FRAME_GO;
}

static bool say_hello(void)
{
	struct frame_hello hello = {.magic = FRAME_MAGIC,
		.version_min = FRAME_VERSION_MIN,
		.version_max = FRAME_VERSION_MAX};
	struct frame_out out = {.head = {.kind = FRAME_HELLO}, .fd = -1};

	serve_tables(hello.tables);
	frame_add(&out, &hello, sizeof(hello));
	return frame_send(CONTROL, &out) == FRAME_DONE;
}

/* True: it was a frame of the host's. */
static bool obey(struct frame_in *in)
{
	struct frame_out pong = {.head = {.kind = FRAME_PONG}, .fd = -1};

	if (in->head.kind == FRAME_PING)
		return frame_send(CONTROL, &pong) == FRAME_DONE;
	if (in->head.kind != FRAME_LANE || in->fd < 0)
		return false;
	serve_lane(in->fd);
	in->fd = -1;
	return true;
}

/* Until the daemon is gone. The other threads may be anywhere, also in code that never ends. */
_Noreturn static void serve_control(void)
{
	static struct frame_in in = {.fd = -1};

	while (frame_receive(CONTROL, &in, 0) == FRAME_DONE)
		if (!obey(&in))
			_exit(1);
	_exit(0);
}

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
	struct fail f = {0};

	if (argc != 3) {
		fputs("usage: davit-worker FILE BYTES, started by davitd\n", stderr);
		return 2;
	}
	(void)mallopt(M_ARENA_MAX, 2); /* NOLINT(concurrency-mt-unsafe): one thread yet */
	if (!load(argv[1], argv[2], &level, &query, &f))
		return refuse(f.text);
	if (!say_level(&level))
		return 1;
	serve_provider(query);
	if (!say_hello())
		return 1;
	serve_control();
}
