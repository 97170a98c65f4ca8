/*
 * One HTTP request over a process's own socket, by libcurl. The transfer is driven on the
 * thread that reads the answer: while nobody reads, nothing is taken from the socket, so that
 * an answer of any size needs a fixed piece of memory.
 *
 * Connections are not curl's but those of links.h: curl gets one for each request as if it were
 * new, and leaves it open. So it is we who say when a request may be sent a second time.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "process/internal.h"
#include "process/links.h"
#include "process/question.h"
#include "process/reply.h"
#include "process/transport.h"

#define WAIT_MS 100 /* between two looks at deadline and cancellation */

struct process_response {
	struct processes *processes; /* in whose list it is */
	LIST_ENTRY(process_response) link;
	char name[RUN_NAME_MAX + 1];
	int64_t deadline_mono_ms; /* of the head; then of the next bytes */
	int64_t silence_ms;       /* that the process may keep between two pieces */
	bool (*cancelled)(void *ctx);
	void *ctx;

	struct process_ask ask; /* its request while it is being asked, its body while it is sent */
	struct question question;
	struct reply reply;
	json_t *head;
	struct link *l;      /* until the end; owns t */
	struct transport *t; /* of l */
	bool reused;         /* l was kept from another request */
	bool asked;          /* bytes of the request were sent */
	bool looked;         /* waited for the head once */
	CURLcode code;       /* how it ended */
	bool unread;         /* the server ended it without having read all of the request */
};

/* --- the end --- */

static bool explain(const struct process_response *r, struct fail *f)
{
	if (r->reply.too_long)
		return fail_set(f, FAIL_UPSTREAM,
			"process %s answered with more than %zu bytes of headers", r->name,
			REPLY_HEAD_MAX);
	switch ((int)r->code) {
	case CURLE_COULDNT_CONNECT:
		if (!r->reused)
			return fail_set(
				f, FAIL_UNAVAILABLE, "process %s does not listen (yet)", r->name);
		break;
	case CURLE_OUT_OF_MEMORY:
		return fail_errno(f, ENOMEM, "ask process %s", r->name);
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_PARTIAL_FILE:
		break;
	default:
		return fail_set(f, FAIL_UPSTREAM, "process %s does not answer as HTTP says: %s",
			r->name, curl_easy_strerror(r->code));
	}
	return fail_set(f, FAIL_UPSTREAM,
		"process %s ended the connection before its answer was complete", r->name);
}

static void let_go(struct process_response *r, enum link_end end)
{
	if (r->l != NULL)
		link_give(r->l, end);
	r->l = NULL;
	r->t = NULL;
	r->reply.easy = NULL;
}

/*
 * A kept connection has ended, and curl was not let to open another one for the request. Did the
 * server end it without having read all of the request? Then nothing was sent, or sending
 * failed, or, as a peer that closes with bytes unread resets, receiving did. One that read it
 * all and says nothing may have acted on it: that looks like the end of the stream.
 */
static bool was_unread(const struct process_response *r)
{
	long why = 0, sent = 0;

	if (!r->reused || r->code == CURLE_OK || r->reply.head_bytes > 0)
		return false;
	curl_easy_getinfo(r->t->easy, CURLINFO_OS_ERRNO, &why);
	curl_easy_getinfo(r->t->easy, CURLINFO_REQUEST_SIZE, &sent);
	return sent == 0 || r->code == CURLE_SEND_ERROR || why == ECONNRESET || why == EPIPE;
}

static enum link_end end_of(const struct process_response *r)
{
	if (r->code != CURLE_OK)
		return LINK_FAILED;
	return reply_reusable(&r->reply) && question_sent(&r->question, r->t->easy) ? LINK_FIT
	                                                                            : LINK_USED_UP;
}

/* At the end of the transfer its connection is free for others, while the answer is still read. */
static void note_end(struct process_response *r)
{
	const CURLMsg *message;
	int left;

	do
		message = curl_multi_info_read(r->t->multi, &left);
	while (message != NULL && message->msg != CURLMSG_DONE);
	if (message == NULL)
		return;
	r->code = message->data.result;
	r->unread = was_unread(r);
	let_go(r, end_of(r));
}

/* --- driving it --- */

/* After curl had its turn. */
static void note_asked(struct process_response *r)
{
	long sent = 0;

	if (r->asked || r->reused)
		return;
	curl_easy_getinfo(r->t->easy, CURLINFO_REQUEST_SIZE, &sent);
	r->asked = sent > 0;
	if (r->asked)
		link_asked(r->l);
}

/* Waits for the socket; the first time, on a new connection, not as long. */
static void wait_for_bytes(struct process_response *r, int64_t left)
{
	bool first = r->asked && !r->looked && !r->reply.head_done;
	int64_t most = first ? LINKS_UNREAD_MS : WAIT_MS;
	int ready = 0;

	curl_multi_poll(r->t->multi, NULL, 0, (int)(left < most ? left : most), &ready);
	if (ready > 0 || !r->asked || r->reply.head_done)
		return;
	r->looked = true;
	link_waits(r->l);
}

