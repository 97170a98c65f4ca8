/* Credentials that end: fetched once for all calls, and kept by the host. */
#include "kit/aws_search.h"

static void put_text(struct parts *t, const char *before, davit_secret secret)
{
	parts_text(t, before);
	parts_secret(t, secret, false);
}

/* {"id":…,"key":…,"token":…} as one secret; none of the three has what JSON would escape. */
static davit_secret pack(struct davit_sdk *sdk, const struct sigv4_keys *keys)
{
	const davit_host_secret_1 *host = sdk->host->secret;
	struct davit_sdk_writer w;
	davit_secret packed = 0;
	struct parts t;

	parts_begin(&t, &sdk->mem);
	put_text(&t, "{\"id\":\"", keys->id);
	put_text(&t, "\",\"key\":\"", keys->key);
	if (keys->token != 0)
		put_text(&t, "\",\"token\":\"", keys->token);
	parts_text(&t, "\"}");
	davit_sdk_write_begin(&w, &sdk->mem);
	parts_put(&w, NULL, &t);
	(void)davit_sdk_pass(
		sdk, DAVIT_HAS(host, davit_host_secret_1, compose)
			     ? host->compose(sdk->call, davit_sdk_write_end(&w), &packed)
			     : DAVIT_UNSUPPORTED);
	return packed;
}

static davit_secret member(struct davit_sdk *sdk, davit_secret from, const char *pointer)
{
	davit_secret secret = 0;
	int32_t code = sdk->host->secret->member(sdk->call, from, davit_sdk_buf(pointer), &secret);

	if (code != DAVIT_NOT_FOUND)
		(void)davit_sdk_pass(sdk, code);
	return secret;
}

bool aws_unpack(struct aws_search *s, davit_secret packed, const char *const pointers[3])
{
	s->account->keys = (struct sigv4_keys){member(s->sdk, packed, pointers[0]),
		member(s->sdk, packed, pointers[1]), member(s->sdk, packed, pointers[2])};
	if (s->sdk->code == DAVIT_OK && (s->account->keys.id == 0 || s->account->keys.key == 0))
		return aws_refuse(s,
			"what gives out credentials gave none: the members AccessKeyId "
			"and SecretAccessKey are missing");
	return s->sdk->code == DAVIT_OK;
}

static bool use_packed(struct aws_search *s, const char *key, davit_secret packed)
{
	static const char *const pointers[] = {"/id", "/key", "/token"};

	s->account->cache = key;
	s->account->cached = packed;
	return aws_unpack(s, packed, pointers);
}

/* This call fetches for all who wait. */
static davit_secret fetch_packed(struct aws_search *s, const char *key, aws_fetch *how)
{
	struct davit_sdk *sdk = s->sdk;
	struct aws_fresh fresh;
	davit_secret packed;

	if (!how(s, &fresh))
		return 0;
	packed = pack(sdk, &fresh.keys);
	if (sdk->code != DAVIT_OK)
		return 0;
	(void)davit_sdk_pass(sdk,
		sdk->host->token->put(sdk->call, davit_sdk_buf(key), packed, fresh.expires_ms));
	return sdk->code == DAVIT_OK ? packed : 0;
}

bool aws_lasting(struct aws_search *s, const char *key, aws_fetch *how)
{
	const davit_host_token_1 *tokens = s->sdk->host->token;
	davit_secret packed = 0, old = 0;
	int32_t code;

	if (s->sdk->code != DAVIT_OK)
		return false;
	code = tokens->get(s->sdk->call, davit_sdk_buf(key), &packed);
	if (code != DAVIT_NOT_FOUND)
		return davit_sdk_pass(s->sdk, code) == DAVIT_OK && use_packed(s, key, packed);
	if (tokens->get(s->sdk->call, davit_sdk_buf(key), &old) != DAVIT_OK)
		old = 0;
	packed = fetch_packed(s, key, how);
	if (packed == 0 && old != 0) {
		s->sdk->code = DAVIT_OK;
		packed = old;
	}
	return packed != 0 && use_packed(s, key, packed);
}

bool aws_lasting_web(struct aws_search *s, struct aws_fresh *ret)
{
	return aws_fetch_web(s->sdk, s->place, &s->role, s->first, ret);
}
