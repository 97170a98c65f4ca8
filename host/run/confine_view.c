/*
 * What a command sees. The system and what sites put beside it for reading; of folders that hold
 * something hidden only what is beside that; its own folder, and pieces of it for writing.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "platform/fs.h"
#include "run/child.h"
#include "run/confine.h"
#include "run/confine_parts.h"
#include "run/environment.h"
#include "run/folder.h"
#include "run/spec.h"

#define SEE     (SANDBOX_READ | SANDBOX_EXECUTE)
#define CHANGE  (SANDBOX_READ | SANDBOX_EXECUTE | SANDBOX_WRITE)
#define USE     (SANDBOX_READ | SANDBOX_WRITE | SANDBOX_DEVICE)
#define DEPTH   16   /* folders in each other on the way to what is hidden */
#define ENTRIES 512  /* of one of them; a longer one is not seen */
#define PIECES  2048 /* all together; what comes later is not seen */

/* Folders of / that are private or not files; what a command needs of them is listed below. */
static const char *const closed[] = {"/boot", "/dev", "/etc", "/home", "/lost+found", "/old_root",
	"/proc", "/root", "/run", "/sys", "/tmp", "/var"};

static const struct {
	const char *path;
	unsigned int access;
} usual[] = {
	{"/etc/alternatives", SEE},
	{"/etc/ca-certificates", SEE},
	{"/etc/ca-certificates.conf", SEE},
	{"/etc/debian_version", SEE},
	{"/etc/fonts", SEE},
	{"/etc/crypto-policies", SEE},
	{"/etc/gai.conf", SEE},
	{"/etc/group", SEE},
	{"/etc/host.conf", SEE},
	{"/etc/hostname", SEE},
	{"/etc/hosts", SEE},
	{"/etc/ld.so.cache", SEE},
	{"/etc/ld.so.conf", SEE},
	{"/etc/ld.so.conf.d", SEE},
	{"/etc/locale.alias", SEE},
	{"/etc/locale.conf", SEE},
	{"/etc/localtime", SEE},
	{"/etc/mime.types", SEE},
	{"/etc/nsswitch.conf", SEE},
	{"/etc/OpenCL", SEE},
	{"/etc/os-release", SEE},
	{"/etc/passwd", SEE},
	{"/etc/pip.conf", SEE},
	{"/etc/pki/tls", SEE},
	{"/etc/pki/ca-trust", SEE},
	{"/etc/openmpi", SEE},
	{"/etc/python3", SEE},
	{"/etc/protocols", SEE},
	{"/etc/R", SEE},
	{"/etc/resolv.conf", SEE},
	{"/etc/services", SEE},
	{"/etc/ssl/certs", SEE},
	{"/etc/ssl/openssl.cnf", SEE},
	{"/etc/terminfo", SEE},
	{"/etc/timezone", SEE},
	{"/etc/vulkan", SEE},
	{"/dev/dri", USE},
	{"/dev/full", USE},
	{"/dev/kfd", USE},
	{"/dev/null", USE},
	{"/dev/nvidia-modeset", USE},
	{"/dev/nvidia-uvm", USE},
	{"/dev/nvidia-uvm-tools", USE},
	{"/dev/nvidiactl", USE},
	{"/dev/random", USE},
	{"/dev/urandom", USE},
	{"/dev/zero", USE},
	{"/sys", SANDBOX_READ},
	{"/var/cache/fontconfig", SEE},
	{"/var/lib/ca-certificates", SEE},
};

/* --- the list --- */

struct confine_piece {
	struct confine_piece *next;
	struct sandbox_path path; /* its texts lie behind */
	char texts[];
};

static void add(struct confine *c, const char *path, unsigned int access, const char *from)
{
	size_t n = strlen(path) + 1, more = from == NULL ? 0 : strlen(from) + 1;
	struct confine_piece *made;

	if (c->count >= PIECES)
		return;
	made = malloc(sizeof(*made) + n + more);
	if (made == NULL) {
		c->failed = true;
		return;
	}
	memcpy(made->texts, path, n);
	if (from != NULL)
		memcpy(made->texts + n, from, more);
	made->path =
		(struct sandbox_path){made->texts, access, from == NULL ? NULL : made->texts + n};
	made->next = c->pieces;
	c->pieces = made;
	c->count++;
}

static void add_below(struct confine *c, const char *folder, const char *name, unsigned int access)
{
	char path[PATH_MAX];

	if (fs_join(path, sizeof(path), folder, name, NULL))
		add(c, path, access, NULL);
}

