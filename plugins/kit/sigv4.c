/* What is signed, and with which key. */
#include "kit/sigv4.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kit/canonical.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define OURS      4 /* headers that are signed beside the request's own */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Built once for a signature. */
struct work {
	struct sigv4 *s;
	struct davit_sdk *sdk;
	const struct sigv4_request *r;
	struct sigv4_signed *g;
	struct canonical_list headers;
	struct canonical_list query;
	struct parts names; /* of the signed headers */
	const char *payload;
};

void sigv4_begin(struct sigv4 *s, struct davit_sdk *sdk, const struct sigv4_keys *keys,
	const char *region, const char *service, uint32_t flags)
{
	*s = (struct sigv4){
		.sdk = sdk, .keys = *keys, .region = region, .service = service, .flags = flags};
}

static bool lost(struct davit_sdk *sdk, bool failed)
{
	if (failed)
		(void)davit_sdk_fail(sdk, DAVIT_INTERNAL, "the memory of this call is used up");
	return sdk->code != DAVIT_OK;
}

/* --- time and key --- */

static bool tell_time(struct sigv4 *s, struct sigv4_signed *g)
{
	int64_t now_ms = s->sdk->host->core->now_ms(s->sdk->call) + s->offset_ms;
	time_t seconds = (time_t)(now_ms / 1000);
	struct tm t;

	if (gmtime_r(&seconds, &t) == NULL || t.tm_year < 70 || t.tm_year > 8099) {
		(void)davit_sdk_fail(s->sdk, DAVIT_RETRY, "the clock of this machine is wrong");
		return false;
	}
	(void)snprintf(g->time, sizeof(g->time), "%04u%02u%02uT%02u%02u%02uZ",
		(unsigned)(t.tm_year + 1900) % 10000, (unsigned)(t.tm_mon + 1) % 100,
		(unsigned)t.tm_mday % 100, (unsigned)t.tm_hour % 100, (unsigned)t.tm_min % 100,
		(unsigned)t.tm_sec % 100);
	g->scope = davit_sdk_format(
		&s->sdk->mem, "%.8s/%s/%s/aws4_request", g->time, s->region, s->service);
	return !lost(s->sdk, g->scope == NULL);
}

/* The key of the day, region and service: kept, for a call signs many. */
static bool derive(struct sigv4 *s, const char *time)
{
	const davit_host_secret_1 *secret = s->sdk->host->secret;
	char day[sizeof(s->day)] = "";
	const char *steps[] = {day, s->region, s->service, "aws4_request"};
	davit_secret key = 0;
	int32_t code;

	memcpy(day, time, sizeof(day) - 1);
	if (s->signing != 0 && strcmp(s->day, day) == 0)
		return true;
	code = secret->join(
		s->sdk->call, davit_sdk_buf("AWS4"), s->keys.key, davit_sdk_buf(""), &key);
	for (size_t i = 0; i < COUNT(steps) && code == DAVIT_OK; i++)
		code = secret->hmac_key(
			s->sdk->call, key, davit_sdk_buf("sha256"), davit_sdk_buf(steps[i]), &key);
	if (davit_sdk_pass(s->sdk, code) != DAVIT_OK)
		return false;
	memcpy(s->day, day, sizeof(day));
	s->signing = key;
	return true;
}

static bool sign_text(
	struct sigv4 *s, const char *time, const char *text, char ret_signature[SIGV4_HEX])
{
	davit_buf bytes = {NULL, 0};
	struct parts hex;

	if (lost(s->sdk, text == NULL) || !derive(s, time))
		return false;
	if (davit_sdk_pass(s->sdk, s->sdk->host->secret->hmac(s->sdk->call, s->signing,
					   davit_sdk_buf("sha256"), davit_sdk_buf(text), &bytes)) !=
		DAVIT_OK)
		return false;
	parts_begin(&hex, &s->sdk->mem);
	parts_hex(&hex, bytes);
	if (lost(s->sdk, hex.failed || hex.n != SIGV4_HEX - 1))
		return false;
	memcpy(ret_signature, hex.p, SIGV4_HEX);
	return true;
}

/* --- headers --- */

/* Those that somebody on the way may change, add or take away. */
static bool is_signed(const char *name)
{
	static const char *const others[] = {"authorization", "connection", "expect", "keep-alive",
		"proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
		"upgrade", "user-agent", "x-amzn-trace-id"};

	for (size_t i = 0; i < COUNT(others); i++)
		if (strcmp(others[i], name) == 0)
			return false;
	return true;
}

static bool signs_token(const struct sigv4 *s)
{
	return s->keys.token != 0 && (s->flags & SIGV4_TOKEN_AFTER) == 0;
}

static void collect_headers(struct work *x)
{
	canonical_begin(&x->headers, &x->sdk->mem, x->r->headers_n + OURS);
	canonical_add(&x->headers, "host", x->r->host, NULL);
	for (size_t i = 0; i < x->r->headers_n; i++) {
		const char *name = canonical_name(&x->sdk->mem, x->r->headers[i].name);

		if (name == NULL || is_signed(name))
			canonical_add(&x->headers, name, x->r->headers[i].value, NULL);
	}
}

