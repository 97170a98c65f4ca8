/* outcome - see outcome.h. */
#include "jobs/outcome.h"

#include <davit/abi.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/pace.h"
#include "provider/provider.h"
#include "secret/redact.h"
#include "store/store.h"

enum {
	ADOPT_TRIES = 8, /* two minutes and more */
	FIND_TRIES = 8,  /* the same */
	GONE_TRIES = 6,  /* polls in a row that find no object … */
	GONE_MS = 10000, /* … from the first to the last of them */
	BARRED_MS = 600000
};

const char *job_action_slot(enum job_action action)
{
	static const char *const slots[ACTION_COUNT] = {
		[ACTION_SUBMIT] = "submit",
		[ACTION_FIND] = "find",
		[ACTION_POLL] = "poll",
		[ACTION_CANCEL] = "cancel",
	};

	return slots[action];
}

#define S VERDICT_STATE
#define F VERDICT_FAILED
#define R VERDICT_RETRY
#define U VERDICT_RECOVER
#define A VERDICT_ASKED
#define N VERDICT_RESUBMIT
#define D VERDICT_DECIDE

/*
 * One row per result class. A failed submit is only certain where the class says that nothing was
 * created. A find that cannot work leaves the job to a person, in the end: outcome_doubted(). A
 * failed poll or cancel says nothing about the job, which may run on, unless there is no such
 * object, which a poll must say more than once: outcome_gone().
 */
static const struct {
	int32_t code;
	enum verdict by_action[ACTION_COUNT]; /* submit, find, poll, cancel */
} verdicts[] = {
	{DAVIT_OK, {S, S, S, A}},
	{DAVIT_RETRY, {R, R, R, R}},
	{DAVIT_THROTTLED, {R, R, R, R}},
	{DAVIT_AUTH, {F, R, R, R}},
	{DAVIT_QUOTA, {F, R, R, R}},
	{DAVIT_INVALID, {F, D, R, R}},
	{DAVIT_NOT_FOUND, {F, N, F, A}},
	{DAVIT_CONFLICT, {F, D, R, R}},
	{DAVIT_UNSUPPORTED, {F, F, R, A}},
	{DAVIT_CANCELLED, {U, R, R, R}},
	{DAVIT_DEADLINE, {U, R, R, R}},
	{DAVIT_INTERNAL, {U, R, R, R}},
	{DAVIT_PERMANENT, {F, D, R, A}},
};

#undef S
#undef F
#undef R
#undef U
#undef A
#undef N
#undef D

/* May a submission be repeated with the same id although nobody could say what it did? */
static bool repeatable(const char *idempotency)
{
	return strcmp(idempotency, "token") == 0 || strcmp(idempotency, "name") == 0;
}

/* What find and poll say of the object counts; that a service of the host failed them, or that they
 * did not care to say anything, is nothing about the object. */
static bool means_nothing(enum job_action action, const struct call_result *result)
{
	return (action == ACTION_FIND || action == ACTION_POLL) && result->code != DAVIT_OK &&
	       !result->said;
}

enum verdict outcome_verdict(
	enum job_action action, const struct call_result *result, const char *idempotency)
{
	int32_t code = result->code;

	if (means_nothing(action, result))
		return VERDICT_RETRY;
	if (action == ACTION_FIND && code == DAVIT_UNSUPPORTED)
		return repeatable(idempotency) ? VERDICT_RESUBMIT : VERDICT_DECIDE;
	if (action != ACTION_CANCEL && code == DAVIT_OK && !result->has_state)
		code = DAVIT_INTERNAL;
	for (size_t i = 0; i < COUNT(verdicts); i++) {
		if (verdicts[i].code == code)
			return verdicts[i].by_action[action];
	}
	return action == ACTION_SUBMIT ? VERDICT_RECOVER : VERDICT_RETRY;
}

/* Was it called, and not because the daemon ends in vain? */
static bool was_in_vain(const struct call_result *result)
{
	bool all_taken = result->code == DAVIT_RETRY && result->fail.code == FAIL_BUSY;

	return result->code != DAVIT_CANCELLED && !all_taken;
}

enum verdict outcome_adopted(enum verdict verdict, const struct call_result *result, unsigned tries)
{
	bool refused = result->code == DAVIT_AUTH || result->code == DAVIT_QUOTA;