void confine_forget_paths(struct confine *c)
{
	struct confine_piece *p, *next;

	for (p = c->pieces; p != NULL; p = next) {
		next = p->next;
		free(p);
	}
	free(c->paths);
	c->pieces = NULL;
	c->paths = NULL;
	c->count = 0;
}

/* A folder before what is in it. */
static int by_path(const void *a, const void *b)
{
	const struct sandbox_path *x = a, *y = b;

	return strcmp(x->path, y->path);
}

/* --- what is hidden --- */

/* Is path folder itself, or something in it? */
static bool is_in(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	while (n > 1 && folder[n - 1] == '/')
		n--;
	return strncmp(path, folder, n) == 0 && (path[n] == '\0' || path[n] == '/' || n == 1);
}

static bool is_hidden(const struct confine *c, const char *path)
{
	const json_t *v;
	size_t i;

	json_array_foreach(c->site->hidden, i, v)
	{
		if (is_in(path, json_string_value(v)))
			return true;
	}
	return false;
}

static bool hides_some(const struct confine *c, const char *path)
{
	const json_t *v;
	size_t i;

	json_array_foreach(c->site->hidden, i, v)
	{
		if (is_in(json_string_value(v), path))
			return true;
	}
	return false;
}

static void show(struct confine *c, const char *path, unsigned int access, int depth);

static void show_entries(struct confine *c, const char *path, unsigned int access, int depth)
{
	char **names;
	size_t n;
	char entry[PATH_MAX];

	if (depth >= DEPTH || !fs_names(path, ENTRIES, &names, &n, NULL))
		return; /* not a folder, or not to be told apart: not seen */
	for (size_t i = 0; i < n; i++) {
		if (fs_join(entry, sizeof(entry), path, names[i], NULL))
			show(c, entry, access, depth + 1);
	}
	fs_names_free(names, n);
}

/* By its true name too: a link must not lead to what is hidden. */
static void show(struct confine *c, const char *path, unsigned int access, int depth)
{
	char real[PATH_MAX];

	if (realpath(path, real) == NULL || is_hidden(c, path) || is_hidden(c, real))
		return;
	if (!hides_some(c, path) && !hides_some(c, real))
		add(c, path, access, NULL);
	else if (strcmp(path, real) == 0)
		show_entries(c, path, access, depth);
}

/* --- what is seen --- */

static bool is_among(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static void see_system(struct confine *c)
{
	char path[NAME_MAX + 2] = "/";
	char **names;
	size_t n;

	if (!fs_names("/", ENTRIES, &names, &n, NULL))
		return;
	for (size_t i = 0; i < n; i++) {
		strncpy(path + 1, names[i], NAME_MAX);
		if (!is_among(closed, COUNT(closed), path) && access(path, X_OK) == 0)
			show(c, path, SEE, 0);
	}
	fs_names_free(names, n);
	for (size_t i = 0; i < COUNT(usual); i++)
		add(c, usual[i].path, usual[i].access, NULL);
	for (char device[] = "/dev/nvidia0"; device[11] <= '9'; device[11]++)
		add(c, device, USE, NULL);
}

static void see_list(struct confine *c, const json_t *list, unsigned int access)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
	{
		const char *path = json_string_value(v);

		if (path != NULL && path[0] == '/')
			show(c, path, access, 0);
	}
}

/* The folder that has bin/, and with it lib/: where a program is installed. */
static void see_installed(struct confine *c, const char *program)
{
	char folder[PATH_MAX];
	char *slash;

	if (strlen(program) >= sizeof(folder))
		return;
	memcpy(folder, program, strlen(program) + 1);
	for (int i = 0; i < 2; i++) {
		slash = strrchr(folder, '/');
		if (slash == NULL || slash == folder) {
			show(c, program, SEE, 0);
			return;
		}
		*slash = '\0';
	}
	show(c, folder, SEE, 0);
}

/* As it is named, and as it is after all links. */
static void see_programs(struct confine *c, const struct run_spec *spec)
{
	char real[PATH_MAX];
	const char *name;
	json_t *v;

	json_object_foreach(spec->programs, name, v)
	{
		see_installed(c, json_string_value(v));
		if (realpath(json_string_value(v), real) != NULL)
			see_installed(c, real);
	}
}

