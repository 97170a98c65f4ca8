/*
 * From the lock to the record of the end. The lock makes one davit-run the only one; the
 * records of a predecessor say what is left to do. The command runs only if none says that it
 * may have run before, or if it is one to be started again.
 */
#include "run/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "platform/fs.h"
#include "platform/lock.h"
#include "run/cgroup.h"
#include "run/confine.h"
#include "run/control.h"
#include "run/environment.h"
#include "run/folder.h"
#include "run/joblog.h"
#include "run/life.h"
#include "run/spec.h"
#include "run/test_point.h"

struct supervisor {
	const struct supervise_options *o;
	json_t *spec_json;
	struct run_spec spec;
	struct control control;
	struct joblog log;
	struct cgroup cgroup;
	struct life life;
	struct confine_site site;
	char control_path[PATH_MAX];
	char serve_path[PATH_MAX];
	int signals;
	int output[2];
};

static bool exists(const char *name)
{
	return access(name, F_OK) == 0;
}

static bool read_spec(struct supervisor *s, struct fail *f)
{
	char *text;
	size_t n;

	if (!fs_read(RUN_SPEC, RUN_JSON_MAX, &text, &n, f))
		return false;
	s->spec_json = json_parse(text, n, f);
	free(text);
	if (s->spec_json == NULL || !run_spec_read(s->spec_json, &s->spec, f))
		return fail_wrap(f, RUN_SPEC);
	return true;
}

static bool make_paths(struct supervisor *s, struct fail *f)
{
	char name[RUN_NAME_MAX + 16];

	snprintf(name, sizeof(name), "%.*s" RUN_CONTROL_SUFFIX, RUN_NAME_MAX, s->o->name);
	if (!fs_join(s->control_path, sizeof(s->control_path), s->o->runtime_dir, name, f))
		return false;
	snprintf(name, sizeof(name), "%.*s" RUN_SERVE_SUFFIX, RUN_NAME_MAX, s->o->name);
	return fs_join(s->serve_path, sizeof(s->serve_path), s->o->runtime_dir, name, f);
}

/* Writes the end, however long the disk stays full: until then the lock says that we run. */
static bool put_exit(const struct record_exit *end)
{
	static const struct timespec pause = {1, 0};
	struct fail f;
	bool told = false;

	while (!record_exit(end, &f)) {
		if (!told)
			fprintf(stderr, "davit-run: %s\n", f.text);
		if (f.code == FAIL_NOT_FOUND)
			return false; /* the folder itself is gone */
		told = true;
		nanosleep(&pause, NULL);
	}
	test_point("exited");
	return true;
}

/* --- what a predecessor left --- */

/* The control group it recorded may still have processes in it. */
static void destroy_old_cgroup(const struct supervisor *s, const json_t *started)
{
	const char *leaf = json_string_value(json_at(started, "/applied/cgroup"));
	struct cgroup old = {0};
	char last[RUN_NAME_MAX + 16];
	const char *slash = leaf == NULL ? NULL : strrchr(leaf, '/');

	snprintf(last, sizeof(last), "/davit-%.*s", RUN_NAME_MAX, s->o->name);
	if (slash == NULL || strcmp(slash, last) != 0 || strlen(leaf) >= sizeof(old.leaf))
		return;
	memcpy(old.leaf, leaf, strlen(leaf) + 1);
	cgroup_destroy(&old);
}

static void note_loss(const struct supervisor *s)
{
	static const char line[] = "[davit: the supervisor of this process died; how the process "
				   "ended is not known]\n";
	struct joblog log;

	if (!joblog_open(&log, ".", s->spec.log_bytes, NULL))
		return;
	joblog_write(&log, line, sizeof(line) - 1);
	joblog_close(&log);
}

static bool record_loss(const struct supervisor *s, const json_t *started)
{
	struct record_exit end = {
		.lost = true,
		.started_ms = json_int_or(started, "started_ms", 0),
		.restarts = json_int_or(started, "restarts", 0),
		.finished_ms = clock_now_ms(),
	};

	note_loss(s);
	unlink(s->control_path);
	unlink(s->serve_path);
	return put_exit(&end);
}

/* --- running it --- */

static bool watch_signals(struct supervisor *s, struct fail *f)
{
	static const int taken[] = {SIGCHLD, SIGTERM};
	struct sigaction ignored = {.sa_handler = SIG_IGN};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		sigaddset(&set, taken[i]);
	sigaction(SIGPIPE, &ignored, NULL);
	sigaction(SIGHUP, &ignored, NULL);
	sigaction(SIGINT, &ignored, NULL);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0)
		return fail_errno(f, errno, "watch signals");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		return fail_errno(f, errno, "become the parent of orphans");
	return true;
}

static bool make_output(struct supervisor *s, struct fail *f)
{
	if (pipe2(s->output, O_CLOEXEC) != 0)
		return fail_errno(f, errno, "make a pipe");
	if (fcntl(s->output[0], F_SETFL, O_NONBLOCK) != 0)
		return fail_errno(f, errno, "make a pipe");
	return true;
}

