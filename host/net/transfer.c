/* One handle of curl: its options, and what curl calls on the loop's thread. */
#include "net/transfer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/killpoint.h"
#include "net/gate.h"
#include "net/proxy.h"
#include "net/trust.h"
#include "platform/thread.h"

/*
 * Memory of a transfer that waits is mostly curl's buffers, so they are small where little is
 * sent. An answer longer than a buffer only takes more turns.
 */
#define READ_BYTES       1024L  /* the least curl takes */
#define READ_BYTES_LARGE 16384L /* of a stream; curl passes on no more at once */
#define SEND_BYTES       16384L /* the least curl takes */
#define SEND_BYTES_LARGE 262144L
#define LARGE            ((uint64_t)64 * 1024)
#define KEEPALIVE_IDLE   60L
#define KEEPALIVE_EVERY  30L

/* --- what curl calls: addresses --- */

static bool admits(struct transfer *t, const char *address)
{
	(void)snprintf(t->address, sizeof(t->address), "%s", address);
	if (t->options.admit == NULL || t->options.admit(t->options.ctx, address))
		return true;
	t->refused++;
	return false;
}

static bool address_text(const struct curl_sockaddr *a, char text[INET6_ADDRSTRLEN])
{
	struct sockaddr_in four;
	struct sockaddr_in6 six;

	if (a->family == AF_INET && a->addrlen >= sizeof(four)) {
		memcpy(&four, &a->addr, sizeof(four));
		return inet_ntop(AF_INET, &four.sin_addr, text, INET6_ADDRSTRLEN) != NULL;
	}
	if (a->family == AF_INET6 && a->addrlen >= sizeof(six)) {
		/* It has room for the largest address, whatever the type of its member. */
		memcpy(&six, (const char *)a + offsetof(struct curl_sockaddr, addr), sizeof(six));
		return inet_ntop(AF_INET6, &six.sin6_addr, text, INET6_ADDRSTRLEN) != NULL;
	}
	return false;
}

/* Before curl starts a thread for it. */
static int look_up(void *state, void *reserved, void *arg)
{
	struct transfer *t = arg;

	(void)state;
	(void)reserved;
	return gate_look(t) ? 0 : 1;
}

/* curl says what type it has. NOLINTNEXTLINE(readability-non-const-parameter) */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *t = arg;
	char text[INET6_ADDRSTRLEN];

	(void)purpose;
	gate_found(t);
	if (!address_text(address, text) || !admits(t, text))
		return CURL_SOCKET_BAD;
	t->admitted++;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/*
 * Before each time it is sent, also on a connection that another transfer opened. curl by itself
 * sends a request a second time where a kept connection ended before the first byte of an
 * answer; but the other side may have acted on it.
 */
// NOLINTNEXTLINE(readability-non-const-parameter): curl says what types they have
static int before_sending(void *arg, char *remote, char *local, int remote_port, int local_port)
{
	struct transfer *t = arg;

	(void)local;
	(void)remote_port;
	(void)local_port;
	if (t->tries > 0 && !t->options.resend) {
		t->lost = !t->undone.said;
		return CURL_PREREQFUNC_ABORT;
	}
	if (remote[0] == '\0') { /* it was reset before curl asked who is there */
		t->gone = true;
		return CURL_PREREQFUNC_ABORT;
	}
	if (!admits(t, remote))
		return CURL_PREREQFUNC_ABORT;
	t->tries++;
	gate_sent(t);
	return CURL_PREREQFUNC_OK;
}

/* --- what curl calls: the answer --- */

static void tell(struct transfer *t)
{
	cond_broadcast(t->options.wake);
}

/* curl says what type it has. NOLINTNEXTLINE(readability-non-const-parameter) */
static size_t take_header(char *line, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	if (!head_line(&t->head, line, size * n)) {
		t->head_too_long = true;
		return 0;
	}
	if (t->options.stream && t->head.complete && !t->head_done) {
		mutex_lock(t->options.lock);
		t->head_done = true;
		tell(t);
		mutex_unlock(t->options.lock);
	}
	return size * n;
}

/* Makes room by moving what is not read yet to the front. */
static void move_up(struct transfer *t)
{
	if (t->read_at == 0)
		return;
	memmove(t->body.p, t->body.p + t->read_at, t->body.n - t->read_at);
	t->body.n -= t->read_at;
	t->read_at = 0;
}

