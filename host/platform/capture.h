/* capture - what a short program prints. [any thread] */
#ifndef HOST_PLATFORM_CAPTURE_H
#define HOST_PLATFORM_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fail;

struct capture {
	const char *const *argv; /* argv[0]: an absolute path; no shell takes part */
	const char *const *env;
	int64_t timeout_ms;
	bool (*stopped)(void *ctx); /* asked now and then; true: end it. NULL: never */
	void *ctx;
};

/*
 * Runs it in a session of its own in the root folder, without input, errors or other descriptors,
 * and reads its output, NUL added, of less than room bytes. FAIL_DEADLINE: its time was up, or
 * stopped() said so; FAIL_TOO_LARGE; FAIL_UPSTREAM: it did not end with 0. It and what it started
 * in its session are ended then. The sentence begins with "it".
 */
bool capture_run(const struct capture *c, char *bytes, size_t room, size_t *ret_n, struct fail *f);

#endif
