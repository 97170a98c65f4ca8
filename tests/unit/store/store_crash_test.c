/* store_crash_test - a process that is killed at any moment loses no write it acknowledged. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/cmocka.h"
#include "unit/store/kit.h"

#define ROUNDS    20
#define IN_FLIGHT 100

/* In the child: acknowledges by writing the number to the pipe, from the writer thread. */
static int ack_fd;
static atomic_uint answered;

static void acknowledge(struct store_op *op)
{
	unsigned n = (unsigned)(uintptr_t)op->arg;

	if (!op->ok || !op->changed || write(ack_fd, &n, sizeof(n)) != (ssize_t)sizeof(n))
		_exit(3);
	atomic_fetch_add(&answered, 1);
	store_op_free(op);
}

static bool has_room(void *arg)
{
	return *(unsigned *)arg - atomic_load(&answered) < IN_FLIGHT;
}

/* Number n adds job n; every third moves it on in the same stream of writes. */
static struct store_op *nth_write(unsigned n)
{
	return n % 3 != 2 ? kit_add(n) : kit_edge(n - 1, JOB_OPEN, JOB_SUBMITTING, JOB_SET_EPOCH);
}

static void child(const char *folder, int fd, unsigned first)
{
	struct store *s = kit_open(folder);

	ack_fd = fd;
	for (unsigned i = 0;; i++) {
		struct store_op *op = nth_write(first + i);

		op->done = acknowledge;
		op->arg = (void *)(uintptr_t)(first + i); /* NOLINT(performance-no-int-to-ptr) */
		if (!kit_wait(has_room, &i))
			_exit(4);
		store_submit(s, op);
	}
}

/* Reads acknowledgements; kills after the goal is reached, then reads what was still sent.
 * Returns how many there were: numbers come in order. */
static unsigned kill_after(pid_t pid, int fd, unsigned first, unsigned goal)
{
	unsigned count = 0;
	unsigned n;

	while (read(fd, &n, sizeof(n)) == (ssize_t)sizeof(n)) {
		assert_int_equal(n, first + count);
		if (++count == goal)
			assert_int_equal(kill(pid, SIGKILL), 0);
	}
	return count;
}

static void write_is_there(struct store *s, unsigned n)
{
	char id[ID_SIZE];
	struct job job;

	if (!store_job(s, kit_id(id, n % 3 != 2 ? n : n - 1), &job, NULL))
		fail_msg("write %u was acknowledged and is lost", n);
	if (n % 3 == 2 && job.state != JOB_SUBMITTING)
		fail_msg("edge %u was acknowledged and is lost", n);
	job_finish(&job);
}

static unsigned round_run(const char *folder, unsigned first, unsigned goal)
{
	struct store *s;
	unsigned count;
	int pipe_fd[2];
	int status;
	pid_t pid;

	assert_int_equal(pipe(pipe_fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(pipe_fd[0]);
		child(folder, pipe_fd[1], first);
	}
	close(pipe_fd[1]);
	count = kill_after(pid, pipe_fd[0], first, goal);
	close(pipe_fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_true(count >= goal);
	s = kit_open(folder);
	for (unsigned i = 0; i < count; i++)
		write_is_there(s, first + i);
	store_close(s);
	return count;
}

static void no_acknowledged_write_is_lost_by_a_kill(void **state)
{
	const char *seed_text = getenv("SEED"); /* NOLINT(concurrency-mt-unsafe) */
	unsigned seed =
		seed_text != NULL ? (unsigned)strtoul(seed_text, NULL, 10) : (unsigned)getpid();
	char folder[PATH_MAX];
	unsigned first = 0;

	(void)state;
	print_message("SEED=%u\n", seed);
	kit_folder(folder);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned goal = 1 + (unsigned)rand_r(&seed) % 500;
		unsigned count = round_run(folder, first, goal);

		/* Past all that may have been written without an acknowledgement. */
		first += (count + 2 * IN_FLIGHT) / 3 * 3 + 3;
	}
	kit_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_acknowledged_write_is_lost_by_a_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
