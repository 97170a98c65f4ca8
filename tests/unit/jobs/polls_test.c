/*
 * When jobs are polled: thousands that came at once are asked once per interval each, evenly
 * over it, also after a restart, and nothing is written. The provider is made here: a cloud whose
 * jobs run for ever; its calls end at once, or when the test lets them.
 */
#include <davit/abi.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/log.h"
#include "config/config.h"
#include "jobs/entry.h"
#include "jobs/tracker.h"
#include "platform/fs.h"
#include "provider/provider.h"
#include "store/store.h"
#include "unit/cmocka.h"

enum {
	JOBS = 3000,
	INTERVAL_MS = 60000,
	STEP_MS = 250,
	SECONDS = 400,
	WAIT_MS = 20000,
	CALLS = 4, /* at once, where they are held */
	FEW = 50   /* that are held */
};

/* --- the provider --- */

static struct {
	struct mutex lock;
	int64_t began;          /* of the count */
	unsigned polls[JOBS];   /* of each job since then */
	unsigned each[SECONDS]; /* polls in each second since then */
	bool hold;
	struct cond changed; /* one of those that follow */
	size_t held_count, held_most;
	unsigned let, ended; /* held ones that may end, and that did, all told */
	unsigned calls, threads;
	bool threads_short;
} cloud = {.lock = MUTEX_INIT};

struct call {
	struct call_spec spec;
	bool held;
};

struct task {
	void (*run)(void *arg);
	void *arg;
};

static void answer(const struct call_spec *spec)
{
	struct call_result result = {.has_state = true,
		.state = DAVIT_STATE_RUNNING,
		.next_poll_ms = INTERVAL_MS,
		.reply = json_pack("{s:{s:i}}", "ref", "v", 1)};

	spec->done(&result, spec->ctx);
	json_decref(result.reply);
}

static void count(const struct call_spec *spec)
{
	int64_t second = (clock_mono_ms() - cloud.began) / 1000;
	int job = atoi(json_text_or(json_object_get(spec->request, "spec"), "n", "0"));

	cloud.calls++;
	if (strcmp(spec->slot, "poll") != 0)
		return;
	cloud.polls[job]++;
	if (second < SECONDS)
		cloud.each[second]++;
}

struct call *call_make(const struct call_spec *spec, uint64_t *ret_call, struct fail *f)
{
	struct call *c = malloc(sizeof(*c));

	(void)f;
	assert_non_null(c);
	*ret_call = 1;
	mutex_lock(&cloud.lock);
	count(spec);
	*c = (struct call){*spec, cloud.hold};
	mutex_unlock(&cloud.lock);
	json_decref(spec->request);
	return c;
}

static void wait_until_let(void)
{
	mutex_lock(&cloud.lock);
	cloud.held_count++;
	if (cloud.held_count > cloud.held_most)
		cloud.held_most = cloud.held_count;
	while (cloud.let == 0)
		cond_wait(&cloud.changed, &cloud.lock);
	cloud.let--;
	cloud.held_count--;
	mutex_unlock(&cloud.lock);
}

void call_run(struct call *c)
{
	if (c->held)
		wait_until_let();
	answer(&c->spec);
	if (c->held) {
		mutex_lock(&cloud.lock);
		cloud.ended++;
		cond_broadcast(&cloud.changed);
		mutex_unlock(&cloud.lock);
	}
	free(c);
}

static void *run_task(void *arg)
{
	struct task task = *(struct task *)arg;

	free(arg);
	task.run(task.arg);
	return NULL;
}

/* What ends at once runs where it is asked for. */
bool call_thread(struct providers *ps, void (*run)(void *arg), void *arg, struct fail *f)
{
	struct task *task = malloc(sizeof(*task));
	pthread_t thread;
	bool hold;

	(void)ps;
	(void)f;
	assert_non_null(task);
	*task = (struct task){run, arg};
	mutex_lock(&cloud.lock);
	hold = cloud.hold;
	cloud.threads++;
	mutex_unlock(&cloud.lock);
	if (!hold) {
		(void)run_task(task);
		return true;
	}
	assert_int_equal(pthread_create(&thread, NULL, run_task, task), 0);
	assert_int_equal(pthread_detach(thread), 0);
	return true;
}

bool call_threads_short(struct providers *ps)
{
	bool is_short;

	(void)ps;
	mutex_lock(&cloud.lock);
	is_short = cloud.threads_short;
	mutex_unlock(&cloud.lock);
	return is_short;
}

/* Lets one call end that is held; false: there is none. */
static bool let_one_end(void)
{
	unsigned before;
	bool any;

	mutex_lock(&cloud.lock);
	any = cloud.held_count > 0;
	before = cloud.ended;
	if (any)
		cloud.let++;
	cond_broadcast(&cloud.changed);
	while (any && cloud.ended == before)
		cond_wait(&cloud.changed, &cloud.lock);
	mutex_unlock(&cloud.lock);
	return any;
}

void call_result_finish(struct call_result *r)
{
	json_decref(r->reply);
	r->reply = NULL;
}

void call_cancel(struct providers *ps, uint64_t call)
{
	(void)ps;
	(void)call;
}

