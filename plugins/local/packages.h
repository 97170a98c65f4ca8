/*
 * packages - what a Python environment is to hold: lines of requirements together with what says
 * how they are installed (the site's Python and pip settings), sealed as a blob. Its digest is what
 * records keep, and names the environment; see environments.h. All memory is the call's.
 */
#ifndef PLUGINS_LOCAL_PACKAGES_H
#define PLUGINS_LOCAL_PACKAGES_H

#include "requirements.h"

/* The digest of those lines with the site's settings as they now are; NULL: the call failed. */
const char *packages_seal(struct local_call *c, const struct requirements *lines);

/* What was sealed: {"python", "pip", "requirements"}; NULL: the call failed. */
const struct davit_sdk_json *packages_read(struct local_call *c, const char *digest);

/* The digest of the same lines with the site's settings as they now are; NULL: the call failed. */
const char *packages_renew(struct local_call *c, const char *digest);

/* "installing 2 requirements: a, b", of what packages_read() gave. */
const char *packages_installing(struct local_call *c, const struct davit_sdk_json *packages);

/* The items of an array of texts (NULL: none) as one text, each followed by end. */
const char *packages_joined(
	struct local_call *c, const struct davit_sdk_json *array, const char *end);

#endif
