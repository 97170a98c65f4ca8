/*
 * aws_account - whose key signs: looks for credentials where AWS' own tools do, in their order, and
 * fetches those that last for some time. All of it is numbers of the host's secrets. [op]
 *
 * Where they may come from is data: a provider's manifest has the rows of aws_secrets.json (CMake:
 * davit_kit_manifest()), which an operator can read. Without a row there is no such source.
 *
 *   connection    accessKey, secretKey, sessionToken of the connection
 *   environment   AWS_ACCESS_KEY_ID, …
 *   profile       shared files, section by AWS_PROFILE or the connection's "profile": keys,
 *                 role_arn with source_profile, credential_source or web_identity_token_file,
 *                 credential_process (where the site has allow_exec)
 *   web identity  AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN
 *   container     AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI
 *   machine       the metadata service (IMDSv2), where the settings ask for it and the manifest has
 *                 the grant "metadata"
 *
 * The first that is configured counts; that it fails is an error and not a reason to go on. Of an
 * account that a caller described only the connection counts. A profile's mfa_serial and single
 * sign-on need a person: credential_process can run what asks one.
 */
#ifndef PLUGINS_KIT_AWS_ACCOUNT_H
#define PLUGINS_KIT_AWS_ACCOUNT_H

#include <davit/sdk.h>

#include <stdbool.h>

#include "kit/sigv4.h"

/* Where to ask; texts of the settings, NULL: as AWS has it. URLs without a slash at their end. */
struct aws_place {
	const char *region;
	const char *sts;       /* "https://sts.REGION.amazonaws.com" */
	const char *container; /* "http://169.254.170.2" */
	const char *metadata;  /* "http://169.254.169.254" */
	bool machine;          /* the machine's own credentials may be used */
};

struct aws_account {
	struct sigv4_keys keys;
	const char *origin; /* one of the words above: a constant */
	const char *cache;  /* of the host's tokens; NULL: it is in none */
	davit_secret cached;
};

/* false: the call failed, in a sentence that says what was looked for. */
bool aws_account_find(
	struct davit_sdk *sdk, const struct aws_place *place, struct aws_account *ret_account);

/* The region that the environment or the profile names, in the call's memory; "": none, or one that
 * cannot be. Of a caller's account there is none. */
const char *aws_account_region(struct davit_sdk *sdk);

/* The other side says that these have ended: what is fetched is fetched anew. True: finding again
 * may give others; try that once. */
bool aws_account_drop(struct davit_sdk *sdk, const struct aws_account *account);

#endif