struct provider *providers_find(struct providers *ps, const char *id)
{
	(void)id;
	return (struct provider *)ps;
}

const json_t *provider_manifest(const struct provider *p)
{
	(void)p;
	return NULL;
}

bool provider_offers(const struct provider *p, const char *interface, const char *slot,
	const char *kind, struct fail *f)
{
	(void)p;
	(void)interface;
	(void)kind;
	return fail_set(f, FAIL_UNSUPPORTED, "no slot %s", slot);
}

const char *provider_idempotency(
	const struct provider *p, const char *interface, const char *slot, const char *kind)
{
	(void)p;
	(void)interface;
	(void)slot;
	(void)kind;
	return "name";
}

int64_t provider_settle_ms(
	const struct provider *p, const char *interface, const char *slot, const char *kind)
{
	(void)p;
	(void)interface;
	(void)slot;
	(void)kind;
	return 0;
}

void provider_derived_name(const struct provider *p, const char *interface, const char *slot,
	const char *submission, char *name, size_t size)
{
	(void)p;
	(void)interface;
	(void)slot;
	(void)snprintf(name, size, "n-%s", submission);
}

/* --- the site --- */

struct site {
	char dir[64];
	char target[128];
	struct config_provider provider;
	struct config config;
	struct store *store;
	struct tracker *tracker;
};

static void start(struct site *s)
{
	struct fail f = {0};
	int anything = 0;
	struct tracker_options options = {
		.config = &s->config, .providers = (struct providers *)&anything};

	s->store = store_open(s->target, &f);
	assert_non_null(s->store);
	options.store = s->store;
	s->tracker = tracker_start(&options, &f);
	assert_non_null(s->tracker);
}

static void stop(struct site *s)
{
	tracker_stop(s->tracker);
	store_close(s->store);
}

