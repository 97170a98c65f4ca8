/* Answers: made on any thread, handed to the front thread, whole or as a stream. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "http/errors.h"
#include "http/exchange.h"
#include "http/internal.h"

#define STREAM_BLOCK ((size_t)32768)

static const char type_json[] = "application/json";

/* Puts the answer, one of the two, where the front thread finds it, and wakes the connection if
 * it waits. Neither: out of memory, the connection is closed. What nobody wants any more is
 * dropped. */
static void hand_over(
	struct exchange *x, int status, struct MHD_Response *answer, char *text, int64_t bytes)
{
	bool resume;

	mutex_lock(&x->lock);
	if (!x->answered && !x->gone) {
		x->answer = answer;
		x->text = text;
		x->status = (unsigned)status;
		x->answer_bytes = bytes;
		answer = NULL;
		text = NULL;
	}
	x->answered = true;
	resume = x->suspended;
	x->suspended = false;
	mutex_unlock(&x->lock);
	free(text);
	if (answer != NULL)
		MHD_destroy_response(answer);
	if (resume)
		server_resume(x);
}

/* The handler's last word is coming. Before the answer and not after it: a client that has
 * its answer may send the next request, which must not count together with this one. */
static void leave_work(struct exchange *x)
{
	bool joined;

	mutex_lock(&x->lock);
	x->done = true;
	joined = x->joined;
	mutex_unlock(&x->lock);
	if (joined)
		server_leave(x);
}

static void add_headers(
	const struct exchange *x, struct MHD_Response *answer, const char *content_type)
{
	MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	for (const struct exchange_header *h = x->extra; h != NULL; h = h->next)
		MHD_add_response_header(answer, h->name, h->value);
}

/* The last thing one can say without memory. */
static struct MHD_Response *last_resort(const struct exchange *x, size_t *ret_n)
{
	const char *text = errors_last_resort(x->form);

	*ret_n = strlen(text);
	return MHD_create_response_from_buffer(*ret_n, (void *)text, MHD_RESPMEM_PERSISTENT);
}

struct MHD_Response *exchange_json_answer(struct exchange *x, char *text, size_t n)
{
	struct MHD_Response *answer =
		MHD_create_response_from_buffer(n, text, MHD_RESPMEM_MUST_FREE);

	if (answer == NULL) {
		free(text);
		x->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
		answer = last_resort(x, &n);
	}
	if (answer != NULL)
		add_headers(x, answer, type_json);
	return answer;
}

/* Takes text over. */
static void send_text(
	struct exchange *x, int status, const char *content_type, char *text, size_t n)
{
	struct MHD_Response *answer = NULL;

	if (text != NULL && strcmp(content_type, type_json) == 0) {
		hand_over(x, status, NULL, text, (int64_t)n);
		return;
	}
	if (text != NULL)
		answer = MHD_create_response_from_buffer(n, text, MHD_RESPMEM_MUST_FREE);
	if (answer == NULL) {
		free(text);
		content_type = type_json;
		status = MHD_HTTP_INTERNAL_SERVER_ERROR;
		answer = last_resort(x, &n);
	}
	if (answer != NULL)
		add_headers(x, answer, content_type);
	hand_over(x, status, answer, NULL, (int64_t)n);
}

/* The handler's last word, or its keeper's. Takes text over. */
static void answer_text(
	struct exchange *x, int status, const char *content_type, char *text, size_t n)
{
	exchange_keeper *keeper = x->keeper;

	x->keeper = NULL;
	if (keeper != NULL) {
		keeper(x, status, content_type, text, n, x->keeper_ctx);
		return;
	}
	leave_work(x);
	send_text(x, status, content_type, text, n);
	exchange_release(x);
}

/* JSON of ours ends its line, for people at a terminal. */
static char *with_line_end(char *text, size_t *n)
{
	char *longer = text != NULL ? realloc(text, *n + 2) : NULL;

	if (longer == NULL) {
		free(text);
		return NULL;
	}
	longer[(*n)++] = '\n';
	longer[*n] = '\0';
	return longer;
}

void exchange_reply_json(struct exchange *x, int status, json_t *body)
{
	size_t n = 0;
	char *text = body != NULL ? json_compact(body, &n) : NULL;

	json_decref(body);
	text = with_line_end(text, &n);
	answer_text(x, status, type_json, text, n);
}

void exchange_reply_text(
	struct exchange *x, int status, const char *content_type, char *text, size_t n)
{
	answer_text(x, status, content_type, text, n);
}

static void answer_error(
	struct exchange *x, int status, const struct fail *f, const char *text, const char *word)
{
	size_t n = 0;
	char *json = errors_json(x->form, f, text, word, x->request_id, &n);

	json = with_line_end(json, &n);
	answer_text(x, status, type_json, json, n);
}

