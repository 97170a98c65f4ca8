/* The runtime of calls: answers, contract violations, limits, deadlines, cancelling, the end. */
#include <davit/provider.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "provider/internal.h"
#include "provider/services.h"
#include "unit/cmocka.h"
#include "unit/provider/kit.h"

/* The parentheses around ->fail keep cmocka's macro of that name away. */

/* --- answers --- */

#define OP(name)                                                                                   \
	static int32_t DAVIT_CALL name(davit_instance inst, davit_call call, davit_buf request)

OP(op_state)
{
	const davit_host_core_1 *core = kit_of(inst)->core;

	(void)request;
	return core->reply_state(call, DAVIT_STATE_SUCCEEDED, 250, kit_buf("{\"ref\":7}"));
}

static void a_state_comes_back_with_its_parts(void **state)
{
	struct kit *k = *state;
	struct kit_call c;

	kit_run(k, &c, op_state);
	assert_int_equal(c.result.code, DAVIT_OK);
	assert_true(c.result.has_state);
	assert_int_equal(c.result.state, DAVIT_STATE_SUCCEEDED);
	assert_int_equal(c.result.next_poll_ms, 250);
	assert_int_equal(json_integer_value(json_object_get(c.result.reply, "ref")), 7);
	kit_call_finish(&c);
}

OP(op_unknown_state)
{
	(void)request;
	return kit_of(inst)->core->reply_state(call, 99, -5, kit_buf("{}"));
}

static void an_unknown_state_is_taken_for_running(void **state)
{
	struct kit *k = *state;
	struct kit_call c;

	kit_run(k, &c, op_unknown_state);
	assert_int_equal(c.result.code, DAVIT_OK);
	assert_int_equal(c.result.state, DAVIT_STATE_RUNNING);
	assert_int_equal(c.result.next_poll_ms, 0);
	kit_call_finish(&c);
}

OP(op_request)
{
	return kit_of(inst)->core->reply(call, request);
}

static void the_request_arrives_as_it_was_given(void **state)
{
	struct kit *k = *state;
	struct call_spec spec = kit_spec(k, DAVIT_TRAINING, "get");
	struct kit_call c;

	k->training.get = op_request;
	spec.request =
		json_pack("{s:{s:s},s:I}", "connection", "a", "b", "n", (json_int_t)INT64_MAX);
	kit_start(k, &c, spec);
	kit_await(&c);
	assert_int_equal(c.result.code, DAVIT_OK);
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(c.result.reply, "connection"), "a")),
		"b");
	assert_true(json_integer_value(json_object_get(c.result.reply, "n")) == INT64_MAX);
	kit_call_finish(&c);
}

OP(op_ok_alone)
{
	(void)inst;
	(void)call;
	(void)request;
	return DAVIT_OK;
}

static void validate_and_cancel_need_no_answer(void **state)
{
	static const char *const slots[] = {"validate", "cancel"};
	struct kit *k = *state;

	k->training.validate = op_ok_alone;
	k->training.cancel = op_ok_alone;
	for (size_t i = 0; i < COUNT(slots); i++) {
		struct kit_call c;

		kit_start(k, &c, kit_spec(k, DAVIT_TRAINING, slots[i]));
		kit_await(&c);
		assert_int_equal(c.result.code, DAVIT_OK);
		assert_null(c.result.reply);
		kit_call_finish(&c);
	}
}

/* --- failures --- */

static const struct {
	int32_t code;
	enum fail_code fail;
} codes[] = {
	{DAVIT_RETRY, FAIL_UNAVAILABLE},
	{DAVIT_THROTTLED, FAIL_BUSY},
	{DAVIT_AUTH, FAIL_UPSTREAM},
	{DAVIT_QUOTA, FAIL_UPSTREAM},
	{DAVIT_INVALID, FAIL_INVALID},
	{DAVIT_NOT_FOUND, FAIL_NOT_FOUND},
	{DAVIT_CONFLICT, FAIL_CONFLICT},
	{DAVIT_UNSUPPORTED, FAIL_UNSUPPORTED},
	{DAVIT_CANCELLED, FAIL_UNAVAILABLE},
	{DAVIT_DEADLINE, FAIL_DEADLINE},
	{DAVIT_INTERNAL, FAIL_INTERNAL},
	{DAVIT_PERMANENT, FAIL_UPSTREAM},
};

static int32_t code_given;

OP(op_fail)
{
	const davit_host_core_1 *core = kit_of(inst)->core;
	int32_t code = (core->fail)(call, code_given, kit_buf("the sentence"),
		kit_buf("{\"pointer\":\"/spec/name\",\"retry_after_ms\":1500,\"status\":429}"));

	(void)request;
	(void)(core->fail)(call, DAVIT_INTERNAL, kit_buf("a second one"), kit_buf(""));
	return code;
}

