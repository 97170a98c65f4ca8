/* rows_json - a line of JSON as an instance. See rows.h. */
#include <stdlib.h>

#include "raw.h"
#include "rows.h"

/* Is a member or an element among those left out: by its key, or its number from 0? */
static bool is_left_out(const struct rows_options *options, struct raw key, size_t index)
{
	for (size_t i = 0; i < options->exclude_count; i++) {
		const char *word = options->exclude[i];
		char *end;

		if (key.p != NULL ? raw_is_key(key, word)
				  : strtoul(word, &end, 10) == index && end != word && *end == '\0')
			return true;
	}
	return false;
}

bool rows_put_json(struct buf *out, const char *text, size_t n, const struct rows_options *options,
	struct fail *f)
{
	struct raw value, key, part;
	size_t at = 0, put = 0;
	bool array;

	if (!raw_check(text, n, f))
		return false;
	value = raw_value(text, n);
	array = raw_is_array(value);
	if (options->exclude_count == 0 || !(array || raw_is_object(value))) {
		raw_put(out, value);
		return true;
	}
	buf_text(out, array ? "[" : "{");
	for (size_t i = 0; raw_next(value, &at, &key, &part); i++) {
		if (is_left_out(options, key, i))
			continue;
		buf_text(out, put++ > 0 ? "," : "");
		if (!array) {
			raw_put(out, key);
			buf_text(out, ":");
		}
		raw_put(out, part);
	}
	buf_text(out, array ? "]" : "}");
	return true;
}
