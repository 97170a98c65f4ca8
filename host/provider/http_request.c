/* Reading requests: one function per member. */
#include "provider/http_request.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "provider/call.h"
#include "provider/http_value.h"
#include "provider/internal.h"
#include "secret/crypto.h"
#include "secret/redact.h"

#define NAME_BYTES   128 /* of a header */
#define TIMEOUT_MAX  INT64_C(86400000)
#define ATTEMPTS_MAX 100

struct reading {
	struct http_request *r;
	struct call *c;
	struct fail *f;
};

/* --- small checks --- */

static bool is_token(const char *text, size_t most)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)text[i]) && strchr("!#$%&'*+-.^_`|~", text[i]) == NULL)
			return false;
	}
	return n > 0 && n <= most;
}

/* Nothing that would end a line, or the text. */
static bool is_line(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
			return false;
	}
	return true;
}

static bool read_number(const json_t *v, int64_t least, int64_t most, const char *pointer,
	int64_t *ret, struct fail *f)
{
	if (!json_is_integer(v) || json_integer_value(v) < least || json_integer_value(v) > most)
		return fail_at(f, FAIL_INVALID, pointer, "must be an integer from %lld to %lld",
			(long long)least, (long long)most);
	*ret = json_integer_value(v);
	return true;
}

/* --- members --- */

static bool read_operation(struct reading *x, const json_t *v)
{
	const char *text = json_string_value(v);

	if (text == NULL || text[0] == '\0' || strlen(text) > HTTP_WORD_MAX ||
		!is_line(text, strlen(text)))
		return fail_at(x->f, FAIL_INVALID, "/operation", "must be a text of 1 to %d bytes",
			HTTP_WORD_MAX);
	(void)snprintf(x->r->operation, sizeof(x->r->operation), "%s", text);
	x->r->net.operation = x->r->operation;
	return true;
}

