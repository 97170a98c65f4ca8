/* account - see account.h. */
#include "jobs/account.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/sha256.h"
#include "config/config.h"
#include "jobs/errand.h"
#include "jobs/job.h"
#include "jobs/tracker.h"
#include "provider/provider.h"
#include "secret/redact.h"
#include "secret/source.h"

#define WHY_MAX     2048
#define DIGEST_SIZE 17 /* of a member: enough to tell two values of one site apart */
#define NAMES_MOST  4  /* that are told */

/* --- what is no secret --- */

/* Takes what is named like a secret out of v, however deep. */
static void drop_named(json_t *v)
{
	static const char *const whole[] = {"credentials", "connection_details"};
	const char *name;
	json_t *member;
	void *next;
	size_t i;

	json_array_foreach(v, i, member)
	{
		drop_named(member);
	}
	json_object_foreach_safe(v, next, name, member)
	{
		if (redact_is_name(name) || strcmp(name, whole[0]) == 0 ||
			strcmp(name, whole[1]) == 0)
			(void)json_object_del(v, name);
		else
			drop_named(member);
	}
}

/* member: its name, or its JSON pointer. */
static void drop_at(json_t *v, const char *member)
{
	const char *last = strrchr(member, '/');
	char parent[256];

	if (member[0] != '/') {
		(void)json_object_del(v, member);
		return;
	}
	if ((size_t)(last - member) >= sizeof(parent))
		return;
	memcpy(parent, member, (size_t)(last - member));
	parent[last - member] = '\0';
	(void)json_object_del(parent[0] != '\0' ? json_at(v, parent) : v, last + 1);
}

/* A copy of what the connection says, without what the manifest takes secrets from. */
static json_t *without_secrets(const json_t *members, const json_t *manifest)
{
	json_t *copy = json_is_object(members) ? json_deep_copy(members) : json_object();
	json_t *sources, *source;
	const char *name;
	size_t i;

	json_object_foreach(json_object_get(manifest, "secrets"), name, sources)
	{
		json_array_foreach(sources, i, source)
		{
			const char *member = source_member(json_string_value(source));

			if (member != NULL)
				drop_at(copy, member);
		}
	}
	drop_named(copy);
	return copy;
}

/* Takes what is no text out of v, as a number (a time-out, a limit, a switch) seldom says where
 * something is; is anything left? */
static bool keep_texts(json_t *v)
{
	const char *name;
	json_t *member;
	void *next;

	for (size_t i = json_array_size(v); i-- > 0;) {
		if (!keep_texts(json_array_get(v, i)))
			(void)json_array_remove(v, i);
	}
	json_object_foreach_safe(v, next, name, member)
	{
		if (!keep_texts(member))
			(void)json_object_del(v, name);
	}
	return json_is_string(v) || json_array_size(v) > 0 || json_object_size(v) > 0;
}

/* --- digests --- */

static bool put(json_t *digests, const char *group, const char *name, json_t *value)
{
	char *text = value != NULL
	                     ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY)
	                     : strdup("null");
	uint8_t digest[SHA256_BYTES];
	char hex[SHA256_HEX_SIZE], key[300];

	if (text == NULL)
		return false;
	sha256_of(text, strlen(text), digest);
	free(text);
	sha256_hex(digest, hex);
	hex[DIGEST_SIZE - 1] = '\0';
	(void)snprintf(key, sizeof(key), "%s/%.250s", group, name);
	return json_object_set_new(digests, key, json_string(hex)) == 0;
}

/* The names that the manifest says count, or NULL: all texts. */
static json_t *names_of(const json_t *manifest, const char *group)
{
	return json_object_get(json_object_get(manifest, "account"), group);
}

/* What is named counts, be it read as a secret, too, but for secrets inside it. */
static bool put_at(json_t *digests, const char *group, const json_t *members, const char *name)
{
	const char *key = name[0] == '/' ? name + 1 : name;
	json_t *value = name[0] == '/' ? json_at(members, name) : json_object_get(members, name);
	json_t *copy = json_deep_copy(value); /* it belongs to all threads, and its count to none */
	bool ok;

	if (copy == NULL && value != NULL)
		return false;
	drop_named(copy);
	ok = put(digests, group, key, copy);
	json_decref(copy);
	return ok;
}

static bool put_named(
	json_t *digests, const char *group, const json_t *members, const json_t *names)
{
	json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		if (!put_at(digests, group, members, json_string_value(name)))
			return false;
	}
	return true;
}

static bool put_all(
	json_t *digests, const char *group, const json_t *members, const json_t *manifest)
{
	json_t *names = names_of(manifest, group);
	json_t *open, *value;
	const char *name;
	bool ok;

	if (names != NULL)
		return put_named(digests, group, members, names);
	open = without_secrets(members, manifest);
	ok = open != NULL;
	(void)keep_texts(open);
	json_object_foreach(open, name, value)
	{
		ok = ok && put(digests, group, name, value);
	}
	json_decref(open);
	return ok;
}

static bool is_flow(const struct job *job)
{
	return strcmp(job->interface, "davit.flow") == 0;
}

static const struct config_connection *connection_of(
	const struct tracker_options *o, const struct job *job)
{
	const char *name = job->connection;

	return name != NULL && name[0] != '\0' ? config_connection_find(o->config, name) : NULL;
}

