/* Answers in bytes: pieces, blobs and streams through a sink, and readers that go away. */
#include <davit/provider.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "provider/internal.h"
#include "store/blobs.h"
#include "unit/cmocka.h"
#include "unit/provider/fake_process.h"
#include "unit/provider/kit.h"

#define OP(name)                                                                                   \
	static int32_t DAVIT_CALL name(davit_instance inst, davit_call call, davit_buf request)
#define TEXT_HEAD "{\"content_type\":\"text/plain\",\"status\":202}"

/* What a reader got. */
struct reader {
	struct call_sink sink;
	int status;
	char type[64];
	char text[256];
	size_t n;
	size_t all;
	size_t gone_after; /* bytes; 0: stays */
	bool no_head;      /* gone before the head */
};

static bool take_head(void *ctx, int status, const char *content_type)
{
	struct reader *r = ctx;

	assert_int_equal(r->status, 0);
	r->status = status;
	(void)snprintf(r->type, sizeof(r->type), "%s", content_type);
	return !r->no_head;
}

static bool take_bytes(void *ctx, const void *bytes, size_t n)
{
	struct reader *r = ctx;
	size_t room = sizeof(r->text) - 1 - r->n;
	size_t kept = n < room ? n : room;

	assert_int_not_equal(r->status, 0);
	memcpy(r->text + r->n, bytes, kept);
	r->n += kept;
	r->all += n;
	return r->gone_after == 0 || r->all < r->gone_after;
}

static void run(struct kit *k, struct kit_call *c, struct reader *r, davit_op op)
{
	struct call_spec spec = kit_spec(k, DAVIT_PREDICTION, "infer");

	r->sink = (struct call_sink){.head = take_head, .bytes = take_bytes, .ctx = r};
	k->prediction.infer = op;
	spec.sink = &r->sink;
	kit_start(k, c, spec);
	kit_await(c);
}

/* --- pieces --- */

OP(op_pieces)
{
	const davit_host_core_1 *core = kit_of(inst)->core;
	int32_t code = core->reply_chunk(call, kit_buf(TEXT_HEAD), kit_buf("one,"), 0);

	(void)request;
	if (code == DAVIT_OK)
		code = core->reply_chunk(call, kit_buf("ignored"), kit_buf("two,"), 0);
	return code != DAVIT_OK ? code : core->reply_chunk(call, kit_buf(""), kit_buf("three"), 1);
}

static void pieces_come_in_order_after_their_head(void **state)
{
	struct reader r = {0};
	struct kit_call c;

	run(*state, &c, &r, op_pieces);
	assert_int_equal(c.result.code, DAVIT_OK);
	assert_null(c.result.reply);
	assert_int_equal(r.status, 202);
	assert_string_equal(r.type, "text/plain");
	assert_string_equal(r.text, "one,two,three");
	kit_call_finish(&c);
}

static void a_provider_learns_that_its_reader_is_gone(void **state)
{
	struct reader r = {.gone_after = 5};
	struct kit_call c;

	run(*state, &c, &r, op_pieces);
	assert_int_equal(c.result.code, DAVIT_CANCELLED);
	assert_string_equal(c.result.fail.text, "the reader went away");
	assert_string_equal(r.text, "one,two,");
	kit_call_finish(&c);
}

OP(op_deaf_pieces)
{
	const davit_host_core_1 *core = kit_of(inst)->core;

	(void)request;
	for (unsigned i = 0; i < 100; i++)
		(void)core->reply_chunk(call, kit_buf(TEXT_HEAD), kit_buf("x"), i == 99);
	return DAVIT_OK;
}

static void nothing_is_sent_to_a_reader_that_is_gone(void **state)
{
	struct reader r = {.no_head = true};
	struct kit_call c;

	run(*state, &c, &r, op_deaf_pieces);
	assert_int_equal(c.result.code, DAVIT_CANCELLED);
	assert_int_equal(r.all, 0);
	kit_call_finish(&c);
}

/* --- violations --- */

OP(op_no_end)
{
	(void)request;
	return kit_of(inst)->core->reply_chunk(call, kit_buf(TEXT_HEAD), kit_buf("x"), 0);
}

