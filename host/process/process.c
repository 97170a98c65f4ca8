/*
 * Starting, stopping and removing. What was promised is in the folder before it is promised:
 * spec.json is the commit of a start, the file "stop" that of a stop.
 */
#include "process/process.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/log.h"
#include "platform/fs.h"
#include "platform/lock.h"
#include "process/commit.h"
#include "process/internal.h"
#include "run/spec.h"

#define NAME_USUAL    36 /* bytes of a name, at most, but for odd ones */
#define REMOVE_TRIES  3
#define RELEASE_TRIES 100
#define PAUSE_NS      20000000

/* --- start --- */

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
	if (!users_may_add(p, name, spec, f) || !busy_hold(&p->busy, used, &held, f))
		return false;
	good = users_add(p, name, spec, f);
	busy_release(&p->busy, &held);
	return good;
}

static bool build(struct processes *p, const char *name, const json_t *spec, struct fail *f)
{
	json_t *notes = json_array();
	char folder[PATH_MAX];
	bool good = notes != NULL || fail_errno(f, ENOMEM, "start");

	good = good && process_path(p, name, "", folder, f) && fs_remove_tree(folder, f) &&
	       note_use(p, name, spec, f) && inputs_make(p, name, spec, notes, f) &&
	       commit_spec(p, name, spec, notes, f);
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
	if (!busy_hold(&p->busy, name, &held, f))
		return false;
	good = start_held(p, name, spec, f);
	busy_release(&p->busy, &held);
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
	if (!busy_hold(&p->busy, name, &held, f))
		return false;
	good = stop_held(p, name, f);
	busy_release(&p->busy, &held);
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

static bool is_busy(struct processes *p, const char *name)
{
	return busy_is(&p->busy, name);
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
	good = users_check(p, name, is_busy, f);
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
	if (!busy_hold(&p->busy, name, &held, f))
		return false;
	good = remove_held(p, name, f);
	busy_release(&p->busy, &held);
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
	busy_init(&p->busy);
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
	busy_finish(&p->busy);
	mutex_finish(&p->lock);
	free(p);
}
