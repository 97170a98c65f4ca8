/* The callbacks of libmicrohttpd about a request. All run on the front thread of its listener. */
#include "http/request.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "http/front.h"
#include "http/gate.h"
#include "http/internal.h"

#define PATIENT_SECONDS   60u   /* without a byte, while a body or a long answer is on its way */
#define BODY_GRACE_MS     60000 /* a body may take this, and a millisecond for each byte */
#define LONG_ANSWER_BYTES 65536 /* what fits the kernel's buffers needs no patience */
#define RETRY_AFTER_MS    1000

static void set_deadline(struct exchange *x, int64_t mono_ms)
{
	struct peer *peer = peers_of(x->connection);

	if (peer != NULL)
		peers_set(peer, mono_ms);
}

static void set_patience(struct exchange *x, bool patient)
{
	unsigned seconds = (unsigned)x->front->config->idle_seconds;

	if (x->patient == patient)
		return;
	x->patient = patient;
	if (patient && seconds < PATIENT_SECONDS)
		seconds = PATIENT_SECONDS;
	MHD_set_connection_option(x->connection, MHD_CONNECTION_OPTION_TIMEOUT, seconds);
}

/* --- a request comes in --- */

static void remember_connection(struct exchange *x, struct MHD_Connection *c)
{
	x->connection = c;
	x->socket = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

void *request_begun(void *arg, const char *target, struct MHD_Connection *c)
{
	struct exchange *x = exchange_create(arg, target != NULL ? target : "");

	if (x != NULL)
		remember_connection(x, c);
	return x;
}

/* -1: chunked; 0: none. What is not a number the library has refused. */
static int64_t announced_bytes(const struct exchange *x)
{
	const char *length = exchange_header(x, MHD_HTTP_HEADER_CONTENT_LENGTH);

	if (exchange_header(x, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL)
		return -1;
	return length != NULL ? strtoll(length, NULL, 10) : 0;
}

static bool waits_for_continue(const struct exchange *x)
{
	const char *expect = exchange_header(x, MHD_HTTP_HEADER_EXPECT);

	return expect != NULL && strcasecmp(expect, "100-continue") == 0;
}

/* A body that will be refused is read to its end where that is near: a client that is still
 * sending when the connection closes may never see the answer. */
static bool answer_before_body(const struct exchange *x, int64_t announced)
{
	if (announced > 2 * x->front->body_limits.total)
		return true;
	return x->refused != NULL && announced != 0 && waits_for_continue(x);
}

static void check_length(struct exchange *x, int64_t announced)
{
	if (x->refused == NULL && announced > x->front->body_limits.total)
		fail_set(exchange_refuse(x), FAIL_TOO_LARGE, "the body is larger than %lld bytes",
			(long long)x->front->body_limits.total);
	if (x->refused != NULL)
		body_discard(&x->body);
	if (announced != 0)
		set_patience(x, true);
	set_deadline(x, announced != 0 ? clock_mono_ms() + BODY_GRACE_MS : CLOCK_NEVER);
}

static enum MHD_Result send_answer(struct exchange *x);
static void dispatch(struct exchange *x);

static enum MHD_Result begin(struct exchange *x, const char *method, const char *version)
{
	const struct route *routes;
	struct fail f; /* set where there is one */
	size_t count;
	int64_t announced;

	x->begun = true;
	x->http_1_1 = strcmp(version, MHD_HTTP_VERSION_1_1) == 0;
	server_attach(x->front->server);
	routes = server_routes(x->front->server, &count);
	if (exchange_copy_request(x, method, &f))
		gate_check(x, routes, count);
	else
		exchange_refuse_as(x, &f);
	announced = announced_bytes(x);
	check_length(x, announced);
	if (!answer_before_body(x, announced))
		return MHD_YES;
	exchange_set_header(x, MHD_HTTP_HEADER_CONNECTION, "close");
	dispatch(x);
	return send_answer(x);
}

static enum MHD_Result take_body(struct exchange *x, const char *bytes, size_t *n)
{
	body_add(&x->body, bytes, *n);
	*n = 0;
	set_deadline(x, x->began_mono_ms + BODY_GRACE_MS + x->body.bytes);
	return x->body.bytes <= 2 * x->front->body_limits.total ? MHD_YES : MHD_NO;
}

/* --- it is all there --- */

static void answer_options(struct exchange *x)
{
	exchange_set_header(x, MHD_HTTP_HEADER_ALLOW, x->allow);
	exchange_reply_json(x, MHD_HTTP_OK, json_object());
}

static void answer_refused(struct exchange *x)
{
	if (x->refused->code == FAIL_METHOD && strcmp(x->method, MHD_HTTP_METHOD_OPTIONS) == 0) {
		answer_options(x);
		return;
	}
	if (x->refused->code == FAIL_METHOD)
		exchange_set_header(x, MHD_HTTP_HEADER_ALLOW, x->allow);
	if (x->refused->code == FAIL_TOO_LARGE)
		exchange_set_header(x, MHD_HTTP_HEADER_CONNECTION, "close");
	exchange_fail(x, x->refused);
}

/* What is known of it only now. */
static void check_whole(struct exchange *x)
{
	struct fail f; /* set where there is one */

	if (!body_end(&x->body, &f)) {
		exchange_refuse_as(x, &f);
	} else if (server_busy(x)) {
		(void)fail_set(&f, FAIL_BUSY,
			"this listener works on %lld requests already, as many as it may",
			(long long)x->front->config->max_requests);
		f.retry_after_ms = RETRY_AFTER_MS;
		exchange_refuse_as(x, &f);
	}
}

static void dispatch(struct exchange *x)
{
	x->dispatched = true;
	set_deadline(x, CLOCK_NEVER);
	if (x->refused == NULL)
		check_whole(x);
	else
		(void)body_end(&x->body, NULL);
	if (x->refused == NULL)
		x->route->handle(server_app(x->front->server), x);
	else
		answer_refused(x);
}

/* --- the answer --- */

/* Takes the answer out, or suspends the connection until there is one (*ret_wait). */
static struct MHD_Response *take_answer(struct exchange *x, bool *ret_wait)
{
	struct MHD_Response *answer;
	char *text;

	mutex_lock(&x->lock);
	*ret_wait = !x->answered;
	if (*ret_wait) {
		MHD_suspend_connection(x->connection);
		x->suspended = true;
		server_suspended(x->front);
	}
	answer = x->answer;
	text = x->text;
	x->answer = NULL;
	x->text = NULL;
	mutex_unlock(&x->lock);
	return text != NULL ? exchange_json_answer(x, text, (size_t)x->answer_bytes) : answer;
}

/* The handler has returned. Does it still owe something, the server must know of it. */
static bool join_work(struct exchange *x)
{
	bool welcome = true;

	mutex_lock(&x->lock);
	if (!x->done && !x->joined) {
		x->joined = true;
		welcome = server_join(x);
	}
	mutex_unlock(&x->lock);
	return welcome;
}

static enum MHD_Result send_answer(struct exchange *x)
{
	struct MHD_Response *answer;
	enum front_after after;
	enum MHD_Result queued;
	bool wait;

	if (!join_work(x))
		server_refuse_stopping(x);
	answer = take_answer(x, &wait);
	if (wait)
		return MHD_YES;
	if (answer == NULL)
		return MHD_NO;
	after = MHD_get_response_header(answer, MHD_HTTP_HEADER_CONNECTION) != NULL
	                ? FRONT_KEEP
	                : front_after(x->front, x);
	if (after == FRONT_CLOSE)
		MHD_add_response_header(answer, MHD_HTTP_HEADER_CONNECTION, "close");
	x->parks = after == FRONT_PARK;
	set_patience(x, x->answer_bytes < 0 || x->answer_bytes > LONG_ANSWER_BYTES);
	queued = MHD_queue_response(x->connection, x->status, answer);
	MHD_destroy_response(answer);
	return queued;
}

enum MHD_Result request_heard(void *arg, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *bytes, size_t *n, void **context)
{
	struct exchange *x = *context;

	(void)arg;
	(void)c;
	(void)url;
	if (x == NULL)
		return MHD_NO; /* out of memory */
	if (!x->begun)
		return begin(x, method, version);
	if (*n > 0)
		return take_body(x, bytes, n);
	if (!x->dispatched)
		dispatch(x);
	return send_answer(x);
}

static void log_access(const struct exchange *x)
{
	log_debug("HTTP-REQUEST", "request=%s %s %s status=%u bytes=%" PRId64 " ms=%" PRId64,
		x->request_id, x->method, x->raw_target, x->status, x->answer_bytes,
		clock_mono_ms() - x->began_mono_ms);
}

static void end_connection_side(struct exchange *x)
{
	struct MHD_Response *unsent;
	char *text;

	mutex_lock(&x->lock);
	x->gone = true;
	unsent = x->answer;
	text = x->text;
	x->answer = NULL;
	x->text = NULL;
	cond_broadcast(&x->room);
	mutex_unlock(&x->lock);
	free(text);
	if (unsent != NULL)
		MHD_destroy_response(unsent);
}

/* The answer is sent, or the client is gone. */
void request_over(
	void *arg, struct MHD_Connection *c, void **context, enum MHD_RequestTerminationCode how)
{
	struct exchange *x = *context;

	(void)arg;
	*context = NULL;
	if (x == NULL)
		return;
	end_connection_side(x);
	if (how == MHD_REQUEST_TERMINATED_COMPLETED_OK) {
		set_patience(x, false);
		set_deadline(x, front_header_deadline(x->front));
		if (x->parks)
			loop_park(&x->front->loop, c, x->socket);
	}
	if (x->begun) {
		log_access(x);
		server_detach(x->front->server);
	}
	if (!x->dispatched)
		exchange_release(x); /* no handler will */
	exchange_release(x);
}
