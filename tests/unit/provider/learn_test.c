/* What the sources of secrets have is hidden, whoever opened it. */
#include "provider/learn.h"

#include <davit/provider.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "config/config.h"
#include "provider/internal.h"
#include "provider/services.h"
#include "secret/redact.h"
#include "unit/cmocka.h"
#include "unit/provider/kit.h"

#define OP(name)                                                                                   \
	static int32_t DAVIT_CALL name(davit_instance inst, davit_call call, davit_buf request)

static const davit_host_secret_1 *const secret = &service_secret;

#define MANIFEST                                                                                     \
	"{\"secrets\":{"                                                                             \
	"\"file\":[\"file:${LEARN_DIR}/key\"],"                                                      \
	"\"chain\":[\"connection:value\",\"env:LEARN_TEST\",\"ini:${LEARN_DIR}/ini#a.b\",\"kept\"]," \
	"\"inner\":[\"json:${LEARN_DIR}/json#/a/b\"],"                                               \
	"\"account\":[\"file:${LEARN_DIR}/json\"],"                                                  \
	"\"role\":[\"ini:${LEARN_DIR}/ini#a.role\"],\"absent\":[\"exec:@nothing\"],"                 \
	"\"program\":[\"env:NO_SUCH\",\"exec:/bin/echo the value of a program\"],"                   \
	"\"spared\":[\"env:LEARN_TEST\",\"exec:/bin/echo not asked for\"]},"                         \
	"\"plain\":[\"role\"]}"

static void put(const struct kit *k, const char *name, const char *text)
{
	char path[SCRATCH_SIZE + 32];
	FILE *out;

	(void)snprintf(path, sizeof(path), "%s/%s", k->folder, name);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, strlen(text), out), strlen(text));
	assert_int_equal(fclose(out), 0);
}

static int setup(void **state)
{
	static struct kit k;

	kit_open(&k, false);
	k.entry.allow_exec = true;
	json_decref(k.p->manifest);
	k.p->manifest = json_loads(MANIFEST, 0, NULL);
	assert_non_null(k.p->manifest);
	assert_int_equal(setenv("LEARN_DIR", k.folder, 1), 0);
	assert_int_equal(setenv("LEARN_TEST", "the value of a variable", 1), 0);
	put(&k, "key", "the value of a file\n");
	put(&k, "ini", "[a]\nb = the value of an ini\nrole = the name of a role\n");
	put(&k, "json", "{\"a\":{\"b\":\"the value of a json\"},\"private_key\":\"a key in it\"}");
	redact_forget();
	*state = &k;
	return 0;
}

static int teardown(void **state)
{
	kit_close(*state);
	return 0;
}

static bool hidden(const char *value)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "%s", value);
	(void)redact_text(text, strlen(text), false);
	if (strcmp(text, "***") != 0 && strcmp(text, value) != 0)
		fail_msg("half of it: %s", text);
	return strcmp(text, "***") == 0;
}

static void all_sources_are_hidden_before_a_call_opens_them(void **state)
{
	static const char *const values[] = {"the value of a variable", "the value of a file",
		"the value of an ini", "the value of a json", "a key in it"};
	struct kit *k = *state;

	for (size_t i = 0; i < COUNT(values); i++)
		assert_false(hidden(values[i]));
	learn_at_start(k->p);
	for (size_t i = 0; i < COUNT(values); i++) {
		if (!hidden(values[i]))
			fail_msg("%s", values[i]);
	}
	assert_false(hidden("the value of a program"));
	assert_false(hidden("the name of a role"));
}

static void connections_of_the_site_are_hidden_where_the_provider_serves_them(void **state)
{
	static char kit[] = "kit", other[] = "other", type[] = "TYPE";
	struct kit *k = *state;
	struct config_connection all[] = {
		{.provider = kit, .details = json_pack("{s:s}", "value", "one of this provider")},
		{.provider = other, .details = json_pack("{s:s}", "value", "one of another")},
		{.type = type, .details = json_pack("{s:s}", "value", "one of that type")},
		{.type = other, .details = json_pack("{s:s}", "value", "one of another type")},
	};

	k->config.connections = all;
	k->config.connection_count = COUNT(all);
	json_object_set_new(k->p->manifest, "connection_types", json_pack("[s]", type));
	learn_at_start(k->p);
	assert_true(hidden("one of this provider"));
	assert_true(hidden("one of that type"));
	assert_false(hidden("one of another"));
	assert_false(hidden("one of another type"));
	for (size_t i = 0; i < COUNT(all); i++)
		json_decref(all[i].details);
}

/* --- calls --- */

/* A slot with a connection of the site, or a caller's (name NULL). */
static void run(struct kit *k, const char *slot, davit_op op, const char *name, const char *value)
{
	struct call_spec spec = kit_spec(k, DAVIT_TRAINING, slot);
	struct kit_call c;

	k->training.poll = op;
	k->training.logs = op;
	spec.connection = name;
	spec.request = json_pack("{s:{s:s}}", "connection", "value", value);
	kit_start(k, &c, spec);
	kit_await(&c);
	if (c.result.code != DAVIT_OK)
		fail_msg("code %d: %s", c.result.code, c.result.fail.text);
	kit_call_finish(&c);
}

