/* Control groups through their files. The kernel's word is taken for what is possible. */
#include "run/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "platform/fs.h"
#include "run/spec.h"

#define FILE_MAX      65536
#define DESTROY_TRIES 200
#define PAUSE_NS      10000000

static bool put(const char *group, const char *file, const char *text)
{
	char path[PATH_MAX];
	size_t n = strlen(text);
	bool good;
	int fd;

	if (!fs_join(path, sizeof(path), group, file, NULL))
		return false;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	good = write(fd, text, n) == (ssize_t)n;
	close(fd);
	return good;
}

static bool put_number(const char *group, const char *file, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, n);
	return put(group, file, text);
}

/* The path of our own group below the mount point: the line "0::/…". */
static bool own_group(char group[PATH_MAX])
{
	char *text, *line;
	size_t n;

	if (!fs_read("/proc/self/cgroup", FILE_MAX, &text, &n, NULL))
		return false;
	line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	group[0] = '\0';
	if (line != NULL) {
		line += line == text ? 3 : 4;
		snprintf(group, PATH_MAX, "%.*s", (int)strcspn(line, "\n"), line);
	}
	free(text);
	return group[0] == '/';
}

/* The mount point of a line of mountinfo that tells a cgroup2, or NULL. Changes the line. */
static const char *mount_point(char *line)
{
	char *type = strstr(line, " - cgroup2 ");
	char *part = line;

	if (type == NULL)
		return NULL;
	for (int i = 0; i < 4 && part != NULL; i++) { /* id, parent, device, root */
		part = strchr(part, ' ');
		part += part != NULL;
	}
	if (part == NULL || part > type)
		return NULL;
	part[strcspn(part, " ")] = '\0';
	return part;
}

static bool find_mount(char mount[PATH_MAX])
{
	char *text, *save = NULL;
	const char *found = NULL;
	size_t n;

	if (!fs_read("/proc/self/mountinfo", 1u << 20, &text, &n, NULL))
		return false;
	for (char *line = strtok_r(text, "\n", &save); line != NULL && found == NULL;
		line = strtok_r(NULL, "\n", &save))
		found = mount_point(line);
	if (found != NULL)
		snprintf(mount, PATH_MAX, "%s", found);
	free(text);
	return found != NULL;
}

/* Was this group given to us? By its owner, or by the mark a service manager sets. */
static bool is_delegated(const char *group)
{
	static const char *const marks[] = {"user.delegate", "trusted.delegate"};
	struct stat st;
	char value[2];

	if (access(group, W_OK) != 0 || stat(group, &st) != 0)
		return false;
	if (st.st_uid != 0 && st.st_uid == geteuid())
		return true;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (getxattr(group, marks[i], value, sizeof(value)) == 1 && value[0] == '1')
			return true;
	}
	return false;
}

static bool find_delegated(char base[PATH_MAX])
{
	char mount[PATH_MAX], group[PATH_MAX];

	return own_group(group) && find_mount(mount) &&
	       fs_join(base, PATH_MAX, mount, group, NULL) && is_delegated(base);
}

/* Whether controllers may be switched on depends on who else sits in the group: asked, not
 * required. */
static void set_limits(struct cgroup *cg, const char *base, const struct run_limits *limits)
{
	put(base, "cgroup.subtree_control", "+pids");
	put(base, "cgroup.subtree_control", "+memory");
	if (limits->processes > 0)
		cg->pids = put_number(cg->leaf, "pids.max", limits->processes);
	if (limits->memory_bytes > 0)
		cg->memory = put_number(cg->leaf, "memory.max", limits->memory_bytes);
	if (cg->memory)
		put(cg->leaf, "memory.swap.max", "0");
}

static bool make_leaf(struct cgroup *cg, const char *base, const char *name, struct fail *f)
{
	char last[80];
	char leaf[PATH_MAX];

	snprintf(last, sizeof(last), "davit-%.64s", name);
	if (!fs_join(leaf, sizeof(leaf), base, last, f))
		return false;
	if (mkdir(leaf, 0700) != 0 && errno != EEXIST)
		return fail_errno(f, errno, "make control group %s", leaf);
	memcpy(cg->leaf, leaf, sizeof(leaf));
	return true;
}

bool cgroup_create(struct cgroup *cg, const char *where, const char *name,
	const struct run_limits *limits, struct fail *f)
{
	bool automatic = strcmp(where, "auto") == 0;
	char base[PATH_MAX];

	*cg = (struct cgroup){0};
	if (strcmp(where, "off") == 0 || (automatic && !find_delegated(base)))
		return true;
	if (!make_leaf(cg, automatic ? base : where, name, f))
		return automatic;
	set_limits(cg, automatic ? base : where, limits);
	return true;
}

bool cgroup_enter(const struct cgroup *cg, pid_t pid, struct fail *f)
{
	if (cg->leaf[0] == '\0' || put_number(cg->leaf, "cgroup.procs", pid))
		return true;
	return fail_errno(f, errno, "enter control group %s", cg->leaf);
}

void cgroup_kill(const struct cgroup *cg)
{
	if (cg->leaf[0] != '\0')
		put(cg->leaf, "cgroup.kill", "1");
}

bool cgroup_out_of_memory(const struct cgroup *cg)
{
	char path[PATH_MAX];
	const char *line;
	char *text;
	size_t n;
	bool killed;

	if (!cg->memory || !fs_join(path, sizeof(path), cg->leaf, "memory.events", NULL) ||
		!fs_read(path, FILE_MAX, &text, &n, NULL))
		return false;
	line = strstr(text, "oom_kill ");
	killed = line != NULL && strtoull(line + strlen("oom_kill "), NULL, 10) > 0;
	free(text);
	return killed;
}

void cgroup_destroy(const struct cgroup *cg)
{
	static const struct timespec pause = {0, PAUSE_NS};

	for (int i = 0; cg->leaf[0] != '\0' && i < DESTROY_TRIES; i++) {
		cgroup_kill(cg);
		if (rmdir(cg->leaf) == 0 || errno != EBUSY)
			return;
		nanosleep(&pause, NULL);
	}
}
