/* The head of an answer. */
#include "net/head.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

void head_init(struct head *h)
{
	*h = (struct head){0};
	buf_init(&h->text, HEAD_BYTES_MAX);
	h->text.secret = true;
}

void head_finish(struct head *h)
{
	buf_finish(&h->text);
}

/* "HTTP/1.1 200 OK", "HTTP/2 200": the number, or 0. */
static int status_of(const char *line, size_t n)
{
	const char *blank = memchr(line, ' ', n);
	int status = 0;

	if (blank == NULL || n - (size_t)(blank - line) < 4)
		return 0;
	for (int i = 1; i <= 3; i++) {
		if (blank[i] < '0' || blank[i] > '9')
			return 0;
		status = status * 10 + (blank[i] - '0');
	}
	return status;
}

static void add_lower(struct buf *b, const char *name, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = (char)tolower((unsigned char)name[i]);

		buf_add(b, &c, 1);
	}
	buf_add(b, "", 1);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A NUL inside would end the text before its end. */
static void add_value(struct buf *b, const char *value, size_t n)
{
	while (n > 0 && is_blank(value[0])) {
		value++;
		n--;
	}
	while (n > 0 && is_blank(value[n - 1]))
		n--;
	for (size_t i = 0; i < n; i++)
		buf_add(b, value[i] != '\0' ? value + i : " ", 1);
	buf_add(b, "", 1);
}

static void add_header(struct head *h, const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n);
	size_t name = colon != NULL ? (size_t)(colon - line) : 0;

	if (name == 0 || memchr(line, '\0', name) != NULL)
		return;
	add_lower(&h->text, line, name);
	add_value(&h->text, colon + 1, n - name - 1);
}

bool head_line(struct head *h, const char *line, size_t n)
{
	if (h->complete)
		return true;
	h->seen += n;
	if (h->seen > HEAD_BYTES_MAX)
		return false;
	if (n >= 5 && strncasecmp(line, "HTTP/", 5) == 0) {
		h->status = status_of(line, n);
		h->lines = 0;
		buf_clear(&h->text);
	} else if (n == 0 || line[0] == '\r' || line[0] == '\n') {
		h->complete = h->status >= 200;
	} else if (++h->lines > HEAD_LINES_MAX) {
		return false;
	} else {
		add_header(h, line, n);
	}
	return !h->text.failed;
}

bool head_next(const struct head *h, size_t *at, const char **ret_name, const char **ret_value)
{
	if (*at >= h->text.n)
		return false;
	*ret_name = h->text.p + *at;
	*ret_value = *ret_name + strlen(*ret_name) + 1;
	*at = (size_t)(*ret_value - h->text.p) + strlen(*ret_value) + 1;
	return true;
}

const char *head_get(const struct head *h, const char *name)
{
	const char *found, *value;
	size_t at = 0;

	while (head_next(h, &at, &found, &value)) {
		if (strcmp(found, name) == 0)
			return value;
	}
	return NULL;
}
