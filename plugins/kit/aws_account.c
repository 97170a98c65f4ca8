/* Where credentials are looked for, in order. */
#include "kit/aws_account.h"

#include <string.h>

#include "kit/aws_region.h"
#include "kit/aws_search.h"

/* --- the host's secrets --- */

davit_secret aws_have(struct aws_search *s, const char *group, const char *word)
{
	struct davit_sdk *sdk = s->sdk;
	const char *name = davit_sdk_format(&sdk->mem, "aws_%s_%s", group, word);
	davit_secret secret = 0;
	int32_t code;

	if (sdk->code != DAVIT_OK)
		return 0;
	code = sdk->host->secret->open(sdk->call, davit_sdk_buf(name), &secret);
	if (code == DAVIT_NOT_FOUND)
		return 0;
	return davit_sdk_pass(sdk, code) == DAVIT_OK ? secret : 0;
}

bool aws_is_text(struct aws_search *s, davit_secret plain, const char *text)
{
	davit_buf value = {NULL, 0};

	return plain != 0 &&
	       s->sdk->host->secret->reveal(s->sdk->call, plain, &value) == DAVIT_OK &&
	       value.n == strlen(text) && memcmp(value.p, text, value.n) == 0;
}

bool aws_refuse(struct aws_search *s, const char *why)
{
	(void)davit_sdk_fail(s->sdk, DAVIT_AUTH, "%s", why);
	return false;
}

/* --- one source after the other; each is true where it is configured --- */

bool aws_find_pair(struct aws_search *s, const char *group)
{
	davit_secret id = aws_have(s, group, "id"), key = aws_have(s, group, "key");

	if ((id == 0) != (key == 0) && s->sdk->code == DAVIT_OK)
		return !aws_refuse(
			s, id == 0 ? "there is a secret access key without its id"
				   : "there is the id of an access key without its secret");
	if (id == 0)
		return false;
	s->account->keys = (struct sigv4_keys){id, key, aws_have(s, group, "token")};
	return true;
}

static bool find_connection(struct aws_search *s)
{
	return aws_find_pair(s, "connection");
}

bool aws_find_environment(struct aws_search *s)
{
	return aws_find_pair(s, "env");
}

static bool fetch_container(struct aws_search *s, struct aws_fresh *ret)
{
	return aws_fetch_container(s->sdk, s->place, s->first, s->second,
		aws_have(s, "container", "authorization"), ret);
}

bool aws_find_container(struct aws_search *s)
{
	s->first = aws_have(s, "container", "relative");
	s->second = s->first == 0 ? aws_have(s, "container", "full") : 0;
	if (s->first == 0 && s->second == 0)
		return false;
	(void)aws_lasting(s, "aws/container", fetch_container);
	return true;
}

static bool fetch_machine(struct aws_search *s, struct aws_fresh *ret)
{
	return aws_fetch_machine(s->sdk, s->place, ret);
}

/* No secret of a caller's account is looked for here, so it is asked whose this is. */
bool aws_find_machine(struct aws_search *s)
{
	davit_secret site = 0;

	if (!s->place->machine || aws_is_text(s, aws_have(s, "machine", "off"), "true") ||
		s->sdk->host->secret->open(s->sdk->call, davit_sdk_buf("aws_site"), &site) !=
			DAVIT_OK)
		return false;
	(void)aws_lasting(s, "aws/machine", fetch_machine);
	return true;
}

static bool find_web(struct aws_search *s)
{
	s->first = aws_have(s, "web", "webtoken");
	if (s->first == 0)
		return false;
	s->role = (struct aws_role){aws_have(s, "web", "role"), aws_have(s, "web", "session"), 0};
	if (s->role.arn == 0)
		return s->sdk->code != DAVIT_OK ||
		       !aws_refuse(s, "AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN");
	(void)aws_lasting(s, "aws/web", aws_lasting_web);
	return true;
}

/* --- all of them --- */

static const struct {
	const char *name;
	aws_source *find;
} sources[] = {
	{"connection", find_connection},
	{"environment", aws_find_environment},
	{"profile", aws_find_profile},
	{"web identity", find_web},
	{"container", aws_find_container},
	{"machine", aws_find_machine},
};

bool aws_account_find(
	struct davit_sdk *sdk, const struct aws_place *place, struct aws_account *ret_account)
{
	struct aws_search s = {.sdk = sdk, .place = place, .account = ret_account};

	*ret_account = (struct aws_account){.origin = ""};
	for (size_t i = 0; i < COUNT(sources) && sdk->code == DAVIT_OK; i++) {
		if (!sources[i].find(&s))
			continue;
		ret_account->origin = sources[i].name;
		return sdk->code == DAVIT_OK;
	}
	if (sdk->code == DAVIT_OK)
		(void)davit_sdk_fail(sdk, DAVIT_AUTH,
			"there are no credentials: give accessKey and secretKey in the connection, "
			"or, of an account of the site, set them in the environment, a profile of "
			"the shared files, a web identity, a container or the machine");
	return false;
}

const char *aws_account_region(struct davit_sdk *sdk)
{
	const davit_host_secret_1 *host = sdk->host->secret;
	davit_secret secret = 0;
	davit_buf value = {NULL, 0};
	const char *region;

	if (sdk->code != DAVIT_OK ||
		host->open(sdk->call, davit_sdk_buf("aws_region"), &secret) != DAVIT_OK ||
		host->reveal(sdk->call, secret, &value) != DAVIT_OK || value.n > 63)
		return "";
	region = davit_sdk_format(&sdk->mem, "%.*s", (int)value.n, value.p);
	return region != NULL && aws_region_valid(region) ? region : "";
}

bool aws_account_drop(struct davit_sdk *sdk, const struct aws_account *account)
{
	if (account->cache == NULL)
		return false;
	return sdk->host->token->drop(sdk->call, davit_sdk_buf(account->cache), account->cached) ==
	       DAVIT_OK;
}
