/* behave - the words that say what a call does; see echo.h. */
#include "echo.h"

#include <stdlib.h>
#include <string.h>

#define SEPARATORS " ,\t\r\n"

struct word {
	const char *slot, *name;
	size_t slot_n, name_n;
	int64_t number;
};

/* The next word at *p, which moves on; false at the end. */
static bool next_word(const char **p, struct word *ret_word)
{
	const char *at = *p + strspn(*p, SEPARATORS);
	size_t n = strcspn(at, SEPARATORS);
	const char *equals = memchr(at, '=', n);
	const char *colon = memchr(at, ':', n);
	const char *name = equals != NULL ? equals + 1 : at;
	const char *name_end = colon != NULL && colon > name ? colon : at + n;

	*p = at + n;
	*ret_word = (struct word){
		.slot = equals != NULL ? at : "submit",
		.slot_n = equals != NULL ? (size_t)(equals - at) : strlen("submit"),
		.name = name,
		.name_n = (size_t)(name_end - name),
		.number = name_end < at + n ? strtoll(name_end + 1, NULL, 10) : 0,
	};
	return n > 0;
}

static bool is(const char *p, size_t n, const char *text)
{
	return strlen(text) == n && memcmp(p, text, n) == 0;
}

bool behave_has(const char *words, const char *slot, const char *name, int64_t *ret_number)
{
	struct word word;

	while (next_word(&words, &word)) {
		if (!is(word.slot, word.slot_n, slot) || !is(word.name, word.name_n, name))
			continue;
		if (ret_number != NULL)
			*ret_number = word.number;
		return true;
	}
	return false;
}

/* What a word may do: ends the call by true, with *ret_code. */
typedef bool act(struct davit_sdk *sdk, const struct word *word, int32_t *ret_code);

/* refuse:CODE - fail() with that code. */
static bool act_refuse(struct davit_sdk *sdk, const struct word *word, int32_t *ret_code)
{
	*ret_code = davit_sdk_fail_at(sdk, (int32_t)word->number, "/spec/behave",
		"refused as it was told to, with code %d", (int)word->number);
	return true;
}

/* mute:CODE - return that code and say nothing. */
static bool act_mute(struct davit_sdk *sdk, const struct word *word, int32_t *ret_code)
{
	(void)sdk;
	*ret_code = (int32_t)word->number;
	return true;
}

static bool act_crash(struct davit_sdk *sdk, const struct word *word, int32_t *ret_code)
{
	(void)sdk;
	(void)word;
	*ret_code = DAVIT_INTERNAL;
	abort();
}

static bool act_no_reply(struct davit_sdk *sdk, const struct word *word, int32_t *ret_code)
{
	(void)sdk;
	(void)word;
	*ret_code = DAVIT_OK;
	return true;
}

static bool act_reply_twice(struct davit_sdk *sdk, const struct word *word, int32_t *ret_code)
{
	const davit_host_core_1 *core = sdk->host->core;
	davit_buf json = davit_sdk_buf("{\"id\":\"twice\",\"ref\":{\"v\":1,\"id\":\"twice\"}}");

	(void)word;
	(void)core->reply_state(sdk->call, DAVIT_STATE_RUNNING, 0, json);
	*ret_code = core->reply_state(sdk->call, DAVIT_STATE_RUNNING, 0, json);
	return true;
}

/* An answer that a job slot may not give. */
static bool act_wrong_reply(struct davit_sdk *sdk, const struct word *word, int32_t *ret_code)
{
	(void)word;
	*ret_code = sdk->host->core->reply(sdk->call, davit_sdk_buf("{\"id\":\"plain\"}"));
	return true;
}

static bool act_bad_json(struct davit_sdk *sdk, const struct word *word, int32_t *ret_code)
{
	(void)word;
	*ret_code = sdk->host->core->reply_state(
		sdk->call, DAVIT_STATE_RUNNING, 0, davit_sdk_buf("{\"id\":oops"));
	return true;
}