static const char *pause_given;

OP(op_pause)
{
	(void)request;
	return (kit_of(inst)->core->fail)(
		call, DAVIT_RETRY, kit_buf("later"), kit_buf(pause_given));
}

static void a_pause_is_neither_none_nor_for_ever(void **state)
{
	static const struct {
		const char *detail;
		int64_t ms;
	} rows[] = {
		{"{\"retry_after_ms\":1}", 500},
		{"{\"retry_after_ms\":700}", 700},
		{"{\"retry_after_ms\":9223372036854775807}", 3600000},
		{"{\"retry_after_ms\":0}", 0},
		{"{\"retry_after_ms\":-5}", 0},
	};
	struct kit *k = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct kit_call c;

		pause_given = rows[i].detail;
		kit_run(k, &c, op_pause);
		assert_int_equal(c.result.retry_after_ms, rows[i].ms);
		kit_call_finish(&c);
	}
}

OP(op_mute)
{
	(void)inst;
	(void)call;
	(void)request;
	return code_given;
}

static void each_code_becomes_its_class_with_text_and_details(void **state)
{
	struct kit *k = *state;

	for (size_t i = 0; i < COUNT(codes); i++) {
		struct kit_call c;

		code_given = codes[i].code;
		kit_run(k, &c, op_fail);
		assert_int_equal(c.result.code, codes[i].code);
		assert_int_equal(c.result.fail.code, codes[i].fail);
		assert_string_equal(c.result.fail.text, "the sentence");
		assert_string_equal(c.result.fail.field, "/spec/name");
		assert_int_equal(c.result.retry_after_ms, 1500);
		assert_null(c.result.reply);
		kit_call_finish(&c);

		kit_run(k, &c, op_mute);
		assert_int_equal(c.result.code, codes[i].code);
		assert_int_equal(c.result.fail.code, codes[i].fail);
		assert_true(strlen(c.result.fail.text) > 10);
		kit_call_finish(&c);
	}
}

OP(op_reply_then_fail)
{
	const davit_host_core_1 *core = kit_of(inst)->core;

	(void)request;
	(void)core->reply_state(call, DAVIT_STATE_RUNNING, 0, kit_buf("{}"));
	return (core->fail)(call, DAVIT_QUOTA, kit_buf("no more"), kit_buf("this is not JSON"));
}

static void the_returned_code_counts_more_than_an_answer(void **state)
{
	struct kit *k = *state;
	struct kit_call c;

	kit_run(k, &c, op_reply_then_fail);
	assert_int_equal(c.result.code, DAVIT_QUOTA);
	assert_string_equal(c.result.fail.text, "no more");
	assert_null(c.result.reply);
	kit_call_finish(&c);
}

/* --- contract violations --- */

OP(op_twice)
{
	const davit_host_core_1 *core = kit_of(inst)->core;

	(void)request;
	(void)core->reply_state(call, DAVIT_STATE_RUNNING, 0, kit_buf("{}"));
	if (core->reply_state(call, DAVIT_STATE_RUNNING, 0, kit_buf("{}")) != DAVIT_CONFLICT)
		return DAVIT_PERMANENT;
	return DAVIT_OK;
}

OP(op_not_json)
{
	(void)request;
	(void)kit_of(inst)->core->reply_state(call, 1, 0, kit_buf("{\"a\":"));
	return DAVIT_OK;
}

OP(op_array_state)
{
	(void)request;
	(void)kit_of(inst)->core->reply_state(call, 1, 0, kit_buf("[]"));
	return DAVIT_OK;
}

OP(op_number)
{
	(void)request;
	(void)kit_of(inst)->core->reply(call, kit_buf("5"));
	return DAVIT_OK;
}

OP(op_null_json)
{
	(void)request;
	(void)kit_of(inst)->core->reply(call, (davit_buf){NULL, 10});
	return DAVIT_OK;
}

OP(op_no_state)
{
	(void)request;
	return kit_of(inst)->core->reply(call, kit_buf("{}"));
}

OP(op_unknown_code)
{
	(void)inst;
	(void)call;
	(void)request;
	return 77;
}

OP(op_ok_fail)
{
	(void)request;
	return (kit_of(inst)->core->fail)(call, DAVIT_OK, kit_buf("fine"), kit_buf(""));
}

OP(op_bytes)
{
	(void)request;
	(void)kit_of(inst)->core->reply_chunk(
		call, kit_buf("{\"content_type\":\"text/plain\"}"), kit_buf("x"), 1);
	return DAVIT_OK;
}

OP(op_blob_unknown)
{
	(void)request;
	(void)kit_of(inst)->core->reply_blob(
		call, kit_buf("{\"content_type\":\"text/plain\"}"), 0x4201);
	return DAVIT_OK;
}

