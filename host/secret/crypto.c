/*
 * By OpenSSL's EVP, but for CRC-32C, which it has not. A key is parsed for each signature: they
 * are made once per token, not per request.
 */
#include "secret/crypto.h"

#include <limits.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"

#define ES256_HALF 32

static const struct {
	const char *name;
	const EVP_MD *(*md)(void);
	bool keyed;
} digests[] = {
	{"sha256", EVP_sha256, true},
	{"sha384", EVP_sha384, false},
	{"sha512", EVP_sha512, false},
	{"sha1", EVP_sha1, true},
	{"md5", EVP_md5, false},
};

static const EVP_MD *digest_of(const char *algorithm, bool keyed)
{
	for (size_t i = 0; i < COUNT(digests); i++) {
		if (strcmp(digests[i].name, algorithm) == 0)
			return keyed && !digests[i].keyed ? NULL : digests[i].md();
	}
	return NULL;
}

static bool unsupported(const char *what, const char *algorithm, struct fail *f)
{
	return fail_set(f, FAIL_UNSUPPORTED, "there is no %s '%.40s'", what, algorithm);
}

/* --- digests --- */

/* Castagnoli, four bits at a time from the lowest, as iSCSI and object stores have it. */
static uint32_t crc32c(const uint8_t *p, size_t n)
{
	static const uint32_t steps[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
		0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6,
		0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		crc = crc >> 4 ^ steps[crc & 15];
		crc = crc >> 4 ^ steps[crc & 15];
	}
	return ~crc;
}

bool crypto_digest(const char *algorithm, const void *data, size_t n,
	uint8_t digest[CRYPTO_DIGEST_MAX], size_t *ret_n, struct fail *f)
{
	const EVP_MD *md = digest_of(algorithm, false);
	unsigned length = 0;

	if (strcmp(algorithm, "crc32c") == 0) {
		uint32_t crc = crc32c(data, n);

		for (int i = 0; i < 4; i++)
			digest[i] = (uint8_t)(crc >> (24 - 8 * i));
		*ret_n = 4;
		return true;
	}
	if (md == NULL)
		return unsupported("digest", algorithm, f);
	if (EVP_Digest(data, n, digest, &length, md, NULL) != 1)
		return fail_set(f, FAIL_INTERNAL, "the digest could not be made");
	*ret_n = length;
	return true;
}

bool crypto_hmac(const char *algorithm, const void *key, size_t key_n, const void *data, size_t n,
	uint8_t digest[CRYPTO_DIGEST_MAX], size_t *ret_n, struct fail *f)
{
	const EVP_MD *md = digest_of(algorithm, true);
	unsigned length = 0;

	if (md == NULL)
		return unsupported("keyed digest", algorithm, f);
	if (key_n > INT_MAX || HMAC(md, key_n > 0 ? key : "", (int)key_n,
				       n > 0 ? data : (const void *)"", n, digest, &length) == NULL)
		return fail_set(f, FAIL_INTERNAL, "the keyed digest could not be made");
	*ret_n = length;
	return true;
}

/* --- signatures --- */

struct signing {
	const char *name;
	int type; /* EVP_PKEY_… */
	const char *key;
	/* What OpenSSL made becomes what the algorithm is called; NULL: nothing to do. */
	bool (*shape)(uint8_t *signature, size_t *n);
};

/* DER becomes r and s of fixed length. */
static bool shape_es256(uint8_t *signature, size_t *n)
{
	const unsigned char *p = signature;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)*n);
	bool ok = sig != NULL &&
	          BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, ES256_HALF) == ES256_HALF &&
	          BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + ES256_HALF, ES256_HALF) ==
	                  ES256_HALF;

	ECDSA_SIG_free(sig);
	*n = (size_t)2 * ES256_HALF;
	return ok;
}

static const struct signing signings[] = {
	{"RS256", EVP_PKEY_RSA, "an RSA key", NULL},
	{"ES256", EVP_PKEY_EC, "a key on the curve P-256", shape_es256},
};

static bool key_fits(const EVP_PKEY *key, const struct signing *s)
{
	char group[64] = "";

	if (EVP_PKEY_get_base_id(key) != s->type)
		return false;
	if (s->type == EVP_PKEY_RSA)
		return EVP_PKEY_get_size(key) <= (int)CRYPTO_SIGNATURE_MAX;
	return EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
	       strcmp(group, SN_X9_62_prime256v1) == 0;
}

