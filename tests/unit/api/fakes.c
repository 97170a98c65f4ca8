/* fakes - see fakes.h. */
#include "unit/api/fakes.h"

#include <davit/abi.h>
#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "api/app.h"
#include "api/follow.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/pool.h"
#include "config/config.h"
#include "http/exchange.h"
#include "jobs/decide.h"
#include "jobs/errand.h"
#include "jobs/strays.h"
#include "jobs/tracker.h"
#include "platform/fs.h"
#include "platform/thread.h"
#include "provider/provider.h"
#include "secret/redact.h"
#include "store/blobs.h"
#include "store/store.h"
#include "unit/cmocka.h"

#define WAIT_MS    10000 /* for an answer */
#define PAIRS_MAX  8
#define ANSWER_MAX ((size_t)64 << 20)

struct fake_provider fake_provider;
struct fake_tracker fake_tracker;

static struct {
	char folder[PATH_MAX];
	struct config config;
	struct config_listener listener;
	struct config_provider provider;
	struct config_connection connections[2];
	struct app app;
	json_t *manifest;
	json_t *schema;
	json_t *entry;
} site;

struct pair {
	char key[64];
	char value[256];
	char text[1024]; /* of a part */
	bool file;
};

struct exchange {
	const char *method;
	const char *path;
	const struct route *route;
	char arg[512];
	struct config_listener listener;
	struct pair headers[PAIRS_MAX];
	struct pair queries[PAIRS_MAX];
	struct pair parts[PAIRS_MAX];
	size_t header_count, query_count, part_count;
	char *body;
	json_t *json;
	bool large;
	struct mutex lock;
	struct cond answered;
	unsigned answers;
	int status;
	char type[128];
	struct buf text;
	exchange_keeper *keeper;
	void *keeper_ctx;
	char extra[256]; /* headers of the answer: "Name: value\n" each */
	bool streaming;
	bool cut;
	json_t *seen;
};

/* --- the site --- */

static void site_config(void)
{
	site.listener = (struct config_listener){.address = LITERAL("127.0.0.1")};
	site.provider = (struct config_provider){.id = LITERAL("local")};
	site.connections[0] = (struct config_connection){.name = LITERAL("ours"),
		.type = LITERAL("SOMECLOUD"),
		.details = json_pack("{s:s}", "region", "north")};
	site.connections[1] = (struct config_connection){.name = LITERAL("theirs"),
		.provider = LITERAL("other"),
		.details = json_pack("{s:s}", "key", "of another")};
	site.config = (struct config){.data_dir = site.folder,
		.default_provider = LITERAL("local"),
		.listeners = &site.listener,
		.listener_count = 1,
		.providers = &site.provider,
		.provider_count = 1,
		.connections = site.connections,
		.connection_count = 2};
}

int fake_open(void **state)
{
	const char *tmp = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe) */
	char target[PATH_MAX + 32];
	struct fail f = {0};

	(void)state;
	memset(&site, 0, sizeof(site));
	(void)snprintf(site.folder, sizeof(site.folder), "%s/davit-api-XXXXXX",
		tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(site.folder));
	(void)snprintf(target, sizeof(target), "sqlite:%s/davit.db", site.folder);
	site_config();
	fake_provider = (struct fake_provider){
		.loaded = true, .everything = true, .manifest = "{}", .stream_status = 200};
	fake_tracker = (struct fake_tracker){.state = JOB_RUNNING, .recovered = true};
	site.app = (struct app){.config = &site.config,
		.store = store_open(target, &f),
		.blobs = blobs_open(site.folder, &f),
		.pool = pool_create("test", 4, 64, &f)};
	site.app.follows = follows_open(&site.app, &f);
	if (site.app.store == NULL || site.app.blobs == NULL || site.app.pool == NULL ||
		site.app.follows == NULL)
		fail_msg("%s", f.text);
	return 0;
}

int fake_close(void **state)
{
	(void)state;
	pool_destroy(site.app.pool);
	follows_close(site.app.follows);
	blobs_close(site.app.blobs);
	store_close(site.app.store);
	for (size_t i = 0; i < COUNT(site.connections); i++)
		json_decref(site.connections[i].details);
	json_decref(site.manifest);
	json_decref(site.schema);
	json_decref(site.entry);
	json_decref(fake_provider.request);
	json_decref(fake_tracker.request);
	return fs_remove_tree(site.folder, NULL) ? 0 : 1;
}

