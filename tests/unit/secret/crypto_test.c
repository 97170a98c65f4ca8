/* Tests of crypto and member by the vectors of RFC 4231, RFC 2202, RFC 3720 and RFC 7515. */
#include "secret/crypto.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "secret/member.h"
#include "unit/cmocka.h"
#include "unit/secret/rfc7515.h"

static const char *hex(const uint8_t *bytes, size_t n)
{
	static char text[2 * CRYPTO_DIGEST_MAX + 1];

	for (size_t i = 0; i < n; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return text;
}

static void digests_are_the_published_ones(void **state)
{
	static const struct {
		const char *algorithm;
		const char *hex;
	} rows[] = {
		{"sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"sha384", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
			   "8086072ba1e7cc2358baeca134c825a7"},
		{"sha512", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
			   "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
		{"sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"},
		{"md5", "900150983cd24fb0d6963f7d28e17f72"},
		{"crc32c", "364b3fb7"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t digest[CRYPTO_DIGEST_MAX];
		size_t n = 0;

		assert_true(crypto_digest(rows[i].algorithm, "abc", 3, digest, &n, NULL));
		assert_string_equal(hex(digest, n), rows[i].hex);
	}
}

static void crc32c_is_that_of_rfc_3720(void **state)
{
	uint8_t zeros[32] = {0};
	uint8_t digest[CRYPTO_DIGEST_MAX];
	size_t n = 0;

	(void)state;
	assert_true(crypto_digest("crc32c", zeros, sizeof(zeros), digest, &n, NULL));
	assert_string_equal(hex(digest, n), "8a9136aa");
	memset(zeros, 0xff, sizeof(zeros));
	assert_true(crypto_digest("crc32c", zeros, sizeof(zeros), digest, &n, NULL));
	assert_string_equal(hex(digest, n), "62a8ab43");
}

static void keyed_digests_are_those_of_rfc_4231_and_2202(void **state)
{
	uint8_t key[131], digest[CRYPTO_DIGEST_MAX];
	size_t n = 0;

	(void)state;
	memset(key, 0x0b, 20);
	assert_true(crypto_hmac("sha256", key, 20, "Hi There", 8, digest, &n, NULL));
	assert_string_equal(
		hex(digest, n), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	assert_true(crypto_hmac("sha1", key, 20, "Hi There", 8, digest, &n, NULL));
	assert_string_equal(hex(digest, n), "b617318655057264e28bc0b6fb378c8ef146be00");
	assert_true(crypto_hmac(
		"sha256", "Jefe", 4, "what do ya want for nothing?", 28, digest, &n, NULL));
	assert_string_equal(
		hex(digest, n), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	assert_true(crypto_hmac("sha256", key, sizeof(key),
		"Test Using Larger Than Block-Size Key - Hash Key First", 54, digest, &n, NULL));
	assert_string_equal(
		hex(digest, n), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void an_empty_key_or_text_is_fine(void **state)
{
	uint8_t digest[CRYPTO_DIGEST_MAX];
	size_t n = 0;

	(void)state;
	assert_true(crypto_hmac("sha256", NULL, 0, NULL, 0, digest, &n, NULL));
	assert_string_equal(
		hex(digest, n), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
	assert_true(crypto_digest("md5", NULL, 0, digest, &n, NULL));
	assert_string_equal(hex(digest, n), "d41d8cd98f00b204e9800998ecf8427e");
}

static void unknown_algorithms_are_unsupported(void **state)
{
	uint8_t bytes[CRYPTO_SIGNATURE_MAX];
	struct fail f = {0};
	size_t n = 0;

	(void)state;
	assert_false(crypto_digest("SHA256", "", 0, bytes, &n, &f));
	assert_int_equal(f.code, FAIL_UNSUPPORTED);
	assert_string_equal(f.text, "there is no digest 'SHA256'");
	assert_false(crypto_hmac("md5", "", 0, "", 0, bytes, &n, &f));
	assert_int_equal(f.code, FAIL_UNSUPPORTED);
	assert_false(crypto_sign("HS256", "", 0, "", 0, bytes, &n, &f));
	assert_int_equal(f.code, FAIL_UNSUPPORTED);
}

/* --- signatures --- */

static void signing_input(const char *head, char text[256])
{
	(void)snprintf(text, 256, "%s.%s", head, rfc7515_payload);
}

static void rs256_gives_the_signature_of_rfc_7515(void **state)
{
	uint8_t signature[CRYPTO_SIGNATURE_MAX], wanted[sizeof(rfc7515_rs256)];
	char text[256];
	size_t n = 0, wanted_n = 0;

	(void)state;
	signing_input("eyJhbGciOiJSUzI1NiJ9", text);
	assert_true(crypto_sign("RS256", rfc7515_rsa_pem, strlen(rfc7515_rsa_pem), text,
		strlen(text), signature, &n, NULL));
	assert_true(crypto_decode(
		"base64", rfc7515_rs256, strlen(rfc7515_rs256), wanted, &wanted_n, NULL));
	assert_int_equal(n, wanted_n);
	assert_memory_equal(signature, wanted, n);
}

/* It is another one each time, so the public key of the example says whether it is good. */
static bool verifies(const uint8_t *signature, const char *text)
{
	BIO *bio = BIO_new_mem_buf(rfc7515_ec_public, -1);
	EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	ECDSA_SIG *sig = ECDSA_SIG_new();
	unsigned char *der = NULL;
	int n, ok;

	ECDSA_SIG_set0(sig, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL));
	n = i2d_ECDSA_SIG(sig, &der);
	ok = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	     EVP_DigestVerify(ctx, der, (size_t)n, (const unsigned char *)text, strlen(text)) == 1;
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	BIO_free(bio);
	return ok;
}

static void es256_gives_r_and_s_that_the_key_of_rfc_7515_verifies(void **state)
{
	uint8_t signature[CRYPTO_SIGNATURE_MAX];
	char text[256];
	size_t n = 0;

	(void)state;
	signing_input("eyJhbGciOiJFUzI1NiJ9", text);
	for (int i = 0; i < 50; i++) { /* some r or s is short now and then */
		assert_true(crypto_sign("ES256", rfc7515_ec_pem, strlen(rfc7515_ec_pem), text,
			strlen(text), signature, &n, NULL));
		assert_int_equal(n, 64);
		assert_true(verifies(signature, text));
	}
	signature[5] ^= 1;
	assert_false(verifies(signature, text));
}

static void the_wrong_sort_of_key_is_refused_without_a_word_of_it(void **state)
{
	static const struct {
		const char *algorithm;
		const char *pem;
	} rows[] = {
		{"RS256", rfc7515_ec_pem},
		{"ES256", rfc7515_rsa_pem},
		{"ES256", rfc7515_other_curve},
		{"ES256", rfc7515_ec_public},
		{"RS256", "hunter2hunter2"},
		{"RS256", ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t signature[CRYPTO_SIGNATURE_MAX];
		struct fail f = {0};
		size_t n = 0;

		assert_false(crypto_sign(rows[i].algorithm, rows[i].pem, strlen(rows[i].pem), "", 0,
			signature, &n, &f));
		assert_int_equal(f.code, FAIL_INVALID);
		assert_null(strstr(f.text, "hunter2"));
		assert_non_null(strstr(f.text, "PEM"));
	}
}

/* --- texts --- */

static void encodings_are_undone(void **state)
{
	static const struct {
		const char *encoding;
		const char *text;
		const char *bytes; /* NULL: refused */
	} rows[] = {
		{"base64", "", ""},
		{"base64", "Zg==", "f"},
		{"base64", "Zm8=", "fo"},
		{"base64", "Zm8", "fo"},
		{"base64", "Zm9v\r\nYmFy\n", "foobar"},
		{"base64", "_-8=", "\xff\xef"},
		{"base64", "/+8=", "\xff\xef"},
		{"base64", "Z", NULL},
		{"base64", "Zm9v=A", NULL},
		{"base64", "Zm9===", NULL},
		{"base64", "Zm9*", NULL},
		{"hex", "4aFf", "J\xff"},
		{"hex", "4a4", NULL},
		{"hex", "4g", NULL},
		{"rot13", "abc", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t bytes[64];
		struct fail f = {0};
		size_t n = 0;
		bool ok = crypto_decode(
			rows[i].encoding, rows[i].text, strlen(rows[i].text), bytes, &n, &f);

		assert_int_equal(ok, rows[i].bytes != NULL);
		if (ok) {
			assert_int_equal(n, strlen(rows[i].bytes));
			assert_memory_equal(bytes, rows[i].bytes, n);
		} else {
			assert_int_equal(f.code, FAIL_INVALID);
		}
	}
}

static void a_member_is_found_or_refused_without_a_word_of_the_text(void **state)
{
	static const char json[] = "{\"a\":{\"b/c\":[\"hunter2\"]},\"n\":7,\"nil\":null}";
	char *text = NULL;
	struct fail f = {0};
	size_t n = 0;

	(void)state;
	assert_true(member_text(json, strlen(json), "/a/b~1c/0", &text, &n, &f));
	assert_string_equal(text, "hunter2");
	assert_int_equal(n, 7);
	free(text);
	assert_false(member_text(json, strlen(json), "/x", &text, &n, &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
	assert_false(member_text(json, strlen(json), "/nil", &text, &n, &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
	assert_false(member_text(json, strlen(json), "/n", &text, &n, &f));
	assert_int_equal(f.code, FAIL_INVALID);
	assert_false(member_text("hunter2", 7, "/n", &text, &n, &f));
	assert_int_equal(f.code, FAIL_INVALID);
	assert_null(strstr(f.text, "hunter2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_are_the_published_ones),
		cmocka_unit_test(crc32c_is_that_of_rfc_3720),
		cmocka_unit_test(keyed_digests_are_those_of_rfc_4231_and_2202),
		cmocka_unit_test(an_empty_key_or_text_is_fine),
		cmocka_unit_test(unknown_algorithms_are_unsupported),
		cmocka_unit_test(rs256_gives_the_signature_of_rfc_7515),
		cmocka_unit_test(es256_gives_r_and_s_that_the_key_of_rfc_7515_verifies),
		cmocka_unit_test(the_wrong_sort_of_key_is_refused_without_a_word_of_it),
		cmocka_unit_test(encodings_are_undone),
		cmocka_unit_test(a_member_is_found_or_refused_without_a_word_of_the_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
