/*
 * turn - wakes that are put off. A thread that does many things in a row, of which each may
 * wake another thread, begins a turn; the other thread is woken once, at the end of it, and
 * finds more to do. Nobody may wait within a turn for what is put off: turn_now(). [each thread
 * has its own turn]
 */
#ifndef HOST_BASE_TURN_H
#define HOST_BASE_TURN_H

enum turn_put {
	TURN_NONE,  /* no turn, or too much was put off in it: wake now */
	TURN_FIRST, /* put off; the same was not before */
	TURN_AGAIN
};

void turn_begin(void); /* no turns within turns */
void turn_end(void);

/* Puts wake(arg) off; the same one twice is one. */
enum turn_put turn_put_off(void (*wake)(void *arg), void *arg);

/* Does now what was put off. The turn goes on. */
void turn_now(void);

#endif
