/* A stream in pieces: what may be the beginning of a value waits for the next one. */
#include <stdlib.h>
#include <string.h>

#include "secret/crypto.h"
#include "secret/redact.h"

static bool pass(struct redact_stream *s, char *all, size_t n, bool end, redact_out *out, void *ctx)
{
	size_t held = 0;
	bool ok;

	redact_even(all, n, &s->masked, end ? NULL : &held);
	ok = n == held || out(ctx, all, n - held);
	if (held > 0) {
		s->held = malloc(held);
		if (s->held == NULL)
			return false;
		memcpy(s->held, all + n - held, held);
		s->n = held;
	}
	return ok;
}

static void drop_held(struct redact_stream *s)
{
	crypto_cleanse(s->held, s->n);
	free(s->held);
	s->held = NULL;
	s->n = 0;
}

static bool take(
	struct redact_stream *s, const void *bytes, size_t n, bool end, redact_out *out, void *ctx)
{
	size_t whole = s->n + n;
	char *all = malloc(whole + 1);
	bool ok;

	if (all == NULL)
		return false;
	if (s->n > 0)
		memcpy(all, s->held, s->n);
	if (n > 0)
		memcpy(all + s->n, bytes, n);
	drop_held(s);
	ok = pass(s, all, whole, end, out, ctx);
	crypto_cleanse(all, whole);
	free(all);
	return ok;
}

bool redact_stream_add(
	struct redact_stream *s, const void *bytes, size_t n, redact_out *out, void *ctx)
{
	return take(s, bytes, n, false, out, ctx);
}

bool redact_stream_end(struct redact_stream *s, redact_out *out, void *ctx)
{
	return s->n == 0 || take(s, NULL, 0, true, out, ctx);
}

void redact_stream_finish(struct redact_stream *s)
{
	drop_held(s);
	*s = (struct redact_stream){0};
}
