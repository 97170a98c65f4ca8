/*
 * frame - what davitd and a davit-worker say to each other, and how it is sent.
 *
 * A frame is a head of 16 bytes and a payload. Both sides run on one machine, so numbers are in
 * its own order. A worker has one control socket and a socket per running call, a lane. On a lane
 * the two sides take turns: no byte comes that was not asked for, so more bytes than the one frame
 * that is expected are a breach of the protocol. On the control socket the worker says SANDBOX
 * when the file is loaded, the host GO, the worker HELLO; from then on the host sends lanes and
 * PING, and the worker says PONG alone. REFUSED instead of what is expected ends that.
 *
 *	host                        worker
 *	CREATE or CALL      ->
 *	                    <-      SERVICE or LONG  \ any number of times
 *	ANSWER              ->                       /
 *	                    <-      RETURN, or REFUSED at once where it has no thread for the lane
 *	DESTROY             ->
 *	                    <-      RETURN
 *
 * The protocol has a version of its own, which the ABI of providers does not depend on: what
 * frames there are, their payloads, and how rows are numbered (worker/services.h).
 */
#ifndef HOST_WORKER_FRAME_H
#define HOST_WORKER_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define FRAME_VERSION_MIN 1
#define FRAME_VERSION_MAX 1
#define FRAME_MAGIC       0x64776b31u

#define FRAME_TO_HOST_MAX   ((size_t)16 * 1024 * 1024) /* bytes of a payload */
#define FRAME_TO_WORKER_MAX ((size_t)80 * 1024 * 1024)
#define FRAME_PIECE         ((size_t)64 * 1024) /* of bytes that are handed over in pieces */
#define FRAME_NEAR          ((size_t)4096)      /* a frame up to this needs no memory */
#define FRAME_PARTS         8
#define FRAME_TEXT_MAX      ((size_t)400) /* of REFUSED */

enum frame_kind {
	FRAME_HELLO = 1, /* struct frame_hello */
	FRAME_REFUSED,   /* a text */
	FRAME_SANDBOX,   /* how it is shut in, as JSON text: before any code of the provider ran */
	FRAME_GO,        /* that will do: it may say HELLO */
	FRAME_LANE,      /* with a descriptor */
	FRAME_CREATE,    /* slot: 0; a uint64_t with a bit per table of services, the settings */
	FRAME_DESTROY,
	FRAME_CALL,    /* slot: interface and slot; the request */
	FRAME_SERVICE, /* slot: table and function; see services.h */
	FRAME_LONG,    /* the same, with arguments that are too long to be sent; their bytes */
	FRAME_ANSWER,  /* to blob.read once with a descriptor, where the bytes are a large file */
	FRAME_RETURN,  /* struct frame_return */
	FRAME_PING,    /* on the control socket, while calls run */
	FRAME_PONG,
	FRAME_KIND_COUNT
};

struct frame_head {
	uint32_t length; /* of the payload */
	uint16_t kind;
	uint16_t slot;
	uint64_t call; /* the handle that the provider has, or passed */
};

#define FRAME_SLOT(table, index) ((uint16_t)((table) << 8 | (index)))
#define FRAME_SLOT_TABLE(slot)   ((size_t)((slot) >> 8))
#define FRAME_SLOT_INDEX(slot)   ((size_t)((slot)&0xff))

/* Bits of frame_hello.tables beside those of the slots. */
#define FRAME_TABLE_THERE (1u << 31)
#define FRAME_HAS_CREATE  (1u << 30) /* of davit.core, as the next */
#define FRAME_HAS_DESTROY (1u << 29)
#define FRAME_TABLES_MAX  16

struct frame_hello {
	uint32_t magic;
	uint16_t version_min, version_max;
	uint32_t tables[FRAME_TABLES_MAX]; /* by index in table_interfaces: the filled slots */
};

struct frame_return {
	int64_t code;
	uint64_t instance; /* of CREATE */
};

enum frame_end {
	FRAME_DONE,
	FRAME_LATE,   /* the socket's time is up, or that of its turn; call again to go on */
	FRAME_CLOSED, /* the other side is gone */
	FRAME_BAD     /* what came is no frame, or more than one; or out of memory. It stays so */
};

/* One frame that comes in. Zero it, and set fd to -1, before the first. */
struct frame_in {
	struct frame_head head;
	size_t have;   /* bytes that came, the head included */
	char *far;     /* the payload, where it is not near */
	size_t used;   /* of near, since it was wiped last */
	bool bad;      /* it was no frame, and nothing is read any more */
	int fd;        /* came along; -1: none. Owned */
	bool takes_fd; /* one may come along; else the kernel drops what does */
	int turn_ms; /* after so long it is FRAME_LATE though bytes come; 0: it may take its time */
	_Alignas(8) char near[FRAME_NEAR];
};

/* Receives one frame with a payload of at most `most` bytes. Begins anew after FRAME_DONE. With 0
 * it takes heads alone, of which several may be there. */
enum frame_end frame_receive(int socket, struct frame_in *in, size_t most);

/* The payload of the frame that came: head.length bytes, until the next one. */
char *frame_payload(struct frame_in *in);

/* Forgets what came and frees it. What was freed leaves nothing behind. */
void frame_drop(struct frame_in *in);

/* The same, and nothing that came since the last time is left in `near`. */
void frame_wipe(struct frame_in *in);

/* A frame that goes out: its payload in parts, the first FRAME_PARTS of them. */
struct frame_out {
	struct frame_head head; /* length is set by frame_send() */
	struct iovec parts[FRAME_PARTS];
	size_t count;
	size_t sent; /* bytes, the head included; 0 to begin */
	int fd;      /* to go along, or -1 */
	int turn_ms; /* as that of struct frame_in */
};

void frame_add(struct frame_out *out, const void *bytes, size_t n);
enum frame_end frame_send(int socket, struct frame_out *out);

#endif
