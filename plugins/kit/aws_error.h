/*
 * aws_error - what a service of AWS, or one that speaks like it, says when it refuses: in XML, in
 * JSON, in headers, or by its status alone. [op]
 */
#ifndef PLUGINS_KIT_AWS_ERROR_H
#define PLUGINS_KIT_AWS_ERROR_H

#include <davit/sdk.h>

#include <stddef.h>
#include <stdint.h>

#define AWS_ERROR_BODY_MAX ((size_t)64 * 1024) /* bytes that are read */

/* Texts are never NULL; "" is unknown. */
struct aws_error {
	const char *code;       /* "NoSuchKey"; where nobody says it, by the status: "NotFound" */
	const char *message;    /* untrusted text */
	const char *request_id; /* what their support asks for */
	const char *region;     /* where the bucket is, if that was wrong */
	int64_t server_ms;      /* their time, if ours was wrong; else 0 */
};

/* Reads answer, whose body is closed then. A body that is no error leaves the status. */
void aws_error_read(
	struct davit_sdk *sdk, const struct davit_sdk_answer *answer, struct aws_error *ret_error);

/* The same of a body that is there: for answers of 200 that are none. false: it is no error. */
bool aws_error_parse(struct davit_sdk_mem *mem, davit_buf body, struct aws_error *ret_error);

/* The result class of it, as davit_sdk_http_class() says it where the code says no more. */
int32_t aws_error_class(const struct davit_sdk_answer *answer, const struct aws_error *error);

/* Ends the call with that class and a sentence: what was asked, and what they say. Returns
 * sdk->code. */
int32_t aws_error_fail(struct davit_sdk *sdk, const struct davit_sdk_answer *answer,
	const struct aws_error *error, const char *what);

#endif