static int32_t finish(struct kit *k, davit_call call, bool ok)
{
	return ok ? k->core->reply_state(call, 1, 0, kit_buf("{}")) : DAVIT_PERMANENT;
}

OP(op_keeps)
{
	davit_secret s = 0;

	(void)request;
	return finish(kit_of(inst), call,
		secret->mint(call, kit_buf("kept over a restart"), &s) == DAVIT_OK &&
			secret->keep(call, kit_buf("chain"), s, 0) == DAVIT_OK);
}

OP(op_keeps_for_a_moment)
{
	davit_secret s = 0;

	(void)request;
	return finish(kit_of(inst), call,
		secret->mint(call, kit_buf("kept and expired"), &s) == DAVIT_OK &&
			secret->keep(call, kit_buf("chain"), s, 1) == DAVIT_OK);
}

static void what_is_kept_is_hidden_after_a_restart(void **state)
{
	struct kit *k = *state;

	run(k, "poll", op_keeps, "one", "x");
	run(k, "poll", op_keeps_for_a_moment, "two", "x");
	redact_forget();
	assert_false(hidden("kept over a restart"));
	learn_at_start(k->p);
	assert_true(hidden("kept over a restart"));
	assert_true(hidden("kept and expired"));
}

OP(op_looks)
{
	(void)request;
	return finish(kit_of(inst), call,
		hidden("the second content") && hidden("Pa55wrd!") &&
			hidden("the value of a program") && hidden("the site's own value"));
}

static void a_log_is_shown_without_what_sources_have_by_then(void **state)
{
	struct kit *k = *state;

	learn_at_start(k->p);
	put(k, "key", "the second content\n");
	put(k, "ini", "[a]\nb = Pa55wrd!\n");
	run(k, "logs", op_looks, "one", "the site's own value");
	assert_true(hidden("the value of a file")); /* a job may have printed it before */
	assert_true(hidden("the second content"));
	assert_false(hidden("Pa55wrd!")); /* too short to be hidden from others */
	assert_false(hidden("not asked for"));
	assert_int_equal(atomic_load(&k->p->programs_asked), 1 << 6);
}

OP(op_does_nothing)
{
	(void)request;
	return finish(kit_of(inst), call, true);
}

static void no_log_waits_for_a_program_that_just_failed(void **state)
{
	struct kit *k = *state;
	json_t *sources = json_pack("[s]", "exec:/bin/false");

	json_object_set_new(json_object_get(k->p->manifest, "secrets"), "file", sources);
	run(k, "logs", op_does_nothing, "one", "x");
	assert_int_equal(atomic_load(&k->p->programs_asked), 0);
	assert_false(hidden("the value of a program")); /* it comes behind the one that failed */
	atomic_store(&k->p->programs_again, 0);
	json_object_del(json_object_get(k->p->manifest, "secrets"), "file");
	run(k, "logs", op_does_nothing, "one", "x");
	assert_true(hidden("the value of a program"));
}

OP(op_looks_as_a_caller)
{
	(void)request;
	return finish(
		kit_of(inst), call, !hidden("the second content") && hidden("of the caller alone"));
}

static void a_caller_learns_nothing_of_the_site_by_stars(void **state)
{
	struct kit *k = *state;

	put(k, "key", "the second content\n");
	run(k, "logs", op_looks_as_a_caller, NULL, "of the caller alone");
	assert_false(hidden("of the caller alone"));
}

OP(op_mints_many)
{
	char other[48];
	bool ok = true;

	(void)request;
	for (int i = 0; ok && i < 1000; i++) {
		davit_secret s = 0;

		(void)snprintf(other, sizeof(other), "minted by %llx, number %d",
			(unsigned long long)call, i);
		ok = secret->mint(call, kit_buf(other), &s) == DAVIT_OK;
	}
	return finish(kit_of(inst), call, ok);
}

OP(op_opens_a_file)
{
	davit_secret s = 0;

	(void)request;
	return finish(kit_of(inst), call, secret->open(call, kit_buf("file"), &s) == DAVIT_OK);
}

static void what_was_opened_outlives_what_is_minted(void **state)
{
	struct kit *k = *state;

	run(k, "poll", op_opens_a_file, "one", "x");
	for (int i = 0; i < 10; i++)
		run(k, "poll", op_mints_many, "one", "x");
	assert_true(hidden("the value of a file"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_sources_are_hidden_before_a_call_opens_them),
		TEST(connections_of_the_site_are_hidden_where_the_provider_serves_them),
		TEST(what_is_kept_is_hidden_after_a_restart),
		TEST(a_log_is_shown_without_what_sources_have_by_then),
		TEST(no_log_waits_for_a_program_that_just_failed),
		TEST(a_caller_learns_nothing_of_the_site_by_stars),
		TEST(what_was_opened_outlives_what_is_minted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
