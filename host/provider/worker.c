/* Slots of a provider that runs in a worker. */
#include "provider/worker.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/killpoint.h"
#include "base/log.h"
#include "provider/call.h"
#include "provider/internal.h"
#include "provider/tables.h"
#include "provider/worker_internal.h"

#define CREATE_CALL UINT64_MAX /* the handle of create(): of no call in the table */
#define TRIES       2          /* where a worker turns out to be gone before it heard of the call */

/* --- tables --- */

_Static_assert(sizeof(((struct worker_table *)0)->bytes) >= sizeof(davit_models_1) &&
		       sizeof(((struct worker_table *)0)->bytes) >= sizeof(davit_storage_1),
	"a table has room for the slots of any interface");

/* What stands in a slot that is there: its address is asked for, and nothing more. */
static int32_t DAVIT_CALL in_worker(davit_instance inst, davit_call call, davit_buf request)
{
	(void)inst;
	(void)call;
	(void)request;
	return DAVIT_INTERNAL;
}

static void fill(struct worker_table *t, size_t offset, bool there)
{
	davit_op op = in_worker;

	if (there)
		memcpy(t->bytes + offset, &op, sizeof(op));
}

static void fill_tables(struct worker_home *home)
{
	struct worker_table *core = &home->tables[table_index(DAVIT_CORE)];
	uint32_t own = home->told[table_index(DAVIT_CORE)];

	for (size_t i = 0; i < TABLE_COUNT; i++) {
		const struct table_interface *t = &table_interfaces[i];
		uint32_t size = sizeof(home->tables[i].bytes);

		memcpy(home->tables[i].bytes, &size, sizeof(size));
		for (size_t j = 0; j < t->slot_count; j++)
			fill(&home->tables[i], t->slots[j].offset, home->told[i] >> j & 1);
	}
	fill(core, offsetof(davit_core_1, create), own & FRAME_HAS_CREATE);
	fill(core, offsetof(davit_core_1, destroy), own & FRAME_HAS_DESTROY);
}

const void *worker_table(const struct provider *p, const char *id)
{
	size_t i = table_index(id);

	if (i == TABLE_COUNT || (p->home->told[i] & FRAME_TABLE_THERE) == 0)
		return NULL;
	return p->home->tables[i].bytes;
}

/* As its worker would tell: what the manifest lists is what there must be. */
static void guess_tables(struct worker_home *home)
{
	const json_t *all = json_object_get(home->p->manifest, "interfaces");

	home->told[table_index(DAVIT_CORE)] =
		FRAME_TABLE_THERE | FRAME_HAS_CREATE | FRAME_HAS_DESTROY;
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		const struct table_interface *t = &table_interfaces[i];
		const json_t *slots = json_object_get(json_object_get(all, t->id), "slots");
		const json_t *name;
		size_t j;

		if (json_object_get(all, t->id) != NULL)
			home->told[i] |= FRAME_TABLE_THERE;
		json_array_foreach(slots, j, name)
		{
			const struct table_slot *slot = table_slot(t, json_string_value(name));

			if (slot != NULL)
				home->told[i] |= 1u << (slot - t->slots);
		}
	}
}

/* --- beginning and end --- */

bool worker_begin(struct provider *p, const char *path, struct fail *f)
{
	struct worker_home *home = calloc(1, sizeof(*home));

	if (home == NULL || (home->path = strdup(path)) == NULL) {
		free(home);
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	}
	home->p = p;
	mutex_init(&home->lock);
	cond_init(&home->changed);
	p->home = home;
	if (p->all->watch == NULL)
		p->all->watch = worker_watch_open(p->all->host.config->worker_silent_seconds, f);
	if (p->all->watch == NULL)
		return false;
	for (size_t i = 0; i < COUNT(home->died); i++)
		home->died[i] = LONG_AGO;
	home->quarantined = home->guessed = quarantine_get(p, &home->quarantine);
	if (home->guessed)
		guess_tables(home);
	else
		home->now = worker_start(home, f);
	fill_tables(home);
	return home->guessed || home->now != NULL;
}

