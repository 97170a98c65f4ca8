/* process - see process.h. */
#include "sim/process.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "platform/dynlib.h"
#include "platform/spawn.h"
#include "sim/life.h"
#include "sim/sockets.h"
#include "sim/threads.h"
#include "sim/world.h"
#include "worker/control.h"
#include "worker/frame.h"

enum {
	PROCESSES = 8,       /* the first one is the daemon */
	FIRST_PID = 1 << 23, /* the system gives none so large */
	FRAMES_MOST = 60,
	SERVICES_MOST = 24,
	NAMED_MOST = 4,
	POINTS_LOG2_MOST = 11,
	TIME_MOST_MS = 6000
};

/* When a worker ends, and how. */
struct fate {
	enum {
		FATE_NONE,
		FATE_AT_FRAME, /* at the nth moment around any of its frames */
		FATE_AT_NAMED, /* of one kind */
		FATE_AT_POINT, /* at the nth step of any thread */
		FATE_AT_TIME
	} at;
	unsigned frame;
	enum phase phase;
	uint64_t n;
	int64_t ms;
	enum {
		BY_KILL,
		BY_EXIT, /* by itself */
		BY_STOP  /* it is there, and does nothing any more */
	} by;
};

static struct process {
	pid_t pid; /* 0: none */
	bool ended;
	int status; /* as of waitpid() */
	int control;
	struct fate fate;
} all[PROCESSES];

static pid_t last_pid = FIRST_PID;
static davit_provider_query_fn query;

/* --- fates --- */

/* What matters happens around calls; most frames are services. */
static unsigned pick_frame(void)
{
	static const unsigned often[] = {FRAME_CALL, FRAME_CALL, FRAME_RETURN, FRAME_RETURN,
		FRAME_SERVICE, FRAME_SERVICE, FRAME_SERVICE, FRAME_ANSWER, FRAME_ANSWER,
		FRAME_ANSWER};

	if (chance_of_256(CHANCE_WORKER, 224))
		return often[chance_below(CHANCE_WORKER, COUNT(often))];
	return 1 + (unsigned)chance_below(CHANCE_WORKER, FRAME_KIND_COUNT - 1);
}

static uint64_t most_of(const struct fate *fate)
{
	if (fate->at == FATE_AT_FRAME)
		return FRAMES_MOST;
	if (fate->at == FATE_AT_POINT)
		return UINT64_C(16) << chance_below(CHANCE_WORKER, POINTS_LOG2_MOST - 3);
	return fate->frame == FRAME_SERVICE || fate->frame == FRAME_ANSWER ? SERVICES_MOST
	                                                                   : NAMED_MOST;
}

static struct fate draw(void)
{
	static const unsigned char ats[] = {
		FATE_AT_FRAME, FATE_AT_NAMED, FATE_AT_NAMED, FATE_AT_POINT, FATE_AT_TIME};
	struct fate fate = {FATE_NONE};
	uint64_t how;

	if (!world->isolated || !chance_of_256(CHANCE_WORKER, world->worker_rate))
		return fate;
	fate.at = ats[chance_below(CHANCE_WORKER, COUNT(ats))];
	fate.frame = pick_frame();
	fate.phase = (enum phase)chance_below(CHANCE_WORKER, PHASE_COUNT);
	fate.n = 1 + chance_below(CHANCE_WORKER, most_of(&fate));
	fate.ms = world->now_ms + chance_between(CHANCE_WORKER, 0, TIME_MOST_MS);
	how = chance_below(CHANCE_WORKER, 16);
	fate.by = how == 0 ? BY_EXIT : how == 1 ? BY_STOP : BY_KILL;
	return fate;
}

void process_plan(void)
{
	for (size_t i = 1; i < PROCESSES; i++) {
		if (all[i].pid != 0)
			all[i].fate = draw();
	}
}

/* --- ends --- */

/* Returns only where it is another process than the calling thread's. */
static void end(struct process *p, int status)
{
	unsigned which = (unsigned)(p - all);

	if (p->ended)
		return;
	p->ended = true;
	p->status = status;
	p->fate.at = FATE_NONE;
	sockets_close_all(which);
	threads_end(which);
}

static void meet(struct process *p, const char *where)
{
	static const char *const words[] = {"killed", "ends by itself", "stops"};

	p->fate.at = FATE_NONE;
	if (world->now_ms >= world->calm_ms || p->ended)
		return;
	trace("WORKER %d %s %s, in thread %s", (int)(p->pid - FIRST_PID), words[p->fate.by], where,
		threads_name());
	world->worker_ends++;
	if (p->fate.by == BY_STOP)
		threads_stop((unsigned)(p - all));
	else
		end(p, p->fate.by == BY_EXIT ? 0 : SIGKILL);
}

