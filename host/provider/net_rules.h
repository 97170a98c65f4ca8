/*
 * net_rules - where one provider may send requests, how many, and by which proxy: of its manifest,
 * its settings and the site's configuration. Made before its instance, constant from then on.
 */
#ifndef HOST_PROVIDER_NET_RULES_H
#define HOST_PROVIDER_NET_RULES_H

#include <jansson.h>
#include <stdbool.h>

#include "net/egress.h"
#include "net/net.h"

struct call;
struct config;
struct config_provider;
struct fail;
struct limits;

struct net_rules {
	struct egress_list manifest; /* its names, and hosts of the settings */
	struct egress_list provider; /* the site's list for it */
	struct egress_networks networks;
	bool metadata; /* the manifest's grant */
	struct net_proxy proxy;
	struct limits *limits;
};

/* Two steps, because another is to blame: the manifest's author, or the site. What is made by the
 * time of a failure is freed by net_rules_close(). FAIL_INVALID names the member or key.
 * settings: what create() gets. */
bool net_rules_of_manifest(struct net_rules *r, const json_t *manifest, struct fail *f);
bool net_rules_of_config(struct net_rules *r, const json_t *manifest, const json_t *settings,
	const struct config_provider *config, struct fail *f);
void net_rules_close(struct net_rules *r);

/* The hosts of the call's connection that the manifest names by "connection:/POINTER". */
bool net_rules_of_connection(
	const json_t *manifest, const json_t *connection, struct egress_list *ret, struct fail *f);

/* The site's list for all; none is an empty one. FAIL_INVALID. */
bool net_rules_of_site(const struct config *config, struct egress_list *ret, struct fail *f);

/* The proxy of a site connection, or that of the provider; which hosts it is not used for says the
 * connection, where it says anything of proxies. name may be NULL. */
struct net_proxy net_rules_proxy(
	const struct net_rules *r, const struct config *config, const char *name);

#endif
