/* What libcurl says of its own retries. */
#include "net/undone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 128

static bool begins(const char *line, const char *word)
{
	return strncmp(line, word, strlen(word)) == 0;
}

/*
 * libcurl knows it and has no call that tells. It says so in its log, which is read here: where it
 * would send the request again, or, of a connection that has nothing else to do, by its number and
 * the last one of GOAWAY. Should a later libcurl say it in other words, the request ends as one of
 * which nobody knows what became of it.
 */
void undone_hear(struct undone *u, const char *text, size_t n)
{
	static const char stream[] = "Using Stream ID: ", last[] = "last_stream=";
	char line[LINE_BYTES];
	const char *at;

	(void)snprintf(line, sizeof(line), "%.*s", n < LINE_BYTES ? (int)n : LINE_BYTES, text);
	if (begins(line, stream))
		u->stream = strtoul(line + strlen(stream), NULL, 10);
	at = begins(line, "recveived GOAWAY") || begins(line, "received GOAWAY")
	             ? strstr(line, last)
	             : NULL;
	if (begins(line, "REFUSED_STREAM") ||
		(at != NULL && u->stream > strtoul(at + strlen(last), NULL, 10)))
		u->said = true;
}

// NOLINTNEXTLINE(readability-non-const-parameter): curl says what types they have
static int hear(CURL *easy, curl_infotype type, char *text, size_t n, void *arg)
{
	(void)easy;
	if (type == CURLINFO_TEXT)
		undone_hear(arg, text, n);
	return 0;
}

/*
 * Of a kept connection libcurl takes every end before an answer for one that came before the
 * request, so that it would hide that a request was refused, or send one again that was acted on.
 * With this request of RTSP, which means nothing to HTTP, it does not.
 */
void undone_watch(CURL *easy, struct undone *u)
{
	curl_easy_setopt(easy, CURLOPT_RTSP_REQUEST, (long)CURL_RTSPREQ_RECEIVE);
	curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, hear);
	curl_easy_setopt(easy, CURLOPT_DEBUGDATA, u);
	curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
}
