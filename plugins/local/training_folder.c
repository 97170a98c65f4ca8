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

static bool check_script(struct local_call *c, const struct davit_sdk_json *script)
{
	if (script == NULL || (script->kind == DAVIT_SDK_TEXT && is_plain(script->text.p)))
		return true;
	(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, "/spec/script",
		"with a folder this must be the path of a file in it, such as \"train.py\"");
	return false;
}

/* Is what was sealed still there? */
static bool check_archive(struct local_call *c, const struct training_folder *folder)
{
	davit_blob blob = 0;
	int32_t code = c->sdk.host->blob->open(c->sdk.call, davit_sdk_buf(folder->archive), &blob);

	if (code == DAVIT_OK)
		c->sdk.host->blob->close(c->sdk.call, blob);
	else if (code == DAVIT_NOT_FOUND)
		(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, "/spec/folder",
			"the files of folder '%s' as they were are no longer kept", folder->name);
	return local_check(c, code) == DAVIT_OK;
}

bool training_folder_read(struct local_call *c, const struct davit_sdk_json *folder,
	const struct davit_sdk_json *script, struct training_folder *ret)
{
	const struct davit_sdk_json *source;

	*ret = (struct training_folder){0};
	if (folder == NULL)
		return true;
	if (!check_script(c, script))
		return false;
	if (folder->kind == DAVIT_SDK_OBJECT) {
		ret->name = davit_sdk_text_at(folder, "/name", "");
		ret->archive = davit_sdk_text_at(folder, "/archive", "");
		ret->script_sha256 = davit_sdk_text_at(folder, "/script_sha256", NULL);
		return check_archive(c, ret);
	}
	ret->name = folder->text.p;
	if (script == NULL)
		return true;
	source = training_folder_source(c, ret->name, script->text.p);
	return source != NULL && source_check(c, source, "/spec/script");
}

/* {"folder": NAME}; NULL: the call failed. */
static const struct davit_sdk_json *whole(struct local_call *c, const char *name)
{
	const struct davit_sdk_json *source;
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_text(&w, "folder", name);
	davit_sdk_close_object(&w);
	source = davit_sdk_parse(&c->sdk.mem, davit_sdk_write_end(&w), NULL);
	if (source == NULL)
		(void)davit_sdk_fail(&c->sdk, DAVIT_INTERNAL, "no memory left for this call");
	return source;
}

bool training_folder_put_definite(struct local_call *c, struct davit_sdk_writer *w,
	const struct training_folder *folder, const struct davit_sdk_json *script)
{
	const struct davit_sdk_json *source = NULL;
	struct sealed archive = {.digest = folder->archive};
	struct sealed file = {.digest = folder->script_sha256};

	if (folder->archive == NULL) {
		source = whole(c, folder->name);
		if (source == NULL || !source_seal(c, source, "/spec/folder", &archive))
			return false;
	}
	if (source != NULL && script != NULL) {
		source = training_folder_source(c, folder->name, script->text.p);
		if (source == NULL || !source_seal(c, source, "/spec/script", &file))
			return false;
	}
	davit_sdk_open_object(w, "folder");
	davit_sdk_put_text(w, "name", folder->name);
	davit_sdk_put_text(w, "archive", archive.digest);
	davit_sdk_put_text(w, "script_sha256", file.digest);
	davit_sdk_close_object(w);
	return true;
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
