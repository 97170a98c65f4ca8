/* health - is the daemon alive, and does it take work? */
#include "api/app.h"
#include "api/handlers.h"
#include "base/fail.h"
#include "http/exchange.h"
#include "jobs/tracker.h"
#include "store/store.h"

void health_live(struct app *app, struct exchange *x)
{
	(void)app;
	exchange_reply_json(x, 200, json_pack("{s:s}", "status", "ok"));
}

void health_ready(struct app *app, struct exchange *x)
{
	struct fail f = {0};
	bool store = store_ready(app->store, &f);
	bool recovered = tracker_recovered(app->tracker);
	json_t *reasons = json_array();

	if (!store)
		(void)json_array_append_new(
			reasons, json_pack("{s:s, s:s}", "part", "store", "text", f.text));
	if (!recovered)
		(void)json_array_append_new(reasons,
			json_pack("{s:s, s:s}", "part", "jobs", "text",
				"the jobs of the time before this start are still being found"));
	exchange_reply_json(x, store && recovered ? 200 : 503,
		json_pack("{s:s, s:o}", "status", store && recovered ? "ready" : "not ready",
			"reasons", reasons));
}