void process_frame(unsigned frame, enum phase phase)
{
	if (!world->isolated)
		return;
	life_event(frame == FRAME_CALL || frame == FRAME_RETURN      ? EVENT_CALL
		   : frame == FRAME_SERVICE || frame == FRAME_ANSWER ? EVENT_SERVICE
								     : EVENT_WORKER);
	for (size_t i = 1; i < PROCESSES; i++) {
		struct fate *fate = &all[i].fate;

		if (fate->at == FATE_AT_FRAME ||
			(fate->at == FATE_AT_NAMED && fate->frame == frame &&
				fate->phase == phase)) {
			if (--fate->n == 0)
				meet(&all[i], "at a frame");
		}
	}
}

void process_point(void)
{
	for (size_t i = 1; i < PROCESSES; i++) {
		if (all[i].fate.at == FATE_AT_POINT && --all[i].fate.n == 0)
			meet(&all[i], "between two steps");
	}
}

void process_time(void)
{
	for (size_t i = 1; i < PROCESSES; i++) {
		if (all[i].fate.at == FATE_AT_TIME && world->now_ms >= all[i].fate.ms)
			meet(&all[i], "at a time");
	}
}

void process_check_none(void)
{
	for (size_t i = 1; i < PROCESSES; i++) {
		if (all[i].pid != 0)
			world_wrong("the daemon ended, and a worker is %s",
				all[i].ended ? "not waited for" : "there");
	}
}

/* --- what the system does otherwise --- */

static void run(void *arg)
{
	const struct process *p = arg;

	control_run(p->control, "{\"level\":\"none\"}", query);
	_exit(1);
}

bool __wrap_spawn_child(const char *const argv[], const char *const env[], int socket,
	pid_t *ret_pid, struct fail *f);

/* The file is loaded once: a worker has nothing of the one before but what lies in the provider's
 * own static variables. */
bool __wrap_spawn_child(const char *const argv[], const char *const env[], int socket,
	pid_t *ret_pid, struct fail *f)
{
	size_t i = 1;
	void *address;

	(void)env;
	while (i < PROCESSES && all[i].pid != 0)
		i++;
	if (i == PROCESSES)
		life_failed("too many workers");
	if (query == NULL) {
		if (!dynlib_load(argv[1], "davit_provider_query", &address, f))
			return false;
		memcpy(&query, &address, sizeof(query));
	}
	all[i] = (struct process){.pid = ++last_pid, .fate = draw()};
	all[i].control = sockets_give(socket, (unsigned)i);
	*ret_pid = all[i].pid;
	world->worker_starts++;
	trace("WORKER %d starts", (int)(all[i].pid - FIRST_PID));
	threads_begin((unsigned)i, "worker", run, &all[i]);
	return true;
}

static struct process *process_of(pid_t pid)
{
	for (size_t i = 1; i < PROCESSES; i++) {
		if (all[i].pid == pid)
			return &all[i];
	}
	life_failed("somebody looks for a worker that is none");
}

int __real_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number);

int __wrap_kill(pid_t pid, int number)
{
	if (pid < FIRST_PID)
		return __real_kill(pid, number);
	if (number != SIGKILL)
		life_failed("a signal is not simulated");
	threads_point();
	end(process_of(pid), SIGKILL);
	return 0;
}

pid_t __real_waitpid(pid_t pid, int *ret_status, int flags);
pid_t __wrap_waitpid(pid_t pid, int *ret_status, int flags);

/* Of one that was killed. */
pid_t __wrap_waitpid(pid_t pid, int *ret_status, int flags)
{
	struct process *p;

	if (pid < FIRST_PID)
		return __real_waitpid(pid, ret_status, flags);
	threads_point();
	p = process_of(pid);
	if (!p->ended)
		life_failed("a worker is waited for that was not killed");
	*ret_status = p->status;
	p->pid = 0;
	return pid;
}

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

_Noreturn void __wrap__exit(int status)
{
	unsigned which = threads_process();

	if (which > 0)
		end(&all[which], status << 8);
	__real__exit(status);
}

int __real_pthread_detach(pthread_t thread);
int __wrap_pthread_detach(pthread_t thread);

int __wrap_pthread_detach(pthread_t thread)
{
	threads_detach((size_t)thread);
	return 0;
}
