/* davit.host.secret/1: values stay in the host. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fail.h"
#include "config/config.h"
#include "provider/call.h"
#include "provider/internal.h"
#include "provider/keep.h"
#include "provider/learn.h"
#include "provider/services.h"
#include "secret/crypto.h"
#include "secret/member.h"
#include "secret/source.h"

#define WORD_MAX    64 /* bytes of the name of an algorithm */
#define POINTER_MAX 1024
#define TRIED_MAX   400 /* bytes about sources that have nothing */

/* NULL with why remembered. */
static const char *word(struct call *c, davit_buf text, const char *what)
{
	const char *copy = service_text(c, text, WORD_MAX);

	if (copy == NULL)
		(void)service_refuse(
			c, DAVIT_INVALID, "%s must be a word of at most %d bytes", what, WORD_MAX);
	return copy;
}

static bool readable(struct call *c, davit_buf data)
{
	if (data.n == 0 || data.p != NULL)
		return true;
	(void)service_refuse(c, DAVIT_INVALID, "the data to be worked on is NULL");
	return false;
}

/* --- digests and signatures --- */

static int32_t DAVIT_CALL secret_digest(
	davit_call call, davit_buf algorithm, davit_buf data, davit_buf *ret_bytes)
{
	struct call *c = call_current(call);
	const char *name = c != NULL ? word(c, algorithm, "the algorithm") : NULL;
	uint8_t digest[CRYPTO_DIGEST_MAX];
	struct fail f = {0};
	size_t n = 0;

	if (name == NULL || ret_bytes == NULL || !readable(c, data))
		return DAVIT_INVALID;
	if (!crypto_digest(name, data.p, data.n, digest, &n, &f))
		return call_service_failed(c, &f);
	return service_give_bytes(c, digest, n, ret_bytes);
}

static int32_t keyed(struct call *c, davit_secret key, davit_buf algorithm, davit_buf data,
	uint8_t digest[CRYPTO_DIGEST_MAX], size_t *ret_n)
{
	const char *name = c != NULL ? word(c, algorithm, "the algorithm") : NULL;
	const struct call_secret *s = name != NULL ? call_secret_bytes(c, key) : NULL;
	struct fail f = {0};

	if (s == NULL || !readable(c, data))
		return DAVIT_INVALID;
	if (!crypto_hmac(name, s->p, s->n, data.p, data.n, digest, ret_n, &f))
		return call_service_failed(c, &f);
	return DAVIT_OK;
}

static int32_t DAVIT_CALL secret_hmac(davit_call call, davit_secret key, davit_buf algorithm,
	davit_buf data, davit_buf *ret_bytes)
{
	struct call *c = call_current(call);
	uint8_t digest[CRYPTO_DIGEST_MAX];
	size_t n = 0;
	int32_t code;

	if (ret_bytes == NULL)
		return DAVIT_INVALID;
	code = keyed(c, key, algorithm, data, digest, &n);
	return code == DAVIT_OK ? service_give_bytes(c, digest, n, ret_bytes) : code;
}

static int32_t DAVIT_CALL secret_hmac_key(davit_call call, davit_secret key, davit_buf algorithm,
	davit_buf data, davit_secret *ret_secret)
{
	struct call *c = call_current(call);
	uint8_t digest[CRYPTO_DIGEST_MAX];
	size_t n = 0;
	int32_t code;

	if (ret_secret == NULL)
		return DAVIT_INVALID;
	code = keyed(c, key, algorithm, data, digest, &n);
	if (code == DAVIT_OK)
		code = call_secret_give(c, digest, n, ret_secret);
	crypto_cleanse(digest, sizeof(digest));
	return code;
}

static int32_t DAVIT_CALL secret_sign(davit_call call, davit_secret key, davit_buf algorithm,
	davit_buf data, davit_buf *ret_bytes)
{
	struct call *c = call_current(call);
	const char *name = c != NULL ? word(c, algorithm, "the algorithm") : NULL;
	const struct call_secret *s = name != NULL ? call_secret_bytes(c, key) : NULL;
	uint8_t signature[CRYPTO_SIGNATURE_MAX];
	struct fail f = {0};
	size_t n = 0;

	if (s == NULL || ret_bytes == NULL || !readable(c, data))
		return DAVIT_INVALID;
	if (!crypto_sign(name, s->p, s->n, data.p, data.n, signature, &n, &f))
		return call_service_failed(c, &f);
	return service_give_bytes(c, signature, n, ret_bytes);
}

#define NEARLY_MS 100 /* before its deadline a call that waited up to it has come to it */

/* What took too long ends the call as that ends, or may be there later; it is no refusal. */
static int32_t late(struct call *c)
{
	int32_t code = call_stopped(c);

	if (code == DAVIT_OK)
		code = clock_mono_ms() + NEARLY_MS >= c->deadline ? DAVIT_DEADLINE : DAVIT_RETRY;
	return code;
}

