/* davit.host.core/1: answers, time and the end of a call. */
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "provider/call.h"
#include "provider/internal.h"
#include "provider/services.h"
#include "secret/redact.h"

#define FAIL_TEXT_MAX ((size_t)4096)
#define DETAIL_MAX    ((size_t)64 * 1024)
#define TEXT_MAX      2000 /* bytes of one log line of a provider */

enum {
	RETRY_LEAST_MS = 500,   /* what a provider asks for is no reason to be without pause, */
	RETRY_MOST_MS = 3600000 /* nor never to ask again */
};

static int32_t DAVIT_CALL core_reply(davit_call call, davit_buf json)
{
	struct call *c = call_current(call);

	return c != NULL ? answer_json(c, json) : DAVIT_INVALID;
}

static int32_t DAVIT_CALL core_reply_state(
	davit_call call, int32_t state, int64_t next_poll_ms, davit_buf json)
{
	struct call *c = call_current(call);

	return c != NULL ? answer_state(c, state, next_poll_ms, json) : DAVIT_INVALID;
}

static int32_t DAVIT_CALL core_reply_blob(davit_call call, davit_buf head, davit_blob blob)
{
	struct call *c = call_current(call);

	return c != NULL ? answer_blob(c, head, blob) : DAVIT_INVALID;
}

static int32_t DAVIT_CALL core_reply_chunk(
	davit_call call, davit_buf head, davit_buf bytes, uint32_t last)
{
	struct call *c = call_current(call);

	return c != NULL ? answer_chunk(c, head, bytes, last != 0) : DAVIT_INVALID;
}

/* What may be seen of text, of at most max bytes; out has one more. */
static void seen_text(davit_buf text, char *out, size_t max)
{
	size_t n = text.p == NULL ? 0 : text.n < max ? text.n : max;

	if (n > 0)
		memcpy(out, text.p, n);
	out[n] = '\0';
	(void)redact_text(out, n, n < text.n);
}

/* --- fail --- */

/* 0: it asks for none. */
static int64_t retry_of(const json_t *detail)
{
	int64_t ms = json_int_or(detail, "retry_after_ms", 0);

	if (ms <= 0)
		return 0;
	if (ms < RETRY_LEAST_MS)
		return RETRY_LEAST_MS;
	return ms > RETRY_MOST_MS ? RETRY_MOST_MS : ms;
}

/* What detail says beside the sentence. Where it is not JSON the sentence still counts. */
static void read_detail(struct call *c, davit_buf detail)
{
	json_t *v = service_parse(detail, DETAIL_MAX, NULL);
	const char *pointer = json_text_or(v, "pointer", "");

	if (strlen(pointer) < sizeof(c->fail->field))
		memcpy(c->fail->field, pointer, strlen(pointer) + 1);
	c->fail->retry_after_ms = retry_of(v);
	if (json_is_true(json_object_get(v, "host")))
		c->said = false;
	if (v != NULL)
		log_debug("PROVIDER-FAIL",
			"provider=%s slot=%s.%s status=%lld provider_code=%s request_id=%s",
			provider_id(c->provider), c->interface, c->slot_name,
			(long long)json_int_or(v, "status", 0),
			json_text_or(v, "provider_code", "-"), json_text_or(v, "request_id", "-"));
	json_decref(v);
}

static int32_t DAVIT_CALL core_fail(davit_call call, int32_t code, davit_buf text, davit_buf detail)
{
	struct call *c = call_current(call);
	char seen[FAIL_TEXT_MAX + 1];

	if (c == NULL)
		return DAVIT_INVALID;
	if (code == DAVIT_OK) {
		call_violation(c, "it gave DAVIT_OK to fail()");
		return DAVIT_INVALID;
	}
	if (c->fail_code != DAVIT_OK) { /* the provider alone knows where it was named */
		if (c->told_user && c->fail != NULL && c->fail->field[0] == '\0')
			read_detail(c, detail);
		return code;
	}
	c->fail_code = code;
	c->said = true;
	seen_text(text, seen, FAIL_TEXT_MAX);
	if (call_reason(&c->fail) == NULL)
		return code;
	(void)fail_set(c->fail, FAIL_INTERNAL, "%s", seen);
	read_detail(c, detail);
	return code;
}

