/* The way of one call into a worker: a socket of its own, on which the two sides take turns. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "provider/call.h"
#include "provider/internal.h"
#include "provider/worker_internal.h"

/* --- making and keeping --- */

/* Secrets may have gone through it. */
static void wipe(struct worker_lane *lane)
{
	frame_wipe(&lane->in);
	if (lane->answer.room != NULL)
		explicit_bzero(lane->answer.room, lane->answer.room_bytes);
	free(lane->answer.room);
	explicit_bzero(&lane->answer, sizeof(lane->answer));
}

void worker_lane_close(struct worker_lane *lane)
{
	if (lane == NULL)
		return;
	wipe(lane);
	(void)close(lane->socket);
	free(lane);
}

/* A new pair, of which the worker gets *ret_other. */
static struct worker_lane *new_lane(int *ret_other)
{
	const struct timeval tick = {.tv_usec = WORKER_TICK_MS * 1000L};
	struct worker_lane *lane = malloc(sizeof(*lane));
	int ends[2];

	if (lane == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
		free(lane);
		return NULL;
	}
	memset(lane, 0, offsetof(struct worker_lane, in) + offsetof(struct frame_in, near));
	lane->in.fd = -1;
	lane->in.turn_ms = WORKER_TICK_MS;
	lane->socket = ends[0];
	*ret_other = ends[1];
	if (setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof(tick)) != 0 ||
		setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &tick, sizeof(tick)) != 0) {
		(void)close(ends[1]);
		worker_lane_close(lane);
		return NULL;
	}
	return lane;
}

static struct worker_lane *make(struct worker *w)
{
	struct frame_out out = {.head = {.kind = FRAME_LANE}};
	struct worker_lane *lane = new_lane(&out.fd);
	enum frame_end end;

	if (lane == NULL) {
		worker_end(w, "the host has no memory or descriptors left for its calls");
		return NULL;
	}
	end = frame_send(w->control, &out); /* so small that it is sent wholly or not */
	(void)close(out.fd);
	if (end == FRAME_DONE)
		return lane;
	worker_lane_close(lane);
	if (end == FRAME_LATE)
		worker_end(w, "it takes no more calls");
	else
		worker_end(w, NULL);
	return NULL;
}

