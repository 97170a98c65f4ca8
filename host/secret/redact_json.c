/* What is named like a secret in JSON, and JSON without known values. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/json.h"
#include "secret/crypto.h"
#include "secret/member.h"
#include "secret/redact.h"
#include "secret/redact_parts.h"

/* A name that ends so, whatever its case and with or without '_', '-' and ' '. A "tokenizer" is
 * none, nor is a "password_policy". */
static const char *const endings[] = {"password", "passwd", "passphrase", "secret", "secrets",
	"token", "credential", "credentials", "accesskey", "privatekey", "secretkey", "apikey",
	"authkey", "accountkey", "sharedkey", "secretaccesskey", "authorization"};

/* In what is a secret as a whole, these are none by themselves. */
static const char *const plain[] = {"endpoint", "url", "uri", "host", "hostname", "region", "zone",
	"location", "bucket", "project", "projectid", "user", "username", "name", "type", "id",
	"accesskeyid", "keyid", "clientid", "tenantid", "email", "path", "storage", "account",
	"accountid", "tenant", "database", "protocol", "scheme", "version", "port", "algorithm",
	"expires", "scope", "service", "environment"};

#define NAME_MOST 128

/* In lower case, without what parts words. */
static size_t squeeze(const char *name, char out[NAME_MOST])
{
	size_t n = 0;

	for (; *name != '\0' && n < NAME_MOST - 1; name++) {
		if (strchr("_- .", *name) == NULL)
			out[n++] = (char)(*name >= 'A' && *name <= 'Z' ? *name - 'A' + 'a' : *name);
	}
	out[n] = '\0';
	return n;
}

bool redact_is_name(const char *name)
{
	char text[NAME_MOST];
	size_t n = squeeze(name, text);

	for (size_t i = 0; i < COUNT(endings); i++) {
		size_t length = strlen(endings[i]);

		if (n >= length && memcmp(text + n - length, endings[i], length) == 0)
			return true;
	}
	return false;
}

/* Details as a whole, not as the one who writes "secret": {...} may mean them. */
static bool holds_secrets(const char *name)
{
	return strcasecmp(name, "connection_details") == 0 || redact_is_name(name);
}

static bool is_plain(const char *name)
{
	char text[NAME_MOST];

	(void)squeeze(name, text);
	for (size_t i = 0; i < COUNT(plain); i++) {
		if (strcmp(plain[i], text) == 0)
			return true;
	}
	return false;
}

struct naming {
	void (*each)(void *ctx, const void *bytes, size_t n);
	void *ctx;
};

static void visit(const struct naming *to, const json_t *v, bool secret);

/* Some send an object as a text. */
static void visit_text(const struct naming *to, const json_t *v) // NOLINT(misc-no-recursion)
{
	const char *text = json_string_value(v);
	size_t n = json_string_length(v);
	json_t *inner = n > 1 && text[0] == '{' ? member_parse(text, n) : NULL;

	if (json_is_object(inner))
		visit(to, inner, true);
	else
		to->each(to->ctx, text, n);
	member_free(inner);
}

static void visit_object(
	const struct naming *to, const json_t *v, bool secret) // NOLINT(misc-no-recursion)
{
	const char *name;
	json_t *member;

	json_object_foreach((json_t *)v, name, member)
	{
		visit(to, member, holds_secrets(name) || (secret && !is_plain(name)));
	}
}

/* secret: v belongs to what is named like one. As deep as json_parse() lets v be. */
static void visit(
	const struct naming *to, const json_t *v, bool secret) // NOLINT(misc-no-recursion)
{
	const json_t *member;
	size_t i;

	if (json_is_object(v)) {
		visit_object(to, v, secret);
	} else if (json_is_array(v)) {
		json_array_foreach(v, i, member)
		{
			if (secret || json_is_object(member) || json_is_array(member))
				visit(to, member, secret);
		}
	} else if (secret && json_is_string(v)) {
		visit_text(to, v);
	}
}

void redact_named(const json_t *v, void (*each)(void *ctx, const void *bytes, size_t n), void *ctx)
{
	const struct naming to = {each, ctx};

	visit(&to, v, false);
}

static void learn(void *ctx, const void *bytes, size_t n)
{
	const enum redact_sort *sort = ctx;

	redact_learn(*sort, bytes, n);
}

void redact_learn_json(enum redact_sort sort, const json_t *v)
{
	redact_named(v, learn, &sort);
}

void redact_learn_source(const void *bytes, size_t n)
{
	const char *text = bytes;
	json_t *v = n > 1 && text[0] == '{' ? member_parse(text, n) : NULL;

	redact_learn(REDACT_SOURCE, bytes, n);
	redact_learn_json(REDACT_SOURCE, v);
	member_free(v);
}

/* Writes what %XX at c stands for. False: it stands for itself. */
static bool plain_byte(const char *c, char *ret)
{
	char digits[3] = "";

	*ret = *c;
	if (c[0] != '%' || !isxdigit((unsigned char)c[1]) || !isxdigit((unsigned char)c[2]))
		return false;
	memcpy(digits, c + 1, 2);
	*ret = (char)strtol(digits, NULL, 16);
	return true;
}

/* The password between the first ':' and the last '@' before the path. */
void redact_learn_url(enum redact_sort sort, const char *url)
{
	const char *from = url != NULL ? strstr(url, "://") : NULL;
	size_t most = from != NULL ? strcspn(from + 3, "/?#") : 0;
	const char *colon = from != NULL ? memchr(from + 3, ':', most) : NULL;
	const char *at = from != NULL ? memrchr(from + 3, '@', most) : NULL;
	char *text = colon != NULL && at != NULL && at > colon ? malloc(strlen(url)) : NULL;
	size_t n = 0;

	if (text == NULL)
		return;
	for (const char *c = colon + 1; c < at; c++) {
		if (plain_byte(c, &text[n++]))
			c += 2;
	}
	redact_learn(sort, text, n);
	redact_learn(sort, colon + 1, (size_t)(at - colon - 1));
	crypto_cleanse(text, n);
	free(text);
}

/* --- without --- */

static void redact_string(json_t *v)
{
	size_t n = json_string_length(v);
	char *text = n >= REDACT_LEAST ? malloc(n + 1) : NULL;
	size_t left = n;

	if (text != NULL) {
		memcpy(text, json_string_value(v), n + 1);
		left = redact_text(text, n, false);
	}
	if (left < n && json_string_setn(v, text, left) != 0)
		(void)json_string_set_nocheck(v, REDACT_MARK); /* a character was cut in two */
	free(text);
}

static bool is_one_of(const char *name, const char *const *names)
{
	while (*names != NULL && strcmp(*names, name) != 0)
		names++;
	return *names != NULL;
}

/* All but the members of these names, which end in NULL. */
// NOLINTNEXTLINE(misc-no-recursion): JSON is as deep as the parser let it be
static void redact_others(json_t *v, const char *const *names)
{
	const char *name;
	json_t *member;
	size_t i;

	if (json_is_string(v))
		redact_string(v);
	json_array_foreach(v, i, member)
	{
		redact_others(member, names);
	}
	json_object_foreach(v, name, member)
	{
		if (!is_one_of(name, names))
			redact_others(member, names);
	}
}

void redact_json(json_t *v)
{
	static const char *const none[] = {NULL};

	redact_others(v, none);
}

void redact_answer(json_t *v)
{
	static const char *const identities[] = {"id", "resource", "ref", "handle", "label", NULL};

	redact_others(v, identities);
}
