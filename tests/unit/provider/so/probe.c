/*
 * A provider that breaks one rule, or none: which one is chosen by the PROBE_ definitions its
 * target is built with. Compiled without sanitizers, so that it is what a site would get.
 */
#include <davit/provider.h>
#include <string.h>

#if defined(PROBE_SOCKET)
#include <sys/socket.h>
#elif defined(PROBE_OPEN)
#include <stdio.h>
#elif defined(PROBE_FORK)
#include <unistd.h>
#elif defined(PROBE_THREAD)
#include <pthread.h>
#elif defined(PROBE_SETENV)
#include <stdlib.h>
#elif defined(PROBE_SIGNAL)
#include <signal.h>
#elif defined(PROBE_PRINT)
#include <stdio.h>
#elif defined(PROBE_LIBRARY)
#include <jansson.h>
#elif defined(PROBE_MATH)
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#endif

#if defined(PROBE_WEAK)
/* Not asked for by anybody else, but there when it is. */
extern int unlink(const char *path) __attribute__((weak));
#endif

#if defined(PROBE_TWO_SYMBOLS)
DAVIT_EXPORT int also_me(void);
int also_me(void)
{
	return 1;
}
#endif

#if defined(PROBE_CONSTRUCTOR)
static int constructed;
__attribute__((constructor)) static void construct(void)
{
	constructed = 1;
}
#endif

#if defined(PROBE_DESTRUCTOR)
static volatile int destructed;
__attribute__((destructor)) static void destruct(void)
{
	destructed = 1;
}
#endif

#if defined(PROBE_OWN_INIT)
/* In place of the compiler's own, with -nostartfiles. */
void _init(void);
void _init(void)
{
}
#endif

#if defined(PROBE_LONE_CONSTRUCTOR)
/* The only entry of its list, with -nostartfiles. */
static volatile int alone;
__attribute__((constructor)) static void lone(void)
{
	alone = 1;
}
#endif

#if defined(PROBE_IFUNC)
static int really(void)
{
	return 1;
}
static int (*choose(void))(void)
{
	return really;
}
static int chosen(void) __attribute__((ifunc("choose")));
#endif

#if defined(PROBE_THREAD_LOCAL)
static _Thread_local int mine;
#endif

#if defined(PROBE_UNIQUE)
__asm__(".pushsection .data\n.globl one_for_all\n.type one_for_all, %gnu_unique_object\n"
	".size one_for_all, 4\none_for_all: .long 1\n.popsection\n");
#endif

#if defined(PROBE_SECOND_MANIFEST)
__asm__(".pushsection .note.davit,\"a\",%note\n.balign 4\n.long 6, 48, 1\n.asciz \"Davit\"\n"
	".balign 4\n.ascii \"DAVITMF1\"\n.zero 40\n.popsection\n");
#endif

/* What a rule is about, used in such a way that no compiler leaves it out. */
static int32_t use(const char *text)
{
	(void)text;
#if defined(PROBE_SOCKET)
	return socket(AF_INET, SOCK_STREAM, (int)text[0]);
#elif defined(PROBE_OPEN)
	return fopen(text, "r") != NULL;
#elif defined(PROBE_FORK)
	return text[0] != '\0' ? (int32_t)fork() : 0;
#elif defined(PROBE_THREAD)
	pthread_t t;

	return pthread_create(&t, NULL, (void *(*)(void *))(uintptr_t)text, NULL);
#elif defined(PROBE_SETENV)
	return setenv(text, text, 1);
#elif defined(PROBE_SIGNAL)
	return raise((int)text[0]);
#elif defined(PROBE_PRINT)
	return puts(text);
#elif defined(PROBE_LIBRARY)
	return json_object_get(json_object(), text) != NULL;
#elif defined(PROBE_WEAK)
	return unlink != NULL ? unlink(text) : 0;
#elif defined(PROBE_MATH)
	char number[40];

	(void)snprintf(number, sizeof(number), "%g", pow(strtod(text, NULL), (double)cosf(1.5f)));
	return (int32_t)strlen(number);
#elif defined(PROBE_CONSTRUCTOR)
	return constructed;
#elif defined(PROBE_IFUNC)
	return chosen();
#elif defined(PROBE_THREAD_LOCAL)
	return mine++ + (int32_t)text[0];
#else
	return (int32_t)strlen(text);
#endif
}

/* --- a provider as small as can be --- */

static int32_t DAVIT_CALL create(
	davit_host_query query, davit_call call, davit_buf config, davit_instance *ret_instance)
{
	const davit_host_core_1 *core = query(DAVIT_HOST_CORE, 1);
	static const char text[] = "create was told to fail";

	(void)config;
	if (core == NULL)
		return DAVIT_INTERNAL;
	*ret_instance = (davit_instance)(use(text) != -2);
#if defined(PROBE_CREATE_FAILS)
	return core->fail(call, DAVIT_AUTH, (davit_buf){text, sizeof(text) - 1}, (davit_buf){0, 0});
#else
	(void)call;
	return DAVIT_OK;
#endif
}

static void DAVIT_CALL destroy(davit_instance inst)
{
	(void)inst;
}

static int32_t DAVIT_CALL infer(davit_instance inst, davit_call call, davit_buf request)
{
	(void)inst;
	(void)call;
	(void)request;
	return DAVIT_UNSUPPORTED;
}

static const davit_core_1 core = {.size = sizeof(core), .create = create, .destroy = destroy};
static const davit_prediction_1 prediction = {
#if defined(PROBE_SHORT_TABLE)
	.size = 8,
#else
	.size = sizeof(prediction),
#endif
#if !defined(PROBE_EMPTY_SLOT)
	.infer = infer,
#endif
#if defined(PROBE_EXTRA_SLOT)
	.explain = infer,
#endif
};
#if defined(PROBE_EMPTY_SLOT)
davit_op probe_unused(void) __attribute__((visibility("hidden")));
davit_op probe_unused(void)
{
	return infer;
}
#endif
#if defined(PROBE_EXTRA_TABLE)
static const davit_functions_1 functions = {.size = sizeof(functions), .execute = infer};
#endif

const void *DAVIT_CALL davit_provider_query(const char *id, uint32_t major)
{
	if (major != 1)
		return NULL;
#if !defined(PROBE_NO_CORE)
	if (strcmp(id, DAVIT_CORE) == 0)
		return &core;
#endif
#if !defined(PROBE_NO_TABLE)
	if (strcmp(id, DAVIT_PREDICTION) == 0)
		return &prediction;
#endif
#if defined(PROBE_EXTRA_TABLE)
	if (strcmp(id, DAVIT_FUNCTIONS) == 0)
		return &functions;
#endif
	return NULL;
}
