/* Starts and stops the daemons of a listener, and counts its connections. */
#include "http/front.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "http/internal.h"
#include "http/request.h"

/*
 * The library keeps a pool of fixed size per connection and, before it reads the next
 * request of a kept connection, writes zeros over all of it. So an idle kept connection
 * costs its whole pool, and one that is new costs two or three pages. Kept connections are
 * therefore limited by the memory they take together; beyond that answers say
 * "Connection: close", which clients that leak their connections do not mind.
 */
#define KEPT_BYTES ((size_t)24 << 20)

/* A pool holds the header, a second copy of its cookies, and what describes each line. */
#define POOL_BYTES(header) (2 * (header) + 8192)

#define STACK_BYTES ((size_t)512 << 10)

int64_t front_header_deadline(const struct front *front)
{
	return clock_mono_ms() + 2000 * front->config->idle_seconds;
}

/* --- connections --- */

static bool is_large(const struct front *front, struct MHD_Connection *c)
{
	return MHD_get_connection_info(c, MHD_CONNECTION_INFO_DAEMON)->daemon == front->loop.kept;
}

static int64_t request_bytes(const struct exchange *x)
{
	const union MHD_ConnectionInfo *head =
		MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	return head != NULL ? (int64_t)head->header_size + x->body.bytes : 0;
}

/* Will the library keep the connection, and is it known where the request ends? */
static bool is_plain(const struct exchange *x)
{
	const char *connection = exchange_header(x, MHD_HTTP_HEADER_CONNECTION);

	return x->http_1_1 && exchange_header(x, MHD_HTTP_HEADER_TRANSFER_ENCODING) == NULL &&
	       (connection == NULL || strcasecmp(connection, "keep-alive") == 0);
}

static enum front_after after_brief(const struct front *front, const struct exchange *x)
{
	struct peer *peer = peers_of(x->connection);
	int64_t asked, read;
	bool ended = false;

	if (peer == NULL || !is_plain(x) || !loop_can_park(&front->loop))
		return FRONT_CLOSE;
	asked = peers_count(peer, request_bytes(x));
	read = park_bytes_read(x->socket, &ended);
	if (read < asked || (read == asked && ended))
		return FRONT_CLOSE;
	return read == asked ? FRONT_PARK : FRONT_KEEP;
}

enum front_after front_after(const struct front *front, const struct exchange *x)
{
	size_t pool = POOL_BYTES((size_t)front->max_header_bytes);

	if (server_draining(front->server))
		return FRONT_CLOSE;
	if (!is_large(front, x->connection))
		return after_brief(front, x);
	return front->kept * pool <= KEPT_BYTES ? FRONT_KEEP : FRONT_CLOSE;
}

static void on_connection(void *arg, struct MHD_Connection *c, void **socket_context,
	enum MHD_ConnectionNotificationCode what)
{
	struct front *front = arg;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		int fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;

		front->connections++;
		front->kept += is_large(front, c);
		*socket_context = peers_add(&front->peers, fd, front_header_deadline(front));
	} else {
		front->connections--;
		front->kept -= is_large(front, c);
		peers_remove(&front->peers, *socket_context);
	}
}

static void on_log(void *arg, const char *format, va_list args) ATTR_PRINTF(2, 0);

static void on_log(void *arg, const char *format, va_list args)
{
	char line[256];

	(void)arg;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	log_debug("HTTP-LIBRARY", "%s", line);
}

/* --- start and stop --- */

static struct MHD_Daemon *daemon_start(struct front *front, size_t pool)
{
	unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
	                 MHD_USE_ERROR_LOG;
	const struct config_listener *c = front->config;

	/* clang-format off */
	return MHD_start_daemon(flags, 0, NULL, NULL, request_heard, front,
		MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
		MHD_OPTION_URI_LOG_CALLBACK, request_begun, front,
		MHD_OPTION_NOTIFY_COMPLETED, request_over, front,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, front,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)c->max_connections,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)c->idle_seconds,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, pool,
		MHD_OPTION_END);
	/* clang-format on */
}

static bool daemons_start(struct front *front, struct fail *f)
{
	struct loop *l = &front->loop;

	l->listener = front->socket.fd;
	l->most = (size_t)front->config->max_connections;
	l->connections = &front->connections;
	l->parks = front->config->unix_path == NULL;
	l->idle_ms = 1000 * front->config->idle_seconds;
	l->brief = daemon_start(front, LOOP_BRIEF_POOL);
	l->kept = daemon_start(front, POOL_BYTES(front->max_header_bytes));
	if (l->brief != NULL && l->kept != NULL)
		return loop_start(l, "http-front", STACK_BYTES, f);
	return fail_set(f, FAIL_UNAVAILABLE, "the http front does not start; the log says more");
}

bool front_start(
	struct front *front, size_t max_header_bytes, struct handed *handed, struct fail *f)
{
	front->max_header_bytes = max_header_bytes;
	if (!listen_open(&front->socket, front->config, handed, f))
		return false;
	front->watched = peers_start(&front->peers, f);
	if (front->watched && daemons_start(front, f))
		return true;
	front_stop(front);
	return false;
}

void front_quiesce(struct front *front)
{
	loop_quiesce(&front->loop);
	listen_shut(&front->socket);
}

void front_stop(struct front *front)
{
	struct loop *l = &front->loop;

	loop_stop(l);
	if (l->brief != NULL)
		MHD_stop_daemon(l->brief);
	if (l->kept != NULL)
		MHD_stop_daemon(l->kept);
	if (front->watched)
		peers_stop(&front->peers);
	listen_close(&front->socket);
	l->brief = NULL;
	l->kept = NULL;
	front->watched = false;
}
