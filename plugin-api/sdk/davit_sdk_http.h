/*
 * davit_sdk_http.h - the part of davit_sdk.c that talks to another side. Private: included
 * there, for nobody else.
 */
#ifndef DAVIT_SDK_HTTP_H
#define DAVIT_SDK_HTTP_H

int32_t davit_sdk_http(struct davit_sdk *sdk, uint32_t flags, const struct davit_sdk_writer *w,
	davit_blob body, struct davit_sdk_answer *ret_answer)
{
	davit_buf request, head;
	struct davit_sdk_answer answer = {0, 0, NULL, 0};

	answer.flags = flags;
	answer.head = nothing();
	*ret_answer = answer;
	if (!may_use(sdk, sdk->host->http, DAVIT_HOST_HTTP) || !answer_text(sdk, w, &request))
		return sdk->code;
	int32_t code =
		sdk->host->http->perform(sdk->call, flags, request, body, &head, &ret_answer->body);
	if (davit_sdk_pass(sdk, code) != DAVIT_OK)
		return sdk->code;
	const struct davit_sdk_json *v = davit_sdk_parse(&sdk->mem, head, NULL);
	if (v == NULL)
		return davit_sdk_fail(sdk, DAVIT_INTERNAL, "no room for the head of an answer");
	ret_answer->head = v;
	ret_answer->status = davit_sdk_int_at(v, "/status", 0);
	return DAVIT_OK;
}

const char *davit_sdk_http_header(const struct davit_sdk_answer *answer, const char *name)
{
	const struct davit_sdk_json *v =
		davit_sdk_member(davit_sdk_member(answer->head, "headers"), name);

	return v != NULL && v->kind == DAVIT_SDK_TEXT ? v->text.p : "";
}

const struct davit_sdk_json *davit_sdk_http_json(
	struct davit_sdk *sdk, const struct davit_sdk_answer *answer, size_t max)
{
	int32_t too_large =
		(answer->flags & DAVIT_HTTP_MUTATES) != 0 ? DAVIT_DEADLINE : DAVIT_RETRY;

	if (sdk->code != DAVIT_OK || answer->body == 0)
		return NULL;
	davit_buf text = read_whole(sdk, answer->body, max, too_large);
	return text.p != NULL ? davit_sdk_parse(&sdk->mem, text, NULL) : NULL;
}

/* Did an earlier attempt of it do nobody knows what? */
static bool http_unclear(const struct davit_sdk_answer *answer)
{
	return (answer->flags & DAVIT_HTTP_MUTATES) != 0 &&
	       davit_sdk_bool_at(answer->head, "/unclear", false);
}

int32_t davit_sdk_http_class(const struct davit_sdk_answer *answer)
{
	static const struct {
		int16_t status;
		int16_t code;
	} classes[] = {{401, DAVIT_AUTH}, {402, DAVIT_QUOTA}, {403, DAVIT_AUTH},
		{404, DAVIT_NOT_FOUND}, {407, DAVIT_AUTH}, {409, DAVIT_CONFLICT},
		{410, DAVIT_NOT_FOUND}, {412, DAVIT_CONFLICT}, {423, DAVIT_CONFLICT},
		{425, DAVIT_RETRY}, {429, DAVIT_THROTTLED}, {501, DAVIT_UNSUPPORTED}};
	int64_t status = answer->status;

	if (status >= 200 && status <= 299)
		return DAVIT_OK;
	if (http_unclear(answer))
		return DAVIT_DEADLINE;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (classes[i].status == status)
			return classes[i].code;
	if (status == 408 || status >= 500)
		return (answer->flags & DAVIT_HTTP_MUTATES) != 0 ? DAVIT_DEADLINE : DAVIT_RETRY;
	return status >= 400 ? DAVIT_INVALID : DAVIT_PERMANENT;
}

int32_t davit_sdk_http_class_apart(const struct davit_sdk_answer *answer, int32_t otherwise)
{
	int32_t code = davit_sdk_http_class(answer);

	switch (code) {
	case DAVIT_INVALID:
	case DAVIT_NOT_FOUND:
	case DAVIT_CONFLICT:
	case DAVIT_UNSUPPORTED:
	case DAVIT_PERMANENT:
		return otherwise;
	default:
		return code;
	}
}

