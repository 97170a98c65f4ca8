/* Memory for libcurl. */
#include "net/wipe.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "net/sparse.h"

#define PIECE_BYTES ((size_t)4096)

/* Not where there is nothing: pages of a large buffer that were never used would become memory. */
static void wipe(char *p, size_t n)
{
	for (size_t at = 0, piece; at < n; at += piece) {
		piece = n - at < PIECE_BYTES ? n - at : PIECE_BYTES;
		if (p[at] != 0 || memcmp(p + at, p + at + 1, piece - 1) != 0)
			explicit_bzero(p + at, piece);
	}
}

static void free_wiped(void *p)
{
	if (p != NULL)
		wipe(p, sparse_usable(p));
	sparse_free(p);
}

/* realloc() would leave what was there behind. */
static void *realloc_wiped(void *p, size_t n)
{
	size_t before = p != NULL ? sparse_usable(p) : 0;
	void *grown;

	if (n <= before && n > before / 2)
		return p;
	grown = sparse_malloc(n > 0 ? n : 1);
	if (grown == NULL)
		return NULL;
	if (p != NULL)
		memcpy(grown, p, n < before ? n : before);
	free_wiped(p);
	return grown;
}

bool wipe_curl(void)
{
	return curl_global_init_mem(CURL_GLOBAL_DEFAULT, sparse_malloc, free_wiped, realloc_wiped,
		       strdup, calloc) == CURLE_OK;
}
