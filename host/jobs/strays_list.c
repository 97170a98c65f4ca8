/* strays_list - asks a provider for one list and waits for it. */
#include <davit/abi.h>
#include <string.h>

#include "base/clock.h"
#include "config/config.h"
#include "jobs/strays_internal.h"
#include "provider/provider.h"

enum {
	LIST_MS = 600000,    /* for one list, however many pages it has */
	PATIENCE_MS = 10000, /* with a provider that is busy, or asks for a pause */
	PAUSE_MS = 1000,
	LEAVE_MS = 2000 /* when stopping: then the call is left to who closes the providers */
};

static void listed(struct call_result *result, void *ctx)
{
	struct strays *s = ctx;

	mutex_lock(&s->lock);
	s->reply = result->reply;
	result->reply = NULL;
	s->fail = result->fail;
	if (result->code == DAVIT_OK)
		s->fail.code = FAIL_NONE;
	s->transient = result->code == DAVIT_RETRY || result->code == DAVIT_THROTTLED;
	s->calling = false;
	cond_broadcast(&s->changed);
	mutex_unlock(&s->lock);
}

/* {"connection": …, "brief": true}; NULL with *f. */
static json_t *request_at(const struct strays *s, const struct stray_place *place, struct fail *f)
{
	const char *name = place->connection;
	json_t *details, *request;

	if (name[0] != '\0' && config_connection_find(s->options.config, name) == NULL) {
		(void)fail_set(f, FAIL_NOT_FOUND,
			"connection '%s' is not in the configuration any more", name);
		return NULL;
	}
	details = config_connection_details_of(s->options.config, name, f);
	request = json_pack("{s:o, s:b}", "connection", details, "brief", 1);
	if (request == NULL)
		(void)fail_set(f, FAIL_INTERNAL, "out of memory");
	return request;
}

static bool begin(struct strays *s, const struct stray_place *place, struct fail *f)
{
	struct call_spec spec = {
		.provider = place->provider,
		.interface = place->interface,
		.slot = "list",
		.request = request_at(s, place, f),
		.connection = place->connection[0] != '\0' ? place->connection : NULL,
		.body_fd = -1,
		.timeout_ms = LIST_MS,
		.done = listed,
		.ctx = s,
	};
	uint64_t handle = 0;

	if (spec.request == NULL)
		return false;
	mutex_lock(&s->lock);
	s->calling = true;
	s->call = 0;
	mutex_unlock(&s->lock);
	if (!call_start(&spec, &handle, f)) {
		mutex_lock(&s->lock);
		s->calling = false;
		mutex_unlock(&s->lock);
		return false;
	}
	mutex_lock(&s->lock);
	s->call = handle;
	if (s->stopping)
		strays_call_off(s);
	mutex_unlock(&s->lock);
	return true;
}

void strays_call_off(struct strays *s)
{
	if (s->calling && s->call != 0)
		call_cancel(s->options.providers, s->call);
}

/* The reply of the call that was begun, or NULL with *f. */
static json_t *await(struct strays *s, struct fail *f, bool *ret_transient)
{
	int64_t until = CLOCK_NEVER;
	json_t *reply = NULL;

	mutex_lock(&s->lock);
	while (s->calling) {
		if (s->stopping && until == CLOCK_NEVER)
			until = clock_mono_ms() + LEAVE_MS;
		if (!clock_wait(&s->changed, &s->lock, until))
			break;
	}
	*ret_transient = false;
	if (!s->calling) {
		reply = s->reply;
		s->reply = NULL;
		*f = s->fail;
		*ret_transient = s->transient;
	}
	mutex_unlock(&s->lock);
	return reply;
}

static json_t *ask(
	struct strays *s, const struct stray_place *place, struct fail *f, bool *ret_transient)
{
	json_t *reply, *items;

	if (!begin(s, place, f)) {
		*ret_transient = f->code == FAIL_BUSY;
		return NULL;
	}
	reply = await(s, f, ret_transient);
	items = json_incref(json_object_get(reply, "items"));
	json_decref(reply);
	if (f->code == FAIL_NONE && json_is_array(items))
		return items;
	json_decref(items);
	if (f->code == FAIL_NONE)
		(void)fail_set(f, FAIL_UPSTREAM, "the provider answered a list without items");
	return NULL;
}

/* false: it was told to stop. */
static bool pause_a_while(struct strays *s)
{
	int64_t until = clock_mono_ms() + PAUSE_MS;
	bool go_on;

	mutex_lock(&s->lock);
	while (!s->stopping && clock_wait(&s->changed, &s->lock, until))
		;
	go_on = !s->stopping;
	mutex_unlock(&s->lock);
	return go_on;
}

json_t *strays_list(struct strays *s, const struct stray_place *place, struct fail *f)
{
	int64_t until = clock_mono_ms() + PATIENCE_MS;
	bool transient = false;
	json_t *items;

	do {
		f->code = FAIL_NONE;
		items = ask(s, place, f, &transient);
	} while (items == NULL && transient && clock_mono_ms() < until && pause_a_while(s));
	return items;
}