/* Retry-After in milliseconds, where it says seconds; else -1. */
static int64_t http_retry_after(const struct davit_sdk_answer *answer)
{
	const char *text = davit_sdk_http_header(answer, "retry-after");
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -1;
	long seconds = strtol(text, &end, 10);
	return *end == '\0' && seconds <= 86400 ? (int64_t)seconds * 1000 : -1;
}

int32_t davit_sdk_http_fail(struct davit_sdk *sdk, const struct davit_sdk_answer *answer,
	int32_t code, const char *provider_code, const char *request_id, const char *fmt, ...)
{
	int64_t pause = http_retry_after(answer);
	struct davit_sdk_writer w;
	va_list args;

	davit_sdk_write_begin(&w, &sdk->mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_int(&w, "status", answer->status);
	davit_sdk_put_text(&w, "provider_code", provider_code);
	davit_sdk_put_text(&w, "request_id", request_id);
	if (pause >= 0)
		davit_sdk_put_int(&w, "retry_after_ms", pause);
	davit_sdk_close_object(&w);
	if (http_unclear(answer) && code != DAVIT_INTERNAL)
		code = DAVIT_DEADLINE;
	va_start(args, fmt);
	code = fail_list(sdk, code, davit_sdk_write_end(&w), fmt, args);
	va_end(args);
	return code;
}

/* --- times --- */

/* One part of a time: the character before it is one of these, then that many digits. */
struct time_part {
	const char *before; /* "": none */
	int16_t digits, least, most;
};

/* Reads count parts at *p, which moves on; false: it is not so. */
static bool time_parts(
	const char **p, const struct time_part *parts, size_t count, int64_t *ret_values)
{
	for (size_t i = 0; i < count; i++) {
		int64_t value = 0;

		if (parts[i].before[0] != '\0') {
			if (**p == '\0' || strchr(parts[i].before, **p) == NULL)
				return false;
			(*p)++;
		}
		for (int16_t left = parts[i].digits; left > 0; left--, (*p)++) {
			if (**p < '0' || **p > '9')
				return false;
			value = value * 10 + (**p - '0');
		}
		if (value < parts[i].least || value > parts[i].most)
			return false;
		ret_values[i] = value;
	}
	return true;
}

/* Days from 1970-01-01 to a day, by counting years from March. */
static int64_t time_days(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return 365 * y + y / 4 - y / 100 + y / 400 + of_year - 719468;
}

/* The fraction of a second at *p, if there is one, in milliseconds. */
static int64_t time_fraction(const char **p)
{
	int64_t ms = 0, unit = 100;

	if (**p != '.')
		return 0;
	for ((*p)++; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
		ms += unit * (**p - '0');
	return ms;
}

/* The zone at p, in minutes ahead of UTC. */
static bool time_zone(const char *p, int64_t *ret_minutes)
{
	static const struct time_part parts[] = {{"+-", 2, 0, 23}, {":", 2, 0, 59}};
	int64_t sign = *p == '-' ? -1 : 1;
	int64_t values[2] = {0, 0};

	if (*p == 'Z' || *p == 'z')
		p++;
	else if (!time_parts(&p, parts, 2, values))
		return false;
	*ret_minutes = sign * (values[0] * 60 + values[1]);
	return *p == '\0';
}

int64_t davit_sdk_time_ms(const char *text)
{
	static const struct time_part parts[] = {{"", 4, 1970, 9999}, {"-", 2, 1, 12},
		{"-", 2, 1, 31}, {"Tt ", 2, 0, 23}, {":", 2, 0, 59}, {":", 2, 0, 60}};
	const char *p = text != NULL ? text : "";
	int64_t v[6], ms, ahead;

	if (!time_parts(&p, parts, 6, v))
		return -1;
	ms = time_fraction(&p);
	if (!time_zone(p, &ahead))
		return -1;
	int64_t minutes = (time_days(v[0], v[1], v[2]) * 24 + v[3]) * 60 + v[4] - ahead;
	return (minutes * 60 + v[5]) * 1000 + ms;
}

#endif
