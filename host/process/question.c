/* question - see question.h. */
#include "process/question.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "process/process.h"

#define TARGET_MAX 8192
#define TYPE_MAX   1024

struct method {
	const char *word;
	bool sends;
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

static const struct method *find_method(const char *word)
{
	for (size_t i = 0; i < COUNT(methods); i++) {
		if (strcmp(methods[i].word, word) == 0)
			return &methods[i];
	}
	return NULL;
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

static bool check(const json_t *request, struct fail *f)
{
	if (!target_valid(json_text_or(request, "path", "")))
		return fail_at(f, FAIL_INVALID, "/path",
			"must begin with \"/\" and be of printable characters");
	if (!type_valid(json_text_or(request, "content_type", "")))
		return fail_at(f, FAIL_INVALID, "/content_type", "is no media type");
	if (!type_valid(json_text_or(request, "accept", "")))
		return fail_at(f, FAIL_INVALID, "/accept", "is no list of media types");
	return true;
}

static bool add_header(struct question *q, const char *name, const char *value)
{
	struct curl_slist *more;
	char *line;

	/* An empty value takes out what curl would send. */
	if (asprintf(&line, value[0] == '\0' ? "%s:%s" : "%s: %s", name, value) < 0)
		return false;
	more = curl_slist_append(q->headers, line);
	free(line);
	if (more != NULL)
		q->headers = more;
	return more != NULL;
}

static bool add_headers(struct question *q, const json_t *request)
{
	return add_header(q, "Content-Type", json_text_or(request, "content_type", "")) &&
	       add_header(q, "Accept", json_text_or(request, "accept", "*/*")) &&
	       add_header(q, "Expect", "");
}

static bool measure_body(struct question *q, struct fail *f)
{
	struct stat st = {0};

	if (q->ask->bytes == NULL && q->ask->body_fd >= 0 && fstat(q->ask->body_fd, &st) != 0)
		return fail_errno(f, errno, "read the body of the request");
	q->length = q->ask->bytes != NULL ? (curl_off_t)q->ask->n : (curl_off_t)st.st_size;
	return true;
}

bool question_make(struct question *q, const struct process_ask *ask, struct fail *f)
{
	const struct method *method = find_method(json_text_or(ask->request, "method", ""));

	*q = (struct question){.ask = ask};
	if (method == NULL)
		return fail_at(f, FAIL_INVALID, "/method", "is none that is known");
	if (!check(ask->request, f))
		return false;
	q->method = method->word;
	q->sends = method->sends || ask->bytes != NULL || ask->body_fd >= 0;
	if (asprintf(&q->url, "http://localhost%s", json_text_or(ask->request, "path", "/")) < 0)
		q->url = NULL;
	if (q->url == NULL || !add_headers(q, ask->request))
		return fail_errno(f, ENOMEM, "make the request");
	return measure_body(q, f);
}

void question_finish(struct question *q)
{
	curl_slist_free_all(q->headers);
	free(q->url);
	*q = (struct question){0};
}

/* --- sending it --- */

static size_t give_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct question *q = arg;
	ssize_t got = pread(q->ask->body_fd, bytes, size * n, q->at);

	if (got < 0)
		return CURL_READFUNC_ABORT;
	q->at += got;
	return (size_t)got;
}

static int seek_body(void *arg, curl_off_t offset, int origin)
{
	struct question *q = arg;

	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	q->at = offset;
	return CURL_SEEKFUNC_OK;
}

static void put_body(struct question *q, CURL *easy)
{
	if (q->ask->bytes == NULL && q->ask->body_fd >= 0) {
		curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, q->length);
		curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
		curl_easy_setopt(easy, CURLOPT_READDATA, q);
		curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, seek_body);
		curl_easy_setopt(easy, CURLOPT_SEEKDATA, q);
	} else if (q->sends) { /* a short one leaves with the head: one packet, read at once */
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, q->length);
		curl_easy_setopt(
			easy, CURLOPT_POSTFIELDS, q->ask->bytes != NULL ? q->ask->bytes : "");
	} else if (strcmp(q->method, "HEAD") == 0) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
		return; /* says the method by itself */
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, q->method);
}

void question_put(struct question *q, CURL *easy, const char *socket)
{
	q->at = 0;
	curl_easy_setopt(easy, CURLOPT_URL, q->url);
	curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, q->headers);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	put_body(q, easy);
}

bool question_sent(const struct question *q, CURL *easy)
{
	curl_off_t sent = 0;

	curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	return sent == q->length;
}
