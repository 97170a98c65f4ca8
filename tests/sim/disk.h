/*
 * disk - the files of the database, in memory that outlives the daemon. What was written is durable
 * only once it was synced: a cut of the power loses the rest, or parts of it.
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>

struct disk;

/* Memory for the disk of one worker, shared by its processes; NULL: there is none. */
struct disk *disk_new(void);

/* The one that is used from now on. */
void disk_use(struct disk *d);

/* Makes it the file system of SQLite. */
void disk_register(void);

/* Keeps what the files now hold, and makes them so again. */
void disk_keep(struct disk *d);
void disk_restore(struct disk *to, const struct disk *kept);

/* A new process: no file is open, nothing is locked, there is no index of the log. */
void disk_forget_process(void);

enum disk_cut {
	DISK_KEEP_ALL,  /* only the process ended */
	DISK_KEEP_NONE, /* of what was not synced */
	DISK_KEEP_SOME, /* by chance */
	DISK_KEEP_FIRST /* the first ones of it */
};
void disk_cut(enum disk_cut how);

/* For a test build that breaks promises: the next sync is reported, and not done. */
void disk_lie_once(void);

/* The commit it was for is over. */
void disk_lie_no_more(void);

/* Would all that was committed survive? */
bool disk_is_synced(void);

#endif
