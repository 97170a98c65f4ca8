/* Tests of the server over real sockets: addresses, headers, bodies and the forms of errors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/id.h"
#include "unit/cmocka.h"
#include "unit/http/client.h"
#include "unit/http/site.h"

static struct site site;

static int open_site(void **state)
{
	(void)state;
	site_init(&site);
	site_start(&site);
	return 0;
}

static int close_site(void **state)
{
	(void)state;
	site_finish(&site);
	return 0;
}

static void ask(const char *request, bool head_only, struct client_answer *a)
{
	struct client c;

	client_open(&c, site.port);
	client_send(&c, request);
	client_receive(&c, head_only, a);
	client_close(&c);
	assert_true(a->whole);
}

/* The rules every answer keeps. */
static void check_form(const struct client_answer *a)
{
	json_t *value;

	assert_string_equal(client_header(a, "Content-Type"), "application/json");
	assert_null(client_header(a, "Content-Encoding"));
	assert_non_null(client_header(a, "Content-Length"));
	assert_true(a->n > 1);
	value = json_loadb(a->body, a->n, JSON_DECODE_ANY, NULL);
	assert_non_null(value);
	assert_true(a->body[0] == '"' || a->body[0] == '{' || a->body[0] == '[');
	assert_ptr_equal(strchr(a->body, '\n'), a->body + a->n - 1);
	json_decref(value);
}

struct row {
	const char *request; /* without the last two line ends */
	int status;
	const char *body; /* a part of it */
};

static void check(const struct row *row)
{
	struct client_answer a;
	char request[1024];

	snprintf(request, sizeof(request), "%s\r\n\r\n", row->request);
	ask(request, false, &a);
	if (a.status != row->status || strstr(a.body, row->body) == NULL)
		fail_msg("%s: %d %s", row->request, a.status, a.body);
	check_form(&a);
	client_answer_free(&a);
}

#define H     " HTTP/1.1\r\nHost: essedum.example"
#define INFER "POST /api/service/v1/endpoints/"

