/* Paths, queries and headers as they are signed. */
#include "kit/canonical.h"

#include <stdlib.h>
#include <string.h>

/* --- lists --- */

void canonical_begin(struct canonical_list *list, struct davit_sdk_mem *mem, size_t cap)
{
	*list = (struct canonical_list){.cap = cap};
	list->items = davit_sdk_alloc(mem, (cap + 1) * sizeof(*list->items));
	list->failed = list->items == NULL;
}

void canonical_add(
	struct canonical_list *list, const char *name, const char *value, const struct parts *parts)
{
	list->failed = list->failed || list->n == list->cap || name == NULL || value == NULL;
	if (list->failed)
		return;
	list->items[list->n] = (struct canonical_pair){name, value, parts, list->n};
	list->n++;
}

static int compare_places(const void *a, const void *b)
{
	const struct canonical_pair *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

static int compare_values(const void *a, const void *b)
{
	const struct canonical_pair *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : strcmp(x->value, y->value);
}

void canonical_sort(struct canonical_list *list, bool by_value)
{
	if (!list->failed)
		qsort(list->items, list->n, sizeof(*list->items),
			by_value ? compare_values : compare_places);
}

/* --- what is encoded --- */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The n bytes at text, where %XX stands for a byte, each as parts_percent() writes it. */
static void again(struct parts *out, const char *text, size_t n, const char *plain)
{
	for (size_t i = 0; i < n; i++) {
		char byte = text[i];

		if (byte == '%' && n - i > 2 && digit(text[i + 1]) >= 0 &&
			digit(text[i + 2]) >= 0) {
			byte = (char)(digit(text[i + 1]) * 16 + digit(text[i + 2]));
			i += 2;
		}
		parts_percent(out, (davit_buf){&byte, 1}, plain);
	}
}

/* --- the path --- */

static void drop_segment(struct parts *out)
{
	while (out->n > 0 && out->p[out->n - 1] != '/')
		out->n--;
	if (out->n > 0)
		out->n--;
}

static void add_segment(struct parts *out, const char *segment, size_t n)
{
	if (n == 0 || (n == 1 && segment[0] == '.'))
		return;
	if (n == 2 && segment[0] == '.' && segment[1] == '.') {
		drop_segment(out);
		return;
	}
	parts_byte(out, '/');
	parts_percent(out, (davit_buf){segment, n}, "");
}

static void shorten(struct parts *out, const char *path)
{
	size_t n = strlen(path);

	for (const char *p = path; *p != '\0';) {
		size_t length = strcspn(p, "/");

		add_segment(out, p, length);
		p += length + (p[length] == '/' ? 1 : 0);
	}
	if (out->n == 0 || path[n - 1] == '/')
		parts_byte(out, '/');
}

void canonical_path(struct parts *out, const char *path, bool once)
{
	struct parts own;

	parts_begin(&own, out->mem);
	if (path[0] == '\0')
		parts_byte(&own, '/');
	else if (once)
		again(&own, path, strlen(path), "/");
	else
		shorten(&own, path);
	parts_add(out, &own);
}

/* --- the query --- */

size_t canonical_count(const char *query)
{
	size_t n = 1;

	for (; *query != '\0'; query++)
		n += *query == '&' ? 1 : 0;
	return n;
}

static const char *encoded(struct davit_sdk_mem *mem, const char *text, size_t n)
{
	struct parts out;

	parts_begin(&out, mem);
	again(&out, text, n, "");
	return out.failed ? NULL : out.p;
}

void canonical_split(struct canonical_list *list, struct davit_sdk_mem *mem, const char *query)
{
	while (*query != '\0') {
		size_t n = strcspn(query, "&");
		size_t name = 0;

		while (name < n && query[name] != '=')
			name++;
		if (n > 0)
			canonical_add(list, encoded(mem, query, name),
				name < n ? encoded(mem, query + name + 1, n - name - 1) : "", NULL);
		query += n + (query[n] == '&' ? 1 : 0);
	}
}

void canonical_query(struct parts *out, const struct canonical_list *list)
{
	out->failed = out->failed || list->failed;
	for (size_t i = 0; i < list->n; i++) {
		const struct canonical_pair *pair = &list->items[i];

		if (i > 0)
			parts_byte(out, '&');
		parts_text(out, pair->name);
		parts_byte(out, '=');
		if (pair->parts != NULL)
			parts_add(out, pair->parts);
		else
			parts_text(out, pair->value);
	}
}

/* --- headers --- */

const char *canonical_name(struct davit_sdk_mem *mem, const char *name)
{
	size_t n = strlen(name);
	char *copy = davit_sdk_alloc(mem, n + 1);

	for (size_t i = 0; copy != NULL && i < n; i++)
		copy[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
	return copy;
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void add_value(struct parts *out, const char *value)
{
	bool begun = false;

	while (*value != '\0') {
		bool gap = is_blank(*value);

		while (is_blank(*value))
			value++;
		if (*value == '\0')
			return;
		if (gap && begun)
			parts_byte(out, ' ');
		parts_byte(out, *value++);
		begun = true;
	}
}

static bool same_name(const struct canonical_list *list, size_t i)
{
	return i > 0 && strcmp(list->items[i].name, list->items[i - 1].name) == 0;
}

void canonical_headers(struct parts *out, const struct canonical_list *list)
{
	out->failed = out->failed || list->failed;
	for (size_t i = 0; i < list->n; i++) {
		const struct canonical_pair *pair = &list->items[i];

		if (same_name(list, i)) {
			parts_byte(out, ',');
		} else {
			parts_text(out, i > 0 ? "\n" : "");
			parts_text(out, pair->name);
			parts_byte(out, ':');
		}
		if (pair->parts != NULL)
			parts_add(out, pair->parts);
		else
			add_value(out, pair->value);
	}
	if (list->n > 0)
		parts_byte(out, '\n');
}

void canonical_names(struct parts *out, const struct canonical_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (same_name(list, i))
			continue;
		parts_text(out, i > 0 ? ";" : "");
		parts_text(out, list->items[i].name);
	}
}
