/* model_files - see model_files.h and models.h. */
#include "model_files.h"

#include <string.h>

#include "child.h"
#include "models.h"

enum {
	FILES_MAX = 4000 /* a record has room for their names and digests */
};

#define OUTPUTS "outputs"

/* --- sealing --- */

/* One output file of a process as it now is, by its digest. false: the call failed. */
static bool seal_file(
	struct local_call *c, const char *process, const char *path, struct made_file *ret_file)
{
	const davit_host_blob_1 *blob = c->sdk.host->blob;
	const char *name = local_text(c, OUTPUTS "/%s", path);
	davit_blob handle;
	davit_buf digest = {NULL, 0};
	uint64_t bytes = 0;
	int32_t code = c->sdk.host->process->open_file(
		c->sdk.call, davit_sdk_buf(process), davit_sdk_buf(name), &handle);

	if (local_check(c, code) != DAVIT_OK)
		return false;
	code = blob->seal(c->sdk.call, handle, &digest);
	blob->close(c->sdk.call, handle);
	if (code == DAVIT_OK)
		code = blob->open(c->sdk.call, digest, &handle);
	if (local_check(c, code) != DAVIT_OK)
		return false;
	code = blob->length(c->sdk.call, handle, &bytes);
	blob->close(c->sdk.call, handle);
	*ret_file = (struct made_file){
		path, local_text(c, "%.*s", (int)digest.n, digest.p), (int64_t)bytes};
	return local_check(c, code) == DAVIT_OK;
}

/* The digest of all of them: of "DIGEST  PATH" lines. NULL: the call failed. */
static const char *digest_of(struct local_call *c, const struct made_file *files, size_t count)
{
	const davit_host_blob_1 *blob = c->sdk.host->blob;
	davit_blob list = 0;
	davit_buf digest = {NULL, 0};
	int32_t code = blob->create(c->sdk.call, &list);

	for (size_t i = 0; code == DAVIT_OK && i < count; i++)
		code = blob->write(c->sdk.call, list,
			davit_sdk_buf(local_text(c, "%s  %s\n", files[i].digest, files[i].path)));
	if (code == DAVIT_OK)
		code = blob->seal(c->sdk.call, list, &digest);
	if (local_check(c, code) != DAVIT_OK)
		return NULL;
	return local_text(c, "%.*s", (int)digest.n, digest.p);
}

/* The paths of the files a process left; NULL: the call failed. */
static const struct davit_sdk_json *list(struct local_call *c, const char *process)
{
	const struct davit_sdk_json *items;
	davit_buf text;
	int32_t code = c->sdk.host->process->list_files(
		c->sdk.call, davit_sdk_buf(process), davit_sdk_buf(OUTPUTS), &text);

	if (local_check(c, code) != DAVIT_OK)
		return NULL;
	items = davit_sdk_member(davit_sdk_parse(&c->sdk.mem, text, NULL), "items");
	if (items == NULL)
		(void)davit_sdk_fail(&c->sdk, DAVIT_INTERNAL,
			"no memory left for the list of the model's files");
	else if (items->count > FILES_MAX)
		(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, "/spec/source/job",
			"the training left %d files; a model may have %d", (int)items->count,
			(int)FILES_MAX);
	return c->sdk.code == DAVIT_OK ? items : NULL;
}

bool model_files_seal(struct local_call *c, struct davit_sdk_writer *w, const char *process)
{
	const struct davit_sdk_json *items = list(c, process);
	struct made_file *files =
		items == NULL ? NULL : local_alloc(c, (items->count + 1) * sizeof(*files));
	size_t count = 0;

	if (files == NULL)
		return false;
	for (const struct davit_sdk_json *v = items->first; v != NULL; v = v->next, count++) {
		if (!seal_file(c, process, davit_sdk_text_at(v, "/path", ""), &files[count]))
			return false;
	}
	davit_sdk_put_text(w, "sha256", digest_of(c, files, count));
	davit_sdk_open_array(w, "files");
	for (size_t i = 0; i < count; i++) {
		davit_sdk_open_object(w, NULL);
		davit_sdk_put_text(w, "path", files[i].path);
		davit_sdk_put_int(w, "bytes", files[i].bytes);
		davit_sdk_put_text(w, "sha256", files[i].digest);
		davit_sdk_close_object(w);
	}
	davit_sdk_close_array(w);
	return c->sdk.code == DAVIT_OK;
}

/* --- using --- */

const struct made_file *model_files_of(
	struct local_call *c, const struct record *model, size_t *ret_count)
{
	const struct davit_sdk_json *items = davit_sdk_member(model->value, "files");
	struct made_file *files;
	size_t count = 0;

	if (items == NULL) {
		(void)davit_sdk_fail(&c->sdk, DAVIT_CONFLICT,
			"model '%s' was made by an older release, which kept no files of it; "
			"register it again",
			model->name);
		return NULL;
	}
	files = local_alloc(c, (items->count + 1) * sizeof(*files));
	if (files == NULL)
		return NULL;
	for (const struct davit_sdk_json *v = items->first; v != NULL; v = v->next)
		files[count++] = (struct made_file){davit_sdk_text_at(v, "/path", ""),
			davit_sdk_text_at(v, "/sha256", ""), davit_sdk_int_at(v, "/bytes", 0)};
	*ret_count = count;
	return files;
}

void models_put_inputs(struct local_call *c, struct davit_sdk_writer *w,
	const struct davit_sdk_json *model, const char *folder)
{
	const struct davit_sdk_json *files = davit_sdk_member(model, "files");

	if (files == NULL) { /* of an older release: the training has them */
		davit_sdk_open_object(w, NULL);
		davit_sdk_put_text(w, "process", davit_sdk_text_at(model, "/job", ""));
		davit_sdk_put_text(w, "path", OUTPUTS);
		davit_sdk_put_text(w, "as", folder);
		davit_sdk_close_object(w);
		return;
	}
	if (files->count == 0) /* the folder is there all the same */
		child_put_input(w, "text", "", local_text(c, "%s/.empty", folder));
	for (const struct davit_sdk_json *v = files->first; v != NULL; v = v->next)
		child_put_input(w, "blob", davit_sdk_text_at(v, "/sha256", ""),
			local_text(c, "%s/%s", folder, davit_sdk_text_at(v, "/path", "")));
}
