/*
 * Filling the folder of a process before it starts: copies of blobs, of files of other
 * processes, of what the site lets callers name, and texts. Names come from outside: where a
 * file goes is checked here, where it comes from is opened by fs_open_beneath().
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/json.h"
#include "platform/fs.h"
#include "process/internal.h"
#include "run/spec.h"
#include "store/blobs.h"
#include "store/pack.h"

#define FILES_MAX 10000 /* of one input */
#define NOTE_MAX  200   /* bytes of a caller's text in a note */

struct input {
	const char *blob;
	const char *text;
	const char *process;
	const char *path;
	const char *import;
	const char *folder;
	const char *as;
	bool executable;
	bool optional;
};

#define TEXT(member, way) JSON_FIELD_TEXT(struct input, member, way)
#define BOOL(member)      JSON_FIELD_BOOL(struct input, member, JSON_IN)

static const struct json_field input_fields[] = {
	TEXT(blob, JSON_IN),
	TEXT(text, JSON_IN),
	TEXT(process, JSON_IN),
	TEXT(path, JSON_IN),
	TEXT(import, JSON_IN),
	TEXT(folder, JSON_IN),
	TEXT(as, JSON_IN | JSON_NEED),
	BOOL(executable),
	BOOL(optional),
};

/* --- form --- */

/* Files of the supervision, which no input may take the place of. */
static bool is_reserved(const char *as)
{
	static const char *const names[] = {RUN_SPEC, RUN_STOP, RUN_LOCK, RUN_STARTED, RUN_EXIT,
		RUN_MESSAGES, RUN_PROGRESS, RUN_BIN, RUN_OUTPUTS, RUN_USERS, RUN_TMP, RUN_ROOM,
		RUN_SOCKETS, "log"};
	size_t n = strcspn(as, "/");

	for (size_t i = 0; i < COUNT(names); i++) {
		if (strlen(names[i]) == n && strncmp(names[i], as, n) == 0)
			return true;
	}
	return strncmp(as, "log.", 4) == 0;
}

static bool check_input(const struct input *in, const char *pointer, struct fail *f)
{
	int sources = (in->blob != NULL) + (in->text != NULL) + (in->process != NULL) +
	              (in->import != NULL) + (in->folder != NULL);

	if (sources != 1)
		return fail_at(f, FAIL_INVALID, pointer,
			"give one of blob, text, process, folder and import");
	if (!run_path_valid(in->as) || is_reserved(in->as))
		return fail_at(f, FAIL_INVALID, pointer,
			"\"as\" must be a relative path that is not the supervisor's own");
	if ((in->process != NULL) != (in->path != NULL))
		return fail_at(f, FAIL_INVALID, pointer, "process and path go together");
	if (in->process != NULL && (!process_name_valid(in->process) || !run_path_valid(in->path)))
		return fail_at(f, FAIL_INVALID, pointer, "there is no such file of a process");
	if (in->optional && in->import == NULL)
		return fail_at(f, FAIL_INVALID, pointer, "only an import can be optional");
	return true;
}

static bool read_input(const json_t *v, size_t at, struct input *ret, struct fail *f)
{
	char pointer[40];

	*ret = (struct input){0};
	snprintf(pointer, sizeof(pointer), "/inputs/%zu", at);
	return run_object_read(v, pointer, input_fields, COUNT(input_fields), ret, f) &&
	       check_input(ret, pointer, f);
}

bool inputs_check(const json_t *inputs, struct fail *f)
{
	struct input in;
	const json_t *v;
	size_t i;

	json_array_foreach(inputs, i, v)
	{
		if (!read_input(v, i, &in, f))
			return false;
	}
	return true;
}

/* --- copying --- */

struct target {
	struct processes *p;
	char folder[PATH_MAX];
	struct fail *f;
};

static bool target_path(const struct target *t, const char *as, char path[PATH_MAX])
{
	return fs_join(path, PATH_MAX, t->folder, as, t->f);
}

/* Makes one folder. Its name is on the disk once the folder it is in is synced: that of the
 * process is before spec.json, one further in is here. */
static bool make_folder(const struct target *t, const char *as)
{
	char path[PATH_MAX];
	char *slash;

	if (!target_path(t, as, path))
		return false;
	if (mkdir(path, 0700) != 0)
		return errno == EEXIST || fail_errno(t->f, errno, "make folder %s", as);
	if (strchr(as, '/') == NULL)
		return true;
	slash = strrchr(path, '/');
	*slash = '\0';
	return fs_sync_dir(path, t->f);
}

