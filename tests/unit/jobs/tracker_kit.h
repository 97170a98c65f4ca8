/*
 * tracker_kit - a tracker over a real store, a cloud in memory (fake_provider.h) and a clock
 * the tests drive. Functions that wait let time pass and fail the test when nothing comes.
 */
#ifndef TESTS_UNIT_JOBS_TRACKER_KIT_H
#define TESTS_UNIT_JOBS_TRACKER_KIT_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "base/id.h"
#include "config/config.h"
#include "jobs/job.h"
#include "jobs/tracker.h"
#include "store/driver.h"
#include "store/store.h"
#include "unit/cmocka.h"

enum {
	ROUNDS = 20000, /* of one real millisecond: how long a test waits for an event at most */
	STEP_MS = 50    /* virtual time per round, at least */
};

struct fixture {
	char dir[64];
	char target[128];
	struct config_provider provider; /* "p", two jobs at once */
	struct config config;
	struct store_driver driver;
	struct store *store;
	struct tracker *tracker;
};

/* A cmocka setup and teardown for each test. */
int set_up(void **state);
int tear_down(void **state);

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* From now on nothing can be written, or all again. */
void disk_fails(bool fails);
unsigned disk_writes(void); /* that were tried so far */

void start(struct fixture *x);
void stop(struct fixture *x);
void restart(struct fixture *x);

/* What became of an order. */
struct ticket {
	char id[ID_SIZE];
	enum fail_code refused;
	atomic_bool done;
};

void accepted(const char *id, const struct fail *f, void *ticket);

/* One round of time: a step, or where all threads have slept since the last, up to what the first
 * of them waits for. */
void let_time_pass(void);

/* Until *done. */
void await_flag(const atomic_bool *done);

struct ticket order_at(
	struct fixture *x, const char *provider, const char *interface, int64_t timeout_ms);
struct ticket order(struct fixture *x, const char *interface, int64_t timeout_ms);
struct ticket train_at(struct fixture *x, const char *provider);
struct ticket train(struct fixture *x); /* must be accepted */
struct ticket train_for(struct fixture *x, const char *project);

struct job_status status_of(struct fixture *x, const char *id);
void await_state(struct fixture *x, const char *id, enum job_state want);
void await_calls(const char *slot, unsigned want);

struct cancelled {
	bool changed;
	enum fail_code code;
	atomic_bool done;
};

void cancel_done(bool changed, const struct fail *f, void *cancelled);

/* Did the cancel, which must be taken, change something? */
bool cancel(struct fixture *x, const char *id);

struct job job_of(struct fixture *x, const char *id);

#endif
