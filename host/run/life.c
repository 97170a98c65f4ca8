/*
 * The loop of davit-run. Three things happen at any time: a child ends, time passes, somebody
 * asks for the stop. Each only changes the state; step() then decides what follows from it.
 */
#include "run/life.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "run/cgroup.h"
#include "run/control.h"
#include "run/environment.h"
#include "run/folder.h"
#include "run/joblog.h"
#include "run/spec.h"
#include "run/test_point.h"
#include "run/tree.h"

#define KILL_FIRST_MS 20
#define KILL_MAX_MS   1000
#define READ_BYTES    65536
#define READS_MAX     16 /* before the other events have their turn */

enum {
	FD_SIGNALS,
	FD_OUTPUT,
	FD_CONTROL,
	FD_COUNT = FD_CONTROL + CONTROL_FDS
};

/* --- the log --- */

static void take_output(struct life *l)
{
	char bytes[READ_BYTES];

	for (int i = 0; i < READS_MAX; i++) {
		ssize_t n = read(l->output, bytes, sizeof(bytes));

		if (n <= 0)
			return;
		joblog_write(l->log, bytes, (size_t)n);
	}
}

static void take_all_output(struct life *l)
{
	struct pollfd ready = {.fd = l->output, .events = POLLIN};

	while (poll(&ready, 1, 0) > 0)
		take_output(l);
}

static void say(struct life *l, const char *fmt, ...) ATTR_PRINTF(2, 3);

