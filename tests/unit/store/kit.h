/* kit - what the tests of the store share: a folder, short ways to writes, a driver with eyes. */
#ifndef TESTS_UNIT_STORE_KIT_H
#define TESTS_UNIT_STORE_KIT_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/fail.h"
#include "store/driver.h"
#include "store/store.h"

#define KIT_WAIT_MS 20000 /* for what must happen soon */

/* A new folder below $TMPDIR or /tmp, and its end. */
void kit_folder(char path[PATH_MAX]);
void kit_remove(const char *path);

/* folder/name; returns path. */
const char *kit_join(char path[PATH_MAX], const char *folder, const char *name);

/* The database folder/davit.db. The test fails where it does not open. */
struct store *kit_open(const char *folder);
struct store *kit_open_driver(const struct store_driver *driver, const char *folder);

/* The state of a test that wants an empty store: its set-up and its end. */
struct kit_room {
	char folder[PATH_MAX];
	struct store *store;
};
int kit_set_up(void **state);
int kit_tear_down(void **state);

/* The nth id, in order. */
const char *kit_id(char id[ID_SIZE], unsigned n);

/* Durable writes, to be given to kit_run() or store_submit(). */
struct store_op *kit_add(unsigned n);
struct store_op *kit_edge(unsigned n, unsigned from, enum job_state to, unsigned set);
struct store_op *kit_put(const char *instance, const char *key, const char *value, int64_t version);
struct store_op *kit_delete(const char *instance, const char *key);

/* Runs op and frees it: FAIL_NONE or its failure. ret_changed may be NULL. */
enum fail_code kit_run(struct store *s, struct store_op *op, bool *ret_changed);

/* Calls holds(arg) until it is true; false where it is not within KIT_WAIT_MS. */
bool kit_wait(bool (*holds)(void *arg), void *arg);

/* Runs fn(arg) in a child process as a user who is not root; true where it returned true. */
bool kit_as_nobody(bool (*fn)(const char *arg), const char *arg);

#endif
