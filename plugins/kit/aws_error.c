/* Errors, as different services write them. */
#include "kit/aws_error.h"

#include <string.h>

#include "kit/xml.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- XML --- */

struct field {
	const char *name;
	size_t at; /* of a text in struct aws_error */
};

static const struct field fields[] = {
	{"Code", offsetof(struct aws_error, code)},
	{"Message", offsetof(struct aws_error, message)},
	{"RequestId", offsetof(struct aws_error, request_id)},
	{"RequestID", offsetof(struct aws_error, request_id)},
	{"Region", offsetof(struct aws_error, region)},
};

static void read_field(struct xml *x, struct davit_sdk_mem *mem, struct aws_error *error)
{
	for (size_t i = 0; i < COUNT(fields); i++) {
		if (!xml_is(x, fields[i].name))
			continue;
		*(const char **)(void *)((char *)error + fields[i].at) = xml_text(x, mem).p;
		return;
	}
	if (xml_is(x, "ServerTime"))
		error->server_ms = davit_sdk_time_ms(xml_text(x, mem).p);
}

/* <Error>, or that within <ErrorResponse>. */
static bool read_xml(struct davit_sdk_mem *mem, davit_buf body, struct aws_error *error)
{
	struct xml x;
	uint32_t root = xml_root(&x, body, NULL);
	bool bare = xml_is(&x, "Error"), found = bare;

	if (!bare && !xml_is(&x, "ErrorResponse") && !xml_is(&x, "Response"))
		return false;
	while (xml_child(&x, root)) {
		if (bare || !(xml_is(&x, "Error") || xml_is(&x, "Errors"))) {
			read_field(&x, mem, error);
			continue;
		}
		found = true;
		for (uint32_t inner = x.depth; xml_child(&x, inner);)
			read_field(&x, mem, error);
	}
	return found && x.problem == NULL;
}

/* --- JSON and headers --- */

/* "aws.x#FooException:http://…" is FooException. */
static const char *plain_word(struct davit_sdk_mem *mem, const char *text)
{
	size_t n = strcspn(text, ":,");
	const char *hash = memchr(text, '#', n);
	const char *word;

	if (hash != NULL) {
		n -= (size_t)(hash + 1 - text);
		text = hash + 1;
	}
	word = davit_sdk_format(mem, "%.*s", (int)(n < 128 ? n : 128), text);
	return word != NULL ? word : "";
}

static const char *first_text(const struct davit_sdk_json *v, const char *const *pointers)
{
	const char *text = "";

	for (; *pointers != NULL && text[0] == '\0'; pointers++)
		text = davit_sdk_text_at(v, *pointers, "");
	return text;
}

static bool read_json(struct davit_sdk_mem *mem, davit_buf body, struct aws_error *error)
{
	static const char *const codes[] = {"/__type", "/code", "/Code", NULL};
	static const char *const messages[] = {"/message", "/Message", NULL};
	const struct davit_sdk_json *v = davit_sdk_parse(mem, body, NULL);

	if (v == NULL)
		return false;
	error->code = plain_word(mem, first_text(v, codes));
	error->message = first_text(v, messages);
	return error->code[0] != '\0' || error->message[0] != '\0';
}

bool aws_error_parse(struct davit_sdk_mem *mem, davit_buf body, struct aws_error *ret_error)
{
	*ret_error = (struct aws_error){"", "", "", "", 0};
	while (body.n > 0 && strchr(" \t\r\n", *body.p) != NULL && *body.p != '\0') {
		body.p++;
		body.n--;
	}
	if (body.n > 0 &&
		(*body.p == '{' ? read_json(mem, body, ret_error) : read_xml(mem, body, ret_error)))
		return true;
	*ret_error = (struct aws_error){"", "", "", "", 0};
	return false;
}

static const char *by_status(int64_t status)
{
	switch (status) {
	case 301:
	case 307:
		return "Redirect";
	case 403:
		return "Forbidden";
	case 404:
		return "NotFound";
	case 412:
		return "PreconditionFailed";
	default:
		return "";
	}
}

/* What there is of it: an error's text may be long, and no error at all. */
static davit_buf read_body(struct davit_sdk *sdk, davit_blob blob)
{
	davit_buf none = {"", 0};
	size_t n = 0, got = 0;
	char *text;

	if (blob == 0 || sdk->code != DAVIT_OK)
		return none;
	text = davit_sdk_alloc(&sdk->mem, AWS_ERROR_BODY_MAX + 1);
	while (text != NULL && n < AWS_ERROR_BODY_MAX &&
		sdk->host->blob->read(sdk->call, blob, n, text + n, AWS_ERROR_BODY_MAX - n, &got) ==
			DAVIT_OK &&
		got > 0)
		n += got;
	sdk->host->blob->close(sdk->call, blob);
	return text != NULL ? (davit_buf){text, n} : none;
}

void aws_error_read(
	struct davit_sdk *sdk, const struct davit_sdk_answer *answer, struct aws_error *ret_error)
{
	const char *word = davit_sdk_http_header(answer, "x-amzn-errortype");
	static const char *const ids[] = {"x-amzn-requestid", "x-amz-request-id"};

