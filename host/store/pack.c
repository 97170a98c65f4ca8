/* pack - see pack.h. */
#include "store/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "platform/fs.h"
#include "store/blobs.h"

#define MAGIC      "davit-folder/1\n"
#define MAGIC_SIZE (sizeof(MAGIC) - 1)
#define FILES_MAX  10000
#define LINE_SIZE  64

enum {
	PIECE = 64 * 1024
};

/* --- writing --- */

struct packing {
	struct blob_writer *to;
	const char *root;
	const char *folder;
	char *piece;
	struct fail fail; /* ours is the better reason */
};

static bool pack_bytes(struct packing *p, int fd, const char *name, uint64_t left)
{
	while (left > 0) {
		size_t most = left < PIECE ? (size_t)left : PIECE;
		ssize_t n = read(fd, p->piece, most);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(&p->fail, errno, "read '%.300s'", name);
		if (n == 0)
			return fail_set(&p->fail, FAIL_CONFLICT,
				"'%.300s' was changed while it was read; try again", name);
		if (!blob_write(p->to, p->piece, (size_t)n, &p->fail))
			return false;
		left -= (uint64_t)n;
	}
	return true;
}

static bool pack_open(struct packing *p, int fd, const char *name)
{
	char line[LINE_SIZE];
	struct stat st;
	int n;

	if (fstat(fd, &st) != 0)
		return fail_errno(&p->fail, errno, "read '%.300s'", name);
	n = snprintf(line, sizeof(line), "%c %" PRIu64 " %zu\n",
		(st.st_mode & S_IXUSR) != 0 ? 'x' : '-', (uint64_t)st.st_size, strlen(name));
	return blob_write(p->to, line, (size_t)n, &p->fail) &&
	       blob_write(p->to, name, strlen(name), &p->fail) &&
	       pack_bytes(p, fd, name, (uint64_t)st.st_size);
}

static bool pack_file(const char *name, uint64_t bytes, void *ctx)
{
	struct packing *p = ctx;
	char path[PATH_MAX];
	bool good;
	int fd;

	(void)bytes;
	if (!fs_join(path, sizeof(path), p->folder, name, &p->fail))
		return false;
	if (!fs_open_beneath(p->root, path, &fd, &p->fail)) {
		good = p->fail.code == FAIL_NOT_FOUND; /* deleted meanwhile: fine */
		if (good)
			p->fail = (struct fail){0};
		return good;
	}
	good = pack_open(p, fd, name);
	close(fd);
	return good;
}

bool pack_folder(struct blob_writer *to, const char *root, const char *folder, struct fail *f)
{
	struct packing p = {.to = to, .root = root, .folder = folder, .piece = malloc(PIECE)};
	bool good;

	if (p.piece == NULL)
		return fail_errno(f, ENOMEM, "read a folder");
	good = blob_write(to, MAGIC, MAGIC_SIZE, f) &&
	       fs_walk(root, folder, FILES_MAX, pack_file, &p, f);
	if (!good && p.fail.code != FAIL_NONE)
		*f = p.fail;
	free(p.piece);
	return good;
}

/* --- reading --- */

static bool bad(struct fail *f)
{
	return fail_set(f, FAIL_INVALID, "this is not a folder that was sealed");
}

/* Reads n bytes at `at`, or what there is of them. */
static bool read_at(int fd, void *bytes, size_t n, uint64_t at, size_t *ret_n, struct fail *f)
{
	ssize_t got;

	do
		got = pread(fd, bytes, n, (off_t)at);
	while (got < 0 && errno == EINTR);
	*ret_n = got < 0 ? 0 : (size_t)got;
	return got >= 0 || fail_errno(f, errno, "read a folder that was sealed");
}

/* The line at `at`; *ret_next is where its name begins. */
static bool read_line(int fd, uint64_t at, struct pack_file *file, size_t *ret_name_n,
	uint64_t *ret_next, struct fail *f)
{
	char line[LINE_SIZE];
	char *end;
	size_t n = 0;

	if (!read_at(fd, line, sizeof(line) - 1, at, &n, f))
		return false;
	line[n] = '\0';
	end = strchr(line, '\n');
	if (end == NULL || (line[0] != 'x' && line[0] != '-') || line[1] != ' ')
		return bad(f);
	*ret_next = at + (uint64_t)(end - line) + 1;
	file->executable = line[0] == 'x';
	file->bytes = strtoull(line + 2, &end, 10);
	*ret_name_n = strtoul(end, &end, 10);
	return (*end == '\n' && *ret_name_n > 0 && *ret_name_n < PATH_MAX) || bad(f);
}

static bool read_file(int fd, uint64_t *at, uint64_t size, char name[PATH_MAX],
	struct pack_file *file, struct fail *f)
{
	size_t name_n = 0, n = 0;
	uint64_t next = 0;

	if (!read_line(fd, *at, file, &name_n, &next, f) || !read_at(fd, name, name_n, next, &n, f))
		return false;
	name[n] = '\0';
	file->name = name;
	file->at = next + name_n;
	if (n != name_n || strlen(name) != n || file->at > size || file->bytes > size - file->at)
		return bad(f);
	*at = file->at + file->bytes;
	return true;
}

bool pack_each(int fd,
	bool (*each)(void *ctx, int fd, const struct pack_file *file, struct fail *f), void *ctx,
	struct fail *f)
{
	char magic[MAGIC_SIZE];
	char name[PATH_MAX];
	uint64_t at = MAGIC_SIZE;
	struct pack_file file = {0};
	struct stat st;
	size_t n = 0;

	if (fstat(fd, &st) != 0 || !read_at(fd, magic, MAGIC_SIZE, 0, &n, f))
		return fail_errno(f, errno, "read a folder that was sealed");
	if (n != MAGIC_SIZE || memcmp(magic, MAGIC, MAGIC_SIZE) != 0)
		return bad(f);
	while (at < (uint64_t)st.st_size) {
		if (!read_file(fd, &at, (uint64_t)st.st_size, name, &file, f) ||
			!each(ctx, fd, &file, f))
			return false;
	}
	return true;
}

/* --- extracting --- */

static bool write_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, bytes, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		bytes += done;
		n -= (size_t)done;
	}
	return true;
}

static bool extract_bytes(int from, int to, const struct pack_file *file, struct fail *f)
{
	char *piece = malloc(PIECE);
	uint64_t done = 0;
	bool good = piece != NULL || fail_errno(f, ENOMEM, "write %s", file->name);

	while (good && done < file->bytes) {
		uint64_t left = file->bytes - done;
		size_t n = 0;

		good = read_at(from, piece, left < PIECE ? (size_t)left : PIECE, file->at + done,
			       &n, f) &&
		       (n > 0 || bad(f)) &&
		       (write_all(to, piece, n) || fail_errno(f, errno, "write %s", file->name));
		done += n;
	}
	free(piece);
	return good;
}

bool pack_extract(int fd, const struct pack_file *file, const char *path, struct fail *f)
{
	mode_t mode = file->executable ? 0700 : 0600;
	int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	bool good;

	if (to < 0 && errno == EEXIST)
		return fail_set(f, FAIL_CONFLICT, "'%.300s' is there already", file->name);
	if (to < 0)
		return fail_errno(f, errno, "write %s", file->name);
	good = extract_bytes(fd, to, file, f);
	if (close(to) != 0 && good)
		good = fail_errno(f, errno, "write %s", file->name);
	return good;
}
