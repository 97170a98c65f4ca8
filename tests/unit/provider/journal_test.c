/* Changes that a submission makes at another machine, as its journal has them. */
#include <davit/provider.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "net/net.h"
#include "provider/internal.h"
#include "provider/services.h"
#include "secret/redact.h"
#include "store/driver.h"
#include "store/ledger.h"
#include "store/store.h"
#include "unit/cmocka.h"
#include "unit/net/server.h"
#include "unit/provider/kit.h"

#define POST(path)                                                                                 \
	"{\"operation\":\"make\",\"method\":\"POST\",\"url\":\"@" path "\",\"attempts\":1}"
#define AGAIN(path) "{\"operation\":\"make\",\"method\":\"POST\",\"url\":\"@" path "\"}"
#define BODY(bytes)                                                                                \
	"{\"operation\":\"make\",\"method\":\"POST\",\"url\":\"@/json\",\"body\":\"" bytes "\"}"
#define ASKS_MAX 4

/* What the slot does: these requests, and what came of each. */
static struct {
	const char *requests[ASKS_MAX]; /* a text that begins with '[' is several at once; "+" is a
	                                 * checkpoint */
	uint32_t flags;
	int32_t end; /* of the slot */
	int32_t codes[ASKS_MAX];
	int statuses[ASKS_MAX];
	int attempts[ASKS_MAX];
	char bodies[ASKS_MAX][256];
} script;

static struct server *server;
static struct net *net;
static char origin[64];
static char id[ID_SIZE];

static void aim(const char *request, char *text, size_t size)
{
	size_t n = 0;

	for (; *request != '\0' && n + sizeof(origin) < size; request++) {
		if (*request == '@')
			n += (size_t)snprintf(text + n, size - n, "%s", origin);
		else
			text[n++] = *request;
	}
	text[n] = '\0';
}

static void take(struct kit *k, davit_call call, size_t i, davit_buf head, davit_blob body)
{
	json_t *v = json_loadb(head.p, head.n, 0, NULL);
	size_t n = 0;

	script.statuses[i] = (int)json_integer_value(json_object_get(v, "status"));
	script.attempts[i] = (int)json_integer_value(json_object_get(v, "attempts"));
	json_decref(v);
	if (k->blob->read(call, body, 0, script.bodies[i], sizeof(script.bodies[i]) - 1, &n) ==
		DAVIT_OK)
		script.bodies[i][n] = '\0';
}

static void take_many(size_t i, davit_buf answers)
{
	json_t *list = json_loadb(answers.p, answers.n, 0, NULL);
	const json_t *last = json_array_get(list, json_array_size(list) - 1);

	script.statuses[i] = (int)json_integer_value(json_object_get(last, "status"));
	script.attempts[i] = (int)json_integer_value(json_object_get(last, "attempts"));
	(void)snprintf(script.bodies[i], sizeof(script.bodies[i]), "%s",
		json_string_value(json_object_get(last, "body")));
	json_decref(list);
}

static int32_t DAVIT_CALL op_script(davit_instance inst, davit_call call, davit_buf request)
{
	struct kit *k = kit_of(inst);
	char text[1024];

	(void)request;
	for (size_t i = 0; i < ASKS_MAX && script.requests[i] != NULL; i++) {
		davit_buf head = {0};
		davit_blob body = 0;

		aim(script.requests[i], text, sizeof(text));
		if (text[0] == '+')
			script.codes[i] = k->job->checkpoint(call, kit_buf("{}"));
		else if (text[0] == '[')
			script.codes[i] =
				service_http.perform_many(call, script.flags, kit_buf(text), &head);
		else
			script.codes[i] = service_http.perform(
				call, script.flags, kit_buf(text), 0, &head, &body);
		if (script.codes[i] != DAVIT_OK)
			return script.codes[i];
		if (text[0] == '[')
			take_many(i, head);
		else if (text[0] != '+')
			take(k, call, i, head, body);
	}
	return script.end != DAVIT_OK ? script.end
	                              : k->core->reply_state(call, 1, 0, kit_buf("{}"));
}

/* --- the place: a job that is being submitted, epoch 1 --- */

static void write_op(struct kit *k, struct store_op *op)
{
	struct fail f = {0};

	if (!store_run(k->store, op, &f))
		fail_msg("%s", f.text);
	store_op_free(op);
}

