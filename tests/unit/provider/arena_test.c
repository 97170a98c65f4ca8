/* Scratch memory of a call. */
#include "provider/arena.h"

#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "unit/cmocka.h"
#include "unit/resident.h"

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
	struct arena a;
	char *before = NULL;

	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t n = 0; n < 300; n++) {
		char *p = arena_alloc(&a, n);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 'x', n);
		if (before != NULL && n > 1)
			assert_int_equal(before[n - 2], 'x');
		before = p;
	}
	arena_finish(&a);
}

static void the_limit_holds_also_against_overflow(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 100000);
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 3));
	assert_null(arena_copy(&a, "", SIZE_MAX));
	assert_null(arena_alloc(&a, 100001));
	assert_non_null(arena_alloc(&a, 60000));
	assert_null(arena_alloc(&a, 60000));
	assert_non_null(arena_alloc(&a, 30000));
	arena_finish(&a);
}

static void a_large_piece_does_not_close_the_open_chunk(void **state)
{
	struct arena a;
	char *first, *second;

	(void)state;
	arena_init(&a, 1 << 20);
	first = arena_alloc(&a, 16);
	assert_non_null(arena_alloc(&a, 100000));
	second = arena_alloc(&a, 16);
	assert_ptr_equal(second, first + 16);
	arena_finish(&a);
}

/* As a provider of the kit takes it while it asks another machine something. */
static void little_of_many_sizes_takes_little_more(void **state)
{
	static const size_t sizes[] = {1024, 7, 82, 16, 1024, 100, 512};
	struct mallinfo2 before, after;
	struct arena a;
	size_t sum = 0;

	(void)state;
	if (!resident_tells())
		return;
	arena_init(&a, 1 << 20);
	before = mallinfo2();
	for (size_t i = 0; i < COUNT(sizes); i++) {
		assert_non_null(arena_alloc(&a, sizes[i]));
		sum += sizes[i];
	}
	after = mallinfo2();
	assert_true(after.uordblks - before.uordblks <= sum + sum / 5);
	arena_finish(&a);
}

static void a_copy_ends_in_nul(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 1000);
	assert_string_equal(arena_copy(&a, "davit!!", 5), "davit");
	assert_string_equal(arena_copy(&a, NULL, 0), "");
	arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
		cmocka_unit_test(the_limit_holds_also_against_overflow),
		cmocka_unit_test(a_large_piece_does_not_close_the_open_chunk),
		cmocka_unit_test(little_of_many_sizes_takes_little_more),
		cmocka_unit_test(a_copy_ends_in_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
