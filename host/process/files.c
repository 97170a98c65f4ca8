/* Reading in the folder of a process: its log, and the files the command made. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/utf8.h"
#include "platform/fs.h"
#include "process/internal.h"
#include "run/joblog_view.h"
#include "run/spec.h"

#define FILES_MAX 10000

/* The limit the log was written with. */
static int64_t log_bytes_of(const struct processes *p, const char *name)
{
	json_t *v = process_read(p, name, RUN_SPEC);
	struct run_spec spec = {.log_bytes = 8 << 20};

	if (v != NULL && !run_spec_read(v, &spec, NULL))
		spec.log_bytes = 8 << 20;
	json_decref(v);
	return spec.log_bytes;
}

/* "log@123": what was printed from that byte on. */
static bool is_log_from(const char *path, uint64_t *ret_from)
{
	static const char prefix[] = "log@";
	const char *digits = path + sizeof(prefix) - 1;

	if (strncmp(path, prefix, sizeof(prefix) - 1) != 0 || digits[0] == '\0' ||
		strlen(digits) > 18 || strspn(digits, "0123456789") != strlen(digits))
		return false;
	*ret_from = strtoull(digits, NULL, 10);
	return true;
}

bool process_open_file(
	struct processes *p, const char *name, const char *path, int *ret_fd, struct fail *f)
{
	char folder[PATH_MAX];
	uint64_t from;

	if (!process_need(p, name, f) || !process_path(p, name, "", folder, f))
		return false;
	if (is_log_from(path, &from))
		return joblog_from(folder, from, ret_fd, f);
	if (strcmp(path, "log") == 0)
		return joblog_view(folder, log_bytes_of(p, name), ret_fd, f);
	return fs_open_beneath(folder, path, ret_fd, f);
}

static bool is_text(const char *path)
{
	size_t n = strlen(path);

	while (n > 0) {
		size_t length = utf8_length(path, n);

		if (length == 0)
			return false;
		path += length;
		n -= length;
	}
	return true;
}

/* JSON cannot name a file whose name is no text: nobody could ask for it. */
static bool add_item(const char *path, uint64_t bytes, void *ctx)
{
	json_t *item;

	if (!is_text(path))
		return true;
	item = json_pack("{s:s, s:I}", "path", path, "bytes", (json_int_t)bytes);
	return item != NULL && json_array_append_new(ctx, item) == 0;
}

bool process_list_files(
	struct processes *p, const char *name, const char *path, json_t **ret_list, struct fail *f)
{
	char folder[PATH_MAX];
	json_t *items, *list;

	if (!process_need(p, name, f) || !process_path(p, name, "", folder, f))
		return false;
	items = json_array();
	if (items == NULL || !fs_walk(folder, path, FILES_MAX, add_item, items, f)) {
		json_decref(items);
		return items != NULL ? false : fail_errno(f, ENOMEM, "list files");
	}
	list = json_pack("{s:o}", "items", items);
	if (list == NULL)
		return fail_errno(f, ENOMEM, "list files");
	*ret_list = list;
	return true;
}
