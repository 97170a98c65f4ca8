/*
 * network - net/loop.h and net/transfer.h without sockets: a transfer becomes a letter to the
 * cloud, which arrives after a while, and its answer comes back after another, unless chance lets
 * something go wrong. A thread of its own lands what is due, as the real loop's does.
 */
#include "net/loop.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "net/transfer.h"
#include "platform/thread.h"
#include "sim/broken.h"
#include "sim/cloud.h"
#include "sim/leases.h"
#include "sim/life.h"
#include "sim/work.h"
#include "sim/world.h"

enum {
	TRIPS = 64,
	ADDRESS_MS_MOST = 20,
	WAY_MS_MOST = 30,
	SLOW_RATE = 224,       /* of 256 answers to a search */
	SLOW_MS_MOST = 3000,   /* several times the manifest's settle_ms */
	LATER_RATE = 192,      /* of 256 of those that would be late */
	LATER_MS_LEAST = 1401, /* a daemon waits a second, and the manifest's settle_ms */
	LATER_MS_MOST = 60000,
	MISSED_MOST = 2 /* of one object: fewer than the daemon wants to hear */
};

/* What goes wrong, and with which share of what does. */
enum fault {
	FAULT_NONE,
	FAULT_UNSENT,
	FAULT_RESET_BEFORE,
	FAULT_RESET_AFTER,
	FAULT_LOST,      /* neither does it arrive nor an answer come */
	FAULT_NO_ANSWER, /* done, and no answer */
	FAULT_LATE,      /* done, when nobody waits any more */
	FAULT_LATER,     /* and longer than a search allows for; never drawn by itself */
	FAULT_THROTTLED,
	FAULT_REFUSED, /* a change, for good */
	FAULT_STRANGE, /* a look at a job, which is there */
	FAULT_MISSED,  /* a delete of what is there; never drawn by itself */
	FAULT_ERROR,
	FAULT_ERROR_DONE,
	FAULT_CUT,
	FAULT_NO_JSON,
	FAULT_TWICE,
	FAULT_DELAY,
	FAULT_TOKEN_DEAD,
	FAULT_COUNT
};

static const struct {
	const char *name;
	unsigned share;
	bool arrives;
	bool clear; /* the answer says what became of it */
} faults[FAULT_COUNT] = {
	[FAULT_NONE] = {"", 0, true, true},
	[FAULT_UNSENT] = {"no connection", 2, false, true},
	[FAULT_RESET_BEFORE] = {"reset, not done", 3, false, false},
	[FAULT_RESET_AFTER] = {"reset, done", 4, true, false},
	[FAULT_LOST] = {"lost", 2, false, false},
	[FAULT_NO_ANSWER] = {"done, no answer", 3, true, false},
	[FAULT_LATE] = {"done late, no answer", 2, true, false},
	[FAULT_LATER] = {"done later than lists may be, no answer", 0, true, false},
	[FAULT_THROTTLED] = {"429", 3, false, true},
	[FAULT_REFUSED] = {"403", 1, false, true},
	[FAULT_STRANGE] = {"404 or 400", 4, false, true},
	[FAULT_MISSED] = {"404", 0, false, true},
	[FAULT_ERROR] = {"500, not done", 2, false, false},
	[FAULT_ERROR_DONE] = {"500, done", 3, true, false},
	[FAULT_CUT] = {"answer cut", 2, true, false},
	[FAULT_NO_JSON] = {"answer is no JSON", 2, true, false},
	[FAULT_TWICE] = {"delivered twice", 2, true, true},
	[FAULT_DELAY] = {"delayed", 2, true, true},
	[FAULT_TOKEN_DEAD] = {"token refused", 1, true, true},
};

/* A transfer that flies. */
struct trip {
	struct transfer *t; /* NULL: free */
	struct letter *letter;
	struct item *item; /* it would change something of */
	bool first;        /* it makes what is on the way to what the item wants */
	enum fault fault;
	bool arrived;
	int64_t arrives_at, lands_at; /* CLOCK_NEVER */
	struct cloud_answer answer;
};

