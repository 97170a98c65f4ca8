/*
 * davit-sim - random search for schedules in which the daemon loses a job or submits one twice. See
 * docs/testing.md.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "sim/broken.h"
#include "sim/cloud.h"
#include "sim/cuts.h"
#include "sim/daemon.h"
#include "sim/disk.h"
#include "sim/life.h"
#include "sim/lost.h"
#include "sim/threads.h"
#include "sim/work.h"
#include "sim/world.h"
#include "store/store.h"

enum {
	WORKERS_MOST = 64,
	SHOWN_MOST = 10, /* seeds of one worker that are told of */
	HANGS_SECONDS = 20
};

/* How the program ends. */
enum status {
	STATUS_GOOD,
	STATUS_WRONG, /* a schedule in which something did not hold */
	STATUS_USAGE,
	STATUS_CRASHED /* the daemon did, or the simulation: that says nothing of any promise */
};

struct options {
	uint64_t seed, count;
	double seconds; /* 0: until count is there */
	unsigned workers;
	bool trace, until_wrong, digests, isolated;
	const char *plugin;
};

/* What one worker found. */
struct found {
	uint64_t schedules, lives, kills, requests, faults, jobs, parked, terminal, late, later,
		strays, points, events, worker_starts, worker_ends, cuts, submit_cuts;
	uint64_t wrong, lost, doubled, crashed;
	uint64_t first; /* seed; with wrong > 0 */
};

/* What the workers share. */
struct common {
	struct found found[WORKERS_MOST];
	volatile bool enough;
};

static struct daemon_parts daemon_parts;
static struct disk *kept;
static struct common *common;

