/* v1_providers - /v1/providers: what there is, one of them, and an end of its quarantine. */
#include <string.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/handlers.h"
#include "base/fail.h"
#include "base/json.h"
#include "http/exchange.h"
#include "jobs/tracker.h"
#include "provider/provider.h"

void v1_providers_list(struct app *app, struct exchange *x)
{
	exchange_reply_json(
		x, 200, json_pack("{s:o}", "providers", providers_describe(app->providers)));
}

/* A new reference; NULL: there is none. */
static json_t *description_of(struct app *app, const char *id)
{
	json_t *all = providers_describe(app->providers);
	json_t *provider, *found = NULL;
	size_t i;

	json_array_foreach(all, i, provider)
	{
		if (strcmp(json_text_or(provider, "id", ""), id) == 0)
			found = json_incref(provider);
	}
	json_decref(all);
	return found;
}

void v1_providers_get(struct app *app, struct exchange *x)
{
	const char *id = exchange_arg(x);
	json_t *found = description_of(app, id);
	struct fail f = {0};

	if (found != NULL) {
		exchange_reply_json(x, 200, found);
		return;
	}
	(void)fail_set(&f, FAIL_NOT_FOUND, "there is no provider '%s'", id);
	answer_fail(x, &f);
}

static void lift(struct app *app, struct exchange *x)
{
	const char *id = exchange_arg(x);
	struct fail f = {0};

	if (!providers_lift(app->providers, id, &f)) {
		answer_fail(x, &f);
		return;
	}
	tracker_look(app->tracker, id);
	exchange_reply_json(x, 200, description_of(app, id));
}

void v1_providers_lift(struct app *app, struct exchange *x)
{
	answer_later(app, x, lift);
}
