/* When it is looked for strays, and what is shown of what was found. */
#include "jobs/strays.h"

#include <davit/abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "unit/jobs/fake_provider.h"
#include "unit/jobs/tracker_kit.h"

#define HOUR_MS 3600000
#define LOST    "0000000000000000000000a1"

struct place {
	struct fixture *x;
	struct strays *strays;
	char list[512]; /* what the provider answers */
};

/* The list has the object LOST, and that of a job of ours. */
static struct place *open_place(struct fixture *x, int64_t sweep_hours)
{
	struct place *p = calloc(1, sizeof(*p));
	struct ticket t = train(x);
	const char *site = store_site(x->store);

	assert_non_null(p);
	p->x = x;
	await_state(x, t.id, JOB_RUNNING);
	(void)snprintf(p->list, sizeof(p->list),
		"{\"items\":[{\"id\":\"o\",\"label\":\"%s-%s\"},{\"id\":\"lost\",\"label\":\"%s-%s\","
		"\"created\":1600000000000},{\"id\":\"bare\"}]}",
		site, t.id, site, LOST);
	fake_list(p->list);
	x->config.sweep_hours = sweep_hours;
	return p;
}

static void begin(struct place *p)
{
	static int anything;
	struct strays_options options = {.store = p->x->store,
		.providers = (struct providers *)&anything,
		.tracker = p->x->tracker,
		.config = &p->x->config};
	struct fail f = {0};

	p->strays = strays_start(&options, &f);
	assert_non_null(p->strays);
}

static void close_place(struct place *p)
{
	strays_stop(p->strays);
	strays_free(p->strays);
	free(p);
}

static struct strays_report report_of(struct place *p)
{
	struct strays_report report = {0};
	struct fail f = {0};

	assert_true(strays_report(p->strays, &report, &f));
	json_decref(report.not_listed);
	report.not_listed = NULL;
	return report;
}

static size_t missed(struct place *p)
{
	struct strays_report report = {0};
	struct fail f = {0};
	size_t n;

	assert_true(strays_report(p->strays, &report, &f));
	n = json_array_size(report.not_listed);
	strays_report_finish(&report);
	return n;
}

static void await_sweep(struct place *p, int64_t number)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (report_of(p).number >= number)
			return;
		let_time_pass();
	}
	fail_msg("no sweep number %d", (int)number);
}

static int64_t wish(struct place *p)
{
	struct fail f = {0};
	int64_t number = 0;

	assert_true(strays_sweep(p->strays, false, &number, &f));
	return number;
}

static bool is_shown(struct place *p, const char *id)
{
	struct stray stray = {0};
	struct fail f = {0};
	bool is = strays_find(p->strays, id, &stray, &f);

	stray_finish(&stray);
	return is;
}

static void what_has_our_label_and_no_job_is_shown(void **state)
{
	struct place *p = open_place(*state, 0);
	struct stray stray = {0};
	struct fail f = {0};

	begin(p);
	await_sweep(p, wish(p));
	assert_int_equal(report_of(p).objects, 3);
	assert_int_equal(report_of(p).strays, 1);
	assert_true(strays_find(p->strays, LOST, &stray, &f));
	assert_string_equal(stray.object, "lost");
	assert_string_equal(stray.provider, "p");
	assert_int_equal(stray.created_ms, INT64_C(1600000000000));
	stray_finish(&stray);
	close_place(p);
}

/* The provider calls the object of a job by the id of its submission. */
static void the_second_object_of_a_job_is_shown(void **state)
{
	struct place *p = open_place(*state, 0);
	const char *site = store_site(p->x->store);
	struct ticket t = train(p->x);
	struct strays_report report;

	await_state(p->x, t.id, JOB_RUNNING);
	(void)snprintf(p->list, sizeof(p->list),
		"{\"items\":[{\"id\":\"late\",\"label\":\"%s-%s\"},{\"id\":\"%s\",\"label\":\"%s-%s\"}]}",
		site, t.id, t.id, site, t.id);
	begin(p);
	await_sweep(p, wish(p));
	report = report_of(p);
	assert_int_equal(report.strays, 1);
	assert_false(is_shown(p, t.id)); /* which is how the job is called */
	fake_fault("list", DAVIT_PERMANENT, 1, false);
	await_sweep(p, wish(p));
	assert_int_equal(report_of(p).strays, 1); /* kept, as it could not be looked */
	close_place(p);
}

