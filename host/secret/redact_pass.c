/* One pass over a text for all patterns at once. The registry is given free every now and then, so
 * that who wants to add to it does not wait for the end of a long text. */
#include <string.h>

#include "secret/redact.h"
#include "secret/redact_parts.h"
#include "secret/redact_set.h"

#define STRETCH 4096 /* places that are looked at without letting go */

struct pass {
	char *text;
	size_t n;
	bool even;           /* as many bytes as before */
	bool holds;          /* look for what may be the beginning of a value, too */
	size_t begins_least; /* bytes of such a beginning */
	size_t begin, end;   /* what was found last, not written yet; the same: nothing */
	size_t from;         /* what is behind it was not copied yet */
	size_t out;          /* bytes written */
	size_t held;         /* where such a beginning begins; n: nowhere */
};

struct sets {
	const struct redact_set *shared, *scope; /* NULL: nothing to look for */
};

static void copy_to(struct pass *pass, size_t end)
{
	if (end <= pass->from)
		return;
	if (!pass->even && pass->out < pass->from)
		memmove(pass->text + pass->out, pass->text + pass->from, end - pass->from);
	pass->out += end - pass->from;
	pass->from = end;
}

static void put_mark(struct pass *pass)
{
	memcpy(pass->text + pass->out, REDACT_MARK, sizeof(REDACT_MARK) - 1);
	pass->out += sizeof(REDACT_MARK) - 1;
}

/* Writes what was found last; nothing before end is looked at any more. */
static void close_found(struct pass *pass, size_t end)
{
	if (pass->begin == pass->end)
		return;
	copy_to(pass, pass->begin);
	if (pass->even) {
		memset(pass->text + pass->begin, '*', end - pass->begin);
		pass->out += end - pass->begin;
	} else {
		put_mark(pass);
	}
	pass->from = end;
}

/* Values that touch or overlap are one. */
static void found(struct pass *pass, size_t at, size_t n)
{
	if (pass->begin == pass->end || at > pass->end) {
		close_found(pass, pass->end);
		pass->begin = at;
		pass->end = at + n;
	} else if (at + n > pass->end) {
		pass->end = at + n;
	}
}

/* The longest value of a set at that place; *ret_begins: what is left may begin one. */
static struct redact_pattern *longest(
	const struct pass *pass, const struct redact_set *set, size_t at, bool *ret_begins)
{
	size_t left = pass->n - at;
	struct redact_pattern *p;
	bool begins = false;

	if (set == NULL || (left < set->window && !pass->holds) ||
		(left >= set->window &&
			!redact_set_maybe(set, redact_window(pass->text + at, left))))
		return NULL;
	p = redact_set_longest(set, pass->text + at, left, &begins);
	*ret_begins |= begins && pass->holds && left >= pass->begins_least;
	return p;
}

static void look_at(struct pass *pass, const struct sets *sets, size_t at)
{
	bool begins = false;
	struct redact_pattern *shared = longest(pass, sets->shared, at, &begins);
	struct redact_pattern *own = longest(pass, sets->scope, at, &begins);
	size_t n = shared != NULL ? shared->n : 0;

	if (shared != NULL)
		redact_shared_met(shared);
	if (own != NULL && own->n > n)
		n = own->n;
	if (begins)
		pass->held = at;
	else if (n > 0)
		found(pass, at, n);
}

/* May a value begin at text, which has eight bytes? */
static bool maybe(const struct sets *sets, const char *text)
{
	uint64_t window = redact_window(text, sizeof(window));

	return (sets->shared != NULL && redact_set_maybe(sets->shared, window)) ||
	       (sets->scope != NULL && redact_set_maybe(sets->scope, window));
}

/* From the place of a beginning on nothing more is looked for. */
static void look(struct pass *pass, const struct sets *sets, size_t at, size_t end)
{
	size_t whole = pass->n >= sizeof(uint64_t) ? pass->n - sizeof(uint64_t) + 1 : 0;

	for (; at < end && at < whole && pass->held == pass->n; at++) {
		if (maybe(sets, pass->text + at))
			look_at(pass, sets, at);
	}
	for (; at < end && pass->held == pass->n; at++)
		look_at(pass, sets, at);
}

static void run(struct pass *pass)
{
	struct sets sets = {.scope = redact_scope_begin()};
	size_t end;

	pass->held = pass->n;
	for (size_t at = 0; at < pass->held; at = end) {
		end = pass->n - at < STRETCH ? pass->n : at + STRETCH;
		sets.shared = redact_shared_begin();
		if (sets.shared != NULL || sets.scope != NULL)
			look(pass, &sets, at, end);
		if (sets.shared != NULL)
			redact_shared_end();
	}
	if (sets.scope != NULL)
		redact_scope_end();
	close_found(pass, pass->end < pass->held ? pass->end : pass->held);
	copy_to(pass, pass->held);
}

size_t redact_text(char *text, size_t n, bool cut)
{
	struct pass pass = {.text = text, .n = n, .holds = cut, .begins_least = REDACT_LEAST};
	bool ends = text[n] == '\0';

	run(&pass);
	if (pass.held < n)
		put_mark(&pass);
	if (ends)
		text[pass.out] = '\0';
	return pass.out;
}

void redact_even(void *bytes, size_t n, size_t *masked, size_t *ret_held)
{
	struct pass pass = {
		.text = bytes, .n = n, .even = true, .holds = ret_held != NULL, .begins_least = 1};

	if (masked != NULL)
		pass.end = *masked < n ? *masked : n;
	run(&pass);
	if (ret_held != NULL)
		*ret_held = n - pass.held;
	if (masked != NULL)
		*masked = pass.end > pass.held ? pass.end - pass.held : 0;
}
