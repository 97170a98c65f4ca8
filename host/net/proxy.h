/* proxy - is a site's proxy used for a host? Decided here and not by curl, because an address is
 * checked where there is no proxy, and cannot be where there is one. Pure. [any thread] */
#ifndef HOST_NET_PROXY_H
#define HOST_NET_PROXY_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

struct egress_target;
struct fail;
struct net_proxy;

/* The proxy's URL for requests to t, or NULL: they go straight there. p may be NULL. */
const char *proxy_for(const struct net_proxy *p, const struct egress_target *t);

/*
 * Is url one of http or https with a host, maybe a user, a password and a port, and nothing behind?
 * It must not be quoted where it is none: a password may stand anywhere in it.
 */
bool proxy_check(const char *url);

/* Is it NAME, .NAME, an address, a network or "*"? FAIL_INVALID. */
bool proxy_check_except(const char *text, struct fail *f);

/* Is url one of http or https? Of other sorts, as socks5, some are given the address that the name
 * has here, which nobody would have looked at. */
bool proxy_is_http(const char *url);

/* Is status, the answer to CONNECT, the proxy's last word? 0: there is none. */
bool proxy_refuses(long status);

/* Writes why nothing came through a proxy: without curl's own words, which may quote its URL. */
void proxy_tell(CURLcode code, long status, char *text, size_t size);

#endif