/* --- log --- */

static const enum log_level levels[] = {
	[DAVIT_LOG_DEBUG] = LOG_DEBUG,
	[DAVIT_LOG_INFO] = LOG_INFO,
	[DAVIT_LOG_WARN] = LOG_WARN,
	[DAVIT_LOG_ERROR] = LOG_ERROR,
};

static void DAVIT_CALL core_log(davit_call call, int32_t level, davit_buf text)
{
	struct call *c = call_current(call);
	char seen[TEXT_MAX + 1];

	if (c == NULL || c->lines > CALL_LINES_MAX)
		return;
	if (level < 0 || level >= (int32_t)COUNT(levels))
		level = DAVIT_LOG_INFO;
	if (c->lines++ == CALL_LINES_MAX) {
		log_warn("PROVIDER-LOG", "provider=%s slot=%s.%s: no more lines of this call",
			provider_id(c->provider), c->interface, c->slot_name);
		return;
	}
	seen_text(text, seen, TEXT_MAX);
	log_line(levels[level], "PROVIDER-LOG", "provider=%s slot=%s.%s: %s",
		provider_id(c->provider), c->interface, c->slot_name, seen);
}

/* --- time --- */

/* The clocks answer any thread: no harm, and no code to say no with. */
static int64_t DAVIT_CALL core_now_ms(davit_call call)
{
	(void)call_current(call);
	return clock_now_ms();
}

static int64_t DAVIT_CALL core_mono_ms(davit_call call)
{
	(void)call_current(call);
	return clock_mono_ms();
}

static int64_t DAVIT_CALL core_deadline_ms(davit_call call)
{
	struct call *c = call_current(call);

	return c != NULL ? c->deadline : 0;
}

static uint32_t DAVIT_CALL core_cancelled(davit_call call)
{
	struct call *c = call_current(call);

	return c == NULL || call_stopped(c) != DAVIT_OK;
}

static int32_t DAVIT_CALL core_sleep_ms(davit_call call, int64_t ms)
{
	struct call *c = call_current(call);
	int64_t now = clock_mono_ms();
	int64_t until;

	if (c == NULL)
		return DAVIT_INVALID;
	until = ms > c->deadline - now ? c->deadline : now + (ms > 0 ? ms : 0);
	mutex_lock(&c->lock);
	while (!c->cancelled && !c->hung_up && clock_mono_ms() < until)
		(void)clock_wait(&c->wake, &c->lock, until);
	mutex_unlock(&c->lock);
	return call_stopped(c);
}

/* --- random numbers and memory --- */

static int32_t DAVIT_CALL core_random(davit_call call, void *bytes, size_t n)
{
	struct call *c = call_current(call);

	if (c == NULL || (bytes == NULL && n > 0))
		return DAVIT_INVALID;
	if (n > 0)
		id_random(bytes, n);
	return DAVIT_OK;
}

static void *DAVIT_CALL core_arena(davit_call call, size_t n)
{
	struct call *c = call_current(call);

	return c != NULL ? arena_alloc(&c->arena, n) : NULL;
}

const davit_host_core_1 service_core = {
	.size = sizeof(davit_host_core_1),
	.reply = core_reply,
	.reply_state = core_reply_state,
	.reply_blob = core_reply_blob,
	.reply_chunk = core_reply_chunk,
	.fail = core_fail,
	.log = core_log,
	.now_ms = core_now_ms,
	.mono_ms = core_mono_ms,
	.deadline_ms = core_deadline_ms,
	.cancelled = core_cancelled,
	.sleep_ms = core_sleep_ms,
	.random = core_random,
	.arena = core_arena,
};
