/* rows_input - see rows_input.h. */
#include "rows_input.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"

#define TICK_MS 200 /* between two looks at the user */

static bool has_bytes(const struct input *in, int timeout_ms)
{
	struct pollfd p = {.fd = in->fd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) > 0;
}

/* Adds to the chunk; waits, but not against the user. */
static bool fill(struct input *in, struct fail *f)
{
	ssize_t n;

	do {
		while (!has_bytes(in, TICK_MS)) {
			if (in->stop != NULL && *in->stop != 0)
				return fail_set(f, FAIL_DEADLINE, "interrupted");
		}
		n = read(in->fd, in->chunk + in->n, sizeof(in->chunk) - in->n);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0)
		return fail_errno(f, errno, "read rows");
	in->n += (size_t)n;
	in->ended = n == 0;
	return true;
}

/* Steps over a mark of UTF-8 at the very beginning, however the bytes come. */
static bool skip_mark(struct input *in, struct fail *f)
{
	static const char mark[] = "\xef\xbb\xbf";

	in->begun = true;
	while (!in->ended && in->n < 3 && memcmp(in->chunk, mark, in->n) == 0) {
		if (!fill(in, f))
			return false;
	}
	if (in->n >= 3 && memcmp(in->chunk, mark, 3) == 0)
		in->at = 3;
	return true;
}

static bool refill(struct input *in, struct fail *f)
{
	in->at = 0;
	in->n = 0;
	return fill(in, f) && (in->begun || skip_mark(in, f));
}

int input_next(struct input *in, struct fail *f)
{
	while (in->at == in->n && !in->ended) {
		if (!in->patient && !has_bytes(in, 0))
			return INPUT_NOT_YET;
		if (!refill(in, f))
			return INPUT_FAILED;
	}
	if (in->at == in->n)
		return INPUT_END;
	if (in->chunk[in->at] == '\n')
		in->breaks++;
	return (unsigned char)in->chunk[in->at++];
}
