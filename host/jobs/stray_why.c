/* stray_why - see stray_why.h. */
#include "jobs/stray_why.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/sha256.h"
#include "jobs/account.h"
#include "jobs/holder.h"
#include "jobs/job.h"
#include "jobs/outcome.h"
#include "jobs/tracker.h"
#include "store/store.h"

enum {
	ADOPTIONS_MAX = 16, /* of one object, that came to nothing */
	ID_TIME = 9         /* characters of an id that say when it was made */
};

/* States in which it is known what a job follows, or that it follows nothing. */
#define JOB_KNOWS (JOB_BIT(JOB_RUNNING) | JOB_TERMINAL)

/* --- what a job calls its object --- */

/* As its provider said it at one time or another. */
struct names {
	const char *remote;
	json_t *result; /* the last neutral object */
	json_t *ref;
};

static json_t *parsed(const char *text)
{
	struct fail ignored;

	return text != NULL ? json_parse(text, strlen(text), &ignored) : NULL;
}

static void names_of(const struct job *job, struct names *ret)
{
	*ret = (struct names){.remote = job->remote_name,
		.result = parsed(job->result),
		.ref = parsed(job->remote_ref)};
}

static void names_finish(struct names *names)
{
	json_decref(names->result);
	json_decref(names->ref);
}

static bool is_text(const json_t *v, const char *text)
{
	return json_is_string(v) && strcmp(json_string_value(v), text) == 0;
}

static bool names_object(const struct names *names, const char *object)
{
	const char *member;
	json_t *v;

	json_object_foreach(names->ref, member, v)
	{
		if (is_text(v, object))
			return true;
	}
	return (names->remote != NULL && strcmp(names->remote, object) == 0) ||
	       is_text(json_object_get(names->result, "id"), object) ||
	       is_text(json_object_get(names->result, "resource"), object);
}

/* What has only a ref that says nothing may be anything. */
static bool names_some(const struct names *names)
{
	return names->remote != NULL || json_is_string(json_object_get(names->result, "id")) ||
	       json_is_string(json_object_get(names->result, "resource"));
}

static bool names_nothing(const struct names *names)
{
	return !names_some(names) && json_object_size(names->ref) == 0;
}

static bool names_one_of(const struct names *names, const json_t *items)
{
	const json_t *item;
	size_t i;

	json_array_foreach(items, i, item)
	{
		const char *id = json_text_or(item, "id", NULL);

		if (id != NULL && names_object(names, id))
			return true;
	}
	return false;
}

/* --- by the job of its submission --- */

/* Did the job end though its object did not, as a list says that was read later? */
static bool left(const struct stray *stray, const struct job *job, const struct names *names)
{
	bool runs = strcmp(stray->state, "RUNNING") == 0 || strcmp(stray->state, "PENDING") == 0;

	return runs && job->finished_ms <= stray->seen_ms && outcome_left(job) &&
	       names_object(names, stray->object);
}

/* The name of an object that is being made may be another one than that of the object: of two,
 * both stand in the list. */
static enum stray_why why_beside(
	const struct job *job, const struct names *names, const json_t *items)
{
	bool ended = (JOB_BIT(job->state) & JOB_TERMINAL) != 0;

	return ended || items == NULL || names_one_of(names, items) ? STRAY_SECOND : STRAY_NOT;
}

static enum stray_why why_by_job(
	const struct stray *stray, const struct job *job, const json_t *items)
{
	bool in_vain = job->state == JOB_FAILED || job->state == JOB_CANCELLED;
	bool alike = strcmp(job->interface, stray->interface) == 0; /* or maybe a part of it */
	enum stray_why why = STRAY_NOT;
	struct names names;

	if (!(JOB_BIT(job->state) & JOB_KNOWS))
		return STRAY_NOT;
	names_of(job, &names);
	if (in_vain && (names_nothing(&names) || left(stray, job, &names)))
		why = STRAY_ENDED;
	else if (alike && names_some(&names) && !names_object(&names, stray->object))
		why = why_beside(job, &names, items);
	names_finish(&names);
	return why;
}

static void note_job(struct stray *stray, const struct job *job)
{
	memcpy(stray->job, job->id, sizeof(stray->job));
	stray->job_state = job->state;
}

/* Nearly all jobs have the id of their submission. */
static bool job_of_submission(
	struct store *s, const char *submission, struct job *ret_job, struct fail *f)
{
	if (store_job(s, submission, ret_job, f))
		return true;
	return f->code == FAIL_NOT_FOUND && store_job_by_submission(s, submission, ret_job, f);
}

/* The same without reading all of a job that needs no look. */
static bool is_on_its_way(struct store *s, struct stray *stray)
{
	struct job_status status;
	struct fail ignored;

	if (!store_job_status(s, stray->submission, &status, &ignored) ||
		(JOB_BIT(status.state) & JOB_KNOWS) != 0)
		return false;
	memcpy(stray->job, stray->submission, sizeof(stray->job));
	stray->job_state = status.state;
	return true;
}

/* --- by another job, which adopted it --- */

