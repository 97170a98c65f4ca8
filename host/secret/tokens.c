/*
 * One lock for all tokens, held for no longer than a look. Who waits does so on a condition of its
 * own, so that the end of a wait wakes only those it is for. Order of locks: ours, then a waiter's.
 */
#include "secret/tokens.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/pace.h"
#include "secret/crypto.h"
#include "secret/redact.h"

#define BUCKETS 512

#define LOOK_MS INT64_C(1000) /* between two looks whether anybody still wants it */

struct waiter {
	struct waiter *next; /* came later */
	const struct tokens_wait *wait;
	bool woken; /* off the list; guarded by wait->lock */
};

struct token {
	struct token *next; /* in its bucket */
	char *value;        /* NULL: none */
	size_t n;
	int64_t due_ms; /* wall clock, as is dead_ms */
	int64_t dead_ms;
	int64_t pause_until;           /* mono */
	int64_t used;                  /* mono */
	int64_t failed_until;          /* mono */
	struct tokens_failure failure; /* of code 0: none */
	uint64_t holder;               /* is fetching one; 0: nobody */
	struct waiter *first;
	size_t waiting; /* on the list, or woken and not back yet */
	char key[];
};

struct tokens {
	struct mutex lock;
	size_t count;
	struct token *buckets[BUCKETS];
};

struct tokens *tokens_open(void)
{
	struct tokens *t = calloc(1, sizeof(*t));

	if (t != NULL)
		mutex_init(&t->lock);
	return t;
}

static void forget_value(struct token *e)
{
	if (e->value != NULL) {
		redact_let_go(e->value, e->n);
		crypto_cleanse(e->value, e->n);
	}
	free(e->value);
	e->value = NULL;
	e->n = 0;
}

static void forget_failure(struct token *e)
{
	e->failure.code = 0;
}

static void free_token(struct token *e)
{
	forget_value(e);
	free(e);
}

void tokens_close(struct tokens *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (t->buckets[i] != NULL) {
			struct token *e = t->buckets[i];

			t->buckets[i] = e->next;
			free_token(e);
		}
	}
	mutex_finish(&t->lock);
	free(t);
}

/* --- the table --- */

static struct token **bucket_of(struct tokens *t, const char *key)
{
	uint32_t hash = 2166136261u;

	for (const char *p = key; *p != '\0'; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	return &t->buckets[hash % BUCKETS];
}

static struct token *find(struct tokens *t, const char *key)
{
	struct token *e = *bucket_of(t, key);

	while (e != NULL && strcmp(e->key, key) != 0)
		e = e->next;
	return e;
}

static bool idle(const struct token *e)
{
	return e->holder == 0 && e->waiting == 0;
}

/* Where nobody has to do with it, it goes. */
static void remove_oldest(struct tokens *t)
{
	struct token **oldest = NULL;
	struct token *e;

	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct token **at = &t->buckets[i]; *at != NULL; at = &(*at)->next) {
			if (idle(*at) && (oldest == NULL || (*at)->used < (*oldest)->used))
				oldest = at;
		}
	}
	if (oldest == NULL)
		return;
	e = *oldest;
	*oldest = e->next;
	t->count--;
	free_token(e);
}

static struct token *find_or_add(struct tokens *t, const char *key)
{
	struct token *e = find(t, key);
	size_t n = strlen(key) + 1;

	if (e == NULL) {
		struct token **bucket;

		if (t->count >= TOKENS_MAX)
			remove_oldest(t);
		e = calloc(1, sizeof(*e) + n);
		if (e == NULL)
			return NULL;
		memcpy(e->key, key, n);
		bucket = bucket_of(t, key);
		e->next = *bucket;
		*bucket = e;
		t->count++;
	}
	e->used = clock_mono_ms();
	return e;
}

/* --- waiting --- */

static void wake(struct waiter *w)
{
	mutex_lock(w->wait->lock);
	w->woken = true;
	cond_broadcast(w->wait->wake);
	mutex_unlock(w->wait->lock);
}

/* Takes the first one off and wakes it. */
static bool wake_first(struct token *e)
{
	struct waiter *w = e->first;

	if (w == NULL)
		return false;
	e->first = w->next;
	wake(w); /* its end may be the end of w */
	return true;
}

static void add_waiter(struct token *e, struct waiter *w)
{
	struct waiter **at = &e->first;

	while (*at != NULL)
		at = &(*at)->next;
	*at = w;
}

static void take_off(struct token *e, const struct waiter *w)
{
	for (struct waiter **at = &e->first; *at != NULL; at = &(*at)->next) {
		if (*at == w) {
			*at = w->next;
			return;
		}
	}
}

static bool over(const struct tokens_wait *wait)
{
	return clock_mono_ms() >= wait->deadline || wait->stopped(wait->ctx);
}

/* Until it is woken or over; true: nobody wants it any more. The lock is held. */
static bool wait_long(const struct waiter *w, const struct tokens_wait *wait)
{
	int64_t look = wait->gone != NULL ? clock_mono_ms() + LOOK_MS : CLOCK_NEVER;
	bool gone = false;

	while (!w->woken && !over(wait) && !gone) {
		(void)clock_wait(
			wait->wake, wait->lock, look < wait->deadline ? look : wait->deadline);
		if (w->woken || wait->gone == NULL || clock_mono_ms() < look)
			continue;
		mutex_unlock(wait->lock); /* asking may take a moment */
		gone = wait->gone(wait->ctx);
		mutex_lock(wait->lock);
		look = clock_mono_ms() + LOOK_MS;
	}
	return gone;
}

