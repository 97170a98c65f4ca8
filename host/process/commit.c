/* commit - see commit.h. */
#include "process/commit.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/json.h"
#include "platform/fs.h"
#include "process/internal.h"
#include "run/spec.h"

static json_t *with_notes(const json_t *spec, json_t *notes)
{
	json_t *all = json_array();
	json_t *copy = json_copy((json_t *)spec);
	const json_t *given = json_object_get(spec, "notes");

	if (all != NULL && copy != NULL &&
		(given == NULL || json_array_extend(all, (json_t *)given) == 0) &&
		json_array_extend(all, notes) == 0 && json_object_set(copy, "notes", all) == 0) {
		json_decref(all);
		return copy;
	}
	json_decref(all);
	json_decref(copy);
	return NULL;
}

/* The inputs without their texts: these are files by now, may be long, and may be secrets that
 * are to go when their file does. */
static json_t *without_texts(const json_t *inputs)
{
	json_t *all = json_array();
	const json_t *v;
	size_t i;

	json_array_foreach(inputs, i, v)
	{
		json_t *bare = json_copy((json_t *)v);

		if (bare != NULL)
			(void)json_object_del(bare, "text");
		if (json_array_append_new(all, bare) != 0) {
			json_decref(all);
			return NULL;
		}
	}
	return all;
}

/* What spec.json says. */
static json_t *written_spec(const json_t *spec, json_t *notes)
{
	json_t *whole = with_notes(spec, notes);
	const json_t *inputs = json_object_get(spec, "inputs");

	if (whole != NULL && inputs != NULL &&
		json_object_set_new(whole, "inputs", without_texts(inputs)) != 0) {
		json_decref(whole);
		return NULL;
	}
	return whole;
}

bool commit_spec(const struct processes *p, const char *name, const json_t *spec, json_t *notes,
	struct fail *f)
{
	json_t *whole = written_spec(spec, notes);
	char path[PATH_MAX];
	size_t n = 0;
	char *text = whole == NULL ? NULL : json_compact(whole, &n);
	bool good;

	json_decref(whole);
	if (text == NULL)
		return fail_errno(f, ENOMEM, "write %s", RUN_SPEC);
	good = n <= RUN_JSON_MAX ||
	       fail_set(
		       f, FAIL_TOO_LARGE, "the specification has more than %u bytes", RUN_JSON_MAX);
	good = good && process_path(p, name, RUN_SPEC, path, f) && fs_sync_dir(p->root, f) &&
	       fs_write_durable(path, text, n, f);
	free(text);
	return good;
}
