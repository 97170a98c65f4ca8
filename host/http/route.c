/* Finds the row of the table for a method and a path: a linear look at a hundred patterns. */
#include "http/route.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ALLOW_SIZE 64

/* A pattern cut at its hole, if it has one. */
struct shape {
	bool hole;
	size_t prefix_n;
	const char *suffix;
	size_t suffix_n;
};

static struct shape shape_of(const char *pattern)
{
	struct shape s = {.prefix_n = strcspn(pattern, "{"), .suffix = ""};

	s.hole = pattern[s.prefix_n] == '{';
	if (s.hole) {
		const char *close = strchr(pattern + s.prefix_n, '}');

		s.suffix = close != NULL ? close + 1 : "";
		s.suffix_n = strlen(s.suffix);
	}
	return s;
}

/* How well pattern fits path: 0 not at all; more literal bytes are better, and a pattern
 * without a hole is better than any with one. */
static size_t fit(const char *pattern, const char *path, size_t path_n)
{
	struct shape s;

	/* Most rows differ early; only the others are worth a closer look. */
	for (size_t i = 0; pattern[i] != '{'; i++) {
		if (pattern[i] != path[i])
			return 0;
		if (pattern[i] == '\0')
			return SIZE_MAX;
	}
	s = shape_of(pattern);
	if (path_n < s.prefix_n + 1 + s.suffix_n ||
		memcmp(path + path_n - s.suffix_n, s.suffix, s.suffix_n) != 0)
		return 0;
	return s.prefix_n + s.suffix_n;
}

static bool method_serves(const char *row, const char *method)
{
	return strcmp(row, method) == 0 || (strcmp(method, "HEAD") == 0 && strcmp(row, "GET") == 0);
}

static bool allow_has(const char *allow, const char *method)
{
	size_t n = strlen(method);

	for (const char *p = strstr(allow, method); p != NULL; p = strstr(p + 1, method))
		if ((p == allow || p[-1] == ' ') && (p[n] == ',' || p[n] == '\0'))
			return true;
	return false;
}

static void allow_add(char allow[ALLOW_SIZE], const char *method)
{
	size_t n = strlen(allow);

	if (allow_has(allow, method) || n + 2 + strlen(method) >= ALLOW_SIZE)
		return;
	snprintf(allow + n, ALLOW_SIZE - n, "%s%s", n > 0 ? ", " : "", method);
	if (strcmp(method, "GET") == 0)
		allow_add(allow, "HEAD");
}

/* How many whole segments path shares with the literal beginning of pattern, in bytes. */
static size_t shared_segments(const char *pattern, const char *path)
{
	size_t i = 0, whole = 0;

	while (pattern[i] != '\0' && pattern[i] != '{' && pattern[i] == path[i]) {
		i++;
		if (pattern[i] == '/' || pattern[i] == '\0')
			whole = path[i] == '/' || path[i] == '\0' ? i : whole;
	}
	return whole;
}

/* An unknown address gets errors as its nearest neighbours in the table have them. */
enum error_form route_form(const struct route *routes, size_t count, const char *path)
{
	enum error_form form = ERROR_OBJECT;
	size_t best = 1; /* the slash alone makes no neighbour */

	for (size_t i = 0; i < count; i++) {
		size_t shared = shared_segments(routes[i].pattern, path);

		if (shared > best) {
			best = shared;
			form = routes[i].form;
		}
	}
	return form;
}

static size_t best_fit(const struct route *routes, size_t count, const char *path, size_t path_n)
{
	size_t best = 0;

	for (size_t i = 0; i < count && best != SIZE_MAX; i++) {
		size_t here = fit(routes[i].pattern, path, path_n);

		if (here > best)
			best = here;
	}
	return best;
}

static void set_arg(const struct route *r, const char *path, size_t path_n, const char **ret_arg,
	size_t *ret_arg_n)
{
	struct shape s = shape_of(r->pattern);

	*ret_arg = s.hole ? path + s.prefix_n : "";
	*ret_arg_n = s.hole ? path_n - s.prefix_n - s.suffix_n : 0;
}

enum route_match route_find(const struct route *routes, size_t count, const char *method,
	const char *path, const struct route **ret_route, const char **ret_arg, size_t *ret_arg_n,
	char allow[64], enum error_form *ret_form)
{
	size_t path_n, best;

	while (path[0] == '/' && path[1] == '/')
		path++;
	path_n = strlen(path);
	allow[0] = '\0';
	best = best_fit(routes, count, path, path_n);
	if (best == 0) {
		*ret_form = route_form(routes, count, path);
		return ROUTE_NO_PATH;
	}
	/* The method is looked for among the best patterns only: DELETE of ".../7/infer" must
	 * not fall back to a pattern that deletes the thing named "7/infer". */
	for (size_t i = 0; i < count; i++) {
		if (fit(routes[i].pattern, path, path_n) != best)
			continue;
		*ret_form = routes[i].form;
		if (method_serves(routes[i].method, method)) {
			*ret_route = &routes[i];
			allow[0] = '\0';
			set_arg(&routes[i], path, path_n, ret_arg, ret_arg_n);
			return ROUTE_FOUND;
		}
		allow_add(allow, routes[i].method);
	}
	return ROUTE_NO_METHOD;
}
