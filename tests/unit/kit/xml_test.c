/* Answers in XML, and what services say in errors. */
#include <davit/sdk.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "kit/aws_error.h"
#include "kit/xml.h"
#include "unit/cmocka.h"

static char room[65536];
static struct davit_sdk_mem mem;

static int fresh(void **state)
{
	(void)state;
	davit_sdk_mem_buffer(&mem, room, sizeof(room));
	return 0;
}

#define LISTING                                                                                    \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                             \
	"<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"                     \
	"<IsTruncated>true</IsTruncated><NextContinuationToken>a/+=</NextContinuationToken>"       \
	"<Contents><Key>one</Key><Owner><ID>x</ID><Key>not mine</Key></Owner><Size>1</Size>"       \
	"</Contents><!-- <Contents> --><Contents><Key>two &amp; &#x2026;</Key><Size/></Contents>"  \
	"<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes></ListBucketResult>\n"

static void a_listing_is_walked_through(void **state)
{
	struct xml x;
	const char *keys[4] = {"", "", "", ""}, *sizes[4], *token = "";
	size_t n = 0, prefixes = 0;
	uint32_t list, item;

	(void)state;
	for (list = xml_root(&x, davit_sdk_buf(LISTING), "ListBucketResult");
		xml_child(&x, list);) {
		if (xml_is(&x, "NextContinuationToken"))
			token = xml_text(&x, &mem).p;
		prefixes += xml_is(&x, "CommonPrefixes");
		if (!xml_is(&x, "Contents"))
			continue;
		for (item = x.depth; xml_child(&x, item);) {
			if (xml_is(&x, "Key"))
				keys[n] = xml_text(&x, &mem).p;
			else if (xml_is(&x, "Size"))
				sizes[n] = xml_text(&x, &mem).p;
		}
		n++;
	}
	assert_null(x.problem);
	assert_int_equal(n, 2);
	assert_int_equal(prefixes, 1);
	assert_string_equal(token, "a/+=");
	assert_string_equal(keys[0], "one");
	assert_string_equal(keys[1], "two & \xe2\x80\xa6");
	assert_string_equal(sizes[0], "1");
	assert_string_equal(sizes[1], "");
}

/* The text of the one element of root, or NULL with why. */
static const char *text_in(const char *text, const char **ret_problem)
{
	const char *found = NULL;
	struct xml x;
	uint32_t root = xml_root(&x, davit_sdk_buf(text), NULL);

	if (xml_child(&x, root))
		found = xml_text(&x, &mem).p;
	while (xml_child(&x, root))
		;
	*ret_problem = x.problem;
	return x.problem == NULL ? found : NULL;
}

static void text_is_what_is_meant(void **state)
{
	static const struct {
		const char *text, *wanted;
	} rows[] = {
		{"<a><b>x</b></a>", "x"},
		{" \r\n\t<a><b> x </b></a> \n", " x "},
		{"\xef\xbb\xbf<a><b>x</b></a>", "x"},
		{"<a><b>&lt;&gt;&amp;&quot;&apos;</b></a>", "<>&\"'"},
		{"<a><b>&#65;&#x42;&#xfc;&#x20AC;&#x1F600;&#13;</b></a>",
			"AB\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\r"},
		{"<a><b>1<!-- </b> -->2<?x </b> ?>3<![CDATA[</b>&amp;]]>4</b></a>",
			"123</b>&amp;4"},
		{"<s:a><s:b c='>' d=\"/>\">x</s:b ></s:a>", "x"},
		{"<a><b/></a>", ""},
		{"<a><b a = 'b' /></a><!-- end -->", ""},
		{"<a>text<b>x</b>text</a>", "x"},
	};
	const char *problem;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *text = text_in(rows[i].text, &problem);

		if (problem != NULL)
			fail_msg("%s: %s", rows[i].text, problem);
		assert_string_equal(text, rows[i].wanted);
	}
}

