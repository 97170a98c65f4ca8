/* The provider is put together as providers_open() would, from tables instead of a file. */
#include "unit/provider/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fail.h"
#include "provider/internal.h"
#include "provider/services.h"
#include "secret/tokens.h"
#include "store/blobs.h"
#include "store/store.h"
#include "unit/cmocka.h"

static void must(bool ok, const struct fail *f)
{
	if (!ok)
		fail_msg("%s", f->text);
}

static void open_provider(struct kit *k, bool may_process)
{
	struct fail f = {0};

	k->ps = calloc(1, sizeof(*k->ps));
	assert_non_null(k->ps);
	k->ps->host = (struct provider_host){.store = k->store,
		.blobs = k->blobs,
		.processes = k->processes,
		.config = &k->config};
	k->ps->tokens = tokens_open();
	assert_non_null(k->ps->tokens);
	k->ps->list = calloc(2, sizeof(*k->ps->list)); /* and what would serve instead */
	assert_non_null(k->ps->list);
	k->ps->count = 1;
	k->ps->names = strdup("kit");
	k->p = &k->ps->list[0];
	k->ps->list[1] = (struct provider){.config = &k->entry, .all = k->ps};
	mutex_init(&k->ps->records);
	k->p->config = &k->entry;
	k->p->all = k->ps;
	k->p->manifest = json_object();
	k->p->may_process = may_process;
	k->p->tables[table_index(DAVIT_TRAINING)] = &k->training;
	k->p->tables[table_index(DAVIT_PREDICTION)] = &k->prediction;
	k->p->instance = (davit_instance)(uintptr_t)k;
	must(call_table_open(&k->ps->calls, k->ps, &f), &f);
}

void kit_open(struct kit *k, bool may_process)
{
	static char id[] = "kit";
	davit_host_query query = services_query(may_process);
	struct fail f = {0};
	char target[SCRATCH_SIZE + 32];

	memset(k, 0, sizeof(*k));
	scratch_open(k->folder);
	k->config.data_dir = k->folder;
	k->config.call_timeout_seconds = 30;
	k->config.max_threads = 256;
	k->config.max_waiting = 128;
	k->entry = (struct config_provider){.id = id, .enabled = true, .max_calls = 8};
	(void)snprintf(target, sizeof(target), "sqlite:%s/davit.db", k->folder);
	k->store = store_open(target, &f);
	must(k->store != NULL, &f);
	k->blobs = blobs_open(k->folder, &f);
	must(k->blobs != NULL, &f);
	k->processes = (struct processes *)(void *)k; /* the fakes only hand it on */
	k->training.size = sizeof(k->training);
	k->prediction.size = sizeof(k->prediction);
	k->core = query(DAVIT_HOST_CORE, 1);
	k->kv = query(DAVIT_HOST_KV, 1);
	k->blob = query(DAVIT_HOST_BLOB, 1);
	k->job = query(DAVIT_HOST_JOB, 1);
	k->process = query(DAVIT_HOST_PROCESS, 1);
	open_provider(k, may_process);
}

void kit_limit(struct kit *k, int64_t max_threads, int64_t max_waiting)
{
	struct fail f = {0};

	assert_true(call_table_close(&k->ps->calls, KIT_WAIT_MS));
	call_table_finish(&k->ps->calls);
	k->config.max_threads = max_threads;
	k->config.max_waiting = max_waiting;
	k->ps->calls = (struct call_table){0};
	must(call_table_open(&k->ps->calls, k->ps, &f), &f);
}

void kit_close(struct kit *k)
{
	(void)providers_close(k->ps, KIT_WAIT_MS);
	blobs_close(k->blobs);
	store_close(k->store);
	scratch_close(k->folder);
}

struct kit *kit_of(davit_instance inst)
{
	return (struct kit *)(uintptr_t)inst; /* NOLINT(performance-no-int-to-ptr) */
}

struct call_spec kit_spec(struct kit *k, const char *interface, const char *slot)
{
	return (struct call_spec){
		.provider = k->p, .interface = interface, .slot = slot, .body_fd = -1};
}

static void done(struct call_result *result, void *ctx)
{
	struct kit_call *c = ctx;

	mutex_lock(&c->lock);
	c->times++;
	c->result = *result;
	result->reply = NULL;
	cond_broadcast(&c->ended);
	mutex_unlock(&c->lock);
}

static void prepare(struct kit *k, struct kit_call *c, struct call_spec *spec)
{
	memset(c, 0, sizeof(*c));
	c->k = k;
	mutex_init(&c->lock);
	cond_init(&c->ended);
	spec->done = done;
	spec->ctx = c;
}

void kit_start(struct kit *k, struct kit_call *c, struct call_spec spec)
{
	struct fail f = {0};

	prepare(k, c, &spec);
	must(call_start(&spec, &c->handle, &f), &f);
}

void kit_start_blind(struct kit *k, struct kit_call *c, struct call_spec spec)
{
	struct fail f = {0};

	prepare(k, c, &spec);
	must(call_start(&spec, NULL, &f), &f);
}

/* By the clock of the system, also where the daemon's is driven. */
void kit_await(struct kit_call *c)
{
	struct timespec now;
	int64_t until;
	bool came = true;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	until = (int64_t)now.tv_sec * 1000 + KIT_WAIT_MS;
	mutex_lock(&c->lock);
	while (c->times == 0 && came)
		came = cond_wait_until(&c->ended, &c->lock, until);
	came = c->times > 0;
	mutex_unlock(&c->lock);
	assert_true(came);
}

bool kit_ended(struct kit_call *c)
{
	bool ended;

	mutex_lock(&c->lock);
	ended = c->times > 0;
	mutex_unlock(&c->lock);
	return ended;
}

static bool left_the_table(void *ctx)
{
	struct kit_call *c = ctx;
	struct call_table *t = &c->k->ps->calls;
	bool gone = true;

	mutex_lock(&t->lock);
	for (size_t i = 0; i < t->place_count; i++)
		gone = gone &&
		       (t->places[i].call == NULL || t->places[i].call->handle != c->handle);
	mutex_unlock(&t->lock);
	return gone;
}

/* After the call has left the table nothing can call done again. */
void kit_call_finish(struct kit_call *c)
{
	assert_true(scratch_await(left_the_table, c, KIT_WAIT_MS));
	mutex_lock(&c->lock);
	assert_int_equal(c->times, 1);
	mutex_unlock(&c->lock);
	call_result_finish(&c->result);
	cond_finish(&c->ended);
	mutex_finish(&c->lock);
}

void kit_run(struct kit *k, struct kit_call *c, davit_op op)
{
	k->training.poll = op;
	kit_start(k, c, kit_spec(k, DAVIT_TRAINING, "poll"));
	kit_await(c);
}
