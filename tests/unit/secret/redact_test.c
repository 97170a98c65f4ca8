/* Tests of redact: every form is found, in pieces too, and nothing else is. */
#include "secret/redact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"
#include "base/json.h"
#include "platform/thread.h"
#include "unit/cmocka.h"

static struct redact_scope *scope; /* the one in use */

static void forget_all(void)
{
	redact_forget();
	(void)redact_use(NULL);
	redact_scope_unref(scope);
	scope = NULL;
}

static int forget(void **state)
{
	(void)state;
	forget_all();
	return 0;
}

static void learn(const char *value)
{
	redact_scope_add(&scope, value, strlen(value));
	(void)redact_use(scope);
}

static void share(const char *value)
{
	redact_learn(REDACT_SECRET, value, strlen(value));
}

/* In a buffer of the test's. */
static const char *without(const char *text, bool cut)
{
	static char out[65536];
	size_t n = strlen(text);

	memcpy(out, text, n + 1);
	n = redact_text(out, n, cut);
	assert_int_equal(out[n], '\0');
	return out;
}

static void every_form_of_a_value_is_replaced(void **state)
{
	static const struct {
		const char *value;
		const char *text;
		const char *left;
	} rows[] = {
		{"hunter2!", "password=hunter2!;", "password=***;"},
		{"hunter2!", "hunter2!", "***"},
		{"hunter2!", "hunter2!hunter2!", "***"},
		{"hunter2!", "hunter2! hunter2!", "*** ***"},
		{"hunter2!", "hunter2", "hunter2"},
		{"hunter2!", "?p=hunter2%21&", "?p=***&"},
		{"a/b c\"d\\e", "x a/b c\"d\\e y", "x *** y"},
		{"a/b c\"d\\e", "{\"k\":\"a/b c\\\"d\\\\e\"}", "{\"k\":\"***\"}"},
		{"a/b c\"d\\e", "a%2Fb%20c%22d%5Ce", "***"},
		{"a/b c\"d\\e", "a%2fb%20c%22d%5ce", "***"},
		{"line 1\nline 2", "\"line 1\\nline 2\"", "\"***\""},
		/* base64 of user:hunter2!, xuser:hunter2!, xyuser:hunter2! and of it alone */
		{"hunter2!", "Basic dXNlcjpodW50ZXIyIQ==", "Basic dXNlcjp***Q=="},
		{"hunter2!", "eHVzZXI6aHVudGVyMiE=", "eHVzZXI6***E="},
		{"hunter2!", "eHl1c2VyOmh1bnRlcjIh", "eHl1c2VyOm***"},
		{"hunter2!", "aHVudGVyMiE=", "***E="},
		/* as other writers of JSON escape */
		{"q1w2+/e3==", "q1w2+\\/e3==", "***"},
		{"q1w2+/e3==", "q1w2+/e3\\u003d\\u003d", "***"},
		{"q1w2+/e3==", "q1w2\\u002B/e3==", "***"},
		{"a word & <long>", "a word \\u0026 \\u003clong\\u003e", "***"},
		{"p\xc3\xa4ss \"word\"", "p\\u00e4ss \\\"word\\\"", "***"},
		{"p\xc3\xa4ss \"word\"", "p\\u00E4ss \\u0022word\\u0022", "***"},
		{"key \xf0\x9f\x94\x91 of", "key \\ud83d\\udd11 of", "***"},
		/* a text of JSON inside JSON */
		{"p\xc3\xa4ss \"word\"", "\"{\\\"k\\\":\\\"p\xc3\xa4ss \\\\\\\"word\\\\\\\"\\\"}\"",
			"\"{\\\"k\\\":\\\"***\\\"}\""},
		{"p\xc3\xa4ss \"word\"", "p\\u00e4ss \\\\\\\"word\\\\\\\"", "***"},
		{"p\xc3\xa4ss \"word\"", "p\\\\u00e4ss \\\\\\\"word\\\\\\\"", "***"},
		{"two\nlines", "two\\\\nlines", "***"},
		/* in digits */
		{"hunter2!", "x'68756e7465723221'", "x'***'"},
		{"hunter2!", "757365723A68756E7465723221", "757365723A***"},
		/* and of URLs and forms */
		{"pass word&long", "?p=pass+word%26long", "?p=***"},
		{"pass word*~", "?p=pass+word*%7E", "?p=***"},
		{"q1w2+/e3==", "?p=q1w2+/e3%3D%3D", "?p=***"},
		{"q1w2+/e3==", "?p=q1w2%2b/e3%3d%3d", "?p=***"},
		{"q1w2+/e3==", "?p=q1w2+%2Fe3%3D%3D", "?p=***"},
		{"q1w2+/(e3)", "?p=q1w2%2B%2F(e3)", "?p=***"},
		/* a long run of letters and digits, whatever stands around it */
		{"Key=abcdefghij012345;", "Key:abcdefghij012345.", "Key:***."},
		{"Key=abcdefghij01234;", "Key:abcdefghij01234.", "Key:abcdefghij01234."},
		{"~~~\?\?\?>>>", "fn5+Pz8/Pj4+", "***"},
		{"~~~\?\?\?>>>", "fn5-Pz8_Pj4-", "***"},
		{"-----BEGIN KEY-----\nMIIEvgIBADANBgkq\nhkiG9w0BAQ\n-----END KEY-----\n",
			"key: MIIEvgIBADANBgkq\n-----BEGIN KEY-----",
			"key: ***\n-----BEGIN KEY-----"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		forget_all();
		learn(rows[i].value);
		if (strcmp(without(rows[i].text, false), rows[i].left) != 0)
			fail_msg("row %zu: %s", i, without(rows[i].text, false));
		assert_null(strstr(without(rows[i].text, false), "unter2!"));
	}
}

static void bytes_are_found_in_hexadecimal_digits(void **state)
{
	static const char key[] = "\x01\x02\xff\x00\x7f\x80\x90";

	(void)state;
	redact_scope_add(&scope, key, 7);
	(void)redact_use(scope);
	assert_string_equal(without("key 0102ff007f8090.", false), "key ***.");
}

static void nothing_known_leaves_all_as_it_is(void **state)
{
	(void)state;
	assert_string_equal(without("hunter2", false), "hunter2");
	learn("short");
	assert_string_equal(without("a short text", true), "a short text");
	learn("");
	redact_scope_add(&scope, NULL, 0);
	redact_learn(REDACT_SECRET, NULL, 0);
	assert_string_equal(without("", true), "");
}

static void what_may_be_a_beginning_goes_from_a_text_that_was_cut(void **state)
{
	(void)state;
	learn("hunter2!");
	assert_string_equal(without("p=hunter2", false), "p=hunter2");
	assert_string_equal(without("p=hunter2", true), "p=***");
	assert_string_equal(without("p=hunter", true), "p=***");
	assert_string_equal(without("p=hunte", true), "p=hunte"); /* few would tell whose */
	assert_string_equal(without("p=hunter2!", true), "p=***");
	assert_string_equal(without("p=hunter3", true), "p=hunter3");
}

static void overlapping_values_are_one_mark(void **state)
{
	(void)state;
	learn("abcdefgh");
	learn("efghijkl");
	learn("abcdefghij");
	assert_string_equal(without("<abcdefghijkl>", false), "<***>");
	assert_string_equal(without("<abcdefghij>", false), "<***>");
}

static void a_long_value_is_found_in_pieces(void **state)
{
	static char value[5000], text[5100];
	const char *left;

	(void)state;
	for (size_t i = 0; i < sizeof(value) - 1; i++)
		value[i] = (char)('!' + (i * 7 + i / 90) % 90);
	learn(value);
	(void)snprintf(text, sizeof(text), "a%sb", value);
	assert_string_equal(without(text, false), "a***b");
	left = without(value + 300, false); /* its end is shown, as it was cut off */
	assert_true(strlen(left) < 3 + REDACT_PATTERN_MOST);
}

/* --- streams --- */

struct sink {
	char bytes[8192];
	size_t n;
};

static bool to_sink(void *ctx, const void *bytes, size_t n)
{
	struct sink *s = ctx;

	assert_true(s->n + n < sizeof(s->bytes));
	memcpy(s->bytes + s->n, bytes, n);
	s->n += n;
	return true;
}

static void a_stream_in_any_pieces_is_the_same_and_as_long(void **state)
{
	static const char *const words[] = {"hunter2!", "hunter2", "aHVudGVyMiE=", "abcdefgh",
		"efghijkl", "abcdef", " plain text\n", "h", "hu", "hun", "a", "~"};
	unsigned seed = 5;

	(void)state;
	learn("hunter2!");
	learn("abcdefgh");
	learn("efghijkl");
	for (int round = 0; round < 3000; round++) {
		char text[1024] = "";
		struct sink whole = {.n = 0}, pieces = {.n = 0};
		struct redact_stream s = {0};
		size_t n, at = 0;

		for (int i = 0; i < 20; i++)
			strcat(text, words[(size_t)rand_r(&seed) % COUNT(words)]);
		n = strlen(text);
		memcpy(whole.bytes, text, n);
		redact_even(whole.bytes, n, NULL, NULL);
		while (at < n) {
			size_t piece = 1 + (size_t)rand_r(&seed) % 12;

			piece = piece < n - at ? piece : n - at;
			assert_true(redact_stream_add(&s, text + at, piece, to_sink, &pieces));
			at += piece;
			assert_true(at - pieces.n <= REDACT_PATTERN_MOST);
		}
		assert_true(redact_stream_end(&s, to_sink, &pieces));
		redact_stream_finish(&s);
		assert_int_equal(pieces.n, n);
		if (memcmp(pieces.bytes, whole.bytes, n) != 0)
			fail_msg("%s\n%.*s\n%.*s", text, (int)n, whole.bytes, (int)n, pieces.bytes);
		assert_null(memmem(whole.bytes, n, "hunter2!", 8));
		assert_null(memmem(whole.bytes, n, "abcdefgh", 8));
	}
}

static void a_stream_holds_no_more_than_may_be_a_beginning(void **state)
{
	struct redact_stream s = {0};
	struct sink out = {.n = 0};

	(void)state;
	learn("hunter2!");
	assert_true(redact_stream_add(&s, "an ordinary line\n", 17, to_sink, &out));
	assert_int_equal(out.n, 17);
	assert_true(redact_stream_add(&s, "the hunt", 8, to_sink, &out));
	assert_int_equal(out.n, 17 + 4);
	assert_true(redact_stream_add(&s, "ing\n", 4, to_sink, &out));
	assert_int_equal(out.n, 17 + 12);
	redact_stream_finish(&s);
}

/* --- the registry --- */

static void the_oldest_go_and_those_of_other_sorts_stay(void **state)
{
	char value[32];

	(void)state;
	redact_learn(REDACT_KEPT, "a secret that is kept", 21);
	redact_learn(REDACT_SITE, "of the site", 11);
	for (int i = 0; i < 10000; i++) {
		(void)snprintf(value, sizeof(value), "value number %d.", i);
		share(value);
		share("value in use");
	}
	assert_string_equal(without("value number 9999.", false), "***");
	assert_string_equal(without("value number 7000.", false), "***");
	assert_string_equal(without("value number 1.", false), "value number 1.");
	assert_string_equal(without("value in use", false), "***");
	assert_string_equal(without("a secret that is kept", false), "***");
	assert_string_equal(without("of the site", false), "***");
}

/* Unlike any other. */
static void fill(char *text, size_t n, unsigned *seed)
{
	for (size_t i = 0; i < n; i++) {
		*seed = *seed * 1664525 + 1013904223;
		text[i] = (char)('!' + (*seed >> 16) % 90);
	}
}

/* Values so long that the memory is used up long before there are too many. */
static void no_number_of_one_sort_drives_out_another(void **state)
{
	static char big[REDACT_VALUE_MOST];
	unsigned seed = 1;

	(void)state;
	redact_learn_source("of a manifest's source", 22);
	redact_learn(REDACT_KEPT, "a secret that is kept", 21);
	for (int i = 0; i < 700; i++) {
		fill(big, sizeof(big), &seed);
		redact_learn(REDACT_SECRET, big, sizeof(big));
		if (i % 4 == 0) /* it comes while the others have all memory */
			redact_learn_source(big + 100, 30);
	}
	assert_string_equal(without("of a manifest's source", false), "***");
	assert_string_equal(without("a secret that is kept", false), "***");
}

static void secrets_inside_a_source_are_known(void **state)
{
	static const char json[] =
		"{\"type\":\"an account of a service\",\"private_key\":\"line one\\nline two\"}";

	(void)state;
	redact_learn_source(json, sizeof(json) - 1);
	assert_string_equal(without("line one\nline two", false), "***");
	assert_string_equal(without("an account of a service", false), "an account of a service");
}

static void what_is_held_or_met_in_texts_stays(void **state)
{
	char value[32];

	(void)state;
	redact_hold("a token of an open call", 23);
	redact_hold("a token of an open call", 23);
	redact_let_go("a token of an open call", 23);
	share("a value that is met");
	for (int i = 0; i < 3 * REDACT_VALUES_MAX; i++) {
		(void)snprintf(value, sizeof(value), "value number %d.", i);
		share(value);
		assert_string_equal(without("YSB2YWx1ZSB0aGF0IGlzIG1ldA==", false), "***A==");
	}
	assert_string_equal(without("a token of an open call", false), "***");
	redact_let_go("a token of an open call", 23);
	for (int i = 0; i < 3 * REDACT_VALUES_MAX; i++) {
		(void)snprintf(value, sizeof(value), "value number %d.", i);
		share(value);
	}
	assert_string_equal(without("a token of an open call", false), "a token of an open call");
}

static void those_that_are_held_take_no_room_from_others(void **state)
{
	char value[48];

	(void)state;
	share("the first of the others");
	for (int i = 0; i < 2 * REDACT_VALUES_MAX; i++) {
		(void)snprintf(value, sizeof(value), "held value number %d.", i);
		redact_hold(value, strlen(value));
	}
	share("the second of the others");
	assert_string_equal(without("the first of the others", false), "***");
	for (int i = 0; i < 2 * REDACT_VALUES_MAX; i++) {
		(void)snprintf(value, sizeof(value), "held value number %d.", i);
		redact_let_go(value, strlen(value));
	}
	share("the last of the others");
	assert_string_equal(without("the last of the others", false), "***");
	assert_string_equal(without("held value number 1.", false), "held value number 1.");
	assert_string_equal(without("held value number 8191.", false), "***");
}

static void a_short_value_is_hidden_in_its_own_scope_alone(void **state)
{
	struct redact_scope *before;

	(void)state;
	share("SUCCEEDED");
	assert_string_equal(without("RUNNING -> SUCCEEDED", false), "RUNNING -> SUCCEEDED");
	learn("SUCCEEDED");
	assert_string_equal(without("RUNNING -> SUCCEEDED", false), "RUNNING -> ***");
	before = redact_use(NULL);
	assert_ptr_equal(before, scope);
	assert_string_equal(without("RUNNING -> SUCCEEDED", false), "RUNNING -> SUCCEEDED");
	share("SUCCEEDED a while ago");
	(void)redact_use(scope); /* together they leave nothing of either */
	assert_string_equal(without("<SUCCEEDED a while ago>", false), "<***>");
}

static void a_scope_takes_no_more_than_its_limits(void **state)
{
	static char big[REDACT_VALUE_MOST];
	char value[32];

	(void)state;
	for (int i = 0; i < REDACT_SCOPE_VALUES + 1; i++) {
		(void)snprintf(value, sizeof(value), "value number %d.", i);
		learn(value);
	}
	assert_string_equal(without("value number 255.", false), "***");
	assert_string_equal(without("value number 256.", false), "value number 256.");
	forget_all();
	for (char c = 'a'; c < 'a' + 8; c++) {
		memset(big, c, sizeof(big));
		redact_scope_add(&scope, big, sizeof(big));
	}
	learn("one more");
	assert_string_equal(without("one more", false), "one more");
}

/* What it is compared with looks for every pattern at every place. */
static void values_that_are_alike_are_found_as_a_search_one_by_one_does(void **state)
{
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < 300; round++) {
		char values[12][24], text[200], plain[200];
		size_t n = sizeof(text) - 1;

		forget_all();
		for (size_t i = 0; i < COUNT(values); i++) {
			size_t length = REDACT_LEAST + (size_t)rand_r(&seed) % 12;

			for (size_t k = 0; k < length; k++)
				values[i][k] = "aab"[rand_r(&seed) % 3];
			values[i][length] = '\0';
			learn(values[i]);
		}
		for (size_t i = 0; i < n; i++)
			text[i] = "aab,"[(size_t)rand_r(&seed) % (i % 9 == 0 ? 4 : 3)];
		text[n] = '\0';
		memcpy(plain, text, sizeof(text));
		for (size_t i = 0; i < COUNT(values); i++) {
			for (const char *at = text; (at = strstr(at, values[i])) != NULL; at++)
				memset(plain + (at - text), '*', strlen(values[i]));
		}
		redact_even(text, n, NULL, NULL);
		assert_string_equal(text, plain);
	}
}

