/*
 * thread - threads, locks and signals of the operating system, as little as we need.
 * All calls assert on misuse; none fails for another reason but thread_start.
 */
#ifndef HOST_PLATFORM_THREAD_H
#define HOST_PLATFORM_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fail;

struct mutex {
	pthread_mutex_t m;
};

#define MUTEX_INIT                                                                                 \
	{                                                                                          \
		PTHREAD_MUTEX_INITIALIZER                                                          \
	} /* for a mutex that lives as long as the process */

struct rwlock {
	pthread_rwlock_t l;
};

#define RWLOCK_INIT                                                                                \
	{                                                                                          \
		PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP                                  \
	} /* for one that lives as long as the process */

struct cond { /* waits by the monotonic clock */
	pthread_cond_t c;
};

struct thread {
	pthread_t t;
};

void mutex_init(struct mutex *m);
void mutex_finish(struct mutex *m);
void mutex_lock(struct mutex *m);
void mutex_unlock(struct mutex *m);

/* Many readers or one writer, who waits for no reader that comes later: a reader takes it once. */
void rwlock_read(struct rwlock *l);
void rwlock_write(struct rwlock *l);
void rwlock_unlock(struct rwlock *l);

void cond_init(struct cond *c);
void cond_finish(struct cond *c);
void cond_signal(struct cond *c);
void cond_broadcast(struct cond *c);
void cond_wait(struct cond *c, struct mutex *m);

/* Waits until mono_ms of the real monotonic clock; false when the time came. Use
 * clock_wait() of base/clock.h instead wherever a test may want to drive the time. */
bool cond_wait_until(struct cond *c, struct mutex *m, int64_t mono_ms);

/* Starts run(arg) with all signals blocked. name: up to 15 bytes, for debuggers.
 * stack_bytes 0: 256 KiB. FAIL_UNAVAILABLE where the system has no room for one more. */
bool thread_start(struct thread *t, const char *name, size_t stack_bytes, void (*run)(void *),
	void *arg, struct fail *f);
void thread_join(struct thread *t);

/* The calling thread, for another one to join. */
struct thread thread_self(void);

/* Gives the memory of the calling thread's stack back that its calls before needed and those
 * under way do not: for a thread of thread_start() that is about to wait for long. */
void thread_spare_stack(void);

#endif
