/* kit - the requests that tests of the local provider send again and again. */
#ifndef TESTS_UNIT_LOCAL_KIT_H
#define TESTS_UNIT_LOCAL_KIT_H

#include "unit/local/mock.h"

/* A submission id: 24 bytes, in the order of n. The next call but seven uses the text again. */
const char *kit_id(int n);

#define KIT_SITE "s1te0000" /* labels of submissions begin with it and '-' */

/* A job slot of kind; spec is taken over. id: of the endpoint, or NULL. */
int32_t kit_job(struct mock *m, const char *interface, const char *slot, const char *kind,
	const char *submission, const char *id, json_t *spec);

/* poll, cancel or logs with the ref of the last answer. Takes it from m->reply. */
int32_t kit_again(
	struct mock *m, const char *interface, const char *slot, const char *kind, json_t *ref);

/* The ref of the last answer; the caller frees it. */
json_t *kit_ref(const struct mock *m);

/* get by id or name. */
int32_t kit_get(struct mock *m, const char *interface, const char *id);

/* The text or integer at a JSON pointer of v; the test fails where there is none. */
const char *kit_text(const json_t *v, const char *pointer);
int64_t kit_int(const json_t *v, const char *pointer);

/* A training kit_id(n) that has ended well and told metrics; its name is "digits". */
void kit_trained(struct mock *m, int n);

/* A model of it, one file model.bin, with id kit_id(n + 1), and an endpoint kit_id(n + 2). */
void kit_model(struct mock *m, int n);

int kit_setup(void **state); /* *state is a struct mock with an instance without settings */
int kit_teardown(void **state);

#endif
