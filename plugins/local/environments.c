/* environments - see environments.h. */
#include "environments.h"

#include <string.h>

#include "child.h"
#include "drivers.h"
#include "endpoint.h"
#include "packages.h"
#include "venvs.h"

#define PREFIX_PATH "work/venv"
#define WAIT        "environment-wait/%s/%s"
#define LOST        "environment-lost/%s"

enum {
	PROCESS_DIGITS = 24,
	LOST_MAX = 3 /* builds whose supervisor was killed, until it is called a failure */
};

const char *environment_process(struct local_call *c, const char *digest)
{
	return local_text(c, "venv-%.*s", PROCESS_DIGITS, digest);
}

/* --- its build --- */

static bool is_address(const struct davit_sdk_json *link)
{
	return strstr(link->text.p, "://") != NULL;
}

/* The addresses among find_links, as pip reads them from a variable. */
static const char *link_addresses(struct local_call *c, const struct davit_sdk_json *links)
{
	const char *text = "";

	for (links = links == NULL ? NULL : links->first; links != NULL; links = links->next) {
		if (is_address(links))
			text = local_text(c, "%s%s ", text, links->text.p);
	}
	return text;
}

/* Addresses go by the environment, which only the user of the daemon can read: they may hold
 * passwords. */
static void put_variables(
	struct local_call *c, struct davit_sdk_writer *w, const struct davit_sdk_json *pip)
{
	const struct child_variable wanted[] = {
		{"PIP_REQUIRE_VIRTUALENV", "1"},
		{"PIP_INDEX_URL", davit_sdk_text_at(pip, "/index_url", "")},
		{"PIP_EXTRA_INDEX_URL",
			packages_joined(c, davit_sdk_member(pip, "extra_index_urls"), " ")},
		{"PIP_FIND_LINKS", link_addresses(c, davit_sdk_member(pip, "find_links"))},
	};
	struct child_variable variables[LOCAL_COUNT(wanted)];
	size_t count = 0;

	for (size_t i = 0; i < LOCAL_COUNT(wanted); i++) {
		if (wanted[i].value[0] != '\0')
			variables[count++] = wanted[i];
	}
	child_put_environment(c, w, NULL, variables, count);
}

/* Folders go by the command line: their names may have spaces. */
static void put_arguments(struct davit_sdk_writer *w, const struct davit_sdk_json *pip)
{
	const struct davit_sdk_json *links = davit_sdk_member(pip, "find_links");

	davit_sdk_open_array(w, "argv");
	davit_sdk_put_text(w, NULL, "python3");
	davit_sdk_put_text(w, NULL, "build.py");
	if (davit_sdk_bool_at(pip, "/no_index", false))
		davit_sdk_put_text(w, NULL, "--no-index");
	for (links = links == NULL ? NULL : links->first; links != NULL; links = links->next) {
		if (is_address(links))
			continue;
		davit_sdk_put_text(w, NULL, "--find-links");
		davit_sdk_put_text(w, NULL, links->text.p);
	}
	davit_sdk_close_array(w);
}

/* Packages come from other machines, or from folders that the site names. */
static void put_reach(struct davit_sdk_writer *w, const struct davit_sdk_json *pip)
{
	const struct davit_sdk_json *links = davit_sdk_member(pip, "find_links");

	davit_sdk_put_bool(w, "network", true);
	davit_sdk_open_array(w, "read");
	for (links = links == NULL ? NULL : links->first; links != NULL; links = links->next) {
		const char *path = links->text.p;

		if (strncmp(path, "file://", 7) == 0)
			path += 7;
		if (path[0] == '/' && path[1] != '\0')
			davit_sdk_put_text(w, NULL, path);
	}
	davit_sdk_close_array(w);
}