/* The object is there, and the caller is told that no answer came. */
static bool act_ambiguous(struct davit_sdk *sdk, const struct word *word, int32_t *ret_code)
{
	(void)word;
	*ret_code = davit_sdk_fail(sdk, DAVIT_DEADLINE, "no answer came in time");
	return true;
}

/* sleep:MS - wait, then go on. */
static bool act_sleep(struct davit_sdk *sdk, const struct word *word, int32_t *ret_code)
{
	*ret_code = sdk->host->core->sleep_ms(sdk->call, word->number);
	if (*ret_code == DAVIT_OK)
		return false;
	*ret_code = davit_sdk_check(sdk, *ret_code, "sleep");
	return true;
}

/* Waits until the host ends it. */
static bool act_hang(struct davit_sdk *sdk, const struct word *word, int32_t *ret_code)
{
	(void)word;
	do
		*ret_code = sdk->host->core->sleep_ms(sdk->call, 60000);
	while (*ret_code == DAVIT_OK);
	*ret_code = davit_sdk_check(sdk, *ret_code, "hang");
	return true;
}

/* deaf:MS - busy that long, whatever the host asks. */
static bool act_deaf(struct davit_sdk *sdk, const struct word *word, int32_t *ret_code)
{
	const davit_host_core_1 *core = sdk->host->core;
	int64_t end = core->mono_ms(sdk->call) + word->number;

	*ret_code = DAVIT_OK;
	while (core->mono_ms(sdk->call) < end)
		(void)core->sleep_ms(sdk->call, 1);
	return false;
}

/* spin:N - asks the host N times for what costs it nothing. */
static bool act_spin(struct davit_sdk *sdk, const struct word *word, int32_t *ret_code)
{
	const davit_host_core_1 *core = sdk->host->core;

	(void)ret_code;
	for (int64_t i = 0; i < word->number; i++)
		(void)core->mono_ms(sdk->call);
	return false;
}