static size_t take_piece(struct transfer *t, const char *bytes, size_t n)
{
	size_t taken = n;

	mutex_lock(t->options.lock);
	if (t->body.n - t->read_at >= TRANSFER_HELD_MAX) {
		t->paused = true;
		taken = CURL_WRITEFUNC_PAUSE;
	} else {
		move_up(t);
		buf_add(&t->body, bytes, n);
		if (t->body.failed)
			taken = 0;
		tell(t);
	}
	mutex_unlock(t->options.lock);
	return taken;
}

/* One answer at the bound of each is fine; all at once are not. */
static bool charge(struct transfer *t, size_t n)
{
	struct transfer_memory *m = t->options.memory;

	if (m == NULL)
		return true;
	t->charged += n;
	return atomic_fetch_add(&m->used, n) + n <= m->most;
}

static void give_back(struct transfer *t)
{
	if (t->options.memory != NULL)
		(void)atomic_fetch_sub(&t->options.memory->used, t->charged);
	t->charged = 0;
}

/* curl says what type it has. NOLINTNEXTLINE(readability-non-const-parameter) */
static size_t take_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	if (t->options.stream)
		return take_piece(t, bytes, size * n);
	if (!charge(t, size * n)) {
		t->no_room = true;
		return 0;
	}
	buf_add(&t->body, bytes, size * n);
	t->too_long = t->body.failed;
	return t->body.failed ? 0 : size * n;
}

/* --- what curl calls: the request's body --- */

static size_t give_file(struct transfer *t, char *bytes, size_t n)
{
	uint64_t left = t->options.body.n - t->sent_at;
	ssize_t got;

	if (n > left)
		n = (size_t)left;
	do
		got = pread(t->options.body.fd, bytes, n, (off_t)t->sent_at);
	while (got < 0 && errno == EINTR);
	if (got < 0 || (got == 0 && n > 0)) /* it has become shorter */
		return CURL_READFUNC_ABORT;
	t->sent_at += (uint64_t)got;
	return (size_t)got;
}

static size_t give_body(char *bytes, size_t size, size_t n, void *arg)
{
	return give_file(arg, bytes, size * n);
}

static int seek_body(void *arg, curl_off_t offset, int origin)
{
	struct transfer *t = arg;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > t->options.body.n)
		return CURL_SEEKFUNC_CANTSEEK;
	t->sent_at = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* --- options --- */

static bool add_line(struct transfer *t, const char *name, const char *value)
{
	struct curl_slist *more;
	char *line;
	int n;

	/* Of curl: "name:" takes a header out, "name;" sends one without a value. */
	n = asprintf(&line,
		value == NULL      ? "%s:"
		: value[0] == '\0' ? "%s;"
				   : "%s: %s",
		name, value);
	if (n < 0)
		return false;
	more = curl_slist_append(t->lines, line);
	OPENSSL_cleanse(line, (size_t)n);
	free(line);
	if (more != NULL)
		t->lines = more;
	return more != NULL;
}

static bool has_header(const struct transfer_options *o, const char *name)
{
	for (size_t i = 0; i < o->header_count; i++) {
		if (strcasecmp(o->headers[i].name, name) == 0)
			return true;
	}
	return false;
}

/* What curl would add by itself and nobody asked for. */
static bool add_lines(struct transfer *t)
{
	static const char *const unwanted[] = {"Expect", "Content-Type"};
	const struct transfer_options *o = &t->options;

	for (size_t i = 0; i < COUNT(unwanted); i++) {
		if (!has_header(o, unwanted[i]) && !add_line(t, unwanted[i], NULL))
			return false;
	}
	for (size_t i = 0; i < o->header_count; i++) {
		if (!add_line(t, o->headers[i].name, o->headers[i].value))
			return false;
	}
	return true;
}

static bool sends_body(const char *method)
{
	static const char *const methods[] = {"POST", "PUT", "PATCH"};

	for (size_t i = 0; i < COUNT(methods); i++) {
		if (strcmp(method, methods[i]) == 0)
			return true;
	}
	return false;
}

