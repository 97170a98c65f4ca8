/* Python environments: built once by content, waited for, left, named and deleted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "unit/cmocka.h"
#include "unit/local/kit.h"

static json_t *spec_with(json_t *requirements)
{
	json_t *spec = json_pack("{s:s, s:{s:s}}", "name", "digits", "script", "text", "fit()");

	assert_int_equal(json_object_set_new(spec, "requirements", requirements), 0);
	return spec;
}

static int32_t submit(struct mock *m, int n, const char *requirements)
{
	return kit_job(m, DAVIT_TRAINING, "submit", "train", kit_id(n), NULL,
		spec_with(json_string(requirements)));
}

static int32_t ask(struct mock *m, const char *slot, int n)
{
	return mock_run(m, DAVIT_TRAINING, slot,
		json_pack("{s:{}, s:s, s:s, s:s, s:{s:i, s:s}}", "connection", "kind", "train",
			"id", kit_id(n), "submission_id", kit_id(n), "ref", "v", 1, "id",
			kit_id(n)));
}

/* The one process that builds; the test fails where there is another number of them. */
static struct mock_process *builder(struct mock *m)
{
	struct mock_process *found = NULL;

	for (size_t i = 0; i < MOCK_PROCESSES; i++) {
		if (strncmp(m->processes[i].name, "venv-", 5) != 0)
			continue;
		assert_null(found);
		found = &m->processes[i];
	}
	assert_non_null(found);
	return found;
}

static size_t keys_with(const struct mock *m, const char *prefix)
{
	const char *key;
	json_t *v;
	size_t n = 0;

	json_object_foreach(m->kv, key, v) n += strncmp(key, prefix, strlen(prefix)) == 0;
	return n;
}

static const char *input_text(const json_t *spec, const char *as)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(spec, "inputs"), i, v)
	{
		if (strcmp(kit_text(v, "/as"), as) == 0)
			return kit_text(v, "/text");
	}
	fail_msg("no input as %s", as);
	return NULL;
}

/* --- what is asked for --- */

static void lines_mean_the_same_however_they_are_written(void **state)
{
	static const char *const same[] = {
		"[\"a==1\", \"b\"]",
		"\"a==1\\nb\"",
		"\"# both\\r\\n  a==1\\t# one\\r\\n\\r\\nb\\r\\n\"",
		"\"a=\\\\\\n=1\\nb\"",
		"\"\\ufeffa==1\\nb\"",
		"{\"text\": \"a==1\\nb\\n\"}",
		"{\"path\": \"requirements.txt\"}",
	};
	struct mock *m = *state;

	mock_write(m->paths, "requirements.txt", "a==1\nb", 6);
	for (size_t i = 0; i < COUNT(same); i++) {
		json_t *v = json_loads(same[i], JSON_DECODE_ANY, NULL);

		assert_non_null(v);
		assert_int_equal(kit_job(m, DAVIT_TRAINING, "submit", "train", kit_id((int)i), NULL,
					 spec_with(v)),
			DAVIT_OK);
		assert_int_equal(m->state, DAVIT_STATE_PENDING);
		assert_string_equal(
			kit_text(m->reply, "/progress/text"), "installing 2 requirements: a==1, b");
		assert_string_equal(
			input_text(builder(m)->spec, "work/requirements.txt"), "a==1\nb\n");
		assert_int_equal(builder(m)->starts, 1);
	}
}

static void nothing_to_install_needs_no_environment(void **state)
{
	static const char *const empty[] = {"", "\n\n", "# later: numpy\n"};
	struct mock *m = *state;

	for (size_t i = 0; i < COUNT(empty); i++) {
		assert_int_equal(submit(m, (int)i, empty[i]), DAVIT_OK);
		assert_int_equal(m->state, DAVIT_STATE_RUNNING);
		assert_null(json_object_get(mock_process(m, kit_id((int)i))->spec, "prefix"));
	}
}

