/* davit.host.secret as a provider meets it. */
#include <davit/provider.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/veil.h"
#include "platform/fs.h"
#include "provider/call.h"
#include "provider/internal.h"
#include "provider/services.h"
#include "secret/redact.h"
#include "unit/cmocka.h"
#include "unit/provider/kit.h"

#define OP(name)                                                                                   \
	static int32_t DAVIT_CALL name(davit_instance inst, davit_call call, davit_buf request)

static const davit_host_secret_1 *const secret = &service_secret;

/* The line of the test that did not hold; slots run on threads without cmocka. */
static int broken_line;

static bool holds(int line, bool ok)
{
	if (!ok && broken_line == 0)
		broken_line = line;
	return ok;
}

#define HOLDS(condition) holds(__LINE__, (condition))

static int32_t finish(struct kit *k, davit_call call)
{
	return broken_line == 0 ? k->core->reply_state(call, 1, 0, kit_buf("{}")) : DAVIT_PERMANENT;
}

static void expect_ok(struct kit *k, davit_op op)
{
	struct kit_call c;

	broken_line = 0;
	kit_run(k, &c, op);
	if (c.result.code != DAVIT_OK)
		fail_msg("line %d: code %d: %s", broken_line, c.result.code, c.result.fail.text);
	kit_call_finish(&c);
}

static int setup(void **state)
{
	static struct kit k;

	kit_open(&k, false);
	*state = &k;
	return 0;
}

static int teardown(void **state)
{
	kit_close(*state);
	return 0;
}

static bool same(davit_buf b, const char *text)
{
	return b.n == strlen(text) && memcmp(b.p, text, b.n) == 0;
}

/* --- a request signed by handles alone --- */

static char *vector(const char *name)
{
	char path[4096];
	char *text = NULL;
	size_t n = 0;

	(void)snprintf(path, sizeof(path), "%s/%s", VECTORS, name);
	return fs_read(path, 65536, &text, &n, NULL) ? text : NULL;
}

