/* The registry. Who looks at it does not wait for another who does; the forms of a value are made
 * before the lock is taken. */
#include "secret/redact.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/log.h"
#include "platform/thread.h"
#include "secret/crypto.h"
#include "secret/redact_parts.h"
#include "secret/redact_set.h"

#define BITS_LOG   20 /* of the set: 128 KiB, which stay in the cache */
#define ROW_LOG    8
#define VALUES_LOG 12
#define STAY       ((size_t)REDACT_VALUES_MAX / 8 * 7) /* where the oldest had to go */
#define CROWD      64 /* fewer are not worth making the bits anew for their bytes */
#define WINDOW     8  /* bytes that are hashed: no form of a value here is shorter */

_Static_assert(REDACT_LEAST_SHARED >= WINDOW, "a pattern is as long as what is hashed of it");

struct value {
	struct value *next; /* of its bucket */
	struct redact_pattern **patterns;
	size_t count;
	uint64_t id;
	uint64_t used;
	size_t holds;
	enum redact_sort sort;
	size_t n;
	char p[];
};

static struct {
	struct rwlock lock; /* guards what follows, but for the two that are atomic */
	atomic_size_t count;
	atomic_ullong uses;
	size_t counts[REDACT_SORTS]; /* of those that nobody holds */
	struct value *values[1 << VALUES_LOG];
	struct redact_set set;
} all = {.lock = RWLOCK_INIT};

static uint64_t next_use(void)
{
	return atomic_fetch_add_explicit(&all.uses, 1, memory_order_relaxed) + 1;
}

/* --- those that go --- */

/* By what it was met as, too. */
static uint64_t last_use(const struct value *v)
{
	uint64_t last = v->used;

	for (size_t i = 0; i < v->count; i++) {
		uint64_t used = atomic_load_explicit(&v->patterns[i]->used, memory_order_relaxed);

		if (used > last)
			last = used;
	}
	return last;
}

static void free_value(struct value *v)
{
	free(v->patterns);
	crypto_cleanse(v->p, v->n);
	free(v);
}

/* Takes the value at *at off; its patterns are there until the set is swept. */
static void remove_value(struct value **at)
{
	struct value *v = *at;

	*at = v->next;
	for (size_t i = 0; i < v->count; i++)
		v->patterns[i]->refs--;
	all.counts[v->sort] -= v->holds == 0;
	atomic_fetch_sub(&all.count, 1);
	free_value(v);
}

/* Removes those of a sort that nobody holds and that were used before since. */
static void remove_before(enum redact_sort sort, uint64_t since)
{
	for (size_t i = 0; i < COUNT(all.values); i++) {
		struct value **at = &all.values[i];

		while (*at != NULL) {
			if ((*at)->sort == sort && (*at)->holds == 0 && last_use(*at) < since)
				remove_value(at);
			else
				at = &(*at)->next;
		}
	}
}

static int by_age(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The ages of those of a sort that may go. */
static size_t ages_of(enum redact_sort sort, uint64_t *ages, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < COUNT(all.values); i++) {
		for (const struct value *v = all.values[i]; v != NULL && n < room; v = v->next) {
			if (v->sort == sort && v->holds == 0)
				ages[n++] = last_use(v);
		}
	}
	return n;
}

/* Many at a time, as the bits must be made anew. */
static void thin_out(enum redact_sort sort)
{
	size_t room = all.counts[sort];
	uint64_t *ages;
	size_t n, last;

	if (sort == REDACT_SITE || room < CROWD)
		return;
	ages = calloc(room + 1, sizeof(*ages));
	n = ages != NULL ? ages_of(sort, ages, room) : 0;
	if (n > 0) {
		qsort(ages, n, sizeof(*ages), by_age);
		last = n > STAY ? n - STAY : n / 8;
		remove_before(sort, ages[last] + 1);
		redact_set_sweep(&all.set);
	}
	free(ages);
}

/* For one more of a sort. */
static void make_room(enum redact_sort sort)
{
	enum redact_sort weakest = REDACT_SORTS - 1;

	if (sort == REDACT_SITE)
		return;
	if (all.counts[sort] >= REDACT_VALUES_MAX)
		thin_out(sort);
	if (all.set.bytes < REDACT_BYTES_MAX)
		return;
	while (weakest > sort && all.counts[weakest] < CROWD)
		weakest--;
	thin_out(weakest);
}

/* --- those that come --- */

static struct value **bucket_of(const char *p, size_t n)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)p[i]) * 16777619u;
	return &all.values[hash >> (32 - VALUES_LOG)];
}

static struct value *find(const char *p, size_t n)
{
	struct value *v = *bucket_of(p, n);

	while (v != NULL && (v->n != n || memcmp(v->p, p, n) != 0))
		v = v->next;
	return v;
}

