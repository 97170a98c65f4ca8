/* A walk over XML. */
#include "kit/xml.h"

#include <string.h>

enum event {
	EVENT_OPEN,
	EVENT_CLOSE,
	EVENT_END, /* of the text, or it cannot be read */
};

static size_t left(const struct xml *x)
{
	return (size_t)(x->end - x->p);
}

static enum event refuse(struct xml *x, const char *problem)
{
	if (x->problem == NULL)
		x->problem = problem;
	x->p = x->end;
	x->depth = 0;
	x->closes = false;
	return EVENT_END;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool begins(const struct xml *x, const char *word)
{
	size_t n = strlen(word);

	return left(x) >= n && memcmp(x->p, word, n) == 0;
}

static void skip_space(struct xml *x)
{
	while (x->p < x->end && is_space(*x->p))
		x->p++;
}

/* Behind the next word; false with why where it does not come. */
static bool skip_past(struct xml *x, const char *word, const char *problem)
{
	const char *at = memmem(x->p, left(x), word, strlen(word));

	if (at == NULL) {
		(void)refuse(x, problem);
		return false;
	}
	x->p = at + strlen(word);
	return true;
}

/* --- tags --- */

static bool ends_name(char c)
{
	return is_space(c) || c == '>' || c == '/' || c == '=' || c == '<' || c == '"' ||
	       c == '\'' || c == '&';
}

static davit_buf read_name(struct xml *x)
{
	davit_buf name = {x->p, 0};

	while (x->p < x->end && !ends_name(*x->p))
		x->p++;
	name.n = (size_t)(x->p - name.p);
	return name;
}

/* name="value"; false: there is none, or it cannot be read. */
static bool skip_attribute(struct xml *x)
{
	const char *at = x->p;
	const char *quote;

	skip_space(x);
	if (x->p == x->end || *x->p == '>' || *x->p == '/')
		return false;
	if (x->p == at || read_name(x).n == 0)
		goto wrong;
	skip_space(x);
	if (x->p == x->end || *x->p != '=')
		goto wrong;
	x->p++;
	skip_space(x);
	if (x->p == x->end || (*x->p != '"' && *x->p != '\''))
		goto wrong;
	quote = memchr(x->p + 1, *x->p, left(x) - 1);
	if (quote == NULL)
		goto wrong;
	x->p = quote + 1;
	return true;
wrong:
	(void)refuse(x, "an attribute is none");
	return false;
}

static enum event open_element(struct xml *x)
{
	davit_buf name;

	x->p++;
	name = read_name(x);
	if (name.n == 0)
		return refuse(x, "a tag has no name");
	if (x->depth == XML_DEPTH_MAX)
		return refuse(x, "it has too many levels");
	if (x->depth == 0 && x->rooted)
		return refuse(x, "it has more than one root");
	while (skip_attribute(x))
		;
	if (x->p < x->end && *x->p == '/') {
		x->closes = true;
		x->p++;
	}
	if (x->p == x->end || *x->p != '>')
		return refuse(x, "a tag does not end");
	x->p++;
	x->rooted = true;
	x->names[x->depth++] = name;
	return EVENT_OPEN;
}

static enum event close_element(struct xml *x)
{
	davit_buf name;

	x->p += 2;
	name = read_name(x);
	skip_space(x);
	if (x->p == x->end || *x->p != '>')
		return refuse(x, "a tag does not end");
	x->p++;
	if (x->depth == 0 || name.n != x->names[x->depth - 1].n ||
		memcmp(name.p, x->names[x->depth - 1].p, name.n) != 0)
		return refuse(x, "an element ends that is not open");
	x->depth--;
	return EVENT_CLOSE;
}

/* --- the walk --- */

/* Text outside the root is white space. */
static void skip_text(struct xml *x)
{
	const char *at = x->p;

	x->p = memchr(x->p, '<', left(x));
	if (x->p == NULL)
		x->p = x->end;
	for (; x->depth == 0 && at < x->p; at++) {
		if (!is_space(*at)) {
			(void)refuse(x, "text stands outside of all elements");
			return;
		}
	}
}

/* Past what is no element: comments and instructions, and of text its marks. */
static bool skip_other(struct xml *x)
{
	if (begins(x, "<!--"))
		return skip_past(x, "-->", "a comment does not end");
	if (begins(x, "<?"))
		return skip_past(x, "?>", "an instruction does not end");
	if (x->depth > 0 && begins(x, "<![CDATA["))
		return skip_past(x, "]]>", "a piece of text does not end");
	if (begins(x, "<!"))
		(void)refuse(x, "it has a document type, or another declaration");
	return false;
}

static enum event next(struct xml *x)
{
	if (x->closes) {
		x->closes = false;
		x->depth--;
		return EVENT_CLOSE;
	}
	for (;;) {
		skip_text(x);
		if (x->p == x->end)
			return x->depth > 0 || !x->rooted ? refuse(x, "it is cut") : EVENT_END;
		if (begins(x, "</"))
			return close_element(x);
		if (begins(x, "<?") || begins(x, "<!")) {
			if (!skip_other(x))
				return EVENT_END;
			continue;
		}
		return open_element(x);
	}
}

uint32_t xml_root(struct xml *x, davit_buf text, const char *name)
{
	*x = (struct xml){.p = "", .end = ""};
	if (text.n > 0) {
		x->p = text.p;
		x->end = text.p + text.n;
	}
	if (begins(x, "\xef\xbb\xbf"))
		x->p += 3;
	if (next(x) != EVENT_OPEN)
		return 0;
	if (name == NULL || xml_is(x, name))
		return 1;
	x->p = x->end;
	x->depth = 0;
	x->closes = false;
	return 0;
}

bool xml_child(struct xml *x, uint32_t level)
{
	while (level > 0 && x->depth >= level) {
		enum event event = next(x);

		if (event == EVENT_END)
			return false;
		if (event == EVENT_OPEN && x->depth == level + 1)
			return true;
		if (x->depth == 0) /* behind the root nothing more may come */
			(void)next(x);
	}
	return false;
}

davit_buf xml_name(const struct xml *x)
{
	davit_buf name = {"", 0};
	const char *colon;

	if (x->depth == 0)
		return name;
	name = x->names[x->depth - 1];
	colon = memchr(name.p, ':', name.n);
	if (colon != NULL) {
		name.n -= (size_t)(colon + 1 - name.p);
		name.p = colon + 1;
	}
	return name;
}

bool xml_is(const struct xml *x, const char *name)
{
	davit_buf own = xml_name(x);

	return own.n == strlen(name) && memcmp(own.p, name, own.n) == 0;
}
