/*
 * How a process stands, from its records. The order of the looks makes the answer true: what
 * davit-run writes while we look is either seen or changes nothing in the answer.
 */
#include <errno.h>

#include "base/fail.h"
#include "base/json.h"
#include "platform/fs.h"
#include "process/internal.h"

/* started.json with exit.json over it. */
static json_t *ended_state(const struct processes *p, const char *name, json_t *end)
{
	const char *word = json_bool_or(end, "lost", false) ? "lost" : "exited";
	json_t *state = process_read(p, name, RUN_STARTED);

	if (state == NULL)
		state = json_object();
	json_object_del(state, "restarting");
	if (json_object_update(state, end) == 0 &&
		json_object_set_new(state, "state", json_string(word)) == 0)
		return state;
	json_decref(state);
	return NULL;
}

static json_t *word_state(json_t *started, const char *word)
{
	json_t *state = started != NULL ? json_incref(started) : json_object();

	if (json_object_set_new(state, "state", json_string(word)) == 0)
		return state;
	json_decref(state);
	return NULL;
}

/*
 * No exit.json was there. What runs holds the lock; so if the lock is free and there still is
 * no exit.json afterwards, its davit-run died: another one is sent to write what is to be said.
 * Until it did, nothing final is told.
 */
static const char *live_word(
	struct processes *p, const char *name, bool was_started, struct fail *f)
{
	/* It is expected until it holds the lock: asked the other way round, one that takes it
	 * between the two looks would be seen by neither. */
	if (watcher_expects(p->watcher, name) || process_locked(p, name))
		return was_started ? "running" : "starting";
	if (process_has(p, name, RUN_EXIT))
		return "";
	if (!was_started && !process_has(p, name, RUN_STARTED))
		return "prepared";
	return process_spawn(p, name, f) ? "running" : NULL;
}

/* *ret_state is left alone when the process ended meanwhile. */
static bool live_state(struct processes *p, const char *name, json_t **ret_state, struct fail *f)
{
	json_t *started = process_read(p, name, RUN_STARTED);
	const char *word = live_word(p, name, started != NULL, f);
	json_t *state = NULL;

	if (word != NULL && word[0] != '\0') {
		state = word_state(started, word);
		if (state != NULL)
			(void)json_object_set_new(state, "requests",
				json_integer((json_int_t)process_requests(p, name)));
		if (state == NULL)
			word = NULL;
		if (state == NULL)
			fail_errno(f, ENOMEM, "look at process %s", name);
	}
	json_decref(started);
	if (state != NULL)
		*ret_state = state;
	return word != NULL;
}

/*
 * exit.json has its name before davit-run has synced the folder, which it does while it still
 * holds the lock. An end that is told in between could be undone by a power cut.
 */
static bool keep_end(const struct processes *p, const char *name, struct fail *f)
{
	char folder[PATH_MAX];

	return !process_locked(p, name) ||
	       (process_path(p, name, "", folder, f) && fs_sync_dir(folder, f));
}

static bool take_end(
	const struct processes *p, const char *name, json_t **ret_state, struct fail *f)
{
	json_t *end = process_read(p, name, RUN_EXIT);
	json_t *state;

	if (end == NULL)
		return true;
	if (!keep_end(p, name, f)) {
		json_decref(end);
		return false;
	}
	state = ended_state(p, name, end);
	json_decref(end);
	if (state == NULL)
		return fail_errno(f, ENOMEM, "look at process %s", name);
	*ret_state = state;
	return true;
}

bool process_inspect(struct processes *p, const char *name, json_t **ret_state, struct fail *f)
{
	json_t *state = NULL;

	if (!process_need(p, name, f) || !take_end(p, name, &state, f))
		return false;
	if (state == NULL && !live_state(p, name, &state, f))
		return false;
	/* It may have ended between the two looks: the record of it decides. */
	if (!process_has(p, name, RUN_EXIT)) {
		if (state == NULL)
			return fail_set(f, FAIL_NOT_FOUND, "there is no process %s", name);
		*ret_state = state;
		return true;
	}
	json_decref(state);
	state = NULL;
	if (!take_end(p, name, &state, f))
		return false;
	if (state == NULL)
		return fail_set(f, FAIL_UNAVAILABLE, "the end of process %s cannot be read", name);
	*ret_state = state;
	return true;
}
