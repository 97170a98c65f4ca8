/* The open bytes of one call. */
#include "provider/call_blobs.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "process/process.h"
#include "provider/codes.h"
#include "provider/http_answer.h"
#include "store/blobs.h"

#define PLACE_BITS 8
#define MORE       (CALL_BLOBS_MAX - CALL_BLOBS_MANY)

void call_blob_close(struct call_blob *b)
{
	uint32_t uses = b->uses;

	if (b->kind == CALL_BLOB_FILE && b->fd >= 0)
		(void)close(b->fd);
	else if (b->kind == CALL_BLOB_WRITER)
		blob_abandon(b->writer);
	else if (b->kind == CALL_BLOB_STREAM)
		process_response_close(b->stream);
	else if (b->kind == CALL_BLOB_ANSWER)
		http_answer_close(b->answer);
	*b = (struct call_blob){.uses = uses, .fd = -1};
}

static struct call_blob *find_free(struct call_blob *places, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (places[i].kind == CALL_BLOB_NONE)
			return &places[i];
	}
	return NULL;
}

/* A free place, and its number from 1 on; NULL: there is none. */
static struct call_blob *take_place(struct call_blobs *all, uint64_t *ret_number)
{
	struct call_blob *place = find_free(all->first, CALL_BLOBS_MANY);

	if (place != NULL) {
		*ret_number = (uint64_t)(place - all->first) + 1;
		return place;
	}
	if (all->more == NULL)
		all->more = calloc(MORE, sizeof(*all->more));
	if (all->more == NULL)
		return NULL;
	place = find_free(all->more, MORE);
	if (place != NULL)
		*ret_number = (uint64_t)(place - all->more) + CALL_BLOBS_MANY + 1;
	return place;
}

/* Numbers stay below 2^53, so that every JSON reader gives them back as they are. */
davit_blob call_blobs_add(struct call_blobs *all, const struct call_blob *b)
{
	struct call_blob rest = *b;
	uint64_t number = 0;
	struct call_blob *place = take_place(all, &number);
	uint32_t uses;

	if (place == NULL) {
		call_blob_close(&rest);
		return 0;
	}
	uses = place->uses + 1;
	*place = *b;
	place->uses = uses;
	return (uint64_t)uses << PLACE_BITS | number;
}

struct call_blob *call_blobs_find(struct call_blobs *all, davit_blob handle)
{
	uint64_t number = handle & ((1u << PLACE_BITS) - 1);
	uint64_t uses = handle >> PLACE_BITS;
	struct call_blob *b = NULL;

	if (number > 0 && number <= CALL_BLOBS_MANY)
		b = &all->first[number - 1];
	else if (number > 0 && number <= CALL_BLOBS_MAX && all->more != NULL)
		b = &all->more[number - 1 - CALL_BLOBS_MANY];
	return b != NULL && b->kind != CALL_BLOB_NONE && b->uses == uses ? b : NULL;
}

bool call_blobs_none(const struct call_blobs *all)
{
	for (size_t i = 0; i < CALL_BLOBS_MANY; i++) {
		if (all->first[i].kind != CALL_BLOB_NONE)
			return false;
	}
	return all->more == NULL;
}

void call_blobs_finish(struct call_blobs *all)
{
	for (size_t i = 0; i < CALL_BLOBS_MANY; i++)
		call_blob_close(&all->first[i]);
	for (size_t i = 0; all->more != NULL && i < MORE; i++)
		call_blob_close(&all->more[i]);
	free(all->more);
	all->more = NULL;
}

int call_blob_fd(const struct call_blob *b)
{
	if (b->kind == CALL_BLOB_FILE)
		return b->fd;
	return b->kind == CALL_BLOB_WRITER ? blob_writer_fd(b->writer) : -1;
}

static int32_t read_stream(struct call_blob *b, uint64_t offset, void *bytes, size_t cap,
	size_t *ret_n, struct fail *f)
{
	size_t n;

	if (offset != b->position) {
		(void)fail_set(f, FAIL_INVALID, "a stream is read once and in order");
		return DAVIT_INVALID;
	}
	if (!process_response_read(b->stream, bytes, cap, &n, f))
		return codes_of_fail(f->code);
	b->position += n;
	*ret_n = n;
	return DAVIT_OK;
}

bool call_blob_whole(const struct call_blob *b, size_t max)
{
	if (b->kind == CALL_BLOB_ANSWER)
		return http_answer_whole(b->answer, max);
	return b->kind == CALL_BLOB_STREAM && process_response_whole(b->stream, max);
}

bool call_blob_bytes(const struct call_blob *b, const char **ret_bytes, size_t *ret_n)
{
	if (b->kind == CALL_BLOB_ANSWER)
		return http_answer_bytes(b->answer, ret_bytes, ret_n);
	if (b->kind != CALL_BLOB_MEMORY)
		return false;
	*ret_bytes = b->bytes;
	*ret_n = b->n;
	return true;
}

static size_t copy_some(const char *all, size_t all_n, uint64_t offset, void *bytes, size_t cap)
{
	size_t left = offset < all_n ? all_n - (size_t)offset : 0;
	size_t n = left < cap ? left : cap;

	if (n > 0)
		memcpy(bytes, all + offset, n);
	return n;
}

int32_t call_blob_read(struct call_blob *b, uint64_t offset, void *bytes, size_t cap, size_t *ret_n,
	struct fail *f)
{
	const char *all;
	size_t all_n;
	ssize_t n;

	if (b->kind == CALL_BLOB_STREAM)
		return read_stream(b, offset, bytes, cap, ret_n, f);
	if (call_blob_bytes(b, &all, &all_n)) {
		*ret_n = copy_some(all, all_n, offset, bytes, cap);
		return DAVIT_OK;
	}
	if (b->kind == CALL_BLOB_ANSWER)
		return http_answer_read(b->answer, &b->position, offset, bytes, cap, ret_n, f);
	if (offset > INT64_MAX) {
		*ret_n = 0;
		return DAVIT_OK;
	}
	if (cap > SSIZE_MAX)
		cap = SSIZE_MAX;
	do
		n = pread(call_blob_fd(b), bytes, cap, (off_t)offset);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		(void)fail_set(f, FAIL_INTERNAL, "read a blob: %s", strerrordesc_np(errno));
		return DAVIT_INTERNAL;
	}
	*ret_n = (size_t)n;
	return DAVIT_OK;
}