struct app *fake_app(void)
{
	return &site.app;
}

struct config *fake_config(void)
{
	return &site.config;
}

const char *fake_folder(void)
{
	return site.folder;
}

void fake_job(const struct job *job)
{
	struct store_op *op = store_op_new(STORE_JOB_ADD, true);
	struct fail f = {0};

	assert_non_null(op);
	assert_true(job_copy(&op->job, job));
	if (!store_run(site.app.store, op, &f))
		fail_msg("%s", f.text);
	store_op_free(op);
}

/* --- a request --- */

static void set_arg(struct exchange *x, const char *arg, size_t n)
{
	(void)snprintf(x->arg, sizeof(x->arg), "%.*s", (int)n, arg);
}

struct exchange *fake_request(const char *method, const char *path, const char *body)
{
	struct exchange *x = calloc(1, sizeof(*x));
	enum error_form form;
	const char *arg = "";
	size_t arg_n = 0;
	char allow[64];

	assert_non_null(x);
	x->method = method;
	x->path = path;
	x->listener = site.listener;
	if (route_find(api_routes, api_route_count, method, path, &x->route, &arg, &arg_n, allow,
		    &form) != ROUTE_FOUND)
		fail_msg("%s %s leads nowhere", method, path);
	set_arg(x, arg, arg_n);
	if (body != NULL) {
		x->body = strdup(body);
		fake_header(x, "Content-Type", "application/json");
	}
	mutex_init(&x->lock);
	cond_init(&x->answered);
	buf_init(&x->text, ANSWER_MAX);
	return x;
}

static void add_pair(struct pair *pairs, size_t *count, const char *key, const char *value)
{
	assert_true(*count < PAIRS_MAX);
	(void)snprintf(pairs[*count].key, sizeof(pairs->key), "%s", key);
	(void)snprintf(pairs[*count].value, sizeof(pairs->value), "%s", value);
	(*count)++;
}

void fake_header(struct exchange *x, const char *name, const char *value)
{
	add_pair(x->headers, &x->header_count, name, value);
}

void fake_query(struct exchange *x, const char *key, const char *value)
{
	add_pair(x->queries, &x->query_count, key, value);
	if (x->route->query_id != NULL && strcmp(x->route->query_id, key) == 0)
		set_arg(x, value, strlen(value));
}

void fake_listener(struct exchange *x, const char *default_provider)
{
	x->listener.default_provider = LITERAL(default_provider);
}

void fake_part(struct exchange *x, const char *part, const char *filename, const char *text)
{
	if (x->part_count == 0)
		fake_header(x, "Content-Type", "multipart/form-data; boundary=x");
	add_pair(x->parts, &x->part_count, part, filename != NULL ? filename : "");
	x->parts[x->part_count - 1].file = filename != NULL;
	(void)snprintf(x->parts[x->part_count - 1].text, sizeof(x->parts->text), "%s", text);
}

void fake_large(struct exchange *x)
{
	x->large = true;
}

static bool wait_for_answer(struct exchange *x)
{
	int64_t end = clock_mono_ms() + WAIT_MS;

	mutex_lock(&x->lock);
	while (x->answers == 0 && clock_mono_ms() < end)
		(void)cond_wait_until(&x->answered, &x->lock, end);
	mutex_unlock(&x->lock);
	return x->answers > 0;
}

void fake_begin(struct exchange *x)
{
	x->route->handle(&site.app, x);
}

void fake_await(struct exchange *x)
{
	if (!wait_for_answer(x))
		fail_msg("%s %s is not answered", x->method, x->path);
	assert_int_equal(x->answers, 1);
}

void fake_serve(struct exchange *x)
{
	fake_begin(x);
	fake_await(x);
}

int fake_status(const struct exchange *x)
{
	return x->status;
}

const char *fake_text(const struct exchange *x)
{
	return x->text.p != NULL ? x->text.p : "";
}

const char *fake_headers(const struct exchange *x)
{
	return x->extra;
}

const char *fake_type(const struct exchange *x)
{
	return x->type;
}

const json_t *fake_json(const struct exchange *x)
{
	struct exchange *own = (struct exchange *)x;
	struct fail f = {0};

	if (own->seen == NULL)
		own->seen = json_parse(fake_text(x), x->text.n, &f);
	if (own->seen == NULL)
		fail_msg("no JSON (%s): %s", f.text, fake_text(x));
	return own->seen;
}

