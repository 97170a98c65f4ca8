/* predict - asking models. The caller's bytes go to the cloud, and its bytes back, as they are:
 * neither passes through here. */
#include "testcloud.h"

#include <string.h>

/* Sends the caller's bytes to VERB of the endpoint and answers what comes. */
static int32_t ask_model(struct talk *t, const char *verb, bool stream)
{
	struct davit_sdk_answer answer;
	const struct ask ask = {
		.operation = "predict", /* it changes nothing: the host may send it again */
		.method = "POST",
		.collection = "endpoints",
		.id = davit_sdk_need_text(&t->sdk, t->sdk.request, "/id"),
		.verb = verb,
		.bytes = (davit_blob)davit_sdk_need_int(&t->sdk, t->sdk.request, "/body"),
		.stream = stream,
	};

	if (cloud_send(t, &ask, &answer) != DAVIT_OK)
		return t->sdk.code;
	if (answer.status != 200)
		return cloud_refuse(t, &ask, &answer);
	return davit_sdk_reply_blob(
		&t->sdk, davit_sdk_http_header(&answer, "content-type"), 0, answer.body);
}

/* A client that wants events gets them one by one, as the model makes them. */
int32_t predict_infer(struct talk *t)
{
	const char *accept = davit_sdk_text_at(t->sdk.request, "/accept", "");
	bool events = strstr(accept, "text/event-stream") != NULL;
	return ask_model(t, events ? ":streamPredict" : ":predict", events);
}

int32_t predict_explain(struct talk *t)
{
	return ask_model(t, ":explain", false);
}
