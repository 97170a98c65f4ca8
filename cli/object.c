/* object - see object.h. */
#include "object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/id.h"
#include "base/json.h"
#include "cli.h"
#include "http.h"

#define LABEL_LIMIT ((size_t)16 << 20)

json_t *object_of_row(json_t *row)
{
	const char *raw = json_text_or(row, "rawPayload", NULL);
	json_t *object = raw != NULL ? json_parse(raw, strlen(raw), NULL) : NULL;

	if (object == NULL)
		return row;
	json_decref(row);
	return object;
}

json_t *object_of_rows(json_t *rows)
{
	size_t n = json_array_size(rows);

	for (size_t i = 0; i < n; i++)
		(void)json_array_set_new(
			rows, i, object_of_row(json_incref(json_array_get(rows, i))));
	return rows;
}

const json_t *object_at(const json_t *object, const char *member)
{
	const json_t *value = json_object_get(object, member);

	if (value == NULL || json_is_null(value))
		value = json_object_get(json_object_get(object, "provider"), member);
	return value;
}

const char *object_text(const json_t *object, const char *member)
{
	return json_string_value(object_at(object, member));
}

json_t *object_list(struct cli *c, const char *family)
{
	struct buf path;

	buf_init(&path, PATH_LIMIT);
	buf_printf(&path, SERVICE "/%s/list", family);
	return object_of_rows(cli_ask_path(c, "GET", NULL, &path, NULL));
}

/* The newest version of a name in a list, which is taken over; NULL: *missing set, or told. */
static json_t *newest_named(struct cli *c, json_t *list, const char *name, bool *missing)
{
	json_t *object, *found = NULL;
	size_t i;

	json_array_foreach(list, i, object)
	{
		if (strcmp(json_text_or(object, "name", ""), name) == 0 &&
			(found == NULL || json_integer_value(object_at(object, "version")) >
						  json_integer_value(object_at(found, "version"))))
			found = object;
	}
	(void)json_incref(found);
	json_decref(list);
	if (found == NULL && missing != NULL)
		*missing = true;
	else if (found == NULL)
		(void)cli_fail(c, EXIT_REFUSED, "there is none of the name '%s'", name);
	return found;
}

json_t *object_find(struct cli *c, const char *family, const char *reference, bool *missing)
{
	bool pipeline = strncmp(family, "pipelines/", 10) == 0;
	struct buf path;

	if (!pipeline && strcmp(reference, "list") == 0) { /* where it is, the list is */
		json_t *list = object_list(c, family);

		return list != NULL ? newest_named(c, list, reference, missing) : NULL;
	}
	buf_init(&path, PATH_LIMIT);
	buf_printf(&path, SERVICE "/%s", family);
	http_path(&path, pipeline ? "/%s/get" : "/%s", &reference);
	return object_of_row(cli_ask_path(c, "GET", NULL, &path, missing));
}

json_t *object_get(struct cli *c, const char *family, const char *reference)
{
	return object_find(c, family, reference, NULL);
}

char *object_label(const json_t *object)
{
	const char *name = json_text_or(object, "name", json_text_or(object, "id", "?"));
	const json_t *version = object_at(object, "version");
	struct buf label;
	size_t n;

	buf_init(&label, LABEL_LIMIT);
	buf_text(&label, name);
	if (json_is_integer(version))
		buf_printf(&label, "@v%lld", (long long)json_integer_value(version));
	return buf_take(&label, &n);
}

/* --- jobs by name --- */

/* Does the job run something of the user, or only keep a record? */
static bool runs_something(const json_t *job)
{
	static const char *const quiet[] = {"davit.datasets", "davit.models", "davit.deployment"};
	const char *interface = json_text_or(job, "interface", "");

	for (size_t i = 0; i < COUNT(quiet); i++) {
		if (strcmp(interface, quiet[i]) == 0)
			return false;
	}
	return true;
}

/* The newest, and rather one that runs something. */
static const json_t *choose(const json_t *jobs)
{
	const json_t *job;
	size_t i;

	json_array_foreach(jobs, i, job)
	{
		if (runs_something(job))
			return job;
	}
	return json_array_get(jobs, 0);
}

static char *id_by_name(struct cli *c, const char *name)
{
	json_t *answer;
	const json_t *job;
	struct buf path;
	char *id = NULL;

	buf_init(&path, PATH_LIMIT);
	buf_text(&path, "/v1/jobs?limit=1000");
	http_query(&path, "name", name);
	answer = cli_ask_path(c, "GET", NULL, &path, NULL);
	if (answer == NULL)
		return NULL;
	job = choose(json_object_get(answer, "jobs"));
	if (job != NULL)
		id = strdup(json_text_or(job, "id", ""));
	else
		(void)cli_fail(c, EXIT_REFUSED,
			"there is no job '%s', neither by id nor by name ('davit jobs' lists them)",
			name);
	json_decref(answer);
	return id;
}

char *object_job_id(struct cli *c, const char *word)
{
	struct buf path;
	bool missing = false;
	json_t *status;
	char *id;

	if (id_valid(word))
		return strdup(word);
	buf_init(&path, PATH_LIMIT);
	http_path(&path, "/status/%s", &word);
	status = cli_ask_path(c, "GET", NULL, &path, &missing);
	if (missing)
		return id_by_name(c, word);
	if (status == NULL)
		return NULL;
	id = strdup(json_text_or(status, "id", word));
	json_decref(status);
	return id;
}
