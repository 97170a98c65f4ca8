/*
 * Making the process of the command. Everything that can fail or take memory is done before
 * the fork; between fork and exec the child makes it a process of its own, sets its limits,
 * tells that it is ready, and waits at the gate. If we die, the gate closes and it ends.
 */
#include "run/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "run/confine.h"
#include "run/environment.h"
#include "run/spec.h"
#include "run/tree.h"

#define WAIT_MS   30000 /* for each step of the child; only a dead file system takes long */
#define CPU_GRACE 5     /* seconds between SIGXCPU and SIGKILL */

enum step {
	STEP_READY, /* no failure: it waits at the gate */
	STEP_SESSION,
	STEP_STREAMS,
	STEP_FOLDER,
	STEP_LIMITS,
	STEP_CONFINE,
	STEP_EXEC,
	STEP_COUNT
};

static const char *const step_texts[STEP_COUNT] = {
	[STEP_READY] = "get ready",
	[STEP_SESSION] = "make a session",
	[STEP_STREAMS] = "open the streams",
	[STEP_FOLDER] = "enter the folder",
	[STEP_LIMITS] = "set the limits",
	[STEP_CONFINE] = "confine the command",
	[STEP_EXEC] = "start",
};

/* What "applied" has of limits. */
static const struct {
	const char *name;
	int resource;
} told[CHILD_LIMITS] = {{"cpu_seconds", RLIMIT_CPU}, {"address_space_bytes", RLIMIT_AS},
	{"open_files", RLIMIT_NOFILE}, {"file_bytes", RLIMIT_FSIZE}, {"processes", RLIMIT_NPROC},
	{"core_bytes", RLIMIT_CORE}};

struct report {
	enum step step;
	int err;
	int64_t limits[CHILD_LIMITS]; /* with STEP_READY; -1: none */
	struct sandbox_level level;   /* the same */
};

struct limit {
	const char *name; /* in "applied"; NULL: not told */
	int resource;
	rlim_t value;
	rlim_t extra; /* the hard limit is that much higher */
};

#define LIMITS 6

struct plan {
	const struct child_options *o;
	const char **argv;
	char **env;
	pid_t parent;
	int gate[2];
	int report[2];
	struct limit limits[LIMITS];
	size_t limit_count;
	struct confine confine;
};

static void want_limit(struct plan *p, const char *name, int resource, int64_t value)
{
	rlim_t extra = resource == RLIMIT_CPU ? CPU_GRACE : 0;

	if (value > 0 || name == NULL)
		p->limits[p->limit_count++] = (struct limit){name, resource, (rlim_t)value, extra};
}

static void plan_limits(struct plan *p)
{
	const struct run_limits *l = &p->o->spec->limit;

	want_limit(p, NULL, RLIMIT_CORE, 0);
	want_limit(p, "cpu_seconds", RLIMIT_CPU, l->cpu_seconds);
	want_limit(p, "address_space_bytes", RLIMIT_AS, l->address_space_bytes);
	want_limit(p, "open_files", RLIMIT_NOFILE, l->open_files);
	want_limit(p, "file_bytes", RLIMIT_FSIZE, l->file_bytes);
	if (p->o->count_processes && l->processes > 0) /* the kernel counts all of the user */
		want_limit(p, "processes", RLIMIT_NPROC,
			l->processes + tree_user_threads(confine_user(&p->confine)));
}

/* The words stay those of the specification. */
static bool plan_argv(struct plan *p)
{
	const struct run_spec *s = p->o->spec;
	const char *shell[] = {"/bin/sh", "-c", s->shell};
	size_t n = s->shell != NULL ? COUNT(shell) : json_array_size(s->argv);

	p->argv = (const char **)calloc(n + 1, sizeof(*p->argv));
	for (size_t i = 0; p->argv != NULL && i < n; i++)
		p->argv[i] =
			s->shell != NULL ? shell[i] : json_string_value(json_array_get(s->argv, i));
	return p->argv != NULL;
}