/* 400 values of 8 KiB of one beginning once held all others up for seconds. */
static void alike_values_cost_a_text_no_more_than_a_search(void **state)
{
	static char value[REDACT_VALUE_MOST + 1], text[16384 + 1];
	struct timespec begun, ended;
	double ms;

	(void)state;
	for (int i = 0; i < 400; i++) {
		memset(value, 'A', REDACT_VALUE_MOST);
		(void)snprintf(value + 8100, 90, "%d", i);
		redact_learn(REDACT_SECRET, value, REDACT_VALUE_MOST);
	}
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = i % 200 == 199 ? 'B' : 'A';
	assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begun), 0);
	redact_even(text, sizeof(text) - 1, NULL, NULL);
	assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ended), 0);
	ms = (double)(ended.tv_sec - begun.tv_sec) * 1e3 +
	     (double)(ended.tv_nsec - begun.tv_nsec) / 1e6;
	assert_true(ms < 500); /* some 2 as it is built for a site, 50 with sanitizers */
}

/* --- many threads --- */

#define THREADS 8

static void learn_and_look(void *arg)
{
	size_t me = *(const size_t *)arg;
	struct redact_scope *own = NULL;
	char value[48], text[64];

	(void)snprintf(text, sizeof(text), "password %zu", me);
	redact_scope_add(&own, text, strlen(text));
	(void)redact_use(own);
	for (int i = 0; i < 700; i++) {
		int n = snprintf(value, sizeof(value), "value %d of thread %zu", i, me);

		redact_hold(value, (size_t)n);
		n = snprintf(text, sizeof(text), "<%s> password %zu", value, me);
		n = (int)redact_text(text, (size_t)n, false);
		assert_string_equal(text, "<***> ***");
		n = snprintf(text, sizeof(text), "password %zu", (me + 1) % THREADS);
		assert_int_equal(redact_text(text, (size_t)n, false), n);
		redact_let_go(value, strlen(value));
	}
	(void)redact_use(NULL);
	redact_scope_unref(own);
}

