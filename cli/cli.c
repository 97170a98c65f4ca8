/* cli - see cli.h: hosts, requests, failures. */
#include "cli.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "again.h"
#include "base/fail.h"
#include "base/json.h"
#include "command.h"
#include "http.h"
#include "outfile.h"
#include "place.h"
#include "print.h"
#include "progress.h"

#define ASK_MS 120000 /* creations wait for the provider, up to some ten seconds */

/* --- failing --- */

static void tell(const struct cli *c, char *text)
{
	print_tame(text);
	(void)fflush(stdout);
	if (c->args.command != NULL)
		(void)fprintf(stderr, "davit %s: %s\n", c->args.command->name, text);
	else
		(void)fprintf(stderr, "davit: %s\n", text);
}

int cli_fail(struct cli *c, int code, const char *fmt, ...)
{
	char text[2048];
	va_list list;

	va_start(list, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, list);
	va_end(list);
	tell(c, text);
	return c->code = code;
}

int cli_usage(struct cli *c, const char *fmt, ...)
{
	char text[2048];
	va_list list;

	va_start(list, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, list);
	va_end(list);
	tell(c, text);
	(void)fprintf(stderr, "try 'davit help%s%s'\n", c->args.command != NULL ? " " : "",
		c->args.command != NULL ? c->args.command->name : "");
	return c->code = EXIT_USAGE;
}

bool cli_unread(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return ferror(stdout) != 0 && poll(&p, 1, 0) == 1 && (p.revents & POLLERR) != 0;
}

bool cli_failed(struct cli *c, const struct fail *f)
{
	if (cli_unread()) {
		c->code = EXIT_UNREAD;
		return false;
	}
	switch (f->code) {
	case FAIL_UNAVAILABLE:
		c->lost = true;
		if (c->patient)
			return false;
		(void)cli_fail(c, EXIT_UNREACHABLE, "%s", f->text);
		break;
	case FAIL_DEADLINE: /* the user knows */
		c->code = EXIT_INTERRUPTED;
		break;
	case FAIL_INVALID:
		(void)cli_usage(c, "%s", f->text);
		break;
	default:
		(void)cli_fail(c, EXIT_NEGATIVE, "%s", f->text);
		break;
	}
	return false;
}

/* --- the daemon --- */

const char *cli_host(const struct cli *c)
{
	const char *host = args_text(&c->args, "host");

	if (host == NULL)
		host = getenv("DAVIT_HOST"); // NOLINT(concurrency-mt-unsafe): one thread
	return host != NULL && host[0] != '\0' ? host : place_default_host();
}

struct http *cli_http(struct cli *c)
{
	struct fail f = {0};

	if (c->http == NULL)
		c->http = http_open(cli_host(c), &f);
	if (c->http == NULL)
		(void)cli_failed(c, &f);
	return c->http;
}

void cli_forget_host(struct cli *c)
{
	http_close(c->http);
	c->http = NULL;
}

/* The sentence in an error answer of any of the three forms. */
static void error_text(const struct http_answer *answer, char *text, size_t size)
{
	json_t *body = answer->body.n > 0 ? json_parse(answer->body.p, answer->body.n, NULL) : NULL;
	const json_t *error = json_object_get(body, "error");
	const char *said = json_string_value(body);

	if (said == NULL)
		said = json_string_value(error);
	if (said == NULL)
		said = json_text_or(error, "message", NULL);
	if (said == NULL) /* of /readyz */
		said = json_text_or(json_at(body, "/reasons/0"), "text", NULL);
	if (said == NULL && answer->body.n > 0 && body == NULL)
		said = answer->body.p[0] != '<' ? answer->body.p
		                                : "it answered a page of HTML: is it davitd?";
	(void)snprintf(text, size, "%.1500s", said != NULL ? said : "no reason was given");
	json_decref(body);
}

static void refused(struct cli *c, const struct http_answer *answer)
{
	const char *host = http_host(c->http);
	char text[1600];

	error_text(answer, text, sizeof(text));
	if (answer->status == 403 && !http_local(c->http))
		(void)cli_fail(c, EXIT_REFUSED, "%s (403 of %s); name it with --host unix:///PATH",
			text, host);
	else
		(void)cli_fail(c, answer->status >= 500 ? EXIT_BROKEN : EXIT_REFUSED,
			"%s (%d of %s)", text, answer->status, host);
}

/* The JSON of an answer; NULL: told, or *missing set. */
static json_t *value_of(struct cli *c, const struct http_answer *answer, bool *missing)
{
	struct fail f = {0};
	json_t *value;

	if (answer->status == 404 && missing != NULL) {
		*missing = true;
		return NULL;
	}
	if (answer->status >= 300 || answer->status < 200) {
		refused(c, answer);
		return NULL;
	}
	value = json_parse(answer->body.p != NULL ? answer->body.p : "", answer->body.n, &f);
	if (value == NULL)
		(void)cli_fail(c, EXIT_BROKEN, "%s answered what is no JSON (%s): is it davitd?",
			http_host(c->http), f.text);
	return value;
}

static json_t *perform(struct cli *c, const struct http_request *request, bool *missing)
{
	struct http *h = cli_http(c);
	struct http_answer answer;
	struct fail f = {0};
	json_t *value = NULL;

	if (h == NULL)
		return NULL;
	if (again_ask(h, request, &answer, &f))
		value = value_of(c, &answer, missing);
	else
		(void)cli_failed(c, &f);
	http_answer_finish(&answer);
	return value;
}

