/* From a configuration to loaded providers: what is loaded, refused, found and described. */
#include <davit/provider.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "config/config.h"
#include "provider/internal.h"
#include "store/blobs.h"
#include "store/store.h"
#include "support/scratch.h"
#include "unit/cmocka.h"
#include "unit/provider/file.h"
#include "unit/provider/kit.h"

#define ENTRIES_MAX 16

/* A site with a folder, a store and entries for providers. */
struct site {
	char folder[SCRATCH_SIZE];
	struct config config;
	struct config_provider entries[ENTRIES_MAX];
	char ids[ENTRIES_MAX][16];
	char plugins[ENTRIES_MAX][SCRATCH_SIZE];
	struct provider_host host;
	struct providers *ps;
};

static void site_open(struct site *s)
{
	static char probes[] = PROBES;
	struct fail f = {0};
	char target[SCRATCH_SIZE + 32];

	memset(s, 0, sizeof(*s));
	scratch_open(s->folder);
	s->config.data_dir = s->folder;
	s->config.provider_dir = probes;
	s->config.call_timeout_seconds = 30;
	s->config.max_threads = 256;
	s->config.max_waiting = 128;
	s->config.providers = s->entries;
	(void)snprintf(target, sizeof(target), "sqlite:%s/davit.db", s->folder);
	s->host.config = &s->config;
	s->host.store = store_open(target, &f);
	s->host.blobs = blobs_open(s->folder, &f);
	if (s->host.store == NULL || s->host.blobs == NULL)
		fail_msg("%s", f.text);
}

static struct config_provider *site_add(struct site *s, const char *id, const char *plugin)
{
	static char file[] = "providers.d/test.yaml";
	size_t n = s->config.provider_count++;

	assert_true(n < ENTRIES_MAX);
	(void)snprintf(s->ids[n], sizeof(s->ids[n]), "%s", id);
	(void)snprintf(s->plugins[n], sizeof(s->plugins[n]), "%s", plugin);
	s->entries[n] = (struct config_provider){
		.file = file,
		.id = s->ids[n],
		.plugin = s->plugins[n],
		.enabled = true,
		.max_running = 4,
		.max_calls = 8,
	};
	return &s->entries[n];
}

static void site_load(struct site *s)
{
	struct fail f = {0};

	s->ps = providers_open(&s->host, &f);
	if (s->ps == NULL)
		fail_msg("%s", f.text);
}

static void site_close(struct site *s)
{
	(void)providers_close(s->ps, KIT_WAIT_MS);
	blobs_close(s->host.blobs);
	store_close(s->host.store);
	for (size_t i = 0; i < s->config.provider_count; i++)
		json_decref(s->entries[i].settings);
	scratch_close(s->folder);
}

/* The member of the nth provider's description. */
static const char *described(const json_t *list, size_t n, const char *member)
{
	return json_text_or(json_array_get(list, n), member, "");
}

/* --- one that is good --- */