/* It ended before it had answered. */
static bool create_cut(struct worker *w, struct fail *f)
{
	if (f->code == FAIL_NONE)
		(void)fail_set(f, FAIL_INTERNAL, "its worker %s", w->why);
	else
		worker_end(w, "%s", f->text);
	return false;
}

/* create() on c, a call of its own. */
static bool run_create(struct worker *w, struct call *c, struct fail *f)
{
	const struct worker_home *home = w->home;
	uint64_t services = worker_services(home->p);
	struct frame_out out = {.head = {.kind = FRAME_CREATE, .call = c->handle}, .fd = -1};
	struct worker_lane *lane = worker_lane_take(w);
	struct frame_return end = {0};
	struct call_result result;

	frame_add(&out, &services, sizeof(services));
	frame_add(&out, home->config, home->config_bytes);
	if (lane == NULL || !worker_ask(w, lane, c, &out, &end, f)) {
		worker_lane_close(lane);
		return create_cut(w, f);
	}
	worker_lane_rest(w, lane);
	w->instance = end.instance;
	call_conclude(c, (int32_t)end.code, &result);
	if (result.code != DAVIT_OK)
		*f = result.fail;
	call_result_finish(&result);
	return f->code == FAIL_NONE;
}

bool worker_make_instance(struct worker *w, struct fail *f)
{
	struct call *before = call_here();
	struct call *c = call_new(w->home->p, DAVIT_CORE, "create", 0, f);
	bool good;

	if (c == NULL) {
		worker_end(w, "%s", f->text);
		return false;
	}
	c->handle = CREATE_CALL;
	call_enter(c);
	good = run_create(w, c, f);
	call_leave();
	if (before != NULL)
		call_enter(before);
	call_free(c);
	if (!good) {
		worker_end(w, "create() failed: %s", f->text);
		(void)fail_wrap(f, "create");
	}
	return good;
}

