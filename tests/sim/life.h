/*
 * life - one daemon, from its start to its end: a process of its own, ended as the schedule says.
 */
#ifndef SIM_LIFE_H
#define SIM_LIFE_H

struct daemon_parts;

/* How the process of a daemon ends. */
enum life_exit {
	LIFE_KILLED = 40,
	LIFE_STOPPED,
	LIFE_SETTLED, /* nothing is left to do; what is wrong stands in world->why */
	LIFE_STUCK
};

/* Moments around writes, requests, and answers to clients. */
enum event {
	EVENT_BEFORE_SYNC,
	EVENT_AFTER_SYNC,
	EVENT_BEFORE_COMMIT,
	EVENT_AFTER_COMMIT,
	EVENT_CHECKPOINT, /* one was committed */
	EVENT_UNSENT,     /* the word that a change did not leave was */
	EVENT_PAIR,       /* a pair of a provider was written, or deleted */
	EVENT_BEFORE_REQUEST,
	EVENT_AFTER_REQUEST,
	EVENT_DONE,
	EVENT_ANSWER,
	EVENT_BEFORE_TOLD,
	EVENT_TOLD_ACCEPTED,
	EVENT_TOLD_START,
	EVENT_TOLD_CANCEL,
	EVENT_TOLD_DECISION,
	EVENT_TOLD_END,
	EVENT_TOLD_REMOVAL, /* it was taken */
	EVENT_TOLD_REMOVED, /* it has ended */
	EVENT_WORKER,       /* from here on: around a frame between the daemon and a worker */
	EVENT_CALL,
	EVENT_SERVICE,
	EVENT_COUNT
};

/* Moments at which the daemon may be killed. A point, too, is where another thread may run; an
 * event is one of those around writes and requests; time, when it has passed. */
void life_point(void);
void life_event(enum event event);
void life_time(void);

/* It will never get on. */
_Noreturn void life_stuck(const char *why);

/* The simulation cannot get on. */
_Noreturn void life_failed(const char *why);

/* Draws how many lives end early, and how the one that begins ends. */
void life_plan_all(void);
void life_plan(void);

/* The next life, in the process it shall end. */
_Noreturn void life_run(struct daemon_parts *d);

#endif
