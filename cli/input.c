/* input - what commands read from the user: pairs of options, files. See cli.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "cli.h"

#define FILE_LIMIT ((size_t)15 << 20) /* what a JSON body of 16 MiB can hold */

/* A number, true, false or null as JSON has them; else the text. */
static json_t *typed_value(const char *text)
{
	json_t *value = json_parse(text, strlen(text), NULL);

	if (value != NULL && !json_is_string(value))
		return value;
	json_decref(value);
	return json_text_any(text, strlen(text));
}

static bool add_pair(json_t *pairs, const char *pair, bool typed)
{
	const char *equals = strchr(pair, '=');
	json_t *value;

	if (equals == NULL || equals == pair)
		return false;
	value = typed ? typed_value(equals + 1) : json_text_any(equals + 1, strlen(equals + 1));
	return json_object_setn_new(pairs, pair, (size_t)(equals - pair), value) == 0;
}

json_t *cli_pairs(struct cli *c, const char *option, bool typed, bool *ok)
{
	json_t *pairs = NULL;
	const char *pair;
	size_t at = 0;

	*ok = true;
	while (*ok && (pair = args_next(&c->args, option, &at)) != NULL) {
		if (pairs == NULL)
			pairs = json_object();
		*ok = add_pair(pairs, pair, typed);
		if (!*ok)
			(void)cli_usage(c, "--%s takes NAME=VALUE, not '%s'", option, pair);
	}
	if (*ok)
		return pairs;
	json_decref(pairs);
	return NULL;
}

static bool read_stream(FILE *in, struct buf *bytes)
{
	char part[16384];
	size_t n;

	while ((n = fread(part, 1, sizeof(part), in)) > 0 && !bytes->failed)
		buf_add(bytes, part, n);
	buf_add(bytes, "", 0);
	return ferror(in) == 0;
}

static char *text_of(struct cli *c, FILE *in, const char *file, size_t *ret_n)
{
	struct buf bytes;
	char *text = NULL;

	buf_init(&bytes, FILE_LIMIT);
	if (!read_stream(in, &bytes))
		(void)cli_fail(c, EXIT_USAGE, "cannot read %s", file);
	else if (bytes.failed)
		(void)cli_fail(c, EXIT_USAGE, "%s is longer than %zu MiB", file, FILE_LIMIT >> 20);
	else
		text = buf_take(&bytes, ret_n);
	buf_finish(&bytes);
	return text;
}

char *cli_read(struct cli *c, const char *file, size_t *ret_n)
{
	FILE *in;
	char *text;

	if (strcmp(file, "-") == 0)
		return text_of(c, stdin, file, ret_n);
	in = fopen(file, "rbe");
	if (in == NULL) {
		(void)cli_fail(c, EXIT_USAGE, "cannot read %s: is the path right?", file);
		return NULL;
	}
	text = text_of(c, in, file, ret_n);
	(void)fclose(in);
	return text;
}

char *cli_stem(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	const char *dot = strrchr(name, '.');

	return strndup(name, dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name));
}
