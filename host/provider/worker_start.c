/* From a file to a worker that said what it has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/killpoint.h"
#include "base/log.h"
#include "config/config.h"
#include "platform/sandbox.h"
#include "platform/spawn.h"
#include "provider/internal.h"
#include "provider/worker_internal.h"

#define VARIABLE_SIZE 512
#define SIGNALS_LEFT  "handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0:handle_abort=0"

/* Nothing of ours is a worker's business. A test's sanitizer must know what to do, and leave the
 * signals alone, so that a crash is told as what it is. */
static const char *const *environment(void)
{
#ifdef DAVIT_TESTING
	static const char *const names[] = {
		"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"};
	static _Thread_local char texts[COUNT(names)][VARIABLE_SIZE];
	static _Thread_local const char *some[COUNT(names) + 1];

	for (size_t i = 0; i < COUNT(names); i++) {
		const char *value = getenv(names[i]); /* NOLINT(concurrency-mt-unsafe) */
		int n = snprintf(texts[i], VARIABLE_SIZE, "%s=%s%s" SIGNALS_LEFT, names[i],
			value != NULL ? value : "", value != NULL ? ":" : "");

		some[i] = n < VARIABLE_SIZE ? texts[i] : "";
	}
	return some;
#else
	static const char *const none[] = {NULL};

	return none;
#endif
}

static bool spawn(struct worker *w, int socket, struct fail *f)
{
	const struct worker_home *home = w->home;
	char memory[24];
	const char *const argv[] = {
		home->p->all->host.config->worker_program, home->path, memory, NULL};

	(void)snprintf(memory, sizeof(memory), "%lld", (long long)home->p->config->max_memory);
	return worker_watch_spawn(home->p->all->watch, argv, environment(), socket, &w->pid, f);
}

/* The worker's word on why it cannot. */
static bool refused(struct frame_in *in, struct fail *f)
{
	size_t n = in->head.length < FRAME_TEXT_MAX ? in->head.length : FRAME_TEXT_MAX;

	return fail_set(f, FAIL_INVALID, "%.*s", (int)n, frame_payload(in));
}

static bool read_hello(struct frame_in *in, struct frame_hello *ret_hello, struct fail *f)
{
	if (in->head.kind == FRAME_REFUSED)
		return refused(in, f);
	if (in->head.kind != FRAME_HELLO || in->head.length != sizeof(*ret_hello))
		return fail_set(f, FAIL_INTERNAL, "it did not greet");
	memcpy(ret_hello, frame_payload(in), sizeof(*ret_hello));
	if (ret_hello->magic == FRAME_MAGIC && ret_hello->version_min <= FRAME_VERSION_MAX &&
		ret_hello->version_max >= FRAME_VERSION_MIN)
		return true;
	return fail_set(f, FAIL_INTERNAL,
		"davit-worker is of another release (protocol %u to %u; %u to %u are spoken here): "
		"restart the daemon",
		ret_hello->version_min, ret_hello->version_max, FRAME_VERSION_MIN,
		FRAME_VERSION_MAX);
}

/* Is what it says of its sandbox enough for this site? */
static bool read_level(struct worker *w, struct frame_in *in, struct fail *f)
{
	const char *least = w->home->p->all->host.config->min_sandbox;
	enum sandbox_got got = SANDBOX_NONE, wanted = SANDBOX_NONE;
	json_t *level;

	if (in->head.kind == FRAME_REFUSED)
		return refused(in, f);
	if (in->head.kind != FRAME_SANDBOX)
		return fail_set(f, FAIL_INTERNAL, "it did not greet");
	level = json_parse(frame_payload(in), in->head.length, f);
	if (level == NULL)
		return false;
	(void)sandbox_read_word(json_text_or(level, "level", ""), &got);
	(void)sandbox_read_word(least != NULL ? least : "none", &wanted);
	json_decref(w->sandbox);
	w->sandbox = level;
	return got >= wanted ||
	       fail_set(f, FAIL_INVALID,
		       "its sandbox is '%s' here, and min_sandbox asks for '%s'; seccomp: %s, "
		       "landlock: %s",
		       sandbox_word(got), least, json_text_or(level, "seccomp", "none"),
		       json_text_or(level, "landlock", "none"));
}