static void lines_that_lead_elsewhere_are_refused(void **state)
{
	static const char *const bad[] = {"-r base.txt", "a\n--requirement=x", "-c c.txt",
		"--constraint c", "-e .", "--editable .", "a\x01", "-rx", "--pre -r /x",
		"--pre\t-r /x", "--requirem /x", "--requirem=/x", "--edit /etc", "-f /etc",
		"--find-links=/etc", "--no-index", "a -r /x", "a ; os_name -r /x", "a \"-r\" /x",
		"--pre \"-r\" /x", "--pre=1", "--only-binary", "--only-binary=/x", "--no-binary -r",
		"--index-url /x", "--index-url=file:///x", "-i git+https://x", "-ihttps://x",
		"--extra-index-url https://x/'-r'", "a --pre", "--hash=sha256:00", "a --hash=-r",
		"/etc", "./x", "../x", ".", "x/y", "x.whl", "x.ZIP", "x.tar.gz[extra]", "x==1.zip",
		"x @ file:///etc/passwd", "x@/etc/passwd", "x @ x.zip", "file:///etc/passwd",
		"git+file:///x", "git+ssh://x", "x @ https://x -r /x", "x @ https://x y",
		"a ; os_name == 'x'\xe2\x80\xa8-r /x", "a # b\n\xc2\x85-r /x", "a\\\n -r /x", "~/x",
		"$HOME", "a $HOME"};
	struct mock *m = *state;

	for (size_t i = 0; i < COUNT(bad); i++) {
		if (kit_job(m, DAVIT_TRAINING, "validate", "train", kit_id(1), NULL,
			    spec_with(json_string(bad[i]))) != DAVIT_INVALID)
			fail_msg("%s was taken", bad[i]);
		assert_string_equal(m->fail_pointer, "/spec/requirements");
		assert_int_equal(submit(m, 1, bad[i]), DAVIT_INVALID);
	}
	assert_int_equal(mock_process_count(m), 0);
}

static void packages_with_all_that_names_them_are_taken(void **state)
{
	static const char *const good[] = {"numpy", "numpy==1.26.*",
		"a.b-c_d[x,y] >=1.0,!=1.3; python_version < '3.12' and os_name == \"posix\"",
		"numpy (>=1.0)", "a~=1.0+cpu", "a==1!2.0 --hash=sha256:0f --hash sha256:1e",
		"a<2 # -r x", "a===1.0", "a @ https://x.example/a-1.0.whl#sha256=00",
		"a[b]@http://x/a.zip ; os_name=='nt'", "https://x.example/a-1.0.tar.gz",
		"git+https://x.example/a.git@v1", "--pre",
		"--pre --only-binary=:all: --no-binary a,b", "--prefer-binary", "--require-hashes",
		"-i https://x.example/simple", "--extra-index-url=https://u:p@x.example/simple/"};
	struct mock *m = *state;

	for (size_t i = 0; i < COUNT(good); i++) {
		if (kit_job(m, DAVIT_TRAINING, "validate", "train", kit_id(1), NULL,
			    spec_with(json_string(good[i]))) != DAVIT_OK)
			fail_msg("%s: %s", good[i], m->fail_text);
	}
}

/* What may hold a password is on no command line. */
static void a_build_gets_the_sites_settings(void **state)
{
	struct mock *m = *state;
	const json_t *spec;

	mock_destroy(m);
	assert_int_equal(
		mock_create(m,
			"{\"python\": \"/opt/python\", \"environment\": {\"PROXY\": \"p\"}, "
			"\"limits\": {\"cpu_seconds\": 7}, \"pip\": {\"index_url\": \"i\", "
			"\"extra_index_urls\": [\"e\", \"f\"], \"find_links\": [\"/w x\", \"http://u:p@h/\"], "
			"\"no_index\": true}}"),
		DAVIT_OK);
	assert_int_equal(submit(m, 1, "a"), DAVIT_OK);
	spec = builder(m)->spec;
	assert_string_equal(kit_text(spec, "/argv/0"), "python3");
	assert_string_equal(kit_text(spec, "/argv/2"), "--no-index");
	assert_string_equal(kit_text(spec, "/argv/3"), "--find-links");
	assert_string_equal(kit_text(spec, "/argv/4"), "/w x");
	assert_int_equal(json_array_size(json_at(spec, "/argv")), 5);
	assert_string_equal(kit_text(spec, "/environment/PIP_INDEX_URL"), "i");
	assert_string_equal(kit_text(spec, "/environment/PIP_EXTRA_INDEX_URL"), "e f ");
	assert_string_equal(kit_text(spec, "/environment/PIP_FIND_LINKS"), "http://u:p@h/ ");
	assert_string_equal(kit_text(spec, "/environment/PROXY"), "p");
	assert_string_equal(kit_text(spec, "/programs/python3"), "/opt/python");
	assert_int_equal(kit_int(spec, "/limits/cpu_seconds"), 7);
	assert_non_null(strstr(input_text(spec, "work/build.py"), "import venv"));
}

/* --- waiting --- */

