/* The timeline of a job and what a person decides about one. */
#include "unit/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/app.h"
#include "api/timeline.h"
#include "base/attr.h"
#include "base/json.h"
#include "jobs/job.h"
#include "store/store.h"
#include "unit/api/fakes.h"

#define ID "000000000000000000000007"
#define T0 1795248000000 /* 2026-11-21 08:00:00 UTC */

static const struct {
	struct store_journal row;
	const char *text;
} sentences[] = {
	{{.kind = JOURNAL_EDGE, .detail = LITERAL("{\"from\":\"queued\",\"to\":\"submitting\"}")},
		"queued -> submitting"},
	{{.kind = JOURNAL_EDGE,
		 .detail = LITERAL("{\"from\":\"a\",\"to\":\"b\",\"why\":\"it is so\"}")},
		"a -> b: it is so"},
	{{.kind = JOURNAL_SENT,
		 .k = 2,
		 .detail = LITERAL("{\"operation\":\"create\",\"method\":\"POST\",\"target\":"
				   "\"https://cloud/v1/jobs\"}")},
		"mutation 2 is about to leave: create, POST https://cloud/v1/jobs"},
	{{.kind = JOURNAL_SENT, .k = 1, .detail = LITERAL("{\"operation\":\"process\"}")},
		"mutation 1 is about to leave: process"},
	{{.kind = JOURNAL_UNSENT, .k = 1}, "mutation 1: no byte of it left"},
	{{.kind = JOURNAL_ANSWERED, .k = 1, .status = 201}, "mutation 1 was answered 201"},
	{{.kind = JOURNAL_ANSWERED, .k = 1}, "mutation 1 was answered"},
	{{.kind = JOURNAL_UNCLEAR, .k = 3, .detail = LITERAL("{\"why\":\"reset\"}")},
		"mutation 3: not known what it did: reset"},
	{{.kind = JOURNAL_CHECKPOINT}, "the provider wrote down how far it is"},
	{{.kind = JOURNAL_FOUND}, "the other side has what the submission made"},
	{{.kind = JOURNAL_MISSING}, "the other side has nothing of the submission"},
	{{.kind = JOURNAL_ANSWERED, .k = 1, .status = 200, .repeats = 2},
		"mutation 1 was answered 200, in 3 attempts"},
	{{.kind = JOURNAL_UNSENT, .k = 1, .repeats = 1},
		"mutation 1: no byte of it left, in 2 attempts"},
	{{.kind = JOURNAL_UNCLEAR, .k = 3, .repeats = 1, .detail = LITERAL("{\"why\":\"reset\"}")},
		"mutation 3: not known what it did, in 2 attempts: reset"},
	{{.kind = JOURNAL_CALL, .times = 12, .detail = LITERAL("{\"slot\":\"poll\"}")},
		"poll, 12 times"},
	{{.kind = JOURNAL_CALL,
		 .times = 12,
		 .repeats = 3,
		 .detail = LITERAL("{\"slot\":\"poll\",\"code\":\"ok\"}")},
		"poll, 12 times, ended: ok (3 requests were sent again)"},
	{{.kind = JOURNAL_CALL,
		 .times = 1,
		 .repeats = 1,
		 .detail = LITERAL("{\"slot\":\"find\",\"code\":\"retry\",\"why\":\"no route\"}")},
		"find ended: retry (1 request was sent again): no route"},
	{{.kind = JOURNAL_CALL,
		 .detail =
			 LITERAL("{\"slot\":\"submit\",\"code\":\"retry\",\"why\":\"no route\"}")},
		"submit ended: retry: no route"},
	{{.kind = JOURNAL_CALL, .detail = LITERAL("{\"slot\":\"cancel\"}")}, "cancel begins"},
	{{.kind = JOURNAL_DECISION, .detail = LITERAL("{\"what\":\"adopt\",\"remote\":\"x1\"}")},
		"somebody decided: adopt x1"},
	{{.kind = JOURNAL_CANCEL}, "to be cancelled"},
	{{.kind = JOURNAL_REMOVE}, "to be deleted"},
	{{.kind = JOURNAL_NOTE, .detail = LITERAL("{\"text\":\"so it was\"}")}, "so it was"},
	{{.kind = JOURNAL_GAP}, "there are many rows: from here on only those that recovery needs"},
};

