/* Which hosts a proxy is not used for, what is one, and why nothing came through it. */
#include "net/proxy.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/fail.h"
#include "net/egress.h"
#include "net/net.h"

/* NAME stands for itself and all below it, .NAME for those below. */
static bool name_matches(const char *host, const char *except)
{
	size_t n = strlen(host), m;

	if (except[0] == '.')
		except++;
	else if (strcasecmp(host, except) == 0)
		return true;
	m = strlen(except);
	return m > 0 && n > m && host[n - m - 1] == '.' && strcasecmp(host + n - m, except) == 0;
}

static bool matches(const struct egress_target *t, const char *except)
{
	struct address_net net;

	if (strcmp(except, "*") == 0)
		return true;
	if (t->literal)
		return address_net_parse(except, &net, NULL) &&
		       address_net_holds(&net, &t->address);
	return name_matches(t->host, except);
}

const char *proxy_for(const struct net_proxy *p, const struct egress_target *t)
{
	if (p == NULL || p->url == NULL ||
		(t->literal && address_kind(&t->address) == ADDRESS_METADATA))
		return NULL; /* a machine's own credentials are nothing for a proxy */
	for (size_t i = 0; i < p->except_count; i++) {
		if (matches(t, p->except[i]))
			return NULL;
	}
	return p->url;
}

/* --- what the site wrote --- */

/* Nothing stands behind the host but maybe one slash. */
static bool is_bare(CURLU *u)
{
	static const CURLUPart parts[] = {CURLUPART_QUERY, CURLUPART_FRAGMENT};
	char *text = NULL;
	bool bare;

	for (size_t i = 0; i < COUNT(parts); i++) {
		if (curl_url_get(u, parts[i], &text, 0) == CURLUE_OK) {
			curl_free(text);
			return false;
		}
	}
	bare = curl_url_get(u, CURLUPART_PATH, &text, 0) == CURLUE_OK && strcmp(text, "/") == 0;
	curl_free(text);
	return bare;
}

/* Reads the rest of u as any URL that is requested. */
static bool has_good_host(CURLU *u)
{
	struct egress_target t;
	char *rest = NULL;
	bool good;

	good = curl_url_set(u, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
	       curl_url_set(u, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK &&
	       curl_url_get(u, CURLUPART_URL, &rest, 0) == CURLUE_OK &&
	       egress_parse(u, rest, &t, NULL);
	curl_free(rest);
	return good;
}

bool proxy_check(const char *url)
{
	CURLU *u = curl_url();
	bool good;

	good = u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK && is_bare(u) &&
	       has_good_host(u);
	curl_url_cleanup(u);
	return good;
}

static bool is_name(const char *text)
{
	char url[EGRESS_HOST_SIZE + 16];
	struct egress_target t;
	size_t n = strlen(text);
	CURLU *u;
	bool good;

	if (n == 0 || n >= EGRESS_HOST_SIZE || text[n - 1] == '.' ||
		strpbrk(text, "/?#@\\%:[] ") != NULL)
		return false;
	u = curl_url();
	(void)snprintf(url, sizeof(url), "https://%s", text);
	good = u != NULL && egress_parse(u, url, &t, NULL) && !t.literal;
	curl_url_cleanup(u);
	return good;
}

bool proxy_check_except(const char *text, struct fail *f)
{
	struct address_net net;

	if (strcmp(text, "*") == 0 || is_name(text + (text[0] == '.' ? 1 : 0)) ||
		address_net_parse(text, &net, f))
		return true;
	if (strpbrk(text, "0123456789") != NULL && strchr(text, '/') != NULL)
		return false; /* what is wrong with that network was said */
	return fail_set(f, FAIL_INVALID,
		"'%.60s' is none of NAME, .NAME, an address, a network as 10.1.0.0/16, and *",
		text);
}

bool proxy_is_http(const char *url)
{
	return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
}

/* --- what it answers --- */

/* Of other statuses, as 502, the next attempt may hear another one. */
bool proxy_refuses(long status)
{
	return status >= 300 && status < 500 && status != 408 && status != 429;
}

void proxy_tell(CURLcode code, long status, char *text, size_t size)
{
	if (status == 407)
		(void)snprintf(text, size,
			"its proxy wants a user and a password, or others (407 to CONNECT)");
	else if (status >= 300)
		(void)snprintf(text, size, "its proxy %s to go there (%ld to CONNECT)",
			proxy_refuses(status) ? "refuses" : "fails", status);
	else
		(void)snprintf(text, size, "by way of its proxy: %s", curl_easy_strerror(code));
}
