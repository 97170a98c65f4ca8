/* cmd_predict - rows of a file through a deployed model. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/json.h"
#include "cli.h"
#include "cmd.h"
#include "http.h"
#include "outfile.h"
#include "predict.h"
#include "progress.h"
#include "rows.h"
#include "show.h"

struct output {
	struct cli *c;
	struct outfile file;
	bool array; /* --json on standard output: one object with all */
	bool first;
	int err; /* of what was flushed meanwhile */
};

/* --- output --- */

static bool write_row(void *ctx, const char *text, size_t n)
{
	struct output *o = ctx;
	bool ok = true;

	errno = o->err;
	if (o->err != 0)
		return false;
	if (o->array && !o->first)
		ok = fputc(',', o->file.out) != EOF;
	o->first = false;
	ok = ok && fwrite(text, 1, n, o->file.out) == n;
	return ok && (o->array || fputc('\n', o->file.out) != EOF);
}

static void show_progress(void *ctx, int64_t rows, int64_t failed, int64_t ms)
{
	struct output *o = ctx;

	/* So that who reads a pipe gets what there is. */
	if (fflush(o->file.out) != 0 && o->err == 0)
		o->err = errno;
	if (!o->c->progress || (o->file.out == stdout && o->c->terminal))
		return;
	progress_show("%" PRId64 " rows, %.0f rows/s, %" PRId64 " failed", rows,
		ms > 0 ? (double)rows * 1000.0 / (double)ms : 0.0, failed);
}

static bool open_output(struct output *o)
{
	const char *file = args_text(&o->c->args, "output");
	struct fail f = {0};

	o->first = true;
	if (!outfile_open(&o->file, file != NULL ? file : "-", &f))
		return cli_failed(o->c, &f);
	o->array = o->c->json && o->file.out == stdout;
	if (o->array)
		(void)fputs("{\"predictions\":[", stdout);
	return true;
}

/* What an end before the time has brought stays in the part file. */
static void close_output(struct output *o, bool whole)
{
	struct fail f = {0};

	progress_hide();
	if (o->file.out == stdout)
		return;
	if (!whole)
		(void)fprintf(
			stderr, "what was predicted so far is in %s\n", outfile_leave(&o->file));
	else if (!outfile_finish(&o->file, &f))
		(void)cli_failed(o->c, &f);
}

static void print_totals(const struct output *o, const struct predict_totals *t)
{
	double seconds = (double)t->ms / 1000.0;
	double rate = t->ms > 0 ? (double)t->rows / seconds : 0.0;

	if (o->c->json) {
		(void)printf("%s\"rows\":%" PRId64 ",\"failed\":%" PRId64 ",\"seconds\":%.3f,"
			     "\"rows_per_second\":%.1f,\"requests\":%" PRId64
			     ",\"retries\":%" PRId64 "}\n",
			o->array ? "]," : "{", t->rows, t->failed, seconds, rate, t->requests,
			t->retries);
		return;
	}
	(void)fflush(stdout);
	(void)fprintf(stderr,
		"%" PRId64 " rows in %.2f s, %.0f rows/s, %" PRId64 " failed, %" PRId64
		" retries\n",
		t->rows, seconds, rate, t->failed, t->retries);
}

/* --- input --- */

static bool read_format(struct cli *c, const char *file, enum rows_format *format)
{
	const char *word = args_text(&c->args, "format");

	*format = rows_format_of(file);
	if (word == NULL)
		return true;
	*format = strcmp(word, "jsonl") == 0 ? ROWS_JSONL : ROWS_CSV;
	return strcmp(word, "jsonl") == 0 || strcmp(word, "csv") == 0 ||
	       cli_usage(c, "--format is csv or jsonl, not '%s'", word) == EXIT_DONE;
}

static enum rows_header header_of(const struct cli *c)
{
	if (args_has(&c->args, "header"))
		return ROWS_HEADER_YES;
	return args_has(&c->args, "no-header") ? ROWS_HEADER_NO : ROWS_HEADER_TELL;
}