OP(op_large)
{
	struct kit *k = kit_of(inst);
	size_t n = CALL_REPLY_MAX + 1;
	char *text = k->core->arena(call, n);

	(void)request;
	memset(text, ' ', n);
	text[0] = '{';
	text[1] = '}';
	(void)k->core->reply_state(call, 1, 0, (davit_buf){text, n});
	return DAVIT_OK;
}

OP(op_wrong_handle)
{
	const davit_host_core_1 *core = kit_of(inst)->core;

	(void)request;
	return core->reply_state(call + 1, 1, 0, kit_buf("{}")) == DAVIT_INVALID ? DAVIT_OK
	                                                                         : DAVIT_PERMANENT;
}

static const struct {
	davit_op op;
	const char *why;
} violations[] = {
	{op_ok_alone, "success without reply_state()"},
	{op_twice, "answered twice"},
	{op_not_json, "cannot be read: not JSON"},
	{op_array_state, "not a JSON object"},
	{op_number, "not a JSON object or array"},
	{op_null_json, "cannot be read"},
	{op_no_state, "success without reply_state()"},
	{op_unknown_code, "unknown code 77"},
	{op_ok_fail, "DAVIT_OK to fail()"},
	{op_bytes, "bytes where JSON is expected"},
	{op_blob_unknown, "blob that is not open"},
	{op_large, "at most 8388608"},
	{op_wrong_handle, "handle of another call"},
};

static void a_broken_contract_is_a_provider_error_that_says_which(void **state)
{
	struct kit *k = *state;

	for (size_t i = 0; i < COUNT(violations); i++) {
		struct kit_call c;

		kit_run(k, &c, violations[i].op);
		assert_int_equal(c.result.code, DAVIT_INTERNAL);
		assert_int_equal(c.result.fail.code, FAIL_INTERNAL);
		assert_non_null(strstr(c.result.fail.text, "provider error: poll of 'kit'"));
		if (strstr(c.result.fail.text, violations[i].why) == NULL)
			fail_msg("row %zu: %s", i, c.result.fail.text);
		assert_null(c.result.reply);
		kit_call_finish(&c);
	}
}

/* --- starting --- */

struct gate {
	atomic_bool open;
	atomic_int inside;
};

static bool gate_is_open(void *ctx)
{
	return atomic_load(&((struct gate *)ctx)->open);
}

OP(op_gate)
{
	struct kit *k = kit_of(inst);
	struct gate *gate = k->mine;

	(void)request;
	atomic_fetch_add(&gate->inside, 1);
	if (!scratch_await(gate_is_open, gate, KIT_WAIT_MS))
		return DAVIT_PERMANENT;
	return k->core->reply_state(call, DAVIT_STATE_RUNNING, 0, kit_buf("{}"));
}

static bool one_is_inside(void *ctx)
{
	return atomic_load(&((struct gate *)ctx)->inside) > 0;
}

static void each_lane_holds_max_calls_and_says_when_to_come_back(void **state)
{
	struct kit *k = *state;
	struct gate gate = {0};
	struct call_spec spec = kit_spec(k, DAVIT_TRAINING, "poll");
	struct kit_call calls[4];
	struct fail f = {0};

	k->mine = &gate;
	k->training.poll = op_gate;
	k->entry.max_calls = 2;
	kit_start(k, &calls[0], spec);
	kit_start(k, &calls[1], spec);
	spec.request = json_object();
	assert_false(call_start(&spec, NULL, &f));
	assert_int_equal(f.code, FAIL_BUSY);
	assert_true(f.retry_after_ms > 0);
	assert_non_null(strstr(f.text, "2 calls"));
	spec.request = NULL;
	spec.job_lane = true; /* jobs are not kept out by requests */
	kit_start(k, &calls[2], spec);
	spec.job_lane = false;
	spec.function_lane = true; /* nor what runs a caller's code */
	kit_start(k, &calls[3], spec);
	atomic_store(&gate.open, true);
	for (size_t i = 0; i < COUNT(calls); i++) {
		kit_await(&calls[i]);
		assert_int_equal(calls[i].result.code, DAVIT_OK);
		kit_call_finish(&calls[i]);
	}
	k->entry.max_calls = 8;
}

