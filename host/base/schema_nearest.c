/* The nearest known word to one that nobody knows: what its writer probably meant. */
#include <stdint.h>
#include <string.h>

#include "base/schema.h"

#define WORD_MAX 64 /* longer words are not compared */

static int fold(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, changes and swaps of neighbours that turn a into b; case is free. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t rows[3][WORD_MAX + 1];

	for (size_t j = 0; j <= b_length; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		const size_t *before = rows[(i + 1) % 3], *above = rows[(i - 1) % 3];
		size_t *row = rows[i % 3];

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			bool same = fold(a[i - 1]) == fold(b[j - 1]);

			row[j] = least(least(row[j - 1], above[j]) + 1, above[j - 1] + !same);
			if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
				fold(a[i - 2]) == fold(b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
	}
	return rows[a_length % 3][b_length];
}

const char *schema_nearest(const char *text, const char *const *words, size_t n)
{
	size_t length = strlen(text);
	size_t best = length / 3 > 0 ? length / 3 : 1;
	const char *nearest = NULL;

	if (length == 0 || length > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t word_length = strlen(words[i]);
		size_t d;

		if (word_length > WORD_MAX)
			continue;
		d = distance(text, length, words[i], word_length);
		if (d < best || (d == best && nearest == NULL)) {
			best = d;
			nearest = words[i];
		}
	}
	return nearest;
}