static void addresses_arrive_as_the_clients_mean_them(void **state)
{
	static const struct row rows[] = {
		{"GET /execute" H, 200, "\"operation\":\"list\""},
		{"GET //execute" H, 200, "\"path\":\"/execute\""},
		{"GET /execute HTTP/1.0", 200, "\"operation\":\"list\""},
		{"GET /execute HTTP/1.1", 200, "\"operation\":\"list\""},
		{"GET /execute?isInstance" H, 200, "\"isInstance\":\"\""},
		{"GET /execute?isInstance=my+own&isInstance=x" H, 200, "\"isInstance\":\"my own\""},
		{"GET /execute?x=1" H, 200, "\"isInstance\":null"},
		{"GET http://davit:1/execute" H, 200, "\"path\":\"/execute\""},
		{"GET /execute/null/getStatus" H, 200, "\"arg\":\"null\""},
		{"GET /execute/a%2525b/getStatus" H, 200, "\"arg\":\"a%25b\""},
		{"GET /execute/100%/getStatus" H, 200, "\"arg\":\"100%\""},
		{INFER "projects/p/locations/l/endpoints/1/infer" H, 200,
			"\"arg\":\"projects/p/locations/l/endpoints/1\""},
		{INFER "%7Bendpoint_id%7D/infer" H, 200, "\"arg\":\"{endpoint_id}\""},
		{INFER "%7Bendpoint_id%7D/infer?endpoint_id=a%2Fb" H, 200, "\"arg\":\"a/b\""},
		{INFER "x%252Fy/infer?endpoint_id=" H, 200, "\"arg\":\"x%2Fy\""},
		{"GET /execute" H "\r\nContent-Type: application/json", 200, "list"},
		{"GET /execute" H "\r\nAccept-Encoding: gzip, deflate, br", 200, "list"},
		{"GET /execute" H "\r\nHost: other\r\nCookie: a=b\r\nCookie: c=d", 200, "list"},
		{"GET /v1/nothing" H, 500, "{\"error\":\"internal error: out of memory\"}"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check(&rows[i]);
}

static void errors_have_the_form_of_their_part_of_the_surface(void **state)
{
	static const struct row rows[] = {
		{"GET /nothing" H, 404, "{\"error\":{\"code\":\"not_found\",\"message\":"},
		{"GET /execute/7/nothing" H, 404,
			"{\"error\":\"there is nothing at /execute/7/nothing\"}"},
		{"GET /api/service/v1/nothing" H, 404,
			"\"there is nothing at /api/service/v1/nothing\""},
		{"GET /api/service/v1/\xff" H, 400, "\"the path is not UTF-8\""},
		{"DELETE /execute" H, 405,
			"{\"error\":\"/execute does not take DELETE, only GET, HEAD\"}"},
		{INFER "x/infer/y" H, 404, "\"there is nothing"},
		{"GET /api/service/v1/endpoints/x/infer" H, 405,
			"\"/api/service/v1/endpoints/x/infer does"},
		{"BREW /healthz" H, 405, "\"code\":\"method\""},
		{"GET /execute/a%00b/getStatus" H, 400,
			"{\"error\":\"the path holds a NUL byte\"}"},
		{"GET //execute/%ff/getStatus" H, 400, "{\"error\":\"the path is not UTF-8\"}"},
		{"GET /execute?isInstance=%ff" H, 400, "{\"error\":\"the query is not UTF-8\"}"},
		{INFER "%ff/infer" H, 400, "\"the path is not UTF-8\""},
		{INFER "x/infer?project=%ff" H, 400, "\"the query is not UTF-8\""},
		{INFER "x%00/infer" H, 400, "\"the path holds a NUL byte\""},
		{"GET /healthz?%ff" H, 400, "{\"error\":{\"code\":\"invalid\",\"message\":"},
		{"GET /v1/field" H, 429, "\"field\":\"/jobs/0\",\"retry_after_ms\":1500}}"},
		{"GET /api/service/v1/internal" H, 500,
			"\"internal error; see the log of davitd for request "},
		{"POST /api/service/v1/json" H, 415, "\"Content-Type must be application/json\""},
		{"POST /api/service/v1/json" H "\r\nContent-Type: application/json", 400,
			"\"the body is empty"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check(&rows[i]);
}

static void too_many_query_keys_are_refused_in_the_form_of_their_part(void **state)
{
	static const struct {
		const char *path, *body;
	} rows[] = {
		{"/api/service/v1/endpoints/x", "\"the address has more than 512 query keys\"\n"},
		{"/execute", "{\"error\":\"the address has more than 512 query keys\"}\n"},
	};
	char keys[513] = "", request[1024];
	struct client_answer a;

	(void)state;
	memset(keys, '&', sizeof(keys) - 1);
	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(request, sizeof(request), "GET %s?%s" H "\r\n\r\n", rows[i].path, keys);
		ask(request, false, &a);
		assert_int_equal(a.status, 400);
		assert_string_equal(a.body, rows[i].body);
		client_answer_free(&a);
	}
}

static void what_is_internal_stays_in_the_log(void **state)
{
	struct client_answer a;
	const char *id;

	(void)state;
	ask("GET /api/service/v1/internal" H "\r\n\r\n", false, &a);
	assert_null(strstr(a.body, "secret"));
	id = strstr(a.body, "for request ") + strlen("for request ");
	assert_int_equal(strspn(id, "0123456789abcdefghjkmnpqrstvwxyz"), ID_LENGTH);
	client_answer_free(&a);
}

static void retry_after_is_in_whole_seconds(void **state)
{
	struct client_answer a;

	(void)state;
	ask("GET /v1/field" H "\r\n\r\n", false, &a);
	assert_string_equal(client_header(&a, "Retry-After"), "2");
	client_answer_free(&a);
}

static void head_is_get_without_the_body(void **state)
{
	struct client_answer get, head;

	(void)state;
	ask("GET /healthz" H "\r\n\r\n", false, &get);
	ask("HEAD /healthz" H "\r\n\r\n", true, &head);
	assert_int_equal(head.status, 200);
	assert_string_equal(client_header(&head, "Content-Length"), "16");
	assert_int_equal(get.n, 16);
	client_answer_free(&get);
	client_answer_free(&head);
	ask("HEAD /nothing" H "\r\n\r\n", true, &head);
	assert_int_equal(head.status, 404);
	client_answer_free(&head);
}

static void options_and_405_say_what_is_allowed(void **state)
{
	struct client_answer a;

	(void)state;
	ask("OPTIONS /healthz" H "\r\n\r\n", false, &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(client_header(&a, "Allow"), "GET, HEAD, POST");
	assert_string_equal(a.body, "{}\n");
	check_form(&a);
	client_answer_free(&a);
	ask("PUT /healthz" H "\r\n\r\n", false, &a);
	assert_int_equal(a.status, 405);
	assert_string_equal(client_header(&a, "Allow"), "GET, HEAD, POST");
	client_answer_free(&a);
	ask("OPTIONS /nothing" H "\r\n\r\n", false, &a);
	assert_int_equal(a.status, 404);
	client_answer_free(&a);
}

#define DIRECT " HTTP/1.1\r\nHost: 127.0.0.1:7070"

static void pages_of_other_sites_are_refused(void **state)
{
	static const struct row rows[] = {
		{"GET /execute/1/stop" DIRECT "\r\nSec-Fetch-Site: cross-site", 403,
			"another site"},
		{"POST /healthz" DIRECT "\r\nSec-Fetch-Site: cross-site", 403,
			"{\"error\":{\"code\":\"forbidden\""},
		{INFER "x/infer" DIRECT "\r\nOrigin: https://evil.example", 403,
			"\"a web page of another site"},
		{INFER "x/infer" DIRECT "\r\nOrigin: null", 403, "\"a web page"},
		{INFER "x/infer" DIRECT "\r\nOrigin: http://127.0.0.1:7070.evil", 403,
			"\"a web page"},
		{INFER "x/infer" DIRECT "\r\nOrigin: http://127.0.0.1:7071", 403, "\"a web page"},
		{INFER "x/infer" DIRECT "\r\nOrigin: http://127.0.0.1:7070", 200, "infer"},
		{INFER "x/infer" DIRECT
		       "\r\nOrigin: http://127.0.0.1:7070\r\nSec-Fetch-Site: same-origin",
			200, "infer"},
		{INFER "x/infer" DIRECT "\r\nSec-Fetch-Site: same-site", 200, "infer"},
		{INFER "x/infer" DIRECT "\r\nSec-Fetch-Site: none", 200, "infer"},
		{"GET /execute" DIRECT "\r\nOrigin: https://evil.example", 200, "list"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check(&rows[i]);
}

static void what_a_backend_hands_on_of_its_browser_is_no_foreign_page(void **state)
{
	static const struct row rows[] = {
		{"POST /healthz HTTP/1.1\r\nHost: fixed.example\r\nOrigin: http://essedum:8080",
			200, ""},
		{INFER "x/infer" H "\r\nOrigin: https://evil.example", 200, "infer"},
		{INFER "x/infer" H "\r\nSec-Fetch-Site: cross-site", 200, "infer"},
		{"GET /execute" H "\r\nSec-Fetch-Site: cross-site", 200, "list"},
		{"GET /execute" H ":8080\r\nOrigin: http://e\r\nSec-Fetch-Site: cross-site", 200,
			"list"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check(&rows[i]);
}

static void every_way_to_name_the_loopback_counts_as_direct(void **state)
{
	static const struct {
		const char *host;
		int status;
	} rows[] = {
		{"Host: localhost", 403},
		{"Host: LocalHost:7070", 403},
		{"Host: localhost.:7070", 403},
		{"Host: a.localhost:7070", 403},
		{"Host: 127.0.0.1", 403},
		{"Host: 127.255.1.2:80", 403},
		{"Host: 0.0.0.0:7070", 403},
		{"Host: [::1]", 403},
		{"Host: [::1]:7070", 403},
		{"Host: [::]:7070", 403},
		{"Host: [::ffff:7f00:1]:7070", 403},
		{"Host:", 403},
		{"X-No-Host: 1", 403},
		{"Host: alocalhost", 200},
		{"Host: localhost.example", 200},
		{"Host: 128.0.0.1:7070", 200},
		{"Host: 127.0.0.1.example", 200},
		{"Host: [::2]:7070", 200},
		{"Host: [::ffff:8.8.8.8]", 200},
		{"Host: ::1", 200},
	};
	char request[256];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct row row = {request, rows[i].status, ""};

		snprintf(request, sizeof(request),
			"GET /execute HTTP/1.%d\r\n%s\r\nSec-Fetch-Site: cross-site",
			rows[i].host[0] == 'H', rows[i].host);
		check(&row);
	}
}

static void only_the_unix_socket_may_change_the_daemon(void **state)
{
	static const char request[] = "POST /v1/admin" H "\r\nContent-Length: 0\r\n\r\n";
	struct client_answer a;
	struct client c;

	(void)state;
	ask(request, false, &a);
	assert_int_equal(a.status, 403);
	assert_non_null(strstr(a.body, "{\"error\":{\"code\":\"forbidden\""));
	assert_non_null(strstr(a.body, site.socket));
	client_answer_free(&a);
	client_open_unix(&c, site.socket);
	client_send(&c, request);
	client_receive(&c, false, &a);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "\"admin\":true"));
	client_answer_free(&a);
	client_close(&c);
}

static void the_unix_socket_is_for_its_owner_alone(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(lstat(site.socket, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* A header block of n bytes in lines of 1,000, or as one cookie. */
static void check_big_header(size_t n, bool cookie)
{
	char *request = malloc(n + 1000), *p;
	struct client_answer a;

	assert_non_null(request);
	p = request + snprintf(request, 100, "GET /execute" H "\r\n");
	if (cookie) {
		p += snprintf(p, 100, "Cookie: token=");
		memset(p, 'c', n);
		p += n;
		p += snprintf(p, 100, "\r\n");
	}
	for (size_t i = 0; !cookie && i < n / 1000; i++) {
		p += snprintf(p, 100, "X-%04zu: ", i);
		memset(p, 'x', 990);
		p += 990;
		p += snprintf(p, 100, "\r\n");
	}
	snprintf(p, 100, "X-Long: 12345\r\n\r\n");
	ask(request, false, &a);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "\"long\":5"));
	client_answer_free(&a);
	free(request);
}

static void headers_of_64_kib_and_cookies_of_48_are_taken(void **state)
{
	(void)state;
	check_big_header(64000, false);
	check_big_header(48000, true);
}

static void larger_headers_are_answered_431(void **state)
{
	static const char line[] = "GET /execute HTTP/1.1\r\nX: ";
	size_t n = 200000;
	char *request = malloc(n + 100);
	struct client_answer a;
	struct client c;

	(void)state;
	assert_non_null(request);
	memset(request, 'x', n);
	memcpy(request, line, sizeof(line) - 1);
	client_open(&c, site.port);
	(void)client_push(&c, request, n);
	client_receive(&c, false, &a);
	assert_int_equal(a.status, 431);
	client_answer_free(&a);
	client_close(&c);
	free(request);
}

/* Sends a body of n bytes and takes the answer. */
static void post(const char *path, size_t n, bool chunked, struct client_answer *a)
{
	char head[256], *body = malloc(n + 1);
	struct client c;

	assert_non_null(body);
	for (size_t i = 0; i < n; i++)
		body[i] = (char)(i % 251);
	client_open(&c, site.port);
	if (chunked)
		snprintf(head, sizeof(head),
			"POST %s" H "\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n", path, n);
	else
		snprintf(
			head, sizeof(head), "POST %s" H "\r\nContent-Length: %zu\r\n\r\n", path, n);
	client_send(&c, head);
	if (client_push(&c, body, n) && chunked)
		(void)client_push(&c, "\r\n0\r\n\r\n", 7);
	client_receive(&c, false, a);
	client_close(&c);
	free(body);
}

static long long sum_of(size_t n)
{
	long long sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (long long)(i % 251);
	return sum;
}

static void bodies_arrive_whole_in_memory_or_in_a_file(void **state)
{
	static const struct {
		size_t n;
		bool chunked, memory;
	} rows[] = {
		{0, false, true},
		{1, false, true},
		{1 << 20, false, true},
		{(1 << 20) + 1, false, false},
		{8 << 20, false, false},
		{100000, true, true},
		{8 << 20, true, false},
		{16 << 20, false, false},
	};
	struct client_answer a;
	char expected[200];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		post("/v1/bytes", rows[i].n, rows[i].chunked, &a);
		assert_true(a.whole);
		snprintf(expected, sizeof(expected), "{\"n\":%zu,\"sum\":%lld,\"memory\":%s}\n",
			rows[i].n, sum_of(rows[i].n), rows[i].memory ? "true" : "false");
		assert_string_equal(a.body, expected);
		client_answer_free(&a);
	}
}

static void too_large_a_body_is_answered_413_and_the_connection_closed(void **state)
{
	static const struct {
		size_t n;
		bool chunked;
	} rows[] = {{(16 << 20) + 1, false}, {20 << 20, true}, {20 << 20, false}};
	struct client_answer a;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		post("/api/service/v1/json", rows[i].n, rows[i].chunked, &a);
		assert_true(a.whole);
		assert_int_equal(a.status, 413);
		assert_string_equal(a.body, "\"the body is larger than 16777216 bytes\"\n");
		assert_string_equal(client_header(&a, "Connection"), "close");
		client_answer_free(&a);
	}
}

static void a_body_that_would_never_end_is_refused_at_once(void **state)
{
	struct client_answer a;

	(void)state;
	ask("POST /api/service/v1/json" H "\r\nContent-Length: 99999999999\r\n\r\n", false, &a);
	assert_int_equal(a.status, 413);
	check_form(&a);
	client_answer_free(&a);
	ask("POST /nothing" H "\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n", false, &a);
	assert_int_equal(a.status, 404);
	client_answer_free(&a);
}

static void a_refused_body_leaves_the_connection_usable(void **state)
{
	struct client c;
	struct client_answer a;

	(void)state;
	client_open(&c, site.port);
	client_send(&c,
		"POST /nothing" H "\r\nContent-Length: 5\r\n\r\nhelloGET /healthz" H "\r\n\r\n");
	client_receive(&c, false, &a);
	assert_int_equal(a.status, 404);
	client_answer_free(&a);
	client_receive(&c, false, &a);
	assert_int_equal(a.status, 200);
	client_answer_free(&a);
	client_close(&c);
}

static void json_bodies_are_parsed_from_memory_and_from_files(void **state)
{
	static const size_t sizes[] = {10, 3 << 20};
	struct client_answer a;
	struct client c;
	char head[256];

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		char *body = malloc(sizes[i] + 10);

		assert_non_null(body);
		memset(body, ' ', sizes[i]);
		memcpy(body + sizes[i] - 9, "{\"a\":[1]}", 10);
		client_open(&c, site.port);
		snprintf(head, sizeof(head),
			"POST /api/service/v1/json" H
			"\r\nContent-Type: application/json; charset=utf-8\r\n"
			"Content-Length: %zu\r\n\r\n",
			sizes[i]);
		client_send(&c, head);
		assert_true(client_push(&c, body, sizes[i]));
		client_receive(&c, false, &a);
		assert_int_equal(a.status, 200);
		assert_string_equal(a.body, "{\"a\":[1]}\n");
		client_answer_free(&a);
		client_close(&c);
		free(body);
	}
}

static void uploads_give_their_files_and_fields(void **state)
{
	static const char body[] =
		"--b\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n{}\r\n"
		"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n"
		"\r\n1,2\n3,4\r\n--b--\r\n";
	struct client_answer a;
	char request[1024];

	(void)state;
	snprintf(request, sizeof(request),
		"POST /v1/upload" H "\r\nContent-Type: multipart/form-data; boundary=b\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		sizeof(body) - 1, body);
	ask(request, false, &a);
	assert_string_equal(
		a.body, "{\"request\":\"{}\",\"filename\":\"a.csv\",\"file\":\"1,2\\n3,4\"}\n");
	client_answer_free(&a);
	ask("POST /v1/upload" H "\r\nContent-Length: 2\r\n\r\n{}", false, &a);
	assert_int_equal(a.status, 415);
	client_answer_free(&a);
}

/* The answer to a form of a field and a file; the caller's. */
static char *digest_of(const char *boundary, const char *name, const char *field, const char *file)
{
	struct client_answer a;
	char body[1024], request[2048];
	char *digest;

	snprintf(body, sizeof(body),
		"--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n"
		"--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n"
		"%s\r\n--%s--\r\n",
		boundary, name, field, boundary, file, boundary);
	snprintf(request, sizeof(request),
		"POST /v1/digest" H "\r\nContent-Type: multipart/form-data; boundary=%s\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		boundary, strlen(body), body);
	ask(request, false, &a);
	assert_int_equal(a.status, 200);
	digest = strdup(a.body);
	assert_non_null(digest);
	client_answer_free(&a);
	return digest;
}

static void the_digest_of_a_form_is_that_of_its_parts(void **state)
{
	static const struct {
		const char *boundary, *name, *field, *file;
		bool same;
	} rows[] = {
		{"other", "a", "bc", "d", true},
		{"b", "a", "bd", "d", false},
		{"b", "ab", "c", "d", false},
		{"b", "a", "b", "cd", false},
		{"b", "a", "bc", "", false},
	};
	char *first = digest_of("b", "a", "bc", "d");

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *other =
			digest_of(rows[i].boundary, rows[i].name, rows[i].field, rows[i].file);

		assert_int_equal(strcmp(first, other) == 0, rows[i].same);
		free(other);
	}
	free(first);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	struct client c;
	struct client_answer a;

	(void)state;
	client_open(&c, site.port);
	for (int i = 0; i < 50; i++)
		client_send(&c, i % 2 ? "GET /healthz" H "\r\n\r\n" : "GET /nothing" H "\r\n\r\n");
	for (int i = 0; i < 50; i++) {
		client_receive(&c, false, &a);
		assert_int_equal(a.status, i % 2 ? 200 : 404);
		client_answer_free(&a);
	}
	client_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_arrive_as_the_clients_mean_them),
		cmocka_unit_test(errors_have_the_form_of_their_part_of_the_surface),
		cmocka_unit_test(too_many_query_keys_are_refused_in_the_form_of_their_part),
		cmocka_unit_test(what_is_internal_stays_in_the_log),
		cmocka_unit_test(retry_after_is_in_whole_seconds),
		cmocka_unit_test(head_is_get_without_the_body),
		cmocka_unit_test(options_and_405_say_what_is_allowed),
		cmocka_unit_test(pages_of_other_sites_are_refused),
		cmocka_unit_test(what_a_backend_hands_on_of_its_browser_is_no_foreign_page),
		cmocka_unit_test(every_way_to_name_the_loopback_counts_as_direct),
		cmocka_unit_test(only_the_unix_socket_may_change_the_daemon),
		cmocka_unit_test(the_unix_socket_is_for_its_owner_alone),
		cmocka_unit_test(headers_of_64_kib_and_cookies_of_48_are_taken),
		cmocka_unit_test(larger_headers_are_answered_431),
		cmocka_unit_test(bodies_arrive_whole_in_memory_or_in_a_file),
		cmocka_unit_test(too_large_a_body_is_answered_413_and_the_connection_closed),
		cmocka_unit_test(a_body_that_would_never_end_is_refused_at_once),
		cmocka_unit_test(a_refused_body_leaves_the_connection_usable),
		cmocka_unit_test(json_bodies_are_parsed_from_memory_and_from_files),
		cmocka_unit_test(uploads_give_their_files_and_fields),
		cmocka_unit_test(the_digest_of_a_form_is_that_of_its_parts),
		cmocka_unit_test(pipelined_requests_are_answered_in_order),
	};

	return cmocka_run_group_tests(tests, open_site, close_site);
}