struct net_loop {
	struct mutex lock;
	struct cond wake;
	struct thread thread;
	bool ending, interrupted;
	TAILQ_HEAD(asking, transfer) asking;
	struct trip trips[TRIPS];
};

enum ask {
	ASK_ADD = 1,
	ASK_DROP = 2
};

/* --- transfers --- */

struct transfer *transfer_new(const struct transfer_options *o, struct fail *f)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		(void)fail_set(f, FAIL_UNAVAILABLE, "out of memory");
		return NULL;
	}
	t->options = *o;
	t->end = TRANSFER_STOPPED;
	head_init(&t->head);
	buf_init(&t->body, o->answer_max);
	return t;
}

void transfer_free(struct transfer *t)
{
	if (t == NULL)
		return;
	head_finish(&t->head);
	buf_finish(&t->body);
	free(t);
}

bool transfer_unsent(const struct transfer *t)
{
	return t->tries == 0;
}

size_t transfer_take(struct transfer *t, void *bytes, size_t cap, bool *ret_resume)
{
	size_t there = t->body.n - t->read_at;
	size_t n = there < cap ? there : cap;

	if (n > 0)
		memcpy(bytes, t->body.p + t->read_at, n);
	t->read_at += n;
	*ret_resume = false;
	return n;
}

/* --- sending --- */

static void take_part(CURLU *url, CURLUPart part, const char *before, char *to, size_t size)
{
	size_t n = strlen(to);
	char *text = NULL;

	if (curl_url_get(url, part, &text, 0) == CURLUE_OK)
		(void)snprintf(to + n, size - n, "%s%s", before, text);
	curl_free(text);
}

static void write_letter(struct letter *l, const struct transfer *t)
{
	const struct transfer_options *o = &t->options;

	memset(l, 0, sizeof(*l));
	(void)snprintf(l->method, sizeof(l->method), "%s", o->method);
	take_part(o->url, CURLUPART_PATH, "", l->target, sizeof(l->target));
	take_part(o->url, CURLUPART_QUERY, "?", l->target, sizeof(l->target));
	for (size_t i = 0; i < o->header_count; i++) {
		const char *value = o->headers[i].value != NULL ? o->headers[i].value : "";

		if (strcasecmp(o->headers[i].name, "authorization") == 0)
			(void)snprintf(l->auth, sizeof(l->auth), "%s", value);
		if (strcasecmp(o->headers[i].name, "idempotency-token") == 0)
			(void)snprintf(l->token, sizeof(l->token), "%s", value);
	}
	if (o->body.fd < 0 && o->body.n > 0)
		(void)snprintf(l->body, sizeof(l->body), "%.*s", (int)o->body.n,
			(const char *)o->body.bytes);
}

static enum fault pick_fault(void)
{
	unsigned all = 0;
	uint64_t left;

	if (world->now_ms >= world->calm_ms || !chance_of_256(CHANCE_NET, world->fault_rate))
		return FAULT_NONE;
	for (size_t i = 1; i < FAULT_COUNT; i++)
		all += faults[i].share;
	left = chance_below(CHANCE_NET, all);
	for (size_t i = 1; i < FAULT_COUNT; i++) {
		if (left < faults[i].share)
			return (enum fault)i;
		left -= faults[i].share;
	}
	return FAULT_NONE;
}

/* A cloud that does not know for a while what it has, most often after a request of which nobody
 * knows what it did. */
static enum fault removal_fault(struct item *item)
{
	if (item->removes_missed < MISSED_MOST &&
		chance_of_256(CHANCE_NET, item->remove_unclear ? 128 : 32)) {
		item->removes_missed++;
		return FAULT_MISSED;
	}
	if (!chance_of_256(CHANCE_NET, 64))
		return FAULT_NONE;
	item->remove_unclear = true;
	return FAULT_RESET_BEFORE;
}

