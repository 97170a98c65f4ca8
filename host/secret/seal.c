/*
 * A sealed value: one byte of format, four of the key's id, twelve of nonce, the ciphertext,
 * sixteen of tag. Contexts are kept with their keys, and random numbers fetched for many values at
 * once: this runs for each job that is accepted. With random nonces a key is good for 2^32 values
 * and more.
 */
#include "secret/seal.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/id.h"
#include "base/sha256.h"
#include "platform/fs.h"
#include "secret/crypto.h"

#define FORMAT   1
#define ID_BYTES 4
#define NONCE    12
#define TAG      16
#define HEAD     (1 + ID_BYTES + NONCE)
#define NONCES   64 /* fetched at once */
#define KEYS     2

#define FILE_HEAD "davit-key-1 "
#define FILE_MOST 256

_Static_assert(HEAD + TAG == 33, "SEAL_EXTRA");

struct key {
	uint8_t id[ID_BYTES];
	uint8_t bytes[SEAL_KEY_BYTES];
};

struct seal {
	struct key keys[KEYS]; /* the first one seals */
	size_t count;
};

struct sealer {
	const struct seal *seal;
	EVP_CIPHER_CTX *in;
	EVP_CIPHER_CTX *out[KEYS];
	size_t used; /* nonces */
	uint8_t nonces[NONCES][NONCE];
};

/* --- the file --- */

static void set_id(struct key *key)
{
	uint8_t digest[SHA256_BYTES];

	sha256_of(key->bytes, sizeof(key->bytes), digest);
	memcpy(key->id, digest, sizeof(key->id));
}

static bool parse_key(const char *text, size_t n, struct key *key)
{
	size_t head = strlen(FILE_HEAD);
	size_t got = 0;

	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	return n == head + sizeof(key->bytes) * 2 && memcmp(text, FILE_HEAD, head) == 0 &&
	       crypto_decode("hex", text + head, n - head, key->bytes, &got, NULL);
}

static bool read_key(const char *path, struct key *key, struct fail *f)
{
	static const struct fs_named how = {.limit = FILE_MOST, .only_ours = true};
	char *text = NULL;
	size_t n = 0;
	bool ok;

	if (!fs_read_named(path, &how, &text, &n, f))
		return fail_wrap(f, "the key file %s", path);
	ok = parse_key(text, n, key);
	crypto_cleanse(text, n);
	free(text);
	if (!ok)
		return fail_set(f, FAIL_INVALID,
			"the key file %s holds no key: put it back from a backup", path);
	set_id(key);
	return true;
}

static bool make_key(const char *path, struct fail *f)
{
	uint8_t bytes[SEAL_KEY_BYTES];
	char text[FILE_MOST] = FILE_HEAD;
	size_t n = strlen(FILE_HEAD);
	bool ok;

	id_random(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%02x", bytes[i]);
	text[n++] = '\n';
	ok = fs_write_durable(path, text, n, f);
	crypto_cleanse(text, sizeof(text));
	crypto_cleanse(bytes, sizeof(bytes));
	return ok || fail_wrap(f, "make the key file %s", path);
}

/* The first key, which may have to be made. */
static bool first_key(const char *path, bool make, struct key *key, struct fail *f)
{
	struct fail why = {0};

	if (read_key(path, key, &why))
		return true;
	if (make && why.code == FAIL_NOT_FOUND)
		return make_key(path, f) && read_key(path, key, f);
	if (f != NULL)
		*f = why;
	return false;
}

struct seal *seal_open(const char *key_file, const char *old_key_file, bool make, struct fail *f)
{
	struct seal *s = calloc(1, sizeof(*s));
	bool ok;

	if (s == NULL) {
		(void)fail_set(f, FAIL_UNAVAILABLE, "out of memory");
		return NULL;
	}
	ok = first_key(key_file, make, &s->keys[0], f) &&
	     (old_key_file == NULL || read_key(old_key_file, &s->keys[1], f));
	s->count = old_key_file != NULL ? 2 : 1;
	if (ok)
		return s;
	seal_close(s);
	return NULL;
}

void seal_close(struct seal *s)
{
	if (s == NULL)
		return;
	crypto_cleanse(s, sizeof(*s));
	free(s);
}

const char *seal_id(const struct seal *s, char id[SEAL_ID_SIZE])
{
	const uint8_t *b = s->keys[0].id;

	(void)snprintf(id, SEAL_ID_SIZE, "%02x%02x%02x%02x", b[0], b[1], b[2], b[3]);
	return id;
}

/* --- one thread's --- */

/* Without AES or memory for its state there is no keeping of anything. */
static void must(int worked)
{
	if (worked != 1)
		abort();
}

static EVP_CIPHER_CTX *new_context(const struct key *key, bool seals)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx == NULL)
		return NULL;
	must(EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, NULL, seals));
	return ctx;
}

