/*
 * trust - whose certificates are believed: the system's authorities, and those of one file more.
 * Read once, on first use, and shared by all connections; curl would read them for each. Another
 * way to trust, or none at all, is not offered. [the loop's thread, but for open and close]
 */
#ifndef HOST_NET_TRUST_H
#define HOST_NET_TRUST_H

#include <curl/curl.h>
#include <stdbool.h>

struct fail;
struct trust;

/* ca_file: PEM, copied; NULL: the system's authorities only. FAIL_INVALID where it cannot be
 * read. */
struct trust *trust_open(const char *ca_file, struct fail *f);
void trust_close(struct trust *t); /* NULL is fine */

/* Sets the options of a handle of curl. */
void trust_apply(struct trust *t, CURL *easy);

#endif
