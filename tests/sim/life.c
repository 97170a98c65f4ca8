/* life - see life.h. */
#include "sim/life.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "sim/check.h"
#include "sim/cloud.h"
#include "sim/daemon.h"
#include "sim/disk.h"
#include "sim/kept.h"
#include "sim/leases.h"
#include "sim/operator.h"
#include "sim/process.h"
#include "sim/threads.h"
#include "sim/work.h"
#include "sim/world.h"

enum {
	LIVES_MOST = 4, /* that end early */
	POINTS_LOG2_MOST = 12,
	EVENTS_MOST = 60,
	NAMED_MOST = 4,
	FRAMES_MOST = 40,
	STANDSTILL = 300000,  /* points without a moment of time: it is going round in circles */
	POINTS_MOST = 400000, /* or with it */
	TIME_MOST_MS = 8000,
	LOOK_FIRST_MS = 400,
	LOOK_MOST_MS = 10000,
	PATIENCE_MS = 14400000 /* world time in which all must have ended */
};

static uint64_t points, events; /* of this life */
static uint64_t named[EVENT_COUNT];
static uint64_t points_then; /* when time last passed */

static _Noreturn void end(enum life_exit how)
{
	world->points += points;
	world->events += events;
	(void)fflush(NULL);
	_exit((int)how);
}

void life_stuck(const char *why)
{
	world_wrong("stuck: %s", why);
	end(LIFE_STUCK);
}

void life_failed(const char *why)
{
	world_wrong("crashed: %s", why);
	end(LIFE_STUCK);
}

static _Noreturn void die(const char *where)
{
	trace("KILLED in thread %s, %s", threads_name(), where);
	end(LIFE_KILLED);
}

void life_point(void)
{
	points++;
	process_point();
	if (points - points_then > STANDSTILL)
		life_stuck("it works without end, and time stands still");
	if (points > POINTS_MOST)
		life_stuck("it works on and on");
	if (world->end == END_AT_POINT && points == world->end_n)
		die("between two steps");
}

void life_event(enum event event)
{
	static const char *const words[EVENT_COUNT] = {
		[EVENT_BEFORE_SYNC] = "before a sync",
		[EVENT_AFTER_SYNC] = "after a sync",
		[EVENT_BEFORE_COMMIT] = "before a commit",
		[EVENT_AFTER_COMMIT] = "after a commit",
		[EVENT_CHECKPOINT] = "after the commit of a checkpoint",
		[EVENT_UNSENT] = "after the commit of a change that did not leave",
		[EVENT_PAIR] = "after the commit of a pair",
		[EVENT_BEFORE_REQUEST] = "before a request leaves",
		[EVENT_AFTER_REQUEST] = "after a request left",
		[EVENT_DONE] = "when a request was done",
		[EVENT_ANSWER] = "when an answer came",
		[EVENT_BEFORE_TOLD] = "before an acceptance is told",
		[EVENT_TOLD_ACCEPTED] = "after an acceptance was told",
		[EVENT_TOLD_START] = "after a start was told",
		[EVENT_TOLD_CANCEL] = "after a cancel was answered",
		[EVENT_TOLD_DECISION] = "after a decision was told",
		[EVENT_TOLD_END] = "after an end was told",
		[EVENT_TOLD_REMOVAL] = "after a removal was taken",
		[EVENT_TOLD_REMOVED] = "after the end of a removal was told",
		[EVENT_WORKER] = "at the start of a worker",
		[EVENT_CALL] = "at a call of a worker",
		[EVENT_SERVICE] = "at what a worker asks for",
	};

	events++;
	named[event]++;
	digest(events);
	if (world->end == END_AT_EVENT && events == world->end_n)
		die(words[event]);
	if (world->end == END_AT_NAMED && event == (enum event)world->end_event &&
		named[event] == world->end_n)
		die(words[event]);
}

void life_time(void)
{
	digest((uint64_t)world->now_ms);
	points_then = points;
	if (world->end == END_AT_TIME && world->now_ms >= world->end_ms)
		die("at a time");
}

/* --- plans --- */

void life_plan_all(void)
{
	world->lives = (unsigned)chance_below(CHANCE_PLAN, LIVES_MOST + 1);
	world->thread_rate = (unsigned)(8u << chance_below(CHANCE_PLAN, 5));
	world->fault_rate = (unsigned)chance_below(CHANCE_PLAN, 4) * 20;
	world->operator_sort = (unsigned)chance_below(CHANCE_PLAN, 3);
	world->list_delay_ms = chance_between(CHANCE_PLAN, 0, 300);
	world->calm_ms = world->began_ms + chance_between(CHANCE_PLAN, 2000, 30000);
	world->worker_rate = (unsigned)(1 + chance_below(CHANCE_WORKER, 4)) * 64;
}

/* What a theme is about does not happen often. */
static enum event pick_event(void)
{
	static const enum event about[THEMES][2] = {
		[THEME_DOUBT] = {EVENT_TOLD_DECISION, EVENT_TOLD_DECISION},
		[THEME_CHAIN] = {EVENT_CHECKPOINT, EVENT_PAIR},
		[THEME_UNSENT] = {EVENT_UNSENT, EVENT_UNSENT},
		[THEME_REMOVAL] = {EVENT_TOLD_REMOVAL, EVENT_TOLD_REMOVED},
		[THEME_ACCEPT] = {EVENT_TOLD_ACCEPTED, EVENT_TOLD_ACCEPTED},
	};

