/*
 * aws_search - a search for credentials while it goes on. Internal to aws_account. [op]
 *
 *   aws_account.c   the sources in their order
 *   aws_profile.c   profiles of shared files
 *   aws_lasting.c   what is fetched, and kept by the host for as long as it lasts
 *   aws_fetch.c     from whom
 */
#ifndef PLUGINS_KIT_AWS_SEARCH_H
#define PLUGINS_KIT_AWS_SEARCH_H

#include "kit/aws_account.h"
#include "kit/aws_fetch.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct aws_search {
	struct davit_sdk *sdk;
	const struct aws_place *place;
	struct aws_account *account; /* found so far */
	struct aws_role role;        /* of what is being fetched, */
	davit_secret first, second;  /* and what it is asked with */
};

/* A source: true where it is configured, with account written, or where the call has failed. */
typedef bool aws_source(struct aws_search *s);
aws_source aws_find_environment, aws_find_container, aws_find_machine, aws_find_profile;

/* What the row aws_GROUP_WORD of the manifest has; 0: nothing, or the call has failed. */
davit_secret aws_have(struct aws_search *s, const char *group, const char *word);

/* Is it that text? plain: of a row that the manifest calls so. */
bool aws_is_text(struct aws_search *s, davit_secret plain, const char *text);

/* Ends the call. Returns false. */
bool aws_refuse(struct aws_search *s, const char *why);

/* A source: id, key and token of a group. Half a pair ends the call. */
bool aws_find_pair(struct aws_search *s, const char *group);

/* --- aws_lasting.c --- */

typedef bool aws_fetch(struct aws_search *s, struct aws_fresh *ret);

/* Into account: what the host keeps under key, or what how fetches, for all calls together. While
 * the old ones live it is no failure that new ones cannot be had. false: the call failed. */
bool aws_lasting(struct aws_search *s, const char *key, aws_fetch *how);

/* Into account: of a JSON object at three pointers; the last may lead nowhere. */
bool aws_unpack(struct aws_search *s, davit_secret packed, const char *const pointers[3]);

/* Asks with role, and the token in first: of a source that aws_lasting() is given. */
aws_fetch aws_lasting_web;

#endif
