/* The request as handlers see it, and the birth and end of an exchange. Answers: answer.c. */
#include "http/exchange.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/shelf.h"
#include "config/config.h"
#include "http/internal.h"

#define JSON_BODY_MAX  ((int64_t)16 << 20) /* parsed JSON may take ninety times its text */
#define EXCHANGES_KEPT 64                  /* 34 KiB */
#define FORM_TEXT_MAX  ((size_t)1 << 20)

/* Made on a front thread, freed on whichever thread is through with it last. */
static struct shelf exchanges = SHELF_INIT(sizeof(struct exchange), EXCHANGES_KEPT);

static const struct fail no_memory = {.code = FAIL_INTERNAL, .text = "out of memory"};

struct exchange *exchange_create(struct front *front, const char *raw_target)
{
	struct exchange *x = shelf_take(&exchanges);

	if (x == NULL)
		return NULL;
	x->raw_target = strdup(raw_target);
	if (x->raw_target == NULL) {
		shelf_give(&exchanges, x);
		return NULL;
	}
	x->front = front;
	atomic_init(&x->holders, 2);
	x->began_mono_ms = clock_mono_ms();
	id_make(x->request_id);
	x->form = ERROR_OBJECT;
	x->method = "";
	mutex_init(&x->lock);
	cond_init(&x->room);
	body_init(&x->body, &front->body_limits);
	server_hold(front->server);
	return x;
}

static void exchange_free(struct exchange *x)
{
	for (struct exchange_header *h = x->extra, *next; h != NULL; h = next) {
		next = h->next;
		free(h);
	}
	if (x->refused != &no_memory)
		free((struct fail *)x->refused);
	free(x->upload);
	json_decref(x->json);
	stream_finish(&x->stream);
	body_finish(&x->body);
	target_finish(&x->target);
	cond_finish(&x->room);
	mutex_finish(&x->lock);
	free(x->arg);
	free(x->headers);
	free(x->raw_target);
	shelf_give(&exchanges, x);
}

void exchange_release(struct exchange *x)
{
	struct server *server = x->front->server;

	if (atomic_fetch_sub(&x->holders, 1) > 1)
		return;
	exchange_free(x);
	server_release(server);
}

struct fail *exchange_refuse(struct exchange *x)
{
	struct fail *f = NULL;

	if (x->refused != NULL && x->refused != &no_memory)
		f = (struct fail *)x->refused;
	else
		f = calloc(1, sizeof(*f));
	x->refused = f != NULL ? f : &no_memory;
	return f;
}

void exchange_refuse_as(struct exchange *x, const struct fail *f)
{
	struct fail *kept = exchange_refuse(x);

	if (kept != NULL)
		*kept = *f;
}

/* --- the headers, copied into one block: pairs, then their texts --- */

struct copy {
	size_t count;
	size_t bytes;
	struct pair *pairs; /* NULL: only count */
	char *text;
};

static const char *copy_text(struct copy *c, const char *text, size_t n)
{
	char *at = c->text;

	if (n > 0)
		memcpy(at, text, n);
	at[n] = '\0';
	c->text += n + 1;
	return at;
}

static enum MHD_Result copy_header(void *arg, enum MHD_ValueKind kind, const char *key,
	size_t key_n, const char *value, size_t value_n)
{
	struct copy *c = arg;

	(void)kind;
	if (c->pairs != NULL)
		c->pairs[c->count] =
			(struct pair){copy_text(c, key, key_n), copy_text(c, value, value_n)};
	c->count++;
	c->bytes += key_n + value_n + 2;
	return MHD_YES;
}