static void *shared(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* The random numbers of the daemon: base/id.c asks for them. */
ssize_t getrandom(void *bytes, size_t n, unsigned flags)
{
	(void)flags;
	for (size_t i = 0; i < n; i++)
		((unsigned char *)bytes)[i] = (unsigned char)chance(CHANCE_ID);
	return (ssize_t)n;
}

/* --- one schedule --- */

static void power(int how)
{
	static const enum disk_cut cuts[] = {
		DISK_KEEP_ALL, DISK_KEEP_NONE, DISK_KEEP_NONE, DISK_KEEP_SOME, DISK_KEEP_FIRST};

	world->kills += how == LIFE_KILLED;
	for (size_t i = 0; i < world->item_count; i++) {
		struct item *item = &world->items[i];

		item->first_doubts += item->first_in_doubt;
		item->unclear = item->unclear || item->in_doubt;
		item->in_doubt = item->first_in_doubt = false;
	}
	disk_cut(cuts[chance_below(CHANCE_DISK, COUNT(cuts))]);
	world->now_ms +=
		chance_between(CHANCE_PLAN, 1, chance_of_256(CHANCE_PLAN, 64) ? 30000 : 500);
	world->mono_ms += 1;
}

/* False: that was the last life. */
static bool live(struct daemon_parts *d)
{
	/* Of the processor: others may keep it waiting. */
	static const struct itimerval hangs = {.it_value = {.tv_sec = HANGS_SECONDS}};
	int status = 0;
	pid_t child;

	world->life++;
	life_plan();
	(void)fflush(NULL);
	child = fork();
	if (child == 0) {
		(void)setitimer(ITIMER_PROF, &hangs, NULL);
		life_run(d);
	}
	if (child < 0 || waitpid(child, &status, 0) != child) {
		world_wrong("crashed: no process: %s", strerror(errno));
		return false;
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF)
		world_wrong("stuck: life %u works without end", world->life);
	else if (WIFSIGNALED(status))
		world_wrong("crashed: life %u ended by signal %d", world->life, WTERMSIG(status));
	else if (WEXITSTATUS(status) == LIFE_KILLED || WEXITSTATUS(status) == LIFE_STOPPED)
		power(WEXITSTATUS(status));
	else if (WEXITSTATUS(status) < LIFE_KILLED || WEXITSTATUS(status) > LIFE_STUCK)
		world_wrong(
			"crashed: life %u ended with status %d", world->life, WEXITSTATUS(status));
	return world->why[0] == '\0' && !world->settled;
}

static void schedule(struct disk *disk, uint64_t seed, const struct options *o)
{
	world_begin(seed, o->trace);
	world->isolated = o->isolated;
	disk_restore(disk, kept);
	life_plan_all();
	work_plan();
	cloud_begin();
	lost_begin(store_site(daemon_parts.store));
	while (live(&daemon_parts))
		continue;
}

/* --- workers --- */

static double seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool is_wrong(const char *how)
{
	return strncmp(world->why, how, strlen(how)) == 0;
}

static void add_up(struct found *f, uint64_t seed)
{
	f->schedules++;
	f->lives += world->life;
	f->kills += world->kills;
	f->requests += world->requests;
	f->faults += world->faults;
	f->jobs += world->jobs;
	f->parked += world->parked;
	f->terminal += world->terminal;
	f->late += world->late;
	f->later += world->later;
	f->strays += world->strays;
	f->points += world->points;
	f->events += world->events;
	f->worker_starts += world->worker_starts;
	f->worker_ends += world->worker_ends;
	f->cuts += world->cuts;
	f->submit_cuts += world->submit_cuts;
	if (world->why[0] == '\0')
		return;
	f->first = f->wrong == 0 ? seed : f->first;
	f->wrong++;
	f->lost += is_wrong("lost:");
	f->doubled += is_wrong("doubled:");
	f->crashed += is_wrong("crashed:");
	if (f->wrong <= SHOWN_MOST)
		(void)printf("seed %" PRIu64 ": %s\n", seed, world->why);
	(void)fflush(stdout);
}

static void work(const struct options *o, unsigned which)
{
	struct disk *disk = disk_new();
	double until = seconds() + o->seconds;

	world = shared(sizeof(*world));
	if (disk == NULL || world == NULL)
		exit(STATUS_USAGE);
	disk_use(disk);
	for (uint64_t i = which; i < o->count && !common->enough; i += o->workers) {
		if (o->seconds > 0 && seconds() > until)
			break;
		schedule(disk, o->seed + i, o);
		add_up(&common->found[which], o->seed + i);
		if (o->digests)
			(void)printf(
				"digest %" PRIu64 " %016" PRIx64 "\n", o->seed + i, world->digest);
		common->enough = common->enough || (o->until_wrong && world->why[0] != '\0');
	}
	exit(0);
}

static struct found sum(unsigned workers)
{
	struct found all = {0};

	for (unsigned i = 0; i < workers; i++) {
		const struct found *f = &common->found[i];

		if (f->wrong > 0 && (all.wrong == 0 || f->first < all.first))
			all.first = f->first;
		for (size_t n = 0; n < offsetof(struct found, first) / sizeof(uint64_t); n++)
			((uint64_t *)&all)[n] += ((const uint64_t *)f)[n];
	}
	return all;
}

/* Of the workers, which have ended, and of their daemons. */
static double cpu_seconds(void)
{
	struct rusage r;

	(void)getrusage(RUSAGE_CHILDREN, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void report(const struct found *f, const struct options *o, double took)
{
	(void)printf("sim_schedules %" PRIu64 " count\n", f->schedules);
	(void)printf("sim_lives %" PRIu64 " count\n", f->lives);
	(void)printf("sim_kills %" PRIu64 " count\n", f->kills);
	if (o->isolated) {
		(void)printf("sim_worker_starts %" PRIu64 " count\n", f->worker_starts);
		(void)printf("sim_worker_ends %" PRIu64 " count\n", f->worker_ends);
		(void)printf("sim_cut_off %" PRIu64 " calls\n", f->cuts);
		(void)printf("sim_cut_submits %" PRIu64 " calls\n", f->submit_cuts);
	}
	(void)printf("sim_accepted %" PRIu64 " jobs\n", f->jobs);
	(void)printf("sim_ended %" PRIu64 " jobs\n", f->terminal);
	(void)printf("sim_parked %" PRIu64 " jobs\n", f->parked);
	(void)printf("sim_late %" PRIu64 " objects\n", f->late);
	(void)printf("sim_later %" PRIu64 " objects\n", f->later);
	(void)printf("sim_strays %" PRIu64 " objects\n", f->strays);
	(void)printf("sim_requests %" PRIu64 " count\n", f->requests);
	(void)printf("sim_faults %" PRIu64 " count\n", f->faults);
	(void)printf("sim_points %" PRIu64 " count\n", f->points);
	(void)printf("sim_seconds %.1f s\n", took);
	(void)printf("sim_cpu_seconds %.1f s\n", cpu_seconds());
	(void)printf("sim_lost %" PRIu64 " jobs\n", f->lost);
	(void)printf("sim_doubled %" PRIu64 " jobs\n", f->doubled);
	(void)printf("sim_wrong %" PRIu64 " schedules\n", f->wrong);
	(void)printf("sim_crashed %" PRIu64 " schedules\n", f->crashed);
	if (f->wrong > 0)
		(void)printf("sim_first_wrong %" PRIu64 " seed\n", f->first);
}

static int run(const struct options *o)
{
	double from = seconds();
	pid_t children[WORKERS_MOST];
	struct found all;
	bool ok = true;

	for (unsigned i = 0; i < o->workers; i++) {
		(void)fflush(NULL);
		children[i] = fork();
		if (children[i] == 0)
			work(o, i);
	}
	for (unsigned i = 0; i < o->workers; i++) {
		int status = 0;

		ok = children[i] > 0 && waitpid(children[i], &status, 0) > 0 && status == 0 && ok;
	}
	all = sum(o->workers);
	if (!o->trace)
		report(&all, o, seconds() - from);
	if (!ok || all.crashed > 0)
		return STATUS_CRASHED;
	return all.wrong == 0 ? STATUS_GOOD : STATUS_WRONG;
}

/* --- the program --- */

static int prepare(const struct options *o)
{
	struct fail f = {0};
	struct disk *disk;

	json_object_seed(1);
	common = shared(sizeof(*common));
	world = shared(sizeof(*world));
	disk = disk_new();
	kept = disk_new();
	if (common == NULL || world == NULL || disk == NULL || kept == NULL)
		return STATUS_USAGE;
	world_begin(0, false);
	disk_use(disk);
	disk_register();
	threads_prepare();
	if (!daemon_prepare(&daemon_parts, o->plugin, o->isolated, &f)) {
		(void)fprintf(stderr, "davit-sim: %s\n", f.text);
		return STATUS_USAGE;
	}
	threads_sleep_until(clock_mono_ms() + 60000); /* until the threads all wait */
	disk_keep(kept);
	return STATUS_GOOD;
}

static void usage(void)
{
	(void)puts(
		"usage: davit-sim [--seed N] [--count N] [--seconds N] [--workers N] [--trace] [--until-wrong]\n"
		"                 [--digests] [--mode inline|worker] [--plugin testcloud.so] [--list-breaks] [--explain-breaks] [--list-cuts]\n"
		"Runs schedules N, N + 1 and so on; --trace tells what happens in them. Ends with 1 where\n"
		"something did not hold, 3 where a daemon crashed.\n"
		"DAVIT_BREAK=WRITE[:unsynced] breaks a promise of the store on purpose, DAVIT_BREAK=CUT that\n"
		"of a call whose worker ended (--mode worker).");
}

static const struct option names[] = {
	{"seed", required_argument, NULL, 's'},
	{"count", required_argument, NULL, 'c'},
	{"seconds", required_argument, NULL, 'S'},
	{"workers", required_argument, NULL, 'w'},
	{"plugin", required_argument, NULL, 'p'},
	{"trace", no_argument, NULL, 't'},
	{"until-wrong", no_argument, NULL, 'u'},
	{"digests", no_argument, NULL, 'd'},
	{"mode", required_argument, NULL, 'm'},
	{"list-breaks", no_argument, NULL, 'l'},
	{"list-cuts", no_argument, NULL, 'C'},
	{"explain-breaks", no_argument, NULL, 'e'},
	{NULL, 0, NULL, 0},
};

static bool read_options(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 's':
			o->seed = strtoull(optarg, NULL, 10);
			break;
		case 'c':
			o->count = strtoull(optarg, NULL, 10);
			break;
		case 'S':
			o->seconds = strtod(optarg, NULL);
			break;
		case 'w':
			o->workers = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'p':
			o->plugin = optarg;
			break;
		case 'm':
			o->isolated = strcmp(optarg, "worker") == 0;
			if (!o->isolated && strcmp(optarg, "inline") != 0)
				return false;
			break;
		case 't':
			o->trace = true;
			break;
		case 'u':
			o->until_wrong = true;
			break;
		case 'd':
			o->digests = true;
			break;
		case 'l':
			broken_list();
			exit(0);
		case 'C':
			cuts_list();
			exit(0);
		case 'e':
			broken_explain();
			exit(0);
		default:
			return false;
		}
	}
	return optind == argc && o->workers > 0 && o->workers <= WORKERS_MOST;
}

int main(int argc, char **argv)
{
	struct options o = {.seed = 1, .count = 1000, .plugin = SIM_PLUGIN};
	const char *broken = getenv("DAVIT_BREAK");
	int status;

	o.workers = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	o.workers = o.workers > WORKERS_MOST ? WORKERS_MOST : o.workers;
	if (!read_options(argc, argv, &o) ||
		(broken != NULL && !broken_choose(broken) && !cuts_choose(broken))) {
		usage();
		return STATUS_USAGE;
	}
	if (o.trace)
		o.workers = 1;
	status = prepare(&o);
	if (status == STATUS_GOOD)
		status = run(&o);
	daemon_remove(&daemon_parts);
	return status;
}
