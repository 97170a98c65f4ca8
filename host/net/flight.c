/* One request, attempt by attempt. */
#include "net/flight.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/killpoint.h"
#include "net/loop.h"
#include "net/proxy.h"
#include "platform/thread.h"

#define UNREPEATABLE_IDLE_MS INT64_C(3000) /* what rested longer may have been closed meanwhile */

/* Not to be sent now says nothing of what was sent before. */
static enum net_end end_for(const struct flight *x, enum net_end end)
{
	if (x->request->mutates &&
		((end == NET_THROTTLED && x->unclear) || (end == NET_REFUSED && x->sent)))
		return NET_UNCLEAR;
	return end;
}

static void end_with(struct flight *x, enum net_end end)
{
	x->phase = FLIGHT_ENDED;
	x->end = end_for(x, end);
}

static enum fail_code code_of(enum net_end end)
{
	static const enum fail_code codes[] = {
		[NET_ANSWERED] = FAIL_NONE,
		[NET_UNSENT] = FAIL_UNAVAILABLE,
		[NET_UNCLEAR] = FAIL_INTERNAL,
		[NET_LATE] = FAIL_DEADLINE,
		[NET_THROTTLED] = FAIL_BUSY,
		[NET_REFUSED] = FAIL_UPSTREAM,
		[NET_CANCELLED] = FAIL_UNAVAILABLE,
		[NET_INVALID] = FAIL_INVALID,
	};

	return codes[end];
}

/* The other side, in texts. */
static const char *place_of(const struct flight *x)
{
	return x->request->hides_host ? "a host that a secret names" : x->origin;
}

void flight_fail(struct flight *x, enum net_end end, const char *why)
{
	(void)fail_set(x->fail, FAIL_NONE, "%s at %s: %s", x->request->operation, place_of(x), why);
	end_with(x, end);
	x->fail->code = code_of(x->end);
}

/* The reason stands in x->fail, in words that name no request. */
static void fail_as_told(struct flight *x, enum net_end end)
{
	(void)fail_wrap(x->fail, "%s", x->request->operation);
	end_with(x, end);
	x->fail->code = code_of(x->end);
}

/* --- where it goes --- */

bool flight_check_target(struct flight *x)
{
	const char *proxy = proxy_for(x->request->proxy, &x->target);

	(void)egress_origin(&x->target, x->origin, sizeof(x->origin));
	if (!egress_allows(x->request->rules, &x->target, x->fail)) {
		if (x->request->hides_host)
			(void)fail_set(x->fail, FAIL_INVALID, "requests to %s are not allowed",
				place_of(x));
		fail_as_told(x, NET_REFUSED);
	} else if (proxy != NULL && !proxy_is_http(proxy)) { /* others may be told an address */
		flight_fail(x, NET_REFUSED, "its proxy is none of http or https");
	} else {
		return true;
	}
	return false;
}

void flight_begin(struct flight *x, struct net *n, const struct net_caller *c,
	const struct net_request *r, struct fail *f)
{
	*f = (struct fail){0};
	*x = (struct flight){.net = n, .caller = c, .request = r, .method = r->method, .fail = f};
	x->phase = FLIGHT_PAUSES;
	x->at_ms = clock_mono_ms();
	x->url = curl_url();
	if (x->url == NULL) {
		(void)fail_set(x->fail, FAIL_UNAVAILABLE, "out of memory");
		fail_as_told(x, NET_UNSENT);
	} else if (!egress_parse(x->url, r->url, &x->target, x->fail)) {
		if (r->secret) /* which may stand anywhere in it */
			(void)fail_set(x->fail, FAIL_INVALID,
				"its URL cannot be requested: it is none of https or http with a "
				"host that is a name or an address, and a port in 1 to 65535");
		fail_as_told(x, NET_INVALID);
	} else {
		(void)flight_check_target(x);
	}
}

/* On the loop's thread; rules are constant. */
static bool admit(const void *rules, const char *text)
{
	struct address a;

	return address_parse(text, &a) && egress_allows_address(rules, &a, NULL);
}

/* --- one attempt --- */