static void to_hex(davit_buf bytes, char text[129])
{
	for (size_t i = 0; i < bytes.n && i < 64; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", (unsigned char)bytes.p[i]);
}

OP(op_signs_by_handles)
{
	static const char *const steps[] = {"20150830", "us-east-1", "service", "aws4_request"};
	char *to_sign = vector("header-string-to-sign.txt");
	char *wanted = vector("header-signature.txt");
	davit_buf signature = {NULL, 0};
	davit_secret key = 0;
	char text[129] = "";

	(void)request;
	HOLDS(to_sign != NULL && wanted != NULL);
	HOLDS(secret->mint(call, kit_buf("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), &key) ==
		DAVIT_OK);
	HOLDS(secret->join(call, kit_buf("AWS4"), key, kit_buf(""), &key) == DAVIT_OK);
	for (size_t i = 0; i < COUNT(steps); i++)
		HOLDS(secret->hmac_key(call, key, kit_buf("sha256"), kit_buf(steps[i]), &key) ==
			DAVIT_OK);
	HOLDS(secret->hmac(call, key, kit_buf("sha256"), kit_buf(to_sign), &signature) == DAVIT_OK);
	to_hex(signature, text);
	HOLDS(wanted != NULL && strcmp(text, wanted) == 0);
	free(to_sign);
	free(wanted);
	return finish(kit_of(inst), call);
}

static void a_published_request_is_signed_with_handles_alone(void **state)
{
	expect_ok(*state, op_signs_by_handles);
}

/* --- from one to another --- */

OP(op_makes_others)
{
	static struct kit *k;
	davit_secret json = 0, token = 0, bytes = 0, again = 0, none = 77;
	davit_buf digest, other;

	(void)request;
	k = kit_of(inst);
	HOLDS(secret->mint(call, kit_buf("{\"access\":{\"token\":\"aHVudGVyMg==\"},\"n\":1}"),
		      &json) == DAVIT_OK);
	HOLDS(secret->member(call, json, kit_buf("/access/token"), &token) == DAVIT_OK);
	HOLDS(secret->decode(call, token, kit_buf("base64"), &bytes) == DAVIT_OK);
	HOLDS(secret->mint(call, kit_buf("hunter2"), &again) == DAVIT_OK && again == bytes);
	HOLDS(secret->hmac(call, bytes, kit_buf("sha1"), kit_buf("x"), &digest) == DAVIT_OK);
	HOLDS(secret->digest(call, kit_buf("sha1"), kit_buf("x"), &other) == DAVIT_OK);
	HOLDS(digest.n == 20 && other.n == 20 && memcmp(digest.p, other.p, 20) != 0);
	HOLDS(secret->member(call, json, kit_buf("/no"), &none) == DAVIT_NOT_FOUND);
	HOLDS(secret->member(call, json, kit_buf("/n"), &none) == DAVIT_INVALID);
	HOLDS(secret->member(call, token, kit_buf("/n"), &none) == DAVIT_INVALID);
	HOLDS(secret->decode(call, json, kit_buf("hex"), &none) == DAVIT_INVALID);
	HOLDS(none == 77);
	return finish(k, call);
}

static void secrets_are_made_of_secrets(void **state)
{
	expect_ok(*state, op_makes_others);
}

OP(op_signs_with_the_wrong_key)
{
	davit_secret key = 0;
	davit_buf signature;

	(void)request;
	(void)secret->mint(call, kit_buf("hunter2"), &key);
	(void)inst;
	return secret->sign(call, key, kit_buf("RS256"), kit_buf("data"), &signature);
}

static void the_user_is_told_of_a_wrong_key_without_its_text(void **state)
{
	struct kit_call c;

	kit_run(*state, &c, op_signs_with_the_wrong_key);
	assert_int_equal(c.result.code, DAVIT_INVALID);
	assert_non_null(strstr(c.result.fail.text, "RS256 needs an RSA key"));
	assert_null(strstr(c.result.fail.text, "hunter2"));
	kit_call_finish(&c);
}

OP(op_tells_its_secret)
{
	davit_secret s = 0;

	(void)inst;
	(void)request;
	(void)secret->mint(call, kit_buf("hunter2 of the call"), &s);
	service_core.log(call, DAVIT_LOG_ERROR, kit_buf("logged: hunter2 of the call."));
	return (service_core.fail)(call, DAVIT_PERMANENT,
		kit_buf("refused 'hunter2%20of%20the%20call' with aHVudGVyMiBvZiB0aGUgY2FsbA=="),
		kit_buf("{\"pointer\":\"/hunter2 of the call\"}"));
}

static void a_secret_that_a_provider_tells_is_hidden(void **state)
{
	struct kit_call c;
	char *lines;

	veil_set(redact_text); /* as main() does */
	kit_run(*state, &c, op_tells_its_secret);
	assert_string_equal(c.result.fail.text, "refused '***' with ***A==");
	assert_string_equal(c.result.fail.field, "/***");
	lines = log_recent();
	assert_non_null(lines);
	assert_non_null(strstr(lines, "logged: ***."));
	assert_null(strstr(lines, "hunter2 of"));
	free(lines);
	kit_call_finish(&c);
	veil_set(NULL);
}

/* --- handles --- */

static davit_secret of_an_earlier_call;

OP(op_leaves_a_handle)
{
	(void)request;
	HOLDS(secret->mint(call, kit_buf("hunter2"), &of_an_earlier_call) == DAVIT_OK);
	HOLDS(of_an_earlier_call < UINT64_C(1) << 53);
	return finish(kit_of(inst), call);
}

OP(op_takes_it_up)
{
	davit_secret mine = 0;
	davit_buf bytes = {NULL, 0};

	(void)request;
	HOLDS(secret->hmac(call, of_an_earlier_call, kit_buf("sha256"), kit_buf(""), &bytes) ==
		DAVIT_INVALID);
	HOLDS(secret->mint(call, kit_buf("other one"), &mine) == DAVIT_OK);
	HOLDS(secret->hmac(call, of_an_earlier_call, kit_buf("sha256"), kit_buf(""), &bytes) ==
		DAVIT_INVALID);
	HOLDS(secret->hmac(call, 0, kit_buf("sha256"), kit_buf(""), &bytes) == DAVIT_INVALID);
	HOLDS(secret->hmac(call, mine + 1, kit_buf("sha256"), kit_buf(""), &bytes) ==
		DAVIT_INVALID);
	HOLDS(secret->hmac(call + 1, mine, kit_buf("sha256"), kit_buf(""), &bytes) ==
		DAVIT_INVALID);
	HOLDS(bytes.p == NULL);
	return finish(kit_of(inst), call);
}

static void a_handle_means_nothing_in_another_call(void **state)
{
	expect_ok(*state, op_leaves_a_handle);
	expect_ok(*state, op_takes_it_up);
}

OP(op_has_many)
{
	static char large[CALL_SECRETS_BYTES_MAX + 1];
	davit_secret first = 0, s = 0;
	int32_t code = DAVIT_OK;
	int n = 0;

	(void)request;
	memset(large, 'x', sizeof(large));
	HOLDS(secret->mint(call, (davit_buf){large, sizeof(large)}, &s) == DAVIT_QUOTA);
	for (; code == DAVIT_OK && n <= CALL_SECRETS_MAX; n++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "secret %d", n);
		code = secret->mint(call, kit_buf(text), &s);
		if (n == 0)
			first = s;
	}
	HOLDS(code == DAVIT_QUOTA && n == CALL_SECRETS_MAX + 1);
	HOLDS(secret->mint(call, kit_buf("secret 0"), &s) == DAVIT_OK && s == first);
	return finish(kit_of(inst), call);
}

static void a_call_has_a_bounded_number_of_secrets(void **state)
{
	expect_ok(*state, op_has_many);
}

OP(op_passes_nonsense)
{
	davit_secret s = 0, out = 0;
	davit_buf bytes;

	(void)request;
	HOLDS(secret->mint(call, (davit_buf){NULL, 5}, &s) == DAVIT_INVALID);
	HOLDS(secret->mint(call, kit_buf("x"), NULL) == DAVIT_INVALID);
	HOLDS(secret->mint(call, (davit_buf){NULL, 0}, &s) == DAVIT_OK);
	HOLDS(secret->digest(call, kit_buf("md6"), kit_buf(""), &bytes) == DAVIT_UNSUPPORTED);
	HOLDS(secret->digest(call, (davit_buf){NULL, 3}, kit_buf(""), &bytes) == DAVIT_INVALID);
	HOLDS(secret->digest(call, kit_buf("md5"), (davit_buf){NULL, 3}, &bytes) == DAVIT_INVALID);
	HOLDS(secret->join(call, (davit_buf){NULL, SIZE_MAX}, s, kit_buf(""), &out) ==
		DAVIT_INVALID);
	HOLDS(secret->join(call, (davit_buf){"x", SIZE_MAX}, s, kit_buf(""), &out) == DAVIT_QUOTA);
	HOLDS(secret->join(call, kit_buf("x"), s, (davit_buf){"x", SIZE_MAX}, &out) == DAVIT_QUOTA);
	HOLDS(secret->sign(call, s, kit_buf("RS256"), kit_buf(""), NULL) == DAVIT_INVALID);
	HOLDS(secret->reveal(call, s, NULL) == DAVIT_INVALID);
	return finish(kit_of(inst), call);
}

static void nonsense_is_refused(void **state)
{
	expect_ok(*state, op_passes_nonsense);
}

/* --- sources --- */

#define MANIFEST                                                                                                                 \
	"{\"secrets\":{\"key\":[\"connection:none\",\"connection:secret_key\"],"                                                 \
	"\"slashed\":[\"connection:/a~1b/c~0d\"],\"listed\":[\"connection:/list/1\"],"                                           \
	"\"refresh\":[\"kept\"],\"inner\":[\"connection:/in/password\"],\"none\":[\"env:NO_SUCH\",\"file:/no/such\"],"           \
	"\"account\":[\"connection:key\",\"env:PATH\",\"file:/etc/passwd\"],\"site\":[\"env:PATH\"],"                            \
	"\"slow\":[\"exec:/bin/sleep 60\"],"                                                                                     \
	"\"name\":[\"connection:name\"],\"constant\":[\"text:yes\"],\"broken\":[\"file:/dev/zero\",\"connection:secret_key\"]}," \
	"\"plain\":[\"name\"]}"

/* A call of op with a connection of that name and secrets to be opened. */
static struct call_spec with_connection(
	struct kit *k, davit_op op, const char *name, const char *details)
{
	struct call_spec spec = kit_spec(k, DAVIT_TRAINING, "poll");

	json_decref(k->p->manifest);
	k->p->manifest = json_loads(MANIFEST, 0, NULL);
	assert_non_null(k->p->manifest);
	k->training.poll = op;
	spec.connection = name;
	spec.request = json_object();
	json_object_set_new(spec.request, "connection", json_loads(details, 0, NULL));
	broken_line = 0;
	return spec;
}

static void run_with_connection(
	struct kit *k, struct kit_call *c, davit_op op, const char *name, const char *details)
{
	kit_start(k, c, with_connection(k, op, name, details));
	kit_await(c);
}

static bool contains(davit_buf text, const char *word)
{
	return memmem(text.p, text.n, word, strlen(word)) != NULL;
}

OP(op_opens)
{
	davit_secret key = 0, inner = 0, minted = 0, none = 0;

	HOLDS(secret->open(call, kit_buf("key"), &key) == DAVIT_OK);
	HOLDS(secret->mint(call, kit_buf("hunter2"), &minted) == DAVIT_OK && minted == key);
	HOLDS(secret->open(call, kit_buf("inner"), &inner) == DAVIT_OK && inner != key);
	HOLDS(secret->open(call, kit_buf("unlisted"), &none) == DAVIT_NOT_FOUND);
	HOLDS(!contains(request, "hunter") && contains(request, "a region"));
	HOLDS(contains(request, "user") && !contains(request, "password"));
	return finish(kit_of(inst), call);
}

static void what_a_secret_comes_from_is_not_in_the_request(void **state)
{
	struct kit_call c;

	run_with_connection(*state, &c, op_opens, "site",
		"{\"secret_key\":\"hunter2\",\"region\":\"a region\","
		"\"in\":{\"password\":\"hunter3\",\"user\":\"me\"},"
		"\"a/b\":{\"c~d\":\"hunter4\"},\"list\":[\"kept\",\"hunter5\"]}");
	if (c.result.code != DAVIT_OK)
		fail_msg("line %d: %s", broken_line, c.result.fail.text);
	kit_call_finish(&c);
}

OP(op_opens_what_nothing_has)
{
	davit_secret s = 0;

	(void)inst;
	(void)request;
	return secret->open(call, kit_buf("none"), &s);
}

OP(op_opens_what_cannot_be_read)
{
	davit_secret s = 0;

	(void)inst;
	(void)request;
	return secret->open(call, kit_buf("broken"), &s);
}

/* As davit_sdk_check() does. */
OP(op_says_that_the_host_has_none)
{
	davit_secret s = 0;

	(void)request;
	return (kit_of(inst)->core->fail)(call, secret->open(call, kit_buf("none"), &s),
		kit_buf("open it: the host did not find it"), kit_buf("{\"host\":true}"));
}

OP(op_fetches_no_token)
{
	davit_secret s = 0;

	(void)inst;
	(void)request;
	return service_token.get(call, kit_buf("t"), &s);
}

OP(op_says_that_there_is_no_such_object)
{
	davit_secret s = 0;

	(void)request;
	HOLDS(secret->open(call, kit_buf("none"), &s) == DAVIT_NOT_FOUND);
	return (kit_of(inst)->core->fail)(
		call, DAVIT_NOT_FOUND, kit_buf("there is no job 7"), (davit_buf){NULL, 0});
}

static void only_a_provider_says_that_there_is_no_object(void **state)
{
	static const struct {
		davit_op op;
		int32_t code;
		bool said;
	} rows[] = {
		{op_opens_what_nothing_has, DAVIT_AUTH, false},
		{op_says_that_the_host_has_none, DAVIT_AUTH, false},
		{op_fetches_no_token, DAVIT_INTERNAL, false},
		{op_says_that_there_is_no_such_object, DAVIT_NOT_FOUND, true},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct kit_call c;

		run_with_connection(*state, &c, rows[i].op, "site", "{}");
		assert_int_equal(c.result.code, rows[i].code);
		assert_int_equal(c.result.said, rows[i].said);
		kit_call_finish(&c);
	}
}

static void the_user_is_told_which_sources_were_tried(void **state)
{
	struct kit_call c;

	run_with_connection(*state, &c, op_opens_what_nothing_has, "site", "{}");
	assert_int_equal(c.result.code, DAVIT_AUTH);
	assert_string_equal(c.result.fail.text,
		"secret 'none': env:NO_SUCH: it has none; file:/no/such: it is not there");
	kit_call_finish(&c);
	run_with_connection(
		*state, &c, op_opens_what_cannot_be_read, "site", "{\"secret_key\":\"x\"}");
	assert_int_equal(c.result.code, DAVIT_AUTH);
	assert_string_equal(
		c.result.fail.text, "secret 'broken': file:/dev/zero: it is not a regular file");
	kit_call_finish(&c);
}

static atomic_bool opening;

OP(op_opens_what_comes_late)
{
	davit_secret s = 0;

	(void)inst;
	(void)request;
	atomic_store(&opening, true);
	return secret->open(call, kit_buf("slow"), &s);
}

/* AUTH would fail a submission that did nothing yet. */
static void a_secret_that_comes_too_late_is_not_refused(void **state)
{
	struct kit *k = *state;
	struct kit_call c;
	struct call_spec spec = with_connection(k, op_opens_what_comes_late, "site", "{}");

	k->entry.allow_exec = true;
	spec.timeout_ms = 300;
	kit_start(k, &c, spec);
	kit_await(&c);
	assert_int_equal(c.result.code, DAVIT_DEADLINE);
	kit_call_finish(&c);
	atomic_store(&opening, false);
	kit_start(k, &c, with_connection(k, op_opens_what_comes_late, "site", "{}"));
	while (!atomic_load(&opening))
		(void)sched_yield();
	call_cancel(k->ps, c.handle);
	kit_await(&c);
	assert_int_equal(c.result.code, DAVIT_CANCELLED);
	kit_call_finish(&c);
	k->entry.allow_exec = false;
}

OP(op_keeps)
{
	davit_secret s = 0, got = 0;

	(void)request;
	HOLDS(secret->open(call, kit_buf("refresh"), &got) == DAVIT_NOT_FOUND);
	HOLDS(secret->mint(call, kit_buf("kept hunter2"), &s) == DAVIT_OK);
	HOLDS(secret->keep(call, kit_buf("key"), s, 0) == DAVIT_INVALID);
	HOLDS(secret->keep(call, kit_buf("refresh"), s + 1, 0) == DAVIT_INVALID);
	HOLDS(secret->keep(call, kit_buf("refresh"), s, 1) == DAVIT_OK);
	HOLDS(secret->open(call, kit_buf("refresh"), &got) == DAVIT_NOT_FOUND); /* it expired */
	HOLDS(secret->keep(call, kit_buf("refresh"), s, 0) == DAVIT_OK);
	return finish(kit_of(inst), call);
}

OP(op_has_kept)
{
	davit_secret s = 0, got = 0;

	(void)request;
	HOLDS(secret->open(call, kit_buf("refresh"), &got) == DAVIT_OK);
	HOLDS(secret->mint(call, kit_buf("kept hunter2"), &s) == DAVIT_OK && s == got);
	return finish(kit_of(inst), call);
}

OP(op_has_kept_nothing)
{
	davit_secret s = 0, got = 0;

	(void)request;
	HOLDS(secret->open(call, kit_buf("refresh"), &got) == DAVIT_NOT_FOUND);
	HOLDS(secret->mint(call, kit_buf("x"), &s) == DAVIT_OK);
	return finish(kit_of(inst), call);
}

static void expect_with(struct kit *k, davit_op op, const char *name, const char *details)
{
	struct kit_call c;

	run_with_connection(k, &c, op, name, details);
	if (c.result.code != DAVIT_OK)
		fail_msg("line %d: %s", broken_line, c.result.fail.text);
	kit_call_finish(&c);
}

static void what_is_kept_is_there_for_the_same_connection_alone(void **state)
{
	expect_with(*state, op_keeps, "site", "{}");
	expect_with(*state, op_has_kept, "site", "{}");
	expect_with(*state, op_has_kept, "site", "{\"region\":\"another\"}");
	expect_with(*state, op_has_kept_nothing, "other", "{}");
	expect_with(*state, op_has_kept_nothing, NULL, "{}");
	expect_with(*state, op_has_kept_nothing, NULL, "{\"given\":\"by a caller\"}");
}

OP(op_opens_its_own_alone)
{
	bool given = contains(request, "given");
	davit_secret s = 0;

	HOLDS(secret->open(call, kit_buf("account"), &s) == (given ? DAVIT_OK : DAVIT_NOT_FOUND));
	HOLDS(secret->open(call, kit_buf("site"), &s) == DAVIT_NOT_FOUND);
	HOLDS(secret->open(call, kit_buf("constant"), &s) == DAVIT_NOT_FOUND);
	return finish(kit_of(inst), call);
}

OP(op_opens_the_sites)
{
	davit_secret s = 0, same = 0;

	(void)request;
	HOLDS(secret->open(call, kit_buf("account"), &s) == DAVIT_OK);
	HOLDS(secret->open(call, kit_buf("site"), &same) == DAVIT_OK && s == same);
	HOLDS(secret->open(call, kit_buf("constant"), &s) == DAVIT_OK);
	return finish(kit_of(inst), call);
}

static void what_the_site_has_is_not_for_an_account_of_a_caller(void **state)
{
	expect_with(*state, op_opens_its_own_alone, NULL, "{\"endpoint\":\"https://evil\"}");
	expect_with(*state, op_opens_its_own_alone, NULL, "{\"given\":1,\"key\":\"the caller's\"}");
	expect_with(*state, op_opens_the_sites, "site", "{\"endpoint\":\"https://good\"}");
	expect_with(*state, op_opens_the_sites, NULL, "{}");
}

/* --- in whose texts they are hidden --- */

OP(op_tells_what_it_opened)
{
	davit_secret s = 0;

	(void)inst;
	(void)request;
	if (secret->open(call, kit_buf("account"), &s) != DAVIT_OK)
		return DAVIT_INTERNAL;
	return (service_core.fail)(call, DAVIT_PERMANENT,
		kit_buf("refused the key of an account, 'tiny-key' and 'a password'"), kit_buf(""));
}

/* What somebody else's text of it is. */
static void expect_elsewhere(const char *left)
{
	char text[] = "the key of an account";

	(void)redact_text(text, strlen(text), false);
	assert_string_equal(text, left);
}

static void a_callers_values_are_hidden_in_the_texts_of_its_call_alone(void **state)
{
	struct kit_call c;

	redact_forget();
	run_with_connection(*state, &c, op_tells_what_it_opened, NULL,
		"{\"key\":\"the key of an account\",\"token\":\"tiny-key\",\"password\":\"a password\"}");
	assert_string_equal(c.result.fail.text, "refused ***, '***' and '***'");
	kit_call_finish(&c);
	expect_elsewhere("the key of an account");
	run_with_connection(*state, &c, op_tells_what_it_opened, "site",
		"{\"key\":\"the key of an account\",\"token\":\"tiny-key\"}");
	assert_string_equal(c.result.fail.text, "refused ***, '***' and 'a password'");
	kit_call_finish(&c);
	expect_elsewhere("***");
}

OP(op_outlives_many)
{
	char text[] = "a secret of an open call", other[48];
	davit_secret s = 0;

	(void)request;
	HOLDS(secret->mint(call, kit_buf(text), &s) == DAVIT_OK);
	for (int i = 0; i < 2 * REDACT_VALUES_MAX; i++) {
		(void)snprintf(other, sizeof(other), "another secret, number %d", i);
		redact_learn(REDACT_SECRET, other, strlen(other));
	}
	(void)redact_text(text, strlen(text), false);
	HOLDS(strcmp(text, "***") == 0);
	return finish(kit_of(inst), call);
}

static void the_secrets_of_an_open_call_stay_hidden(void **state)
{
	expect_ok(*state, op_outlives_many);
}

static void what_is_kept_stays_hidden(void **state)
{
	char text[] = "kept hunter2", other[48];

	expect_with(*state, op_keeps, "site", "{}");
	for (int i = 0; i < 2 * REDACT_VALUES_MAX; i++) {
		(void)snprintf(other, sizeof(other), "another secret, number %d", i);
		redact_learn(REDACT_SECRET, other, strlen(other));
	}
	(void)redact_text(text, strlen(text), false);
	assert_string_equal(text, "***");
}

/* --- tokens --- */

static const davit_host_token_1 *const token = &service_token;

/* "fresh": none is there, and one is put. "shared": it is there. "absent": none is, and none is
 * put. */
OP(op_wants_token)
{
	struct kit *k = kit_of(inst);
	davit_secret s = 0, known = 0;

	(void)request;
	HOLDS(secret->mint(call, kit_buf("an access token"), &known) == DAVIT_OK);
	if (strcmp(k->mine, "fresh") == 0) {
		HOLDS(token->get(call, kit_buf("t"), &s) == DAVIT_NOT_FOUND);
		HOLDS(token->put(call, kit_buf("t"), known, k->core->now_ms(call) + 3600000) ==
			DAVIT_OK);
		HOLDS(token->get(call, kit_buf("t"), &s) == DAVIT_OK && s == known);
	} else if (strcmp(k->mine, "shared") == 0) {
		HOLDS(token->get(call, kit_buf("t"), &s) == DAVIT_OK && s == known);
	} else {
		HOLDS(token->get(call, kit_buf("t"), &s) == DAVIT_NOT_FOUND);
		HOLDS(token->get(call, kit_buf(""), &s) == DAVIT_INVALID);
		HOLDS(token->put(call, kit_buf("t"), known + 1, 0) == DAVIT_INVALID);
		HOLDS(token->drop(call, kit_buf("t"), known) == DAVIT_OK);
	}
	return finish(k, call);
}

static void expect_token(struct kit *k, const char *connection, char *what, const char *key)
{
	struct kit_call c;
	char details[128];

	(void)snprintf(details, sizeof(details), "{\"secret_key\":\"%s\"}", key);
	k->mine = what;
	run_with_connection(k, &c, op_wants_token, connection, details);
	if (c.result.code != DAVIT_OK)
		fail_msg("line %d: %s", broken_line, c.result.fail.text);
	kit_call_finish(&c);
}

static void a_token_is_shared_by_the_calls_of_one_account_alone(void **state)
{
	static char absent[] = "absent", fresh[] = "fresh", shared[] = "shared";
	struct kit *k = *state;

	expect_token(k, "site", absent, "hunter2"); /* and its lease ends with the call */
	expect_token(k, "site", fresh, "hunter2");
	expect_token(k, "site", shared, "hunter2");
	expect_token(k, "site", absent, "hunter3");
	expect_token(k, "other", absent, "hunter2");
	expect_token(k, NULL, absent, "hunter2");
	expect_token(k, "site", shared, "hunter2");
}

static atomic_bool asked;

OP(op_keeps_a_token)
{
	struct kit *k = kit_of(inst);
	davit_secret s = 0;

	(void)request;
	HOLDS(token->get(call, kit_buf("t"), &s) == DAVIT_NOT_FOUND);
	atomic_store(&asked, true); /* the lease is ours until we end */
	mutex_lock(k->mine);
	mutex_unlock(k->mine);
	return finish(k, call);
}

OP(op_waits_for_it)
{
	davit_secret s = 0;

	(void)inst;
	(void)request;
	return token->get(call, kit_buf("t"), &s);
}

static bool was_asked(void *ctx)
{
	(void)ctx;
	return atomic_load(&asked);
}

static void who_waits_for_a_token_can_be_cancelled(void **state)
{
	struct kit *k = *state;
	struct kit_call holder, waiter;
	struct mutex gate;
	struct call_spec spec = kit_spec(k, DAVIT_TRAINING, "poll");

	broken_line = 0;
	mutex_init(&gate);
	mutex_lock(&gate);
	k->mine = &gate;
	k->training.poll = op_keeps_a_token;
	k->training.get = op_waits_for_it;
	kit_start(k, &holder, spec);
	assert_true(scratch_await(was_asked, NULL, KIT_WAIT_MS));
	spec.slot = "get";
	kit_start(k, &waiter, spec);
	call_cancel(k->ps, waiter.handle);
	kit_await(&waiter);
	assert_int_equal(waiter.result.code, DAVIT_CANCELLED);
	mutex_unlock(&gate);
	kit_await(&holder);
	kit_call_finish(&waiter);
	kit_call_finish(&holder);
	mutex_finish(&gate);
}

/* --- what the manifest calls plain --- */

OP(op_opens_a_name)
{
	char shown[] = "the name of a profile", hidden[] = "the name of a profile";
	davit_buf text = {NULL, 0};
	davit_secret s = 0, again = 0;

	(void)request;
	HOLDS(secret->open(call, kit_buf("name"), &s) == DAVIT_OK);
	HOLDS(secret->reveal(call, s, &text) == DAVIT_OK && same(text, "the name of a profile"));
	(void)redact_text(shown, strlen(shown), false);
	HOLDS(strcmp(shown, "the name of a profile") == 0);
	/* the same as a secret is one */
	HOLDS(secret->mint(call, kit_buf("the name of a profile"), &again) == DAVIT_OK);
	HOLDS(again == s && secret->reveal(call, s, &text) == DAVIT_UNSUPPORTED);
	(void)redact_text(hidden, strlen(hidden), false);
	HOLDS(strcmp(hidden, "***") == 0);
	HOLDS(secret->open(call, kit_buf("name"), &s) == DAVIT_OK);
	HOLDS(secret->reveal(call, s, &text) == DAVIT_UNSUPPORTED);
	return finish(kit_of(inst), call);
}

static void what_a_manifest_calls_plain_is_no_secret(void **state)
{
	redact_forget();
	expect_with(*state, op_opens_a_name, "site", "{\"name\":\"the name of a profile\"}");
}

/* --- digests of texts with secrets in them --- */

static bool digests(davit_call call, const char *value, const char *text)
{
	davit_buf a = {NULL, 0}, b = {NULL, 0};

	return secret->digest_value(call, kit_buf("sha256"), kit_buf(value), &a) == DAVIT_OK &&
	       secret->digest(call, kit_buf("sha256"), kit_buf(text), &b) == DAVIT_OK &&
	       a.n == 32 && memcmp(a.p, b.p, 32) == 0;
}

OP(op_digests_values)
{
	struct kit *k = kit_of(inst);
	char value[256], form[256];
	davit_secret s = 0, made = 0, same_one = 0;
	davit_buf out = {NULL, 0};

	(void)request;
	HOLDS(secret->mint(call, kit_buf("hunter/2"), &s) == DAVIT_OK);
	(void)snprintf(value, sizeof(value), "[\"a \", {\"secret\": %llu}, \" b\"]",
		(unsigned long long)s);
	(void)snprintf(form, sizeof(form), "[\"a=\", {\"form\": [{\"secret\": %llu}]}]",
		(unsigned long long)s);
	HOLDS(digests(call, value, "a hunter/2 b"));
	HOLDS(digests(call, form, "a=hunter%2F2"));
	HOLDS(digests(call, "\"\"", ""));
	HOLDS(secret->compose(call, kit_buf(value), &made) == DAVIT_OK);
	HOLDS(secret->mint(call, kit_buf("a hunter/2 b"), &same_one) == DAVIT_OK);
	HOLDS(made == same_one);
	HOLDS(secret->compose(call, kit_buf("[{\"secret\": 1}]"), &made) == DAVIT_INVALID);
	HOLDS(secret->compose(call, kit_buf("{"), &made) == DAVIT_INVALID);
	HOLDS(secret->compose(call, kit_buf(value), NULL) == DAVIT_INVALID);
	HOLDS(secret->digest_value(call, kit_buf("md5"), kit_buf(value), &out) ==
		DAVIT_UNSUPPORTED);
	HOLDS(secret->digest_value(call, kit_buf("crc32c"), kit_buf(value), &out) ==
		DAVIT_UNSUPPORTED);
	HOLDS(secret->digest_value(call, kit_buf("sha256"), kit_buf("[{\"secret\": 1}]"), &out) ==
		DAVIT_INVALID);
	HOLDS(secret->digest_value(call, kit_buf("sha256"), kit_buf("[1"), &out) == DAVIT_INVALID);
	HOLDS(secret->digest_value(call, kit_buf("sha256"), kit_buf("1"), &out) == DAVIT_INVALID);
	HOLDS(secret->digest_value(call, kit_buf("sha256"), kit_buf(value), NULL) == DAVIT_INVALID);
	HOLDS(out.p == NULL);
	return finish(k, call);
}

static void a_text_is_digested_with_the_secrets_in_it(void **state)
{
	expect_ok(*state, op_digests_values);
}

/* --- the grant --- */

OP(op_reveals)
{
	struct kit *k = kit_of(inst);
	davit_buf text = {NULL, 0};
	davit_secret s = 0;

	(void)request;
	HOLDS(secret->mint(call, kit_buf("hunter2"), &s) == DAVIT_OK);
	if (k->p->may_reveal)
		HOLDS(secret->reveal(call, s, &text) == DAVIT_OK && same(text, "hunter2"));
	else
		HOLDS(secret->reveal(call, s, &text) == DAVIT_UNSUPPORTED && text.p == NULL);
	return finish(k, call);
}

static void only_the_grant_reveals(void **state)
{
	struct kit *k = *state;

	expect_ok(k, op_reveals);
	k->p->may_reveal = true;
	expect_ok(k, op_reveals);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_published_request_is_signed_with_handles_alone),
		TEST(secrets_are_made_of_secrets),
		TEST(the_user_is_told_of_a_wrong_key_without_its_text),
		TEST(a_secret_that_a_provider_tells_is_hidden),
		TEST(a_handle_means_nothing_in_another_call),
		TEST(a_call_has_a_bounded_number_of_secrets),
		TEST(nonsense_is_refused),
		TEST(what_a_secret_comes_from_is_not_in_the_request),
		TEST(only_a_provider_says_that_there_is_no_object),
		TEST(the_user_is_told_which_sources_were_tried),
		TEST(a_secret_that_comes_too_late_is_not_refused),
		TEST(what_is_kept_is_there_for_the_same_connection_alone),
		TEST(what_the_site_has_is_not_for_an_account_of_a_caller),
		TEST(a_callers_values_are_hidden_in_the_texts_of_its_call_alone),
		TEST(the_secrets_of_an_open_call_stay_hidden),
		TEST(what_is_kept_stays_hidden),
		TEST(a_token_is_shared_by_the_calls_of_one_account_alone),
		TEST(who_waits_for_a_token_can_be_cancelled),
		TEST(what_a_manifest_calls_plain_is_no_secret),
		TEST(a_text_is_digested_with_the_secrets_in_it),
		TEST(only_the_grant_reveals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
