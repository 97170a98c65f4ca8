/* fake_provider - see fake_provider.h; defines what the tracker calls of host/provider. */
#include "unit/jobs/fake_provider.h"

#include <davit/abi.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "provider/provider.h"

enum {
	OBJECTS_MAX = 64,
	LIST = 6,
	SLOTS_MAX
};

struct object {
	char submission[32];
	int32_t state;
	char *reply;
};

struct slot_fault {
	int32_t code;
	unsigned times;
	bool created;
};

static const char *const slots[SLOTS_MAX] = {
	"submit", "find", "poll", "cancel", "remove", "metrics", "list"};

static struct {
	pthread_mutex_t lock;
	bool absent;
	bool instant;
	bool obeys;
	bool mute;
	bool slow;
	const char *lacks;
	const char *metrics;
	const char *list;
	const char *idempotency;
	char names[SLOTS_MAX][64];
	int64_t settle_ms;
	const char *slow_slot; /* NULL: none */
	int64_t slow_ms;
	struct object objects[OBJECTS_MAX];
	unsigned count;
	unsigned calls[SLOTS_MAX];
	struct slot_fault faults[SLOTS_MAX];
	struct call_trace trace;
	bool traced;
	bool went_on;
	const char *hold;
	uint64_t handle; /* the last one given */
	pthread_cond_t changed;
	uint64_t held; /* the one that runs and does not end; 0: none */
	bool let;      /* it may end with */
	struct call_result *with;
	bool cancelled; /* somebody asked it to stop */
} cloud = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

struct call {
	struct call_spec spec;
	uint64_t handle;
	bool held;
	struct call_result result;
};

struct task {
	void (*run)(void *arg);
	void *arg;
};

static size_t slot_at(const char *slot)
{
	size_t i = 0;

	while (i < SLOTS_MAX - 1 && strcmp(slots[i], slot) != 0)
		i++;
	return i;
}

void fake_reset(void)
{
	pthread_mutex_lock(&cloud.lock);
	for (unsigned i = 0; i < cloud.count; i++)
		free(cloud.objects[i].reply);
	cloud.count = 0;
	cloud.absent = false;
	cloud.instant = false;
	cloud.obeys = true;
	cloud.mute = false;
	cloud.slow = false;
	cloud.lacks = NULL;
	cloud.metrics = NULL;
	cloud.list = NULL;
	cloud.hold = NULL;
	cloud.cancelled = false;
	cloud.idempotency = "name";
	cloud.settle_ms = 0;
	cloud.slow_slot = NULL;
	cloud.traced = false;
	cloud.went_on = false;
	memset(cloud.calls, 0, sizeof(cloud.calls));
	memset(cloud.faults, 0, sizeof(cloud.faults));
	memset(cloud.names, 0, sizeof(cloud.names));
	pthread_mutex_unlock(&cloud.lock);
}

const char *fake_name(const char *slot)
{
	return cloud.names[slot_at(slot)];
}

void fake_absent(bool absent)
{
	cloud.absent = absent;
}

void fake_idempotency(const char *word)
{
	cloud.idempotency = word;
}

void fake_settles(int64_t ms)
{
	cloud.settle_ms = ms;
}

void fake_slow(const char *slot, int64_t ms)
{
	pthread_mutex_lock(&cloud.lock);
	cloud.slow_slot = slot;
	cloud.slow_ms = ms;
	pthread_mutex_unlock(&cloud.lock);
}

void fake_lacks(const char *slot)
{
	cloud.lacks = slot;
}

void fake_instant(bool instant)
{
	pthread_mutex_lock(&cloud.lock);
	cloud.instant = instant;
	pthread_mutex_unlock(&cloud.lock);
}

void fake_slow_polls(bool slow)
{
	pthread_mutex_lock(&cloud.lock);
	cloud.slow = slow;
	pthread_mutex_unlock(&cloud.lock);
}

void fake_mute(bool mute)
{
	pthread_mutex_lock(&cloud.lock);
	cloud.mute = mute;
	pthread_mutex_unlock(&cloud.lock);
}

