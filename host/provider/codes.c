/*
 * Between the two vocabularies of failure. A provider's DAVIT_AUTH is about its credentials at
 * the other side, not about our caller's: a 401 or 403 of ours would send people to the wrong
 * password, so it becomes FAIL_UPSTREAM with its text.
 */
#include "provider/codes.h"

#include <davit/abi.h>
#include <stddef.h>

#include "base/attr.h"

static const struct {
	const char *word;
	int32_t code;
	enum fail_code fail;
	const char *text;
} rows[] = {
	{"retry", DAVIT_RETRY, FAIL_UNAVAILABLE, "the provider cannot do it now; try again later"},
	{"throttled", DAVIT_THROTTLED, FAIL_BUSY, "the provider's other side asks for a pause"},
	{"auth", DAVIT_AUTH, FAIL_UPSTREAM,
		"the provider's credentials are missing, refused or expired"},
	{"quota", DAVIT_QUOTA, FAIL_UPSTREAM, "the provider's account may not have more of this"},
	{"invalid", DAVIT_INVALID, FAIL_INVALID, "the provider says that the request is wrong"},
	{"not_found", DAVIT_NOT_FOUND, FAIL_NOT_FOUND, "the provider has no such object"},
	{"conflict", DAVIT_CONFLICT, FAIL_CONFLICT,
		"the provider says that the object exists or is in use"},
	{"unsupported", DAVIT_UNSUPPORTED, FAIL_UNSUPPORTED, "the provider does not offer this"},
	{"cancelled", DAVIT_CANCELLED, FAIL_UNAVAILABLE, "the call was stopped before it ended"},
	{"deadline", DAVIT_DEADLINE, FAIL_DEADLINE, "the provider did not answer in time"},
	{"internal", DAVIT_INTERNAL, FAIL_INTERNAL, "the provider has an internal error"},
	{"permanent", DAVIT_PERMANENT, FAIL_UPSTREAM, "the provider says that it failed for good"},
};

bool codes_known(int32_t code)
{
	return code >= DAVIT_OK && code <= DAVIT_PERMANENT;
}

enum fail_code codes_fail(int32_t code)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].code == code)
			return rows[i].fail;
	}
	return FAIL_INTERNAL;
}

const char *codes_word(int32_t code)
{
	if (code == DAVIT_OK)
		return "ok";
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].code == code)
			return rows[i].word;
	}
	return "internal";
}

const char *codes_text(int32_t code)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].code == code)
			return rows[i].text;
	}
	return "the provider has an internal error";
}

static const int32_t by_fail[FAIL_CODE_COUNT] = {
	[FAIL_NONE] = DAVIT_INTERNAL,
	[FAIL_INVALID] = DAVIT_INVALID,
	[FAIL_AUTH] = DAVIT_AUTH,
	[FAIL_FORBIDDEN] = DAVIT_INVALID,
	[FAIL_NOT_FOUND] = DAVIT_NOT_FOUND,
	[FAIL_METHOD] = DAVIT_INVALID,
	[FAIL_CONFLICT] = DAVIT_CONFLICT,
	[FAIL_TOO_LARGE] = DAVIT_QUOTA,
	[FAIL_MEDIA_TYPE] = DAVIT_INVALID,
	[FAIL_UNPROCESSABLE] = DAVIT_INVALID,
	[FAIL_BUSY] = DAVIT_THROTTLED,
	[FAIL_INTERNAL] = DAVIT_INTERNAL,
	[FAIL_UNSUPPORTED] = DAVIT_UNSUPPORTED,
	[FAIL_UPSTREAM] = DAVIT_PERMANENT,
	[FAIL_UNAVAILABLE] = DAVIT_RETRY,
	[FAIL_DEADLINE] = DAVIT_DEADLINE,
};

int32_t codes_of_fail(enum fail_code code)
{
	return code < FAIL_CODE_COUNT ? by_fail[code] : DAVIT_INTERNAL;
}