static void set_method(struct transfer *t)
{
	const struct transfer_options *o = &t->options;

	if (o->body.fd >= 0) {
		curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)o->body.n);
		curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, give_body);
		curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
		curl_easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, seek_body);
		curl_easy_setopt(t->easy, CURLOPT_SEEKDATA, t);
	} else if (o->body.n > 0 || sends_body(o->method)) {
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)o->body.n);
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, o->body.n > 0 ? o->body.bytes : "");
	} else if (strcmp(o->method, "HEAD") == 0) {
		curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
		return; /* any other way it would wait for the body */
	}
	curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, o->method);
}

static void set_buffers(struct transfer *t)
{
	const struct transfer_options *o = &t->options;

	curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, o->stream ? READ_BYTES_LARGE : READ_BYTES);
	curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE,
		o->body.n > LARGE ? SEND_BYTES_LARGE : SEND_BYTES);
}

/*
 * A stream has a connection of HTTP/1.1 for itself: on a shared one a slow reader would keep all
 * the others waiting. Where many requests go to one host at once, the first opens a connection
 * and the others wait to see whether they can share it.
 */
static void set_connection(struct transfer *t)
{
	const struct transfer_options *o = &t->options;
	bool share = o->http2 && !o->stream;

	curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION,
		share ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(t->easy, CURLOPT_PIPEWAIT, share ? 1L : 0L);
	curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_timeout_ms);
	curl_easy_setopt(t->easy, CURLOPT_MAXAGE_CONN, (long)(o->idle_ms + 999) / 1000);
	curl_easy_setopt(t->easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(t->easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE);
	curl_easy_setopt(t->easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_EVERY);
	curl_easy_setopt(t->easy, CURLOPT_RESOLVER_START_FUNCTION, look_up);
	curl_easy_setopt(t->easy, CURLOPT_RESOLVER_START_DATA, t);
	curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, before_sending);
	curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
	/* Never what the environment says; and whether a proxy is used was decided before. */
	curl_easy_setopt(t->easy, CURLOPT_PROXY, o->proxy != NULL ? o->proxy : "");
	curl_easy_setopt(t->easy, CURLOPT_NOPROXY, "");
	curl_easy_setopt(t->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	trust_apply(o->trust, t->easy);
	if (share && !o->resend)
		undone_watch(t->easy, &t->undone);
}

static void set_rest(struct transfer *t)
{
	curl_easy_setopt(t->easy, CURLOPT_CURLU, t->options.url);
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->lines);
	curl_easy_setopt(t->easy, CURLOPT_USERAGENT, t->options.agent);
	curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(t->easy, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(t->easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
	/* Else the loop would wait for a lookup that nobody wants any more. */
	curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L);
}

#ifdef DAVIT_TESTING

/* curl calls it when bytes of a request were given to the connection. */
// NOLINTNEXTLINE(readability-non-const-parameter): curl says what types they have
static int watch_sending(CURL *easy, curl_infotype what, char *bytes, size_t n, void *arg)
{
	struct transfer *t = arg;
	char *url = NULL;

	(void)easy;
	if (what == CURLINFO_TEXT && t->options.http2 && !t->options.stream && !t->options.resend)
		undone_hear(&t->undone, bytes, n); /* its place is taken by us */
	if (what == CURLINFO_DATA_OUT)
		t->given += n;
	if ((what != CURLINFO_DATA_OUT && what != CURLINFO_HEADER_OUT) ||
		t->given < t->options.body.n)
		return 0;
	(void)curl_url_get(t->options.url, CURLUPART_URL, &url, 0);
	KILLPOINT("http_after_send", "%s %s", t->options.method, url != NULL ? url : "");
	curl_free(url);
	return 0;
}

static void set_watch(struct transfer *t)
{
	if (!killpoint_wanted())
		return;
	curl_easy_setopt(t->easy, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(t->easy, CURLOPT_DEBUGFUNCTION, watch_sending);
	curl_easy_setopt(t->easy, CURLOPT_DEBUGDATA, t);
}

#else
#define set_watch(t) ((void)(t))
#endif

struct transfer *transfer_new(const struct transfer_options *o, struct fail *f)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		(void)fail_set(f, FAIL_UNAVAILABLE, "out of memory");
		return NULL;
	}
	t->options = *o;
	if (o->body.fd >= 0) /* the loop's thread reads it; so that it need not wait for a disk */
		(void)posix_fadvise(o->body.fd, 0, 0, POSIX_FADV_WILLNEED);
	t->end = TRANSFER_STOPPED;
	head_init(&t->head);
	/* Of a stream: one more piece than the most that is held, and curl's are no longer. */
	buf_init(&t->body, o->stream ? TRANSFER_HELD_MAX + CURL_MAX_WRITE_SIZE : o->answer_max);
	t->body.secret = true;
	t->easy = curl_easy_init();
	if (t->easy == NULL || !add_lines(t)) {
		transfer_free(t);
		(void)fail_set(f, FAIL_UNAVAILABLE, "out of memory");
		return NULL;
	}
	set_method(t);
	set_buffers(t);
	set_connection(t);
	set_rest(t);
	set_watch(t);
	return t;
}

