/* SHA-256 through OpenSSL's EVP. Without the digest there is nothing to trust: abort. */
#include "base/sha256.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fail.h"

#define READ_BYTES 16384

struct sha256 {
	EVP_MD_CTX *ctx;
};

static void must(int worked)
{
	if (worked != 1)
		abort();
}

struct sha256 *sha256_begin(void)
{
	struct sha256 *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->ctx = EVP_MD_CTX_new();
	if (s->ctx == NULL) {
		free(s);
		return NULL;
	}
	must(EVP_DigestInit_ex(s->ctx, EVP_sha256(), NULL));
	return s;
}

void sha256_add(struct sha256 *s, const void *bytes, size_t n)
{
	must(EVP_DigestUpdate(s->ctx, bytes, n));
}

void sha256_end(struct sha256 *s, uint8_t digest[SHA256_BYTES])
{
	must(EVP_DigestFinal_ex(s->ctx, digest, NULL));
	EVP_MD_CTX_free(s->ctx);
	free(s);
}

void sha256_of(const void *bytes, size_t n, uint8_t digest[SHA256_BYTES])
{
	must(EVP_Digest(bytes, n, digest, NULL, EVP_sha256(), NULL));
}

void sha256_hex(const uint8_t digest[SHA256_BYTES], char hex[SHA256_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < SHA256_BYTES; i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[SHA256_HEX_SIZE - 1] = '\0';
}

/* Reads by position, so that the descriptor's own one stays. */
static bool add_file(struct sha256 *s, int fd, struct fail *f)
{
	char bytes[READ_BYTES];
	off_t at = 0;

	for (;;) {
		ssize_t n = pread(fd, bytes, sizeof(bytes), at);

		if (n == 0)
			return true;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(f, errno, "read");
		sha256_add(s, bytes, (size_t)n);
		at += n;
	}
}

bool sha256_of_fd(int fd, char hex[SHA256_HEX_SIZE], struct fail *f)
{
	struct sha256 *s = sha256_begin();
	uint8_t digest[SHA256_BYTES];
	bool worked;

	if (s == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	worked = add_file(s, fd, f);
	sha256_end(s, digest);
	if (worked)
		sha256_hex(digest, hex);
	return worked;
}
