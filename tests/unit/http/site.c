/* The server under test and its handlers. */
#include "unit/http/site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "unit/cmocka.h"

#define DEADLINE_MS 10000

static void handle_at_once(struct app *app, struct exchange *x)
{
	(void)app;
	exchange_reply_json(x, 200, json_pack("{s:s}", "status", "ok"));
}

/* What the exchange says about its request. */
static void handle_mirror(struct app *app, struct exchange *x)
{
	const char *instance = exchange_query(x, "isInstance");
	const char *long_header = exchange_header(x, "x-long");
	const char *cookie = exchange_header(x, "cookie");

	(void)app;
	exchange_reply_json(x, 200,
		json_pack("{s:s,s:s,s:s,s:s,s:s?,s:I,s:I,s:b}", "method", exchange_method(x),
			"path", exchange_path(x), "operation", exchange_route(x)->operation, "arg",
			exchange_arg(x), "isInstance", instance, "long",
			(json_int_t)(long_header ? strlen(long_header) : 0), "cookie",
			(json_int_t)(cookie ? strlen(cookie) : 0), "admin", exchange_admin(x)));
}

static void handle_bytes(struct app *app, struct exchange *x)
{
	int fd = exchange_body_fd(x);
	json_int_t n = 0, sum = 0;
	unsigned char piece[65536];
	ssize_t got;

	(void)app;
	while ((got = read(fd, piece, sizeof(piece))) > 0) {
		n += got;
		for (ssize_t i = 0; i < got; i++)
			sum += piece[i];
	}
	close(fd);
	exchange_reply_json(x, 200,
		json_pack("{s:I,s:I,s:b}", "n", n, "sum", sum, "memory",
			exchange_body_memory(x) != NULL));
}

static void handle_json(struct app *app, struct exchange *x)
{
	struct fail f;
	const json_t *body = exchange_body_json(x, &f);

	(void)app;
	if (body == NULL)
		exchange_fail(x, &f);
	else
		exchange_reply_json(x, 200, json_deep_copy(body));
}

static void handle_upload(struct app *app, struct exchange *x)
{
	const char *filename, *request;
	struct fail f;
	char text[100];
	ssize_t n;
	int fd;

	(void)app;
	if (!exchange_form_parse(x, &f)) {
		exchange_fail(x, &f);
		return;
	}
	request = exchange_form_text(x, "request");
	if (!exchange_part(x, "file", &fd, &filename)) {
		exchange_fail_text(x, 400, "no part named file");
		return;
	}
	n = read(fd, text, sizeof(text));
	close(fd);
	exchange_reply_json(x, 200,
		json_pack("{s:s?,s:s,s:s%}", "request", request, "filename", filename, "file", text,
			(size_t)n));
}

static void handle_digest(struct app *app, struct exchange *x)
{
	uint8_t digest[SHA256_BYTES];
	char hex[SHA256_HEX_SIZE];
	struct fail f;

	(void)app;
	if (!exchange_body_digest(x, digest, &f)) {
		exchange_fail(x, &f);
		return;
	}
	sha256_hex(digest, hex);
	exchange_reply_json(x, 200, json_string(hex));
}

static void handle_park(struct app *app, struct exchange *x)
{
	mutex_lock(&app->lock);
	if (app->parked_count == SITE_PARKED_MAX)
		abort();
	app->parked[app->parked_count++] = x;
	cond_broadcast(&app->changed);
	mutex_unlock(&app->lock);
}

static void handle_internal(struct app *app, struct exchange *x)
{
	struct fail f;

	(void)app;
	fail_set(&f, FAIL_INTERNAL, "the secret of the machine");
	exchange_fail(x, &f);
}

static void handle_field(struct app *app, struct exchange *x)
{
	struct fail f;

	(void)app;
	fail_at(&f, FAIL_BUSY, "/jobs/0", "too much at once");
	f.retry_after_ms = 1500;
	exchange_fail(x, &f);
}

static void handle_nothing(struct app *app, struct exchange *x)
{
	(void)app;
	exchange_reply_json(x, 200, NULL);
}

