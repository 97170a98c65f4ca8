/* multipart/form-data (RFC 7578) over bytes that are all there, so without a state machine. */
#include "http/multipart.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/fail.h"

#define DELIMITER_MAX (MULTIPART_BOUNDARY_MAX + 4) /* CRLF, two dashes */

struct span {
	const char *p;
	size_t n;
};

static struct span span_of(const char *text)
{
	return (struct span){text, strlen(text)};
}

static bool skip(struct span *s, size_t n)
{
	if (n > s->n)
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

static void skip_blanks(struct span *s)
{
	while (s->n > 0 && (*s->p == ' ' || *s->p == '\t'))
		skip(s, 1);
}

static size_t length_until(struct span s, const char *stops)
{
	size_t i = 0;

	while (i < s.n && (s.p[i] == '\0' || strchr(stops, s.p[i]) == NULL))
		i++;
	return i;
}

/* Adds a byte to a text; false when it is full or the byte would end it. */
static bool text_add(char *text, size_t size, size_t *n, char byte)
{
	if (byte == '\0' || *n + 1 >= size)
		return false;
	text[(*n)++] = byte;
	text[*n] = '\0';
	return true;
}

/* Reads "…" (\" and \\ being escapes; another backslash stays, as in C:\fakepath) or a word. */
static bool take_value(struct span *s, char *text, size_t size)
{
	size_t n = 0;
	bool quoted = s->n > 0 && *s->p == '"';

	text[0] = '\0';
	if (quoted)
		skip(s, 1);
	while (s->n > 0 && *s->p != (quoted ? '"' : ';')) {
		if (quoted && s->n > 1 && *s->p == '\\' && strchr("\"\\", s->p[1]) != NULL &&
			s->p[1] != '\0')
			skip(s, 1);
		if (!text_add(text, size, &n, *s->p))
			return false;
		skip(s, 1);
	}
	while (!quoted && n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t'))
		text[--n] = '\0';
	return !quoted || skip(s, 1);
}

/* Finds parameter name in "type; a=b; c="d"". *ret_found false, and true returned: not there. */
static bool parameter(struct span value, const char *name, char *text, size_t size, bool *ret_found)
{
	*ret_found = false;
	skip(&value, length_until(value, ";"));
	while (value.n > 0) {
		size_t n;
		bool same;
		char other[2 * MULTIPART_NAME_SIZE] = "";

		skip(&value, 1);
		skip_blanks(&value);
		n = length_until(value, "=;");
		same = n == strlen(name) && strncasecmp(value.p, name, n) == 0;
		skip(&value, n);
		if (value.n == 0 || *value.p != '=')
			continue;
		skip(&value, 1);
		if (!take_value(&value, same ? text : other, same ? size : sizeof(other)))
			return false;
		if (same) {
			*ret_found = true;
			return true;
		}
		skip(&value, length_until(value, ";"));
	}
	return true;
}

bool multipart_is(const char *content_type)
{
	static const char type[] = "multipart/form-data";
	size_t n = sizeof(type) - 1;

	return strncasecmp(content_type, type, n) == 0 &&
	       (content_type[n] == '\0' || strchr("; \t", content_type[n]) != NULL);
}

static bool delimiter_of(
	const char *content_type, char delimiter[DELIMITER_MAX + 1], struct fail *f)
{
	char boundary[MULTIPART_BOUNDARY_MAX + 1];
	bool found;

	if (!multipart_is(content_type))
		return fail_set(f, FAIL_MEDIA_TYPE, "Content-Type must be multipart/form-data");
	if (!parameter(span_of(content_type), "boundary", boundary, sizeof(boundary), &found) ||
		!found || boundary[0] == '\0')
		return fail_set(f, FAIL_INVALID,
			"the Content-Type of a multipart body needs a boundary of 1 to %d bytes",
			MULTIPART_BOUNDARY_MAX);
	snprintf(delimiter, DELIMITER_MAX + 1, "\r\n--%s", boundary);
	return true;
}

/* What stands before the next delimiter goes to *ret_before; *s then begins after it. */
static bool cut_at(struct span *s, const char *delimiter, struct span *ret_before)
{
	size_t n = strlen(delimiter);
	const char *at = memmem(s->p, s->n, delimiter, n);

	if (at == NULL)
		return false;
	*ret_before = (struct span){s->p, (size_t)(at - s->p)};
	return skip(s, ret_before->n + n);
}

/* One header line of a part; only Content-Disposition matters. */
static bool part_header(struct multipart_part *part, struct span line)
{
	static const char name[] = "content-disposition:";
	bool found;

	if (line.n < sizeof(name) - 1 || strncasecmp(line.p, name, sizeof(name) - 1) != 0)
		return true;
	skip(&line, sizeof(name) - 1);
	return parameter(line, "name", part->name, sizeof(part->name), &found) && found &&
	       parameter(line, "filename", part->filename, sizeof(part->filename), &part->is_file);
}

/* The headers of a part, up to the empty line. */
static bool part_headers(struct multipart_part *part, struct span headers)
{
	struct span line;

	while (cut_at(&headers, "\r\n", &line))
		if (!part_header(part, line))
			return false;
	return part_header(part, headers);
}

static bool part_parse(struct multipart *m, struct span part, const char *bytes, struct fail *f)
{
	struct multipart_part *p;
	struct span headers;

	if (m->count == MULTIPART_PARTS_MAX)
		return fail_set(f, FAIL_INVALID, "the multipart body has more than %d parts",
			MULTIPART_PARTS_MAX);
	p = &m->parts[m->count];
	memset(p, 0, sizeof(*p));
	if (!cut_at(&part, "\r\n\r\n", &headers) || headers.n > MULTIPART_HEADER_MAX)
		return fail_set(f, FAIL_INVALID,
			"part %zu of the multipart body has no end of headers", m->count + 1);
	if (!part_headers(p, headers) || p->name[0] == '\0')
		return fail_set(f, FAIL_INVALID,
			"part %zu of the multipart body needs a name shorter than %d bytes",
			m->count + 1, MULTIPART_NAME_SIZE);
	p->offset = (size_t)(part.p - bytes);
	p->n = part.n;
	m->count++;
	return true;
}

/* After a delimiter: "--" ends the body, blanks and a line end begin a part. */
static bool at_end(const struct span *s)
{
	return s->n >= 2 && memcmp(s->p, "--", 2) == 0;
}

/* Of two files with one name only one would be read. */
static bool check_names(const struct multipart *m, struct fail *f)
{
	for (size_t i = 0; i < m->count; i++) {
		if (m->parts[i].is_file &&
			multipart_find(m, m->parts[i].name, true) != &m->parts[i])
			return fail_set(f, FAIL_INVALID, "the body has two files in parts '%.100s'",
				m->parts[i].name);
	}
	return true;
}

bool multipart_parse(
	struct multipart *m, const char *content_type, const char *bytes, size_t n, struct fail *f)
{
	char delimiter[DELIMITER_MAX + 1];
	struct span rest = {bytes, n}, part;

	m->count = 0;
	if (n == 0)
		return fail_set(f, FAIL_INVALID, "the body is empty");
	if (!delimiter_of(content_type, delimiter, f))
		return false;
	/* The first delimiter may stand at the very beginning, without a line end in front. */
	if (n >= strlen(delimiter) - 2 && memcmp(bytes, delimiter + 2, strlen(delimiter) - 2) == 0)
		skip(&rest, strlen(delimiter) - 2);
	else if (!cut_at(&rest, delimiter, &part))
		return fail_set(f, FAIL_INVALID, "the multipart body lacks its boundary");
	while (!at_end(&rest)) {
		skip_blanks(&rest);
		if (rest.n < 2 || memcmp(rest.p, "\r\n", 2) != 0 ||
			!cut_at(&rest, delimiter, &part))
			return fail_set(f, FAIL_INVALID, "the multipart body is cut off");
		if (!part_parse(m, part, bytes, f))
			return false;
	}
	return check_names(m, f);
}

const struct multipart_part *multipart_find(
	const struct multipart *m, const char *name, bool is_file)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->parts[i].is_file == is_file && strcmp(m->parts[i].name, name) == 0)
			return &m->parts[i];
	return NULL;
}
