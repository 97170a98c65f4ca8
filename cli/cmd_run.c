/* cmd_run - work for the daemon: submit, train, rerun. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/sha256.h"
#include "cli.h"
#include "cmd.h"
#include "http.h"
#include "object.h"
#include "progress.h"
#include "wait.h"
#include "work.h"

#define SCRIPT_NAME_MAX 64 /* bytes of a name that is sent along */

/* --- submit --- */

static bool is_plain(const char *word)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-_./,:@%+=";

	return word[0] != '\0' && word[strspn(word, plain)] == '\0' && strchr(word, '=') == NULL;
}

/* A word as POSIX sh reads it back. */
static void put_quoted(struct buf *line, const char *word)
{
	if (is_plain(word)) {
		buf_text(line, word);
		return;
	}
	buf_text(line, "'");
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			buf_text(line, "'\\''");
		else
			buf_add(line, word, 1);
	}
	buf_text(line, "'");
}

char *work_command_line(const char *const *words, size_t n)
{
	struct buf line;
	size_t length;
	char *text;

	buf_init(&line, (size_t)1 << 20);
	if (n == 1)
		buf_text(&line, words[0]);
	for (size_t i = 0; n > 1 && i < n; i++) {
		buf_text(&line, i > 0 ? " " : "");
		put_quoted(&line, words[i]);
	}
	text = buf_take(&line, &length);
	buf_finish(&line);
	return text;
}

static const char *text_or(const struct cli *c, const char *option, const char *otherwise)
{
	const char *text = args_text(&c->args, option);

	return text != NULL ? text : otherwise;
}

int cmd_submit(struct cli *c)
{
	bool ok;
	json_t *environment = cli_pairs(c, "env", false, &ok);
	char *line = work_command_line(c->args.words, c->args.word_count);
	json_t *body, *answer;
	int code;

	if (!ok || line == NULL) {
		free(line);
		return ok ? cli_usage(c, "the command line is too long") : c->code;
	}
	body = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s}, s:o?}", "bucket",
		"none", "project_id", text_or(c, "project", "default"), "name",
		text_or(c, "name", c->args.words[0]), "version", "1", "input_artifacts",
		text_or(c, "folder", "-"), "command", line, "storage", "local", "credentials",
		"endpoint", "none", "access_key", "none", "secret_key", "none", "environment",
		environment);
	if (environment == NULL)
		(void)json_object_del(body, "environment");
	answer = cli_ask(c, "POST", body, "/execute");
	json_decref(body);
	free(line);
	if (answer == NULL)
		return c->code;
	code = wait_as_asked(c, json_text_or(answer, "task_id", ""), "the command line");
	json_decref(answer);
	return code;
}

/* --- data sets by file --- */

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* A file of gigabytes takes its time: it is told of, and Ctrl-C ends it. */
static bool add_all(struct cli *c, struct sha256 *sum, int fd, const char *path)
{
	static char part[1 << 16];
	struct progress_bytes progress;
	struct stat st = {0};
	int64_t done = 0;
	ssize_t n = 0;

	(void)fstat(fd, &st);
	progress_begin(&progress, "reading", path);
	while (!http_interrupted && (n = read(fd, part, sizeof(part))) > 0) {
		sha256_add(sum, part, (size_t)n);
		done += n;
		if (c->progress)
			progress_bytes(&progress, done, st.st_size);
	}
	progress_hide();
	if (http_interrupted != 0)
		c->code = EXIT_INTERRUPTED;
	return !http_interrupted && n == 0;
}

