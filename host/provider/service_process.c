/* davit.host.process/1: supervised processes, for providers with the grant. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/killpoint.h"
#include "process/process.h"
#include "provider/call.h"
#include "provider/call_journal.h"
#include "provider/internal.h"
#include "provider/services.h"

#define PATH_BYTES 1024

/* One use of the service: the call, and the name it is about. */
struct use {
	struct call *c;
	struct processes *processes;
	const char *name;
	int32_t code; /* DAVIT_OK: may go on */
};

static struct use begin(davit_call call, davit_buf name)
{
	struct use u = {.c = call_current(call), .code = DAVIT_INVALID};

	if (u.c == NULL)
		return u;
	u.processes = u.c->provider->all->host.processes;
	u.name = service_text(u.c, name, 48);
	if (!u.c->provider->may_process || u.processes == NULL)
		u.code = service_refuse(u.c, DAVIT_UNSUPPORTED,
			"this provider's manifest does not ask for the grant \"process\"");
	else if (u.name == NULL || !process_name_valid(u.name))
		u.code = service_refuse(u.c, DAVIT_INVALID,
			"a process name must have 1 to 48 characters of a-z, 0-9 and \"-\"");
	else
		u.code = DAVIT_OK;
	return u;
}

static int32_t finish(struct use *u, bool ok, const struct fail *f)
{
	return ok ? DAVIT_OK : call_service_failed(u->c, f);
}

/* --- what changes something is written down before and after --- */

static int32_t note(const struct use *u, const char *operation, struct mutation *ret)
{
	struct mutation_wish wish = {.operation = operation, .method = "", .target = u->name};
	int32_t code;

	(void)snprintf(wish.print, sizeof(wish.print), "%s", u->name);
	code = call_journal_plan(u->c, &wish, ret);
	if (code == DAVIT_OK)
		code = call_journal_send(u->c, ret, 1);
	call_journal_drop(ret);
	return code;
}

/* It may be done again under the same name, whatever became of it: so a failure is as if it had not
 * been tried. */
static int32_t noted(struct use *u, const struct mutation *m, bool ok, const struct fail *f)
{
	json_t *detail = ok ? json_pack("{s:b}", "kept", 1) : json_pack("{s:s}", "why", f->text);

	call_journal_ended(u->c, m,
		&(struct mutation_end){.kind = ok ? JOURNAL_ANSWERED : JOURNAL_UNSENT,
			.status = ok ? 200 : 0,
			.detail = detail});
	return finish(u, ok, f);
}

static bool start(struct use *u, davit_buf spec, struct fail *f)
{
	json_t *v = service_parse(spec, PROCESS_SPEC_MAX, f);
	bool ok;

	KILLPOINT("process_before_start", "%s", u->name);
	ok = v != NULL && process_start(u->processes, u->name, v, f);
	KILLPOINT("process_after_start", "%s", u->name);
	json_decref(v);
	return ok;
}

static int32_t DAVIT_CALL service_start(davit_call call, davit_buf name, davit_buf spec)
{
	struct use u = begin(call, name);
	struct mutation m;
	struct fail f = {0};

	if (u.code == DAVIT_OK)
		u.code = note(&u, "process.start", &m);
	return u.code == DAVIT_OK ? noted(&u, &m, start(&u, spec, &f), &f) : u.code;
}

static int32_t DAVIT_CALL service_inspect(davit_call call, davit_buf name, davit_buf *ret_json)
{
	struct use u = begin(call, name);
	struct fail f = {0};
	json_t *state;

	if (u.code != DAVIT_OK || ret_json == NULL)
		return u.code != DAVIT_OK ? u.code : DAVIT_INVALID;
	if (!process_inspect(u.processes, u.name, &state, &f))
		return finish(&u, false, &f);
	return service_give_json(u.c, state, ret_json);
}

static int32_t DAVIT_CALL service_stop(davit_call call, davit_buf name)
{
	struct use u = begin(call, name);
	struct fail f = {0};

	if (u.code != DAVIT_OK)
		return u.code;
	return finish(&u, process_stop(u.processes, u.name, &f), &f);
}

static int32_t DAVIT_CALL service_remove(davit_call call, davit_buf name)
{
	struct use u = begin(call, name);
	struct mutation m;
	struct fail f = {0};

	if (u.code == DAVIT_OK)
		u.code = note(&u, "process.remove", &m);
	return u.code == DAVIT_OK ? noted(&u, &m, process_remove(u.processes, u.name, &f), &f)
	                          : u.code;
}