static void it_is_looked_after_the_start_and_then_at_times(void **state)
{
	struct place *p = open_place(*state, 2);

	begin(p);
	await_sweep(p, 1);
	clock_advance(HOUR_MS);
	assert_int_equal(report_of(p).number, 1);
	clock_advance(HOUR_MS);
	await_sweep(p, 2);
	assert_int_equal(fake_calls("list"), 2);
	close_place(p);
}

static void nobody_looks_by_himself_where_the_site_does_not_want_it(void **state)
{
	struct place *p = open_place(*state, 0);

	begin(p);
	for (int i = 0; i < 20; i++) {
		clock_advance(100 * (int64_t)HOUR_MS);
		let_time_pass();
	}
	assert_int_equal(fake_calls("list"), 0);
	await_sweep(p, wish(p));
	close_place(p);
}

static void a_wish_while_it_is_looked_is_for_a_look_of_its_own(void **state)
{
	struct place *p = open_place(*state, 0);
	int64_t first, second;

	begin(p);
	fake_hold("list");
	first = wish(p);
	while (!fake_held())
		let_time_pass();
	second = wish(p);
	assert_int_equal(second, first + 1);
	assert_int_equal(wish(p), second); /* one for all who wish */
	strays_stop(p->strays);
	assert_true(fake_was_cancelled());
	strays_free(p->strays);
	free(p);
}

static void a_list_that_is_none_shows_none_and_takes_none_away(void **state)
{
	struct place *p = open_place(*state, 0);

	begin(p);
	fake_fault("list", DAVIT_PERMANENT, 1, false);
	await_sweep(p, wish(p));
	assert_int_equal(missed(p), 1);
	assert_false(is_shown(p, LOST));
	await_sweep(p, wish(p));
	assert_int_equal(missed(p), 0);
	assert_true(is_shown(p, LOST));
	fake_list("{\"things\":[]}");
	await_sweep(p, wish(p));
	assert_int_equal(missed(p), 1);
	assert_true(is_shown(p, LOST));
	fake_list("{\"items\":[{\"label\":7},7,null,{\"id\":7}]}");
	await_sweep(p, wish(p));
	assert_int_equal(missed(p), 0);
	assert_false(is_shown(p, LOST));
	close_place(p);
}

static void a_provider_that_asks_for_a_pause_gets_it(void **state)
{
	struct place *p = open_place(*state, 0);

	begin(p);
	fake_fault("list", DAVIT_THROTTLED, 3, false);
	await_sweep(p, wish(p));
	assert_int_equal(missed(p), 0);
	assert_int_equal(fake_calls("list"), 4);
	assert_true(is_shown(p, LOST));
	close_place(p);
}

static void what_is_dealt_with_is_shown_no_more(void **state)
{
	struct place *p = open_place(*state, 0);
	struct stray stray = {0};
	struct fail f = {0};

	begin(p);
	await_sweep(p, wish(p));
	assert_true(strays_find(p->strays, LOST, &stray, &f));
	strays_gone(p->strays, &stray);
	assert_false(is_shown(p, LOST));
	stray_finish(&stray);
	close_place(p);
}

static json_t *adopted_request(void)
{
	return json_pack("{s:b, s:{}}", "adopted", 1, "spec");
}

static void an_adopted_stray_is_found_and_never_submitted(void **state)
{
	struct fixture *x = *state;
	json_t *request = adopted_request();
	const struct job_order o = {.provider = "p",
		.interface = "davit.training",
		.kind = "train",
		.id = LOST,
		.request = request,
		.adopt = "lost"};
	struct ticket ticket = {0};

	fake_absent(true);
	restart(x); /* its provider is not there at first */
	tracker_submit(x->tracker, &o, accepted, &ticket);
	await_flag(&ticket.done);
	assert_string_equal(ticket.id, LOST);
	await_state(x, LOST, JOB_ORPHANED);
	fake_absent(false);
	restart(x);
	await_state(x, LOST, JOB_NEEDS_DECISION); /* there is no such object */
	assert_int_equal(fake_calls("submit"), 0);
	assert_true(fake_calls("find") > 0);
	json_decref(request);
}