json_t *cli_ask_path(
	struct cli *c, const char *method, const json_t *body, struct buf *path, bool *missing)
{
	struct http_request request = {.method = method, .path = path->p, .timeout_ms = ASK_MS};
	char *text = body != NULL ? json_compact(body, &request.n) : NULL;
	json_t *value = NULL;

	request.body = text;
	if (path->failed || path->p == NULL)
		(void)cli_usage(c, "the words are too long for a request");
	else
		value = perform(c, &request, missing);
	free(text);
	buf_finish(path);
	return value;
}

/* http_path() with the arguments of a function that takes the same. */
static void put_path(struct buf *path, const char *fmt, va_list list)
{
	const char *words[4] = {"", "", "", ""};
	size_t n = 0;

	for (const char *p = strstr(fmt, "%s"); p != NULL && n < 4; p = strstr(p + 2, "%s"))
		words[n++] = va_arg(list, const char *);
	buf_init(path, PATH_LIMIT);
	http_path(path, fmt, words);
}

json_t *cli_ask(struct cli *c, const char *method, const json_t *body, const char *fmt, ...)
{
	struct buf path;
	va_list list;

	va_start(list, fmt);
	put_path(&path, fmt, list);
	va_end(list);
	return cli_ask_path(c, method, body, &path, NULL);
}

json_t *cli_get(struct cli *c, const char *fmt, ...)
{
	struct buf path;
	va_list list;

	va_start(list, fmt);
	put_path(&path, fmt, list);
	va_end(list);
	return cli_ask_path(c, "GET", NULL, &path, NULL);
}

json_t *cli_upload(struct cli *c, const json_t *request, const char *file, struct buf *path)
{
	const char *slash = strrchr(file, '/');
	struct http_request ask = {.method = "POST", .path = path->p, .form_file = file};
	struct progress_bytes progress = {0};
	json_t *value = NULL;
	char *text;

	ask.form = cli_open(c, file);
	if (ask.form != NULL) {
		text = json_compact(request, &ask.n);
		ask.body = text;
		ask.progress = c->progress ? &progress : NULL;
		ask.form_name = slash != NULL ? slash + 1 : strcmp(file, "-") == 0 ? "stdin" : file;
		progress_begin(&progress, "uploading", ask.form_name);
		value = perform(c, &ask, NULL);
		free(text);
		(void)fclose(ask.form);
	}
	buf_finish(path);
	return value;
}

/* --- downloads --- */

bool cli_stream(struct cli *c, const struct http_request *request)
{
	struct http_answer answer;
	struct fail f = {0};
	bool ok = false;

	if (cli_http(c) == NULL)
		return false;
	if (!http_ask(c->http, request, &answer, &f))
		(void)cli_failed(c, &f);
	else if (answer.status >= 300)
		refused(c, &answer);
	else
		ok = true;
	http_answer_finish(&answer);
	return ok;
}

static bool write_bytes(void *ctx, const char *bytes, size_t n)
{
	const struct outfile *o = ctx;

	return fwrite(bytes, 1, n, o->out) == n;
}

const char *cli_download_file(struct cli *c)
{
	const char *file = args_text(&c->args, "output");

	if (file == NULL)
		file = "-";
	if (!c->json || strcmp(file, "-") != 0)
		return file;
	(void)cli_usage(c, "with --json name a file with -o for what is fetched");
	return NULL;
}

bool cli_download(
	struct cli *c, const char *method, const json_t *body, struct buf *path, const char *file)
{
	struct http_request request = {.method = method, .path = path->p, .sink = write_bytes};
	char *text = body != NULL ? json_compact(body, &request.n) : NULL;
	struct progress_bytes progress = {0};
	struct outfile o;
	struct fail f = {0};
	bool ok = outfile_open(&o, file, &f);

	request.body = text;
	request.ctx = &o;
	request.progress = c->progress && (o.out != stdout || !c->terminal) ? &progress : NULL;
	progress_begin(&progress, "fetching", strcmp(file, "-") != 0 ? file : "the output");
	request.sink_name = strcmp(file, "-") != 0 ? file : NULL;
	if (!ok) {
		(void)cli_failed(c, &f);
	} else if (!cli_stream(c, &request)) {
		outfile_drop(&o);
		ok = false;
	} else if (!outfile_finish(&o, &f)) {
		ok = cli_failed(c, &f);
	}
	free(text);
	buf_finish(path);
	return ok;
}

int cli_tell_job(struct cli *c, json_t *answer)
{
	if (answer == NULL || c->json)
		return answer != NULL ? cli_json(answer) : c->code;
	print_line(stdout, "job %s is %s", json_text_or(answer, "id", ""),
		json_text_or(answer, "state", "?"));
	json_decref(answer);
	return EXIT_DONE;
}

int cli_each(struct cli *c, json_t *(*one)(struct cli *c, const char *word))
{
	json_t *answers = json_array();
	int worst = EXIT_DONE;

	for (size_t i = 0; i < c->args.word_count && !http_interrupted; i++) {
		json_t *answer = one(c, c->args.words[i]);

		if (answer == NULL)
			worst = c->code;
		else
			(void)json_array_append_new(answers, answer);
	}
	if (c->json)
		return cli_json(answers) == EXIT_DONE ? worst : EXIT_NEGATIVE;
	json_decref(answers);
	return worst;
}

int cli_json(json_t *value)
{
	size_t n = 0;
	char *text = json_compact(value, &n);

	json_decref(value);
	if (text == NULL)
		return EXIT_NEGATIVE;
	(void)fwrite(text, 1, n, stdout);
	(void)fputc('\n', stdout);
	free(text);
	return EXIT_DONE;
}
