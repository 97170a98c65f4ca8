/* packages - see packages.h. */
#include "packages.h"

#include <string.h>

#include "child.h"
#include "source.h"

enum {
	SEALED_BYTES = 4 * 256 * 1024, /* the requirements, escaped as JSON, and the settings */
	SHOWN_BYTES = 160
};

static davit_buf canonical(struct local_call *c, const struct requirements *lines)
{
	static const char *const settings[] = {
		"index_url", "extra_index_urls", "find_links", "no_index"};
	const struct davit_sdk_json *pip = davit_sdk_member(c->settings, "pip");
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_int(&w, "v", 1);
	davit_sdk_put_text(&w, "python", child_python(c));
	davit_sdk_open_object(&w, "pip");
	for (size_t i = 0; i < LOCAL_COUNT(settings); i++)
		davit_sdk_put_json(&w, settings[i], davit_sdk_member(pip, settings[i]));
	davit_sdk_close_object(&w);
	davit_sdk_open_array(&w, "requirements");
	for (size_t i = 0; i < lines->count; i++)
		davit_sdk_put_text(&w, NULL, lines->lines[i]);
	davit_sdk_close_array(&w);
	davit_sdk_close_object(&w);
	return davit_sdk_write_end(&w);
}

const char *packages_seal(struct local_call *c, const struct requirements *lines)
{
	return source_seal_bytes(c, canonical(c, lines));
}

const struct davit_sdk_json *packages_read(struct local_call *c, const char *digest)
{
	davit_blob blob = 0;
	int32_t code = c->sdk.host->blob->open(c->sdk.call, davit_sdk_buf(digest), &blob);
	const struct davit_sdk_json *v;
	davit_buf bytes;

	if (local_check(c, code) != DAVIT_OK)
		return NULL;
	bytes = davit_sdk_read_blob(&c->sdk, blob, SEALED_BYTES);
	c->sdk.host->blob->close(c->sdk.call, blob);
	v = bytes.p == NULL ? NULL : davit_sdk_parse(&c->sdk.mem, bytes, NULL);
	if (v == NULL)
		(void)davit_sdk_fail(&c->sdk, DAVIT_INTERNAL,
			"what Python environment %s holds cannot be read", digest);
	return v;
}

const char *packages_renew(struct local_call *c, const char *digest)
{
	const struct davit_sdk_json *sealed =
		davit_sdk_member(packages_read(c, digest), "requirements");
	struct requirements lines = {0};
	const char **texts;

	if (c->sdk.code != DAVIT_OK || sealed == NULL)
		return NULL;
	texts = local_alloc(c, (sealed->count + 1) * sizeof(*texts));
	if (texts == NULL)
		return NULL;
	for (const struct davit_sdk_json *v = sealed->first; v != NULL; v = v->next)
		texts[lines.count++] = v->text.p;
	lines.lines = texts;
	return packages_seal(c, &lines);
}

static char *appended(char *to, davit_buf bytes)
{
	for (size_t i = 0; i < bytes.n; i++)
		*to++ = bytes.p[i];
	return to;
}

const char *packages_joined(
	struct local_call *c, const struct davit_sdk_json *array, const char *end)
{
	const struct davit_sdk_json *first = array == NULL ? NULL : array->first;
	davit_buf more = davit_sdk_buf(end);
	size_t n = 1;
	char *text;
	char *to;

	for (const struct davit_sdk_json *v = first; v != NULL; v = v->next)
		n += v->text.n + more.n;
	text = local_alloc(c, n);
	if (text == NULL)
		return "";
	to = text;
	for (const struct davit_sdk_json *v = first; v != NULL; v = v->next)
		to = appended(appended(to, v->text), more);
	return text;
}

const char *packages_installing(struct local_call *c, const struct davit_sdk_json *packages)
{
	const struct davit_sdk_json *lines = davit_sdk_member(packages, "requirements");
	const char *names = packages_joined(c, lines, ", ");
	size_t n = strlen(names);
	bool long_one = n > SHOWN_BYTES + 2;

	n = long_one ? SHOWN_BYTES : n > 2 ? n - 2 : n;
	return local_text(c, "installing %d requirement%s: %.*s%s",
		lines == NULL ? 0 : (int)lines->count,
		lines != NULL && lines->count == 1 ? "" : "s", (int)n, names, long_one ? "…" : "");
}
