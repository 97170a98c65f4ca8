/*
 * echo.h - a provider for tests: its objects are values in kv, and what a call does, well or
 * badly, is said by words in the request. Tests of the host are rows of such words.
 *
 *   words   WORD {(space | comma) WORD}        WORD  [SLOT=]NAME[:NUMBER]
 *
 * SLOT is a slot's name; without it a word is for submit, or for the only slot that reads
 * these words. Jobs take theirs from spec.behave (or spec.command) and keep them: poll,
 * cancel, logs ... of the job find them there. infer takes them from a body "behave WORDS",
 * execute from its script, list and check from the setting "behave". The words stand in
 * behave.c, predict.c and exercise.c.
 */
#ifndef TESTS_PROVIDERS_ECHO_H
#define TESTS_PROVIDERS_ECHO_H

#include <davit/sdk.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* An instance: made by create(), constant until destroy(). */
struct echo {
	struct davit_sdk_services host;
	int64_t poll_ms;  /* setting "poll_ms" */
	char behave[512]; /* setting "behave" */
};

const struct echo *echo_of(davit_instance inst);

/* Begins a slot's call. */
int32_t echo_begin(struct davit_sdk *sdk, davit_instance inst, davit_call call, davit_buf request);

/* --- behave.c --- */

/* Is the word NAME for that slot among the words? *ret_number (may be NULL): its number, or 0. */
bool behave_has(const char *words, const char *slot, const char *name, int64_t *ret_number);

/* The first word that means nothing, for messages; NULL: all are known. */
const char *behave_unknown(struct davit_sdk *sdk, const char *words);

/*
 * Does what the words say for the slot: before it has changed anything, and after it has and
 * before it answers. true: the slot goes on; false: it returns *ret_code at once.
 */
bool behave_before(struct davit_sdk *sdk, const char *words, const char *slot, int32_t *ret_code);
bool behave_after(struct davit_sdk *sdk, const char *words, const char *slot, int32_t *ret_code);

/* --- jobs.c: one implementation for all interfaces with jobs --- */

typedef int32_t echo_slot(
	const char *family, davit_instance inst, davit_call call, davit_buf request);

echo_slot jobs_validate, jobs_submit, jobs_find, jobs_poll, jobs_cancel, jobs_get, jobs_list,
	jobs_remove, jobs_logs, jobs_metrics, jobs_migrate_ref, jobs_outputs, jobs_export;

/* --- predict.c, exercise.c --- */

int32_t DAVIT_CALL predict_infer(davit_instance inst, davit_call call, davit_buf request);
int32_t DAVIT_CALL predict_explain(davit_instance inst, davit_call call, davit_buf request);
int32_t DAVIT_CALL exercise_execute(davit_instance inst, davit_call call, davit_buf request);

#endif
