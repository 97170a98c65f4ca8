/* http - see http.h. */
#include "http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "progress.h"

#define ANSWER_MAX ((size_t)1 << 30) /* of an answer kept in memory */

volatile sig_atomic_t http_interrupted;

struct http {
	CURL *curl;
	struct http_place place;
	char *host;
};

/* One request on its way. */
struct talk {
	struct http *h;
	const struct http_request *request;
	struct http_answer *answer;
	struct curl_slist *headers;
	curl_mime *form;
	char error[CURL_ERROR_SIZE];
	bool refused;     /* the sink, or the limit of memory */
	int error_number; /* of the sink */
	int form_error;   /* of reading the form's file */
	curl_off_t left;  /* bytes of that file still to come; -1: nobody knows */
};

/* --- where --- */

static bool place_socket(const char *path, struct http_place *place, struct fail *f)
{
	int n = snprintf(place->socket, sizeof(place->socket), "%s", path);

	(void)snprintf(place->base, sizeof(place->base), "http://davit");
	if (n <= 0 || n > 107) /* what an address of a socket can hold */
		return fail_set(f, FAIL_INVALID,
			"the path of a Unix socket has 1 to 107 bytes, '%s' has not", path);
	return true;
}

bool http_place_of(const char *host, struct http_place *place, struct fail *f)
{
	int n;

	*place = (struct http_place){0};
	if (strncmp(host, "unix://", 7) == 0)
		return place_socket(host + 7, place, f);
	if (strncmp(host, "unix:", 5) == 0)
		return place_socket(host + 5, place, f);
	if (host[0] == '/' || host[0] == '.')
		return place_socket(host, place, f);
	if (strncmp(host, "http://", 7) != 0 && strncmp(host, "https://", 8) != 0)
		return fail_set(f, FAIL_INVALID,
			"a host is unix:///PATH or http://NAME:PORT, not '%s'", host);
	n = snprintf(place->base, sizeof(place->base), "%s", host);
	if (n >= (int)sizeof(place->base))
		return fail_set(f, FAIL_INVALID, "the host is longer than %zu bytes",
			sizeof(place->base) - 1);
	while (n > 0 && place->base[n - 1] == '/')
		place->base[--n] = '\0';
	return true;
}

bool http_aim(CURL *curl, const struct http_place *place, const char *path)
{
	struct buf url;
	bool ok;

	buf_init(&url, (size_t)1 << 16);
	buf_text(&url, place->base);
	buf_text(&url, path);
	ok = !url.failed && url.p != NULL &&
	     curl_easy_setopt(curl, CURLOPT_URL, url.p) == CURLE_OK &&
	     (place->socket[0] == '\0' ||
		     curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, place->socket) == CURLE_OK);
	buf_finish(&url);
	(void)curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* a daemon is near */
	(void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
	return ok;
}

struct http *http_open(const char *host, struct fail *f)
{
	struct http *h = calloc(1, sizeof(*h));

	if (h == NULL || (h->host = strdup(host)) == NULL) {
		free(h);
		(void)fail_set(f, FAIL_INTERNAL, "out of memory");
		return NULL;
	}
	if (!http_place_of(host, &h->place, f)) {
		http_close(h);
		return NULL;
	}
	h->curl = curl_easy_init();
	if (h->curl == NULL) {
		http_close(h);
		(void)fail_set(f, FAIL_INTERNAL, "out of memory");
		return NULL;
	}
	return h;
}

void http_close(struct http *h)
{
	if (h == NULL)
		return;
	if (h->curl != NULL)
		curl_easy_cleanup(h->curl);
	free(h->host);
	free(h);
}

const char *http_host(const struct http *h)
{
	return h->host;
}

bool http_local(const struct http *h)
{
	return h->place.socket[0] != '\0';
}

/* --- one request --- */

static size_t take_bytes(char *bytes, size_t size, size_t count, void *ctx)
{
	struct talk *t = ctx;
	size_t n = size * count;
	long status = 0;

	(void)curl_easy_getinfo(t->h->curl, CURLINFO_RESPONSE_CODE, &status);
	if (t->request->sink != NULL && status < 400) {
		t->refused = !t->request->sink(t->request->ctx, bytes, n);
		t->error_number = t->refused ? errno : 0;
	} else {
		buf_add(&t->answer->body, bytes, n);
		t->refused = t->answer->body.failed;
	}
	return t->refused ? 0 : n;
}

