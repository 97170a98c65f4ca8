/*
 * One HTTP request over a process's own socket, by libcurl. The transfer is driven on the
 * thread that reads the answer: while nobody reads, nothing is taken from the socket, so that
 * an answer of any size needs a fixed piece of memory.
 *
 * Connections are not curl's but those of links.h: curl gets one for each request as if it were
 * new, and leaves it open. So it is we who say when a request may be sent a second time.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "process/internal.h"

#define WAIT_MS     100 /* between two looks at deadline and cancellation */
#define HEAD_MAX    ((size_t)64 * 1024)
#define TARGET_MAX  8192
#define TYPE_MAX    1024
#define TEXT_METHOD 16

#define STATUS_NO_CONTENT   204
#define STATUS_NOT_MODIFIED 304

struct process_response {
	struct processes *processes; /* in whose list it is */
	LIST_ENTRY(process_response) link;
	struct transport *t;
	struct link *l;        /* owns t */
	const json_t *request; /* while it is being asked */
	struct curl_slist *headers;
	curl_off_t length;        /* of the body */
	int64_t deadline_mono_ms; /* of the head; then of the next bytes */
	int64_t silence_ms;       /* that the process may keep between two pieces */
	bool (*cancelled)(void *ctx);
	void *ctx;
	char name[RUN_NAME_MAX + 1];
	char *url;
	char socket[PATH_MAX];
	int body_fd;
	curl_off_t body_at;

	bool head_done;
	size_t head_bytes;
	bool too_long;  /* the head */
	bool delimited; /* the answer says where it ends */
	bool closes;    /* the server ends the connection after its answer */
	bool asked;     /* bytes of the request were sent */
	bool looked;    /* waited for the head once */
	bool paused;
	bool ended;
	CURLcode code; /* how, once ended */
	size_t held_at;
	size_t held_n;
};

struct method {
	const char *word;
	bool sends; /* has a body, if only an empty one */
};

static const struct method methods[] = {
	{"GET", false},
	{"HEAD", false},
	{"POST", true},
	{"PUT", true},
	{"PATCH", true},
	{"DELETE", false},
	{"OPTIONS", false},
};

/* --- what curl calls --- */

/* Does the line of a header name the option "close"? No other option contains the word. */
static bool says_close(const char *line, size_t n)
{
	static const char name[] = "connection:", word[] = "close";

	if (n < sizeof(name) - 1 || strncasecmp(line, name, sizeof(name) - 1) != 0)
		return false;
	for (size_t i = sizeof(name) - 1; i + sizeof(word) - 1 <= n; i++) {
		if (strncasecmp(line + i, word, sizeof(word) - 1) == 0)
			return true;
	}
	return false;
}

