/* The steps of a worker in their order, those that need no file of their own, and the level. */
#include "platform/sandbox.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/posix/sandbox_part.h"
#include "platform/shield.h"

#define KEEP_MAX 32
#define CAPS_MAX 64
#define PATHS    24 /* of a worker, beside the system's */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* --- the level --- */

static const char *const words[] = {"none", "partial", "full"};

static const char *const step_names[SANDBOX_STEPS] = {
	[SANDBOX_DESCRIPTORS] = "descriptors",
	[SANDBOX_LIMITS] = "limits",
	[SANDBOX_PRIVILEGES] = "privileges",
	[SANDBOX_USER] = "user",
	[SANDBOX_NAMESPACES] = "namespaces",
	[SANDBOX_NETWORK] = "network",
	[SANDBOX_LANDLOCK] = "landlock",
	[SANDBOX_SECCOMP] = "seccomp",
};

const char *sandbox_word(enum sandbox_got got)
{
	return words[got];
}

bool sandbox_read_word(const char *word, enum sandbox_got *ret_got)
{
	for (size_t i = 0; i < COUNT(words); i++) {
		if (strcmp(words[i], word) != 0)
			continue;
		*ret_got = (enum sandbox_got)i;
		return true;
	}
	return false;
}

const char *sandbox_step_name(enum sandbox_step step)
{
	return step_names[step];
}

void sandbox_note(struct sandbox_level *level, enum sandbox_step step, enum sandbox_got got,
	const char *fmt, ...)
{
	struct sandbox_part *part = &level->part[step];
	va_list args;

	part->got = got;
	va_start(args, fmt);
	vsnprintf(part->text, sizeof(part->text), fmt, args);
	va_end(args);
}

void sandbox_json(const struct sandbox_level *level, char text[SANDBOX_JSON_MAX])
{
	int n = snprintf(text, SANDBOX_JSON_MAX, "{\"level\":\"%s\"", words[level->got]);

	for (size_t i = 0; i < SANDBOX_STEPS; i++) {
		if (level->part[i].text[0] == '\0')
			continue;
		n += snprintf(text + n, SANDBOX_JSON_MAX - (size_t)n, ",\"%s\":\"%s\"",
			step_names[i], level->part[i].text);
	}
	snprintf(text + n, SANDBOX_JSON_MAX - (size_t)n, "}");
}

/* --- descriptors --- */

static bool close_between(int first, int last)
{
	if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
		return true;
	return false;
}

/* The least descriptor of the list that is not below from; INT_MAX: none. */
static int next_kept(const int *keep, size_t count, int from)
{
	int least = INT_MAX;

	for (size_t i = 0; i < count; i++) {
		if (keep[i] >= from && keep[i] < least)
			least = keep[i];
	}
	return least;
}

static bool close_others(const int *keep, size_t count)
{
	int from = 0;
	bool good = true;

	for (;;) {
		int kept = next_kept(keep, count, from);

		if (kept == INT_MAX)
			return close_between(from, INT_MAX) && good;
		good = close_between(from, kept - 1) && good;
		from = kept + 1;
	}
}

/* Kernels without close_range() (before 5.9): one after the other. */
static void close_each(const int *keep, size_t count)
{
	struct rlimit limit;
	rlim_t most = 65536;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < most)
		most = limit.rlim_max;
	for (int fd = 0; (rlim_t)fd < most; fd++) {
		if (next_kept(keep, count, fd) != fd)
			close(fd);
	}
}

void sandbox_close(const int *keep, size_t count, struct sandbox_level *level)
{
	if (!close_others(keep, count))
		close_each(keep, count);
	sandbox_note(level, SANDBOX_DESCRIPTORS, SANDBOX_FULL, "closed but for %zu", count);
}

/* --- limits --- */

/* Neither limit rises. */
static bool lower(__rlimit_resource_t resource, uint64_t value)
{
	struct rlimit now, wanted = {(rlim_t)value, (rlim_t)value};

	if (getrlimit(resource, &now) != 0)
		return false;
	if (now.rlim_max != RLIM_INFINITY && wanted.rlim_max > now.rlim_max)
		wanted.rlim_cur = wanted.rlim_max = now.rlim_max;
	return setrlimit(resource, &wanted) == 0;
}

static void set_limits(const struct sandbox_load *load, struct sandbox_level *level)
{
	bool space = load->address_space_bytes > 0;
	bool good = lower(RLIMIT_CORE, 0) && lower(RLIMIT_MSGQUEUE, 0);

	if (load->open_files > 0)
		good = lower(RLIMIT_NOFILE, load->open_files) && good;
	if (space && SANITIZED == 0)
		good = lower(RLIMIT_AS, load->address_space_bytes) && good;
	if (!good)
		sandbox_note(level, SANDBOX_LIMITS, SANDBOX_PARTIAL, "partial (%s)",
			strerrordesc_np(errno));
	else if (space && SANITIZED != 0)
		sandbox_note(level, SANDBOX_LIMITS, SANDBOX_PARTIAL,
			"partial (address space: lifted for the sanitizer)");
	else
		sandbox_note(level, SANDBOX_LIMITS, SANDBOX_FULL, "set");
}

/* --- rights --- */