/* False: it need not wait any more. Ours is given up meanwhile; e stays, as somebody waits. */
static bool wait_turn(struct tokens *t, struct token *e, const struct tokens_wait *wait)
{
	struct waiter w = {.wait = wait};
	bool stopped;

	e->waiting++;
	add_waiter(e, &w);
	mutex_unlock(&t->lock);
	mutex_lock(wait->lock);
	stopped = wait_long(&w, wait) || over(wait);
	mutex_unlock(wait->lock);
	mutex_lock(&t->lock);
	e->waiting--;
	if (!w.woken)
		take_off(e, &w);
	else if (stopped && e->holder == 0)
		(void)wake_first(e); /* it was our turn, and we do not take it */
	return !stopped;
}

/* --- the four --- */

static bool lives(const struct token *e)
{
	return e->value != NULL && clock_now_ms() < e->dead_ms;
}

static bool serves(const struct token *e)
{
	return lives(e) &&
	       (clock_now_ms() < e->due_ms || e->holder != 0 || clock_mono_ms() < e->pause_until);
}

static bool fails(const struct token *e)
{
	return e->failure.code != 0 && e->holder == 0 && clock_mono_ms() < e->failed_until;
}

static enum tokens_answer give(const struct token *e, char **ret_value, size_t *ret_n)
{
	char *copy = malloc(e->n + 1);

	if (copy == NULL)
		return TOKENS_NO_MEMORY;
	memcpy(copy, e->value, e->n);
	copy[e->n] = '\0';
	*ret_value = copy;
	*ret_n = e->n;
	return TOKENS_LIVE;
}

enum tokens_answer tokens_get(struct tokens *t, const char *key, uint64_t holder,
	const struct tokens_wait *wait, char **ret_value, size_t *ret_n,
	struct tokens_failure *ret_failure)
{
	enum tokens_answer answer = TOKENS_STOPPED;
	struct token *e;
	bool waits = true;

	mutex_lock(&t->lock);
	e = find_or_add(t, key);
	while (e != NULL && waits) {
		if (serves(e)) {
			answer = give(e, ret_value, ret_n);
			break;
		}
		if (fails(e)) {
			*ret_failure = e->failure;
			answer = TOKENS_FAILED;
			break;
		}
		if (e->holder == 0 || e->holder == holder) {
			e->holder = holder;
			answer = TOKENS_FETCH;
			break;
		}
		waits = wait_turn(t, e, wait);
	}
	mutex_unlock(&t->lock);
	return e != NULL ? answer : TOKENS_NO_MEMORY;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void set_times(struct token *e, int64_t expires_ms)
{
	int64_t now = clock_now_ms();
	int64_t life = expires_ms > now ? expires_ms - now : 0;

	e->due_ms = now + life - least(life / 5, TOKENS_DUE_MS);
	e->dead_ms = now + life - least(life / 10, TOKENS_MARGIN_MS);
	e->pause_until = 0;
}

bool tokens_put(struct tokens *t, const char *key, uint64_t holder, const char *value, size_t n,
	int64_t expires_ms)
{
	char *copy = malloc(n + 1);
	struct token *e;

	if (copy == NULL)
		return false;
	if (n > 0)
		memcpy(copy, value, n);
	copy[n] = '\0';
	mutex_lock(&t->lock);
	e = find_or_add(t, key);
	if (e != NULL) {
		forget_value(e);
		forget_failure(e);
		redact_hold(copy, n);
		e->value = copy;
		e->n = n;
		set_times(e, expires_ms);
		if (e->holder == holder)
			e->holder = 0;
		while (wake_first(e))
			;
	}
	mutex_unlock(&t->lock);
	if (e == NULL) {
		crypto_cleanse(copy, n);
		free(copy);
	}
	return e != NULL;
}

void tokens_drop(struct tokens *t, const char *key, const char *value, size_t n)
{
	struct token *e;

	mutex_lock(&t->lock);
	e = find(t, key);
	if (e != NULL && e->value != NULL && crypto_equal(e->value, e->n, value, n))
		forget_value(e);
	mutex_unlock(&t->lock);
}

/* Lock held. False: it is nobody else's, so the next one is to try. */
static bool fail_all(struct token *e, const struct tokens_failure *failure)
{
	forget_failure(e);
	if (failure == NULL)
		return false;
	e->failure = *failure;
	e->failed_until = clock_mono_ms() + PACE(TOKENS_FAILED_MS);
	while (wake_first(e))
		;
	return true;
}

void tokens_leave(struct tokens *t, uint64_t holder, const struct tokens_failure *failure)
{
	mutex_lock(&t->lock);
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct token *e = t->buckets[i]; e != NULL; e = e->next) {
			if (e->holder != holder)
				continue;
			e->holder = 0;
			if (lives(e))
				e->pause_until = clock_mono_ms() + TOKENS_PAUSE_MS;
			else if (fail_all(e, failure))
				continue;
			(void)wake_first(e);
		}
	}
	mutex_unlock(&t->lock);
}