static bool digest_of(struct cli *c, const char *path, char hex[SHA256_HEX_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct sha256 *sum = fd >= 0 ? sha256_begin() : NULL;
	uint8_t digest[SHA256_BYTES];
	bool ok = sum != NULL && add_all(c, sum, fd, path);

	if (sum != NULL) {
		sha256_end(sum, digest);
		sha256_hex(digest, hex);
	}
	if (fd >= 0)
		(void)close(fd);
	return ok;
}

/* The id of the data set of that name and content, where there is one already; else NULL. */
static char *same_dataset(struct cli *c, const char *name, const char *file)
{
	char hex[SHA256_HEX_SIZE];
	json_t *list, *dataset;
	char *id = NULL;
	size_t i;

	if (!digest_of(c, file, hex) || (list = object_list(c, "datasets")) == NULL)
		return NULL;
	json_array_foreach(list, i, dataset)
	{
		const char *digest = object_text(dataset, "sha256");

		if (id == NULL && digest != NULL && strcmp(digest, hex) == 0 &&
			strcmp(json_text_or(dataset, "name", ""), name) == 0)
			id = strdup(json_text_or(dataset, "id", ""));
	}
	json_decref(list);
	return id;
}

json_t *work_upload(struct cli *c, const char *name, const char *file, json_t *more)
{
	json_t *request = json_pack("{s:s}", "name", name);
	struct buf path;
	json_t *row;

	if (more != NULL)
		(void)json_object_update(request, more);
	json_decref(more);
	buf_init(&path, PATH_LIMIT);
	buf_text(&path, SERVICE "/datasets");
	http_query(&path, "project", args_text(&c->args, "project"));
	row = cli_upload(c, request, file, &path);
	json_decref(request);
	return object_of_row(row);
}

char *work_dataset(struct cli *c, const char *word)
{
	json_t *dataset;
	char *name, *id;

	if (strchr(word, '/') != NULL && access(word, R_OK) != 0) { /* of no name of a data set */
		(void)cli_unreadable(c, word, errno);
		return NULL;
	}
	if (!is_file(word))
		return strdup(word);
	name = cli_stem(word);
	id = same_dataset(c, name, word);
	if (id == NULL && c->code == EXIT_DONE &&
		(dataset = work_upload(c, name, word, NULL)) != NULL) {
		id = strdup(json_text_or(dataset, "id", ""));
		json_decref(dataset);
	}
	free(name);
	return id;
}

/* --- train --- */

json_t *work_file_source(struct cli *c, const char *file)
{
	size_t n;
	char *text = cli_read(c, file, &n);
	json_t *source = NULL;

	if (text == NULL)
		return NULL;
	source = json_pack("{s:s%}", "text", text, n);
	if (source == NULL)
		(void)cli_fail(c, EXIT_USAGE, "%s is not UTF-8 text", file);
	free(text);
	return source;
}

json_t *work_script_source(struct cli *c, const char *file)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._-";
	json_t *source = work_file_source(c, file);
	const char *slash = strrchr(file, '/');
	const char *name = slash != NULL ? slash + 1 : file;
	size_t n = strlen(name);

	/* Under another name it is sent without; the daemon gives it one. */
	if (source != NULL && n > 0 && n <= SCRIPT_NAME_MAX && strspn(name, plain) == n &&
		name[0] != '.' && name[0] != '-')
		(void)json_object_set_new(source, "name", json_string(name));
	return source;
}

bool work_put_file(struct cli *c, json_t *body, const char *member, const char *option)
{
	const char *file = args_text(&c->args, option);
	json_t *source = file != NULL ? work_file_source(c, file) : NULL;

	return file == NULL || (source != NULL && json_object_set_new(body, member, source) == 0);
}

bool work_put_pairs(struct cli *c, json_t *body, const char *member, const char *option, bool typed)
{
	bool ok;
	json_t *pairs = cli_pairs(c, option, typed, &ok);

	if (pairs != NULL)
		(void)json_object_set_new(body, member, pairs);
	return ok;
}

static bool put_dataset(struct cli *c, json_t *body)
{
	const char *word = args_text(&c->args, "dataset");
	char *id = word != NULL ? work_dataset(c, word) : NULL;

	if (id != NULL)
		(void)json_object_set_new(body, "dataset", json_string(id));
	free(id);
	return word == NULL || id != NULL;
}

static json_t *training(struct cli *c)
{
	const char *script = args_word(&c->args, 0);
	char *stem = cli_stem(script);
	json_t *source = work_script_source(c, script);
	json_t *body = source != NULL ? json_pack("{s:s, s:o}", "name", text_or(c, "name", stem),
						"script", source)
	                              : NULL;
	const char *entry = args_text(&c->args, "entry");
	bool ok = body != NULL;

	free(stem);
	if (entry != NULL && ok)
		(void)json_object_set_new(body, "entry", json_string(entry));
	ok = ok && work_put_pairs(c, body, "parameters", "set", true) &&
	     work_put_pairs(c, body, "environment", "env", false) &&
	     work_put_pairs(c, body, "limits", "limit", true) &&
	     work_put_file(c, body, "requirements", "requirements") && put_dataset(c, body);
	if (ok)
		return body;
	json_decref(body);
	return NULL;
}

json_t *work_create(struct cli *c, const char *route, json_t *body)
{
	struct buf path;
	json_t *object;

	buf_init(&path, PATH_LIMIT);
	buf_printf(&path, SERVICE "%s", route);
	http_query(&path, "project", args_text(&c->args, "project"));
	object = object_of_row(cli_ask_path(c, "POST", body, &path, NULL));
	json_decref(body);
	return object;
}

int cmd_train(struct cli *c)
{
	json_t *body = training(c);
	json_t *object = body != NULL ? work_create(c, "/pipelines/training/train", body) : NULL;
	int code;

	if (object == NULL)
		return c->code;
	code = wait_as_asked(
		c, json_text_or(object, "job", json_text_or(object, "id", "")), "the training");
	json_decref(object);
	return code;
}

/* --- rerun --- */

int cmd_rerun(struct cli *c)
{
	json_t *body = json_object();
	bool ok = work_put_pairs(c, body, "parameters", "set", true) &&
	          work_put_pairs(c, body, "environment", "env", false);
	char *id = ok ? object_job_id(c, args_word(&c->args, 0)) : NULL;
	json_t *answer = id != NULL ? cli_ask(c, "POST", body, "/v1/jobs/%s/rerun", id) : NULL;
	int code;

	free(id);
	json_decref(body);
	if (answer == NULL)
		return c->code;
	code = wait_as_asked(c, json_text_or(answer, "id", ""), "the new run");
	json_decref(answer);
	return code;
}