	(void)aws_error_parse(&sdk->mem, read_body(sdk, answer->body), ret_error);
	if (word[0] != '\0')
		ret_error->code = plain_word(&sdk->mem, word);
	if (ret_error->code[0] == '\0')
		ret_error->code = by_status(answer->status);
	for (size_t i = 0; i < COUNT(ids) && ret_error->request_id[0] == '\0'; i++)
		ret_error->request_id = davit_sdk_http_header(answer, ids[i]);
	word = davit_sdk_http_header(answer, "x-amz-bucket-region");
	if (word[0] != '\0')
		ret_error->region = word;
}

/* --- what it means --- */

/* Codes that say more than their status does; nothing was done but where AGAIN stands. */
#define AGAIN (-1) /* unclear what became of it, and worth another attempt */

static const struct {
	const char *code;
	int32_t result;
} classes[] = {
	{"AccessDenied", DAVIT_AUTH},
	{"AccessDeniedException", DAVIT_AUTH},
	{"AuthFailure", DAVIT_AUTH},
	{"AuthorizationHeaderMalformed", DAVIT_AUTH},
	{"BandwidthLimitExceeded", DAVIT_THROTTLED},
	{"BucketAlreadyExists", DAVIT_CONFLICT},
	{"BucketAlreadyOwnedByYou", DAVIT_CONFLICT},
	{"ConditionalRequestConflict", DAVIT_RETRY},
	{"EC2ThrottledException", DAVIT_THROTTLED},
	{"ExpiredToken", DAVIT_AUTH},
	{"ExpiredTokenException", DAVIT_AUTH},
	{"Forbidden", DAVIT_AUTH},
	{"IDPCommunicationError", DAVIT_RETRY},
	{"IncompleteSignature", DAVIT_AUTH},
	{"InternalError", AGAIN},
	{"InternalFailure", AGAIN},
	{"InvalidAccessKeyId", DAVIT_AUTH},
	{"InvalidClientTokenId", DAVIT_AUTH},
	{"InvalidIdentityToken", DAVIT_AUTH},
	{"InvalidSignatureException", DAVIT_AUTH},
	{"InvalidToken", DAVIT_AUTH},
	{"LimitExceededException", DAVIT_THROTTLED},
	{"MissingAuthenticationToken", DAVIT_AUTH},
	{"NoSuchBucket", DAVIT_NOT_FOUND},
	{"NoSuchKey", DAVIT_NOT_FOUND},
	{"NoSuchUpload", DAVIT_NOT_FOUND},
	{"NotFound", DAVIT_NOT_FOUND},
	{"OperationAborted", DAVIT_RETRY},
	{"PreconditionFailed", DAVIT_CONFLICT},
	{"PriorRequestNotComplete", DAVIT_THROTTLED},
	{"ProvisionedThroughputExceededException", DAVIT_THROTTLED},
	{"RequestExpired", DAVIT_AUTH},
	{"RequestLimitExceeded", DAVIT_THROTTLED},
	{"RequestThrottled", DAVIT_THROTTLED},
	{"RequestThrottledException", DAVIT_THROTTLED},
	{"RequestTimeTooSkewed", DAVIT_AUTH},
	{"RequestTimeout", AGAIN},
	{"RequestTimeoutException", AGAIN},
	{"ResourceInUse", DAVIT_CONFLICT},
	{"ResourceLimitExceeded", DAVIT_QUOTA},
	{"ResourceNotFound", DAVIT_NOT_FOUND},
	{"ResourceNotFoundException", DAVIT_NOT_FOUND},
	{"ServiceQuotaExceededException", DAVIT_QUOTA},
	{"ServiceUnavailable", AGAIN},
	{"SignatureDoesNotMatch", DAVIT_AUTH},
	{"SlowDown", DAVIT_THROTTLED},
	{"ThrottledException", DAVIT_THROTTLED},
	{"Throttling", DAVIT_THROTTLED},
	{"ThrottlingException", DAVIT_THROTTLED},
	{"TooManyRequestsException", DAVIT_THROTTLED},
	{"TransactionInProgressException", DAVIT_THROTTLED},
	{"UnrecognizedClientException", DAVIT_AUTH},
};

int32_t aws_error_class(const struct davit_sdk_answer *answer, const struct aws_error *error)
{
	if (davit_sdk_bool_at(answer->head, "/unclear", false))
		return davit_sdk_http_class(answer);
	for (size_t i = 0; i < COUNT(classes); i++) {
		if (strcmp(classes[i].code, error->code) != 0)
			continue;
		if (classes[i].result != AGAIN)
			return classes[i].result;
		return (answer->flags & DAVIT_HTTP_MUTATES) != 0 ? DAVIT_DEADLINE : DAVIT_RETRY;
	}
	return davit_sdk_http_class(answer);
}

int32_t aws_error_fail(struct davit_sdk *sdk, const struct davit_sdk_answer *answer,
	const struct aws_error *error, const char *what)
{
	return davit_sdk_http_fail(sdk, answer, aws_error_class(answer, error),
		error->code[0] != '\0' ? error->code : NULL,
		error->request_id[0] != '\0' ? error->request_id : NULL,
		"%s: the service answers %d%s%s%s%.500s", what, (int)answer->status,
		error->code[0] != '\0' ? " " : "", error->code,
		error->message[0] != '\0' ? ": " : "", error->message);
}
