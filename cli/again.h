/*
 * again - requests that make something, sent until they are answered. Each has a name of its own
 * (Idempotency-Key), by which the daemon does it once, however often it comes. [one thread]
 */
#ifndef CLI_AGAIN_H
#define CLI_AGAIN_H

#include <stdbool.h>

struct fail;
struct http;
struct http_answer;
struct http_request;

/* Does a POST to that path (with its query) make something, so that it takes a name? */
bool again_makes(const char *path);

/* As http_ask(). Where the connection breaks, what makes something is sent again under its name,
 * for some fifteen seconds while the daemon is away and a minute while it works; a form
 * only where its file can be read once more. */
bool again_ask(struct http *h, const struct http_request *request, struct http_answer *answer,
	struct fail *f);

#endif