void fake_obeys_cancel(bool obeys)
{
	pthread_mutex_lock(&cloud.lock);
	cloud.obeys = obeys;
	pthread_mutex_unlock(&cloud.lock);
}

void fake_metrics(const char *reply)
{
	cloud.metrics = reply;
}

void fake_list(const char *reply)
{
	pthread_mutex_lock(&cloud.lock);
	cloud.list = reply;
	pthread_mutex_unlock(&cloud.lock);
}

void fake_fault(const char *slot, int32_t code, unsigned times, bool created)
{
	pthread_mutex_lock(&cloud.lock);
	cloud.faults[slot_at(slot)] =
		(struct slot_fault){.code = code, .times = times, .created = created};
	pthread_mutex_unlock(&cloud.lock);
}

void fake_trace(struct call_trace trace)
{
	pthread_mutex_lock(&cloud.lock);
	cloud.trace = trace;
	cloud.traced = true;
	pthread_mutex_unlock(&cloud.lock);
}

bool fake_went_on(void)
{
	bool went_on;

	pthread_mutex_lock(&cloud.lock);
	went_on = cloud.went_on;
	pthread_mutex_unlock(&cloud.lock);
	return went_on;
}

void fake_hold(const char *slot)
{
	cloud.hold = slot;
}

bool fake_held(void)
{
	bool held;

	pthread_mutex_lock(&cloud.lock);
	held = cloud.held != 0;
	pthread_mutex_unlock(&cloud.lock);
	return held;
}

bool fake_was_cancelled(void)
{
	bool cancelled;

	pthread_mutex_lock(&cloud.lock);
	cancelled = cloud.cancelled;
	pthread_mutex_unlock(&cloud.lock);
	return cancelled;
}

static struct object *find(const char *submission)
{
	for (unsigned i = 0; i < cloud.count; i++) {
		if (strcmp(cloud.objects[i].submission, submission) == 0)
			return &cloud.objects[i];
	}
	return NULL;
}

void fake_end(const char *submission, int32_t state, const char *reply)
{
	struct object *o;

	pthread_mutex_lock(&cloud.lock);
	o = find(submission);
	if (o == NULL)
		abort();
	o->state = state;
	free(o->reply);
	o->reply = reply == NULL ? NULL : strdup(reply);
	pthread_mutex_unlock(&cloud.lock);
}

unsigned fake_objects(void)
{
	unsigned count;

	pthread_mutex_lock(&cloud.lock);
	count = cloud.count;
	pthread_mutex_unlock(&cloud.lock);
	return count;
}

unsigned fake_calls(const char *slot)
{
	unsigned count;

	pthread_mutex_lock(&cloud.lock);
	count = cloud.calls[slot_at(slot)];
	pthread_mutex_unlock(&cloud.lock);
	return count;
}

const char *fake_last_submitted(void)
{
	const char *last;

	pthread_mutex_lock(&cloud.lock);
	last = cloud.count == 0 ? "" : cloud.objects[cloud.count - 1].submission;
	pthread_mutex_unlock(&cloud.lock);
	return last;
}

/* --- the slots; lock held --- */

static struct object *create(const char *submission)
{
	struct object *o = find(submission);

	if (o != NULL)
		return o; /* the name is taken, by us: adopted */
	if (cloud.count == OBJECTS_MAX)
		abort();
	o = &cloud.objects[cloud.count++];
	*o = (struct object){.state = cloud.instant ? DAVIT_STATE_SUCCEEDED : DAVIT_STATE_RUNNING};
	(void)snprintf(o->submission, sizeof(o->submission), "%s", submission);
	return o;
}

static void show(const struct object *o, struct call_result *result)
{
	result->has_state = true;
	result->state = o->state;
	result->next_poll_ms = cloud.slow ? 3600000 : 1000;
	if (o->reply != NULL)
		result->reply = json_loads(o->reply, 0, NULL);
	else
		result->reply = json_pack("{s:{s:i}, s:s}", "ref", "v", 1, "id", o->submission);
}

