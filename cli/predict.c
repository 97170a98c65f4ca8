/* predict - see predict.h. */
#include "predict.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fail.h"
#include "predict_batch.h"
#include "rows.h"

#define BODY_MAX   ((size_t)256 << 20)
#define ANSWER_MAX ((size_t)256 << 20)
#define WINDOW     4   /* batches kept per connection, so that a slow one holds nobody up */
#define TICK_MS    200 /* between two looks at the user */
#define GROW_AFTER 16  /* answers for each request at once, before there is one more */

static struct batch *at(const struct predict *p, uint64_t number)
{
	return &p->window[number % p->size];
}

/* --- rows in --- */

static void begin(struct batch *b)
{
	buf_clear(&b->body);
	buf_text(&b->body, "{\"instances\":[");
	b->rows = 0;
	b->tries = 0;
	b->good = 0;
	b->state = BATCH_FILLING;
}

static void seal(struct batch *b)
{
	buf_text(&b->body, "]}");
	b->state = BATCH_READY;
}

/* Adds rows to a batch that is being filled as long as there are some at hand. */
static bool fill(struct predict *p, struct batch *b)
{
	while (b->rows < p->options->batch && !p->ended && rows_ready(p->rows)) {
		size_t before = b->body.n;
		int got;

		if (b->rows > 0)
			buf_text(&b->body, ",");
		got = rows_next(p->rows, &b->body, p->f);
		if (got < 0 && p->f->code != FAIL_INVALID)
			return false;
		if (got <= 0 && !b->body.failed) { /* the comma, or half a row */
			b->body.n = before;
			b->body.p[before] = '\0';
		}
		p->bad = got < 0; /* the rows before it are answered still */
		p->ended = got <= 0;
		b->rows += got > 0 ? 1 : 0;
		if (b->body.failed)
			return fail_set(
				p->f, FAIL_INVALID, "a batch is longer than %zu bytes", BODY_MAX);
	}
	if (b->rows == p->options->batch || (p->ended && b->rows > 0))
		seal(b);
	return true;
}

/* The input pauses: what is there goes out where nothing else does. */
static void flush_partial(struct predict *p)
{
	struct batch *b = p->tail > p->head ? at(p, p->tail - 1) : NULL;

	if (b != NULL && b->state == BATCH_FILLING && b->rows > 0 && p->sent < p->limit)
		seal(b);
}

static bool take_rows(struct predict *p)
{
	for (;;) {
		struct batch *b = p->tail > p->head ? at(p, p->tail - 1) : NULL;

		if (b == NULL || b->state != BATCH_FILLING) {
			if (p->ended || p->tail - p->head == p->size)
				return true;
			b = at(p, p->tail++);
			begin(b);
		}
		if (!fill(p, b))
			return false;
		if (b->state == BATCH_FILLING)
			break;
	}
	if (p->ended && at(p, p->tail - 1)->rows == 0) {
		at(p, p->tail - 1)->state = BATCH_FREE;
		p->tail--;
	}
	flush_partial(p);
	return true;
}

/* --- requests --- */

static size_t take_answer(char *bytes, size_t size, size_t count, void *ctx)
{
	struct batch *b = ctx;

	buf_add(&b->answer, bytes, size * count);
	return b->answer.failed ? 0 : size * count;
}

static bool prepare(struct predict *p, struct batch *b)
{
	CURL *curl = b->curl;

	if (curl == NULL) {
		curl = b->curl = curl_easy_init();
		if (curl == NULL || !http_aim(curl, p->options->place, p->options->path))
			return false;
		(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, p->headers);
		(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
		(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, b);
		(void)curl_easy_setopt(curl, CURLOPT_PRIVATE, b);
		(void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, b->why);
		(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)p->options->timeout_ms);
	}
	(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)b->body.n);
	return curl_easy_setopt(curl, CURLOPT_POSTFIELDS, b->body.p) == CURLE_OK;
}

static bool send_batch(struct predict *p, struct batch *b)
{
	buf_clear(&b->answer);
	b->why[0] = '\0';
	if (!prepare(p, b) || curl_multi_add_handle(p->multi, b->curl) != CURLM_OK)
		return fail_set(p->f, FAIL_INTERNAL, "out of memory");
	b->state = BATCH_SENT;
	b->tries++;
	p->sent++;
	p->totals->requests++;
	return true;
}