/* Nobody is there to ask for a password. */
static int no_password(char *buf, int size, int rwflag, void *ctx)
{
	(void)size;
	(void)rwflag;
	(void)ctx;
	buf[0] = '\0';
	return -1;
}

static EVP_PKEY *read_key(const void *pem, size_t n, const struct signing *s, struct fail *f)
{
	BIO *bio = n > 0 && n <= CRYPTO_PEM_MAX ? BIO_new_mem_buf(pem, (int)n) : NULL;
	EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

	BIO_free(bio);
	if (key != NULL && key_fits(key, s))
		return key;
	EVP_PKEY_free(key);
	(void)fail_set(f, FAIL_INVALID, "%s needs %s in PEM, unencrypted, and this secret is none",
		s->name, s->key);
	return NULL;
}

static bool sign_with(EVP_PKEY *key, const void *data, size_t n,
	uint8_t signature[CRYPTO_SIGNATURE_MAX], size_t *ret_n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t length = CRYPTO_SIGNATURE_MAX;
	bool ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	          EVP_DigestSign(ctx, signature, &length, data, n) == 1;

	EVP_MD_CTX_free(ctx);
	*ret_n = length;
	return ok;
}

bool crypto_sign(const char *algorithm, const void *pem, size_t pem_n, const void *data, size_t n,
	uint8_t signature[CRYPTO_SIGNATURE_MAX], size_t *ret_n, struct fail *f)
{
	const struct signing *s = NULL;
	EVP_PKEY *key;
	bool ok;

	for (size_t i = 0; i < COUNT(signings) && s == NULL; i++) {
		if (strcmp(signings[i].name, algorithm) == 0)
			s = &signings[i];
	}
	if (s == NULL)
		return unsupported("signature", algorithm, f);
	key = read_key(pem, pem_n, s, f);
	if (key == NULL)
		return false;
	ok = sign_with(key, n > 0 ? data : "", n, signature, ret_n) &&
	     (s->shape == NULL || s->shape(signature, ret_n));
	EVP_PKEY_free(key);
	return ok || fail_set(f, FAIL_INTERNAL, "the signature could not be made");
}

/* --- texts --- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool decode_hex(const char *text, size_t n, uint8_t *bytes, size_t *ret_n)
{
	if (n % 2 != 0)
		return false;
	for (size_t i = 0; i < n; i += 2) {
		int high = hex_digit(text[i]);
		int low = hex_digit(text[i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i / 2] = (uint8_t)(high * 16 + low);
	}
	*ret_n = n / 2;
	return true;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What is behind the last digit: '=' at most twice, and white space. */
static bool is_padding(const char *text, size_t n)
{
	int signs = 0;

	for (size_t i = 0; i < n; i++) {
		if (text[i] == '=')
			signs++;
		else if (!is_space(text[i]))
			return false;
	}
	return signs <= 2;
}

static bool decode_base64(const char *text, size_t n, uint8_t *bytes, size_t *ret_n)
{
	uint32_t bits = 0;
	size_t digits = 0, out = 0, i;

	for (i = 0; i < n && text[i] != '='; i++) {
		int digit = base64_digit(text[i]);

		if (is_space(text[i]))
			continue;
		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		if (digits++ % 4 != 0)
			bytes[out++] = (uint8_t)(bits >> (6 - 2 * ((digits - 1) % 4)));
	}
	*ret_n = out;
	return digits % 4 != 1 && is_padding(text + i, n - i);
}

bool crypto_decode(const char *encoding, const char *text, size_t n, uint8_t *bytes, size_t *ret_n,
	struct fail *f)
{
	bool ok;

	if (strcmp(encoding, "base64") == 0)
		ok = decode_base64(text, n, bytes, ret_n);
	else if (strcmp(encoding, "hex") == 0)
		ok = decode_hex(text, n, bytes, ret_n);
	else
		return fail_set(f, FAIL_INVALID, "there is no encoding '%.40s'", encoding);
	return ok || fail_set(f, FAIL_INVALID, "the secret is not in %s", encoding);
}

bool crypto_equal(const void *a, size_t a_n, const void *b, size_t b_n)
{
	return a_n == b_n && (a_n == 0 || CRYPTO_memcmp(a, b, a_n) == 0);
}

void crypto_cleanse(void *p, size_t n)
{
	if (n > 0)
		OPENSSL_cleanse(p, n);
}
