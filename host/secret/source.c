/* One function per form; the table says which. */
#include "secret/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "platform/fs.h"
#include "secret/crypto.h"
#include "secret/member.h"

struct reading {
	const char *rest; /* of the source, behind its word */
	const struct source_place *place;
	char **value;
	size_t *n;
};

static bool none(struct fail *f)
{
	return fail_set(f, FAIL_NOT_FOUND, "it has none");
}

static bool give(const struct reading *r, const char *text, size_t n, struct fail *f)
{
	char *copy = malloc(n + 1);

	if (copy == NULL)
		return fail_set(f, FAIL_AUTH, "out of memory");
	memcpy(copy, text, n);
	copy[n] = '\0';
	*r->value = copy;
	*r->n = n;
	return true;
}

static void drop(char *text, size_t n)
{
	if (text != NULL)
		crypto_cleanse(text, n);
	free(text);
}

/* --- connection, env, text, kept --- */

static bool read_connection(const struct reading *r, struct fail *f)
{
	const json_t *v = r->rest[0] == '/' ? json_at(r->place->connection, r->rest)
	                                    : json_object_get(r->place->connection, r->rest);

	if (v == NULL || json_is_null(v))
		return none(f);
	if (!json_is_string(v))
		return fail_set(f, FAIL_AUTH, "it is no text");
	return give(r, json_string_value(v), json_string_length(v), f);
}

static bool read_env(const struct reading *r, struct fail *f)
{
	const char *text = source_variable(r->place->environment, r->rest, strlen(r->rest));

	return text != NULL ? give(r, text, strlen(text), f) : none(f);
}

static bool read_text(const struct reading *r, struct fail *f)
{
	return give(r, r->rest, strlen(r->rest), f);
}

static bool read_kept(const struct reading *r, struct fail *f)
{
	return r->place->kept != NULL ? r->place->kept(r->place->ctx, r->value, r->n, f) : none(f);
}

/* --- files --- */

/* The content of what path names, once expanded. */
static bool read_path(const struct reading *r, const char *path, size_t path_n, char **ret_text,
	size_t *ret_n, struct fail *f)
{
	static const struct fs_named how = {.limit = SOURCE_BYTES_MAX};
	char *raw = strndup(path, path_n);
	char *real = raw != NULL ? source_expand(raw, r->place, f) : NULL;
	bool ok = real != NULL && fs_read_named(real, &how, ret_text, ret_n, f);

	free(raw);
	free(real);
	return ok;
}

static size_t without_line_end(const char *text, size_t n)
{
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	return n;
}

static bool read_file(const struct reading *r, struct fail *f)
{
	char *text = NULL;
	size_t n = 0;
	bool ok;

	if (!read_path(r, r->rest, strlen(r->rest), &text, &n, f))
		return false;
	ok = give(r, text, without_line_end(text, n), f);
	drop(text, n);
	return ok;
}

/* place: SECTION.KEY, expanded. */
static bool take_ini(const struct reading *r, const char *text, const char *place, struct fail *f)
{
	const char *point = strrchr(place, '.');
	const char *value = NULL;
	size_t n = 0;

	if (point == NULL ||
		!source_ini(text, place, (size_t)(point - place), point + 1, &value, &n))
		return none(f);
	return give(r, value, n, f);
}

/* What stands behind the '#' of path#place is looked for in the file. */
static bool read_within(const struct reading *r, bool json, struct fail *f)
{
	const char *hash = strchr(r->rest, '#');
	char *place = hash != NULL ? source_expand(hash + 1, r->place, f) : NULL;
	char *text = NULL;
	size_t n = 0;
	bool ok = place != NULL && read_path(r, r->rest, (size_t)(hash - r->rest), &text, &n, f);

	if (ok)
		ok = json ? member_text(text, n, place, r->value, r->n, f)
		          : take_ini(r, text, place, f);
	drop(text, n);
	free(place);
	return ok;
}

static bool read_ini(const struct reading *r, struct fail *f)
{
	return read_within(r, false, f);
}

static bool read_json(const struct reading *r, struct fail *f)
{
	return read_within(r, true, f);
}

/* --- programs --- */

static bool valid_exec(const char *rest, struct fail *f)
{
	size_t words = 1;

	for (const char *p = rest; *p != '\0'; p++)
		words += *p == ' ';
	if (words > SOURCE_ARGS_MAX)
		return fail_set(f, FAIL_INVALID, "it has more than %d words", SOURCE_ARGS_MAX);
	return rest[0] == '/' || (rest[0] == '@' && rest[1] != '\0') ||
	       fail_set(f, FAIL_INVALID, "its program is named by an absolute path");
}

/* exec:@SECRET; whoever wrote the command, it is a program of an absolute path. */
static bool exec_named(const struct reading *r, struct fail *f)
{
	char *command = NULL;
	size_t n = 0;
	bool ok;

	if (!source_named(r->rest + 1, strlen(r->rest + 1), r->place, &command, &n, f) ||
		command == NULL)
		return false;
	ok = command[0] == '/' && strlen(command) == n && strpbrk(command, "\"'\\") == NULL;
	if (!ok)
		(void)fail_set(f, FAIL_AUTH,
			"the command must be an absolute path and arguments, without quotes");
	ok = ok && valid_exec(command, f) && source_exec(command, r->place, r->value, r->n, f);
	drop(command, n);
	return ok;
}

