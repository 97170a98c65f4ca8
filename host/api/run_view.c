/* run_view - see run_view.h. */
#include "api/run_view.h"

#include <string.h>

#include "api/answer.h"
#include "api/job_view.h"
#include "api/redact.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"
#include "jobs/job.h"

/* Seconds it ran, so far or altogether; null: it has not begun. */
static json_t *seconds_of(const struct job *job)
{
	int64_t until = job->finished_ms != 0 ? job->finished_ms : clock_now_ms();

	if (job->started_ms == 0)
		return json_null();
	return json_real(until > job->started_ms ? (double)(until - job->started_ms) / 1000.0 : 0);
}

/* A copy of value where it is an object, else an empty one. */
static json_t *object_or_empty(const json_t *value)
{
	return json_is_object(value) ? json_deep_copy(value) : json_object();
}

static json_t *id_or_null(const char *id)
{
	return id[0] != '\0' ? json_string(id) : json_null();
}

/* {"name": text}, the last part of what may be a path; null for NULL. */
static json_t *named(const char *text)
{
	const char *slash = text != NULL ? strrchr(text, '/') : NULL;

	if (text == NULL)
		return json_null();
	return json_pack("{s:s}", "name", slash != NULL && slash[1] != '\0' ? slash + 1 : text);
}

/* What the provider says it used, else what the request named. */
static json_t *used(const json_t *object, const json_t *spec, const char *member, const char *asked)
{
	const json_t *said = json_object_get(json_object_get(object, "provider"), member);

	if (json_is_object(said))
		return json_deep_copy(said);
	if (json_object_get(json_object_get(spec, member), "id") != NULL)
		return json_deep_copy(json_object_get(spec, member));
	return named(json_is_string(said) ? json_string_value(said) : asked);
}

/* {"name", "sha256"?}: the folder whose files it ran with; null: none. */
static json_t *folder_of(const json_t *object, const json_t *spec)
{
	const json_t *said = json_object_get(object, "provider");
	const json_t *asked = json_object_get(spec, "folder");
	const char *name = json_text_or(said, "folder", json_text_or(spec, "folder", NULL));

	name = name != NULL ? name : json_text_or(asked, "name", NULL);
	if (name == NULL)
		return json_null();
	return json_pack("{s:s, s:s*}", "name", name, "sha256",
		json_text_or(said, "folder_sha256", json_text_or(asked, "archive", NULL)));
}

static const char *script_of(const json_t *spec)
{
	static const char *const members[] = {"name", "path", "uri", "upload"};
	const json_t *script = json_object_get(spec, "script");

	for (size_t i = 0; i < COUNT(members); i++) {
		const char *text = json_text_or(script, members[i], NULL);

		if (text != NULL)
			return text;
	}
	return json_string_value(script);
}

static const char *command_of(const json_t *object, const json_t *spec)
{
	const char *asked = json_text_or(spec, "command", json_text_or(spec, "entry", NULL));

	return json_text_or(json_object_get(object, "provider"), "command", asked);
}

json_t *run_view(const struct job *job)
{
	json_t *request = answer_stored(job->request);
	json_t *seen = redact(request);
	const json_t *spec = json_object_get(seen, "spec");
	json_t *object = answer_stored(job->result);
	json_t *metrics = answer_stored(job->metrics);
	/* clang-format off */
	json_t *view = json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:s, s:s, s:o, s:o, s:o, s:o,"
				 " s:o, s:o, s:o, s:o, s:o, s:s?, s:s?, s:o, s:o}",
		"id", job->id,
		"name", job->name,
		"project", job->project,
		"provider", job->provider,
		"kind", job->kind,
		"state", job_state_word(job->state),
		"status", job_state_essedum(job->state),
		"created", answer_time(job->created_ms),
		"started", answer_time(job->started_ms),
		"finished", answer_time(job->finished_ms),
		"seconds", seconds_of(job),
		"parameters", object_or_empty(json_object_get(spec, "parameters")),
		"metrics", object_or_empty(metrics),
		"dataset", used(object, spec, "dataset", json_text_or(spec, "dataset", NULL)),
		"script", used(object, spec, "script", script_of(spec)),
		"folder", folder_of(object, spec),
		"command", command_of(object, spec),
		"error", job->error,
		"flow", id_or_null(job->parent),
		"rerun_of", id_or_null(job->rerun_of));
	/* clang-format on */
	json_decref(metrics);
	json_decref(object);
	json_decref(seen);
	json_decref(request);
	return view;
}