static void an_adoption_that_cannot_be_looked_at_asks_again(void **state)
{
	static const int32_t codes[] = {DAVIT_AUTH, DAVIT_QUOTA, DAVIT_THROTTLED, DAVIT_INTERNAL};

	for (size_t i = 0; i < COUNT(codes); i++) {
		json_t *request = adopted_request();
		const struct job_order o = {.provider = "p",
			.interface = "davit.training",
			.kind = "train",
			.id = LOST,
			.request = request,
			.adopt = "not ours"};
		struct ticket ticket = {0};

		if (i > 0) {
			assert_int_equal(tear_down(state), 0);
			assert_int_equal(set_up(state), 0);
		}
		fake_fault("find", codes[i], 1000000, false);
		tracker_submit(((struct fixture *)*state)->tracker, &o, accepted, &ticket);
		await_flag(&ticket.done);
		await_state(*state, LOST, JOB_NEEDS_DECISION);
		assert_in_range(fake_calls("find"), 1, i < 2 ? 1 : 20);
		json_decref(request);
	}
}

static struct ticket adoption(struct fixture *x, const char *id)
{
	json_t *request = adopted_request();
	const struct job_order o = {.provider = "p",
		.interface = "davit.training",
		.kind = "train",
		.id = id,
		.request = request,
		.adopt = "one"};
	struct ticket ticket = {0};

	tracker_submit(x->tracker, &o, accepted, &ticket);
	await_flag(&ticket.done);
	json_decref(request);
	return ticket;
}

/* An object is made as it is looked for, and none is found before all are as they are to be. */
static void hide_objects(void)
{
	fake_fault("find", DAVIT_RETRY, 1000000, true);
}

static void await_objects(unsigned want)
{
	for (int i = 0; i < ROUNDS && fake_objects() < want; i++)
		let_time_pass();
	assert_int_equal(fake_objects(), want);
}

static void show_objects(void)
{
	fake_fault("find", DAVIT_OK, 0, false);
}

static void an_object_is_adopted_once(void **state)
{
	static const char other[] = "1hf7yat00wr5ytd1h6ymqvb4";
	static const char one[] = "{\"ref\":{\"v\":1},\"id\":\"one\"}";
	struct fixture *x = *state;
	struct job job;
	int decided = 0;
	bool first;

	hide_objects();
	adoption(x, LOST);
	adoption(x, other);
	await_objects(2);
	fake_end(LOST, DAVIT_STATE_RUNNING, one);
	fake_end(other, DAVIT_STATE_RUNNING, one);
	show_objects();
	for (int i = 0; i < ROUNDS && decided < 2; i++) {
		let_time_pass();
		decided = (status_of(x, LOST).state != JOB_RECOVERING) +
		          (status_of(x, other).state != JOB_RECOVERING);
	}
	first = status_of(x, LOST).state == JOB_RUNNING;
	assert_int_equal(status_of(x, first ? LOST : other).state, JOB_RUNNING);
	assert_int_equal(status_of(x, first ? other : LOST).state, JOB_NEEDS_DECISION);
	job = job_of(x, first ? other : LOST);
	assert_non_null(strstr(job.error, first ? LOST : other));
	job_finish(&job);
}

static void an_object_has_its_job_whatever_else_has_its_name(void **state)
{
	static const char other[] = "1hf7yat00wr5ytd1h6ymqvb4";
	static const char one[] = "{\"ref\":{\"v\":1},\"id\":\"one\"}";
	struct fixture *x = *state;
	struct ticket namesake;

	hide_objects();
	adoption(x, LOST);
	await_objects(1);
	fake_end(LOST, DAVIT_STATE_SUCCEEDED, one);
	show_objects();
	await_state(x, LOST, JOB_SUCCEEDED);
	namesake = order(x, "davit.models", 0);
	await_state(x, namesake.id, JOB_RUNNING);
	fake_end(namesake.id, DAVIT_STATE_SUCCEEDED, one);
	await_state(x, namesake.id, JOB_SUCCEEDED);
	hide_objects();
	adoption(x, other);
	await_objects(3);
	fake_end(other, DAVIT_STATE_RUNNING, one);
	show_objects();
	await_state(x, other, JOB_NEEDS_DECISION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_has_our_label_and_no_job_is_shown),
		TEST(the_second_object_of_a_job_is_shown),
		TEST(it_is_looked_after_the_start_and_then_at_times),
		TEST(nobody_looks_by_himself_where_the_site_does_not_want_it),
		TEST(a_wish_while_it_is_looked_is_for_a_look_of_its_own),
		TEST(a_list_that_is_none_shows_none_and_takes_none_away),
		TEST(a_provider_that_asks_for_a_pause_gets_it),
		TEST(what_is_dealt_with_is_shown_no_more),
		TEST(an_adopted_stray_is_found_and_never_submitted),
		TEST(an_object_is_adopted_once),
		TEST(an_object_has_its_job_whatever_else_has_its_name),
		TEST(an_adoption_that_cannot_be_looked_at_asks_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
