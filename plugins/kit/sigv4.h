/*
 * sigv4 - signs requests as AWS and those who do it the same way ask for (AWS4-HMAC-SHA256). The
 * texts are built here; key, key id and session token are numbers of the host's, which makes the
 * digests. Failures end the call of sdk; look at sdk->code once, at the end. [op]
 *
 *	struct sigv4 s;
 *	struct sigv4_signed g;
 *
 *	sigv4_begin(&s, sdk, &keys, "eu-central-1", "s3", SIGV4_STORE);
 *	if (sigv4_sign(&s, &request, &g))
 *		… davit_sdk_open_array(&w, "headers"); sigv4_put_headers(&w, &s, &request, &g);
 *
 * A signature holds for minutes: sign again for each attempt that comes later.
 */
#ifndef PLUGINS_KIT_SIGV4_H
#define PLUGINS_KIT_SIGV4_H

#include <davit/sdk.h>

#include <stdbool.h>
#include <stddef.h>

#include "kit/parts.h"

/* Who signs. */
struct sigv4_keys {
	davit_secret id;    /* access key id */
	davit_secret key;   /* secret access key */
	davit_secret token; /* of a session; 0: none */
};

/* How the service wants it. */
#define SIGV4_PATH_ONCE    (1u << 0) /* the path is its bytes, encoded once; else see canonical.h */
#define SIGV4_TELL_PAYLOAD (1u << 1) /* the header x-amz-content-sha256 is sent */
#define SIGV4_TOKEN_AFTER  (1u << 2) /* the session token is sent, and not signed */
#define SIGV4_STORE        (SIGV4_PATH_ONCE | SIGV4_TELL_PAYLOAD) /* as S3 does */

/* What stands for the digest of a body that is not signed. */
#define SIGV4_UNSIGNED         "UNSIGNED-PAYLOAD"
#define SIGV4_UNSIGNED_TRAILER "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
#define SIGV4_SIGNED_CHUNKS    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
#define SIGV4_SIGNED_TRAILER   "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
#define SIGV4_EMPTY            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

#define SIGV4_EXPIRES_MAX 604800 /* seconds that a signed URL may hold */
#define SIGV4_HEX         65     /* bytes of a signature as a text, NUL included */

/* One who signs for a region and a service, in one call: keeps the key of the day. */
struct sigv4 {
	struct davit_sdk *sdk;
	struct sigv4_keys keys;
	const char *region, *service;
	uint32_t flags;    /* SIGV4_… */
	int64_t offset_ms; /* the other side's clock minus ours: see sigv4_learn_clock() */
	char day[9];       /* of signing: YYYYMMDD */
	davit_secret signing;
};

struct sigv4_header {
	const char *name, *value;
};

/* What is sent. All texts as they are sent; path and query percent-encoded. */
struct sigv4_request {
	const char *method;
	const char *host;  /* with ":port" where that is not the scheme's */
	const char *path;  /* with what the endpoint's URL has before it; "" is "/" */
	const char *query; /* without '?'; NULL: none */
	const struct sigv4_header *headers; /* without Host and Authorization; all are signed but
	                                     * those that proxies change */
	size_t headers_n;
	const char *payload; /* SHA-256 of the body in hexadecimal digits, or SIGV4_UNSIGNED…; NULL:
	                      * there is no body */
};

/* What signing made, in the call's memory. */
struct sigv4_signed {
	char time[17];              /* YYYYMMDDTHHMMSSZ */
	const char *scope;          /* DAY/REGION/SERVICE/aws4_request */
	struct parts canonical;     /* what was digested, */
	const char *to_sign;        /* what was signed, */
	char signature[SIGV4_HEX];  /* and how: all three help who must see why it is refused */
	struct parts authorization; /* the header; empty after sigv4_presign() */
};

/* region and service must outlive s. */
void sigv4_begin(struct sigv4 *s, struct davit_sdk *sdk, const struct sigv4_keys *keys,
	const char *region, const char *service, uint32_t flags);

/* Signs by header. false: the call failed. */
bool sigv4_sign(struct sigv4 *s, const struct sigv4_request *r, struct sigv4_signed *ret);

/* [name, value] of every header that must be sent but Host, into an array that is open. */
void sigv4_put_headers(struct davit_sdk_writer *w, const struct sigv4 *s,
	const struct sigv4_request *r, const struct sigv4_signed *g);

/*
 * Signs a URL that holds for so many seconds, and adds "PATH?QUERY" to url, in which the caller
 * has written scheme and host. Who uses it must send r's headers as they are. A store's body is
 * not signed. A URL that was signed with a session's token ends with it. false: the call failed.
 */
bool sigv4_presign(struct sigv4 *s, const struct sigv4_request *r, int64_t expires_s,
	struct parts *url, struct sigv4_signed *ret);

/* The SHA-256 of bytes in hexadecimal digits, for payload. "": the call failed. */
const char *sigv4_payload(struct davit_sdk *sdk, davit_buf bytes);

/*
 * The signature of a chunk of a body that is sent with SIGV4_SIGNED_CHUNKS or …_TRAILER, whose
 * head is g; previous: that of the chunk before, or of the head; sha256: of its bytes. And of the
 * trailer's lines, each "name:value\n", whose previous is that of the last, empty chunk. false:
 * the call failed.
 */
bool sigv4_chunk(struct sigv4 *s, const struct sigv4_signed *g, const char *previous,
	const char *sha256, char ret_signature[SIGV4_HEX]);
bool sigv4_trailer(struct sigv4 *s, const struct sigv4_signed *g, const char *previous,
	const char *lines, char ret_signature[SIGV4_HEX]);

/* --- sigv4_skew.c --- */

#define SIGV4_SKEW_MS ((int64_t)240 * 1000) /* a difference between clocks that counts */

/*
 * An answer refused a request that was sent at sent_ms (wall clock); word: the other side's name
 * of the error, server_ms: the time that its body tells, or 0. True: its clock is not ours, s
 * knows it now, and the request is worth being signed and sent again, once.
 */
bool sigv4_learn_clock(struct sigv4 *s, const struct davit_sdk_answer *answer, const char *word,
	int64_t server_ms, int64_t sent_ms);

#endif
