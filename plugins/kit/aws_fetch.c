/* Requests to the token service, a container's agent and a machine's metadata. */
#include "kit/aws_fetch.h"

#include <string.h>

#include "kit/aws_error.h"
#include "kit/aws_region.h"
#include "kit/xml.h"

#define ANSWER_MAX   ((size_t)64 * 1024)
#define AGENT_MS     2000 /* of an agent on this machine */
#define METADATA_MS  1000
#define METADATA_TTL "21600" /* seconds that its token lasts */

static int32_t apart(const struct davit_sdk_answer *answer, const struct aws_error *error)
{
	int32_t code = aws_error_class(answer, error);

	if (code == DAVIT_RETRY || code == DAVIT_THROTTLED || code == DAVIT_DEADLINE)
		return code;
	return DAVIT_AUTH;
}

/* Ends the call: who refused, and in which words. */
static bool refused(struct davit_sdk *sdk, const struct davit_sdk_answer *answer,
	const struct aws_error *error, const char *who)
{
	(void)davit_sdk_http_fail(sdk, answer, apart(answer, error), error->code, error->request_id,
		"%s answers %d%s%s%s%.300s", who, (int)answer->status,
		error->code[0] != '\0' ? " " : "", error->code,
		error->message[0] != '\0' ? ": " : "", error->message);
	return false;
}

static davit_secret kept(const struct davit_sdk_answer *answer, const char *word)
{
	const struct davit_sdk_json *v =
		davit_sdk_member(davit_sdk_member(answer->head, "kept"), word);

	return v != NULL ? (davit_secret)v->integer : 0;
}

/* Takes the three out of the answer; expires: as it says it. */
static bool take(struct davit_sdk *sdk, const struct davit_sdk_answer *answer, const char *expires,
	const char *who, struct aws_fresh *ret)
{
	*ret = (struct aws_fresh){{kept(answer, "id"), kept(answer, "key"), kept(answer, "token")},
		davit_sdk_time_ms(expires)};
	if (sdk->code == DAVIT_OK &&
		(ret->keys.id == 0 || ret->keys.key == 0 || ret->expires_ms < 0))
		(void)davit_sdk_http_fail(sdk, answer, DAVIT_RETRY, NULL, NULL,
			"%s answers without credentials, or without the time of their end", who);
	return sdk->code == DAVIT_OK;
}

/* --- writing requests --- */

static void put_header(struct davit_sdk_writer *w, const char *name, const char *value)
{
	davit_sdk_open_array(w, NULL);
	davit_sdk_put_text(w, NULL, name);
	davit_sdk_put_text(w, NULL, value);
	davit_sdk_close_array(w);
}

static void put_secret_header(
	struct davit_sdk *sdk, struct davit_sdk_writer *w, const char *name, davit_secret value)
{
	struct parts text;

	parts_begin(&text, &sdk->mem);
	parts_secret(&text, value, false);
	davit_sdk_open_array(w, NULL);
	davit_sdk_put_text(w, NULL, name);
	parts_put(w, NULL, &text);
	davit_sdk_close_array(w);
}

static void begin_request(struct davit_sdk *sdk, struct davit_sdk_writer *w, const char *method)
{
	davit_sdk_write_begin(w, &sdk->mem);
	davit_sdk_open_object(w, NULL);
	davit_sdk_put_text(w, "operation", "credentials");
	davit_sdk_put_text(w, "method", method);
}

static void put_pointers(struct davit_sdk_writer *w)
{
	davit_sdk_open_object(w, "keep");
	davit_sdk_put_text(w, "id", "/AccessKeyId");
	davit_sdk_put_text(w, "key", "/SecretAccessKey");
	davit_sdk_put_text(w, "token", "/Token");
	davit_sdk_close_object(w);
}

static void put_between(
	struct davit_sdk_writer *w, const char *word, const char *after, const char *before)
{
	davit_sdk_open_object(w, word);
	davit_sdk_put_text(w, "after", after);
	davit_sdk_put_text(w, "before", before);
	davit_sdk_close_object(w);
}

/* --- the token service --- */

#define STS "the token service of AWS"

struct sts {
	struct davit_sdk *sdk;
	const char *region, *endpoint;
	struct parts body;
	const struct sigv4_keys *keys; /* NULL: it is not signed */
};

static bool sts_begin(struct sts *q, struct davit_sdk *sdk, const struct aws_place *place,
	const char *action, const struct aws_role *role)
{
	*q = (struct sts){.sdk = sdk, .region = place->region, .endpoint = place->sts};
	if (q->region == NULL || q->region[0] == '\0')
		q->region = "us-east-1";
	if (!aws_region_valid(q->region)) {
		(void)davit_sdk_fail(sdk, DAVIT_AUTH, "'%.100s' is no region", q->region);
		return false;
	}
	if (q->endpoint == NULL)
		q->endpoint = davit_sdk_format(
			&sdk->mem, "https://sts.%s.%s", q->region, aws_region_suffix(q->region));
	parts_begin(&q->body, &sdk->mem);
	parts_text(&q->body, "Action=");
	parts_text(&q->body, action);
	parts_text(&q->body, "&Version=2011-06-15&RoleArn=");
	parts_secret(&q->body, role->arn, true);
	parts_text(&q->body, "&RoleSessionName=");
	if (role->session != 0)
		parts_secret(&q->body, role->session, true);
	else
		parts_text(&q->body, "davit");
	return q->endpoint != NULL;
}

