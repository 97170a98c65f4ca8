/*
 * The registry, and one pass over a text for all patterns at once: four bytes at each place are
 * hashed into a set of bits, which says no almost everywhere; only where it says yes is looked
 * further. One lock, held for a pass; with nothing known there is none.
 */
#include "secret/redact.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "platform/thread.h"
#include "secret/crypto.h"

#define WINDOW     4
#define BITS_LOG   18 /* of the set: 32 KiB, which stay in the cache */
#define HEADS_LOG  12
#define VALUES_LOG 10
#define VALUES_MAX 4096 /* of one sort, but for REDACT_SITE */

struct pattern {
	struct pattern *next;  /* of its head */
	struct pattern *other; /* of its value */
	size_t n;
	char p[];
};

struct value {
	struct value *next; /* of its bucket */
	struct pattern *patterns;
	uint64_t used;
	size_t n;
	enum redact_sort sort;
	bool lacking; /* some of its patterns: out of memory */
	char p[];
};

static struct {
	struct mutex lock; /* guards all but count */
	atomic_size_t count;
	uint64_t uses;
	size_t counts[REDACT_SORTS];
	struct value *values[1 << VALUES_LOG];
	struct pattern *heads[1 << HEADS_LOG];
	uint64_t bits[(1 << BITS_LOG) / 64];
	uint64_t begins[WINDOW - 1][65536 / 64]; /* by the first 1, 2 and 3 bytes */
} all = {.lock = MUTEX_INIT};

/* --- sets of bits --- */

static uint32_t window_hash(const char *p)
{
	uint32_t window;

	memcpy(&window, p, sizeof(window));
	return window * UINT32_C(2654435761);
}

static bool bit_of(const uint64_t *bits, uint32_t at)
{
	return (bits[at / 64] >> at % 64 & 1) != 0;
}

static void set_bit(uint64_t *bits, uint32_t at)
{
	bits[at / 64] |= UINT64_C(1) << at % 64;
}

/* A place for the first n bytes, 1 to 3, among 65,536. */
static uint32_t beginning(const char *p, size_t n)
{
	uint32_t hash = 0;

	for (size_t i = 0; i < n; i++)
		hash = hash * 263 + (unsigned char)p[i];
	return hash & 0xffff;
}

static void mark(const struct pattern *pattern)
{
	set_bit(all.bits, window_hash(pattern->p) >> (32 - BITS_LOG));
	for (size_t n = 1; n < WINDOW; n++)
		set_bit(all.begins[n - 1], beginning(pattern->p, n));
}

/* After patterns went: the bits of those that stay. */
static void mark_all(void)
{
	memset(all.bits, 0, sizeof(all.bits));
	memset(all.begins, 0, sizeof(all.begins));
	for (size_t i = 0; i < COUNT(all.heads); i++) {
		for (const struct pattern *p = all.heads[i]; p != NULL; p = p->next)
			mark(p);
	}
}

/* --- values --- */

static struct pattern **head_of(const char *p)
{
	return &all.heads[window_hash(p) >> (32 - HEADS_LOG)];
}

static void add_pattern(const char *form, size_t n, void *ctx)
{
	struct value *v = ctx;
	struct pattern *pattern = malloc(sizeof(*pattern) + n);
	struct pattern **head = head_of(form);

	if (pattern == NULL) {
		v->lacking = true;
		return;
	}
	pattern->n = n;
	memcpy(pattern->p, form, n);
	pattern->next = *head;
	*head = pattern;
	pattern->other = v->patterns;
	v->patterns = pattern;
	mark(pattern);
}

static void remove_pattern(struct pattern *pattern)
{
	struct pattern **at = head_of(pattern->p);

	while (*at != pattern)
		at = &(*at)->next;
	*at = pattern->next;
	crypto_cleanse(pattern->p, pattern->n);
	free(pattern);
}