static const struct route routes[] = {
	{"GET", "/healthz", "health", ERROR_OBJECT, .handle = handle_at_once},
	{"POST", "/healthz", "health_post", ERROR_OBJECT, .handle = handle_at_once},
	{"GET", "/execute", "list", ERROR_SHORT, .handle = handle_mirror},
	{"GET", "/execute/{id}/getStatus", "status", ERROR_SHORT, .handle = handle_mirror},
	{"GET", "/execute/{id}/stop", "stop", ERROR_SHORT, .handle = handle_at_once},
	{"POST", "/api/service/v1/endpoints/{endpoint_id}/infer", "infer", ERROR_TEXT,
		.handle = handle_mirror, .query_id = "endpoint_id"},
	{"GET", "/api/service/v1/internal", "internal", ERROR_TEXT, .handle = handle_internal},
	{"POST", "/api/service/v1/json", "json", ERROR_TEXT, .handle = handle_json},
	{"POST", "/v1/bytes", "bytes", ERROR_OBJECT, .handle = handle_bytes,
		.flags = ROUTE_ANY_BODY},
	{"POST", "/v1/upload", "upload", ERROR_OBJECT, .handle = handle_upload,
		.flags = ROUTE_UPLOAD},
	{"POST", "/v1/digest", "digest", ERROR_OBJECT, .handle = handle_digest,
		.flags = ROUTE_UPLOAD},
	{"POST", "/v1/admin", "admin", ERROR_TEXT, .handle = handle_mirror, .flags = ROUTE_ADMIN},
	{"GET", "/v1/park", "park", ERROR_OBJECT, .handle = handle_park},
	{"GET", "/v1/field", "field", ERROR_OBJECT, .handle = handle_field},
	{"GET", "/v1/nothing", "nothing", ERROR_SHORT, .handle = handle_nothing},
};

void site_init(struct site *s)
{
	memset(s, 0, sizeof(*s));
	scratch_open(s->dir);
	snprintf(s->socket, sizeof(s->socket), "%s", scratch_path(s->dir, "sock"));
	mutex_init(&s->app.lock);
	cond_init(&s->app.changed);
	s->listeners[0] = (struct config_listener){
		.max_connections = 100, .max_requests = 50, .idle_seconds = 30};
	s->listeners[1] = s->listeners[0];
	s->listeners[1].unix_path = s->socket;
	s->config = (struct config){.data_dir = s->dir,
		.max_header_bytes = 65536,
		.max_body_bytes = 16 << 20,
		.max_body_memory_bytes = 1 << 20,
		.listeners = s->listeners,
		.listener_count = COUNT(s->listeners)};
}

void site_start(struct site *s)
{
	static char loopback[] = "127.0.0.1";
	struct fail f = {0};

	s->listeners[0].address = loopback;
	s->server = server_start(&s->config, routes, COUNT(routes), &s->app, &f);
	if (s->server == NULL)
		fail_msg("%s", f.text);
	s->port = server_port(s->server, 0);
	assert_true(s->port > 0);
	assert_int_equal(server_port(s->server, 1), 0);
}

void site_finish(struct site *s)
{
	server_stop(s->server, 2000);
	scratch_close(s->dir);
	cond_finish(&s->app.changed);
	mutex_finish(&s->app.lock);
}

void site_await_parked(struct site *s, size_t count)
{
	int64_t deadline = clock_mono_ms() + DEADLINE_MS;

	mutex_lock(&s->app.lock);
	while (s->app.parked_count < count)
		assert_true(clock_wait(&s->app.changed, &s->app.lock, deadline));
	mutex_unlock(&s->app.lock);
}

struct exchange *site_take_parked(struct site *s)
{
	struct exchange *x;

	site_await_parked(s, 1);
	mutex_lock(&s->app.lock);
	x = s->app.parked[0];
	s->app.parked_count--;
	memmove(s->app.parked, s->app.parked + 1, s->app.parked_count * sizeof(struct exchange *));
	mutex_unlock(&s->app.lock);
	return x;
}

void site_answer_elsewhere(struct exchange *x, void (*answer)(void *x))
{
	struct thread t;
	struct fail f;

	assert_true(thread_start(&t, "answer", 0, answer, x, &f));
	thread_join(&t);
}

void site_answer_done(void *x)
{
	exchange_reply_json(x, 200, json_pack("{s:b}", "done", true));
}