OP(op_after_end)
{
	const davit_host_core_1 *core = kit_of(inst)->core;

	(void)request;
	(void)core->reply_chunk(call, kit_buf(TEXT_HEAD), kit_buf("x"), 1);
	if (core->reply_chunk(call, kit_buf(TEXT_HEAD), kit_buf("y"), 1) != DAVIT_CONFLICT)
		return DAVIT_PERMANENT;
	return DAVIT_OK;
}

static const char *head_given;

OP(op_bad_head)
{
	(void)request;
	(void)kit_of(inst)->core->reply_chunk(call, kit_buf(head_given), kit_buf("x"), 1);
	return DAVIT_OK;
}

static void check_violation(struct kit *k, davit_op op, const char *why)
{
	struct reader r = {0};
	struct kit_call c;

	run(k, &c, &r, op);
	assert_int_equal(c.result.code, DAVIT_INTERNAL);
	if (strstr(c.result.fail.text, why) == NULL)
		fail_msg("'%s' is not in: %s", why, c.result.fail.text);
	kit_call_finish(&c);
}

static void a_stream_has_a_sound_head_and_one_end(void **state)
{
	static const char *const heads[] = {"", "[]", "{}", "{\"content_type\":\"\"}",
		"{\"content_type\":\"text\"}", "{\"content_type\":\"text/plain\\r\\nX-Evil: 1\"}",
		"{\"content_type\":\"text/plain\",\"status\":100}",
		"{\"content_type\":\"text/plain\",\"status\":600}", "{\"content_type\":7}"};

	check_violation(*state, op_no_end, "without the last piece");
	check_violation(*state, op_after_end, "answered twice");
	for (size_t i = 0; i < COUNT(heads); i++) {
		head_given = heads[i];
		check_violation(*state, op_bad_head, "the head of its answer");
	}
}

/* --- blobs --- */

OP(op_writer)
{
	struct kit *k = kit_of(inst);
	davit_blob blob;
	int32_t code = k->blob->create(call, &blob);

	(void)request;
	for (unsigned i = 0; code == DAVIT_OK && i < 50000; i++)
		code = k->blob->write(call, blob, kit_buf("12345678"));
	if (code == DAVIT_OK)
		code = k->core->reply_blob(call, kit_buf(TEXT_HEAD), blob);
	if (code != DAVIT_OK)
		return code;
	k->blob->close(call, blob); /* the host has it: nothing is lost */
	return k->blob->write(call, blob, kit_buf("x")) == DAVIT_INVALID ? DAVIT_OK
	                                                                 : DAVIT_PERMANENT;
}

static void a_blob_is_sent_whole_after_the_slot_returned(void **state)
{
	struct reader r = {0};
	struct kit_call c;

	run(*state, &c, &r, op_writer);
	assert_int_equal(c.result.code, DAVIT_OK);
	assert_int_equal(r.all, 400000);
	kit_call_finish(&c);
}

static void a_reader_that_goes_away_ends_a_blob(void **state)
{
	struct reader r = {.gone_after = 100000};
	struct kit_call c;

	run(*state, &c, &r, op_writer);
	assert_int_equal(c.result.code, DAVIT_CANCELLED);
	assert_true(r.all >= 100000 && r.all < 400000);
	kit_call_finish(&c);
}

OP(op_writer_then_fail)
{
	int32_t code = op_writer(inst, call, request);

	return code != DAVIT_OK ? code : DAVIT_AUTH;
}

static void nothing_is_sent_when_the_slot_fails_after_all(void **state)
{
	struct reader r = {0};
	struct kit_call c;

	run(*state, &c, &r, op_writer_then_fail);
	assert_int_equal(c.result.code, DAVIT_AUTH);
	assert_int_equal(r.status, 0);
	kit_call_finish(&c);
}

static davit_blob body_of(davit_buf request)
{
	json_t *v = json_loadb(request.p, request.n, 0, NULL);
	davit_blob body = (davit_blob)json_integer_value(json_object_get(v, "body"));

	json_decref(v);
	return body;
}

