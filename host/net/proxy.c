/* Which hosts a proxy is not used for, what is one, and why nothing came through it. */
#include "net/proxy.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

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
