/*
 * fs - files and folders where durability and safety matter. Paths are UTF-8. [any thread]
 */
#ifndef HOST_PLATFORM_FS_H
#define HOST_PLATFORM_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fail;

/* Joins dir and name with one slash; false (FAIL_INVALID) when it does not fit. */
bool fs_join(char *path, size_t size, const char *dir, const char *name, struct fail *f);

/* Makes a folder and its parents, mode 0700 for what is new; a folder that is there is fine. */
bool fs_mkdirs(const char *path, struct fail *f);

/* Writes a whole file: temporary file, fsync, rename, fsync of the folder. Mode 0600. After
 * success it survives a crash; readers see the old or the new content, never a part. */
bool fs_write_durable(const char *path, const void *bytes, size_t n, struct fail *f);

/* Reads a whole file of at most limit bytes, NUL added; the caller frees *ret_bytes.
 * FAIL_NOT_FOUND where there is none. */
bool fs_read(const char *path, size_t limit, char **ret_bytes, size_t *ret_n, struct fail *f);

struct fs_named {
	size_t limit;   /* bytes of the whole file */
	bool only_ours; /* refuse one that others may use, or that another user but root owns */
};

/*
 * Reads a file whose absolute path the site or a manifest gives, NUL added; the caller frees
 * *ret_bytes. A regular file, or a link to one that stays below its folder. The sentence has
 * neither path nor content: "it is not there". FAIL_NOT_FOUND, FAIL_FORBIDDEN, FAIL_TOO_LARGE.
 */
bool fs_read_named(const char *path, const struct fs_named *how, char **ret_bytes, size_t *ret_n,
	struct fail *f);

/* Deletes a folder with all in it, following no links; true also where there is none. */
bool fs_remove_tree(const char *path, struct fail *f);

bool fs_sync_dir(const char *path, struct fail *f);

/* A set of files to be written; what is borrowed stays the caller's. */
struct fs_placing {
	const char *const *names; /* relative paths */
	size_t count;
	/* Opens the bytes of file i; *ret_fd is closed afterwards. */
	bool (*open)(void *ctx, size_t i, int *ret_fd, struct fail *f);
	void *ctx;
	/* In the names that files have until all are whole; random, so that nobody else has it. */
	uint64_t mark;
};

/*
 * Writes files into a folder ("": root itself) below root, making folders on the way: all of
 * them, durable, or none, as far as others leave them alone; after a crash in between there may
 * be some. Follows no links, refuses "..", and overwrites nothing: FAIL_CONFLICT names what is
 * there. Folders that were made stay.
 */
bool fs_place_beneath(
	const char *root, const char *folder, const struct fs_placing *what, struct fail *f);

/* Deletes what a crash within fs_place_beneath() left under names of its own; open of what is not
 * called. Good also where nothing is left, or the folder is not there. */
bool fs_place_tidy(
	const char *root, const char *folder, const struct fs_placing *what, struct fail *f);

/*
 * Opens for reading the file that name leads to below the folder root: relative, no "..",
 * no link on the way, a regular file. Descriptor (close-on-exec) in *ret_fd. FAIL_NOT_FOUND,
 * FAIL_FORBIDDEN.
 */
bool fs_open_beneath(const char *root, const char *name, int *ret_fd, struct fail *f);

/* Calls each(name, bytes, ctx) for every regular file below root/path, names relative to
 * root/path, in byte order, no links followed. FAIL_NOT_FOUND; FAIL_FORBIDDEN for a path that
 * leads out of root; FAIL_TOO_LARGE, before any call, where there are more than limit files or
 * folders nest too deep; false also when each returned false, which ends the walk. */
bool fs_walk(const char *root, const char *path, size_t limit,
	bool (*each)(const char *name, uint64_t bytes, void *ctx), void *ctx, struct fail *f);

/* The names in a folder but "." and "..", in byte order; FAIL_NOT_FOUND where there is none,
 * FAIL_TOO_LARGE past limit. The caller gives them to fs_names_free(). */
bool fs_names(const char *path, size_t limit, char ***ret_names, size_t *ret_n, struct fail *f);
void fs_names_free(char **names, size_t n); /* NULL is fine */

/* Writes the folder a file stands in, absolute and without links; the folder must be there. */
bool fs_folder_of(char *folder, size_t size, const char *path, struct fail *f);

/* Writes the path of the running program. */
bool fs_own_program(char *path, size_t size, struct fail *f);

/* Is there something at path (a link to nothing is nothing)? */
bool fs_exists(const char *path);

/* Copies all bytes of an open file to path (mode 0600), durable; by reference where the file
 * system can. path appears whole or not at all; FAIL_CONFLICT where it exists already. */
bool fs_copy_fd(int fd, const char *path, struct fail *f);

#endif