/* Reads the body and answers with what it read. */
OP(op_body)
{
	struct kit *k = kit_of(inst);
	davit_blob body = body_of(request);
	char text[32] = {0};
	uint64_t length = 0;
	size_t n = 0;
	int32_t code = k->blob->read(call, body, 3, text, sizeof(text) - 1, &n);

	if (code == DAVIT_OK)
		code = k->blob->length(call, body, &length);
	if (code != DAVIT_OK || length != n + 3)
		return DAVIT_PERMANENT;
	return k->core->reply_chunk(call, kit_buf(TEXT_HEAD), (davit_buf){text, n}, 1);
}

OP(op_seal_and_send)
{
	struct kit *k = kit_of(inst);
	davit_blob body = body_of(request), answer;
	davit_buf head, digest;
	int32_t code = k->blob->seal(call, body, &digest);

	if (code == DAVIT_OK)
		code = k->process->request(
			call, kit_buf("server"), kit_buf("{\"path\":\"/\"}"), body, &head, &answer);
	return code != DAVIT_OK ? code : k->core->reply_blob(call, head, answer);
}

static void the_body_of_a_request_is_a_blob(void **state)
{
	struct kit *k = *state;
	struct call_spec spec = kit_spec(k, DAVIT_PREDICTION, "infer");
	struct reader r = {.sink = {take_head, take_bytes, &r}};
	struct kit_call c;

	k->prediction.infer = op_body;
	spec.sink = &r.sink;
	spec.request = json_object();
	spec.body_fd = memfd_create("body", MFD_CLOEXEC);
	assert_int_equal(write(spec.body_fd, "0123456789", 10), 10);
	kit_start(k, &c, spec);
	kit_await(&c);
	assert_int_equal(c.result.code, DAVIT_OK);
	assert_string_equal(r.text, "3456789");
	kit_call_finish(&c);
}

static void a_body_in_memory_is_a_blob(void **state)
{
	struct kit *k = *state;
	struct call_spec spec = kit_spec(k, DAVIT_PREDICTION, "infer");
	struct reader r = {.sink = {take_head, take_bytes, &r}};
	struct kit_call c;

	k->prediction.infer = op_body;
	spec.sink = &r.sink;
	spec.body = "0123456789 and what is not of it";
	spec.body_bytes = 10;
	kit_start(k, &c, spec);
	kit_await(&c);
	assert_int_equal(c.result.code, DAVIT_OK);
	assert_string_equal(r.text, "3456789");
	kit_call_finish(&c);
}

static void a_body_in_memory_can_be_sealed_and_sent(void **state)
{
	static const char digest[] =
		"84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";
	struct kit *k = *state;
	struct call_spec spec = kit_spec(k, DAVIT_PREDICTION, "infer");
	struct reader r = {.sink = {take_head, take_bytes, &r}};
	struct kit_call c;
	int fd;

	k->prediction.infer = op_seal_and_send;
	fake_process = (struct fake_process){0};
	spec.sink = &r.sink;
	spec.body = "0123456789 and what is not of it";
	spec.body_bytes = 10;
	kit_start(k, &c, spec);
	kit_await(&c);
	assert_int_equal(c.result.code, DAVIT_OK);
	assert_string_equal(fake_process.body, "0123456789");
	kit_call_finish(&c);
	assert_true(blob_open(k->blobs, digest, &fd, NULL));
	assert_int_equal(close(fd), 0);
}

static void a_body_that_is_no_file_is_refused_and_closed(void **state)
{
	struct kit *k = *state;
	struct call_spec spec = kit_spec(k, DAVIT_PREDICTION, "infer");
	struct fail f = {0};
	int ends[2];
	char byte;

	k->prediction.infer = op_body;
	assert_int_equal(pipe(ends), 0);
	spec.body_fd = ends[1];
	spec.request = json_object();
	assert_false(call_start(&spec, NULL, &f));
	assert_int_equal(f.code, FAIL_INTERNAL);
	assert_int_equal(read(ends[0], &byte, 1), 0); /* its writer is closed */
	assert_int_equal(close(ends[0]), 0);
}

/* --- streams of a served process --- */

OP(op_relay)
{
	struct kit *k = kit_of(inst);
	davit_buf head;
	davit_blob body, answer;
	int32_t code = k->blob->create(call, &body);

	(void)request;
	if (code == DAVIT_OK)
		code = k->blob->write(call, body, kit_buf("question"));
	if (code == DAVIT_OK)
		code = k->process->request(
			call, kit_buf("server"), kit_buf("{\"path\":\"/\"}"), body, &head, &answer);
	return code != DAVIT_OK ? code : k->core->reply_blob(call, head, answer);
}