static bool says_length(const char *line, size_t n)
{
	static const char *const names[] = {"content-length:", "transfer-encoding:"};

	for (size_t i = 0; i < COUNT(names); i++) {
		if (n >= strlen(names[i]) && strncasecmp(line, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

/* curl says what type it has. NOLINTNEXTLINE(readability-non-const-parameter) */
static size_t take_header(char *bytes, size_t size, size_t n, void *arg)
{
	struct process_response *r = arg;
	long status = 0;

	r->head_bytes += size * n;
	if (r->head_bytes > HEAD_MAX) {
		r->too_long = true;
		return 0;
	}
	r->closes |= says_close(bytes, n * size);
	r->delimited |= says_length(bytes, n * size);
	if (n * size > 2 || bytes[0] != '\r')
		return n * size;
	curl_easy_getinfo(r->t->easy, CURLINFO_RESPONSE_CODE, &status);
	r->head_done = status >= 200; /* before it come only "100 Continue" and the like */
	return n * size;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct process_response *r = arg;

	r->head_done = true;
	if (r->held_n >= TRANSPORT_HELD_MAX) {
		r->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (size * n > CURL_MAX_WRITE_SIZE)
		return 0; /* curl promises that it never is */
	if (r->held_at > 0)
		memmove(r->t->held, r->t->held + r->held_at, r->held_n);
	r->held_at = 0;
	memcpy(r->t->held + r->held_n, bytes, size * n);
	r->held_n += size * n;
	return size * n;
}

static size_t give_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct process_response *r = arg;
	ssize_t got = pread(r->body_fd, bytes, size * n, r->body_at);

	if (got < 0)
		return CURL_READFUNC_ABORT;
	r->body_at += got;
	return (size_t)got;
}

static int seek_body(void *arg, curl_off_t offset, int origin)
{
	struct process_response *r = arg;

	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	r->body_at = offset;
	return CURL_SEEKFUNC_OK;
}

/* --- making it --- */

/* A path that stays one line and one word. */
static bool target_valid(const char *path)
{
	if (path[0] != '/' || strlen(path) > TARGET_MAX)
		return false;
	for (const char *c = path; *c != '\0'; c++) {
		if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f || *c == '#')
			return false;
	}
	return true;
}

static bool type_valid(const char *type)
{
	for (const char *c = type; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	}
	return strlen(type) <= TYPE_MAX;
}

static const struct method *find_method(const char *word)
{
	for (size_t i = 0; i < COUNT(methods); i++) {
		if (strcmp(methods[i].word, word) == 0)
			return &methods[i];
	}
	return NULL;
}

static bool add_header(struct process_response *r, const char *name, const char *value)
{
	struct curl_slist *more;
	char *line;

	/* An empty value takes out what curl would send. */
	if (asprintf(&line, value[0] == '\0' ? "%s:%s" : "%s: %s", name, value) < 0)
		return false;
	more = curl_slist_append(r->headers, line);
	free(line);
	if (more != NULL)
		r->headers = more;
	return more != NULL;
}

static bool add_headers(struct process_response *r, const json_t *request)
{
	return add_header(r, "Content-Type", json_text_or(request, "content_type", "")) &&
	       add_header(r, "Accept", json_text_or(request, "accept", "*/*")) &&
	       add_header(r, "Expect", "");
}

static void set_body(struct process_response *r, const char *method)
{
	const struct method *known = find_method(method);

	if (r->body_fd >= 0) {
		curl_easy_setopt(r->t->easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(r->t->easy, CURLOPT_INFILESIZE_LARGE, r->length);
		curl_easy_setopt(r->t->easy, CURLOPT_READFUNCTION, give_body);
		curl_easy_setopt(r->t->easy, CURLOPT_READDATA, r);
		curl_easy_setopt(r->t->easy, CURLOPT_SEEKFUNCTION, seek_body);
		curl_easy_setopt(r->t->easy, CURLOPT_SEEKDATA, r);
	} else if (known != NULL && known->sends) {
		curl_easy_setopt(r->t->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(r->t->easy, CURLOPT_POSTFIELDS, "");
		curl_easy_setopt(r->t->easy, CURLOPT_POSTFIELDSIZE, 0L);
	} else if (strcmp(method, "HEAD") == 0) {
		curl_easy_setopt(r->t->easy, CURLOPT_NOBODY, 1L);
		return; /* says the method by itself */
	}
	curl_easy_setopt(r->t->easy, CURLOPT_CUSTOMREQUEST, method);
}

static void set_options(struct process_response *r)
{
	curl_easy_setopt(r->t->easy, CURLOPT_URL, r->url);
	curl_easy_setopt(r->t->easy, CURLOPT_UNIX_SOCKET_PATH, r->socket);
	curl_easy_setopt(r->t->easy, CURLOPT_HTTPHEADER, r->headers);
	curl_easy_setopt(r->t->easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(r->t->easy, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(r->t->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(r->t->easy, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(r->t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(r->t->easy, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(r->t->easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(r->t->easy, CURLOPT_NOSIGNAL, 1L);
	transport_aim(r->t, !link_reused(r->l));
	curl_easy_setopt(r->t->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(r->t->easy, CURLOPT_NOPROXY, "*");
}

static bool measure_body(struct process_response *r, struct fail *f)
{
	struct stat st = {0};

	if (r->body_fd >= 0 && fstat(r->body_fd, &st) != 0)
		return fail_errno(f, errno, "read the body for process %s", r->name);
	r->length = (curl_off_t)st.st_size;
	return true;
}

static bool prepare(struct process_response *r, const json_t *request, struct fail *f)
{
	if (asprintf(&r->url, "http://localhost%s", json_text_or(request, "path", "/")) < 0)
		r->url = NULL;
	if (r->url == NULL || !add_headers(r, request))
		return fail_errno(f, ENOMEM, "ask process %s", r->name);
	r->request = request;
	return measure_body(r, f);
}

/* --- driving it --- */

static bool explain(const struct process_response *r, struct fail *f)
{
	if (r->too_long)
		return fail_set(f, FAIL_UPSTREAM,
			"process %s answered with more than %zu bytes of headers", r->name,
			HEAD_MAX);
	switch ((int)r->code) {
	case CURLE_COULDNT_CONNECT:
		if (r->l != NULL && link_reused(r->l))
			return fail_set(f, FAIL_UPSTREAM,
				"process %s ended the connection "
				"before its answer was complete",
				r->name);
		return fail_set(f, FAIL_UNAVAILABLE, "process %s does not listen (yet)", r->name);
	case CURLE_OUT_OF_MEMORY:
		return fail_errno(f, ENOMEM, "ask process %s", r->name);
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_PARTIAL_FILE:
		return fail_set(f, FAIL_UPSTREAM,
			"process %s ended the connection before its answer was complete", r->name);
	default:
		return fail_set(f, FAIL_UPSTREAM, "process %s does not answer as HTTP says: %s",
			r->name, curl_easy_strerror(r->code));
	}
}

/* All of the answer is here, it said where it ends, and all of the request was read. */
static bool is_whole(const struct process_response *r)
{
	curl_off_t sent = 0;
	long version = 0, status = 0;

	if (!r->ended || r->code != CURLE_OK || r->closes)
		return false;
	curl_easy_getinfo(r->t->easy, CURLINFO_HTTP_VERSION, &version);
	curl_easy_getinfo(r->t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(r->t->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	return version == CURL_HTTP_VERSION_1_1 && sent == r->length &&
	       (r->delimited || status == STATUS_NO_CONTENT || status == STATUS_NOT_MODIFIED);
}

static void let_go(struct process_response *r)
{
	if (r->l == NULL)
		return;
	curl_multi_remove_handle(r->t->multi, r->t->easy);
	curl_easy_reset(r->t->easy);
	link_release(r->l);
	r->l = NULL;
	r->t = NULL;
}

static void note_end(struct process_response *r)
{
	CURLMsg *message;
	bool was_over = r->ended;
	int left;

	while ((message = curl_multi_info_read(r->t->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		r->ended = true;
		r->code = message->data.result;
	}
	if (r->ended && !was_over && r->code == CURLE_OK)
		link_ended(r->l, is_whole(r));
}

/* After curl had its turn. */
static void note_asked(struct process_response *r)
{
	long sent = 0;

	if (r->asked || r->l == NULL || link_reused(r->l))
		return;
	curl_easy_getinfo(r->t->easy, CURLINFO_REQUEST_SIZE, &sent);
	r->asked = sent > 0;
	if (r->asked)
		link_asked(r->l);
}

/* Waits for the socket; the first time, on a new connection, not as long. */
static void wait_for_bytes(struct process_response *r, int64_t left)
{
	bool first = r->asked && !r->looked && !r->head_done;
	int64_t most = first ? LINKS_UNREAD_MS : WAIT_MS;
	int ready = 0;

	curl_multi_poll(r->t->multi, NULL, 0, (int)(left < most ? left : most), &ready);
	if (ready > 0 || !r->asked || r->head_done || r->l == NULL)
		return;
	r->looked = true;
	link_waits(r->l);
}

/* Moves what can be moved now; then waits a little if nothing came of it. */
static bool drive(struct process_response *r, struct fail *f)
{
	int64_t left = r->deadline_mono_ms - clock_mono_ms();
	bool head = r->head_done;
	size_t n = r->held_n;
	int running;

	if (r->cancelled != NULL && r->cancelled(r->ctx))
		return fail_set(
			f, FAIL_UNAVAILABLE, "the request to process %s was cancelled", r->name);
	if (left <= 0)
		return fail_set(f, FAIL_DEADLINE, "process %s did not answer in time", r->name);
	if (curl_multi_perform(r->t->multi, &running) != CURLM_OK)
		return fail_set(f, FAIL_INTERNAL, "ask process %s: curl fails", r->name);
	note_end(r);
	note_asked(r);
	if (r->ended || r->held_n != n || r->head_done != head)
		return true;
	wait_for_bytes(r, left);
	return true;
}

static bool drive_to_head(struct process_response *r, struct fail *f)
{
	while (!r->head_done && !r->ended) {
		if (!drive(r, f))
			return false;
	}
	return !r->ended || r->code == CURLE_OK || explain(r, f);
}

static bool take_link(struct process_response *r, bool fresh, struct fail *f)
{
	r->l = link_take(&r->processes->links, r->name, fresh, f);
	if (r->l == NULL)
		return false;
	r->t = link_transport(r->l);
	set_options(r);
	set_body(r, json_text_or(r->request, "method", ""));
	return curl_multi_add_handle(r->t->multi, r->t->easy) == CURLM_OK ||
	       fail_set(f, FAIL_INTERNAL, "ask process %s: curl refuses", r->name);
}

/*
 * A kept connection has ended, and curl was not let to open another one for the request. Did the
 * server end it without having read all of the request? Then nothing was sent, or sending
 * failed, or, as a peer that closes with bytes unread resets, receiving did. One that read it
 * all and says nothing may have acted on it: that looks like the end of the stream.
 */
static bool was_unread(const struct process_response *r)
{
	long why = 0, sent = 0;

	if (r->l == NULL || !link_reused(r->l) || !r->ended || r->head_bytes > 0)
		return false;
	curl_easy_getinfo(r->t->easy, CURLINFO_OS_ERRNO, &why);
	curl_easy_getinfo(r->t->easy, CURLINFO_REQUEST_SIZE, &sent);
	return sent == 0 || r->code == CURLE_SEND_ERROR || why == ECONNRESET || why == EPIPE;
}

/* Once more, on a connection that was not used before. */
static bool ask_again(struct process_response *r, struct fail *f)
{
	let_go(r);
	r->body_at = 0;
	r->ended = r->asked = r->looked = false;
	return take_link(r, true, f) && drive_to_head(r, f);
}

static bool ask(struct process_response *r, struct fail *f)
{
	if (!take_link(r, false, f))
		return false;
	return drive_to_head(r, f) || (was_unread(r) && ask_again(r, f));
}

static json_t *head_of(const struct process_response *r)
{
	const char *type = NULL;
	long status = 0;

	curl_easy_getinfo(r->t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(r->t->easy, CURLINFO_CONTENT_TYPE, &type);
	if (type == NULL)
		type = "";
	return json_pack("{s:I,s:o}", "status", (json_int_t)status, "content_type",
		json_text_any(type, strlen(type)));
}

static bool check_request(const json_t *request, struct fail *f)
{
	if (find_method(json_text_or(request, "method", "")) == NULL)
		return fail_at(f, FAIL_INVALID, "/method", "is none that is known");
	if (!target_valid(json_text_or(request, "path", "")))
		return fail_at(f, FAIL_INVALID, "/path",
			"must begin with \"/\" and be of printable characters");
	if (!type_valid(json_text_or(request, "content_type", "")))
		return fail_at(f, FAIL_INVALID, "/content_type", "is no media type");
	if (!type_valid(json_text_or(request, "accept", "")))
		return fail_at(f, FAIL_INVALID, "/accept", "is no list of media types");
	return true;
}

static void enlist(struct processes *p, struct process_response *r)
{
	r->processes = p;
	mutex_lock(&p->lock);
	LIST_INSERT_HEAD(&p->responses, r, link);
	mutex_unlock(&p->lock);
}

static void delist(struct process_response *r)
{
	mutex_lock(&r->processes->lock);
	LIST_REMOVE(r, link);
	mutex_unlock(&r->processes->lock);
}

size_t process_requests(struct processes *p, const char *name)
{
	const struct process_response *r;
	size_t n = 0;

	mutex_lock(&p->lock);
	LIST_FOREACH(r, &p->responses, link)
	{
		n += strcmp(r->name, name) == 0;
	}
	mutex_unlock(&p->lock);
	return n;
}

bool process_request(struct processes *p, const char *name, const json_t *request, int body_fd,
	int64_t deadline_mono_ms, bool (*cancelled)(void *ctx), void *ctx, json_t **ret_head,
	struct process_response **ret_response, struct fail *f)
{
	struct process_response *r;
	json_t *head;

	if (!process_need(p, name, f) || !check_request(request, f))
		return false;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return fail_errno(f, ENOMEM, "ask process %s", name);
	memcpy(r->name, name, strlen(name) + 1);
	r->body_fd = body_fd;
	r->deadline_mono_ms = deadline_mono_ms;
	r->silence_ms = deadline_mono_ms - clock_mono_ms();
	r->cancelled = cancelled;
	r->ctx = ctx;
	enlist(p, r);
	if (!process_socket(p, name, RUN_SERVE_SUFFIX, r->socket, f) || !prepare(r, request, f) ||
		!ask(r, f)) {
		process_response_close(r);
		return false;
	}
	head = head_of(r);
	if (head == NULL) {
		process_response_close(r);
		return fail_errno(f, ENOMEM, "ask process %s", name);
	}
	*ret_head = head;
	*ret_response = r;
	return true;
}

static void resume(struct process_response *r)
{
	if (!r->paused || r->held_n > 0)
		return;
	r->paused = false;
	curl_easy_pause(r->t->easy, CURLPAUSE_CONT); /* calls take_body() with what it holds */
}

bool process_response_read(
	struct process_response *r, void *bytes, size_t cap, size_t *ret_n, struct fail *f)
{
	size_t n;

	resume(r);
	if (r->held_n == 0 && !r->ended)
		r->deadline_mono_ms = clock_mono_ms() + r->silence_ms;
	while (r->held_n == 0 && !r->ended) {
		if (!drive(r, f))
			return false;
	}
	if (r->held_n == 0 && r->code != CURLE_OK)
		return explain(r, f);
	n = r->held_n < cap ? r->held_n : cap;
	if (n > 0)
		memcpy(bytes, r->t->held + r->held_at, n);
	r->held_at += n;
	r->held_n -= n;
	*ret_n = n;
	return true;
}

bool process_response_whole(const struct process_response *r, size_t max)
{
	return r->ended && r->code == CURLE_OK && r->held_n <= max;
}

void process_response_close(struct process_response *r)
{
	if (r == NULL)
		return;
	delist(r);
	let_go(r);
	curl_slist_free_all(r->headers);
	free(r->url);
	free(r);
}