static bool repeatable(const struct flight *x)
{
	return !x->request->mutates || x->request->idempotent;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static bool make_transfer(struct flight *x)
{
	const struct net_request *r = x->request;
	const struct net_options *n = &x->net->options;
	struct transfer_options o = {
		.method = x->method,
		.url = x->url,
		.headers = x->headers != NULL ? x->headers : r->headers,
		.header_count = r->header_count,
		.body = r->body,
		.agent = n->agent,
		.origin = x->origin,
		.proxy = proxy_for(r->proxy, &x->target),
		.trust = x->net->trust,
		.memory = &x->net->memory,
		.http2 = n->http2 && x->target.tls,
		.stream = r->stream,
		.literal = x->target.literal,
		.resend = repeatable(x),
		.connect_timeout_ms = n->connect_timeout_ms,
		.idle_ms = n->idle_seconds * 1000,
		.answer_max = r->answer_max > 0 ? r->answer_max : (size_t)n->max_answer_bytes,
		.lock = x->caller->lock,
		.wake = x->caller->wake,
	};

	if (x->bodiless)
		o.body = (struct net_body){.fd = -1};
	if (!o.resend)
		o.idle_ms = sooner(o.idle_ms, UNREPEATABLE_IDLE_MS);
	if (o.proxy == NULL) { /* a proxy is the site's choice, and knows the address alone */
		o.admit = admit;
		o.ctx = r->rules;
	} else {
		o.literal = false;
	}
	x->landed = false;
	x->transfer = transfer_new(&o, x->fail);
	return x->transfer != NULL;
}

static void leave_turn(struct flight *x, enum breaker_outcome outcome)
{
	if (x->request->limits != NULL)
		limits_end(x->request->limits, &x->pass, outcome);
}

static void wait_for_turn(struct flight *x)
{
	const struct net_request *r = x->request;

	x->phase = FLIGHT_WAITS;
	if (r->limits == NULL)
		return;
	if (!limits_reserve(r->limits, x->origin, r->connection, r->operation,
		    x->caller->deadline_ms, &x->pass, x->fail)) {
		fail_as_told(x, NET_THROTTLED);
		return;
	}
	x->at_ms = x->pass.at_ms;
}

static void take_off(struct flight *x)
{
	const struct net_request *r = x->request;
	int64_t ms = r->timeout_ms > 0 ? r->timeout_ms : x->net->options.request_timeout_ms;

	if (r->limits != NULL && !limits_start(r->limits, &x->pass, x->fail)) {
		leave_turn(x, BREAKER_NEITHER);
		fail_as_told(x, NET_THROTTLED);
		return;
	}
	if (!make_transfer(x)) {
		leave_turn(x, BREAKER_NEITHER);
		fail_as_told(x, x->sent ? NET_UNCLEAR : NET_UNSENT);
		return;
	}
	x->made++;
	x->total++;
	x->phase = FLIGHT_FLIES;
	x->at_ms = clock_mono_ms() + ms;
	x->hurried = x->caller->deadline_ms < x->at_ms;
	x->at_ms = sooner(x->at_ms, x->caller->deadline_ms);
	KILLPOINT("http_before_send", "%s %s %s", x->method, r->operation, r->url);
	net_loop_add(x->net->loop, x->transfer);
}

void flight_await(const struct net_caller *c, struct transfer *t)
{
	mutex_lock(c->lock);
	while (!t->ended)
		cond_wait(c->wake, c->lock);
	mutex_unlock(c->lock);
}

static void drop(struct flight *x)
{
	net_loop_drop(x->net->loop, x->transfer);
	flight_await(x->caller, x->transfer);
	x->landed = true;
}

static void free_transfer(struct flight *x)
{
	transfer_free(x->transfer);
	x->transfer = NULL;
}

/* --- its end --- */

static const char *why_of(const struct transfer *t, enum retry_class how)
{
	if (how == RETRY_LATE)
		return "no answer in time";
	if (t->end != TRANSFER_STOPPED)
		return t->error;
	if (t->admitted > 0)
		return "no connection in time";
	if (t->put_back)
		return "too many addresses were being looked up until its time was over "
		       "(net.max_lookups)";
	return t->through ? "its address was not found in time, or its connections were all in use"
	                  : "its connections were all in use until its time was over";
}

static void end_without(struct flight *x, enum retry_class how)
{
	const struct transfer *t = x->transfer;

	if (how == RETRY_REFUSED && t->refused > 0)
		(void)fail_set(x->fail, FAIL_UPSTREAM,
			"%s at %s: its address %s is not allowed: the site's private_networks do not "
			"hold it, or the provider lacks the grant \"metadata\"",
			x->request->operation, place_of(x), t->address);
	else
		(void)fail_set(x->fail, FAIL_INTERNAL, "%s at %s: %s", x->request->operation,
			place_of(x), why_of(t, how));
	if (how == RETRY_REFUSED)
		end_with(x, NET_REFUSED);
	else if (!x->sent)
		end_with(x, NET_UNSENT);
	else
		end_with(x, how == RETRY_LATE ? NET_LATE : NET_UNCLEAR);
	x->fail->code = code_of(x->end);
	free_transfer(x);
}

static void pause_until(struct flight *x, int64_t at_ms)
{
	free_transfer(x);
	x->phase = FLIGHT_PAUSES;
	x->at_ms = at_ms;
}

/* Of a stream the head is the answer, wherever the rest ends. */
static bool answered(const struct flight *x)
{
	const struct transfer *t = x->transfer;

	return !x->landed || t->end == TRANSFER_ANSWERED ||
	       (x->request->stream && t->head_done && t->end != TRANSFER_STOPPED);
}

/* Of a status that tells of an error of the other side nobody knows what it did before. */
static bool is_unclear(const struct flight *x, enum retry_class how)
{
	int status = x->transfer->head.status;

	if (answered(x))
		return status == 408 || status >= 500;
	return how == RETRY_BROKEN || how == RETRY_LATE;
}

/* What never came as far as the other side says nothing of it; nor does a caller in haste. */
static enum breaker_outcome outcome_of(const struct flight *x, enum retry_class how)
{
	const struct transfer *t = x->transfer;

	if (how == RETRY_REFUSED)
		return BREAKER_NEITHER;
	if (x->landed && t->end == TRANSFER_STOPPED &&
		((t->tries == 0 && t->admitted == 0) || x->hurried))
		return BREAKER_NEITHER;
	return retry_rule(how)->trips ? BREAKER_FAILURE : BREAKER_SUCCESS;
}

/* The attempt is over, as how says: again, or the end. */
static void conclude(struct flight *x, enum retry_class how)
{
	const char *value = answered(x) ? head_get(&x->transfer->head, "retry-after") : NULL;
	const struct retry_attempt a = {
		.how = how,
		.made = x->made,
		.most = x->request->attempts,
		.repeatable = repeatable(x),
		.retry_after_ms = value != NULL ? retry_after_ms(value, clock_now_ms()) : -1,
		.now_ms = clock_mono_ms(),
		.deadline_ms = x->caller->deadline_ms,
	};
	uint64_t number;
	int64_t at_ms;

	leave_turn(x, outcome_of(x, how));
	id_random(&number, sizeof(number));
	if (retry_next(&a, number, &at_ms)) {
		x->unclear = x->unclear || is_unclear(x, how);
		if (!x->landed)
			drop(x);
		pause_until(x, at_ms);
	} else if (answered(x)) {
		end_with(x, NET_ANSWERED);
	} else {
		end_without(x, how);
	}
}

static void follow(struct flight *x)
{
	leave_turn(x, BREAKER_SUCCESS);
	if (!x->landed)
		drop(x);
	if (redirect_aim(x)) {
		x->unclear = x->unclear || x->bodiless; /* it was done, and this tells of it */
		x->hops++;
		x->made = 0;
		pause_until(x, clock_mono_ms());
	} else {
		free_transfer(x);
	}
}

/* --- steps --- */

static void take_answer(struct flight *x)
{
	const struct head *h = &x->transfer->head;
	const char *value = head_get(h, "retry-after");
	bool asks = value != NULL && retry_after_ms(value, clock_now_ms()) >= 0;

	KILLPOINT(
		"http_after_answer", "%s %s %s", x->method, x->request->operation, x->request->url);
	x->sent = true;
	x->unclear = x->unclear || x->transfer->tries > 1; /* curl itself sent it again */
	if (redirect_wanted(x))
		follow(x);
	else
		conclude(x, retry_class_of_status(h->status, asks));
}

static void give_up(
	struct flight *x, enum breaker_outcome outcome, enum net_end end, const char *why)
{
	leave_turn(x, outcome);
	flight_fail(x, end, why);
	free_transfer(x);
}

static const char *what_is_too_long(const struct transfer *t)
{
	if (t->head_too_long)
		return "the head of its answer is longer than 64 KiB or 256 lines";
	return t->no_room ? "the answers in memory together are longer than 8 times what "
	                    "net.max_answer_bytes allows one"
	                  : "its answer is longer than net.max_answer_bytes allows";
}

static void land(struct flight *x)
{
	static const enum retry_class classes[] = {
		[TRANSFER_UNSENT] = RETRY_UNSENT,
		[TRANSFER_UNDONE] = RETRY_UNDONE,
		[TRANSFER_BROKEN] = RETRY_BROKEN,
		[TRANSFER_REFUSED] = RETRY_REFUSED,
	};
	const struct transfer *t = x->transfer;

	x->sent = x->sent || !transfer_unsent(t);
	if (answered(x))
		take_answer(x);
	else if (t->end == TRANSFER_TOO_LONG)
		give_up(x, BREAKER_SUCCESS, NET_UNCLEAR, what_is_too_long(t));
	else if (t->end == TRANSFER_STOPPED)
		give_up(x, BREAKER_NEITHER, NET_CANCELLED, "the daemon is ending");
	else
		conclude(x, classes[t->end]);
}

/* Its time is over; or it ended in the last moment. */
static void run_out(struct flight *x)
{
	drop(x);
	if (x->transfer->end != TRANSFER_STOPPED) {
		land(x);
		return;
	}
	if (!transfer_unsent(x->transfer))
		x->sent = true;
	conclude(x, transfer_unsent(x->transfer) ? RETRY_UNSENT : RETRY_LATE);
}

static bool fly_on(struct flight *x)
{
	bool ended, head;

	mutex_lock(x->caller->lock);
	ended = x->transfer->ended;
	head = x->transfer->head_done;
	mutex_unlock(x->caller->lock);
	x->landed = ended;
	if (ended)
		land(x);
	else if (head)
		take_answer(x);
	else if (clock_mono_ms() >= x->at_ms)
		run_out(x);
	else
		return false;
	return true;
}

bool flight_step(struct flight *x)
{
	int64_t now = clock_mono_ms();

	if (x->phase == FLIGHT_ENDED)
		return false;
	if (x->phase == FLIGHT_FLIES)
		return fly_on(x);
	if (now >= x->caller->deadline_ms) {
		leave_turn(x, BREAKER_NEITHER);
		flight_fail(x, x->sent ? NET_LATE : NET_UNSENT, "the call's time is over");
	} else if (now < x->at_ms) {
		return false;
	} else if (x->phase == FLIGHT_PAUSES) {
		wait_for_turn(x);
	} else {
		take_off(x);
	}
	return true;
}

bool flight_came(const struct flight *x)
{
	return x->phase == FLIGHT_FLIES && (x->transfer->ended || x->transfer->head_done);
}

void flight_cancel(struct flight *x)
{
	if (x->phase == FLIGHT_ENDED)
		return;
	if (x->transfer != NULL) {
		drop(x);
		x->sent = x->sent || !transfer_unsent(x->transfer);
		free_transfer(x);
	}
	leave_turn(x, BREAKER_NEITHER);
	flight_fail(x, NET_CANCELLED, "the call was stopped");
}

struct net_answer *flight_finish(struct flight *x)
{
	struct net_answer *a = NULL;

	if (x->phase == FLIGHT_ENDED && x->end == NET_ANSWERED) {
		a = calloc(1, sizeof(*a));
		if (a != NULL) {
			*a = (struct net_answer){.net = x->net,
				.transfer = x->transfer,
				.url = x->url,
				.headers = x->headers,
				.stream = x->request->stream};
			return a;
		}
		if (!x->landed)
			drop(x);
		flight_fail(x, NET_UNCLEAR, "out of memory");
	}
	transfer_free(x->transfer);
	curl_url_cleanup(x->url);
	free(x->headers);
	return NULL;
}
