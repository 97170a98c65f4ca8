/* sha256 - digests over bytes and files, by OpenSSL. [any thread] */
#ifndef HOST_BASE_SHA256_H
#define HOST_BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES    32
#define SHA256_HEX_SIZE 65

struct fail;
struct sha256; /* a digest in the making */

struct sha256 *sha256_begin(void); /* NULL: out of memory */
void sha256_add(struct sha256 *s, const void *bytes, size_t n);
void sha256_end(struct sha256 *s, uint8_t digest[SHA256_BYTES]); /* frees s */

void sha256_of(const void *bytes, size_t n, uint8_t digest[SHA256_BYTES]);
void sha256_hex(const uint8_t digest[SHA256_BYTES], char hex[SHA256_HEX_SIZE]);

/* The digest of all bytes of the open file fd, from its start. */
bool sha256_of_fd(int fd, char hex[SHA256_HEX_SIZE], struct fail *f);

#endif
