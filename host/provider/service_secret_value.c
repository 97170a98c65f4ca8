/* davit.host.secret/1, digest_value: of texts in which secrets stand. */
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

static bool digest(struct call *c, const char *name, davit_buf value,
	uint8_t bytes[CRYPTO_DIGEST_MAX], size_t *ret_n, struct fail *f)
{
	json_t *v = service_parse(value, SERVICE_JSON_MAX, f);
	bool secret = false, ok;
	struct buf text;

	if (v == NULL)
		return fail_wrap(f, "the value to be digested");
	buf_init(&text, CALL_SECRETS_BYTES_MAX);
	text.secret = true;
	ok = http_value_write(&text, v, &c->secrets, "", &secret, f) &&
	     crypto_digest(name, text.p, text.n, bytes, ret_n, f);
	http_value_finish(&text);
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
	size_t n = 0;

	if (name == NULL || ret_bytes == NULL)
		return DAVIT_INVALID;
	if (!hides(name))
		return service_refuse(
			c, DAVIT_UNSUPPORTED, "no digest '%s' of values: use sha256", name);
	if (!digest(c, name, value, bytes, &n, &f))
		return call_service_failed(c, &f);
	return service_give_bytes(c, bytes, n, ret_bytes);
}
