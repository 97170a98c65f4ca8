/* Memory of curl: where its large buffers lie. */
#include "net/sparse.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "unit/cmocka.h"
#include "unit/resident.h"

#define PER_SLAB 50
#define BLOCKS   (10 * PER_SLAB)
#define THREADS  4
#define TURNS    20000

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLABS(n) ((size_t)0) /* they are to see each block */
#else
#define SLABS(n) ((size_t)(n))
#endif

static void take_all(char *blocks[BLOCKS])
{
	for (size_t i = 0; i < BLOCKS; i++) {
		blocks[i] = sparse_malloc(SPARSE_LEAST);
		assert_non_null(blocks[i]);
	}
}

static void blocks_lie_apart_each_from_the_beginning_of_a_page(void **state)
{
	static char *blocks[BLOCKS];

	(void)state;
	take_all(blocks);
	for (size_t i = 0; i < BLOCKS; i++) {
		if (SLABS(1) > 0)
			assert_int_equal((uintptr_t)blocks[i] % 4096, 0);
		memset(blocks[i], (int)(i % 251), SPARSE_LEAST);
	}
	assert_int_equal(sparse_slabs(), SLABS(10));
	for (size_t i = 0; i < BLOCKS; i++) {
		for (size_t j = 0; j < SPARSE_LEAST; j += 1023)
			assert_int_equal((unsigned char)blocks[i][j], i % 251);
		sparse_free(blocks[i]);
	}
}

static void one_slab_stays_when_all_blocks_are_freed(void **state)
{
	static char *blocks[BLOCKS];
	char *again;

	(void)state;
	take_all(blocks);
	for (size_t i = 0; i < BLOCKS; i++) /* one of each slab, then the next */
		sparse_free(blocks[i % 10 * PER_SLAB + i / 10]);
	assert_int_equal(sparse_slabs(), SLABS(1));
	again = sparse_malloc(SPARSE_LEAST);
	assert_int_equal(sparse_slabs(), SLABS(1));
	sparse_free(again);
}

static void a_place_that_was_given_back_is_the_next_to_be_used(void **state)
{
	static char *blocks[BLOCKS];
	char *hole;

	(void)state;
	if (SLABS(1) == 0)
		skip();
	take_all(blocks);
	hole = blocks[100];
	sparse_free(hole);
	blocks[100] = sparse_malloc(SPARSE_LEAST);
	assert_ptr_equal(blocks[100], hole);
	for (size_t i = 0; i < BLOCKS; i++)
		sparse_free(blocks[i]);
}

static void other_sizes_are_the_c_librarys(void **state)
{
	static const size_t sizes[] = {1, SPARSE_LEAST - 1, SPARSE_MOST + 1, 1024 * 1024};
	char *ours[PER_SLAB];
	char *p;

	(void)state;
	for (size_t i = 0; i < PER_SLAB; i++)
		ours[i] = sparse_malloc(i % 2 == 0 ? SPARSE_LEAST : SPARSE_MOST);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		p = sparse_realloc(sparse_malloc(sizes[i]), sizes[i] + 1);
		assert_non_null(p);
		memset(p, 1, sizes[i] + 1);
		sparse_free(p);
	}
	assert_int_equal(sparse_slabs(), SLABS(1));
	for (size_t i = 0; i < PER_SLAB; i++)
		sparse_free(ours[i]);
	sparse_free(NULL);
}

static void a_block_keeps_its_bytes_when_its_size_changes(void **state)
{
	static const size_t sizes[] = {100, SPARSE_MOST + 4096};

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		char *p = sparse_realloc(NULL, SPARSE_MOST);

		assert_non_null(p);
		memset(p, 'x', SPARSE_MOST);
		p = sparse_realloc(p, sizes[i]);
		assert_non_null(p);
		for (size_t j = 0; j < sizes[i] && j < SPARSE_MOST; j++)
			assert_int_equal(p[j], 'x');
		sparse_free(p);
	}
}

/* As with curl and OpenSSL: longer blocks come and go beside them. */
static void a_block_of_which_little_is_used_takes_a_page(void **state)
{
	static char *blocks[BLOCKS];
	size_t before = resident_bytes();

	(void)state;
	if (!resident_tells())
		skip();
	for (size_t i = 0; i < BLOCKS; i++) {
		char *passing = sparse_malloc(17000);

		assert_non_null(passing);
		memset(passing, 1, 200);
		sparse_free(passing);
		blocks[i] = sparse_malloc(SPARSE_LEAST);
		assert_non_null(blocks[i]);
		memset(blocks[i], 1, 200);
	}
	assert_true(resident_bytes() - before < (size_t)BLOCKS * 4096 + ((size_t)256 << 10));
	for (size_t i = 0; i < BLOCKS; i++)
		sparse_free(blocks[i]);
}

static void *come_and_go(void *arg)
{
	unsigned char mark = *(unsigned char *)arg;
	unsigned char *mine[100] = {NULL};
	unsigned random = mark;

	for (size_t i = 0; i < TURNS; i++) {
		random = random * 1103515245 + 12345;
		unsigned char **place = &mine[random / 65536 % COUNT(mine)];

		if (*place != NULL && (**place != mark || (*place)[SPARSE_LEAST - 1] != mark))
			abort();
		sparse_free(*place);
		*place = sparse_malloc(SPARSE_LEAST);
		if (*place == NULL)
			abort();
		**place = (*place)[SPARSE_LEAST - 1] = mark;
	}
	for (size_t i = 0; i < COUNT(mine); i++)
		sparse_free(mine[i]);
	return NULL;
}

static void threads_take_and_give_at_once(void **state)
{
	unsigned char marks[THREADS];
	pthread_t threads[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++) {
		marks[i] = (unsigned char)(i + 1);
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &marks[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(sparse_slabs(), SLABS(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_of_which_little_is_used_takes_a_page),
		cmocka_unit_test(blocks_lie_apart_each_from_the_beginning_of_a_page),
		cmocka_unit_test(one_slab_stays_when_all_blocks_are_freed),
		cmocka_unit_test(a_place_that_was_given_back_is_the_next_to_be_used),
		cmocka_unit_test(other_sizes_are_the_c_librarys),
		cmocka_unit_test(a_block_keeps_its_bytes_when_its_size_changes),
		cmocka_unit_test(threads_take_and_give_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
