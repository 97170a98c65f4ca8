/* training_form - the short form of a training: what POST /api/service/v1/pipelines/training
 * accepts, as data and two rules. [any thread] */
#ifndef HOST_API_TRAINING_FORM_H
#define HOST_API_TRAINING_FORM_H

#include <jansson.h>
#include <stdbool.h>

struct fail;
struct provider;

/* Is body a good short form? If not, FAIL_INVALID with the member's pointer. */
bool training_form_check(const json_t *body, struct fail *f);

/* Can the provider take every step a good body asks for, and its training as it is? Else *f, with
 * the pointer of the member at fault. */
bool training_form_may(const struct provider *p, const json_t *body, struct fail *f);

#endif