/* Sends what may go, the oldest first. */
static bool send_all(struct predict *p)
{
	int64_t now_ms = clock_mono_ms();

	for (uint64_t i = p->head; i < p->tail && p->sent < p->limit && now_ms >= p->hold_ms; i++) {
		struct batch *b = at(p, i);

		if (b->state == BATCH_READY || (b->state == BATCH_PAUSED && b->at_ms <= now_ms)) {
			if (!send_batch(p, b))
				return false;
		}
	}
	return true;
}

/* --- answers --- */

/* When to try again: what the daemon says, or 0.25 s and twice that each time. */
static int64_t pause_ms(const struct batch *b, CURLcode code)
{
	int64_t wait_ms = (int64_t)250 << (b->tries < 8 ? b->tries - 1 : 7);
	curl_off_t said = 0;

	if (code == CURLE_OK &&
		curl_easy_getinfo(b->curl, CURLINFO_RETRY_AFTER, &said) == CURLE_OK && said > 0)
		wait_ms = (int64_t)said * 1000;
	if (wait_ms > (int64_t)PREDICT_RETRY_MAX_S * 1000)
		wait_ms = (int64_t)PREDICT_RETRY_MAX_S * 1000;
	return clock_mono_ms() + wait_ms;
}

/*
 * The daemon has no place for so many at once: from here on only as many as it just held. The
 * batch goes out again in the place of another, and that costs it a try only where none was
 * answered since the last one. Where none is under way either, all wait as the daemon says.
 */
static bool yield_place(struct predict *p, struct batch *b)
{
	bool counts = p->sent == 0 && b->good == p->good;

	if (counts && b->tries > p->options->retries)
		return false;
	if (p->sent == 0)
		p->hold_ms = pause_ms(b, CURLE_OK);
	if (!counts)
		b->tries--;
	b->good = p->good;
	b->state = BATCH_READY;
	p->limit = p->sent > 0 ? p->sent : 1;
	p->totals->retries++;
	return true;
}

/* One more at once after a while without a 429. */
static void take_place(struct predict *p)
{
	p->good++;
	if (p->limit < p->options->concurrency && p->good % (GROW_AFTER * p->limit) == 0)
		p->limit++;
}

/* Would every other row get the same answer? */
static bool holds_for_all(int status)
{
	return status == 401 || status == 403 || status == 404 || status == 405 || status == 409 ||
	       status == 501;
}

static bool answered(struct predict *p, struct batch *b, CURLcode code)
{
	char text[PREDICT_ERROR_SIZE];
	long status = 0;
	bool again;

	if (code == CURLE_OK)
		(void)curl_easy_getinfo(b->curl, CURLINFO_RESPONSE_CODE, &status);
	else
		predict_explain(p, b, code);
	b->status = (int)status;
	if (status == 429 && yield_place(p, b))
		return true;
	if (status != 429 && code == CURLE_OK)
		take_place(p);
	again = code != CURLE_OK ? code != CURLE_WRITE_ERROR && code != CURLE_OPERATION_TIMEDOUT
	                         : status == 503;
	if (again && b->tries <= p->options->retries) {
		b->at_ms = pause_ms(b, code);
		b->state = BATCH_PAUSED;
		p->totals->retries++;
		return true;
	}
	b->state = BATCH_DONE;
	if (code == CURLE_COULDNT_CONNECT)
		return fail_set(p->f, FAIL_UNAVAILABLE, "%s: is it running?", b->why);
	if (!holds_for_all(b->status))
		return true;
	predict_error(b, text, sizeof(text));
	p->totals->status = b->status;
	return fail_set(p->f, FAIL_UPSTREAM, "%s", text);
}

static bool collect(struct predict *p)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(p->multi, &left)) != NULL) {
		CURLcode code = message->data.result;
		struct batch *b = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&b);
		p->sent--;
		(void)curl_multi_remove_handle(p->multi, b->curl);
		if (!answered(p, b, code))
			return false;
	}
	return true;
}

/* --- rows out --- */

static bool write_done(struct predict *p)
{
	while (p->head < p->tail && at(p, p->head)->state == BATCH_DONE) {
		if (!predict_write(p, at(p, p->head)))
			return false;
		p->head++;
	}
	return true;
}