/* Nobody may have spoken since the last call. */
static bool is_quiet(const struct worker_lane *lane, bool *ret_closed)
{
	char byte;
	ssize_t n = recv(lane->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	*ret_closed = n == 0;
	return n < 0;
}

struct worker_lane *worker_lane_take(struct worker *w)
{
	struct worker_lane *lane;
	bool closed = false;

	mutex_lock(&w->home->lock);
	lane = w->resting;
	if (lane != NULL) {
		w->resting = lane->next;
		w->rests--;
	}
	mutex_unlock(&w->home->lock);
	if (lane == NULL)
		return make(w);
	if (is_quiet(lane, &closed))
		return lane;
	worker_lane_close(lane);
	if (closed)
		worker_end(w, NULL);
	else
		worker_end(w, "it spoke for a call that had ended");
	return NULL;
}

void worker_lane_rest(struct worker *w, struct worker_lane *lane)
{
	wipe(lane);
	mutex_lock(&w->home->lock);
	if (w->state == WORKER_RUNS && w->rests < WORKER_KEPT) {
		lane->next = w->resting;
		w->resting = lane;
		w->rests++;
		lane = NULL;
	}
	mutex_unlock(&w->home->lock);
	worker_lane_close(lane);
}

/* --- one call --- */

/* Was the call told to stop because the host ends, and when? */
static int64_t stops_by(const struct call *c)
{
	struct call_table *t = &c->provider->all->calls;
	int64_t by = c->deadline + WORKER_GRACE_MS;

	mutex_lock(&t->lock);
	if (t->closing && t->cancelled_mono != 0 && t->cancelled_mono + WORKER_CLOSE_MS < by)
		by = t->cancelled_mono + WORKER_CLOSE_MS;
	mutex_unlock(&t->lock);
	return by;
}

/* The socket's time is up: is the call's, too? True: the worker has been ended. */
static bool is_over(struct worker *w, const struct call *c)
{
	if (clock_mono_ms() < stops_by(c))
		return false;
	worker_end(w, "%s.%s did not return in time", c->interface, c->slot_name);
	return true;
}

/* The same, of one that keeps asking; not at every time. */
static bool is_late(struct worker *w, const struct call *c, int64_t *looked)
{
	int64_t now = clock_mono_ms();

	if (now - *looked < WORKER_TICK_MS)
		return false;
	*looked = now;
	return is_over(w, c);
}

static bool send_all(
	struct worker *w, struct worker_lane *lane, const struct call *c, struct frame_out *out)
{
	enum frame_end end;

	out->turn_ms = WORKER_TICK_MS;
	while ((end = frame_send(lane->socket, out)) == FRAME_LATE)
		if (is_over(w, c))
			return false;
	if (end != FRAME_DONE)
		worker_end(w, NULL);
	return end == FRAME_DONE;
}

static bool receive(struct worker *w, struct worker_lane *lane, const struct call *c)
{
	enum frame_end end;

	while ((end = frame_receive(lane->socket, &lane->in, FRAME_TO_HOST_MAX)) == FRAME_LATE)
		if (is_over(w, c))
			return false;
	if (end == FRAME_BAD)
		worker_end(w, "it sent what is no frame that it may send");
	else if (end == FRAME_CLOSED)
		worker_end(w, NULL);
	return end == FRAME_DONE;
}

/* False: the worker has been ended. */
static bool serve(struct worker *w, struct worker_lane *lane, struct call *c)
{
	struct frame_out out;
	const char *wrong = worker_serve(w->home->p, c, &lane->in, &lane->answer, &out);
	bool good = wrong == NULL && send_all(w, lane, c, &out);

	if (wrong == NULL && out.fd >= 0)
		(void)close(out.fd);
	if (wrong != NULL)
		worker_end(w, "%s", wrong);
	return good;
}

/* There is no thread for it. */
static bool refused(struct worker_lane *lane, struct fail *f)
{
	size_t n = lane->in.head.length;

	return fail_set(f, FAIL_UNAVAILABLE, "its worker has no room for one more call: %.*s",
		(int)(n < FRAME_TEXT_MAX ? n : FRAME_TEXT_MAX), frame_payload(&lane->in));
}

/* The first word of a call. Where the other end was closed at once it may have said why. */
static bool send_first(struct worker *w, struct worker_lane *lane, const struct call *c,
	struct frame_out *out, struct fail *f)
{
	enum frame_end end;

	out->turn_ms = WORKER_TICK_MS;
	while ((end = frame_send(lane->socket, out)) == FRAME_LATE)
		if (is_over(w, c))
			return false;
	if (end == FRAME_DONE)
		return true;
	if (frame_receive(lane->socket, &lane->in, FRAME_TEXT_MAX) == FRAME_DONE &&
		lane->in.head.kind == FRAME_REFUSED)
		return refused(lane, f);
	worker_end(w, NULL);
	return false;
}

bool worker_ask(struct worker *w, struct worker_lane *lane, struct call *c, struct frame_out *out,
	struct frame_return *ret_end, struct fail *f)
{
	int64_t looked = clock_mono_ms();
	bool asked = false;

	if (!send_first(w, lane, c, out, f))
		return false;
	while (receive(w, lane, c)) {
		const struct frame_head *head = &lane->in.head;

		if (head->kind == FRAME_REFUSED && !asked)
			return refused(lane, f);
		asked = true;
		if (head->kind == FRAME_RETURN && head->length == sizeof(*ret_end)) {
			memcpy(ret_end, frame_payload(&lane->in), sizeof(*ret_end));
			return true;
		}
		if (head->kind != FRAME_SERVICE && head->kind != FRAME_LONG) {
			worker_end(w, "it sent what is no frame that it may send");
			return false;
		}
		if (!serve(w, lane, c) || is_late(w, c, &looked))
			return false;
	}
	return false;
}
