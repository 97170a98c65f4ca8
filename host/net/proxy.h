/* proxy - is a site's proxy used for a host? Decided here and not by curl, because an address is
 * checked where there is no proxy, and cannot be where there is one. Pure. */
#ifndef HOST_NET_PROXY_H
#define HOST_NET_PROXY_H

struct egress_target;
struct net_proxy;

/* The proxy's URL for requests to t, or NULL: they go straight there. p may be NULL. */
const char *proxy_for(const struct net_proxy *p, const struct egress_target *t);

#endif
