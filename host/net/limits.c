/*
 * The table of keys. A key is in its bucket's chain and in a list by last use, the oldest first,
 * where one to forget is looked for. Each rule has one key more, of all that find no room.
 */
#include "net/limits.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "net/rate.h"
#include "platform/thread.h"

#define BUCKETS 256 /* a power of two */

struct limits_key {
	struct limits_key *chain;         /* the next one in its bucket */
	struct limits_key *older, *newer; /* by last use */
	size_t held;                      /* passes */
	size_t rule;
	struct rate rate;
	struct breaker breaker;
	const char *connection; /* behind host in names; of a crowd both are empty */
	char names[];           /* the host first */
};

struct rule {
	struct limits_rule is;
	struct limits_key *crowd; /* all keys that found no room */
};

struct limits {
	struct mutex lock;  /* guards what follows but rules */
	struct rule *rules; /* and one more at the end: no limit */
	size_t rule_count;  /* without that */
	size_t count, most;
	struct limits_key *oldest, *newest;
	struct limits_key *buckets[BUCKETS];
};

/* --- making --- */

static struct limits_key *key_new(
	const struct limits_rule *rule, size_t index, const char *host, const char *connection)
{
	size_t host_size = strlen(host) + 1;
	size_t connection_size = strlen(connection) + 1;
	struct limits_key *k = calloc(1, sizeof(*k) + host_size + connection_size);

	if (k == NULL)
		return NULL;
	k->rule = index;
	rate_init(&k->rate, rule->per_second, rule->burst);
	memcpy(k->names, host, host_size);
	memcpy(k->names + host_size, connection, connection_size);
	k->connection = k->names + host_size;
	return k;
}

static bool copy_rules(struct limits *l, const struct limits_rule *rules, size_t count)
{
	l->rules = calloc(count + 1, sizeof(*l->rules));
	if (l->rules == NULL)
		return false;
	l->rule_count = count;
	for (size_t i = 0; i < count; i++) {
		l->rules[i].is = rules[i];
		l->rules[i].is.operation = strdup(rules[i].operation);
		if (l->rules[i].is.operation == NULL)
			return false;
	}
	for (size_t i = 0; i <= count; i++) {
		l->rules[i].crowd = key_new(&l->rules[i].is, i, "", "");
		if (l->rules[i].crowd == NULL)
			return false;
	}
	return true;
}

struct limits *limits_create(
	const struct limits_rule *rules, size_t count, size_t keys, struct fail *f)
{
	struct limits *l;

	if (count > LIMITS_RULES_MAX) {
		fail_set(f, FAIL_TOO_LARGE, "rate_limits has at most %d members", LIMITS_RULES_MAX);
		return NULL;
	}
	l = calloc(1, sizeof(*l));
	if (l == NULL) {
		fail_set(f, FAIL_INTERNAL, "out of memory");
		return NULL;
	}
	mutex_init(&l->lock);
	l->most = keys != 0 ? keys : LIMITS_KEYS;
	if (copy_rules(l, rules, count))
		return l;
	limits_destroy(l);
	fail_set(f, FAIL_INTERNAL, "out of memory");
	return NULL;
}

void limits_destroy(struct limits *l)
{
	struct limits_key *newer;

	if (l == NULL)
		return;
	for (struct limits_key *k = l->oldest; k != NULL; k = newer) {
		newer = k->newer;
		free(k);
	}
	for (size_t i = 0; l->rules != NULL && i <= l->rule_count; i++) {
		free((char *)l->rules[i].is.operation);
		free(l->rules[i].crowd);
	}
	free(l->rules);
	mutex_finish(&l->lock);
	free(l);
}

/* --- the table; the lock is held --- */

static void unlink_age(struct limits *l, struct limits_key *k)
{
	*(k->older != NULL ? &k->older->newer : &l->oldest) = k->newer;
	*(k->newer != NULL ? &k->newer->older : &l->newest) = k->older;
}

static void make_newest(struct limits *l, struct limits_key *k)
{
	k->older = l->newest;
	k->newer = NULL;
	*(l->newest != NULL ? &l->newest->newer : &l->oldest) = k;
	l->newest = k;
}

/* FNV-1a over both names and the rule. */
static struct limits_key **bucket_of(
	struct limits *l, const char *host, const char *connection, size_t rule)
{
	uint32_t h = UINT32_C(2166136261) ^ (uint32_t)rule;

	for (; *host != '\0'; host++)
		h = (h ^ (unsigned char)*host) * UINT32_C(16777619);
	h *= UINT32_C(16777619);
	for (; *connection != '\0'; connection++)
		h = (h ^ (unsigned char)*connection) * UINT32_C(16777619);
	return &l->buckets[(h ^ h >> 16) % BUCKETS];
}