static void a_good_file_is_loaded_from_a_copy_of_its_bytes(void **state)
{
	struct site s;
	struct provider *p;
	struct file given, copy;
	struct stat st;
	char name[128];
	json_t *list;

	(void)state;
	site_open(&s);
	site_add(&s, "first", "good.so")->settings = json_pack("{s:i}", "depth", 2);
	site_load(&s);
	p = providers_find(s.ps, "first");
	assert_non_null(p);
	assert_string_equal(provider_id(p), "first");
	assert_string_equal(provider_version(p), "0.0.1");
	assert_ptr_equal(provider_config(p), &s.entries[0]);
	list = providers_describe(s.ps);
	assert_string_equal(described(list, 0, "state"), "loaded");
	assert_string_equal(described(list, 0, "plugin"), "probe");
	(void)snprintf(name, sizeof(name), "plugins/%s.so", described(list, 0, "sha256"));
	assert_int_equal(stat(scratch_path(s.folder, name), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0500);
	given = file_read(PROBES "good.so");
	copy = file_read(scratch_path(s.folder, name));
	assert_int_equal(given.n, copy.n);
	assert_memory_equal(given.bytes, copy.bytes, given.n);
	file_finish(&given);
	file_finish(&copy);
	json_decref(list);
	site_close(&s);
}

static void a_damaged_copy_is_not_loaded_but_made_again(void **state)
{
	struct site first, second;
	struct file given, copy;
	char name[128];
	json_t *list;

	(void)state;
	site_open(&first);
	site_add(&first, "first", "good_math.so");
	site_load(&first);
	list = providers_describe(first.ps);
	(void)snprintf(name, sizeof(name), "plugins/%s.so", described(list, 0, "sha256"));

	site_open(&second);
	assert_int_equal(mkdir(scratch_path(second.folder, "plugins"), 0700), 0);
	scratch_write(second.folder, name, "this is another file");
	site_add(&second, "first", "good_math.so");
	site_load(&second);
	assert_non_null(providers_find(second.ps, "first"));
	given = file_read(PROBES "good_math.so");
	copy = file_read(scratch_path(second.folder, name));
	assert_int_equal(given.n, copy.n);
	assert_memory_equal(given.bytes, copy.bytes, given.n);
	file_finish(&given);
	file_finish(&copy);
	json_decref(list);
	site_close(&second);
	site_close(&first);
}

/* --- refusals --- */

static const struct {
	const char *plugin;
	const char *why;
} refused[] = {
	{"socket.so", "socket.so: it uses socket"},
	{"no_manifest.so", "no_manifest.so: it has no manifest"},
	{"no_core.so", "no davit.core/1"},
	{"no_table.so", "its manifest lists davit.prediction/1, its code has it not"},
	{"extra_table.so", "its code has davit.functions/1, its manifest does not list it"},
	{"empty_slot.so", "its manifest lists infer of davit.prediction, its table has it not"},
	{"short_table.so", "its manifest lists infer of davit.prediction, its table has it not"},
	{"extra_slot.so",
		"its table has explain of davit.prediction, its manifest does not list it"},
	{"create_fails.so", "create: create was told to fail"},
	{PROVIDERS "refused_socket.so", "it uses socket"},
	{PROVIDERS "refused_open.so", "it uses open"},
	{PROVIDERS "refused_fork.so", "it uses fork"},
	{PROVIDERS "refused_thread.so", "it uses pthread_create"},
	{PROVIDERS "refused_two_notes.so", "2 manifests"},
};

static void a_refused_file_leaves_a_sentence_and_the_others_work(void **state)
{
	struct site s;
	json_t *list;

	(void)state;
	site_open(&s);
	for (size_t i = 0; i < COUNT(refused); i++)
		site_add(&s, "bad", refused[i].plugin);
	site_add(&s, "good", "good.so");
	site_load(&s);
	list = providers_describe(s.ps);
	for (size_t i = 0; i < COUNT(refused); i++) {
		assert_string_equal(described(list, i, "state"), "refused");
		if (strstr(described(list, i, "reason"), refused[i].why) == NULL)
			fail_msg(
				"'%s' is not in: %s", refused[i].why, described(list, i, "reason"));
	}
	assert_null(providers_find(s.ps, "bad"));
	assert_non_null(providers_find(s.ps, "good"));
	assert_string_equal(providers_names(s.ps), "good");
	json_decref(list);
	site_close(&s);
}

/* providers_open() must refuse the one entry of s. */
static void site_must_not_load(struct site *s, const char *said)
{
	struct fail f = {0};

	s->ps = providers_open(&s->host, &f);
	assert_null(s->ps);
	assert_int_equal(f.code, FAIL_INVALID);
	if (strstr(f.text, said) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", f.text, said);
}

static void wrong_settings_end_the_start_with_file_line_and_member(void **state)
{
	static const struct {
		const char *key;
		int value;
		const char *said;
	} rows[] = {
		{"depth", 0, "providers.d/test.yaml:7: settings/depth: "},
		{"deepth", 1,
			"providers.d/test.yaml:5: settings/deepth: unknown member 'deepth', did "
			"you mean 'depth'?"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct site s;
		struct config_provider *p;

		site_open(&s);
		site_add(&s, "good", "good.so");
		p = site_add(&s, "probe", "good.so");
		p->settings = json_pack("{s:i}", rows[i].key, rows[i].value);
		p->setting_lines = json_pack("{s:i, s:i}", "", 5, "/depth", 7);
		site_must_not_load(&s, rows[i].said);
		json_decref(p->setting_lines);
		site_close(&s);
	}
}

static void a_plugin_that_is_not_there_ends_the_start_with_file_and_line(void **state)
{
	static const struct {
		const char *plugin, *said;
	} rows[] = {
		{"nothing-like-it.so", "providers.d/test.yaml:2: plugin 'nothing-like-it.so' is "
				       "not there (" PROBES "nothing-like-it.so)"},
		{"god.so", "; did you mean 'good.so'?"},
		{"no/such/folder/x.so", "plugin 'no/such/folder/x.so' is not there ("},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct site s;

		site_open(&s);
		site_add(&s, "bad", rows[i].plugin)->line = 2;
		site_must_not_load(&s, rows[i].said);
		s.entries[0].enabled = false;
		site_load(&s);
		site_close(&s);
	}
}

/* --- finding --- */

static void providers_are_found_by_id_and_by_type(void **state)
{
	struct site s;
	json_t *list;

	(void)state;
	site_open(&s);
	site_add(&s, "off", "good.so")->enabled = false;
	site_add(&s, "one", "good.so");
	site_add(&s, "two", "good.so");
	site_load(&s);
	assert_string_equal(providers_names(s.ps), "one, two");
	assert_null(providers_find(s.ps, "off"));
	assert_null(providers_find(s.ps, "probe"));
	assert_null(providers_find(s.ps, NULL));
	assert_ptr_equal(providers_for_type(s.ps, "DEPTH"), providers_find(s.ps, "one"));
	assert_null(providers_for_type(s.ps, "depth"));
	assert_null(providers_for_type(s.ps, NULL));
	list = providers_describe(s.ps);
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(described(list, 0, "state"), "disabled");
	assert_non_null(json_at(list, "/1/interfaces/davit.prediction/0"));
	assert_int_equal(json_integer_value(json_at(list, "/2/limits/max_calls")), 8);
	json_decref(list);
	site_close(&s);
}

static void what_is_not_offered_is_told_in_the_manifests_words(void **state)
{
	struct site s;
	struct provider *p;
	struct fail f = {0};

	(void)state;
	site_open(&s);
	site_add(&s, "probe", "good.so");
	site_load(&s);
	p = providers_find(s.ps, "probe");
	assert_true(provider_offers(p, DAVIT_PREDICTION, "infer", NULL, &f));
	assert_false(provider_offers(p, DAVIT_PREDICTION, "explain", NULL, &f));
	assert_int_equal(f.code, FAIL_UNSUPPORTED);
	assert_string_equal(f.text, "provider 'probe' does not offer explain of prediction: "
				    "a probe explains nothing");
	assert_false(provider_offers(p, DAVIT_CORE, "check", NULL, &f));
	assert_false(provider_offers(p, DAVIT_MODELS, "list", NULL, &f));
	assert_string_equal(f.text, "provider 'probe' does not offer models");
	assert_false(provider_offers(p, "davit.weather", "list", NULL, &f));
	assert_null(provider_request_schema(p, DAVIT_PREDICTION, "infer", NULL));
	assert_string_equal(provider_idempotency(p, DAVIT_PREDICTION, "infer", NULL), "none");
	site_close(&s);
}

/* --- the whole way, with a provider built as others are --- */

struct end {
	struct mutex lock;
	struct cond changed;
	bool came;
	struct call_result result;
};

static void take_end(struct call_result *result, void *ctx)
{
	struct end *end = ctx;

	mutex_lock(&end->lock);
	end->result = *result;
	result->reply = NULL;
	end->came = true;
	cond_broadcast(&end->changed);
	mutex_unlock(&end->lock);
}

static void run(struct provider *p, const char *interface, const char *slot, json_t *request,
	struct call_result *ret_result)
{
	struct end end = {0};
	struct call_spec spec = {.provider = p,
		.interface = interface,
		.slot = slot,
		.request = request,
		.body_fd = -1,
		.done = take_end,
		.ctx = &end};
	struct fail f = {0};
	int64_t until = clock_mono_ms() + KIT_WAIT_MS;

	mutex_init(&end.lock);
	cond_init(&end.changed);
	if (!call_start(&spec, NULL, &f))
		fail_msg("%s", f.text);
	mutex_lock(&end.lock);
	while (!end.came && cond_wait_until(&end.changed, &end.lock, until))
		;
	mutex_unlock(&end.lock);
	assert_true(end.came);
	*ret_result = end.result;
	cond_finish(&end.changed);
	mutex_finish(&end.lock);
}

static void every_service_works_for_a_provider_built_with_the_sdk(void **state)
{
	struct site s;
	struct provider *p;
	struct call_result r;

	(void)state;
	site_open(&s);
	site_add(&s, "echo", PROVIDERS "echo.so");
	site_load(&s);
	p = providers_find(s.ps, "echo");
	assert_non_null(p);
	run(p, DAVIT_FUNCTIONS, "execute", json_pack("{s:s}", "script", "all"), &r);
	if (r.code != DAVIT_OK)
		fail_msg("code %d: %s", r.code, r.fail.text);
	assert_non_null(json_at(r.reply, "/output/kv"));
	assert_non_null(json_at(r.reply, "/output/handle"));
	call_result_finish(&r);
	site_close(&s);
}

static void what_the_manifest_says_of_a_kind_is_found(void **state)
{
	struct site s;
	struct provider *p;
	struct fail f = {0};
	char name[64];

	(void)state;
	site_open(&s);
	site_add(&s, "echo", PROVIDERS "echo.so");
	site_load(&s);
	p = providers_find(s.ps, "echo");
	assert_non_null(p);
	assert_true(provider_offers(p, DAVIT_TRAINING, "submit", "train", &f));
	assert_false(provider_offers(p, DAVIT_TRAINING, "submit", "automl", &f));
	assert_non_null(strstr(f.text, "the echo provider has no automatic training"));
	assert_string_equal(provider_idempotency(p, DAVIT_INFERENCE, "submit", "batch"), "search");
	assert_string_equal(provider_idempotency(p, DAVIT_INFERENCE, "submit", "other"), "none");
	assert_int_equal(provider_settle_ms(p, DAVIT_INFERENCE, "submit", "batch"), 50);
	assert_int_equal(provider_settle_ms(p, DAVIT_INFERENCE, "submit", "other"), -1);
	assert_string_equal(provider_idempotency(p, DAVIT_DATASETS, "remove", NULL), "name");
	assert_string_equal(provider_idempotency(p, DAVIT_DATASETS, "export", NULL), "token");
	assert_string_equal(provider_idempotency(p, DAVIT_MODELS, "remove", NULL), "none");
	assert_non_null(provider_request_schema(p, DAVIT_TRAINING, "submit", "train"));
	assert_non_null(provider_request_schema(p, DAVIT_FUNCTIONS, "execute", NULL));
	assert_non_null(json_at(
		provider_entry(p, DAVIT_TRAINING, "submit", "command"), "/supports/storage"));
	provider_derived_name(
		p, DAVIT_TRAINING, "submit", "0123456789abcdefghjkmnpq", name, sizeof(name));
	assert_string_equal(name, "davit-0123456789abcdefghjkmnpq");
	site_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_file_is_loaded_from_a_copy_of_its_bytes),
		cmocka_unit_test(a_damaged_copy_is_not_loaded_but_made_again),
		cmocka_unit_test(a_refused_file_leaves_a_sentence_and_the_others_work),
		cmocka_unit_test(wrong_settings_end_the_start_with_file_line_and_member),
		cmocka_unit_test(a_plugin_that_is_not_there_ends_the_start_with_file_and_line),
		cmocka_unit_test(providers_are_found_by_id_and_by_type),
		cmocka_unit_test(what_is_not_offered_is_told_in_the_manifests_words),
		cmocka_unit_test(every_service_works_for_a_provider_built_with_the_sdk),
		cmocka_unit_test(what_the_manifest_says_of_a_kind_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
