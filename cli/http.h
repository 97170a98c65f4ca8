/*
 * http - requests to one davitd, over its Unix socket or TCP, on a connection that is kept.
 * [one thread]
 */
#ifndef CLI_HTTP_H
#define CLI_HTTP_H

#include <curl/curl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

struct fail;
struct http;
struct progress_bytes;

/* Set by SIGINT: requests end with FAIL_DEADLINE, waits come to an end. */
extern volatile sig_atomic_t http_interrupted;

/* Where a host is: "unix:///path", a path, or "http://name:port". */
struct http_place {
	char base[512];   /* "http://davit" or the URL without a slash at its end */
	char socket[256]; /* "" over TCP */
};

bool http_place_of(const char *host, struct http_place *place, struct fail *f);

/* Sets address and socket of an easy handle; path begins with '/'. False: out of memory. */
bool http_aim(CURL *curl, const struct http_place *place, const char *path);

struct http_request {
	const char *method;
	const char *path;         /* with the query, encoded */
	const char *key;          /* sent as Idempotency-Key; NULL: none */
	const char *content_type; /* of the body */
	const char *body;         /* NULL: none */
	size_t n;
	FILE *form;            /* sent as part "file", with body as part "request"; may be NULL */
	const char *form_file; /* its name for people */
	const char *form_name; /* its name for the other side */
	int64_t timeout_ms;    /* 0: none */

	/* Gets the bytes of a good answer as they come; false with errno ends the request. NULL:
	 * they are collected. */
	bool (*sink)(void *ctx, const char *bytes, size_t n);
	void *ctx;
	struct progress_bytes *progress; /* told of bytes sent of a form, else got; may be NULL */
	const char *sink_name;           /* for people; NULL: it is standard output */
};

struct http_answer {
	int status;
	struct buf body;
	int64_t retry_after_s; /* -1: not said */
	bool broke;            /* there is none, but the request may have arrived */
};

struct http *http_open(const char *host, struct fail *f); /* does not connect yet */
void http_close(struct http *h);                          /* NULL is fine */
const char *http_host(const struct http *h);              /* as given */
bool http_local(const struct http *h);                    /* over a Unix socket? */

/* FAIL_UNAVAILABLE: nobody reached; FAIL_UPSTREAM: the connection broke. *answer is to be given
 * to http_answer_finish() either way. */
bool http_ask(struct http *h, const struct http_request *request, struct http_answer *answer,
	struct fail *f);
void http_answer_finish(struct http_answer *answer);

/* Why libcurl did not get an answer, without the host and port it made up for a socket; said: what
 * its error buffer holds. */
const char *http_why(CURL *curl, CURLcode code, const char *said);

/* Appends a path where only %s may stand; the words it stands for are percent-encoded. */
void http_path(struct buf *path, const char *fmt, const char *const *words);

/* Appends "?key=value" or "&key=value", encoded; nothing where value is NULL. */
void http_query(struct buf *path, const char *key, const char *value);

#endif
