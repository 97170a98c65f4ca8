/* request - see request.h. */
#include "jobs/request.h"

#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "config/config.h"
#include "jobs/errand.h"
#include "jobs/job.h"
#include "jobs/terms.h"
#include "jobs/tracker.h"
#include "provider/provider.h"
#include "store/store.h"

/* Adds the parsed text of a stored member where there is one. */
static bool add_stored(json_t *request, const char *member, const char *text)
{
	struct fail f;

	return text == NULL ||
	       json_object_set_new(request, member, json_parse(text, strlen(text), &f)) == 0;
}

/* The label on what a job made: that of its submission, or of the one that made what it adopted. */
static json_t *label_of(const struct tracker_options *o, const struct job *job, json_t *request)
{
	const char *marked = json_text_or(request, "marked", job->submission);
	json_t *label = json_sprintf("%s-%s", store_site(o->store), marked);

	(void)json_object_del(request, "marked");
	return label;
}

json_t *request_of(const struct tracker_options *o, const struct job *job, const struct provider *p)
{
	struct fail f;
	struct terms terms;
	json_t *request = json_parse(job->request, strlen(job->request), &f);

	if (errand_is_kind(job->kind)) {
		if (json_object_set_new(request, "connection",
			    config_connection_details_of(o->config, job->connection, &f)) == 0)
			return request;
		json_decref(request);
		return NULL;
	}
	terms_of(job, p, &terms);
	if (!json_is_object(request) ||
		json_object_set_new(request, "connection",
			config_connection_details_of(o->config, job->connection, &f)) != 0 ||
		json_object_set_new(request, "submission_id", json_string(job->submission)) != 0 ||
		json_object_set_new(request, "derived_name", json_string(terms.name)) != 0 ||
		json_object_set_new(request, "label", label_of(o, job, request)) != 0 ||
		json_object_set_new(request, "kind", json_string(job->kind)) != 0 ||
		!add_stored(request, "ref", job->remote_ref) ||
		!add_stored(request, "checkpoint", job->checkpoint)) {
		json_decref(request);
		return NULL;
	}
	return request;
}

bool request_adopted(json_t *request, const struct job *job, bool *ret_adopts)
{
	struct fail f;
	json_t *decision =
		job->decision != NULL ? json_parse(job->decision, strlen(job->decision), &f) : NULL;
	json_t *remote = json_object_get(decision, "remote");
	bool added = remote == NULL || json_object_set(request, "remote", remote) == 0;

	*ret_adopts = remote != NULL;
	json_decref(decision);
	return added;
}
