/* One call from its making to its result; the thread that runs it knows it as the current one. */
#include "provider/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "config/config.h"
#include "provider/codes.h"
#include "provider/internal.h"
#include "secret/redact.h"
#include "secret/tokens.h"

#define VIOLATION_SIZE 256

static char no_words[] = "something that there was no memory to tell";

/* What makes [op] checkable: a handle means something on the thread that runs its call only. */
static _Thread_local struct call *current;

struct call *call_new(struct provider *p, const char *interface, const char *slot_name,
	int64_t timeout_ms, struct fail *f)
{
	struct call *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		(void)fail_set(f, FAIL_INTERNAL, "out of memory");
		return NULL;
	}
	if (timeout_ms <= 0)
		timeout_ms = p->all->host.config->call_timeout_seconds * 1000;
	c->provider = p;
	c->interface = interface;
	c->slot_name = slot_name;
	c->timeout = timeout_ms;
	c->deadline = clock_mono_ms() + timeout_ms;
	c->look = clock_mono_ms() + CALL_LOOK_MS;
	c->lane = CALL_LANE_NONE;
	c->secrets.scope = &c->scope;
	mutex_init(&c->lock);
	cond_init(&c->wake);
	arena_init(&c->arena, CALL_ARENA_MAX);
	return c;
}

/* What those are told who waited for a token that c was to fetch. Not where c alone was stopped. */
static bool fetch_failed(struct call *c, struct tokens_failure *ret)
{
	const struct fail *why = c->fail_code != DAVIT_OK ? c->fail : c->service_fail;

	ret->code = c->fail_code != DAVIT_OK ? c->fail_code : c->service_code;
	if (why == NULL || ret->code == DAVIT_OK || ret->code != c->end_code || c->cut ||
		call_stopped(c) != DAVIT_OK)
		return false;
	(void)snprintf(ret->text, sizeof(ret->text), "%.*s", (int)sizeof(ret->text) - 1, why->text);
	return true;
}

void call_release(struct call *c)
{
	struct tokens_failure failure;

	if (c->fetches)
		tokens_leave(c->provider->all->tokens, c->handle,
			fetch_failed(c, &failure) ? &failure : NULL);
	c->fetches = false;
	answer_finish(&c->answer);
	call_blobs_finish(&c->blobs);
	call_journal_finish(c);
	call_secrets_finish(&c->secrets);
	arena_finish(&c->arena);
}

void call_runs_in(struct call *c, const struct worker *w)
{
	mutex_lock(&c->lock);
	c->worker = w;
	if (c->lets_go)
		c->cancelled = false;
	c->hung_up = c->lets_go = false;
	mutex_unlock(&c->lock);
}

/* What it said, and what was said of it, is forgotten. */
static void forget(struct call *c)
{
	if (c->violation != no_words)
		free(c->violation);
	c->violation = NULL;
	c->cut = c->said = c->told_http = c->told_user = c->wrong_handle = false;
	c->fail_code = c->service_code = c->service_ends = DAVIT_OK;
}

bool call_restart(struct call *c)
{
	bool told = c->answer.kind == ANSWER_CHUNKS || c->answer.kind == ANSWER_CHUNKS_DONE;

	if (c->slot == NULL || !c->slot->reads || c->lane != CALL_LANE_REQUEST || told ||
		c->journal != NULL || clock_mono_ms() >= c->deadline)
		return false;
	call_release(c);
	c->answer.content_type = c->answer.model = NULL; /* which were in its arena */
	forget(c);
	return call_stopped(c) == DAVIT_OK;
}

void call_free(struct call *c)
{
	if (c == NULL)
		return;
	call_release(c);
	json_decref(c->connection);
	redact_scope_unref(c->scope);
	free(c->connection_name);
	free(c->request);
	if (c->violation != no_words)
		free(c->violation);
	free(c->fail);
	free(c->service_fail);
	free(c->cut_reason);
	cond_finish(&c->wake);
	mutex_finish(&c->lock);
	free(c);
}

