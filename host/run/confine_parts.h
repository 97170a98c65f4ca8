/* confine_parts - what the files of confine share. */
#ifndef HOST_RUN_CONFINE_PARTS_H
#define HOST_RUN_CONFINE_PARTS_H

#include <stdbool.h>

struct child_options;
struct confine;
struct fail;

/* --- confine_view.c --- */

/* Fills paths: what it shall see. in_room: with things of its own in place of the machine's. */
void confine_look(struct confine *c, const struct child_options *o, bool in_room);
void confine_forget_paths(struct confine *c);

/* --- confine_user.c --- */

/* The folders it needs of its own, and the file of its progress. */
bool confine_make_folders(struct confine *c, const struct child_options *o, struct fail *f);

/* room.uid; that of the daemon where it is not root. */
bool confine_choose_user(struct confine *c, const struct child_options *o, struct fail *f);

/* Gives its files to room.uid. */
bool confine_give(const struct confine *c, const struct child_options *o, struct fail *f);

#endif