static void an_answer_of_a_process_streams_through(void **state)
{
	struct reader r = {0};
	struct kit_call c;

	fake_process = (struct fake_process){0};
	run(*state, &c, &r, op_relay);
	assert_int_equal(c.result.code, DAVIT_OK);
	assert_string_equal(r.text, "one,two,three");
	assert_string_equal(fake_process.body, "question");
	kit_call_finish(&c);
	assert_int_equal(fake_process.open, 0);
}

static bool take_whole(void *ctx, int status, const char *content_type, const void *bytes, size_t n)
{
	struct reader *r = ctx;

	assert_int_equal(r->status, 0);
	r->status = status;
	(void)snprintf(r->type, sizeof(r->type), "whole %s", content_type);
	memcpy(r->text, bytes, n);
	return true;
}

static bool take_nothing(void *ctx, const void *bytes, size_t n)
{
	(void)ctx;
	(void)bytes;
	(void)n;
	fail_msg("a whole answer came in pieces");
	return false;
}

static bool is_gone(void *ctx)
{
	(void)ctx;
	return true;
}

static void an_answer_that_is_all_there_comes_in_one_piece(void **state)
{
	struct reader r = {0};
	struct call_sink sink = {.bytes = take_nothing, .ctx = &r, .whole = take_whole};
	struct call_spec spec = kit_spec(*state, DAVIT_PREDICTION, "infer");
	struct kit_call c;

	fake_process = (struct fake_process){.whole = true};
	((struct kit *)*state)->prediction.infer = op_relay;
	spec.sink = &sink;
	kit_start(*state, &c, spec);
	kit_await(&c);
	assert_int_equal(c.result.code, DAVIT_OK);
	assert_string_equal(r.type, "whole text/plain");
	assert_string_equal(r.text, "one,");
	kit_call_finish(&c);
	assert_int_equal(fake_process.open, 0);
}

/* Nobody cancels: that the reader is gone is found out. */
static void an_endless_stream_ends_when_its_silent_reader_is_gone(void **state)
{
	struct reader r = {0};
	struct call_sink sink = {
		.head = take_head, .bytes = take_bytes, .ctx = &r, .gone = is_gone};
	struct call_spec spec = kit_spec(*state, DAVIT_PREDICTION, "infer");
	struct kit_call c;

	fake_process = (struct fake_process){.endless = true};
	((struct kit *)*state)->prediction.infer = op_relay;
	spec.sink = &sink;
	kit_start(*state, &c, spec);
	kit_await(&c);
	assert_int_equal(c.result.code, DAVIT_CANCELLED);
	assert_string_equal(c.result.fail.text, "the reader went away");
	kit_call_finish(&c);
	assert_int_equal(fake_process.open, 0);
}

static void a_stream_that_breaks_is_told_with_its_cause(void **state)
{
	struct reader r = {0};
	struct kit_call c;

	fake_process = (struct fake_process){.breaks = true};
	run(*state, &c, &r, op_relay);
	assert_int_equal(c.result.code, DAVIT_PERMANENT);
	assert_string_equal(c.result.fail.text, "the server went away");
	assert_string_equal(r.text, "one,");
	kit_call_finish(&c);
	assert_int_equal(fake_process.open, 0);
}

static void an_endless_stream_ends_with_its_reader(void **state)
{
	struct reader r = {.gone_after = 5000};
	struct kit_call c;

	fake_process = (struct fake_process){.endless = true};
	run(*state, &c, &r, op_relay);
	assert_int_equal(c.result.code, DAVIT_CANCELLED);
	kit_call_finish(&c);
	assert_int_equal(fake_process.open, 0);
}

/* Cancels its own call from the reader's side, as a closed connection would. */
struct closing_reader {
	struct reader reader;
	struct kit *k;
	atomic_ullong handle;
};

static bool take_and_cancel(void *ctx, const void *bytes, size_t n)
{
	struct closing_reader *r = ctx;

	call_cancel(r->k->ps, atomic_load(&r->handle));
	return take_bytes(&r->reader, bytes, n);
}