static struct rows *open_rows(struct cli *c, const char **exclude)
{
	const char *file = args_text(&c->args, "file");
	struct rows_options options = {.header = header_of(c),
		.exclude = exclude,
		.objects = args_has(&c->args, "objects"),
		.stop = &http_interrupted};
	struct fail f = {0};
	struct rows *rows;
	size_t at = 0;
	int fd;

	while ((exclude[options.exclude_count] = args_next(&c->args, "exclude", &at)) != NULL)
		options.exclude_count++;
	if (file == NULL) {
		(void)cli_usage(c, "name the rows with --file (-: standard input)");
		return NULL;
	}
	if (!read_format(c, file, &options.format))
		return NULL;
	fd = strcmp(file, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
	                            : open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		(void)cli_unreadable(c, file, errno);
		return NULL;
	}
	rows = rows_open(fd, &options, &f);
	if (rows == NULL && f.code == FAIL_DEADLINE)
		(void)cli_failed(c, &f);
	else if (rows == NULL)
		(void)cli_fail(c, EXIT_USAGE, "%s: %s", file, f.text);
	return rows;
}

/* --- the run --- */

static bool read_numbers(struct cli *c, struct predict_options *options)
{
	int64_t concurrency = 4, batch = 16, retries = 5, timeout_s = 300;
	struct fail f = {0};

	if (!args_int(&c->args, "concurrency", 1, PREDICT_CONCURRENCY_MAX, &concurrency, &f) ||
		!args_int(&c->args, "batch", 1, 100000, &batch, &f) ||
		!args_int(&c->args, "retries", 0, 1000, &retries, &f) ||
		!args_int(&c->args, "timeout", 1, 86400, &timeout_s, &f))
		return cli_usage(c, "%s", f.text) == EXIT_DONE;
	options->concurrency = (size_t)concurrency;
	options->batch = (size_t)batch;
	options->retries = (int)retries;
	options->timeout_ms = timeout_s * 1000;
	return true;
}

static void told(struct cli *c, const struct fail *f, const struct predict_totals *t)
{
	if (f->code == FAIL_UPSTREAM)
		(void)cli_fail(c, t->status >= 500 ? EXIT_BROKEN : EXIT_REFUSED, "%s, asked of %s",
			f->text, cli_host(c));
	else if (f->code == FAIL_INVALID)
		(void)cli_fail(c, EXIT_USAGE, "%s: %s", args_text(&c->args, "file"), f->text);
	else
		(void)cli_failed(c, f);
}

static int run(struct cli *c, struct rows *rows, const struct predict_options *given)
{
	struct predict_options options = *given;
	struct output o = {.c = c};
	struct predict_totals totals;
	struct fail f = {0};
	bool ok;

	options.write = write_row;
	options.progress = show_progress;
	options.ctx = &o;
	if (!open_output(&o))
		return c->code;
	ok = predict_run(rows, &options, &totals, &f);
	close_output(&o, ok);
	if (!ok)
		told(c, &f, &totals);
	if (ok || c->json)
		print_totals(&o, &totals);
	if (c->code != EXIT_DONE)
		return c->code;
	return totals.failed > 0 ? EXIT_NEGATIVE : EXIT_DONE;
}

int cmd_predict(struct cli *c)
{
	const char *endpoint = args_word(&c->args, 0);
	const char **exclude = calloc(c->args.given_count + 1, sizeof(*exclude));
	struct predict_options options = {0};
	struct http_place place;
	struct rows *rows = NULL;
	struct fail f = {0};
	struct buf path;
	int code;

	buf_init(&path, PATH_LIMIT);
	http_path(&path, SERVICE "/endpoints/%s/infer?native=true", &endpoint);
	options.path = path.p;
	options.place = &place;
	options.host = cli_host(c);
	if (!http_place_of(cli_host(c), &place, &f))
		(void)cli_failed(c, &f);
	else if (exclude != NULL && read_numbers(c, &options))
		rows = open_rows(c, exclude);
	code = rows != NULL ? run(c, rows, &options) : c->code;
	rows_close(rows);
	buf_finish(&path);
	free(exclude);
	return code;
}