/* How often this was asked for a submission, this time included. */
static int64_t count_attempt(struct davit_sdk *sdk)
{
	const char *id = davit_sdk_text_at(sdk->request, "/submission_id", "none");
	const char *key = davit_sdk_format(&sdk->mem, "attempts/%s", id);
	struct davit_sdk_writer w;

	if (key == NULL)
		return 0;
	int64_t n = davit_sdk_int_at(davit_sdk_kv_get(sdk, key, NULL), "/n", 0) + 1;
	davit_sdk_write_begin(&w, &sdk->mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_int(&w, "n", n);
	davit_sdk_close_object(&w);
	(void)davit_sdk_kv_put(sdk, key, &w);
	return n;
}

/* retry:N - DAVIT_RETRY the first N times. */
static bool act_retry(struct davit_sdk *sdk, const struct word *word, int32_t *ret_code)
{
	int64_t n = count_attempt(sdk);

	if (n > word->number)
		return false;
	*ret_code = davit_sdk_fail(sdk, DAVIT_RETRY, "not yet, attempt %d", (int)n);
	return true;
}

/* throttle:N - DAVIT_THROTTLED with a pause the first N times. */
static bool act_throttle(struct davit_sdk *sdk, const struct word *word, int32_t *ret_code)
{
	struct davit_sdk_writer detail;

	if (count_attempt(sdk) > word->number)
		return false;
	davit_sdk_write_begin(&detail, &sdk->mem);
	davit_sdk_open_object(&detail, NULL);
	davit_sdk_put_int(&detail, "retry_after_ms", 30);
	davit_sdk_put_int(&detail, "status", 429);
	davit_sdk_close_object(&detail);
	*ret_code = davit_sdk_fail_with(sdk, DAVIT_THROTTLED, &detail, "too many requests");
	return true;
}

/* checkpoint - the first submit leaves a checkpoint and fails; with it the next goes on. */
static bool act_checkpoint(struct davit_sdk *sdk, const struct word *word, int32_t *ret_code)
{
	const davit_host_job_1 *job = sdk->host->job;

	(void)word;
	if (davit_sdk_member(sdk->request, "checkpoint") != NULL)
		return false;
	int32_t code = job == NULL ? DAVIT_UNSUPPORTED
	                           : job->checkpoint(sdk->call, davit_sdk_buf("{\"step\":1}"));
	*ret_code = davit_sdk_check(sdk, code, "checkpoint");
	if (code == DAVIT_OK)
		*ret_code = davit_sdk_fail(sdk, DAVIT_RETRY, "half done, on purpose");
	return true;
}

/* arena:BYTES - ask for that much memory. */
static bool act_arena(struct davit_sdk *sdk, const struct word *word, int32_t *ret_code)
{
	if (davit_sdk_alloc(&sdk->mem, (size_t)word->number) != NULL)
		return false;
	*ret_code = davit_sdk_fail(
		sdk, DAVIT_QUOTA, "the call's memory ends before %d bytes", (int)word->number);
	return true;
}

/* The words that act; those for the outcome of a job and for answers in bytes are read where
 * they matter. */
static const struct {
	const char *name;
	act *before;
	act *after;
} words_known[] = {
	{"refuse", act_refuse, NULL},
	{"mute", act_mute, NULL},
	{"crash", act_crash, NULL},
#ifdef ECHO_NEW
	{"crash_if_new", act_crash, NULL},
#else
	{"crash_if_new", NULL, NULL},
#endif
	{"sleep", act_sleep, NULL},
	{"hang", act_hang, NULL},
	{"deaf", act_deaf, NULL},
	{"spin", act_spin, NULL},
	{"retry", act_retry, NULL},
	{"throttle", act_throttle, NULL},
	{"checkpoint", act_checkpoint, NULL},
	{"arena", act_arena, NULL},
	{"crash_before_reply", NULL, act_crash},
	{"deaf_before_reply", NULL, act_deaf},
	{"ambiguous", NULL, act_ambiguous},
	{"no_reply", NULL, act_no_reply},
	{"reply_twice", NULL, act_reply_twice},
	{"wrong_reply", NULL, act_wrong_reply},
	{"bad_json", NULL, act_bad_json},
	{"succeed", NULL, NULL},
	{"fail", NULL, NULL},
	{"cancel", NULL, NULL},
	{"pend", NULL, NULL},
	{"lines", NULL, NULL},
	{"blob", NULL, NULL},
};

static bool run(
	struct davit_sdk *sdk, const char *words, const char *slot, bool after, int32_t *ret_code)
{
	struct word word;

	while (next_word(&words, &word)) {
		for (size_t i = 0; i < COUNT(words_known); i++) {
			act *what = after ? words_known[i].after : words_known[i].before;

			if (what == NULL || !is(word.slot, word.slot_n, slot) ||
				!is(word.name, word.name_n, words_known[i].name))
				continue;
			if (what(sdk, &word, ret_code))
				return false;
		}
	}
	return true;
}

bool behave_before(struct davit_sdk *sdk, const char *words, const char *slot, int32_t *ret_code)
{
	return run(sdk, words, slot, false, ret_code);
}

bool behave_after(struct davit_sdk *sdk, const char *words, const char *slot, int32_t *ret_code)
{
	return run(sdk, words, slot, true, ret_code);
}

static bool is_known(const struct word *word)
{
	for (size_t i = 0; i < COUNT(words_known); i++)
		if (is(word->name, word->name_n, words_known[i].name))
			return true;
	return false;
}

const char *behave_unknown(struct davit_sdk *sdk, const char *words)
{
	struct word word;

	while (next_word(&words, &word))
		if (!is_known(&word))
			return davit_sdk_format(&sdk->mem, "%.*s", (int)word.name_n, word.name);
	return NULL;
}
