/* TLS and HTTP/2, with the cloud of the tests on the other side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/id.h"
#include "net/limits.h"
#include "place.h"
#include "support/scratch.h"
#include "unit/resident.h"

static struct cloud {
	pid_t pid;
	int input;
	char folder[SCRATCH_SIZE];
	char ca_file[SCRATCH_SIZE + 32];
	char https[64];
	char http2[64];
	char admin[64];
} cloud;

static void take(const char *line, const char *member, char *text, size_t size)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\":\"", member);
	at = strstr(line, key);
	assert_non_null(at);
	at += strlen(key);
	snprintf(text, size, "%.*s", (int)strcspn(at, "\""), at);
}

static int cloud_start(void **state)
{
	int in[2], out[2];
	char line[1024];
	FILE *said;

	(void)state;
	scratch_open(cloud.folder);
	if (pipe(in) != 0 || pipe(out) != 0)
		return -1;
	cloud.pid = fork();
	if (cloud.pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(in[1]);
		execl(FAKECLOUD, FAKECLOUD, "--http", "-", "--https", "127.0.0.1:0", "--admin",
			"127.0.0.1:0", "--http2", "127.0.0.1:0", "--ca-dir", cloud.folder,
			(char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	cloud.input = in[1];
	said = fdopen(out[0], "r");
	if (cloud.pid < 0 || said == NULL || fgets(line, sizeof(line), said) == NULL)
		return -1;
	take(line, "https", cloud.https, sizeof(cloud.https));
	take(line, "http2", cloud.http2, sizeof(cloud.http2));
	take(line, "admin", cloud.admin, sizeof(cloud.admin));
	take(line, "ca_file", cloud.ca_file, sizeof(cloud.ca_file));
	(void)fclose(said);
	return 0;
}

static int cloud_stop(void **state)
{
	(void)state;
	close(cloud.input);
	waitpid(cloud.pid, NULL, 0);
	scratch_close(cloud.folder);
	return 0;
}

/* A place whose net believes the cloud, and may reach it. */
static int set_up(void **state)
{
	struct place *p;

	if (place_set_up(state) != 0)
		return -1;
	p = *state;
	p->options.ca_file = cloud.ca_file;
	place_reopen(p);
	return egress_list_add(&p->site, cloud.https, NULL) &&
	                       egress_list_add(&p->site, cloud.http2, NULL) &&
	                       egress_list_add(&p->site, cloud.admin, NULL)
	               ? 0
	               : -1;
}

static void ask(
	struct place *p, const char *method, const char *origin, const char *path, const char *body)
{
	place_done(p);
	snprintf(p->url, sizeof(p->url), "%s%s", origin, path);
	p->request.url = p->url;
	p->request.method = method;
	p->request.body = (struct net_body){.bytes = body, .fd = -1, .n = strlen(body)};
	net_perform(p->net, &p->caller, &p->request, &p->result, &p->fail);
}

static void tell(struct place *p, const char *path, const char *body)
{
	static const struct net_header json[] = {{"Content-Type", "application/json"}};

	p->request.headers = json;
	p->request.header_count = 1;
	ask(p, "POST", cloud.admin, path, body);
	if (p->result.end != NET_ANSWERED)
		fail_msg("%s", p->fail.text);
	assert_int_equal(net_answer_status(p->result.answer), 200);
	place_done(p);
	p->request.header_count = 0;
}

/* A number of what the cloud says: the first of that member behind the word where. */
static long number_of(struct place *p, const char *path, const char *where, const char *member)
{
	const char *bytes, *at;
	char key[32], *text;
	long value;
	size_t n;

	ask(p, "GET", cloud.admin, path, "");
	assert_int_equal(p->result.end, NET_ANSWERED);
	bytes = net_answer_bytes(p->result.answer, &n);
	text = strndup(bytes, n);
	snprintf(key, sizeof(key), "\"%s\"", member);
	at = strstr(text, where);
	at = at != NULL ? strstr(at, key) : NULL;
	if (at == NULL)
		fail_msg("no %s of %s in %s", member, where, text);
	value = strtol(at + strlen(key) + strspn(at + strlen(key), ": "), NULL, 10);
	free(text);
	return value;
}

static long stat_of(struct place *p, const char *where, const char *member)
{
	return number_of(p, "/stats", where, member);
}

