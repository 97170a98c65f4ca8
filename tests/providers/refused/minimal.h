/* The least that can be loaded: create, destroy and check; the includer adds what is wrong. */
#ifndef TESTS_PROVIDERS_MINIMAL_H
#define TESTS_PROVIDERS_MINIMAL_H

#include <davit/provider.h>

#include <string.h>

int minimal_side_effect(
	void); /* the includer's; its result only keeps the linker from dropping it */

static int32_t DAVIT_CALL minimal_create(
	davit_host_query query, davit_call call, davit_buf config, davit_instance *ret_instance)
{
	(void)call;
	(void)config;
	*ret_instance = query(DAVIT_HOST_CORE, 1) != NULL ? 1 : 2;
	return minimal_side_effect() == -4711 ? DAVIT_INTERNAL : DAVIT_OK;
}

static void DAVIT_CALL minimal_destroy(davit_instance inst)
{
	(void)inst;
}

static int32_t DAVIT_CALL minimal_check(davit_instance inst, davit_call call, davit_buf request)
{
	(void)inst;
	(void)call;
	(void)request;
	return DAVIT_UNSUPPORTED;
}

static const davit_core_1 minimal_core = {
	sizeof(minimal_core), 0, minimal_create, minimal_destroy, minimal_check};

#ifndef MINIMAL_OWN_QUERY
const void *DAVIT_CALL davit_provider_query(const char *id, uint32_t major)
{
	return major == 1 && strcmp(id, DAVIT_CORE) == 0 ? &minimal_core : NULL;
}
#endif

#endif