/* Its own folder is the supervisor's as well: what inputs made there is for writing. */
static void see_own_folders(struct confine *c, const struct child_options *o)
{
	static const char *const closed_here[] = {RUN_BIN, RUN_USERS, RUN_ROOM, RUN_SOCKETS};
	char **names;
	size_t n;

	if (!fs_names(o->folder, PIECES, &names, &n, NULL))
		return;
	for (size_t i = 0; i < n; i++) {
		struct stat st;

		if (!is_among(closed_here, COUNT(closed_here), names[i]) &&
			lstat(names[i], &st) == 0 && S_ISDIR(st.st_mode))
			add_below(c, o->folder, names[i], CHANGE);
	}
	fs_names_free(names, n);
}

static void see_own(struct confine *c, const struct child_options *o)
{
	char *prefix = o->spec->prefix == NULL ? NULL : environment_prefix(o);

	add(c, o->folder, SEE | SANDBOX_ALONE, NULL); /* the room is being built in it */
	see_own_folders(c, o);
	add_below(c, o->folder, RUN_PROGRESS, SANDBOX_READ | SANDBOX_WRITE);
	c->failed = c->failed || (o->spec->prefix != NULL && prefix == NULL);
	if (prefix != NULL)
		add(c, prefix, SEE, NULL);
	free(prefix);
}

/* Root may write to settings of the kernel there, whatever it was left of its rights. */
static unsigned int proc_access(const struct confine *c, bool in_room)
{
	bool root = geteuid() == 0 && !(in_room && c->room.uid != SANDBOX_SAME);

	return root ? SANDBOX_READ : SANDBOX_READ | SANDBOX_WRITE;
}

static void see_in_room(struct confine *c, const struct child_options *o)
{
	char from[PATH_MAX], sockets[PATH_MAX];
	char *slash;

	if (!fs_join(from, sizeof(from), o->folder, RUN_TMP, NULL))
		return;
	add(c, "/", SANDBOX_LIST, NULL);
	add(c, "/tmp", CHANGE, from);
	add(c, "/var/tmp", CHANGE, from);
	add(c, "/dev/shm", SANDBOX_READ | SANDBOX_WRITE | SANDBOX_FRESH, NULL);
	if (o->spec->serve == NULL || !fs_join(from, sizeof(from), o->folder, RUN_SOCKETS, NULL))
		return;
	snprintf(sockets, sizeof(sockets), "%s", o->socket);
	slash = strrchr(sockets, '/');
	if (slash != NULL && slash != sockets)
		*slash = '\0';
	add(c, sockets, SANDBOX_READ | SANDBOX_SOCKET | SANDBOX_REMOVE, from);
}

static void see_beside(struct confine *c, const struct child_options *o)
{
	char folder[PATH_MAX];

	add(c, "/dev/shm", SANDBOX_READ | SANDBOX_WRITE, NULL);
	if (o->spec->serve != NULL && fs_folder_of(folder, sizeof(folder), o->socket, NULL))
		add(c, folder, SANDBOX_SOCKET, NULL);
}

/* Named twice: with the rights of both, but a thing of its own in place of the machine's. */
static void join_equals(struct confine *c)
{
	size_t kept = 0;

	for (size_t i = 1; i < c->count; i++) {
		struct sandbox_path *last = &c->paths[kept], *p = &c->paths[i];

		if (strcmp(last->path, p->path) != 0) {
			c->paths[++kept] = *p;
			continue;
		}
		if (p->from != NULL)
			*last = *p;
		else if (last->from == NULL)
			last->access |= p->access;
	}
	c->count = c->count == 0 ? 0 : kept + 1;
}

static void make_list(struct confine *c)
{
	const struct confine_piece *p;
	size_t i = 0;

	c->paths = calloc(c->count + 1, sizeof(*c->paths));
	c->failed = c->failed || c->paths == NULL;
	if (c->failed)
		return;
	for (p = c->pieces; p != NULL; p = p->next)
		c->paths[i++] = p->path;
	qsort(c->paths, c->count, sizeof(*c->paths), by_path);
	join_equals(c);
}

void confine_look(struct confine *c, const struct child_options *o, bool in_room)
{
	confine_forget_paths(c);
	see_system(c);
	see_list(c, c->site->read, SEE);
	see_list(c, c->site->write, CHANGE);
	see_list(c, o->spec->read, SEE);
	see_programs(c, o->spec);
	add(c, "/proc", proc_access(c, in_room), NULL);
	see_own(c, o);
	if (in_room)
		see_in_room(c, o);
	else
		see_beside(c, o);
	make_list(c);
}