static void put_notes(struct supervisor *s)
{
	static const char no_memory[] =
		"[davit: the limit memory_bytes is not applied: no control group with memory is "
		"delegated here; address_space_bytes needs none]\n";
	const json_t *note;
	size_t i;

	if (s->log.total > 0)
		return; /* a predecessor did */
	if (s->spec.limit.memory_bytes > 0 && !s->cgroup.memory)
		joblog_write(&s->log, no_memory, sizeof(no_memory) - 1);
	json_array_foreach(s->spec.notes, i, note)
	{
		joblog_write(&s->log, json_string_value(note), json_string_length(note));
		joblog_write(&s->log, "\n", 1);
	}
}

static void fill_life(struct supervisor *s, const json_t *started)
{
	s->life = (struct life){
		.child =
			{
				.spec = &s->spec,
				.folder = s->o->folder,
				.name = s->o->name,
				.socket = s->serve_path,
				.output = s->output[1],
				.count_processes = !s->cgroup.pids,
				.site = s->o->sandbox == NULL ? NULL : &s->site,
			},
		.control = &s->control,
		.log = &s->log,
		.cgroup = &s->cgroup,
		.signals = s->signals,
		.output = s->output[0],
	};
	if (started != NULL)
		s->life.started.restarts = json_int_or(started, "restarts", 0) + 1;
}

/* A served process that was only interrupted is to run again when the machine does. */
static bool is_over(const struct supervisor *s)
{
	return s->spec.serve == NULL || !s->life.end.interrupted;
}

static bool run_it(struct supervisor *s, const json_t *started, struct fail *f)
{
	bool good;

	if (s->o->sandbox != NULL && !confine_read(s->o->sandbox, &s->site, f))
		return fail_wrap(f, "--sandbox");
	if (!cgroup_create(&s->cgroup, s->o->cgroup, s->o->name, &s->spec.limit, f))
		return false;
	put_notes(s);
	fill_life(s, started);
	good = life_run(&s->life, f);
	cgroup_destroy(&s->cgroup);
	confine_clean();
	s->life.end.log_lost = s->log.lost;
	return good;
}

/* With the control socket open: from here on a stop reaches us either way. */
static bool run_or_cancel(struct supervisor *s, const json_t *started, struct fail *f)
{
	struct record_exit cancelled = {.cancelled = true};
	bool good;

	if (exists(RUN_STOP)) {
		cancelled.started_ms = json_int_or(started, "started_ms", 0);
		cancelled.restarts = json_int_or(started, "restarts", 0);
		cancelled.finished_ms = clock_now_ms();
		return put_exit(&cancelled);
	}
	if (!joblog_open(&s->log, ".", s->spec.log_bytes, f))
		return false;
	good = run_it(s, started, f);
	joblog_close(&s->log);
	return good && (!is_over(s) || put_exit(&s->life.end));
}

static bool serve_control(struct supervisor *s, const json_t *started, struct fail *f)
{
	bool good;

	if (!watch_signals(s, f) || !make_output(s, f) ||
		!control_open(&s->control, s->control_path, f))
		return false;
	test_point("listening");
	good = run_or_cancel(s, started, f);
	unlink(s->serve_path);
	control_close(&s->control);
	return good;
}

static bool go_on(struct supervisor *s, struct fail *f)
{
	json_t *started;
	bool good;

	if (!read_spec(s, f) || !make_paths(s, f))
		return false;
	started = record_read_started();
	if (started != NULL)
		destroy_old_cgroup(s, started);
	if (exists(RUN_STARTED) && s->spec.serve == NULL)
		good = record_loss(s, started);
	else
		good = serve_control(s, started, f);
	json_decref(started);
	return good;
}

static void finish(struct supervisor *s)
{
	json_decref(s->spec_json);
	confine_release(&s->site);
	if (s->signals >= 0)
		close(s->signals);
	for (size_t i = 0; i < 2; i++) {
		if (s->output[i] >= 0)
			close(s->output[i]);
	}
	free(s);
}

bool supervise(const struct supervise_options *options, struct fail *f)
{
	struct supervisor *s;
	bool good;
	int lock;

	if (!exists(RUN_SPEC))
		return true; /* it was removed meanwhile */
	if (!lock_take(RUN_LOCK, &lock, NULL, f))
		return f->code == FAIL_CONFLICT || f->code == FAIL_NOT_FOUND;
	test_point("locked");
	if (!exists(RUN_SPEC) || exists(RUN_EXIT)) {
		close(lock);
		return true;
	}
	s = calloc(1, sizeof(*s)); /* paths and clients are much for a stack */
	if (s == NULL)
		return fail_errno(f, ENOMEM, "supervise %s", options->name);
	s->o = options;
	s->signals = s->output[0] = s->output[1] = -1;
	good = go_on(s, f);
	if (exists(RUN_EXIT))
		environment_forget();
	finish(s);
	close(lock);
	return good;
}
