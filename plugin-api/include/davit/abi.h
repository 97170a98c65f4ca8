/*
 * abi.h - the words both sides of the provider boundary are spoken in.
 *
 * Rules that hold for everything in this folder:
 *  - Text is UTF-8. Times are milliseconds since 1970-01-01 UTC, durations milliseconds.
 *  - No memory changes owner across the boundary. What goes in is borrowed until the
 *    function returns; what a host service hands out lives until the call ends.
 *  - Handles are 64-bit numbers, never pointers, so that a provider may run in another
 *    process than the host without noticing.
 *  - Tables are constant, begin with their size and only grow at the end. Ask DAVIT_HAS()
 *    before touching a slot of a table the other side made.
 *  - Numbers that stand for words are open: take one you do not know for the documented
 *    default.
 *  - Nothing unwinds (longjmp, exceptions, panics) across the boundary.
 *
 * Thread tags: [any] any thread at any time; [op] only on the thread that runs the call
 * whose handle is passed, while it runs; [once] by one thread, never beside another
 * function of the same instance.
 */
#ifndef DAVIT_ABI_H
#define DAVIT_ABI_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define DAVIT_EXPORT __declspec(dllexport)
#define DAVIT_CALL   __cdecl
#else
#define DAVIT_EXPORT __attribute__((visibility("default")))
#define DAVIT_CALL
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of a table up to and with a member: a table at least that large has the member. */
#define DAVIT_THROUGH(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

/* Is the member there and filled, in a table that the other side made? */
#define DAVIT_HAS(table, type, member)                                                             \
	((table)->size >= DAVIT_THROUGH(type, member) && (table)->member != NULL)

/* A piece of text or bytes. Borrowed: the owner is whoever made it, until the function it
 * was passed to returns (or the call ends, where a host service returned it). */
typedef struct davit_buf {
	const char *p;
	size_t n; /* bytes; p need not end in NUL */
} davit_buf;

typedef uint64_t davit_instance; /* one configured provider; the provider chooses the number */
typedef uint64_t davit_call;     /* one running call; the host chooses the number */
typedef uint64_t davit_blob;     /* bytes held by the host; valid until the call ends */

/*
 * How a slot or a host service ended. DAVIT_OK is success, all others are failures.
 * Default for an unknown value: DAVIT_INTERNAL. The REST status a class becomes stands in
 * docs/provider-guide.md.
 */
#define DAVIT_OK          0
#define DAVIT_RETRY       1  /* nothing happened; the host may try again by itself */
#define DAVIT_THROTTLED   2  /* as DAVIT_RETRY, and the other side asks for a pause */
#define DAVIT_AUTH        3  /* credentials missing, refused or expired */
#define DAVIT_QUOTA       4  /* the account may not have more of this */
#define DAVIT_INVALID     5  /* the request is wrong; the caller can mend it */
#define DAVIT_NOT_FOUND   6  /* no such object */
#define DAVIT_CONFLICT    7  /* exists already, or is in a state that forbids it */
#define DAVIT_UNSUPPORTED 8  /* this provider or cloud does not offer it */
#define DAVIT_CANCELLED   9  /* the host asked the call to stop */
#define DAVIT_DEADLINE    10 /* the call's time ran out */
#define DAVIT_INTERNAL    11 /* a bug or a broken machine */
#define DAVIT_PERMANENT   12 /* failed, and trying again cannot help */

/*
 * Where a job stands, for davit_host_core_1.reply_state(). Default for an unknown value:
 * DAVIT_STATE_RUNNING.
 */
#define DAVIT_STATE_PENDING   0 /* accepted by the other side, not running yet */
#define DAVIT_STATE_RUNNING   1
#define DAVIT_STATE_SUCCEEDED 2
#define DAVIT_STATE_FAILED    3
#define DAVIT_STATE_CANCELLED 4

/*
 * The one slot type. The request is one JSON object; the answer goes through
 * davit_host_core_1 (reply, reply_state, reply_blob, reply_chunk, or fail) before the
 * function returns. Returns one of the codes above; for a code other than DAVIT_OK the
 * text given to fail() is what the user reads. Any number of slots of one instance may run
 * at the same time on different threads. [op]
 */
typedef int32_t(DAVIT_CALL *davit_op)(davit_instance inst, davit_call call, davit_buf request);

/*
 * Finds a service table of the host by id and major version ("davit.host.core", 1); NULL
 * where this host has none: do without, or fail create() naming what is missing. The table
 * is constant and lives as long as the process. [any]
 */
typedef const void *(DAVIT_CALL *davit_host_query)(const char *id, uint32_t major);

#ifdef __cplusplus
}
#endif

#endif
