/* place - see place.h. */
#include "place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "platform/fs.h"

static const char *variable(const char *name)
{
	const char *value = getenv(name); // NOLINT(concurrency-mt-unsafe): nobody changes it

	return value != NULL ? value : "";
}

bool place_user_site(char path[PATH_MAX], struct fail *f)
{
	const char *data = variable("XDG_DATA_HOME");
	const char *home = variable("HOME");
	int n;

	if (data[0] == '/')
		n = snprintf(path, PATH_MAX, "%s/davit", data);
	else if (home[0] == '/')
		n = snprintf(path, PATH_MAX, "%s/.local/share/davit", home);
	else
		return fail_set(f, FAIL_INVALID,
			"neither HOME nor XDG_DATA_HOME names a folder: give one with --data");
	return n < PATH_MAX ||
	       fail_set(f, FAIL_INVALID, "the path of the user's data folder is too long");
}

const char *place_default_host(void)
{
	static char host[PATH_MAX + 64];
	char site[PATH_MAX];

	if (access(PLACE_SYSTEM_SOCKET, F_OK) != 0 && place_user_site(site, NULL)) {
		(void)snprintf(host, sizeof(host), "unix://%s/davitd.sock", site);
		if (access(host + strlen("unix://"), F_OK) == 0)
			return host;
	}
	return "unix://" PLACE_SYSTEM_SOCKET;
}

static bool is_program(const char *path)
{
	return access(path, X_OK) == 0;
}

/* Folders from that of this program: a build's, an install's. */
static const char *const beside[] = {"davitd", "../host/davitd", "../sbin/davitd"};

static bool in_path(char path[PATH_MAX])
{
	const char *list = variable("PATH");

	while (*list != '\0') {
		size_t n = strcspn(list, ":");

		if (n > 0 && snprintf(path, PATH_MAX, "%.*s/davitd", (int)n, list) < PATH_MAX &&
			is_program(path))
			return true;
		list += list[n] == ':' ? n + 1 : n;
	}
	return false;
}

bool place_davitd(char path[PATH_MAX], struct fail *f)
{
	char own[PATH_MAX];
	char folder[PATH_MAX];

	if (!fs_own_program(own, sizeof(own), f) || !fs_folder_of(folder, sizeof(folder), own, f))
		return false;
	for (size_t i = 0; i < COUNT(beside); i++) {
		if (fs_join(path, PATH_MAX, folder, beside[i], NULL) && is_program(path))
			return true;
	}
	return in_path(path) ||
	       fail_set(f, FAIL_NOT_FOUND,
		       "davitd is neither beside %s nor in PATH: is the package installed whole?",
		       own);
}
