/*
 * call_blobs - the bytes a call has open: files, memory, blobs being written, answers that stream
 * in. A handle is the place and how often it was used, so that one that was closed is never taken
 * for another. [the thread of the call]
 */
#ifndef HOST_PROVIDER_CALL_BLOBS_H
#define HOST_PROVIDER_CALL_BLOBS_H

#include <davit/abi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALL_BLOBS_MAX  64
#define CALL_BLOBS_MANY 2 /* most calls have no more */

struct blob_writer;
struct http_answer;
struct process_response;

enum call_blob_kind {
	CALL_BLOB_NONE,
	CALL_BLOB_FILE,   /* fd: a regular file that is not ours to write */
	CALL_BLOB_MEMORY, /* bytes that outlive the call */
	CALL_BLOB_WRITER, /* being written; readable meanwhile */
	CALL_BLOB_STREAM, /* comes in once, in order */
	CALL_BLOB_ANSWER  /* of another machine: in memory, or a stream */
};

struct call_blob {
	enum call_blob_kind kind;
	uint32_t uses;
	int fd;
	const char *bytes; /* n of them, in memory */
	size_t n;
	bool sealed; /* a file named by digest */
	bool given;  /* the worker has a descriptor of it */
	char digest[65];
	struct blob_writer *writer;
	struct process_response *stream;
	struct http_answer *answer;
	uint64_t written;  /* by the writer */
	uint64_t position; /* of the stream */
};

/* All zero: none. A place stays where it is while the call runs. */
struct call_blobs {
	struct call_blob first[CALL_BLOBS_MANY];
	struct call_blob *more; /* the others, once one is needed */
};

/* Takes over what *b holds; 0 when all places are taken (and then b is closed). */
davit_blob call_blobs_add(struct call_blobs *all, const struct call_blob *b);

/* The open blob of a handle, or NULL. */
struct call_blob *call_blobs_find(struct call_blobs *all, davit_blob handle);

/* Is none open? */
bool call_blobs_none(const struct call_blobs *all);

void call_blobs_finish(struct call_blobs *all);

/* Closes what b holds; the place keeps its count of uses. */
void call_blob_close(struct call_blob *b);

/* Up to cap bytes at offset; *ret_n = 0 at the end. Returns a DAVIT_ code. */
struct fail;
bool call_blob_whole(const struct call_blob *b, size_t max);
int32_t call_blob_read(struct call_blob *b, uint64_t offset, void *bytes, size_t cap, size_t *ret_n,
	struct fail *f);

/* What lies in memory: its bytes, borrowed; false for all others. */
bool call_blob_bytes(const struct call_blob *b, const char **ret_bytes, size_t *ret_n);

/* A descriptor that reads its bytes from the start, borrowed; -1 for a stream, and for bytes in
 * memory. */
int call_blob_fd(const struct call_blob *b);

#endif
