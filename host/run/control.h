/*
 * control - the Unix socket on which davit-run hears "stop" and tells what it does. Lines:
 * in "stop"; out "starting", "running PID", "restarting". Who listens sees the end of the
 * process as the end of the connection. [one thread]
 */
#ifndef HOST_RUN_CONTROL_H
#define HOST_RUN_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/un.h>

struct fail;

#define CONTROL_CLIENTS 16
#define CONTROL_LINE    32
#define CONTROL_FDS     (1 + CONTROL_CLIENTS)

struct control_client {
	int fd; /* -1: free */
	char line[CONTROL_LINE];
	size_t n;
};

struct control {
	struct sockaddr_un address;
	int fd;
	char state[CONTROL_LINE]; /* what new listeners are told; ends in a newline */
	struct control_client clients[CONTROL_CLIENTS];
};

/* Listens at path, in the place of what a dead predecessor left there. */
bool control_open(struct control *c, const char *path, struct fail *f);

/* Deletes the socket and ends all connections. */
void control_close(struct control *c);

/* Tells all listeners a new state, without the newline. */
void control_tell(struct control *c, const char *state);

/* Fills fds with what to wait for. */
void control_poll(const struct control *c, struct pollfd fds[CONTROL_FDS]);

/* Serves what is ready; true when somebody asked for the stop. *ret_came: somebody connected. */
bool control_serve(struct control *c, const struct pollfd fds[CONTROL_FDS], bool *ret_came);

#endif