static void what_is_no_plain_answer_is_refused(void **state)
{
	static const char *const texts[] = {"", " ", "text", "{}", "<a>", "<a><b>", "<a><b>x",
		"<a><b>x</b>", "<a></b>", "<a><b></a></b>", "</a>", "<a/><b/>", "<a/>text", "<>",
		"<a b>x</a>", "<a b=c/>", "<a b='c/>", "<a b='1'c='2'/>", "<a", "<a /", "<a/ >",
		"<!DOCTYPE a><a/>", "<!DOCTYPE a [<!ENTITY b \"c\">]><a><b>&b;</b></a>",
		"<a><!ENTITY b></a>", "<![CDATA[x]]><a/>", "<a><b>&c;</b></a>",
		"<a><b>&amp</b></a>", "<a><b>&</b></a>", "<a><b>&#0;</b></a>",
		"<a><b>&#x0;</b></a>", "<a><b>&#xd800;</b></a>", "<a><b>&#x110000;</b></a>",
		"<a><b>&#99999999999;</b></a>", "<a><b>&#;</b></a>", "<a><b>&#x;</b></a>",
		"<a><b>&#-1;</b></a>", "<a><b>&#6a;</b></a>", "<a><b>\xff</b></a>",
		"<a><b>\xc0\x80</b></a>", "<a><b>x<c/></b></a>", "<a><b><!-- x</b></a>",
		"<a><b><![CDATA[x</b></a>", "<a><?x</a>", "<a><!-- </a>", "<a><b>x</c></a>"};
	const char *problem;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		if (text_in(texts[i], &problem) != NULL || problem == NULL)
			fail_msg("taken: %s", texts[i]);
	}
}

static void levels_are_bounded(void **state)
{
	char text[XML_DEPTH_MAX * 8 + 64] = "";
	struct xml x;

	(void)state;
	for (size_t levels = XML_DEPTH_MAX; levels <= XML_DEPTH_MAX + 1; levels++) {
		text[0] = '\0';
		for (size_t i = 0; i < levels; i++)
			strcat(text, "<a>");
		for (size_t i = 0; i < levels; i++)
			strcat(text, "</a>");
		uint32_t root = xml_root(&x, davit_sdk_buf(text), NULL);
		while (xml_child(&x, root))
			;
		assert_int_equal(x.problem == NULL, levels == XML_DEPTH_MAX);
	}
}

static void bytes_with_nul_are_no_text(void **state)
{
	static const char text[] = "<a><b>x\0y</b></a>";
	struct xml x;
	uint32_t root = xml_root(&x, (davit_buf){text, sizeof(text) - 1}, "a");

	(void)state;
	assert_true(xml_child(&x, root));
	assert_int_equal(xml_text(&x, &mem).n, 0);
	assert_non_null(x.problem);
}

static void another_root_is_no_failure(void **state)
{
	struct xml x;

	(void)state;
	assert_int_equal(xml_root(&x, davit_sdk_buf("<Error/>"), "List"), 0);
	assert_null(x.problem);
	assert_false(xml_child(&x, 0));
}

static void a_text_too_long_for_the_memory_is_refused(void **state)
{
	struct davit_sdk_mem small;
	char buffer[48];
	struct xml x;
	uint32_t root = xml_root(&x,
		davit_sdk_buf("<a><b>0123456789012345678901234567890123456789012345678901234567890"
			      "</b></a>"),
		"a");

	(void)state;
	davit_sdk_mem_buffer(&small, buffer, sizeof(buffer));
	assert_true(xml_child(&x, root));
	assert_string_equal(xml_text(&x, &small).p, "");
	assert_non_null(x.problem);
}

/* --- errors --- */

