/*
 * Refused when its tables are compared with the manifest: predict_infer is filled and explain
 * is not. Its manifests say otherwise in different ways.
 */
#define MINIMAL_OWN_QUERY
#include "minimal.h"

int minimal_side_effect(void)
{
	return 0;
}

static const davit_prediction_1 prediction = {sizeof(prediction), 0, minimal_check, NULL};

const void *DAVIT_CALL davit_provider_query(const char *id, uint32_t major)
{
	if (major != 1)
		return NULL;
	if (strcmp(id, DAVIT_CORE) == 0)
		return &minimal_core;
	return strcmp(id, DAVIT_PREDICTION) == 0 ? &prediction : NULL;
}
