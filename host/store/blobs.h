/*
 * blobs - sealed bytes by their SHA-256, in files below data_dir/blobs. [any thread]
 */
#ifndef HOST_STORE_BLOBS_H
#define HOST_STORE_BLOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sha256.h"

struct blob_writer;
struct blobs;
struct fail;

struct blobs *blobs_open(const char *data_dir, struct fail *f); /* sweeps unfinished ones */
void blobs_close(struct blobs *b);

/* A new blob to be written by one thread; ends with seal or abandon. */
struct blob_writer *blob_begin(struct blobs *b, struct fail *f);
bool blob_write(struct blob_writer *w, const void *bytes, size_t n, struct fail *f);
/* Makes it durable under its digest and frees w, also on failure. */
bool blob_seal(struct blob_writer *w, char ret_digest[SHA256_HEX_SIZE], struct fail *f);
void blob_abandon(struct blob_writer *w); /* NULL is fine */

/* What was written so far, for reading at any offset; valid until seal or abandon. */
int blob_writer_fd(const struct blob_writer *w);

/* Seals all bytes of an open file, by reference where the file system can. */
bool blob_import_fd(struct blobs *b, int fd, char ret_digest[SHA256_HEX_SIZE], struct fail *f);

/* A descriptor for reading a sealed blob; FAIL_NOT_FOUND, FAIL_INVALID for a bad digest. As
 * sealing its bytes again would, it makes the blob young. */
bool blob_open(struct blobs *b, const char *digest, int *ret_fd, struct fail *f);

/*
 * Deletes the sealed blobs that keep(digest, ctx) does not want and that are older than age_ms:
 * sealed, or opened, that long ago. A reader that has one open keeps it. The counts are of all
 * blobs, bytes of the deleted ones. false: a folder could not be read.
 */
bool blobs_delete(struct blobs *b, int64_t age_ms, bool (*keep)(const char *digest, void *ctx),
	void *ctx, size_t *ret_deleted, size_t *ret_kept, uint64_t *ret_bytes, struct fail *f);

#endif
