/*
 * world - what outlives a daemon of the simulation: chance, time, the disk, the cloud, what clients
 * were told. It lies in memory that all processes of one worker share, so that a daemon can be
 * killed by ending its process. Nothing in it points into a daemon's own memory.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/id.h"

/* Each use of chance has numbers of its own: one more question here changes nothing there. */
enum chance {
	CHANCE_PLAN,   /* what the schedule is about */
	CHANCE_THREAD, /* who runs next */
	CHANCE_NET,
	CHANCE_DISK,
	CHANCE_ID,   /* the random numbers of the daemon */
	CHANCE_LATE, /* what comes later than anybody waits for it */
	CHANCE_WORKER,
	CHANCE_THIEF,
	CHANCE_SLOW, /* answers that are long on their way */
	CHANCE_COUNT
};

enum {
	WORLD_ITEMS = 8,
	WORLD_OBJECTS = 96,
	WORLD_LETTERS = 64,
	WORLD_ERRANDS = 32,
	WORLD_PAIRS = 16,
	WORLD_WHY = 512
};

/* What a client wants, and what it was told. */
struct item {
	const struct wish *wish; /* see work.h; constant of the program */
	char marker[16];         /* stands in what the cloud makes for it */
	int64_t submit_at;       /* world time */
	int64_t cancel_at;       /* 0: never */
	int64_t pending_ms, run_ms;
	int64_t timeout_ms; /* 0: none */
	bool keyed;         /* asks with a key, and in each life again */
	bool fails;
	bool asked, accepted, refused;
	unsigned asking;  /* answers that are on their way, in this life */
	bool impatient;   /* sends its request again before it can have an answer */
	char answer[128]; /* to a request with a key; "": none yet */
	bool unkept;      /* such answers are none that the daemon keeps: they are made anew */
	bool stray;       /* it has been made, and nobody here knows of it: somebody adopts it */
	bool cancel_asked;
	bool cancel_told; /* a cancel was answered: it is durable */
	bool running_told;
	int ended_told;       /* the terminal state a client was told; -1: none */
	bool deciding;        /* a decision is on its way in this life */
	int choice;           /* the last decision: enum job_choice */
	bool leaves;          /* one of them left what the cloud has of it to itself */
	char row_id[ID_SIZE]; /* of its job, whether or not the client was told */
	unsigned allowed;     /* submissions of it that may each make one object */
	char id[ID_SIZE];     /* once accepted */
	char remote[80];      /* what the cloud calls it, as a client was told */
	bool removes, remove_asked, remove_answered;
	char errand[ID_SIZE];    /* the removal, in this life */
	int remove_end;          /* the terminal state a client was told of it; -1: none */
	bool remove_unclear;     /* a request of it was */
	unsigned removes_missed; /* answers that what is there is not */
	/* What is known of its last submission: by the writes that were reported as done. */
	bool in_doubt;         /* something may be sent, and its answer is not on disk */
	bool unclear;          /* and nobody can know any more */
	bool first_in_doubt;   /* the same of the first of several changes */
	unsigned first_doubts; /* how often that could not be known any more */
	uint64_t checkpoint;   /* of the last one; 0: none … */
	uint64_t checkpoints;  /* … and of one that is being written, or the same */
	bool begun;            /* a submission of it */
	bool robbed;           /* see thief.h */
};

/* What a provider keeps, as the store said. */
struct pair {
	char instance[64];
	char key[64];
	uint64_t value; /* 0: it is not there … */
	uint64_t next;  /* … and what is being written, or the same */
};

enum collection {
	OBJECT_NONE,
	OBJECT_JOB,
	OBJECT_DATASET,
	OBJECT_MODEL,
	OBJECT_ENDPOINT,
	OBJECT_DEPLOYED /* a model on an endpoint */
};