static bool start(struct local_call *c, const char *digest, const struct davit_sdk_json *wanted)
{
	const struct davit_sdk_json *pip = davit_sdk_member(wanted, "pip");
	struct davit_sdk_writer w;
	davit_buf spec;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	put_arguments(&w, pip);
	put_variables(c, &w, pip);
	davit_sdk_open_array(&w, "inputs");
	child_put_input(&w, "text", environment_driver, "work/build.py");
	child_put_input(&w, "text",
		packages_joined(c, davit_sdk_member(wanted, "requirements"), "\n"),
		"work/requirements.txt");
	davit_sdk_close_array(&w);
	put_reach(&w, pip);
	child_put_common(c, &w, NULL, false);
	davit_sdk_close_object(&w);
	spec = davit_sdk_write_end(&w);
	if (spec.p == NULL)
		return davit_sdk_fail(&c->sdk, DAVIT_INTERNAL,
			       "no memory left for the Python environment") == DAVIT_OK;
	return local_check(c, c->sdk.host->process->start(c->sdk.call,
				      davit_sdk_buf(environment_process(c, digest)), spec)) ==
	       DAVIT_OK;
}

/* Deletes a build that ended; another that began meanwhile stays. */
static bool clear(struct local_call *c, const char *digest)
{
	int32_t code = c->sdk.host->process->remove(
		c->sdk.call, davit_sdk_buf(environment_process(c, digest)));

	if (code == DAVIT_NOT_FOUND || code == DAVIT_CONFLICT)
		code = DAVIT_OK;
	return local_check(c, code) == DAVIT_OK;
}

/* --- how it stands --- */

const char *environment_progress(struct local_call *c, const char *digest)
{
	const struct davit_sdk_json *wanted = packages_read(c, digest);

	return wanted == NULL ? "" : packages_installing(c, wanted);
}

static void set_failed(struct local_call *c, const struct child *child, struct environment *ret)
{
	struct davit_sdk_writer w;
	struct child_why why;

	child_explain(c, ret->process, child, &why);
	ret->state = ENVIRONMENT_FAILED;
	ret->text = local_text(c, "the Python environment could not be built: %s", why.text);
	davit_sdk_write_begin(&w, &c->sdk.mem);
	child_put_reason(&w, NULL, child, &why);
	ret->reason = davit_sdk_write_end(&w);
}

/* Ended by no fault of its own: may it be tried again? Counts those that nobody asked for. */
static bool may_repeat(struct local_call *c, const char *digest, const struct child *child)
{
	const char *key = local_text(c, LOST, digest);
	struct davit_sdk_writer w;
	int64_t n;

	if (child->cancelled)
		return true;
	if (!child->lost && !child->interrupted)
		return false;
	n = davit_sdk_int_at(davit_sdk_kv_get(&c->sdk, key, NULL), "/n", 0) + 1;
	if (c->sdk.code != DAVIT_OK || n > LOST_MAX)
		return false;
	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_int(&w, "n", n);
	davit_sdk_close_object(&w);
	return davit_sdk_kv_put(&c->sdk, key, &w) == DAVIT_OK;
}

/* Says how the child stands, starting it where it is to be started. */
static bool settle(struct local_call *c, const char *digest, const struct child *child,
	struct environment *ret)
{
	const struct davit_sdk_json *wanted;
	int32_t state = child_state(child);

	if (state == DAVIT_STATE_SUCCEEDED) {
		ret->state = ENVIRONMENT_READY;
		return true;
	}
	if (child->ended && !may_repeat(c, digest, child)) {
		set_failed(c, child, ret);
		return c->sdk.code == DAVIT_OK;
	}
	ret->state = ENVIRONMENT_PENDING;
	wanted = packages_read(c, digest);
	if (wanted == NULL || (child->ended && !clear(c, digest)))
		return false;
	ret->text = packages_installing(c, wanted);
	return (child->known && !child->ended) || start(c, digest, wanted);
}

static bool put_wait(struct local_call *c, const char *digest, const char *user_id)
{
	return venvs_put_mark(c, local_text(c, WAIT, digest, user_id));
}

bool environment_ask(struct local_call *c, const char *digest, struct environment *ret)
{
	struct child child;

	*ret = (struct environment){
		.digest = digest, .process = environment_process(c, digest), .text = ""};
	return child_inspect(c, ret->process, &child) && settle(c, digest, &child, ret);
}

/* A build that failed is no reason to fail again: an index may be back, a package be there. */
static bool need(struct local_call *c, const struct environment_user *user, struct environment *ret)
{
	struct child child;

	if (!child_inspect(c, ret->process, &child))
		return false;
	if (child_state(&child) != DAVIT_STATE_SUCCEEDED && !put_wait(c, ret->digest, user->id))
		return false;
	if (child_state(&child) == DAVIT_STATE_FAILED) {
		if (!clear(c, ret->digest) ||
			davit_sdk_kv_del(&c->sdk, local_text(c, LOST, ret->digest)) != DAVIT_OK)
			return false;
		child = (struct child){.limit = "", .error = ""};
	}
	return settle(c, ret->digest, &child, ret);
}

