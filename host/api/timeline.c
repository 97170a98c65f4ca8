/* timeline - see timeline.h. */
#include "api/timeline.h"

#include <inttypes.h>

#include "api/answer.h"
#include "api/redact.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/utf8.h"
#include "jobs/job.h"
#include "store/store.h"

#define TEXT_MAX 8192

typedef void sentence(struct buf *out, const struct store_journal *row, const json_t *detail);

static void put_cut(struct buf *out, const char *before, const char *text, int max)
{
	buf_printf(out, "%s%.*s", before, utf8_fit(text, max), text);
}

/* ": why", where the row says why. */
static void put_why(struct buf *out, const json_t *detail)
{
	const char *why = json_text_or(detail, "why", NULL);

	if (why != NULL)
		put_cut(out, ": ", why, 2000);
}

/* Where it was sent more than once. */
static void put_attempts(struct buf *out, const struct store_journal *row)
{
	if (row->repeats > 0)
		buf_printf(out, ", in %" PRId64 " attempts", row->repeats + 1);
}

static void say_edge(struct buf *out, const struct store_journal *row, const json_t *detail)
{
	(void)row;
	buf_printf(out, "%s -> %s", json_text_or(detail, "from", "?"),
		json_text_or(detail, "to", "?"));
	put_why(out, detail);
}

static void say_sent(struct buf *out, const struct store_journal *row, const json_t *detail)
{
	buf_printf(out, "mutation %" PRId64 " is about to leave", row->k);
	put_cut(out, ": ", json_text_or(detail, "operation", "?"), 200);
	if (json_object_get(detail, "method") != NULL) {
		put_cut(out, ", ", json_text_or(detail, "method", ""), 32);
		put_cut(out, " ", json_text_or(detail, "target", ""), 2000);
	}
}

static void say_unsent(struct buf *out, const struct store_journal *row, const json_t *detail)
{
	buf_printf(out, "mutation %" PRId64 ": no byte of it left", row->k);
	put_attempts(out, row);
	put_why(out, detail);
}

static void say_answered(struct buf *out, const struct store_journal *row, const json_t *detail)
{
	(void)detail;
	buf_printf(out, "mutation %" PRId64 " was answered", row->k);
	if (row->status != 0)
		buf_printf(out, " %" PRId64, row->status);
	put_attempts(out, row);
}

static void say_unclear(struct buf *out, const struct store_journal *row, const json_t *detail)
{
	buf_printf(out, "mutation %" PRId64 ": not known what it did", row->k);
	put_attempts(out, row);
	put_why(out, detail);
}

static void say_missing(struct buf *out, const struct store_journal *row, const json_t *detail)
{
	(void)row;
	buf_text(out, "the other side has nothing of the submission");
	put_why(out, detail);
}

static void say_call(struct buf *out, const struct store_journal *row, const json_t *detail)
{
	buf_text(out, json_text_or(detail, "slot", "?"));
	if (row->times == 0 && json_object_get(detail, "code") == NULL)
		buf_text(out, " begins");
	if (row->times > 1)
		buf_printf(out, ", %" PRId64 " times", row->times);
	if (json_text_or(detail, "code", NULL) != NULL)
		buf_printf(out, "%s ended: %s", row->times > 1 ? "," : "",
			json_text_or(detail, "code", ""));
	if (row->repeats > 0)
		buf_printf(out, " (%" PRId64 " %s sent again)", row->repeats,
			row->repeats > 1 ? "requests were" : "request was");
	put_why(out, detail);
}

static void say_decision(struct buf *out, const struct store_journal *row, const json_t *detail)
{
	const char *remote = json_text_or(detail, "remote", NULL);

	(void)row;
	buf_printf(out, "somebody decided: %s", json_text_or(detail, "what", "?"));
	if (remote != NULL)
		put_cut(out, " ", remote, 1024);
}

static void say_note(struct buf *out, const struct store_journal *row, const json_t *detail)
{
	(void)row;
	put_cut(out, "", json_text_or(detail, "text", ""), 2000);
}

