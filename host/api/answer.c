/* answer - see answer.h. */
#include "api/answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "api/app.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/pool.h"
#include "base/schema.h"
#include "http/exchange.h"
#include "provider/provider.h"
#include "store/blobs.h"

#define PART_MAX ((size_t)16 << 20) /* bytes of the part "request" */

void answer_fail(struct exchange *x, const struct fail *f)
{
	struct fail named = *f;

	if (f->field[0] != '\0' && exchange_route(x)->form != ERROR_OBJECT)
		(void)fail_wrap(&named, "%s", f->field);
	exchange_fail(x, &named);
}

void answer_point_into_body(struct fail *f)
{
	static const char prefix[] = "/spec";
	size_t n = sizeof(prefix) - 1;
	char *texts[] = {f->field, strstr(f->text, "/spec/")};

	for (size_t i = 0; i < COUNT(texts); i++) {
		if (texts[i] != NULL && strncmp(texts[i], prefix, n) == 0)
			memmove(texts[i], texts[i] + n, strlen(texts[i] + n) + 1);
	}
}

json_t *answer_definite(const struct call_result *result)
{
	json_t *spec = json_object_get(result->reply, "spec");

	return json_is_object(spec) ? json_incref(spec) : NULL;
}

void answer_memory(struct exchange *x)
{
	exchange_reply_json(x, 500, NULL);
}

void answer_not_found(struct exchange *x)
{
	exchange_fail_text(x, 404, "Not found");
}

struct later {
	struct app *app;
	struct exchange *x;
	route_handler *work;
};

static void run_later(void *arg)
{
	struct later later = *(struct later *)arg;

	free(arg);
	later.work(later.app, later.x);
}

void answer_later(struct app *app, struct exchange *x, route_handler *work)
{
	struct later *later = malloc(sizeof(*later));
	struct fail f = {0};

	if (later == NULL) {
		answer_memory(x);
		return;
	}
	*later = (struct later){app, x, work};
	if (!pool_add(app->pool, run_later, later, &f)) {
		free(later);
		exchange_fail(x, &f);
	}
}

json_t *answer_time(int64_t ms)
{
	char text[CLOCK_TEXT_SIZE];

	return ms == 0 ? json_null() : json_string(clock_text_rfc3339(ms, text));
}

json_t *answer_stored(const char *text)
{
	json_t *value = text != NULL ? json_parse(text, strlen(text), NULL) : NULL;

	return value != NULL ? value : json_null();
}

const char *answer_project(const struct exchange *x)
{
	const char *project = exchange_query(x, "project");

	return project != NULL && project[0] != '\0' ? project : "default";
}

bool answer_is_multipart(const struct exchange *x)
{
	static const char type[] = "multipart/form-data";
	const char *header = exchange_header(x, "Content-Type");

	return header != NULL && strncasecmp(header, type, strlen(type)) == 0;
}

static bool read_all(int fd, struct buf *b)
{
	char piece[16 * 1024];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) > 0)
		buf_add(b, piece, (size_t)n);
	return n == 0 && !b->failed;
}

/* The text of the part "request", which clients send as a field or as a file. */
static bool read_request(struct exchange *x, struct buf *b, struct fail *f)
{
	const char *text = exchange_form_text(x, "request");
	const char *filename;
	bool whole;
	int fd;

	if (text != NULL || !exchange_part(x, "request", &fd, &filename)) {
		buf_text(b, text != NULL ? text : "{}");
		return true;
	}
	whole = read_all(fd, b);
	(void)close(fd);
	return whole ||
	       fail_set(f, FAIL_TOO_LARGE, "the part 'request' is longer than %zu bytes", PART_MAX);
}

/* The JSON object of the part "request", or an empty one. */
static json_t *request_part(struct exchange *x, struct fail *f)
{
	json_t *body = NULL;
	struct buf b;

	buf_init(&b, PART_MAX);
	if (read_request(x, &b, f))
		body = json_parse(b.p != NULL ? b.p : "", b.n, f);
	buf_finish(&b);
	if (body == NULL || json_is_object(body))
		return body;
	json_decref(body);
	(void)fail_set(f, FAIL_INVALID, "the part 'request' must be a JSON object");
	return NULL;
}

/* Nothing that was sent may be lost without a word. */
static bool known_parts(struct exchange *x, struct fail *f)
{
	static const char *const known[] = {"file", "dataset", "request"};
	const char *odd = exchange_form_odd(x, known, COUNT(known));

	return odd == NULL ||
	       fail_set(f, FAIL_INVALID,
		       "the body has a part '%.100s' too many: a multipart body has one part 'file' with the "
		       "data and may have one part 'request' with the JSON of all else",
		       odd);
}

/* The one file that is sent. */
static bool file_part(struct exchange *x, int *ret_fd, const char **ret_filename, struct fail *f)
{
	const char *second;
	int fd;

	if (!exchange_part(x, "file", ret_fd, ret_filename))
		return exchange_part(x, "dataset", ret_fd, ret_filename) ||
		       fail_set(f, FAIL_INVALID,
			       "a multipart body needs a part 'file' with the data and may have a "
			       "part 'request' with the JSON");
	if (!exchange_part(x, "dataset", &fd, &second))
		return true;
	(void)close(fd);
	(void)close(*ret_fd);
	return fail_set(f, FAIL_INVALID, "the body has two files: 'file' and 'dataset'");
}

json_t *answer_upload(struct app *app, struct exchange *x, const char *member, struct fail *f)
{
	char digest[SHA256_HEX_SIZE];
	const char *filename = NULL;
	json_t *body, *source;
	bool sealed;
	int fd;

	if (!exchange_form_parse(x, f) || !known_parts(x, f))
		return NULL;
	if (!file_part(x, &fd, &filename, f))
		return NULL;
	sealed = blob_import_fd(app->blobs, fd, digest, f);
	(void)close(fd);
	body = sealed ? request_part(x, f) : NULL;
	if (body == NULL)
		return NULL;
	if (json_object_get(body, member) != NULL) {
		(void)fail_set(f, FAIL_INVALID,
			"/%s: the data comes as a file and must not be named here too", member);
		json_decref(body);
		return NULL;
	}
	source = json_pack("{s:s}", "blob", digest);
	if (json_object_set_new(body, member, source) != 0) {
		json_decref(body);
		(void)fail_set(f, FAIL_UNAVAILABLE, "out of memory");
		return NULL;
	}
	if (filename != NULL && json_object_get(body, "name") == NULL)
		(void)json_object_set_new(body, "name", json_text_any(filename, strlen(filename)));
	return body;
}

json_t *answer_body(struct exchange *x, const char *schema_text, struct fail *f)
{
	json_t *body = exchange_body_bytes(x) == 0 ? json_object()
	                                           : json_deep_copy(exchange_body_json(x, f));
	json_t *schema = body != NULL ? json_parse(schema_text, strlen(schema_text), f) : NULL;
	bool good = schema != NULL && schema_check(schema, body, f);

	json_decref(schema);
	if (good)
		return body;
	json_decref(body);
	return NULL;
}
