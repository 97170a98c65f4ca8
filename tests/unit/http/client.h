/*
 * client - a plain HTTP client over a socket of its own, for tests that look at bytes. Every
 * wait has a deadline of ten seconds; what goes wrong fails the test.
 */
#ifndef TESTS_UNIT_HTTP_CLIENT_H
#define TESTS_UNIT_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

struct client {
	int fd;
	char *bytes; /* received and not yet used */
	size_t n;
};

struct client_answer {
	int status;
	char *head; /* status line and headers */
	char *body; /* NUL-terminated; chunks joined */
	size_t n;
	bool whole; /* false: the connection ended in the middle */
};

void client_open(struct client *c, int port);
void client_open_unix(struct client *c, const char *path);
void client_close(struct client *c);

/* client_push returns false when the server no longer takes bytes. */
void client_send(struct client *c, const char *text);
bool client_push(struct client *c, const char *bytes, size_t n);

/* The next answer; of a HEAD request only the head. The caller calls answer_free. */
void client_receive(struct client *c, bool head_only, struct client_answer *a);
void client_answer_free(struct client_answer *a);

/* Value of a header, in a buffer used again by the next call; NULL: none. */
const char *client_header(const struct client_answer *a, const char *name);

/* Did the server close the connection within ms, with nothing more to read? */
bool client_ended(struct client *c, int ms);

/* At least one byte has come. */
bool client_readable(struct client *c, int ms);

#endif
