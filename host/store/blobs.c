/*
 * blobs.c - sealed bytes as files: data_dir/blobs/ab/cdef… by digest, read-only, and those in
 * the making in data_dir/blobs/tmp. One process at a time uses the folder (the daemon holds
 * a lock on data_dir), so whatever lies in tmp at start is a rest.
 */
#include "store/blobs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/id.h"
#include "platform/fs.h"
#include "platform/thread.h"

#define YOUNG_MS INT64_C(600000) /* so young that opening one need not say so */

struct blobs {
	char root[PATH_MAX];
	char tmp[PATH_MAX];
	struct mutex lock; /* a blob gets its place, grows young, or is deleted, one at a time */
};

struct blob_writer {
	struct blobs *b; /* borrowed */
	struct sha256 *digest;
	int fd;
	bool failed; /* a write did: never seal a part */
	char path[PATH_MAX];
};

/* A failed system call, as something the machine may get over. */
static bool blob_errno(struct fail *f, int err, const char *what, const char *path)
{
	switch (err) {
	case ENOSPC:
	case EDQUOT:
		return fail_set(
			f, FAIL_UNAVAILABLE, "the disk that holds %s is full: free space", path);
	case EFBIG:
		return fail_set(f, FAIL_TOO_LARGE,
			"%s has reached the file size limit of the process (ulimit -f)", path);
	case EROFS:
	case EACCES:
		return fail_set(f, FAIL_UNAVAILABLE,
			"%s is read-only: make it writable for the user davitd runs as", path);
	default:
		return fail_errno(f, err, "%s %s", what, path);
	}
}

static bool blobs_sweep(const struct blobs *b, struct fail *f)
{
	return fs_remove_tree(b->tmp, f) && fs_mkdirs(b->tmp, f);
}

struct blobs *blobs_open(const char *data_dir, struct fail *f)
{
	struct blobs *b = calloc(1, sizeof(*b));

	if (b == NULL) {
		fail_set(f, FAIL_UNAVAILABLE, "open blobs: out of memory");
		return NULL;
	}
	if (fs_join(b->root, sizeof(b->root), data_dir, "blobs", f) &&
		fs_join(b->tmp, sizeof(b->tmp), b->root, "tmp", f) && fs_mkdirs(b->root, f) &&
		blobs_sweep(b, f)) {
		mutex_init(&b->lock);
		return b;
	}
	free(b);
	fail_wrap(f, "open blobs");
	return NULL;
}

void blobs_close(struct blobs *b)
{
	if (b != NULL)
		mutex_finish(&b->lock);
	free(b);
}

/* --- writing --- */

static bool tmp_path(const struct blobs *b, char path[PATH_MAX], struct fail *f)
{
	char name[ID_SIZE];

	id_make(name);
	return fs_join(path, PATH_MAX, b->tmp, name, f);
}

struct blob_writer *blob_begin(struct blobs *b, struct fail *f)
{
	struct blob_writer *w = calloc(1, sizeof(*w));

	if (w == NULL || (w->digest = sha256_begin()) == NULL) {
		free(w);
		fail_set(f, FAIL_UNAVAILABLE, "new blob: out of memory");
		return NULL;
	}
	w->b = b;
	w->fd = -1;
	if (!tmp_path(b, w->path, f)) {
		blob_abandon(w);
		return NULL;
	}
	w->fd = open(w->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (w->fd < 0) {
		blob_errno(f, errno, "making", w->path);
		blob_abandon(w);
		return NULL;
	}
	return w;
}

bool blob_write(struct blob_writer *w, const void *bytes, size_t n, struct fail *f)
{
	const char *p = bytes;
	size_t left = n;

	while (left > 0) {
		ssize_t got = write(w->fd, p, left);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			w->failed = true;
			return blob_errno(f, errno, "writing", w->path);
		}
		p += got;
		left -= (size_t)got;
	}
	sha256_add(w->digest, bytes, n);
	return true;
}

