/* Tests of lock: one holder, told by its process id, freed by its death, handed over by exec. */
#include "platform/lock.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "platform/thread.h"
#include "support/scratch.h"
#include "unit/cmocka.h"

static char dir[SCRATCH_SIZE];

static int open_dir(void **state)
{
	(void)state;
	scratch_open(dir);
	return 0;
}

static int close_dir(void **state)
{
	(void)state;
	scratch_close(dir);
	return 0;
}

static void a_second_taker_is_refused_and_told_the_first(void **state)
{
	const char *path = scratch_path(dir, "a.lock");
	int64_t pid = -1;
	struct fail f = {0};
	char who[64];
	int first = -1, second = -1;

	(void)state;
	assert_true(lock_take(path, &first, NULL, &f));
	assert_false(lock_take(path, &second, &pid, &f));
	assert_int_equal(f.code, FAIL_CONFLICT);
	assert_int_equal(pid, getpid());
	snprintf(who, sizeof(who), "held by process %ld", (long)getpid());
	assert_non_null(strstr(f.text, who));
	assert_int_equal(second, -1);
	close(first);
}

static void a_lock_given_back_can_be_taken_again(void **state)
{
	const char *path = scratch_path(dir, "a.lock");
	int fd = -1;

	(void)state;
	assert_false(lock_held(path));
	assert_true(lock_take(path, &fd, NULL, NULL));
	assert_true(lock_held(path));
	close(fd);
	assert_false(lock_held(path));
	assert_true(lock_take(path, &fd, NULL, NULL));
	close(fd);
}

/* A child that took the lock and told so; it lives until it is killed. */
static pid_t start_holder(const char *path)
{
	int ends[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = -1;

		if (!lock_take(path, &fd, NULL, NULL) || write(ends[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 1);
	close(ends[0]);
	return pid;
}

static void a_killed_holder_frees_the_lock(void **state)
{
	const char *path = scratch_path(dir, "b.lock");
	pid_t child = start_holder(path);
	int64_t pid = 0;
	int fd = -1;

	(void)state;
	assert_false(lock_take(path, &fd, &pid, NULL));
	assert_int_equal(pid, child);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_false(lock_held(path));
	assert_true(lock_take(path, &fd, NULL, NULL));
	close(fd);
}

/* What davit-run does: the child gets the descriptor, signs, and the parent lets go. */
static void a_lock_lives_on_in_the_process_it_was_handed_to(void **state)
{
	const char *path = scratch_path(dir, "c.lock");
	int fd = -1, ends[2];
	int64_t pid = 0;
	char c;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_true(lock_take(path, &fd, NULL, NULL));
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (!lock_sign(fd, NULL) || write(ends[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ends[0], &c, 1), 1);
	close(fd);
	assert_false(lock_take(path, &fd, &pid, NULL));
	assert_int_equal(pid, child);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_false(lock_held(path));
	close(ends[0]);
	close(ends[1]);
}

static void a_lock_whose_file_was_replaced_is_not_mistaken_for_it(void **state)
{
	const char *path = scratch_path(dir, "d.lock");
	int old = -1, new = -1;

	(void)state;
	assert_true(lock_take(path, &old, NULL, NULL));
	assert_int_equal(unlink(path), 0);
	assert_true(lock_take(path, &new, NULL, NULL));
	assert_true(lock_held(path));
	close(old);
	assert_true(lock_held(path));
	close(new);
}

static void there_is_no_lock_without_a_file_or_folder(void **state)
{
	int fd = -1;
	struct fail f = {0};

	(void)state;
	assert_false(lock_held(scratch_path(dir, "never")));
	assert_false(lock_take(scratch_path(dir, "no/such.lock"), &fd, NULL, &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
}

static void a_lock_file_that_is_a_link_is_refused(void **state)
{
	const char *link = scratch_path(dir, "link.lock");
	int fd = -1;

	(void)state;
	assert_int_equal(symlink("a.lock", link), 0);
	assert_false(lock_take(link, &fd, NULL, NULL));
}

static void a_holder_we_cannot_name_is_process_zero(void **state)
{
	const char *path = scratch_path(dir, "e.lock");
	int fd = -1;
	int64_t pid = -1;
	struct fail f = {0};

	(void)state;
	assert_true(lock_take(path, &fd, NULL, NULL));
	scratch_write(dir, "e.lock", "not a number\n");
	assert_false(lock_take(path, &fd, &pid, &f));
	assert_int_equal(pid, 0);
	assert_non_null(strstr(f.text, "held by another process"));
	close(fd);
}

struct prober {
	struct mutex m;
	bool ended;
	const char *path;
};

static bool prober_ended(struct prober *p)
{
	bool ended;

	mutex_lock(&p->m);
	ended = p->ended;
	mutex_unlock(&p->m);
	return ended;
}

static void probe(void *arg)
{
	struct prober *p = arg;

	while (!prober_ended(p))
		lock_held(p->path);
}

static void asking_who_holds_a_lock_does_not_keep_others_from_it(void **state)
{
	struct prober p = {.path = scratch_path(dir, "f.lock")};
	struct thread t;

	(void)state;
	mutex_init(&p.m);
	assert_true(thread_start(&t, "probe", 0, probe, &p, NULL));
	for (int i = 0; i < 500; i++) {
		int fd = -1;

		assert_true(lock_take(p.path, &fd, NULL, NULL));
		close(fd);
	}
	mutex_lock(&p.m);
	p.ended = true;
	mutex_unlock(&p.m);
	thread_join(&t);
	mutex_finish(&p.m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_taker_is_refused_and_told_the_first),
		cmocka_unit_test(a_lock_given_back_can_be_taken_again),
		cmocka_unit_test(a_killed_holder_frees_the_lock),
		cmocka_unit_test(a_lock_lives_on_in_the_process_it_was_handed_to),
		cmocka_unit_test(a_lock_whose_file_was_replaced_is_not_mistaken_for_it),
		cmocka_unit_test(there_is_no_lock_without_a_file_or_folder),
		cmocka_unit_test(a_lock_file_that_is_a_link_is_refused),
		cmocka_unit_test(a_holder_we_cannot_name_is_process_zero),
		cmocka_unit_test(asking_who_holds_a_lock_does_not_keep_others_from_it),
	};

	return cmocka_run_group_tests(tests, open_dir, close_dir);
}
