/*
 * venvs - the Python environments kept for pipelines, as folders below data_dir/venvs. The
 * platform asks for their deletion when a pipeline is deleted. All of it touches files, so it
 * runs on the pool.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/handlers.h"
#include "base/fail.h"
#include "base/log.h"
#include "config/config.h"
#include "http/exchange.h"
#include "platform/fs.h"

#define PATH_SIZE 4096
#define NAMES_MAX 10000
#define NO_FOLDER "venvs directory not found"

static bool is_folder(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The folder of all environments; false (answered) where there is none. */
static bool find_root(const struct app *app, struct exchange *x, char path[PATH_SIZE])
{
	struct fail f = {0};

	if (!fs_join(path, PATH_SIZE, app->config->data_dir, "venvs", &f)) {
		answer_fail(x, &f);
		return false;
	}
	if (!is_folder(path)) {
		exchange_fail_text(x, 404, NO_FOLDER);
		return false;
	}
	return true;
}

/* One name of one folder: nothing that could lead elsewhere. */
static bool name_valid(const char *name)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t n = strlen(name);

	return n > 0 && n < 256 && strspn(name, allowed) == n && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

/* The path of a folder below root by its name; false where there is none. */
static bool find_folder(const char *root, const char *name, char path[PATH_SIZE])
{
	return name_valid(name) && fs_join(path, PATH_SIZE, root, name, NULL) && is_folder(path);
}

/* --- GET --- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *sorted(char **names, size_t n)
{
	json_t *array = json_array();

	qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(array, json_string(names[i]));
	return array;
}

static size_t read_names(DIR *dir, const char *root, char **names)
{
	char path[PATH_SIZE];
	const struct dirent *entry;
	size_t n = 0;

	// NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this call's own
	while (n < NAMES_MAX && (entry = readdir(dir)) != NULL) {
		if (!find_folder(root, entry->d_name, path))
			continue;
		names[n] = strdup(entry->d_name);
		if (names[n] == NULL)
			break;
		n++;
	}
	return n;
}

static void list(struct app *app, struct exchange *x)
{
	char root[PATH_SIZE];
	char **names;
	DIR *dir;
	size_t n;

	if (!find_root(app, x, root))
		return;
	names = calloc(NAMES_MAX, sizeof(*names));
	dir = names != NULL ? opendir(root) : NULL;
	if (dir == NULL) {
		free(names);
		exchange_fail_text(x, 500, "failed to get venvs");
		return;
	}
	n = read_names(dir, root, names);
	(void)closedir(dir);
	exchange_reply_json(x, 200, sorted(names, n));
	while (n > 0)
		free(names[--n]);
	free(names);
}

void venvs_list(struct app *app, struct exchange *x)
{
	answer_later(app, x, list);
}

/* --- DELETE --- */

static bool check_names(const json_t *names, struct fail *f)
{
	const json_t *name;
	size_t i;

	if (!json_is_array(names) || json_array_size(names) == 0)
		return fail_set(f, FAIL_INVALID, "the body must be an array of names");
	json_array_foreach(names, i, name)
	{
		if (!json_is_string(name) || !name_valid(json_string_value(name)))
			return fail_set(f, FAIL_INVALID,
				"name %zu: only letters, digits, '_', '.' and '-' are allowed", i);
	}
	return true;
}

/* Sorts names into the two arrays. */
static bool remove_all(
	const char *root, const json_t *names, json_t *deleted, json_t *missing, struct fail *f)
{
	char path[PATH_SIZE];
	json_t *name;
	size_t i;

	json_array_foreach((json_t *)names, i, name)
	{
		bool there = find_folder(root, json_string_value(name), path);

		if (there && !fs_remove_tree(path, f))
			return false;
		if (json_array_append(there ? deleted : missing, name) != 0)
			return fail_set(f, FAIL_INTERNAL, "out of memory");
	}
	return true;
}

static void delete (struct app *app, struct exchange *x)
{
	struct fail f = {0};
	const json_t *names = exchange_body_json(x, &f);
	json_t *deleted, *missing;
	char root[PATH_SIZE];

	if (names == NULL || !check_names(names, &f)) {
		answer_fail(x, &f);
		return;
	}
	if (!find_root(app, x, root))
		return;
	deleted = json_array();
	missing = json_array();
	if (remove_all(root, names, deleted, missing, &f)) {
		exchange_reply_json(
			x, 200, json_pack("{s:o, s:o}", "deleted", deleted, "not_found", missing));
		return;
	}
	log_error("API-VENVS", "an environment could not be deleted: %s", f.text);
	json_decref(deleted);
	json_decref(missing);
	exchange_fail_text(x, 500, "failed to delete venv");
}

void venvs_delete(struct app *app, struct exchange *x)
{
	answer_later(app, x, delete);
}
