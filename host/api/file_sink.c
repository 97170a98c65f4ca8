/* file_sink - see file_sink.h. */
#include "api/file_sink.h"

#include "http/exchange.h"

/* Whatever a file holds, a browser shall save it and not act upon it. */
static bool take_head(void *ctx, int status, const char *content_type)
{
	struct file_sink *s = ctx;

	(void)content_type;
	if (status >= 400)
		return false;
	s->begun = true;
	exchange_set_header(s->x, "Content-Disposition", "attachment");
	exchange_stream_begin(s->x, 200, "application/octet-stream");
	return true;
}

static bool take_bytes(void *ctx, const void *bytes, size_t n)
{
	struct file_sink *s = ctx;

	return exchange_stream_bytes(s->x, bytes, n);
}

void file_sink_init(struct file_sink *s, struct exchange *x)
{
	*s = (struct file_sink){
		.x = x,
		.sink = {.head = take_head, .bytes = take_bytes, .ctx = s},
	};
}