bool fake_cut(const struct exchange *x)
{
	return x->cut;
}

void fake_free(struct exchange *x)
{
	mutex_finish(&x->lock);
	cond_finish(&x->answered);
	buf_finish(&x->text);
	json_decref(x->json);
	json_decref(x->seen);
	free(x->body);
	free(x);
}

void fake_expect(
	const char *method, const char *path, const char *body, int status, const char *text)
{
	struct exchange *x = fake_request(method, path, body);

	fake_serve(x);
	if (x->status != status || strcmp(fake_text(x), text) != 0)
		fail_msg("%s %s\n  answers %d %s\n  and not %d %s", method, path, x->status,
			fake_text(x), status, text);
	fake_free(x);
}

/* --- host/http/exchange.h --- */

const char *exchange_method(const struct exchange *x)
{
	return x->method;
}

const char *exchange_path(const struct exchange *x)
{
	return x->path;
}

const struct route *exchange_route(const struct exchange *x)
{
	return x->route;
}

const char *exchange_request_id(const struct exchange *x)
{
	(void)x;
	return "request";
}

const struct config_listener *exchange_listener(const struct exchange *x)
{
	return &x->listener;
}

bool exchange_admin(const struct exchange *x)
{
	(void)x;
	return true;
}

const char *exchange_arg(const struct exchange *x)
{
	assert_int_equal(x->answers, 0); /* an answered exchange must not be touched */
	return x->arg;
}

static const struct pair *find(const struct pair *pairs, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(pairs[i].key, key) == 0)
			return &pairs[i];
	}
	return NULL;
}

const char *exchange_query(const struct exchange *x, const char *key)
{
	const struct pair *pair = find(x->queries, x->query_count, key);

	return pair != NULL ? pair->value : NULL;
}

const char *exchange_header(const struct exchange *x, const char *name)
{
	const struct pair *pair = find(x->headers, x->header_count, name);

	return pair != NULL ? pair->value : NULL;
}

int64_t exchange_body_bytes(const struct exchange *x)
{
	return x->body != NULL ? (int64_t)strlen(x->body) : 0;
}

const char *exchange_body_memory(const struct exchange *x)
{
	if (x->large)
		return NULL;
	return x->body != NULL ? x->body : "";
}