static void move(struct kit *k, enum job_state to, unsigned set)
{
	struct store_op *op = store_op_new(STORE_JOB_EDGE, true);

	assert_non_null(op);
	memcpy(op->edge.values.id, id, sizeof(id));
	op->edge.from = JOB_OPEN;
	op->edge.to = to;
	op->edge.set = set;
	write_op(k, op);
}

static void add_job(struct kit *k)
{
	struct store_op *op = store_op_new(STORE_JOB_ADD, true);

	assert_non_null(op);
	id_make(id);
	memcpy(op->job.id, id, ID_SIZE);
	memcpy(op->job.submission, id, ID_SIZE);
	op->job.created_ms = 1;
	op->job.provider = strdup("kit");
	op->job.interface = strdup(DAVIT_TRAINING);
	op->job.kind = strdup("train");
	op->job.request = strdup("{}");
	write_op(k, op);
	move(k, JOB_SUBMITTING, JOB_SET_EPOCH);
}

static int set_up(void **state)
{
	static const struct net_options options = {
		.agent = "davit-test",
		.connect_timeout_ms = 5000,
		.request_timeout_ms = 30000,
		.max_connections = 100,
		.max_connections_per_host = 100,
		.max_streams = 100,
		.idle_seconds = 60,
		.max_answer_bytes = 1 << 20,
	};
	struct kit *k = calloc(1, sizeof(*k));
	struct fail f = {0};

	if (k == NULL)
		return -1;
	memset(&script, 0, sizeof(script));
	script.flags = DAVIT_HTTP_MUTATES;
	kit_open(k, true);
	server = server_start();
	net = net_open(&options, &f);
	snprintf(origin, sizeof(origin), "http://127.0.0.1:%d", server_port(server));
	k->ps->host.net = net;
	k->training.submit = op_script;
	if (net == NULL || !egress_list_add(&k->p->net.manifest, "127.0.0.1", &f) ||
		!egress_list_add(&k->p->net.provider, origin, &f) ||
		!egress_networks_add(&k->p->net.networks, "127.0.0.0/8", &f))
		return -1;
	add_job(k);
	*state = k;
	return 0;
}

static int tear_down(void **state)
{
	kit_close(*state);
	(void)net_close(net);
	server_stop(server);
	free(*state);
	return 0;
}

/* Runs the script as an attempt of that epoch; its trace. */
static struct call_trace attempt_of(struct kit *k, int64_t epoch, bool goes_on)
{
	struct call_spec spec = kit_spec(k, DAVIT_TRAINING, "submit");
	struct call_trace trace;
	struct kit_call c;

	memset(script.codes, 0, sizeof(script.codes));
	memset(script.statuses, 0, sizeof(script.statuses));
	memset(script.bodies, 0, sizeof(script.bodies));
	spec.job = id;
	spec.checkpoints = true;
	spec.epoch = epoch;
	spec.goes_on = goes_on;
	spec.job_lane = true;
	kit_start(k, &c, spec);
	kit_await(&c);
	trace = c.result.trace;
	kit_call_finish(&c);
	return trace;
}

static struct call_trace attempt(struct kit *k)
{
	return attempt_of(k, 1, false);
}

/* --- what the journal says of it --- */

struct words {
	char text[1024];
};

static bool add_word(const struct store_journal *row, void *ctx)
{
	struct words *w = ctx;
	size_t n = strlen(w->text);

	if (row->kind == JOURNAL_EDGE)
		return true;
	n += (size_t)snprintf(w->text + n, sizeof(w->text) - n, "%s%s %lld", n > 0 ? ", " : "",
		journal_word(row->kind), (long long)row->k);
	if (row->repeats > 0)
		(void)snprintf(w->text + n, sizeof(w->text) - n, " +%lld", (long long)row->repeats);
	return true;
}

static bool add_target(const struct store_journal *row, void *ctx)
{
	struct words *w = ctx;
	json_t *v = row->kind == JOURNAL_SENT ? json_loads(row->detail, 0, NULL) : NULL;

	if (v != NULL)
		(void)snprintf(w->text, sizeof(w->text), "%s",
			json_string_value(json_object_get(v, "target")));
	json_decref(v);
	return true;
}

/* What is not waited for is there soon: after this write. */
static void barrier(struct kit *k)
{
	struct store_op *op = store_op_new(STORE_KV_PUT, false);

	assert_non_null(op);
	op->kv.instance = strdup("barrier");
	op->kv.key = strdup("k");
	op->kv.value = strdup("1");
	write_op(k, op);
}

