/* Tests of fs: durable writes, names that try to get out, trees that others made. */
#include "platform/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "platform/posix/sys.h"
#include "support/scratch.h"
#include "unit/cmocka.h"

static char dir[SCRATCH_SIZE];

static int open_dir(void **state)
{
	(void)state;
	scratch_open(dir);
	return 0;
}

static int close_dir(void **state)
{
	(void)state;
	scratch_close(dir);
	return 0;
}

static void make_dir(const char *name)
{
	assert_int_equal(mkdir(scratch_path(dir, name), 0700), 0);
}

static void paths_are_joined_with_one_slash(void **state)
{
	static const struct {
		const char *dir, *name, *path;
	} rows[] = {
		{"/a", "b", "/a/b"},
		{"/a/", "b", "/a/b"},
		{"/a//", "/b", "/a/b"},
		{"/", "b", "/b"},
		{"", "b", "b"},
		{"a", "b/c", "a/b/c"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char path[16];

		assert_true(fs_join(path, sizeof(path), rows[i].dir, rows[i].name, NULL));
		assert_string_equal(path, rows[i].path);
	}
}

static void a_path_that_does_not_fit_is_refused(void **state)
{
	char path[8] = "before";
	struct fail f = {0};

	(void)state;
	assert_true(fs_join(path, sizeof(path), "/abc", "de", NULL));
	assert_false(fs_join(path, sizeof(path), "/abc", "def", &f));
	assert_int_equal(f.code, FAIL_INVALID);
	assert_non_null(strstr(f.text, "7 bytes"));
}

static void folders_are_made_with_their_parents(void **state)
{
	const char *path = scratch_path(dir, "m//a/b/c/");
	struct stat st;

	(void)state;
	assert_true(fs_mkdirs(path, NULL));
	assert_true(fs_mkdirs(path, NULL));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void a_file_in_the_way_of_a_folder_is_told(void **state)
{
	struct fail f = {0};

	(void)state;
	scratch_write(dir, "way", "x");
	assert_false(fs_mkdirs(scratch_path(dir, "way/a"), &f));
	assert_non_null(strstr(f.text, "Not a directory"));
	assert_false(fs_mkdirs(scratch_path(dir, "way"), &f));
	assert_false(fs_mkdirs("", &f));
	assert_int_equal(f.code, FAIL_INVALID);
}

static bool count_files(const char *name, uint64_t bytes, void *ctx)
{
	(void)name;
	(void)bytes;
	(*(int *)ctx)++;
	return true;
}

static void a_durable_write_replaces_the_whole_file(void **state)
{
	char *bytes = NULL;
	size_t n = 0;
	int files = 0;
	struct stat st;
	const char *path;

	(void)state;
	make_dir("durable");
	path = scratch_path(dir, "durable/f");
	assert_true(fs_write_durable(path, "a long first text", 17, NULL));
	assert_true(fs_write_durable(path, "a\0b", 3, NULL));
	assert_true(fs_read(path, 3, &bytes, &n, NULL));
	assert_int_equal(n, 3);
	assert_memory_equal(bytes, "a\0b\0", 4);
	free(bytes);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(fs_walk(dir, "durable", 10, count_files, &files, NULL));
	assert_int_equal(files, 1); /* the temporary one is gone */
}

static void a_failed_write_leaves_the_old_file_and_no_other(void **state)
{
	int files = 0;
	struct fail f = {0};

	(void)state;
	make_dir("target");
	make_dir("target/f"); /* a folder cannot be replaced by a file */
	assert_false(fs_write_durable(scratch_path(dir, "target/f"), "x", 1, &f));
	assert_true(fs_walk(dir, "target", 10, count_files, &files, NULL));
	assert_int_equal(files, 0);
	assert_false(fs_write_durable(scratch_path(dir, "no/folder"), "x", 1, &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
}

static void a_full_disk_is_told_as_such(void **state)
{
	struct fail f = {0};
	int from, fd = open("/dev/full", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	from = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(from >= 0);
	assert_false(sys_write(from, "x", 1));
	assert_false(fail_errno(&f, errno, "write"));
	assert_int_equal(f.code, FAIL_UNAVAILABLE);
	assert_string_equal(f.text, "write: No space left on device");
	close(from);
	close(fd);
}

static void reading_is_limited_and_wants_regular_files(void **state)
{
	static const struct {
		const char *name;
		enum fail_code code;
		const char *text;
	} rows[] = {
		{"r", FAIL_TOO_LARGE, "has more than 4 bytes"},
		{"r.fifo", FAIL_INVALID, "is not a regular file"},
		{"", FAIL_INVALID, "is not a regular file"},
		{"none", FAIL_NOT_FOUND, "No such file"},
	};

	(void)state;
	scratch_write(dir, "r", "12345");
	assert_int_equal(mkfifo(scratch_path(dir, "r.fifo"), 0600), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *bytes = NULL;
		size_t n = 0;
		struct fail f = {0};

		assert_false(fs_read(scratch_path(dir, rows[i].name), 4, &bytes, &n, &f));
		assert_int_equal(f.code, rows[i].code);
		assert_non_null(strstr(f.text, rows[i].text));
		assert_non_null(strstr(f.text, dir));
		assert_null(bytes);
	}
}

static void files_whose_size_is_not_told_are_read_whole(void **state)
{
	char *bytes = NULL;
	size_t n = 0;

	(void)state;
	assert_true(fs_read("/proc/self/status", 1 << 20, &bytes, &n, NULL));
	assert_true(n > 100);
	assert_int_equal(strlen(bytes), n);
	free(bytes);
}

static void large_files_are_read_whole(void **state)
{
	size_t n = 3000000, got = 0;
	char *bytes = malloc(n), *back = NULL;

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(i * 7);
	assert_true(fs_write_durable(scratch_path(dir, "large"), bytes, n, NULL));
	assert_true(fs_read(scratch_path(dir, "large"), n, &back, &got, NULL));
	assert_int_equal(got, n);
	assert_memory_equal(back, bytes, n);
	free(bytes);
	free(back);
}

static void a_tree_is_removed_with_all_in_it_but_not_what_links_lead_to(void **state)
{
	(void)state;
	make_dir("kept");
	scratch_write(dir, "kept/file", "x");
	make_dir("tree");
	make_dir("tree/a");
	make_dir("tree/closed");
	make_dir("tree/closed/in");
	scratch_write(dir, "tree/a/f", "x");
	assert_int_equal(symlink("../kept", scratch_path(dir, "tree/link")), 0);
	assert_int_equal(symlink("nowhere", scratch_path(dir, "tree/dangling")), 0);
	assert_int_equal(mkfifo(scratch_path(dir, "tree/fifo"), 0600), 0);
	assert_int_equal(chmod(scratch_path(dir, "tree/closed"), 0), 0);
	assert_int_equal(chmod(scratch_path(dir, "tree/a"), 0500), 0);
	assert_true(fs_remove_tree(scratch_path(dir, "tree"), NULL));
	assert_int_equal(access(scratch_path(dir, "tree"), F_OK), -1);
	assert_int_equal(access(scratch_path(dir, "kept/file"), F_OK), 0);
	assert_true(fs_remove_tree(scratch_path(dir, "tree"), NULL)); /* gone already */
}

static void a_link_is_not_a_tree(void **state)
{
	struct fail f = {0};

	(void)state;
	make_dir("real");
	scratch_write(dir, "real/file", "x");
	assert_int_equal(symlink("real", scratch_path(dir, "alias")), 0);
	assert_false(fs_remove_tree(scratch_path(dir, "alias"), &f));
	assert_int_equal(access(scratch_path(dir, "real/file"), F_OK), 0);
}

/* Makes folders, one in the other, further down than a path or our descriptors reach. */
static void make_deep(const char *path, int depth)
{
	int at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < depth; i++) {
		int next;

		assert_int_equal(mkdirat(at, "deeper-and-deeper", 0700), 0);
		next = openat(at, "deeper-and-deeper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(at);
		at = next;
	}
	close(at);
}

static void a_tree_deeper_than_any_path_is_removed(void **state)
{
	(void)state;
	make_dir("deep");
	make_deep(scratch_path(dir, "deep"), 1000);
	assert_true(fs_remove_tree(scratch_path(dir, "deep"), NULL));
	assert_int_equal(access(scratch_path(dir, "deep"), F_OK), -1);
}

struct beneath_row {
	const char *name;
	enum fail_code code;
};

static const struct beneath_row beneath_rows[] = {
	{"in", FAIL_NONE},
	{"sub/in", FAIL_NONE},
	{"sub//in", FAIL_NONE},
	{"./sub/./in", FAIL_NONE},
	{"sub/..in", FAIL_NONE},
	{"", FAIL_FORBIDDEN},
	{"..", FAIL_FORBIDDEN},
	{"../secret", FAIL_FORBIDDEN},
	{"sub/../in", FAIL_FORBIDDEN},
	{"sub/..", FAIL_FORBIDDEN},
	{"sub/../../secret", FAIL_FORBIDDEN},
	{"/etc/passwd", FAIL_FORBIDDEN},
	{"//etc/passwd", FAIL_FORBIDDEN},
	{"abs", FAIL_FORBIDDEN},         /* link to /etc/passwd */
	{"link", FAIL_FORBIDDEN},        /* link to in, which would be fine by itself */
	{"away/secret", FAIL_FORBIDDEN}, /* link to the outside in the middle */
	{"inner/in", FAIL_FORBIDDEN},    /* link to sub in the middle */
	{"fifo", FAIL_FORBIDDEN},
	{"socket", FAIL_FORBIDDEN},
	{"sub", FAIL_FORBIDDEN},
	{"sub/", FAIL_FORBIDDEN},
	{".", FAIL_FORBIDDEN},
	{"none", FAIL_NOT_FOUND},
	{"none/in", FAIL_NOT_FOUND},
	{"in/in", FAIL_NOT_FOUND},
	{"in/", FAIL_NOT_FOUND},
};

static void make_beneath(void)
{
	make_dir("root");
	make_dir("root/sub");
	scratch_write(dir, "secret", "secret");
	scratch_write(dir, "root/in", "inside");
	scratch_write(dir, "root/sub/in", "inside");
	scratch_write(dir, "root/sub/..in", "inside");
	assert_int_equal(symlink("/etc/passwd", scratch_path(dir, "root/abs")), 0);
	assert_int_equal(symlink("in", scratch_path(dir, "root/link")), 0);
	assert_int_equal(symlink("..", scratch_path(dir, "root/away")), 0);
	assert_int_equal(symlink("sub", scratch_path(dir, "root/inner")), 0);
	assert_int_equal(mkfifo(scratch_path(dir, "root/fifo"), 0600), 0);
	assert_int_equal(mknod(scratch_path(dir, "root/socket"), S_IFSOCK | 0600, 0), 0);
}

/* The bytes of a file; somebody else takes the name of ctx while they are read. */
static bool open_and_disturb(void *ctx, size_t i, int *ret_fd, struct fail *f)
{
	(void)f;
	if (i == 1 && ctx != NULL)
		scratch_write(dir, ctx, "theirs");
	*ret_fd = open(scratch_path(dir, "bytes"), O_RDONLY | O_CLOEXEC);
	return *ret_fd >= 0;
}

static size_t count_names(const char *folder)
{
	char **names;
	size_t n;

	assert_true(fs_names(scratch_path(dir, folder), 100, &names, &n, NULL));
	fs_names_free(names, n);
	return n;
}

static void a_set_of_files_is_placed_whole_or_not_at_all(void **state)
{
	static const char *const names[] = {"a", "b", "deep/c"};
	static char taken[] = "place/taken/b";
	struct fs_placing what = {names, COUNT(names), open_and_disturb, NULL, 7};
	char root[SCRATCH_SIZE + 8];
	struct fail f = {0};

	(void)state;
	snprintf(root, sizeof(root), "%s/place", dir);
	make_dir("place");
	make_dir("place/taken");
	scratch_write(dir, "bytes", "ours");
	assert_true(fs_place_beneath(root, "new//./folder", &what, NULL));
	assert_int_equal(access(scratch_path(dir, "place/new/folder/deep/c"), F_OK), 0);
	assert_int_equal(count_names("place/new/folder"), 3);
	what.ctx = taken;
	assert_false(fs_place_beneath(root, "taken", &what, &f));
	assert_int_equal(f.code, FAIL_CONFLICT);
	assert_non_null(strstr(f.text, "'b' exists already"));
	assert_int_equal(count_names("place/taken"), 2); /* theirs, and the folder deep */
	assert_int_equal(count_names("place/taken/deep"), 0);
}

static bool open_none(void *ctx, size_t i, int *ret_fd, struct fail *f)
{
	(void)ctx;
	(void)i;
	(void)ret_fd;
	return fail_set(f, FAIL_NOT_FOUND, "there are no bytes");
}

static void what_a_crash_left_unfinished_goes_and_nothing_else(void **state)
{
	static const char *const names[] = {"a", "deep/c", "gone/d"};
	static const char *const files[] = {"crash/to/.davit-0000000000000007-0",
		"crash/to/deep/.davit-0000000000000007-1", "crash/to/a", "crash/to/.davit-x",
		"crash/to/.davit-0000000000000008-0", "crash/to/.davit-0000000000000007-5"};
	struct fs_placing what = {names, COUNT(names), open_none, NULL, 7};
	char root[SCRATCH_SIZE + 8];

	(void)state;
	snprintf(root, sizeof(root), "%s/crash", dir);
	make_dir("crash");
	make_dir("crash/to");
	make_dir("crash/to/deep");
	for (size_t i = 0; i < COUNT(files); i++)
		scratch_write(dir, files[i], "x");
	assert_true(fs_place_tidy(root, "to", &what, NULL));
	for (size_t i = 0; i < COUNT(files); i++)
		assert_int_equal(access(scratch_path(dir, files[i]), F_OK) == 0, i >= 2);
	assert_true(fs_place_tidy(root, "to", &what, NULL));
	assert_true(fs_place_tidy(root, "nowhere", &what, NULL));
	assert_true(fs_place_tidy(scratch_path(dir, "nowhere"), "", &what, NULL));
}

static void files_that_were_not_begun_leave_no_folders(void **state)
{
	static const char *const names[] = {"a", "deep/c"};
	struct fs_placing what = {names, COUNT(names), open_none, NULL, 7};
	struct fail f = {0};

	(void)state;
	make_dir("bare");
	assert_false(fs_place_beneath(scratch_path(dir, "bare"), "", &what, &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
	assert_int_equal(count_names("bare"), 0);
}

static void a_name_that_is_too_long_is_the_callers_mistake(void **state)
{
	static const char *const names[] = {"a"};
	struct fs_placing what = {names, COUNT(names), open_none, NULL, 7};
	struct fail f = {0};
	char folder[301] = "";

	(void)state;
	memset(folder, 'x', sizeof(folder) - 1);
	assert_false(fs_place_beneath(dir, folder, &what, &f));
	assert_int_equal(f.code, FAIL_INVALID);
	what.names = (const char *const[]){folder};
	assert_false(fs_place_beneath(dir, "", &what, &f));
	assert_int_equal(f.code, FAIL_INVALID);
}

static void only_regular_files_below_the_root_are_opened(void **state)
{
	char root[SCRATCH_SIZE + 8];

	(void)state;
	snprintf(root, sizeof(root), "%s/root", dir);
	make_beneath();
	for (size_t i = 0; i < COUNT(beneath_rows); i++) {
		const struct beneath_row *row = &beneath_rows[i];
		int fd = -1;
		struct fail f = {0};
		char text[8] = "";

		if (fs_open_beneath(root, row->name, &fd, &f) != (row->code == FAIL_NONE))
			fail_msg("\"%s\": %s", row->name, f.text);
		if (f.code != row->code)
			fail_msg("\"%s\": %s: %s", row->name, fail_word(f.code), f.text);
		if (fd < 0)
			continue;
		assert_int_equal(read(fd, text, sizeof(text)), 6);
		assert_string_equal(text, "inside");
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
		close(fd);
	}
}

/* What old kernels get must let pass, and refuse, the same names. */
static void opening_step_by_step_agrees_with_the_kernel(void **state)
{
	int root = open(scratch_path(dir, "root"), O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_true(root >= 0);
	for (size_t i = 0; i < COUNT(beneath_rows); i++) {
		const char *name = beneath_rows[i].name;
		int a = sys_open_beneath(root, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		int a_err = a < 0 ? errno : 0;
		int b = sys_open_by_steps(root, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		int b_err = b < 0 ? errno : 0;

		if (a_err != b_err)
			fail_msg("\"%s\": at once %d, by steps %d", name, a_err, b_err);
		if (a >= 0)
			close(a);
		if (b >= 0)
			close(b);
	}
	close(root);
}

struct listing {
	char text[256];
	int left; /* how many more are wanted */
};

static bool list_file(const char *name, uint64_t bytes, void *ctx)
{
	struct listing *l = ctx;
	size_t n = strlen(l->text);

	snprintf(l->text + n, sizeof(l->text) - n, "%s:%d ", name, (int)bytes);
	return --l->left != 0;
}

static void make_walk(void)
{
	make_dir("walk");
	make_dir("walk/w");
	make_dir("walk/w/a");
	make_dir("walk/w/b");
	make_dir("walk/w/empty");
	scratch_write(dir, "walk/w/b/z", "333");
	scratch_write(dir, "walk/w/a/y", "22");
	scratch_write(dir, "walk/w/a-x", "1");
	scratch_write(dir, "walk/w/B", "");
	assert_int_equal(symlink("a", scratch_path(dir, "walk/w/link")), 0);
	assert_int_equal(symlink("B", scratch_path(dir, "walk/w/filelink")), 0);
	assert_int_equal(mkfifo(scratch_path(dir, "walk/w/fifo"), 0600), 0);
}

static void a_walk_tells_regular_files_in_byte_order(void **state)
{
	struct listing all = {.left = 100}, part = {.left = 100}, two = {.left = 2};
	struct fail f = {0};

	(void)state;
	make_walk();
	assert_true(fs_walk(scratch_path(dir, "walk"), "w", 4, list_file, &all, NULL));
	assert_string_equal(all.text, "B:0 a-x:1 a/y:2 b/z:3 ");
	assert_true(fs_walk(scratch_path(dir, "walk/w"), "", 4, list_file, &part, NULL));
	assert_string_equal(part.text, all.text);
	assert_false(fs_walk(scratch_path(dir, "walk"), "w", 4, list_file, &two, &f));
	assert_string_equal(two.text, "B:0 a-x:1 ");
}

static void a_walk_with_too_many_files_tells_none(void **state)
{
	struct listing l = {.left = 100};
	struct fail f = {0};

	(void)state;
	assert_false(fs_walk(scratch_path(dir, "walk"), "w", 3, list_file, &l, &f));
	assert_int_equal(f.code, FAIL_TOO_LARGE);
	assert_string_equal(l.text, "");
}

static void a_walk_stays_below_its_root(void **state)
{
	static const struct {
		const char *path;
		enum fail_code code;
	} rows[] = {
		{"..", FAIL_FORBIDDEN},
		{"/etc", FAIL_FORBIDDEN},
		{"w/link", FAIL_FORBIDDEN},
		{"w/../w", FAIL_FORBIDDEN},
		{"none", FAIL_NOT_FOUND},
		{"w/B", FAIL_NOT_FOUND},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct listing l = {.left = 100};
		struct fail f = {0};

		assert_false(
			fs_walk(scratch_path(dir, "walk"), rows[i].path, 9, list_file, &l, &f));
		if (f.code != rows[i].code)
			fail_msg("\"%s\": %s", rows[i].path, f.text);
		assert_string_equal(l.text, "");
	}
}

static void a_walk_that_leads_too_deep_is_refused(void **state)
{
	struct listing l = {.left = 100};
	struct fail f = {0};

	(void)state;
	make_dir("pit");
	make_deep(scratch_path(dir, "pit"), 200);
	assert_false(fs_walk(dir, "pit", 9, list_file, &l, &f));
	assert_int_equal(f.code, FAIL_TOO_LARGE);
	assert_true(fs_remove_tree(scratch_path(dir, "pit"), NULL));
}

static void names_are_told_in_byte_order_up_to_a_limit(void **state)
{
	static const char *const expected[] = {".hidden", "B", "a", "b"};
	char **names = NULL;
	size_t n = 0;
	struct fail f = {0};

	(void)state;
	make_dir("names");
	for (size_t i = 0; i < COUNT(expected); i++)
		scratch_write(scratch_path(dir, "names"), expected[COUNT(expected) - 1 - i], "");
	assert_true(fs_names(scratch_path(dir, "names"), 4, &names, &n, &f));
	assert_int_equal(n, COUNT(expected));
	for (size_t i = 0; i < n; i++)
		assert_string_equal(names[i], expected[i]);
	fs_names_free(names, n);
	fs_names_free(NULL, 0);
	assert_false(fs_names(scratch_path(dir, "names"), 3, &names, &n, &f));
	assert_int_equal(f.code, FAIL_TOO_LARGE);
	assert_false(fs_names(scratch_path(dir, "no-names"), 3, &names, &n, &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
}

static void the_folder_of_a_file_is_absolute(void **state)
{
	char folder[SCRATCH_SIZE + 16], expected[SCRATCH_SIZE + 16], small[4];
	struct fail f = {0};

	(void)state;
	make_dir("folder");
	assert_int_equal(symlink("folder", scratch_path(dir, "other")), 0);
	snprintf(expected, sizeof(expected), "%s/folder", dir);
	assert_true(fs_folder_of(folder, sizeof(folder), scratch_path(dir, "other/x"), NULL));
	assert_string_equal(folder, expected);
	assert_true(fs_folder_of(folder, sizeof(folder), "/x", NULL));
	assert_string_equal(folder, "/");
	assert_int_equal(chdir(scratch_path(dir, "folder")), 0);
	assert_true(fs_folder_of(folder, sizeof(folder), "x", NULL));
	assert_string_equal(folder, expected);
	assert_true(fs_folder_of(folder, sizeof(folder), "../other/x", NULL));
	assert_string_equal(folder, expected);
	assert_int_equal(chdir("/"), 0);
	assert_false(fs_folder_of(folder, sizeof(folder), scratch_path(dir, "none/x"), &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
	assert_false(fs_folder_of(small, sizeof(small), scratch_path(dir, "x"), NULL));
}

static void this_program_knows_its_file(void **state)
{
	char path[4096], small[4];

	(void)state;
	assert_true(fs_own_program(path, sizeof(path), NULL));
	assert_int_equal(path[0], '/');
	assert_string_equal(path + strlen(path) - strlen("/fs_test"), "/fs_test");
	assert_false(fs_own_program(small, sizeof(small), NULL));
	assert_true(fs_exists(path));
	assert_false(fs_exists(scratch_path(dir, "never-made")));
}

static void a_copy_has_all_bytes_from_the_start(void **state)
{
	size_t n = 100000, got = 0;
	char *bytes = calloc(1, n), *back = NULL;
	int fd;

	(void)state;
	assert_non_null(bytes);
	memset(bytes + 5, 'x', n - 10);
	assert_true(fs_write_durable(scratch_path(dir, "from"), bytes, n, NULL));
	fd = open(scratch_path(dir, "from"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(lseek(fd, 1000, SEEK_SET), 1000);
	assert_true(fs_copy_fd(fd, scratch_path(dir, "to"), NULL));
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 1000); /* its own place stays */
	assert_true(fs_read(scratch_path(dir, "to"), n, &back, &got, NULL));
	assert_int_equal(got, n);
	assert_memory_equal(back, bytes, n);
	close(fd);
	free(bytes);
	free(back);
}

static void a_copy_works_where_the_kernel_cannot_help(void **state)
{
	char *a = NULL, *b = NULL;
	size_t an = 0, bn = 0;
	int fd = open("/proc/version", O_RDONLY | O_CLOEXEC); /* tells no size */

	(void)state;
	assert_true(fs_copy_fd(fd, scratch_path(dir, "version"), NULL));
	close(fd);
	assert_true(fs_read("/proc/version", 4096, &a, &an, NULL));
	assert_true(fs_read(scratch_path(dir, "version"), 4096, &b, &bn, NULL));
	assert_true(an > 0);
	assert_string_equal(a, b);
	free(a);
	free(b);
}

static void a_copy_replaces_nothing(void **state)
{
	struct fail f = {0};
	char text[16];
	int fd, files = 0;

	(void)state;
	make_dir("copy");
	scratch_write(dir, "copy/there", "old");
	scratch_write(dir, "new", "new");
	fd = open(scratch_path(dir, "new"), O_RDONLY | O_CLOEXEC);
	assert_false(fs_copy_fd(fd, scratch_path(dir, "copy/there"), &f));
	assert_int_equal(f.code, FAIL_CONFLICT);
	close(fd);
	assert_true(scratch_read(dir, "copy/there", text, sizeof(text)));
	assert_string_equal(text, "old");
	assert_true(fs_walk(dir, "copy", 9, count_files, &files, NULL));
	assert_int_equal(files, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_joined_with_one_slash),
		cmocka_unit_test(a_path_that_does_not_fit_is_refused),
		cmocka_unit_test(folders_are_made_with_their_parents),
		cmocka_unit_test(a_file_in_the_way_of_a_folder_is_told),
		cmocka_unit_test(a_durable_write_replaces_the_whole_file),
		cmocka_unit_test(a_failed_write_leaves_the_old_file_and_no_other),
		cmocka_unit_test(a_full_disk_is_told_as_such),
		cmocka_unit_test(reading_is_limited_and_wants_regular_files),
		cmocka_unit_test(files_whose_size_is_not_told_are_read_whole),
		cmocka_unit_test(large_files_are_read_whole),
		cmocka_unit_test(a_tree_is_removed_with_all_in_it_but_not_what_links_lead_to),
		cmocka_unit_test(a_link_is_not_a_tree),
		cmocka_unit_test(a_tree_deeper_than_any_path_is_removed),
		cmocka_unit_test(a_set_of_files_is_placed_whole_or_not_at_all),
		cmocka_unit_test(what_a_crash_left_unfinished_goes_and_nothing_else),
		cmocka_unit_test(files_that_were_not_begun_leave_no_folders),
		cmocka_unit_test(a_name_that_is_too_long_is_the_callers_mistake),
		cmocka_unit_test(only_regular_files_below_the_root_are_opened),
		cmocka_unit_test(opening_step_by_step_agrees_with_the_kernel),
		cmocka_unit_test(a_walk_tells_regular_files_in_byte_order),
		cmocka_unit_test(a_walk_with_too_many_files_tells_none),
		cmocka_unit_test(a_walk_stays_below_its_root),
		cmocka_unit_test(a_walk_that_leads_too_deep_is_refused),
		cmocka_unit_test(names_are_told_in_byte_order_up_to_a_limit),
		cmocka_unit_test(the_folder_of_a_file_is_absolute),
		cmocka_unit_test(this_program_knows_its_file),
		cmocka_unit_test(a_copy_has_all_bytes_from_the_start),
		cmocka_unit_test(a_copy_works_where_the_kernel_cannot_help),
		cmocka_unit_test(a_copy_replaces_nothing),
	};

	return cmocka_run_group_tests(tests, open_dir, close_dir);
}