bool call_is_callers(const struct call *c)
{
	return c->connection_name == NULL && c->connection != NULL;
}

struct call *call_here(void)
{
	return current;
}

void call_enter(struct call *c)
{
	current = c;
	(void)redact_use(c->scope);
}

void call_leave(void)
{
	current = NULL;
	(void)redact_use(NULL);
}

struct call *call_current(davit_call handle)
{
	if (current == NULL || current->handle == handle)
		return current;
	current->wrong_handle = true;
	return NULL;
}

void call_violation(struct call *c, const char *fmt, ...)
{
	va_list args;

	if (c->violation != NULL)
		return;
	c->violation = malloc(VIOLATION_SIZE);
	if (c->violation == NULL) {
		c->violation = no_words;
		return;
	}
	va_start(args, fmt);
	(void)vsnprintf(c->violation, VIOLATION_SIZE, fmt, args);
	va_end(args);
}

void call_extend(struct call *c)
{
	struct call_table *t = &c->provider->all->calls;

	mutex_lock(&t->lock);
	c->deadline = clock_mono_ms() + c->timeout;
	mutex_unlock(&t->lock);
}

/* Looking costs a system call, so a call that is soon done never does. */
static bool reader_left(struct call *c, int64_t now)
{
	if (c->sink == NULL || c->sink->gone == NULL || now < c->look)
		return false;
	c->look = now + CALL_LOOK_MS;
	if (c->sink->gone(c->sink->ctx))
		c->answer.reader_gone = true;
	return c->answer.reader_gone;
}

int32_t call_stopped(struct call *c)
{
	int64_t now = clock_mono_ms();
	bool cancelled;

	mutex_lock(&c->lock);
	cancelled = c->cancelled;
	mutex_unlock(&c->lock);
	if (cancelled || reader_left(c, now))
		return DAVIT_CANCELLED;
	return now >= c->deadline ? DAVIT_DEADLINE : DAVIT_OK;
}

struct fail *call_reason(struct fail **place)
{
	if (*place == NULL)
		*place = calloc(1, sizeof(**place));
	return *place;
}

void call_keep_reason(struct fail **place, const struct fail *f)
{
	struct fail *kept = call_reason(place);

	if (kept != NULL)
		*kept = *f;
}

int32_t call_service_failed(struct call *c, const struct fail *f)
{
	call_keep_reason(&c->service_fail, f);
	c->service_code = c->service_ends = codes_of_fail(f->code);
	return c->service_code;
}

/* --- the result --- */

void call_result_finish(struct call_result *r)
{
	if (r == NULL)
		return;
	json_decref(r->reply);
	r->reply = NULL;
}

static const char *strange(const struct call *c)
{
	return c->wrong_handle ? ", and used the handle of another call" : "";
}

/* DAVIT_OK, but was there an answer of the right sort? */
static enum table_answer wanted_answer(const struct call *c)
{
	return c->slot != NULL ? c->slot->answer : TABLE_ANSWER_MAY;
}

static void check_answer(struct call *c)
{
	enum table_answer wanted = wanted_answer(c);

	if (c->answer.kind == ANSWER_CHUNKS)
		call_violation(c, "it ended without the last piece of its answer");
	else if (wanted == TABLE_ANSWER_STATE && c->answer.kind != ANSWER_STATE)
		call_violation(c, "it returned success without reply_state()%s", strange(c));
	else if ((wanted == TABLE_ANSWER_MUST || wanted == TABLE_ANSWER_DATA) &&
		 c->answer.kind == ANSWER_NONE)
		call_violation(c, "it returned success without an answer%s", strange(c));
}

