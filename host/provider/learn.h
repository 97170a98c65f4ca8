/*
 * learn - what the sources of a manifest's secrets have is hidden before anybody can print it: not
 * only what a call opened, as a job may print it that a daemon before this one started.
 */
#ifndef HOST_PROVIDER_LEARN_H
#define HOST_PROVIDER_LEARN_H

#include <stdbool.h>

struct call;
struct provider;

/* Does the manifest say that what the secret of that name has is none? */
bool learn_is_plain(const struct provider *p, const char *name);

/* Those that need no call: the site's connections, the environment, files and what is kept. What
 * cannot be read is passed over. [before the provider has an instance] */
void learn_at_start(struct provider *p);

/* For a call that will show what others wrote: the same again, as files change, and what programs
 * print where open() would ask them and they were not yet asked here. Of a caller's account its
 * details alone. [the thread of the call] */
void learn_for_call(struct call *c);

/* The details of a call's connection from which secrets come, where they are hidden in the texts of
 * this call alone. [before the call runs] */
void learn_details(struct call *c);

#endif
