/* Tests of tokens on the virtual clock: one fetch for all, renewed while the old one serves. */
#include "secret/tokens.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "secret/redact.h"
#include "unit/cmocka.h"

#define CROWD   1000
#define NOW     INT64_C(1763712000000)
#define HOUR    INT64_C(3600000)
#define REAL_MS 60000

static struct tokens *tokens;

static int setup(void **state)
{
	(void)state;
	clock_virtual_start(NOW, 1000);
	tokens = tokens_open();
	return tokens == NULL;
}

static int teardown(void **state)
{
	(void)state;
	tokens_close(tokens);
	clock_virtual_stop();
	return 0;
}

/* One who asks, on a thread of its own or not. */
struct asker {
	struct thread thread;
	struct mutex lock;
	struct cond wake;
	struct tokens_wait wait;
	uint64_t holder;
	bool cancelled; /* guarded by lock */
	enum tokens_answer answer;
	struct tokens_failure failure;
	char value[32];
};

static bool is_cancelled(void *ctx)
{
	const struct asker *a = ctx;

	return a->cancelled;
}

static void asker_init(struct asker *a, uint64_t holder)
{
	memset(a, 0, sizeof(*a));
	mutex_init(&a->lock);
	cond_init(&a->wake);
	a->holder = holder;
	a->wait = (struct tokens_wait){
		&a->lock, &a->wake, clock_mono_ms() + 10 * HOUR, is_cancelled, NULL, a};
}

static void asker_finish(struct asker *a)
{
	cond_finish(&a->wake);
	mutex_finish(&a->lock);
}

static void ask(void *arg)
{
	struct asker *a = arg;
	char *value = NULL;
	size_t n = 0;

	a->value[0] = '\0';
	a->answer = tokens_get(tokens, "key", a->holder, &a->wait, &value, &n, &a->failure);
	if (a->answer == TOKENS_LIVE)
		(void)snprintf(a->value, sizeof(a->value), "%.*s", (int)n, value);
	free(value);
}

static void start(struct asker *a, uint64_t holder)
{
	asker_init(a, holder);
	assert_true(thread_start(&a->thread, "asker", 64 * 1024, ask, a, NULL));
}

static void join(struct asker *a)
{
	thread_join(&a->thread);
	asker_finish(a);
}

static void put(uint64_t holder, const char *value, int64_t life)
{
	assert_true(tokens_put(tokens, "key", holder, value, strlen(value), clock_now_ms() + life));
}

static enum tokens_answer answer_of(struct asker *a)
{
	ask(a);
	return a->answer;
}

static void a_thousand_waiters_make_one_request(void **state)
{
	static struct asker crowd[CROWD];
	struct asker first;

	(void)state;
	asker_init(&first, 1);
	assert_int_equal(answer_of(&first), TOKENS_FETCH);
	for (size_t i = 0; i < CROWD; i++)
		start(&crowd[i], i + 2);
	assert_true(clock_virtual_await(CROWD, REAL_MS));
	put(1, "fetched once", HOUR);
	for (size_t i = 0; i < CROWD; i++) {
		join(&crowd[i]);
		assert_int_equal(crowd[i].answer, TOKENS_LIVE);
		assert_string_equal(crowd[i].value, "fetched once");
	}
	asker_finish(&first);
}

static bool is_hidden(const char *value)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%s", value);
	return redact_text(text, strlen(text), false) == strlen(REDACT_MARK);
}

/* Other secrets push out what was learned before them, but no token that still serves. */
static void a_token_is_hidden_as_long_as_it_lives(void **state)
{
	struct asker first;

	(void)state;
	asker_init(&first, 1);
	assert_int_equal(answer_of(&first), TOKENS_FETCH);
	redact_learn(REDACT_SECRET, "learned and forgotten", 21);
	put(1, "a token that serves", HOUR);
	for (int i = 0; i < 2 * REDACT_VALUES_MAX; i++) {
		char value[32];

		(void)snprintf(value, sizeof(value), "secret number %d.", i);
		redact_learn(REDACT_SECRET, value, strlen(value));
	}
	assert_false(is_hidden("learned and forgotten"));
	assert_true(is_hidden("a token that serves"));
	asker_finish(&first);
}

static bool is_gone(void *ctx)
{
	(void)ctx;
	return true;
}

