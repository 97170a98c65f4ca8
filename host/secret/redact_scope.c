/* The values of one request. Most of what happens for it writes nothing, so their forms are made
 * when the first text is to be looked at. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "platform/thread.h"
#include "secret/crypto.h"
#include "secret/member.h"
#include "secret/redact.h"
#include "secret/redact_parts.h"
#include "secret/redact_set.h"

#define BITS_LEAST 10
#define BITS_MOST  18
#define SPARSE     32 /* bits for each pattern */

struct own {
	struct own *next;
	size_t n;
	char p[];
};

struct redact_scope {
	atomic_size_t refs;
	struct mutex lock; /* guards what follows */
	struct own *first;
	size_t count, bytes;
	struct redact_set set; /* made when it is needed; its bits are NULL until then */
};

static _Thread_local struct redact_scope *in_use;

static struct redact_scope *make(void)
{
	struct redact_scope *s = calloc(1, sizeof(*s));

	if (s != NULL) {
		atomic_init(&s->refs, 1);
		mutex_init(&s->lock);
	}
	return s;
}

static bool has(const struct redact_scope *s, const void *bytes, size_t n)
{
	for (const struct own *o = s->first; o != NULL; o = o->next) {
		if (o->n == n && memcmp(o->p, bytes, n) == 0)
			return true;
	}
	return false;
}

/* With the lock held. */
static void put(struct redact_scope *s, const void *bytes, size_t n)
{
	struct own *o;

	if (s->count >= REDACT_SCOPE_VALUES || n > REDACT_SCOPE_BYTES - s->bytes ||
		has(s, bytes, n) || (o = malloc(sizeof(*o) + n)) == NULL)
		return;
	*o = (struct own){.next = s->first, .n = n};
	memcpy(o->p, bytes, n);
	s->first = o;
	s->count++;
	s->bytes += n;
	redact_set_finish(&s->set); /* it is made anew */
}

void redact_scope_add(struct redact_scope **s, const void *bytes, size_t n)
{
	if (n < REDACT_LEAST)
		return;
	if (n > REDACT_VALUE_MOST)
		n = REDACT_VALUE_MOST;
	if (*s == NULL)
		*s = make();
	if (*s == NULL)
		return;
	mutex_lock(&(*s)->lock);
	put(*s, bytes, n);
	mutex_unlock(&(*s)->lock);
}

struct redact_scope *redact_scope_ref(struct redact_scope *s)
{
	if (s != NULL)
		atomic_fetch_add(&s->refs, 1);
	return s;
}

void redact_scope_unref(struct redact_scope *s)
{
	if (s == NULL || atomic_fetch_sub(&s->refs, 1) > 1)
		return;
	while (s->first != NULL) {
		struct own *o = s->first;

		s->first = o->next;
		crypto_cleanse(o->p, o->n);
		free(o);
	}
	redact_set_finish(&s->set);
	mutex_finish(&s->lock);
	free(s);
}

struct redact_scope *redact_use(struct redact_scope *s)
{
	struct redact_scope *before = in_use;

	in_use = s;
	return before;
}

/* --- out of JSON --- */

struct adding {
	struct redact_scope **s;
	bool all;
};

static void add_named(void *ctx, const void *bytes, size_t n)
{
	const struct adding *a = ctx;

	if (a->all || n < REDACT_LEAST_SHARED)
		redact_scope_add(a->s, bytes, n);
}

void redact_scope_add_json(struct redact_scope **s, const json_t *v, bool all)
{
	struct adding a = {s, all};

	redact_named(v, add_named, &a);
}

void redact_scope_add_stored(struct redact_scope **s, const char *json)
{
	json_t *v = json != NULL ? member_parse(json, strlen(json)) : NULL;

	redact_scope_add_json(s, v, true);
	member_free(v);
}

/* --- looks --- */

/* All patterns as one list. */
static struct redact_pattern *patterns_of(const struct redact_scope *s, size_t *ret_count)
{
	struct redact_pattern *all = NULL;

	*ret_count = 0;
	for (const struct own *o = s->first; o != NULL; o = o->next) {
		struct redact_pattern *first = NULL;
		size_t count = 0;

		(void)redact_patterns(o->p, o->n, &first, &count);
		*ret_count += count;
		while (first != NULL) {
			struct redact_pattern *next = first->next;

			first->next = all;
			all = first;
			first = next;
		}
	}
	return all;
}

static bool compile(struct redact_scope *s)
{
	size_t count;
	struct redact_pattern *all = patterns_of(s, &count);
	unsigned bits = BITS_LEAST;
	bool ok;

	while (bits < BITS_MOST && ((size_t)1 << bits) < count * SPARSE)
		bits++;
	ok = redact_set_init(&s->set, REDACT_LEAST, bits, 0);
	while (all != NULL) {
		struct redact_pattern *next = all->next;

		if (ok)
			(void)redact_set_add(&s->set, all);
		else
			redact_pattern_free(all);
		all = next;
	}
	return ok;
}

const struct redact_set *redact_scope_begin(void)
{
	struct redact_scope *s = in_use;

	if (s == NULL)
		return NULL;
	mutex_lock(&s->lock);
	if (s->set.bits != NULL || compile(s))
		return &s->set;
	mutex_unlock(&s->lock);
	return NULL;
}

void redact_scope_end(void)
{
	mutex_unlock(&in_use->lock);
}