static void https_is_spoken_as_http2(void **state)
{
	struct place *p = *state;

	tell(p, "/reset", "{}");
	ask(p, "GET", cloud.https, "/v1/jobs", "");
	if (p->result.end != NET_ANSWERED)
		fail_msg("%s", p->fail.text);
	assert_int_equal(net_answer_status(p->result.answer), 401);
	assert_int_equal(stat_of(p, "protocols", "HTTP/2.0"), 1);
}

static void authorities_nobody_named_are_not_believed(void **state)
{
	struct place *p = *state;

	p->options.ca_file = NULL;
	place_reopen(p);
	p->request.mutates = true;
	ask(p, "POST", cloud.https, "/v1/jobs", "{}");
	assert_int_equal(p->result.end, NET_REFUSED);
	assert_non_null(strstr(p->fail.text, "certificate"));
}

static void a_certificate_must_be_good_and_of_that_host(void **state)
{
	static const char *const names[] = {
		"localhost", "expired.localhost", "wrong.localhost", "untrusted.localhost"};
	struct place *p = *state;
	const char *port = strrchr(cloud.https, ':');

	for (size_t i = 0; i < 4; i++) {
		char origin[96];

		snprintf(origin, sizeof(origin), "https://%s%s", names[i], port);
		assert_true(egress_list_add(&p->site, origin, NULL));
		assert_true(egress_list_add(&p->manifest, names[i], NULL));
		ask(p, "GET", origin, "/v1/jobs", "");
		if (p->result.end != (i == 0 ? NET_ANSWERED : NET_REFUSED))
			fail_msg("%s: %d, %s", names[i], p->result.end, p->fail.text);
	}
}

static void point_to(const char *bundle)
{
	assert_int_equal(setenv("SSL_CERT_FILE", bundle, 1), 0);
}

/* The system's authorities are some hundreds: a daemon that asks nobody does not read them. */
static void authorities_are_read_on_first_use_and_once(void **state)
{
	struct place *p = *state;

	p->options.ca_file = NULL;
	point_to("/nowhere/at-all.pem");
	place_reopen(p);
	point_to(cloud.ca_file);
	ask(p, "GET", cloud.https, "/v1/jobs", "");
	if (p->result.end != NET_ANSWERED)
		fail_msg("%s", p->fail.text);
	point_to("/nowhere/at-all.pem");
	ask(p, "GET", cloud.http2, "/v1/jobs", ""); /* another connection */
	if (p->result.end != NET_ANSWERED)
		fail_msg("%s", p->fail.text);
	unsetenv("SSL_CERT_FILE");
}

static void a_file_without_certificates_is_told_at_once(void **state)
{
	struct place *p = *state;
	struct net_options o = p->options;
	struct fail f = {0};

	scratch_write(cloud.folder, "none.pem", "nothing\n");
	o.ca_file = scratch_path(cloud.folder, "none.pem");
	assert_null(net_open(&o, &f));
	assert_non_null(strstr(f.text, "net.ca_file"));
}

#define MANY 5000

/* Held until the last has come; each connection carries as many as it may. */
static void five_thousand_share_few_connections(void **state)
{
	struct place *p = *state;
	struct net_request *rs = calloc(MANY, sizeof(*rs));
	struct net_result *results = calloc(MANY, sizeof(*results));
	struct fail *fails = calloc(MANY, sizeof(*fails));
	char url[128], hold[64];
	size_t good = 0;
	long most;

	tell(p, "/reset", "{}");
	snprintf(hold, sizeof(hold), "{\"path\":\"/v1/jobs\",\"until\":%d}", MANY);
	tell(p, "/hold", hold);
	snprintf(url, sizeof(url), "%s/v1/jobs", cloud.https);
	p->request.method = "GET";
	p->request.body.n = 0;
	for (size_t i = 0; i < MANY; i++) {
		rs[i] = p->request;
		rs[i].url = url;
	}
	net_perform_many(p->net, &p->caller, rs, MANY, results, fails);
	for (size_t i = 0; i < MANY; i++) {
		good += results[i].end == NET_ANSWERED;
		net_answer_close(results[i].answer);
	}
	free(rs);
	free(results);
	free(fails);
	assert_int_equal(good, MANY);
	most = stat_of(p, "\"h2\"", "most");
	assert_in_range(most, MANY / 100, MANY / 100 + 5);
}