static void errors_are_read_in_every_form(void **state)
{
	static const struct {
		const char *body, *code, *message, *id, *region;
		int64_t server_ms;
	} rows[] = {
		{"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>no key</Message>"
		 "<Key>k</Key><RequestId>R1</RequestId><HostId>h</HostId></Error>",
			"NoSuchKey", "no key", "R1", "", 0},
		{" \n <Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region>"
		 "</Error>",
			"AuthorizationHeaderMalformed", "", "", "eu-west-1", 0},
		{"<Error><Code>RequestTimeTooSkewed</Code><ServerTime>2013-05-24T00:00:00Z"
		 "</ServerTime></Error>",
			"RequestTimeTooSkewed", "", "", "", INT64_C(1369353600000)},
		{"<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>"
		 "<Type>Sender</Type><Code>ExpiredTokenException</Code><Message>late</Message>"
		 "</Error><RequestId>R2</RequestId></ErrorResponse>",
			"ExpiredTokenException", "late", "R2", "", 0},
		{"{\"__type\":\"com.amazon#ValidationException:http://x\",\"message\":\"bad\"}",
			"ValidationException", "bad", "", "", 0},
		{"{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"no\"}",
			"AssumeRoleUnauthorizedAccess", "no", "", "", 0},
	};
	struct aws_error e;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(aws_error_parse(&mem, davit_sdk_buf(rows[i].body), &e));
		assert_string_equal(e.code, rows[i].code);
		assert_string_equal(e.message, rows[i].message);
		assert_string_equal(e.request_id, rows[i].id);
		assert_string_equal(e.region, rows[i].region);
		assert_int_equal(e.server_ms, rows[i].server_ms);
	}
}

static void what_is_no_error_is_none(void **state)
{
	static const char *const bodies[] = {"", "<html><body>Bad gateway</body></html>",
		"<Error><Code>x</Code>", "{}", "[]", "{", "<CompleteMultipartUploadResult/>"};
	struct aws_error e;

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		assert_false(aws_error_parse(&mem, davit_sdk_buf(bodies[i]), &e));
		assert_string_equal(e.code, "");
		assert_string_equal(e.message, "");
	}
}

static void codes_count_before_the_status(void **state)
{
	static const struct {
		int64_t status;
		const char *code;
		int32_t read, change; /* class of a request that reads, and of one that changes */
	} rows[] = {
		{400, "ThrottlingException", DAVIT_THROTTLED, DAVIT_THROTTLED},
		{503, "SlowDown", DAVIT_THROTTLED, DAVIT_THROTTLED},
		{400, "RequestTimeout", DAVIT_RETRY, DAVIT_DEADLINE},
		{400, "ExpiredToken", DAVIT_AUTH, DAVIT_AUTH},
		{409, "OperationAborted", DAVIT_RETRY, DAVIT_RETRY},
		{200, "InternalError", DAVIT_RETRY, DAVIT_DEADLINE},
		{404, "NoSuchKey", DAVIT_NOT_FOUND, DAVIT_NOT_FOUND},
		{400, "MalformedXML", DAVIT_INVALID, DAVIT_INVALID},
		{500, "", DAVIT_RETRY, DAVIT_DEADLINE},
	};
	struct davit_sdk_answer answer = {0};
	struct aws_error e = {"", "", "", "", 0};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		answer.status = rows[i].status;
		answer.head = davit_sdk_parse(&mem, davit_sdk_buf("{}"), NULL);
		e.code = rows[i].code;
		answer.flags = 0;
		assert_int_equal(aws_error_class(&answer, &e), rows[i].read);
		answer.flags = DAVIT_HTTP_MUTATES;
		assert_int_equal(aws_error_class(&answer, &e), rows[i].change);
	}
	answer.head = davit_sdk_parse(&mem, davit_sdk_buf("{\"unclear\":true}"), NULL);
	answer.status = 404;
	e.code = "NoSuchKey";
	assert_int_equal(aws_error_class(&answer, &e), DAVIT_DEADLINE);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_listing_is_walked_through),
		TEST(text_is_what_is_meant),
		TEST(what_is_no_plain_answer_is_refused),
		TEST(levels_are_bounded),
		TEST(bytes_with_nul_are_no_text),
		TEST(another_root_is_no_failure),
		TEST(a_text_too_long_for_the_memory_is_refused),
		TEST(errors_are_read_in_every_form),
		TEST(what_is_no_error_is_none),
		TEST(codes_count_before_the_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