static bool forget_one(struct limits *l, int64_t now)
{
	struct limits_key *k = l->oldest;
	struct limits_key **at;

	while (k != NULL &&
		(k->held > 0 || !rate_rests(&k->rate, now) || !breaker_rests(&k->breaker, now)))
		k = k->newer;
	if (k == NULL)
		return false;
	for (at = bucket_of(l, k->names, k->connection, k->rule); *at != k; at = &(*at)->chain)
		continue;
	*at = k->chain;
	unlink_age(l, k);
	l->count--;
	free(k);
	return true;
}

/* The index behind the last is that of no rule. */
static size_t rule_of(const struct limits *l, const char *operation)
{
	size_t others = l->rule_count;

	for (size_t i = 0; i < l->rule_count; i++) {
		if (strcmp(l->rules[i].is.operation, operation) == 0)
			return i;
		if (strcmp(l->rules[i].is.operation, LIMITS_OTHERS) == 0)
			others = i;
	}
	return others;
}

static struct limits_key *find_or_make(
	struct limits *l, const char *host, const char *connection, const char *operation)
{
	size_t rule = rule_of(l, operation);
	struct limits_key **bucket = bucket_of(l, host, connection, rule);
	struct limits_key *k;

	for (k = *bucket; k != NULL; k = k->chain) {
		if (k->rule == rule && strcmp(k->names, host) == 0 &&
			strcmp(k->connection, connection) == 0) {
			unlink_age(l, k);
			make_newest(l, k);
			return k;
		}
	}
	if (l->count == l->most && !forget_one(l, clock_mono_ms()))
		return l->rules[rule].crowd;
	k = key_new(&l->rules[rule].is, rule, host, connection);
	if (k == NULL)
		return l->rules[rule].crowd;
	k->chain = *bucket;
	*bucket = k;
	make_newest(l, k);
	l->count++;
	return k;
}

/* --- passing --- */

static bool refuse(struct fail *f, const struct limits_key *k, int64_t wait_ms, const char *why)
{
	const char *host = k->names[0] != '\0' ? k->names : "the other side";

	(void)fail_set(f, FAIL_BUSY, "%s: %s", host, why);
	if (f != NULL)
		f->retry_after_ms = wait_ms > 0 ? wait_ms : 1;
	return false;
}

static bool refuse_open(struct fail *f, const struct limits_key *k, int64_t wait_ms)
{
	return refuse(f, k, wait_ms,
		"most of the last requests failed, so none is sent for a while (circuit open)");
}

static bool reserve(
	struct limits_key *k, int64_t deadline_ms, struct limits_pass *p, struct fail *f)
{
	int64_t now = clock_mono_ms();

	if (!breaker_would_enter(&k->breaker, now, &p->at_ms))
		return refuse_open(f, k, p->at_ms - now);
	if (!rate_take(&k->rate, now, deadline_ms, &p->at_ms))
		return refuse(
			f, k, p->at_ms - now, "its rate limit has no room before the deadline");
	k->held++;
	p->key = k;
	return true;
}

bool limits_reserve(struct limits *l, const char *host, const char *connection,
	const char *operation, int64_t deadline_ms, struct limits_pass *ret, struct fail *f)
{
	bool passed;

	*ret = (struct limits_pass){0};
	mutex_lock(&l->lock);
	passed = reserve(find_or_make(l, host, connection, operation), deadline_ms, ret, f);
	mutex_unlock(&l->lock);
	return passed;
}

bool limits_start(struct limits *l, struct limits_pass *p, struct fail *f)
{
	int64_t now = clock_mono_ms();
	int64_t at;

	mutex_lock(&l->lock);
	p->started = breaker_enter(&p->key->breaker, now, &p->round, &at);
	if (!p->started)
		refuse_open(f, p->key, at - now);
	mutex_unlock(&l->lock);
	return p->started;
}

/* host of a key that is held lives on. */
static void tell(const struct limits *l, const struct limits_key *k, int state)
{
	const char *operation =
		k->rule < l->rule_count ? l->rules[k->rule].is.operation : LIMITS_OTHERS;

	if (state == BREAKER_OPEN)
		log_warn("CIRCUIT-OPEN",
			"host=%s connection=%s operation=%s: too many requests failed", k->names,
			k->connection, operation);
	else if (state == BREAKER_CLOSED)
		log_info("CIRCUIT-CLOSED",
			"host=%s connection=%s operation=%s: requests go through again", k->names,
			k->connection, operation);
}

void limits_end(struct limits *l, struct limits_pass *p, enum breaker_outcome outcome)
{
	struct limits_key *k = p->key;
	int64_t now = clock_mono_ms();
	int changed = -1;

	if (k == NULL)
		return;
	mutex_lock(&l->lock);
	if (p->started)
		changed = breaker_leave(&k->breaker, p->round, outcome, now);
	else
		rate_give_back(&k->rate, p->at_ms);
	mutex_unlock(&l->lock);
	tell(l, k, changed);
	mutex_lock(&l->lock);
	k->held--;
	mutex_unlock(&l->lock);
	*p = (struct limits_pass){0};
}

size_t limits_count(struct limits *l)
{
	size_t count;

	mutex_lock(&l->lock);
	count = l->count;
	mutex_unlock(&l->lock);
	return count;
}
