/* Whose clock is wrong: what the other side takes for its time counts. */
#include "kit/sigv4.h"

#include <string.h>

#include "kit/http_date.h"

#define SLOW_MS ((int64_t)15 * 60 * 1000) /* an answer after that tells no time */

/* Errors by which a service may mean that. */
static bool may_be_late(const char *word)
{
	static const char *const words[] = {"RequestTimeTooSkewed", "RequestExpired",
		"RequestInTheFuture", "InvalidSignatureException", "SignatureDoesNotMatch",
		"AuthFailure", "AccessDenied", "AccessDeniedException"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

bool sigv4_learn_clock(struct sigv4 *s, const struct davit_sdk_answer *answer, const char *word,
	int64_t server_ms, int64_t sent_ms)
{
	int64_t now_ms = s->sdk->host->core->now_ms(s->sdk->call);
	int64_t offset_ms;

	/* What lay in a cache, or came late, says when it was made. */
	if (!may_be_late(word) || davit_sdk_http_header(answer, "age")[0] != '\0' ||
		now_ms - sent_ms > SLOW_MS)
		return false;
	if (server_ms <= 0)
		server_ms = http_date_ms(davit_sdk_http_header(answer, "date"));
	if (server_ms < 0)
		return false;
	offset_ms = server_ms - now_ms;
	if (offset_ms - s->offset_ms < SIGV4_SKEW_MS && s->offset_ms - offset_ms < SIGV4_SKEW_MS)
		return false;
	s->offset_ms = offset_ms;
	return true;
}
