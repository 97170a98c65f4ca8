/* The rows as data, and reading what a worker sends by them. */
#include "worker/services.h"

#include <string.h>

#include "base/attr.h"
#include "worker/frame.h"

/* Every function of a table has its row, in its place, and nothing else. */
#define PLACE(table, function, ...)                                                                \
	_Static_assert(offsetof(davit_host_##table##_1, function) ==                               \
			       2 * sizeof(uint32_t) +                                              \
				       (size_t)SERVICE_##table##_##function * sizeof(davit_op),    \
		"the rows of " #table " stand in the order of its functions");
#define PLACES(name, list, id)                                                                     \
	list(PLACE, PLACE, PLACE) _Static_assert(                                                  \
		sizeof(davit_host_##name##_1) ==                                                   \
			2 * sizeof(uint32_t) + (size_t)SERVICE_##name##_COUNT * sizeof(davit_op),  \
		"every function of " #name " has a row");
WORKER_TABLES(PLACES)

_Static_assert(SERVICE_TABLE_COUNT <= 64, "the tables a worker is given are bits of a number");

#define KINDS_0(none)          0
#define KINDS_1(a)             SERVICE_##a
#define KINDS_2(a, b)          SERVICE_##a, SERVICE_##b
#define KINDS_3(a, b, c)       SERVICE_##a, SERVICE_##b, SERVICE_##c
#define KINDS_4(a, b, c, d)    SERVICE_##a, SERVICE_##b, SERVICE_##c, SERVICE_##d
#define KINDS_5(a, b, c, d, e) SERVICE_##a, SERVICE_##b, SERVICE_##c, SERVICE_##d, SERVICE_##e

#define ROW(table, function, returns, n, ...) {#table "." #function, n, {KINDS_##n(__VA_ARGS__)}},
#define HERE(table, function, ...)            {NULL, 0, {0}},
#define ROWS(name, list, id)                  static const struct service_row rows_##name[] = {list(ROW, ROW, HERE)};
WORKER_TABLES(ROWS)

#define LIST(name, list, id) {id, rows_##name, COUNT(rows_##name)},
const struct service_list worker_lists[SERVICE_TABLE_COUNT] = {WORKER_TABLES(LIST)};

const struct service_row *worker_row(uint16_t slot)
{
	const struct service_list *list;

	if (FRAME_SLOT_TABLE(slot) >= SERVICE_TABLE_COUNT)
		return NULL;
	list = &worker_lists[FRAME_SLOT_TABLE(slot)];
	if (FRAME_SLOT_INDEX(slot) >= list->count ||
		list->rows[FRAME_SLOT_INDEX(slot)].name == NULL)
		return NULL;
	return &list->rows[FRAME_SLOT_INDEX(slot)];
}

bool worker_writes(uint8_t kind)
{
	return kind >= SERVICE_TEXT;
}

/* A text of n bytes at *at, of which *left are there. */
static bool read_text(davit_buf *ret_text, uint64_t n, const char **at, size_t *left)
{
	if (n == SERVICE_NULL || n == SERVICE_NULL_EMPTY) {
		*ret_text = (davit_buf){NULL, n == SERVICE_NULL};
		return true;
	}
	if (n > *left)
		return false;
	*ret_text = (davit_buf){*at, (size_t)n};
	*at += n;
	*left -= (size_t)n;
	return true;
}

bool worker_read(const struct service_row *row, const char *payload, size_t n,
	struct service_value values[SERVICE_ARGS_MAX])
{
	size_t fixed = row->count * sizeof(uint64_t);
	const char *at = payload + fixed;
	size_t left = n - fixed;
	uint64_t word;

	if (n < fixed)
		return false;
	for (size_t i = 0; i < row->count; i++) {
		struct service_value *v = &values[i];

		*v = (struct service_value){0};
		memcpy(&word, payload + i * sizeof(word), sizeof(word));
		if (worker_writes(row->kinds[i]))
			v->wanted = word != 0;
		else if ((row->kinds[i] == SERVICE_IN_TEXT &&
				 !read_text(&v->text, word, &at, &left)) ||
			 (row->kinds[i] == SERVICE_SIZE && word > FRAME_PIECE))
			return false;
		v->u = word;
		v->size = row->kinds[i] == SERVICE_SIZE ? (size_t)word : 0;
	}
	return left == 0;
}