static void who_has_no_reader_any_more_does_not_wait(void **state)
{
	struct asker first, other;

	(void)state;
	asker_init(&first, 1);
	assert_int_equal(answer_of(&first), TOKENS_FETCH);
	asker_init(&other, 2);
	other.wait.gone = is_gone;
	assert_true(thread_start(&other.thread, "asker", 64 * 1024, ask, &other, NULL));
	assert_true(clock_virtual_await(1, REAL_MS));
	clock_advance(2000);
	join(&other);
	assert_int_equal(other.answer, TOKENS_STOPPED);
	asker_finish(&first);
}

static void a_due_token_is_fetched_by_one_while_it_serves_the_others(void **state)
{
	struct asker one, other;

	(void)state;
	asker_init(&one, 1);
	asker_init(&other, 2);
	put(9, "old", HOUR);
	clock_advance(HOUR - TOKENS_DUE_MS - 1);
	assert_int_equal(answer_of(&one), TOKENS_LIVE);
	clock_advance(1);
	assert_int_equal(answer_of(&one), TOKENS_FETCH);
	assert_int_equal(answer_of(&other), TOKENS_LIVE);
	assert_string_equal(other.value, "old");
	assert_int_equal(answer_of(&one), TOKENS_LIVE); /* it could not fetch, and goes on */
	put(1, "new", HOUR);
	assert_int_equal(answer_of(&other), TOKENS_LIVE);
	assert_string_equal(other.value, "new");
	asker_finish(&one);
	asker_finish(&other);
}

static void a_token_is_not_served_when_it_would_end_on_its_way(void **state)
{
	static const struct {
		int64_t life, served;
	} rows[] = {
		{HOUR, HOUR - TOKENS_MARGIN_MS},
		{50000, 45000},
		{10, 9},
	};
	struct asker one, other;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		asker_init(&one, 1);
		asker_init(&other, 2);
		put(9, "old", rows[i].life);
		clock_advance(rows[i].served - 1);
		assert_int_equal(answer_of(&one), TOKENS_FETCH);
		assert_int_equal(answer_of(&other), TOKENS_LIVE);
		clock_advance(1);
		tokens_leave(tokens, 1, NULL);
		assert_int_equal(answer_of(&other), TOKENS_FETCH);
		tokens_leave(tokens, 2, NULL);
		asker_finish(&one);
		asker_finish(&other);
	}
}

static void a_fetch_that_failed_is_tried_again_after_a_pause_while_the_old_one_lives(void **state)
{
	struct asker one, other;

	(void)state;
	asker_init(&one, 1);
	asker_init(&other, 2);
	put(9, "old", HOUR);
	clock_advance(HOUR - TOKENS_DUE_MS);
	assert_int_equal(answer_of(&one), TOKENS_FETCH);
	tokens_leave(tokens, 1, NULL);
	assert_int_equal(answer_of(&other), TOKENS_LIVE);
	clock_advance(TOKENS_PAUSE_MS - 1);
	assert_int_equal(answer_of(&other), TOKENS_LIVE);
	clock_advance(1);
	assert_int_equal(answer_of(&other), TOKENS_FETCH);
	asker_finish(&one);
	asker_finish(&other);
}

static void who_ends_without_a_token_lets_the_next_one_fetch(void **state)
{
	struct asker one, next, last;

	(void)state;
	asker_init(&one, 1);
	assert_int_equal(answer_of(&one), TOKENS_FETCH);
	start(&next, 2);
	assert_true(clock_virtual_await(1, REAL_MS));
	start(&last, 3);
	assert_true(clock_virtual_await(2, REAL_MS));
	tokens_leave(tokens, 1, NULL);
	join(&next);
	assert_int_equal(next.answer, TOKENS_FETCH);
	put(2, "second try", HOUR);
	join(&last);
	assert_int_equal(last.answer, TOKENS_LIVE);
	asker_finish(&one);
}

