/* Tests of thread: start, join, mutual exclusion, waits with a deadline. */
#include "platform/thread.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "unit/cmocka.h"

#define TURNS 20000

struct counter {
	struct mutex m;
	struct cond c;
	int count;
};

static int64_t mono_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void count_up(void *arg)
{
	struct counter *c = arg;

	for (int i = 0; i < TURNS; i++) {
		mutex_lock(&c->m);
		c->count++;
		mutex_unlock(&c->m);
	}
}

static void a_mutex_keeps_threads_apart(void **state)
{
	struct counter c = {0};
	struct thread threads[4];

	(void)state;
	mutex_init(&c.m);
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_true(thread_start(&threads[i], "count", 0, count_up, &c, NULL));
	for (size_t i = 0; i < COUNT(threads); i++)
		thread_join(&threads[i]);
	assert_int_equal(c.count, (int)COUNT(threads) * TURNS);
	mutex_finish(&c.m);
}

struct seen {
	sigset_t mask;
	char name[16];
};

static void look_around(void *arg)
{
	struct seen *s = arg;

	pthread_sigmask(SIG_SETMASK, NULL, &s->mask);
	pthread_getname_np(pthread_self(), s->name, sizeof(s->name));
}

static void a_thread_has_its_name_and_blocks_all_signals(void **state)
{
	struct thread t;
	struct seen s;
	sigset_t ours;

	(void)state;
	assert_true(thread_start(&t, "look-around", 0, look_around, &s, NULL));
	thread_join(&t);
	assert_string_equal(s.name, "look-around");
	assert_int_equal(sigismember(&s.mask, SIGTERM), 1);
	assert_int_equal(sigismember(&s.mask, SIGINT), 1);
	assert_int_equal(sigismember(&s.mask, SIGCHLD), 1);
	pthread_sigmask(SIG_SETMASK, NULL, &ours);
	assert_int_equal(sigismember(&ours, SIGTERM), 0);
}

static void a_thread_the_system_has_no_room_for_is_a_failure(void **state)
{
	struct thread t;
	struct fail f = {0};

	(void)state;
	assert_false(thread_start(&t, "huge", (size_t)1 << 46, look_around, NULL, &f));
	assert_int_equal(f.code, FAIL_UNAVAILABLE);
	assert_non_null(strstr(f.text, "start thread huge: "));
}

static void answer(void *arg)
{
	struct counter *c = arg;

	mutex_lock(&c->m);
	c->count = 1;
	cond_signal(&c->c);
	mutex_unlock(&c->m);
}

static void a_wait_ends_by_a_signal(void **state)
{
	struct counter c = {0};
	struct thread t;

	(void)state;
	mutex_init(&c.m);
	cond_init(&c.c);
	mutex_lock(&c.m);
	assert_true(thread_start(&t, "answer", 0, answer, &c, NULL));
	while (c.count == 0)
		assert_true(cond_wait_until(&c.c, &c.m, mono_ms() + 60000));
	mutex_unlock(&c.m);
	thread_join(&t);
	cond_finish(&c.c);
	mutex_finish(&c.m);
}

static void a_wait_ends_at_its_time_and_not_before(void **state)
{
	static const int64_t waits[] = {-1000, 0, 1, 30};
	struct mutex m;
	struct cond c;

	(void)state;
	mutex_init(&m);
	cond_init(&c);
	mutex_lock(&m);
	assert_false(cond_wait_until(&c, &m, -5)); /* long ago */
	for (size_t i = 0; i < COUNT(waits); i++) {
		int64_t until = mono_ms() + waits[i];

		while (cond_wait_until(&c, &m, until))
			continue;
		assert_true(mono_ms() >= until);
	}
	mutex_unlock(&m);
	cond_finish(&c);
	mutex_finish(&m);
}

/* Is the page of memory that this is in? */
static bool is_resident(const volatile char *p)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	unsigned char in = 0;

	assert_int_equal(mincore((void *)((uintptr_t)p & ~(page - 1)), page, &in), 0);
	return (in & 1) != 0;
}

