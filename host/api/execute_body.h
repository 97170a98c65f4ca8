/*
 * execute_body - what POST /execute accepts: the keys, the types, and the order of the checks
 * that existing clients know.
 */
#ifndef HOST_API_EXECUTE_BODY_H
#define HOST_API_EXECUTE_BODY_H

#include <jansson.h>

struct fail;

/*
 * The specification of a command job for a body: a new object {name, version, project,
 * command, environment, storage ("local", "s3" or "minio"), input_artifacts, bucket, configs}.
 * The credentials are checked and left out: they are never stored. NULL with FAIL_INVALID
 * (a member is missing or unknown) or FAIL_UNPROCESSABLE (a wrong type or an empty text).
 * body NULL: *f already says what is wrong with it, and gets the words of a 400.
 */
json_t *execute_body_spec(const json_t *body, struct fail *f);

#endif
