/*
 * crypto - digests, keyed digests and signatures by name, through OpenSSL. A name is a word of
 * davit/host.h and case counts; an unknown one is FAIL_UNSUPPORTED. No function keeps anything of
 * a key, and no sentence of a failure has any of it. [any thread]
 */
#ifndef HOST_SECRET_CRYPTO_H
#define HOST_SECRET_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fail;

#define CRYPTO_DIGEST_MAX    64             /* bytes of the longest digest */
#define CRYPTO_SIGNATURE_MAX ((size_t)1024) /* bytes of the longest signature: RSA, 8192 bits */
#define CRYPTO_PEM_MAX       ((size_t)64 * 1024) /* bytes of a private key */

/* "sha256", "sha384", "sha512", "sha1", "md5", "crc32c" (4 bytes, the highest first). */
bool crypto_digest(const char *algorithm, const void *data, size_t n,
	uint8_t digest[CRYPTO_DIGEST_MAX], size_t *ret_n, struct fail *f);

/* "sha256", "sha1". */
bool crypto_hmac(const char *algorithm, const void *key, size_t key_n, const void *data, size_t n,
	uint8_t digest[CRYPTO_DIGEST_MAX], size_t *ret_n, struct fail *f);

/* "RS256", "ES256" with an unencrypted private key in PEM. ES256 gives r and s, 32 bytes each.
 * FAIL_INVALID: pem is no private key, or one of another sort. */
bool crypto_sign(const char *algorithm, const void *pem, size_t pem_n, const void *data, size_t n,
	uint8_t signature[CRYPTO_SIGNATURE_MAX], size_t *ret_n, struct fail *f);

/* The bytes behind "base64" (with or without '=', also the alphabet of URLs; white space is passed
 * over) or "hex". bytes has room for n; *ret_n of them are written. FAIL_INVALID. */
bool crypto_decode(const char *encoding, const char *text, size_t n, uint8_t *bytes, size_t *ret_n,
	struct fail *f);

/* In the same time for all contents. */
bool crypto_equal(const void *a, size_t a_n, const void *b, size_t b_n);

/* Overwrites p, whatever the compiler thinks of it. NULL with 0 is fine. */
void crypto_cleanse(void *p, size_t n);

#endif
