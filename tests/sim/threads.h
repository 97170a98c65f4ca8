/*
 * threads - threads of the daemon as coroutines of one thread: chance says who runs next, at
 * each lock, unlock, wait and signal. Time stands still while one can run, and then jumps to where
 * the next one wants to. platform/thread.h and base/clock.h are made of it.
 */
#ifndef SIM_THREADS_H
#define SIM_THREADS_H

#include <stdint.h>

/* Before the first use; finds the thread-local memory of the program. */
void threads_prepare(void);

/* The calling one has none of the thread-local values of before any more: of a new process. */
void threads_forget_local(void);

/* Another one may run now; and a daemon that is to be killed here is. */
void threads_point(void);

/* Waits until that time (clock_mono_ms()). */
void threads_sleep_until(int64_t mono_ms);

/* The name of the one that runs, for the trace. */
const char *threads_name(void);

#endif
