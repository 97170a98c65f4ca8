/*
 * function - code that a caller sends, run at once in a process of its own: its values go there
 * as a file, its answer comes back as one, and nothing of it is left afterwards.
 *
 * Before the process starts its name is written down (kv "function/NAME"), so that what a crash
 * leaves behind is found and cleared away by the next daemon.
 */
#include "function.h"

#include <string.h>

#include "child.h"
#include "drivers.h"
#include "environments.h"

#define MARK "function/"

enum {
	RUNNING_MAX = 32, /* at once */
	CALL_BYTES_MAX = 4 * 1024 * 1024,
	FIRST_PAUSE_MS = 2,
	LAST_PAUSE_MS = 50,
	BUILD_PAUSE_MS = 200,
	RETRY_AFTER_MS = 1000,
	RANDOM_BYTES = 10
};

/* Of the call's time, kept for stopping and clearing away. */
#define ENDING_MS ((int64_t)2000)

/* --- what is running --- */

static int64_t mono_ms(const struct local_call *c)
{
	return c->sdk.host->core->mono_ms(c->sdk.call);
}

/* A function on its way. */
struct function {
	const char *process;
	const char *environment; /* its digest; NULL: none */
};

static int32_t put_mark(struct local_call *c, const struct function *f, int64_t until_ms)
{
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_int(&w, "v", 1);
	davit_sdk_put_int(&w, "until_ms", until_ms);
	davit_sdk_put_text(&w, "environment", f->environment);
	davit_sdk_close_object(&w);
	return davit_sdk_kv_put(&c->sdk, local_text(c, MARK "%s", f->process), &w);
}

/* Who waits for a process to end. */
enum patience {
	FOR_THE_CALLER, /* while the caller waits for it */
	FOR_THE_END     /* whoever waits; a daemon that is about to end does not */
};

/* false: the wait is over before until (mono_ms()), and code is why. */
static bool pause_for(
	struct local_call *c, int64_t ms, int64_t until, enum patience patience, int32_t *ret_code)
{
	int64_t before = mono_ms(c);

	*ret_code = DAVIT_OK;
	if (before >= until)
		return false;
	*ret_code = c->sdk.host->core->sleep_ms(c->sdk.call, ms);
	return *ret_code == DAVIT_OK ||
	       (patience == FOR_THE_END && *ret_code == DAVIT_CANCELLED && mono_ms(c) > before);
}

/* Waits until the process has ended, or for until (mono_ms()). false: it has not, or the call
 * failed. */
static bool await_end(struct local_call *c, const char *process, int64_t until,
	enum patience patience, struct child *ret_child)
{
	int64_t pause = FIRST_PAUSE_MS;
	int32_t code;

	while (child_inspect(c, process, ret_child)) {
		if (ret_child->ended || !ret_child->known)
			return true;
		if (!pause_for(c, pause, until, patience, &code)) {
			(void)local_check(c, code);
			return false;
		}
		pause = pause * 2 < LAST_PAUSE_MS ? pause * 2 : LAST_PAUSE_MS;
	}
	return false;
}

/* Stops and deletes a process, lets go of its environment, and deletes its mark. Where it does
 * not end in time the mark stays, due at once for the next sweep. */
static void clear(struct local_call *caller, const struct function *f, int64_t until)
{
	struct local_call c;
	struct child child;
	int32_t code;

	if (local_again(&c, caller) != DAVIT_OK || !child_inspect(&c, f->process, &child))
		return;
	if (child.known && !child.ended && child_stop(&c, f->process) == DAVIT_OK)
		(void)await_end(&c, f->process, until, FOR_THE_END, &child);
	code = c.sdk.host->process->remove(c.sdk.call, davit_sdk_buf(f->process));
	if (local_again(&c, caller) != DAVIT_OK ||
		environment_leave(&c, f->environment, f->process, false) != DAVIT_OK)
		return;
	if (code == DAVIT_OK || code == DAVIT_NOT_FOUND)
		(void)davit_sdk_kv_del(&c.sdk, local_text(&c, MARK "%s", f->process));
	else
		(void)put_mark(&c, f, 0);
}