static void functions_keep_no_request_out(void **state)
{
	struct kit *k = *state;
	struct gate gate = {0};
	struct call_spec spec = kit_spec(k, DAVIT_TRAINING, "poll");
	struct kit_call calls[5];

	k->mine = &gate;
	k->training.poll = op_gate;
	k->entry.max_calls = 2;
	spec.function_lane = true;
	for (size_t i = 0; i < 3; i++) /* and have a limit of their own */
		kit_start(k, &calls[i], spec);
	spec.function_lane = false;
	kit_start(k, &calls[3], spec);
	kit_start(k, &calls[4], spec);
	atomic_store(&gate.open, true);
	for (size_t i = 0; i < COUNT(calls); i++) {
		kit_await(&calls[i]);
		assert_int_equal(calls[i].result.code, DAVIT_OK);
		kit_call_finish(&calls[i]);
	}
	k->entry.max_calls = 8;
}

/* The table grows while calls run, and none of them gets the handle of another. */
static void hundreds_of_calls_may_run_at_once(void **state)
{
	enum {
		MANY = 600
	};
	struct kit *k = *state;
	struct kit_call *calls = calloc(MANY, sizeof(*calls));
	struct gate gate = {0};
	struct fail f = {0};
	struct call_spec spec = kit_spec(k, DAVIT_TRAINING, "poll");

	assert_non_null(calls);
	k->mine = &gate;
	k->training.poll = op_gate;
	k->entry.max_calls = MANY;
	kit_limit(k, MANY + MANY / 7 + 1, 0);
	for (size_t i = 0; i < MANY; i++) {
		kit_start(k, &calls[i], spec);
		assert_true(i == 0 || calls[i].handle != calls[i - 1].handle);
	}
	assert_false(call_start(&spec, NULL, &f));
	call_cancel(k->ps, calls[MANY / 2].handle);
	call_cancel(k->ps, UINT64_MAX);
	atomic_store(&gate.open, true);
	for (size_t i = 0; i < MANY; i++) {
		kit_await(&calls[i]);
		assert_int_equal(calls[i].result.code, DAVIT_OK);
		kit_call_finish(&calls[i]);
	}
	assert_int_equal(atomic_load(&gate.inside), MANY);
	k->entry.max_calls = 8;
	kit_limit(k, 256, 128);
	free(calls);
}

static void an_eighth_of_all_places_is_for_jobs(void **state)
{
	struct kit *k = *state;
	struct gate gate = {0};
	struct call_spec spec = kit_spec(k, DAVIT_TRAINING, "poll");
	struct kit_call calls[16];
	struct fail f = {0};

	k->mine = &gate;
	k->training.poll = op_gate;
	k->entry.max_calls = 100;
	kit_limit(k, COUNT(calls), 0);
	for (size_t i = 0; i < 14; i++)
		kit_start(k, &calls[i], spec);
	spec.wait_ms = KIT_WAIT_MS; /* and nobody may wait here */
	assert_false(call_start(&spec, NULL, &f));
	assert_int_equal(f.code, FAIL_BUSY);
	assert_true(f.retry_after_ms > 0);
	assert_non_null(strstr(f.text, "calls.max_threads"));
	spec.wait_ms = 0;
	spec.job_lane = true;
	for (size_t i = 14; i < COUNT(calls); i++)
		kit_start(k, &calls[i], spec);
	assert_false(call_start(&spec, NULL, &f));
	assert_int_equal(f.code, FAIL_BUSY);
	atomic_store(&gate.open, true);
	for (size_t i = 0; i < COUNT(calls); i++) {
		kit_await(&calls[i]);
		kit_call_finish(&calls[i]);
	}
	k->entry.max_calls = 8;
	kit_limit(k, 256, 128);
}

static bool one_waits(void *ctx)
{
	struct call_table *t = &((struct kit *)ctx)->ps->calls;
	bool waits;

	mutex_lock(&t->lock);
	waits = t->waits == 1;
	mutex_unlock(&t->lock);
	return waits;
}

/* kit_start() asks for the handle, and what is to have one at once does not wait. */
static void start_waiting(struct kit *k, struct kit_call *c, int64_t wait_ms)
{
	struct call_spec spec = kit_spec(k, DAVIT_TRAINING, "poll");

	spec.wait_ms = wait_ms;
	kit_start_blind(k, c, spec);
}

static void a_call_that_may_wait_starts_in_the_place_of_one_that_ends(void **state)
{
	struct kit *k = *state;
	struct gate gate = {0};
	struct kit_call calls[6];
	struct call_spec spec = kit_spec(k, DAVIT_TRAINING, "poll");
	struct fail f = {0};

	k->mine = &gate;
	k->training.poll = op_gate;
	k->entry.max_calls = 1;
	for (size_t i = 0; i < 1 + CALL_WAIT_TIMES; i++)
		start_waiting(k, &calls[i], KIT_WAIT_MS);
	assert_true(scratch_await(one_is_inside, &gate, KIT_WAIT_MS));
	spec.wait_ms = KIT_WAIT_MS;
	assert_false(call_start(&spec, NULL, &f)); /* those that wait have a limit */
	assert_int_equal(f.code, FAIL_BUSY);
	spec.job_lane = true; /* and they keep no job out */
	kit_start(k, &calls[1 + CALL_WAIT_TIMES], spec);
	assert_int_equal(atomic_load(&gate.inside) <= 2, true);
	atomic_store(&gate.open, true);
	for (size_t i = 0; i < 2 + CALL_WAIT_TIMES; i++) {
		kit_await(&calls[i]);
		assert_int_equal(calls[i].result.code, DAVIT_OK);
		kit_call_finish(&calls[i]);
	}
	k->entry.max_calls = 8;
}