bool worker_create(struct provider *p, const char *config, size_t n, struct fail *f)
{
	struct worker_home *home = p->home;
	struct worker *w = home->now; /* nobody but us yet */
	bool good;

	home->config = malloc(n + 1);
	if (home->config == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	memcpy(home->config, config, n);
	home->config_bytes = n;
	good = w == NULL; /* it is in quarantine */
	if (w != NULL) {
		w->users++;
		good = worker_make_instance(w, f);
		worker_drop(w);
	}
	if (good)
		worker_watch_add(p->all->watch, home);
	return good;
}

/* The provider may free what it holds; it has nothing that would outlive its process. */
static void destroy(struct worker *w)
{
	struct frame_out out = {.head = {.kind = FRAME_DESTROY, .call = CREATE_CALL}, .fd = -1};
	struct worker_lane *lane = worker_lane_take(w);
	int64_t until = clock_mono_ms() + WORKER_CLOSE_MS;

	if (lane == NULL)
		return;
	if (frame_send(lane->socket, &out) == FRAME_DONE)
		while (frame_receive(lane->socket, &lane->in, FRAME_NEAR) == FRAME_LATE)
			if (clock_mono_ms() >= until)
				break;
	worker_lane_close(lane);
}

void worker_finish(struct provider *p)
{
	struct worker_home *home = p->home;
	struct worker *w;

	if (home == NULL)
		return;
	if (p->all->watch != NULL)
		worker_watch_remove(p->all->watch, home);
	mutex_lock(&home->lock);
	w = home->now;
	if (w != NULL)
		w->users++;
	mutex_unlock(&home->lock);
	if (w != NULL) {
		if (p->state == PROVIDER_LOADED)
			destroy(w);
		worker_dismiss(w);
		worker_drop(w);
	}
	cond_finish(&home->changed);
	mutex_finish(&home->lock);
	free(home->config);
	free(home->path);
	free(home);
	p->home = NULL;
}

/* --- calls --- */

/* Nothing was asked of the provider. */
static int32_t not_run(struct call *c, const struct fail *f)
{
	int32_t code = call_stopped(c);

	if (code != DAVIT_OK)
		return code;
	call_keep_reason(&c->service_fail, f);
	c->held = worker_is_quarantined(c->provider);
	c->service_code = c->service_ends = DAVIT_RETRY;
	return DAVIT_RETRY;
}

/* As if the host had died in it: whatever the provider said counts for nothing. */
static int32_t cut(struct call *c, const struct worker *w)
{
	struct fail f;

	(void)fail_set(&f, FAIL_UPSTREAM, "the worker of provider '%s' %s; %s was cut off",
		provider_id(c->provider), w->why, c->slot_name);
	c->cut = true;
	call_keep_reason(&c->cut_reason, &f);
	return DAVIT_INTERNAL;
}

static void came_back(struct worker_home *home)
{
	mutex_lock(&home->lock);
	home->in_a_row = 0;
	mutex_unlock(&home->lock);
}

static int32_t run_in(struct worker *w, struct worker_lane *lane, struct call *c)
{
	size_t table = table_index(c->interface);
	size_t index = (size_t)(c->slot - table_interfaces[table].slots);
	struct frame_out out = {
		.head = {.kind = FRAME_CALL, .slot = FRAME_SLOT(table, index), .call = c->handle},
		.fd = -1};
	struct frame_return end;
	struct fail f = {0};
	bool good;

	frame_add(&out, c->request, c->request_size);
	KILLPOINT("worker_before_call", "%s.%s", c->interface, c->slot_name);
	call_runs_in(c, w);
	good = worker_ask(w, lane, c, &out, &end, &f);
	call_runs_in(c, NULL);
	if (good) {
		KILLPOINT("worker_after_call", "%s.%s", c->interface, c->slot_name);
		worker_lane_rest(w, lane);
		came_back(w->home);
		return end.code >= INT32_MIN && end.code <= INT32_MAX ? (int32_t)end.code : -1;
	}
	worker_lane_close(lane);
	return f.code != FAIL_NONE ? not_run(c, &f) : cut(c, w);
}

/* What create() clears away of those that were cut off does not wait for the next call. */
static void start_next(struct call *c)
{
	struct fail f = {0};
	struct worker *w = NULL;

	if (call_stopped(c) == DAVIT_OK)
		w = worker_take(c->provider->home, c, &f);
	if (w != NULL)
		worker_drop(w);
}

/* In the worker that there is, or another one. */
static int32_t run_once(struct call *c)
{
	struct fail f = {0};

	for (int i = 0; i < TRIES && f.code == FAIL_NONE; i++) {
		struct worker *w = worker_take(c->provider->home, c, &f);
		struct worker_lane *lane = w != NULL ? worker_lane_take(w) : NULL;
		int32_t code;

		if (lane != NULL) {
			code = run_in(w, lane, c);
			worker_drop(w);
			return code;
		}
		if (w != NULL)
			worker_drop(w);
	}
	if (f.code == FAIL_NONE)
		(void)fail_set(&f, FAIL_UNAVAILABLE, "the worker of provider '%s' does not stay",
			provider_id(c->provider));
	return not_run(c, &f);
}

int32_t worker_run(struct call *c)
{
	bool bare = call_blobs_none(&c->blobs); /* else a part of it would not be there again */
	int32_t code = run_once(c);

	if (c->cut && bare && call_restart(c)) {
		log_warn("WORKER-AGAIN", "provider=%s slot=%s.%s once more, as its worker ended",
			provider_id(c->provider), c->interface, c->slot_name);
		code = run_once(c);
	}
	if (c->cut)
		start_next(c);
	return code;
}

static void describe_process(const struct worker *w, json_t *v)
{
	(void)json_object_set_new(v, "pid", json_integer(w->pid));
	(void)json_object_set_new(v, "sandbox", json_deep_copy(w->sandbox));
}

json_t *worker_describe(const struct provider *p)
{
	struct worker_home *home = p->home;
	json_t *v = json_object();

	mutex_lock(&home->lock);
	if (home->now != NULL)
		describe_process(home->now, v);
	(void)json_object_set_new(v, "starts", json_integer((json_int_t)home->starts));
	(void)json_object_set_new(v, "deaths", json_integer((json_int_t)home->deaths));
	if (home->quarantined)
		(void)json_object_set_new(v, "quarantined", json_true());
	if (home->last_death[0] != '\0')
		(void)json_object_set_new(v, "last_death", json_string(home->last_death));
	mutex_unlock(&home->lock);
	return v;
}