/* By number: the bounding set holds what a program executed by root could get. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	for (int cap = 0; cap < CAPS_MAX && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	(void)syscall(SYS_capset, &head, none);
}

static bool has_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3] = {{0}};
	uint32_t any = 0;

	if (syscall(SYS_capget, &head, now) != 0)
		return true;
	for (size_t i = 0; i < COUNT(now); i++)
		any |= now[i].effective | now[i].permitted | now[i].inheritable;
	return any != 0;
}

void sandbox_drop_rights(struct sandbox_level *level)
{
	bool locked = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;

	drop_capabilities();
	if (locked && !has_capabilities())
		sandbox_note(level, SANDBOX_PRIVILEGES, SANDBOX_FULL, "none left");
	else
		sandbox_note(level, SANDBOX_PRIVILEGES, SANDBOX_PARTIAL, "partial (%s)",
			locked ? "capabilities stay" : "no_new_privs is refused");
}

/* --- a worker --- */

static const struct sandbox_path libraries[] = {
	{"/lib", SANDBOX_READ | SANDBOX_EXECUTE, NULL},
	{"/lib64", SANDBOX_READ | SANDBOX_EXECUTE, NULL},
	{"/usr/lib", SANDBOX_READ | SANDBOX_EXECUTE, NULL},
	{"/usr/lib64", SANDBOX_READ | SANDBOX_EXECUTE, NULL},
	{"/etc/ld.so.cache", SANDBOX_READ, NULL},
};

static void close_files(const struct sandbox_load *load, struct sandbox_level *level)
{
	struct sandbox_path all[COUNT(libraries) + PATHS];
	struct sandbox_files files = {.paths = all, .path_count = COUNT(libraries), .no_tcp = true};

	memcpy(all, libraries, sizeof(libraries));
	for (size_t i = 0; i < load->path_count && i < PATHS; i++)
		all[files.path_count++] = load->paths[i];
	sandbox_landlock(&files, level);
}

/* Namespaces are not counted: what they hide from a worker is refused otherwise. */
static void sum_up(struct sandbox_level *level)
{
	static const enum sandbox_step counted[] = {SANDBOX_DESCRIPTORS, SANDBOX_LIMITS,
		SANDBOX_PRIVILEGES, SANDBOX_LANDLOCK, SANDBOX_SECCOMP};
	size_t full = 0;

	for (size_t i = 0; i < COUNT(counted); i++)
		full += level->part[counted[i]].got == SANDBOX_FULL ||
		        (counted[i] == SANDBOX_LANDLOCK &&
				level->part[SANDBOX_LANDLOCK].got != SANDBOX_NONE);
	level->got = full == COUNT(counted) ? SANDBOX_FULL : SANDBOX_PARTIAL;
	if (level->part[SANDBOX_SECCOMP].got == SANDBOX_NONE)
		level->got = level->part[SANDBOX_LANDLOCK].got == SANDBOX_NONE ? SANDBOX_NONE
		                                                               : SANDBOX_PARTIAL;
}

static void note_filter(
	struct sandbox_level *level, int err, enum sandbox_got got, const char *text)
{
	if (err == 0)
		sandbox_note(level, SANDBOX_SECCOMP, got, "%s", text);
	else
		sandbox_note(
			level, SANDBOX_SECCOMP, SANDBOX_NONE, "none (%s)", strerrordesc_np(err));
	sum_up(level);
}

void sandbox_before_load(const struct sandbox_load *load, struct sandbox_level *level)
{
	*level = (struct sandbox_level){0};
	sandbox_close(load->keep, load->keep_count, level);
	set_limits(load, level);
	if (load->no_namespaces)
		sandbox_note(level, SANDBOX_NAMESPACES, SANDBOX_NONE, "none (not wanted)");
	else
		sandbox_namespaces(level);
	sandbox_drop_rights(level);
	if (load->shield)
		shield_process();
	close_files(load, level);
	note_filter(level, sandbox_filter(&sandbox_worker_calls, WHEN_LOADING), SANDBOX_PARTIAL,
		"partial (first stage)");
}

void sandbox_after_load(struct sandbox_level *level)
{
	if (level->part[SANDBOX_SECCOMP].got == SANDBOX_NONE)
		return;
	if (sandbox_filter(&sandbox_worker_calls, WHEN_SERVING) == 0)
		note_filter(level, 0, SANDBOX_FULL, "both stages");
}

/* --- a program --- */

void sandbox_filter_program(
	enum sandbox_sockets sockets, bool shared_user, struct sandbox_level *level)
{
	static const struct {
		uint8_t when;
		const char *text;
	} ways[] = {
		[SANDBOX_SOCKETS_NET] = {WHEN_NET, "set"},
		[SANDBOX_SOCKETS_UNIX] = {WHEN_UNIX, "set, Unix sockets only"},
		[SANDBOX_SOCKETS_OWN] = {WHEN_OWN, "set, connects to nothing"},
	};
	uint8_t when = (uint8_t)(ways[sockets].when | (shared_user ? WHEN_SHARED : 0));
	int err = sandbox_filter(&sandbox_program_calls, when);

	if (err == 0)
		sandbox_note(level, SANDBOX_SECCOMP, SANDBOX_FULL, "%s", ways[sockets].text);
	else
		sandbox_note(
			level, SANDBOX_SECCOMP, SANDBOX_NONE, "none (%s)", strerrordesc_np(err));
}