static int fd_of(const char *text)
{
	char path[] = "/tmp/davit-api-body-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

int exchange_body_fd(struct exchange *x)
{
	return fd_of(x->body != NULL ? x->body : "");
}

bool exchange_body_digest(struct exchange *x, uint8_t digest[SHA256_BYTES], struct fail *f)
{
	const char *body = x->body != NULL ? x->body : "";

	(void)f;
	sha256_of(body, strlen(body), digest);
	return true;
}

const json_t *exchange_body_json(struct exchange *x, struct fail *f)
{
	const char *type = exchange_header(x, "Content-Type");

	if (type == NULL || strcmp(type, "application/json") != 0)
		(void)fail_set(f, FAIL_MEDIA_TYPE, "Content-Type must be application/json");
	else if (x->json == NULL)
		x->json = json_parse(x->body, strlen(x->body), f);
	return x->json;
}

json_t *exchange_take_json(struct exchange *x, struct fail *f)
{
	json_t *body = exchange_body_json(x, f) != NULL ? x->json : NULL;

	x->json = NULL;
	return body;
}

bool exchange_form_parse(struct exchange *x, struct fail *f)
{
	return x->part_count > 0 || fail_set(f, FAIL_INVALID, "no parts");
}

const char *exchange_form_odd(struct exchange *x, const char *const *known, size_t count)
{
	for (size_t i = 0; i < x->part_count; i++) {
		size_t k = 0;

		while (k < count && strcmp(known[k], x->parts[i].key) != 0)
			k++;
		if (k == count)
			return x->parts[i].key;
	}
	return NULL;
}

const char *exchange_form_text(struct exchange *x, const char *part)
{
	const struct pair *pair = find(x->parts, x->part_count, part);

	return pair != NULL && !pair->file ? pair->text : NULL;
}

bool exchange_part(struct exchange *x, const char *part, int *ret_fd, const char **ret_filename)
{
	const struct pair *pair = find(x->parts, x->part_count, part);

	if (pair == NULL || !pair->file)
		return false;
	*ret_fd = fd_of(pair->text);
	*ret_filename = pair->value;
	return true;
}

static void answered(struct exchange *x)
{
	mutex_lock(&x->lock);
	x->answers++;
	cond_signal(&x->answered);
	mutex_unlock(&x->lock);
}

/* Takes text over. */
static void answer_text(struct exchange *x, int status, const char *type, char *text, size_t n)
{
	exchange_keeper *keeper = x->keeper;

	x->keeper = NULL;
	if (keeper != NULL) {
		keeper(x, status, type, text, n, x->keeper_ctx);
		return;
	}
	assert_int_equal(x->answers, 0);
	x->status = text != NULL ? status : 599; /* 599: out of memory, or a bug in a json_pack() */
	(void)snprintf(x->type, sizeof(x->type), "%s", type);
	if (text != NULL)
		buf_add(&x->text, text, n);
	free(text);
	answered(x);
}

static void answer_json(struct exchange *x, int status, json_t *body)
{
	size_t n = 0;
	char *text = body != NULL ? json_compact(body, &n) : NULL;

	json_decref(body);
	answer_text(x, status, "application/json", text, n);
}

void exchange_reply_json(struct exchange *x, int status, json_t *body)
{
	answer_json(x, status, body);
}

void exchange_reply_text(
	struct exchange *x, int status, const char *content_type, char *text, size_t n)
{
	answer_text(x, status, content_type, text, n);
}

void exchange_keep_answer(struct exchange *x, exchange_keeper *keeper, void *ctx)
{
	x->keeper = keeper;
	x->keeper_ctx = ctx;
}

void *exchange_kept_for(const struct exchange *x)
{
	return x->keeper != NULL ? x->keeper_ctx : NULL;
}

void exchange_fail(struct exchange *x, const struct fail *f)
{
	assert_int_not_equal(f->code, FAIL_NONE);
	if (f->retry_after_ms > 0)
		exchange_set_header(x, "Retry-After", "1");
	switch (x->route->form) {
	case ERROR_TEXT:
		answer_json(x, fail_status(f->code), json_string(f->text));
		break;
	case ERROR_SHORT:
		answer_json(x, fail_status(f->code), json_pack("{s:s}", "error", f->text));
		break;
	case ERROR_OBJECT:
		answer_json(x, fail_status(f->code),
			json_pack("{s:{s:s, s:s, s:s}}", "error", "code", fail_word(f->code),
				"message", f->text, "field", f->field));
		break;
	}
}

void exchange_fail_text(struct exchange *x, int status, const char *text)
{
	switch (x->route->form) {
	case ERROR_TEXT:
		answer_json(x, status, json_string(text));
		break;
	default:
		answer_json(x, status, json_pack("{s:s}", "error", text));
		break;
	}
}

void exchange_set_header(struct exchange *x, const char *name, const char *value)
{
	size_t n = strlen(x->extra);

	(void)snprintf(x->extra + n, sizeof(x->extra) - n, "%s: %s\n", name, value);
}

void exchange_stream_begin(struct exchange *x, int status, const char *content_type)
{
	assert_false(x->streaming);
	x->streaming = true;
	x->status = status;
	(void)snprintf(x->type, sizeof(x->type), "%s", content_type);
}

bool exchange_gone(struct exchange *x)
{
	(void)x;
	return false;
}

bool exchange_stream_bytes(struct exchange *x, const void *bytes, size_t n)
{
	assert_true(x->streaming);
	buf_add(&x->text, bytes, n);
	return true;
}

int64_t exchange_stream_room(struct exchange *x)
{
	assert_true(x->streaming);
	return (int64_t)1 << 20;
}

void exchange_stream_end(struct exchange *x, bool ok)
{
	assert_true(x->streaming);
	x->cut = !ok;
	answered(x);
}

/* --- host/config/config.h --- */

const struct config_connection *config_connection_find(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->connection_count; i++) {
		if (strcmp(c->connections[i].name, name) == 0)
			return &c->connections[i];
	}
	return NULL;
}

const struct config_provider *config_provider_find(const struct config *c, const char *id)
{
	for (size_t i = 0; i < c->provider_count; i++) {
		if (strcmp(c->providers[i].id, id) == 0)
			return &c->providers[i];
	}
	return NULL;
}

/* --- host/provider/provider.h: one provider, "local" --- */