static bool take_head_too(void *ctx, int status, const char *content_type)
{
	struct closing_reader *r = ctx;

	return take_head(&r->reader, status, content_type);
}

static void a_cancel_ends_an_endless_stream(void **state)
{
	struct kit *k = *state;
	struct closing_reader r = {.k = k};
	struct call_sink sink = {.head = take_head_too, .bytes = take_and_cancel, .ctx = &r};
	struct call_spec spec = kit_spec(k, DAVIT_PREDICTION, "infer");
	struct kit_call c;

	fake_process = (struct fake_process){.endless = true};
	k->prediction.infer = op_relay;
	spec.sink = &sink;
	kit_start(k, &c, spec);
	atomic_store(&r.handle, c.handle);
	kit_await(&c);
	assert_int_equal(c.result.code, DAVIT_CANCELLED);
	assert_true(r.reader.all > 0);
	kit_call_finish(&c);
	assert_int_equal(fake_process.open, 0);
}

OP(op_stream_rules)
{
	struct kit *k = kit_of(inst);
	davit_buf head, digest;
	davit_blob answer;
	uint64_t length;
	char text[8];
	size_t n;

	(void)request;
	if (k->process->request(call, kit_buf("server"), kit_buf("{}"), 0, &head, &answer) !=
			DAVIT_OK ||
		k->blob->length(call, answer, &length) != DAVIT_UNSUPPORTED ||
		k->blob->read(call, answer, 1, text, sizeof(text), &n) != DAVIT_INVALID ||
		k->blob->read(call, answer, 0, text, sizeof(text), &n) != DAVIT_OK || n != 4 ||
		k->blob->read(call, answer, 0, text, sizeof(text), &n) != DAVIT_INVALID ||
		k->blob->seal(call, answer, &digest) != DAVIT_INVALID ||
		k->process->request(call, kit_buf("server"), kit_buf("{}"), answer, &head,
			&answer) != DAVIT_INVALID)
		return DAVIT_PERMANENT;
	return k->core->reply_blob(call, kit_buf(TEXT_HEAD), answer);
}

static void a_stream_is_read_once_and_the_answer_is_its_rest(void **state)
{
	struct reader r = {0};
	struct kit_call c;

	fake_process = (struct fake_process){0};
	run(*state, &c, &r, op_stream_rules);
	assert_int_equal(c.result.code, DAVIT_OK);
	assert_string_equal(r.text, "two,three");
	kit_call_finish(&c);
	assert_int_equal(fake_process.open, 0);
}

static int open_kit(void **state)
{
	static struct kit k;

	kit_open(&k, true);
	*state = &k;
	return 0;
}

static int close_kit(void **state)
{
	kit_close(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_come_in_order_after_their_head),
		cmocka_unit_test(a_provider_learns_that_its_reader_is_gone),
		cmocka_unit_test(nothing_is_sent_to_a_reader_that_is_gone),
		cmocka_unit_test(a_stream_has_a_sound_head_and_one_end),
		cmocka_unit_test(a_blob_is_sent_whole_after_the_slot_returned),
		cmocka_unit_test(a_reader_that_goes_away_ends_a_blob),
		cmocka_unit_test(nothing_is_sent_when_the_slot_fails_after_all),
		cmocka_unit_test(the_body_of_a_request_is_a_blob),
		cmocka_unit_test(a_body_in_memory_is_a_blob),
		cmocka_unit_test(a_body_in_memory_can_be_sealed_and_sent),
		cmocka_unit_test(a_body_that_is_no_file_is_refused_and_closed),
		cmocka_unit_test(an_answer_of_a_process_streams_through),
		cmocka_unit_test(an_answer_that_is_all_there_comes_in_one_piece),
		cmocka_unit_test(an_endless_stream_ends_when_its_silent_reader_is_gone),
		cmocka_unit_test(a_stream_that_breaks_is_told_with_its_cause),
		cmocka_unit_test(an_endless_stream_ends_with_its_reader),
		cmocka_unit_test(a_cancel_ends_an_endless_stream),
		cmocka_unit_test(a_stream_is_read_once_and_the_answer_is_its_rest),
	};

	return cmocka_run_group_tests(tests, open_kit, close_kit);
}
