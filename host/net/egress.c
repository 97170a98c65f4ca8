/* Hosts and addresses against lists. All reading of URLs is libcurl's. */
#include "net/egress.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

#define HTTP_PORT  80
#define HTTPS_PORT 443
#define LABEL_MAX  63
#define NAME_MAX_  253
#define QUOTE_MAX  200 /* bytes of a URL that may stand in an error */

struct egress_entry {
	char host[EGRESS_HOST_SIZE];
	uint16_t port;
	bool tls;
	bool below; /* those below host, not itself */
};

/* --- reading a URL --- */

/* What stands before the path, and behind an '@', is no secret; the rest may be. */
static bool bad(const char *url, struct fail *f, const char *why)
{
	const char *host = strstr(url, "://");
	size_t n = host != NULL ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?#\\") : 0;

	if (n == 0 || n > QUOTE_MAX || memchr(url, '@', n) != NULL)
		return fail_set(f, FAIL_INVALID, "its URL cannot be requested: %s", why);
	return fail_set(f, FAIL_INVALID, "'%.*s' cannot be requested: %s", (int)n, url, why);
}

static uint16_t usual_port(bool tls)
{
	return tls ? HTTPS_PORT : HTTP_PORT;
}

/* A part of u as a text the caller frees with curl_free(); NULL: it has none. */
static char *part(CURLU *u, CURLUPart what, unsigned flags)
{
	char *text = NULL;

	return curl_url_get(u, what, &text, flags) == CURLUE_OK ? text : NULL;
}

static bool read_scheme(CURLU *u, struct egress_target *t)
{
	char *scheme = part(u, CURLUPART_SCHEME, 0);
	bool known = scheme != NULL;

	if (known) {
		t->tls = strcmp(scheme, "https") == 0;
		known = t->tls || strcmp(scheme, "http") == 0;
	}
	curl_free(scheme);
	return known;
}

static bool read_port(CURLU *u, struct egress_target *t)
{
	char *text = part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	unsigned long port = text != NULL ? strtoul(text, NULL, 10) : 0;

	curl_free(text);
	t->port = (uint16_t)port;
	return port > 0 && port <= UINT16_MAX;
}

/* Lower case, without the dot that may stand behind. */
static bool copy_host(char host[EGRESS_HOST_SIZE], const char *from)
{
	size_t n = strlen(from);

	if (n > 0 && from[n - 1] == '.')
		n--;
	if (n == 0 || n >= EGRESS_HOST_SIZE)
		return false;
	for (size_t i = 0; i < n; i++)
		host[i] = (char)(from[i] >= 'A' && from[i] <= 'Z' ? from[i] - 'A' + 'a' : from[i]);
	host[n] = '\0';
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
}

/* Would a reader of addresses take this last label for a number? */
static bool is_number(const char *label)
{
	if (label[0] == '0' && label[1] == 'x')
		return label[2 + strspn(label + 2, "0123456789abcdef")] == '\0';
	return label[strspn(label, "0123456789")] == '\0';
}

/* Labels of letters, digits, hyphens and underscores, the last one no number. International
 * letters are not converted: how libcurl does that depends on the locale. */
static bool is_name(const char *host)
{
	const char *label = host;

	if (strlen(host) > NAME_MAX_)
		return false;
	for (const char *c = host;; c++) {
		if (is_name_byte(*c))
			continue;
		if ((*c != '.' && *c != '\0') || c == label || c - label > LABEL_MAX)
			return false;
		if (*c == '\0')
			return !is_number(label);
		label = c + 1;
	}
}

/* Every form that the C library reads as an IPv4 address is one; the resolver would agree. */
static bool take_v4(struct egress_target *t)
{
	struct in_addr four;

	if (inet_aton(t->host, &four) == 0 ||
		inet_ntop(AF_INET, &four, t->host, sizeof(t->host)) == NULL)
		return false;
	return address_parse(t->host, &t->address);
}

/* [address]: as text without the brackets. */
static bool take_v6(struct egress_target *t)
{
	size_t n = strlen(t->host);
	char text[ADDRESS_TEXT_SIZE];

	if (n < 2 || t->host[n - 1] != ']')
		return false;
	t->host[n - 1] = '\0';
	if (strchr(t->host, ':') == NULL || !address_parse(t->host + 1, &t->address))
		return false;
	(void)snprintf(t->host, sizeof(t->host), "%s", address_text(&t->address, text));
	return true;
}

