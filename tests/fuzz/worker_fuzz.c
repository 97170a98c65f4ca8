/*
 * What a worker sends: any bytes on a lane, in two pieces whose border the first byte says, read as
 * the daemon reads them. What is taken for the arguments of a service must lie in what was sent.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/frame.h"
#include "worker/services.h"

#define MOST ((size_t)32 * 1024) /* what a socket holds without anybody reading */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool right)
{
	if (!right)
		abort();
}

static void check_texts(struct frame_in *in, const struct service_row *row)
{
	struct service_value values[SERVICE_ARGS_MAX];
	const char *from = frame_payload(in), *to = from + in->head.length;

	if (!worker_read(row, from, in->head.length, values))
		return;
	for (size_t i = 0; i < row->count; i++) {
		const davit_buf *text = &values[i].text;

		if (row->kinds[i] == SERVICE_IN_TEXT && text->p != NULL)
			must(text->p >= from && text->p <= to && text->n <= (size_t)(to - text->p));
	}
}

static void read_all(int socket, struct frame_in *in)
{
	while (frame_receive(socket, in, FRAME_TO_HOST_MAX) == FRAME_DONE) {
		const struct service_row *row = worker_row(in->head.slot);

		if (in->head.kind == FRAME_SERVICE && row != NULL)
			check_texts(in, row);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct frame_in in;
	size_t first;
	int ends[2];

	if (size < 1 || size > MOST)
		return 0;
	first = data[0] < size - 1 ? data[0] : size - 1;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
	in.fd = -1;
	must(send(ends[1], data + 1, first, 0) == (ssize_t)first);
	(void)frame_receive(ends[0], &in, FRAME_TO_HOST_MAX);
	must(send(ends[1], data + 1 + first, size - 1 - first, 0) == (ssize_t)(size - 1 - first));
	read_all(ends[0], &in);
	frame_drop(&in);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return 0;
}
