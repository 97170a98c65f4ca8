/* tracker_kit - see tracker_kit.h. */
#include "unit/jobs/tracker_kit.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "platform/fs.h"
#include "unit/jobs/fake_provider.h"

/* --- a disk that may fail --- */

static atomic_bool failing;
static atomic_uint begun;

static bool begin(void *db, bool durable, struct fail *f)
{
	atomic_fetch_add(&begun, 1);
	if (atomic_load(&failing))
		return fail_set(f, FAIL_UNAVAILABLE, "the disk takes no writes");
	return store_sqlite.begin(db, durable, f);
}

void disk_fails(bool fails)
{
	atomic_store(&failing, fails);
}

unsigned disk_writes(void)
{
	return atomic_load(&begun);
}

void start(struct fixture *x)
{
	struct fail f = {0};
	int anything = 0;
	struct tracker_options options = {
		.config = &x->config, .providers = (struct providers *)&anything};

	x->driver = store_sqlite;
	x->driver.begin = begin;
	x->store = store_open_driver(&x->driver, strchr(x->target, ':') + 1, &f);
	assert_non_null(x->store);
	options.store = x->store;
	x->tracker = tracker_start(&options, &f);
	assert_non_null(x->tracker);
}

void stop(struct fixture *x)
{
	tracker_stop(x->tracker);
	store_close(x->store);
}

int set_up(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));

	assert_non_null(x);
	(void)snprintf(x->dir, sizeof(x->dir), "/tmp/davit-tracker.XXXXXX");
	assert_non_null(mkdtemp(x->dir));
	(void)snprintf(x->target, sizeof(x->target), "sqlite:%s/davit.db", x->dir);
	x->provider = (struct config_provider){
		.id = (char *)"p", .enabled = true, .max_running = 2, .max_calls = 8};
	x->config = (struct config){.max_running = 8,
		.max_queued = 100,
		.max_queued_per_project = 50,
		.providers = &x->provider,
		.provider_count = 1};
	log_set_level(LOG_ERROR);
	disk_fails(false);
	fake_reset();
	clock_virtual_start(1700000000000, 1000000);
	start(x);
	*state = x;
	return 0;
}

int tear_down(void **state)
{
	struct fixture *x = *state;
	struct fail f;

	stop(x);
	clock_virtual_stop();
	(void)fs_remove_tree(x->dir, &f);
	free(x);
	return 0;
}

void restart(struct fixture *x)
{
	stop(x);
	start(x);
}

/* Adds how often a thread gave up its processor; false where it has not. */
static bool sleeps(const char *task, unsigned long *naps)
{
	char path[64], line[128], state = 'X';
	unsigned long n;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%.20s/status", task);
	file = fopen(path, "r");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "State:\t", 7) == 0)
			state = line[7];
		else if (sscanf(line, "voluntary_ctxt_switches: %lu", &n) == 1)
			*naps += n;
	}
	if (file != NULL)
		(void)fclose(file);
	return strchr("SX", state) != NULL;
}

/* How often all other threads went to sleep so far; 0 where one is awake. */
static unsigned long all_sleep(void)
{
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *task;
	unsigned long naps = 1;
	bool asleep = tasks != NULL;

	while (asleep && (task = readdir(tasks)) != NULL) {
		if (task->d_name[0] != '.' && atoi(task->d_name) != gettid())
			asleep = sleeps(task->d_name, &naps);
	}
	if (tasks != NULL)
		(void)closedir(tasks);
	return asleep ? naps : 0;
}

/* Where nobody woke since the last round, what the test saw meanwhile is how it stands. */
void let_time_pass(void)
{
	static unsigned long before;
	unsigned long now = all_sleep();
	int64_t next = clock_virtual_next();
	bool idle = now != 0 && now == before && next != CLOCK_NEVER;
	int64_t ahead = idle ? next - clock_mono_ms() : 0;

	clock_advance(ahead > STEP_MS ? ahead : STEP_MS);
	(void)poll(NULL, 0, 1);
	before = all_sleep();
}

/* --- orders --- */

void accepted(const char *id, const struct fail *f, void *ctx)
{
	struct ticket *ticket = ctx;

	if (f != NULL)
		ticket->refused = f->code;
	else
		(void)snprintf(ticket->id, sizeof(ticket->id), "%s", id);
	ticket->done = true;
}

void await_flag(const atomic_bool *done)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (*done)
			return;
		let_time_pass();
	}
	fail_msg("nobody answered");
}

static struct ticket order_for(struct fixture *x, const char *project, const char *provider,
	const char *interface, int64_t timeout_ms)
{
	json_t *request = json_pack("{s:{}}", "spec");
	const struct job_order o = {.provider = provider,
		.project = project,
		.interface = interface,
		.kind = "train",
		.name = "n",
		.request = request,
		.timeout_ms = timeout_ms};
	struct ticket ticket = {0};

	tracker_submit(x->tracker, &o, accepted, &ticket);
	await_flag(&ticket.done);
	json_decref(request);
	return ticket;
}

struct ticket order_at(
	struct fixture *x, const char *provider, const char *interface, int64_t timeout_ms)
{
	return order_for(x, NULL, provider, interface, timeout_ms);
}

struct ticket order(struct fixture *x, const char *interface, int64_t timeout_ms)
{
	return order_at(x, "p", interface, timeout_ms);
}

struct ticket train_at(struct fixture *x, const char *provider)
{
	return order_at(x, provider, "davit.training", 0);
}

struct ticket train(struct fixture *x)
{
	struct ticket ticket = order(x, "davit.training", 0);

	assert_int_equal(ticket.refused, FAIL_NONE);
	return ticket;
}

struct ticket train_for(struct fixture *x, const char *project)
{
	struct ticket ticket = order_for(x, project, "p", "davit.training", 0);

	assert_int_equal(ticket.refused, FAIL_NONE);
	return ticket;
}

struct job_status status_of(struct fixture *x, const char *id)
{
	struct job_status status;
	struct fail f;

	assert_true(store_job_status(x->store, id, &status, &f));
	return status;
}

void await_state(struct fixture *x, const char *id, enum job_state want)
{
	enum job_state state = JOB_STATE_COUNT;

	for (int i = 0; i < ROUNDS; i++) {
		state = status_of(x, id).state;
		if (state == want)
			return;
		let_time_pass();
	}
	fail_msg("job stays %s, never %s", job_state_word(state), job_state_word(want));
}

void await_calls(const char *slot, unsigned want)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (fake_calls(slot) >= want)
			return;
		let_time_pass();
	}
	fail_msg("%s is not called", slot);
}

void cancel_done(bool changed, const struct fail *f, void *ctx)
{
	struct cancelled *c = ctx;

	c->changed = changed;
	c->code = f == NULL ? FAIL_NONE : f->code;
	c->done = true;
}

bool cancel(struct fixture *x, const char *id)
{
	struct cancelled c = {0};

	tracker_cancel(x->tracker, id, cancel_done, &c);
	await_flag(&c.done);
	assert_int_equal(c.code, FAIL_NONE);
	return c.changed;
}

struct job job_of(struct fixture *x, const char *id)
{
	struct job job = {0};
	struct fail f;

	assert_true(store_job(x->store, id, &job, &f));
	return job;
}