bool environment_choose(struct local_call *c, const struct davit_sdk_json *requirements,
	const char *pointer, const char **ret_digest)
{
	struct requirements lines;

	*ret_digest = NULL;
	if (!requirements_read(c, requirements, pointer, &lines))
		return false;
	if (lines.count == 0)
		return true;
	*ret_digest = packages_seal(c, &lines);
	return *ret_digest != NULL;
}

bool environment_choose_again(struct local_call *c, const char *digest, const char **ret_digest)
{
	*ret_digest = digest == NULL ? NULL : packages_renew(c, digest);
	return c->sdk.code == DAVIT_OK;
}

bool environment_want(struct local_call *c, const char *digest, const struct environment_user *user,
	struct environment *ret)
{
	*ret = (struct environment){.state = ENVIRONMENT_NONE, .text = ""};
	if (digest == NULL)
		return true;
	ret->digest = digest;
	ret->process = environment_process(c, digest);
	if (!venvs_want(c, digest, user->name) || !need(c, user, ret))
		return false;
	environments_sweep(c);
	return true;
}

bool environment_need(struct local_call *c, const struct davit_sdk_json *requirements,
	const char *pointer, const struct environment_user *user, struct environment *ret)
{
	const char *digest;

	return environment_choose(c, requirements, pointer, &digest) &&
	       environment_want(c, digest, user, ret);
}

static bool is_awaited(struct local_call *c, const char *digest)
{
	struct davit_sdk_kv_scan scan = {.prefix = local_text(c, WAIT, digest, "")};

	return davit_sdk_kv_next(&c->sdk, &scan);
}

int32_t environment_leave(struct local_call *c, const char *digest, const char *user_id, bool stop)
{
	if (digest == NULL ||
		davit_sdk_kv_del(&c->sdk, local_text(c, WAIT, digest, user_id)) != DAVIT_OK ||
		!stop)
		return c->sdk.code;
	if (is_awaited(c, digest) || c->sdk.code != DAVIT_OK)
		return c->sdk.code;
	return child_stop(c, environment_process(c, digest));
}

void environment_put_prefix(struct davit_sdk_writer *w, const char *digest)
{
	char name[sizeof("venv-") + PROCESS_DIGITS] = "venv-";

	if (digest == NULL)
		return;
	(void)strncat(name, digest, PROCESS_DIGITS);
	davit_sdk_open_object(w, "prefix");
	davit_sdk_put_text(w, "process", name);
	davit_sdk_put_text(w, "path", PREFIX_PATH);
	davit_sdk_close_object(w);
}

/* Is it that of a model on an endpoint, or on its way there? Its server may be down just now, and
 * must find it when it is started again. */
static bool is_deployed(struct local_call *c, const char *digest)
{
	struct records_scan scan = {0};
	struct endpoint e;

	while (records_next(c, RECORD_ENDPOINT, &scan)) {
		endpoint_parse(&scan.record, &e);
		if (endpoint_has_environment(&e, digest))
			return true;
	}
	return false;
}

int32_t environment_delete(struct local_call *c, const char *digest)
{
	const char *process = environment_process(c, digest);
	struct child child;
	int32_t code;

	if (is_deployed(c, digest))
		return DAVIT_CONFLICT;
	if (c->sdk.code != DAVIT_OK || !child_inspect(c, process, &child))
		return c->sdk.code;
	/* A job that finds it gone when it starts has it built again. */
	if (child_state(&child) != DAVIT_STATE_SUCCEEDED && is_awaited(c, digest))
		return DAVIT_CONFLICT;
	if (child.known && !child.ended && child_stop(c, process) != DAVIT_OK)
		return c->sdk.code;
	code = c->sdk.host->process->remove(c->sdk.call, davit_sdk_buf(process));
	if (code == DAVIT_CONFLICT)
		return code;
	return local_check(c, code == DAVIT_NOT_FOUND ? DAVIT_OK : code);
}