static struct provider *the_provider(void)
{
	return fake_provider.loaded ? (struct provider *)(void *)&fake_provider : NULL;
}

static const json_t *parsed(json_t **kept, const char *text)
{
	if (*kept == NULL && text != NULL) {
		*kept = json_parse(text, strlen(text), NULL);
		assert_non_null(*kept);
	}
	return *kept;
}

struct provider *providers_find(struct providers *ps, const char *id)
{
	(void)ps;
	return strcmp(id, "local") == 0 ? the_provider() : NULL;
}

struct provider *providers_for_type(struct providers *ps, const char *connection_type)
{
	(void)ps;
	return strcmp(connection_type, "SOMECLOUD") == 0 ? the_provider() : NULL;
}

const char *providers_names(const struct providers *ps)
{
	(void)ps;
	return fake_provider.loaded ? "local" : "";
}

json_t *providers_describe(struct providers *ps)
{
	(void)ps;
	return json_pack("[{s:s, s:s}]", "id", "local", "state", "loaded");
}

bool providers_lift(struct providers *ps, const char *id, struct fail *f)
{
	(void)ps;
	if (strcmp(id, "local") != 0)
		return fail_set(f, FAIL_NOT_FOUND, "there is no provider '%s'", id);
	fake_provider.lifted = true;
	return true;
}

const char *provider_id(const struct provider *p)
{
	(void)p;
	return "local";
}

const json_t *provider_manifest(const struct provider *p)
{
	(void)p;
	return parsed(&site.manifest, fake_provider.manifest);
}

bool provider_offers(const struct provider *p, const char *interface, const char *slot,
	const char *kind, struct fail *f)
{
	char word[160];

	(void)p;
	(void)snprintf(word, sizeof(word), " %s/%s%s%s ", interface, slot, kind != NULL ? "/" : "",
		kind != NULL ? kind : "");
	if (fake_provider.everything || strstr(fake_provider.offers, word) != NULL)
		return true;
	return fail_set(f, FAIL_UNSUPPORTED, "provider 'local' does not offer%s", word);
}

const json_t *provider_request_schema(
	const struct provider *p, const char *interface, const char *slot, const char *kind)
{
	(void)p;
	(void)interface;
	(void)slot;
	(void)kind;
	return parsed(&site.schema, fake_provider.schema);
}

const json_t *provider_entry(
	const struct provider *p, const char *interface, const char *slot, const char *kind)
{
	(void)p;
	(void)interface;
	(void)slot;
	(void)kind;
	return parsed(&site.entry, fake_provider.entry);
}

static void see_call(const struct call_spec *spec)
{
	ssize_t n = 0;

	fake_provider.calls++;
	(void)snprintf(
		fake_provider.interface, sizeof(fake_provider.interface), "%s", spec->interface);
	(void)snprintf(fake_provider.slot, sizeof(fake_provider.slot), "%s", spec->slot);
	json_decref(fake_provider.request);
	/* What the caller keeps of it is let go by another thread. */
	fake_provider.request = json_deep_copy(spec->request);
	json_decref(spec->request);
	if (spec->body != NULL) {
		n = (ssize_t)spec->body_bytes;
		assert_in_range(n, 0, sizeof(fake_provider.body) - 1);
		memcpy(fake_provider.body, spec->body, spec->body_bytes);
	} else if (spec->body_fd >= 0) {
		n = read(spec->body_fd, fake_provider.body, sizeof(fake_provider.body) - 1);
		assert_int_equal(close(spec->body_fd), 0);
	}
	fake_provider.body[n > 0 ? n : 0] = '\0';
}

static void stream(const struct call_spec *spec)
{
	const struct call_sink *sink = spec->sink;

	assert_non_null(sink);
	if (sink->head(sink->ctx, fake_provider.stream_status,
		    fake_provider.stream_type != NULL ? fake_provider.stream_type : "text/plain"))
		(void)sink->bytes(sink->ctx, fake_provider.stream, strlen(fake_provider.stream));
}

