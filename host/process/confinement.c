/* confinement - see confinement.h. */
#include "process/confinement.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/json.h"

static bool add(json_t *list, const char *path)
{
	return json_array_append_new(list, json_string(path)) == 0;
}

/* As it is named, and as it is after all links: both names are hidden. */
static bool add_both(json_t *list, const char *path)
{
	char real[PATH_MAX];

	if (path == NULL)
		return true;
	return add(list, path) &&
	       (realpath(path, real) == NULL || strcmp(real, path) == 0 || add(list, real));
}

static bool add_list(json_t *list, const struct confinement_list *paths)
{
	for (size_t i = 0; i < paths->count; i++) {
		if (!add_both(list, paths->paths[i]))
			return false;
	}
	return true;
}

/* What SQLite writes beside it has what is in it. */
static bool add_database(json_t *list, const char *path)
{
	static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
	char file[PATH_MAX];

	for (size_t i = 0; path != NULL && i < COUNT(endings); i++) {
		int n = snprintf(file, sizeof(file), "%s%s", path, endings[i]);

		if (n > 0 && (size_t)n < sizeof(file) && !add_both(list, file))
			return false;
	}
	return true;
}

static bool fill(const struct confinement *c, json_t *hidden, json_t *read, json_t *write)
{
	for (size_t i = 0; i < COUNT(c->hidden); i++) {
		if (!add_list(hidden, &c->hidden[i]))
			return false;
	}
	return add_database(hidden, c->database) && add_list(read, &c->read) &&
	       add_list(read, &c->import) && add_list(write, &c->write);
}

char *confinement_text(const struct confinement *c)
{
	json_t *hidden = json_array(), *read = json_array(), *write = json_array();
	bool good = fill(c, hidden, read, write);
	json_t *v = json_pack("{s:o,s:o,s:o,s:s,s:s,s:b,s:b}", "hidden", hidden, "read", read,
		"write", write, "user", c->user, "min_sandbox", c->min_sandbox, "network",
		c->network, "off", c->off);
	size_t n;
	char *text = v == NULL || !good ? NULL : json_compact(v, &n);

	json_decref(v);
	return text;
}
