/*
 * Who uses the folder of an ended process. Each user has a note, an empty file users/NAME in
 * that folder, written before the user is committed and deleted with it. A note counts while
 * its process exists, has not ended, and names this one as its prefix; so a note that a crash
 * left behind keeps nothing from being removed.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/json.h"
#include "platform/fs.h"
#include "process/internal.h"

static const char *prefix_of(const json_t *spec)
{
	return json_text_or(json_object_get(spec, "prefix"), "process", "");
}

static bool note_path(const struct processes *p, const char *used, const char *name,
	char path[PATH_MAX], struct fail *f)
{
	char folder[PATH_MAX];

	return process_path(p, used, RUN_USERS, folder, f) &&
	       fs_join(path, PATH_MAX, folder, name, f);
}

static bool put_note(const struct processes *p, const char *used, const char *name, struct fail *f)
{
	char folder[PATH_MAX], users[PATH_MAX], note[PATH_MAX];

	return process_path(p, used, "", folder, f) && process_path(p, used, RUN_USERS, users, f) &&
	       note_path(p, used, name, note, f) && fs_mkdirs(users, f) && fs_sync_dir(folder, f) &&
	       fs_write_durable(note, "", 0, f);
}

bool users_may_add(struct processes *p, const char *name, const json_t *spec, struct fail *f)
{
	const char *used = prefix_of(spec);
	const char *path = json_text_or(json_object_get(spec, "prefix"), "path", "");

	if (strcmp(used, name) == 0)
		return fail_at(f, FAIL_INVALID, "/prefix/process", "must be another process");
	if (!process_need(p, used, f))
		return false;
	if (!process_has(p, used, RUN_EXIT))
		return fail_set(f, FAIL_CONFLICT, "process %s has not ended", used);
	if (!process_has(p, used, path))
		return fail_set(f, FAIL_NOT_FOUND, "process %s has no folder %s", used, path);
	return true;
}

bool users_add(struct processes *p, const char *name, const json_t *spec, struct fail *f)
{
	return users_may_add(p, name, spec, f) && put_note(p, prefix_of(spec), name, f);
}

void users_drop(const struct processes *p, const char *name)
{
	json_t *spec = process_read(p, name, RUN_SPEC);
	const char *used = prefix_of(spec);
	char path[PATH_MAX];

	if (process_name_valid(used) && note_path(p, used, name, path, NULL))
		unlink(path);
	json_decref(spec);
}

/* Does it run, or is it about to, with used as its prefix? */
static bool counts(const struct processes *p, const char *used, const char *name)
{
	json_t *spec;
	bool same;

	if (!process_has(p, name, RUN_SPEC) || process_has(p, name, RUN_EXIT))
		return false;
	spec = process_read(p, name, RUN_SPEC);
	same = spec == NULL || strcmp(prefix_of(spec), used) == 0;
	json_decref(spec);
	return same;
}

/* A user of name that has not ended goes into user; else "". */
static void find_user(struct processes *p, const char *name, DIR *users,
	bool (*busy)(struct processes *p, const char *other), char user[RUN_NAME_MAX + 1])
{
	const struct dirent *entry;

	user[0] = '\0';
	while (user[0] == '\0' &&
		(entry = readdir(users)) != NULL) { /* NOLINT(concurrency-mt-unsafe): own DIR */
		if (process_name_valid(entry->d_name) &&
			(busy(p, entry->d_name) || counts(p, name, entry->d_name)))
			memcpy(user, entry->d_name, strlen(entry->d_name) + 1);
	}
}

/* The notes are looked at one by one: there may be any number, and most count for nothing. */
bool users_check(struct processes *p, const char *name,
	bool (*busy)(struct processes *p, const char *other), struct fail *f)
{
	char folder[PATH_MAX], user[RUN_NAME_MAX + 1];
	DIR *users;

	if (!process_path(p, name, RUN_USERS, folder, f))
		return false;
	users = opendir(folder);
	if (users == NULL)
		return errno == ENOENT || fail_errno(f, errno, "open folder %s", folder);
	find_user(p, name, users, busy, user);
	closedir(users);
	return user[0] == '\0' ||
	       fail_set(f, FAIL_CONFLICT, "process %s is used by process %s, which runs", name,
		       user);
}