static void http2_can_be_switched_off(void **state)
{
	struct place *p = *state;

	p->options.http2 = false;
	place_reopen(p);
	tell(p, "/reset", "{}");
	ask(p, "GET", cloud.https, "/v1/jobs", "");
	assert_int_equal(p->result.end, NET_ANSWERED);
	assert_int_equal(stat_of(p, "protocols", "HTTP/1.1"), 1);
}

static void a_stream_over_tls_comes_in_pieces(void **state)
{
	struct place *p = *state;
	char bytes[4096];
	size_t n = 0, all = 0;

	tell(p, "/reset", "{}");
	p->request.stream = true;
	ask(p, "GET", cloud.https, "/v1/jobs", "");
	assert_int_equal(p->result.end, NET_ANSWERED);
	do {
		assert_true(net_answer_read(
			p->result.answer, &p->caller, bytes, sizeof(bytes), &n, &p->fail));
		all += n;
	} while (n > 0);
	assert_true(all > 10);
}

/* --- requests that HTTP/2 gives back --- */

/* A change whose request, and those after it, end as words say: "word","word". */
static void change(struct place *p, bool kept, const char *words)
{
	char script[128];

	snprintf(script, sizeof(script), "{\"script\":[%s%s]}", kept ? "\"answer\"," : "", words);
	place_reopen(p);
	p->request.mutates = false;
	tell(p, "/http2", script);
	if (kept) /* by another request */
		ask(p, "GET", cloud.http2, "/any", "");
	p->request.mutates = true;
	ask(p, "POST", cloud.http2, "/any", "text");
}

static void requests_were(struct place *p, long wanted)
{
	p->request.mutates = false;
	assert_int_equal(number_of(p, "/http2", "{", "requests"), wanted);
}

static void a_change_that_was_refused_untouched_is_sent_again(void **state)
{
	static const char *const words[] = {"\"refused\"", "\"goaway\"", "\"goaway_close\""};
	struct place *p = *state;

	for (int i = 0; i < 6; i++) {
		bool kept = i % 2 != 0;

		change(p, kept, words[i / 2]);
		if (p->result.end != NET_ANSWERED)
			fail_msg("%s, kept %d: %s", words[i / 2], kept, p->fail.text);
		assert_int_equal(net_answer_status(p->result.answer), 200);
		assert_int_equal(p->result.attempts, 2);
		assert_false(p->result.unclear);
		requests_were(p, 2 + kept);
	}
}

static void a_change_that_may_have_been_touched_is_not_sent_again(void **state)
{
	static const char *const words[] = {"\"internal\"", "\"cancel\"", "\"half\"", "\"cut\"",
		"\"goaway_worked\"", "\"refused\",\"cut\""};
	struct place *p = *state;

	for (int i = 0; i < 12; i++) {
		bool kept = i % 2 != 0, again = i / 2 == 5;

		change(p, kept, words[i / 2]);
		if (p->result.end != NET_UNCLEAR)
			fail_msg("%s, kept %d: %d", words[i / 2], kept, p->result.end);
		assert_int_equal(p->result.attempts, 1 + again);
		requests_were(p, 1 + kept + again);
	}
}

static void a_change_that_is_always_refused_was_not_sent(void **state)
{
	struct place *p = *state;
	struct limits *limits = limits_create(NULL, 0, 0, &p->fail);

	p->request.limits = limits;
	for (int i = 0; i < BREAKER_FAILURES; i++) { /* which opens no circuit */
		p->request.attempts = 2;
		change(p, i % 2 != 0, "\"refused\",\"refused\"");
		assert_int_equal(p->result.end, NET_UNSENT);
		assert_int_equal(p->result.attempts, 2);
		assert_non_null(strstr(p->fail.text, "refused"));
	}
	limits_destroy(limits);
}

/* --- what stays in memory --- */

#define MASK 0x55

struct hidden { /* a word that this test itself does not leave in memory */
	unsigned char bytes[64];
	size_t n;
};

static void hide(struct hidden *h, const char *word, size_t n)
{
	assert_in_range(n, 16, sizeof(h->bytes));
	h->n = n;
	for (size_t i = 0; i < n; i++)
		h->bytes[i] = (unsigned char)word[i] ^ MASK;
}

static bool is_there(const volatile unsigned char *at, const struct hidden *h)
{
	for (size_t i = 0; i < h->n; i++)
		if ((at[i] ^ MASK) != h->bytes[i])
			return false;
	return true;
}

