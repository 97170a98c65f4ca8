/*
 * question - a request to a served process, as curl is to send it: checked, one word where a word
 * belongs, with nothing in it that was not asked for. [one thread]
 */
#ifndef HOST_PROCESS_QUESTION_H
#define HOST_PROCESS_QUESTION_H

#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>

struct fail;
struct process_ask;

struct question {
	const struct process_ask *ask; /* borrowed while it is being sent */
	const char *method;            /* constant */
	bool sends;                    /* has a body, if only an empty one */
	char *url;
	struct curl_slist *headers;
	curl_off_t length; /* of the body */
	curl_off_t at;     /* of what curl takes next from a file */
};

/* FAIL_INVALID with the member at fault. What ask points to must outlive q; on failure too q is
 * to be finished. */
bool question_make(struct question *q, const struct process_ask *ask, struct fail *f);
void question_finish(struct question *q);

/* The options that make it curl's, from its first byte; socket is copied. */
void question_put(struct question *q, CURL *easy, const char *socket);

/* Was the whole body sent? */
bool question_sent(const struct question *q, CURL *easy);

#endif