/* What the schedule is about; FAULT_NONE: this is not it. */
static enum fault theme_fault(const struct letter *l)
{
	bool creates = strcmp(l->method, "POST") == 0 && strchr(l->target + 4, '/') == NULL;

	if (world->now_ms >= world->calm_ms || cloud_item(l) == NULL)
		return FAULT_NONE;
	if (world->theme == THEME_DOUBT && creates && chance_of_256(CHANCE_NET, 96))
		return chance_of_256(CHANCE_NET, 128) ? FAULT_RESET_BEFORE : FAULT_RESET_AFTER;
	if (world->theme == THEME_UNSENT && chance_of_256(CHANCE_NET, 240))
		return FAULT_UNSENT; /* so often in a row that it is given up */
	if (world->theme == THEME_REMOVAL && creates && chance_of_256(CHANCE_NET, 128))
		return FAULT_REFUSED; /* so that there is nothing to be removed */
	if (world->theme == THEME_REMOVAL && strcmp(l->method, "DELETE") == 0)
		return removal_fault(cloud_item(l));
	return FAULT_NONE;
}

static struct trip *free_trip(struct net_loop *l)
{
	for (size_t i = 0; i < TRIPS; i++) {
		if (l->trips[i].t == NULL)
			return &l->trips[i];
	}
	life_failed("too many transfers");
}

/* A search can only miss what its cloud has not heard of within the settle delay; and what was
 * deleted must not be made by a request from before. */
static bool may_be_late(const struct letter *l)
{
	const struct item *item = cloud_item(l);

	if (item == NULL)
		return true;
	return !item->removes && (item->wish->way == WAY_TOKEN || item->wish->way == WAY_NAME);
}

/* The limit of a search: what comes later is made twice, if only now and then. It must be shown. */
static bool may_be_later(const struct letter *l)
{
	const struct item *item = cloud_item(l);

	return item != NULL && !item->removes && item->wish->way == WAY_SEARCH &&
	       strcmp(l->target, "/v1/jobs") == 0 && chance_of_256(CHANCE_LATE, LATER_RATE);
}

/* One look says nothing, whatever is answered to it. */
static bool looks_at_job(const struct letter *l)
{
	return strcmp(l->method, "GET") == 0 && strncmp(l->target, "/v1/jobs/", 9) == 0;
}

/* One whose removal goes on, or NULL. */
static struct item *removed_item(const struct letter *l)
{
	for (size_t i = 0; i < world->item_count; i++) {
		struct item *item = &world->items[i];

		if (item->remove_asked && item->remote[0] != '\0' &&
			strstr(l->target, item->remote) != NULL)
			return item;
	}
	return NULL;
}

/* Does the cloud seem not to know what is looked at? Of what is removed that is no look alone. */
static bool may_be_strange(const struct letter *l)
{
	struct item *item = looks_at_job(l) ? removed_item(l) : NULL;

	return looks_at_job(l) && (item == NULL || item->removes_missed++ < MISSED_MOST);
}

/* Nobody will know what became of it. */
static void doubt(const struct trip *trip)
{
	if (trip->item == NULL)
		return;
	trip->item->unclear = true;
	trip->item->first_doubts += trip->first;
}

/* A search reads the lists at once, and its answer may come when they would show more. */
static int64_t slow_way(const struct trip *trip)
{
	if (trip->fault != FAULT_NONE || world->now_ms >= world->calm_ms ||
		strcmp(trip->letter->method, "GET") != 0 ||
		strstr(trip->letter->target, "label=") == NULL ||
		!chance_of_256(CHANCE_SLOW, SLOW_RATE))
		return 0;
	return chance_between(CHANCE_SLOW, 1, SLOW_MS_MOST);
}

