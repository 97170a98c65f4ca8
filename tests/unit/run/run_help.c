/* A place for davit-run to work in, and patience with limits. */
#include "unit/run/run_help.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "platform/fs.h"
#include "unit/cmocka.h"

static const char *join(char path[HELP_PATH], const char *dir, const char *name)
{
	int n = snprintf(path, HELP_PATH, "%s/%s", dir, name);

	assert_in_range(n, 1, HELP_PATH - 1);
	return path;
}

static void make_dir(const char *dir, const char *name)
{
	char path[HELP_PATH];

	assert_int_equal(mkdir(join(path, dir, name), 0700), 0);
}

int place_make(void **state)
{
	struct run_place *p = calloc(1, sizeof(*p));
	const char *tmp = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): one thread */

	assert_non_null(p);
	snprintf(p->base, sizeof(p->base), "%s/davit-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(p->base));
	join(p->folder, p->base, "p1");
	join(p->runtime, p->base, "run");
	make_dir(p->base, "p1");
	make_dir(p->base, "run");
	make_dir(p->folder, "work");
	make_dir(p->folder, "outputs");
	*state = p;
	return 0;
}

int place_remove(void **state)
{
	struct run_place *p = *state;
	struct fail f;
	bool good = fs_remove_tree(p->base, &f);

	free(p);
	return good ? 0 : -1;
}

const char *place_file(const struct run_place *p, const char *name, char path[HELP_PATH])
{
	return join(path, p->folder, name);
}

const char *place_runtime(const struct run_place *p, const char *name, char path[HELP_PATH])
{
	return join(path, p->runtime, name);
}

void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

char *get_file(const char *path)
{
	char *text;
	size_t n;

	if (!fs_read(path, 64u << 20, &text, &n, NULL))
		text = strdup("");
	assert_non_null(text);
	return text;
}

char *get_place_file(const struct run_place *p, const char *name)
{
	char path[HELP_PATH];

	return get_file(place_file(p, name, path));
}

json_t *get_json(const struct run_place *p, const char *name)
{
	char *text = get_place_file(p, name);
	json_t *v = text[0] == '\0' ? NULL : json_loads(text, 0, NULL);

	free(text);
	return v;
}

size_t count_lines(const struct run_place *p, const char *name)
{
	char *text = get_place_file(p, name);
	size_t n = 0;

	for (const char *c = text; *c != '\0'; c++)
		n += *c == '\n';
	free(text);
	return n;
}

void put_spec(const struct run_place *p, const char *spec)
{
	char path[HELP_PATH];
	char *text = strdup(spec);

	assert_non_null(text);
	for (char *c = text; *c != '\0'; c++) {
		if (*c == '\'')
			*c = '"';
	}
	put_file(place_file(p, "spec.json", path), text);
	free(text);
}

pid_t run_begin(const struct run_place *p, const char *cgroup)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	execl(DAVIT_RUN_TEST, DAVIT_RUN_TEST, "--cgroup", cgroup != NULL ? cgroup : "off",
		p->folder, p->runtime, (char *)NULL);
	_exit(99);
}

void look_again(void)
{
	static const struct timespec pause = {0, 10000000};

	nanosleep(&pause, NULL);
}

int run_end(pid_t pid)
{
	int status = -1;

	for (int i = 0; i < LOOKS; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		look_again();
	}
	kill(pid, SIGKILL);
	fail_msg("davit-run does not end");
	return -1;
}

json_t *run_spec_whole(const struct run_place *p, const char *spec)
{
	put_spec(p, spec);
	assert_int_equal(run_end(run_begin(p, NULL)), 0);
	return get_json(p, "exit.json");
}

void await_file(const struct run_place *p, const char *name)
{
	char path[HELP_PATH];

	place_file(p, name, path);
	for (int i = 0; i < LOOKS; i++) {
		if (access(path, F_OK) == 0)
			return;
		look_again();
	}
	fail_msg("%s does not appear", name);
}

void await_lines(const struct run_place *p, const char *name, size_t n)
{
	for (int i = 0; i < LOOKS; i++) {
		if (count_lines(p, name) >= n)
			return;
		look_again();
	}
	fail_msg("%s does not get %zu lines", name, n);
}

/* The state of a process as /proc tells it; 0: there is none. */
static char state_of(pid_t pid)
{
	char path[64];
	char *text;
	const char *at;
	char state;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	text = get_file(path);
	at = strrchr(text, ')');
	state = at != NULL && at[1] == ' ' ? at[2] : '\0';
	free(text);
	return state;
}

/* A zombie that the machine's first process has not fetched yet is gone too. */
void await_gone(pid_t pid)
{
	for (int i = 0; i < LOOKS; i++) {
		char state = state_of(pid);

		if (state == '\0' || state == 'Z')
			return;
		look_again();
	}
	fail_msg("process %ld is still there", (long)pid);
}

void await_stopped(pid_t pid)
{
	for (int i = 0; i < LOOKS; i++) {
		if (state_of(pid) == 'T')
			return;
		look_again();
	}
	fail_msg("process %ld does not stop", (long)pid);
}

int connect_to(const struct run_place *p, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char path[HELP_PATH];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	place_runtime(p, name, path);
	assert_in_range(strlen(path), 1, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	for (int i = 0; i < LOOKS; i++) {
		if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
			return fd;
		look_again();
	}
	fail_msg("nobody listens at %s", path);
	return -1;
}

void send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

long long int_of(const json_t *obj, const char *member)
{
	const json_t *v = json_object_get(obj, member);

	if (!json_is_integer(v))
		fail_msg("%s is no integer", member);
	return json_integer_value(v);
}

bool is_true(const json_t *obj, const char *member)
{
	return json_is_true(json_object_get(obj, member));
}
