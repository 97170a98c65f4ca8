/*
 * The SDK's JSON reader over any bytes, in a room the first two bytes choose. What it takes it
 * must write again, read again and write the same; every pointer it names must lead back.
 */
#include <davit/sdk.h>

#include <stdlib.h>
#include <string.h>

#define ROOM ((size_t)256 * 1024)

static void must(bool right)
{
	if (!right)
		abort();
}

static davit_buf written(struct davit_sdk_mem *mem, const struct davit_sdk_json *v)
{
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, mem);
	davit_sdk_put_json(&w, NULL, v);
	return davit_sdk_write_end(&w);
}

/* A name that stands twice leads back to the first of that name. */
static void check_pointer(struct davit_sdk_mem *mem, const struct davit_sdk_json *root,
	const struct davit_sdk_json *v)
{
	const char *pointer = davit_sdk_pointer_of(mem, v);
	const struct davit_sdk_json *found = davit_sdk_at(root, pointer);

	if (v != root && pointer[0] == '\0')
		return; /* no room */
	must(found != NULL && found->parent == v->parent);
	must(found == v ||
		(found->name.n == v->name.n && memcmp(found->name.p, v->name.p, v->name.n) == 0));
	for (const struct davit_sdk_json *c = v->first; c != NULL; c = c->next)
		must(c->parent == v);
}

static void check_tree(struct davit_sdk_mem *mem, const struct davit_sdk_json *root)
{
	size_t left = 50;

	check_pointer(mem, root, root);
	for (const struct davit_sdk_json *c = root->first; c != NULL && left-- > 0; c = c->next)
		check_pointer(mem, root, c);
}

static void check_again(struct davit_sdk_mem *mem, const struct davit_sdk_json *v)
{
	davit_buf first = written(mem, v);

	if (first.p == NULL)
		return; /* no room */
	struct davit_sdk_error error = {"", 0};
	const struct davit_sdk_json *again = davit_sdk_parse(mem, first, &error);
	must(again != NULL || strstr(error.reason, "memory") != NULL);
	davit_buf second = again != NULL ? written(mem, again) : first;
	must(second.p == NULL || (second.n == first.n && memcmp(first.p, second.p, first.n) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char room[ROOM];
	struct davit_sdk_mem mem;
	struct davit_sdk_error error = {NULL, SIZE_MAX};

	if (n < 2)
		return 0;
	/* Mostly all of it, now and then too little. */
	size_t size = data[0] < 200 ? ROOM : (size_t)(data[0] - 200) * 256 + data[1];
	davit_sdk_mem_buffer(&mem, room, size);
	davit_buf text = {(const char *)data + 2, n - 2};
	const struct davit_sdk_json *v = davit_sdk_parse(&mem, text, &error);
	if (v == NULL) {
		must(error.reason != NULL && error.offset <= text.n);
		return 0;
	}
	check_tree(&mem, v);
	check_again(&mem, v);
	return 0;
}