/* Runs to its end before it returns, which a real one may also do. */
bool call_start(const struct call_spec *spec, uint64_t *ret_call, struct fail *f)
{
	struct call_result result = {.code = fake_provider.code};
	struct redact_scope *scope;

	assert_null(ret_call);
	assert_non_null(spec->request);
	see_call(spec);
	if (fake_provider.refused != FAIL_NONE)
		return fail_set(f, fake_provider.refused, "not started");
	if (result.code != DAVIT_OK)
		(void)fail_set(&result.fail, FAIL_INVALID, "%s", fake_provider.fail_text);
	if (fake_provider.during != NULL)
		fake_provider.during();
	scope = redact_scope_ref(spec->scope);
	(void)redact_use(scope); /* as the thread of a call does */
	if (fake_provider.stream != NULL)
		stream(spec);
	if (fake_provider.reply != NULL)
		result.reply = json_parse(fake_provider.reply, strlen(fake_provider.reply), NULL);
	spec->done(&result, spec->ctx);
	json_decref(result.reply);
	(void)redact_use(NULL);
	redact_scope_unref(scope);
	return true;
}

/* --- host/jobs/tracker.h --- */

static void keep(char *to, size_t size, const char *text)
{
	(void)snprintf(to, size, "%s", text != NULL ? text : "");
}

/* The row that a claim is written with. */
static void store_claimed_job(const struct store_claim *claim, char id[ID_SIZE])
{
	struct store_op *op = store_op_new(STORE_JOB_ADD, true);
	struct fail f = {0};

	assert_non_null(op);
	id_make(id);
	memcpy(op->job.id, id, ID_SIZE);
	op->job.provider = strdup("local");
	op->claim = *claim;
	if (!store_run(site.app.store, op, &f))
		fail_msg("%s", f.text);
	store_op_free(op);
}

void tracker_submit(
	struct tracker *t, const struct job_order *order, tracker_accepted *done, void *ctx)
{
	char id[ID_SIZE];
	struct fail f = {0};

	(void)t;
	fake_tracker.submits++;
	keep(fake_tracker.provider, sizeof(fake_tracker.provider), order->provider);
	keep(fake_tracker.interface, sizeof(fake_tracker.interface), order->interface);
	keep(fake_tracker.kind, sizeof(fake_tracker.kind), order->kind);
	keep(fake_tracker.name, sizeof(fake_tracker.name), order->name);
	keep(fake_tracker.project, sizeof(fake_tracker.project), order->project);
	keep(fake_tracker.connection, sizeof(fake_tracker.connection), order->connection);
	keep(fake_tracker.rerun_of, sizeof(fake_tracker.rerun_of), order->rerun_of);
	(void)snprintf(fake_tracker.adopted, sizeof(fake_tracker.adopted), "%s %s",
		order->id != NULL ? order->id : "-", order->adopt != NULL ? order->adopt : "-");
	json_decref(fake_tracker.request);
	fake_tracker.request = order->request != NULL ? json_deep_copy(order->request)
	                                              : json_loads(order->request_text, 0, NULL);
	(void)snprintf(id, sizeof(id), "%s", FAKE_JOB_ID);
	if (order->claim != NULL && fake_tracker.refused == FAIL_NONE)
		store_claimed_job(order->claim, id);
	if (fake_tracker.refused == FAIL_NONE) {
		done(id, NULL, ctx);
		return;
	}
	(void)fail_set(&f, fake_tracker.refused, "refused");
	done(id, &f, ctx);
}

void tracker_cancel(struct tracker *t, const char *id, tracker_cancelled *done, void *ctx)
{
	struct job_status status;
	struct fail f = {0};

	(void)t;
	keep(fake_tracker.cancelled, sizeof(fake_tracker.cancelled), id);
	if (!store_job_status(site.app.store, id, &status, &f)) {
		done(false, &f, ctx);
		return;
	}
	fake_tracker.cancels++;
	done(fake_tracker.changed, NULL, ctx);
}

static struct {
	char id[ID_SIZE];
	tracker_watched *_Atomic done; /* NULL: nobody waits */
	void *ctx;
} held;

static void tell_watcher(const char *id, tracker_watched *done, void *ctx)
{
	struct job job = {.state = fake_tracker.state,
		.name = LITERAL("watched"),
		.result = LITERAL(fake_tracker.result),
		.remote_name = LITERAL(fake_tracker.remote_name),
		.error = LITERAL(fake_tracker.error)};

	(void)snprintf(job.id, sizeof(job.id), "%s", id);
	done(&job, ctx);
}

void tracker_watch(struct tracker *t, const char *id, unsigned states, int64_t wait_ms,
	tracker_watched *done, void *ctx)
{
	(void)t;
	fake_tracker.states = states;
	fake_tracker.wait_ms = wait_ms;
	if (!fake_tracker.held) {
		tell_watcher(id, done, ctx);
		return;
	}
	(void)snprintf(held.id, sizeof(held.id), "%s", id);
	held.ctx = ctx;
	held.done = done;
}

