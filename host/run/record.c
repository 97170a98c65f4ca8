/* The two records as JSON. Members that say nothing are left out. */
#include "run/record.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/fail.h"
#include "base/json.h"
#include "platform/fs.h"
#include "run/folder.h"

#define NOT_STARTED 127 /* as shells say it */

static bool set(json_t *obj, const char *name, json_t *v)
{
	return json_object_set_new(obj, name, v) == 0;
}

static bool set_int(json_t *obj, const char *name, int64_t n, bool there)
{
	return !there || set(obj, name, json_integer((json_int_t)n));
}

static bool set_true(json_t *obj, const char *name, bool there)
{
	return !there || set(obj, name, json_true());
}

static bool set_text(json_t *obj, const char *name, const char *text)
{
	return text == NULL || set(obj, name, json_string(text));
}

/* Makes obj durable if it is complete; gives it up. */
static bool write_record(const char *file, json_t *obj, bool complete, struct fail *f)
{
	size_t n = 0;
	char *text = complete ? json_compact(obj, &n) : NULL;
	bool good = text != NULL ? fs_write_durable(file, text, n, f)
	                         : fail_errno(f, ENOMEM, "write %s", file);

	free(text);
	json_decref(obj);
	return good;
}

bool record_started(const struct record_started *r, struct fail *f)
{
	json_t *obj = json_object();
	int status = r->last_status;
	bool good =
		obj != NULL && set_int(obj, "pid", r->pid, r->pid > 0) &&
		set_int(obj, "started_ms", r->started_ms, true) &&
		set_int(obj, "restarts", r->restarts, true) &&
		set_true(obj, "restarting", r->pid == 0) &&
		set_int(obj, "last_exit_code", WEXITSTATUS(status),
			r->ended && WIFEXITED(status)) &&
		set_int(obj, "last_signal", WTERMSIG(status), r->ended && WIFSIGNALED(status)) &&
		set_text(obj, "last_limit", r->last_limit) &&
		set_text(obj, "last_error", r->last_error) &&
		(r->applied == NULL || set(obj, "applied", json_deep_copy(r->applied)));

	return write_record(RUN_STARTED, obj, good, f);
}

static bool set_end(json_t *obj, const struct record_exit *r)
{
	if (!r->ran)
		return set_int(obj, "exit_code", NOT_STARTED, r->error != NULL);
	return set_int(obj, "exit_code", WEXITSTATUS(r->status), WIFEXITED(r->status)) &&
	       set_int(obj, "signal", WTERMSIG(r->status), WIFSIGNALED(r->status));
}

bool record_exit(const struct record_exit *r, struct fail *f)
{
	json_t *obj = json_object();
	bool good = obj != NULL && set_int(obj, "started_ms", r->started_ms, r->started_ms > 0) &&
	            set_int(obj, "finished_ms", r->finished_ms, true) &&
	            set_int(obj, "restarts", r->restarts, r->restarts > 0) && set_end(obj, r) &&
	            set_text(obj, "limit", r->limit) && set_text(obj, "error", r->error) &&
	            set_true(obj, "cancelled", r->cancelled) &&
	            set_true(obj, "interrupted", r->interrupted) &&
	            set_true(obj, "lost", r->lost) &&
	            set_int(obj, "log_lost_bytes", (int64_t)r->log_lost, r->log_lost > 0);

	return write_record(RUN_EXIT, obj, good, f);
}

json_t *record_read_started(void)
{
	char *text;
	json_t *obj;
	size_t n;

	if (!fs_read(RUN_STARTED, RUN_JSON_MAX, &text, &n, NULL))
		return NULL;
	obj = json_parse(text, n, NULL);
	free(text);
	return obj;
}
