/*
 * chunked - bodies with "Content-Encoding: aws-chunked": pieces with their lengths, and behind
 * them lines that say what only who sent all of it knows, such as a checksum. [any]
 */
#ifndef PLUGINS_KIT_CHUNKED_H
#define PLUGINS_KIT_CHUNKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHUNKED_LINE_MAX 100 /* bytes of the line before a chunk, NUL included */

/*
 * Content-Length of a body of so many bytes, in chunks of chunk bytes (more than 0) and a last,
 * empty one. lines: of the trailer, all "name:value\r\n" together; 0: none. With is_signed each
 * chunk has a signature, and the trailer, too. 0: more than fits.
 */
uint64_t chunked_length(uint64_t bytes, uint64_t chunk, size_t lines, bool is_signed);

/* The line before a chunk of so many bytes; signature NULL: none. Behind the chunk, if it has
 * bytes, stands "\r\n"; behind the empty one the trailer's lines and "\r\n". Returns its length. */
size_t chunked_line(char line[CHUNKED_LINE_MAX], uint64_t bytes, const char *signature);

#endif