static bool known(enum redact_sort sort, const char *p, size_t n, size_t holds)
{
	struct value *v = find(p, n);

	if (v == NULL)
		return false;
	v->used = next_use();
	all.counts[v->sort] -= v->holds == 0;
	v->holds += holds;
	if (sort < v->sort) /* the stronger reason to stay */
		v->sort = sort;
	all.counts[v->sort] += v->holds == 0;
	return true;
}

/* Takes v and its patterns over; false: some are lacking. */
static bool enter(struct value *v, struct redact_pattern *first)
{
	struct value **bucket = bucket_of(v->p, v->n);
	bool whole = true;

	while (first != NULL) {
		struct redact_pattern *next = first->next;
		struct redact_pattern *p = redact_set_add(&all.set, first);

		if (p == NULL) {
			whole = false;
		} else if (p->owner != v->id) {
			p->owner = v->id;
			p->refs++;
			v->patterns[v->count++] = p;
		}
		first = next;
	}
	v->next = *bucket;
	*bucket = v;
	all.counts[v->sort] += v->holds == 0;
	atomic_fetch_add(&all.count, 1);
	return whole;
}

static void free_list(struct redact_pattern *first)
{
	while (first != NULL) {
		struct redact_pattern *next = first->next;

		redact_pattern_free(first);
		first = next;
	}
}

/* With the lock held. */
static bool enter_new(struct value *v, struct redact_pattern *first)
{
	if (all.set.bits == NULL && !redact_set_init(&all.set, WINDOW, BITS_LOG, ROW_LOG)) {
		free_list(first);
		free_value(v);
		return false;
	}
	make_room(v->sort);
	return enter(v, first);
}

static bool add(enum redact_sort sort, const char *p, size_t n, size_t holds)
{
	struct redact_pattern *first = NULL;
	size_t count = 0;
	bool whole = redact_patterns(p, n, &first, &count);
	struct value *v = malloc(sizeof(*v) + n);

	if (v != NULL) {
		*v = (struct value){.patterns = calloc(count + 1, sizeof(void *)),
			.id = next_use(),
			.holds = holds,
			.sort = sort,
			.n = n};
		v->used = v->id;
		memcpy(v->p, p, n);
	}
	if (v == NULL || v->patterns == NULL) {
		free_list(first);
		free(v);
		return false;
	}
	rwlock_write(&all.lock);
	if (!known(sort, p, n, holds)) { /* meanwhile */
		whole = enter_new(v, first) && whole;
		v = NULL;
		first = NULL;
	}
	rwlock_unlock(&all.lock);
	free_list(first);
	if (v != NULL)
		free_value(v);
	return whole;
}

static void learn(enum redact_sort sort, const void *bytes, size_t n, size_t holds)
{
	bool there;

	if (n < REDACT_LEAST_SHARED)
		return;
	if (n > REDACT_VALUE_MOST)
		n = REDACT_VALUE_MOST;
	rwlock_write(&all.lock);
	there = known(sort, bytes, n, holds);
	rwlock_unlock(&all.lock);
	if (!there && !add(sort, bytes, n, holds))
		log_warn("SECRET-REDACT", "out of memory: a secret may be seen in logs");
}

void redact_learn(enum redact_sort sort, const void *bytes, size_t n)
{
	learn(sort, bytes, n, 0);
}

void redact_hold(const void *bytes, size_t n)
{
	learn(REDACT_SECRET, bytes, n, 1);
}

void redact_let_go(const void *bytes, size_t n)
{
	struct value *v;

	if (n < REDACT_LEAST_SHARED)
		return;
	if (n > REDACT_VALUE_MOST)
		n = REDACT_VALUE_MOST;
	rwlock_write(&all.lock);
	v = find(bytes, n);
	if (v != NULL && v->holds > 0) {
		v->holds--;
		all.counts[v->sort] += v->holds == 0;
		v->used = next_use();
	}
	rwlock_unlock(&all.lock);
}

void redact_forget(void)
{
	rwlock_write(&all.lock);
	for (size_t i = 0; i < COUNT(all.values); i++) {
		while (all.values[i] != NULL)
			remove_value(&all.values[i]);
	}
	if (all.set.bits != NULL)
		redact_set_sweep(&all.set);
	rwlock_unlock(&all.lock);
}

/* --- looks --- */

const struct redact_set *redact_shared_begin(void)
{
	if (atomic_load(&all.count) == 0)
		return NULL;
	rwlock_read(&all.lock);
	return &all.set;
}

void redact_shared_end(void)
{
	rwlock_unlock(&all.lock);
}

void redact_shared_met(struct redact_pattern *p)
{
	uint64_t now = atomic_load_explicit(&all.uses, memory_order_relaxed);

	if (atomic_load_explicit(&p->used, memory_order_relaxed) != now)
		atomic_store_explicit(&p->used, now, memory_order_relaxed);
}
