/* form_validate - see form_validate.h. */
#include "api/form_validate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <davit/abi.h>

#include "api/answer.h"
#include "base/attr.h"
#include "base/fail.h"
#include "jobs/flow.h"
#include "provider/provider.h"

/* The steps that can be looked at before any is done. */
static const enum flow_step looked_at[] = {FLOW_DATASET, FLOW_TRAIN, FLOW_MODEL};

struct look {
	struct provider *provider;
	const char *name; /* of the connection */
	json_t *connection;
	json_t *spec;
	size_t at; /* in looked_at */
	form_validated *done;
	void *ctx;
};

static const struct fail no_memory = {.code = FAIL_UNAVAILABLE, .text = "out of memory"};

/* Frees l first: done may free what it borrowed. */
static void end(struct look *l, const struct fail *f)
{
	form_validated *done = l->done;
	void *ctx = l->ctx;

	json_decref(l->connection);
	free(l);
	done(f, ctx);
}

/* A step's pointer as one into the form, where its data set stands as "dataset". */
static void point_into_form(enum flow_step step, struct fail *f)
{
	static const struct {
		const char *of_step;
		const char *of_form;
	} moved[] = {{"/source", "/dataset"}, {"/format", "/dataset/format"}};
	char field[sizeof(f->field)];

	answer_point_into_body(f);
	for (size_t i = 0; step == FLOW_DATASET && i < COUNT(moved); i++) {
		size_t n = strlen(moved[i].of_step);

		if (strncmp(f->field, moved[i].of_step, n) != 0)
			continue;
		(void)snprintf(field, sizeof(field), "%s%s", moved[i].of_form, f->field + n);
		memcpy(f->field, field, sizeof(field));
		return;
	}
}

static void next(struct look *l);

static void validated(struct call_result *result, void *ctx)
{
	struct look *l = ctx;
	enum flow_step step = looked_at[l->at];
	json_t *definite;
	bool taken;

	if (result->code != DAVIT_OK) {
		point_into_form(step, &result->fail);
		end(l, &result->fail);
		return;
	}
	definite = answer_definite(result);
	taken = definite == NULL || flow_take_spec(l->spec, step, definite);
	json_decref(definite);
	if (!taken) {
		end(l, &no_memory);
		return;
	}
	l->at++;
	next(l);
}

/* Is there a slot to be asked about that step? */
static bool is_asked(const struct look *l, enum flow_step step)
{
	struct fail f = {0};

	return flow_has_step(l->spec, step) &&
	       provider_offers(l->provider, flow_steps[step].interface, "validate", NULL, &f);
}

static void ask(struct look *l, enum flow_step step)
{
	struct call_spec call = {
		.provider = l->provider,
		.interface = flow_steps[step].interface,
		.slot = "validate",
		.connection = l->name,
		.body_fd = -1,
		.done = validated,
		.ctx = l,
	};
	struct fail f = {0};

	call.request = json_pack("{s:O, s:s, s:o}", "connection", l->connection, "kind",
		flow_steps[step].kind, "spec", flow_spec_early(l->spec, step));
	if (call.request == NULL)
		end(l, &no_memory);
	else if (!call_start(&call, NULL, &f))
		end(l, &f);
}

static void next(struct look *l)
{
	while (l->at < COUNT(looked_at) && !is_asked(l, looked_at[l->at]))
		l->at++;
	if (l->at < COUNT(looked_at))
		ask(l, looked_at[l->at]);
	else
		end(l, NULL);
}

void form_validate(struct provider *p, const char *name, json_t *connection, json_t *spec,
	form_validated *done, void *ctx)
{
	struct look *l = connection != NULL ? malloc(sizeof(*l)) : NULL;

	if (l == NULL) {
		json_decref(connection);
		done(&no_memory, ctx);
		return;
	}
	*l = (struct look){.provider = p,
		.name = name,
		.connection = connection,
		.spec = spec,
		.done = done,
		.ctx = ctx};
	next(l);
}