static void plan_trip(struct trip *trip)
{
	int64_t now = world->mono_ms;
	int64_t way = chance_between(CHANCE_NET, 1, WAY_MS_MOST);

	if (trip->fault == FAULT_REFUSED && cloud_item(trip->letter) == NULL)
		trip->fault = FAULT_THROTTLED; /* what is only looked at is there */
	if (trip->fault == FAULT_STRANGE && !may_be_strange(trip->letter))
		trip->fault = FAULT_THROTTLED;
	if (trip->fault == FAULT_LATE && !may_be_late(trip->letter))
		trip->fault = may_be_later(trip->letter) ? FAULT_LATER : FAULT_NO_ANSWER;
	if (trip->fault == FAULT_LATE)
		way = chance_between(CHANCE_NET, 1, 20000);
	if (trip->fault == FAULT_LATER)
		way = chance_between(CHANCE_LATE, LATER_MS_LEAST, LATER_MS_MOST);
	trip->letter->later = trip->fault == FAULT_LATER;
	if (trip->fault == FAULT_DELAY)
		way = chance_between(CHANCE_NET, 1, may_be_late(trip->letter) ? 1500 : 60);
	trip->arrives_at = faults[trip->fault].arrives ? now + way : CLOCK_NEVER;
	trip->letter->arrives_at = faults[trip->fault].arrives ? world->now_ms + way : CLOCK_NEVER;
	trip->lands_at = now + way + chance_between(CHANCE_NET, 1, WAY_MS_MOST) + slow_way(trip);
	if (trip->fault == FAULT_LOST || trip->fault == FAULT_NO_ANSWER ||
		trip->fault == FAULT_LATE || trip->fault == FAULT_LATER)
		trip->lands_at = CLOCK_NEVER;
}

static void send_letter(struct net_loop *l, struct transfer *t)
{
	struct trip *trip = free_trip(l);
	enum fault theme;

	*trip = (struct trip){.t = t, .fault = pick_fault(), .letter = cloud_letter()};
	if (trip->letter == NULL)
		life_failed("too many letters");
	write_letter(trip->letter, t);
	if (!broken_lies())
		leases_check(&t->options, trip->letter);
	theme = theme_fault(trip->letter);
	if (theme != FAULT_NONE)
		trip->fault = theme;
	life_event(EVENT_BEFORE_REQUEST);
	trip->letter->used = trip->letter->live = true;
	world->requests++;
	world->faults += trip->fault != FAULT_NONE;
	plan_trip(trip);
	trace("net: %s %s%s%s", trip->letter->method, trip->letter->target,
		trip->fault != FAULT_NONE ? "  fault: " : "", faults[trip->fault].name);
	t->through = t->found = true;
	if (trip->fault == FAULT_UNSENT)
		return;
	if (t->options.admit != NULL && !t->options.admit(t->options.ctx, "93.184.216.34"))
		t->refused++;
	t->admitted++;
	t->tries++;
	trip->item = cloud_item(trip->letter);
	trip->first = strstr(trip->letter->target, "/datasets") != NULL;
	if (!faults[trip->fault].clear)
		doubt(trip);
	life_event(EVENT_AFTER_REQUEST);
}

/* --- what comes back --- */

static void line(struct transfer *t, const char *fmt, ...) ATTR_PRINTF(2, 3);

static void line(struct transfer *t, const char *fmt, ...)
{
	char text[256];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	(void)head_line(&t->head, text, (size_t)n);
}

static void fill_answer(struct transfer *t, int status, const char *body, size_t n)
{
	line(t, "HTTP/1.1 %d X\r\n", status);
	if (status == 429)
		line(t, "Retry-After: %d\r\n", (int)chance_below(CHANCE_NET, 4));
	line(t, "Content-Type: application/json\r\n");
	line(t, "\r\n");
	buf_add(&t->body, body, n);
}

static void refuse(struct transfer *t, int status)
{
	char body[128];
	int n = snprintf(body, sizeof(body),
		"{\"error\":{\"code\":0,\"status\":\"%s\",\"message\":\"it was told to\"}}",
		status == 404 ? "NOT_FOUND" : "X");

	fill_answer(t, status, body, (size_t)n);
}

