/*
 * call_secrets - the values a call has handles of. A handle is a number below 2^53 that means
 * something in its own call only; equal values share one. All are overwritten when the call ends.
 * [the thread of the call]
 *
 * For who builds a request out of parts: call_secret_bytes() gives what stands behind a handle.
 */
#ifndef HOST_PROVIDER_CALL_SECRETS_H
#define HOST_PROVIDER_CALL_SECRETS_H

#include <davit/abi.h>
#include <davit/host.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALL_SECRETS_MAX       1024
#define CALL_SECRETS_BYTES_MAX ((size_t)1024 * 1024) /* of one value, and of all together */

struct call;
struct redact_scope;

struct call_secret {
	struct call_secret *next; /* older */
	bool held;                /* by the registry of redact, until the call ends */
	bool plain;               /* the manifest says that it is no secret */
	size_t n;
	char p[]; /* with a NUL behind */
};

/* All zero: none yet, and no memory taken. A value is hidden wherever the daemon writes texts while
 * the call goes on, and as long as there is room afterwards; one of a caller's account, or a short
 * one, in the texts of its call alone. */
struct call_secrets {
	struct redact_scope **scope; /* of the call, for what must not go to all; NULL: none */
	bool own;                    /* its caller's: nothing goes to all */
	struct call_secret *newest;
	size_t count;
	size_t bytes;
	uint64_t salt; /* of the handles, so that one call's are not another's */
};

/* Hides what a source of the manifest has, without a handle: for good, unless it is its caller's.
 */
void call_secrets_learn(struct call_secrets *all, const void *bytes, size_t n);

/* Copies n bytes; 0 past a limit or out of memory. */
davit_secret call_secrets_add(struct call_secrets *all, const void *bytes, size_t n);

/* The same of what is not hidden, unless the call has it as a secret, too. */
davit_secret call_secrets_add_plain(struct call_secrets *all, const void *bytes, size_t n);

/* What is behind a handle, borrowed until the call ends; NULL: it is none of this call. */
const struct call_secret *call_secrets_find(const struct call_secrets *all, davit_secret handle);

void call_secrets_finish(struct call_secrets *all);

/* The same for a service that got a handle: the bytes, or NULL with why remembered for
 * DAVIT_INVALID. */
const struct call_secret *call_secret_bytes(struct call *c, davit_secret handle);

/* Hands a value to the provider by a handle. DAVIT_QUOTA where it has too many. */
int32_t call_secret_give(struct call *c, const void *bytes, size_t n, davit_secret *ret_secret);
int32_t call_secret_give_plain(
	struct call *c, const void *bytes, size_t n, davit_secret *ret_secret);

#endif
