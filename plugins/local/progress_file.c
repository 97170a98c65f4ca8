/* progress_file - see progress_file.h. */
#include "progress_file.h"

#include <string.h>

#define FILE_NAME "progress.jsonl"

enum {
	PIECE_BYTES = 64 * 1024, /* read at once; a line that is longer is passed over */
	PIECES_MAX = 256,        /* of one walk */
	TREE_BYTES = 128 * 1024, /* of the values of one line */
	TREE_PER_BYTE = 64,      /* of JSON, at most */
	TREE_LEAST = 1024
};

/* What one walk needs of memory, whatever the length of the file. */
struct walk {
	struct progress_file *file;
	char *piece;
	size_t cap;
	char *tree;
	size_t tree_bytes;
	void (*see)(void *ctx, const struct progress_line *line);
	void *ctx;
};

bool progress_open(struct local_call *c, const char *name, struct progress_file *ret_file)
{
	const struct davit_sdk_services *host = c->sdk.host;
	int32_t code;

	*ret_file = (struct progress_file){.c = c};
	code = host->process->open_file(
		c->sdk.call, davit_sdk_buf(name), davit_sdk_buf(FILE_NAME), &ret_file->blob);
	if (code == DAVIT_NOT_FOUND)
		return true;
	if (code == DAVIT_OK)
		code = host->blob->length(c->sdk.call, ret_file->blob, &ret_file->length);
	return local_check(c, code) == DAVIT_OK;
}

void progress_close(struct progress_file *file)
{
	if (file->blob != 0)
		file->c->sdk.host->blob->close(file->c->sdk.call, file->blob);
	file->blob = 0;
}

static bool read_at(struct progress_file *file, uint64_t at, char *bytes, size_t max, size_t *ret_n)
{
	struct local_call *c = file->c;
	int32_t code = DAVIT_OK;
	size_t n = 1;

	for (*ret_n = 0; code == DAVIT_OK && n > 0 && *ret_n < max; *ret_n += n) {
		n = 0;
		code = c->sdk.host->blob->read(
			c->sdk.call, file->blob, at + *ret_n, bytes + *ret_n, max - *ret_n, &n);
	}
	return local_check(c, code) == DAVIT_OK;
}

static void see_line(struct walk *w, uint64_t at, const char *bytes, size_t n)
{
	struct progress_line line = {.at = at, .n = n};
	struct davit_sdk_mem mem;

	if (n < 2)
		return;
	davit_sdk_mem_buffer(&mem, w->tree, w->tree_bytes);
	line.value = davit_sdk_parse(&mem, (davit_buf){bytes, n}, NULL);
	if (line.value != NULL && line.value->kind == DAVIT_SDK_OBJECT)
		w->see(w->ctx, &line);
}

/* The lines that end in the piece of n bytes at that place; returns how many bytes they have. A
 * line that is cut off at its beginning parses as none. */
static size_t see_piece(struct walk *w, uint64_t at, size_t n)
{
	size_t done = 0;
	const char *end;

	while (done < n && (end = memchr(w->piece + done, '\n', n - done)) != NULL) {
		size_t length = (size_t)(end - w->piece) - done;

		see_line(w, at + done, w->piece + done, length);
		done += length + 1;
	}
	if (at + n >= w->file->length) { /* a last line without an end, whole or not */
		see_line(w, at + done, w->piece + done, n - done);
		done = n;
	}
	return done > 0 ? done : n;
}

static bool walk_pieces(struct walk *w, uint64_t from)
{
	uint64_t length = w->file->length;
	uint64_t all = (uint64_t)PIECES_MAX * PIECE_BYTES;
	uint64_t stride = length - from > all ? (length - from) / PIECES_MAX : 0;
	uint64_t last = length > w->cap ? length - w->cap : 0;
	size_t n;

	for (uint64_t at = from; at < length;) {
		size_t want = length - at < w->cap ? (size_t)(length - at) : w->cap;
		size_t done;

		if (!read_at(w->file, at, w->piece, want, &n))
			return false;
		if (n == 0)
			break;
		done = see_piece(w, at, n);
		if (stride == 0 || at >= last)
			at += done;
		else
			at = at + stride < last ? at + stride : last;
	}
	return true;
}

bool progress_walk(struct progress_file *file, uint64_t from,
	void (*see)(void *ctx, const struct progress_line *line), void *ctx)
{
	uint64_t left = file->length > from ? file->length - from : 0;
	struct walk w = {.file = file, .see = see, .ctx = ctx};

	if (left == 0)
		return true;
	w.cap = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
	w.tree_bytes = w.cap * TREE_PER_BYTE + TREE_LEAST;
	w.tree_bytes = w.tree_bytes < TREE_BYTES ? w.tree_bytes : TREE_BYTES;
	w.piece = local_alloc(file->c, w.cap);
	w.tree = local_alloc(file->c, w.tree_bytes);
	return w.piece != NULL && w.tree != NULL && walk_pieces(&w, from);
}

const struct davit_sdk_json *progress_again(struct progress_file *file, uint64_t at, size_t n)
{
	char *bytes = local_alloc(file->c, n);
	size_t got;

	if (bytes == NULL || !read_at(file, at, bytes, n, &got))
		return NULL;
	return davit_sdk_parse(&file->c->sdk.mem, (davit_buf){bytes, got}, NULL);
}