static void journal_is(struct kit *k, const char *words)
{
	struct words w = {""};

	barrier(k);
	assert_true(store_journal(k->store, id, 0, 0, add_word, &w, NULL));
	assert_string_equal(w.text, words);
}

static enum ledger_says says(struct kit *k)
{
	struct ledger l;
	enum ledger_says says;

	barrier(k);
	assert_true(ledger_read(k->store, id, 1, false, &l, NULL));
	says = ledger_says(&l);
	ledger_finish(&l);
	return says;
}

/* --- the claims --- */

static void each_change_is_written_before_and_after(void **state)
{
	struct kit *k = *state;
	struct call_trace trace;

	script.requests[0] = BODY("a");
	script.requests[1] = BODY("b");
	trace = attempt(k);
	assert_int_equal(trace.done, 2);
	assert_int_equal(trace.unclear, 0);
	journal_is(k, "sent 1, answered 1, sent 2, answered 2");
}

static void what_changes_nothing_or_works_for_no_job_is_not_written(void **state)
{
	struct kit *k = *state;
	struct kit_call c;

	script.requests[0] = BODY("a");
	script.flags = 0;
	(void)attempt(k);
	script.flags = DAVIT_HTTP_MUTATES;
	kit_run(k, &c, op_script);
	kit_call_finish(&c);
	assert_int_equal(server_count(server, "/json"), 2);
	journal_is(k, "");
}

static void how_a_change_ends_decides_what_comes_next(void **state)
{
	static const struct {
		const char *request, *words;
		enum ledger_says says;
		unsigned unclear;
	} rows[] = {
		{POST("/status/201"), "sent 1, answered 1", LEDGER_SAYS_DONE, 0},
		{POST("/status/400"), "sent 1, answered 1", LEDGER_SAYS_NOTHING, 0},
		{POST("/status/409"), "sent 1, answered 1", LEDGER_SAYS_NOTHING, 0},
		{POST("/status/429"), "sent 1, answered 1", LEDGER_SAYS_NOTHING, 0},
		{POST("/status/408"), "sent 1, unclear 1", LEDGER_SAYS_UNCLEAR, 1},
		{POST("/status/500"), "sent 1, unclear 1", LEDGER_SAYS_UNCLEAR, 1},
		{POST("/status/503"), "sent 1, unclear 1", LEDGER_SAYS_UNCLEAR, 1},
		{POST("/status/302"), "sent 1, unclear 1", LEDGER_SAYS_UNCLEAR, 1},
		{POST("/reset"), "sent 1, unclear 1", LEDGER_SAYS_UNCLEAR, 1},
		{POST("/eof"), "sent 1, unclear 1", LEDGER_SAYS_UNCLEAR, 1},
		{POST("/cut"), "sent 1, unclear 1", LEDGER_SAYS_UNCLEAR, 1},
		{"{\"operation\":\"a\",\"method\":\"POST\",\"url\":\"https://elsewhere.example/\"}",
			"sent 1, unsent 1", LEDGER_SAYS_NOTHING, 0},
		{"{\"operation\":\"a\",\"method\":\"POST\",\"url\":\"@/hold\",\"timeout_ms\":50,"
		 "\"attempts\":1}",
			"sent 1, unclear 1", LEDGER_SAYS_UNCLEAR, 1},
	};
	struct kit *k = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		add_job(k);
		script.requests[0] = rows[i].request;
		assert_int_equal(attempt(k).unclear, rows[i].unclear);
		journal_is(k, rows[i].words);
		assert_int_equal(says(k), rows[i].says);
	}
}

/* An attempt before the last one is unclear: then 404 says nothing. */
static void a_refusal_after_an_unclear_attempt_is_unclear(void **state)
{
	struct kit *k = *state;

	script.flags |= DAVIT_HTTP_IDEMPOTENT;
	script.requests[0] = "{\"operation\":\"a\",\"method\":\"POST\",\"url\":\"@/flaky/1/500\"}";
	assert_int_equal(attempt(k).done, 1);
	add_job(k);
	script.requests[0] =
		"{\"operation\":\"a\",\"method\":\"POST\",\"url\":\"@/status/500\",\"attempts\":2}";
	assert_int_equal(attempt(k).unclear, 1);
}

