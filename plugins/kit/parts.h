/*
 * parts - a text that grows in the memory of a call, in which secrets stand as numbers. It can
 * become a value of a request (davit/host.h) or be digested; its bytes are never here. Lack of
 * memory and too many secrets make it fail, for good: look once, at the end. [op]
 */
#ifndef PLUGINS_KIT_PARTS_H
#define PLUGINS_KIT_PARTS_H

#include <davit/sdk.h>

#include <stdbool.h>
#include <stddef.h>

#define PARTS_SECRETS_MAX 8

struct parts_secret {
	size_t at; /* in the text before which byte */
	davit_secret secret;
	bool percent; /* written as parts_percent() does */
};

struct parts {
	struct davit_sdk_mem *mem;
	char *p; /* a NUL behind n bytes; "" while empty */
	size_t n, cap;
	struct parts_secret secrets[PARTS_SECRETS_MAX];
	size_t count;
	bool failed;
};

void parts_begin(struct parts *t, struct davit_sdk_mem *mem);

/* Empty again, in the memory it has. */
void parts_clear(struct parts *t);

void parts_text(struct parts *t, const char *text);
void parts_bytes(struct parts *t, davit_buf bytes);
void parts_byte(struct parts *t, char byte);

/* Each byte but A-Z a-z 0-9 - . _ ~ and those of plain as %XX. */
void parts_percent(struct parts *t, davit_buf bytes, const char *plain);

/* What stands behind the number, as it is or as parts_percent(…, "") writes it. */
void parts_secret(struct parts *t, davit_secret secret, bool percent);

/* In small hexadecimal digits. */
void parts_hex(struct parts *t, davit_buf bytes);

/* All of other, with its secrets. */
void parts_add(struct parts *t, const struct parts *other);

/* As a value of a request: a text, or a list of parts. */
void parts_put(struct davit_sdk_writer *w, const char *key, const struct parts *t);

/* Its SHA-256 in hexadecimal digits, in the call's memory; "": the call has failed. */
const char *parts_sha256(struct davit_sdk *sdk, const struct parts *t);

#endif
