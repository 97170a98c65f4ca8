/*
 * local.h - what the files of this provider share: the instance, one running call, and the
 * slots that the tables in local.c name.
 *
 * An instance is a block of malloc() made by create(): the host's tables and the text of its
 * settings, constant until destroy(). Its number is its address; the host only hands it back.
 * All else is read from the host in each call: records from kv, state from processes.
 */
#ifndef PLUGINS_LOCAL_LOCAL_H
#define PLUGINS_LOCAL_LOCAL_H

#include <davit/sdk.h>

#define LOCAL_COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct local_names;

/* One running call: the SDK's view of it, and the site's settings read for it. */
struct local_call {
	struct davit_sdk sdk;
	const struct davit_sdk_json *settings; /* an object; NULL after a failure */
	const struct local_names *names;       /* what names.c has read so far */
};

/* Begins a slot's call; returns sdk.code as davit_sdk_begin() does. */
int32_t local_begin(struct local_call *c, davit_instance inst, davit_call call, davit_buf request);

/* Begins again within the same call with an empty request, so that what one step fails at
 * does not end the next. */
int32_t local_again(struct local_call *c, const struct local_call *other);

/* A text that lives until the call ends; "" where the call failed for lack of memory. */
const char *local_text(struct local_call *c, const char *fmt, ...) DAVIT_SDK_PRINTF(2, 3);

/* n zeroed bytes until the call ends; NULL: the call failed. */
void *local_alloc(struct local_call *c, size_t n);

/* Notes the code that a host service returned as how this call ends, in the host's own words,
 * which name what is wrong. DAVIT_OK changes nothing. Returns sdk.code. */
int32_t local_check(struct local_call *c, int32_t code);

#define LOCAL_SLOT(name)                                                                           \
	int32_t DAVIT_CALL name(davit_instance inst, davit_call call, davit_buf request)

LOCAL_SLOT(datasets_validate);
LOCAL_SLOT(datasets_submit);
LOCAL_SLOT(datasets_find);
LOCAL_SLOT(datasets_poll);
LOCAL_SLOT(datasets_cancel);
LOCAL_SLOT(datasets_get);
LOCAL_SLOT(datasets_list);
LOCAL_SLOT(datasets_remove);
LOCAL_SLOT(datasets_tag);
LOCAL_SLOT(datasets_export);

LOCAL_SLOT(training_validate);
LOCAL_SLOT(training_submit);
LOCAL_SLOT(training_find);
LOCAL_SLOT(training_poll);
LOCAL_SLOT(training_cancel);
LOCAL_SLOT(training_get);
LOCAL_SLOT(training_list);
LOCAL_SLOT(training_remove);
LOCAL_SLOT(training_logs);
LOCAL_SLOT(training_metrics);
LOCAL_SLOT(training_outputs);

LOCAL_SLOT(models_validate);
LOCAL_SLOT(models_submit);
LOCAL_SLOT(models_find);
LOCAL_SLOT(models_poll);
LOCAL_SLOT(models_cancel);
LOCAL_SLOT(models_get);
LOCAL_SLOT(models_list);
LOCAL_SLOT(models_remove);
LOCAL_SLOT(models_tag);
LOCAL_SLOT(models_export);

LOCAL_SLOT(endpoints_get);
LOCAL_SLOT(endpoints_list);
LOCAL_SLOT(endpoints_remove);

LOCAL_SLOT(deployment_validate);
LOCAL_SLOT(deployment_submit);
LOCAL_SLOT(deployment_find);
LOCAL_SLOT(deployment_poll);
LOCAL_SLOT(deployment_cancel);
LOCAL_SLOT(deployment_logs);

LOCAL_SLOT(prediction_infer);
LOCAL_SLOT(prediction_explain);

LOCAL_SLOT(functions_execute);

LOCAL_SLOT(inference_validate);
LOCAL_SLOT(inference_submit);
LOCAL_SLOT(inference_find);
LOCAL_SLOT(inference_poll);
LOCAL_SLOT(inference_cancel);
LOCAL_SLOT(inference_get);
LOCAL_SLOT(inference_list);
LOCAL_SLOT(inference_remove);
LOCAL_SLOT(inference_logs);
LOCAL_SLOT(inference_metrics);
LOCAL_SLOT(inference_outputs);

LOCAL_SLOT(environments_list);
LOCAL_SLOT(environments_remove);

#endif
