/*
 * hostile - what a provider may do when it is broken or wicked, by a word: the script of a
 * function. The answer of what came back is {"output": number}: minus an errno for a system call.
 */
#include <davit/sdk.h>

#include <stdlib.h>
#include <string.h>

#include "raw.h"

#define FD_LAST 64 /* descriptors that are guessed */

struct frame { /* as worker/frame.h has it; who attacks reads the sources */
	uint32_t length;
	uint16_t kind, slot;
	uint64_t call;
	int64_t code;
	uint64_t instance;
};
enum {
	SERVICE = 9,
	RETURN = 12,
	HEAD = 16
};

static bool ends_slowly; /* a setting */

static int32_t DAVIT_CALL create(
	davit_host_query query, davit_call call, davit_buf config, davit_instance *ret_instance)
{
	static const char word[] = "slow_end";
	struct davit_sdk_services *host = calloc(1, sizeof(*host));

	(void)call;
	for (size_t i = 0; i + sizeof(word) <= config.n; i++)
		ends_slowly = ends_slowly || memcmp(config.p + i, word, sizeof(word) - 1) == 0;
	if (host == NULL || !davit_sdk_find_services(host, query)) {
		free(host);
		return DAVIT_INTERNAL;
	}
	*ret_instance = davit_sdk_number_of(host);
	return DAVIT_OK;
}

static void DAVIT_CALL destroy(davit_instance inst)
{
	static const int64_t a_second[2] = {1, 0};

	if (ends_slowly)
		(void)raw4(SYS_clock_nanosleep, 1, 0, a_second, 0);
	free(davit_sdk_instance_of(inst));
}

/* --- crashes and hangs --- */

static long segv(struct davit_sdk *sdk)
{
	volatile int *volatile nowhere = (volatile int *)(uintptr_t)64;

	(void)sdk;
	*nowhere = 1;
	return 0;
}

/* As abort() does. */
static long abort_itself(struct davit_sdk *sdk)
{
	(void)sdk;
	__builtin_trap();
}

static long leave(struct davit_sdk *sdk)
{
	(void)sdk;
	return raw1(SYS_exit_group, 3);
}

static long loop(struct davit_sdk *sdk)
{
	volatile int goes_on = 1;

	(void)sdk;
	while (goes_on == 1)
		continue;
	return 0;
}

/* It keeps asking, and does not hear. */
static long busy(struct davit_sdk *sdk)
{
	while (sdk->host->core->mono_ms(sdk->call) > 0)
		(void)sdk->host->core->sleep_ms(sdk->call, 1);
	return 0;
}

static long sleep_for_ever(struct davit_sdk *sdk)
{
	static const int64_t long_time[2] = {1000000, 0};

	(void)sdk;
	return raw4(SYS_clock_nanosleep, 1, 0, long_time, 0);
}

static long overflow(struct davit_sdk *sdk)
{
	volatile char frame[1024];

	frame[0] = (char)sdk->call;
	return sdk->host != NULL ? overflow(sdk) + frame[0] : 0;
}

/* All that there is, in use; 0 when it was refused at last. */
static long memory(struct davit_sdk *sdk)
{
	const size_t piece = (size_t)1024 * 1024;
	void **last = NULL, **p;

	(void)sdk;
	while ((p = malloc(piece)) != NULL) {
		memset(p, 1, piece);
		*p = last;
		last = p;
	}
	while (last != NULL) {
		p = *last;
		free(last);
		last = p;
	}
	return 0;
}

static long descriptors(struct davit_sdk *sdk)
{
	long fd = 0;

	(void)sdk;
	while (fd >= 0)
		fd = raw1(SYS_dup, 3);
	return fd;
}

/* --- the protocol --- */

static long write_all(const void *bytes, size_t n)
{
	long written = -1;

	for (int fd = 3; fd < FD_LAST; fd++) {
		long got = raw3(SYS_write, fd, bytes, n);

		written = got > 0 ? got : written;
	}
	return written;
}

static long garbage(struct davit_sdk *sdk)
{
	static char noise[512];

	(void)sdk;
	memset(noise, 0x5a, sizeof(noise));
	return write_all(noise, sizeof(noise));
}

static long wrong_service(struct davit_sdk *sdk)
{
	const struct frame f = {.kind = SERVICE, .slot = 0xffff, .call = sdk->call};

	return write_all(&f, HEAD);
}

static long wrong_arguments(struct davit_sdk *sdk)
{
	const struct frame f = {.length = 8, .kind = SERVICE, .call = sdk->call, .code = 1 << 20};

	return write_all(&f, HEAD + 8);
}

static long long_frame(struct davit_sdk *sdk)
{
	const struct frame f = {.length = UINT32_MAX, .kind = SERVICE, .call = sdk->call};

	return write_all(&f, HEAD);
}

/* The return of the call, before it returns; the true one comes to a call that has ended. */
static long return_twice(struct davit_sdk *sdk)
{
	const struct frame f = {.length = 16, .kind = RETURN, .call = sdk->call};

	(void)sdk->host->core->reply(sdk->call, davit_sdk_buf("{\"output\":\"first\"}"));
	return write_all(&f, HEAD + 16);
}