/* The id of the nth job that an object gets whose own job does not follow it. */
static void adopter_id(const struct stray *stray, unsigned n, char id[ID_SIZE])
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint8_t digest[SHA256_BYTES];
	struct buf text;

	buf_init(&text, SIZE_MAX);
	buf_printf(&text, "%u\n%s\n%s\n%s\n%s", n, stray->submission, stray->provider,
		stray->interface, stray->object);
	sha256_of(text.p, text.n, digest);
	buf_finish(&text);
	memcpy(id, stray->submission, ID_SIZE);
	for (size_t i = ID_TIME; i < ID_LENGTH; i++)
		id[i] = digits[digest[i] & 31];
}

/* A job that was to adopt it and ended without having found it follows nothing, nor does one that
 * ended before it. */
static bool follows(const struct stray *stray, const struct job *job)
{
	struct names names;
	bool none;

	if ((JOB_BIT(job->state) & JOB_OPEN) != 0 || job->state == JOB_SUCCEEDED)
		return true;
	names_of(job, &names);
	none = job->remote_name == NULL || left(stray, job, &names);
	names_finish(&names);
	return !none;
}

/* The first id that no job has; or that of the job that follows it, with *ret_follows. */
static bool find_adopter(const struct tracker_options *o, const struct stray *stray,
	char id[ID_SIZE], struct job *ret_job, bool *ret_follows, struct fail *f)
{
	*ret_follows = false;
	for (unsigned n = 0; n < ADOPTIONS_MAX; n++) {
		adopter_id(stray, n, id);
		f->code = FAIL_NONE;
		if (!store_job(o->store, id, ret_job, f))
			return f->code == FAIL_NOT_FOUND;
		*ret_follows =
			follows(stray, ret_job) && account_same(o, ret_job, stray->connection);
		if (*ret_follows)
			return true;
		job_finish(ret_job);
	}
	return fail_set(f, FAIL_CONFLICT,
		"'%.100s' was adopted %d times, and never found: look at the cloud", stray->object,
		ADOPTIONS_MAX);
}

/* False: the store. */
static bool look_for_adopter(const struct tracker_options *o, struct stray *stray, struct fail *f)
{
	const struct job_remote remote = {
		.provider = stray->provider, .name = stray->object, .interface = stray->interface};
	struct job job = {0};
	char id[ID_SIZE];
	bool taken, told;

	told = find_adopter(o, stray, id, &job, &taken, f) || f->code == FAIL_CONFLICT;
	if (told && !taken) {
		f->code = FAIL_NONE;
		taken = holder_find(o, &remote, stray->connection, &job, f) && follows(stray, &job);
		told = f->code == FAIL_NONE || f->code == FAIL_NOT_FOUND;
	}
	if (told && taken) {
		stray->why = STRAY_NOT;
		note_job(stray, &job);
	}
	job_finish(&job);
	return told;
}

/* --- both --- */

bool stray_judge(
	const struct tracker_options *o, struct stray *stray, const json_t *items, struct fail *f)
{
	struct store *s = o->store;
	struct job job = {0};

	stray->why = STRAY_NOT;
	stray->job[0] = '\0';
	f->code = FAIL_NONE;
	if (is_on_its_way(s, stray))
		return true;
	if (!job_of_submission(s, stray->submission, &job, f)) {
		stray->why = STRAY_LOST;
		return f->code == FAIL_NOT_FOUND;
	}
	f->code = FAIL_NONE;
	note_job(stray, &job);
	stray->why = why_by_job(stray, &job, items);
	job_finish(&job);
	return stray->why == STRAY_NOT || look_for_adopter(o, stray, f);
}

bool stray_adopter(const struct tracker_options *o, const struct stray *stray, char ret_id[ID_SIZE],
	struct fail *f)
{
	struct job job = {0};
	bool taken;

	memcpy(ret_id, stray->submission, ID_SIZE);
	if (stray->why == STRAY_LOST)
		return true;
	if (!find_adopter(o, stray, ret_id, &job, &taken, f))
		return false;
	job_finish(&job);
	return !taken ||
	       fail_set(f, FAIL_CONFLICT, "'%.100s' is no stray any more: job %s follows it",
		       stray->object, ret_id);
}

const char *stray_why_word(enum stray_why why)
{
	static const char *const words[] = {
		[STRAY_NOT] = "",
		[STRAY_LOST] = "no_job",
		[STRAY_ENDED] = "job_ended",
		[STRAY_SECOND] = "second",
	};

	return words[why];
}

const char *stray_why_text(const struct stray *stray, char text[STRAY_TEXT_SIZE])
{
	if (stray->why == STRAY_LOST)
		(void)snprintf(text, STRAY_TEXT_SIZE, "no job here has its submission");
	else if (stray->why == STRAY_ENDED)
		(void)snprintf(text, STRAY_TEXT_SIZE,
			"its job %s ended as %s, and does not follow it", stray->job,
			job_state_word(stray->job_state));
	else
		(void)snprintf(
			text, STRAY_TEXT_SIZE, "its job %s follows another object", stray->job);
	return text;
}
