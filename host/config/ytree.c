/* Builds the tree from the events of libyaml, which have the marks its documents lose. */
#include "config/ytree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/fail.h"

struct builder {
	const char *file;
	yaml_parser_t parser;
	size_t nodes;
	struct fail *f;
};

bool ytree_refuse(struct fail *f, const char *file, int line, const char *fmt, ...)
{
	char text[sizeof(f->text)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return fail_set(f, FAIL_INVALID, "%s:%d: %s", file, line, text);
}

static int line_of(yaml_mark_t mark)
{
	return mark.line < 1000000000 ? (int)mark.line + 1 : 0;
}

static bool refuse_yaml(struct builder *b)
{
	const yaml_parser_t *p = &b->parser;

	if (p->error == YAML_MEMORY_ERROR)
		return fail_set(b->f, FAIL_INTERNAL, "%s: out of memory", b->file);
	return ytree_refuse(b->f, b->file, line_of(p->problem_mark), "not YAML: %s%s%s",
		p->problem != NULL ? p->problem : "it cannot be read",
		p->context != NULL ? " " : "", p->context != NULL ? p->context : "");
}

/* The next event, which the caller deletes. */
static bool next_event(struct builder *b, yaml_event_t *ret_event)
{
	return yaml_parser_parse(&b->parser, ret_event) == 1 || refuse_yaml(b);
}

static const yaml_char_t *anchor_of(const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return e->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return e->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return e->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

static const yaml_char_t *tag_of(const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return e->data.scalar.tag;
	case YAML_SEQUENCE_START_EVENT:
		return e->data.sequence_start.tag;
	case YAML_MAPPING_START_EVENT:
		return e->data.mapping_start.tag;
	default:
		return NULL;
	}
}

static bool accept_event(struct builder *b, const yaml_event_t *e, int depth)
{
	int line = line_of(e->start_mark);

	if (e->type == YAML_ALIAS_EVENT || anchor_of(e) != NULL)
		return ytree_refuse(b->f, b->file, line,
			"anchors and aliases (&name, *name) are not allowed; write the value out");
	if (tag_of(e) != NULL)
		return ytree_refuse(b->f, b->file, line,
			"tags (!name) are not allowed; quote a value to make it text");
	if (depth > YTREE_DEPTH_MAX)
		return ytree_refuse(b->f, b->file, line, "more than %d levels", YTREE_DEPTH_MAX);
	if (++b->nodes > YTREE_NODES_MAX)
		return ytree_refuse(b->f, b->file, line, "more than %d values", YTREE_NODES_MAX);
	return true;
}

/* The text of a scalar, owned by the caller. */
static char *take_text(struct builder *b, const yaml_event_t *e)
{
	const char *value = (const char *)e->data.scalar.value;
	char *text;

	if (strlen(value) != e->data.scalar.length) {
		ytree_refuse(b->f, b->file, line_of(e->start_mark), "a text has a NUL byte");
		return NULL;
	}
	text = strdup(value);
	if (text == NULL)
		fail_set(b->f, FAIL_INTERNAL, "%s: out of memory", b->file);
	return text;
}

static void append(struct ytree *parent, struct ytree *child)
{
	if (parent->last == NULL)
		parent->first = child;
	else
		parent->last->next = child;
	parent->last = child;
	parent->count++;
}

static struct ytree *read_node(struct builder *b, const yaml_event_t *e, int depth);

static bool read_items(struct builder *b, struct ytree *list, int depth)
{
	for (;;) {
		struct ytree *item;
		yaml_event_t e;
		bool end;

		if (!next_event(b, &e))
			return false;
		end = e.type == YAML_SEQUENCE_END_EVENT;
		item = end ? NULL : read_node(b, &e, depth + 1);
		yaml_event_delete(&e);
		if (item == NULL)
			return end;
		append(list, item);
	}
}

/* The value of the key that e is. */
static struct ytree *read_member(
	struct builder *b, const struct ytree *map, const yaml_event_t *e, int depth)
{
	int line = line_of(e->start_mark);
	struct ytree *value = NULL;
	yaml_event_t value_event;
	const struct ytree *before;
	char *key;

	if (!accept_event(b, e, depth))
		return NULL;
	if (e->type != YAML_SCALAR_EVENT) {
		ytree_refuse(b->f, b->file, line, "a key must be a text");
		return NULL;
	}
	key = take_text(b, e);
	if (key == NULL)
		return NULL;
	before = ytree_member(map, key);
	if (before != NULL) {
		ytree_refuse(b->f, b->file, line, "'%s' stands here twice, first in line %d", key,
			before->key_line);
	} else if (next_event(b, &value_event)) {
		value = read_node(b, &value_event, depth + 1);
		yaml_event_delete(&value_event);
	}
	if (value == NULL) {
		free(key);
		return NULL;
	}
	value->key = key;
	value->key_line = line;
	return value;
}

static bool read_members(struct builder *b, struct ytree *map, int depth)
{
	for (;;) {
		struct ytree *value;
		yaml_event_t e;
		bool end;

		if (!next_event(b, &e))
			return false;
		end = e.type == YAML_MAPPING_END_EVENT;
		value = end ? NULL : read_member(b, map, &e, depth);
		yaml_event_delete(&e);
		if (value == NULL)
			return end;
		append(map, value);
	}
}

static bool fill_node(struct builder *b, const yaml_event_t *e, struct ytree *t, int depth)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		t->kind = YTREE_TEXT;
		t->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		t->text = take_text(b, e);
		return t->text != NULL;
	case YAML_SEQUENCE_START_EVENT:
		t->kind = YTREE_LIST;
		return read_items(b, t, depth);
	case YAML_MAPPING_START_EVENT:
		t->kind = YTREE_MAP;
		return read_members(b, t, depth);
	default:
		return ytree_refuse(b->f, b->file, t->line, "a value is missing");
	}
}

