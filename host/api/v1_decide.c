/* v1_decide - POST /v1/jobs/{id}/decide: what becomes of a submission that the daemon cannot tell
 * about, as somebody says who looked at the other side. */
#include <stdlib.h>
#include <string.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/handlers.h"
#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "http/exchange.h"
#include "jobs/decide.h"
#include "jobs/job.h"
#include "jobs/tracker.h"

#define LOOK_MS 5000 /* for the provider to look at what is adopted */

static const char schema_text[] =
	"{\"type\": \"object\", \"additionalProperties\": false, \"required\": [\"decision\"],"
	" \"properties\": {"
	" \"decision\": {\"type\": \"string\", \"enum\": [\"adopt\", \"resubmit\", \"give_up\"]},"
	" \"remote\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 1024}}}";

struct deciding {
	struct exchange *x;
	struct tracker *tracker;
};

/* Where the job stands once that is known, or after a while. */
static void looked_at(const struct job *job, void *ctx)
{
	struct deciding *d = ctx;

	exchange_reply_json(d->x, 200,
		json_pack("{s:s, s:s?, s:s?}", "id", exchange_arg(d->x), "state",
			job != NULL ? job_state_word(job->state) : NULL, "error",
			job != NULL ? job->error : NULL));
	free(d);
}

static void decided(const struct fail *f, void *ctx)
{
	struct deciding *d = ctx;

	if (f != NULL) {
		answer_fail(d->x, f);
		free(d);
		return;
	}
	tracker_watch(d->tracker, exchange_arg(d->x),
		(JOB_OPEN | JOB_TERMINAL) & ~JOB_BIT(JOB_RECOVERING), LOOK_MS, looked_at, d);
}

static bool read_decision(const json_t *body, struct job_decision *ret, struct fail *f)
{
	static const char *const words[] = {
		[JOB_ADOPT] = "adopt", [JOB_RESUBMIT] = "resubmit", [JOB_GIVE_UP] = "give_up"};
	const char *word = json_text_or(body, "decision", "");

	ret->remote = json_text_or(body, "remote", NULL);
	for (size_t i = 0; i < COUNT(words); i++) {
		if (strcmp(words[i], word) == 0)
			ret->choice = (enum job_choice)i;
	}
	if ((ret->choice == JOB_ADOPT) == (ret->remote != NULL))
		return true;
	return fail_at(f, FAIL_INVALID, "/remote",
		ret->remote == NULL ? "is missing: what is the object called at the other side?"
				    : "goes with the decision 'adopt' only");
}

static void decide(struct app *app, struct exchange *x)
{
	struct deciding *d = malloc(sizeof(*d));
	struct job_decision decision = {0};
	struct fail f = {0};
	json_t *body = answer_body(x, schema_text, &f);

	if (d == NULL) {
		answer_memory(x);
	} else if (body == NULL || !read_decision(body, &decision, &f)) {
		answer_fail(x, &f);
		free(d);
	} else {
		*d = (struct deciding){.x = x, .tracker = app->tracker};
		tracker_decide(app->tracker, exchange_arg(x), &decision, decided, d);
	}
	json_decref(body);
}

void v1_jobs_decide(struct app *app, struct exchange *x)
{
	answer_later(app, x, decide);
}