/* Takes the value at *at off and frees it. */
static void remove_value(struct value **at)
{
	struct value *v = *at;

	*at = v->next;
	while (v->patterns != NULL) {
		struct pattern *pattern = v->patterns;

		v->patterns = pattern->other;
		remove_pattern(pattern);
	}
	all.counts[v->sort]--;
	atomic_fetch_sub(&all.count, 1);
	crypto_cleanse(v->p, v->n);
	free(v);
}

/* Removes those of a sort that were used before since. */
static void remove_before(enum redact_sort sort, uint64_t since)
{
	for (size_t i = 0; i < COUNT(all.values); i++) {
		struct value **at = &all.values[i];

		while (*at != NULL) {
			if ((*at)->sort == sort && (*at)->used < since)
				remove_value(at);
			else
				at = &(*at)->next;
		}
	}
	mark_all();
}

static int by_age(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* An eighth at a time, as the bits must be made anew. */
static void make_room(enum redact_sort sort)
{
	uint64_t *ages;
	size_t n = 0;

	if (sort == REDACT_SITE || all.counts[sort] < VALUES_MAX)
		return;
	ages = calloc(VALUES_MAX, sizeof(*ages));
	for (size_t i = 0; ages != NULL && i < COUNT(all.values); i++) {
		for (const struct value *v = all.values[i]; v != NULL && n < VALUES_MAX;
			v = v->next) {
			if (v->sort == sort)
				ages[n++] = v->used;
		}
	}
	if (n > 0) {
		qsort(ages, n, sizeof(*ages), by_age);
		remove_before(sort, ages[n / 8]);
	}
	free(ages);
}

static struct value **bucket_of(const char *p, size_t n)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)p[i]) * 16777619u;
	return &all.values[hash >> (32 - VALUES_LOG)];
}

static bool known(enum redact_sort sort, const char *p, size_t n)
{
	for (struct value *v = *bucket_of(p, n); v != NULL; v = v->next) {
		if (v->n != n || memcmp(v->p, p, n) != 0)
			continue;
		v->used = ++all.uses;
		if (sort < v->sort) { /* the stronger reason to stay */
			all.counts[v->sort]--;
			all.counts[sort]++;
			v->sort = sort;
		}
		return true;
	}
	return false;
}

static bool add_value(enum redact_sort sort, const char *p, size_t n)
{
	struct value **bucket = bucket_of(p, n);
	struct value *v = malloc(sizeof(*v) + n);

	if (v == NULL)
		return false;
	*v = (struct value){.next = *bucket, .used = ++all.uses, .n = n, .sort = sort};
	memcpy(v->p, p, n);
	*bucket = v;
	all.counts[sort]++;
	redact_forms(p, n, add_pattern, v);
	atomic_fetch_add(&all.count, 1);
	return !v->lacking;
}

void redact_learn(enum redact_sort sort, const void *bytes, size_t n)
{
	bool ok = true;

	if (n < REDACT_LEAST)
		return;
	if (n > REDACT_VALUE_MOST)
		n = REDACT_VALUE_MOST;
	mutex_lock(&all.lock);
	if (!known(sort, bytes, n)) {
		make_room(sort);
		ok = add_value(sort, bytes, n);
	}
	mutex_unlock(&all.lock);
	if (!ok)
		log_warn("SECRET-REDACT", "out of memory: a secret may be seen in logs");
}

void redact_forget(void)
{
	mutex_lock(&all.lock);
	for (enum redact_sort sort = REDACT_SITE; sort < REDACT_SORTS; sort++)
		remove_before(sort, UINT64_MAX);
	mutex_unlock(&all.lock);
}

/* --- one pass --- */

struct pass {
	char *text;
	size_t n;
	bool even;         /* as many bytes as before */
	bool holds;        /* look for what may be the beginning of a value, too */
	size_t begin, end; /* what was found last, not written yet; the same: nothing */
	size_t from;       /* what is behind it was not copied yet */
	size_t out;        /* bytes written */
	size_t held;       /* where such a beginning begins; n: nowhere */
};

