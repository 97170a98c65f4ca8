/* save_note - see save_note.h. A note is {"root", "folder", "names": [...]} in a file that is
 * called by its mark. */
#include "provider/save_note.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/log.h"
#include "config/config.h"
#include "platform/fs.h"

#define FOLDER      "exports"
#define NOTES_MAX   100000
#define NOTE_BYTES  ((size_t)64 << 20)
#define MARK_DIGITS 16

static bool folder_path(const struct config *config, char path[PATH_MAX], struct fail *f)
{
	return fs_join(path, PATH_MAX, config->data_dir, FOLDER, f);
}

static bool note_path(
	const struct config *config, uint64_t mark, char path[PATH_MAX], struct fail *f)
{
	char name[sizeof(FOLDER) + MARK_DIGITS + 1];

	(void)snprintf(name, sizeof(name), FOLDER "/%016" PRIx64, mark);
	return fs_join(path, PATH_MAX, config->data_dir, name, f);
}

static char *note_text(const struct save_note *note, size_t *ret_n)
{
	json_t *names = json_array();
	json_t *v;
	char *text;

	for (size_t i = 0; i < note->count; i++)
		(void)json_array_append_new(names, json_string(note->names[i]));
	v = json_pack(
		"{s:s, s:s, s:o}", "root", note->root, "folder", note->folder, "names", names);
	text = v == NULL || json_array_size(names) != note->count ? NULL : json_compact(v, ret_n);
	json_decref(v);
	return text;
}

bool save_note_begin(const struct config *config, struct save_note *note, struct fail *f)
{
	char path[PATH_MAX];
	size_t n = 0;
	char *text;
	bool good;

	if (getrandom(&note->mark, sizeof(note->mark), 0) != (ssize_t)sizeof(note->mark))
		return fail_errno(f, errno, "note what is written");
	text = note_text(note, &n);
	if (text == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	good = folder_path(config, path, f) && fs_mkdirs(path, f) &&
	       note_path(config, note->mark, path, f) && fs_write_durable(path, text, n, f);
	free(text);
	return good;
}

void save_note_end(const struct config *config, const struct save_note *note)
{
	char path[PATH_MAX];

	if (note_path(config, note->mark, path, NULL))
		(void)remove(path); /* one that stays finds nothing to delete */
}

/* --- after a crash --- */

static bool is_root(const struct config *config, const char *path)
{
	for (size_t i = 0; i < config->export_root_count; i++) {
		if (strcmp(config->export_roots[i], path) == 0)
			return true;
	}
	return false;
}

static bool tidy(const struct config *config, const json_t *v, uint64_t mark, struct fail *f)
{
	const json_t *names = json_object_get(v, "names");
	const char *root = json_text_or(v, "root", "");
	size_t n = json_array_size(names);
	const char **list = calloc(n + 1, sizeof(*list));
	struct fs_placing what = {.names = list, .count = n, .mark = mark};
	bool good;

	if (list == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	for (size_t i = 0; i < n; i++) {
		const char *name = json_string_value(json_array_get(names, i));

		list[i] = name != NULL ? name : "";
	}
	good = !is_root(config, root) ||
	       fs_place_tidy(root, json_text_or(v, "folder", ""), &what, f);
	free(list);
	return good;
}

static bool is_mark(const char *name, size_t n)
{
	return n == MARK_DIGITS && strspn(name, "0123456789abcdef") >= MARK_DIGITS;
}

/* A note that was not whole yet, as fs_write_durable() names it: nothing was written for it. */
static bool is_unfinished(const char *name)
{
	static const char mark[] = ".tmp";

	return strlen(name) > MARK_DIGITS && is_mark(name, MARK_DIGITS) &&
	       strncmp(name + MARK_DIGITS, mark, sizeof(mark) - 1) == 0;
}

static bool drop(const struct config *config, const char *name, struct fail *f)
{
	char folder[PATH_MAX], path[PATH_MAX];

	return folder_path(config, folder, f) && fs_join(path, sizeof(path), folder, name, f) &&
	       (remove(path) == 0 || fail_errno(f, errno, "delete %s", path));
}

static bool recover(const struct config *config, const char *name, struct fail *f)
{
	char path[PATH_MAX];
	uint64_t mark = strtoull(name, NULL, 16);
	char *text = NULL;
	json_t *v = NULL;
	size_t n = 0;
	bool good;

	if (is_unfinished(name))
		return drop(config, name, f);
	if (!is_mark(name, strlen(name)))
		return true;
	good = note_path(config, mark, path, f) && fs_read(path, NOTE_BYTES, &text, &n, f);
	if (good)
		v = json_parse(text, n, f);
	free(text);
	good = v != NULL && tidy(config, v, mark, f);
	json_decref(v);
	if (good)
		(void)remove(path);
	return good;
}

void save_note_recover(const struct config *config)
{
	char path[PATH_MAX];
	struct fail f = {0};
	char **names = NULL;
	size_t n = 0;

	if (!folder_path(config, path, &f) || !fs_names(path, NOTES_MAX, &names, &n, &f)) {
		if (f.code != FAIL_NOT_FOUND)
			log_warn("EXPORT-TIDY", "%s", f.text);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		f = (struct fail){0};
		if (!recover(config, names[i], &f))
			log_warn("EXPORT-TIDY", "what the export %s left stays: %s", names[i],
				f.text);
	}
	fs_names_free(names, n);
}