void fake_await_watcher(void)
{
	while (held.done == NULL)
		(void)sched_yield();
}

void fake_release(void)
{
	tracker_watched *done;

	fake_await_watcher();
	done = held.done;
	held.done = NULL;
	tell_watcher(held.id, done, held.ctx);
}

void tracker_decide(struct tracker *t, const char *id, const struct job_decision *decision,
	tracker_decided *done, void *ctx)
{
	static const struct fail refusal = {
		.code = FAIL_CONFLICT, .text = "there is nothing to decide"};

	(void)t;
	(void)snprintf(fake_tracker.decided, sizeof(fake_tracker.decided), "%s %d %s", id,
		(int)decision->choice, decision->remote != NULL ? decision->remote : "-");
	done(fake_tracker.changed ? NULL : &refusal, ctx);
}

/* --- host/jobs/strays.h --- */

struct fake_strays fake_strays;

bool strays_sweep(struct strays *s, bool all, int64_t *ret_number, struct fail *f)
{
	(void)s;
	fake_strays.everywhere = all;
	*ret_number = 7;
	return !fake_strays.recovering || fail_set(f, FAIL_UNAVAILABLE, "not yet");
}

bool strays_report(struct strays *s, struct strays_report *ret_report, struct fail *f)
{
	(void)s;
	(void)f;
	*ret_report = (struct strays_report){.number = 3,
		.started_ms = 1000,
		.finished_ms = 2000,
		.objects = 40,
		.lists = 2,
		.strays = fake_strays.count,
		.not_listed = json_pack("[{s:s, s:s}]", "provider", "far", "error", "no")};
	return true;
}

void strays_report_finish(struct strays_report *report)
{
	json_decref(report->not_listed);
}

void strays_each(struct strays *s, const char *after,
	bool (*each)(const struct stray *stray, void *ctx), void *ctx)
{
	bool more = true;

	(void)s;
	for (size_t i = 0; more && i < fake_strays.count; i++) {
		if (after == NULL || strcmp(fake_strays.all[i].id, after) < 0)
			more = each(&fake_strays.all[i], ctx);
	}
}

bool strays_find(struct strays *s, const char *id, struct stray *ret_stray, struct fail *f)
{
	(void)s;
	for (size_t i = 0; i < fake_strays.count; i++) {
		if (strcmp(fake_strays.all[i].id, id) == 0)
			return stray_copy(ret_stray, &fake_strays.all[i]);
	}
	return fail_set(f, FAIL_NOT_FOUND, "there is no stray '%s'", id);
}

void strays_gone(struct strays *s, const struct stray *stray)
{
	(void)s;
	(void)snprintf(fake_strays.gone, sizeof(fake_strays.gone), "%s", stray->id);
}

void tracker_refresh(struct tracker *t, const char *id, int64_t max_age_ms, int64_t wait_ms,
	tracker_refreshed *done, void *ctx)
{
	struct job job = {0};
	struct fail f;

	(void)t;
	(void)max_age_ms;
	(void)wait_ms;
	done(store_job(site.app.store, id, &job, &f) ? &job : NULL, fake_tracker.age_ms, ctx);
	job_finish(&job);
}

/* --- host/jobs/errand.h: one attempt, and that is the end --- */

static struct {
	struct job job;
	bool hides; /* its parent */
} errand;

static void errand_done(struct call_result *result, void *ctx)
{
	const struct errand_past past = {.unmade = errand.hides};
	json_t *failure;

	(void)ctx;
	if (errand_verdict(result->code, true, &past) == ERRAND_DONE) {
		errand.job.state = JOB_SUCCEEDED;
		errand.job.result =
			result->reply != NULL ? json_dumps(result->reply, JSON_COMPACT) : NULL;
		return;
	}
	errand.job.state = JOB_FAILED;
	errand.job.error = strdup(result->fail.text);
	failure = json_pack("{s:s}", "failure", fail_word(result->fail.code));
	errand.job.result = json_dumps(failure, JSON_COMPACT);
	json_decref(failure);
}