/* Makes the folders on the way to as; as itself too if whole. */
static bool make_folders(const struct target *t, const char *as, bool whole)
{
	char part[PATH_MAX];

	for (size_t i = 1; as[i - 1] != '\0'; i++) {
		if (as[i] != '/' && !(whole && as[i] == '\0'))
			continue;
		if (i >= sizeof(part))
			return fail_set(t->f, FAIL_INVALID, "the path %.80s… is too long", as);
		memcpy(part, as, i);
		part[i] = '\0';
		if (!make_folder(t, part))
			return false;
		if (as[i] == '\0')
			break;
	}
	return true;
}

static bool make_executable(const struct target *t, const char *path)
{
	return chmod(path, 0700) == 0 || fail_errno(t->f, errno, "make %s executable", path);
}

/* Copies an open file; closes it. */
static bool put_fd(const struct target *t, int fd, const char *as, bool executable)
{
	char path[PATH_MAX];
	struct stat st;
	bool good = make_folders(t, as, false) && target_path(t, as, path) &&
	            fs_copy_fd(fd, path, t->f);

	if (good && (executable || (fstat(fd, &st) == 0 && (st.st_mode & S_IXUSR) != 0)))
		good = make_executable(t, path);
	close(fd);
	return good;
}

static bool put_text(const struct target *t, const struct input *in)
{
	char path[PATH_MAX];

	return make_folders(t, in->as, false) && target_path(t, in->as, path) &&
	       fs_write_durable(path, in->text, strlen(in->text), t->f) &&
	       (!in->executable || make_executable(t, path));
}

static bool put_blob(const struct target *t, const struct input *in)
{
	int fd;

	return blob_open(t->p->options.blobs, in->blob, &fd, t->f) &&
	       put_fd(t, fd, in->as, in->executable);
}

struct unpacking {
	const struct target *t;
	const char *as;
};

static bool put_packed(void *ctx, int fd, const struct pack_file *file, struct fail *f)
{
	const struct unpacking *u = ctx;
	char as[PATH_MAX], path[PATH_MAX];

	if (!run_path_valid(file->name))
		return fail_set(f, FAIL_INVALID, "a folder that was sealed has a bad name in it");
	return fs_join(as, sizeof(as), u->as, file->name, f) && make_folders(u->t, as, false) &&
	       target_path(u->t, as, path) && pack_extract(fd, file, path, f);
}

static bool put_folder(const struct target *t, const struct input *in)
{
	struct unpacking u = {t, in->as};
	bool good;
	int fd;

	if (!blob_open(t->p->options.blobs, in->folder, &fd, t->f))
		return false;
	good = pack_each(fd, put_packed, &u, t->f);
	close(fd);
	return good && make_folders(t, in->as, true);
}

struct tree {
	const struct target *t;
	const char *root; /* the folder name leads from */
	const char *name;
	const char *as;
	struct fail fail; /* ours is the better reason */
	bool failed;
};

static bool put_tree_file(const char *file, uint64_t bytes, void *ctx)
{
	struct tree *tree = ctx;
	struct target inner = *tree->t;
	char from[PATH_MAX], as[PATH_MAX];
	int fd;

	(void)bytes; /* it may have grown meanwhile: what is there is copied */
	inner.f = &tree->fail;
	tree->failed = true;
	if (!fs_join(from, sizeof(from), tree->name, file, inner.f) ||
		!fs_join(as, sizeof(as), tree->as, file, inner.f))
		return false;
	if (!fs_open_beneath(tree->root, from, &fd, inner.f)) {
		tree->failed = tree->fail.code != FAIL_NOT_FOUND; /* deleted meanwhile: fine */
		return !tree->failed;
	}
	tree->failed = !put_fd(&inner, fd, as, false);
	return !tree->failed;
}

/* Copies the file or folder that name leads to below root. FAIL_NOT_FOUND, FAIL_FORBIDDEN. */
static bool put_tree(const struct target *t, const char *root, const char *name, const char *as)
{
	struct tree tree = {.t = t, .root = root, .name = name, .as = as};
	int fd;

	if (fs_open_beneath(root, name, &fd, NULL))
		return put_fd(t, fd, as, false);
	if (!fs_walk(root, name, FILES_MAX, put_tree_file, &tree, t->f))
		return tree.failed ? fail_set(t->f, tree.fail.code, "%s", tree.fail.text) : false;
	return make_folders(t, as, true);
}

static bool put_process(const struct target *t, const struct input *in)
{
	char root[PATH_MAX];

	return process_need(t->p, in->process, t->f) &&
	       process_path(t->p, in->process, "", root, t->f) &&
	       put_tree(t, root, in->path, in->as);
}

/* --- imports --- */

/* What follows root in an absolute name below it; a relative name is below any root. */
static const char *below_root(const char *root, const char *name)
{
	size_t n = strlen(root);

	if (name[0] != '/')
		return name;
	while (n > 0 && root[n - 1] == '/')
		n--;
	return strncmp(root, name, n) == 0 && name[n] == '/' ? name + n + 1 : NULL;
}