/* Also after the answer itself is not kept any more. */
static void how_often_a_change_was_sent_is_noted_with_its_end(void **state)
{
	struct kit *k = *state;

	script.flags |= DAVIT_HTTP_IDEMPOTENT;
	script.requests[0] = AGAIN("/flaky/1/500");
	script.requests[1] = "[" AGAIN("/flaky/2/503") "," POST("/json") "]";
	script.requests[2] =
		"{\"operation\":\"a\",\"method\":\"POST\",\"url\":\"@/status/500\",\"attempts\":2}";
	assert_int_equal(attempt(k).done, 3);
	journal_is(k, "sent 1, answered 1 +1, sent 2, sent 3, answered 2 +2, answered 3, sent 4,"
		      " unclear 4 +1");
	move(k, JOB_RUNNING, 0);
	journal_is(k, "sent 1, answered 1 +1, sent 2, sent 3, answered 2 +2, answered 3, sent 4,"
		      " unclear 4 +1");
}

static void how_often_what_changes_nothing_was_sent_is_known_of_the_call(void **state)
{
	struct call_spec spec = kit_spec(*state, DAVIT_TRAINING, "submit");
	struct kit_call c;

	script.flags = DAVIT_HTTP_IDEMPOTENT;
	script.requests[0] = AGAIN("/flaky/1/503");
	script.requests[1] = "[" AGAIN("/flaky/2/503") "," POST("/json") "]";
	spec.job = id;
	spec.epoch = 1;
	spec.job_lane = true;
	kit_start(*state, &c, spec);
	kit_await(&c);
	assert_int_equal(c.result.repeats, 3);
	kit_call_finish(&c);
	journal_is(*state, "");
}

static void an_attempt_that_was_given_up_sends_nothing(void **state)
{
	struct kit *k = *state;

	script.requests[0] = BODY("a");
	(void)attempt_of(k, 0, false);
	assert_int_equal(script.codes[0], DAVIT_CANCELLED);
	move(k, JOB_RUNNING, 0); /* and no other of its state */
	(void)attempt(k);
	assert_int_equal(script.codes[0], DAVIT_CANCELLED);
	assert_int_equal(server_count(server, "/json"), 0);
	journal_is(k, "");
}

static void what_was_done_is_answered_from_the_journal(void **state)
{
	struct kit *k = *state;
	struct call_trace trace;

	script.requests[0] = BODY("a");
	script.requests[1] = POST("/status/429");
	(void)attempt(k);
	trace = attempt_of(k, 1, true);
	assert_int_equal(script.codes[0], DAVIT_OK);
	assert_int_equal(script.statuses[0], 200);
	assert_int_equal(script.attempts[0], 0);
	assert_string_equal(script.bodies[0], "a");
	assert_int_equal(script.attempts[1], 1);
	assert_int_equal(trace.done, 1);
	assert_int_equal(server_count(server, "/json"), 1);
	assert_int_equal(server_count(server, "/status/429"), 2);
	journal_is(k, "sent 1, answered 1, sent 2, answered 2, sent 2, answered 2");
}

static void another_request_than_the_one_that_was_done_is_not_sent(void **state)
{
	struct kit *k = *state;

	script.requests[0] = BODY("a");
	(void)attempt(k);
	script.requests[0] = BODY("b");
	assert_true(attempt_of(k, 1, true).diverged);
	assert_int_equal(script.codes[0], DAVIT_INTERNAL);
	assert_int_equal(server_count(server, "/json"), 1);
	journal_is(k, "sent 1, answered 1");
}

static void an_answer_that_is_not_kept_is_not_given_again(void **state)
{
	struct kit *k = *state;

	script.requests[0] = POST("/big/300000");
	(void)attempt(k);
	assert_int_equal(says(k), LEDGER_SAYS_UNCLEAR);
	assert_true(attempt_of(k, 1, true).diverged);
	assert_int_equal(server_count(server, "/big"), 1);
}

static void nothing_is_sent_while_something_is_unclear(void **state)
{
	struct kit *k = *state;

	script.requests[0] = POST("/reset");
	(void)attempt(k);
	script.requests[0] = BODY("a");
	for (int i = 0; i < 2; i++)
		assert_true(attempt_of(k, 1, true).diverged);
	assert_int_equal(server_count(server, "/json"), 0);
}