/* That there is none is for the provider to look at; a call that ends with it lacks credentials. */
static int32_t lacks(struct call *c, const struct fail *f)
{
	int32_t code = call_service_failed(c, f);

	if (f->code == FAIL_DEADLINE)
		c->service_code = c->service_ends = code = late(c);
	else if (code == DAVIT_NOT_FOUND)
		c->service_ends = DAVIT_AUTH;
	return code;
}

/* --- from one secret to another --- */

static int32_t DAVIT_CALL secret_join(davit_call call, davit_buf before, davit_secret key,
	davit_buf after, davit_secret *ret_secret)
{
	struct call *c = call_current(call);
	const struct call_secret *s = c != NULL ? call_secret_bytes(c, key) : NULL;
	size_t room = CALL_SECRETS_BYTES_MAX;
	char *whole;
	int32_t code;

	if (s == NULL || ret_secret == NULL || !readable(c, before) || !readable(c, after))
		return DAVIT_INVALID;
	if (before.n > room - s->n || after.n > room - s->n - before.n)
		return service_refuse(
			c, DAVIT_QUOTA, "a secret has at most %zu bytes", CALL_SECRETS_BYTES_MAX);
	room = before.n + s->n + after.n;
	whole = malloc(room + 1);
	if (whole == NULL)
		return service_refuse(c, DAVIT_INTERNAL, "out of memory");
	if (before.n > 0)
		memcpy(whole, before.p, before.n);
	memcpy(whole + before.n, s->p, s->n);
	if (after.n > 0)
		memcpy(whole + before.n + s->n, after.p, after.n);
	code = call_secret_give(c, whole, room, ret_secret);
	crypto_cleanse(whole, room);
	free(whole);
	return code;
}

static int32_t DAVIT_CALL secret_decode(
	davit_call call, davit_secret key, davit_buf encoding, davit_secret *ret_secret)
{
	struct call *c = call_current(call);
	const char *name = c != NULL ? word(c, encoding, "the encoding") : NULL;
	const struct call_secret *s = name != NULL ? call_secret_bytes(c, key) : NULL;
	struct fail f = {0};
	uint8_t *bytes;
	size_t n = 0;
	int32_t code;

	if (s == NULL || ret_secret == NULL)
		return DAVIT_INVALID;
	bytes = malloc(s->n + 1);
	if (bytes == NULL)
		return service_refuse(c, DAVIT_INTERNAL, "out of memory");
	code = crypto_decode(name, s->p, s->n, bytes, &n, &f)
	               ? call_secret_give(c, bytes, n, ret_secret)
	               : call_service_failed(c, &f);
	crypto_cleanse(bytes, s->n);
	free(bytes);
	return code;
}

static int32_t DAVIT_CALL secret_member(
	davit_call call, davit_secret key, davit_buf pointer, davit_secret *ret_secret)
{
	struct call *c = call_current(call);
	const char *at = c != NULL ? service_text(c, pointer, POINTER_MAX) : NULL;
	const struct call_secret *s = at != NULL ? call_secret_bytes(c, key) : NULL;
	struct fail f = {0};
	char *text = NULL;
	size_t n = 0;
	int32_t code;

	if (s == NULL || ret_secret == NULL)
		return DAVIT_INVALID;
	if (!member_text(s->p, s->n, at, &text, &n, &f)) {
		(void)fail_wrap(&f, "the secret, at %.100s", at);
		return lacks(c, &f);
	}
	code = call_secret_give(c, text, n, ret_secret);
	crypto_cleanse(text, n);
	free(text);
	return code;
}

/* --- in and out --- */

static int32_t DAVIT_CALL secret_mint(davit_call call, davit_buf text, davit_secret *ret_secret)
{
	struct call *c = call_current(call);

	if (c == NULL || ret_secret == NULL || !readable(c, text))
		return DAVIT_INVALID;
	return call_secret_give(c, text.p, text.n, ret_secret);
}

static int32_t DAVIT_CALL secret_reveal(davit_call call, davit_secret key, davit_buf *ret_text)
{
	struct call *c = call_current(call);
	const struct call_secret *s = c != NULL ? call_secret_bytes(c, key) : NULL;

	if (s == NULL || ret_text == NULL)
		return DAVIT_INVALID;
	if (!s->plain && !c->provider->may_reveal)
		return service_refuse(
			c, DAVIT_UNSUPPORTED, "its manifest does not ask for the grant 'reveal'");
	*ret_text = (davit_buf){s->p, s->n};
	return DAVIT_OK;
}

/* --- sources --- */

/* One look for a secret. */
struct search {
	struct call *call;
	const char *name;
};

static bool stopped(void *ctx)
{
	const struct search *s = ctx;

	return call_stopped(s->call) != DAVIT_OK;
}