static void a_failure_is_that_of_all_who_waited_for_it(void **state)
{
	static struct asker crowd[CROWD];
	const struct tokens_failure failure = {.code = 3, .text = "refused"};
	struct asker one, late;

	(void)state;
	asker_init(&one, CROWD + 1);
	asker_init(&late, CROWD + 2);
	assert_int_equal(answer_of(&one), TOKENS_FETCH);
	for (size_t i = 0; i < COUNT(crowd); i++)
		start(&crowd[i], i + 1);
	assert_true(clock_virtual_await(CROWD, REAL_MS));
	tokens_leave(tokens, CROWD + 1, &failure);
	for (size_t i = 0; i < COUNT(crowd); i++) {
		join(&crowd[i]);
		assert_int_equal(crowd[i].answer, TOKENS_FAILED);
		assert_int_equal(crowd[i].failure.code, 3);
		assert_string_equal(crowd[i].failure.text, "refused");
	}
	assert_int_equal(answer_of(&late), TOKENS_FAILED);
	clock_advance(TOKENS_FAILED_MS);
	assert_int_equal(answer_of(&late), TOKENS_FETCH);
	put(CROWD + 2, "at last", HOUR);
	assert_int_equal(answer_of(&one), TOKENS_LIVE);
	asker_finish(&one);
	asker_finish(&late);
}

static void while_the_old_one_lives_no_failure_is_told(void **state)
{
	const struct tokens_failure failure = {.code = 3, .text = "refused"};
	struct asker one, other;

	(void)state;
	asker_init(&one, 1);
	asker_init(&other, 2);
	put(9, "old", HOUR);
	clock_advance(HOUR - TOKENS_DUE_MS);
	assert_int_equal(answer_of(&one), TOKENS_FETCH);
	assert_int_equal(answer_of(&one), TOKENS_LIVE);
	tokens_leave(tokens, 1, &failure);
	assert_int_equal(answer_of(&other), TOKENS_LIVE);
	asker_finish(&one);
	asker_finish(&other);
}

static void who_is_cancelled_waits_no_longer_and_passes_its_turn_on(void **state)
{
	struct asker one, next, last;

	(void)state;
	asker_init(&one, 1);
	assert_int_equal(answer_of(&one), TOKENS_FETCH);
	start(&next, 2);
	assert_true(clock_virtual_await(1, REAL_MS));
	start(&last, 3);
	assert_true(clock_virtual_await(2, REAL_MS));
	mutex_lock(&next.lock);
	next.cancelled = true;
	cond_broadcast(&next.wake);
	mutex_unlock(&next.lock);
	tokens_leave(tokens, 1, NULL); /* perhaps next is woken by this, perhaps it is gone */
	join(&next);
	assert_int_equal(next.answer, TOKENS_STOPPED);
	join(&last);
	assert_int_equal(last.answer, TOKENS_FETCH);
	asker_finish(&one);
}

static void whose_turn_comes_as_it_is_cancelled_passes_it_on(void **state)
{
	struct asker one, next, last;

	(void)state;
	asker_init(&one, 1);
	assert_int_equal(answer_of(&one), TOKENS_FETCH);
	start(&next, 2);
	assert_true(clock_virtual_await(1, REAL_MS));
	start(&last, 3);
	assert_true(clock_virtual_await(2, REAL_MS));
	mutex_lock(&next.lock);
	next.cancelled = true; /* nobody told it yet */
	mutex_unlock(&next.lock);
	tokens_leave(tokens, 1, NULL);
	join(&next);
	assert_int_equal(next.answer, TOKENS_STOPPED);
	join(&last);
	assert_int_equal(last.answer, TOKENS_FETCH);
	asker_finish(&one);
}

static void waiting_ends_with_the_deadline(void **state)
{
	struct asker one, late;

	(void)state;
	asker_init(&one, 1);
	assert_int_equal(answer_of(&one), TOKENS_FETCH);
	start(&late, 2);
	assert_true(clock_virtual_await(1, REAL_MS));
	clock_advance(10 * HOUR);
	join(&late);
	assert_int_equal(late.answer, TOKENS_STOPPED);
	asker_finish(&one);
}

static void a_refused_token_is_dropped_and_a_newer_one_is_not(void **state)
{
	struct asker one;

	(void)state;
	asker_init(&one, 1);
	put(9, "refused", HOUR);
	tokens_drop(tokens, "key", "another", 7);
	assert_int_equal(answer_of(&one), TOKENS_LIVE);
	tokens_drop(tokens, "key", "refused", 7);
	assert_int_equal(answer_of(&one), TOKENS_FETCH);
	put(1, "newer", HOUR);
	tokens_drop(tokens, "key", "refused", 7);
	assert_int_equal(answer_of(&one), TOKENS_LIVE);
	tokens_drop(tokens, "no such key", "refused", 7);
	asker_finish(&one);
}

