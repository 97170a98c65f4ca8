/*
 * seal - values on disk that only the holder of a key can read, and nobody can change or move:
 * AES-256 in GCM, a random nonce each, and the place of the value as additional data. A second key
 * is for reading what was sealed before the key was changed.
 */
#ifndef HOST_SECRET_SEAL_H
#define HOST_SECRET_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fail;
struct seal;   /* the keys; constant */
struct sealer; /* what one thread works with */

#define SEAL_KEY_BYTES 32
#define SEAL_EXTRA     ((size_t)33) /* bytes that a sealed value has more */
#define SEAL_ID_SIZE   9            /* of the text of a key's id */

/*
 * Reads the key at key_file (absolute), and the one at old_key_file where that is not NULL. make:
 * where there is no key_file it is made, durable, mode 0600. The sentence names the file: it is not
 * there, is no key, or others may read it. [any thread]
 */
struct seal *seal_open(const char *key_file, const char *old_key_file, bool make, struct fail *f);
void seal_close(struct seal *s); /* NULL is fine; after the last sealer */

/* Of the key that seals; eight hexadecimal digits. Returns id. */
const char *seal_id(const struct seal *s, char id[SEAL_ID_SIZE]);

struct sealer *sealer_new(const struct seal *s); /* NULL: out of memory */
void sealer_free(struct sealer *s);              /* NULL is fine */

/* Where a value is kept: "job.request" and the row. One that was moved cannot be opened. */
struct seal_place {
	const char *column;
	const char *row;
	const char *more; /* of the row's name; NULL: no more */
};

/* Writes n + SEAL_EXTRA bytes to sealed. Aborts where OpenSSL has no AES. [one thread] */
void sealer_put(struct sealer *s, const struct seal_place *place, const void *bytes, size_t n,
	uint8_t *sealed);

/* Writes n - SEAL_EXTRA bytes and a NUL to bytes. False: it was changed or moved, or sealed with a
 * key that is not there, which *f says. [one thread] */
bool sealer_get(struct sealer *s, const struct seal_place *place, const void *sealed, size_t n,
	char *bytes, size_t *ret_n, struct fail *f);

/* Was it sealed with the key that seals now? */
bool sealer_is_new(const struct sealer *s, const void *sealed, size_t n);

#endif
