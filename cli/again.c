/* again - see again.h. */
#include "again.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/id.h"
#include "cli.h"
#include "http.h"
#include "wait.h"

#define PAUSE_MS   500
#define BROKEN_MAX 30 /* times that nobody answered */
#define WORKED_MAX 60 /* times that the first one was still being worked on */

/* Those of the daemon's routes whose description has the header; a test compares them. */
static const char *const making[] = {
	"/execute",
	"/v1/jobs/*/rerun",
	"/v1/strays/*/adopt",
	SERVICE "/datasets",
	SERVICE "/endpoints/register",
	SERVICE "/endpoints/*/deploy_model",
	SERVICE "/endpoints/*/undeploy_models",
	SERVICE "/models/register",
	SERVICE "/pipelines/inference",
	SERVICE "/pipelines/inference/",
	SERVICE "/pipelines/training",
	SERVICE "/pipelines/training/automl",
	SERVICE "/pipelines/training/custom_script",
	SERVICE "/pipelines/training/train",
};

bool again_makes(const char *path)
{
	char plain[2048];
	size_t n = strcspn(path, "?");

	if (n >= sizeof(plain))
		return false;
	memcpy(plain, path, n);
	plain[n] = '\0';
	for (size_t i = 0; i < COUNT(making); i++) {
		if (fnmatch(making[i], plain, FNM_PATHNAME) == 0)
			return true;
	}
	return false;
}

/* Can the request be sent once more as it was? */
static bool rewinds(const struct http_request *request, long start)
{
	return request->form == NULL || (start >= 0 && fseek(request->form, start, SEEK_SET) == 0);
}

/* What became of one try. */
struct tries {
	bool broke; /* at least once: the daemon may have got it */
	int broken;
	int worked;
};

/* Is it worth another one? Then waits for its time. */
static bool goes_on(struct tries *t, const struct http_answer *answer, bool answered)
{
	bool works = answered && answer->status == 409 && answer->retry_after_s >= 0;
	bool away = !answered || answer->status == 503;

	t->broke |= answer->broke;
	if (!t->broke || http_interrupted)
		return false;
	if (works && t->worked++ < WORKED_MAX)
		wait_ms(answer->retry_after_s > 0 ? answer->retry_after_s * 1000 : PAUSE_MS);
	else if (away && t->broken++ < BROKEN_MAX)
		wait_ms(PAUSE_MS);
	else
		return false;
	return !http_interrupted;
}

bool again_ask(struct http *h, const struct http_request *request, struct http_answer *answer,
	struct fail *f)
{
	struct http_request named = *request;
	long start = request->form != NULL ? ftell(request->form) : 0;
	struct tries tries = {0};
	char key[ID_SIZE];
	bool ok;

	if (strcmp(request->method, "POST") == 0 && again_makes(request->path)) {
		id_make(key);
		named.key = key;
	}
	ok = http_ask(h, &named, answer, f);
	while (named.key != NULL && goes_on(&tries, answer, ok) && rewinds(request, start)) {
		http_answer_finish(answer);
		ok = http_ask(h, &named, answer, f);
	}
	return ok;
}