static void many_keys_do_not_grow_without_end(void **state)
{
	char key[32];
	char *value = NULL;
	size_t n = 0;
	struct asker one;

	(void)state;
	asker_init(&one, 1);
	for (int i = 0; i <= TOKENS_MAX; i++) {
		(void)snprintf(key, sizeof(key), "key %d", i);
		assert_true(tokens_put(tokens, key, 9, "x", 1, NOW + HOUR));
		clock_advance(1);
	}
	assert_int_equal(
		tokens_get(tokens, "key 0", 1, &one.wait, &value, &n, &one.failure), TOKENS_FETCH);
	assert_int_equal(
		tokens_get(tokens, "key 2", 1, &one.wait, &value, &n, &one.failure), TOKENS_LIVE);
	free(value);
	asker_finish(&one);
}

/* --- a storm: whatever happens, one fetches at a time and no dead token is served --- */

static atomic_int fetching;
static atomic_int fetches;
static atomic_int served;
static atomic_int wrong;

/* A token is the time of its death. */
static void fetch(uint64_t holder, unsigned *seed)
{
	char value[32];
	int64_t life = 1000 + rand_r(seed) % 5000;

	if (atomic_fetch_add(&fetching, 1) != 0)
		atomic_fetch_add(&wrong, 1);
	atomic_fetch_add(&fetches, 1);
	(void)snprintf(value, sizeof(value), "%lld", (long long)(clock_now_ms() + life));
	atomic_fetch_sub(&fetching, 1);
	if (rand_r(seed) % 4 == 0)
		tokens_leave(tokens, holder, NULL);
	else
		(void)tokens_put(
			tokens, "key", holder, value, strlen(value), strtoll(value, NULL, 10));
}

static void take_part(void *arg)
{
	struct asker *a = arg;
	unsigned seed = (unsigned)a->holder;

	for (int i = 0; i < 50; i++) {
		int64_t now = clock_now_ms();

		ask(a);
		if (a->answer == TOKENS_FETCH)
			fetch(a->holder, &seed);
		else if (a->answer != TOKENS_LIVE || strtoll(a->value, NULL, 10) <= now)
			atomic_fetch_add(&wrong, 1);
		else
			atomic_fetch_add(&served, 1);
		if (rand_r(&seed) % 16 == 0)
			tokens_drop(tokens, "key", a->value, strlen(a->value));
		if (rand_r(&seed) % 8 == 0)
			clock_advance(rand_r(&seed) % 400);
	}
}

static void in_a_storm_one_fetches_at_a_time_and_all_are_served(void **state)
{
	static struct asker crowd[64];

	(void)state;
	for (size_t i = 0; i < COUNT(crowd); i++) {
		asker_init(&crowd[i], i + 1);
		crowd[i].wait.deadline = CLOCK_NEVER;
	}
	for (size_t i = 0; i < COUNT(crowd); i++)
		assert_true(thread_start(
			&crowd[i].thread, "asker", 64 * 1024, take_part, &crowd[i], NULL));
	for (size_t i = 0; i < COUNT(crowd); i++)
		join(&crowd[i]);
	assert_int_equal(atomic_load(&wrong), 0);
	assert_int_equal(atomic_load(&fetches) + atomic_load(&served), 64 * 50);
	assert_true(atomic_load(&served) > atomic_load(&fetches));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_has_no_reader_any_more_does_not_wait),
		TEST(a_thousand_waiters_make_one_request),
		TEST(a_token_is_hidden_as_long_as_it_lives),
		TEST(a_due_token_is_fetched_by_one_while_it_serves_the_others),
		TEST(a_token_is_not_served_when_it_would_end_on_its_way),
		TEST(a_fetch_that_failed_is_tried_again_after_a_pause_while_the_old_one_lives),
		TEST(who_ends_without_a_token_lets_the_next_one_fetch),
		TEST(a_failure_is_that_of_all_who_waited_for_it),
		TEST(while_the_old_one_lives_no_failure_is_told),
		TEST(who_is_cancelled_waits_no_longer_and_passes_its_turn_on),
		TEST(whose_turn_comes_as_it_is_cancelled_passes_it_on),
		TEST(waiting_ends_with_the_deadline),
		TEST(a_refused_token_is_dropped_and_a_newer_one_is_not),
		TEST(many_keys_do_not_grow_without_end),
		TEST(in_a_storm_one_fetches_at_a_time_and_all_are_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
