/* Addresses nobody serves, browsers on other sites, admin routes on the wrong listener. */
#include "http/gate.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "http/internal.h"

#define HOST_SIZE 256 /* DNS names have at most 253 bytes */

static bool read_only(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
	       strcmp(method, "OPTIONS") == 0;
}

static bool loopback_v4(const struct in_addr *a)
{
	return ntohl(a->s_addr) >> 24 == IN_LOOPBACKNET || a->s_addr == htonl(INADDR_ANY);
}

static bool loopback_v6(const struct in6_addr *a)
{
	struct in_addr v4;

	memcpy(&v4, a->s6_addr + 12, sizeof(v4));
	return IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_UNSPECIFIED(a) ||
	       (IN6_IS_ADDR_V4MAPPED(a) && loopback_v4(&v4));
}

/* "localhost" and, as browsers have it, everything below it. */
static bool local_name(const char *name)
{
	static const char local[] = "localhost";
	size_t n = strlen(name);

	if (n > 0 && name[n - 1] == '.')
		n--;
	if (n < sizeof(local) - 1)
		return false;
	n -= sizeof(local) - 1;
	return strncasecmp(name + n, local, sizeof(local) - 1) == 0 &&
	       (n == 0 || name[n - 1] == '.');
}

/* Does Host name this daemon itself: by any name or address of the loopback, with or without
 * a port, or not at all? Addresses that mean "any" lead to the loopback too. */
static bool names_us(const char *host)
{
	bool bracket = host != NULL && host[0] == '[';
	char name[HOST_SIZE];
	struct in_addr v4;
	struct in6_addr v6;
	size_t n;

	if (host == NULL || host[0] == '\0')
		return true;
	host += bracket;
	n = strcspn(host, bracket ? "]" : ":");
	if (n >= sizeof(name))
		return false;
	memcpy(name, host, n);
	name[n] = '\0';
	if (bracket)
		return inet_pton(AF_INET6, name, &v6) == 1 && loopback_v6(&v6);
	return local_name(name) || (inet_pton(AF_INET, name, &v4) == 1 && loopback_v4(&v4));
}

/* Does Origin ("http://host:port") name the host the request was sent to? */
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
 *
 * Essedum hands on both headers of its own user's browser, but with a Host of its own choice,
 * so they say nothing about us. A browser that was sent here by a page has a Host that leads
 * here; only with such a one the headers count.
 */
static bool cross_site(const struct exchange *x)
{
	const char *site = exchange_header(x, "Sec-Fetch-Site");
	const char *origin = exchange_header(x, "Origin");
	const char *host = exchange_header(x, "Host");

	if (!names_us(host))
		return false;
	if (site != NULL)
		return strcasecmp(site, "cross-site") == 0;
	return origin != NULL && !read_only(x->method) && !same_host(origin, host);
}

static bool refuse_match(struct exchange *x, enum route_match match)
{
	if (match == ROUTE_NO_PATH)
		return fail_set(exchange_refuse(x), FAIL_NOT_FOUND, "there is nothing at %s",
			x->target.path);
	return fail_set(exchange_refuse(x), FAIL_METHOD, "%s does not take %s, only %s",
		x->target.path, x->method, x->allow);
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
	return x->arg != NULL || fail_set(exchange_refuse(x), FAIL_INTERNAL, "out of memory");
}

static bool admit(struct exchange *x)
{
	if (cross_site(x))
		return fail_set(exchange_refuse(x), FAIL_FORBIDDEN,
			"a web page of another site may not send requests to this daemon");
	if ((x->route->flags & ROUTE_ADMIN) == 0 || exchange_admin(x))
		return true;
	x->form = ERROR_OBJECT;
	return fail_set(exchange_refuse(x), FAIL_FORBIDDEN,
		"%s %s is answered on the daemon's Unix socket only: %s", x->method, x->target.path,
		x->front->admin_socket);
}

void gate_check(struct exchange *x, const struct route *routes, size_t count)
{
	struct fail f; /* set where there is one */
	bool parsed = target_parse(&x->target, x->raw_target, strlen(x->raw_target), &f);

	if (x->target.path == NULL)
		x->target.path = x->raw_target;
	if (!parsed) {
		exchange_refuse_as(x, &f);
		x->form = route_form(routes, count, x->target.path);
	} else if (find(x, routes, count)) {
		admit(x);
	}
}
