/* What manifests are taken and refused; the note itself is in preflight_test.c. */
#include "provider/manifest.h"

#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/schema.h"
#include "provider/manifest_schema.h"
#include "unit/cmocka.h"

#define HEAD               "{\"manifest\":1,\"id\":\"x\",\"name\":\"X\",\"version\":\"1\","
#define AROUND(interfaces) HEAD "\"interfaces\":{" interfaces "}}"
#define TRAIN(kind)                                                                                \
	AROUND("\"davit.training\":{\"major\":1,\"slots\":[\"submit\"],\"kinds\":{\"train\":" kind \
	       "}}")
#define SECRETS(sources)                                                                                \
	HEAD "\"interfaces\":{\"davit.core\":{\"major\":1,\"slots\":[]}},\"secrets\":{\"key\":" sources \
	     "}}"

#define COUNTS(names, source)                                                                      \
	HEAD "\"interfaces\":{\"davit.core\":{\"major\":1,\"slots\":[]}},"                         \
	     "\"account\":{\"connection\":" names "},\"secrets\":{\"key\":[\"" source "\"]}}"

static const struct {
	const char *text;
	const char *why; /* NULL: it is taken */
} rows[] = {
	{TRAIN("{}"), NULL},
	{TRAIN("{\"request\":{\"type\":\"object\"},\"idempotency\":\"search\",\"settle_ms\":5}"),
		NULL},
	{AROUND("\"davit.core\":{\"major\":1,\"slots\":[\"check\"]}"), NULL},
	{AROUND("\"davit.prediction\":{\"major\":1,\"slots\":[\"infer\"],\"requests\":{\"infer\":true},"
		"\"unsupported\":{\"explain\":\"no\"}}"),
		NULL},
	{"", "empty"},
	{"[]", "object"},
	{"{\"manifest\":1", "not JSON"},
	{HEAD "\"interfaces\":{}}", "interfaces"},
	{HEAD "\"interface\":{}}", "interface"},
	{AROUND("\"davit.weather\":{\"major\":1,\"slots\":[]}"), "no interface 'davit.weather'"},
	{AROUND("\"davit.prediction\":{\"major\":2,\"slots\":[]}"), "davit.prediction/2"},
	{AROUND("\"davit.prediction\":{\"major\":1,\"slots\":[\"export_\"]}"), "no slot 'export_'"},
	{AROUND("\"davit.prediction\":{\"major\":1,\"slots\":[\"infer\",\"infer\"]}"), "twice"},
	{AROUND("\"davit.prediction\":{\"major\":1,\"slots\":[\"infer\"],\"kinds\":{\"a\":{}}}"),
		"no jobs"},
	{AROUND("\"davit.prediction\":{\"major\":1,\"slots\":[\"infer\"],\"requests\":{\"explain\":{}}}"),
		"'explain'"},
	{AROUND("\"davit.prediction\":{\"major\":1,\"slots\":[\"infer\"],"
		"\"requests\":{\"infer\":{\"pattern\":\"x\"}}}"),
		"pattern"},
	{AROUND("\"davit.prediction\":{\"major\":1,\"slots\":[\"infer\"],"
		"\"unsupported\":{\"infer\":\"no\"}}"),
		"does not support 'infer'"},
	{AROUND("\"davit.training\":{\"major\":1,\"slots\":[\"submit\"]}"), "no kinds"},
	{TRAIN("{\"request\":{\"typ\":\"object\"}}"), "kinds/train/request"},
	{TRAIN("{\"idempotency\":\"perhaps\"}"), "idempotency"},
	{TRAIN("{\"name_limits\":{\"max\":24}}"), "24 characters"},
	{TRAIN("{\"name_limits\":{\"max\":10}}"), "max"},
	{TRAIN("{\"name_limits\":{\"alphabet\":\"z-a\"}}"), "characters and ranges"},
	{HEAD "\"interfaces\":{\"davit.core\":{\"major\":1,\"slots\":[]}},\"config_schema\":{\"a\":1}}",
		"config_schema"},
	{HEAD "\"interfaces\":{\"davit.core\":{\"major\":1,\"slots\":[]}},\"grants\":[\"root\"]}",
		"grants"},
	{HEAD "\"interfaces\":{\"davit.core\":{\"major\":1,\"slots\":[]}},\"plain\":[\"key\"]}",
		"plain/0: there is no secret 'key'"},
	{SECRETS("[\"connection:key\",\"env:KEY\",\"ini:~/x#a.b\",\"exec:/bin/x\",\"kept\"]"),
		NULL},
	{SECRETS("[]"), "secrets"},
	{SECRETS("[\"env:KEY\",\"vault:key\"]"), "secrets/key/1: it begins with connection:"},
	{COUNTS("[\"who\",\"/credentials/access_key_id\",\"key\"]", "connection:key"), NULL},
	{COUNTS("[\"who\",\"credentials\"]", "env:X"), "account/connection/1: 'credentials' is a"},
	{COUNTS("[\"/credentials/client_secret\"]", "env:X"), "client_secret' is a secret, of"},
	{COUNTS("[\"connection_details\"]", "env:X"), "connection_details' is a secret, of"},
	{COUNTS("[\"key\"]", "env:X"), "'key' is a secret that does not come from there"},
	{SECRETS("[\"file:relative\"]"), "secrets/key/0: its path begins with"},
};

static void a_manifest_is_taken_or_refused_with_the_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fail f = {0};
		json_t *v = manifest_parse(rows[i].text, strlen(rows[i].text), &f);

		if (rows[i].why == NULL && v == NULL)
			fail_msg("row %zu: %s", i, f.text);
		if (rows[i].why != NULL && v != NULL)
			fail_msg("row %zu was taken: %s", i, rows[i].text);
		if (rows[i].why != NULL && strstr(f.text, rows[i].why) == NULL)
			fail_msg("row %zu: '%s' is not in: %s", i, rows[i].why, f.text);
		json_decref(v);
	}
}

static void the_schema_of_manifests_is_one_the_host_understands(void **state)
{
	struct fail f = {0};
	json_t *schema = json_parse((const char *)manifest_schema_text, manifest_schema_size, &f);

	(void)state;
	assert_non_null(schema);
	if (!schema_valid(schema, &f))
		fail_msg("%s", f.text);
	json_decref(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_manifest_is_taken_or_refused_with_the_reason),
		cmocka_unit_test(the_schema_of_manifests_is_one_the_host_understands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