static void a_call_that_waits_too_long_is_told_to_come_back(void **state)
{
	struct kit *k = *state;
	struct gate gate = {0};
	struct kit_call calls[2];

	k->mine = &gate;
	k->training.poll = op_gate;
	k->entry.max_calls = 1;
	kit_start(k, &calls[0], kit_spec(k, DAVIT_TRAINING, "poll"));
	start_waiting(k, &calls[1], 50);
	kit_await(&calls[1]);
	assert_int_equal(calls[1].result.fail.code, FAIL_BUSY);
	assert_int_equal(calls[1].result.code, DAVIT_THROTTLED);
	assert_true(calls[1].result.retry_after_ms > 0);
	assert_non_null(strstr(calls[1].result.fail.text, "max_calls"));
	kit_call_finish(&calls[1]);
	atomic_store(&gate.open, true);
	kit_await(&calls[0]);
	assert_int_equal(calls[0].result.code, DAVIT_OK);
	kit_call_finish(&calls[0]);
	assert_int_equal(atomic_load(&gate.inside), 1);
	k->entry.max_calls = 8;
}

static bool left(void *ctx)
{
	return *(bool *)ctx;
}

static void a_call_whose_reader_left_while_it_waited_never_starts(void **state)
{
	struct kit *k = *state;
	bool gone = true;
	const struct call_sink sink = {.gone = left, .ctx = &gone};
	struct gate gate = {0};
	struct kit_call calls[2];
	struct call_spec spec = kit_spec(k, DAVIT_TRAINING, "poll");

	k->mine = &gate;
	k->training.poll = op_gate;
	k->entry.max_calls = 1;
	kit_start(k, &calls[0], spec);
	assert_true(scratch_await(one_is_inside, &gate, KIT_WAIT_MS));
	spec.sink = &sink;
	spec.wait_ms = KIT_WAIT_MS;
	kit_start_blind(k, &calls[1], spec);
	assert_true(scratch_await(one_waits, k, KIT_WAIT_MS));
	atomic_store(&gate.open, true);
	for (size_t i = 0; i < COUNT(calls); i++) {
		kit_await(&calls[i]);
		kit_call_finish(&calls[i]);
	}
	assert_int_equal(calls[1].result.code, DAVIT_CANCELLED);
	assert_int_equal(atomic_load(&gate.inside), 1);
	k->entry.max_calls = 8;
}

static void who_waits_is_refused_when_the_daemon_ends(void **state)
{
	struct kit *k = *state;
	struct gate gate = {0};
	struct kit_call calls[2];

	k->mine = &gate;
	k->training.poll = op_gate;
	k->entry.max_calls = 1;
	kit_start(k, &calls[0], kit_spec(k, DAVIT_TRAINING, "poll"));
	start_waiting(k, &calls[1], KIT_WAIT_MS);
	assert_true(scratch_await(one_waits, k, KIT_WAIT_MS));
	mutex_lock(&k->ps->calls.lock);
	k->ps->calls.closing = true; /* as call_table_close() begins */
	cond_signal(&k->ps->calls.watch_sooner);
	mutex_unlock(&k->ps->calls.lock);
	kit_await(&calls[1]);
	assert_int_equal(calls[1].result.fail.code, FAIL_UNAVAILABLE);
	kit_call_finish(&calls[1]);
	atomic_store(&gate.open, true);
	kit_await(&calls[0]);
	kit_call_finish(&calls[0]);
	k->ps->calls.closing = false;
	k->entry.max_calls = 8;
}

struct chain {
	struct kit *k;
	struct kit_call second;
	bool started;
};

static void start_the_next(struct call_result *result, void *ctx)
{
	struct chain *chain = ctx;

	assert_int_equal(result->code, DAVIT_OK);
	kit_start(chain->k, &chain->second, kit_spec(chain->k, DAVIT_TRAINING, "poll"));
	chain->started = true;
}

static bool none_is_alive(void *ctx)
{
	struct kit *k = ctx;
	bool none;

	mutex_lock(&k->ps->calls.lock);
	none = k->ps->calls.alive == 0;
	mutex_unlock(&k->ps->calls.lock);
	return none;
}