/* SANDBOX, GO, HELLO. */
static enum frame_end greet_in_turn(
	struct worker *w, struct frame_in *in, struct frame_hello *ret_hello, struct fail *f)
{
	struct frame_out go = {.head = {.kind = FRAME_GO}, .fd = -1};
	enum frame_end end = frame_receive(w->control, in, FRAME_NEAR);

	if (end != FRAME_DONE || !read_level(w, in, f))
		return end;
	end = frame_send(w->control, &go);
	if (end == FRAME_DONE)
		end = frame_receive(w->control, in, FRAME_NEAR);
	if (end == FRAME_DONE)
		(void)read_hello(in, ret_hello, f);
	return end;
}

/* A wait for one who may be slow, or none at all. */
static bool set_patience(int socket, int64_t ms)
{
	const struct timeval t = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	return setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0 &&
	       setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) == 0;
}

static bool await_hello(struct worker *w, struct frame_hello *ret_hello, struct fail *f)
{
	enum frame_end end = FRAME_BAD;

	w->in.turn_ms = WORKER_HELLO_MS;
	if (set_patience(w->control, WORKER_HELLO_MS))
		end = greet_in_turn(w, &w->in, ret_hello, f);
	if (end == FRAME_LATE)
		(void)fail_set(f, FAIL_UNAVAILABLE, "it did not load the file within %d s",
			WORKER_HELLO_MS / 1000);
	frame_drop(&w->in);
	w->in.turn_ms = 0;
	return end == FRAME_DONE && f->code == FAIL_NONE && set_patience(w->control, 1);
}

/* The same file has the same tables, but for one that lies. */
static bool keep_tables(struct worker_home *home, const struct frame_hello *hello, struct fail *f)
{
	uint32_t tables[FRAME_TABLES_MAX];
	size_t core = table_index(DAVIT_CORE);

	memcpy(tables, hello->tables, sizeof(tables));
	if (home->config == NULL) /* the first one */
		memcpy(home->told, tables, sizeof(home->told));
	if (home->guessed) /* its manifest need not list what it has of davit.core */
		tables[core] &= home->told[core];
	return memcmp(home->told, tables, sizeof(home->told)) == 0 ||
	       fail_set(f, FAIL_INTERNAL, "it has other slots than it had before");
}

static bool greet(struct worker *w, struct fail *f)
{
	struct frame_hello hello;

	if (await_hello(w, &hello, f) && keep_tables(w->home, &hello, f)) {
		KILLPOINT_WORKER(w->pid, true);
		log_info("WORKER-START", "provider=%s pid=%lld", provider_id(w->home->p),
			(long long)w->pid);
		return true;
	}
	if (f->code == FAIL_NONE)
		worker_end(w, NULL);
	else
		worker_end(w, "%s", f->text);
	if (f->code == FAIL_NONE)
		(void)fail_set(f, FAIL_INTERNAL, "its worker %s", w->why);
	return false;
}

struct worker *worker_start(struct worker_home *home, struct fail *f)
{
	struct worker *w = calloc(1, sizeof(*w));
	int ends[2] = {-1, -1};
	bool good;

	*f = (struct fail){0};
	if (w == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
		free(w);
		(void)fail_set(f, FAIL_UNAVAILABLE, "no memory or descriptors left for a worker");
		return NULL;
	}
	w->home = home;
	w->control = ends[0];
	w->users = 1;
	w->in.fd = -1;
	mutex_lock(&home->lock);
	home->starts++;
	mutex_unlock(&home->lock);
	good = spawn(w, ends[1], f);
	(void)close(ends[1]);
	if (good && greet(w, f))
		return w;
	(void)fail_wrap(f, "start a worker for provider '%s'", provider_id(home->p));
	worker_drop(w);
	return NULL;
}
