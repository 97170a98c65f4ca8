/*
 * tree - all processes that descend from this one. As the subreaper it is the parent of every
 * orphan below it, so that nothing leaves the tree by a double fork or a new session. A signal
 * goes to descendants only, never to a stranger that got the number of one. [one thread]
 */
#ifndef HOST_RUN_TREE_H
#define HOST_RUN_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Sends sig to every descendant that is not dead already; how many were told. */
size_t tree_signal(int sig);

/* Stops all so that none forks any more, then kills them. They must still be waited for. */
void tree_kill(void);

/* Threads of all processes of a user on the machine: what RLIMIT_NPROC counts. */
int64_t tree_user_threads(uid_t uid);

#endif
