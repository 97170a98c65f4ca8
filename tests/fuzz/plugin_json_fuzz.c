/*
 * Fuzz target: JSON that enters from a provider. The first byte of the input says by which function
 * of a service the rest comes:
 *
 *     r s     reply(), reply_state()
 *     d       the detail of fail(), whose text is the rest too
 *     h m     perform(), perform_many(): none of the hosts is allowed, so nothing leaves
 *     k       put() of kv
 *     v w     resolve() and save() of blob: nothing is allowed either
 *     j       a secret that is JSON: member() of it; then decode()
 *     g       a key to sign with
 *     l       a line of the log
 *
 * Each is taken or refused with a code of the ABI. What was taken reads back; what is told to the
 * user is UTF-8, and a secret of the call is not in it.
 */
#include <davit/provider.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/log.h"
#include "base/utf8.h"
#include "net/net.h"
#include "provider/codes.h"
#include "provider/internal.h"
#include "provider/services.h"
#include "unit/provider/kit.h"

#define SECRET "canary-of-plugin-json"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct kit kit;

static void must(bool right)
{
	if (!right)
		abort();
}

static void open_once(void)
{
	static const struct net_options options = {.agent = "davit-fuzz",
		.connect_timeout_ms = 1000,
		.request_timeout_ms = 1000,
		.max_connections = 10,
		.max_connections_per_host = 10,
		.max_streams = 10,
		.max_lookups = 10,
		.idle_seconds = 1,
		.max_answer_bytes = 1 << 16};
	struct fail f = {0};

	if (kit.ps != NULL)
		return;
	log_set_level(LOG_ERROR);
	kit_open(&kit, false);
	kit.ps->host.net = net_open(&options, &f);
	must(kit.ps->host.net != NULL);
}

/* --- the ways in --- */

static int32_t by_http(davit_call call, davit_buf text, bool many)
{
	davit_buf out;
	davit_blob blob = 0;

	return many ? service_http.perform_many(call, 0, text, &out)
	            : service_http.perform(call, 0, text, 0, &out, &blob);
}

static int32_t by_secret(davit_call call, davit_buf text)
{
	davit_secret whole = 0, part = 0;
	int32_t code = service_secret.mint(call, text, &whole);

	if (code != DAVIT_OK)
		return code;
	code = service_secret.member(call, whole, kit_buf("/a"), &part);
	must(code == DAVIT_OK || code == DAVIT_INVALID || code == DAVIT_NOT_FOUND);
	code = service_secret.decode(call, whole, kit_buf("base64"), &part);
	must(code == DAVIT_OK || code == DAVIT_INVALID);
	return service_secret.decode(call, whole, kit_buf("hex"), &part);
}

static int32_t by_key(davit_call call, davit_buf text)
{
	davit_secret key = 0;
	davit_buf signature;
	int32_t code = service_secret.mint(call, text, &key);

	if (code == DAVIT_OK)
		code = service_secret.sign(call, key, kit_buf("RS256"), kit_buf("x"), &signature);
	return code;
}

static int32_t by_way(uint8_t way, davit_call call, davit_buf text)
{
	davit_blob blob = 0;
	davit_buf out;

	switch (way) {
	case 'r':
		return service_core.reply(call, text);
	case 's':
		return service_core.reply_state(call, (int32_t)text.n, 5, text);
	case 'd':
		return service_core.fail(call, DAVIT_PERMANENT, text, text);
	case 'h':
	case 'm':
		return by_http(call, text, way == 'm');
	case 'k':
		return service_kv.put(call, kit_buf("key"), text);
	case 'v':
		return service_blob.resolve(call, text, &blob);
	case 'w':
		return service_blob.save(call, text, text, &out);
	case 'j':
		return by_secret(call, text);
	case 'g':
		return by_key(call, text);
	case 'l':
		service_core.log(call, DAVIT_LOG_DEBUG, text);
		return DAVIT_OK;
	default:
		return DAVIT_UNSUPPORTED;
	}
}

/* --- what comes out --- */

static void check_told(const char *text)
{
	size_t left = strlen(text);

	must(strstr(text, SECRET) == NULL);
	while (left > 0) {
		size_t n = utf8_length(text, left);

		must(n > 0);
		text += n;
		left -= n;
	}
}

static void check_reply(const json_t *reply)
{
	size_t n = 0;
	char *text = reply != NULL ? json_compact(reply, &n) : NULL;
	json_t *again = text != NULL ? json_parse(text, n, NULL) : NULL;

	must(reply == NULL || (again != NULL && json_equal((json_t *)reply, again)));
	json_decref(again);
	free(text);
}

static void run(uint8_t way, davit_buf text)
{
	struct fail f = {0};
	struct call *c = call_new(kit.p, DAVIT_TRAINING, "poll", 5000, &f);
	struct call_result result;
	davit_secret known;
	int32_t code;

	must(c != NULL && call_table_add(&kit.ps->calls, c, 0, &f) == CALL_ENTERED);
	call_enter(c);
	must(service_secret.mint(c->handle, kit_buf(SECRET), &known) == DAVIT_OK);
	code = by_way(way, c->handle, text);
	must(codes_known(code));
	call_leave();
	call_conclude(c, code, &result);
	if (result.code != DAVIT_OK) {
		check_told(result.fail.text);
		check_told(result.fail.field);
	}
	check_reply(result.reply);
	call_result_finish(&result);
	call_table_remove(&kit.ps->calls, c);
	call_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	open_once();
	if (size > 0)
		run(data[0], (davit_buf){(const char *)data + 1, size - 1});
	return 0;
}