static void done_may_start_the_next_call_in_the_place_of_this_one(void **state)
{
	struct kit *k = *state;
	struct chain chain = {.k = k};
	struct call_spec spec = kit_spec(k, DAVIT_TRAINING, "poll");
	struct fail f = {0};

	k->training.poll = op_state;
	k->entry.max_calls = 1;
	spec.done = start_the_next;
	spec.ctx = &chain;
	assert_true(call_start(&spec, NULL, &f));
	assert_true(scratch_await(none_is_alive, k, KIT_WAIT_MS));
	assert_true(chain.started);
	kit_await(&chain.second);
	assert_int_equal(chain.second.result.code, DAVIT_OK);
	kit_call_finish(&chain.second);
	k->entry.max_calls = 8;
}

static void a_slot_that_is_not_there_is_refused_before_it_starts(void **state)
{
	struct kit *k = *state;
	struct call_spec spec = kit_spec(k, DAVIT_TRAINING, "metrics");
	struct fail f = {0};

	spec.request = json_object();
	assert_false(call_start(&spec, NULL, &f));
	assert_int_equal(f.code, FAIL_UNSUPPORTED);
	assert_non_null(strstr(f.text, "'kit' does not offer metrics of training"));
	spec = kit_spec(k, DAVIT_FUNCTIONS, "execute");
	assert_false(call_start(&spec, NULL, &f));
	assert_non_null(strstr(f.text, "does not offer functions"));
}

/* --- stopping --- */

OP(op_sleep)
{
	struct kit *k = kit_of(inst);
	struct gate *gate = k->mine;

	(void)request;
	atomic_fetch_add(&gate->inside, 1);
	int32_t code = k->core->sleep_ms(call, 3600000);

	return k->core->cancelled(call) == 1 ? code : DAVIT_PERMANENT;
}

static void a_cancel_wakes_a_call_that_sleeps(void **state)
{
	struct kit *k = *state;
	struct gate gate = {0};
	struct kit_call c;

	k->mine = &gate;
	k->training.poll = op_sleep;
	kit_start(k, &c, kit_spec(k, DAVIT_TRAINING, "poll"));
	assert_true(scratch_await(one_is_inside, &gate, KIT_WAIT_MS));
	call_cancel(k->ps, c.handle + 1);
	call_cancel(k->ps, c.handle ^ ((uint64_t)1 << 40));
	call_cancel(k->ps, 0);
	assert_false(kit_ended(&c));
	call_cancel(k->ps, c.handle);
	kit_await(&c);
	assert_int_equal(c.result.code, DAVIT_CANCELLED);
	assert_int_equal(c.result.fail.code, FAIL_UNAVAILABLE);
	call_cancel(k->ps, c.handle); /* ended: nothing happens */
	kit_call_finish(&c);
}

static bool waits_until(void *ctx)
{
	return clock_virtual_next() == *(int64_t *)ctx;
}

/* The returned code is CANCELLED, which the host knows to be the deadline. */
OP(op_sleep_cancelled)
{
	struct kit *k = kit_of(inst);

	(void)request;
	(void)k->core->sleep_ms(call, 3600000);
	return DAVIT_CANCELLED;
}

static void the_deadline_ends_a_sleep_and_is_told_as_such(void **state)
{
	static const davit_op ops[] = {op_sleep, op_sleep_cancelled};
	struct kit *k = *state;
	struct gate gate = {0};

	k->mine = &gate;
	for (size_t i = 0; i < COUNT(ops); i++) {
		struct call_spec spec = kit_spec(k, DAVIT_TRAINING, "poll");
		int64_t deadline = 1000 + 1234;
		struct kit_call c;

		clock_virtual_start(5000000, 1000);
		k->training.poll = ops[i];
		spec.timeout_ms = 1234;
		kit_start(k, &c, spec);
		assert_true(scratch_await(waits_until, &deadline, KIT_WAIT_MS));
		assert_false(kit_ended(&c));
		clock_advance(1234);
		kit_await(&c);
		assert_int_equal(c.result.code, DAVIT_DEADLINE);
		assert_int_equal(c.result.fail.code, FAIL_DEADLINE);
		kit_call_finish(&c);
		clock_virtual_stop();
	}
	k->mine = NULL;
}

OP(op_times)
{
	const davit_host_core_1 *core = kit_of(inst)->core;
	int64_t left = core->deadline_ms(call) - core->mono_ms(call);

	(void)request;
	if (left <= 0 || left > 30000 || core->now_ms(call) < 1600000000000)
		return DAVIT_PERMANENT;
	if (core->cancelled(call) != 0 || core->sleep_ms(call, -1) != DAVIT_OK ||
		core->sleep_ms(call, 3) != DAVIT_OK)
		return DAVIT_PERMANENT;
	return core->reply_state(call, 1, 0, kit_buf("{}"));
}

