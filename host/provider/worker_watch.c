/*
 * One thread for the workers of all providers. It starts them: the kernel ends a worker with the
 * thread that started it, so that must be one that stays. It hears when one dies that nobody is
 * asking anything, and asks those in which calls run whether they are still alive.
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "platform/spawn.h"
#include "provider/internal.h"
#include "provider/worker_internal.h"

struct request {
	struct request *next;
	const char *const *argv;
	const char *const *env;
	int socket;
	pid_t pid;
	struct fail why;
	bool good;
	bool done;
};

struct worker_watch {
	struct mutex lock;
	struct cond changed;
	struct worker_home *homes; /* guarded, as all that follows */
	size_t count;
	struct request *requests;
	uint64_t rounds; /* looks that are over */
	bool looking;
	bool ends;
	int wake; /* constant, as the next one */
	int64_t beat_ms;
	struct thread thread;
};

struct round {
	struct pollfd *fds; /* the first one wakes */
	struct worker **workers;
	bool *busy;
	size_t count;
};

/* --- one round --- */

static void wake(struct worker_watch *watch)
{
	const uint64_t one = 1;

	if (write(watch->wake, &one, sizeof(one)) < 0)
		return; /* it is full: awake it is */
}

/* The worker of home, which stays until it is dropped; NULL: there is none. */
static struct worker *pin(struct worker_home *home, bool *ret_busy)
{
	struct worker *w;

	mutex_lock(&home->lock);
	w = home->now;
	if (w != NULL) {
		*ret_busy = w->users > 1; /* home itself is one */
		w->users++;
	}
	mutex_unlock(&home->lock);
	return w;
}

/* False: no memory, then nobody is looked at this time. The lock is held. */
static bool collect(struct worker_watch *watch, struct round *r)
{
	size_t most = watch->count + 1;

	*r = (struct round){.fds = calloc(most, sizeof(*r->fds)),
		.workers = calloc(most, sizeof(struct worker *)),
		.busy = calloc(most, sizeof(*r->busy))};
	if (r->fds == NULL || r->workers == NULL || r->busy == NULL)
		return false;
	r->fds[0] = (struct pollfd){.fd = watch->wake, .events = POLLIN};
	for (struct worker_home *h = watch->homes; h != NULL; h = h->next) {
		struct worker *w = pin(h, &r->busy[r->count]);

		if (w == NULL)
			continue;
		r->workers[r->count++] = w;
		r->fds[r->count] = (struct pollfd){.fd = w->control, .events = POLLIN};
	}
	return true;
}

static void round_free(struct round *r)
{
	for (size_t i = 0; i < r->count; i++)
		worker_drop(r->workers[i]);
	free(r->fds);
	free(r->workers);
	free(r->busy);
}

/* It said something, or is gone. */
static void hear(struct worker *w)
{
	switch (frame_receive(w->control, &w->in, 0)) {
	case FRAME_LATE:
		return;
	case FRAME_CLOSED:
		worker_end(w, NULL);
		return;
	case FRAME_DONE:
		if (w->in.head.kind == FRAME_PONG && w->asked != 0) {
			w->asked = 0;
			return;
		}
		break;
	default:
		break;
	}
	worker_end(w, "it sent what is no frame that it may send");
}

/* Calls run in it: is there anybody? */
static void ask(struct worker *w)
{
	struct frame_out out = {.head = {.kind = FRAME_PING}, .fd = -1};
	int64_t silent = w->home->p->all->host.config->worker_silent_seconds;
	int64_t now = clock_mono_ms();

	if (w->asked == 0 && now - w->asked_last >= silent * 1000 / WORKER_BEATS) {
		w->asked = w->asked_last = now;
		(void)frame_send(w->control, &out);
	} else if (w->asked != 0 && now - w->asked > silent * 1000) {
		worker_end(w, "it did not answer for %lld s", (long long)silent);
	}
}