static void cleanse_lines(struct curl_slist *lines)
{
	for (struct curl_slist *l = lines; l != NULL; l = l->next)
		OPENSSL_cleanse(l->data, strlen(l->data));
	curl_slist_free_all(lines);
}

void transfer_free(struct transfer *t)
{
	if (t == NULL)
		return;
	curl_easy_cleanup(t->easy);
	cleanse_lines(t->lines);
	buf_finish(&t->body);
	give_back(t);
	head_finish(&t->head);
	free(t);
}

/* --- the end --- */

void transfer_resume(struct transfer *t)
{
	curl_easy_pause(t->easy, CURLPAUSE_CONT); /* calls take_body() with what curl holds */
}

static bool is_refused(const struct transfer *t, CURLcode code)
{
	if (proxy_refuses(t->proxy_status))
		return true;
	switch ((int)code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
		return true;
	default:
		/* Where some addresses were refused, others may only not have answered. */
		return t->refused > 0 && !t->gone &&
		       (t->admitted == 0 || code == CURLE_ABORTED_BY_CALLBACK);
	}
}

/* Who began to answer did touch it, whatever it says later. */
static bool is_undone(const struct transfer *t)
{
	return t->undone.said && t->head.seen == 0;
}

static enum transfer_end end_of(const struct transfer *t, CURLcode code)
{
	if (code == CURLE_OK)
		return TRANSFER_ANSWERED;
	if (t->too_long || t->head_too_long || t->no_room)
		return TRANSFER_TOO_LONG;
	if (is_undone(t))
		return TRANSFER_UNDONE;
	if (!transfer_unsent(t))
		return TRANSFER_BROKEN;
	return is_refused(t, code) ? TRANSFER_REFUSED : TRANSFER_UNSENT;
}

bool transfer_unsent(const struct transfer *t)
{
	return t->tries == 0 || is_undone(t);
}

/* What a certificate lacks is said of it alone, and of nothing that the site keeps to itself. */
static bool tells_of_proxy(const struct transfer *t, CURLcode code)
{
	return t->options.proxy != NULL && code != CURLE_OK &&
	       code != CURLE_PEER_FAILED_VERIFICATION;
}

static void explain(struct transfer *t, CURLcode code)
{
	if (is_undone(t))
		(void)snprintf(t->error, sizeof(t->error), "the other side refused it");
	else if (t->lost)
		(void)snprintf(t->error, sizeof(t->error),
			"the kept connection ended before an answer came, and it must not be sent "
			"again");
	else if (t->gone)
		(void)snprintf(t->error, sizeof(t->error),
			"the connection ended before anything was sent");
	else if (tells_of_proxy(t, code))
		proxy_tell(code, t->proxy_status, t->error, sizeof(t->error));
	else if (t->error[0] == '\0')
		(void)snprintf(t->error, sizeof(t->error), "%s", curl_easy_strerror(code));
}

void transfer_land(struct transfer *t, CURLcode code, bool stopped)
{
	struct mutex *lock = t->options.lock;

	if (t->options.proxy != NULL && t->tries == 0)
		(void)curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &t->proxy_status);
	explain(t, code);
	mutex_lock(lock);
	t->end = stopped ? TRANSFER_STOPPED : end_of(t, code);
	t->ended = true;
	tell(t);
	mutex_unlock(lock);
}

size_t transfer_take(struct transfer *t, void *bytes, size_t cap, bool *ret_resume)
{
	size_t there = t->body.n - t->read_at;
	size_t n = there < cap ? there : cap;

	if (n > 0)
		memcpy(bytes, t->body.p + t->read_at, n);
	t->read_at += n;
	*ret_resume = t->paused && there - n <= TRANSFER_HELD_MAX / 2;
	if (*ret_resume)
		t->paused = false;
	return n;
}