static int some_error(void)
{
	static const int list[] = {500, 502, 503, 504, 408};

	return list[chance_below(CHANCE_NET, COUNT(list))];
}

/* How the transfer ends; true: answered. */
static bool come_back(struct trip *trip)
{
	struct transfer *t = trip->t;
	const char *body = trip->answer.body != NULL ? trip->answer.body : "";
	size_t n = strlen(body);

	switch (trip->fault) {
	case FAULT_UNSENT:
	case FAULT_RESET_BEFORE:
	case FAULT_RESET_AFTER:
		return false;
	case FAULT_THROTTLED:
		refuse(t, 429);
		return true;
	case FAULT_REFUSED:
		refuse(t, 403);
		return true;
	case FAULT_MISSED:
		refuse(t, 404);
		return true;
	case FAULT_STRANGE:
		refuse(t, chance_of_256(CHANCE_NET, 128) ? 404 : 400);
		return true;
	case FAULT_ERROR:
	case FAULT_ERROR_DONE:
		refuse(t, some_error());
		return true;
	case FAULT_CUT:
		fill_answer(t, trip->answer.status, body, n / 2);
		return false;
	case FAULT_NO_JSON:
		fill_answer(t, trip->answer.status, "<html>", 6);
		return true;
	default:
		fill_answer(t, trip->answer.status, body, n);
		return true;
	}
}

static void arrive(struct trip *trip)
{
	struct letter *l = trip->letter;
	size_t before = world->object_count;

	trip->arrived = true;
	if (trip->fault == FAULT_TOKEN_DEAD)
		world->tokens_dead = world->token;
	trip->answer = cloud_serve(l);
	if (trip->fault == FAULT_TWICE) {
		before = world->object_count;
		free(trip->answer.body);
		trip->answer = cloud_serve(l);
		for (; before < world->object_count; before++)
			world->objects[before].again = true;
	}
	l->used = false;
	life_event(EVENT_DONE);
}

static void end_trip(struct trip *trip)
{
	if (!trip->arrived) {
		trip->letter->used = faults[trip->fault].arrives;
		trip->letter->live = false;
	}
	free(trip->answer.body);
	trip->t = NULL;
}

/* The last the loop does with it. */
static void give_back(struct net_loop *l, struct transfer *t, enum transfer_end end)
{
	struct mutex *lock = t->options.lock;

	mutex_lock(&l->lock);
	if (t->queued)
		TAILQ_REMOVE(&l->asking, t, link);
	t->queued = false;
	t->landed = true;
	mutex_unlock(&l->lock);
	(void)snprintf(t->error, sizeof(t->error), "%s", "the connection was reset");
	mutex_lock(lock);
	t->end = end;
	t->ended = true;
	cond_broadcast(t->options.wake);
	mutex_unlock(lock);
}

static void land(struct net_loop *l, struct trip *trip)
{
	struct transfer *t = trip->t;
	bool answered = come_back(trip);

	trace("net: %s %s lands: %s %d", t->options.method, trip->letter->target,
		answered ? "answered" : "broken", t->head.status);
	end_trip(trip);
	life_event(EVENT_ANSWER);
	if (answered)
		give_back(l, t, TRANSFER_ANSWERED);
	else
		give_back(l, t, t->tries == 0 ? TRANSFER_UNSENT : TRANSFER_BROKEN);
}

/* Nobody waits for it any more; what is on its way to the cloud arrives all the same. */
static void drop(struct net_loop *l, struct transfer *t)
{
	for (size_t i = 0; i < TRIPS; i++) {
		if (l->trips[i].t != t)
			continue;
		if (faults[l->trips[i].fault].clear)
			doubt(&l->trips[i]);
		end_trip(&l->trips[i]);
	}
	give_back(l, t, TRANSFER_STOPPED);
}

/* --- the thread --- */

static struct transfer *next_asking(struct net_loop *l, unsigned *ret_asked)
{
	struct transfer *t;

