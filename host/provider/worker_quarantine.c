/*
 * A file whose workers died too often: it is not started again, by this daemon or the next, until
 * somebody lifts that; the file its provider had before takes over where there is one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/log.h"
#include "provider/internal.h"
#include "provider/worker_internal.h"

/* The one that serves for p while it must not; NULL: p is such a one. */
static struct provider *other_of(const struct provider *p)
{
	struct providers *ps = p->all;
	size_t i = (size_t)(p - ps->list);

	return i < ps->count ? &ps->list[ps->count + i] : NULL;
}

/* --- in --- */

void worker_quarantine(struct worker_home *home)
{
	struct fail f = {0};
	struct quarantine q;

	mutex_lock(&home->lock);
	q = home->quarantine;
	mutex_unlock(&home->lock);
	log_error("WORKER-QUARANTINE", "provider=%s sha256=%s %s", provider_id(home->p),
		home->p->sha256, q.cause);
	if (!quarantine_put(home->p, &q, &f))
		log_error("WORKER-QUARANTINE", "provider=%s the next start will not know: %s",
			provider_id(home->p), f.text);
}

bool worker_is_quarantined(const struct provider *p)
{
	bool is;

	if (p->home == NULL)
		return false;
	mutex_lock(&p->home->lock);
	is = p->home->quarantined;
	mutex_unlock(&p->home->lock);
	return is;
}

/* --- another file instead --- */

static bool load_previous(const struct provider *p, struct provider *other)
{
	char sha256[SHA256_HEX_SIZE];
	struct fail f = {0};

	if (other->state == PROVIDER_LOADED)
		return true;
	if (!quarantine_previous(p, sha256))
		return false;
	if (provider_load_copy(other, sha256, &f)) {
		other->state = PROVIDER_LOADED;
		return true;
	}
	log_error("PROVIDER-FALLBACK", "provider=%s cannot go back to sha256=%s: %s",
		provider_id(p), sha256, f.text);
	provider_unload(other);
	return false;
}

void worker_fall_back(struct provider *p)
{
	struct provider *other = other_of(p);
	bool serves;

	if (other == NULL || !load_previous(p, other) || worker_is_quarantined(other))
		return;
	mutex_lock(&p->home->lock);
	serves = p->home->quarantined; /* or nobody needs it any more */
	if (serves)
		atomic_store(&p->instead, other);
	mutex_unlock(&p->home->lock);
	if (serves)
		log_warn("PROVIDER-FALLBACK", "provider=%s version=%s sha256=%s serves instead",
			provider_id(p), provider_version(other), other->sha256);
}

void worker_noted(struct provider *p)
{
	struct fail f = {0};

	if (p->home == NULL)
		return;
	if (worker_is_quarantined(p))
		worker_fall_back(p);
	else if (!quarantine_note(p, &f))
		log_warn("PROVIDER-FALLBACK", "provider=%s could not go back to this file: %s",
			provider_id(p), f.text);
}

/* --- out --- */

static void lift(struct worker_home *home)
{
	if (home == NULL)
		return;
	mutex_lock(&home->lock);
	home->quarantined = home->looked = false;
	home->in_a_row = 0;
	home->not_before = 0;
	for (size_t i = 0; i < COUNT(home->died); i++)
		home->died[i] = LONG_AGO;
	atomic_store(&home->p->instead, NULL);
	mutex_unlock(&home->lock);
}

bool providers_lift(struct providers *ps, const char *id, struct fail *f)
{
	struct provider *p = NULL;

	for (size_t i = 0; p == NULL && i < ps->count; i++) {
		if (strcmp(provider_id(&ps->list[i]), id) == 0)
			p = &ps->list[i];
	}
	if (p == NULL)
		return fail_set(f, FAIL_NOT_FOUND, "there is no provider '%s'", id);
	if (!quarantine_clear(p, f))
		return false;
	if (p->state != PROVIDER_LOADED)
		return true;
	if (atomic_load(&p->instead) != NULL)
		lift(atomic_load(&p->instead)->home);
	lift(p->home);
	log_info("PROVIDER-LIFTED", "provider=%s may be started again", id);
	return true;
}

/* --- told --- */

static json_t *describe_quarantine(const struct provider *p, const struct quarantine *q)
{
	const struct provider *other = atomic_load(&p->instead);
	char since[CLOCK_TEXT_SIZE], reason[sizeof(p->reason) + QUARANTINE_CAUSE_SIZE];
	json_t *v = json_object();

	(void)snprintf(reason, sizeof(reason),
		"its file is in quarantine, as %s; %s; 'davit providers lift %s' has it tried again",
		q->cause, other != NULL ? "the file it had before serves instead" : "its jobs wait",
		provider_id(p));
	(void)json_object_set_new(v, "sha256", json_string(p->sha256));
	(void)json_object_set_new(v, "cause", json_text_any(q->cause, strlen(q->cause)));
	(void)json_object_set_new(v, "since", json_string(clock_text_rfc3339(q->since_ms, since)));
	(void)json_object_set_new(v, "reason", json_text_any(reason, strlen(reason)));
	return v;
}

static json_t *describe_other(const struct provider *other)
{
	json_t *v = json_object();

	(void)json_object_set_new(v, "sha256", json_string(other->sha256));
	(void)json_object_set_new(v, "version", json_string(provider_version(other)));
	(void)json_object_set_new(v, "worker", worker_describe(other));
	return v;
}

void worker_describe_quarantine(
	const struct provider *p, json_t **ret_quarantine, json_t **ret_fallback)
{
	struct worker_home *home = p->home;
	const struct provider *other = atomic_load(&p->instead);
	struct quarantine q;
	bool is;

	if (home == NULL)
		return;
	mutex_lock(&home->lock);
	is = home->quarantined;
	q = home->quarantine;
	mutex_unlock(&home->lock);
	if (!is)
		return;
	*ret_quarantine = describe_quarantine(p, &q);
	if (other != NULL)
		*ret_fallback = describe_other(other);
}
