/* Addresses nobody serves, browsers on other sites, admin routes on the wrong listener. */
#include "http/gate.h"

#include <string.h>
#include <strings.h>

#include "http/internal.h"

static bool read_only(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
	       strcmp(method, "OPTIONS") == 0;
}

/* Does Origin ("https://host:port") name the host the request was meant for? Essedum hands on
 * both headers of its own user's browser, and then both name Essedum. */
static bool same_host(const char *origin, const char *host)
{
	const char *name = strstr(origin, "://");
	size_t n;

	if (name == NULL || host == NULL)
		return false;
	name += 3;
	n = strcspn(name, "/");
	return strlen(host) == n && strncasecmp(name, host, n) == 0;
}

/*
 * Any web page can make its reader's browser send requests to 127.0.0.1. Browsers say so:
 * Sec-Fetch-Site tells whose page it was, older ones tell Origin with whatever may change
 * something. Requests to read are refused too, for some addresses of the surface change
 * state by GET (stop, cancel). Programs send neither header and pass.
 */
static bool cross_site(const struct exchange *x)
{
	const char *site = exchange_header(x, "Sec-Fetch-Site");
	const char *origin = exchange_header(x, "Origin");

	if (site != NULL)
		return strcasecmp(site, "cross-site") == 0;
	return origin != NULL && !read_only(x->method) &&
	       !same_host(origin, exchange_header(x, "Host"));
}

static bool refuse_match(struct exchange *x, enum route_match match)
{
	if (match == ROUTE_NO_PATH)
		return fail_set(
			&x->refused, FAIL_NOT_FOUND, "there is nothing at %s", x->target.path);
	return fail_set(&x->refused, FAIL_METHOD, "%s does not take %s, only %s", x->target.path,
		x->method, x->allow);
}

static bool find(struct exchange *x, const struct route *routes, size_t count)
{
	const char *arg = "";
	const char *clean = NULL;
	size_t arg_n = 0;
	enum route_match match = route_find(routes, count, x->method, x->target.path, &x->route,
		&arg, &arg_n, x->allow, &x->form);

	if (match != ROUTE_FOUND)
		return refuse_match(x, match);
	if (x->route->query_id != NULL)
		clean = exchange_query(x, x->route->query_id);
	x->arg = clean != NULL && clean[0] != '\0' ? strdup(clean) : strndup(arg, arg_n);
	return x->arg != NULL || fail_set(&x->refused, FAIL_INTERNAL, "out of memory");
}

static bool admit(struct exchange *x)
{
	if (cross_site(x))
		return fail_set(&x->refused, FAIL_FORBIDDEN,
			"a web page of another site may not send requests to this daemon");
	if ((x->route->flags & ROUTE_ADMIN) == 0 || exchange_admin(x))
		return true;
	x->form = ERROR_OBJECT;
	return fail_set(&x->refused, FAIL_FORBIDDEN,
		"%s %s is answered on the daemon's Unix socket only: %s", x->method, x->target.path,
		x->front->admin_socket);
}

void gate_check(struct exchange *x, const struct route *routes, size_t count)
{
	bool parsed = target_parse(&x->target, x->raw_target, strlen(x->raw_target), &x->refused);

	if (x->target.path == NULL)
		x->target.path = x->raw_target;
	if (!parsed)
		x->form = route_form(routes, count, x->target.path);
	else if (find(x, routes, count))
		admit(x);
}
