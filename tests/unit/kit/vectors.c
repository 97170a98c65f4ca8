/* Reads published cases. */
#include "unit/kit/vectors.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "platform/fs.h"

static char *text_of(const char *folder, const char *name, const char *file)
{
	char path[4096];
	char *text = NULL;
	size_t n = 0;

	(void)snprintf(path, sizeof(path), "%s/%s/%s", folder, name, file);
	if (!fs_read(path, 65536, &text, &n, NULL)) {
		(void)fprintf(stderr, "cannot read %s\n", path);
		abort();
	}
	return text;
}

/* Ends the line at text; the next one. A line that begins with a blank goes on with the last. */
static char *end_line(char *text)
{
	char *end = strchr(text, '\n');

	while (end != NULL && end[1] == ' ')
		end = strchr(end + 1, '\n');
	if (end == NULL)
		return text + strlen(text);
	*end = '\0';
	return end + 1;
}

static void split_target(struct vector_request *r, char *line)
{
	char *path = strchr(line, ' ');
	char *version = strrchr(line, ' ');
	char *query;

	if (path == NULL || version == path)
		abort();
	*path = '\0';
	*version = '\0';
	r->method = line;
	r->path = path + 1;
	query = strchr(path + 1, '?');
	if (query != NULL)
		*query = '\0';
	r->query = query != NULL ? query + 1 : "";
}

static void add_header(struct vector_request *r, char *line)
{
	char *value = strchr(line, ':');

	if (value == NULL || r->headers_n == VECTOR_HEADERS_MAX)
		abort();
	*value = '\0';
	if (strcasecmp(line, "Host") == 0)
		r->host = value + 1;
	else
		r->headers[r->headers_n++] = (struct sigv4_header){line, value + 1};
}

static struct vector_request read_request(char *text)
{
	struct vector_request r = {.text = text};
	char *next = end_line(text);

	split_target(&r, text);
	while (*next != '\0' && *next != '\n') {
		char *line = next;

		next = end_line(line);
		add_header(&r, line);
	}
	r.body = *next == '\n' ? next + 1 : next;
	return r;
}

static void read_vector(struct vector *v, const char *folder, const char *name)
{
	static const char *const modes[] = {"header", "query"};
	char *context = text_of(folder, name, "context.json");
	char file[64];

	v->name = strdup(name);
	v->context = json_loads(context, 0, NULL);
	free(context);
	v->request = read_request(text_of(folder, name, "request.txt"));
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(file, sizeof(file), "%s-canonical-request.txt", modes[i]);
		v->canonical[i] = text_of(folder, name, file);
		(void)snprintf(file, sizeof(file), "%s-string-to-sign.txt", modes[i]);
		v->to_sign[i] = text_of(folder, name, file);
		(void)snprintf(file, sizeof(file), "%s-signature.txt", modes[i]);
		v->signature[i] = text_of(folder, name, file);
		(void)snprintf(file, sizeof(file), "%s-signed-request.txt", modes[i]);
		v->is_signed[i] = read_request(text_of(folder, name, file));
	}
}

static int is_case(const struct dirent *entry)
{
	return entry->d_type == DT_DIR && entry->d_name[0] != '.';
}

size_t vectors_read(const char *folder, struct vector **ret_vectors)
{
	struct dirent **entries = NULL;
	int n = scandir(folder, &entries, is_case, alphasort);

	if (n <= 0) {
		(void)fprintf(stderr, "no cases in %s\n", folder);
		abort();
	}
	*ret_vectors = calloc((size_t)n, sizeof(**ret_vectors));
	for (int i = 0; i < n; i++) {
		read_vector(&(*ret_vectors)[i], folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return (size_t)n;
}

void vectors_free(struct vector *vectors, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct vector *v = &vectors[i];

		for (size_t mode = 0; mode < 2; mode++) {
			free(v->canonical[mode]);
			free(v->to_sign[mode]);
			free(v->signature[mode]);
			free(v->is_signed[mode].text);
		}
		free(v->request.text);
		free(v->name);
		json_decref(v->context);
	}
	free(vectors);
}
