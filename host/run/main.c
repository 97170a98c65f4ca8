/*
 * davit-run - supervises one process of the daemon, and outlives it.
 *
 *	davit-run [--cgroup auto|off|FOLDER] [--sandbox JSON] PROCESS-FOLDER RUNTIME-FOLDER
 *
 * Both folders are absolute; the last part of the first is the name of the process. Exit
 * status 0: the process has its record, or another davit-run cares for it; 1: it could not
 * even be tried, see standard error; 2: wrong arguments.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "run/supervise.h"
#include "run/test_point.h"

static int usage(void)
{
	fputs("usage: davit-run [--cgroup auto|off|FOLDER] [--sandbox JSON] PROCESS-FOLDER "
	      "RUNTIME-FOLDER\n",
		stderr);
	return 2;
}

static bool parse(int argc, char **argv, struct supervise_options *o)
{
	int at = 1;

	o->cgroup = "auto";
	o->sandbox = NULL;
	for (; argc - at > 2; at += 2) {
		if (strcmp(argv[at], "--cgroup") == 0)
			o->cgroup = argv[at + 1];
		else if (strcmp(argv[at], "--sandbox") == 0)
			o->sandbox = argv[at + 1];
		else
			return false;
	}
	if (argc - at != 2 || argv[at][0] != '/' || argv[at + 1][0] != '/')
		return false;
	o->folder = argv[at];
	o->runtime_dir = argv[at + 1];
	o->name = strrchr(o->folder, '/') + 1;
	return o->name[0] != '\0';
}

int main(int argc, char **argv)
{
	struct supervise_options options;
	struct fail f;

	if (!parse(argc, argv, &options))
		return usage();
	close_range(STDERR_FILENO + 1, ~0u, 0); /* nothing of whoever started us goes further */
	umask(077);
	if (chdir(options.folder) != 0) {
		if (errno == ENOENT)
			return 0; /* it was removed meanwhile */
		fprintf(stderr, "davit-run: enter folder %s: %s\n", options.folder,
			strerrordesc_np(errno));
		return 1;
	}
	test_point_dir(options.runtime_dir);
	if (supervise(&options, &f))
		return 0;
	fprintf(stderr, "davit-run: %s: %s\n", options.name, f.text);
	return 1;
}