/* The longest pattern at that place; *ret_begins: what is left of the text may begin one. */
static size_t longest(const struct pass *pass, size_t at, bool *ret_begins)
{
	const char *text = pass->text + at;
	size_t left = pass->n - at;
	size_t most = 0;

	for (const struct pattern *p = *head_of(text); p != NULL; p = p->next) {
		if (p->n <= left && p->n > most && memcmp(p->p, text, p->n) == 0)
			most = p->n;
		else if (p->n > left && pass->holds && memcmp(p->p, text, left) == 0)
			*ret_begins = true;
	}
	return most;
}

static void copy_to(struct pass *pass, size_t end)
{
	if (end <= pass->from)
		return;
	if (!pass->even && pass->out < pass->from)
		memmove(pass->text + pass->out, pass->text + pass->from, end - pass->from);
	pass->out += end - pass->from;
	pass->from = end;
}

static void put_mark(struct pass *pass)
{
	memcpy(pass->text + pass->out, REDACT_MARK, sizeof(REDACT_MARK) - 1);
	pass->out += sizeof(REDACT_MARK) - 1;
}

/* Writes what was found last; nothing before end is looked at any more. */
static void close_found(struct pass *pass, size_t end)
{
	if (pass->begin == pass->end)
		return;
	copy_to(pass, pass->begin);
	if (pass->even) {
		memset(pass->text + pass->begin, '*', end - pass->begin);
		pass->out += end - pass->begin;
	} else {
		put_mark(pass);
	}
	pass->from = end;
}

/* Values that touch or overlap are one. */
static void found(struct pass *pass, size_t at, size_t n)
{
	if (pass->begin == pass->end || at > pass->end) {
		close_found(pass, pass->end);
		pass->begin = at;
		pass->end = at + n;
	} else if (at + n > pass->end) {
		pass->end = at + n;
	}
}

/* The last bytes, fewer than a window: may they begin a value? */
static void look_at_end(struct pass *pass, size_t at)
{
	for (; at < pass->n && pass->held == pass->n; at++) {
		size_t left = pass->n - at;

		if (bit_of(all.begins[left - 1], beginning(pass->text + at, left)))
			pass->held = at;
	}
}

/* From the place of a beginning on nothing more is looked for. */
static void look(struct pass *pass)
{
	size_t at = 0;

	for (; at + WINDOW <= pass->n && pass->held == pass->n; at++) {
		bool begins = false;
		size_t n;

		if (!bit_of(all.bits, window_hash(pass->text + at) >> (32 - BITS_LOG)))
			continue;
		n = longest(pass, at, &begins);
		if (begins)
			pass->held = at;
		else if (n > 0)
			found(pass, at, n);
	}
	if (pass->holds)
		look_at_end(pass, at);
}

static void run(struct pass *pass)
{
	pass->held = pass->n;
	mutex_lock(&all.lock);
	look(pass);
	mutex_unlock(&all.lock);
	close_found(pass, pass->end < pass->held ? pass->end : pass->held);
	copy_to(pass, pass->held);
}

size_t redact_text(char *text, size_t n, bool cut)
{
	struct pass pass = {.text = text, .n = n, .holds = cut};
	bool ends = text[n] == '\0';

	if (atomic_load(&all.count) == 0)
		return n;
	run(&pass);
	if (pass.held < n && n - pass.held >= sizeof(REDACT_MARK) - 1)
		put_mark(&pass);
	if (ends)
		text[pass.out] = '\0';
	return pass.out;
}

void redact_even(void *bytes, size_t n, size_t *masked, size_t *ret_held)
{
	struct pass pass = {.text = bytes, .n = n, .even = true, .holds = ret_held != NULL};

	if (masked != NULL)
		pass.end = *masked < n ? *masked : n;
	run(&pass);
	if (ret_held != NULL)
		*ret_held = n - pass.held;
	if (masked != NULL)
		*masked = pass.end > pass.held ? pass.end - pass.held : 0;
}
