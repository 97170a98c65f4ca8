/*
 * service_list - lists of a provider's objects. Of trainings and batch predictions our jobs that
 * have made no object are in it too: what waits, and what ended before it could begin.
 */
#include <string.h>

#include <davit/abi.h>
#include <davit/provider.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/job_view.h"
#include "api/operations.h"
#include "api/service.h"
#include "base/fail.h"
#include "base/json.h"
#include "config/config.h"
#include "http/exchange.h"
#include "jobs/errand.h"
#include "jobs/job.h"
#include "provider/provider.h"
#include "store/store.h"

#define OWN_MAX 1000 /* the newest */

bool service_has_jobs(const struct service *s)
{
	return strcmp(s->op->interface, DAVIT_TRAINING) == 0 ||
	       strcmp(s->op->interface, DAVIT_INFERENCE) == 0;
}

/* --- ours --- */

static bool same_connection(const struct service *s, const struct job *job)
{
	const struct config_connection *c = s->target.connection;

	return strcmp(c != NULL ? c->name : "", job->connection != NULL ? job->connection : "") ==
	       0;
}

static bool add_own(const struct job *job, void *ctx)
{
	struct service *s = ctx;

	return !same_connection(s, job) || errand_has_removed(job) ||
	       json_array_append_new(s->body, job_view_neutral(job)) == 0;
}

/* Before the provider is asked: what it makes meanwhile is then in both, not in neither. */
static bool read_own(struct service *s, struct fail *f)
{
	const struct job_filter filter = {
		.states = JOB_OPEN | JOB_BIT(JOB_FAILED) | JOB_BIT(JOB_CANCELLED),
		.provider = s->target.id,
		.interface = s->op->interface,
		.unmade = true,
		.limit = OWN_MAX,
	};

	s->body = json_array();
	if (s->body == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	return !service_has_jobs(s) || store_jobs(s->app->store, &filter, add_own, s, f);
}

/* --- both --- */

/* The items and ours that are not among them; new, or NULL: out of memory. */
static json_t *joined(const json_t *items, const json_t *own)
{
	json_t *all = json_copy((json_t *)items);
	json_t *ids = json_object();
	bool ok = all != NULL && ids != NULL;
	const json_t *item;
	size_t i;

	json_array_foreach(items, i, item) ok =
		ok && json_object_set_new(ids, json_text_or(item, "id", ""), json_true()) == 0;
	json_array_foreach(own, i, item)
	{
		if (json_object_get(ids, json_text_or(item, "id", "")) == NULL)
			ok = ok && json_array_append(all, (json_t *)item) == 0;
	}
	json_decref(ids);
	if (ok)
		return all;
	json_decref(all);
	return NULL;
}

/* A list is complete or none: clients delete what is not in it. */
static void listed(struct call_result *result, void *ctx)
{
	struct service *s = ctx;
	const json_t *items = json_object_get(result->reply, "items");
	json_t *all;

	if (result->code != DAVIT_OK) {
		service_fail(s, &result->fail);
		return;
	}
	if (!json_is_array(items)) {
		service_fail_text(s, 502, "the provider answered a list without items");
		return;
	}
	all = joined(items, s->body);
	exchange_reply_json(s->x, s->op->success_status, service_rows(s, all));
	json_decref(all);
	service_free(s);
}

void service_list(struct service *s)
{
	struct fail f = {0};

	if (read_own(s, &f))
		service_call(s, s->op->slot, service_request(s, json_object()), listed);
	else
		service_fail(s, &f);
}
