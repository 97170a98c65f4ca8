/* Profiles of shared files, and what they lead to. */
#include "kit/aws_search.h"

/* Profiles that name each other: rows aws_file_…, aws_source_…, aws_base_… of the manifest. */
static const char *const levels[] = {"file", "source", "base"};

static bool find_profile_at(struct aws_search *s, size_t level, bool keys_only);

/* credential_source: what a profile's role is asked for with. */
static bool find_from(struct aws_search *s, davit_secret from)
{
	static const struct {
		const char *word;
		aws_source *find;
	} sources[] = {
		{"Environment", aws_find_environment},
		{"EcsContainer", aws_find_container},
		{"Ec2InstanceMetadata", aws_find_machine},
	};

	for (size_t i = 0; i < COUNT(sources); i++) {
		if (!aws_is_text(s, from, sources[i].word))
			continue;
		if (!sources[i].find(s) && s->sdk->code == DAVIT_OK)
			return aws_refuse(s,
				"what credential_source of the profile names has none, "
				"or may not be used here");
		return s->sdk->code == DAVIT_OK;
	}
	return aws_refuse(s,
		"credential_source of the profile must be Environment, EcsContainer or "
		"Ec2InstanceMetadata");
}

/* Who asks for the role of that level, into account. */
static bool find_asking(struct aws_search *s, size_t level)
{
	davit_secret next = aws_have(s, levels[level], "source");
	davit_secret from = aws_have(s, levels[level], "from"), own = 0;

	if (s->sdk->code != DAVIT_OK)
		return false;
	if (next == 0)
		return from != 0 ? find_from(s, from)
		                 : aws_refuse(s, "the profile has role_arn without source_profile, "
						 "credential_source or web_identity_token_file");
	if (level + 1 == COUNT(levels))
		return aws_refuse(s, "more than 3 profiles name each other by source_profile");
	own = level == 0 ? aws_have(s, "profile", "name")
	                 : aws_have(s, levels[level - 1], "source");
	if (!find_profile_at(s, level + 1, own == next) && s->sdk->code == DAVIT_OK)
		return aws_refuse(s, "the profile that source_profile names has no credentials");
	return s->sdk->code == DAVIT_OK;
}

static bool fetch_role_at(struct aws_search *s, size_t level, struct aws_fresh *ret)
{
	struct sigv4_keys keys;

	if (!find_asking(s, level))
		return false;
	keys = s->account->keys;
	s->role = (struct aws_role){aws_have(s, levels[level], "role"),
		aws_have(s, levels[level], "session"), aws_have(s, levels[level], "external")};
	return s->sdk->code == DAVIT_OK && aws_fetch_role(s->sdk, s->place, &s->role, &keys, ret);
}

static bool fetch_role_0(struct aws_search *s, struct aws_fresh *ret)
{
	return fetch_role_at(s, 0, ret);
}

static bool fetch_role_1(struct aws_search *s, struct aws_fresh *ret)
{
	return fetch_role_at(s, 1, ret);
}

static bool fetch_role_2(struct aws_search *s, struct aws_fresh *ret)
{
	return fetch_role_at(s, 2, ret);
}

/* Where a role of each level is kept, and a role by web identity. */
static const struct {
	const char *role, *web;
	aws_fetch *fetch;
} caches[] = {
	{"aws/file", "aws/file/web", fetch_role_0},
	{"aws/source", "aws/source/web", fetch_role_1},
	{"aws/base", "aws/base/web", fetch_role_2},
};

static void find_role(struct aws_search *s, size_t level, davit_secret role)
{
	const char *group = levels[level];

	if (aws_have(s, group, "mfa") != 0) {
		(void)aws_refuse(s, "the profile has mfa_serial, which needs a person: use "
				    "credential_process or a session's keys");
		return;
	}
	s->first = aws_have(s, group, "web") != 0 ? aws_have(s, group, "webtoken") : 0;
	if (s->first != 0) {
		s->role = (struct aws_role){role, aws_have(s, group, "session"), 0};
		(void)aws_lasting(s, caches[level].web, aws_lasting_web);
	} else if (s->sdk->code == DAVIT_OK && aws_have(s, group, "web") != 0) {
		(void)aws_refuse(s, "the file that web_identity_token_file names is not there");
	} else {
		(void)aws_lasting(s, caches[level].role, caches[level].fetch);
	}
}

static bool find_process(struct aws_search *s, const char *group)
{
	static const char *const pointers[] = {"/AccessKeyId", "/SecretAccessKey", "/SessionToken"};
	davit_secret printed;

	if (aws_have(s, group, "process") == 0)
		return false;
	printed = aws_have(s, group, "printed");
	if (printed == 0 && s->sdk->code == DAVIT_OK)
		return !aws_refuse(s,
			"the profile has credential_process: the site must allow this "
			"provider to start programs (allow_exec)");
	if (printed != 0)
		(void)aws_unpack(s, printed, pointers);
	return true;
}

/* True: the profile has something, or the call has failed. keys_only: it is its own source, and
 * its role is not meant. */
static bool find_profile_at(struct aws_search *s, size_t level, bool keys_only)
{
	davit_secret role = keys_only ? 0 : aws_have(s, levels[level], "role");

	if (role != 0) {
		find_role(s, level, role);
		return true;
	}
	return s->sdk->code != DAVIT_OK || aws_find_pair(s, levels[level]) ||
	       s->sdk->code != DAVIT_OK || find_process(s, levels[level]);
}

bool aws_find_profile(struct aws_search *s)
{
	return find_profile_at(s, 0, false);
}
