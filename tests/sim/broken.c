/* broken - see broken.h. */
#include "sim/broken.h"

#include <string.h>

#include "base/attr.h"
#include "sim/disk.h"
#include "sim/life.h"
#include "store/driver.h"

static bool is_add(const struct store_op *op)
{
	return op->kind == STORE_JOB_ADD;
}

static bool moves_to(const struct store_op *op, unsigned states)
{
	return op->kind == STORE_JOB_EDGE && op->edge.to != JOB_STATE_COUNT &&
	       (JOB_BIT(op->edge.to) & states) != 0;
}

static bool is_submitting(const struct store_op *op)
{
	return moves_to(op, JOB_BIT(JOB_SUBMITTING));
}

static bool is_running(const struct store_op *op)
{
	return moves_to(op, JOB_BIT(JOB_RUNNING)) &&
	       !(op->edge.from & JOB_BIT(JOB_RUNNING)); /* not a mere progress */
}

static bool is_terminal(const struct store_op *op)
{
	return moves_to(op, JOB_TERMINAL);
}

static bool is_cancel(const struct store_op *op)
{
	return op->kind == STORE_JOB_EDGE && (op->edge.set & JOB_SET_CANCEL) != 0;
}

static const struct {
	const char *name;
	bool (*is)(const struct store_op *op);
} writes[] = {
	{"add", is_add},
	{"submitting", is_submitting},
	{"running", is_running},
	{"terminal", is_terminal},
	{"cancel", is_cancel},
};

static bool (*broken)(const struct store_op *op);
static bool unsynced;
static struct store_driver driver;

const char *broken_name(size_t n)
{
	return n < COUNT(writes) ? writes[n].name : NULL;
}

bool broken_choose(const char *text)
{
	const char *colon = strchr(text, ':');
	size_t n = colon != NULL ? (size_t)(colon - text) : strlen(text);

	unsynced = colon != NULL && strcmp(colon, ":unsynced") == 0;
	for (size_t i = 0; i < COUNT(writes); i++) {
		if (strlen(writes[i].name) == n && memcmp(writes[i].name, text, n) == 0)
			broken = writes[i].is;
	}
	return broken != NULL && (colon == NULL || unsynced);
}

static bool apply(void *db, struct store_op *op, struct fail *f)
{
	if (broken == NULL || !broken(op))
		return store_sqlite.apply(db, op, f);
	if (unsynced) {
		disk_lie_once();
		return store_sqlite.apply(db, op, f);
	}
	op->ok = true;
	op->changed = true;
	return true;
}

static bool commit(void *db, struct fail *f)
{
	bool ok;

	life_event("before a commit");
	ok = store_sqlite.commit(db, f);
	life_event("after a commit");
	return ok;
}

const struct store_driver *broken_driver(void)
{
	driver = store_sqlite;
	driver.apply = apply;
	driver.commit = commit;
	return &driver;
}
