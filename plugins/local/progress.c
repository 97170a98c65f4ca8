/* progress - see progress.h. */
#include "progress.h"

#include <string.h>

#include "child.h"

#define FILE_NAME "progress.jsonl"

enum {
	TAIL_BYTES = 64 * 1024,
	SERIES_BYTES = 512 * 1024,
	LINES_TRIED = 64, /* from the end, for the last metrics */
	VALUES_MAX = 64
};

/* Takes the last line off lines. */
static davit_buf take_last(davit_buf *lines)
{
	size_t end = lines->n;
	size_t start;

	if (end > 0 && lines->p[end - 1] == '\n')
		end--;
	for (start = end; start > 0 && lines->p[start - 1] != '\n'; start--)
		;
	lines->n = start;
	return (davit_buf){lines->p + start, end - start};
}

/* Also a first line that is cut off, as only the end of a long file is read, parses as none. */
static const struct davit_sdk_json *parse(struct local_call *c, davit_buf line)
{
	const struct davit_sdk_json *v = davit_sdk_parse(&c->sdk.mem, line, NULL);

	return v != NULL && v->kind == DAVIT_SDK_OBJECT ? v : NULL;
}

static const struct davit_sdk_json *metrics_of(const struct davit_sdk_json *line)
{
	const struct davit_sdk_json *metrics = davit_sdk_member(line, "metrics");

	return metrics != NULL && metrics->kind == DAVIT_SDK_OBJECT ? metrics : NULL;
}

bool progress_read(struct local_call *c, const char *name, struct progress *ret_progress)
{
	davit_buf lines;

	*ret_progress = (struct progress){0};
	if (!child_tail(c, name, FILE_NAME, TAIL_BYTES, &lines))
		return false;
	for (int i = 0; i < LINES_TRIED && lines.n > 0 && ret_progress->metrics == NULL; i++) {
		const struct davit_sdk_json *line = parse(c, take_last(&lines));

		if (ret_progress->last == NULL)
			ret_progress->last = line;
		ret_progress->metrics = metrics_of(line);
	}
	return true;
}

static bool is_number(const struct davit_sdk_json *v)
{
	return v->kind == DAVIT_SDK_INTEGER || v->kind == DAVIT_SDK_REAL;
}

/* The member of that name, if it is a count. */
static void put_count(
	struct davit_sdk_writer *w, const char *name, const struct davit_sdk_json *line)
{
	const struct davit_sdk_json *v = davit_sdk_member(line, name);

	if (v != NULL && v->kind == DAVIT_SDK_INTEGER && v->integer >= 0)
		davit_sdk_put_json(w, name, v);
}

/* A name that stands twice would make the answer one that nobody can read. */
static void put_values(
	struct davit_sdk_writer *w, const char *key, const struct davit_sdk_json *metrics)
{
	int count = 0;

	davit_sdk_open_object(w, key);
	for (const struct davit_sdk_json *v = metrics->first; v != NULL; v = v->next) {
		if (is_number(v) && davit_sdk_member(metrics, v->name.p) == v &&
			count++ < VALUES_MAX)
			davit_sdk_put_json(w, v->name.p, v);
	}
	davit_sdk_close_object(w);
}

void progress_put_metrics(struct davit_sdk_writer *w, const struct davit_sdk_json *metrics)
{
	if (metrics != NULL)
		put_values(w, "metrics", metrics);
}

static double fraction_of(const struct davit_sdk_json *line)
{
	double total = davit_sdk_number_at(line, "/total", 0);
	double fraction = total > 0 ? davit_sdk_number_at(line, "/step", 0) / total : 0;

	fraction = davit_sdk_number_at(line, "/fraction", fraction);
	if (!(fraction > 0))
		return 0;
	return fraction < 1 ? fraction : 1;
}

void progress_put(struct davit_sdk_writer *w, const struct progress *progress)
{
	if (progress->last == NULL)
		return;
	davit_sdk_open_object(w, "progress");
	davit_sdk_put_number(w, "fraction", fraction_of(progress->last));
	put_count(w, "step", progress->last);
	put_count(w, "total", progress->last);
	davit_sdk_put_text(w, "text", davit_sdk_text_at(progress->last, "/text", NULL));
	progress_put_metrics(w, progress->metrics);
	davit_sdk_close_object(w);
	progress_put_metrics(w, progress->metrics);
}

static void put_point(struct davit_sdk_writer *w, const struct davit_sdk_json *line)
{
	const struct davit_sdk_json *metrics = metrics_of(line);

	if (metrics == NULL)
		return;
	davit_sdk_open_object(w, NULL);
	put_count(w, "step", line);
	put_count(w, "time_ms", line);
	put_values(w, "values", metrics);
	davit_sdk_close_object(w);
}

int32_t progress_reply_series(struct local_call *c, const char *name)
{
	struct davit_sdk_writer w;
	davit_buf lines;

	if (!child_tail(c, name, FILE_NAME, SERIES_BYTES, &lines))
		return c->sdk.code;
	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_open_array(&w, "series");
	while (lines.n > 0) {
		const char *end = memchr(lines.p, '\n', lines.n);
		size_t n = end == NULL ? lines.n : (size_t)(end + 1 - lines.p);

		put_point(&w, parse(c, (davit_buf){lines.p, n}));
		lines = (davit_buf){lines.p + n, lines.n - n};
	}
	davit_sdk_close_array(&w);
	davit_sdk_close_object(&w);
	return davit_sdk_reply(&c->sdk, &w);
}