/* The headers that sigv4_put_headers() adds. */
static void add_ours(struct work *x, struct parts *token)
{
	canonical_add(&x->headers, "x-amz-date", x->g->time, NULL);
	if ((x->s->flags & SIGV4_TELL_PAYLOAD) != 0)
		canonical_add(&x->headers, "x-amz-content-sha256", x->payload, NULL);
	if (!signs_token(x->s))
		return;
	parts_begin(token, &x->sdk->mem);
	parts_secret(token, x->s->keys.token, false);
	canonical_add(&x->headers, "x-amz-security-token", "", token);
}

/* --- the whole of it --- */

static void write_canonical(struct work *x)
{
	struct parts *out = &x->g->canonical;

	parts_begin(out, &x->sdk->mem);
	parts_text(out, x->r->method);
	parts_byte(out, '\n');
	canonical_path(out, x->r->path, (x->s->flags & SIGV4_PATH_ONCE) != 0);
	parts_byte(out, '\n');
	canonical_query(out, &x->query);
	parts_byte(out, '\n');
	canonical_headers(out, &x->headers);
	parts_byte(out, '\n');
	parts_add(out, &x->names);
	parts_byte(out, '\n');
	parts_text(out, x->payload);
}

static bool sign_canonical(struct work *x)
{
	const char *digest;

	canonical_sort(&x->query, true);
	write_canonical(x);
	digest = parts_sha256(x->sdk, &x->g->canonical);
	x->g->to_sign = davit_sdk_format(
		&x->sdk->mem, "%s\n%s\n%s\n%s", ALGORITHM, x->g->time, x->g->scope, digest);
	return x->sdk->code == DAVIT_OK &&
	       sign_text(x->s, x->g->time, x->g->to_sign, x->g->signature);
}

static bool begin(struct work *x, struct sigv4 *s, const struct sigv4_request *r,
	struct sigv4_signed *g, size_t more)
{
	const char *query = r->query != NULL ? r->query : "";

	*x = (struct work){.s = s, .sdk = s->sdk, .r = r, .g = g};
	*g = (struct sigv4_signed){.scope = ""};
	if (s->sdk->code != DAVIT_OK || !tell_time(s, g))
		return false;
	x->payload = r->payload != NULL ? r->payload : SIGV4_EMPTY;
	collect_headers(x);
	canonical_begin(&x->query, &s->sdk->mem, canonical_count(query) + more);
	canonical_split(&x->query, &s->sdk->mem, query);
	parts_begin(&x->names, &s->sdk->mem);
	parts_begin(&g->authorization, &s->sdk->mem);
	return true;
}

static void name_headers(struct work *x)
{
	canonical_sort(&x->headers, false);
	canonical_names(&x->names, &x->headers);
}

static void write_authorization(struct work *x)
{
	struct parts *out = &x->g->authorization;

	parts_text(out, ALGORITHM " Credential=");
	parts_secret(out, x->s->keys.id, false);
	parts_byte(out, '/');
	parts_text(out, x->g->scope);
	parts_text(out, ", SignedHeaders=");
	parts_add(out, &x->names);
	parts_text(out, ", Signature=");
	parts_text(out, x->g->signature);
}

bool sigv4_sign(struct sigv4 *s, const struct sigv4_request *r, struct sigv4_signed *ret)
{
	struct parts token;
	struct work x;

	if (!begin(&x, s, r, ret, 0))
		return false;
	add_ours(&x, &token);
	name_headers(&x);
	if (!sign_canonical(&x))
		return false;
	write_authorization(&x);
	return !lost(s->sdk, ret->authorization.failed);
}

/* --- in the request --- */

static void put_header(struct davit_sdk_writer *w, const char *name, const char *value)
{
	davit_sdk_open_array(w, NULL);
	davit_sdk_put_text(w, NULL, name);
	davit_sdk_put_text(w, NULL, value);
	davit_sdk_close_array(w);
}

static void put_parts(struct davit_sdk_writer *w, const char *name, const struct parts *value)
{
	davit_sdk_open_array(w, NULL);
	davit_sdk_put_text(w, NULL, name);
	parts_put(w, NULL, value);
	davit_sdk_close_array(w);
}

void sigv4_put_headers(struct davit_sdk_writer *w, const struct sigv4 *s,
	const struct sigv4_request *r, const struct sigv4_signed *g)
{
	struct parts token;

	for (size_t i = 0; i < r->headers_n; i++)
		put_header(w, r->headers[i].name, r->headers[i].value);
	put_header(w, "x-amz-date", g->time);
	if ((s->flags & SIGV4_TELL_PAYLOAD) != 0)
		put_header(
			w, "x-amz-content-sha256", r->payload != NULL ? r->payload : SIGV4_EMPTY);
	if (s->keys.token != 0) {
		parts_begin(&token, &s->sdk->mem);
		parts_secret(&token, s->keys.token, false);
		put_parts(w, "x-amz-security-token", &token);
	}
	put_parts(w, "authorization", &g->authorization);
}