	if (verdict == VERDICT_RESUBMIT || verdict == VERDICT_FAILED)
		return VERDICT_DECIDE;
	if (verdict == VERDICT_RETRY && was_in_vain(result) && (refused || tries >= ADOPT_TRIES))
		return VERDICT_DECIDE;
	return verdict;
}

bool outcome_gives_up(const struct call_result *result)
{
	int32_t code = result->code;

	return result->said &&
	       (code == DAVIT_INVALID || code == DAVIT_CONFLICT || code == DAVIT_PERMANENT);
}

enum verdict outcome_doubted(enum verdict verdict, const struct call_result *result, unsigned tries)
{
	bool again = outcome_gives_up(result) && tries + 1 < FIND_TRIES;

	return verdict == VERDICT_DECIDE && again ? VERDICT_RETRY : verdict;
}

static bool is_untouched(const struct call_trace *trace)
{
	return trace->done == 0 && trace->unclear == 0 && !trace->refused && !trace->left &&
	       !trace->covered && !trace->diverged;
}

enum verdict outcome_barred(enum verdict verdict, const struct call_result *result, int64_t ms)
{
	bool barred =
		result->code == DAVIT_AUTH && is_untouched(&result->trace) && ms < PACE(BARRED_MS);

	return verdict == VERDICT_FAILED && barred ? VERDICT_RETRY : verdict;
}

enum verdict outcome_gone(enum verdict verdict, unsigned tries, int64_t ms)
{
	bool gone = tries + 1 >= GONE_TRIES && ms >= PACE(GONE_MS);

	return verdict == VERDICT_FAILED && !gone ? VERDICT_RETRY : verdict;
}

/* Does a failure say nothing of what the submission has made already? */
static bool passes(const struct call_result *result)
{
	return !result->said || result->code == DAVIT_AUTH || result->code == DAVIT_QUOTA;
}

enum verdict outcome_submitted(enum verdict verdict, const struct call_result *result)
{
	const struct call_trace *trace = &result->trace;
	bool made = trace->done > 0 || trace->covered;

	if (verdict == VERDICT_STATE)
		return verdict;
	if (trace->unclear > 0 || trace->diverged)
		return VERDICT_RECOVER;
	if (verdict == VERDICT_FAILED && trace->left)
		return VERDICT_RECOVER;
	if (verdict == VERDICT_RECOVER && (trace->done == 0 || trace->cut_off))
		return VERDICT_RETRY;
	if (verdict == VERDICT_FAILED && (made || trace->conflict) && passes(result))
		return VERDICT_RETRY;
	if (verdict == VERDICT_FAILED && made && !trace->refused)
		return VERDICT_RECOVER;
	return verdict;
}

bool outcome_final(const struct call_result *result)
{
	const struct call_trace *trace = &result->trace;

	return outcome_verdict(ACTION_SUBMIT, result, "") == VERDICT_FAILED &&
	       trace->unclear == 0 && !trace->diverged && !trace->left;
}

enum verdict outcome_missing(enum verdict verdict, const struct call_result *result,
	const char *idempotency, int64_t settle_ms)
{
	bool unsettled = strcmp(idempotency, "search") == 0 && settle_ms < 0;

	if (verdict != VERDICT_RESUBMIT || result->code != DAVIT_NOT_FOUND)
		return verdict;
	return unsettled || strcmp(idempotency, "none") == 0 ? VERDICT_DECIDE : verdict;
}

static enum job_state state_of(int32_t state, bool overdue)
{
	switch (state) {
	case DAVIT_STATE_SUCCEEDED:
		return JOB_SUCCEEDED;
	case DAVIT_STATE_FAILED:
		return JOB_FAILED;
	case DAVIT_STATE_CANCELLED:
		return overdue ? JOB_FAILED : JOB_CANCELLED;
	default:
		return JOB_RUNNING;
	}
}

/* Members of a neutral job answer that are kept as text, and what an edge calls them. */
static const struct {
	const char *member;
	size_t offset;
	unsigned set;
	bool json; /* the value's JSON text, else a string as it is */
} kept[] = {
	{"ref", offsetof(struct job, remote_ref), JOB_SET_REMOTE_REF, true},
	{"progress", offsetof(struct job, progress), JOB_SET_PROGRESS, true},
	{"handle", offsetof(struct job, handle), JOB_SET_HANDLE, false},
	{"id", offsetof(struct job, remote_name), JOB_SET_REMOTE_NAME, false},
	{"resource", offsetof(struct job, remote_name), JOB_SET_REMOTE_NAME, false},
	{"error", offsetof(struct job, error), JOB_SET_ERROR, false},
	{"metrics", offsetof(struct job, metrics), JOB_SET_METRICS, true},
	{"series", offsetof(struct job, series), JOB_SET_SERIES, true},
};