/* Without its prefix a command would run with other programs than those it was given. */
static bool has_prefix(const struct child_options *o, struct fail *f)
{
	char *folder;
	bool there;

	if (o->spec->prefix == NULL)
		return true;
	folder = environment_prefix(o);
	if (folder == NULL)
		return fail_errno(f, ENOMEM, "start the command");
	there = access(folder, X_OK) == 0;
	free(folder);
	return there || fail_set(f, FAIL_NOT_FOUND, "the folder %s of process %s is gone",
				o->spec->root.path, o->spec->root.process);
}

static bool plan_make(struct plan *p, const struct child_options *o, struct fail *f)
{
	*p = (struct plan){.o = o, .parent = getpid(), .gate = {-1, -1}, .report = {-1, -1}};
	if (!confine_prepare(&p->confine, o, f))
		return false;
	plan_limits(p);
	p->env = environment_make(o, &p->confine);
	if (p->env == NULL || !plan_argv(p)) {
		fail_errno(f, ENOMEM, "start the command");
		return false;
	}
	if (!has_prefix(o, f))
		return false;
	if (pipe2(p->gate, O_CLOEXEC) != 0 || pipe2(p->report, O_CLOEXEC) != 0)
		return fail_errno(f, errno, "start the command");
	return true;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void plan_finish(struct plan *p)
{
	free((void *)p->argv);
	environment_free(p->env);
	confine_finish(&p->confine);
	for (size_t i = 0; i < 2; i++) {
		close_end(&p->gate[i]);
		close_end(&p->report[i]);
	}
}

/* --- in the child --- */

static void tell(const struct plan *p, const struct report *report)
{
	if (write(p->report[1], report, sizeof(*report)) != (ssize_t)sizeof(*report))
		_exit(126); /* nobody listens */
}

static bool be_alone(const struct plan *p)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != p->parent)
		return false;
	/* Without it a program with another user's rights could not be stopped by us. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return false;
	return setsid() >= 0;
}

static bool open_streams(const struct plan *p)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
	       dup2(p->o->output, STDOUT_FILENO) >= 0 && dup2(p->o->output, STDERR_FILENO) >= 0;
}

static bool set_limit(const struct limit *l)
{
	struct rlimit now, wanted = {l->value, l->value + l->extra};

	if (getrlimit((__rlimit_resource_t)l->resource, &now) != 0)
		return false;
	if (now.rlim_max != RLIM_INFINITY && wanted.rlim_max > now.rlim_max)
		wanted.rlim_max = now.rlim_max; /* the site's own limit is lower: it stands */
	if (wanted.rlim_cur > wanted.rlim_max)
		wanted.rlim_cur = wanted.rlim_max;
	return setrlimit((__rlimit_resource_t)l->resource, &wanted) == 0;
}

static bool set_limits(const struct plan *p)
{
	for (size_t i = 0; i < p->limit_count; i++) {
		if (!set_limit(&p->limits[i]))
			return false;
	}
	return true;
}

static void reset_signals(void)
{
	struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		sigaction(i, &standard, NULL); /* KILL, STOP and libc's own refuse: fine */
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
}

/* By itself: whoever has another user's rights is not told by the kernel. */
static void look_at_limits(int64_t limits[CHILD_LIMITS])
{
	struct rlimit now;

	for (size_t i = 0; i < COUNT(told); i++) {
		bool is_set = getrlimit((__rlimit_resource_t)told[i].resource, &now) == 0 &&
		              now.rlim_cur != RLIM_INFINITY;

		limits[i] = is_set ? (int64_t)now.rlim_cur : -1;
	}
}

static enum step prepare(const struct plan *p, struct sandbox_level *level)
{
	if (!be_alone(p))
		return STEP_SESSION;
	if (!open_streams(p))
		return STEP_STREAMS;
	if (chdir(p->o->spec->cwd) != 0)
		return STEP_FOLDER;
	umask(077);
	if (!set_limits(p))
		return STEP_LIMITS;
	errno = confine_enter(&p->confine, level);
	return errno == 0 ? STEP_READY : STEP_CONFINE;
}

