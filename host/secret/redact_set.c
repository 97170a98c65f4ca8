/* A look costs one search by halves, and a walk along what the one before begins with. */
#include "secret/redact_set.h"

#include <stdlib.h>

#include "secret/crypto.h"
#include "secret/redact.h"

#define ROW_LEAST 8

bool redact_set_init(struct redact_set *s, size_t window, unsigned bits_log, unsigned row_log)
{
	*s = (struct redact_set){
		.window = window, .shift = 64 - bits_log, .row_mask = ((size_t)1 << row_log) - 1};
	memset(&s->mask, 0xff, window);
	s->bits = calloc(((size_t)1 << bits_log) / 64, sizeof(*s->bits));
	s->rows = calloc(s->row_mask + 1, sizeof(*s->rows));
	if (s->bits != NULL && s->rows != NULL)
		return true;
	redact_set_finish(s);
	return false;
}

void redact_set_finish(struct redact_set *s)
{
	for (size_t i = 0; s->rows != NULL && i <= s->row_mask; i++) {
		for (size_t j = 0; j < s->rows[i].count; j++)
			redact_pattern_free(s->rows[i].at[j]);
		free(s->rows[i].at);
	}
	free(s->rows);
	free(s->bits);
	*s = (struct redact_set){0};
}

struct redact_pattern *redact_pattern_new(const char *p, size_t n)
{
	struct redact_pattern *pattern = malloc(sizeof(*pattern) + n);

	if (pattern == NULL)
		return NULL;
	memset(pattern, 0, sizeof(*pattern));
	pattern->n = n;
	memcpy(pattern->p, p, n);
	return pattern;
}

void redact_pattern_free(struct redact_pattern *p)
{
	crypto_cleanse(p->p, p->n);
	free(p);
}

/* --- the order --- */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Where text stands in the row, or would. */
static size_t place_of(const struct redact_row *row, const char *text, size_t n, bool *ret_there)
{
	size_t from = 0;
	size_t to = row->count;

	*ret_there = false;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		const struct redact_pattern *p = row->at[middle];
		int order = memcmp(p->p, text, least(p->n, n));

		if (order == 0 && p->n == n)
			*ret_there = true;
		if (order < 0 || (order == 0 && p->n < n))
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static bool begins_with(const struct redact_pattern *p, const struct redact_pattern *with)
{
	return with->n <= p->n && memcmp(p->p, with->p, with->n) == 0;
}

/* The longest one that p begins with; before: the one that stands before it. */
static struct redact_pattern *parent_of(
	const struct redact_pattern *p, struct redact_pattern *before)
{
	while (before != NULL && !begins_with(p, before))
		before = before->parent;
	return before;
}

static struct redact_row *row_of(const struct redact_set *s, const char *p)
{
	return &s->rows[(unsigned char)p[0] & s->row_mask];
}

static void mark(struct redact_set *s, const struct redact_pattern *p)
{
	uint64_t window = redact_window(p->p, p->n) & s->mask;
	uint64_t at = (window * UINT64_C(0x9e3779b97f4a7c15)) >> s->shift;

	s->bits[at / 64] |= UINT64_C(1) << at % 64;
}

static size_t cost(const struct redact_pattern *p)
{
	return sizeof(*p) + sizeof(void *) + p->n;
}

static bool make_room(struct redact_row *row)
{
	size_t room = row->room > 0 ? row->room * 2 : ROW_LEAST;
	struct redact_pattern **at;

	if (row->count < row->room)
		return true;
	at = reallocarray(row->at, room, sizeof(void *));
	if (at == NULL)
		return false;
	row->at = at;
	row->room = room;
	return true;
}

static void insert(struct redact_row *row, size_t place, struct redact_pattern *p)
{
	memmove(row->at + place + 1, row->at + place, (row->count - place) * sizeof(void *));
	row->at[place] = p;
	row->count++;
	p->parent = parent_of(p, place > 0 ? row->at[place - 1] : NULL);
	for (size_t i = place + 1; i < row->count && begins_with(row->at[i], p); i++) {
		if (row->at[i]->parent == p->parent)
			row->at[i]->parent = p;
	}
}

struct redact_pattern *redact_set_add(struct redact_set *s, struct redact_pattern *p)
{
	struct redact_row *row = row_of(s, p->p);
	bool there;
	size_t place = place_of(row, p->p, p->n, &there);

	if (there || !make_room(row)) {
		redact_pattern_free(p);
		if (!there)
			return NULL;
		p = row->at[place];
	} else {
		insert(row, place, p);
		mark(s, p);
		s->count++;
		s->bytes += cost(p);
	}
	return p;
}

/* --- without those that nobody needs --- */

static void sweep_row(struct redact_set *s, struct redact_row *row)
{
	size_t left = 0;

	for (size_t i = 0; i < row->count; i++) {
		struct redact_pattern *p = row->at[i];

		if (p->refs == 0) {
			s->count--;
			s->bytes -= cost(p);
			redact_pattern_free(p);
			continue;
		}
		p->parent = parent_of(p, left > 0 ? row->at[left - 1] : NULL);
		row->at[left++] = p;
		mark(s, p);
	}
	row->count = left;
}

void redact_set_sweep(struct redact_set *s)
{
	memset(s->bits, 0, ((size_t)1 << (64 - s->shift)) / 8);
	for (size_t i = 0; i <= s->row_mask; i++)
		sweep_row(s, &s->rows[i]);
}

/* --- a look --- */

static size_t alike(const struct redact_pattern *p, const char *text, size_t n)
{
	size_t most = least(p->n, n);
	size_t i = 0;

	while (i < most && p->p[i] == text[i])
		i++;
	return i;
}

struct redact_pattern *redact_set_longest(
	const struct redact_set *s, const char *text, size_t n, bool *ret_begins)
{
	const struct redact_row *row = row_of(s, text);
	size_t most = least(n, REDACT_PATTERN_MOST);
	bool there;
	size_t place = place_of(row, text, most, &there);
	size_t after = place + there;
	struct redact_pattern *p = NULL;
	size_t same;

	*ret_begins = after < row->count && n == most && row->at[after]->n > n &&
	              memcmp(row->at[after]->p, text, n) == 0;
	if (there)
		return row->at[place];
	if (place > 0)
		p = row->at[place - 1];
	same = p != NULL ? alike(p, text, most) : 0;
	while (p != NULL && p->n > same)
		p = p->parent;
	return p;
}
