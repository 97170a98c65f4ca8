/*
 * xml - reads the answers of services that speak XML: a walk over the elements of a text that is
 * all there, forwards only, without a tree. Attributes, comments and processing instructions are
 * passed over; a prefix of a name ("a:Key") does not count, for services differ in it.
 *
 * Refused: a document type (so there are no entities but the five of XML and numbers), more
 * levels than XML_DEPTH_MAX, text that is not UTF-8, what is cut or not well formed. White space
 *may stand before everything. Failures stick: go on, and look at problem once, at the end. [any]
 *
 *	struct xml x;
 *	uint32_t list, item;
 *
 *	for (list = xml_root(&x, body, "List"); xml_child(&x, list);)
 *		if (xml_is(&x, "Contents"))
 *			for (item = x.depth; xml_child(&x, item);)
 *				if (xml_is(&x, "Key"))
 *					key = xml_text(&x, mem);
 *	if (x.problem != NULL) …
 */
#ifndef PLUGINS_KIT_XML_H
#define PLUGINS_KIT_XML_H

#include <davit/sdk.h>

#include <stdbool.h>
#include <stddef.h>

#define XML_DEPTH_MAX 32

struct xml {
	const char *p, *end;            /* what is left of the text */
	uint32_t depth;                 /* elements that are open */
	davit_buf names[XML_DEPTH_MAX]; /* of them, whole, in the text */
	bool closes;                    /* the one that is open ends where it began: <a/> */
	bool rooted;                    /* the first one has been seen */
	const char *problem; /* why it cannot be read: a constant sentence; NULL: it can */
};

/* Begins at the root element; its level, for xml_child(). 0: it has another name (then problem is
 * NULL and the walk is over), or cannot be read. name NULL: any. Borrows text. */
uint32_t xml_root(struct xml *x, davit_buf text, const char *name);

/* Goes on to the next element right inside that of level, past what is left of the one before.
 * false: there is none; at the end of the root the text has been read to its end. */
bool xml_child(struct xml *x, uint32_t level);

/* Is the element that was just come to called so? */
bool xml_is(const struct xml *x, const char *name);

/* Its name, in the text: without a NUL. */
davit_buf xml_name(const struct xml *x);

/* Its text, a NUL behind it and none in it, and on to its end; elements in it make the reading
 * fail. p is never NULL: "" after a failure. */
davit_buf xml_text(struct xml *x, struct davit_sdk_mem *mem);

#endif
