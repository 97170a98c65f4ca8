/* v1_providers - GET /v1/providers and one of them. */
#include <string.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/handlers.h"
#include "base/fail.h"
#include "base/json.h"
#include "http/exchange.h"
#include "provider/provider.h"

void v1_providers_list(struct app *app, struct exchange *x)
{
	exchange_reply_json(
		x, 200, json_pack("{s:o}", "providers", providers_describe(app->providers)));
}

void v1_providers_get(struct app *app, struct exchange *x)
{
	json_t *all = providers_describe(app->providers);
	const char *id = exchange_arg(x);
	json_t *provider, *found = NULL;
	struct fail f = {0};
	size_t i;

	json_array_foreach(all, i, provider)
	{
		if (strcmp(json_text_or(provider, "id", ""), id) == 0)
			found = json_incref(provider);
	}
	json_decref(all);
	if (found != NULL) {
		exchange_reply_json(x, 200, found);
		return;
	}
	(void)fail_set(&f, FAIL_NOT_FOUND, "there is no provider '%s'", id);
	answer_fail(x, &f);
}