static bool put_text(struct job_edge *edge, unsigned set, size_t offset, char *text)
{
	char **at = job_text_at(&edge->values, offset);

	if (text == NULL)
		return false;
	free(*at);
	*at = text;
	edge->set |= set;
	return true;
}

static bool keep_members(struct job_edge *edge, const json_t *reply)
{
	for (size_t i = 0; i < COUNT(kept); i++) {
		const json_t *value = json_object_get(reply, kept[i].member);
		char *text;

		if (value == NULL || json_is_null(value) ||
			(!kept[i].json && !json_is_string(value)))
			continue;
		text = kept[i].json ? json_compact(value, NULL) : strdup(json_string_value(value));
		if (!put_text(edge, kept[i].set, kept[i].offset, text))
			return false;
	}
	return true;
}

/* Times the provider saw; what it does not say is the time of this edge. */
static void keep_times(struct job_edge *edge, const json_t *reply)
{
	int64_t now = clock_now_ms();
	int64_t started = json_int_or(reply, "started_ms", 0);
	int64_t finished = json_int_or(reply, "finished_ms", 0);

	if (started > 0) {
		edge->values.started_ms = started;
		edge->set |= JOB_SET_STARTED;
	}
	if (JOB_BIT(edge->to) & JOB_TERMINAL) {
		edge->values.finished_ms = finished > 0 && finished >= started ? finished : now;
		edge->set |= JOB_SET_FINISHED;
	}
}

static bool say_why(struct job_edge *edge, bool overdue)
{
	if (edge->to != JOB_FAILED || (!overdue && edge->values.error != NULL))
		return true;
	return put_text(edge, JOB_SET_ERROR, offsetof(struct job, error),
		strdup(overdue ? "stopped: it ran past its deadline"
			       : "the provider reports a failure and no reason"));
}

bool outcome_edge(struct store_op *op, const struct call_result *result, bool overdue)
{
	struct job_edge *edge = &op->edge;

	edge->to = state_of(result->state, overdue);
	if (!keep_members(edge, result->reply) || !say_why(edge, overdue))
		return false;
	keep_times(edge, result->reply);
	(void)json_object_del(result->reply, "ref"); /* ours to keep, nobody's to read */
	(void)json_object_del(result->reply, "series");
	return put_text(edge, JOB_SET_RESULT, offsetof(struct job, result),
		json_compact(result->reply, NULL));
}

/* Hides what must not be seen in a JSON text. */
static bool hide(char **text)
{
	json_t *v = *text != NULL ? json_parse(*text, strlen(*text), NULL) : NULL;
	char *hidden;

	if (v == NULL)
		return *text == NULL;
	redact_answer(v);
	hidden = json_compact(v, NULL);
	json_decref(v);
	free(*text);
	*text = hidden;
	return hidden != NULL;
}

bool outcome_hide(struct store_op *op)
{
	struct job *values = &op->edge.values;

	if (values->error != NULL)
		(void)redact_text(values->error, strlen(values->error), false);
	return hide(&values->progress) && hide(&values->metrics) && hide(&values->series) &&
	       hide(&values->result);
}

/* {"failure": word} */
static char *failure_text(enum fail_code code)
{
	json_t *failure = json_pack("{s:s}", "failure", fail_word(code));
	char *text = failure == NULL ? NULL : json_compact(failure, NULL);

	json_decref(failure);
	return text;
}

bool outcome_failed(struct store_op *op, enum fail_code code, const char *why)
{
	struct job_edge *edge = &op->edge;

	edge->to = JOB_FAILED;
	edge->values.finished_ms = clock_now_ms();
	edge->set |= JOB_SET_FINISHED;
	return put_text(edge, JOB_SET_RESULT, offsetof(struct job, result), failure_text(code)) &&
	       put_text(edge, JOB_SET_ERROR, offsetof(struct job, error), strdup(why));
}

bool outcome_left(const struct job *job)
{
	const char *text = job->result != NULL ? job->result : "null";
	json_t *result;
	struct fail ignored;
	bool said;

	if (job->state != JOB_FAILED && job->state != JOB_CANCELLED)
		return false;
	result = json_parse(text, strlen(text), &ignored);
	said = json_object_get(result, "failure") == NULL;
	json_decref(result);
	return !said;
}