/* Clears away what nobody waits for any more: all: nobody waits at all. Returns how many run. */
static int64_t sweep(struct local_call *caller, bool all)
{
	struct davit_sdk_kv_scan scan = {.prefix = MARK};
	struct local_call c;
	int64_t running = 0;

	if (local_again(&c, caller) != DAVIT_OK)
		return 0;
	while (davit_sdk_kv_next(&c.sdk, &scan)) {
		const struct function f = {scan.key + strlen(MARK),
			davit_sdk_text_at(scan.value, "/environment", NULL)};
		int64_t until = davit_sdk_int_at(scan.value, "/until_ms", 0);

		if (all || until < c.sdk.host->core->now_ms(c.sdk.call))
			clear(&c, &f, mono_ms(&c) + ENDING_MS);
		else
			running++;
	}
	return running;
}

void function_recover(struct local_call *c)
{
	(void)sweep(c, true);
}

/* --- starting --- */

static const char *new_name(struct local_call *c)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[RANDOM_BYTES];
	char *name = local_alloc(c, sizeof("function-") + 2 * sizeof(bytes));

	if (name == NULL || local_check(c, c->sdk.host->core->random(
						   c->sdk.call, bytes, sizeof(bytes))) != DAVIT_OK)
		return NULL;
	memcpy(name, "function-", sizeof("function-") - 1);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		name[sizeof("function-") - 1 + 2 * i] = digits[bytes[i] >> 4];
		name[sizeof("function-") + 2 * i] = digits[bytes[i] & 15];
	}
	return name;
}

/* The file the driver reads; p is NULL if the call failed. */
static davit_buf call_text(struct local_call *c)
{
	static const char *const members[] = {"imports", "script", "connection_details", "body"};
	struct davit_sdk_writer w;
	davit_buf text;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	for (size_t i = 0; i < LOCAL_COUNT(members); i++)
		davit_sdk_put_json(&w, members[i], davit_sdk_member(c->sdk.request, members[i]));
	davit_sdk_close_object(&w);
	text = davit_sdk_write_end(&w);
	if (text.p != NULL && text.n <= CALL_BYTES_MAX)
		return text;
	(void)davit_sdk_fail(&c->sdk, DAVIT_INVALID,
		"the script, the connection details and the body have more than %d bytes together",
		CALL_BYTES_MAX);
	return (davit_buf){NULL, 0};
}

/* The process ends by itself where the daemon does not live to stop it. */
static const struct davit_sdk_json *own_limits(struct local_call *c, int64_t wait_ms)
{
	long long seconds = (wait_ms + ENDING_MS) / 1000 + 1;
	const char *text = local_text(c, "{\"wall_seconds\":%lld}", seconds);

	return davit_sdk_parse(&c->sdk.mem, davit_sdk_buf(text), NULL);
}

static davit_buf spec_of(
	struct local_call *c, davit_buf call, const char *environment, int64_t wait_ms)
{
	static const char *const argv[] = {
		"python3", "../call/driver.py", "../call/call.json", "../outputs"};
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_open_array(&w, "argv");
	for (size_t i = 0; i < LOCAL_COUNT(argv); i++)
		davit_sdk_put_text(&w, NULL, argv[i]);
	davit_sdk_close_array(&w);
	child_put_environment(c, &w, NULL, NULL, 0);
	davit_sdk_open_array(&w, "inputs");
	child_put_input(&w, "text", function_driver, "call/driver.py");
	child_put_input(&w, "text", call.p, "call/call.json");
	davit_sdk_close_array(&w);
	child_put_common(c, &w, own_limits(c, wait_ms), false);
	environment_put_prefix(&w, environment);
	davit_sdk_close_object(&w);
	return davit_sdk_write_end(&w);
}

static int32_t start(struct local_call *c, const struct function *f, int64_t wait_ms)
{
	davit_buf call = call_text(c);
	davit_buf spec = {NULL, 0};

	if (call.p == NULL)
		return c->sdk.code;
	spec = spec_of(c, call, f->environment, wait_ms);
	if (spec.p == NULL)
		return davit_sdk_fail(&c->sdk, DAVIT_INTERNAL, "no memory left for the process");
	return local_check(
		c, c->sdk.host->process->start(c->sdk.call, davit_sdk_buf(f->process), spec));
}