/* How often it stands where this process can write, freed memory included. */
static size_t count_in_memory(const struct hidden *h)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long from, to;
	size_t found = 0;
	char line[512], mode[5];

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) != 3 || mode[0] != 'r' ||
			mode[1] != 'w' || strstr(line, "[v") != NULL)
			continue;
		for (; from + h->n <= to; from++)
			found += is_there((const unsigned char *)from, h);
	}
	(void)fclose(maps);
	return found;
}

#define WORD_BYTES 40

static void make_word(char word[WORD_BYTES + 1])
{
	id_random(word, WORD_BYTES);
	for (size_t i = 0; i < WORD_BYTES; i++)
		word[i] = (char)('a' + (unsigned char)word[i] % 26);
	word[WORD_BYTES] = '\0';
}

static void what_was_sent_and_answered_does_not_stay_in_memory(void **state)
{
	struct place *p = *state;
	struct hidden sent, got;
	char word[WORD_BYTES + 1], text[256];
	struct net_header headers[] = {
		{"X-Key", word}, {"Content-Type", "application/x-www-form-urlencoded"}};
	const char *bytes, *at;
	size_t n;

	if (!resident_tells()) /* shadow memory would be looked through for hours */
		skip();
	p->options.http2 = false; /* whose library keeps and frees what it likes */
	place_reopen(p);
	make_word(word);
	hide(&sent, word, WORD_BYTES);
	assert_int_equal(count_in_memory(&sent), 1);
	snprintf(p->url, sizeof(p->url), "%s/oauth/token?key=%s", cloud.https, word);
	snprintf(text, sizeof(text),
		"grant_type=client_credentials&client_id=davit&client_secret=davit-secret&a=%s",
		word);
	p->request.url = p->url;
	p->request.method = "POST";
	p->request.headers = headers;
	p->request.header_count = 2;
	p->request.body = (struct net_body){.bytes = text, .fd = -1, .n = strlen(text)};
	net_perform(p->net, &p->caller, &p->request, &p->result, &p->fail);
	assert_int_equal(p->result.end, NET_ANSWERED);
	assert_int_equal(net_answer_status(p->result.answer), 200);
	bytes = net_answer_bytes(p->result.answer, &n);
	at = memmem(bytes, n, "access_token\":\"", 15);
	assert_non_null(at);
	hide(&got, at + 15, strcspn(at + 15, "\""));
	place_done(p);
	explicit_bzero(word, sizeof(word));
	explicit_bzero(text, sizeof(text));
	explicit_bzero(p->url, sizeof(p->url));
	assert_int_equal(count_in_memory(&sent), 0);
	assert_int_equal(count_in_memory(&got), 0);
}

static void nor_does_a_header_of_an_answer(void **state)
{
	struct place *p = *state;
	struct hidden got;
	char word[WORD_BYTES + 1], rule[256];

	if (!resident_tells())
		skip();
	p->options.http2 = false;
	place_reopen(p);
	make_word(word);
	hide(&got, word, WORD_BYTES);
	snprintf(rule, sizeof(rule),
		"{\"rules\":[{\"match\":{},\"fault\":\"status\",\"status\":200,"
		"\"headers\":{\"X-Key\":\"%s\"}}]}",
		word);
	tell(p, "/faults", rule);
	ask(p, "GET", cloud.https, "/v1/jobs", "");
	assert_string_equal(head_get(net_answer_head(p->result.answer), "x-key"), word);
	place_done(p);
	explicit_bzero(word, sizeof(word));
	explicit_bzero(rule, sizeof(rule));
	assert_int_equal(count_in_memory(&got), 0);
	tell(p, "/reset", "{}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, place_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(https_is_spoken_as_http2),
		TEST(authorities_nobody_named_are_not_believed),
		TEST(a_certificate_must_be_good_and_of_that_host),
		TEST(authorities_are_read_on_first_use_and_once),
		TEST(a_file_without_certificates_is_told_at_once),
		TEST(five_thousand_share_few_connections),
		TEST(http2_can_be_switched_off),
		TEST(a_stream_over_tls_comes_in_pieces),
		TEST(a_change_that_was_refused_untouched_is_sent_again),
		TEST(a_change_that_may_have_been_touched_is_not_sent_again),
		TEST(a_change_that_is_always_refused_was_not_sent),
		TEST(what_was_sent_and_answered_does_not_stay_in_memory),
		TEST(nor_does_a_header_of_an_answer),
	};

	return cmocka_run_group_tests(tests, cloud_start, cloud_stop);
}