	mutex_lock(&l->lock);
	t = TAILQ_FIRST(&l->asking);
	if (t != NULL) {
		TAILQ_REMOVE(&l->asking, t, link);
		t->queued = false;
		*ret_asked = t->asked;
		t->asked = 0;
	}
	mutex_unlock(&l->lock);
	return t;
}

static bool obey(struct net_loop *l)
{
	unsigned asked = 0;
	struct transfer *t = next_asking(l, &asked);

	if (t == NULL)
		return false;
	if ((asked & ASK_DROP) != 0 || l->interrupted)
		drop(l, t);
	else
		send_letter(l, t);
	return true;
}

/* Does what is due; false: nothing is. */
static bool advance(struct net_loop *l)
{
	cloud_tick();
	for (size_t i = 0; i < TRIPS; i++) {
		struct trip *trip = &l->trips[i];

		if (trip->t == NULL)
			continue;
		if (l->interrupted) {
			drop(l, trip->t);
			return true;
		}
		if (!trip->arrived && trip->arrives_at <= world->mono_ms) {
			arrive(trip);
			return true;
		}
		if (trip->lands_at <= world->mono_ms) {
			land(l, trip);
			return true;
		}
	}
	return false;
}

static bool busy(const struct net_loop *l)
{
	for (size_t i = 0; i < TRIPS; i++) {
		if (l->trips[i].t != NULL)
			return true;
	}
	return false;
}

static int64_t next_due(const struct net_loop *l)
{
	int64_t next = CLOCK_NEVER;

	for (size_t i = 0; i < TRIPS; i++) {
		const struct trip *trip = &l->trips[i];
		int64_t at = trip->arrived ? trip->lands_at : trip->arrives_at;

		if (trip->lands_at < at)
			at = trip->lands_at;
		if (trip->t != NULL && at < next)
			next = at;
	}
	return next;
}

static void run(void *arg)
{
	struct net_loop *l = arg;

	mutex_lock(&l->lock);
	while (!l->ending) {
		mutex_unlock(&l->lock);
		while (obey(l) || advance(l))
			continue;
		mutex_lock(&l->lock);
		if (TAILQ_EMPTY(&l->asking) && !l->ending && !(l->interrupted && busy(l)))
			(void)clock_wait(&l->wake, &l->lock, next_due(l));
	}
	mutex_unlock(&l->lock);
}

/* --- loop.h --- */

struct net_loop *net_loop_start(const struct net_loop_options *o, struct fail *f)
{
	struct net_loop *l = calloc(1, sizeof(*l));

	(void)o;
	if (l == NULL)
		return NULL;
	mutex_init(&l->lock);
	cond_init(&l->wake);
	TAILQ_INIT(&l->asking);
	(void)thread_start(&l->thread, "net", 0, run, l, f);
	return l;
}

void net_loop_interrupt(struct net_loop *l)
{
	mutex_lock(&l->lock);
	l->interrupted = true;
	cond_broadcast(&l->wake);
	mutex_unlock(&l->lock);
}

void net_loop_stop(struct net_loop *l)
{
	if (l == NULL)
		return;
	mutex_lock(&l->lock);
	l->ending = true;
	cond_broadcast(&l->wake);
	mutex_unlock(&l->lock);
	thread_join(&l->thread);
	mutex_finish(&l->lock);
	free(l);
}

static void ask(struct net_loop *l, struct transfer *t, enum ask what)
{
	mutex_lock(&l->lock);
	if (!t->landed) {
		t->asked |= what;
		if (!t->queued)
			TAILQ_INSERT_TAIL(&l->asking, t, link);
		t->queued = true;
		cond_broadcast(&l->wake);
	}
	mutex_unlock(&l->lock);
}

void net_loop_add(struct net_loop *l, struct transfer *t)
{
	ask(l, t, ASK_ADD);
}

void net_loop_drop(struct net_loop *l, struct transfer *t)
{
	ask(l, t, ASK_DROP);
}

void net_loop_resume(struct net_loop *l, struct transfer *t)
{
	(void)l;
	(void)t;
}
