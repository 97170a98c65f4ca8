/* lineup - see lineup.h. */
#include "lineup.h"

#include <string.h>

#include "environments.h"
#include "servers.h"

enum {
	ALL = 100
};

static bool is_model(const struct deployment *d, const char *model)
{
	return d->generation != 0 && strcmp(d->model, model) == 0;
}

/* Only what has answered is drained: nobody waits for the others. */
static void leave(struct local_call *c, struct endpoint *e, struct deployment *d)
{
	servers_retire(c, e, d, SERVERS_DRAIN);
	*d = (struct deployment){0};
}

static void swap(struct deployment *a, struct deployment *b)
{
	struct deployment old = *a;

	*a = *b;
	*b = old;
}

/* Of two the larger share is the deployed one; alone it has all. */
static void set_order(struct endpoint *e)
{
	bool any = e->deployed.generation != 0 || e->beside.generation != 0;
	bool two = e->deployed.generation != 0 && e->beside.generation != 0;

	if (two ? e->beside.percent > e->deployed.percent : e->deployed.generation == 0)
		swap(&e->deployed, &e->beside);
	if (two)
		e->beside.percent = ALL - e->deployed.percent;
	else
		e->deployed.percent = ALL;
	/* There is no way back to where one is. */
	if (any && !two && is_model(&e->previous, e->deployed.model))
		e->previous = (struct deployment){0};
}

/* One that answered nothing is no place to go back to: what was remembered stays. */
static void remember(struct endpoint *e, const struct deployment *d, int64_t percent)
{
	if (d->generation == 0 || percent == 0)
		return;
	e->previous = *d;
	e->previous.percent = percent;
	e->previous.submission = "";
	e->previous.error = "";
}

/* The only one from now on. Where it had the larger share already, what is remembered of the other
 * one, as it had that share itself, counts for more than the rest that it has now. */
static void take_over(struct local_call *c, struct endpoint *e)
{
	if (!is_model(&e->deployed, e->pending.model))
		remember(e, &e->deployed, ALL);
	else if (!is_model(&e->previous, e->beside.model))
		remember(e, &e->beside, e->beside.percent);
	leave(c, e, &e->deployed);
	leave(c, e, &e->beside);
	e->deployed = e->pending;
}

static void join(struct local_call *c, struct endpoint *e)
{
	remember(e, &e->deployed, ALL);
	leave(c, e, &e->beside);
	e->beside = e->pending;
	e->deployed.percent = ALL - e->beside.percent;
}

void lineup_switch(struct local_call *c, struct endpoint *e)
{
	bool alone = e->pending.percent >= ALL || e->deployed.generation == 0 ||
	             is_model(&e->deployed, e->pending.model);

	endpoint_done(e, e->pending.submission, DAVIT_STATE_SUCCEEDED, e->pending.generation);
	if (alone)
		take_over(c, e);
	else
		join(c, e);
	e->pending = (struct deployment){0};
	set_order(e);
}

void lineup_give_up(struct local_call *c, struct endpoint *e, int32_t state, const char *error,
	const struct davit_sdk_json *reason)
{
	if (e->pending.generation == 0)
		return;
	servers_retire(c, e, &e->ended, SERVERS_STOP);
	(void)environment_leave(c, e->pending.environment, e->pending.submission, true);
	endpoint_done(e, e->pending.submission, state, e->pending.generation);
	e->ended = e->pending;
	e->ended.state = state;
	e->ended.error = error;
	e->ended.reason = reason;
	e->pending = (struct deployment){0};
}

bool lineup_share(struct local_call *c, struct endpoint *e, const char *model, const char *other,
	int64_t percent)
{
	bool first = is_model(&e->deployed, model);

	if (!(first ? is_model(&e->beside, other)
		    : is_model(&e->beside, model) && is_model(&e->deployed, other))) {
		(void)davit_sdk_fail_at(&c->sdk, DAVIT_CONFLICT, "/spec/traffic",
			"traffic must name the two models that are deployed on endpoint '%s'",
			e->record.name);
		return false;
	}
	percent = first ? percent : ALL - percent;
	if (percent < ALL - percent)
		remember(e, &e->deployed, e->deployed.percent);
	e->deployed.percent = percent;
	e->beside.percent = ALL - percent;
	set_order(e);
	return true;
}

bool lineup_can_return(const struct endpoint *e)
{
	const struct deployment *to = &e->previous;

	return to->generation != 0 &&
	       (is_model(&e->deployed, to->model) || is_model(&e->beside, to->model));
}

void lineup_return(struct local_call *c, struct endpoint *e)
{
	struct deployment *off =
		is_model(&e->deployed, e->previous.model) ? &e->beside : &e->deployed;

	remember(e, off, off->percent);
	leave(c, e, off);
	set_order(e);
}

bool lineup_take_off(struct local_call *c, struct endpoint *e, const char *model)
{
	struct deployment *const places[] = {&e->beside, &e->deployed};
	bool any = false;

	for (size_t i = 0; i < LOCAL_COUNT(places); i++) {
		struct deployment *d = places[i];

		if (d->generation == 0 || (model != NULL && !is_model(d, model)))
			continue;
		remember(e, d, model == NULL ? ALL : d->percent);
		leave(c, e, d);
		any = true;
	}
	if (model == NULL ? e->pending.generation != 0 : is_model(&e->pending, model)) {
		lineup_give_up(c, e, DAVIT_STATE_CANCELLED, "", NULL);
		any = true;
	}
	set_order(e);
	return any;
}
