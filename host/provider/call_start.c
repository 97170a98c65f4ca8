/* Starting a slot on a pooled thread, and what happens there. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/pool.h"
#include "provider/call.h"
#include "provider/internal.h"
#include "provider/learn.h"
#include "provider/worker.h"
#include "secret/crypto.h"
#include "secret/redact.h"
#include "secret/source.h"

/* Tells of the end; apart from run(), whose frame is on the stack while the slot waits. */
static __attribute__((noinline)) void end(struct call *c, int32_t code)
{
	struct call_table *t = &c->provider->all->calls;
	struct call_result result;

	call_conclude(c, code, &result);
	call_release(c);             /* who is told of the end finds everything closed */
	call_table_leave_lane(t, c); /* done may start the next one */
	c->done(&result, c->ctx);
	call_result_finish(&result);
	call_table_remove(t, c);
	call_free(c);
}

static void run(void *arg)
{
	struct call *c = arg;
	davit_buf request = {c->request, c->request_size};
	struct redact_scope *scope;
	int32_t code;

	call_enter(c);
	code = c->waited ? call_stopped(c) : DAVIT_OK; /* nobody may wait for it any more */
	if (code == DAVIT_OK && strcmp(c->slot_name, "logs") == 0)
		learn_for_call(c);
	if (code == DAVIT_OK)
		code = c->provider->home != NULL ? worker_run(c)
		                                 : c->op(c->provider->instance, c->handle, request);
	call_leave();
	scope = redact_scope_ref(c->scope);
	(void)redact_use(scope); /* who is told of the end writes texts, too */
	end(c, code);
	(void)redact_use(NULL);
	redact_scope_unref(scope);
}

/* The interface and slot of a spec in c; false: not offered. */
static bool find_slot(struct call *c, const struct call_spec *spec, struct fail *f)
{
	const struct provider *p = spec->provider;
	size_t index;

	if (!provider_offers(p, spec->interface, spec->slot, NULL, f))
		return false;
	index = table_index(spec->interface);
	c->interface = table_interfaces[index].id;
	c->slot = table_slot(&table_interfaces[index], spec->slot);
	c->slot_name = c->slot->name;
	c->op = table_op(p->tables[index], c->slot);
	return true;
}

static bool add_body(struct call *c, struct call_spec *spec, struct fail *f)
{
	struct call_blob body = {.kind = CALL_BLOB_FILE, .fd = spec->body_fd};
	struct stat st;

	if (spec->body == NULL && spec->body_fd < 0)
		return true;
	if (spec->body != NULL)
		body = (struct call_blob){.kind = CALL_BLOB_MEMORY,
			.fd = -1,
			.bytes = spec->body,
			.n = spec->body_bytes};
	else if (fstat(spec->body_fd, &st) != 0 || !S_ISREG(st.st_mode))
		return fail_set(f, FAIL_INTERNAL, "the body of a call must be a regular file");
	if (spec->body == NULL)
		spec->body_fd = -1; /* the call's from here on */
	if (json_object_set_new(spec->request, "body",
		    json_integer((json_int_t)call_blobs_add(&c->blobs, &body))) != 0)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	return true;
}

/* Its own name, of which "~1" and "~0" are '/' and '~'. */
static void plain_name(char *name)
{
	char *to = name;

	for (const char *from = name; *from != '\0'; from++) {
		if (from[0] == '~' && (from[1] == '0' || from[1] == '1'))
			*to++ = *++from == '1' ? '/' : '~';
		else
			*to++ = *from;
	}
	*to = '\0';
}

static bool is_there(json_t *connection, const char *member)
{
	const json_t *v = member[0] == '/' ? json_at(connection, member)
	                                   : json_object_get(connection, member);

	return v != NULL && !json_is_null(v);
}

/* Takes what source says off connection. False: it is still there. */
static bool take_off(json_t *connection, const char *member)
{
	char *parent = strdup(member), *name;
	json_t *of;

	if (parent == NULL)
		return false;
	name = strrchr(parent, '/');
	if (member[0] != '/') {
		(void)json_object_del(connection, member);
	} else if (name != NULL) {
		*name++ = '\0';
		plain_name(name);
		of = json_at(connection, parent);
		if (json_is_array(of)) /* the others keep their places */
			(void)json_array_set_new(of, strtoul(name, NULL, 10), json_null());
		else
			(void)json_object_del(of, name);
	}
	free(parent);
	return !is_there(connection, member);
}

/* Takes all that one secret comes from off shown. */
static bool take_all_off(json_t *shown, const json_t *sources)
{
	const json_t *source;
	size_t i;

	json_array_foreach(sources, i, source)
	{
		const char *member = source_member(json_string_value(source));

		if (member != NULL && !take_off(shown, member))
			return false;
	}
	return true;
}

/* A copy without what the manifest says its secrets come from; NULL: there is none. */
static json_t *without_secrets(const struct call *c)
{
	json_t *secrets = json_object_get(c->provider->manifest, "secrets");
	json_t *shown = json_deep_copy(c->connection);
	const char *name;
	const json_t *sources;

	json_object_foreach(secrets, name, sources)
	{
		if (shown != NULL && !take_all_off(shown, sources)) {
			json_decref(shown);
			shown = NULL;
		}
	}
	return shown;
}

