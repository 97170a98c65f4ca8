/*
 * confine - what of the machine a command sees and reaches: the system and the site's own
 * software for reading, its own folder for work; nothing of the daemon, of other processes, or of
 * the network, unless the site or the specification grants it. Taken as far as this machine goes;
 * what came of it is told. docs/process.md says what is seen. [one thread]
 */
#ifndef HOST_RUN_CONFINE_H
#define HOST_RUN_CONFINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "platform/sandbox.h"

struct child_options;
struct fail;

/* What the site says: the argument of davit-run --sandbox. */
struct confine_site {
	json_t *json;            /* owns what follows */
	json_t *hidden;          /* absolute paths that are never seen */
	json_t *read;            /* absolute paths that are, beside the usual */
	json_t *write;           /* the same, and may be changed */
	const char *user;        /* "auto", "same", a name, or "FIRST-LAST" */
	const char *min_sandbox; /* as sandbox_read_word() knows it */
	bool network;            /* granted to all */
	bool off;                /* nothing is done */
	enum sandbox_got least;
};

/* {"hidden","read","write","user","min_sandbox","network","off"}, all optional. */
bool confine_read(const char *text, struct confine_site *ret_site, struct fail *f);
void confine_release(struct confine_site *site);

#define CONFINE_GROUPS 64 /* of a user the site names; more are not taken */

struct confine {
	const struct confine_site *site; /* NULL: not confined */
	struct sandbox_path *paths;      /* their texts are those of pieces */
	size_t count;
	struct confine_piece *pieces;
	struct sandbox_room room;
	gid_t groups[CONFINE_GROUPS];
	char *place;
	char *cwd;
	int why; /* errno: why there is no room */
	bool in_room;
	bool network;
	bool failed; /* out of memory */
};

/* Makes its folders and finds out what this machine allows: before the fork. */
bool confine_prepare(struct confine *c, const struct child_options *options, struct fail *f);
void confine_finish(struct confine *c);

/* Whose processes it counts among. */
uid_t confine_user(const struct confine *c);

/* In the child, which is in its working folder before and after: 0 or errno. */
int confine_enter(const struct confine *c, struct sandbox_level *level);

/* Is the level enough for the site? */
bool confine_suffices(const struct confine *c, const struct sandbox_level *level, struct fail *f);

/* {"level", "user", …} for "applied"; NULL: out of memory. */
json_t *confine_told(const struct sandbox_level *level);

/* Deletes what was only needed while the command ran; of the current folder. */
void confine_clean(void);

#endif