struct sealer *sealer_new(const struct seal *seal)
{
	struct sealer *s = calloc(1, sizeof(*s));
	bool ok = s != NULL;

	if (s == NULL)
		return NULL;
	s->seal = seal;
	s->used = NONCES;
	s->in = new_context(&seal->keys[0], true);
	ok = s->in != NULL;
	for (size_t i = 0; i < seal->count; i++) {
		s->out[i] = new_context(&seal->keys[i], false);
		ok = ok && s->out[i] != NULL;
	}
	if (ok)
		return s;
	sealer_free(s);
	return NULL;
}

void sealer_free(struct sealer *s)
{
	if (s == NULL)
		return;
	EVP_CIPHER_CTX_free(s->in);
	for (size_t i = 0; i < KEYS; i++)
		EVP_CIPHER_CTX_free(s->out[i]);
	free(s);
}

/* Their lengths are no part of it, as no name has a NUL in it. */
static void add_place(EVP_CIPHER_CTX *ctx, const struct seal_place *place)
{
	const char *const parts[] = {place->column, place->row, place->more};
	int n = 0;

	for (size_t i = 0; i < 3 && parts[i] != NULL; i++)
		must(EVP_CipherUpdate(
			ctx, NULL, &n, (const unsigned char *)parts[i], (int)strlen(parts[i]) + 1));
}

void sealer_put(struct sealer *s, const struct seal_place *place, const void *bytes, size_t n,
	uint8_t *sealed)
{
	uint8_t *nonce = sealed + 1 + ID_BYTES;
	int done = 0;

	if (s->used == NONCES) {
		id_random(s->nonces, sizeof(s->nonces));
		s->used = 0;
	}
	sealed[0] = FORMAT;
	memcpy(sealed + 1, s->seal->keys[0].id, ID_BYTES);
	memcpy(nonce, s->nonces[s->used++], NONCE);
	must(EVP_CipherInit_ex(s->in, NULL, NULL, NULL, nonce, 1));
	add_place(s->in, place);
	if (n > 0)
		must(EVP_CipherUpdate(s->in, sealed + HEAD, &done, bytes, (int)n));
	must(EVP_CipherFinal_ex(s->in, sealed + HEAD + n, &done));
	must(EVP_CIPHER_CTX_ctrl(s->in, EVP_CTRL_GCM_GET_TAG, TAG, sealed + HEAD + n));
}

static bool open_with(EVP_CIPHER_CTX *ctx, const struct seal_place *place, const uint8_t *sealed,
	size_t n, char *bytes)
{
	uint8_t tag[TAG];
	int done = 0;

	memcpy(tag, sealed + HEAD + n, TAG);
	must(EVP_CipherInit_ex(ctx, NULL, NULL, NULL, sealed + 1 + ID_BYTES, 0));
	add_place(ctx, place);
	if (n > 0)
		must(EVP_CipherUpdate(ctx, (unsigned char *)bytes, &done, sealed + HEAD, (int)n));
	must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag));
	return EVP_CipherFinal_ex(ctx, (unsigned char *)bytes + n, &done) == 1;
}

bool sealer_get(struct sealer *s, const struct seal_place *place, const void *sealed, size_t n,
	char *bytes, size_t *ret_n, struct fail *f)
{
	const uint8_t *p = sealed;
	size_t plain = n >= SEAL_EXTRA ? n - SEAL_EXTRA : 0;

	if (n < SEAL_EXTRA || p[0] != FORMAT)
		return fail_set(
			f, FAIL_INTERNAL, "%s of %s is not sealed", place->column, place->row);
	for (size_t i = 0; i < s->seal->count; i++) {
		if (memcmp(s->seal->keys[i].id, p + 1, ID_BYTES) != 0)
			continue;
		if (!open_with(s->out[i], place, p, plain, bytes))
			return fail_set(f, FAIL_INTERNAL, "%s of %s was changed", place->column,
				place->row);
		bytes[plain] = '\0';
		*ret_n = plain;
		return true;
	}
	return fail_set(f, FAIL_INTERNAL,
		"%s of %s was sealed with the key %02x%02x%02x%02x, which is not there",
		place->column, place->row, p[1], p[2], p[3], p[4]);
}

bool sealer_is_new(const struct sealer *s, const void *sealed, size_t n)
{
	return n >= SEAL_EXTRA &&
	       memcmp(s->seal->keys[0].id, (const uint8_t *)sealed + 1, ID_BYTES) == 0;
}
