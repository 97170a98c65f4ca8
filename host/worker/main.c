/*
 * davit-worker - runs one provider for the daemon, which talks to it over the descriptor 3.
 *
 *	davit-worker FILE
 *
 * FILE is the copy of the provider that the daemon looked at. Nobody else has a use for it. It ends
 * when the daemon does, or closes that socket.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "platform/dynlib.h"
#include "worker/frame.h"
#include "worker/serve.h"

#define CONTROL 3

static int refuse(const char *why)
{
	struct frame_out out = {.head = {.kind = FRAME_REFUSED}, .fd = -1};

	frame_add(&out, why, strnlen(why, FRAME_TEXT_MAX));
	(void)frame_send(CONTROL, &out);
	return 1;
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

/* Until the daemon is gone. The other threads may be anywhere, also in code that never ends. */
_Noreturn static void serve_control(void)
{
	static struct frame_in in = {.fd = -1};

	while (frame_receive(CONTROL, &in, 0) == FRAME_DONE) {
		if (in.head.kind != FRAME_LANE || in.fd < 0)
			_exit(1);
		serve_lane(in.fd);
		in.fd = -1;
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	davit_provider_query_fn query;
	struct fail f = {0};
	void *address;

	if (argc != 2) {
		fputs("usage: davit-worker FILE, started by davitd\n", stderr);
		return 2;
	}
	(void)mallopt(M_ARENA_MAX, 2); /* NOLINT(concurrency-mt-unsafe): one thread yet */
	if (!dynlib_load(argv[1], "davit_provider_query", &address, &f))
		return refuse(f.text);
	memcpy(&query, &address, sizeof(query)); /* ISO C has no such cast */
	serve_provider(query);
	if (!say_hello())
		return 1;
	serve_control();
}