/* Fills a part of the stack and returns a place in the middle of it. */
static __attribute__((noinline)) uintptr_t use_stack(void)
{
	volatile char deep[96 * 1024];

	for (size_t i = 0; i < sizeof(deep); i++)
		deep[i] = 1;
	return (uintptr_t)&deep[sizeof(deep) / 2];
}

static void spare(void *arg)
{
	volatile char mine[64];
	uintptr_t used;

	for (size_t i = 0; i < sizeof(mine); i++)
		mine[i] = (char)i;
	used = use_stack();
	*(bool *)arg = is_resident((const volatile char *)used);
	thread_spare_stack();
	*(bool *)arg = *(bool *)arg && !is_resident((const volatile char *)used);
	for (size_t i = 0; i < sizeof(mine); i++)
		assert_int_equal(mine[i], i);
	(void)use_stack();
}

static void a_stack_gives_back_what_calls_before_needed(void **state)
{
	struct thread t;
	struct fail f = {0};
	bool given = false;

	(void)state;
	thread_spare_stack(); /* of the first thread: nothing happens */
	assert_true(thread_start(&t, "sparer", 0, spare, &given, &f));
	thread_join(&t);
	assert_true(given);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NEAR ((size_t)8192)
#else
#define NEAR ((size_t)2048) /* below a frame: those of what it calls, and of a wait */
#endif

/* At most a page is kept for the frames to come, wherever in its page the last one ends. */
static __attribute__((noinline)) bool spare_below(size_t bytes)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	volatile char *here = __builtin_alloca(bytes);
	uintptr_t below;

	here[0] = 1;
	below = (((uintptr_t)here - NEAR) & ~(page - 1)) - 1;
	(void)use_stack();
	thread_spare_stack();
	return here[0] == 1 && !is_resident((const volatile char *)below);
}

static void spare_from_many_places(void *arg)
{
	for (size_t n = 256; n <= 8192; n += 256)
		*(size_t *)arg += spare_below(n);
}

static void a_stack_keeps_no_page_for_calls_to_come_that_fit_into_the_last(void **state)
{
	struct thread t;
	struct fail f = {0};
	size_t given = 0;

	(void)state;
	assert_true(thread_start(&t, "sparer", 0, spare_from_many_places, &given, &f));
	thread_join(&t);
	assert_int_equal(given, 32);
}

#define OWN_STACK ((size_t)256 * 1024)

static ucontext_t before, own;
static char *own_stack;

static void stand_on_it(void)
{
	thread_spare_stack();
}

static void go_there(void *arg)
{
	getcontext(&own);
	own.uc_stack.ss_sp = own_stack;
	own.uc_stack.ss_size = OWN_STACK;
	own.uc_link = &before;
	makecontext(&own, stand_on_it, 0);
	swapcontext(&before, &own);
	*(bool *)arg = true;
}

/* It was mapped before the thread's, so it lies above that, and the thread's own data between. */
static void whoever_stands_on_another_stack_keeps_all_memory(void **state)
{
	struct thread t;
	struct fail f = {0};
	bool back = false;

	(void)state;
	own_stack =
		mmap(NULL, OWN_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(own_stack != MAP_FAILED);
	assert_true(thread_start(&t, "elsewhere", 0, go_there, &back, &f));
	thread_join(&t);
	assert_true(back);
	assert_int_equal(munmap(own_stack, OWN_STACK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mutex_keeps_threads_apart),
		cmocka_unit_test(a_thread_has_its_name_and_blocks_all_signals),
		cmocka_unit_test(a_thread_the_system_has_no_room_for_is_a_failure),
		cmocka_unit_test(a_wait_ends_by_a_signal),
		cmocka_unit_test(a_wait_ends_at_its_time_and_not_before),
		cmocka_unit_test(a_stack_gives_back_what_calls_before_needed),
		cmocka_unit_test(a_stack_keeps_no_page_for_calls_to_come_that_fit_into_the_last),
		cmocka_unit_test(whoever_stands_on_another_stack_keeps_all_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