static void after_a_checkpoint_the_provider_goes_on_by_itself(void **state)
{
	struct kit *k = *state;
	struct call_trace trace;

	script.requests[0] = BODY("a");
	script.requests[1] = "+";
	script.requests[2] = POST("/status/429");
	(void)attempt(k);
	assert_int_equal(says(k), LEDGER_SAYS_DONE);
	script.requests[0] = BODY("b");
	script.requests[1] = NULL;
	trace = attempt_of(k, 1, true);
	assert_true(trace.covered && !trace.left && !trace.diverged);
	assert_string_equal(script.bodies[0], "b");
	assert_int_equal(server_count(server, "/json"), 2);
	journal_is(k, "sent 1, answered 1, checkpoint 0, sent 2, answered 2, sent 2, answered 2");
}

static void several_at_once_are_noted_one_by_one(void **state)
{
	static const char several[] = "[" BODY("a") "," POST("/status/201") "," BODY("b") "]";
	struct kit *k = *state;

	script.requests[0] = several;
	assert_int_equal(attempt(k).done, 3);
	journal_is(k, "sent 1, sent 2, sent 3, answered 1, answered 2, answered 3");
	assert_int_equal(attempt_of(k, 1, true).done, 3);
	assert_int_equal(script.attempts[0], 0);
	assert_string_equal(script.bodies[0], "b");
	assert_int_equal(server_count(server, "/json"), 2);
}

/* --- a store that loses one row --- */

static int64_t lost_k;

static bool apply_but_one(void *db, struct store_op *op, struct fail *f)
{
	if (op->kind != STORE_JOURNAL || op->journal.kind != JOURNAL_SENT ||
		op->journal.k != lost_k)
		return store_sqlite.apply(db, op, f);
	op->ok = op->changed = false;
	(void)fail_set(&op->fail, FAIL_UNAVAILABLE, "the disk is full");
	return true;
}

static void fail_rows(struct kit *k)
{
	static struct store_driver driver;
	char path[SCRATCH_SIZE + 32];
	struct fail f = {0};

	driver = store_sqlite;
	driver.apply = apply_but_one;
	store_close(k->store);
	(void)snprintf(path, sizeof(path), "%s/davit.db", k->folder);
	k->store = store_open_driver(&driver, path, &f);
	if (k->store == NULL)
		fail_msg("%s", f.text);
	k->ps->host.store = k->store;
}

static void of_several_none_leaves_while_one_is_not_written_down(void **state)
{
	struct kit *k = *state;

	fail_rows(k);
	script.requests[0] = "[" BODY("a") "," BODY("b") "," BODY("c") "]";
	for (lost_k = 1; lost_k <= 3; lost_k++) {
		struct call_trace trace = attempt(k);

		assert_int_equal(script.codes[0], DAVIT_RETRY);
		assert_int_equal(trace.done + trace.unclear, 0);
		assert_int_equal(server_count(server, "/json"), 0);
		assert_int_equal(says(k), LEDGER_SAYS_NOTHING);
	}
	journal_is(k, "sent 2, sent 3, unsent 2, unsent 3, "
		      "sent 1, sent 3, unsent 1, unsent 3, "
		      "sent 1, sent 2, unsent 1, unsent 2");
	assert_int_equal(attempt(k).done, 3);
}

static bool hides(const struct store_journal *row, void *ctx)
{
	(void)ctx;
	assert_true(row->detail == NULL || strstr(row->detail, "s3cret") == NULL);
	return true;
}

static int32_t DAVIT_CALL op_secret(davit_instance inst, davit_call call, davit_buf request)
{
	struct kit *k = kit_of(inst);
	davit_secret key = 0;
	char text[512];
	davit_buf head = {0};
	davit_blob body = 0;

	(void)request;
	(void)service_secret.mint(call, kit_buf("s3cret-of-the-test"), &key);
	snprintf(text, sizeof(text),
		"{\"operation\":\"make\",\"method\":\"POST\",\"url\":[\"%s/status/201?k=\","
		"{\"secret\":%llu}],\"headers\":[[\"X-Key\",[{\"secret\":%llu}]]],"
		"\"body\":[{\"secret\":%llu}]}",
		origin, (unsigned long long)key, (unsigned long long)key, (unsigned long long)key);
	script.codes[0] =
		service_http.perform(call, DAVIT_HTTP_MUTATES, kit_buf(text), 0, &head, &body);
	return k->core->reply_state(call, 1, 0, kit_buf("{}"));
}

