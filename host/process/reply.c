/* reply - see reply.h. */
#include "process/reply.h"

#include <string.h>

#include "base/attr.h"
#include "base/json.h"

#define STATUS_FIRST        200 /* before it come only "100 Continue" and the like */
#define STATUS_NO_CONTENT   204
#define STATUS_NOT_MODIFIED 304

void reply_init(struct reply *r)
{
	*r = (struct reply){0};
	buf_init(&r->held, REPLY_HELD_MAX + CURL_MAX_WRITE_SIZE);
}

void reply_finish(struct reply *r)
{
	buf_finish(&r->held);
}

static long status_of(const struct reply *r)
{
	long status = 0;

	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

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
	struct reply *r = arg;

	r->head_bytes += size * n;
	if (r->head_bytes > REPLY_HEAD_MAX) {
		r->too_long = true;
		return 0;
	}
	r->closes |= says_close(bytes, n * size);
	r->delimited |= says_length(bytes, n * size);
	if (n * size <= 2 && bytes[0] == '\r')
		r->head_done = status_of(r) >= STATUS_FIRST;
	return n * size;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct reply *r = arg;

	r->head_done = true;
	if (reply_waiting(r) >= REPLY_HELD_MAX) {
		r->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	buf_add(&r->held, bytes, size * n);
	return r->held.failed ? 0 : size * n;
}

void reply_listen(struct reply *r, CURL *easy)
{
	*r = (struct reply){.easy = easy, .held = r->held};
	buf_clear(&r->held);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, r);
}

/* --- for its reader --- */

json_t *reply_head(const struct reply *r)
{
	const char *type = NULL;

	curl_easy_getinfo(r->easy, CURLINFO_CONTENT_TYPE, &type);
	if (type == NULL)
		type = "";
	return json_pack("{s:I,s:o}", "status", (json_int_t)status_of(r), "content_type",
		json_text_any(type, strlen(type)));
}

bool reply_reusable(const struct reply *r)
{
	long version = 0, status = status_of(r);

	curl_easy_getinfo(r->easy, CURLINFO_HTTP_VERSION, &version);
	return version == CURL_HTTP_VERSION_1_1 && !r->closes &&
	       (r->delimited || status == STATUS_NO_CONTENT || status == STATUS_NOT_MODIFIED);
}

size_t reply_waiting(const struct reply *r)
{
	return r->held.n - r->at;
}

size_t reply_read(struct reply *r, void *bytes, size_t cap)
{
	size_t n = reply_waiting(r) < cap ? reply_waiting(r) : cap;

	if (n > 0)
		memcpy(bytes, r->held.p + r->at, n);
	r->at += n;
	if (r->at == r->held.n) {
		r->at = 0;
		buf_clear(&r->held);
	}
	return n;
}

void reply_resume(struct reply *r)
{
	if (!r->paused || reply_waiting(r) > 0)
		return;
	r->paused = false;
	curl_easy_pause(r->easy, CURLPAUSE_CONT); /* calls take_body() with what it holds */
}
