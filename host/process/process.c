/*
 * Starting, stopping and removing. What was promised is in the folder before it is promised:
 * spec.json is the commit of a start, the file "stop" that of a stop.
 */
#include "process/process.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/log.h"
#include "platform/fs.h"
#include "platform/lock.h"
#include "process/internal.h"
#include "run/spec.h"

#define HOLD_MS       60000
#define NAME_USUAL    36 /* bytes of a name, at most, but for odd ones */
#define REMOVE_TRIES  3
#define RELEASE_TRIES 100
#define PAUSE_NS      20000000

/* --- one thread at a time works on a name --- */

static bool is_busy(const struct processes *p, const char *name)
{
	const struct busy_name *b;

	SLIST_FOREACH(b, &p->busy, link)
	{
		if (strcmp(b->name, name) == 0)
			return true;
	}
	return false;
}

/* hold is the caller's, until release(). */
static bool hold(struct processes *p, const char *name, struct busy_name *held, struct fail *f)
{
	int64_t deadline = clock_mono_ms() + HOLD_MS;
	bool good = true;

	snprintf(held->name, sizeof(held->name), "%s", name);
	mutex_lock(&p->lock);
	while (good && is_busy(p, name))
		good = clock_wait(&p->released, &p->lock, deadline);
	if (good)
		SLIST_INSERT_HEAD(&p->busy, held, link);
	mutex_unlock(&p->lock);
	return good || fail_set(f, FAIL_UNAVAILABLE, "process %s is being worked on", name);
}

static void release(struct processes *p, struct busy_name *held)
{
	mutex_lock(&p->lock);
	SLIST_REMOVE(&p->busy, held, busy_name, link);
	cond_broadcast(&p->released);
	mutex_unlock(&p->lock);
}

/* --- start --- */

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