static bool take_host(struct egress_target *t)
{
	if (t->host[0] == '[')
		t->literal = take_v6(t);
	else
		t->literal = take_v4(t);
	return t->literal || is_name(t->host);
}

/* Writes the host back into u. A mapped address is sent as the IPv4 address that it is. */
static bool write_host(CURLU *u, const struct egress_target *t)
{
	char text[EGRESS_HOST_SIZE + 2];
	bool v6 = strchr(t->host, ':') != NULL;

	(void)snprintf(text, sizeof(text), v6 ? "[%s]" : "%s", t->host);
	return curl_url_set(u, CURLUPART_HOST, text, 0) == CURLUE_OK;
}

static bool read_host(CURLU *u, struct egress_target *t)
{
	char *zone = part(u, CURLUPART_ZONEID, 0);
	char *host = part(u, CURLUPART_HOST, 0);
	bool fine = zone == NULL && host != NULL && copy_host(t->host, host);

	curl_free(zone);
	curl_free(host);
	return fine && take_host(t) && write_host(u, t);
}

bool egress_parse(CURLU *u, const char *url, struct egress_target *ret_target, struct fail *f)
{
	CURLUcode code =
		curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER | CURLU_PATH_AS_IS);

	*ret_target = (struct egress_target){0};
	if (code == CURLUE_USER_NOT_ALLOWED) /* and do not repeat it */
		return fail_set(f, FAIL_INVALID,
			"a URL with a user name or password cannot be requested: send them in a "
			"header");
	if (code == CURLUE_OUT_OF_MEMORY)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	if (code != CURLUE_OK)
		return bad(url, f, "it is no URL");
	if (!read_scheme(u, ret_target))
		return bad(url, f, "its scheme is neither https nor http");
	if (!read_port(u, ret_target))
		return bad(url, f, "its port is not in 1 to 65535");
	if (!read_host(u, ret_target))
		return bad(url, f,
			"its host is neither a name nor an address (an international name is "
			"written in ASCII, as xn--...)");
	return true;
}

const char *egress_origin(const struct egress_target *t, char *text, size_t size)
{
	bool v6 = strchr(t->host, ':') != NULL;
	char port[8] = "";

	if (t->port != usual_port(t->tls))
		(void)snprintf(port, sizeof(port), ":%u", t->port);
	(void)snprintf(text, size, "%s://%s%s%s%s", t->tls ? "https" : "http", v6 ? "[" : "",
		t->host, v6 ? "]" : "", port);
	return text;
}

/* --- lists --- */