bool exchange_copy_request(struct exchange *x, const char *method, struct fail *f)
{
	struct copy c = {0};
	size_t method_n = strlen(method);

	MHD_get_connection_values_n(x->connection, MHD_HEADER_KIND, copy_header, &c);
	x->headers = malloc(c.count * sizeof(*x->headers) + c.bytes + method_n + 1);
	if (x->headers == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	c = (struct copy){.pairs = x->headers, .text = (char *)(x->headers + c.count)};
	x->method = copy_text(&c, method, method_n);
	MHD_get_connection_values_n(x->connection, MHD_HEADER_KIND, copy_header, &c);
	x->header_count = c.count;
	return true;
}

/* --- what handlers ask --- */

const char *exchange_method(const struct exchange *x)
{
	return x->method;
}

const char *exchange_path(const struct exchange *x)
{
	return x->target.path;
}

const struct route *exchange_route(const struct exchange *x)
{
	return x->route;
}

const char *exchange_request_id(const struct exchange *x)
{
	return x->request_id;
}

const struct config_listener *exchange_listener(const struct exchange *x)
{
	return x->front->config;
}

bool exchange_admin(const struct exchange *x)
{
	return x->front->config->unix_path != NULL;
}

const char *exchange_arg(const struct exchange *x)
{
	return x->arg != NULL ? x->arg : "";
}

const char *exchange_query(const struct exchange *x, const char *key)
{
	return pairs_find(x->target.query, x->target.query_count, key);
}

const char *exchange_header(const struct exchange *x, const char *name)
{
	return pairs_find_any_case(x->headers, x->header_count, name);
}

int64_t exchange_body_bytes(const struct exchange *x)
{
	return x->body.bytes;
}

const char *exchange_body_memory(const struct exchange *x)
{
	if (x->body.fd >= 0)
		return NULL;
	return x->body.memory != NULL ? x->body.memory : "";
}

int exchange_body_fd(struct exchange *x)
{
	return body_open(&x->body);
}

/* "application/json" and "application/…+json", with or without parameters. */
static bool is_json(const char *content_type)
{
	static const char top[] = "application/";
	size_t n = strcspn(content_type, "; \t");

	if (strncasecmp(content_type, top, sizeof(top) - 1) != 0)
		return false;
	content_type += sizeof(top) - 1;
	n -= sizeof(top) - 1;
	if (n == 4)
		return strncasecmp(content_type, "json", 4) == 0;
	return n > 5 && strncasecmp(content_type + n - 5, "+json", 5) == 0;
}

const json_t *exchange_body_json(struct exchange *x, struct fail *f)
{
	const char *type = exchange_header(x, "Content-Type");
	const char *text;

	if (x->json != NULL)
		return x->json;
	if (type == NULL || !is_json(type)) {
		fail_set(f, FAIL_MEDIA_TYPE, "Content-Type must be application/json");
		return NULL;
	}
	if (x->body.bytes == 0) {
		fail_set(f, FAIL_INVALID, "the body is empty, JSON is expected");
		return NULL;
	}
	if (x->body.bytes > JSON_BODY_MAX) {
		fail_set(f, FAIL_TOO_LARGE, "a JSON body may have %lld bytes",
			(long long)JSON_BODY_MAX);
		return NULL;
	}
	text = body_view(&x->body);
	if (text == NULL)
		fail_set(f, FAIL_UNAVAILABLE, "the body cannot be read back");
	else
		x->json = json_parse(text, (size_t)x->body.bytes, f);
	return x->json;
}

json_t *exchange_take_json(struct exchange *x, struct fail *f)
{
	json_t *body = exchange_body_json(x, f) != NULL ? x->json : NULL;

	x->json = NULL;
	if (body != NULL)
		body_finish(&x->body);
	return body;
}

/* --- multipart/form-data --- */

static bool is_text(const struct multipart_part *p, const char *body)
{
	return !p->is_file && p->n <= FORM_TEXT_MAX && memchr(body + p->offset, '\0', p->n) == NULL;
}

/* The parts, and a copy of every field that ends with NUL. NULL: out of memory. */
static struct exchange_form *form_of(const struct multipart *parts, const char *body)
{
	struct exchange_form *form;
	size_t n = 0;

	for (size_t i = 0; i < parts->count; i++)
		n += is_text(&parts->parts[i], body) ? parts->parts[i].n + 1 : 0;
	form = calloc(1, sizeof(*form) + n);
	if (form == NULL)
		return NULL;
	form->parts = *parts;
	n = 0;
	for (size_t i = 0; i < parts->count; i++) {
		const struct multipart_part *p = &parts->parts[i];

		if (!is_text(p, body))
			continue;
		memcpy(form->bytes + n, body + p->offset, p->n);
		form->texts[i] = form->bytes + n;
		n += p->n + 1;
	}
	return form;
}

bool exchange_form_parse(struct exchange *x, struct fail *f)
{
	const char *type = exchange_header(x, "Content-Type");
	const char *body = body_view(&x->body);
	struct multipart parts;

	if (x->upload != NULL)
		return true;
	if (type == NULL || !multipart_is(type) || (x->route->flags & ROUTE_UPLOAD) == 0)
		return fail_set(f, FAIL_MEDIA_TYPE, "the body is not multipart/form-data");
	if (body == NULL)
		return fail_set(f, FAIL_UNAVAILABLE, "the body cannot be read back");
	if (!multipart_parse(&parts, type, body, (size_t)x->body.bytes, f))
		return false;
	x->upload = form_of(&parts, body);
	return x->upload != NULL || fail_set(f, FAIL_INTERNAL, "out of memory");
}

static bool is_among(const char *name, const char *const *known, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(known[i], name) == 0)
			return true;
	}
	return false;
}