static bool kept(void *ctx, char **ret_value, size_t *ret_n, struct fail *f)
{
	const struct search *s = ctx;

	return keep_get(s->call, s->name, ret_value, ret_n, f);
}

/* May the call have it? What the site has goes nowhere that a caller's details lead to. */
static bool is_open(const struct call *c, const char *source)
{
	return !call_is_callers(c) || source_member(source) != NULL;
}

/* What is kept is known as such: it may change often, and is not to drive out what does not. */
static void learn(struct call *c, const char *name, const char *source, const char *value, size_t n)
{
	if (strcmp(source, "kept") != 0 && !source_is_plain(source) &&
		!learn_is_plain(c->provider, name))
		call_secrets_learn(&c->secrets, value, n);
}

/* The first of sources that has it; *f of the one that cannot be read, or names all of them. */
static bool read_sources(struct call *c, const char *name, const json_t *sources, char **ret_value,
	size_t *ret_n, struct fail *f)
{
	struct search search = {c, name};
	const struct source_place place = {
		.connection = c->connection,
		.environment = (const char *const *)environ,
		.named = json_object_get(c->provider->manifest, "secrets"),
		.may_exec = c->provider->config->allow_exec,
		.timeout_ms = c->deadline - clock_mono_ms(),
		.stopped = stopped,
		.kept = kept,
		.ctx = &search,
	};
	const json_t *source;
	struct buf tried;
	size_t i;

	(void)fail_set(f, FAIL_NOT_FOUND, "none of its sources is the caller's connection");
	buf_init(&tried, TRIED_MAX);
	json_array_foreach(sources, i, source)
	{
		if (!is_open(c, json_string_value(source)))
			continue;
		*f = (struct fail){0};
		if (source_read(json_string_value(source), &place, ret_value, ret_n, f))
			learn(c, name, json_string_value(source), *ret_value, *ret_n);
		if (f->code != FAIL_NOT_FOUND)
			break;
		buf_printf(&tried, "%s%s", tried.n > 0 ? "; " : "", f->text);
	}
	if (f->code == FAIL_NOT_FOUND && tried.p != NULL)
		(void)fail_set(f, FAIL_NOT_FOUND, "%s", tried.p);
	buf_finish(&tried);
	return f->code == FAIL_NONE || fail_wrap(f, "secret '%s'", name);
}

static int32_t DAVIT_CALL secret_open(davit_call call, davit_buf name, davit_secret *ret_secret)
{
	struct call *c = call_current(call);
	const char *text = c != NULL ? word(c, name, "the name") : NULL;
	const json_t *sources;
	struct fail f = {0};
	char *value = NULL;
	size_t n = 0;
	int32_t code;

	if (text == NULL || ret_secret == NULL)
		return DAVIT_INVALID;
	sources = json_object_get(json_object_get(c->provider->manifest, "secrets"), text);
	if (sources == NULL)
		return service_refuse(
			c, DAVIT_NOT_FOUND, "the manifest lists no secret '%s'", text);
	if (!read_sources(c, text, sources, &value, &n, &f))
		return lacks(c, &f);
	code = learn_is_plain(c->provider, text) ? call_secret_give_plain(c, value, n, ret_secret)
	                                         : call_secret_give(c, value, n, ret_secret);
	crypto_cleanse(value, n);
	free(value);
	return code;
}

static bool has_kept(const json_t *sources)
{
	const json_t *source;
	size_t i;

	json_array_foreach(sources, i, source)
	{
		if (strcmp(json_string_value(source), "kept") == 0)
			return true;
	}
	return false;
}

static int32_t DAVIT_CALL secret_keep(
	davit_call call, davit_buf name, davit_secret key, int64_t expires_ms)
{
	struct call *c = call_current(call);
	const char *text = c != NULL ? word(c, name, "the name") : NULL;
	const struct call_secret *s = text != NULL ? call_secret_bytes(c, key) : NULL;
	struct fail f = {0};

	if (s == NULL)
		return DAVIT_INVALID;
	if (!has_kept(json_object_get(json_object_get(c->provider->manifest, "secrets"), text)))
		return service_refuse(c, DAVIT_INVALID,
			"the manifest has no source 'kept' of the secret '%s'", text);
	if (!keep_put(c, text, s->p, s->n, expires_ms, &f))
		return call_service_failed(c, &f);
	return DAVIT_OK;
}

const davit_host_secret_1 service_secret = {
	.size = sizeof(davit_host_secret_1),
	.open = secret_open,
	.digest = secret_digest,
	.hmac = secret_hmac,
	.hmac_key = secret_hmac_key,
	.sign = secret_sign,
	.reveal = secret_reveal,
	.join = secret_join,
	.decode = secret_decode,
	.member = secret_member,
	.mint = secret_mint,
	.keep = secret_keep,
	.digest_value = secret_digest_value,
	.compose = secret_compose,
};