/* --- files --- */

static int32_t DAVIT_CALL service_open_file(
	davit_call call, davit_buf name, davit_buf path, davit_blob *ret_blob)
{
	struct use u = begin(call, name);
	struct call_blob b = {.kind = CALL_BLOB_FILE};
	struct fail f = {0};
	const char *file;

	if (u.code != DAVIT_OK || ret_blob == NULL)
		return u.code != DAVIT_OK ? u.code : DAVIT_INVALID;
	file = service_text(u.c, path, PATH_BYTES);
	if (file == NULL)
		return service_refuse(u.c, DAVIT_INVALID, "this is not a path");
	if (!process_open_file(u.processes, u.name, file, &b.fd, &f))
		return finish(&u, false, &f);
	return service_give_blob(u.c, &b, ret_blob);
}

static int32_t DAVIT_CALL service_list_files(
	davit_call call, davit_buf name, davit_buf path, davit_buf *ret_json)
{
	struct use u = begin(call, name);
	struct fail f = {0};
	const char *folder;
	json_t *list;

	if (u.code != DAVIT_OK || ret_json == NULL)
		return u.code != DAVIT_OK ? u.code : DAVIT_INVALID;
	folder = service_text(u.c, path, PATH_BYTES);
	if (folder == NULL)
		return service_refuse(u.c, DAVIT_INVALID, "this is not a path");
	if (!process_list_files(u.processes, u.name, folder, &list, &f))
		return finish(&u, false, &f);
	return service_give_json(u.c, list, ret_json);
}

/* --- a request to a served process --- */

static bool stopped(void *ctx)
{
	return call_stopped(ctx) == DAVIT_CANCELLED; /* of time it has the deadline */
}

/* The bytes or the descriptor of a body; false for one that cannot be sent from its start. */
static bool set_body(struct process_ask *ask, struct call *c, davit_blob body)
{
	struct call_blob *b = body != 0 ? call_blobs_find(&c->blobs, body) : NULL;
	const char *bytes;

	if (body == 0)
		return true;
	if (b == NULL)
		return false;
	if (call_blob_bytes(b, &bytes, &ask->n)) {
		ask->bytes = bytes;
		return true;
	}
	ask->body_fd = call_blob_fd(b);
	return ask->body_fd >= 0;
}

static int32_t give_response(struct call *c, json_t *head, struct process_response *response,
	davit_buf *ret_head, davit_blob *ret_body)
{
	struct call_blob b = {.kind = CALL_BLOB_STREAM, .fd = -1, .stream = response};
	int32_t code = service_give_blob(c, &b, ret_body); /* closes it where there is no place */

	if (code == DAVIT_OK)
		return service_give_json(c, head, ret_head);
	json_decref(head);
	return code;
}

static int32_t DAVIT_CALL service_request(davit_call call, davit_buf name, davit_buf request,
	davit_blob body, davit_buf *ret_head, davit_blob *ret_body)
{
	struct use u = begin(call, name);
	struct process_response *response = NULL;
	struct process_ask ask = {.body_fd = -1, .cancelled = stopped, .ctx = u.c};
	struct fail f = {0};
	json_t *v, *head = NULL;
	bool ok;

	if (u.code != DAVIT_OK || ret_head == NULL || ret_body == NULL)
		return u.code != DAVIT_OK ? u.code : DAVIT_INVALID;
	if (!set_body(&ask, u.c, body))
		return service_refuse(u.c, DAVIT_INVALID, "the body is not an open blob");
	v = service_parse(request, SERVICE_JSON_MAX, &f);
	ask.request = v;
	ask.deadline_mono_ms = u.c->deadline;
	ok = v != NULL && process_request(u.processes, u.name, &ask, &head, &response, &f);
	json_decref(v);
	if (!ok)
		return call_stopped(u.c) == DAVIT_CANCELLED ? DAVIT_CANCELLED
		                                            : finish(&u, false, &f);
	return give_response(u.c, head, response, ret_head, ret_body);
}

const davit_host_process_1 service_process = {
	.size = sizeof(davit_host_process_1),
	.start = service_start,
	.inspect = service_inspect,
	.stop = service_stop,
	.remove = service_remove,
	.open_file = service_open_file,
	.list_files = service_list_files,
	.request = service_request,
};
