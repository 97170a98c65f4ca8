/*
 * Started by spawn_test: writes to the file argv[1] what it got, one fact a line, then lives
 * until the file argv[2] exists (at most a minute).
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* Descriptors that are open, but for the one that reads the list. */
static void tell_descriptors(FILE *out)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;

	if (dir == NULL)
		exit(1);                     /* NOLINT(concurrency-mt-unsafe): one thread */
	while ((e = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe): one thread */
		char link[300], target[300];
		ssize_t n;

		snprintf(link, sizeof(link), "/proc/self/fd/%s", e->d_name);
		n = readlink(link, target, sizeof(target) - 1);
		if (n < 0 || (e->d_name[0] != '.' && atoll(e->d_name) == dirfd(dir)))
			continue;
		target[n] = '\0';
		fprintf(out, "fd %s %s\n", e->d_name, target);
	}
	closedir(dir);
}

static void tell_signals(FILE *out)
{
	sigset_t mask;
	int blocked = 0, ignored = 0;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int i = 1; i < 32; i++) {
		struct sigaction action;

		blocked += sigismember(&mask, i) == 1;
		if (sigaction(i, NULL, &action) == 0)
			ignored += action.sa_handler == SIG_IGN;
	}
	fprintf(out, "blocked %d\nignored %d\n", blocked, ignored);
}

static void tell(FILE *out)
{
	char cwd[4096];

	tell_descriptors(out);
	tell_signals(out);
	for (char **e = environ; *e != NULL; e++)
		fprintf(out, "env %s\n", *e);
	fprintf(out, "cwd %s\n", getcwd(cwd, sizeof(cwd)) != NULL ? cwd : "?");
	fprintf(out, "sid %ld\npid %ld\n", (long)getsid(0), (long)getpid());
	fprintf(stderr, "witness speaks\n");
}

int main(int argc, char **argv)
{
	static const struct timespec step = {0, 5000000};
	char part[4096];
	FILE *out;

	if (argc != 3)
		return 2;
	snprintf(part, sizeof(part), "%s.part", argv[1]);
	/* The list of descriptors must not hold our own file: gather first, write then. */
	char *text = NULL;
	size_t n = 0;
	out = open_memstream(&text, &n);
	if (out == NULL)
		return 1;
	tell(out);
	fclose(out);
	out = fopen(part, "we");
	if (out == NULL)
		return 1;
	fwrite(text, 1, n, out);
	fclose(out);
	free(text);
	if (rename(part, argv[1]) != 0)
		return 1;
	for (int i = 0; i < 12000 && access(argv[2], F_OK) != 0; i++)
		nanosleep(&step, NULL);
	return 0;
}