static void a_run_starts_when_its_packages_are_there(void **state)
{
	struct mock *m = *state;
	const json_t *spec;

	assert_int_equal(submit(m, 1, "a"), DAVIT_OK);
	assert_null(mock_process(m, kit_id(1)));
	assert_int_equal(ask(m, "poll", 1), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_PENDING);
	assert_int_equal(kit_get(m, DAVIT_TRAINING, kit_id(1)), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/state"), "PENDING");
	assert_string_equal(kit_text(m->reply, "/progress/text"), "installing 1 requirement: a");
	mock_write(builder(m)->files, "log", "Collecting a\n", 13);
	assert_int_equal(ask(m, "logs", 1), DAVIT_OK);
	assert_string_equal(m->bytes, "Collecting a\n");
	builder(m)->state = "exited";
	assert_int_equal(ask(m, "poll", 1), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_RUNNING);
	spec = mock_process(m, kit_id(1))->spec;
	assert_string_equal(kit_text(spec, "/prefix/process"), builder(m)->name);
	assert_string_equal(kit_text(spec, "/prefix/path"), "work/venv");
	assert_int_equal(keys_with(m, "waiting/") + keys_with(m, "environment-wait/"), 0);
	assert_int_equal(submit(m, 2, "a"), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_RUNNING);
	assert_int_equal(builder(m)->starts, 1);
}

/* A daemon that dies leaves one of these; each is found and goes on. */
static void a_crash_between_two_writes_loses_nothing(void **state)
{
	struct mock *m = *state;
	char key[64];

	snprintf(key, sizeof(key), "waiting/%s", kit_id(1));
	assert_int_equal(submit(m, 1, "a"), DAVIT_OK);
	builder(m)->state = "exited";
	/* before the record: nothing was begun */
	json_object_del(m->kv, key);
	assert_int_equal(ask(m, "find", 1), DAVIT_NOT_FOUND);
	assert_int_equal(submit(m, 1, "a"), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_RUNNING);
	assert_int_equal(mock_process(m, kit_id(1))->starts, 1);
	/* after the process, before its specification was cleared away */
	json_object_set_new(m->kv, key, json_pack("[i, {}]", 1));
	assert_int_equal(ask(m, "poll", 1), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_RUNNING);
	mock_process(m, kit_id(1))->state = "exited";
	assert_int_equal(ask(m, "remove", 1), DAVIT_OK);
	assert_int_equal(keys_with(m, "waiting/"), 0);
}

static void a_start_that_is_not_possible_now_is_tried_again(void **state)
{
	struct mock *m = *state;

	assert_int_equal(submit(m, 1, "a"), DAVIT_OK);
	builder(m)->state = "exited";
	m->start_code = DAVIT_RETRY;
	assert_int_equal(ask(m, "poll", 1), DAVIT_RETRY);
	assert_int_equal(ask(m, "find", 1), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_PENDING);
	assert_int_equal(ask(m, "poll", 1), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_RUNNING);
}

static void what_cannot_be_started_fails_for_good(void **state)
{
	struct mock *m = *state;

	assert_int_equal(submit(m, 1, "a"), DAVIT_OK);
	builder(m)->state = "exited";
	m->start_code = DAVIT_NOT_FOUND;
	assert_int_equal(ask(m, "poll", 1), DAVIT_NOT_FOUND);
	assert_int_equal(kit_get(m, DAVIT_TRAINING, kit_id(1)), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/state"), "FAILED");
	assert_non_null(strstr(kit_text(m->reply, "/error"), "could not be started"));
	assert_int_equal(ask(m, "poll", 1), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_FAILED);
}

static void an_environment_that_went_away_is_built_again(void **state)
{
	struct mock *m = *state;

	assert_int_equal(submit(m, 1, "a"), DAVIT_OK);
	json_decref(builder(m)->spec);
	*builder(m) = (struct mock_process){0};
	assert_int_equal(ask(m, "poll", 1), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_PENDING);
	assert_int_equal(builder(m)->starts, 1);
}

/* --- builds that do not end well --- */

static void a_failed_build_fails_who_waits_and_is_done_again(void **state)
{
	static const char said[] = "Looking\nERROR: No matching distribution found for a\n";
	struct mock *m = *state;

	assert_int_equal(submit(m, 1, "a"), DAVIT_OK);
	assert_int_equal(submit(m, 2, "a"), DAVIT_OK);
	mock_write(builder(m)->files, "log", said, strlen(said));
	builder(m)->exit_code = 1;
	builder(m)->state = "exited";
	for (int n = 1; n <= 2; n++) {
		assert_int_equal(ask(m, "poll", n), DAVIT_OK);
		assert_int_equal(m->state, DAVIT_STATE_FAILED);
		assert_string_equal(kit_text(m->reply, "/error"),
			"the Python environment could not be built: exit code 1: ERROR: No matching "
			"distribution found for a");
		assert_int_equal(kit_int(m->reply, "/reason/exit_code"), 1);
		assert_string_equal(kit_text(m->reply, "/reason/lines/0"), "Looking");
	}
	assert_int_equal(keys_with(m, "environment-wait/"), 0);
	assert_int_equal(submit(m, 3, "a"), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_PENDING);
	assert_null(builder(m)->state);
	assert_int_equal(ask(m, "poll", 1), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_FAILED);
	assert_int_equal(mock_run(m, DAVIT_TRAINING, "remove",
				 json_pack("{s:{}, s:s}", "connection", "id", kit_id(1))),
		DAVIT_OK);
	assert_int_equal(kit_get(m, DAVIT_TRAINING, kit_id(1)), DAVIT_NOT_FOUND);
}

static void a_build_that_the_machine_ended_is_done_again_three_times(void **state)
{
	struct mock *m = *state;

	assert_int_equal(submit(m, 1, "a"), DAVIT_OK);
	for (int i = 0; i < 3; i++) {
		builder(m)->state = i == 1 ? "exited" : "lost";
		builder(m)->interrupted = i == 1;
		builder(m)->signal = i == 1 ? 15 : 0;
		assert_int_equal(ask(m, "poll", 1), DAVIT_OK);
		assert_int_equal(m->state, DAVIT_STATE_PENDING);
		assert_null(builder(m)->state);
	}
	builder(m)->state = "lost";
	assert_int_equal(ask(m, "poll", 1), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_FAILED);
	assert_int_equal(submit(m, 2, "a"), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_PENDING);
	assert_int_equal(keys_with(m, "environment-lost/"), 0);
}

/* --- cancelling --- */

static void the_last_who_waits_stops_the_build(void **state)
{
	struct mock *m = *state;

	assert_int_equal(submit(m, 1, "a"), DAVIT_OK);
	assert_int_equal(submit(m, 2, "a"), DAVIT_OK);
	assert_int_equal(ask(m, "cancel", 1), DAVIT_OK);
	assert_int_equal(builder(m)->stops, 0);
	assert_int_equal(ask(m, "poll", 1), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_CANCELLED);
	assert_int_equal(ask(m, "cancel", 2), DAVIT_OK);
	assert_int_equal(builder(m)->stops, 1);
	assert_int_equal(ask(m, "cancel", 2), DAVIT_OK);
	assert_int_equal(ask(m, "find", 2), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_CANCELLED);
	assert_int_equal(mock_process_count(m), 1);
	assert_int_equal(submit(m, 3, "a"), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_PENDING);
	assert_null(builder(m)->state);
}

static void a_cancel_beside_other_changes_holds(void **state)
{
	struct mock *m = *state;

	assert_int_equal(submit(m, 1, "a"), DAVIT_OK);
	m->kv_intrusions = 2;
	assert_int_equal(ask(m, "cancel", 1), DAVIT_OK);
	builder(m)->state = "exited";
	builder(m)->cancelled = false;
	assert_int_equal(ask(m, "poll", 1), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_CANCELLED);
	assert_null(mock_process(m, kit_id(1)));
}

/* The process was started while the cancel was written. */
static void what_starts_during_its_cancel_is_stopped(void **state)
{
	struct mock *m = *state;
	json_t *record;
	char key[64];

	assert_int_equal(submit(m, 1, "a"), DAVIT_OK);
	builder(m)->state = "exited";
	assert_int_equal(ask(m, "poll", 1), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_RUNNING);
	snprintf(key, sizeof(key), "training/%s", kit_id(1));
	record = json_array_get(json_object_get(m->kv, key), 1);
	json_object_set_new(record, "ended", json_pack("{s:s}", "state", "CANCELLED"));
	assert_int_equal(ask(m, "poll", 1), DAVIT_OK);
	assert_int_equal(mock_process(m, kit_id(1))->stops, 1);
	assert_int_equal(ask(m, "poll", 1), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_CANCELLED);
}

static void who_waits_is_not_deleted(void **state)
{
	struct mock *m = *state;

	assert_int_equal(submit(m, 1, "a"), DAVIT_OK);
	assert_int_equal(ask(m, "remove", 1), DAVIT_CONFLICT);
	assert_non_null(strstr(m->fail_text, "is PENDING: cancel it"));
	assert_int_equal(ask(m, "cancel", 1), DAVIT_OK);
	assert_int_equal(ask(m, "remove", 1), DAVIT_OK);
	assert_int_equal(keys_with(m, "training/") + keys_with(m, "waiting/"), 0);
	assert_int_equal(ask(m, "remove", 1), DAVIT_NOT_FOUND);
}

/* --- names --- */

static size_t listed(struct mock *m)
{
	assert_int_equal(mock_run(m, DAVIT_ENVIRONMENTS, "list", json_object()), DAVIT_OK);
	return json_array_size(json_object_get(m->reply, "items"));
}

static void take_name(struct mock *m, const char *name)
{
	assert_int_equal(mock_run(m, DAVIT_ENVIRONMENTS, "remove",
				 json_pack("{s:{}, s:[s]}", "connection", "names", name)),
		DAVIT_OK);
}

static void an_environment_goes_with_its_last_name(void **state)
{
	struct mock *m = *state;

	assert_int_equal(submit(m, 1, "a"), DAVIT_OK);
	assert_int_equal(submit(m, 2, "b"), DAVIT_OK);
	assert_int_equal(listed(m), 1);
	assert_string_equal(kit_text(m->reply, "/items/0/name"), "script_venv_digits");
	take_name(m, "script_venv_other");
	assert_string_equal(kit_text(m->reply, "/not_found/0"), "script_venv_other");
	take_name(m, "script_venv_digits");
	assert_string_equal(kit_text(m->reply, "/deleted/0"), "script_venv_digits");
	assert_int_equal(listed(m), 0);
	assert_int_equal(mock_process_count(m), 2); /* jobs wait for both */
	assert_int_equal(ask(m, "cancel", 1), DAVIT_OK);
	assert_int_equal(listed(m), 0);
	assert_int_equal(mock_process_count(m), 1);
	builder(m)->state = "exited";
	assert_int_equal(ask(m, "poll", 2), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_RUNNING);
	assert_int_equal(listed(m), 0);
	assert_int_equal(mock_process_count(m), 2); /* it is used */
	mock_process(m, kit_id(2))->state = "exited";
	assert_int_equal(listed(m), 0);
	assert_int_equal(mock_process_count(m), 1);
	assert_int_equal(keys_with(m, "environment-"), 0);
}

static void a_name_that_is_wanted_again_stays(void **state)
{
	struct mock *m = *state;

	assert_int_equal(submit(m, 1, "a"), DAVIT_OK);
	builder(m)->state = "exited";
	assert_int_equal(ask(m, "poll", 1), DAVIT_OK);
	take_name(m, "script_venv_digits");
	assert_int_equal(keys_with(m, "environment-gone/"), 1);
	assert_int_equal(submit(m, 2, "a"), DAVIT_OK);
	assert_int_equal(keys_with(m, "environment-gone/"), 0);
	assert_int_equal(listed(m), 1);
	assert_int_equal(builder(m)->starts, 1);
}

#define ON_SITE(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_SITE(lines_mean_the_same_however_they_are_written),
		ON_SITE(nothing_to_install_needs_no_environment),
		ON_SITE(lines_that_lead_elsewhere_are_refused),
		ON_SITE(packages_with_all_that_names_them_are_taken),
		ON_SITE(a_build_gets_the_sites_settings),
		ON_SITE(a_run_starts_when_its_packages_are_there),
		ON_SITE(a_crash_between_two_writes_loses_nothing),
		ON_SITE(a_start_that_is_not_possible_now_is_tried_again),
		ON_SITE(what_cannot_be_started_fails_for_good),
		ON_SITE(an_environment_that_went_away_is_built_again),
		ON_SITE(a_failed_build_fails_who_waits_and_is_done_again),
		ON_SITE(a_build_that_the_machine_ended_is_done_again_three_times),
		ON_SITE(the_last_who_waits_stops_the_build),
		ON_SITE(a_cancel_beside_other_changes_holds),
		ON_SITE(what_starts_during_its_cancel_is_stopped),
		ON_SITE(who_waits_is_not_deleted),
		ON_SITE(an_environment_goes_with_its_last_name),
		ON_SITE(a_name_that_is_wanted_again_stays),
	};

	return cmocka_run_group_tests_name("local_environments", tests, NULL, NULL);
}
