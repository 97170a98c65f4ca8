/* kit.c - see kit.h. */
#include "unit/store/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "platform/fs.h"
#include "unit/cmocka.h"

#define NOBODY 65534

void kit_folder(char path[PATH_MAX])
{
	const char *tmp = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe) */

	(void)snprintf(path, PATH_MAX, "%s/davit-store-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(path));
}

void kit_remove(const char *path)
{
	assert_true(fs_remove_tree(path, NULL));
}

const char *kit_join(char path[PATH_MAX], const char *folder, const char *name)
{
	assert_true(fs_join(path, PATH_MAX, folder, name, NULL));
	return path;
}

struct store *kit_open_driver(const struct store_driver *driver, const char *folder)
{
	struct fail f = {0};
	char path[PATH_MAX];
	struct store *s = store_open_driver(driver, kit_join(path, folder, "davit.db"), &f);

	if (s == NULL)
		fail_msg("%s", f.text);
	return s;
}

struct store *kit_open(const char *folder)
{
	return kit_open_driver(&store_sqlite, folder);
}

int kit_set_up(void **state)
{
	struct kit_room *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	kit_folder(r->folder);
	r->store = kit_open(r->folder);
	*state = r;
	return 0;
}

int kit_tear_down(void **state)
{
	struct kit_room *r = *state;

	store_close(r->store);
	kit_remove(r->folder);
	free(r);
	return 0;
}

const char *kit_id(char id[ID_SIZE], unsigned n)
{
	(void)snprintf(id, ID_SIZE, "%024u", n);
	return id;
}

static char *text(const char *s)
{
	char *own = strdup(s);

	assert_non_null(own);
	return own;
}

static struct store_op *op_new(enum store_kind kind)
{
	struct store_op *op = store_op_new(kind, true);

	assert_non_null(op);
	return op;
}

struct store_op *kit_add(unsigned n)
{
	struct store_op *op = op_new(STORE_JOB_ADD);

	kit_id(op->job.id, n);
	kit_id(op->job.submission, n + 1000000);
	op->job.created_ms = 1000 + n;
	op->job.provider = text("near");
	op->job.interface = text("davit.training");
	op->job.kind = text("train");
	op->job.request = text("{}");
	return op;
}

struct store_op *kit_edge(unsigned n, unsigned from, enum job_state to, unsigned set)
{
	struct store_op *op = op_new(STORE_JOB_EDGE);

	kit_id(op->edge.values.id, n);
	op->edge.from = from;
	op->edge.to = to;
	op->edge.set = set;
	op->edge.values.started_ms = 2000;
	op->edge.values.finished_ms = 3000;
	op->edge.values.cancel_ms = 2500;
	return op;
}

struct store_op *kit_put(const char *instance, const char *key, const char *value, int64_t version)
{
	struct store_op *op = op_new(STORE_KV_PUT);

	op->kv.instance = text(instance);
	op->kv.key = text(key);
	op->kv.value = text(value);
	op->kv.version = version;
	return op;
}

struct store_op *kit_delete(const char *instance, const char *key)
{
	struct store_op *op = op_new(STORE_KV_DELETE);

	op->kv.instance = text(instance);
	op->kv.key = text(key);
	return op;
}

enum fail_code kit_run(struct store *s, struct store_op *op, bool *ret_changed)
{
	struct fail f = {0};
	enum fail_code code = store_run(s, op, &f) ? FAIL_NONE : f.code;

	if (ret_changed != NULL)
		*ret_changed = op->changed;
	store_op_free(op);
	return code;
}

bool kit_wait(bool (*holds)(void *arg), void *arg)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	for (int ms = 0; ms < KIT_WAIT_MS; ms++) {
		if (holds(arg))
			return true;
		(void)nanosleep(&pause, NULL);
	}
	return holds(arg);
}

bool kit_as_nobody(bool (*fn)(const char *arg), const char *arg)
{
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (getuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
			_exit(2);
		_exit(fn(arg) ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