static void add_retry_after(struct exchange *x, int64_t ms)
{
	char seconds[24];

	if (ms <= 0)
		return;
	snprintf(seconds, sizeof(seconds), "%" PRId64, (ms + 999) / 1000);
	exchange_set_header(x, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
}

void exchange_fail(struct exchange *x, const struct fail *f)
{
	struct fail shown = *f;

	if (f->code == FAIL_INTERNAL || f->code == FAIL_NONE) {
		log_error("HTTP-INTERNAL", "request=%s %s %s: %s", x->request_id, x->method,
			x->raw_target, f->text);
		fail_set(&shown, FAIL_INTERNAL,
			"internal error; see the log of davitd for request %s", x->request_id);
	}
	add_retry_after(x, shown.retry_after_ms);
	answer_error(x, fail_status(shown.code), &shown, shown.text, fail_word(shown.code));
}

void exchange_fail_text(struct exchange *x, int status, const char *text)
{
	struct fail f = {0};

	answer_error(x, status, &f, text, errors_word(status));
}

void exchange_keep_answer(struct exchange *x, exchange_keeper *keeper, void *ctx)
{
	x->keeper = keeper;
	x->keeper_ctx = ctx;
}

void *exchange_kept_for(const struct exchange *x)
{
	return x->keeper != NULL ? x->keeper_ctx : NULL;
}

void exchange_set_header(struct exchange *x, const char *name, const char *value)
{
	size_t name_size = strlen(name) + 1;
	size_t value_size = strlen(value) + 1;
	struct exchange_header *h;

	if (x->extra_count == EXCHANGE_HEADERS_MAX)
		return;
	h = malloc(sizeof(*h) + name_size + value_size);
	if (h == NULL)
		return;
	h->next = x->extra;
	memcpy(h->name, name, name_size);
	h->value = memcpy(h->name + name_size, value, value_size);
	x->extra = h;
	x->extra_count++;
}

/* --- from server_stop --- */

void exchange_force(struct exchange *x, const struct fail *f)
{
	size_t n = 0;
	char *text = errors_json(x->form, f, f->text, fail_word(f->code), x->request_id, &n);
	struct MHD_Response *answer = NULL;

	mutex_lock(&x->lock);
	x->cut = true;
	cond_broadcast(&x->room);
	mutex_unlock(&x->lock);
	text = with_line_end(text, &n);
	if (text != NULL)
		answer = MHD_create_response_from_buffer(n, text, MHD_RESPMEM_MUST_FREE);
	if (answer == NULL)
		free(text);
	else
		MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE, type_json);
	hand_over(x, fail_status(f->code), answer, NULL, (int64_t)n);
}

/* --- streams --- */

/* While the connection is suspended the library does not look at its socket. A client that has
 * closed its side has gone: one that still listens keeps it open. x->lock is held. */
static bool gone_now(struct exchange *x)
{
	struct pollfd p = {.fd = x->socket, .events = POLLRDHUP};

	if (x->gone || x->cut)
		return true;
	return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

bool exchange_gone(struct exchange *x)
{
	bool gone;

	mutex_lock(&x->lock);
	gone = gone_now(x);
	mutex_unlock(&x->lock);
	return gone;
}

/* libmicrohttpd 0.9.75 ends a chunked answer to HEAD with the last chunk all the same, which
 * the client would take for its next answer; so that one gets an empty body. */
static struct MHD_Response *stream_answer(struct exchange *x)
{
	if (strcmp(x->method, MHD_HTTP_METHOD_HEAD) == 0)
		return MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	return MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, STREAM_BLOCK, exchange_read_stream, x, NULL);
}

void exchange_stream_begin(struct exchange *x, int status, const char *content_type)
{
	struct MHD_Response *answer = stream_answer(x);

	if (answer != NULL)
		add_headers(x, answer, content_type);
	hand_over(x, status, answer, NULL, -1);
}

/* What there is; else 0 with the connection suspended, or the end. x->lock is held. */
static ssize_t read_locked(struct exchange *x, char *bytes, size_t max)
{
	size_t n = x->cut ? 0 : stream_take(&x->stream, bytes, max);

	if (n > 0) {
		cond_signal(&x->room);
		return (ssize_t)n;
	}
	if (x->ended && x->whole && !x->cut)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (x->ended || x->cut)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	MHD_suspend_connection(x->connection);
	x->suspended = true;
	server_suspended(x->front);
	return 0;
}

ssize_t exchange_read_stream(void *arg, uint64_t position, char *bytes, size_t max)
{
	struct exchange *x = arg;
	ssize_t n;

	(void)position;
	mutex_lock(&x->lock);
	n = read_locked(x, bytes, max);
	mutex_unlock(&x->lock);
	return n;
}

/* Queues what fits, waiting for room first; how much, or 0: nobody will read it. The wait
 * ends at the latest when the connection is closed because its client takes nothing. */
static size_t stream_some(struct exchange *x, const char *bytes, size_t n, bool *ret_resume)
{
	size_t taken = 0;

	mutex_lock(&x->lock);
	while (!x->gone && !x->cut && x->stream.waiting >= STREAM_WAITING_MAX)
		cond_wait(&x->room, &x->lock);
	if (x->gone || x->cut || !stream_put(&x->stream, bytes, n, &taken))
		taken = 0;
	*ret_resume = taken > 0 && x->suspended;
	if (*ret_resume)
		x->suspended = false;
	mutex_unlock(&x->lock);
	return taken;
}

bool exchange_stream_bytes(struct exchange *x, const void *bytes, size_t n)
{
	const char *rest = bytes;
	bool resume;

	while (n > 0) {
		size_t taken = stream_some(x, rest, n, &resume);

		if (taken == 0)
			return false;
		if (resume)
			server_resume(x);
		rest += taken;
		n -= taken;
	}
	return true;
}

int64_t exchange_stream_room(struct exchange *x)
{
	int64_t room = -1;

	mutex_lock(&x->lock);
	if (!gone_now(x))
		room = (int64_t)(STREAM_WAITING_MAX - x->stream.waiting);
	mutex_unlock(&x->lock);
	return room;
}

void exchange_stream_end(struct exchange *x, bool ok)
{
	bool resume;

	leave_work(x);
	mutex_lock(&x->lock);
	x->ended = true;
	x->whole = ok;
	resume = x->suspended;
	x->suspended = false;
	mutex_unlock(&x->lock);
	if (resume)
		server_resume(x);
	exchange_release(x);
}
