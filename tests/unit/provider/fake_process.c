/*
 * process.h as the process service needs it, in memory: linked instead of the real one. The
 * answer of a request is three pieces; what was asked is kept for the test to look at.
 */
#include "unit/provider/fake_process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "process/process.h"

struct fake_process fake_process;

struct process_response {
	unsigned piece;
};

bool process_name_valid(const char *name)
{
	size_t n = strlen(name);

	return n >= 1 && n <= 48 && strspn(name, "0123456789abcdefghijklmnopqrstuvwxyz-") == n;
}

bool process_start(struct processes *p, const char *name, const json_t *spec, struct fail *f)
{
	(void)p;
	if (json_object_get(spec, "argv") == NULL)
		return fail_at(f, FAIL_INVALID, "/argv", "argv is missing");
	(void)snprintf(fake_process.started, sizeof(fake_process.started), "%s", name);
	return true;
}

bool process_inspect(struct processes *p, const char *name, json_t **ret_state, struct fail *f)
{
	(void)p;
	if (strcmp(name, fake_process.started) != 0)
		return fail_set(f, FAIL_NOT_FOUND, "there is no process '%s'", name);
	*ret_state = json_pack("{s:s}", "state", "running");
	return true;
}

bool process_stop(struct processes *p, const char *name, struct fail *f)
{
	(void)p;
	(void)name;
	(void)f;
	fake_process.stops++;
	return true;
}

bool process_remove(struct processes *p, const char *name, struct fail *f)
{
	(void)p;
	return fail_set(f, FAIL_CONFLICT, "process '%s' still runs", name);
}

bool process_open_file(
	struct processes *p, const char *name, const char *path, int *ret_fd, struct fail *f)
{
	(void)p;
	(void)name;
	if (strcmp(path, "log") != 0)
		return fail_set(f, FAIL_NOT_FOUND, "there is no file '%s'", path);
	*ret_fd = open(fake_process.log, O_RDONLY | O_CLOEXEC);
	return *ret_fd >= 0 || fail_set(f, FAIL_INTERNAL, "the log is gone");
}

bool process_list_files(
	struct processes *p, const char *name, const char *path, json_t **ret_list, struct fail *f)
{
	(void)p;
	(void)name;
	(void)f;
	*ret_list = json_pack("{s:[{s:s}]}", "items", "path", path);
	return true;
}

bool process_request(struct processes *p, const char *name, const struct process_ask *ask,
	json_t **ret_head, struct process_response **ret_response, struct fail *f)
{
	size_t most = sizeof(fake_process.body) - 1;

	(void)p;
	(void)name;
	if (ask->cancelled(ask->ctx))
		return fail_set(f, FAIL_UNAVAILABLE, "stopped");
	if (fake_process.silent)
		return fail_set(f, FAIL_UNAVAILABLE, "nobody listens yet");
	memset(fake_process.body, 0, sizeof(fake_process.body));
	if (ask->bytes != NULL)
		memcpy(fake_process.body, ask->bytes, ask->n < most ? ask->n : most);
	else if (ask->body_fd >= 0 && pread(ask->body_fd, fake_process.body, most, 0) < 0)
		return fail_set(f, FAIL_INTERNAL, "the body cannot be read");
	*ret_response = calloc(1, sizeof(**ret_response));
	*ret_head = json_pack("{s:i,s:s}", "status", 200, "content_type", "text/plain");
	fake_process.open++;
	return *ret_response != NULL;
}

bool process_response_read(
	struct process_response *r, void *bytes, size_t cap, size_t *ret_n, struct fail *f)
{
	static const char *const pieces[] = {"one,", "two,", "three"};

	if (fake_process.breaks && r->piece == 1)
		return fail_set(f, FAIL_UPSTREAM, "the server went away");
	if (r->piece == (fake_process.whole ? 1 : 3) && !fake_process.endless) {
		*ret_n = 0;
		return true;
	}
	*ret_n = strlen(pieces[r->piece % 3]);
	if (*ret_n > cap)
		*ret_n = cap;
	memcpy(bytes, pieces[r->piece++ % 3], *ret_n);
	return true;
}

bool process_response_whole(const struct process_response *r, size_t max)
{
	(void)r;
	return fake_process.whole && max > 0;
}

void process_response_close(struct process_response *r)
{
	if (r != NULL)
		fake_process.open--;
	free(r);
}
