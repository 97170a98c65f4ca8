/* wait - see wait.h. */
#include "wait.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "cli.h"
#include "http.h"
#include "print.h"
#include "progress.h"

enum {
	FIRST_PAUSE_MS = 50,
	LAST_PAUSE_MS = 1000,
	RESUME_MS = 500,
	RESUMES_MAX = 20
};

void wait_ms(long ms)
{
	const struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};

	if (!http_interrupted)
		(void)nanosleep(&pause, NULL); /* a signal ends it */
}

static bool state_is(const json_t *job, const char *word)
{
	return strcmp(json_text_or(job, "state", ""), word) == 0;
}

bool wait_succeeded(const json_t *job)
{
	return state_is(job, "succeeded");
}

bool wait_ended(const json_t *job)
{
	return wait_succeeded(job) || state_is(job, "failed") || state_is(job, "cancelled");
}

/* Does it go on only when somebody says how? */
static bool needs_decision(const json_t *job)
{
	return state_is(job, "needs_decision");
}

/* --- reasons --- */

static void print_decision(const json_t *job)
{
	print_pair(stdout, "unclear", json_text_or(job, "error", ""));
	print_pairf(stdout, "decide", "davit decide %s --adopt REMOTE | --resubmit | --give-up",
		json_text_or(job, "id", "JOB"));
}

static void print_last_lines(const json_t *reason)
{
	const json_t *lines = json_object_get(reason, "lines");
	const json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		if (json_is_string(line))
			print_lines(stdout, "    ", json_string_value(line));
	}
}

static void print_waiting(const json_t *waiting)
{
	const json_t *position = json_object_get(waiting, "position");
	const json_t *ahead = json_object_get(waiting, "ahead");

	print_pair(stdout, "waits",
		json_text_or(waiting, "text", json_text_or(waiting, "because", "")));
	if (json_is_integer(position) && json_is_integer(ahead))
		print_pairf(stdout, "position",
			"%lld in its project's queue, %lld jobs start before it",
			(long long)json_integer_value(position),
			(long long)json_integer_value(ahead));
}

void wait_print_reason(const json_t *job)
{
	const char *error = json_text_or(job, "error", NULL);
	const json_t *reason = json_object_get(job, "reason");
	const json_t *waiting = json_object_get(job, "waiting");

	if (reason == NULL)
		reason = json_at(job, "/result/reason");
	if (error != NULL && wait_ended(job)) {
		print_pair(stdout, state_is(job, "failed") ? "failed" : "error", error);
		print_last_lines(reason);
	}
	if (needs_decision(job))
		print_decision(job);
	if (json_is_object(waiting))
		print_waiting(waiting);
}

/* --- progress --- */

struct showing {
	char last[256];
};

static void compose(const json_t *job, char *line, size_t size)
{
	const json_t *progress = json_object_get(job, "progress");
	const char *text = json_text_or(progress, "text", "");
	const char *waits = json_text_or(json_object_get(job, "waiting"), "text", "");

	(void)snprintf(line, size, "%s%s%s", json_text_or(job, "state", "?"),
		text[0] != '\0' || waits[0] != '\0' ? ": " : "", text[0] != '\0' ? text : waits);
}

/* On a terminal one line that changes, else a line per change. */
static void show(struct cli *c, struct showing *s, const json_t *job)
{
	char line[sizeof(s->last)];

	compose(job, line, sizeof(line));
	print_tame(line);
	if (strcmp(line, s->last) == 0)
		return;
	memcpy(s->last, line, sizeof(line));
	if (c->progress)
		progress_show("%s", line);
	else
		(void)fprintf(stderr, "%s\n", line);
}

static void tell_it_runs_on(struct cli *c, const char *id)
{
	(void)fprintf(stderr,
		"interrupted: job %s runs on; 'davit jobs %s' shows it, 'davit cancel %s' ends it\n",
		id, id, id);
	c->code = EXIT_INTERRUPTED;
}

/* Was the daemon away, and is it worth asking again after a while? Sleeps that while. */
static bool may_resume(struct cli *c, int *failures)
{
	bool lost = c->lost;

	c->lost = false;
	if (!lost || !c->patient || http_interrupted)
		return false;
	(*failures)++;
	wait_ms(RESUME_MS);
	return true;
}

