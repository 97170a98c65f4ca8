/*
 * threads - threads of the daemon as coroutines of one thread: chance says who runs next, at
 * each lock, unlock, wait and signal. Time stands still while one can run, and then jumps to where
 * the next one wants to. platform/thread.h and base/clock.h are made of it.
 */
#ifndef SIM_THREADS_H
#define SIM_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Before the first use; finds the thread-local memory of the program. */
void threads_prepare(void);

/* The calling one has none of the thread-local values of before any more: of a new process. */
void threads_forget_local(void);

/* Another one may run now; and a daemon that is to be killed here is. */
void threads_point(void);

/* Waits until that time (clock_mono_ms()). */
void threads_sleep_until(int64_t mono_ms);

/* Waits for threads_wake() of the same; false: that time came. */
bool threads_wait(const void *what, int64_t mono_ms);
void threads_wake(const void *what);

/* Threads belong to a process: 0 is the daemon, and those that a thread starts are of its own. The
 * first one of another; all of it never run again, not even the caller; they stand still, until
 * that. See process.h. */
unsigned threads_process(void);
void threads_begin(unsigned process, const char *name, void (*run)(void *), void *arg);
void threads_end(unsigned process);
void threads_stop(unsigned process);

/* Nobody will join it: the number of it in struct thread. */
void threads_detach(size_t thread);

/* The name of the one that runs, for the trace. */
const char *threads_name(void);

#endif
