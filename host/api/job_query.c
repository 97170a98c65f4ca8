/* job_query - see job_query.h. */
#include "api/job_query.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "http/exchange.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     1000

const char *job_query_text(const struct exchange *x, const char *key)
{
	const char *value = exchange_query(x, key);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

bool job_query_number(const struct exchange *x, const char *key, size_t least, size_t most,
	size_t otherwise, size_t *ret_value, struct fail *f)
{
	const char *text = exchange_query(x, key);
	char pointer[32];
	char *end = NULL;
	unsigned long long value;

	*ret_value = otherwise;
	if (text == NULL)
		return true;
	value = strtoull(text, &end, 10);
	*ret_value = (size_t)value;
	if (isdigit((unsigned char)text[0]) && *end == '\0' && value >= least && value <= most)
		return true;
	(void)snprintf(pointer, sizeof(pointer), "/%s", key);
	return fail_at(f, FAIL_INVALID, pointer, "must be a number from %zu to %zu", least, most);
}

/* Reads words with commas between them: "queued,running". */
static bool read_states(const char *text, unsigned *ret_states, struct fail *f)
{
	unsigned states = 0;

	while (text != NULL && *text != '\0') {
		size_t n = strcspn(text, ",");
		char word[32];
		enum job_state state;

		(void)snprintf(word, sizeof(word), "%.*s", (int)(n < sizeof(word) ? n : 0), text);
		if (!job_state_of(word, &state))
			return fail_at(f, FAIL_INVALID, "/state", "'%.*s' is no state of a job",
				(int)(n < 100 ? n : 100), text);
		states |= JOB_BIT(state);
		text += text[n] == ',' ? n + 1 : n;
	}
	*ret_states = states;
	return true;
}

/* Ids begin with the time they were made at, which spares an index of times. */
static bool read_since(const char *text, struct job_query *q, struct fail *f)
{
	int64_t ms;

	if (text == NULL)
		return true;
	if (!clock_parse_rfc3339(text, &ms) || ms < 0)
		return fail_at(
			f, FAIL_INVALID, "/since", "must be a time such as 2026-11-21T08:00:00Z");
	id_first(ms, q->since);
	q->filter.since = q->since;
	return true;
}

bool job_query_read(const struct exchange *x, struct job_query *ret_query, struct fail *f)
{
	struct job_filter *filter = &ret_query->filter;

	*filter = (struct job_filter){
		.provider = job_query_text(x, "provider"),
		.interface = job_query_text(x, "interface"),
		.kind = job_query_text(x, "kind"),
		.project = job_query_text(x, "project"),
		.name = job_query_text(x, "name"),
	};
	return read_states(job_query_text(x, "state"), &filter->states, f) &&
	       read_since(job_query_text(x, "since"), ret_query, f) &&
	       job_query_number(x, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &filter->limit, f);
}