static void a_call_sees_its_times(void **state)
{
	struct kit *k = *state;
	struct kit_call c;

	kit_run(k, &c, op_times);
	assert_int_equal(c.result.code, DAVIT_OK);
	kit_call_finish(&c);
}

/* How often the word is in the log. */
static size_t times_logged(const char *word)
{
	char *text = log_recent();
	size_t n = 0;

	for (const char *p = text; p != NULL && (p = strstr(p, word)) != NULL; p++)
		n++;
	free(text);
	return n;
}

static bool overrun_is_logged(void *ctx)
{
	return times_logged("CALL-OVERRUN") > *(size_t *)ctx;
}

static void a_call_that_overruns_is_told_of_once_and_still_awaited(void **state)
{
	struct kit *k = *state;
	struct gate gate = {0};
	struct call_spec spec = kit_spec(k, DAVIT_TRAINING, "poll");
	size_t before = times_logged("CALL-OVERRUN");
	struct kit_call c;

	clock_virtual_start(5000000, 1000);
	k->mine = &gate;
	k->training.poll = op_gate; /* hears nothing */
	spec.timeout_ms = 500;
	kit_start(k, &c, spec);
	assert_true(scratch_await(one_is_inside, &gate, KIT_WAIT_MS));
	clock_advance(500 + CALL_OVERRUN_MS);
	assert_true(scratch_await(overrun_is_logged, &before, KIT_WAIT_MS));
	clock_advance(100000);
	assert_false(kit_ended(&c));
	atomic_store(&gate.open, true);
	kit_await(&c);
	assert_int_equal(c.result.code, DAVIT_OK);
	assert_int_equal(times_logged("CALL-OVERRUN"), before + 1);
	assert_true(times_logged("provider=kit slot=davit.training.poll runs") > 0);
	kit_call_finish(&c);
	clock_virtual_stop();
}

/* --- closing --- */

static void closing_refuses_what_is_new_and_stops_what_sleeps(void **state)
{
	struct kit k;
	struct gate gate = {0};
	struct call_spec spec;
	struct fail f = {0};
	struct kit_call c;

	(void)state;
	kit_open(&k, false);
	k.mine = &gate;
	k.training.poll = op_sleep;
	spec = kit_spec(&k, DAVIT_TRAINING, "poll");
	kit_start(&k, &c, spec);
	assert_true(scratch_await(one_is_inside, &gate, KIT_WAIT_MS));
	assert_true(call_table_close(&k.ps->calls, 0));
	call_table_finish(&k.ps->calls);
	kit_await(&c);
	assert_int_equal(c.result.code, DAVIT_CANCELLED);
	call_result_finish(&c.result);
	assert_int_equal(c.times, 1);
	/* The rest as kit_close(), with a table that can be closed again. */
	assert_true(call_table_open(&k.ps->calls, k.ps, &f));
	assert_false(call_start(&spec, NULL, &f));
	assert_int_equal(f.code, FAIL_UNAVAILABLE);
	kit_close(&k);
}

/* --- which thread --- */

struct stranger {
	struct kit *k;
	davit_call call;
	int32_t codes[5];
	uint32_t cancelled;
	void *memory;
};

static void be_a_stranger(void *arg)
{
	struct stranger *s = arg;
	davit_buf value;

	s->codes[0] = s->k->core->reply(s->call, kit_buf("{}"));
	s->codes[1] = s->k->kv->put(s->call, kit_buf("k"), kit_buf("1"));
	s->codes[2] = s->k->kv->list(s->call, kit_buf(""), kit_buf(""), 0, &value);
	s->codes[3] = s->k->core->sleep_ms(s->call, 1);
	s->codes[4] = (s->k->core->fail)(s->call, DAVIT_AUTH, kit_buf("x"), kit_buf(""));
	s->cancelled = s->k->core->cancelled(s->call);
	s->memory = s->k->core->arena(s->call, 16);
	s->k->core->log(s->call, DAVIT_LOG_ERROR, kit_buf("stranger"));
}

OP(op_with_stranger)
{
	struct kit *k = kit_of(inst);
	struct stranger *s = k->mine;
	struct thread t;

	(void)request;
	s->k = k;
	s->call = call;
	if (!thread_start(&t, "stranger", 0, be_a_stranger, s, NULL))
		return DAVIT_PERMANENT;
	thread_join(&t);
	return k->core->reply_state(call, 1, 0, kit_buf("{}"));
}