static void sts_keep(struct davit_sdk_writer *w)
{
	davit_sdk_open_object(w, "keep");
	put_between(w, "id", "<AccessKeyId>", "</AccessKeyId>");
	put_between(w, "key", "<SecretAccessKey>", "</SecretAccessKey>");
	put_between(w, "token", "<SessionToken>", "</SessionToken>");
	davit_sdk_close_object(w);
}

/* The request's headers, with a signature where it must have one. */
static bool sts_headers(const struct sts *q, struct sigv4 *s, struct davit_sdk_writer *w)
{
	static const struct sigv4_header headers[] = {
		{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
	const char *host = strstr(q->endpoint, "://");
	struct sigv4_request r = {"POST", host != NULL ? host + 3 : q->endpoint, "/", NULL, headers,
		1, parts_sha256(q->sdk, &q->body)};
	struct sigv4_signed g;

	davit_sdk_open_array(w, "headers");
	if (q->keys == NULL)
		put_header(w, headers[0].name, headers[0].value);
	else if (sigv4_sign(s, &r, &g))
		sigv4_put_headers(w, s, &r, &g);
	davit_sdk_close_array(w);
	return q->sdk->code == DAVIT_OK;
}

static bool sts_send(const struct sts *q, struct sigv4 *s, struct davit_sdk_answer *answer)
{
	struct davit_sdk_writer w;

	begin_request(q->sdk, &w, "POST");
	davit_sdk_put_text(&w, "url", davit_sdk_format(&q->sdk->mem, "%s/", q->endpoint));
	if (!sts_headers(q, s, &w))
		return false;
	parts_put(&w, "body", &q->body);
	sts_keep(&w);
	davit_sdk_close_object(&w);
	return davit_sdk_http(q->sdk, 0, &w, 0, answer) == DAVIT_OK;
}

/* <…Response><…Result><Credentials><Expiration>. */
static const char *sts_expiration(struct davit_sdk *sdk, const struct davit_sdk_answer *answer)
{
	const char *text = "";
	davit_buf body = davit_sdk_read_blob(sdk, answer->body, ANSWER_MAX);
	uint32_t response, result, credentials;
	struct xml x;

	if (sdk->code != DAVIT_OK)
		return text;
	for (response = xml_root(&x, body, NULL); xml_child(&x, response);)
		for (result = x.depth; xml_child(&x, result);)
			for (credentials = xml_is(&x, "Credentials") ? x.depth : 0;
				xml_child(&x, credentials);)
				if (xml_is(&x, "Expiration"))
					text = xml_text(&x, &sdk->mem).p;
	return text;
}

static bool sts_ask(struct sts *q, struct aws_fresh *ret)
{
	struct davit_sdk *sdk = q->sdk;
	struct davit_sdk_answer answer;
	struct aws_error error;
	struct sigv4 s = {0};

	if (q->keys != NULL)
		sigv4_begin(&s, sdk, q->keys, q->region, "sts", 0);
	for (int turn = 1;; turn++) {
		int64_t sent_ms = sdk->host->core->now_ms(sdk->call);

		if (!sts_send(q, &s, &answer))
			return false;
		if (davit_sdk_http_class(&answer) == DAVIT_OK)
			return take(sdk, &answer, sts_expiration(sdk, &answer), STS, ret);
		aws_error_read(sdk, &answer, &error);
		if (turn == 2 || q->keys == NULL ||
			!sigv4_learn_clock(&s, &answer, error.code, error.server_ms, sent_ms))
			return refused(sdk, &answer, &error, STS);
	}
}

bool aws_fetch_role(struct davit_sdk *sdk, const struct aws_place *place,
	const struct aws_role *role, const struct sigv4_keys *keys, struct aws_fresh *ret)
{
	struct sts q;

	if (!sts_begin(&q, sdk, place, "AssumeRole", role))
		return false;
	if (role->external != 0) {
		parts_text(&q.body, "&ExternalId=");
		parts_secret(&q.body, role->external, true);
	}
	q.keys = keys;
	return sts_ask(&q, ret);
}

bool aws_fetch_web(struct davit_sdk *sdk, const struct aws_place *place,
	const struct aws_role *role, davit_secret token, struct aws_fresh *ret)
{
	struct sts q;

	if (!sts_begin(&q, sdk, place, "AssumeRoleWithWebIdentity", role))
		return false;
	parts_text(&q.body, "&WebIdentityToken=");
	parts_secret(&q.body, token, true);
	return sts_ask(&q, ret);
}

/* --- what answers in JSON --- */

/* A success, or the call has failed. */
static bool ask(struct davit_sdk *sdk, struct davit_sdk_writer *w, const char *who,
	struct davit_sdk_answer *answer)
{
	struct aws_error error;

	davit_sdk_close_object(w);
	if (davit_sdk_http(sdk, 0, w, 0, answer) != DAVIT_OK)
		return false;
	if (davit_sdk_http_class(answer) == DAVIT_OK)
		return true;
	aws_error_read(sdk, answer, &error);
	return refused(sdk, answer, &error, who);
}

static bool take_json(struct davit_sdk *sdk, const struct davit_sdk_answer *answer, const char *who,
	struct aws_fresh *ret)
{
	const struct davit_sdk_json *v = davit_sdk_http_json(sdk, answer, ANSWER_MAX);

	return take(sdk, answer, davit_sdk_text_at(v, "/Expiration", ""), who, ret);
}

bool aws_fetch_container(struct davit_sdk *sdk, const struct aws_place *place, davit_secret path,
	davit_secret url, davit_secret authorization, struct aws_fresh *ret)
{
	static const char who[] = "the agent of the container";
	struct davit_sdk_answer answer;
	struct davit_sdk_writer w;
	struct parts whole;

	parts_begin(&whole, &sdk->mem);
	if (path != 0)
		parts_text(&whole,
			place->container != NULL ? place->container : "http://169.254.170.2");
	parts_secret(&whole, path != 0 ? path : url, false);
	begin_request(sdk, &w, "GET");
	parts_put(&w, "url", &whole);
	davit_sdk_put_int(&w, "timeout_ms", AGENT_MS);
	davit_sdk_open_array(&w, "headers");
	put_header(&w, "Accept", "application/json");
	if (authorization != 0)
		put_secret_header(sdk, &w, "Authorization", authorization);
	davit_sdk_close_array(&w);
	put_pointers(&w);
	return ask(sdk, &w, who, &answer) && take_json(sdk, &answer, who, ret);
}

/* --- the machine --- */

#define MACHINE "the metadata service of the machine"
#define ROLES   "/latest/meta-data/iam/security-credentials/"

static void begin_metadata(struct davit_sdk *sdk, const struct aws_place *place,
	struct davit_sdk_writer *w, const char *method, const char *path)
{
	begin_request(sdk, w, method);
	davit_sdk_put_text(w, "url",
		davit_sdk_format(&sdk->mem, "%s%s",
			place->metadata != NULL ? place->metadata : "http://169.254.169.254",
			path));
	davit_sdk_put_int(w, "timeout_ms", METADATA_MS);
	davit_sdk_put_int(w, "attempts", 2);
	davit_sdk_open_array(w, "headers");
}

static davit_secret machine_token(struct davit_sdk *sdk, const struct aws_place *place)
{
	struct davit_sdk_answer answer;
	struct davit_sdk_writer w;

	begin_metadata(sdk, place, &w, "PUT", "/latest/api/token");
	put_header(&w, "x-aws-ec2-metadata-token-ttl-seconds", METADATA_TTL);
	davit_sdk_close_array(&w);
	davit_sdk_open_object(&w, "keep");
	put_between(&w, "token", "", "");
	davit_sdk_close_object(&w);
	if (!ask(sdk, &w, MACHINE, &answer))
		return 0;
	if (kept(&answer, "token") == 0)
		(void)davit_sdk_http_fail(
			sdk, &answer, DAVIT_RETRY, NULL, NULL, MACHINE " answers without a token");
	return kept(&answer, "token");
}

/* The path of the first role's credentials; NULL: the call failed. */
static const char *machine_role(
	struct davit_sdk *sdk, const struct aws_place *place, davit_secret token)
{
	struct davit_sdk_answer answer;
	struct davit_sdk_writer w;
	struct parts path;
	davit_buf names;

	begin_metadata(sdk, place, &w, "GET", ROLES);
	put_secret_header(sdk, &w, "x-aws-ec2-metadata-token", token);
	davit_sdk_close_array(&w);
	if (!ask(sdk, &w, MACHINE, &answer))
		return NULL;
	names = davit_sdk_read_blob(sdk, answer.body, ANSWER_MAX);
	if (sdk->code != DAVIT_OK)
		return NULL;
	parts_begin(&path, &sdk->mem);
	parts_text(&path, ROLES);
	parts_percent(&path, (davit_buf){names.p, strcspn(names.p, "\r\n")}, "");
	if (path.failed || path.n == strlen(ROLES)) {
		(void)davit_sdk_fail(sdk, DAVIT_AUTH, "the machine has no role of its own");
		return NULL;
	}
	return path.p;
}

bool aws_fetch_machine(struct davit_sdk *sdk, const struct aws_place *place, struct aws_fresh *ret)
{
	davit_secret token = machine_token(sdk, place);
	const char *path = sdk->code == DAVIT_OK ? machine_role(sdk, place, token) : NULL;
	struct davit_sdk_answer answer;
	struct davit_sdk_writer w;

	if (path == NULL)
		return false;
	begin_metadata(sdk, place, &w, "GET", path);
	put_secret_header(sdk, &w, "x-aws-ec2-metadata-token", token);
	davit_sdk_close_array(&w);
	put_pointers(&w);
	return ask(sdk, &w, MACHINE, &answer) && take_json(sdk, &answer, MACHINE, ret);
}