static bool add(struct egress_list *l, const struct egress_target *t, bool below, struct fail *f)
{
	struct egress_entry *entries;
	struct egress_entry *e;

	if (l->count == EGRESS_LIST_MAX)
		return fail_set(f, FAIL_TOO_LARGE, "a list of egress has at most %d hosts",
			EGRESS_LIST_MAX);
	entries = realloc(l->entries, (l->count + 1) * sizeof(*entries));
	if (entries == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	l->entries = entries;
	e = &entries[l->count++];
	*e = (struct egress_entry){.port = t->port, .tls = t->tls, .below = below};
	memcpy(e->host, t->host, sizeof(e->host));
	return true;
}

static bool read_url(const char *url, struct egress_target *ret_target, struct fail *f)
{
	CURLU *u = curl_url();
	bool fine;

	if (u == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	fine = egress_parse(u, url, ret_target, f);
	curl_url_cleanup(u);
	return fine;
}

bool egress_list_add_url(struct egress_list *l, const char *url, struct fail *f)
{
	struct egress_target t;

	return read_url(url, &t, f) && add(l, &t, false, f);
}

bool egress_list_add(struct egress_list *l, const char *text, struct fail *f)
{
	bool plain = strncmp(text, "http://", 7) == 0;
	const char *rest = plain ? text + 7 : strncmp(text, "https://", 8) == 0 ? text + 8 : text;
	bool below = strncmp(rest, "*.", 2) == 0;
	char url[EGRESS_HOST_SIZE + 16];
	struct egress_target t = {0};
	int n;

	n = snprintf(url, sizeof(url), "%s://%s", plain ? "http" : "https", rest + (below ? 2 : 0));
	if (n < 0 || (size_t)n >= sizeof(url) || strpbrk(rest, "/?#@\\%") != NULL ||
		!read_url(url, &t, NULL) || (below && t.literal))
		return fail_set(f, FAIL_INVALID,
			"'%.200s' is no host: write NAME or *.NAME, with :PORT behind and https:// "
			"or http:// before if need be",
			text);
	return add(l, &t, below, f);
}

void egress_list_finish(struct egress_list *l)
{
	free(l->entries);
	*l = (struct egress_list){0};
}

bool egress_networks_add(struct egress_networks *n, const char *text, struct fail *f)
{
	struct address_net net;
	struct address_net *nets;

	if (!address_net_parse(text, &net, f))
		return false;
	if (n->count == EGRESS_LIST_MAX)
		return fail_set(
			f, FAIL_TOO_LARGE, "a list of networks has at most %d", EGRESS_LIST_MAX);
	nets = realloc(n->nets, (n->count + 1) * sizeof(*nets));
	if (nets == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	nets[n->count++] = net;
	n->nets = nets;
	return true;
}

void egress_networks_finish(struct egress_networks *n)
{
	free(n->nets);
	*n = (struct egress_networks){0};
}

/* --- asking --- */

static bool names(const struct egress_entry *e, const struct egress_target *t)
{
	size_t n = strlen(t->host);
	size_t tail = strlen(e->host);

	if (!e->below)
		return strcmp(e->host, t->host) == 0;
	return !t->literal && n > tail + 1 && t->host[n - tail - 1] == '.' &&
	       strcmp(t->host + n - tail, e->host) == 0;
}

/* exact: scheme and port count too. */
static bool lists(const struct egress_list *l, const struct egress_target *t, bool exact)
{
	for (size_t i = 0; l != NULL && i < l->count; i++) {
		const struct egress_entry *e = &l->entries[i];

		if (names(e, t) && (!exact || (e->tls == t->tls && e->port == t->port)))
			return true;
	}
	return false;
}

static bool asked_for(const struct egress_rules *r, const struct egress_target *t, bool exact)
{
	return lists(r->manifest, t, exact) || lists(r->connection, t, exact);
}

/* What the site lists, or https where it lists nothing. */
static bool site_allows(const struct egress_rules *r, const struct egress_target *t, struct fail *f)
{
	char origin[EGRESS_HOST_SIZE + 32];

	(void)egress_origin(t, origin, sizeof(origin));
	if (r->provider != NULL && !lists(r->provider, t, true))
		return fail_set(f, FAIL_FORBIDDEN,
			"requests to %s are not allowed: add '%s' to the provider's egress in "
			"providers.d if they should be",
			origin, origin);
	if (r->site != NULL && !lists(r->site, t, true))
		return fail_set(f, FAIL_FORBIDDEN,
			"requests to %s are not allowed: add '%s' to net.egress if they should be",
			origin, origin);
	if (r->provider != NULL || r->site != NULL || (t->tls && asked_for(r, t, true)))
		return true;
	return fail_set(f, FAIL_FORBIDDEN,
		"requests to %s are not allowed: %s; give the provider in providers.d an egress "
		"with '%s' if they should be",
		origin,
		t->tls ? "its port is not one that the provider asked for" : "it is not https",
		origin);
}

bool egress_allows(const struct egress_rules *r, const struct egress_target *t, struct fail *f)
{
	if (!asked_for(r, t, false))
		return fail_set(f, FAIL_FORBIDDEN,
			"requests to '%s' are not allowed: the egress of the provider's manifest "
			"does not name that host",
			t->host);
	return site_allows(r, t, f) && (!t->literal || egress_allows_address(r, &t->address, f));
}

static bool granted(const struct egress_networks *n, const struct address *a)
{
	for (size_t i = 0; n != NULL && i < n->count; i++) {
		if (address_net_holds(&n->nets[i], a))
			return true;
	}
	return false;
}

bool egress_allows_address(const struct egress_rules *r, const struct address *a, struct fail *f)
{
	enum address_kind kind = address_kind(a);
	char text[ADDRESS_TEXT_SIZE];

	if (kind == ADDRESS_PUBLIC)
		return true;
	if (!granted(r->private_networks, a))
		return fail_set(f, FAIL_FORBIDDEN,
			"requests to %s are not allowed: it is %s, and in none of the provider's "
			"private_networks",
			address_text(a, text), address_kind_text(kind));
	if (kind == ADDRESS_METADATA && !r->metadata)
		return fail_set(f, FAIL_FORBIDDEN,
			"requests to %s are not allowed: it is %s, and the provider's manifest has "
			"no grant 'metadata'",
			address_text(a, text), address_kind_text(kind));
	return true;
}
