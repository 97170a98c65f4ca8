/* control - see control.h. */
#include "worker/control.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "worker/frame.h"
#include "worker/serve.h"

void control_refuse(int socket, const char *why)
{
	struct frame_out out = {.head = {.kind = FRAME_REFUSED}, .fd = -1};

	frame_add(&out, why, strnlen(why, FRAME_TEXT_MAX));
	(void)frame_send(socket, &out);
}

/* How we are shut in; true when the daemon is content with it. */
static bool say_level(int socket, const char *level, struct frame_in *in)
{
	struct frame_out out = {.head = {.kind = FRAME_SANDBOX}, .fd = -1};

	frame_add(&out, level, strlen(level));
	return frame_send(socket, &out) == FRAME_DONE &&
	       frame_receive(socket, in, 0) == FRAME_DONE && in->head.kind == FRAME_GO;
}

static bool say_hello(int socket)
{
	struct frame_hello hello = {.magic = FRAME_MAGIC,
		.version_min = FRAME_VERSION_MIN,
		.version_max = FRAME_VERSION_MAX};
	struct frame_out out = {.head = {.kind = FRAME_HELLO}, .fd = -1};

	serve_tables(hello.tables);
	frame_add(&out, &hello, sizeof(hello));
	return frame_send(socket, &out) == FRAME_DONE;
}

/* True: it was a frame of the host's. */
static bool obey(int socket, struct frame_in *in)
{
	struct frame_out pong = {.head = {.kind = FRAME_PONG}, .fd = -1};

	if (in->head.kind == FRAME_PING)
		return frame_send(socket, &pong) == FRAME_DONE;
	if (in->head.kind != FRAME_LANE || in->fd < 0)
		return false;
	serve_lane(in->fd);
	in->fd = -1;
	return true;
}

/* Until the daemon is gone. The other threads may be anywhere, also in code that never ends. */
_Noreturn static void serve(int socket, struct frame_in *in)
{
	while (frame_receive(socket, in, 0) == FRAME_DONE)
		if (!obey(socket, in))
			_exit(1);
	_exit(0);
}

void control_run(int socket, const char *level, davit_provider_query_fn query)
{
	struct frame_in in = {.fd = -1, .takes_fd = true};

	if (!say_level(socket, level, &in))
		return;
	serve_provider(query);
	if (say_hello(socket))
		serve(socket, &in);
}
