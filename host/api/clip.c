/* clip - see clip.h. */
#include "api/clip.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

void clip_init(struct clip *c, size_t limit)
{
	*c = (struct clip){.half = limit / 2};
	buf_init(&c->head, c->half + 1);
}

void clip_finish(struct clip *c)
{
	buf_finish(&c->head);
	free(c->tail);
	c->tail = NULL;
}

static void add_tail(struct clip *c, const char *bytes, size_t n)
{
	if (c->tail == NULL)
		c->tail = malloc(c->half);
	if (c->tail == NULL) {
		c->failed = true;
		return;
	}
	if (n > c->half) { /* only its end can stay */
		c->beyond += n - c->half;
		bytes += n - c->half;
		n = c->half;
	}
	while (n > 0) {
		size_t at = (size_t)(c->beyond % c->half);
		size_t piece = n < c->half - at ? n : c->half - at;

		memcpy(c->tail + at, bytes, piece);
		c->beyond += piece;
		bytes += piece;
		n -= piece;
	}
}

void clip_add(struct clip *c, const char *bytes, size_t n)
{
	size_t room = c->half - c->head.n;
	size_t first = n < room ? n : room;

	buf_add(&c->head, bytes, first);
	if (c->head.failed)
		c->failed = true;
	if (n > first && !c->failed)
		add_tail(c, bytes + first, n - first);
}

json_t *clip_json(const struct clip *c)
{
	size_t at = c->tail != NULL ? (size_t)(c->beyond % c->half) : 0;
	json_t *text = NULL;
	struct buf b;

	if (c->failed)
		return NULL;
	buf_init(&b, 2 * c->half + 200);
	buf_add(&b, c->head.p != NULL ? c->head.p : "", c->head.n);
	if (c->beyond > c->half) {
		buf_printf(&b, "\n[... %" PRIu64 " bytes left out ...]\n", c->beyond - c->half);
		buf_add(&b, c->tail + at, c->half - at);
	}
	if (c->beyond > 0)
		buf_add(&b, c->tail, c->beyond > c->half ? at : (size_t)c->beyond);
	if (!b.failed)
		text = json_text_any(b.p != NULL ? b.p : "", b.n);
	buf_finish(&b);
	return text;
}