static void run_slot(size_t slot, const char *submission, struct call_result *result)
{
	struct object *o = slot == 0 ? create(submission) : find(submission);

	if (slot == LIST) {
		result->reply = json_loads(cloud.list, 0, NULL);
	} else if (o == NULL) {
		result->code = DAVIT_NOT_FOUND;
		(void)fail_set(&result->fail, FAIL_NOT_FOUND, "no such object");
	} else if (slot == 5) {
		result->reply = json_loads(cloud.metrics, 0, NULL);
	} else if (slot == 4) {
		result->reply = json_pack("{s:s, s:s}", "id", o->submission, "state", "SUCCEEDED");
		o->submission[0] = '\0';
	} else if (slot == 3) {
		o->state = cloud.obeys ? DAVIT_STATE_CANCELLED : o->state;
	} else {
		show(o, result);
	}
}

static void answer(size_t slot, const char *submission, struct call_result *result)
{
	struct slot_fault *fault = &cloud.faults[slot];
	struct call_result none = {0};

	cloud.calls[slot]++;
	result->said = !cloud.mute || fault->times == 0;
	if (fault->times == 0) {
		run_slot(slot, submission, result);
		return;
	}
	fault->times--;
	if (fault->created && slot == 4)
		run_slot(slot, submission, &none);
	else if (fault->created)
		(void)create(submission);
	json_decref(none.reply);
	if (slot == 0)
		result->trace =
			cloud.traced ? cloud.trace : (struct call_trace){.unclear = fault->created};
	result->code = fault->code;
	(void)fail_set(&result->fail, FAIL_UPSTREAM, "a fault, as ordered");
}

struct call *call_make(const struct call_spec *spec, uint64_t *ret_call, struct fail *f)
{
	struct call *c = calloc(1, sizeof(*c));
	const char *object; /* the member that names it */

	if (c == NULL || (cloud.lacks != NULL && strcmp(cloud.lacks, spec->slot) == 0)) {
		json_decref(spec->request);
		free(c);
		(void)fail_set(f, FAIL_UNSUPPORTED, "no slot %s", spec->slot);
		return NULL;
	}
	c->spec = *spec;
	pthread_mutex_lock(&cloud.lock);
	if (strcmp(spec->slot, "submit") == 0)
		cloud.went_on = spec->goes_on;
	c->handle = ++cloud.handle;
	c->held = cloud.hold != NULL && strcmp(cloud.hold, spec->slot) == 0;
	(void)snprintf(cloud.names[slot_at(spec->slot)], sizeof(cloud.names[0]), "%s",
		json_text_or(spec->request, "derived_name", ""));
	object = strcmp(spec->slot, "remove") == 0 ? "id" : "submission_id";
	if (!c->held)
		answer(slot_at(spec->slot), json_text_or(spec->request, object, ""), &c->result);
	pthread_mutex_unlock(&cloud.lock);
	json_decref(spec->request);
	*ret_call = c->handle;
	return c;
}

/* Until fake_release() or call_cancel() says how it ends. */
static void wait_until_let(struct call *c)
{
	pthread_mutex_lock(&cloud.lock);
	cloud.held = c->handle;
	while (!cloud.let)
		pthread_cond_wait(&cloud.changed, &cloud.lock);
	c->result = *cloud.with;
	pthread_mutex_unlock(&cloud.lock);
}

/* How long the answer of c, which is made, is on its way. */
static int64_t way_of(const struct call *c)
{
	int64_t ms = 0;

	pthread_mutex_lock(&cloud.lock);
	if (cloud.slow_slot != NULL && strcmp(cloud.slow_slot, c->spec.slot) == 0) {
		ms = cloud.slow_ms;
		cloud.slow_slot = NULL;
	}
	pthread_mutex_unlock(&cloud.lock);
	return ms;
}

