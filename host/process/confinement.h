/* confinement - what davit-run is told about the sandbox of commands. Pure. [any thread] */
#ifndef HOST_PROCESS_CONFINEMENT_H
#define HOST_PROCESS_CONFINEMENT_H

#include <stdbool.h>
#include <stddef.h>

struct confinement_list {
	const char *const *paths; /* absolute; a NULL is passed over */
	size_t count;
};

struct confinement {
	struct confinement_list hidden[2]; /* never seen, nor what is in them */
	struct confinement_list read;      /* seen beside the system */
	struct confinement_list import;    /* the same */
	struct confinement_list write;     /* may be changed, too */
	const char *database;              /* hidden with the files beside it; or NULL */
	const char *user;
	const char *min_sandbox;
	bool network;
	bool off;
};

/* The argument of davit-run --sandbox; NULL: out of memory. The caller frees it. */
char *confinement_text(const struct confinement *c);

#endif
