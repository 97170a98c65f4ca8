/*
 * Fuzz target: files of rows that the command line reads. The input is one byte of options,
 * one that says where the bytes are cut in two, and the file.
 *
 * Each row must be JSON, in CSV an array or an object as was asked for; and how the bytes come
 * changes nothing.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/fail.h"
#include "rows.h"

#define OUT_MAX ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

/* A number may be one that this machine has no room for. */
static void check_row(const char *text, size_t n, const struct rows_options *options)
{
	json_error_t error;
	json_t *v = json_loadb(text, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

	must(v != NULL || json_error_code(&error) == json_error_numeric_overflow);
	if (v != NULL && options->format == ROWS_CSV)
		must(options->objects ? json_is_object(v) : json_is_array(v));
	json_decref(v);
}

/* Each piece is read alone. */
static int fd_with(const uint8_t *p, size_t n, size_t cut)
{
	int ends[2];

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	cut = cut < n ? cut : 0;
	must(cut == 0 || send(ends[1], p, cut, 0) == (ssize_t)cut);
	must(n == cut || send(ends[1], p + cut, n - cut, 0) == (ssize_t)(n - cut));
	must(close(ends[1]) == 0);
	return ends[0];
}

/* All rows, and the failure that ended them. */
static void read_all(const struct rows_options *options, int fd, struct buf *out, struct fail *f)
{
	struct rows *rows = rows_open(fd, options, f);
	size_t at = 0;
	int got = 0;

	while (rows != NULL && (got = rows_next(rows, out, f)) == 1) {
		must(!out->failed && out->n > at);
		check_row(out->p + at, out->n - at, options);
		at = out->n;
	}
	must(rows == NULL || got < 0 ? f->text[0] != '\0' : f->code == FAIL_NONE);
	rows_close(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const exclude[] = {"label", "0"};
	struct rows_options options = {0};
	struct fail f[2] = {{0}, {0}};
	struct buf out[2];

	if (size < 2 || size > 65536)
		return 0;
	options.format = data[0] & 1 ? ROWS_JSONL : ROWS_CSV;
	options.header = (enum rows_header)((data[0] >> 1) % 3);
	options.objects = (data[0] & 8) != 0;
	options.exclude = exclude;
	options.exclude_count = (data[0] >> 4) % 3;
	for (size_t i = 0; i < 2; i++) {
		buf_init(&out[i], OUT_MAX);
		read_all(&options, fd_with(data + 2, size - 2, i * data[1]), &out[i], &f[i]);
	}
	must(out[0].n == out[1].n && (out[0].n == 0 || memcmp(out[0].p, out[1].p, out[0].n) == 0));
	must(f[0].code == f[1].code && strcmp(f[0].text, f[1].text) == 0);
	buf_finish(&out[0]);
	buf_finish(&out[1]);
	return 0;
}
