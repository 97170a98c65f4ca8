/* kit - see kit.h. */
#include "unit/local/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "unit/cmocka.h"

const char *kit_id(int n)
{
	static char texts[8][25];
	static unsigned next;
	char *text = texts[next++ % 8];

	snprintf(text, 25, "00000000000000000000s%03d", n);
	return text;
}

int32_t kit_job(struct mock *m, const char *interface, const char *slot, const char *kind,
	const char *submission, const char *id, json_t *spec)
{
	json_t *request = json_pack("{s:{}, s:s, s:s, s:s, s:s*}", "connection", "kind", kind,
		"submission_id", submission, "derived_name", "davit-x", "id", id);
	char label[64];

	assert_non_null(request);
	snprintf(label, sizeof(label), "%s-%s", KIT_SITE, submission);
	json_object_set_new(request, "label", json_string(label));
	if (spec != NULL)
		json_object_set_new(request, "spec", spec);
	return mock_run(m, interface, slot, request);
}

int32_t kit_again(
	struct mock *m, const char *interface, const char *slot, const char *kind, json_t *ref)
{
	return mock_run(m, interface, slot,
		json_pack("{s:{}, s:s, s:O}", "connection", "kind", kind, "ref", ref));
}

json_t *kit_ref(const struct mock *m)
{
	json_t *ref = json_object_get(m->reply, "ref");

	assert_non_null(ref);
	return json_incref(ref);
}

int32_t kit_get(struct mock *m, const char *interface, const char *id)
{
	return mock_run(m, interface, "get", json_pack("{s:{}, s:s}", "connection", "id", id));
}

const char *kit_text(const json_t *v, const char *pointer)
{
	const json_t *found = json_at(v, pointer);

	if (!json_is_string(found))
		fail_msg("no text at %s", pointer);
	return json_string_value(found);
}

int64_t kit_int(const json_t *v, const char *pointer)
{
	const json_t *found = json_at(v, pointer);

	if (!json_is_integer(found))
		fail_msg("no integer at %s", pointer);
	return json_integer_value(found);
}

void kit_trained(struct mock *m, int n)
{
	static const char told[] = "{\"step\":1,\"total\":1,\"metrics\":{\"accuracy\":0.5}}\n";
	struct mock_process *p;

	assert_int_equal(kit_job(m, DAVIT_TRAINING, "submit", "train", kit_id(n), NULL,
				 json_pack("{s:s, s:{s:s}}", "name", "digits", "script", "text",
					 "print(1)")),
		DAVIT_OK);
	p = mock_process(m, kit_id(n));
	assert_non_null(p);
	mock_write(p->files, "progress.jsonl", told, strlen(told));
	p->state = "exited";
}

void kit_model(struct mock *m, int n)
{
	kit_trained(m, n);
	mock_write(mock_process(m, kit_id(n))->files, "outputs/model.bin", "weights", 7);
	assert_int_equal(
		kit_job(m, DAVIT_MODELS, "submit", "register", kit_id(n + 1), NULL,
			json_pack("{s:s, s:{s:s}, s:{s:{s:s}}}", "name", "digits", "source", "job",
				kit_id(n), "server", "script", "text", "serve()")),
		DAVIT_OK);
	assert_int_equal(kit_job(m, DAVIT_DEPLOYMENT, "submit", "register", kit_id(n + 2), NULL,
				 json_pack("{s:s}", "name", "endpoint")),
		DAVIT_OK);
}

int kit_setup(void **state)
{
	struct mock *m = malloc(sizeof(*m));

	assert_non_null(m);
	mock_init(m);
	assert_int_equal(mock_create(m, "{}"), DAVIT_OK);
	*state = m;
	return 0;
}

int kit_teardown(void **state)
{
	mock_finish(*state);
	free(*state);
	return 0;
}
