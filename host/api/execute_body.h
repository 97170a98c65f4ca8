/*
 * execute_body - what POST /execute accepts: the keys, the types, and the order of the checks
 * that existing clients know.
 */
#ifndef HOST_API_EXECUTE_BODY_H
#define HOST_API_EXECUTE_BODY_H

#include <jansson.h>
#include <stdbool.h>

struct buf;
struct fail;

/* Is it one? If not, FAIL_INVALID (a member is missing or unknown) or FAIL_UNPROCESSABLE (a
 * wrong type or an empty text). body NULL: *f already says what is wrong with it, and gets the
 * words of a 400. */
bool execute_body_check(const json_t *body, struct fail *f);

/* --- of a body that passed --- */

/* Where its artifacts are: "local", "s3" or "minio". */
const char *execute_body_storage(const json_t *body);

/* The specification of its command job as JSON text: {bucket, project, name, version,
 * input_artifacts, command, storage, environment, configs}. The credentials are left out: they
 * are never stored. */
void execute_body_spec(struct buf *out, const json_t *body);

#endif
