/* davit.host.secret/1: texts in which secrets stand, digested or made secrets. */
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/fail.h"
#include "provider/call.h"
#include "provider/http_value.h"
#include "provider/internal.h"
#include "provider/services.h"
#include "secret/crypto.h"

#define WORD_MAX 64 /* bytes of the name of an algorithm */

/* Those that tell nothing of what was digested: a short or linear one would. */
static bool hides(const char *name)
{
	static const char *const names[] = {"sha256", "sha384", "sha512"};

	for (size_t i = 0; i < COUNT(names); i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/* The text that value is; http_value_finish() it, also on failure. */
static bool write_value(struct call *c, davit_buf value, struct buf *text, struct fail *f)
{
	json_t *v = service_parse(value, SERVICE_JSON_MAX, f);
	bool secret = false, ok;

	buf_init(text, CALL_SECRETS_BYTES_MAX);
	text->secret = true;
	if (v == NULL)
		return fail_wrap(f, "the value");
	ok = http_value_write(text, v, &c->secrets, "", &secret, f);
	json_decref(v);
	return ok;
}

int32_t DAVIT_CALL secret_digest_value(
	davit_call call, davit_buf algorithm, davit_buf value, davit_buf *ret_bytes)
{
	struct call *c = call_current(call);
	const char *name = c != NULL ? service_text(c, algorithm, WORD_MAX) : NULL;
	uint8_t bytes[CRYPTO_DIGEST_MAX];
	struct fail f = {0};
	struct buf text;
	size_t n = 0;
	bool ok;

	if (name == NULL || ret_bytes == NULL)
		return DAVIT_INVALID;
	if (!hides(name))
		return service_refuse(
			c, DAVIT_UNSUPPORTED, "no digest '%s' of values: use sha256", name);
	ok = write_value(c, value, &text, &f) && crypto_digest(name, text.p, text.n, bytes, &n, &f);
	http_value_finish(&text);
	return ok ? service_give_bytes(c, bytes, n, ret_bytes) : call_service_failed(c, &f);
}

int32_t DAVIT_CALL secret_compose(davit_call call, davit_buf value, davit_secret *ret_secret)
{
	struct call *c = call_current(call);
	struct fail f = {0};
	struct buf text;
	int32_t code;

	if (c == NULL || ret_secret == NULL)
		return DAVIT_INVALID;
	code = write_value(c, value, &text, &f) ? call_secret_give(c, text.p, text.n, ret_secret)
	                                        : call_service_failed(c, &f);
	http_value_finish(&text);
	return code;
}
