/*
 * Paths, queries, headers and dates as they are signed: what is canonical is its own canonical
 * form, and only has bytes that may be sent. Input: path NUL query NUL header's value.
 */
#include <davit/sdk.h>

#include <stdlib.h>
#include <string.h>

#include "kit/canonical.h"
#include "kit/http_date.h"

#define ROOM ((size_t)1024 * 1024)

static struct davit_sdk_mem mem;

static void must(bool right)
{
	if (!right)
		abort();
}

static void check_bytes(const struct parts *t, const char *also)
{
	for (size_t i = 0; i < t->n; i++) {
		char c = t->p[i];

		must((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			strchr("-._~%", c) != NULL || strchr(also, c) != NULL);
	}
}

static void check_same(const struct parts *a, const struct parts *b)
{
	must(a->failed || b->failed || (a->n == b->n && memcmp(a->p, b->p, a->n) == 0));
}

static void check_path(const char *path)
{
	struct parts once, again, plain;

	parts_begin(&once, &mem);
	canonical_path(&once, path, true);
	parts_begin(&again, &mem);
	canonical_path(&again, once.p, true);
	check_same(&once, &again);
	check_bytes(&once, "/");
	parts_begin(&plain, &mem);
	canonical_path(&plain, path, false);
	check_bytes(&plain, "/");
	if (plain.failed)
		return;
	must(plain.p[0] == '/' && strstr(plain.p, "//") == NULL && strstr(plain.p, "/./") == NULL &&
		strstr(plain.p, "/../") == NULL);
}

static struct parts query_of(const char *query)
{
	struct canonical_list list;
	struct parts out;

	canonical_begin(&list, &mem, canonical_count(query));
	canonical_split(&list, &mem, query);
	canonical_sort(&list, true);
	parts_begin(&out, &mem);
	canonical_query(&out, &list);
	return out;
}

static void check_query(const char *query)
{
	struct parts once = query_of(query);
	struct parts again = query_of(once.p);

	check_same(&once, &again);
	check_bytes(&once, "=&");
}

static void check_header(const char *value)
{
	struct canonical_list list;
	struct parts out;

	canonical_begin(&list, &mem, 3);
	canonical_add(&list, canonical_name(&mem, "X-B"), value, NULL);
	canonical_add(&list, canonical_name(&mem, "X-A"), value, NULL);
	canonical_add(&list, canonical_name(&mem, "x-b"), value, NULL);
	canonical_sort(&list, false);
	parts_begin(&out, &mem);
	canonical_headers(&out, &list);
	if (out.failed)
		return;
	must(strncmp(out.p, "x-a:", 4) == 0 && strstr(out.p, "  ") == NULL);
	must(strchr(out.p, '\n') != NULL && strstr(out.p, "\nx-b:") == strchr(out.p, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char room[ROOM], text[4096 + 3];
	const char *query, *value;

	if (n > 4096)
		return 0;
	memcpy(text, data, n);
	memset(text + n, 0, 3);
	query = text + strlen(text) + 1;
	value = query <= text + n ? query + strlen(query) + 1 : query;
	davit_sdk_mem_buffer(&mem, room, ROOM);
	check_path(text);
	check_query(query);
	check_header(value <= text + n + 2 ? value : "");
	(void)http_date_ms(text);
	return 0;
}