/* It may be asked for again. */
static int32_t fail_for_now(struct local_call *c, int32_t code, const char *text)
{
	struct davit_sdk_writer detail;

	davit_sdk_write_begin(&detail, &c->sdk.mem);
	davit_sdk_open_object(&detail, NULL);
	davit_sdk_put_int(&detail, "retry_after_ms", RETRY_AFTER_MS);
	davit_sdk_close_object(&detail);
	return davit_sdk_fail_with(&c->sdk, code, &detail, "%s", text);
}

/* --- packages --- */

/* What became of a build that was waited for. */
static int32_t built(struct local_call *c, const struct environment *environment)
{
	if (environment->state == ENVIRONMENT_FAILED)
		return davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, "/requirements",
			"the packages could not be installed: %s", environment->text);
	if (environment->state == ENVIRONMENT_PENDING)
		return fail_for_now(c, DAVIT_RETRY,
			"the function's packages are still being installed; try again");
	return c->sdk.code;
}

/* Waits until the packages are there that the function needs. A build that takes longer than
 * the call goes on, for the next try. Returns sdk.code. */
static int32_t await_packages(struct local_call *c, const struct function *f,
	struct environment *environment, int64_t until)
{
	while (environment->state == ENVIRONMENT_PENDING && mono_ms(c) < until) {
		if (local_check(c, c->sdk.host->core->sleep_ms(c->sdk.call, BUILD_PAUSE_MS)) !=
				DAVIT_OK ||
			!environment_ask(c, f->environment, environment))
			return c->sdk.code;
	}
	if (environment_leave(c, f->environment, f->process, false) != DAVIT_OK)
		return c->sdk.code;
	return built(c, environment);
}

/* The mark stands before anything waits or runs. Returns sdk.code. */
static int32_t prepare(struct local_call *c, struct function *f, int64_t wait_ms)
{
	const struct environment_user user = {f->process, "function"};
	int64_t until = mono_ms(c) + wait_ms;
	struct environment environment;

	if (!environment_need(c, davit_sdk_member(c->sdk.request, "requirements"), "/requirements",
		    &user, &environment))
		return c->sdk.code;
	f->environment = environment.digest;
	if (put_mark(c, f, c->sdk.host->core->now_ms(c->sdk.call) + wait_ms + 2 * ENDING_MS) !=
		DAVIT_OK)
		return c->sdk.code;
	return await_packages(c, f, &environment, until);
}

/* --- running --- */

/* It has not ended in time, or the call was told to end before. */
static int32_t too_late(struct local_call *c, int64_t wait_ms)
{
	if (c->sdk.code != DAVIT_OK)
		return c->sdk.code;
	return davit_sdk_fail(&c->sdk, DAVIT_DEADLINE,
		"the function did not end within %lld s and was stopped; "
		"jobs.call_timeout_seconds says how long the site lets it run",
		(long long)(wait_ms + 999) / 1000);
}

static int32_t run(struct local_call *c, struct function *f, int64_t wait_ms)
{
	int64_t until = mono_ms(c) + wait_ms;
	struct child child;

	if (prepare(c, f, wait_ms) != DAVIT_OK || start(c, f, until - mono_ms(c)) != DAVIT_OK)
		return c->sdk.code;
	if (!await_end(c, f->process, until, FOR_THE_CALLER, &child))
		return too_late(c, wait_ms);
	return function_reply(c, f->process, &child);
}

/* How long the function may take. */
static int64_t time_left(const struct local_call *c)
{
	int64_t left = c->sdk.host->core->deadline_ms(c->sdk.call) - mono_ms(c);

	return left > 2 * ENDING_MS ? left - ENDING_MS : left / 2;
}

static int32_t check(struct local_call *c)
{
	(void)davit_sdk_need_text(&c->sdk, c->sdk.request, "/script");
	if (c->sdk.code == DAVIT_OK && sweep(c, false) >= RUNNING_MAX)
		return fail_for_now(c, DAVIT_THROTTLED,
			local_text(c, "%d functions are running already; try again", RUNNING_MAX));
	return c->sdk.code;
}

LOCAL_SLOT(functions_execute)
{
	struct local_call c;
	struct function f = {NULL, NULL};
	int32_t code;

	if (local_begin(&c, inst, call, request) != DAVIT_OK || check(&c) != DAVIT_OK)
		return c.sdk.code;
	f.process = new_name(&c);
	if (f.process == NULL)
		return c.sdk.code;
	code = run(&c, &f, time_left(&c));
	clear(&c, &f, mono_ms(&c) + ENDING_MS);
	return code;
}