/* The commit: from here on the process exists. */
static bool put_spec(const struct processes *p, const char *name, const json_t *spec, json_t *notes,
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

/*
 * Held while it is noted that it is used, so that it is not removed meanwhile; afterwards the
 * note, and we, who are busy with name, keep it. We wait for one that has ended only, whose own
 * start waits for nobody: so two that name each other do not wait for each other.
 */
static bool note_use(struct processes *p, const char *name, const json_t *spec, struct fail *f)
{
	const char *used = json_text_or(json_object_get(spec, "prefix"), "process", "");
	struct busy_name held;
	bool good;

	if (used[0] == '\0')
		return true;
	if (!users_may_add(p, name, spec, f) || !hold(p, used, &held, f))
		return false;
	good = users_add(p, name, spec, f);
	release(p, &held);
	return good;
}

static bool build(struct processes *p, const char *name, const json_t *spec, struct fail *f)
{
	json_t *notes = json_array();
	char folder[PATH_MAX];
	bool good = notes != NULL || fail_errno(f, ENOMEM, "start");

	good = good && process_path(p, name, "", folder, f) && fs_remove_tree(folder, f) &&
	       note_use(p, name, spec, f) && inputs_make(p, name, spec, notes, f) &&
	       put_spec(p, name, spec, notes, f);
	json_decref(notes);
	return good;
}

static bool start_held(struct processes *p, const char *name, const json_t *spec, struct fail *f)
{
	if (!process_has(p, name, RUN_SPEC)) {
		if (!build(p, name, spec, f))
			return false;
	} else if (process_has(p, name, RUN_EXIT)) {
		return true;
	} else if (process_locked(p, name)) {
		watcher_add(p->watcher, name, true);
		return true;
	}
	return process_spawn(p, name, f);
}

static bool check_spec(const json_t *spec, struct fail *f)
{
	struct run_spec read;

	return run_spec_read(spec, &read, f) && inputs_check(read.inputs, f);
}

bool process_start(struct processes *p, const char *name, const json_t *spec, struct fail *f)
{
	struct busy_name held;
	char path[PATH_MAX];
	bool good;

	if (!process_name_valid(name))
		return process_need(p, name, f);
	if (!process_socket(p, name, RUN_SERVE_SUFFIX, path, f))
		return false;
	if (!process_has(p, name, RUN_SPEC) && !check_spec(spec, f))
		return fail_wrap(f, "start process %s", name);
	if (!hold(p, name, &held, f))
		return false;
	good = start_held(p, name, spec, f);
	release(p, &held);
	return good || fail_wrap(f, "start process %s", name);
}

/* --- stop --- */

static bool tell_stop(const struct processes *p, const char *name)
{
	static const char line[] = "stop\n";
	int fd = process_connect(p, name);
	bool told;

	if (fd < 0)
		return false;
	told = send(fd, line, sizeof(line) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(line) - 1;
	close(fd);
	return told;
}

/*
 * The file first, then the word. A davit-run that does not listen yet will look for the file
 * after it does; where there is none at all, one is started to write the end. On a full disk
 * the word alone must do: stopping may be what makes room.
 */
static bool stop_held(struct processes *p, const char *name, struct fail *f)
{
	char path[PATH_MAX];
	bool written;

	if (!process_need(p, name, f))
		return false;
	if (process_has(p, name, RUN_EXIT))
		return true;
	if (!process_path(p, name, RUN_STOP, path, f))
		return false;
	links_forget(&p->links, name); /* a server may wait for its connections to end */
	written = fs_write_durable(path, "", 0, f);
	if (tell_stop(p, name) || process_has(p, name, RUN_EXIT))
		return true;
	if (!written || process_locked(p, name))
		return written;
	return process_spawn(p, name, f);
}

bool process_stop(struct processes *p, const char *name, struct fail *f)
{
	struct busy_name held;
	bool good;

	if (!process_name_valid(name))
		return process_need(p, name, f);
	if (!hold(p, name, &held, f))
		return false;
	good = stop_held(p, name, f);
	release(p, &held);
	return good || fail_wrap(f, "stop");
}

/* --- remove --- */

/* A davit-run that has written the end lets go of the lock a moment later. */
static bool take_lock(const struct processes *p, const char *name, int *ret_fd, struct fail *f)
{
	static const struct timespec pause = {0, PAUSE_NS};
	int tries = process_has(p, name, RUN_EXIT) ? RELEASE_TRIES : 1;
	char path[PATH_MAX];

	if (!process_path(p, name, RUN_LOCK, path, f))
		return false;
	while (!lock_take(path, ret_fd, NULL, f)) {
		if (f->code != FAIL_CONFLICT || --tries == 0)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static void remove_sockets(const struct processes *p, const char *name)
{
	char path[PATH_MAX];

	if (process_socket(p, name, RUN_CONTROL_SUFFIX, path, NULL))
		unlink(path);
	if (process_socket(p, name, RUN_SERVE_SUFFIX, path, NULL))
		unlink(path);
}

static bool is_busy_now(struct processes *p, const char *name)
{
	bool busy;

	mutex_lock(&p->lock);
	busy = is_busy(p, name);
	mutex_unlock(&p->lock);
	return busy;
}

/* Without spec.json it is no process any more, wherever a crash stops us. A davit-run that
 * comes late may put a lock file into the folder while it is deleted: hence again. */
static bool remove_folder(const struct processes *p, const char *name, struct fail *f)
{
	char folder[PATH_MAX], spec[PATH_MAX];
	bool good;

	if (!process_path(p, name, "", folder, f) || !process_path(p, name, RUN_SPEC, spec, f))
		return false;
	if (unlink(spec) != 0)
		return fail_errno(f, errno, "delete %s", spec);
	if (!fs_sync_dir(folder, f))
		return false;
	good = false;
	for (int i = 0; i < REMOVE_TRIES && !good; i++)
		good = fs_remove_tree(folder, f);
	return good && fs_sync_dir(p->root, f);
}

static bool remove_held(struct processes *p, const char *name, struct fail *f)
{
	struct fail why;
	bool good;
	int lock;

	if (!process_need(p, name, f))
		return false;
	if (!take_lock(p, name, &lock, &why))
		return why.code == FAIL_CONFLICT
		               ? fail_set(f, FAIL_CONFLICT, "process %s still runs", name)
		               : fail_set(f, why.code, "%s", why.text);
	good = users_check(p, name, is_busy_now, f);
	if (good) {
		links_forget(&p->links, name);
		remove_sockets(p, name);
		users_drop(p, name);
		good = remove_folder(p, name, f);
	}
	close(lock);
	return good;
}

bool process_remove(struct processes *p, const char *name, struct fail *f)
{
	struct busy_name held;
	bool good;

	if (!process_name_valid(name))
		return process_need(p, name, f);
	if (!hold(p, name, &held, f))
		return false;
	good = remove_held(p, name, f);
	release(p, &held);
	return good || fail_wrap(f, "remove");
}

/* --- open and close --- */

/* Continues what an earlier daemon began; what it did not commit is cleared away. */
static void adopt(struct processes *p, const char *name)
{
	char folder[PATH_MAX];
	struct fail f;

	if (!process_path(p, name, "", folder, NULL))
		return;
	if (process_has(p, name, RUN_SPEC)) {
		if (!process_has(p, name, RUN_EXIT))
			watcher_add(p->watcher, name, false);
	} else if (!fs_remove_tree(folder, &f)) {
		log_warn("PROCESS-SWEEP", "process=%s %s", name, f.text);
	}
}

static bool adopt_all(struct processes *p, struct fail *f)
{
	DIR *dir = opendir(p->root);
	struct dirent *entry;

	if (dir == NULL)
		return fail_errno(f, errno, "open folder %s", p->root);
	while ((entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe): own DIR */
		if (process_name_valid(entry->d_name))
			adopt(p, entry->d_name);
		else if (entry->d_name[0] != '.')
			log_warn("PROCESS-SWEEP", "%s/%s is not a process and left alone", p->root,
				entry->d_name);
	}
	closedir(dir);
	return true;
}

/* Are the folders there, and short enough for the sockets of processes with usual names? */
static bool check_folders(const struct processes *p, struct fail *f)
{
	char path[PATH_MAX], name[NAME_USUAL + 1];

	memset(name, 'x', NAME_USUAL);
	name[NAME_USUAL] = '\0';
	return process_socket(p, name, RUN_SERVE_SUFFIX, path, f) && fs_mkdirs(p->root, f) &&
	       fs_mkdirs(p->options.runtime_dir, f);
}

/* A connection is kept: the watcher closes it in time. */
static void wake_watcher(void *ctx)
{
	const struct processes *p = ctx;

	watcher_wake(p->watcher);
}

struct processes *processes_open(const struct process_options *options, struct fail *f)
{
	struct processes *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		fail_errno(f, ENOMEM, "open the processes");
		return NULL;
	}
	mutex_init(&p->lock);
	cond_init(&p->released);
	SLIST_INIT(&p->busy);
	LIST_INIT(&p->responses);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	transports_open(&p->transports);
	links_open(&p->links, &p->transports, wake_watcher, p);
	p->options = *options;
	if (p->options.cgroup == NULL)
		p->options.cgroup = "auto";
	if (fs_join(p->root, sizeof(p->root), options->data_dir, "processes", f) &&
		check_folders(p, f))
		p->watcher = watcher_open(p, f);
	if (p->watcher != NULL && adopt_all(p, f))
		return p;
	processes_close(p);
	return NULL;
}

void processes_close(struct processes *p)
{
	if (p == NULL)
		return;
	watcher_close(p->watcher);
	links_close(&p->links);
	transports_close(&p->transports);
	curl_global_cleanup();
	cond_finish(&p->released);
	mutex_finish(&p->lock);
	free(p);
}
