/* The texts of sources: variables in paths, and files of sections. */
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/fail.h"
#include "secret/crypto.h"
#include "secret/source.h"

const char *source_variable(const char *const *environment, const char *name, size_t n)
{
	for (; environment != NULL && *environment != NULL; environment++) {
		if (strncmp(*environment, name, n) == 0 && (*environment)[n] == '=')
			return *environment + n + 1;
	}
	return NULL;
}

/* --- ${NAME}, ${NAME:-TEXT}, ${@SECRET}, ~/ --- */

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* ${@SECRET}. */
static bool add_named(struct buf *out, const char *name, size_t n, const struct source_place *place,
	struct fail *f)
{
	char *value = NULL;
	size_t value_n = 0;

	if (!source_named(name, n, place, &value, &value_n, f))
		return false;
	buf_add(out, value, value_n);
	crypto_cleanse(value, value_n);
	free(value);
	return true;
}

/* Puts in the value of what stands between the braces. */
static bool add_variable(struct buf *out, const char *inside, size_t n,
	const struct source_place *place, struct fail *f)
{
	size_t name_n = 0;
	const char *value;

	if (n > 0 && inside[0] == '@')
		return add_named(out, inside + 1, n - 1, place, f);
	while (name_n < n && is_word(inside[name_n]))
		name_n++;
	if (name_n == 0 || (name_n < n && (n - name_n < 2 || inside[name_n] != ':' ||
						  inside[name_n + 1] != '-')))
		return fail_set(
			f, FAIL_INVALID, "between braces stands NAME, NAME:-TEXT or @SECRET");
	value = source_variable(place->environment, inside, name_n);
	if (value != NULL && value[0] != '\0')
		buf_text(out, value);
	else if (name_n < n)
		buf_add(out, inside + name_n + 2, n - name_n - 2);
	else
		return fail_set(f, FAIL_NOT_FOUND, "the variable %.*s is not set",
			(int)(name_n < 100 ? name_n : 100), inside);
	return true;
}

static bool add_all(
	struct buf *out, const char *text, const struct source_place *place, struct fail *f)
{
	const char *open, *close;

	while ((open = strstr(text, "${")) != NULL) {
		close = strchr(open, '}');
		if (close == NULL)
			return fail_set(f, FAIL_INVALID, "a brace is not closed");
		buf_add(out, text, (size_t)(open - text));
		if (!add_variable(out, open + 2, (size_t)(close - open - 2), place, f))
			return false;
		text = close + 1;
	}
	buf_text(out, text);
	return true;
}

static bool add_home(
	struct buf *out, const char *text, const char *const *environment, struct fail *f)
{
	const char *home = source_variable(environment, "HOME", strlen("HOME"));

	if (home == NULL)
		return fail_set(f, FAIL_NOT_FOUND, "the variable HOME is not set");
	buf_text(out, home);
	buf_text(out, text + 1);
	return true;
}

char *source_expand(const char *text, const struct source_place *place, struct fail *f)
{
	struct buf plain, whole;
	bool ok;

	buf_init(&plain, PATH_MAX);
	buf_init(&whole, PATH_MAX);
	ok = add_all(&plain, text, place, f);
	if (ok && plain.p != NULL && strncmp(plain.p, "~/", 2) == 0)
		ok = add_home(&whole, plain.p, place->environment, f);
	else if (ok && plain.p != NULL)
		buf_text(&whole, plain.p);
	if (ok && (plain.failed || whole.failed))
		ok = fail_set(f, FAIL_INVALID, "it is too long");
	buf_finish(&plain);
	if (ok)
		return buf_take(&whole, NULL);
	buf_finish(&whole);
	return NULL;
}

/* --- files of sections --- */

static void trim(const char **text, size_t *n)
{
	while (*n > 0 && isspace((unsigned char)(*text)[0])) {
		(*text)++;
		(*n)--;
	}
	while (*n > 0 && isspace((unsigned char)(*text)[*n - 1]))
		(*n)--;
}

static bool same_key(const char *name, size_t n, const char *key)
{
	return n == strlen(key) && strncasecmp(name, key, n) == 0;
}

/* Is the line the head of a section, and of the wanted one? */
static bool is_head(const char *line, size_t n, const char *section, size_t section_n, bool *inside)
{
	trim(&line, &n);
	if (n < 2 || line[0] != '[' || line[n - 1] != ']')
		return false;
	line++;
	n -= 2;
	trim(&line, &n);
	*inside = n == section_n && memcmp(line, section, n) == 0;
	return true;
}

/* A line that begins with a blank belongs to the value before it, which is another's then. */
static bool take_value(
	const char *line, size_t n, const char *key, const char **ret_value, size_t *ret_n)
{
	const char *equals = n > 0 ? memchr(line, '=', n) : NULL;
	size_t name_n = equals != NULL ? (size_t)(equals - line) : 0;

	if (equals == NULL || isspace((unsigned char)line[0]) || strchr("#;", line[0]) != NULL)
		return false;
	n -= name_n + 1;
	trim(&line, &name_n);
	if (!same_key(line, name_n, key))
		return false;
	equals++;
	trim(&equals, &n);
	*ret_value = equals;
	*ret_n = n;
	return true;
}

bool source_ini(const char *text, const char *section, size_t section_n, const char *key,
	const char **ret_value, size_t *ret_n)
{
	bool inside = false;

	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		if (!is_head(text, n, section, section_n, &inside) && inside &&
			take_value(text, n, key, ret_value, ret_n))
			return true;
		text += n + (text[n] == '\n');
	}
	return false;
}