static void say(struct life *l, const char *fmt, ...)
{
	char line[640];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (n > 0)
		joblog_write(l->log, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

/* --- starting --- */

/* What was asked for and this machine cannot hold anyone to. */
static bool add_missing(json_t *applied, const struct cgroup *cg, const struct run_limits *limit)
{
	if (limit->memory_bytes <= 0 || cg->memory)
		return true;
	return json_object_set_new(applied, "not_applied",
		       json_pack("{s:I}", "memory_bytes", (json_int_t)limit->memory_bytes)) == 0;
}

static json_t *applied_of(const struct life *l, const struct child *c)
{
	const struct run_limits *limit = &l->child.spec->limit;
	json_t *applied = child_applied(c, l->child.spec);
	bool good = applied != NULL;

	if (good && l->cgroup->leaf[0] != '\0')
		good = json_object_set_new(applied, "cgroup", json_string(l->cgroup->leaf)) == 0;
	if (good && l->cgroup->pids)
		good = json_object_set_new(applied, "processes",
			       json_integer((json_int_t)limit->processes)) == 0;
	if (good && l->cgroup->memory)
		good = json_object_set_new(applied, "memory_bytes",
			       json_integer((json_int_t)limit->memory_bytes)) == 0;
	if (good && add_missing(applied, l->cgroup, limit))
		return applied;
	json_decref(applied);
	return NULL;
}

static bool record_start(struct life *l, const struct child *c, struct fail *f)
{
	json_t *applied = applied_of(l, c);
	bool good;

	l->started.pid = c->pid;
	l->started.started_ms = clock_now_ms();
	l->started.applied = applied;
	good = applied != NULL ? record_started(&l->started, f)
	                       : fail_errno(f, ENOMEM, "start the command");
	l->started.applied = NULL;
	json_decref(applied);
	return good;
}

static const char *program_of(const struct run_spec *s)
{
	return s->shell != NULL ? "/bin/sh" : json_string_value(json_array_get(s->argv, 0));
}

/* It could not be started, and will not be otherwise: that is its end. */
static void fail_start(struct life *l, const struct fail *why)
{
	snprintf(l->error, sizeof(l->error), "%s", why->text);
	l->end.error = l->error;
	say(l, "[davit: %s]\n", l->error);
}

static void running(struct life *l, const struct child *c)
{
	const struct run_limits *limit = &l->child.spec->limit;
	char state[CONTROL_LINE];

	l->phase = LIFE_RUNNING;
	l->pid = c->pid;
	l->childless = false;
	l->killed = false;
	l->kill_ms = KILL_FIRST_MS;
	l->start_mono = clock_mono_ms();
	if (limit->wall_seconds > 0 && l->wall_mono == CLOCK_NEVER)
		l->wall_mono = l->start_mono + limit->wall_seconds * 1000;
	l->end.started_ms = l->started.started_ms;
	l->end.error = NULL;
	l->end.limit = NULL; /* of the one before, where it is started again */
	snprintf(state, sizeof(state), "running %ld", (long)c->pid);
	control_tell(l->control, state);
}

static void wait_to_restart(struct life *l)
{
	const struct run_restart *r = &l->child.spec->restart;

	l->phase = LIFE_WAITING;
	l->next_mono = clock_mono_ms() + l->back_off_ms;
	l->back_off_ms = l->back_off_ms * 2;
	if (l->back_off_ms > r->restart_max_ms)
		l->back_off_ms = r->restart_max_ms;
	l->started.restarts++;
	l->end.restarts = l->started.restarts;
	control_tell(l->control, "restarting");
}

static void start_failed(struct life *l, const struct fail *why)
{
	fail_start(l, why);
	if (l->child.spec->serve == NULL) {
		l->phase = LIFE_OVER;
		return;
	}
	wait_to_restart(l);
	l->started.pid = 0;
	l->started.last_error = l->end.error;
	record_started(&l->started, NULL); /* for people, as in gone() */
}

/* false: its start could not be recorded, so that it must not be. */
static bool start(struct life *l, struct fail *f)
{
	struct fail why;
	struct child c;

	if (l->child.spec->serve != NULL)
		unlink(l->child.socket);
	if (!child_prepare(&l->child, &c, &why)) {
		start_failed(l, &why);
		return true;
	}
	test_point("spawned");
	if (!cgroup_enter(l->cgroup, c.pid, &why)) {
		child_abandon(&c);
		start_failed(l, &why);
		return true;
	}
	if (!record_start(l, &c, f)) {
		child_abandon(&c);
		return false;
	}
	test_point("started");
	running(l, &c);
	if (!child_release(&c, program_of(l->child.spec), &why))
		fail_start(l, &why);
	test_point("running");
	if (l->child.spec->serve == NULL)
		environment_forget(); /* it is never started again */
	return true;
}

/* --- ending --- */

static void end_tree(struct life *l)
{
	l->phase = LIFE_ENDING;
	l->next_mono = clock_mono_ms() + l->child.spec->grace_seconds * 1000;
	if (l->childless)
		return;
	tree_signal(SIGTERM);
	tree_signal(SIGCONT); /* who was stopped would not hear it */
}

static void kill_tree(struct life *l)
{
	l->phase = LIFE_KILLING;
	l->killed = true;
	cgroup_kill(l->cgroup);
	tree_kill();
	l->next_mono = clock_mono_ms() + l->kill_ms;
	l->kill_ms = l->kill_ms * 2 > KILL_MAX_MS ? KILL_MAX_MS : l->kill_ms * 2;
}

/* By signal, or as a shell tells that a command of its ended so. */
static bool ended_by(int status, int sig)
{
	return (WIFSIGNALED(status) && WTERMSIG(status) == sig) ||
	       (WIFEXITED(status) && WEXITSTATUS(status) == 128 + sig);
}

static const char *limit_of(const struct life *l, int status, const struct rusage *used)
{
	const struct run_limits *limit = &l->child.spec->limit;
	int64_t cpu = used->ru_utime.tv_sec + used->ru_stime.tv_sec;

	if (l->end.limit != NULL || status == 0)
		return l->end.limit;
	if (cgroup_out_of_memory(l->cgroup))
		return "memory";
	if (limit->cpu_seconds > 0 && ended_by(status, SIGXCPU))
		return "cpu";
	if (limit->cpu_seconds > 0 && !l->killed && ended_by(status, SIGKILL) &&
		cpu >= limit->cpu_seconds)
		return "cpu"; /* it did not heed SIGXCPU */
	if (limit->file_bytes > 0 && ended_by(status, SIGXFSZ))
		return "file_bytes";
	return NULL;
}

static void main_ended(struct life *l, int status, const struct rusage *used)
{
	l->pid = 0;
	l->end.ran = true;
	l->end.status = status;
	l->end.limit = limit_of(l, status, used);
}

static void reap(struct life *l)
{
	struct rusage used;
	int status;
	pid_t pid;

	do {
		pid = wait4(-1, &status, WNOHANG, &used);
		if (pid > 0 && pid == l->pid)
			main_ended(l, status, &used);
	} while (pid > 0 || (pid < 0 && errno == EINTR));
	l->childless = pid < 0;
}

/* Nothing of it runs any more. */
static void gone(struct life *l)
{
	const struct run_restart *r = &l->child.spec->restart;

	take_all_output(l);
	if (l->child.spec->serve == NULL || l->stopping) {
		l->phase = LIFE_OVER;
		return;
	}
	if (clock_mono_ms() - l->start_mono >= r->healthy_after_ms)
		l->back_off_ms = r->restart_first_ms;
	wait_to_restart(l);
	l->started.pid = 0;
	l->started.ended = true;
	l->started.last_status = l->end.status;
	l->started.last_limit = l->end.limit;
	l->started.last_error = l->end.error;
	record_started(&l->started, NULL); /* for people; the next start records again */
}

/* --- events --- */

static void stop(struct life *l)
{
	if (l->phase == LIFE_WAITING || (l->phase == LIFE_RUNNING && l->pid > 0))
		l->end.cancelled = true;
	l->stopping = true;
}

static void take_signals(struct life *l)
{
	struct signalfd_siginfo info;

	while (read(l->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo != SIGTERM)
			continue;
		l->end.interrupted = true;
		l->stopping = true;
	}
}

static int timeout_of(const struct life *l)
{
	int64_t at = l->phase == LIFE_RUNNING ? l->wall_mono : l->next_mono;
	int64_t left = at == CLOCK_NEVER ? INT32_MAX : at - clock_mono_ms();

	return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

static void wait_for_events(struct life *l)
{
	struct pollfd fds[FD_COUNT];
	bool came;

	fds[FD_SIGNALS] = (struct pollfd){.fd = l->signals, .events = POLLIN};
	fds[FD_OUTPUT] = (struct pollfd){.fd = l->output, .events = POLLIN};
	control_poll(l->control, fds + FD_CONTROL);
	if (poll(fds, FD_COUNT, timeout_of(l)) < 0)
		return;
	if (fds[FD_OUTPUT].revents != 0)
		take_output(l);
	if (fds[FD_SIGNALS].revents != 0)
		take_signals(l);
	/* The file is there before the daemon comes to say so: no lost word loses the stop. */
	if (control_serve(l->control, fds + FD_CONTROL, &came) ||
		(came && access(RUN_STOP, F_OK) == 0))
		stop(l);
	reap(l);
}

static void check_wall(struct life *l)
{
	if (l->stopping || clock_mono_ms() < l->wall_mono)
		return;
	l->stopping = true;
	l->end.limit = "wall";
}

static bool step(struct life *l, struct fail *f)
{
	bool due = clock_mono_ms() >= l->next_mono;

	check_wall(l);
	switch (l->phase) {
	case LIFE_WAITING:
		if (l->stopping)
			l->phase = LIFE_OVER;
		else if (due)
			return start(l, f);
		break;
	case LIFE_RUNNING:
		if (l->pid == 0 || l->stopping)
			end_tree(l);
		break;
	case LIFE_ENDING:
	case LIFE_KILLING:
		if (l->childless)
			gone(l);
		else if (due)
			kill_tree(l);
		break;
	case LIFE_OVER:
		break;
	}
	return true;
}

bool life_run(struct life *l, struct fail *f)
{
	l->phase = LIFE_WAITING;
	l->wall_mono = CLOCK_NEVER;
	l->next_mono = 0;
	l->back_off_ms = l->child.spec->restart.restart_first_ms;
	while (l->phase != LIFE_OVER) {
		enum life_phase before = l->phase;

		if (!step(l, f))
			return false;
		if (l->phase == before)
			wait_for_events(l);
	}
	test_point("ended");
	l->end.finished_ms = clock_now_ms();
	l->end.restarts = l->started.restarts;
	return true;
}
