/* progress - see progress.h. */
#include "progress.h"

#include <string.h>

#include "progress_file.h"

enum {
	END_BYTES = 256 * 1024,
	SERIES_BYTES = 512 * 1024, /* of the lines that become points */
	VALUES_MAX = 64,
	NUMBER_MAX = 40 /* bytes of a number that is kept as it was written */
};

static const struct davit_sdk_json *metrics_of(const struct davit_sdk_json *line)
{
	const struct davit_sdk_json *metrics = davit_sdk_member(line, "metrics");

	return metrics != NULL && metrics->kind == DAVIT_SDK_OBJECT ? metrics : NULL;
}

static bool is_number(const struct davit_sdk_json *v)
{
	return v->kind == DAVIT_SDK_INTEGER || v->kind == DAVIT_SDK_REAL;
}

/* --- the last values --- */

struct latest {
	struct local_call *c;
	struct davit_sdk_json values[VALUES_MAX]; /* with their names */
	char numbers[VALUES_MAX][NUMBER_MAX];     /* the texts of reals */
	size_t count;
	bool said; /* a line had metrics */
	uint64_t last_at;
	size_t last_n; /* of the last line; 0: none */
};

static bool same(davit_buf a, davit_buf b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* The place of a name, a new one if need be; guess: where it was found last. */
static size_t place_of(struct latest *l, davit_buf name, size_t guess)
{
	size_t i = guess;
	char *copy;

	if (i < l->count && same(l->values[i].name, name))
		return i;
	for (i = 0; i < l->count && !same(l->values[i].name, name); i++)
		;
	if (i < l->count || i == VALUES_MAX)
		return i;
	copy = local_alloc(l->c, name.n + 1);
	if (copy == NULL)
		return VALUES_MAX;
	memcpy(copy, name.p, name.n);
	l->values[i].name = (davit_buf){copy, name.n};
	l->count++;
	return i;
}

static void keep(struct latest *l, size_t i, const struct davit_sdk_json *v)
{
	davit_buf name = l->values[i].name;

	l->values[i] = (struct davit_sdk_json){
		.kind = v->kind, .integer = v->integer, .number = v->number, .name = name};
	if (v->kind == DAVIT_SDK_REAL && v->text.n < NUMBER_MAX) {
		memcpy(l->numbers[i], v->text.p, v->text.n + 1);
		l->values[i].text = (davit_buf){l->numbers[i], v->text.n};
	}
}

static void see_values(void *ctx, const struct progress_line *line)
{
	const struct davit_sdk_json *metrics = metrics_of(line->value);
	struct latest *l = ctx;
	size_t guess = 0;

	l->last_at = line->at;
	l->last_n = line->n;
	if (metrics == NULL)
		return;
	l->said = true;
	for (const struct davit_sdk_json *v = metrics->first; v != NULL; v = v->next) {
		size_t i;

		if (!is_number(v) || davit_sdk_member(metrics, v->name.p) != v)
			continue;
		i = place_of(l, v->name, guess);
		if (i < VALUES_MAX)
			keep(l, i, v);
		guess = i + 1;
	}
}

/* The values as one object, or NULL. */
static const struct davit_sdk_json *object_of(struct latest *l)
{
	struct davit_sdk_json *object;

	if (!l->said)
		return NULL;
	object = local_alloc(l->c, sizeof(*object));
	if (object == NULL)
		return NULL;
	*object = (struct davit_sdk_json){.kind = DAVIT_SDK_OBJECT, .count = (uint32_t)l->count};
	for (size_t i = 0; i < l->count; i++) {
		l->values[i].parent = object;
		l->values[i].next = i + 1 < l->count ? &l->values[i + 1] : NULL;
	}
	object->first = l->count > 0 ? l->values : NULL;
	return object;
}

bool progress_read(
	struct local_call *c, const char *name, bool whole, struct progress *ret_progress)
{
	struct latest *l = local_alloc(c, sizeof(*l));
	struct progress_file file;
	uint64_t from = 0;
	bool ok = l != NULL && progress_open(c, name, &file);

	*ret_progress = (struct progress){0};
	if (!ok)
		return false;
	l->c = c;
	if (!whole && file.length > END_BYTES)
		from = file.length - END_BYTES;
	ok = progress_walk(&file, from, see_values, l);
	if (ok && l->last_n > 0)
		ret_progress->last = progress_again(&file, l->last_at, l->last_n);
	ret_progress->metrics = object_of(l);
	progress_close(&file);
	return ok;
}

/* --- in answers --- */

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

/* --- the series --- */

/* Which lines become points, while it is not known how many there are. */
struct points {
	struct {
		uint64_t number; /* of the line among those with metrics */
		uint64_t at;
		size_t n;
	} kept[PROGRESS_POINTS_MAX], last;
	size_t count;
	size_t bytes;
	uint64_t seen;
	unsigned rare; /* one line of 2^rare is kept */
};

/* Multiples of the golden ratio fill the circle evenly, so lines are picked evenly, and, unlike
 * with every nth line, from each sort where sorts of lines take turns. */
static bool picked(uint64_t number, unsigned rare)
{
	return number == 0 || rare == 0 ||
	       (rare < 64 && (number * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - rare) == 0);
}

static void thin(struct points *p)
{
	size_t left = 0;

	p->rare++;
	p->bytes = 0;
	for (size_t i = 0; i < p->count; i++) {
		if (!picked(p->kept[i].number, p->rare))
			continue;
		p->bytes += p->kept[i].n;
		p->kept[left++] = p->kept[i];
	}
	p->count = left;
}

/* Room is left for the last line. */
static void see_point(void *ctx, const struct progress_line *line)
{
	struct points *p = ctx;

	if (metrics_of(line->value) == NULL)
		return;
	p->last.number = p->seen++;
	p->last.at = line->at;
	p->last.n = line->n;
	while (p->count > 1 &&
		(p->count >= PROGRESS_POINTS_MAX - 1 || p->bytes + line->n > SERIES_BYTES))
		thin(p);
	if (!picked(p->last.number, p->rare))
		return;
	p->kept[p->count].number = p->last.number;
	p->kept[p->count].at = line->at;
	p->kept[p->count].n = line->n;
	p->count++;
	p->bytes += line->n;
}

static int32_t reply_points(
	struct local_call *c, struct progress_file *file, const struct points *p)
{
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_open_array(&w, "series");
	for (size_t i = 0; i < p->count; i++)
		put_point(&w, progress_again(file, p->kept[i].at, p->kept[i].n));
	if (p->count > 0 && p->kept[p->count - 1].number != p->last.number)
		put_point(&w, progress_again(file, p->last.at, p->last.n));
	davit_sdk_close_array(&w);
	davit_sdk_close_object(&w);
	progress_close(file);
	return davit_sdk_reply(&c->sdk, &w);
}

int32_t progress_reply_series(struct local_call *c, const char *name)
{
	struct points *p = local_alloc(c, sizeof(*p));
	struct progress_file file;

	if (p == NULL || !progress_open(c, name, &file))
		return c->sdk.code;
	if (progress_walk(&file, 0, see_point, p))
		return reply_points(c, &file, p);
	progress_close(&file);
	return c->sdk.code;
}
