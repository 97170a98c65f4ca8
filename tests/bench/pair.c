/*
 * pair - what a round trip between two processes costs: 1 KiB there and back over a socketpair.
 *
 *	bench_pair ROUNDS CPU CPU
 *
 * Each process stays on its CPU. Prints nanoseconds of time and of CPU (both processes) per round.
 */
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BYTES 1024

static void stay_on(size_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		perror("sched_setaffinity");
}

static void must(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

static void pass(int fd, char *bytes, int there)
{
	if (there)
		must(send(fd, bytes, BYTES, 0) == BYTES, "send");
	else
		must(recv(fd, bytes, BYTES, MSG_WAITALL) == BYTES, "recv");
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t used_ns(int who)
{
	struct rusage used;

	getrusage(who, &used);
	return (int64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000000 +
	       (int64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000;
}

int main(int argc, char **argv)
{
	static char bytes[BYTES];
	long rounds = argc == 4 ? strtol(argv[1], NULL, 10) : 0;
	int64_t began, took;
	int ends[2];
	pid_t pid;

	must(rounds > 0, "usage: bench_pair ROUNDS CPU CPU");
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
	pid = fork();
	must(pid >= 0, "fork");
	stay_on(strtoul(argv[pid == 0 ? 3 : 2], NULL, 10));
	began = now_ns();
	for (long i = 0; i < rounds; i++) {
		pass(ends[pid == 0], bytes, pid != 0);
		pass(ends[pid == 0], bytes, pid == 0);
	}
	took = now_ns() - began;
	if (pid == 0)
		return 0;
	must(waitpid(pid, NULL, 0) == pid, "waitpid");
	printf("%lld %lld\n", (long long)(took / rounds),
		(long long)((used_ns(RUSAGE_SELF) + used_ns(RUSAGE_CHILDREN)) / rounds));
	return 0;
}
