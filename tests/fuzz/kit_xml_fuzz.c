/*
 * Answers in XML as providers read them: a walk over everything, taking texts as the first byte
 * says, and the reading of errors. A walk ends, in a bounded depth, with texts that are UTF-8 and
 * no longer than what they were written in; what failed stays failed.
 */
#include <davit/sdk.h>

#include <stdlib.h>
#include <string.h>

#include "kit/aws_error.h"
#include "kit/xml.h"

#define ROOM ((size_t)1024 * 1024)

static void must(bool right)
{
	if (!right)
		abort();
}

static void check_text(davit_buf text, size_t most)
{
	must(text.p != NULL && text.n <= most && strlen(text.p) == text.n);
	for (size_t i = 0; i < text.n;) {
		size_t n = davit_sdk_utf8(text.p + i, text.n - i);

		must(n > 0);
		i += n;
	}
}

/* Every element below level, as deep as the bits of what say. */
static void walk(struct xml *x, struct davit_sdk_mem *mem, uint32_t level, uint8_t what, size_t n)
{
	while (xml_child(x, level)) {
		uint32_t inner = x->depth;

		must(inner == level + 1 && inner <= XML_DEPTH_MAX && x->problem == NULL);
		must(xml_name(x).n <= n);
		if ((what >> inner % 8 & 1) != 0)
			check_text(xml_text(x, mem), n);
		else if (inner % 3 != 0)
			walk(x, mem, inner, what, n);
	}
	must(x->problem == NULL || x->depth == 0);
	must(x->depth < level || x->problem != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char room[ROOM];
	struct davit_sdk_mem mem;
	struct aws_error error;
	struct xml x;

	if (n < 1)
		return 0;
	davit_buf text = {(const char *)data + 1, n - 1};
	davit_sdk_mem_buffer(&mem, room, data[0] == 255 ? 64 : ROOM);
	uint32_t root = xml_root(&x, text, data[0] == 254 ? "List" : NULL);
	must((root == 1 && x.depth == 1) || (root == 0 && x.depth == 0));
	if (root > 0)
		walk(&x, &mem, root, data[0], text.n);
	must(!xml_child(&x, root) && x.p == x.end);
	if (x.problem != NULL)
		must(xml_text(&x, &mem).n == 0);
	davit_sdk_mem_buffer(&mem, room, ROOM);
	if (aws_error_parse(&mem, text, &error))
		must(strlen(error.code) + strlen(error.message) <= 2 * text.n);
	return 0;
}
