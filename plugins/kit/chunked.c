/* Lengths and lines of aws-chunked. */
#include "kit/chunked.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SIGNATURE (strlen(";chunk-signature=") + 64)
#define TRAILER   (strlen("x-amz-trailer-signature:") + 64 + 2)
#define BYTES_MAX (UINT64_C(1) << 53)

static uint64_t line_length(uint64_t bytes, bool is_signed)
{
	uint64_t n = 1;

	for (; bytes > 15; bytes >>= 4)
		n++;
	return n + (is_signed ? SIGNATURE : 0) + 2;
}

uint64_t chunked_length(uint64_t bytes, uint64_t chunk, size_t lines, bool is_signed)
{
	uint64_t whole, rest, n;

	if (chunk == 0 || bytes > BYTES_MAX || chunk > BYTES_MAX || lines > BYTES_MAX)
		return 0;
	whole = bytes / chunk;
	rest = bytes % chunk;
	n = bytes + whole * (line_length(chunk, is_signed) + 2);
	if (rest > 0)
		n += line_length(rest, is_signed) + 2;
	n += line_length(0, is_signed) + lines + 2;
	return n + (is_signed && lines > 0 ? TRAILER : 0);
}

size_t chunked_line(char line[CHUNKED_LINE_MAX], uint64_t bytes, const char *signature)
{
	int n = snprintf(line, CHUNKED_LINE_MAX, "%" PRIx64 "%s%.64s\r\n", bytes,
		signature != NULL ? ";chunk-signature=" : "", signature != NULL ? signature : "");

	return n > 0 ? (size_t)n : 0;
}
