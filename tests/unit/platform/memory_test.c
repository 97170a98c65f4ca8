/* What was freed goes back to the system: after large blocks, with many threads, between blocks. */
#include "platform/memory.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "unit/cmocka.h"
#include "unit/resident.h"

#define MIB         ((size_t)1024 * 1024)
#define HEAP_BYTES  (64 * MIB) /* the address space of an arena is aligned to it */
#define THREADS     40
#define ARENAS_MOST 4

static int set_up(void **state)
{
	(void)state;
	memory_keep_little();
	return 0;
}

static void large_blocks_leave_nothing_once_they_are_freed(void **state)
{
	size_t before = resident_bytes();

	(void)state;
	if (!resident_tells())
		skip();
	for (size_t i = 0; i < 3; i++) {
		char *block = malloc(20 * MIB);

		assert_non_null(block);
		memset(block, 1, 20 * MIB);
		assert_true(resident_bytes() > before + 16 * MIB);
		free(block);
		assert_true(resident_bytes() < before + 2 * MIB);
	}
}

struct meeting {
	pthread_barrier_t all;
	uintptr_t arenas[THREADS];
	int next;
};

/* Each takes a block while all others are there. */
static void *take_one(void *arg)
{
	struct meeting *m = arg;
	int mine = __atomic_fetch_add(&m->next, 1, __ATOMIC_SEQ_CST);
	void *block = calloc(1, 1000);

	m->arenas[mine] = (uintptr_t)block / HEAP_BYTES;
	(void)pthread_barrier_wait(&m->all);
	free(block);
	return NULL;
}

static void many_threads_share_few_arenas(void **state)
{
	struct meeting m = {.next = 0};
	pthread_t threads[THREADS];
	size_t arenas = 0;

	(void)state;
	if (!resident_tells())
		skip();
	assert_int_equal(pthread_barrier_init(&m.all, NULL, THREADS), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_one, &m), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (size_t i = 0; i < THREADS; i++) {
		size_t same = 0;

		while (m.arenas[same] != m.arenas[i])
			same++;
		arenas += same == i;
	}
	assert_true(arenas <= ARENAS_MOST);
	assert_int_equal(pthread_barrier_destroy(&m.all), 0);
}

static void what_lies_free_between_blocks_is_given_back(void **state)
{
	struct sieve s;
	size_t before = resident_bytes();

	(void)state;
	if (!resident_tells())
		skip();
	sieve_fill(&s);
	assert_true(resident_bytes() > before + SIEVE_FREED / 2);
	memory_give_back();
	assert_true(resident_bytes() < before + SIEVE_FREED / 2);
	sieve_empty(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_blocks_leave_nothing_once_they_are_freed),
		cmocka_unit_test(many_threads_share_few_arenas),
		cmocka_unit_test(what_lies_free_between_blocks_is_given_back),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