static bool read_exec(const struct reading *r, struct fail *f)
{
	if (!r->place->may_exec)
		return fail_set(f, FAIL_NOT_FOUND,
			"the site does not allow this provider to start programs (allow_exec)");
	if (r->rest[0] == '@')
		return exec_named(r, f);
	return source_exec(r->rest, r->place, r->value, r->n, f);
}

/* --- the forms --- */

static bool valid_name(const char *rest, struct fail *f)
{
	return rest[0] != '\0' || fail_set(f, FAIL_INVALID, "it names nothing");
}

/* A path may begin with a variable, which is looked at when it is read. */
static bool valid_path(const char *rest, struct fail *f)
{
	return rest[0] == '/' || strncmp(rest, "~/", 2) == 0 || strncmp(rest, "${", 2) == 0 ||
	       fail_set(f, FAIL_INVALID, "its path begins with '/', '~/' or '${'");
}

static bool valid_ini(const char *rest, struct fail *f)
{
	const char *hash = strchr(rest, '#');

	if (hash == NULL || strchr(hash, '.') == NULL)
		return fail_set(f, FAIL_INVALID, "it has no #SECTION.KEY");
	return valid_path(rest, f);
}

static bool valid_json(const char *rest, struct fail *f)
{
	const char *hash = strchr(rest, '#');

	if (hash == NULL || hash[1] != '/')
		return fail_set(f, FAIL_INVALID, "it has no #/POINTER");
	return valid_path(rest, f);
}

static bool valid_kept(const char *rest, struct fail *f)
{
	return rest[0] == '\0' || fail_set(f, FAIL_INVALID, "nothing follows 'kept'");
}

static const struct form {
	const char *word;
	bool (*valid)(const char *rest, struct fail *f);
	bool (*read)(const struct reading *r, struct fail *f);
} forms[] = {
	{"connection:", valid_name, read_connection},
	{"env:", valid_name, read_env},
	{"file:", valid_path, read_file},
	{"ini:", valid_ini, read_ini},
	{"json:", valid_json, read_json},
	{"exec:", valid_exec, read_exec},
	{"text:", valid_name, read_text},
	{"kept", valid_kept, read_kept},
};

static const struct form *form_of(const char *source)
{
	for (size_t i = 0; i < COUNT(forms); i++) {
		if (strncmp(source, forms[i].word, strlen(forms[i].word)) == 0)
			return &forms[i];
	}
	return NULL;
}

bool source_valid(const char *source, struct fail *f)
{
	const struct form *form = form_of(source);

	if (form == NULL)
		return fail_set(f, FAIL_INVALID,
			"it begins with connection:, env:, file:, ini:, json:, exec:, text: or is kept");
	return form->valid(source + strlen(form->word), f);
}

const char *source_member(const char *source)
{
	size_t n = strlen(forms[0].word);

	return strncmp(source, forms[0].word, n) == 0 ? source + n : NULL;
}

bool source_is_plain(const char *source)
{
	return strncmp(source, "text:", strlen("text:")) == 0;
}

bool source_named(const char *name, size_t name_n, const struct source_place *place,
	char **ret_value, size_t *ret_n, struct fail *f)
{
	struct source_place inner = *place;
	char *key = strndup(name, name_n);
	const json_t *sources = key != NULL ? json_object_get(place->named, key) : NULL;
	const json_t *source;
	struct fail why = {0};
	size_t i;

	free(key);
	inner.depth++;
	inner.kept = NULL; /* of another name */
	if (inner.depth > SOURCE_NAMED_MAX)
		return fail_set(
			f, FAIL_AUTH, "more than %d secrets name each other", SOURCE_NAMED_MAX);
	(void)fail_set(&why, FAIL_NOT_FOUND, "the manifest lists no secret '%.*s'",
		(int)(name_n < 64 ? name_n : 64), name);
	json_array_foreach(sources, i, source)
	{
		why = (struct fail){0};
		if (source_read(json_string_value(source), &inner, ret_value, ret_n, &why))
			return true;
		if (why.code != FAIL_NOT_FOUND)
			break;
	}
	return fail_set(f, why.code, "%s", why.text);
}

bool source_read(const char *source, const struct source_place *place, char **ret_value,
	size_t *ret_n, struct fail *f)
{
	const struct form *form = form_of(source);
	const struct reading r = {
		source + (form != NULL ? strlen(form->word) : 0), place, ret_value, ret_n};
	struct fail why = {0};

	*ret_value = NULL;
	*ret_n = 0;
	if (form == NULL)
		return source_valid(source, f);
	if (form->read(&r, &why)) {
		if (*ret_n > 0)
			return true;
		drop(*ret_value, 0);
		*ret_value = NULL;
		(void)none(&why);
	}
	if (why.code != FAIL_NOT_FOUND && why.code != FAIL_DEADLINE)
		why.code = FAIL_AUTH;
	return fail_set(f, why.code, "%s: %s", source, why.text);
}