static bool read_method(struct reading *x, const json_t *v)
{
	static const char *const methods[] = {
		"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
	const char *text = json_string_value(v);

	for (size_t i = 0; text != NULL && i < COUNT(methods); i++) {
		if (strcmp(text, methods[i]) == 0) {
			x->r->net.method = methods[i];
			return true;
		}
	}
	return fail_at(x->f, FAIL_INVALID, "/method",
		"must be GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS");
}

/* May the host of a URL that has a secret among its parts come from that? */
static bool hides_host(const json_t *url)
{
	const char *first = json_string_value(json_array_get(url, 0));
	const char *host = first != NULL ? strstr(first, "://") : NULL;

	return host == NULL || strpbrk(host + 3, "/?#") == NULL;
}

static bool read_url(struct reading *x, const json_t *v)
{
	struct http_request *r = x->r;

	if (!http_value_write(&r->url, v, &x->c->secrets, "/url", &r->url_secret, x->f))
		return false;
	r->net.secret = r->net.secret || r->url_secret;
	r->net.hides_host = r->url_secret && hides_host(v);
	for (size_t i = 0; i < r->url.n; i++) {
		if ((unsigned char)r->url.p[i] <= 0x20 || (unsigned char)r->url.p[i] >= 0x7f)
			return fail_at(x->f, FAIL_INVALID, "/url",
				"has a character that must be written as %%XX");
	}
	if (r->url.n == 0)
		return fail_at(x->f, FAIL_INVALID, "/url", "is empty");
	return true;
}

/* What the host says itself, so that what was checked is what is sent. */
static bool is_ours(const char *name)
{
	static const char *const names[] = {"Host", "Content-Length", "Transfer-Encoding",
		"Connection", "Keep-Alive", "Upgrade", "TE", "Trailer", "Expect",
		"Proxy-Authorization", "Proxy-Connection"};

	for (size_t i = 0; i < COUNT(names); i++) {
		if (strcasecmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/* Their places are set when all are there, because the buffer moves. */
static bool read_header(struct reading *x, size_t i, const json_t *pair)
{
	struct http_request *r = x->r;
	const char *name = json_string_value(json_array_get(pair, 0));
	char pointer[32];
	size_t at;

	(void)snprintf(pointer, sizeof(pointer), "/headers/%zu", i);
	if (json_array_size(pair) != 2 || name == NULL || !is_token(name, NAME_BYTES))
		return fail_at(x->f, FAIL_INVALID, pointer, "must be [name, value]");
	if (is_ours(name))
		return fail_at(x->f, FAIL_INVALID, pointer, "'%s' is the host's to say", name);
	buf_add(&r->values, name, strlen(name) + 1);
	at = r->values.n;
	if (!http_value_write(&r->values, json_array_get(pair, 1), &x->c->secrets, pointer,
		    &r->net.secret, x->f))
		return false;
	if (!is_line(r->values.p != NULL ? r->values.p + at : "", r->values.n - at))
		return fail_at(x->f, FAIL_INVALID, pointer, "has a character that ends a line");
	buf_add(&r->values, "", 1);
	return true;
}

static bool place_headers(struct reading *x, size_t count)
{
	struct http_request *r = x->r;
	const char *text = r->values.p;

	if (r->values.failed)
		return fail_at(x->f, FAIL_INVALID, "/headers", "are too long");
	for (size_t i = 0; i < count; i++) {
		r->headers[i].name = text;
		text += strlen(text) + 1;
		r->headers[i].value = text;
		text += strlen(text) + 1;
	}
	r->net.headers = r->headers;
	r->net.header_count = count;
	return true;
}

static bool read_headers(struct reading *x, const json_t *v)
{
	const json_t *pair;
	size_t i;

	if (!json_is_array(v) || json_array_size(v) > HTTP_HEADERS_MAX)
		return fail_at(x->f, FAIL_INVALID, "/headers",
			"must be a list of at most %d [name, value]", HTTP_HEADERS_MAX);
	if (json_array_size(v) == 0)
		return true;
	x->r->headers = arena_alloc(&x->c->arena, json_array_size(v) * sizeof(*x->r->headers));
	if (x->r->headers == NULL)
		return fail_set(x->f, FAIL_INTERNAL, "out of memory");
	json_array_foreach(v, i, pair)
	{
		if (!read_header(x, i, pair))
			return false;
	}
	return place_headers(x, json_array_size(v));
}

static bool read_body(struct reading *x, const json_t *v)
{
	struct http_request *r = x->r;

	if (r->has_body)
		return fail_at(x->f, FAIL_INVALID, "/body", "stands beside a blob");
	r->has_body = true;
	if (!http_value_write(&r->body, v, &x->c->secrets, "/body", &r->net.secret, x->f))
		return false;
	r->net.body = (struct net_body){.bytes = r->body.p, .fd = -1, .n = r->body.n};
	return true;
}

static bool read_timeout(struct reading *x, const json_t *v)
{
	return read_number(v, 1, TIMEOUT_MAX, "/timeout_ms", &x->r->net.timeout_ms, x->f);
}

static bool read_attempts(struct reading *x, const json_t *v)
{
	int64_t n = 0;

	if (!read_number(v, 1, ATTEMPTS_MAX, "/attempts", &n, x->f))
		return false;
	x->r->net.attempts = (unsigned)n;
	return true;
}

static bool read_follow(struct reading *x, const json_t *v)
{
	int64_t n = 0;

	if (!read_number(v, 0, NET_FOLLOW_MAX, "/follow", &n, x->f))
		return false;
	x->r->net.follow = (unsigned)n;
	return true;
}

static bool read_stream(struct reading *x, const json_t *v)
{
	if (!json_is_boolean(v))
		return fail_at(x->f, FAIL_INVALID, "/stream", "must be true or false");
	x->r->net.stream = json_is_true(v);
	return true;
}

/* {"after", "before"}. */
static bool is_marks(const json_t *v)
{
	return json_object_size(v) == 2 && json_is_string(json_object_get(v, "after")) &&
	       json_is_string(json_object_get(v, "before"));
}

static bool read_keep(struct reading *x, const json_t *v)
{
	const char *word;
	json_t *where;
	size_t pointers = 0, marks = 0, n = json_object_size(v);
	bool ok = json_is_object(v) && n <= HTTP_KEEP_MAX;

	json_object_foreach((json_t *)v, word, where)
	{
		ok = ok && word[0] != '\0';
		pointers += json_is_string(where);
		marks += is_marks(where);
	}
	if (!ok || (pointers != n && marks != n))
		return fail_at(x->f, FAIL_INVALID, "/keep",
			"must have at most %d words, all with JSON pointers or all with "
			"{\"after\", \"before\"}",
			HTTP_KEEP_MAX);
	if (json_object_size(v) > 0)
		x->r->keep = v;
	return true;
}

static const struct {
	const char *name;
	bool (*read)(struct reading *x, const json_t *v);
} members[] = {
	{"operation", read_operation},
	{"method", read_method},
	{"url", read_url},
	{"headers", read_headers},
	{"body", read_body},
	{"timeout_ms", read_timeout},
	{"attempts", read_attempts},
	{"follow", read_follow},
	{"stream", read_stream},
	{"keep", read_keep},
};

static bool read_member(struct reading *x, const char *name, const json_t *v)
{
	char pointer[HTTP_WORD_MAX + 2];

	for (size_t i = 0; i < COUNT(members); i++) {
		if (strcmp(members[i].name, name) == 0)
			return json_is_null(v) || members[i].read(x, v);
	}
	(void)snprintf(pointer, sizeof(pointer), "/%.*s", HTTP_WORD_MAX, name);
	return fail_at(x->f, FAIL_INVALID, pointer, "is no member of a request");
}

/* --- a body of a blob --- */

static bool measure(struct net_body *body, struct fail *f)
{
	struct stat st;

	if (fstat(body->fd, &st) != 0)
		return fail_errno(f, errno, "read the body of a request");
	body->n = (uint64_t)st.st_size;
	return true;
}

static bool take_blob(struct reading *x, davit_blob handle)
{
	struct http_request *r = x->r;
	const struct call_blob *b = handle != 0 ? call_blobs_find(&x->c->blobs, handle) : NULL;
	const char *bytes;
	size_t n;

	if (handle == 0)
		return true;
	r->has_body = true;
	if (b != NULL && call_blob_bytes(b, &bytes, &n)) {
		r->net.body = (struct net_body){.bytes = bytes, .fd = -1, .n = n};
		return true;
	}
	if (b == NULL || call_blob_fd(b) < 0)
		return fail_set(x->f, FAIL_INVALID,
			"the body is no open blob, or one that cannot be read from its start");
	r->net.body = (struct net_body){.fd = call_blob_fd(b)};
	return measure(&r->net.body, x->f);
}

/* The provider may close its blob while the answer comes and the rest of it still leaves. */
static bool hold_blob(struct reading *x)
{
	struct http_request *r = x->r;

	if (!r->net.stream)
		return true;
	if (r->net.body.bytes != NULL && r->net.body.bytes != r->body.p) {
		buf_add(&r->body, r->net.body.bytes, (size_t)r->net.body.n);
		r->net.body.bytes = r->body.p;
		return !r->body.failed || fail_set(x->f, FAIL_INVALID,
						  "the body of a request whose answer is a "
						  "stream is too long to be held in memory");
	}
	if (r->net.body.fd < 0)
		return true;
	r->fd = fcntl(r->net.body.fd, F_DUPFD_CLOEXEC, 0);
	if (r->fd < 0)
		return fail_errno(x->f, errno, "send the body of a request");
	r->net.body.fd = r->fd;
	return true;
}

/* --- all of it --- */

/* Is a value that must not be seen in a text? It may have come as text, not by a handle. */
static bool shows_secret(const char *text, size_t n)
{
	char *copy = malloc(n + 1);
	bool shows;

	if (copy == NULL)
		return true;
	memcpy(copy, text, n);
	copy[n] = '\0';
	shows = redact_text(copy, n, false) != n || memcmp(copy, text, n) != 0;
	crypto_cleanse(copy, n);
	free(copy);
	return shows;
}

/* What shows a secret follows no redirect. A body that is a file is not looked through. */
static void look_for_secrets(struct http_request *r)
{
	const struct net_body *body = &r->net.body;

	if (r->net.follow == 0 || r->net.secret)
		return;
	for (size_t i = 0; !r->net.secret && i < r->net.header_count; i++)
		r->net.secret =
			shows_secret(r->net.headers[i].value, strlen(r->net.headers[i].value));
	if (!r->net.secret)
		r->net.secret = shows_secret(r->net.url, strlen(r->net.url));
	if (!r->net.secret && body->n > 0 && body->bytes != NULL)
		r->net.secret = shows_secret(body->bytes, (size_t)body->n);
}

static bool check_whole(struct reading *x)
{
	struct http_request *r = x->r;

	if (r->net.operation == NULL)
		return fail_at(x->f, FAIL_INVALID, "/operation", "is missing");
	if (r->net.method == NULL)
		return fail_at(x->f, FAIL_INVALID, "/method", "is missing");
	if (r->url.n == 0)
		return fail_at(x->f, FAIL_INVALID, "/url", "is missing");
	if (r->net.stream && r->keep != NULL)
		return fail_at(x->f, FAIL_INVALID, "/keep", "needs an answer that is no stream");
	if (strcmp(r->net.method, "HEAD") == 0 && r->net.body.n > 0)
		return fail_at(x->f, FAIL_INVALID, "/body", "cannot be sent with HEAD");
	r->net.url = r->url.p;
	look_for_secrets(r);
	return true;
}

static bool find_rules(struct reading *x)
{
	const struct provider *p = x->c->provider;
	struct http_request *r = x->r;

	if (!net_rules_of_connection(p->manifest, x->c->connection, &r->hosts, x->f))
		return false;
	r->rules = (struct egress_rules){
		.manifest = &p->net.manifest,
		.connection = &r->hosts,
		.provider = p->net.provider.count > 0 ? &p->net.provider : NULL,
		.site = p->all->egress.count > 0 ? &p->all->egress : NULL,
		.private_networks = &p->net.networks,
		.metadata = p->net.metadata,
	};
	r->proxy = net_rules_proxy(&p->net, p->all->host.config, x->c->connection_name);
	r->net.rules = &r->rules;
	r->net.proxy = &r->proxy;
	r->net.limits = p->net.limits;
	r->net.connection = x->c->connection_name != NULL ? x->c->connection_name : "";
	return true;
}

static bool read_all(struct reading *x, davit_blob body)
{
	const char *name;
	json_t *member;

	if (!json_is_object(x->r->source))
		return fail_set(x->f, FAIL_INVALID, "a request must be a JSON object");
	if (!take_blob(x, body))
		return false;
	json_object_foreach(x->r->source, name, member)
	{
		if (!read_member(x, name, member))
			return false;
	}
	return check_whole(x) && hold_blob(x) && find_rules(x);
}

struct http_request *http_request_new(
	struct call *c, json_t *v, uint32_t flags, davit_blob body, struct fail *f)
{
	struct http_request *r = calloc(1, sizeof(*r));
	struct reading x = {r, c, f};

	if (r == NULL) {
		json_decref(v);
		(void)fail_set(f, FAIL_INTERNAL, "out of memory");
		return NULL;
	}
	r->source = v;
	r->fd = -1;
	r->net.body.fd = -1;
	r->net.mutates = (flags & DAVIT_HTTP_MUTATES) != 0;
	r->net.idempotent = (flags & DAVIT_HTTP_IDEMPOTENT) != 0;
	buf_init(&r->url, HTTP_URL_MAX);
	buf_init(&r->values, HTTP_TEXT_MAX);
	buf_init(&r->body, HTTP_TEXT_MAX);
	r->url.secret = r->values.secret = r->body.secret = true;
	if (read_all(&x, body)) {
		if (r->keep == NULL) { /* nothing points there; the answer may take long */
			json_decref(v);
			r->source = NULL;
		}
		return r;
	}
	http_request_free(r);
	return NULL;
}

void http_request_free(struct http_request *r)
{
	if (r == NULL)
		return;
	http_value_finish(&r->url);
	http_value_finish(&r->values);
	http_value_finish(&r->body);
	egress_list_finish(&r->hosts);
	json_decref(r->source);
	if (r->fd >= 0)
		(void)close(r->fd);
	free(r);
}
