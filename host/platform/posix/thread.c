/* Threads and locks by POSIX. What only our own code can get wrong ends the process at once. */
#include "platform/thread.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"

/* Sanitizers put guards around everything on a stack. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STACK_FACTOR 4
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_FACTOR 4
#endif
#ifndef STACK_FACTOR
#define STACK_FACTOR 1
#endif

#define STACK_BYTES ((size_t)256 * 1024)
#define STACK_NEAR  ((size_t)1024 * STACK_FACTOR) /* below a frame: its own, and those of a wait */
#define NEVER_MS                                                                                   \
	(INT64_C(1) << 50) /* past what the kernel counts; waits from here on are endless */

/* What is shipped turns for a moment before it sleeps: most locks are held for less time than a
 * thread needs to go to sleep and come back. What is tested looks whether the one that unlocks is
 * the one that locked. */
#ifdef DAVIT_TESTING
#define MUTEX_KIND PTHREAD_MUTEX_ERRORCHECK
#else
#define MUTEX_KIND PTHREAD_MUTEX_ADAPTIVE_NP
#endif

struct start {
	void (*run)(void *);
	void *arg;
	char name[16];
};

/* Not assert(): it must hold in a release too. */
static void must(int err, const char *what)
{
	if (err == 0)
		return;
	fprintf(stderr, "davit: %s: %s\n", what, strerrorname_np(err));
	abort();
}

void mutex_init(struct mutex *m)
{
	pthread_mutexattr_t attr;

	must(pthread_mutexattr_init(&attr), "mutex_init");
	must(pthread_mutexattr_settype(&attr, MUTEX_KIND), "mutex_init");
	must(pthread_mutex_init(&m->m, &attr), "mutex_init");
	must(pthread_mutexattr_destroy(&attr), "mutex_init");
}

void mutex_finish(struct mutex *m)
{
	must(pthread_mutex_destroy(&m->m), "mutex_finish");
}

void mutex_lock(struct mutex *m)
{
	must(pthread_mutex_lock(&m->m), "mutex_lock");
}

void mutex_unlock(struct mutex *m)
{
	must(pthread_mutex_unlock(&m->m), "mutex_unlock");
}

void rwlock_read(struct rwlock *l)
{
	must(pthread_rwlock_rdlock(&l->l), "rwlock_read");
}

void rwlock_write(struct rwlock *l)
{
	must(pthread_rwlock_wrlock(&l->l), "rwlock_write");
}

void rwlock_unlock(struct rwlock *l)
{
	must(pthread_rwlock_unlock(&l->l), "rwlock_unlock");
}

void cond_init(struct cond *c)
{
	pthread_condattr_t attr;

	must(pthread_condattr_init(&attr), "cond_init");
	must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), "cond_init");
	must(pthread_cond_init(&c->c, &attr), "cond_init");
	must(pthread_condattr_destroy(&attr), "cond_init");
}

void cond_finish(struct cond *c)
{
	must(pthread_cond_destroy(&c->c), "cond_finish");
}

void cond_signal(struct cond *c)
{
	must(pthread_cond_signal(&c->c), "cond_signal");
}

void cond_broadcast(struct cond *c)
{
	must(pthread_cond_broadcast(&c->c), "cond_broadcast");
}

void cond_wait(struct cond *c, struct mutex *m)
{
	must(pthread_cond_wait(&c->c, &m->m), "cond_wait");
}

bool cond_wait_until(struct cond *c, struct mutex *m, int64_t mono_ms)
{
	struct timespec until = {0};
	int err;

	if (mono_ms >= NEVER_MS) {
		cond_wait(c, m);
		return true;
	}
	if (mono_ms > 0) {
		until.tv_sec = (time_t)(mono_ms / 1000);
		until.tv_nsec = (long)(mono_ms % 1000) * 1000000;
	}
	err = pthread_cond_timedwait(&c->c, &m->m, &until);
	if (err == ETIMEDOUT)
		return false;
	must(err, "cond_wait_until");
	return true;
}

/* Of a thread of ours: what lies between them is its stack. NULL: not known. */
static _Thread_local char *stack_low, *stack_top;

/* The size that was asked for would not do: thread-local variables of all libraries lie in the
 * same block, at its top, and with a sanitizer they take most of it. */
static void stack_know(char *top)
{
	pthread_attr_t attr;
	void *low = NULL;
	size_t size;

	if (pthread_getattr_np(pthread_self(), &attr) != 0)
		return;
	if (pthread_attr_getstack(&attr, &low, &size) == 0) {
		stack_top = top;
		stack_low = low;
	}
	(void)pthread_attr_destroy(&attr);
}

static void *run_started(void *arg)
{
	struct start s = *(struct start *)arg;

	stack_know((char *)__builtin_frame_address(0));
	free(arg);
	pthread_setname_np(pthread_self(), s.name);
	s.run(s.arg);
	return NULL;
}

/* The new thread inherits the mask, so all is blocked before it exists. */
static int create(pthread_t *t, size_t stack_bytes, struct start *s)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int err;

	must(pthread_attr_init(&attr), "thread_start");
	must(pthread_attr_setstacksize(&attr, stack_bytes), "thread_start");
	sigfillset(&all);
	must(pthread_sigmask(SIG_SETMASK, &all, &before), "thread_start");
	err = pthread_create(t, &attr, run_started, s);
	must(pthread_sigmask(SIG_SETMASK, &before, NULL), "thread_start");
	must(pthread_attr_destroy(&attr), "thread_start");
	return err;
}

bool thread_start(struct thread *t, const char *name, size_t stack_bytes, void (*run)(void *),
	void *arg, struct fail *f)
{
	struct start *s = calloc(1, sizeof(*s));
	size_t stack = (stack_bytes == 0 ? STACK_BYTES : stack_bytes) * STACK_FACTOR;
	int err;

	if (s == NULL)
		return fail_errno(f, ENOMEM, "start thread %s", name);
	s->run = run;
	s->arg = arg;
	snprintf(s->name, sizeof(s->name), "%s", name);
	if (stack < (size_t)PTHREAD_STACK_MIN)
		stack = (size_t)PTHREAD_STACK_MIN;
	err = create(&t->t, stack, s);
	if (err == 0)
		return true;
	free(s);
	fail_errno(f, err, "start thread %s", name);
	if (f != NULL) /* some systems say EINVAL for a stack they have no room for */
		f->code = FAIL_UNAVAILABLE;
	return false;
}

void thread_join(struct thread *t)
{
	must(pthread_join(t->t, NULL), "thread_join");
}

struct thread thread_self(void)
{
	return (struct thread){pthread_self()};
}

/* Who calls may run on a stack of his own, with the thread's memory between that and this one. */
void thread_spare_stack(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	char *from = stack_low, *to = (char *)__builtin_frame_address(0);

	if (from == NULL || to <= from + STACK_NEAR || to > stack_top)
		return;
	from += page - (uintptr_t)from % page;
	to -= STACK_NEAR;
	to -= (uintptr_t)to % page;
	if (from < to)
		(void)madvise(from, (size_t)(to - from), MADV_DONTNEED);
}