static bool is_absent(const struct fail *f)
{
	return f->code == FAIL_NOT_FOUND || f->code == FAIL_FORBIDDEN;
}

static bool import_from(const struct target *t, const struct input *in)
{
	fail_set(t->f, FAIL_NOT_FOUND, "there is nothing of that name that may be imported");
	for (size_t i = 0; i < t->p->options.import_root_count; i++) {
		const char *root = t->p->options.import_roots[i];
		const char *name = below_root(root, in->import);

		if (name == NULL || !run_path_valid(name))
			continue;
		if (put_tree(t, root, name, in->as))
			return true;
		if (!is_absent(t->f))
			return false;
	}
	return false;
}

/* The caller's text as one harmless line. */
static bool add_note(json_t *notes, const char *name)
{
	struct buf line;
	json_t *note;

	buf_init(&line, NOTE_MAX + 200);
	buf_text(&line, "[davit: there is no folder \"");
	for (size_t i = 0; i < NOTE_MAX && name[i] != '\0'; i++)
		buf_add(&line, (unsigned char)name[i] < 0x20 || name[i] == 0x7f ? "?" : name + i,
			1);
	buf_text(&line, "\" below the import roots of this site; it starts with an empty one]");
	note = line.failed ? NULL : json_text_any(line.p, line.n);
	buf_finish(&line);
	return json_array_append_new(notes, note) == 0;
}

static bool put_import(const struct target *t, const struct input *in, json_t *notes)
{
	if (import_from(t, in))
		return true;
	if (!in->optional || !is_absent(t->f))
		return fail_wrap(t->f, "import %.80s", in->import);
	if (!add_note(notes, in->import))
		return fail_errno(t->f, ENOMEM, "import");
	return make_folders(t, in->as, true);
}

/* --- all of them --- */

static bool put_input(const struct target *t, const struct input *in, json_t *notes)
{
	if (in->blob != NULL)
		return put_blob(t, in);
	if (in->text != NULL)
		return put_text(t, in);
	if (in->folder != NULL)
		return put_folder(t, in);
	return in->process != NULL ? put_process(t, in) : put_import(t, in, notes);
}

static bool put_inputs(const struct target *t, const json_t *inputs, json_t *notes)
{
	struct input in;
	const json_t *v;
	size_t i;

	json_array_foreach(inputs, i, v)
	{
		if (!read_input(v, i, &in, t->f))
			return false;
		if (!put_input(t, &in, notes))
			return fail_wrap(t->f, "input %zu", i);
	}
	return true;
}

/* A script that becomes the program: a link would hide from an interpreter where it lies, and
 * with that the packages beside it. */
static bool put_program(const struct target *t, const char *name, const char *program)
{
	char as[PATH_MAX], path[PATH_MAX];
	struct buf script;
	bool good;

	buf_init(&script, (size_t)4 * PATH_MAX);
	buf_text(&script, "#!/bin/sh\nexec '");
	for (const char *c = program; *c != '\0'; c++) {
		if (*c == '\'')
			buf_text(&script, "'\\''");
		else
			buf_add(&script, c, 1);
	}
	buf_text(&script, "' \"$@\"\n");
	good = !script.failed || fail_set(t->f, FAIL_INVALID, "the path of %s is too long", name);
	good = good && fs_join(as, sizeof(as), RUN_BIN, name, t->f) && target_path(t, as, path) &&
	       fs_write_durable(path, script.p, script.n, t->f) && make_executable(t, path);
	buf_finish(&script);
	return good;
}

static bool put_programs(const struct target *t, const json_t *programs)
{
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)programs, name, v)
	{
		if (!put_program(t, name, json_string_value(v)))
			return false;
	}
	return true;
}

bool inputs_make(
	struct processes *p, const char *name, const json_t *spec, json_t *notes, struct fail *f)
{
	static const char *const folders[] = {RUN_WORK, RUN_OUTPUTS, RUN_BIN};
	struct target *t = calloc(1, sizeof(*t)); /* much for a small stack */
	bool good;

	if (t == NULL) {
		fail_errno(f, ENOMEM, "make the folder");
		return false;
	}
	t->p = p;
	t->f = f;
	good = process_path(p, name, "", t->folder, f) && fs_mkdirs(t->folder, f);
	for (size_t i = 0; good && i < COUNT(folders); i++)
		good = make_folder(t, folders[i]);
	good = good && put_programs(t, json_object_get(spec, "programs")) &&
	       make_folders(t, json_text_or(spec, "cwd", RUN_WORK), true) &&
	       put_inputs(t, json_object_get(spec, "inputs"), notes) && fs_sync_dir(t->folder, f);
	free(t);
	return good;
}