void call_run(struct call *c)
{
	int64_t way = way_of(c);

	if (c->held)
		wait_until_let(c);
	if (way > 0)
		clock_advance(way);
	c->spec.done(&c->result, c->spec.ctx);
	json_decref(c->result.reply);
	if (c->held) {
		pthread_mutex_lock(&cloud.lock);
		cloud.held = 0;
		cloud.let = false;
		pthread_cond_broadcast(&cloud.changed);
		pthread_mutex_unlock(&cloud.lock);
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

static void start_thread(void (*run)(void *arg), void *arg)
{
	struct task *task = malloc(sizeof(*task));
	pthread_t thread;

	if (task == NULL)
		abort();
	*task = (struct task){run, arg};
	if (pthread_create(&thread, NULL, run_task, task) != 0 || pthread_detach(thread) != 0)
		abort();
}

/* What ends at once runs where it is asked for. */
bool call_thread(struct providers *ps, void (*run)(void *arg), void *arg, struct fail *f)
{
	(void)ps;
	(void)f;
	if (cloud.hold != NULL)
		start_thread(run, arg);
	else
		run(arg);
	return true;
}

bool call_threads_short(struct providers *ps)
{
	(void)ps;
	return false;
}

static void run_made(void *arg)
{
	call_run(arg);
}

bool call_start(const struct call_spec *spec, uint64_t *ret_call, struct fail *f)
{
	uint64_t handle;
	struct call *c = call_make(spec, &handle, f);

	if (c == NULL)
		return false;
	if (ret_call != NULL)
		*ret_call = handle;
	if (c->held)
		start_thread(run_made, c);
	else
		call_run(c);
	return true;
}

void call_result_finish(struct call_result *r)
{
	json_decref(r->reply);
	r->reply = NULL;
}

/* Lets the held one end, and waits for it. */
void fake_release(const char *reply)
{
	struct call_result result = {.has_state = true, .state = DAVIT_STATE_RUNNING};

	result.reply = json_loads(reply, 0, NULL);
	pthread_mutex_lock(&cloud.lock);
	cloud.with = &result;
	cloud.let = true;
	pthread_cond_broadcast(&cloud.changed);
	while (cloud.let)
		pthread_cond_wait(&cloud.changed, &cloud.lock);
	pthread_mutex_unlock(&cloud.lock);
}

void call_cancel(struct providers *ps, uint64_t call)
{
	static struct call_result cancelled = {.code = DAVIT_CANCELLED};

	(void)ps;
	pthread_mutex_lock(&cloud.lock);
	if (call == cloud.held && call != 0 && !cloud.cancelled) {
		cloud.cancelled = cloud.let = true;
		cloud.with = &cancelled;
		pthread_cond_broadcast(&cloud.changed);
	}
	pthread_mutex_unlock(&cloud.lock);
}

/* --- the rest of what the tracker asks of a provider --- */

struct provider *providers_find(struct providers *ps, const char *id)
{
	(void)id;
	return cloud.absent ? NULL : (struct provider *)ps;
}

bool provider_offers(const struct provider *p, const char *interface, const char *slot,
	const char *kind, struct fail *f)
{
	(void)p;
	(void)kind;
	return (strcmp(slot, "metrics") == 0 && cloud.metrics != NULL) ||
	       (strcmp(slot, "list") == 0 && strcmp(interface, "davit.training") == 0 &&
		       cloud.list != NULL) ||
	       fail_set(f, FAIL_UNSUPPORTED, "no slot %s", slot);
}

const json_t *provider_manifest(const struct provider *p)
{
	(void)p;
	return NULL;
}

struct provider *providers_for_type(struct providers *ps, const char *connection_type)
{
	(void)ps;
	(void)connection_type;
	return NULL;
}

const char *provider_idempotency(
	const struct provider *p, const char *interface, const char *slot, const char *kind)
{
	(void)p;
	(void)interface;
	(void)slot;
	(void)kind;
	return cloud.idempotency;
}

int64_t provider_settle_ms(
	const struct provider *p, const char *interface, const char *slot, const char *kind)
{
	(void)p;
	(void)interface;
	(void)slot;
	(void)kind;
	return cloud.settle_ms;
}

void provider_derived_name(const struct provider *p, const char *interface, const char *slot,
	const char *submission, char *name, size_t size)
{
	(void)p;
	(void)interface;
	(void)slot;
	(void)snprintf(name, size, "davit-%s", submission);
}