static int set_up(void **state)
{
	struct site *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	(void)snprintf(s->dir, sizeof(s->dir), "/tmp/davit-polls.XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	(void)snprintf(s->target, sizeof(s->target), "sqlite:%s/davit.db", s->dir);
	s->provider = (struct config_provider){
		.id = (char *)"p", .enabled = true, .max_running = JOBS, .max_calls = CALLS};
	s->config = (struct config){.max_running = JOBS,
		.max_queued = JOBS,
		.max_queued_per_project = JOBS,
		.providers = &s->provider,
		.provider_count = 1};
	log_set_level(LOG_ERROR);
	memset(cloud.polls, 0, sizeof(cloud.polls));
	cloud.hold = false;
	cond_init(&cloud.changed);
	cloud.held_most = 0;
	cloud.calls = 0;
	clock_virtual_start(1700000000000, 1234567);
	cloud.began = clock_mono_ms(); /* the test before ran to a later time */
	start(s);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct site *s = *state;
	struct fail f;

	mutex_lock(&cloud.lock);
	cloud.hold = false;
	mutex_unlock(&cloud.lock);
	while (let_one_end())
		;
	stop(s);
	cond_finish(&cloud.changed);
	clock_virtual_stop();
	(void)fs_remove_tree(s->dir, &f);
	free(s);
	return 0;
}

static void accepted(const char *id, const struct fail *f, void *ctx)
{
	(void)id;
	(void)ctx;
	assert_null(f);
}

static void order(struct site *s, int number)
{
	char name[16];
	json_t *request;
	struct job_order o = {
		.provider = "p", .interface = "davit.training", .kind = "train", .name = "n"};

	(void)snprintf(name, sizeof(name), "%d", number);
	request = json_pack("{s:{s:s}}", "spec", "n", name);
	o.request = request;
	tracker_submit(s->tracker, &o, accepted, NULL);
	json_decref(request);
}

/* The tracker has done all that is due: it waits for a later time. */
static void pass(int64_t ms)
{
	for (; ms > 0; ms -= STEP_MS) {
		clock_advance(STEP_MS);
		assert_true(clock_virtual_await(1, WAIT_MS));
	}
}

static void count_anew(void)
{
	mutex_lock(&cloud.lock);
	cloud.began = clock_mono_ms();
	memset(cloud.polls, 0, sizeof(cloud.polls));
	memset(cloud.each, 0, sizeof(cloud.each));
	mutex_unlock(&cloud.lock);
}

/* Since count_anew() so many whole intervals passed. */
static void expect_even_polls(unsigned intervals)
{
	unsigned mean = JOBS / (INTERVAL_MS / 1000);

	for (size_t i = 0; i < JOBS; i++)
		assert_int_equal(cloud.polls[i], intervals);
	for (size_t i = 0; i < intervals * INTERVAL_MS / 1000; i++) {
		assert_true(cloud.each[i] <= 2 * mean);
		assert_true(cloud.each[i] >= mean / 2);
	}
}

static bool count_one(const struct job *job, void *ctx)
{
	(void)job;
	(*(int *)ctx)++;
	return true;
}

static int running(const struct site *s)
{
	const struct job_filter filter = {.states = JOB_BIT(JOB_RUNNING)};
	struct fail f;
	int n = 0;

	assert_true(store_jobs(s->store, &filter, count_one, &n, &f));
	return n;
}

static void all_run(struct site *s, int jobs)
{
	for (int i = 0; i < jobs; i++)
		order(s, i);
	for (int i = 0; i < WAIT_MS / 10 && running(s) < jobs; i++)
		(void)poll(NULL, 0, 10);
	assert_int_equal(running(s), jobs);
	pass(2 * INTERVAL_MS); /* each has come to its time in the interval */
}

static struct timespec last_write(const struct site *s)
{
	char path[128];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/davit.db-wal", s->dir);
	assert_int_equal(stat(path, &st), 0);
	return st.st_mtim;
}

static void each_job_is_polled_once_per_interval_and_evenly_over_it(void **state)
{
	struct site *s = *state;
	struct timespec before, after;

	all_run(s, JOBS);
	before = last_write(s);
	count_anew();
	pass(3 * INTERVAL_MS);
	expect_even_polls(3);
	after = last_write(s);
	assert_memory_equal(&before, &after, sizeof(before)); /* and nothing is written */
}

static void after_a_restart_too(void **state)
{
	struct site *s = *state;
	struct timespec before, after;

	all_run(s, JOBS);
	stop(s);
	clock_advance(17321);
	count_anew();
	start(s);
	before = last_write(s);
	pass(3 * INTERVAL_MS);
	expect_even_polls(3);
	after = last_write(s);
	assert_memory_equal(&before, &after, sizeof(before));
}

static bool some_are_held(unsigned want)
{
	size_t n;

	mutex_lock(&cloud.lock);
	n = cloud.held_count;
	mutex_unlock(&cloud.lock);
	return n == want;
}

/* All are due at once, and four may be asked for at a time. */
static void see_a_line(struct site *s)
{
	unsigned ended = 0;

	all_run(s, FEW);
	mutex_lock(&cloud.lock);
	cloud.hold = true;
	cloud.calls = cloud.threads = 0;
	mutex_unlock(&cloud.lock);
	count_anew();
	clock_advance(INTERVAL_MS); /* all are due at once */
	while (ended < FEW) {
		unsigned left = FEW - ended;

		for (int i = 0; i < WAIT_MS && !some_are_held(left < CALLS ? left : CALLS); i++)
			(void)poll(NULL, 0, 1); /* no time passes meanwhile */
		assert_true(some_are_held(left < CALLS ? left : CALLS));
		assert_true(let_one_end());
		ended++;
	}
	assert_int_equal(cloud.held_most, CALLS);
	assert_int_equal(cloud.calls, FEW);
	for (size_t i = 0; i < FEW; i++)
		assert_int_equal(cloud.polls[i], 1);
	cloud.hold = false;
}

/* Jobs whose provider has no place for a call stand in line, and none is passed over. The thread of
 * a call that ends goes on with the next one. */
static void calls_that_find_no_place_wait_in_line_for_one(void **state)
{
	see_a_line(*state);
	assert_int_equal(cloud.threads, CALLS);
}

/* Else a slow provider with many jobs would keep all threads. */
static void a_thread_that_others_wait_for_does_not_go_on(void **state)
{
	cloud.threads_short = true;
	see_a_line(*state);
	assert_int_equal(cloud.threads, FEW);
}

/* --- the arithmetic --- */

static void a_time_to_poll_is_in_the_interval_and_comes_back_in_each(void **state)
{
	static const int64_t intervals[] = {50, 1000, 2000, 60000, 299999, 300000};
	struct open_job e = {0};

	(void)state;
	for (uint32_t i = 0; i < 20000; i++) {
		int64_t interval = intervals[i % COUNT(intervals)];
		int64_t from = (int64_t)i * 7919 % 1000003;
		int64_t at;

		e.phase = i * UINT32_C(2654435769);
		at = entry_poll_time(&e, from, interval);
		assert_in_range(at, from, from + interval - 1);
		assert_int_equal(entry_poll_time(&e, at + 1, interval), at + interval);
		assert_int_equal(entry_poll_time(&e, at + interval / 2, interval), at + interval);
	}
}

static void each_second_of_a_long_interval_has_its_share(void **state)
{
	enum {
		SECONDS_LONG = 900,
		EACH = 40
	};
	unsigned seconds[SECONDS_LONG] = {0};
	struct open_job e = {0};

	(void)state;
	for (uint32_t i = 0; i < SECONDS_LONG * EACH; i++) {
		e.phase = i * UINT32_C(2654435769);
		seconds[entry_poll_time(&e, 0, SECONDS_LONG * 1000) / 1000]++;
	}
	for (size_t i = 0; i < SECONDS_LONG; i++)
		assert_in_range(seconds[i], EACH / 2, EACH * 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_job_is_polled_once_per_interval_and_evenly_over_it),
		TEST(after_a_restart_too),
		TEST(calls_that_find_no_place_wait_in_line_for_one),
		TEST(a_thread_that_others_wait_for_does_not_go_on),
		cmocka_unit_test(a_time_to_poll_is_in_the_interval_and_comes_back_in_each),
		cmocka_unit_test(each_second_of_a_long_interval_has_its_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