/* The job as it is now, also where the daemon is started anew meanwhile; NULL: told. */
static json_t *job_now(struct cli *c, const char *id)
{
	int failures = 0;
	json_t *job;

	do {
		c->patient = failures < RESUMES_MAX;
		job = cli_get(c, "/v1/jobs/%s", id);
	} while (job == NULL && may_resume(c, &failures));
	c->patient = false;
	return job;
}

json_t *wait_for_job(struct cli *c, const char *id)
{
	struct showing s = {.last = ""};
	long pause = FIRST_PAUSE_MS;
	json_t *job = NULL;

	while (!http_interrupted && (job = job_now(c, id)) != NULL && !wait_ended(job) &&
		!needs_decision(job)) {
		show(c, &s, job);
		json_decref(job);
		job = NULL;
		wait_ms(pause);
		pause = pause * 2 < LAST_PAUSE_MS ? pause * 2 : LAST_PAUSE_MS;
	}
	progress_hide();
	if (job == NULL && http_interrupted)
		tell_it_runs_on(c, id);
	return job;
}

/* --- logs --- */

struct copying {
	FILE *out;
	uint64_t bytes; /* from the start of the log */
};

static bool copy(void *ctx, const char *bytes, size_t n)
{
	struct copying *copying = ctx;

	copying->bytes += n;
	return fwrite(bytes, 1, n, copying->out) == n && fflush(copying->out) == 0;
}

static bool stream_log(struct cli *c, const char *id, bool follow, struct copying *copying)
{
	struct http_request request = {.method = "GET", .sink = copy, .ctx = copying};
	char offset[32];
	struct buf path;
	bool ok;

	(void)snprintf(offset, sizeof(offset), "%" PRIu64, copying->bytes);
	buf_init(&path, PATH_LIMIT);
	http_path(&path, "/v1/jobs/%s/log", &id);
	http_query(&path, "follow", follow ? "true" : NULL);
	http_query(&path, "offset", copying->bytes > 0 ? offset : NULL);
	request.path = path.p;
	ok = cli_stream(c, &request);
	request.ctx = NULL;
	buf_finish(&path);
	return ok;
}

/* A log that is followed goes on behind what came where the daemon was started anew. */
bool wait_log(struct cli *c, const char *id, bool follow, bool to_stderr)
{
	struct copying copying = {to_stderr ? stderr : stdout, 0};
	uint64_t before = 0;
	int failures = 0;
	bool ok;

	do {
		failures = copying.bytes > before ? 0 : failures;
		before = copying.bytes;
		c->patient = follow && failures < RESUMES_MAX;
		ok = stream_log(c, id, follow, &copying);
	} while (!ok && may_resume(c, &failures));
	c->patient = false;
	return ok;
}

json_t *wait_following(struct cli *c, const char *id)
{
	if (wait_log(c, id, true, c->json))
		return wait_for_job(c, id);
	if (http_interrupted)
		tell_it_runs_on(c, id);
	return NULL;
}

/* --- the end --- */

static void print_metrics(const json_t *job)
{
	const json_t *metrics = json_at(job, "/result/metrics");
	const char *name;
	json_t *value;

	if (metrics == NULL)
		metrics = json_at(job, "/progress/metrics");
	json_object_foreach((json_t *)metrics, name, value)
	{
		char text[PRINT_SIZE];

		print_pair(stdout, name, print_value(value, text));
	}
}

int wait_result(struct cli *c, json_t *job)
{
	bool good;

	if (job == NULL)
		return c->code;
	good = wait_succeeded(job);
	if (c->json) {
		(void)cli_json(job);
		return good ? EXIT_DONE : EXIT_NEGATIVE;
	}
	if (good)
		print_metrics(job);
	wait_print_reason(job);
	(void)printf("job %s %s\n", json_text_or(job, "id", ""), json_text_or(job, "state", ""));
	json_decref(job);
	return good ? EXIT_DONE : EXIT_NEGATIVE;
}

int wait_as_asked(struct cli *c, const char *id, const char *what)
{
	if (args_has(&c->args, "follow"))
		return wait_result(c, wait_following(c, id));
	if (args_has(&c->args, "wait"))
		return wait_result(c, wait_for_job(c, id));
	if (c->json) {
		json_t *job = cli_get(c, "/v1/jobs/%s", id);

		return job != NULL ? cli_json(job) : c->code;
	}
	(void)printf("%s is job %s\n", what, id);
	return EXIT_DONE;
}