static bool came_before(const struct multipart *m, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (strcmp(m->parts[i].name, m->parts[at].name) == 0)
			return true;
	}
	return false;
}

const char *exchange_form_odd(struct exchange *x, const char *const *known, size_t count)
{
	if (!exchange_form_parse(x, NULL))
		return NULL;
	for (size_t i = 0; i < x->upload->parts.count; i++) {
		const char *name = x->upload->parts.parts[i].name;

		if (!is_among(name, known, count) || came_before(&x->upload->parts, i))
			return name;
	}
	return NULL;
}

/* Lengths are part of it, so that no two bodies read the same. */
static void digest_text(struct sha256 *sum, const char *bytes, size_t n)
{
	uint64_t length = n;

	sha256_add(sum, &length, sizeof(length));
	sha256_add(sum, bytes, n);
}

static void digest_form(struct sha256 *sum, const struct multipart *form, const char *body)
{
	for (size_t i = 0; i < form->count; i++) {
		const struct multipart_part *p = &form->parts[i];

		digest_text(sum, p->name, strlen(p->name));
		digest_text(sum, p->filename, strlen(p->filename));
		digest_text(sum, p->is_file ? "file" : "field", p->is_file ? 4 : 5);
		digest_text(sum, body + p->offset, p->n);
	}
}

bool exchange_body_digest(struct exchange *x, uint8_t digest[SHA256_BYTES], struct fail *f)
{
	const char *type = exchange_header(x, "Content-Type");
	bool form = type != NULL && multipart_is(type) && (x->route->flags & ROUTE_UPLOAD) != 0;
	const char *body = body_view(&x->body);
	struct sha256 *sum;

	if (body == NULL)
		return fail_set(f, FAIL_UNAVAILABLE, "the body cannot be read back");
	if (form && !exchange_form_parse(x, f))
		return false;
	sum = sha256_begin();
	if (sum == NULL)
		return fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	if (form)
		digest_form(sum, &x->upload->parts, body);
	else
		digest_text(sum, body, (size_t)x->body.bytes);
	sha256_end(sum, digest);
	return true;
}

bool exchange_part(struct exchange *x, const char *part, int *ret_fd, const char **ret_filename)
{
	const struct multipart_part *p;
	int fd;

	if (!exchange_form_parse(x, NULL))
		return false;
	p = multipart_find(&x->upload->parts, part, true);
	if (p == NULL)
		return false;
	fd = body_open_part(&x->body, p->offset, p->n);
	if (fd < 0)
		return false;
	*ret_fd = fd;
	*ret_filename = p->filename;
	return true;
}

const char *exchange_form_text(struct exchange *x, const char *part)
{
	const struct multipart_part *p;

	if (!exchange_form_parse(x, NULL))
		return NULL;
	p = multipart_find(&x->upload->parts, part, false);
	return p != NULL ? x->upload->texts[p - x->upload->parts.parts] : NULL;
}