static int look_up(
	void *ctx, curl_off_t to_get, curl_off_t got, curl_off_t to_send, curl_off_t sent)
{
	const struct http_request *r = ((const struct talk *)ctx)->request;

	if (r->progress != NULL && r->form != NULL)
		progress_bytes(r->progress, sent, to_send);
	else if (r->progress != NULL)
		progress_bytes(r->progress, got, to_get);
	return http_interrupted; /* not 0 ends the request */
}

static bool add_header(struct talk *t, const char *line)
{
	struct curl_slist *longer = curl_slist_append(t->headers, line);

	if (longer != NULL)
		t->headers = longer;
	return longer != NULL;
}

/* What cannot be read, or ends before its size, must not pass for the whole. */
static size_t read_form(char *bytes, size_t size, size_t count, void *ctx)
{
	struct talk *t = ctx;
	size_t n;

	errno = 0;
	/* A terminal would be asked again behind its end. */
	n = feof(t->request->form) == 0 ? fread(bytes, size, count, t->request->form) : 0;
	if (n == 0 && ferror(t->request->form) != 0)
		t->form_error = errno != 0 ? errno : EIO;
	else if (n == 0 && t->left > 0)
		t->form_error = ESTALE;
	t->left -= t->left >= 0 ? (curl_off_t)n : 0;
	return t->form_error == 0 ? n : CURL_READFUNC_ABORT;
}

/* A pipe has no size, nor have files that are made as they are read: they are sent in chunks. */
static curl_off_t size_of(FILE *file)
{
	struct stat st;

	return fstat(fileno(file), &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 ? st.st_size
	                                                                              : -1;
}

static bool add_form(struct talk *t)
{
	const struct http_request *r = t->request;
	curl_mimepart *part;
	bool ok;

	t->form = curl_mime_init(t->h->curl);
	part = t->form != NULL ? curl_mime_addpart(t->form) : NULL;
	ok = part != NULL && curl_mime_name(part, "request") == CURLE_OK &&
	     curl_mime_data(part, r->body, r->n) == CURLE_OK &&
	     curl_mime_type(part, "application/json") == CURLE_OK;
	part = ok ? curl_mime_addpart(t->form) : NULL;
	ok = part != NULL && curl_mime_name(part, "file") == CURLE_OK;
	t->left = size_of(r->form);
	ok = ok && curl_mime_data_cb(part, t->left, read_form, NULL, NULL, t) == CURLE_OK;
	ok = ok && curl_mime_filename(part, r->form_name) == CURLE_OK;
	return ok && curl_easy_setopt(t->h->curl, CURLOPT_MIMEPOST, t->form) == CURLE_OK;
}

static bool add_body(struct talk *t)
{
	const struct http_request *r = t->request;
	CURL *curl = t->h->curl;
	char line[128];

	if (r->form != NULL)
		return add_form(t);
	if (r->body == NULL && strcmp(r->method, "POST") != 0)
		return true;
	(void)snprintf(line, sizeof(line), "Content-Type: %.100s",
		r->content_type != NULL ? r->content_type : "application/json");
	return add_header(t, line) &&
	       curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->n) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_POSTFIELDS, r->body != NULL ? r->body : "") ==
	               CURLE_OK;
}

static bool add_key(struct talk *t)
{
	char line[300];

	if (t->request->key == NULL)
		return true;
	(void)snprintf(line, sizeof(line), "Idempotency-Key: %s", t->request->key);
	return add_header(t, line);
}

static bool prepare(struct talk *t)
{
	CURL *curl = t->h->curl;

	curl_easy_reset(curl);
	if (!http_aim(curl, &t->h->place, t->request->path) || !add_header(t, "Expect:") ||
		!add_key(t) || !add_body(t))
		return false;
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
	(void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_up);
	(void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
	(void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	(void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->error);
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, t->headers);
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)t->request->timeout_ms);
	return curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, t->request->method) == CURLE_OK;
}

const char *http_why(CURL *curl, CURLcode code, const char *said)
{
	long number = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &number);
	if (code == CURLE_COULDNT_CONNECT)
		return number > 0 && strerrordesc_np((int)number) != NULL
		               ? strerrordesc_np((int)number)
		               : curl_easy_strerror(code);
	return said[0] != '\0' ? said : curl_easy_strerror(code);
}

