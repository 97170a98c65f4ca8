/*
 * What programs print. However many ask at once, one of them runs the program and the others wait
 * for what it prints, which serves for a short time; so does its failure. Where the one who ran it
 * had to give up, the next one runs it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "platform/capture.h"
#include "platform/thread.h"
#include "secret/crypto.h"
#include "secret/source.h"

#define LOOK_MS 100 /* between two looks whether the call must stop */

struct flight {
	struct flight *next;
	struct cond ended;
	size_t users; /* who runs it, and who waits */
	bool over;
	bool given_up;
	int64_t fresh_until; /* mono, once it is over */
	char *value;         /* NULL: why says why */
	size_t n;
	struct fail why;
	char command[];
};

static struct mutex lock = MUTEX_INIT; /* guards all flights; not held while a program runs */
static struct flight *flights;

struct asking {
	const char *command;
	const struct source_place *place;
	int64_t deadline;
	char *value; /* what was given to it */
	size_t n;
};

/* --- one run --- */

/* Parts command at its blanks; argv has SOURCE_ARGS_MAX + 1 places. */
static size_t split(char *command, const char **argv)
{
	size_t count = 0;
	char *left = NULL;

	for (char *word = strtok_r(command, " ", &left); word != NULL && count < SOURCE_ARGS_MAX;
		word = strtok_r(NULL, " ", &left))
		argv[count++] = word;
	argv[count] = NULL;
	return count;
}

static size_t without_line_end(const char *text, size_t n)
{
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	return n;
}

/* out has SOURCE_BYTES_MAX + 1 bytes. */
static bool run(const struct source_place *place, const char *const *argv, char *out, size_t *ret_n,
	struct fail *f)
{
	static const char *const env[] = {
		"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", NULL};
	const struct capture c = {
		.argv = argv,
		.env = env,
		.timeout_ms = place->timeout_ms < SOURCE_EXEC_MS_MAX ? place->timeout_ms
	                                                             : SOURCE_EXEC_MS_MAX,
		.stopped = place->stopped,
		.ctx = place->ctx,
	};

	if (!capture_run(&c, out, SOURCE_BYTES_MAX + 1, ret_n, f))
		return false;
	*ret_n = without_line_end(out, *ret_n);
	return true;
}

/* The value, owned, or NULL with why. */
static char *printed(
	const struct source_place *place, const char *command, size_t *ret_n, struct fail *f)
{
	const char *argv[SOURCE_ARGS_MAX + 1];
	char *words = strdup(command);
	char *out = malloc(SOURCE_BYTES_MAX + 1);
	char *value = NULL;

	if (words == NULL || out == NULL)
		(void)fail_set(f, FAIL_AUTH, "out of memory");
	else if (split(words, argv) > 0 && run(place, argv, out, ret_n, f) &&
		 (value = calloc(1, *ret_n + 1)) != NULL)
		memcpy(value, out, *ret_n);
	if (out != NULL)
		crypto_cleanse(out, SOURCE_BYTES_MAX + 1);
	free(out);
	free(words);
	return value;
}

/* --- flights; with the lock held --- */

static void free_flight(struct flight *e)
{
	if (e->value != NULL)
		crypto_cleanse(e->value, e->n);
	free(e->value);
	cond_finish(&e->ended);
	free(e);
}

/* One that goes on or is fresh; what is neither goes. */
static struct flight *find(const char *command)
{
	struct flight **at = &flights;
	struct flight *found = NULL;

	while (*at != NULL) {
		struct flight *e = *at;
		bool stale = e->over && (e->given_up || clock_mono_ms() >= e->fresh_until);

		if (stale && e->users == 0) {
			*at = e->next;
			free_flight(e);
			continue;
		}
		if (!stale && strcmp(e->command, command) == 0)
			found = e;
		at = &e->next;
	}
	return found;
}

static struct flight *add(const char *command)
{
	size_t n = strlen(command) + 1;
	struct flight *e = calloc(1, sizeof(*e) + n);

	if (e == NULL)
		return NULL;
	memcpy(e->command, command, n);
	cond_init(&e->ended);
	e->next = flights;
	flights = e;
	return e;
}

static bool must_stop(const struct asking *a)
{
	return clock_mono_ms() >= a->deadline ||
	       (a->place->stopped != NULL && a->place->stopped(a->place->ctx));
}

static void lead(struct flight *e, const struct asking *a)
{
	struct fail why = {0};
	size_t n = 0;
	char *value;

	mutex_unlock(&lock);
	value = printed(a->place, a->command, &n, &why);
	mutex_lock(&lock);
	e->value = value;
	e->n = n;
	e->why = why;
	e->over = true;
	e->given_up = value == NULL && (why.code == FAIL_NONE || must_stop(a));
	e->fresh_until =
		clock_mono_ms() + (value != NULL ? SOURCE_EXEC_FRESH_MS : SOURCE_EXEC_FRESH_MS / 5);
	cond_broadcast(&e->ended);
}

static void follow(struct flight *e, const struct asking *a)
{
	while (!e->over && !must_stop(a)) {
		int64_t look = clock_mono_ms() + LOOK_MS;

		(void)clock_wait(&e->ended, &lock, look < a->deadline ? look : a->deadline);
	}
}

static bool give(const struct flight *e, struct asking *a, struct fail *f)
{
	char *copy;

	if (!e->over)
		return fail_set(f, FAIL_DEADLINE, "it was not done in time");
	if (e->value == NULL) {
		*f = e->why;
		return e->why.code != FAIL_NONE ? false : fail_set(f, FAIL_AUTH, "out of memory");
	}
	copy = malloc(e->n + 1);
	if (copy == NULL)
		return fail_set(f, FAIL_AUTH, "out of memory");
	memcpy(copy, e->value, e->n + 1);
	a->value = copy;
	a->n = e->n;
	return true;
}

/* False: it is to be asked again. */
static bool ask(struct asking *a, bool *ret_ok, struct fail *f)
{
	struct flight *e = find(a->command);
	bool leads = e == NULL;
	bool again;

	if (leads)
		e = add(a->command);
	if (e == NULL) {
		*ret_ok = fail_set(f, FAIL_AUTH, "out of memory");
		return true;
	}
	e->users++;
	if (leads)
		lead(e, a);
	else
		follow(e, a);
	again = !leads && e->over && e->given_up;
	if (!again)
		*ret_ok = give(e, a, f);
	e->users--;
	return !again;
}

bool source_exec(const char *command, const struct source_place *place, char **ret_value,
	size_t *ret_n, struct fail *f)
{
	struct asking a = {command, place, clock_mono_ms() + place->timeout_ms, NULL, 0};
	bool ok = false;

	mutex_lock(&lock);
	while (!ask(&a, &ok, f))
		;
	mutex_unlock(&lock);
	*ret_value = a.value;
	*ret_n = a.n;
	return ok;
}