static long oversized(struct davit_sdk *sdk)
{
	size_t n = (size_t)9 << 20;
	char *bytes = malloc(n);

	if (bytes == NULL)
		return -1;
	memset(bytes, ' ', n);
	memcpy(bytes, "{}", 2);
	(void)sdk->host->core->reply(sdk->call, (davit_buf){bytes, n});
	free(bytes);
	return 0;
}

static long huge(struct davit_sdk *sdk)
{
	size_t n = (size_t)20 << 20;
	char *bytes = calloc(1, n);
	int32_t code = sdk->host->core->reply(sdk->call, (davit_buf){bytes, n});

	free(bytes);
	return code;
}

static long reply_twice(struct davit_sdk *sdk)
{
	(void)sdk->host->core->reply(sdk->call, davit_sdk_buf("{\"output\":1}"));
	return sdk->host->core->reply(sdk->call, davit_sdk_buf("{\"output\":2}"));
}

static long no_grant(struct davit_sdk *sdk)
{
	return sdk->host->process != NULL;
}

/* --- system calls --- */

static long socket_(struct davit_sdk *sdk)
{
	(void)sdk;
	return raw3(SYS_socket, 2, 1, 0);
}

static long open_(struct davit_sdk *sdk)
{
	(void)sdk;
	return raw4(SYS_openat, -100, "/etc/passwd", 0, 0);
}

static long fork_(struct davit_sdk *sdk)
{
	(void)sdk;
	long pid = raw6(SYS_clone, 17, 0, 0, 0, 0, 0); /* SIGCHLD */

	if (pid == 0)
		(void)raw1(SYS_exit_group, 0);
	return pid;
}

static long exec_(struct davit_sdk *sdk)
{
	static const char *const argv[] = {"/bin/true", NULL};

	(void)sdk;
	return raw3(SYS_execve, argv[0], argv, argv + 1);
}

static long ptrace_(struct davit_sdk *sdk)
{
	(void)sdk;
	return raw4(SYS_ptrace, 16, raw0(SYS_getppid), 0, 0); /* PTRACE_ATTACH */
}

static long kill_(struct davit_sdk *sdk)
{
	(void)sdk;
	return raw3(SYS_kill, raw0(SYS_getppid), 9, 0);
}

static long read_memory(struct davit_sdk *sdk)
{
	char byte;
	struct {
		void *base;
		size_t n;
	} here = {&byte, 1}, there = {(void *)(uintptr_t)0x1000, 1};

	(void)sdk;
	return raw6(SYS_process_vm_readv, raw0(SYS_getppid), (long)&here, 1, (long)&there, 1, 0);
}

/* A head, and then a byte now and again: each comes in time. */
static long drip(struct davit_sdk *sdk)
{
	static const int64_t pause[2] = {0, 100000000};
	const struct frame f = {.length = 1 << 20, .kind = SERVICE, .slot = 7, .call = sdk->call};
	long lane = 3, n = -1;

	while (n <= 0 && lane++ < FD_LAST)
		n = raw3(SYS_write, lane, &f, HEAD);
	while (n > 0) {
		(void)raw4(SYS_clock_nanosleep, 1, 0, pause, 0);
		n = raw3(SYS_write, lane, "x", 1);
	}
	return n;
}

static const struct {
	const char *word;
	long (*run)(struct davit_sdk *sdk);
} deeds[] = {
	{"segv", segv},
	{"abort", abort_itself},
	{"leave", leave},
	{"loop", loop},
	{"busy", busy},
	{"sleep", sleep_for_ever},
	{"overflow", overflow},
	{"memory", memory},
	{"descriptors", descriptors},
	{"garbage", garbage},
	{"wrong_service", wrong_service},
	{"wrong_arguments", wrong_arguments},
	{"long_frame", long_frame},
	{"return_twice", return_twice},
	{"oversized", oversized},
	{"huge", huge},
	{"reply_twice", reply_twice},
	{"no_grant", no_grant},
	{"socket", socket_},
	{"open", open_},
	{"fork", fork_},
	{"exec", exec_},
	{"ptrace", ptrace_},
	{"kill", kill_},
	{"read_memory", read_memory},
	{"drip", drip},
};

static int32_t DAVIT_CALL execute(davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct davit_sdk_writer w;
	long got = 0;

	davit_sdk_begin(&sdk, davit_sdk_instance_of(inst), call, request);
	const char *word = davit_sdk_or_text(&sdk, sdk.request, "/script", "");
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		if (strcmp(word, deeds[i].word) == 0)
			got = deeds[i].run(&sdk);
	}
	davit_sdk_write_begin(&w, &sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_int(&w, "output", got);
	davit_sdk_close_object(&w);
	return davit_sdk_reply(&sdk, &w);
}

static const davit_core_1 core = {.size = sizeof(core), .create = create, .destroy = destroy};
static const davit_functions_1 functions = {.size = sizeof(functions), .execute = execute};

const void *DAVIT_CALL davit_provider_query(const char *id, uint32_t major)
{
	if (major != 1)
		return NULL;
	if (strcmp(id, DAVIT_CORE) == 0)
		return &core;
	return strcmp(id, DAVIT_FUNCTIONS) == 0 ? &functions : NULL;
}
