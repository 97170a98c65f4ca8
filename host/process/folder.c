/* What the folder of a process tells, and the davit-run it is handed to. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/json.h"
#include "platform/fs.h"
#include "platform/lock.h"
#include "platform/spawn.h"
#include "process/internal.h"

#define MESSAGES_MAX 65536

bool process_name_valid(const char *name)
{
	size_t n = strspn(name, "0123456789abcdefghijklmnopqrstuvwxyz-");

	return n > 0 && n <= RUN_NAME_MAX && name[n] == '\0';
}

bool process_path(const struct processes *p, const char *name, const char *file,
	char path[PATH_MAX], struct fail *f)
{
	int n = snprintf(
		path, PATH_MAX, "%s/%s%s%s", p->root, name, file[0] == '\0' ? "" : "/", file);

	return (n > 0 && n < PATH_MAX) ||
	       fail_set(f, FAIL_INVALID, "the path of %s/%s is too long", name, file);
}

bool process_socket(const struct processes *p, const char *name, const char *suffix,
	char path[PATH_MAX], struct fail *f)
{
	int n = snprintf(path, PATH_MAX, "%s/%s%s", p->options.runtime_dir, name, suffix);

	return (n > 0 && n <= RUN_SOCKET_MAX) ||
	       fail_set(f, FAIL_INVALID,
		       "the socket %s/%s%s would have a path of more than %d bytes: use a shorter "
		       "runtime folder",
		       p->options.runtime_dir, name, suffix, RUN_SOCKET_MAX);
}

bool process_has(const struct processes *p, const char *name, const char *file)
{
	char path[PATH_MAX];

	return process_path(p, name, file, path, NULL) && access(path, F_OK) == 0;
}

bool process_locked(const struct processes *p, const char *name)
{
	char path[PATH_MAX];

	return process_path(p, name, RUN_LOCK, path, NULL) && lock_held(path);
}

bool process_need(const struct processes *p, const char *name, struct fail *f)
{
	if (!process_name_valid(name))
		return fail_set(f, FAIL_INVALID,
			"the name of a process has 1 to %d of 0-9, a-z and \"-\"", RUN_NAME_MAX);
	return process_has(p, name, RUN_SPEC) ||
	       fail_set(f, FAIL_NOT_FOUND, "there is no process %s", name);
}

json_t *process_read(const struct processes *p, const char *name, const char *file)
{
	char path[PATH_MAX];
	json_t *v;
	char *text;
	size_t n;

	if (!process_path(p, name, file, path, NULL) ||
		!fs_read(path, RUN_JSON_MAX, &text, &n, NULL))
		return NULL;
	v = json_parse(text, n, NULL);
	free(text);
	return v;
}

int process_connect(const struct processes *p, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char path[PATH_MAX];
	int fd;

	if (!process_socket(p, name, RUN_CONTROL_SUFFIX, path, NULL))
		return -1;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool spawn_in(const struct processes *p, const char *folder, int messages, struct fail *f)
{
	static const char *const env[] = {
		"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", NULL};
	const char *argv[8] = {p->options.run_program, "--cgroup", p->options.cgroup};
	size_t n = 3;

	if (p->options.sandbox != NULL) {
		argv[n++] = "--sandbox";
		argv[n++] = p->options.sandbox;
	}
	argv[n++] = folder;
	argv[n] = p->options.runtime_dir;

	return spawn_detached(argv, env, "/", messages, f);
}

/* Where davit-run's own messages go; begun anew when it got long. */
static int open_messages(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > MESSAGES_MAX && ftruncate(fd, 0) != 0)
		errno = 0; /* then it goes on growing, slowly */
	return fd;
}

bool process_spawn(struct processes *p, const char *name, struct fail *f)
{
	char folder[PATH_MAX], messages[PATH_MAX];
	bool good;
	int fd;

	if (!process_path(p, name, "", folder, f) ||
		!process_path(p, name, RUN_MESSAGES, messages, f))
		return false;
	fd = open_messages(messages);
	if (fd < 0)
		return fail_errno(f, errno, "open %s", messages);
	good = spawn_in(p, folder, fd, f);
	close(fd);
	if (good)
		watcher_add(p->watcher, name, true);
	return good || fail_wrap(f, "process %s", name);
}
