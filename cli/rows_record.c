/* rows_record - see rows_record.h. */
#include "rows_record.h"

void record_begin(struct record *r)
{
	buf_clear(&r->text);
	r->cells = 0;
	r->place = RECORD_START;
}

bool record_end(struct record *r)
{
	if (r->cells == ROW_CELLS_MAX)
		return false;
	r->ends[r->cells++] = r->text.n;
	buf_byte(&r->text, '\0');
	return !r->text.failed;
}

/* Takes a byte in a cell; the place after it. */
static enum record_place take_byte(struct record *r, int c)
{
	if (c == '"' && r->place == RECORD_START)
		return RECORD_QUOTED;
	if (c == '"' && r->place == RECORD_QUOTED)
		return RECORD_QUOTE;
	buf_byte(&r->text, (char)c);
	return r->place == RECORD_QUOTED || (r->place == RECORD_QUOTE && c == '"') ? RECORD_QUOTED
	                                                                           : RECORD_PLAIN;
}

bool record_may_end(const struct record *r)
{
	return r->place != RECORD_QUOTED;
}

bool record_take(struct record *r, int byte)
{
	bool outside = r->place != RECORD_QUOTED;

	if (outside && byte == ',') {
		if (!record_end(r))
			return false;
		r->place = RECORD_START;
	} else if (!(outside && byte == '\r')) {
		r->place = take_byte(r, byte);
	}
	return !r->text.failed;
}

const char *record_cell(const struct record *r, size_t i)
{
	return r->text.p + (i == 0 ? 0 : r->ends[i - 1] + 1);
}

size_t record_size(const struct record *r, size_t i)
{
	return r->ends[i] - (i == 0 ? 0 : r->ends[i - 1] + 1);
}
