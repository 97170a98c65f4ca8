/*
 * route - which handler serves a method and a path. The table itself is api/routes.c.
 *
 * A pattern is a path with at most one "{name}", which matches one or more bytes, slashes
 * included (cloud resource names have them). Of several matching patterns the one with the
 * most literal bytes wins, and a pattern without a hole wins over one with. A leading run of
 * slashes counts as one. Pure functions. [any thread]
 */
#ifndef HOST_HTTP_ROUTE_H
#define HOST_HTTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

struct app;
struct exchange;
struct operation;

typedef void route_handler(struct app *app, struct exchange *x);

/* How errors look on the wire. */
enum error_form {
	ERROR_TEXT,  /* a bare JSON string: all of /api/service/v1 */
	ERROR_SHORT, /* {"error":"…"}: the /execute family, as the originals */
	ERROR_OBJECT /* {"error":{"code","message","request_id",…}} */
};

enum route_flag {
	ROUTE_ADMIN = 1 << 0,    /* changes things of the daemon: only by the Unix socket */
	ROUTE_UPLOAD = 1 << 1,   /* takes multipart/form-data too */
	ROUTE_ANY_BODY = 1 << 2, /* the body need not be JSON */
	ROUTE_CREATES = 1 << 3   /* makes one job, and so takes a key (api/idempotency.h) */
};

/* In the order in which people read a row.
 * NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding) */
struct route {
	const char *method; /* GET also serves HEAD */
	const char *pattern;
	const char *operation; /* stable name, for OpenAPI, logs and docs */
	enum error_form form;
	route_handler *handle;
	unsigned flags;
	const char *query_id;         /* query key that repeats the hole's value cleanly, or NULL */
	const struct operation *slot; /* for routes that are one provider slot (api/operations.h) */
	const char *summary;          /* one sentence for OpenAPI */
};

enum route_match {
	ROUTE_FOUND,
	ROUTE_NO_PATH,  /* 404 */
	ROUTE_NO_METHOD /* 405; *ret_allow says which there are */
};

/* Finds the row for method and decoded path. *ret_arg, *ret_arg_n: the part of path the hole
 * matched (inside path). allow: at least 64 bytes, "GET, HEAD, POST" on ROUTE_NO_METHOD and for
 * OPTIONS (which matches no row). *ret_form: the error form of that part of the surface. */
enum route_match route_find(const struct route *routes, size_t count, const char *method,
	const char *path, const struct route **ret_route, const char **ret_arg, size_t *ret_arg_n,
	char allow[64], enum error_form *ret_form);

/* The error form of the rows nearest to a path that leads nowhere. */
enum error_form route_form(const struct route *routes, size_t count, const char *path);

#endif