static const char *why(const struct talk *t, CURLcode code)
{
	return http_why(t->h->curl, code, t->error);
}

/* Is the daemon there, but not for this user? */
static bool is_closed(const struct talk *t)
{
	long number = 0;

	(void)curl_easy_getinfo(t->h->curl, CURLINFO_OS_ERRNO, &number);
	return number == EACCES;
}

static bool explain(const struct talk *t, CURLcode code, struct fail *f)
{
	const char *host = t->h->host;

	if (http_interrupted)
		return fail_set(f, FAIL_DEADLINE, "interrupted");
	if (t->form_error != 0)
		return fail_set(f, FAIL_INVALID, "cannot read %s: %s", t->request->form_file,
			t->form_error == ESTALE ? "it became shorter meanwhile"
						: strerrordesc_np(t->form_error));
	switch (code) {
	case CURLE_OK:
		return true;
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_OPERATION_TIMEDOUT:
		if (is_closed(t))
			return fail_set(f, FAIL_UNAVAILABLE,
				"you may not talk to davitd at %s (%s): the socket belongs to "
				"another user or group",
				host, why(t, code));
		return fail_set(f, FAIL_UNAVAILABLE,
			"cannot reach davitd at %s (%s): is it running? Start one with 'davit "
			"serve', or name another with --host or DAVIT_HOST",
			host, why(t, code));
	case CURLE_OUT_OF_MEMORY:
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	case CURLE_WRITE_ERROR:
		if (t->error_number != 0)
			return fail_set(f, FAIL_INTERNAL, "cannot write %s: %s",
				t->request->sink_name != NULL ? t->request->sink_name
							      : "the output",
				strerrordesc_np(t->error_number));
		return fail_set(f, FAIL_INTERNAL, "the answer of %s is too long to keep", host);
	default:
		return fail_set(f, FAIL_UNAVAILABLE,
			"the connection to davitd at %s broke: %s; what was asked for may have "
			"happened",
			host, why(t, code));
	}
}

/* Did it break between the connection and the end of the answer, by nobody's will? */
static bool has_broken(const struct talk *t, CURLcode code)
{
	static const CURLcode broken[] = {
		CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE};

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		if (code == broken[i])
			return !t->refused && t->form_error == 0 && !http_interrupted;
	}
	return false;
}

bool http_ask(struct http *h, const struct http_request *request, struct http_answer *answer,
	struct fail *f)
{
	struct talk t = {.h = h, .request = request, .answer = answer};
	CURLcode code = CURLE_OUT_OF_MEMORY;
	curl_off_t retry = -1;
	long status = 0;
	bool ok;

	*answer = (struct http_answer){.retry_after_s = -1};
	buf_init(&answer->body, ANSWER_MAX);
	if (prepare(&t))
		code = curl_easy_perform(h->curl);
	if (request->progress != NULL)
		progress_hide();
	(void)curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 409 || status == 429 || status == 503)
		(void)curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &retry);
	answer->status = (int)status;
	answer->retry_after_s = retry;
	answer->broke = has_broken(&t, code);
	ok = explain(&t, code, f);
	curl_easy_reset(h->curl); /* before what it points to goes */
	curl_slist_free_all(t.headers);
	curl_mime_free(t.form);
	return ok;
}

void http_answer_finish(struct http_answer *answer)
{
	buf_finish(&answer->body);
}

/* --- paths --- */

static void add_encoded(struct buf *path, const char *text)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *text != '\0'; text++) {
		if (strchr(plain, *text) != NULL)
			buf_add(path, text, 1);
		else
			buf_printf(path, "%%%02X", (unsigned)(unsigned char)*text);
	}
}

void http_path(struct buf *path, const char *fmt, const char *const *words)
{
	for (; *fmt != '\0'; fmt++) {
		if (fmt[0] == '%' && fmt[1] == 's') {
			add_encoded(path, *words++);
			fmt++;
		} else {
			buf_add(path, fmt, 1);
		}
	}
}

void http_query(struct buf *path, const char *key, const char *value)
{
	if (value == NULL)
		return;
	buf_text(path, path->p != NULL && strchr(path->p, '?') != NULL ? "&" : "?");
	add_encoded(path, key);
	buf_text(path, "=");
	add_encoded(path, value);
}