/* A provider told to stop may say "cancelled" where its time was over. */
static int32_t true_code(struct call *c, int32_t code)
{
	if (!codes_known(code)) {
		call_violation(c, "it returned the unknown code %d", code);
		return DAVIT_INTERNAL;
	}
	if (code == DAVIT_CANCELLED && !c->answer.reader_gone && call_stopped(c) == DAVIT_DEADLINE)
		return DAVIT_DEADLINE;
	return code;
}

/* Without a word of the provider's own the code is that of a service, which knows what it means
 * for the call: a secret that is missing is no object that is. */
static int32_t own_code(const struct call *c, int32_t code)
{
	bool passed_on = c->service_code != DAVIT_OK && c->service_code == code;

	return !c->said && passed_on ? c->service_ends : code;
}

static void result_fail(struct call *c, int32_t code, struct call_result *r)
{
	const struct fail *why = NULL;

	r->said = c->said && c->fail_code == code;
	if (c->fail_code != DAVIT_OK)
		why = c->fail;
	else if (c->service_code == code)
		why = c->service_fail;
	code = own_code(c, code);
	r->code = code;
	if (why == NULL || why->text[0] == '\0')
		(void)fail_set(&r->fail, codes_fail(code), "%s",
			c->answer.reader_gone ? "the reader went away" : codes_text(code));
	else
		r->fail = *why;
	(void)redact_text(r->fail.text, strlen(r->fail.text), false);
	(void)redact_text(r->fail.field, strlen(r->fail.field), false);
	r->fail.code = codes_fail(code);
	r->retry_after_ms = r->fail.retry_after_ms;
}

static void result_violation(struct call *c, struct call_result *r)
{
	if (c->violation != no_words)
		(void)redact_text(c->violation, strlen(c->violation), false);
	log_error("PROVIDER-CONTRACT", "provider=%s slot=%s.%s: %s", provider_id(c->provider),
		c->interface, c->slot_name, c->violation);
	r->code = DAVIT_INTERNAL;
	(void)fail_set(&r->fail, FAIL_INTERNAL, "provider error: %s of '%s' broke its contract: %s",
		c->slot_name, provider_id(c->provider), c->violation);
}

/* The host alone knows why; the provider said what it said in vain. */
static void result_cut(const struct call *c, struct call_result *r)
{
	r->code = DAVIT_INTERNAL;
	if (c->cut_reason != NULL)
		r->fail = *c->cut_reason;
	else
		(void)fail_set(&r->fail, FAIL_INTERNAL, "%s", codes_text(DAVIT_INTERNAL));
}

static void result_answer(struct call *c, struct call_result *r)
{
	struct answer *a = &c->answer;

	r->code = DAVIT_OK;
	if (a->kind != ANSWER_STATE && wanted_answer(c) != TABLE_ANSWER_DATA)
		redact_answer(
			a->json); /* of a state that is for who keeps it: most say nothing new */
	r->reply = a->json;
	a->json = NULL;
	r->has_state = a->kind == ANSWER_STATE;
	r->state = a->state;
	r->next_poll_ms = a->next_poll_ms;
}

void call_conclude(struct call *c, int32_t code, struct call_result *ret_result)
{
	*ret_result = (struct call_result){.repeats = c->repeats};
	if (c->journal != NULL) {
		ret_result->trace = call_journal_trace(c->journal);
		ret_result->trace.cut_off = c->cut || call_stopped(c) != DAVIT_OK;
	}
	code = true_code(c, code);
	if (code == DAVIT_OK)
		check_answer(c);
	if (code == DAVIT_OK && c->violation == NULL && c->answer.kind == ANSWER_BLOB)
		code = answer_send(c);
	ret_result->held = c->held;
	if (c->cut)
		result_cut(c, ret_result);
	else if (c->violation != NULL)
		result_violation(c, ret_result);
	else if (code != DAVIT_OK || c->answer.reader_gone)
		result_fail(c, code != DAVIT_OK ? code : DAVIT_CANCELLED, ret_result);
	else
		result_answer(c, ret_result);
	c->end_code = ret_result->code;
}