static void what_is_not_come_back_to_is_left(void **state)
{
	struct kit *k = *state;

	script.requests[0] = BODY("a");
	script.requests[1] = BODY("b");
	assert_false(attempt(k).left);
	script.requests[1] = NULL;
	assert_true(attempt_of(k, 1, true).left);
	script.requests[0] = NULL;
	assert_true(attempt_of(k, 1, true).left);
	script.requests[0] = BODY("a");
	script.requests[1] = BODY("b");
	assert_false(attempt_of(k, 1, true).left);
	assert_int_equal(server_count(server, "/json"), 2);
}

/* A URL that is none, and has marks of one in its query. */
static void where_a_change_went_is_told_without_its_query(void **state)
{
	struct words w = {""};
	struct kit *k = *state;

	script.requests[0] = "{\"operation\":\"make\",\"method\":\"POST\","
			     "\"url\":\"cloud.example/a?next=https://x\",\"attempts\":1}";
	(void)attempt(k);
	assert_int_not_equal(script.codes[0], DAVIT_OK);
	barrier(k);
	assert_true(store_journal(k->store, id, 0, 0, add_target, &w, NULL));
	assert_string_equal(w.text, "cloud.example/a");
}

static void no_secret_is_told(void **state)
{
	struct kit *k = *state;

	k->training.submit = op_secret;
	assert_int_equal(attempt(k).done, 1);
	journal_is(k, "sent 1, answered 1");
	assert_true(store_journal(k->store, id, 0, 0, hides, NULL, NULL));
}

static bool add_detail(const struct store_journal *row, void *ctx)
{
	struct words *w = ctx;
	size_t n = strlen(w->text);

	(void)snprintf(
		w->text + n, sizeof(w->text) - n, "%s ", row->detail != NULL ? row->detail : "");
	return true;
}

/* Neither where it went nor why it failed, though the provider wrote it as plain text. */
static void a_secret_of_a_path_or_a_host_is_not_told(void **state)
{
	struct words w = {""};
	struct kit *k = *state;

	redact_learn(REDACT_SECRET, "w0rd-of-the-site", strlen("w0rd-of-the-site"));
	script.requests[0] =
		"{\"operation\":\"make\",\"method\":\"POST\","
		"\"url\":\"http://w0rd-of-the-site.invalid/w0rd-of-the-site\",\"attempts\":1}";
	(void)attempt(k);
	barrier(k);
	assert_true(store_journal(k->store, id, 0, 0, add_detail, &w, NULL));
	redact_forget();
	assert_null(strstr(w.text, "w0rd-of-the-site"));
}

static void the_next_epoch_owes_nothing_to_the_one_before(void **state)
{
	struct kit *k = *state;

	script.requests[0] = BODY("a");
	(void)attempt(k);
	move(k, JOB_RECOVERING, 0);
	move(k, JOB_SUBMITTING, JOB_SET_EPOCH);
	script.requests[0] = BODY("b");
	assert_int_equal(attempt_of(k, 2, true).done, 1);
	assert_int_equal(script.codes[0], DAVIT_OK);
	journal_is(k, "sent 1, answered 1, sent 1, answered 1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_change_is_written_before_and_after),
		TEST(what_changes_nothing_or_works_for_no_job_is_not_written),
		TEST(how_a_change_ends_decides_what_comes_next),
		TEST(a_refusal_after_an_unclear_attempt_is_unclear),
		TEST(how_often_a_change_was_sent_is_noted_with_its_end),
		TEST(how_often_what_changes_nothing_was_sent_is_known_of_the_call),
		TEST(an_attempt_that_was_given_up_sends_nothing),
		TEST(what_was_done_is_answered_from_the_journal),
		TEST(another_request_than_the_one_that_was_done_is_not_sent),
		TEST(an_answer_that_is_not_kept_is_not_given_again),
		TEST(nothing_is_sent_while_something_is_unclear),
		TEST(after_a_checkpoint_the_provider_goes_on_by_itself),
		TEST(several_at_once_are_noted_one_by_one),
		TEST(of_several_none_leaves_while_one_is_not_written_down),
		TEST(what_is_not_come_back_to_is_left),
		TEST(where_a_change_went_is_told_without_its_query),
		TEST(no_secret_is_told),
		TEST(a_secret_of_a_path_or_a_host_is_not_told),
		TEST(the_next_epoch_owes_nothing_to_the_one_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
