/* The pointer of a walk through JSON, and the one kind of reference a schema may have. */
#include "base/schema_path.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

static void add_bytes(struct schema_path *p, const char *bytes, size_t n)
{
	if (n >= sizeof(p->text) - p->n)
		return;
	memcpy(p->text + p->n, bytes, n);
	p->n += n;
	p->text[p->n] = '\0';
}

size_t schema_path_add(struct schema_path *p, const char *token)
{
	size_t mark = p->n;

	add_bytes(p, "/", 1);
	for (; *token != '\0'; token++) {
		if (*token == '~')
			add_bytes(p, "~0", 2);
		else if (*token == '/')
			add_bytes(p, "~1", 2);
		else
			add_bytes(p, token, 1);
	}
	return mark;
}

size_t schema_path_add_index(struct schema_path *p, size_t index)
{
	char token[24];

	snprintf(token, sizeof(token), "%zu", index);
	return schema_path_add(p, token);
}

void schema_path_cut(struct schema_path *p, size_t mark)
{
	p->n = mark;
	p->text[mark] = '\0';
}

const json_t *schema_ref(const json_t *root, const json_t *ref)
{
	static const char prefix[] = "#/$defs/";
	const char *text = json_string_value(ref);

	if (text == NULL || strncmp(text, prefix, sizeof(prefix) - 1) != 0 ||
		strchr(text + sizeof(prefix) - 1, '/') != NULL)
		return NULL;
	return json_at(root, text + 1);
}