/* A constant sentence, or one that is made of the row. */
static const struct {
	const char *text;
	sentence *say;
} sentences[JOURNAL_KIND_COUNT] = {
	[JOURNAL_EDGE] = {.say = say_edge},
	[JOURNAL_SENT] = {.say = say_sent},
	[JOURNAL_UNSENT] = {.say = say_unsent},
	[JOURNAL_ANSWERED] = {.say = say_answered},
	[JOURNAL_UNCLEAR] = {.say = say_unclear},
	[JOURNAL_CHECKPOINT] = {.text = "the provider wrote down how far it is"},
	[JOURNAL_FOUND] = {.text = "the other side has what the submission made"},
	[JOURNAL_MISSING] = {.say = say_missing},
	[JOURNAL_CALL] = {.say = say_call},
	[JOURNAL_DECISION] = {.say = say_decision},
	[JOURNAL_CANCEL] = {.text = "to be cancelled"},
	[JOURNAL_REMOVE] = {.text = "to be deleted"},
	[JOURNAL_NOTE] = {.say = say_note},
	[JOURNAL_GAP] =
		{.text = "there are many rows: from here on only those that recovery needs"},
};

static void say(struct buf *out, const struct store_journal *row, const json_t *detail)
{
	if (row->kind >= JOURNAL_KIND_COUNT)
		return;
	if (sentences[row->kind].text != NULL)
		buf_text(out, sentences[row->kind].text);
	else if (sentences[row->kind].say != NULL)
		sentences[row->kind].say(out, row, detail);
}

/* The recorded answer of the other side is for recovery, not for people: it may be long, and hold
 * what the caller of the daemon must not see. */
static json_t *detail_shown(const struct store_journal *row)
{
	json_t *detail = answer_stored(row->detail);
	json_t *shown = redact(detail);

	json_decref(detail);
	(void)json_object_del(shown, "head");
	(void)json_object_del(shown, "body");
	(void)json_object_del(shown, "fingerprint");
	(void)json_object_del(shown, "ref"); /* the provider's own */
	return shown;
}

static json_t *item_of(int64_t seq, int64_t time_ms, const char *kind, const char *text)
{
	return json_pack("{s:I, s:o, s:s, s:s}", "seq", (json_int_t)seq, "time",
		answer_time(time_ms), "kind", kind, "text", text);
}

static bool put_rest(json_t *item, const struct store_journal *row, json_t *shown)
{
	bool call = row->times > 0, repeated = row->repeats > 0;
	const struct {
		const char *name;
		int64_t n;
		bool put;
	} numbers[] = {
		{"epoch", row->epoch, true},
		{"mutation", row->k, row->k != 0},
		{"status", row->status, row->status != 0},
		{"attempts", row->repeats + 1, !call && repeated},
		{"times", row->times, call},
		{"repeats", row->repeats, call && repeated},
	};

	for (size_t i = 0; i < COUNT(numbers); i++) {
		if (numbers[i].put &&
			json_object_set_new(item, numbers[i].name, json_integer(numbers[i].n)) != 0)
			return false;
	}
	return json_object_size(shown) == 0 || json_object_set(item, "detail", shown) == 0;
}

json_t *timeline_item(const struct store_journal *row)
{
	json_t *shown = detail_shown(row);
	json_t *item = NULL;
	struct buf text;

	buf_init(&text, TEXT_MAX);
	say(&text, row, shown);
	if (!text.failed)
		item = item_of(row->seq, row->time_ms, journal_word(row->kind),
			text.p != NULL ? text.p : "");
	if (item != NULL && !put_rest(item, row, shown)) {
		json_decref(item);
		item = NULL;
	}
	buf_finish(&text);
	json_decref(shown);
	return item;
}

json_t *timeline_accepted(const struct job *job)
{
	return item_of(0, job->created_ms, "accepted", "the job is on disk");
}