static void hide_job(const struct job *job)
{
	struct store_op *op = store_op_new(STORE_JOB_EDGE, true);
	struct fail f = {0};

	assert_non_null(op);
	op->edge.from = JOB_TERMINAL;
	op->edge.set = JOB_SET_RESULT;
	memcpy(op->edge.values.id, job->id, ID_SIZE);
	op->edge.values.result = errand_mark_removed(job);
	if (!store_run(site.app.store, op, &f))
		fail_msg("%s", f.text);
	store_op_free(op);
}

void tracker_errand(
	struct tracker *t, const struct errand_order *order, tracker_accepted *done, void *ctx)
{
	struct call_spec spec = {.interface = order->interface,
		.slot = order->kind,
		.connection = order->connection,
		.body_fd = -1,
		.done = errand_done};
	struct job parent = {0};
	struct fail f = {0};

	(void)t;
	errand.hides = order->parent != NULL &&
	               store_job(site.app.store, order->parent, &parent, &f) &&
	               parent.remote_name == NULL;
	job_finish(&errand.job);
	(void)snprintf(errand.job.id, ID_SIZE, "%s", FAKE_JOB_ID);
	errand.job.kind = strdup(order->kind);
	errand.job.name = strdup(order->object);
	spec.provider = providers_find(NULL, order->provider);
	spec.request = json_pack("{s:{}, s:s}", "connection", "id", order->object);
	assert_true(call_start(&spec, NULL, &f));
	if (errand.hides && errand.job.state == JOB_SUCCEEDED)
		hide_job(&parent);
	job_finish(&parent);
	done(errand.job.id, NULL, ctx);
}

bool tracker_errand_under_way(struct tracker *t, const struct errand_order *order)
{
	(void)t;
	(void)order;
	return fake_tracker.removes;
}

void tracker_watch_errand(struct tracker *t, const char *id, int64_t patience_ms, int64_t wait_ms,
	tracker_watched *done, void *ctx)
{
	(void)t;
	(void)id;
	(void)patience_ms;
	(void)wait_ms;
	if (fake_tracker.held)
		errand.job.state = JOB_SUBMITTING;
	if (fake_tracker.given_up)
		errand.job.state = JOB_CANCELLED;
	done(fake_tracker.lost ? NULL : &errand.job, ctx);
}

void tracker_look(struct tracker *t, const char *provider)
{
	(void)t;
	assert_string_equal(provider, "local");
	assert_true(fake_provider.lifted);
	fake_tracker.looked = true;
}

bool tracker_recovered(struct tracker *t)
{
	(void)t;
	return fake_tracker.recovered;
}

/* --- host/jobs/queues.h --- */

const char *queue_because_word(enum queue_because because)
{
	return because == WAIT_PAUSED ? "paused" : "capacity";
}

bool tracker_waiting(struct tracker *t, const char *id, struct queue_wait *ret_wait)
{
	(void)t;
	keep(fake_tracker.waiting, sizeof(fake_tracker.waiting), id);
	if (fake_tracker.wait == NULL)
		return false;
	*ret_wait = *fake_tracker.wait;
	return true;
}

bool tracker_may_start(struct tracker *t, const char *id)
{
	(void)t;
	(void)id;
	return !fake_tracker.full;
}

bool tracker_queues(struct tracker *t, const struct queue_filter *filter,
	struct queue_list *ret_list, struct fail *f)
{
	(void)t;
	(void)snprintf(fake_tracker.filter, sizeof(fake_tracker.filter), "%s %s %s",
		filter->provider != NULL ? filter->provider : "-",
		filter->project != NULL ? filter->project : "-",
		filter->after != NULL ? filter->after : "-");
	if (fake_tracker.queue_count == 0)
		return fail_set(f, FAIL_NOT_FOUND, "there is no provider '%s'",
			filter->provider != NULL ? filter->provider : "");
	*ret_list = (struct queue_list){.rows = (struct queue_view *)fake_tracker.queues,
		.count = fake_tracker.queue_count};
	return true;
}

void queue_list_finish(struct queue_list *l)
{
	(void)l; /* the test's */
}

bool tracker_set_queue(struct tracker *t, const char *provider, const char *project,
	const struct queue_change *change, struct fail *f)
{
	(void)t;
	(void)f;
	(void)snprintf(fake_tracker.queue, sizeof(fake_tracker.queue), "%s%s%s", provider,
		project != NULL ? " " : "", project != NULL ? project : "");
	fake_tracker.change = *change;
	return true;
}