/* --- the loop --- */

static int wait_ms(const struct predict *p)
{
	int64_t now_ms = clock_mono_ms();
	int64_t wait = TICK_MS;

	if (p->hold_ms > now_ms)
		return (int)(p->hold_ms - now_ms < wait ? p->hold_ms - now_ms : wait);
	for (uint64_t i = p->head; i < p->tail; i++) {
		const struct batch *b = at(p, i);

		if (b->state == BATCH_PAUSED && b->at_ms - now_ms < wait)
			wait = b->at_ms > now_ms ? b->at_ms - now_ms : 0;
	}
	return (int)wait;
}

/* Waits for the daemon, and where there is room for rows, for those. */
static bool wait_for_any(struct predict *p)
{
	struct curl_waitfd input = {.fd = rows_fd(p->rows), .events = CURL_WAIT_POLLIN};
	const struct batch *last = p->tail > p->head ? at(p, p->tail - 1) : NULL;
	bool hungry = !p->ended && (p->tail - p->head < p->size ||
					   (last != NULL && last->state == BATCH_FILLING));

	return curl_multi_poll(p->multi, &input, hungry ? 1 : 0, wait_ms(p), NULL) == CURLM_OK ||
	       fail_set(p->f, FAIL_INTERNAL, "waiting for answers failed");
}

static void tell(struct predict *p)
{
	int64_t now_ms = clock_mono_ms();

	p->totals->ms = now_ms - p->began_ms;
	if (p->options->progress == NULL || now_ms - p->told_ms < TICK_MS)
		return;
	p->told_ms = now_ms;
	p->options->progress(p->options->ctx, p->totals->rows, p->totals->failed, p->totals->ms);
}

static bool step(struct predict *p)
{
	int running;

	if (http_interrupted)
		return fail_set(p->f, FAIL_DEADLINE, "interrupted");
	if (!take_rows(p) || !send_all(p))
		return false;
	if (curl_multi_perform(p->multi, &running) != CURLM_OK)
		return fail_set(p->f, FAIL_INTERNAL, "sending requests failed");
	if (!collect(p) || !write_done(p))
		return false;
	tell(p);
	if (p->sent > 0 && running < (int)p->sent)
		return true; /* more has ended meanwhile */
	return (p->ended && p->head == p->tail) || wait_for_any(p);
}

static bool loop(struct predict *p)
{
	while (!p->ended || p->head < p->tail) {
		if (!step(p))
			return false;
	}
	return !p->bad;
}

static bool open_all(struct predict *p)
{
	p->size = p->options->concurrency * WINDOW;
	p->window = calloc(p->size, sizeof(*p->window));
	p->multi = curl_multi_init();
	p->headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (p->headers != NULL && curl_slist_append(p->headers, "Expect:") == NULL)
		return false;
	for (size_t i = 0; p->window != NULL && i < p->size; i++) {
		buf_init(&p->window[i].body, BODY_MAX);
		buf_init(&p->window[i].answer, ANSWER_MAX);
	}
	return p->window != NULL && p->multi != NULL && p->headers != NULL &&
	       curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)p->options->concurrency) ==
	               CURLM_OK;
}

static void close_all(struct predict *p)
{
	for (size_t i = 0; p->window != NULL && i < p->size; i++) {
		struct batch *b = &p->window[i];

		if (b->state == BATCH_SENT)
			(void)curl_multi_remove_handle(p->multi, b->curl);
		if (b->curl != NULL)
			curl_easy_cleanup(b->curl);
		buf_finish(&b->body);
		buf_finish(&b->answer);
	}
	free(p->window);
	(void)curl_multi_cleanup(p->multi);
	curl_slist_free_all(p->headers);
}

bool predict_run(struct rows *rows, const struct predict_options *options,
	struct predict_totals *totals, struct fail *f)
{
	struct predict p = {
		.rows = rows,
		.options = options,
		.totals = totals,
		.limit = options->concurrency,
		.began_ms = clock_mono_ms(),
		.f = f,
	};
	bool ok;

	*totals = (struct predict_totals){0};
	ok = open_all(&p) ? loop(&p) : fail_set(f, FAIL_INTERNAL, "out of memory");
	totals->ms = clock_mono_ms() - p.began_ms;
	close_all(&p);
	return ok;
}