/* A secret that comes from the connection is for the host alone. */
static bool add_connection(struct call *c, struct call_spec *spec, struct fail *f)
{
	json_t *details = json_object_get(spec->request, "connection");

	if (spec->connection != NULL && (c->connection_name = strdup(spec->connection)) == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	if (json_object_size(details) == 0)
		return true;
	c->connection = json_incref(details);
	c->secrets.own = call_is_callers(c);
	learn_details(c);
	if (json_object_get(c->provider->manifest, "secrets") == NULL)
		return true;
	return json_object_set_new(spec->request, "connection", without_secrets(c)) == 0 ||
	       fail_set(f, FAIL_INTERNAL, "out of memory");
}

/* What the request calls a password, say, is hidden in the texts of this call and its job alone. Of
 * a connection of the site the registry has what is long enough for it. */
static void add_scope(struct call *c, const struct call_spec *spec)
{
	json_t *request = json_copy(spec->request);

	c->scope = redact_scope_ref(spec->scope);
	if (spec->connection != NULL) {
		redact_scope_add_json(&c->scope, json_object_get(request, "connection"), false);
		(void)json_object_del(request, "connection");
	}
	redact_scope_add_json(&c->scope, request, true);
	json_decref(request);
}

static bool add_request(struct call *c, struct call_spec *spec, struct fail *f)
{
	if (spec->request == NULL)
		spec->request = json_object();
	if (!add_body(c, spec, f))
		return false;
	add_scope(c, spec);
	if (!add_connection(c, spec, f))
		return false;
	c->request = json_compact(spec->request, &c->request_size);
	return c->request != NULL || fail_set(f, FAIL_INTERNAL, "out of memory");
}

bool call_account(const struct call *c, char account[CALL_ACCOUNT_SIZE])
{
	const char *name = c->connection_name != NULL ? c->connection_name : "";
	char *details = c->connection != NULL ? json_compact(c->connection, NULL) : strdup("");
	struct sha256 *s = details != NULL ? sha256_begin() : NULL;
	uint8_t digest[SHA256_BYTES];

	if (s != NULL) {
		sha256_add(s, name, strlen(name) + 1);
		sha256_add(s, details, strlen(details));
		sha256_end(s, digest);
		sha256_hex(digest, account);
	}
	if (details != NULL)
		crypto_cleanse(details, strlen(details));
	free(details);
	return s != NULL;
}

static bool add_job(struct call *c, const struct call_spec *spec, struct fail *f)
{
	if (spec->job == NULL || strlen(spec->job) >= sizeof(c->job))
		return true;
	memcpy(c->job, spec->job, strlen(spec->job) + 1);
	c->checkpoints = spec->checkpoints;
	return !spec->checkpoints || call_journal_open(c, spec->goes_on) ||
	       fail_set(f, FAIL_INTERNAL, "out of memory");
}

static void add_rest(struct call *c, const struct call_spec *spec)
{
	c->epoch = spec->epoch;
	c->lane = CALL_LANE_REQUEST;
	if (spec->job_lane)
		c->lane = CALL_LANE_JOB;
	else if (spec->function_lane)
		c->lane = CALL_LANE_FUNCTION;
	c->sink = spec->sink;
	c->done = spec->done;
	c->ctx = spec->ctx;
}

bool call_dispatch(struct call *c, struct fail *f)
{
	struct call_table *t = &c->provider->all->calls;

	if (pool_add(t->pools[c->lane], run, c, f))
		return true;
	call_table_remove(t, c);
	return false;
}

static bool enqueue(struct call *c, int64_t wait_ms, uint64_t *ret_call, struct fail *f)
{
	switch (call_table_add(&c->provider->all->calls, c, wait_ms, f)) {
	case CALL_REFUSED:
		return false;
	case CALL_WAITS:
		return true;
	default:
		break;
	}
	if (ret_call != NULL) /* once it is queued, c and what ret_call is in may be gone */
		*ret_call = c->handle;
	return call_dispatch(c, f);
}

/* The call of a spec, not yet in the table; NULL: refused. */
static struct call *make(const struct call_spec *given, struct fail *f)
{
	struct call_spec spec = *given;
	struct call *c = call_new(spec.provider, "", "", spec.timeout_ms, f);
	bool ok = c != NULL && find_slot(c, &spec, f) && add_job(c, &spec, f) &&
	          add_request(c, &spec, f);

	/* Before it is queued: done() may let go of parts of the request on another thread. */
	json_decref(spec.request);
	if (spec.body_fd >= 0)
		(void)close(spec.body_fd);
	if (ok) {
		add_rest(c, &spec);
		return c;
	}
	call_free(c);
	return NULL;
}

bool call_start(const struct call_spec *spec, uint64_t *ret_call, struct fail *f)
{
	struct call *c = make(spec, f);

	if (c == NULL)
		return false;
	if (enqueue(c, ret_call == NULL ? spec->wait_ms : 0, ret_call, f))
		return true;
	call_free(c);
	return false;
}

struct call *call_make(const struct call_spec *spec, uint64_t *ret_call, struct fail *f)
{
	struct call *c = make(spec, f);

	if (c == NULL || call_table_add(&c->provider->all->calls, c, 0, f) != CALL_ENTERED) {
		call_free(c);
		return NULL;
	}
	*ret_call = c->handle;
	return c;
}

void call_run(struct call *c)
{
	run(c);
}

bool call_threads_short(struct providers *ps)
{
	return pool_waits(ps->calls.pools[CALL_LANE_JOB]);
}

bool call_thread(struct providers *ps, void (*task)(void *arg), void *arg, struct fail *f)
{
	return pool_add(ps->calls.pools[CALL_LANE_JOB], task, arg, f);
}
