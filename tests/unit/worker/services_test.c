/* The rows of the host's functions, and reading what a worker sends by them. */
#include "worker/services.h"

#include <string.h>

#include "unit/cmocka.h"
#include "worker/frame.h"

static const struct service_row *row(size_t table, size_t index)
{
	const struct service_row *r = worker_row(FRAME_SLOT(table, index));

	assert_non_null(r);
	return r;
}

/* Functions of a table, by its size. */
#define FUNCTIONS(type) ((sizeof(type) - 2 * sizeof(uint32_t)) / sizeof(davit_op))

static void every_function_of_the_host_has_a_row(void **state)
{
	size_t functions = FUNCTIONS(davit_host_core_1) + FUNCTIONS(davit_host_kv_1) +
	                   FUNCTIONS(davit_host_blob_1) + FUNCTIONS(davit_host_job_1) +
	                   FUNCTIONS(davit_host_process_1) + FUNCTIONS(davit_host_http_1) +
	                   FUNCTIONS(davit_host_secret_1) + FUNCTIONS(davit_host_token_1);
	size_t rows = 0;

	(void)state;
	for (size_t i = 0; i < SERVICE_TABLE_COUNT; i++)
		rows += worker_lists[i].count;
	assert_int_equal(rows, functions);
	assert_string_equal(row(SERVICE_TABLE_kv, SERVICE_kv_cas)->name, "kv.cas");
	assert_string_equal(row(SERVICE_TABLE_token, SERVICE_token_drop)->name, "token.drop");
}

static void what_is_no_row_is_known(void **state)
{
	(void)state;
	assert_null(worker_row(FRAME_SLOT(SERVICE_TABLE_COUNT, 0)));
	assert_null(worker_row(FRAME_SLOT(SERVICE_TABLE_kv, SERVICE_kv_COUNT)));
	assert_null(worker_row(UINT16_MAX));
	assert_null(worker_row(FRAME_SLOT(SERVICE_TABLE_core, SERVICE_core_arena)));
}

/* kv.list(prefix, after, limit, ret_json) */
static bool read_list(const uint64_t words[4], const char *texts, size_t n,
	struct service_value values[SERVICE_ARGS_MAX])
{
	static char payload[4 * sizeof(uint64_t) + 64];

	memcpy(payload, words, 4 * sizeof(*words));
	memcpy(payload + 4 * sizeof(*words), texts, n);
	return worker_read(
		row(SERVICE_TABLE_kv, SERVICE_kv_list), payload, 4 * sizeof(*words) + n, values);
}

static void arguments_are_read_as_they_were_sent(void **state)
{
	struct service_value v[SERVICE_ARGS_MAX];

	(void)state;
	assert_true(read_list((uint64_t[]){3, 2, 77, 1}, "abcde", 5, v));
	assert_int_equal(v[0].text.n, 3);
	assert_memory_equal(v[0].text.p, "abc", 3);
	assert_int_equal(v[1].text.n, 2);
	assert_memory_equal(v[1].text.p, "de", 2);
	assert_int_equal(v[2].u, 77);
	assert_true(v[3].wanted);
	assert_true(read_list((uint64_t[]){0, 0, 0, 0}, "", 0, v));
	assert_non_null(v[0].text.p);
	assert_false(v[3].wanted);
}

static void a_text_that_is_null_is_null_here_too(void **state)
{
	struct service_value v[SERVICE_ARGS_MAX];

	(void)state;
	assert_true(read_list((uint64_t[]){SERVICE_NULL, SERVICE_NULL_EMPTY, 0, 1}, "", 0, v));
	assert_null(v[0].text.p);
	assert_int_equal(v[0].text.n, 1);
	assert_null(v[1].text.p);
	assert_int_equal(v[1].text.n, 0);
}

static void texts_are_exactly_what_was_sent(void **state)
{
	struct service_value v[SERVICE_ARGS_MAX];

	(void)state;
	assert_false(read_list((uint64_t[]){3, 3, 0, 1}, "abcde", 5, v));
	assert_false(read_list((uint64_t[]){3, 1, 0, 1}, "abcde", 5, v));
	assert_false(read_list((uint64_t[]){UINT64_MAX - 2, 9, 0, 1}, "abcde", 5, v));
	assert_false(worker_read(row(SERVICE_TABLE_kv, SERVICE_kv_list), "1234567", 7, v));
}

/* blob.read(blob, offset, bytes, cap, ret_n) */
static void no_more_bytes_are_asked_for_than_a_piece(void **state)
{
	const struct service_row *read = row(SERVICE_TABLE_blob, SERVICE_blob_read);
	struct service_value v[SERVICE_ARGS_MAX];
	uint64_t words[] = {5, 1000, 1, FRAME_PIECE, 1};
	char payload[sizeof(words)];

	(void)state;
	memcpy(payload, words, sizeof(words));
	assert_true(worker_read(read, payload, sizeof(payload), v));
	assert_int_equal(v[3].size, FRAME_PIECE);
	words[3]++;
	memcpy(payload, words, sizeof(words));
	assert_false(worker_read(read, payload, sizeof(payload), v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_function_of_the_host_has_a_row),
		cmocka_unit_test(what_is_no_row_is_known),
		cmocka_unit_test(arguments_are_read_as_they_were_sent),
		cmocka_unit_test(a_text_that_is_null_is_null_here_too),
		cmocka_unit_test(texts_are_exactly_what_was_sent),
		cmocka_unit_test(no_more_bytes_are_asked_for_than_a_piece),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