/* --- signed URLs --- */

/* Values of parameters, of which two have secrets. */
struct presigned {
	struct parts credential, token, names;
	const char *expires;
};

static void write_parameters(struct work *x, int64_t expires_s, struct presigned *v)
{
	struct davit_sdk_mem *mem = &x->sdk->mem;

	parts_begin(&v->credential, mem);
	parts_secret(&v->credential, x->s->keys.id, true);
	parts_percent(&v->credential, davit_sdk_buf("/"), "");
	parts_percent(&v->credential, davit_sdk_buf(x->g->scope), "");
	parts_begin(&v->token, mem);
	parts_secret(&v->token, x->s->keys.token, true);
	parts_begin(&v->names, mem);
	parts_percent(&v->names, (davit_buf){x->names.p, x->names.n}, "");
	v->expires = davit_sdk_format(mem, "%lld", (long long)expires_s);
	canonical_add(&x->query, "X-Amz-Algorithm", ALGORITHM, NULL);
	canonical_add(&x->query, "X-Amz-Credential", "", &v->credential);
	canonical_add(&x->query, "X-Amz-Date", x->g->time, NULL);
	canonical_add(&x->query, "X-Amz-Expires", v->expires, NULL);
	canonical_add(&x->query, "X-Amz-SignedHeaders", v->names.p, NULL);
	if (signs_token(x->s))
		canonical_add(&x->query, "X-Amz-Security-Token", "", &v->token);
}

static void write_url(const struct work *x, const struct presigned *v, struct parts *url)
{
	parts_text(url, x->r->path[0] != '\0' ? x->r->path : "/");
	parts_byte(url, '?');
	canonical_query(url, &x->query);
	if (x->s->keys.token != 0 && !signs_token(x->s)) {
		parts_text(url, "&X-Amz-Security-Token=");
		parts_add(url, &v->token);
	}
	parts_text(url, "&X-Amz-Signature=");
	parts_text(url, x->g->signature);
}

bool sigv4_presign(struct sigv4 *s, const struct sigv4_request *r, int64_t expires_s,
	struct parts *url, struct sigv4_signed *ret)
{
	struct presigned v;
	struct work x;

	if (expires_s < 1 || expires_s > SIGV4_EXPIRES_MAX) {
		(void)davit_sdk_fail(s->sdk, DAVIT_INVALID,
			"a signed URL holds for 1 to %d seconds", SIGV4_EXPIRES_MAX);
		return false;
	}
	if (!begin(&x, s, r, ret, 6))
		return false;
	if ((s->flags & SIGV4_TELL_PAYLOAD) != 0 && r->payload == NULL)
		x.payload = SIGV4_UNSIGNED;
	name_headers(&x);
	write_parameters(&x, expires_s, &v);
	if (!sign_canonical(&x))
		return false;
	write_url(&x, &v, url);
	return !lost(s->sdk, url->failed);
}

/* --- bodies --- */

const char *sigv4_payload(struct davit_sdk *sdk, davit_buf bytes)
{
	const davit_host_secret_1 *secret = sdk->host->secret;
	davit_buf digest = {NULL, 0};
	struct parts hex;

	if (sdk->code != DAVIT_OK ||
		davit_sdk_pass(sdk, secret->digest(sdk->call, davit_sdk_buf("sha256"), bytes,
					    &digest)) != DAVIT_OK)
		return "";
	parts_begin(&hex, &sdk->mem);
	parts_hex(&hex, digest);
	return lost(sdk, hex.failed) ? "" : hex.p;
}

bool sigv4_chunk(struct sigv4 *s, const struct sigv4_signed *g, const char *previous,
	const char *sha256, char ret_signature[SIGV4_HEX])
{
	return s->sdk->code == DAVIT_OK &&
	       sign_text(s, g->time,
		       davit_sdk_format(&s->sdk->mem, "%s-PAYLOAD\n%s\n%s\n%s\n%s\n%s", ALGORITHM,
			       g->time, g->scope, previous, SIGV4_EMPTY, sha256),
		       ret_signature);
}

bool sigv4_trailer(struct sigv4 *s, const struct sigv4_signed *g, const char *previous,
	const char *lines, char ret_signature[SIGV4_HEX])
{
	const char *sha256 = sigv4_payload(s->sdk, davit_sdk_buf(lines));

	return s->sdk->code == DAVIT_OK &&
	       sign_text(s, g->time,
		       davit_sdk_format(&s->sdk->mem, "%s-TRAILER\n%s\n%s\n%s\n%s", ALGORITHM,
			       g->time, g->scope, previous, sha256),
		       ret_signature);
}