/* As account_now(), with the manifest; *ret_digests NULL: there is nothing to be said. */
static bool digests_of(const struct tracker_options *o, const struct job *job,
	const json_t **ret_manifest, json_t **ret_digests)
{
	const struct provider *p =
		is_flow(job) ? NULL : providers_find(o->providers, job->provider);
	const struct config_provider *c =
		p != NULL ? config_provider_find(o->config, job->provider) : NULL;
	const struct config_connection *connection = connection_of(o, job);

	*ret_digests = NULL;
	if (p == NULL || c == NULL)
		return true;
	*ret_manifest = provider_manifest(p);
	*ret_digests = json_object();
	if (put_all(*ret_digests, "settings", c->settings, *ret_manifest) &&
		(connection == NULL ||
			put_all(*ret_digests, "connection", connection->details, *ret_manifest)))
		return true;
	json_decref(*ret_digests);
	*ret_digests = NULL;
	return false;
}

static bool text_of(const json_t *digests, char **ret_text)
{
	*ret_text = digests != NULL ? json_dumps(digests, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	return digests == NULL || *ret_text != NULL;
}

bool account_now(const struct tracker_options *o, const struct job *job, char **ret_text)
{
	const json_t *manifest = NULL;
	json_t *digests;
	bool ok;

	*ret_text = NULL;
	if (!digests_of(o, job, &manifest, &digests))
		return false;
	ok = text_of(digests, ret_text);
	json_decref(digests);
	return ok;
}

/* --- what has changed --- */

/* Does the manifest name the members of this key's group? Then what one of both lacks was not, or
 * is no more, among them. */
static bool is_named(const json_t *manifest, const char *key)
{
	return names_of(manifest, strncmp(key, "settings/", 9) == 0 ? "settings" : "connection") !=
	       NULL;
}

/* The members of one that the other has not so; where both: those with two values. */
static size_t changed(json_t *one, const json_t *other, bool both, const json_t *manifest,
	struct buf *names, size_t count)
{
	const char *key;
	json_t *value;

	json_object_foreach(one, key, value)
	{
		const json_t *its = json_object_get(other, key);

		if (its == NULL ? is_named(manifest, key) : !both || json_equal(value, its))
			continue;
		if (count < NAMES_MOST)
			buf_printf(names, "%s%.100s", count > 0 ? ", " : "", key);
		count++;
	}
	return count;
}

/* How many members tell two accounts apart; some of them in names. */
static size_t differ(json_t *before, json_t *now, const json_t *manifest, struct buf *names)
{
	return changed(now, before, false, manifest, names,
		changed(before, now, true, manifest, names, 0));
}

static char *why_moved(const struct job *job, const char *names)
{
	struct buf why;

	buf_init(&why, WHY_MAX);
	buf_printf(&why,
		"it was begun at another account or address, as the configuration of provider '%.100s'",
		job->provider);
	if (job->connection != NULL && job->connection[0] != '\0')
		buf_printf(&why, " and connection '%.200s'", job->connection);
	buf_printf(&why,
		" says now (%s): nothing is sent for it until you put that back and restart the "
		"daemon",
		names);
	if ((JOB_BIT(job->state) & JOB_TERMINAL) != 0)
		return buf_take(&why, NULL);
	buf_printf(&why, ", or say 'davit decide %s' with ", job->id);
	if (errand_is_kind(job->kind))
		buf_text(&why, "--resubmit to do it where that leads now, or --give-up");
	else
		buf_printf(&why,
			"--adopt %.200s where that leads to the same account, --resubmit to begin "
			"it there once more, or --give-up",
			job->remote_name != NULL ? job->remote_name : "REMOTE");
	return buf_take(&why, NULL);
}

/* Only what was sent has gone anywhere. */
static bool compare(
	const struct job *job, json_t *now, const json_t *manifest, struct account_state *state)
{
	struct fail f;
	json_t *before =
		job->account != NULL ? json_parse(job->account, strlen(job->account), &f) : NULL;
	struct buf names;
	size_t count;
	bool ok = true;

	if (before == NULL || job->epoch == 0)
		ok = json_equal(before, now) || text_of(now, &state->now);
	buf_init(&names, WHY_MAX);
	count = before == NULL || job->epoch == 0 ? 0 : differ(before, now, manifest, &names);
	if (count > 0) {
		state->moved = true;
		state->away = why_moved(job, names.p != NULL ? names.p : "");
		ok = state->away != NULL;
	}
	buf_finish(&names);
	json_decref(before);
	return ok;
}

bool account_same(const struct tracker_options *o, const struct job *job, const char *connection)
{
	struct job there = *job;
	const json_t *manifest = NULL;
	json_t *before, *now;
	struct buf names;
	struct fail f;
	bool same;

	there.connection = (char *)connection;
	if (job->account == NULL || job->epoch == 0 || !digests_of(o, &there, &manifest, &now))
		return true;
	before = json_parse(job->account, strlen(job->account), &f);
	buf_init(&names, WHY_MAX);
	same = before == NULL || now == NULL || differ(before, now, manifest, &names) == 0;
	buf_finish(&names);
	json_decref(before);
	json_decref(now);
	return same;
}

static bool say_gone(const struct job *job, char **ret_why)
{
	struct buf why;

	buf_init(&why, WHY_MAX);
	buf_printf(&why,
		"connection '%.200s' of this job is not in the configuration any more: put it "
		"back and restart the daemon; nothing is sent for the job until then",
		job->connection);
	*ret_why = buf_take(&why, NULL);
	return *ret_why != NULL;
}

bool account_look(
	const struct tracker_options *o, const struct job *job, struct account_state *ret_state)
{
	const json_t *manifest = NULL;
	json_t *now;
	bool ok;

	*ret_state = (struct account_state){0};
	if (is_flow(job))
		return true;
	if (job->connection != NULL && job->connection[0] != '\0' && connection_of(o, job) == NULL)
		return say_gone(job, &ret_state->away);
	if (!digests_of(o, job, &manifest, &now))
		return false;
	ok = now == NULL || compare(job, now, manifest, ret_state);
	json_decref(now);
	if (!ok)
		*ret_state = (struct account_state){0};
	return ok;
}