	if (world->theme != THEME_ANY && chance_of_256(CHANCE_PLAN, 192))
		return about[world->theme][chance_below(CHANCE_PLAN, 2)];
	return (enum event)chance_below(CHANCE_PLAN, world->isolated ? EVENT_COUNT : EVENT_WORKER);
}

static bool is_rare(unsigned event)
{
	return event == EVENT_CHECKPOINT || event == EVENT_UNSENT || event == EVENT_TOLD_DECISION ||
	       event == EVENT_TOLD_REMOVAL || event == EVENT_TOLD_REMOVED;
}

/* Of moments of that sort. */
static uint64_t most_of(enum end_kind kind)
{
	switch (kind) {
	case END_AT_EVENT:
		return EVENTS_MOST;
	case END_AT_NAMED:
		if (world->end_event >= EVENT_WORKER)
			return FRAMES_MOST;
		return is_rare(world->end_event) ? 2 : NAMED_MOST;
	default:
		return UINT64_C(8) << chance_below(CHANCE_PLAN, POINTS_LOG2_MOST - 2);
	}
}

void life_plan(void)
{
	static const enum end_kind kinds[] = {END_AT_POINT, END_AT_POINT, END_AT_EVENT,
		END_AT_EVENT, END_AT_NAMED, END_AT_NAMED, END_AT_NAMED, END_AT_NAMED, END_AT_TIME,
		END_STOP};

	world->end = END_NEVER;
	world->absent = false;
	if (world->life > world->lives)
		return;
	world->end = kinds[chance_below(CHANCE_PLAN, COUNT(kinds))];
	world->absent = chance_of_256(CHANCE_PLAN, 20);
	world->was_absent = world->was_absent || world->absent;
	if (world->absent) /* little happens in it */
		world->end = chance_of_256(CHANCE_PLAN, 128) ? END_AT_TIME : END_STOP;
	world->end_ms = world->now_ms + chance_between(CHANCE_PLAN, 0, TIME_MOST_MS);
	world->end_event = pick_event();
	world->end_n = 1 + chance_below(CHANCE_PLAN, most_of(world->end));
}

/* --- a life --- */

/* Time went by while there was no daemon; its letters are nobody's any more. */
static void wake_up(void)
{
	for (size_t i = 0; i < world->item_count; i++) {
		world->items[i].deciding = false;
		world->items[i].asking = 0;
	}
	for (size_t i = 0; i < WORLD_LETTERS; i++) {
		struct letter *l = &world->letters[i];

		l->live = false;
		l->used = l->used && l->arrives_at != INT64_MAX;
	}
	cloud_tick();
}

static void open_again(struct daemon_parts *d)
{
	struct fail f = {0};

	disk_forget_process();
	sqlite3_randomness(0, NULL);
	if (!daemon_open(d, &f))
		world_wrong("crashed: the store does not open: %s", f.text);
	else
		check_promises(d);
	if (world->why[0] == '\0')
		kept_check(d);
	if (world->why[0] == '\0')
		leases_read(d);
	if (world->why[0] != '\0')
		end(LIFE_SETTLED);
}

static _Noreturn void stop(struct daemon_parts *d)
{
	trace("told to stop");
	work_stop();
	daemon_stop(d);
	process_check_none();
	trace("stopped");
	end(LIFE_STOPPED);
}

static _Noreturn void supervise(struct daemon_parts *d)
{
	int64_t pause = LOOK_FIRST_MS;
	bool done;

	for (;;) {
		int64_t until = world->now_ms + pause;

		if (world->end == END_STOP && world->end_ms < until)
			until = world->end_ms;
		threads_sleep_until(world->mono_ms + until - world->now_ms);
		if (world->end == END_STOP && world->now_ms >= world->end_ms)
			stop(d);
		cloud_tick();
		/* Before it is looked. Without its provider nobody can say what the cloud has. */
		done = work_done() && !check_letters_left() && !world->absent;
		if (check_look(d))
			operator_look(d);
		if (done && check_settled()) {
			check_end(d);
			end(LIFE_SETTLED);
		}
		if (world->now_ms > world->began_ms + PATIENCE_MS) {
			check_end(d);
			life_stuck("hours went by, and something has not ended");
		}
		if (pause < LOOK_MOST_MS)
			pause += pause / 2;
	}
}

void life_run(struct daemon_parts *d)
{
	struct fail f = {0};

	threads_forget_local();
	process_plan();
	wake_up();
	if (world->life > 1)
		open_again(d);
	if (world->absent)
		daemon_lose_provider(d);
	trace("the daemon starts%s", world->absent ? ", without its provider" : "");
	if (!daemon_start(d, &f)) {
		world_wrong("crashed: the daemon does not start: %s", f.text);
		end(LIFE_SETTLED);
	}
	work_start(d);
	supervise(d);
}