static void many_threads_learn_and_look_at_once(void **state)
{
	struct thread threads[THREADS];
	size_t numbers[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++) {
		numbers[i] = i;
		assert_true(
			thread_start(&threads[i], "redact", 0, learn_and_look, &numbers[i], NULL));
	}
	for (size_t i = 0; i < THREADS; i++)
		thread_join(&threads[i]);
}

static void names_tell_what_is_a_secret(void **state)
{
	static const char *const secret[] = {"password", "DB_PASSWORD", "apiKey", "api-key",
		"token", "access_token", "refreshToken", "secret_key", "SecretAccessKey",
		"client secret", "Authorization", "credentials", "private_key", "AZ_ACCOUNT_KEY"};
	static const char *const not_secret[] = {"tokenizer", "max_tokens", "key", "keys",
		"primary", "password_policy", "secretary", "name", "", "monkey"};

	(void)state;
	for (size_t i = 0; i < COUNT(secret); i++)
		assert_true(redact_is_name(secret[i]));
	for (size_t i = 0; i < COUNT(not_secret); i++)
		assert_false(redact_is_name(not_secret[i]));
}

static void what_json_names_like_a_secret_is_learned(void **state)
{
	static const struct {
		const char *json;
		const char *text;
		const char *left;
	} rows[] = {
		{"{\"password\":\"hunter2\",\"user\":\"someone\"}", "hunter2 someone",
			"*** someone"},
		{"{\"spec\":{\"environment\":{\"DB_PASSWORD\":\"hunter2\",\"MODE\":\"training\"}}}",
			"hunter2 training", "*** training"},
		{"{\"credentials\":{\"endpoint\":\"http://a.b\",\"region\":\"eu-west\","
		 "\"anything\":\"hunter2\"}}",
			"hunter2 http://a.b eu-west", "*** http://a.b eu-west"},
		{"{\"tokens\":[\"hunter2\"],\"token\":[\"hunter3\"]}", "hunter2 hunter3",
			"hunter2 ***"},
		{"{\"connection_details\":\"{\\\"key\\\":\\\"hunter2\\\",\\\"region\\\":\\\"eu-west\\\"}\"}",
			"hunter2 eu-west", "*** eu-west"},
		{"{\"token\":\"{no json\"}", "{no json", "***"},
		{"{\"password\":12345678,\"token\":null}", "12345678", "12345678"},
		{"[[{\"a\":{\"password\":\"hunter2\"}}]]", "hunter2", "***"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		forget_all();
		redact_scope_add_stored(&scope, rows[i].json);
		(void)redact_use(scope);
		if (strcmp(without(rows[i].text, false), rows[i].left) != 0)
			fail_msg("row %zu: %s", i, without(rows[i].text, false));
	}
	redact_scope_add_stored(&scope, NULL);
	redact_scope_add_stored(&scope, "no json");
}

static void the_password_of_a_url_is_learned(void **state)
{
	char text[] = "swordfish-of-old sword%66ish-of-old user proxy.example";

	(void)state;
	redact_learn_url(REDACT_SITE, NULL);
	redact_learn_url(REDACT_SITE, "http://proxy.example:3128");
	redact_learn_url(REDACT_SITE, "http://proxy.example/swordfish:x@user");
	redact_learn_url(REDACT_SITE, "http://user:sword%66ish-of-old@proxy.example:3128/");
	(void)redact_text(text, strlen(text), false);
	assert_string_equal(text, "*** *** user proxy.example");
}

static void texts_in_json_lose_what_is_known(void **state)
{
	json_t *v = json_pack("{s:s, s:[s, i], s:{s:s}}", "a", "x hunter2 y", "list", "hunter2", 7,
		"in", "hunter2", "plain");
	char *text;

	(void)state;
	learn("hunter2");
	redact_json(v);
	text = json_compact(v, NULL);
	assert_string_equal(
		text, "{\"a\":\"x *** y\",\"list\":[\"***\",7],\"in\":{\"hunter2\":\"plain\"}}");
	free(text);
	json_decref(v);
}

#define TEST(f) cmocka_unit_test_setup(f, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_form_of_a_value_is_replaced),
		TEST(bytes_are_found_in_hexadecimal_digits),
		TEST(nothing_known_leaves_all_as_it_is),
		TEST(what_may_be_a_beginning_goes_from_a_text_that_was_cut),
		TEST(overlapping_values_are_one_mark),
		TEST(a_long_value_is_found_in_pieces),
		TEST(a_stream_in_any_pieces_is_the_same_and_as_long),
		TEST(a_stream_holds_no_more_than_may_be_a_beginning),
		TEST(the_oldest_go_and_those_of_other_sorts_stay),
		TEST(no_number_of_one_sort_drives_out_another),
		TEST(secrets_inside_a_source_are_known),
		TEST(what_is_held_or_met_in_texts_stays),
		TEST(those_that_are_held_take_no_room_from_others),
		TEST(a_short_value_is_hidden_in_its_own_scope_alone),
		TEST(a_scope_takes_no_more_than_its_limits),
		TEST(values_that_are_alike_are_found_as_a_search_one_by_one_does),
		TEST(alike_values_cost_a_text_no_more_than_a_search),
		TEST(many_threads_learn_and_look_at_once),
		TEST(names_tell_what_is_a_secret),
		TEST(what_json_names_like_a_secret_is_learned),
		TEST(the_password_of_a_url_is_learned),
		TEST(texts_in_json_lose_what_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
