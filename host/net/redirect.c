/* Where a redirect leads: through the same checks as the first request. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "net/flight.h"

bool redirect_wanted(const struct flight *x)
{
	static const int statuses[] = {301, 302, 303, 307, 308};
	const struct net_request *r = x->request;

	if (r->secret || x->hops >= r->follow || x->hops >= NET_FOLLOW_MAX)
		return false;
	for (size_t i = 0; i < COUNT(statuses); i++) {
		if (x->transfer->head.status == statuses[i])
			return head_get(&x->transfer->head, "location") != NULL;
	}
	return false;
}

/* As browsers and curl do it: only 307 and 308 send the same once more. */
static void change_method(struct flight *x)
{
	int status = x->transfer->head.status;

	if (status == 307 || status == 308 || strcmp(x->method, "HEAD") == 0)
		return;
	if (status != 303 && strcmp(x->method, "POST") != 0)
		return;
	x->method = "GET";
	x->bodiless = true;
}

/* What says nothing of who asks; any other header may hold a credential, which is for what was
 * asked and for nothing that an answer names, of the same host or not. */
static bool is_harmless(const char *name)
{
	static const char *const names[] = {"Accept", "Accept-Charset", "Accept-Encoding",
		"Accept-Language", "Content-Type", "Range", "User-Agent"};

	for (size_t i = 0; i < COUNT(names); i++) {
		if (strcasecmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static bool leave_out_credentials(struct flight *x)
{
	const struct net_request *r = x->request;

	if (x->headers != NULL || r->header_count == 0)
		return true;
	x->headers = calloc(r->header_count, sizeof(*x->headers));
	for (size_t i = 0; x->headers != NULL && i < r->header_count; i++) {
		x->headers[i] = r->headers[i];
		if (!is_harmless(r->headers[i].name))
			x->headers[i].value = NULL; /* curl then sends none */
	}
	return x->headers != NULL;
}

/* The body was for the first host. */
static bool go_on(struct flight *x, bool elsewhere)
{
	if (elsewhere && x->request->body.n > 0 && !x->bodiless) {
		flight_fail(x, NET_REFUSED,
			"it was redirected here from another host, whose body is not sent on");
		return false;
	}
	if (leave_out_credentials(x))
		return true;
	flight_fail(x, NET_UNCLEAR, "out of memory");
	return false;
}

bool redirect_aim(struct flight *x)
{
	const char *location = head_get(&x->transfer->head, "location");
	char before[sizeof(x->origin)], *whole = NULL;
	bool ok;

	memcpy(before, x->origin, sizeof(before));
	ok = curl_url_set(x->url, CURLUPART_URL, location, CURLU_PATH_AS_IS) == CURLUE_OK &&
	     curl_url_get(x->url, CURLUPART_URL, &whole, 0) == CURLUE_OK &&
	     egress_parse(x->url, whole, &x->target, NULL);
	curl_free(whole);
	if (!ok) {
		flight_fail(x, NET_REFUSED, "it was redirected to what is no URL of https or http");
		return false;
	}
	if (!flight_check_target(x))
		return false;
	change_method(x);
	return go_on(x, strcmp(before, x->origin) != 0);
}