/* Moves what can be moved now; then waits a little if nothing came of it */
static bool drive(struct process_response *r, struct fail *f)
{
	int64_t left = r->deadline_mono_ms - clock_mono_ms();
	size_t waiting = reply_waiting(&r->reply);
	bool head = r->reply.head_done;
	int running;

	if (r->cancelled != NULL && r->cancelled(r->ctx))
		return fail_set(
			f, FAIL_UNAVAILABLE, "the request to process %s was cancelled", r->name);
	if (left <= 0)
		return fail_set(f, FAIL_DEADLINE, "process %s did not answer in time", r->name);
	if (curl_multi_perform(r->t->multi, &running) != CURLM_OK)
		return fail_set(f, FAIL_INTERNAL, "ask process %s: curl fails", r->name);
	note_asked(r);
	if (r->reply.head_done && !head)
		r->head = reply_head(&r->reply);
	note_end(r);
	if (r->t != NULL && reply_waiting(&r->reply) == waiting && r->reply.head_done == head)
		wait_for_bytes(r, left);
	return true;
}

static bool drive_to_head(struct process_response *r, struct fail *f)
{
	while (!r->reply.head_done && r->t != NULL) {
		if (!drive(r, f))
			return false;
	}
	return r->t != NULL || r->code == CURLE_OK || explain(r, f);
}

/* --- asking --- */

/* A process with a kept connection is there, as its end closes them. */
static bool take_link(struct process_response *r, bool fresh, struct fail *f)
{
	struct processes *p = r->processes;
	char socket[PATH_MAX];

	r->l = link_take(&p->links, r->name, fresh, f);
	if (r->l == NULL)
		return false;
	r->t = link_transport(r->l);
	r->reused = link_reused(r->l);
	if ((!r->reused && !process_need(p, r->name, f)) ||
		!process_socket(p, r->name, RUN_SERVE_SUFFIX, socket, f))
		return false;
	transport_aim(r->t, !r->reused);
	question_put(&r->question, r->t->easy, socket);
	reply_listen(&r->reply, r->t->easy);
	return curl_multi_add_handle(r->t->multi, r->t->easy) == CURLM_OK ||
	       fail_set(f, FAIL_INTERNAL, "ask process %s: curl refuses", r->name);
}

/* Once more, on a connection that was not used before. */
static bool ask_again(struct process_response *r, struct fail *f)
{
	r->unread = r->asked = r->looked = false;
	return take_link(r, true, f) && drive_to_head(r, f);
}

static bool ask(struct process_response *r, struct fail *f)
{
	if (!take_link(r, false, f))
		return false;
	if (!drive_to_head(r, f) && !(r->unread && ask_again(r, f)))
		return false;
	return r->head != NULL || fail_errno(f, ENOMEM, "ask process %s", r->name);
}

/* --- those that are being answered --- */

static void enlist(struct processes *p, struct process_response *r)
{
	r->processes = p;
	mutex_lock(&p->lock);
	LIST_INSERT_HEAD(&p->responses, r, link);
	mutex_unlock(&p->lock);
}

static void delist(struct process_response *r)
{
	mutex_lock(&r->processes->lock);
	LIST_REMOVE(r, link);
	mutex_unlock(&r->processes->lock);
}

size_t process_requests(struct processes *p, const char *name)
{
	const struct process_response *r;
	size_t n = 0;

	mutex_lock(&p->lock);
	LIST_FOREACH(r, &p->responses, link)
	{
		n += strcmp(r->name, name) == 0;
	}
	mutex_unlock(&p->lock);
	return n;
}

static struct process_response *response_new(
	struct processes *p, const char *name, const struct process_ask *given)
{
	struct process_response *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	memcpy(r->name, name, strlen(name) + 1);
	r->ask = *given;
	r->deadline_mono_ms = given->deadline_mono_ms;
	r->silence_ms = given->deadline_mono_ms - clock_mono_ms();
	r->cancelled = given->cancelled;
	r->ctx = given->ctx;
	reply_init(&r->reply);
	enlist(p, r);
	return r;
}

bool process_request(struct processes *p, const char *name, const struct process_ask *given,
	json_t **ret_head, struct process_response **ret_response, struct fail *f)
{
	struct process_response *r;

	if (!process_name_valid(name))
		return process_need(p, name, f);
	r = response_new(p, name, given);
	if (r == NULL)
		return fail_errno(f, ENOMEM, "ask process %s", name);
	if (!question_make(&r->question, &r->ask, f) || !ask(r, f)) {
		process_response_close(r);
		return false;
	}
	*ret_head = r->head;
	r->head = NULL;
	*ret_response = r;
	return true;
}

bool process_response_read(
	struct process_response *r, void *bytes, size_t cap, size_t *ret_n, struct fail *f)
{
	if (r->t != NULL)
		reply_resume(&r->reply);
	if (reply_waiting(&r->reply) == 0)
		r->deadline_mono_ms = clock_mono_ms() + r->silence_ms;
	while (reply_waiting(&r->reply) == 0 && r->t != NULL) {
		if (!drive(r, f))
			return false;
	}
	if (reply_waiting(&r->reply) == 0 && r->code != CURLE_OK)
		return explain(r, f);
	*ret_n = reply_read(&r->reply, bytes, cap);
	return true;
}

bool process_response_whole(const struct process_response *r, size_t max)
{
	return r->t == NULL && r->code == CURLE_OK && reply_waiting(&r->reply) <= max;
}

void process_response_close(struct process_response *r)
{
	if (r == NULL)
		return;
	delist(r);
	let_go(r, LINK_FAILED);
	question_finish(&r->question);
	reply_finish(&r->reply);
	json_decref(r->head);
	free(r);
}
