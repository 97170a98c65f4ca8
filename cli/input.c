/* input - what commands read from the user: pairs of options, files. See cli.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

bool cli_alone(struct cli *c, const char *const *of_lists)
{
	for (; *of_lists != NULL; of_lists++) {
		if (args_has(&c->args, *of_lists))
			return cli_usage(c, "--%s is of the list: leave it or '%s' out", *of_lists,
				       args_word(&c->args, 0)) == EXIT_DONE;
	}
	return true;
}

int cli_unreadable(struct cli *c, const char *file, int err)
{
	return cli_fail(c, EXIT_USAGE, "cannot read %s: %s",
		strcmp(file, "-") == 0 ? "standard input" : file, strerrordesc_np(err));
}

/* Why an open file cannot be read, by errno; of a folder that otherwise shows only later. */
static int why_not(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return errno;
	return S_ISDIR(st.st_mode) ? EISDIR : 0;
}

FILE *cli_open(struct cli *c, const char *file)
{
	bool standard = strcmp(file, "-") == 0;
	int fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
	                  : open(file, O_RDONLY | O_CLOEXEC);
	int err = fd >= 0 ? why_not(fd) : errno;
	FILE *in = err == 0 ? fdopen(fd, "rb") : NULL;

	if (in != NULL)
		return in;
	(void)cli_unreadable(c, file, err != 0 ? err : errno);
	if (fd >= 0)
		(void)close(fd);
	return NULL;
}

/* What errno says where it is not 0: a part must not pass for the whole. */
static int read_stream(FILE *in, struct buf *bytes)
{
	char part[16384];
	size_t n;

	errno = 0;
	do { /* not behind the end: a terminal would be asked again */
		n = fread(part, 1, sizeof(part), in);
		buf_add(bytes, part, n);
	} while (n > 0 && feof(in) == 0 && !bytes->failed);
	return ferror(in) != 0 ? errno : 0;
}

char *cli_read(struct cli *c, const char *file, size_t *ret_n)
{
	FILE *in = cli_open(c, file);
	struct buf bytes;
	char *text = NULL;
	int err;

	if (in == NULL)
		return NULL;
	buf_init(&bytes, FILE_LIMIT);
	err = read_stream(in, &bytes);
	(void)fclose(in);
	if (err == EINTR)
		c->code = EXIT_INTERRUPTED;
	else if (err != 0)
		(void)cli_unreadable(c, file, err);
	else if (bytes.failed)
		(void)cli_fail(c, EXIT_USAGE, "%s is longer than %zu MiB", file, FILE_LIMIT >> 20);
	else
		text = buf_take(&bytes, ret_n);
	buf_finish(&bytes);
	return text;
}

char *cli_stem(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	const char *dot = strrchr(name, '.');

	return strndup(name, dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name));
}