int blob_writer_fd(const struct blob_writer *w)
{
	return w->fd;
}

void blob_abandon(struct blob_writer *w)
{
	uint8_t unused[SHA256_BYTES];

	if (w == NULL)
		return;
	if (w->fd >= 0) {
		close(w->fd);
		unlink(w->path);
	}
	if (w->digest != NULL)
		sha256_end(w->digest, unused);
	free(w);
}

/* --- sealing --- */

static bool digest_valid(const char *digest)
{
	return strspn(digest, "0123456789abcdef") == SHA256_HEX_SIZE - 1 &&
	       digest[SHA256_HEX_SIZE - 1] == '\0';
}

/* root/ab and root/ab/cdef… of a valid digest. */
static bool sealed_path(const struct blobs *b, const char *digest, char folder[PATH_MAX],
	char path[PATH_MAX], struct fail *f)
{
	char two[3] = {digest[0], digest[1], '\0'};

	return fs_join(folder, PATH_MAX, b->root, two, f) &&
	       fs_join(path, PATH_MAX, folder, digest + 2, f);
}

/*
 * Moves a written, synced file to its place. A rename over the same content is harmless: who
 * has the old file open keeps it. Both folders are synced every time, as another thread may
 * have made what we find and not have synced it yet.
 */
static bool place(struct blobs *b, const char *tmp, const char *digest, struct fail *f)
{
	char folder[PATH_MAX];
	char path[PATH_MAX];
	bool placed;

	if (!sealed_path(b, digest, folder, path, f))
		return false;
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return blob_errno(f, errno, "making", folder);
	mutex_lock(&b->lock);
	placed = rename(tmp, path) == 0 || blob_errno(f, errno, "making", path);
	mutex_unlock(&b->lock);
	return placed && fs_sync_dir(folder, f) && fs_sync_dir(b->root, f);
}

static bool file_settle(int fd, const char *path, struct fail *f)
{
	if (fchmod(fd, 0400) != 0 || futimens(fd, NULL) != 0 || fsync(fd) != 0)
		return blob_errno(f, errno, "writing", path);
	return true;
}

bool blob_seal(struct blob_writer *w, char ret_digest[SHA256_HEX_SIZE], struct fail *f)
{
	uint8_t bytes[SHA256_BYTES];
	char digest[SHA256_HEX_SIZE];
	bool ok;

	sha256_end(w->digest, bytes);
	w->digest = NULL;
	sha256_hex(bytes, digest);
	if (w->failed)
		ok = fail_set(f, FAIL_UNAVAILABLE, "seal blob: a write to it failed before");
	else
		ok = file_settle(w->fd, w->path, f) && place(w->b, w->path, digest, f);
	if (ok)
		memcpy(ret_digest, digest, sizeof(digest));
	blob_abandon(w); /* after success its path is gone, and only memory is left to free */
	return ok;
}

