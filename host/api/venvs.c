/*
 * venvs - the Python environments kept for pipelines, which the provider of the listener, or
 * the site's default one, has. The platform asks for their deletion when a pipeline is deleted.
 */
#include <stdlib.h>
#include <string.h>

#include <davit/abi.h>
#include <davit/provider.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/connection.h"
#include "api/handlers.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/log.h"
#include "http/exchange.h"
#include "provider/provider.h"

/* Starts a slot; x is answered by done, or here where that cannot be. request is taken over. */
static void ask(struct app *app, struct exchange *x, const char *slot, json_t *request,
	void (*done)(struct call_result *result, void *ctx))
{
	struct target target = connection_default(app, x);
	struct call_spec spec = {
		.provider = target.provider,
		.interface = DAVIT_ENVIRONMENTS,
		.slot = slot,
		.request = request,
		.body_fd = -1,
		.done = done,
		.ctx = x,
	};
	struct fail f = {0};

	if (target.provider == NULL ||
		!provider_offers(target.provider, DAVIT_ENVIRONMENTS, slot, NULL, &f)) {
		json_decref(request);
		exchange_fail_text(x, 404, "venvs directory not found");
	} else if (request == NULL) {
		answer_memory(x);
	} else if (!call_start(&spec, NULL, &f)) {
		answer_fail(x, &f);
	}
}

/* The words clients know; what was wrong is in the log. */
static void failed(struct exchange *x, const struct call_result *result, const char *text)
{
	log_error("API-VENVS", "%s: %s", text,
		result->code != DAVIT_OK ? result->fail.text : "the answer is none");
	exchange_fail_text(x, 500, text);
}

/* --- GET --- */

/* The names of {"items":[{"name"}]}; NULL: it is none. */
static json_t *names_of(const json_t *items)
{
	json_t *names = json_is_array(items) ? json_array() : NULL;
	const json_t *item;
	size_t i;

	json_array_foreach(items, i, item)
	{
		json_t *name = json_object_get(item, "name");

		if (!json_is_string(name) || json_array_append(names, name) != 0) {
			json_decref(names);
			return NULL;
		}
	}
	return names;
}

static void listed(struct call_result *result, void *ctx)
{
	json_t *names = NULL;

	if (result->code == DAVIT_OK)
		names = names_of(json_object_get(result->reply, "items"));
	if (names != NULL)
		exchange_reply_json(ctx, 200, names);
	else
		failed(ctx, result, "failed to get venvs");
}

void venvs_list(struct app *app, struct exchange *x)
{
	ask(app, x, "list", json_pack("{s:{}}", "connection"), listed);
}

/* --- DELETE --- */

/* One name of one folder: nothing that could lead elsewhere. */
static bool name_valid(const char *name)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t n = strlen(name);

	return n > 0 && n < 256 && strspn(name, allowed) == n && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

static bool check_names(const json_t *names, struct fail *f)
{
	const json_t *name;
	size_t i;

	if (!json_is_array(names) || json_array_size(names) == 0)
		return fail_set(f, FAIL_INVALID, "the body must be an array of names");
	json_array_foreach(names, i, name)
	{
		if (!json_is_string(name) || !name_valid(json_string_value(name)))
			return fail_set(f, FAIL_INVALID,
				"name %zu: only letters, digits, '_', '.' and '-' are allowed", i);
	}
	return true;
}

static void deleted(struct call_result *result, void *ctx)
{
	json_t *gone = json_object_get(result->reply, "deleted");
	json_t *missing = json_object_get(result->reply, "not_found");

	if (result->code == DAVIT_OK && json_is_array(gone) && json_is_array(missing))
		exchange_reply_json(
			ctx, 200, json_pack("{s:O, s:O}", "deleted", gone, "not_found", missing));
	else
		failed(ctx, result, "failed to delete venv");
}

static void delete (struct app *app, struct exchange *x)
{
	struct fail f = {0};
	const json_t *names = exchange_body_json(x, &f);

	if (names == NULL || !check_names(names, &f)) {
		answer_fail(x, &f);
		return;
	}
	ask(app, x, "remove", json_pack("{s:{}, s:O}", "connection", "names", (json_t *)names),
		deleted);
}

void venvs_delete(struct app *app, struct exchange *x)
{
	answer_later(app, x, delete);
}
