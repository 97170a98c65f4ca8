/* What there is: names in a folder, where a file stands, where we stand ourselves. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "platform/fs.h"

#define NAMES_FIRST 16

struct names {
	char **names;
	size_t n, cap, limit;
};

static bool add_name(struct names *l, const char *name, struct fail *f)
{
	char *copy;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return true;
	if (l->n == l->limit)
		return fail_set(f, FAIL_TOO_LARGE, "has more than %zu entries", l->limit);
	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? NAMES_FIRST : l->cap * 2;
		char **grown = realloc(l->names, cap * sizeof(*grown));

		if (grown == NULL)
			return fail_errno(f, ENOMEM, "list");
		l->names = grown;
		l->cap = cap;
	}
	copy = strdup(name);
	if (copy == NULL)
		return fail_errno(f, ENOMEM, "list");
	l->names[l->n++] = copy;
	return true;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

bool fs_names(const char *path, size_t limit, char ***ret_names, size_t *ret_n, struct fail *f)
{
	struct names l = {.limit = limit};
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool good = true;

	if (dir == NULL)
		return fail_errno(f, errno, "open folder %s", path);
	while (good && (entry = readdir(dir)) != NULL) /* NOLINT(concurrency-mt-unsafe): own DIR */
		good = add_name(&l, entry->d_name, f);
	closedir(dir);
	if (!good) {
		fs_names_free(l.names, l.n);
		return fail_wrap(f, "folder %s", path);
	}
	if (l.n > 0)
		qsort(l.names, l.n, sizeof(*l.names), by_text);
	*ret_names = l.names;
	*ret_n = l.n;
	return true;
}

void fs_names_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

bool fs_folder_of(char *folder, size_t size, const char *path, struct fail *f)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX], real[PATH_MAX];
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);

	if (n >= sizeof(parent))
		return fail_errno(f, ENAMETOOLONG, "%s", path);
	memcpy(parent, path, n);
	parent[n] = '\0';
	if (slash == path)
		snprintf(parent, sizeof(parent), "/");
	if (realpath(slash == NULL ? "." : parent, real) == NULL)
		return fail_errno(f, errno, "folder of %s", path);
	if ((size_t)snprintf(folder, size, "%s", real) >= size)
		return fail_errno(f, ENAMETOOLONG, "folder of %s", path);
	return true;
}

bool fs_own_program(char *path, size_t size, struct fail *f)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);

	if (n < 0)
		return fail_errno(f, errno, "path of this program");
	path[n] = '\0';
	if ((size_t)n == size - 1)
		return fail_errno(f, ENAMETOOLONG, "path of this program");
	return true;
}

bool fs_exists(const char *path)
{
	return access(path, F_OK) == 0;
}
