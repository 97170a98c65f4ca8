/* training_folder - see training_folder.h. */
#include "training_folder.h"

#include <string.h>

#include "source.h"

const struct davit_sdk_json *training_folder_source(
	struct local_call *c, const char *folder, const char *name)
{
	const struct davit_sdk_json *source;
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_text(&w, "path", local_text(c, "%s/%s", folder, name));
	davit_sdk_close_object(&w);
	source = davit_sdk_parse(&c->sdk.mem, davit_sdk_write_end(&w), NULL);
	if (source == NULL)
		(void)davit_sdk_fail(&c->sdk, DAVIT_INTERNAL, "no memory left for this call");
	return source;
}

/* Of ordinary parts only, and no option of the interpreter's. */
static bool is_plain(const char *path)
{
	if (path[0] == '-')
		return false;
	for (;;) {
		size_t n = strcspn(path, "/");

		if (n == 0 || (n <= 2 && strncmp(path, "..", n) == 0))
			return false;
		if (path[n] == '\0')
			return true;
		path += n + 1;
	}
}

bool training_folder_check(
	struct local_call *c, const char *folder, const struct davit_sdk_json *script)
{
	const struct davit_sdk_json *source;

	if (script->kind != DAVIT_SDK_TEXT || !is_plain(script->text.p)) {
		(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, "/spec/script",
			"with a folder this must be the path of a file in it, such as \"train.py\"");
		return false;
	}
	source = training_folder_source(c, folder, script->text.p);
	return source != NULL && source_check(c, source, "/spec/script");
}

const struct davit_sdk_json *training_folder_requirements(struct local_call *c, const char *folder)
{
	const struct davit_sdk_json *source;
	struct davit_sdk_writer w;
	davit_blob blob = 0;

	if (folder[0] == '\0' || !davit_sdk_bool_at(c->settings, "/venv", false))
		return NULL;
	source = training_folder_source(c, folder, "requirements.txt");
	if (source == NULL)
		return NULL;
	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_put_json(&w, NULL, source);
	if (c->sdk.host->blob->resolve(c->sdk.call, davit_sdk_write_end(&w), &blob) != DAVIT_OK)
		return NULL;
	c->sdk.host->blob->close(c->sdk.call, blob);
	return source;
}