/* Recurses at most YTREE_DEPTH_MAX deep. */
static struct ytree *read_node(struct builder *b, const yaml_event_t *e, int depth)
{
	struct ytree *t;

	if (!accept_event(b, e, depth))
		return NULL;
	t = calloc(1, sizeof(*t));
	if (t == NULL) {
		fail_set(b->f, FAIL_INTERNAL, "%s: out of memory", b->file);
		return NULL;
	}
	t->line = line_of(e->start_mark);
	if (fill_node(b, e, t, depth))
		return t;
	ytree_free(t);
	return NULL;
}

static struct ytree *empty_map(struct builder *b)
{
	struct ytree *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		fail_set(b->f, FAIL_INTERNAL, "%s: out of memory", b->file);
		return NULL;
	}
	t->kind = YTREE_MAP;
	t->line = 1;
	return t;
}

/* Passes over what only marks the beginning; *ret_event is the first value, or the end. */
static bool first_event(struct builder *b, yaml_event_t *ret_event)
{
	for (;;) {
		yaml_event_t e;

		if (!next_event(b, &e))
			return false;
		if (e.type != YAML_STREAM_START_EVENT && e.type != YAML_DOCUMENT_START_EVENT) {
			*ret_event = e;
			return true;
		}
		yaml_event_delete(&e);
	}
}

/* After the value only the end of the document and of the text may come. */
static bool expect_end(struct builder *b)
{
	for (;;) {
		yaml_event_t e;
		yaml_event_type_t type;
		int line;

		if (!next_event(b, &e))
			return false;
		type = e.type;
		line = line_of(e.start_mark);
		yaml_event_delete(&e);
		if (type == YAML_STREAM_END_EVENT)
			return true;
		if (type != YAML_DOCUMENT_END_EVENT)
			return ytree_refuse(b->f, b->file, line, "a second document begins here");
	}
}

static struct ytree *build(struct builder *b)
{
	struct ytree *t;
	yaml_event_t e;
	bool empty;

	if (!first_event(b, &e))
		return NULL;
	empty = e.type == YAML_STREAM_END_EVENT;
	t = empty ? empty_map(b) : read_node(b, &e, 1);
	yaml_event_delete(&e);
	if (t == NULL || empty || expect_end(b))
		return t;
	ytree_free(t);
	return NULL;
}

struct ytree *ytree_parse(const char *file, const char *bytes, size_t n, struct fail *f)
{
	struct builder b = {.file = file, .f = f};
	struct ytree *t;

	if (yaml_parser_initialize(&b.parser) != 1) {
		fail_set(f, FAIL_INTERNAL, "%s: out of memory", file);
		return NULL;
	}
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)bytes, n);
	t = build(&b);
	yaml_parser_delete(&b.parser);
	return t;
}

void ytree_free(struct ytree *t)
{
	struct ytree *child, *next;

	if (t == NULL)
		return;
	for (child = t->first; child != NULL; child = next) {
		next = child->next;
		ytree_free(child);
	}
	free(t->key);
	free(t->text);
	free(t);
}

const struct ytree *ytree_member(const struct ytree *map, const char *key)
{
	for (const struct ytree *t = map->first; t != NULL; t = t->next) {
		if (t->key != NULL && strcmp(t->key, key) == 0)
			return t;
	}
	return NULL;
}
