/* store_sync_test - a durable write is on the disk, not only in the system's memory, when it is
 * answered. SQLite's own file functions are wrapped to see which writes to the log were synced. */
#include <string.h>

#include "store/sqlite.h"
#include "unit/cmocka.h"
#include "unit/store/kit.h"

static struct {
	const sqlite3_io_methods *real;
	sqlite3_io_methods wrapped;
	int (*real_open)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *);
	atomic_bool dirty; /* the log has writes that were not synced */
	atomic_uint syncs;
} eye;

static int eye_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
	atomic_store(&eye.dirty, true);
	return eye.real->xWrite(file, bytes, n, at);
}

static int eye_sync(sqlite3_file *file, int flags)
{
	int rc = eye.real->xSync(file, flags);

	atomic_fetch_add(&eye.syncs, 1);
	if (rc == SQLITE_OK)
		atomic_store(&eye.dirty, false);
	return rc;
}

static int eye_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret)
{
	int rc = eye.real_open(vfs, name, file, flags, ret);

	if (rc != SQLITE_OK || (flags & SQLITE_OPEN_WAL) == 0)
		return rc;
	if (eye.real == NULL) {
		eye.real = file->pMethods;
		eye.wrapped = *file->pMethods;
		eye.wrapped.xWrite = eye_write;
		eye.wrapped.xSync = eye_sync;
	}
	assert_ptr_equal(file->pMethods, eye.real);
	file->pMethods = &eye.wrapped;
	return rc;
}

/* In done(), where the answer is given. */
static atomic_bool dirty_then;
static atomic_uint syncs_then;
static atomic_bool over;

static void look(struct store_op *op)
{
	atomic_store(&dirty_then, atomic_load(&eye.dirty));
	atomic_store(&syncs_then, atomic_load(&eye.syncs));
	store_op_free(op);
	atomic_store(&over, true);
}

static bool is_over(void *arg)
{
	(void)arg;
	return atomic_load(&over);
}

static void put(struct store *s, bool durable)
{
	struct store_op *op = kit_put("a", "k", "1", -1);

	op->durable = durable;
	op->done = look;
	atomic_store(&over, false);
	store_submit(s, op);
	assert_true(kit_wait(is_over, NULL));
}

static void a_durable_write_is_synced_before_it_is_answered(void **state)
{
	char folder[PATH_MAX];
	struct store *s;

	(void)state;
	kit_folder(folder);
	s = kit_open(folder);
	for (int i = 0; i < 50; i++) {
		unsigned before = atomic_load(&eye.syncs);

		put(s, i % 3 != 0);
		if (i % 3 != 0) {
			assert_false(atomic_load(&dirty_then));
			assert_true(atomic_load(&syncs_then) > before);
		} else if (i > 0) {
			/* Not durable: cheap, and the eye sees that too. */
			assert_true(atomic_load(&dirty_then));
			assert_int_equal(atomic_load(&syncs_then), before);
		}
	}
	store_close(s);
	kit_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_durable_write_is_synced_before_it_is_answered),
	};
	static sqlite3_vfs vfs;

	vfs = *sqlite3_vfs_find(NULL);
	eye.real_open = vfs.xOpen;
	vfs.xOpen = eye_open;
	vfs.zName = "eye";
	vfs.pNext = NULL;
	if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