static void look(struct round *r, int64_t beat_ms)
{
	uint64_t woken;

	if (poll(r->fds, r->count + 1, (int)beat_ms) <= 0)
		r->fds[0].revents = 0;
	if (r->fds[0].revents != 0 && read(r->fds[0].fd, &woken, sizeof(woken)) < 0)
		return;
	for (size_t i = 0; i < r->count; i++) {
		if (r->fds[i + 1].revents != 0)
			hear(r->workers[i]);
		else if (r->busy[i])
			ask(r->workers[i]);
	}
}

/* --- starting --- */

/* The lock is held, but not while it starts one. */
static void serve(struct worker_watch *watch)
{
	struct request *r;

	while ((r = watch->requests) != NULL) {
		watch->requests = r->next;
		mutex_unlock(&watch->lock);
		r->good = spawn_child(r->argv, r->env, r->socket, &r->pid, &r->why);
		mutex_lock(&watch->lock);
		r->done = true;
		cond_broadcast(&watch->changed);
	}
}

static void run(void *arg)
{
	struct worker_watch *watch = arg;
	struct round r;
	bool good;

	mutex_lock(&watch->lock);
	while (!watch->ends) {
		serve(watch);
		good = collect(watch, &r);
		watch->looking = true;
		mutex_unlock(&watch->lock);
		if (good)
			look(&r, watch->beat_ms);
		round_free(&r);
		mutex_lock(&watch->lock);
		watch->looking = false;
		watch->rounds++;
		cond_broadcast(&watch->changed);
	}
	mutex_unlock(&watch->lock);
}

bool worker_watch_spawn(struct worker_watch *watch, const char *const argv[],
	const char *const env[], int socket, pid_t *ret_pid, struct fail *f)
{
	struct request *r = calloc(1, sizeof(*r));
	bool good;

	if (r == NULL)
		return fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	*r = (struct request){.argv = argv, .env = env, .socket = socket};
	mutex_lock(&watch->lock);
	r->next = watch->requests;
	watch->requests = r;
	wake(watch);
	while (!r->done)
		cond_wait(&watch->changed, &watch->lock);
	mutex_unlock(&watch->lock);
	good = r->good;
	*ret_pid = r->pid;
	if (!good)
		*f = r->why;
	free(r);
	return good;
}

/* --- whom it watches --- */

void worker_watch_add(struct worker_watch *watch, struct worker_home *home)
{
	mutex_lock(&watch->lock);
	home->next = watch->homes;
	watch->homes = home;
	watch->count++;
	mutex_unlock(&watch->lock);
	wake(watch);
}

void worker_watch_remove(struct worker_watch *watch, struct worker_home *home)
{
	struct worker_home **at = &watch->homes;
	uint64_t round;

	mutex_lock(&watch->lock);
	while (*at != NULL && *at != home)
		at = &(*at)->next;
	if (*at != NULL) {
		*at = home->next;
		watch->count--;
	}
	round = watch->rounds;
	wake(watch);
	while (watch->looking && watch->rounds == round)
		cond_wait(&watch->changed, &watch->lock);
	mutex_unlock(&watch->lock);
}

void worker_watch_wake(struct worker_watch *watch)
{
	wake(watch);
}

struct worker_watch *worker_watch_open(int64_t silent_seconds, struct fail *f)
{
	struct worker_watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL) {
		(void)fail_set(f, FAIL_INTERNAL, "out of memory");
		return NULL;
	}
	mutex_init(&watch->lock);
	cond_init(&watch->changed);
	watch->beat_ms = silent_seconds * 1000 / WORKER_BEATS;
	watch->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (watch->wake >= 0 && thread_start(&watch->thread, "worker-watch", 0, run, watch, f))
		return watch;
	if (watch->wake >= 0)
		(void)close(watch->wake);
	else
		(void)fail_set(f, FAIL_UNAVAILABLE, "no descriptor left to watch workers with");
	cond_finish(&watch->changed);
	mutex_finish(&watch->lock);
	free(watch);
	return NULL;
}

void worker_watch_close(struct worker_watch *watch)
{
	if (watch == NULL)
		return;
	mutex_lock(&watch->lock);
	watch->ends = true;
	mutex_unlock(&watch->lock);
	wake(watch);
	thread_join(&watch->thread);
	(void)close(watch->wake);
	cond_finish(&watch->changed);
	mutex_finish(&watch->lock);
	free(watch);
}