static void become(const struct plan *p)
{
	struct report report = {0};
	char go;

	report.step = prepare(p, &report.level);
	report.err = errno;
	look_at_limits(report.limits);
	tell(p, &report);
	if (report.step != STEP_READY || read(p->gate[0], &go, 1) != 1)
		_exit(126);
	reset_signals();
	environ = p->env; /* execvp() looks for the program by the PATH the command will see */
	execvp(p->argv[0], (char *const *)p->argv); /* writes to none of them */
	report = (struct report){.step = STEP_EXEC, .err = errno};
	tell(p, &report);
	_exit(127);
}

/* --- in davit-run --- */

/* 1: a report; 0: the child closed its end without one; -1: neither came. */
static int await_report(int fd, struct report *ret)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	ssize_t n;

	if (poll(&wait, 1, WAIT_MS) <= 0)
		return -1;
	n = read(fd, ret, sizeof(*ret));
	return n == (ssize_t)sizeof(*ret) ? 1 : n == 0 ? 0 : -1;
}

static bool await_ready(struct child *c, struct fail *f)
{
	struct report report = {.step = STEP_READY, .err = EIO};

	if (await_report(c->report, &report) == 1 && report.step == STEP_READY) {
		c->level = report.level;
		memcpy(c->limits, report.limits, sizeof(c->limits));
		return true;
	}
	return fail_errno(f, report.err, "cannot %s", step_texts[report.step]);
}

static void end_child(struct child *c)
{
	close_end(&c->gate);
	close_end(&c->report);
	kill(c->pid, SIGKILL);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

bool child_prepare(const struct child_options *options, struct child *ret_child, struct fail *f)
{
	struct child c = {.pid = -1};
	struct plan p;
	bool good = plan_make(&p, options, f);

	if (good) {
		c.pid = fork();
		if (c.pid < 0)
			good = fail_errno(f, errno, "start the command");
	}
	if (c.pid == 0) {
		close_end(&p.gate[1]);
		become(&p);
	}
	c.gate = p.gate[1];
	c.report = p.report[0];
	if (good)
		p.gate[1] = p.report[0] = -1; /* handed over */
	good = good && (await_ready(&c, f) && confine_suffices(&p.confine, &c.level, f));
	c.confined = p.confine.site != NULL;
	plan_finish(&p);
	if (good)
		*ret_child = c;
	else if (c.pid > 0)
		end_child(&c);
	return good;
}

void child_abandon(struct child *c)
{
	end_child(c);
}

bool child_release(struct child *c, const char *program, struct fail *f)
{
	struct report report = {.step = STEP_EXEC, .err = EIO};
	int got = -1;

	if (write(c->gate, "", 1) == 1)
		got = await_report(c->report, &report);
	close_end(&c->gate);
	close_end(&c->report);
	if (got == 0)
		return true;
	if (got < 0)
		kill(c->pid, SIGKILL);
	return fail_errno(f, report.err, "cannot start %s", program);
}

static bool add_applied(json_t *applied, const char *name, int64_t value)
{
	return json_object_set_new(applied, name, json_integer((json_int_t)value)) == 0;
}

json_t *child_applied(const struct child *c, const struct run_spec *spec)
{
	json_t *applied = json_pack("{s:b}", "no_new_privileges", 1);
	bool good = applied != NULL;

	for (size_t i = 0; good && i < COUNT(told); i++) {
		if (c->limits[i] >= 0)
			good = add_applied(applied, told[i].name, c->limits[i]);
	}
	if (good && c->confined)
		good = json_object_set_new(applied, "sandbox", confine_told(&c->level)) == 0;
	if (good && spec->limit.wall_seconds > 0)
		good = add_applied(applied, "wall_seconds", spec->limit.wall_seconds);
	if (good)
		return applied;
	json_decref(applied);
	return NULL;
}