static void services_work_on_the_thread_of_the_call_only(void **state)
{
	struct kit *k = *state;
	struct stranger s = {0};
	size_t before = times_logged("stranger");
	struct kit_call c;

	k->mine = &s;
	kit_run(k, &c, op_with_stranger);
	assert_int_equal(c.result.code, DAVIT_OK);
	for (size_t i = 0; i < COUNT(s.codes); i++)
		assert_int_equal(s.codes[i], DAVIT_INVALID);
	assert_int_equal(s.cancelled, 1);
	assert_null(s.memory);
	assert_int_equal(times_logged("stranger"), before);
	kit_call_finish(&c);
}

OP(op_logs_much)
{
	const davit_host_core_1 *core = kit_of(inst)->core;

	(void)request;
	for (int i = 0; i < CALL_LINES_MAX + 50; i++)
		core->log(call, 77, kit_buf("noise"));
	return core->reply_state(call, 1, 0, kit_buf("{}"));
}

static void one_call_cannot_fill_the_log(void **state)
{
	struct kit *k = *state;
	struct kit_call c;
	size_t before = times_logged("noise");

	kit_run(k, &c, op_logs_much);
	assert_int_equal(times_logged("noise") - before, CALL_LINES_MAX);
	assert_int_equal(times_logged("no more lines of this call"), 1);
	kit_call_finish(&c);
}

/* Many at once, started and cancelled from several threads: for TSan. */
static void drive(void *arg)
{
	struct kit *k = arg;

	for (int i = 0; i < 40; i++) {
		struct call_spec spec = kit_spec(k, DAVIT_TRAINING, "poll");
		struct kit_call c;

		spec.job_lane = i % 2 == 0;
		kit_start(k, &c, spec);
		call_cancel(k->ps, c.handle);
		kit_await(&c);
		assert_true(c.result.code == DAVIT_OK || c.result.code == DAVIT_CANCELLED);
		kit_call_finish(&c);
	}
}

OP(op_short_sleep)
{
	const davit_host_core_1 *core = kit_of(inst)->core;
	int32_t code = core->sleep_ms(call, 1);

	(void)request;
	return code != DAVIT_OK ? code : core->reply_state(call, 1, 0, kit_buf("{}"));
}

static void many_calls_at_once_each_end_once(void **state)
{
	struct kit *k = *state;
	struct thread threads[6];

	k->training.poll = op_short_sleep;
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_true(thread_start(&threads[i], "driver", 0, drive, k, NULL));
	for (size_t i = 0; i < COUNT(threads); i++)
		thread_join(&threads[i]);
	assert_true(scratch_await(none_is_alive, k, KIT_WAIT_MS));
}

static int open_kit(void **state)
{
	static struct kit k;

	kit_open(&k, false);
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
		cmocka_unit_test(a_state_comes_back_with_its_parts),
		cmocka_unit_test(an_unknown_state_is_taken_for_running),
		cmocka_unit_test(the_request_arrives_as_it_was_given),
		cmocka_unit_test(validate_and_cancel_need_no_answer),
		cmocka_unit_test(each_code_becomes_its_class_with_text_and_details),
		cmocka_unit_test(a_pause_is_neither_none_nor_for_ever),
		cmocka_unit_test(the_returned_code_counts_more_than_an_answer),
		cmocka_unit_test(a_broken_contract_is_a_provider_error_that_says_which),
		cmocka_unit_test(each_lane_holds_max_calls_and_says_when_to_come_back),
		cmocka_unit_test(functions_keep_no_request_out),
		cmocka_unit_test(hundreds_of_calls_may_run_at_once),
		cmocka_unit_test(an_eighth_of_all_places_is_for_jobs),
		cmocka_unit_test(a_call_that_may_wait_starts_in_the_place_of_one_that_ends),
		cmocka_unit_test(a_call_that_waits_too_long_is_told_to_come_back),
		cmocka_unit_test(a_call_whose_reader_left_while_it_waited_never_starts),
		cmocka_unit_test(who_waits_is_refused_when_the_daemon_ends),
		cmocka_unit_test(done_may_start_the_next_call_in_the_place_of_this_one),
		cmocka_unit_test(a_slot_that_is_not_there_is_refused_before_it_starts),
		cmocka_unit_test(a_cancel_wakes_a_call_that_sleeps),
		cmocka_unit_test(the_deadline_ends_a_sleep_and_is_told_as_such),
		cmocka_unit_test(a_call_sees_its_times),
		cmocka_unit_test(a_call_that_overruns_is_told_of_once_and_still_awaited),
		cmocka_unit_test(closing_refuses_what_is_new_and_stops_what_sleeps),
		cmocka_unit_test(services_work_on_the_thread_of_the_call_only),
		cmocka_unit_test(one_call_cannot_fill_the_log),
		cmocka_unit_test(many_calls_at_once_each_end_once),
	};

	return cmocka_run_group_tests(tests, open_kit, close_kit);
}