static void every_kind_of_row_has_a_sentence(void **state)
{
	unsigned seen = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(sentences); i++) {
		json_t *item = timeline_item(&sentences[i].row);

		assert_string_equal(json_text_or(item, "text", ""), sentences[i].text);
		assert_string_equal(
			json_text_or(item, "kind", ""), journal_word(sentences[i].row.kind));
		seen |= 1u << (unsigned)sentences[i].row.kind;
		json_decref(item);
	}
	assert_int_equal(seen, (1u << JOURNAL_KIND_COUNT) - 2);
}

static void how_often_is_told(void **state)
{
	static const struct {
		struct store_journal row;
		const char *name;
		int n; /* 0: it is not told */
	} rows[] = {
		{{.kind = JOURNAL_ANSWERED, .k = 1, .repeats = 2}, "attempts", 3},
		{{.kind = JOURNAL_ANSWERED, .k = 1}, "attempts", 0},
		{{.kind = JOURNAL_CALL, .times = 7, .repeats = 2}, "times", 7},
		{{.kind = JOURNAL_CALL, .times = 7, .repeats = 2}, "repeats", 2},
		{{.kind = JOURNAL_CALL, .times = 7, .repeats = 2}, "attempts", 0},
		{{.kind = JOURNAL_CALL, .times = 7}, "repeats", 0},
		{{.kind = JOURNAL_EDGE}, "times", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *item = timeline_item(&rows[i].row);

		assert_non_null(item);
		assert_int_equal(json_int_or(item, rows[i].name, 0), rows[i].n);
		assert_int_equal(json_object_get(item, rows[i].name) != NULL, rows[i].n != 0);
		json_decref(item);
	}
}

static void a_long_text_is_cut_and_shown(void **state)
{
	char detail[20000];
	struct store_journal row = {.kind = JOURNAL_UNCLEAR, .k = 1, .detail = detail};
	json_t *item;

	(void)state;
	(void)snprintf(detail, sizeof(detail), "{\"why\":\"%019000d\"}", 1);
	item = timeline_item(&row);
	assert_non_null(item);
	assert_in_range(strlen(json_text_or(item, "text", "")), 2000, 3000);
	json_decref(item);
}

static void a_cut_is_between_characters(void **state)
{
	char detail[4000] = "{\"remote\":\"x";
	size_t n = strlen(detail);
	struct store_journal row = {.kind = JOURNAL_DECISION, .k = 1, .detail = detail};
	json_t *item;

	(void)state;
	for (int i = 0; i < 1000; i++)
		n += (size_t)snprintf(detail + n, sizeof(detail) - n, "\xe2\x82\xac");
	(void)snprintf(detail + n, sizeof(detail) - n, "\"}");
	item = timeline_item(&row);
	assert_non_null(item);
	assert_in_range(strlen(json_text_or(item, "text", "")), 1000, 1100);
	json_decref(item);
}

static void what_find_keeps_for_the_provider_is_not_shown(void **state)
{
	const struct store_journal row = {
		.kind = JOURNAL_FOUND, .detail = LITERAL("{\"ref\":{\"v\":1}}")};
	json_t *item = timeline_item(&row);

	(void)state;
	assert_non_null(item);
	assert_null(json_object_get(item, "detail"));
	json_decref(item);
}

static void the_recorded_answer_and_secrets_are_not_shown(void **state)
{
	const struct store_journal row = {.kind = JOURNAL_ANSWERED,
		.k = 1,
		.status = 200,
		.epoch = 4,
		.detail = LITERAL("{\"head\":{\"a\":1},\"body\":\"answer\",\"fingerprint\":\"f\","
				  "\"api_token\":\"SECRET\",\"attempts\":2}")};
	json_t *item = timeline_item(&row);
	char *text = json_compact(json_object_get(item, "detail"), NULL);

	(void)state;
	assert_string_equal(text, "{\"api_token\":\"***\",\"attempts\":2}");
	assert_int_equal(json_int_or(item, "epoch", 0), 4);
	assert_int_equal(json_int_or(item, "mutation", 0), 1);
	assert_int_equal(json_int_or(item, "status", 0), 200);
	free(text);
	json_decref(item);
}

/* --- over REST --- */

static void add_job(void)
{
	struct job job = {.state = JOB_NEEDS_DECISION,
		.id = ID,
		.submission = ID,
		.created_ms = T0,
		.epoch = 1,
		.provider = LITERAL("cloud"),
		.interface = LITERAL("davit.training"),
		.kind = LITERAL("train"),
		.request = LITERAL("{\"spec\":{}}")};

	fake_job(&job);
}

static void add_row(int64_t k)
{
	struct store_op *op = store_op_new(STORE_JOURNAL, true);
	struct fail f;

	op->journal.kind = JOURNAL_SENT;
	op->journal.epoch = -1;
	op->journal.k = k;
	op->journal.time_ms = T0 + k;
	op->journal.detail = strdup("{\"operation\":\"create\"}");
	memcpy(op->journal.job, ID, sizeof(ID));
	assert_true(store_run(fake_app()->store, op, &f));
	store_op_free(op);
}

/* The seqs of a page with blanks between them, and its cursor (0: none). */
static void expect_page(const char *after, const char *limit, const char *seqs, int64_t next)
{
	struct exchange *x = fake_request("GET", "/v1/jobs/" ID "/timeline", NULL);
	const json_t *item;
	char got[256] = "";
	size_t i, n = 0;

	fake_query(x, "after", after);
	fake_query(x, "limit", limit);
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	json_array_foreach(json_object_get(fake_json(x), "items"), i, item)
	{
		n += (size_t)snprintf(
			got + n, sizeof(got) - n, "%lld ", (long long)json_int_or(item, "seq", -1));
	}
	assert_string_equal(got, seqs);
	assert_int_equal(json_int_or(fake_json(x), "next", 0), next);
	fake_free(x);
}

static void the_timeline_begins_with_the_job_and_has_pages(void **state)
{
	(void)state;
	add_job();
	for (int64_t k = 1; k <= 3; k++)
		add_row(k);
	expect_page("0", "1000", "0 1 2 3 ", 0);
	expect_page("0", "2", "0 1 2 ", 2);
	expect_page("2", "2", "3 ", 0);
	expect_page("1", "1", "2 ", 2);
}

static void expect_status(const char *path, const char *body, int status)
{
	struct exchange *x = fake_request("POST", path, body);

	fake_serve(x);
	assert_int_equal(fake_status(x), status);
	fake_free(x);
}

static void a_decision_reaches_the_tracker(void **state)
{
	(void)state;
	add_job();
	fake_tracker.changed = true;
	fake_tracker.state = JOB_RUNNING;
	fake_expect("POST", "/v1/jobs/" ID "/decide", "{\"decision\":\"adopt\",\"remote\":\"x1\"}",
		200, "{\"id\":\"" ID "\",\"state\":\"running\",\"error\":null}");
	assert_string_equal(fake_tracker.decided, ID " 0 x1");
	expect_status("/v1/jobs/" ID "/decide", "{\"decision\":\"resubmit\"}", 200);
	assert_string_equal(fake_tracker.decided, ID " 1 -");
	expect_status("/v1/jobs/" ID "/decide", "{\"decision\":\"give_up\"}", 200);
	assert_string_equal(fake_tracker.decided, ID " 2 -");
	assert_true((fake_tracker.states & JOB_BIT(JOB_RECOVERING)) == 0);
	fake_tracker.changed = false;
	expect_status("/v1/jobs/" ID "/decide", "{\"decision\":\"give_up\"}", 409);
}

static void a_wrong_decision_never_does(void **state)
{
	static const char *const wrong[] = {"{}", "{\"decision\":\"adopt\"}",
		"{\"decision\":\"adopt\",\"remote\":\"\"}",
		"{\"decision\":\"resubmit\",\"remote\":\"x\"}", "{\"decision\":\"no\"}",
		"{\"decision\":\"give_up\",\"more\":1}", "[]"};

	(void)state;
	add_job();
	fake_tracker.decided[0] = '\0';
	for (size_t i = 0; i < COUNT(wrong); i++)
		expect_status("/v1/jobs/" ID "/decide", wrong[i], 400);
	assert_string_equal(fake_tracker.decided, "");
}

#define ON_SITE(test) cmocka_unit_test_setup_teardown(test, fake_open, fake_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_row_has_a_sentence),
		cmocka_unit_test(how_often_is_told),
		cmocka_unit_test(a_long_text_is_cut_and_shown),
		cmocka_unit_test(a_cut_is_between_characters),
		cmocka_unit_test(what_find_keeps_for_the_provider_is_not_shown),
		cmocka_unit_test(the_recorded_answer_and_secrets_are_not_shown),
		ON_SITE(the_timeline_begins_with_the_job_and_has_pages),
		ON_SITE(a_decision_reaches_the_tracker),
		ON_SITE(a_wrong_decision_never_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
