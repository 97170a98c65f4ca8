/* Texts with secrets in them. */
#include "kit/parts.h"

#include <string.h>

#define FIRST_ROOM 256

void parts_begin(struct parts *t, struct davit_sdk_mem *mem)
{
	static char none[1];

	*t = (struct parts){.mem = mem, .p = none};
}

void parts_clear(struct parts *t)
{
	t->n = 0;
	t->count = 0;
	t->failed = false;
	if (t->cap > 0)
		t->p[0] = '\0';
}

/* Room for n more bytes and a NUL. */
static bool grow(struct parts *t, size_t n)
{
	size_t cap = t->cap > 0 ? t->cap : FIRST_ROOM;
	char *p;

	if (!t->failed && n < t->cap - t->n)
		return true;
	while (!t->failed && cap - t->n <= n) {
		t->failed = cap > SIZE_MAX / 4;
		cap *= 2;
	}
	p = t->failed ? NULL : davit_sdk_alloc(t->mem, cap);
	if (p == NULL) {
		t->failed = true;
		return false;
	}
	memcpy(p, t->p, t->n);
	t->p = p;
	t->cap = cap;
	return true;
}

void parts_bytes(struct parts *t, davit_buf bytes)
{
	if (bytes.n == 0 || !grow(t, bytes.n))
		return;
	memcpy(t->p + t->n, bytes.p, bytes.n);
	t->n += bytes.n;
	t->p[t->n] = '\0';
}

void parts_text(struct parts *t, const char *text)
{
	parts_bytes(t, davit_sdk_buf(text));
}

void parts_byte(struct parts *t, char byte)
{
	parts_bytes(t, (davit_buf){&byte, 1});
}

static bool is_plain(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

void parts_percent(struct parts *t, davit_buf bytes, const char *plain)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < bytes.n; i++) {
		unsigned char c = (unsigned char)bytes.p[i];
		char code[3] = {'%', digits[c >> 4], digits[c & 15]};

		if (is_plain(c) || (c != '\0' && strchr(plain, c) != NULL))
			parts_byte(t, (char)c);
		else
			parts_bytes(t, (davit_buf){code, sizeof(code)});
	}
}

void parts_hex(struct parts *t, davit_buf bytes)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < bytes.n; i++) {
		unsigned char c = (unsigned char)bytes.p[i];
		char code[2] = {digits[c >> 4], digits[c & 15]};

		parts_bytes(t, (davit_buf){code, sizeof(code)});
	}
}

void parts_secret(struct parts *t, davit_secret secret, bool percent)
{
	if (t->count == PARTS_SECRETS_MAX)
		t->failed = true;
	else
		t->secrets[t->count++] = (struct parts_secret){t->n, secret, percent};
}

void parts_add(struct parts *t, const struct parts *other)
{
	size_t at = 0;

	t->failed = t->failed || other->failed;
	for (size_t i = 0; i < other->count; i++) {
		const struct parts_secret *s = &other->secrets[i];

		parts_bytes(t, (davit_buf){other->p + at, s->at - at});
		parts_secret(t, s->secret, s->percent);
		at = s->at;
	}
	parts_bytes(t, (davit_buf){other->p + at, other->n - at});
}

/* --- out of it --- */

static void put_secret(struct davit_sdk_writer *w, davit_secret secret)
{
	davit_sdk_open_object(w, NULL);
	davit_sdk_put_int(w, "secret", (int64_t)secret);
	davit_sdk_close_object(w);
}

static void put_piece(struct davit_sdk_writer *w, const struct parts *t, size_t from, size_t to)
{
	if (to > from)
		davit_sdk_put_bytes(w, NULL, (davit_buf){t->p + from, to - from});
}

void parts_put(struct davit_sdk_writer *w, const char *key, const struct parts *t)
{
	size_t at = 0;

	w->failed = w->failed || t->failed;
	if (t->count == 0) {
		davit_sdk_put_bytes(w, key, (davit_buf){t->p, t->n});
		return;
	}
	davit_sdk_open_array(w, key);
	for (size_t i = 0; i < t->count; i++) {
		const struct parts_secret *s = &t->secrets[i];

		put_piece(w, t, at, s->at);
		at = s->at;
		if (!s->percent) {
			put_secret(w, s->secret);
			continue;
		}
		davit_sdk_open_object(w, NULL);
		davit_sdk_open_array(w, "form");
		put_secret(w, s->secret);
		davit_sdk_close_array(w);
		davit_sdk_close_object(w);
	}
	put_piece(w, t, at, t->n);
	davit_sdk_close_array(w);
}

static int32_t digest(struct davit_sdk *sdk, const struct parts *t, davit_buf *ret_bytes)
{
	const davit_host_secret_1 *secret = sdk->host->secret;
	struct davit_sdk_writer w;

	if (t->count == 0)
		return secret->digest(
			sdk->call, davit_sdk_buf("sha256"), (davit_buf){t->p, t->n}, ret_bytes);
	if (!DAVIT_HAS(secret, davit_host_secret_1, digest_value))
		return DAVIT_UNSUPPORTED;
	davit_sdk_write_begin(&w, &sdk->mem);
	parts_put(&w, NULL, t);
	return secret->digest_value(
		sdk->call, davit_sdk_buf("sha256"), davit_sdk_write_end(&w), ret_bytes);
}

const char *parts_sha256(struct davit_sdk *sdk, const struct parts *t)
{
	davit_buf bytes = {NULL, 0};
	struct parts hex;

	if (sdk->code != DAVIT_OK)
		return "";
	if (t->failed) {
		(void)davit_sdk_fail(sdk, DAVIT_INTERNAL, "the memory of this call is used up");
		return "";
	}
	if (davit_sdk_pass(sdk, digest(sdk, t, &bytes)) != DAVIT_OK)
		return "";
	parts_begin(&hex, &sdk->mem);
	parts_hex(&hex, bytes);
	if (hex.failed)
		(void)davit_sdk_fail(sdk, DAVIT_INTERNAL, "the memory of this call is used up");
	return hex.failed ? "" : hex.p;
}
