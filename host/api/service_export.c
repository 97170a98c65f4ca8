/*
 * service_export - the slot export: a copy of an object at the place the caller named, told as a
 * row with where it is, or the bytes of one of its files as they are.
 */
#include <stdlib.h>

#include <davit/abi.h>

#include "api/answer.h"
#include "api/file_sink.h"
#include "api/operations.h"
#include "api/service.h"
#include "base/attr.h"
#include "base/fail.h"
#include "http/exchange.h"
#include "provider/provider.h"

struct exporting { /* one answer on its way */
	struct service *s;
	struct file_sink file;
};

/* Beside the row that clients of the platform read: where the copy is and what is in it. */
static json_t *row_of(const struct service *s, const json_t *reply)
{
	static const char *const members[] = {"uri", "files"};
	json_t *row = service_row(s, reply);

	for (size_t i = 0; i < COUNT(members); i++) {
		json_t *v = json_object_get(reply, members[i]);

		if (row != NULL && v != NULL)
			(void)json_object_set(row, members[i], v);
	}
	return row;
}

static void exported(struct call_result *result, void *ctx)
{
	struct exporting *e = ctx;
	struct service *s = e->s;
	bool begun = e->file.begun;

	free(e);
	answer_point_into_body(&result->fail);
	if (begun) {
		exchange_stream_end(s->x, result->code == DAVIT_OK);
		service_free(s);
	} else if (result->code != DAVIT_OK) {
		service_fail(s, &result->fail);
	} else if (json_is_object(result->reply)) {
		service_answer_row(s, row_of(s, result->reply));
	} else {
		service_fail_text(s, 502, "the provider did not say where the copy is");
	}
}

static bool ask(struct exporting *e, json_t *request, struct fail *f)
{
	const struct service *s = e->s;
	const struct call_spec spec = {
		.provider = s->target.provider,
		.interface = s->op->interface,
		.slot = s->op->slot,
		.request = request,
		.connection = connection_name(s->target.connection),
		.body_fd = -1,
		.timeout_ms = FILE_SINK_CALL_MS,
		.sink = &e->file.sink,
		.done = exported,
		.ctx = e,
	};

	return call_start(&spec, NULL, f);
}

static void begin(struct service *s, json_t *request)
{
	struct exporting *e = calloc(1, sizeof(*e));
	struct fail f = {0};

	if (e == NULL) {
		json_decref(request);
		service_memory(s);
		return;
	}
	e->s = s;
	file_sink_init(&e->file, s->x);
	if (!ask(e, request, &f)) {
		free(e);
		service_fail(s, &f);
	}
}

void service_export(struct service *s)
{
	struct fail f = {0};
	json_t *spec = service_find_object(s, &f) ? service_spec(s, &f) : NULL;
	json_t *request = spec != NULL ? service_request(s, spec) : NULL;

	if (request != NULL)
		begin(s, request);
	else if (f.code != FAIL_NONE)
		service_fail(s, &f);
	else
		service_memory(s);
}
