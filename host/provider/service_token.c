/* davit.host.token/1: access tokens that the calls of one account share. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fail.h"
#include "provider/call.h"
#include "provider/http_answer.h"
#include "provider/internal.h"
#include "provider/services.h"
#include "secret/crypto.h"
#include "secret/tokens.h"

#define KEY_MAX ((size_t)512)

/* The key among those of all instances and accounts, in the call's memory; NULL with why. */
static const char *whole_key(struct call *c, davit_buf key)
{
	char account[CALL_ACCOUNT_SIZE];
	const char *text = key.n > 0 ? service_text(c, key, KEY_MAX) : NULL;
	const char *whole = NULL;
	struct buf b;

	if (text == NULL) {
		(void)service_refuse(c, DAVIT_INVALID, "a key must have 1 to %zu bytes", KEY_MAX);
		return NULL;
	}
	buf_init(&b, KEY_MAX * 2);
	if (call_account(c, account))
		buf_printf(&b, "%s %s %s", provider_id(c->provider), account, text);
	if (b.p != NULL && !b.failed)
		whole = arena_copy(&c->arena, b.p, b.n);
	buf_finish(&b);
	if (whole == NULL)
		(void)service_refuse(c, DAVIT_INTERNAL, "out of memory");
	return whole;
}

/* With c->lock held. */
static bool cancelled(void *ctx)
{
	const struct call *c = ctx;

	return c->cancelled;
}

static int32_t stopped(struct call *c)
{
	int32_t code = call_stopped(c);

	return code != DAVIT_OK ? code : DAVIT_CANCELLED;
}

static int32_t DAVIT_CALL token_get(davit_call call, davit_buf key, davit_secret *ret_token)
{
	struct call *c = call_current(call);
	const char *whole = c != NULL && ret_token != NULL ? whole_key(c, key) : NULL;
	char *value = NULL;
	struct tokens_failure failure;
	size_t n = 0;
	int32_t code;

	if (whole == NULL)
		return DAVIT_INVALID;
	const struct tokens_wait wait = {
		&c->lock, &c->wake, c->deadline, cancelled, http_caller(c).gone, c};

	switch (tokens_get(
		c->provider->all->tokens, whole, c->handle, &wait, &value, &n, &failure)) {
	case TOKENS_LIVE:
		code = call_secret_give(c, value, n, ret_token);
		crypto_cleanse(value, n);
		free(value);
		return code;
	case TOKENS_FETCH:
		c->fetches = true;
		(void)service_refuse(c, DAVIT_NOT_FOUND,
			"there is no token yet, and the provider did not fetch one");
		c->service_ends = DAVIT_INTERNAL;
		return DAVIT_NOT_FOUND;
	case TOKENS_FAILED:
		return service_refuse(c, failure.code, "%s", failure.text);
	case TOKENS_STOPPED:
		return stopped(c);
	default:
		return service_refuse(c, DAVIT_INTERNAL, "out of memory");
	}
}

static int32_t DAVIT_CALL token_put(
	davit_call call, davit_buf key, davit_secret token, int64_t expires_ms)
{
	struct call *c = call_current(call);
	const struct call_secret *s = c != NULL ? call_secret_bytes(c, token) : NULL;
	const char *whole = s != NULL ? whole_key(c, key) : NULL;

	if (whole == NULL)
		return DAVIT_INVALID;
	if (s->n == 0)
		return service_refuse(c, DAVIT_INVALID, "the token is empty");
	if (!tokens_put(c->provider->all->tokens, whole, c->handle, s->p, s->n, expires_ms))
		return service_refuse(c, DAVIT_INTERNAL, "out of memory");
	return DAVIT_OK;
}

static int32_t DAVIT_CALL token_drop(davit_call call, davit_buf key, davit_secret token)
{
	struct call *c = call_current(call);
	const struct call_secret *s = c != NULL ? call_secret_bytes(c, token) : NULL;
	const char *whole = s != NULL ? whole_key(c, key) : NULL;

	if (whole == NULL)
		return DAVIT_INVALID;
	tokens_drop(c->provider->all->tokens, whole, s->p, s->n);
	return DAVIT_OK;
}

const davit_host_token_1 service_token = {
	.size = sizeof(davit_host_token_1),
	.get = token_get,
	.put = token_put,
	.drop = token_drop,
};
