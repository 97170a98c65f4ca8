/*
 * aws_fetch - asks those who give out credentials for some time. Internal to aws_account. All
 * return false where the call has failed. [op]
 */
#ifndef PLUGINS_KIT_AWS_FETCH_H
#define PLUGINS_KIT_AWS_FETCH_H

#include "kit/aws_account.h"

struct aws_fresh {
	struct sigv4_keys keys;
	int64_t expires_ms; /* wall clock */
};

/* A role; 0 is absent. */
struct aws_role {
	davit_secret arn, session, external;
};

/* AssumeRole, signed with keys. */
bool aws_fetch_role(struct davit_sdk *sdk, const struct aws_place *place,
	const struct aws_role *role, const struct sigv4_keys *keys, struct aws_fresh *ret);

/* AssumeRoleWithWebIdentity, which the token alone allows. */
bool aws_fetch_web(struct davit_sdk *sdk, const struct aws_place *place,
	const struct aws_role *role, davit_secret token, struct aws_fresh *ret);

/* The agent of a container at a path below its address, or at a whole URL (the other is 0);
 * authorization 0: none is sent. */
bool aws_fetch_container(struct davit_sdk *sdk, const struct aws_place *place, davit_secret path,
	davit_secret url, davit_secret authorization, struct aws_fresh *ret);

/* The machine's metadata service, with a token of its own (IMDSv2). */
bool aws_fetch_machine(struct davit_sdk *sdk, const struct aws_place *place, struct aws_fresh *ret);

#endif
