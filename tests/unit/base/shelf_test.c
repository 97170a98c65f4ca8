/* Tests of shelf: what is taken is empty and one's own, and little is kept. */
#include "base/shelf.h"

#include <stdlib.h>
#include <string.h>

#include "unit/cmocka.h"

#define BYTES 100

static void a_block_is_all_zeros_also_when_it_is_used_again(void **state)
{
	struct shelf s = SHELF_INIT(BYTES, 2);
	static const char zeros[BYTES];
	char *block;

	(void)state;
	for (int i = 0; i < 3; i++) {
		block = shelf_take(&s);
		assert_non_null(block);
		assert_memory_equal(block, zeros, BYTES);
		memset(block, 0xff, BYTES);
		shelf_give(&s, block);
	}
	free(shelf_take(&s));
}

static void blocks_in_use_are_never_the_same_and_few_are_kept(void **state)
{
	struct shelf s = SHELF_INIT(BYTES, 2);
	char *blocks[4];

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < 4; i++) {
			blocks[i] = shelf_take(&s);
			for (size_t j = 0; j < i; j++)
				assert_ptr_not_equal(blocks[i], blocks[j]);
		}
		for (size_t i = 0; i < 4; i++)
			shelf_give(&s, blocks[i]);
		assert_true(s.count <= 2);
	}
	shelf_give(&s, NULL);
	while (s.count > 0)
		free(shelf_take(&s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_is_all_zeros_also_when_it_is_used_again),
		cmocka_unit_test(blocks_in_use_are_never_the_same_and_few_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