/* One object of the cloud. */
struct object {
	enum collection collection;
	char id[80];
	char parent[80]; /* the endpoint of what is deployed */
	char marker[16]; /* of the item; "": of nobody */
	char token[64];
	char display[64];
	char labels[256]; /* JSON */
	char spec[160];   /* JSON */
	int64_t created, pending, run, cancelled;
	bool fail;
	bool again;       /* the network delivered the request that made it twice */
	bool late;        /* who asked for it had given up or died by then */
	bool later;       /* and a search had missed it when lists were to know */
	bool shown;       /* as a stray, in the end */
	bool gone;        /* deleted */
	bool anew;        /* made by hand, in the place of one whose removal somebody was told of */
	unsigned cancels; /* requests to cancel it */
};

/* A request on its way to the cloud. */
struct letter {
	bool used;
	bool live;  /* the daemon that sent it is there, and waits */
	bool later; /* it may come when a search missed what it makes */
	int64_t arrives_at;
	char method[8];
	char target[320]; /* path and query */
	char auth[96];
	char token[64];
	char body[1536];
};

/* When the daemon of this life ends; see life.c. */
enum end_kind {
	END_NEVER,
	END_AT_POINT, /* killed at the nth moment in which another thread could run */
	END_AT_EVENT, /* killed at the nth of the moments around writes and requests */
	END_AT_NAMED, /* killed at the nth of one sort of these */
	END_AT_TIME,  /* killed at a time */
	END_STOP      /* told to stop at a time */
};

struct world {
	uint64_t seed;
	uint64_t chance[CHANCE_COUNT];
	uint64_t digest; /* of all that happened */
	bool tracing;
	int64_t now_ms, mono_ms;
	int64_t began_ms, calm_ms; /* no faults from calm_ms on */

	unsigned life, lives; /* this one; how many end early */
	enum end_kind end;
	uint64_t end_n;
	unsigned end_event; /* END_AT_NAMED: enum event */
	int64_t end_ms;
	unsigned operator_sort, theme;
	bool absent;          /* the provider is, in this life */
	bool was_absent;      /* in some life before */
	unsigned thread_rate; /* of 256: how often another thread runs at a point */
	unsigned fault_rate;  /* of 256 */
	int64_t list_delay_ms;

	struct item items[WORLD_ITEMS];
	size_t item_count;
	char errands[WORLD_ERRANDS][ID_SIZE]; /* jobs that are one */
	size_t errand_count;
	struct pair pairs[WORLD_PAIRS];
	struct object objects[WORLD_OBJECTS];
	size_t object_count;
	struct letter letters[WORLD_LETTERS];
	unsigned answers;            /* made to requests with keys */
	bool thieves;                /* see thief.h */
	bool isolated;               /* the provider runs in a worker */
	unsigned worker_rate;        /* of 256: how many of them come to a bad end */
	unsigned token, tokens_dead; /* access tokens given out; those up to this one are refused */

	/* How it ended. */
	bool settled;
	char why[WORLD_WHY]; /* what is wrong; "": nothing */
	unsigned jobs, parked, terminal, late, later, strays, faults, requests, kills,
		worker_starts, worker_ends, cuts, submit_cuts;
	uint64_t points, events; /* of all lives */
};

extern struct world *world;

uint64_t chance(enum chance which);
uint64_t chance_below(enum chance which, uint64_t n); /* 0 … n-1; n ≥ 1 */
bool chance_of_256(enum chance which, unsigned n);
int64_t chance_between(enum chance which, int64_t from, int64_t to); /* both may be */

/* Begins another schedule: everything is forgotten. */
void world_begin(uint64_t seed, bool tracing);

/* Something is wrong: the first reason is kept. It begins with what sort of wrong that is: "lost:
 * ", "doubled: ", "stuck: " (an end never comes), "crashed: " (the daemon did, or what it needs
 * does not work: that says nothing of any promise), else it gets "wrong: ". */
void world_wrong(const char *fmt, ...) ATTR_PRINTF(1, 2);

/* A line of the trace, if there is one. what: for the digest, too. */
void trace(const char *fmt, ...) ATTR_PRINTF(1, 2);
void digest(uint64_t what);

/* Of a text; never 0. */
uint64_t world_hash(const char *text);

#endif