/* The digest is taken of the copy: the original may change under us. */
static bool copy_seal(
	struct blobs *b, const char *tmp, char digest[SHA256_HEX_SIZE], struct fail *f)
{
	int fd = open(tmp, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool ok;

	if (fd < 0)
		return blob_errno(f, errno, "opening", tmp);
	ok = sha256_of_fd(fd, digest, f) && file_settle(fd, tmp, f) && place(b, tmp, digest, f);
	close(fd);
	return ok;
}

bool blob_import_fd(struct blobs *b, int fd, char ret_digest[SHA256_HEX_SIZE], struct fail *f)
{
	char digest[SHA256_HEX_SIZE];
	char tmp[PATH_MAX];

	if (!tmp_path(b, tmp, f) || !fs_copy_fd(fd, tmp, f))
		return false;
	if (!copy_seal(b, tmp, digest, f)) {
		unlink(tmp);
		return false;
	}
	memcpy(ret_digest, digest, sizeof(digest));
	return true;
}

/* --- reading --- */

static int64_t age_of(const struct stat *st)
{
	return clock_now_ms() -
	       ((int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000);
}

/* Whoever opens a blob may be about to refer to it. A file system that cannot say so (it is
 * read-only) cannot delete either. */
static int open_young(struct blobs *b, const char *path)
{
	struct stat st;
	int fd, err;

	mutex_lock(&b->lock);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	err = errno;
	if (fd >= 0 && fstat(fd, &st) == 0 && age_of(&st) > YOUNG_MS)
		(void)futimens(fd, NULL);
	mutex_unlock(&b->lock);
	errno = err;
	return fd;
}

bool blob_open(struct blobs *b, const char *digest, int *ret_fd, struct fail *f)
{
	char folder[PATH_MAX];
	char path[PATH_MAX];
	int fd;

	if (!digest_valid(digest))
		return fail_set(f, FAIL_INVALID,
			"a blob is named by 64 hexadecimal digits in lower case, not \"%.80s\"",
			digest);
	if (!sealed_path(b, digest, folder, path, f))
		return false;
	fd = open_young(b, path);
	if (fd < 0 && errno == ENOENT)
		return fail_set(f, FAIL_NOT_FOUND, "there is no blob %s", digest);
	if (fd < 0)
		return blob_errno(f, errno, "opening", path);
	*ret_fd = fd;
	return true;
}

/* --- deleting --- */

struct deleting {
	struct blobs *b;
	int64_t age_ms;
	bool (*keep)(const char *digest, void *ctx);
	void *ctx;
	size_t deleted;
	size_t kept;
	uint64_t bytes;
};

/* Deletes a blob that is old; whoever makes it young again does so before or finds it gone. */
static bool delete_old(struct deleting *d, int folder, const char *name)
{
	struct stat st;
	bool gone;

	mutex_lock(&d->b->lock);
	gone = fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       age_of(&st) >= d->age_ms && unlinkat(folder, name, 0) == 0;
	mutex_unlock(&d->b->lock);
	if (gone)
		d->bytes += (uint64_t)st.st_size;
	return gone;
}

/* The blobs whose digests begin with two. */
static void delete_below(struct deleting *d, const char *two, DIR *folder)
{
	char digest[SHA256_HEX_SIZE];
	const struct dirent *entry;

	while ((entry = readdir(folder)) != NULL) { /* NOLINT(concurrency-mt-unsafe): our own */
		if (strlen(entry->d_name) != SHA256_HEX_SIZE - 3)
			continue;
		(void)snprintf(digest, sizeof(digest), "%s%.62s", two, entry->d_name);
		if (!digest_valid(digest))
			continue;
		if (!d->keep(digest, d->ctx) && delete_old(d, dirfd(folder), entry->d_name))
			d->deleted++;
		else
			d->kept++;
	}
}

static bool delete_folder(struct deleting *d, unsigned first, struct fail *f)
{
	char two[3];
	char path[PATH_MAX];
	DIR *folder;

	(void)snprintf(two, sizeof(two), "%02x", first);
	if (!fs_join(path, sizeof(path), d->b->root, two, f))
		return false;
	folder = opendir(path);
	if (folder == NULL)
		return errno == ENOENT || blob_errno(f, errno, "reading", path);
	delete_below(d, two, folder);
	(void)closedir(folder);
	return true;
}

bool blobs_delete(struct blobs *b, int64_t age_ms, bool (*keep)(const char *digest, void *ctx),
	void *ctx, size_t *ret_deleted, size_t *ret_kept, uint64_t *ret_bytes, struct fail *f)
{
	struct deleting d = {.b = b, .age_ms = age_ms, .keep = keep, .ctx = ctx};
	bool good = true;

	for (unsigned first = 0; first < 256 && good; first++)
		good = delete_folder(&d, first, f);
	*ret_deleted = d.deleted;
	*ret_kept = d.kept;
	*ret_bytes = d.bytes;
	return good;
}
